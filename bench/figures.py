#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Runs suites of rekey-bench and puts their rows into docs/performance.md, between its markers:

    bench/figures.py build/bench/rekey-bench docs/performance.md [--seconds N] [SUITE...]

A suite that is not named keeps the figures it has."""
import argparse
import json
import re
import subprocess

BEGIN, END = "<!-- figures of {} -->", "<!-- end of {} -->"
LEFT_OUT = {"bench", "machine", "libcrypto", "kex", "unit", "baseline"}


def number(value):
    if value == int(value) and abs(value) < 1e6:
        return str(int(value))
    return f"{value:,.0f}" if abs(value) >= 999.5 else f"{value:.3g}"


def cell(row, name):
    if name == "value":
        return f"{number(row['value'])} {row['unit']}"
    if name == "beside":
        base = row.get("baseline")
        return f"{base['name']}: {number(base['value'])}" if base else ""
    value = row.get(name, "")
    if name in ("ratio", "efficiency") and value != "":
        return f"{value:.2f}" if name == "ratio" else f"{value:.3f}"
    return value if isinstance(value, str) else number(value)


def columns(rows):
    names = []
    for row in rows:
        for name in row:
            if name not in names and name not in LEFT_OUT:
                names.append(name)
            if name == "unit" and "beside" not in names and "baseline" in row:
                names.append("beside")
    return names


def table(rows):
    names = columns(rows)
    lines = ["| " + " | ".join(n.replace("_", " ") for n in names) + " |",
             "|" + " --- |" * len(names)]
    lines += ["| " + " | ".join(cell(row, n) for n in names) + " |" for row in rows]
    return lines


def figures(program, suite, seconds):
    command = [program, suite, "--seconds", seconds]
    out = subprocess.run([*command, "--json"], check=True, capture_output=True, text=True).stdout
    rows = [json.loads(line) for line in out.splitlines()]
    where = f"{rows[0]['machine']}, libcrypto {rows[0]['libcrypto']}, kex {rows[0]['kex']}"
    return [BEGIN.format(suite), "", f"`./build/bench/rekey-bench {suite} --seconds {seconds}` ({where})",
            "", *table(rows), "", END.format(suite)]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("document")
    parser.add_argument("suite", nargs="*")
    parser.add_argument("--seconds", default="30")
    args = parser.parse_intermixed_args()
    with open(args.document, encoding="utf-8") as f:
        text = f.read()
    for suite in args.suite or re.findall(r"<!-- figures of (\S+) -->", text):
        old = re.compile(re.escape(BEGIN.format(suite)) + ".*?" + re.escape(END.format(suite)), re.S)
        if not old.search(text):
            raise SystemExit(f"{args.document} has no place for {suite}")
        new = "\n".join(figures(args.program, suite, args.seconds))
        text = old.sub(lambda _, new=new: new, text)
        with open(args.document, "w", encoding="utf-8") as f:
            f.write(text)


main()
