#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""commands.py ROOT REKEYCTL: every command of rekeyctl that a document or an alarm names exists."""
import re
import subprocess
import sys

import tree

MENTION = re.compile(r"(?:`|^\$ )rekeyctl((?: [^`\n]*)?)", re.MULTILINE)


def known_commands(program):
    run = subprocess.run([program, "--print-manual"], capture_output=True, text=True, check=True)
    return re.findall(r"^\*([a-z -]+)\*", run.stdout, re.MULTILINE)


def is_known(words, commands):
    """As typed in full; options and redirections end it, a shortened word is not for documents."""
    text = " ".join(words)
    return any(text == c or text.startswith(c + " ") for c in commands)


def check(root, commands):
    for path in tree.files(root, (".md", ".c", ".scd")):
        for mention in MENTION.findall(tree.read_text(root, path) or ""):
            words = re.sub(r"--(url|cacert|user|token-file|run-dir) \S+", "", mention).split()
            if not words or words[0][0] in "-<(" or is_known(words, commands):
                continue
            yield f"{path}: rekeyctl {' '.join(words)}: there is no such command"


def main(root, program):
    findings = list(check(root, known_commands(program)))
    print("\n".join(findings))
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
