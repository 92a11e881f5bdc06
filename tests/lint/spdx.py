#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Every file names its licence in its first lines; data that must be byte-exact cannot."""
import tree

TAG = "SPDX-License-" + "Identifier: BSD-3-Clause"
EXEMPT = ("LICENSE", "tests/data/", "debian/changelog", "debian/copyright", "debian/source/format")


def check(root):
    return [
        f"{path}:1: no line with '{TAG}'" for path in tree.files(root)
        if not path.startswith(EXEMPT) and not path.endswith(".json") and
        TAG not in "\n".join((tree.read_text(root, path) or "").splitlines()[:3])
    ]


if __name__ == "__main__":
    tree.main(check)
