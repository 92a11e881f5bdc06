#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Functions of at most 80 lines, C files of at most 500."""
import tree

FUNCTION_LINES_MAX = 80
FILE_LINES_MAX = 500


def long_functions(path, lines):
    """With kernel braces a function is what stands between '{' and '}' in column one."""
    start = None
    for number, line in enumerate(lines, 1):
        if line.startswith("{"):
            start = number
        elif line.startswith("}") and start is not None:
            if number - start - 1 > FUNCTION_LINES_MAX:
                yield f"{path}:{start}: function of {number - start - 1} lines"
            start = None


def check(root):
    findings = []
    for path in tree.files(root, (".c", ".h")):
        lines = (tree.read_text(root, path) or "").splitlines()
        findings += long_functions(path, lines)
        if len(lines) > FILE_LINES_MAX:
            findings.append(f"{path}: {len(lines)} lines")
    return findings


if __name__ == "__main__":
    tree.main(check)
