#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""states.py PROTOCOL.md [--promela] [--without FROM TO]: the table of the exchange's states.

Prints every legal transition as a line "from to", or as macros for the model, which asserts each
step that it takes. The table in docs/protocol.md is the only list; exchange.c is compared with it.
"""
import argparse
import re
import sys

BACK = ("expect-reply", "expect-finish")


def table(text):
    """{state: what its row says it goes to}, in the order of the rows."""
    rows = text.split("| state | who | waits for | goes to |\n| --- | --- | --- | --- |\n")
    if len(rows) != 2:
        sys.exit("states: the table of states is not where it was")
    found = {}
    for line in rows[1].splitlines():
        if not line.startswith("|"):
            break
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        found[cells[0]] = cells[3]
    return found


def transitions(text):
    rows = table(text)
    # nothing is before the first row; what ends an exchange does so from anywhere
    legal = {("free", next(iter(rows)))} | {(state, "free") for state in rows}
    for state, cell in rows.items():
        for word in re.findall(r"[A-Za-z-]+", re.sub(r"\(.*?\)|\b(I|R):|over.*", " ", cell)):
            if word == "back":
                # "back" is for the roles of the row
                legal |= {(state, other) for other in BACK}
            elif word in rows:
                legal.add((state, word))
            else:
                sys.exit(f"states: {state} goes to '{word}', which is no state")
    return legal


def macro(state):
    return "S_" + state.replace("-", "_").upper()


def promela(text, legal):
    for number, state in enumerate(["free", *table(text)]):
        print(f"#define {macro(state)} {number}")
    pairs = [f"((from) == {macro(a)} && (to) == {macro(b)})" for a, b in sorted(legal)]
    print("#define LEGAL(from, to) (" + " || \\\n\t".join(pairs) + ")")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("protocol")
    parser.add_argument("--promela", action="store_true")
    parser.add_argument("--without", nargs=2, metavar=("FROM", "TO"))
    args = parser.parse_args()
    with open(args.protocol, encoding="utf-8") as f:
        text = f.read()
    legal = transitions(text)
    if args.without:
        legal.remove(tuple(args.without))
    if args.promela:
        promela(text, legal)
    else:
        print("\n".join(sorted(" ".join(pair) for pair in legal)))


if __name__ == "__main__":
    main()
