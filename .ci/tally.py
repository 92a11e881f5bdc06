#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Counts the results in meson's JSON test logs; the last line is "N passed, N failed, N skipped"."""
import json
import sys

PASSED = ("OK", "EXPECTEDFAIL")


def reason_of(result):
    """What a skipped test printed: the line that says SKIP, else its last one."""
    lines = (result.get("stdout", "") + "\n" + result.get("stderr", "")).strip().splitlines()
    said = [line for line in lines if "SKIP" in line] or lines[-1:] or ["no reason given"]
    return said[-1].strip()


def main(paths):
    count = {"passed": 0, "failed": 0, "skipped": 0}
    for path in paths:
        with open(path, encoding="utf-8") as f:
            for result in map(json.loads, f):
                name, verdict = result["name"], result["result"]
                if verdict in PASSED:
                    count["passed"] += 1
                elif verdict == "SKIP":
                    count["skipped"] += 1
                    print(f"skipped: {name}: {reason_of(result)}")
                else:
                    count["failed"] += 1
                    print(f"failed: {name}: {verdict.lower()}")
    print(f"{count['passed']} passed, {count['failed']} failed, {count['skipped']} skipped")
    return 1 if count["failed"] or not count["passed"] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
