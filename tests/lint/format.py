#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""clang-format agrees with every C file. Pinned: other versions format otherwise."""
import os
import re
import shutil
import subprocess

import tree

VERSION = "14"


def pinned_tool():
    seen = "absent"
    for name in (f"clang-format-{VERSION}", "clang-format"):
        if shutil.which(name):
            seen = re.search(r"version (\d+)", tree.output_of(name, "--version"))[1]
            if seen == VERSION:
                return name
    tree.skip(f"clang-format {VERSION} is not installed (found: {seen})")


def check(root):
    tool = pinned_tool()
    paths = tree.files(root, (".c", ".h"))
    style = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", ".clang-format")
    if not paths:
        return []
    run = subprocess.run([tool, "--dry-run", f"--style=file:{os.path.abspath(style)}", *paths],
                         cwd=root, capture_output=True, text=True)
    return [line for line in run.stderr.splitlines() if "warning:" in line or "error:" in line]


if __name__ == "__main__":
    tree.main(check)
