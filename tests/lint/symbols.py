#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The data plane parses no X.509 and no JSON: symbols.py NM PROGRAM says so from its imports."""
import re
import sys

import tree

FORBIDDEN = re.compile(r"^(d2i_|X509_|PEM_|OSSL_DECODER|json_|evhttp_|curl_|jose_|SSL_)")


def check(nm, program):
    names = [line.split()[-1].split("@")[0]
             for line in tree.output_of(nm, "-D", "--undefined-only", program).splitlines()]
    if not names:
        return [f"{program}: no imported symbol at all: is this the right file?"]
    return [f"{program}: imports {name}" for name in names if FORBIDDEN.match(name)]


if __name__ == "__main__":
    found = check(tree.need_tool(sys.argv[1]), sys.argv[2])
    print(*found, f"{len(found)} findings", sep="\n")
    sys.exit(1 if found else 0)
