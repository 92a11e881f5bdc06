#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The manual page's section on commands is what rekeyctl --print-manual prints."""
import difflib
import subprocess
import sys


def section(page):
    """What stands between the heading and the next one."""
    return page.split("# COMMANDS\n\n", 1)[1].split("\n# ", 1)[0] + "\n"


def main(page, program):
    with open(page, encoding="utf-8") as f:
        there = section(f.read())
    run = subprocess.run([program, "--print-manual"], capture_output=True, text=True, check=True)
    if there == run.stdout:
        return 0
    sys.stdout.writelines(difflib.unified_diff(
        there.splitlines(True), run.stdout.splitlines(True), page, "rekeyctl --print-manual"))
    return 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
