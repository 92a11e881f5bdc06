#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""files.py LAB PAGE: every file that the routers of a laboratory left is one that rekey-state(5) names, and
what they keep for themselves is of the mode that it says."""
import os
import re
import stat
import sys

FOLDERS = {"/etc/rekey": "config", "/etc/128technology/pki": "pki", "/var/lib/rekey": "state",
           "/var/lib/rekey-dataplane": "dataplane", "/run/rekey, /run/rekey-dataplane": "run"}
PLACES = (("FINGERPRINT|DIGEST|HASH", "[0-9a-f]{64}"), ("NAME", "[^/]+"), (r"\bN\b", "[0-9]+"))
OWN = ("state", "dataplane")  # the operator's files are as the operator makes them


def documented(page):
    """{folder: [(pattern, mode)]}"""
    found = {}
    for heading, body in re.findall(r"^# [A-Z]+: (.*)\n((?:(?!# ).*\n)*)", page, re.MULTILINE):
        files = found.setdefault(FOLDERS[heading], [])
        for line in re.findall(r"^\*.*\*.*$", body, re.MULTILINE):
            for name, mode in re.findall(r"\*([^*]+)\*(?: \((0[0-7]{3})\))?", line):
                name = re.escape(name).replace(r"\-", "-")
                for place, pattern in PLACES:
                    name = re.sub(place, lambda _, p=pattern: p, name)
                files.append((name, int(mode or "0600", 8)))
    return found


def files_below(folder):
    for at, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(at, name)
            try:
                yield os.path.relpath(path, folder), stat.S_IMODE(os.lstat(path).st_mode)
            except FileNotFoundError:
                pass


def main(lab, page):
    with open(page, encoding="utf-8") as f:
        named = documented(f.read())
    findings = []
    for router in ("east", "west"):
        for folder, files in named.items():
            for path, mode in files_below(os.path.join(lab, router, folder)):
                modes = [m for pattern, m in files if re.fullmatch(pattern, path)]
                if not modes and not re.fullmatch(r"(.*/)?\..*\.tmp", path):  # cut by a kill
                    findings.append(f"{router}/{folder}/{path}: rekey-state(5) does not name it")
                elif folder in OWN and modes and mode not in modes:
                    findings.append(f"{router}/{folder}/{path}: has mode {mode:o}")
    if findings:
        print("\n".join(findings))
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
