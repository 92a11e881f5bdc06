#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""hardening.py READELF [--fortified] PROGRAM...: each is position independent, has its tables read-only before
it runs and no page that is writable and executable, looks after its stack, and finds libraries by no path of
its own; with --fortified it calls the C library's checked functions, too."""
import re
import subprocess
import sys


def read(readelf, program):
    return subprocess.run([readelf, "-W", "-h", "-l", "-d", "--dyn-syms", program], capture_output=True,
                          text=True, check=True).stdout


def check(text, is_fortified):
    if not re.search(r"Type: +DYN", text) or not re.search(r"FLAGS_1.*PIE", text):
        yield "is not position independent"
    if not re.search(r"^ +GNU_RELRO ", text, re.MULTILINE):
        yield "has no read-only tables"
    if not re.search(r"\(FLAGS(_1)?\).*NOW", text):
        yield "binds functions while it runs"
    stack = re.search(r"^ +GNU_STACK +(?:0x\S+ +){5}(\S.*?) +0x", text, re.MULTILINE)
    if not stack or "E" in stack.group(1):
        yield "has an executable stack"
    if re.search(r"^ +LOAD +(?:0x\S+ +){5}RWE", text, re.MULTILINE):
        yield "has pages that are writable and executable"
    if re.search(r"\((RPATH|RUNPATH|TEXTREL)\)", text):
        yield "looks for libraries in a path of its own, or changes its code"
    if "__stack_chk_fail" not in text:
        yield "does not look after its stack"
    if is_fortified and not re.search(r"__\w+_chk@", text):
        yield "calls no checked function"


def main(readelf, *programs):
    is_fortified = programs[0] == "--fortified"
    findings = [f"{program}: {finding}" for program in programs[is_fortified:]
                for finding in check(read(readelf, program), is_fortified)]
    print(*findings, f"{len(findings)} findings", sep="\n")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
