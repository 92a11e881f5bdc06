#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""No private key in the tree, as PEM or as DER: tests make their own."""
import re

import tree

# The marker alone is no key (sources look for it); the marker and some base64 is one.
PEM = re.compile(rb"PRIVATE KEY-----(\s|\\n|\\r)*[A-Za-z0-9+/]{40}")
# SEQUENCE { version, ... } of PKCS#8, PKCS#1 and SEC 1
DER = re.compile(rb"^\x30(?:[\x00-\x7f]|\x81.|\x82..)(?:\x02\x01\x00\x30[\x05-\x40]\x06|"
                 rb"\x02\x01\x00\x02\x82|\x02\x01\x01\x04[\x1c-\x42])", re.DOTALL)


def check(root):
    findings = []
    for path in tree.files(root):
        data = tree.read_bytes(root, path)
        if PEM.search(data) or DER.match(data):
            findings.append(f"{path}: holds a private key")
    return findings


if __name__ == "__main__":
    tree.main(check)
