#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Runs suites of rekey-bench and puts their rows into docs/performance.md, between its markers:

    bench/figures.py build/bench/rekey-bench docs/performance.md [--seconds N] [SUITE...]

A suite that is not named keeps the figures it has. "growth" is no suite: it runs several of them with
1,000, 10,000 and 100,000 peers, and puts what they say side by side."""
import argparse
import json
import re
import subprocess

BEGIN, END = "<!-- figures of {} -->", "<!-- end of {} -->"
SIZES = [1000, 10000, 100000]
FAST = ["--group", "secp256r1", "--cert", "ecdsa-p256"]
# A run, and of it the rows that are shown: what is said, which operation, which field.
GROWTH = [
    (["table"], [("a peer found by its name", "identity", "ns", "ns"),
                 ("by its index", "index", "ns", "ns")]),
    (["storm-exchange", *FAST], [("full exchanges of all", "exchanges", "value", "/s"),
                                 ("delay that they add, p99", "delay", "value", "us")]),
    (["storm", *FAST[:2]], [("fast rekeys of all", "rekeys", "value", "/s"),
                            ("delay that they add, p99", "delay", "value", "us")]),
    (["publish"], [("start: longest round", "start", "value", "us"),
                   ("of it the machine's longest hole", "start", "machine_hole_us", "us"),
                   ("start: the worker's time", "start", "worker_ms", "ms"),
                   ("start: main's time", "start", "main_ms", "ms"),
                   ("half removed: longest round", "remove-half", "value", "us"),
                   ("half removed: the worker's time", "remove-half", "worker_ms", "ms")]),
    (["rejudge"], [("all judged again", None, "value", "ms"),
                   ("longest round of it", None, "longest_round_us", "us")]),
    (["memory"], [("a peer with its settings", "configured", "value", "bytes"),
                  ("with a key", "keyed", "value", "bytes")]),
]
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


def run(program, arguments):
    out = subprocess.run([program, *arguments, "--json"], check=True, capture_output=True, text=True).stdout
    return [json.loads(line) for line in out.splitlines()]


def where(row):
    return f"{row['machine']}, libcrypto {row['libcrypto']}, kex {row['kex']}"


def figures(program, suite, seconds):
    rows = run(program, [suite, "--seconds", seconds])
    return [BEGIN.format(suite), "",
            f"`./build/bench/rekey-bench {suite} --seconds {seconds}` ({where(rows[0])})",
            "", *table(rows), "", END.format(suite)]


def growth(program, _, seconds):
    """A line for each thing measured, a column for each number of peers."""
    lines = ["| what | suite | " + " | ".join(f"{n:,} peers" for n in SIZES) + " |",
             "|" + " --- |" * (2 + len(SIZES))]
    for arguments, shown in GROWTH:
        runs = [run(program, [*arguments, "--seconds", seconds, "--peers", str(n)]) for n in SIZES]
        for words, operation, field, unit in shown:
            cells = [next(row for row in rows if row.get("operation") == operation)[field] for rows in runs]
            lines.append(f"| {words} | `{' '.join(arguments)}` | "
                         + " | ".join(f"{number(value)} {unit}".replace(" /s", "/s") for value in cells) + " |")
    return [BEGIN.format("growth"), "",
            f"`./build/bench/rekey-bench SUITE --seconds {seconds} --peers N` ({where(runs[0][0])})",
            "", *lines, "", END.format("growth")]


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
        make = growth if suite == "growth" else figures
        new = "\n".join(make(args.program, suite, args.seconds))
        text = old.sub(lambda _, new=new: new, text)
        with open(args.document, "w", encoding="utf-8") as f:
            f.write(text)


main()
