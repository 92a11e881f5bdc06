#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""lanes.py OBJDUMP ARCHIVE: what the vectorised key agreement computes stays in vectors. Secrets come in
by vector loads; no instruction of the compiled code takes them from a vector or a mask to where a
branch or an address could depend on them."""
import re
import sys

import tree

LEAK = re.compile(r"""
    \b(v?ptest|vtestp[sd]|k(or)?test[bwdq]|v?u?comis[sd]|v?movmskp[sd]|v?pmovmskb)\b   # to flags, bits
    | \bv?pextr[bwdq]\b | \bv?cvtt?s[sd]2u?si\b
    | \bv?p?(gather|scatter)\w*
    | \bkmov[bwdq]\s+%k\d,\s*%[re]                      # masks, vectors to other registers
    | \bv?mov[dq]\s+%[xy]mm\d+,\s*%[re]""", re.VERBOSE)
LINE = re.compile(r"^\s*[0-9a-f]+:\t[0-9a-f ]+\t(.+)$")
FUNCTION = re.compile(r"^[0-9a-f]+ <(.+)>:$")


def check(objdump, archive):
    function, seen, found = None, set(), []
    for line in tree.output_of(objdump, "-d", archive).splitlines():
        if match := FUNCTION.match(line):
            function = match[1]
        elif match := LINE.match(line):
            if "%zmm" in match[1]:
                seen.add(function)
            if LEAK.search(match[1]):
                found.append(f"{function}: {match[1]}")
    return found if seen else [f"{archive}: no vector at all: is this the right file?"]


if __name__ == "__main__":
    if not sys.argv[2:]:
        tree.skip("this compiler or processor has no AVX-512 IFMA")
    findings = check(tree.need_tool(sys.argv[1]), sys.argv[2])
    print(*findings, f"{len(findings)} findings", sep="\n")
    sys.exit(1 if findings else 0)
