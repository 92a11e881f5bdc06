#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""codespell finds no misspelt word."""
import subprocess

import tree

# names that only look misspelt
WORDS = "keep-alives,fo,ot,ue,te,inout,ser,keypair,crate,datas,nd,aks,alls"


def check(root):
    tool = tree.need_tool("codespell")
    paths = [p for p in tree.files(root) if not p.startswith("tests/data/") and tree.read_text(root, p)]
    if not paths:
        return []
    run = subprocess.run([tool, "-L", WORDS, *paths], cwd=root, capture_output=True, text=True)
    return run.stdout.splitlines()


if __name__ == "__main__":
    tree.main(check)
