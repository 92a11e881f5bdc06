#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Every configuration item and every option of a program stands in its manual page, every
counter in the protocol's table and in the page of what to do; a test speaks of every alarm; every link of a document leads to a file, every rule
of the protocol names tests, which are there."""
import os
import re

import tree

# sources, what names a thing there, and the page it must stand in
CLAIMS = [
    ("control/config_schema.c", r'^\t\{"([a-z0-9-]+)",', "docs/rekey.json.5.scd"),
    ("control/cli/main.c", r'\{"([a-z-]+)", (?:required|no)_argument', "docs/rekeyctl.1.scd"),
    ("control/cli/verify.c", r'\{"([a-z-]+)", (?:required|no)_argument', "docs/rekeyctl.1.scd"),
    ("control/main.c", r'\{"([a-z-]+)", (?:required|no)_argument', "docs/rekey-control.8.scd"),
    ("dataplane/options.c", r'\{"([a-z-]+)", (?:required|no)_argument', "docs/rekey-dataplane.8.scd"),
]

AUDIT_TYPE = r'"((?:system|access|config|security|peer|audit|rest)\.[a-z_]+)"'
NO_TYPES = ("audit.jsonl", "audit.head")


def dead_links(root):
    for page in tree.files(root, (".md",)):
        for target in re.findall(r"\]\(([^)#:]+)[^):]*\)", tree.read_text(root, page)):
            if not os.path.exists(os.path.join(root, os.path.dirname(page), target)):
                yield f"{page}: links to {target}, which is not there"


def counters(root):
    """Every reason of reason.h stands in the protocol's table, in its words."""
    source, page = "dataplane/core/reason.h", "docs/protocol.md"
    if not os.path.isfile(os.path.join(root, source)):
        return
    rows = (tree.read_text(root, page) or "").splitlines()
    text = tree.read_text(root, source)
    for name, words in re.findall(r'X\([A-Z0-9_]+,\s*"([a-z0-9-]+)",[\s\\]*"([^"]*)"\)', text):
        if f"| `{name}` | {words or 'what it says'} |" not in rows:
            yield f"{page}: has no row '{name}' as {source} says it"


def existing(root, path):
    """"" for a file that is not there."""
    return (tree.read_text(root, path) or "") if os.path.isfile(os.path.join(root, path)) else ""


def helpless(root):
    """Every counter stands in the page of what to do, every alarm's advice has a command."""
    page, text = "docs/troubleshooting.md", None
    for source, pattern in (("dataplane/core/reason.h", r'X\([A-Z0-9_]+,\s*"([a-z0-9-]+)"'),
                            ("dataplane/net.h", r'^\tX\([A-Z0-9_]+, "([a-z0-9-]+)"'),
                            ("dataplane/port_stats.h", r'^\tX\([A-Z_]+, "([a-z-]+)"')):
        if not os.path.isfile(os.path.join(root, source)):
            continue
        text = text or existing(root, page)
        for name in re.findall(pattern, tree.read_text(root, source), re.MULTILINE):
            if f"`{name}`" not in text:
                yield f"{page}: says nothing of {name} ({source})"
    for entry in re.split(r"^\n?## ", existing(root, "docs/alarms.md"), flags=re.MULTILINE)[1:]:
        if not re.search(r"^\| what to do \| .*`[a-z]+[^`]*`.* \|$", entry, re.MULTILINE):
            yield f"docs/alarms.md: {entry.split()[0]}: with which command?"


def tests_of_causes(root):
    """What tests say that bring something about: not the one that raises every alarm by its name, nor
    what smoke-records leaves to others."""
    texts = (tree.read_text(root, path) or "" for path in tree.files(root, under=("tests/unit", "tests/smoke"))
             if os.path.basename(path) != "alarms_restart_test.c")
    return re.sub(r'^elsewhere="[^"]*"', "", "\n".join(texts), flags=re.MULTILINE)


