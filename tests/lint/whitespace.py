#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""No trailing blanks, no carriage returns, one newline at the end, tabs to indent C."""
import re

import tree


def check_file(path, text):
    if text and not text.endswith("\n"):
        yield f"{path}: no newline at the end"
    if text.endswith("\n\n"):
        yield f"{path}: blank line at the end"
    for number, line in enumerate(text.split("\n"), 1):
        if line != line.rstrip():
            yield f"{path}:{number}: blank at the end of the line"
        if path.endswith((".c", ".h")) and re.match(r" {8}| +\t", line):
            yield f"{path}:{number}: indented with blanks"


def check(root):
    findings = []
    for path in tree.files(root):
        text = None if path.startswith("tests/data/") else tree.read_text(root, path)
        if text is not None:
            findings += check_file(path, text)
    return findings


if __name__ == "__main__":
    tree.main(check)
