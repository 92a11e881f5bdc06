#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""queries.py SCRAPE DASHBOARD: the scrape is OpenMetrics to the letter, and each query of the
Grafana dashboard finds a series in it: name, labels, and a function that fits the type."""
import json
import re
import sys

SAMPLE = re.compile(r"^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$")
LABEL = re.compile(r'([a-zA-Z_]\w*)="((?:[^"\\\n]|\\["\\n])*)"(?:,|$)')
SUFFIXES = {"counter": ["_total"], "gauge": [""], "info": ["_info"],
            "histogram": ["_bucket", "_sum", "_count"]}
SELECTOR = re.compile(r"\b(rekey_\w+)\{([^}]*)\}(\[\w+\])?")
MATCHER = re.compile(r'([a-zA-Z_]\w*)(=~|!~|!=|=)"([^"]*)"')


def fail(text):
    sys.exit(f"queries: {text}")


def labels_of(text):
    found = LABEL.findall(text or "")
    if sum(len(f'{k}="{v}",') for k, v in found) - bool(found) != len(text or ""):
        fail(f"labels do not parse: {text}")
    return dict(found)


def parse(text):
    """{sample name: [(labels, value)]}, {family: type}; ends the program on a fault of form."""
    samples, types, family = {}, {}, None
    lines = text.split("\n")
    if lines[-2:] != ["# EOF", ""] or "# EOF" in lines[:-2]:
        fail("the text does not end with one # EOF")
    for line in lines[:-2]:
        if line.startswith("# TYPE "):
            _, _, family, kind = line.split(" ")
            if family in types:
                fail(f"family {family} is told twice")
            if kind not in SUFFIXES:
                fail(f"family {family} has the unknown type {kind}")
            types[family] = kind
        elif line.startswith("# HELP "):
            if line.split(" ")[2] != family or not line.split(" ", 3)[3].strip():
                fail(f"help without its family, or empty: {line}")
        else:
            match = SAMPLE.match(line)
            if not match:
                fail(f"no sample: {line}")
            name, labels, value = match.groups()
            if name not in [family + s for s in SUFFIXES[types[family]]]:
                fail(f"sample {name} stands in family {family}")
            float(value)
            samples.setdefault(name, []).append((labels_of(labels), float(value)))
    for name, rows in samples.items():
        keys = [tuple(sorted(labels.items())) for labels, _ in rows]
        if len(keys) != len(set(keys)):
            fail(f"{name} tells a series twice")
    check_histograms(samples, types)
    return samples, types


def check_histograms(samples, types):
    for family in (f for f, kind in types.items() if kind == "histogram"):
        buckets = [(float(l["le"]), v) for l, v in samples[family + "_bucket"]]
        if buckets != sorted(buckets) or [v for _, v in buckets] != sorted(v for _, v in buckets):
            fail(f"{family}: buckets do not grow")
        if buckets[-1] != (float("inf"), samples[family + "_count"][0][1]):
            fail(f"{family}: the last bucket is not the count")


def fits(labels, matchers):
    for key, how, value in matchers:
        if "$" in value:
            continue  # a variable of the dashboard; what it stands for is the collector's label
        have = labels.get(key, "")
        if {"=": have == value, "!=": have != value, "=~": re.fullmatch(value, have),
                "!~": not re.fullmatch(value, have)}[how]:
            continue
        return False
    return True


def check_query(title, expr, samples, types):
    found = SELECTOR.findall(expr)
    if not found:
        fail(f"{title}: names no series: {expr}")
    if re.search(r"\brekey_\w+(?!\w*\{)\b", SELECTOR.sub("", expr)):
        fail(f"{title}: a series without its selector: {expr}")
    for name, inside, span in found:
        if not any(fits(labels, MATCHER.findall(inside)) for labels, _ in samples.get(name, [])):
            fail(f"{title}: nothing in the scrape fits {name}{{{inside}}}")
        grows = name.endswith(("_total", "_bucket"))
        if span and not grows:
            fail(f"{title}: the rate of {name}, which does not grow")
        if name.endswith("_total") and not span:
            fail(f"{title}: {name} grows for ever: show its rate")
    for label in re.findall(r"by \((\w+)\)", expr):
        if not any(label in labels for name, _, _ in found for labels, _ in samples[name]):
            fail(f"{title}: no series has the label {label}")


def main(scrape, dashboard):
    with open(scrape, encoding="utf-8", newline="") as f:
        samples, types = parse(f.read())
    if dashboard is None:
        return
    with open(dashboard, encoding="utf-8") as f:
        panels = json.load(f)["panels"]
    count = 0
    for panel in panels:
        for target in panel["targets"]:
            check_query(panel["title"], target["expr"], samples, types)
            for label in re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]):
                names = [n for n, _, _ in SELECTOR.findall(target["expr"])]
                if label != "instance" and not any(
                        label in labels for n in names for labels, _ in samples[n]):
                    fail(f"{panel['title']}: its legend names the label {label}")
            count += 1
    print(f"{count} queries of {len(panels)} panels found their series; {len(types)} families")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else None)