def audit_types(root):
    """Every type of record that control writes stands in rekey-audit(5), every one that stands there is
    written, and a test brings it about."""
    page = "docs/rekey-audit.5.scd"
    if not os.path.isfile(os.path.join(root, page)):
        return
    text, written = tree.read_text(root, page), {"alarm.raised", "alarm.changed", "alarm.cleared"}
    for source in tree.files(root, (".c",)):
        if not source.startswith("control/") or source.startswith("control/cli/"):
            continue
        names = set(re.findall(AUDIT_TYPE, tree.read_text(root, source))) - set(NO_TYPES)
        written |= names
        for name in sorted(names):
            if f"*{name}*" not in text:
                yield f"{page}: says nothing of {name} ({source})"
    tests = tests_of_causes(root)
    for name in re.findall(r"\*([a-z]+\.[a-z_]+)\*", text.partition("# TYPES")[2].partition("\n# ")[0]):
        if name not in written:
            yield f"{page}: nobody writes {name}"
        if not re.search(rf"(?<![a-z.]){re.escape(name)}(?![a-z_.])", tests):
            yield f"{page}: no test brings {name} about"


def untested_alarms(root):
    """Every kind of alarm is named by a test."""
    source = "control/alarm_kinds.c"
    if not os.path.isfile(os.path.join(root, source)):
        return
    tests = tests_of_causes(root)
    for kind in re.findall(r'^\t\{"([a-z-]+)", "[0-9a-f]{32}"', tree.read_text(root, source), re.MULTILINE):
        if not re.search(rf'(?<![a-z-]){kind}(?![a-z-])', tests):
            yield f"{source}: no test speaks of the alarm {kind}"


def check(root):
    findings = list(dead_links(root)) + list(counters(root)) + list(audit_types(root))
    findings += list(helpless(root)) + list(untested_alarms(root))
    for source, pattern, page in CLAIMS:
        if not os.path.isfile(os.path.join(root, source)):
            continue
        text = tree.read_text(root, page) if os.path.isfile(os.path.join(root, page)) else ""
        for name in re.findall(pattern, tree.read_text(root, source), re.MULTILINE):
            if f"*{name}*" not in text and f"*--{name}*" not in text:
                findings.append(f"{page}: says nothing of {name} ({source})")
    return findings + list(named_tests(root))


def ids_of(cell):
    """C1–C4 are four."""
    for letter, low, high in re.findall(r"([A-Z])(\d+)(?:–[A-Z](\d+))?", cell):
        for number in range(int(low), int(high or low) + 1):
            yield f"{letter}{number}"


def lacking(root, entry):
    """Of "file: test, test", or of a program "formal-file", "unit-file", "file" by itself: what is not there."""
    name, _, functions = entry.partition(": ")
    kind = re.match(r"(formal|unit)-(.*)", name)
    source = {"formal": "tests/formal/{}", "unit": "tests/unit/{}_test.c"}.get(
        kind and kind[1], "tests/pair/{}_test.c").format(kind[2] if kind else name)
    text = existing(root, source)
    if not text:
        yield name
    for function in functions.split(", ") if functions else ():
        if f"cmocka_unit_test({function})" not in text:
            yield f"{function}, which {source} has not"


def named_tests(root):
    """Each rule of the protocol stands in its table of what holds it, whose tests are there."""
    page = "docs/protocol.md"
    text = existing(root, page)
    table = text.partition("## What holds it")[2].partition("\n## ")[0]
    held = set()
    for rules, tests in re.findall(r"^\| ([A-Z]\d[^|]*) \| (.*) \|$", table, re.MULTILINE):
        held |= set(ids_of(rules))
        for entry in tests.split("; "):
            if entry != "every pair test":
                yield from (f"{page}: names the test {what}" for what in lacking(root, entry))
    for rule in re.findall(r"^\* \*\*([A-Z]\d+)\*\*", text, re.MULTILINE):
        if rule not in held:
            yield f"{page}: names no test of {rule}"


if __name__ == "__main__":
    tree.main(check)
