#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""shellcheck is content with every shell script."""
import subprocess

import tree


def check(root):
    tool = tree.need_tool("shellcheck")
    paths = tree.scripts(root)
    if not paths:
        return []
    run = subprocess.run([tool, "-x", "-f", "gcc", "-s", "bash", *paths], cwd=root,
                         capture_output=True, text=True)
    return (run.stdout + run.stderr).splitlines()


if __name__ == "__main__":
    tree.main(check)
