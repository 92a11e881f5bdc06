#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""filtered.py LAB PROGRAM=UNIT...: the calls in the traces of each program (LAB/trace.PID, its
threads' beside it) against the SystemCallFilter lines of its unit."""
import glob
import os
import re
import subprocess
import sys


def sets():
    """{"@set": {call, "@other", ...}}, as this systemd has them."""
    said = subprocess.run(["systemd-analyze", "syscall-filter"], capture_output=True, text=True,
                          check=True).stdout
    found, name = {}, None
    for line in said.splitlines():
        word = line.strip()
        if line.startswith("@"):
            name = word
            found[name] = set()
        elif line.startswith(" ") and word and not word.startswith("#"):
            found[name].add(word.split()[0])
    return found


def expand(words, known):
    calls = set()
    for word in words:
        calls |= expand(known[word], known) if word.startswith("@") else {word}
    return calls


def allowed_by(unit, known):
    with open(unit, encoding="utf-8") as f:
        lines = re.findall(r"^SystemCallFilter=(~?)(.*)$", f.read(), re.MULTILINE)
    allowed = expand(["@default"], known)
    for denies, words in lines:
        calls = expand(words.split(), known)
        allowed = allowed - calls if denies else allowed | calls
    return allowed | {"execve"}  # the manager's own, before the program


# Refused with EPERM and done without: EAL's ports of old virtio cards.
TOLERATED = {"iopl"}


def read_traces(lab):
    """{process or thread: its text}"""
    found = {}
    for trace in glob.glob(os.path.join(lab, "trace.*")):
        with open(trace, encoding="utf-8", errors="replace") as f:
            found[trace.rsplit(".", 1)[1]] = f.read()
    return found


def calls_below(traces, task):
    """The calls of a task, and of the threads that it began."""
    text = traces.get(task, "")
    calls = set(re.findall(r"^(\w+)\(", text, re.MULTILINE))
    for child in re.findall(r"^clone3?\(.*\) = (\d+)$", text, re.MULTILINE):
        calls |= calls_below(traces, child)
    return calls


def main(lab, *claims):
    known, findings, traces = sets(), [], read_traces(lab)
    for claim in claims:
        program, unit = claim.split("=")
        calls = set()
        for task, text in traces.items():
            if re.match(r"execve\(\"[^\"]*rekey-" + program, text):
                calls |= calls_below(traces, task)
        print(f"{program}: {len(calls)} kinds of calls")
        if len(calls) < 50:
            findings.append(f"{program}: so few calls cannot be all")
        forbidden = sorted(calls - allowed_by(unit, known) - TOLERATED)
        findings += [f"{program} calls {call}, which {unit} forbids" for call in forbidden]
    print("\n".join(findings))
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
