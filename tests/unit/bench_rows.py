#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Every suite of rekey-bench, but those named behind it, runs and prints well-formed rows: not their speed."""
import concurrent.futures
import json
import subprocess
import sys

GROUPS = {"secp256r1", "secp384r1", "secp521r1", "x25519", "x448"}
FEW = ["--seconds", "0.1", "--peers", "100", "--entries", "1000", "--cert", "ecdsa-p256"]
MUST = {"exchange": {"group", "cert", "baseline", "efficiency"},
        "rekey": {"group", "baseline", "efficiency"}}


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
    result = run(suite, "--json", *FEW)
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
    for args in (["no-such-suite"], ["primitives", "--seconds", "soon"], ["kex", "--kex", "none"], ["--peers", "-1"], []):
        result = run(*args)
        if result.returncode != 2 or not result.stderr:
            faults.append(f"{args}: accepted")
    result = run("table", "--peers", "1000000")
    if result.returncode != 1 or "131,072" not in result.stderr:
        faults.append("more peers than a worker serves: not refused")
    print("\n".join(faults) or f"{len(suites)} suites")
    return 1 if faults else 0


sys.exit(main())
