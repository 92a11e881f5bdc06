#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Every suite of rekey-bench, but those named behind it, runs and prints well-formed rows: not their speed."""
import concurrent.futures
import json
import subprocess
import sys

GROUPS = {"secp256r1", "secp384r1", "secp521r1", "x25519", "x448"}
FEW = ["--seconds", "0.1", "--peers", "100", "--entries", "1000", "--cert", "ecdsa-p256"]
ALSO = {"flood": ["--group", "x25519"]}  # a flood takes as long as its honest rekeys
MUST = {"exchange": {"group", "cert", "baseline", "efficiency"},
        "rekey": {"group", "baseline", "efficiency"}}
# What is not understood ends with 2, on standard error, with these words.
REFUSED = [
    ([], "usage"), (["--peers", "-1"], "--peers: '-1' is not a whole number from 1"),
    (["no-such-suite"], "no suite 'no-such-suite'"), (["table", "more"], "usage"),
    (["table", "--no-such-option"], "--no-such-option"), (["table", "--peers"], "--peers"),
    (["table", "--peers", "0"], "--peers"), (["table", "--peers", "1.5"], "--peers"),
    (["table", "--peers", "many"], "'many'"), (["table", "--peers", "1e99"], "1000000"),
    (["primitives", "--seconds", "soon"], "--seconds"), (["primitives", "--seconds", "0"], "--seconds"),
    (["primitives", "--seconds", "nan"], "--seconds"), (["primitives", "--seconds", "1e9"], "3600"),
    (["revocation", "--entries", "0"], "--entries"), (["crl", "--entries", "1e12"], "100000000"),
    (["flood", "--queue", "1"], "--queue"), (["flood", "--queue", "100000"], "2048"),
    (["kex", "--kex", "none"], "--kex none"), (["kex", "--group", "p256"], "secp256r1"),
    (["exchange", "--cert", "rsa-1024"], "ecdsa-p256"),
]


def run(*args):
    return subprocess.run([sys.argv[1], *args], capture_output=True, text=True, timeout=100)


def is_number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def fault_of(suite, row):
    """What is wrong with a row, or None."""
    for name in ("bench", "unit", "machine", "kex"):
        if not row.get(name) or not isinstance(row[name], str):
            return f"no {name}"
    if row["bench"] != suite:
        return "names another suite"
    if not is_number(row.get("value")) or row["value"] < 0:
        return "no value"
    if "group" in row and row["group"] not in GROUPS:
        return "not an RFC 8422 name"
    base = row.get("baseline")
    if (base is None) != ("ratio" not in row):
        return "baseline and ratio come together"
    if base is not None and not (isinstance(base, dict) and base.get("name") and
                                 is_number(base.get("value")) and base["value"] > 0 and
                                 is_number(row["ratio"]) and row["ratio"] > 0):
        return "bad baseline"
    if "efficiency" in row and not 0 < row["efficiency"] < 9:  # above 1: by code of our own
        return "bad efficiency"
    if suite in MUST and row.get("own_allocations") != 0:
        return "our own code allocates"
    missing = MUST.get(suite, set()) - row.keys()
    return f"without {sorted(missing)}" if missing else None


def check(suite):
    result = run(suite, "--json", *FEW, *ALSO.get(suite, []))
    if result.returncode != 0:
        return [f"{suite}: exit code {result.returncode}: {result.stderr.strip()}"]
    rows = [json.loads(line) for line in result.stdout.splitlines()]
    faults = [f"{suite}: {fault_of(suite, row)}: {row}" for row in rows if fault_of(suite, row)]
    kinds = [tuple(sorted((k, v) for k, v in row.items() if isinstance(v, str))) for row in rows]
    if suite in MUST and len(set(kinds)) != len(kinds):
        faults.append(f"{suite}: two rows of one kind")
    return faults if rows else [f"{suite}: no rows"]


def main():
    suites = [suite for suite in run("--list").stdout.split() if suite not in sys.argv[2:]]
    faults = [] if suites else ["--list names no suite"]
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for found in pool.map(check, suites):
            faults += found
    for args, words in REFUSED:
        result = run(*args)
        if result.returncode != 2 or words not in result.stderr or result.stdout:
            faults.append(f"{args}: {result.returncode}, {result.stderr or 'not a word'}")
    result = run("--help")
    if result.returncode != 0 or [s for s in suites if f"  {s} " not in result.stdout] or result.stderr:
        faults.append("--help does not list every suite")
    result = run("table", "--peers", "1000000")
    if result.returncode != 1 or "131,072" not in result.stderr:
        faults.append("more peers than a worker serves: not refused")
    print("\n".join(faults) or f"{len(suites)} suites")
    return 1 if faults else 0


sys.exit(main())
