#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The sizing tables of docs/deployment.md follow from what was measured: docs/performance.md,
docs/crl.md and docs/scale.md. "sizing.py ROOT --write" computes them anew."""
import os
import re
import sys

import tree

GUIDE = "docs/deployment.md"
BEGIN, END = "<!-- sizing -->", "<!-- end of sizing -->"
PEERS = (100, 1000, 10000, 100000)


class Missing(Exception):
    """A figure that is not where it was."""


def rows(text):
    """Every row of every table, as a list of cells."""
    for line in text.splitlines():
        if line.startswith("| "):
            yield [cell.strip() for cell in line.strip("| ").split(" | ")]


def number(text):
    """The first number in a cell: "9,730 ops/s" is 9730."""
    found = re.search(r"[0-9][0-9,.]*", text)
    if not found:
        raise Missing(f"no number in '{text}'")
    return float(found.group().replace(",", ""))


def figure(text, suite, *first, column="value"):
    """From the table of a suite, the row that begins like that."""
    match = re.search(rf"<!-- figures of {suite} -->(.*?)<!-- end of {suite} -->", text, re.DOTALL)
    table = list(rows(match.group(1))) if match else []
    for row in table[2:]:
        if row[:len(first)] == list(first) and column in table[0]:
            return number(row[table[0].index(column)])
    raise Missing(f"docs/performance.md: suite {suite} has no row {' | '.join(first)}")


def line(text, page, begins):
    """The numbers of the row that begins so, wherever it stands."""
    for row in rows(text):
        if row[0].startswith(begins):
            return row[1:]
    raise Missing(f"{page}: has no row '{begins}'")


def seconds(value):
    if value < 0.1:
        return "at once"
    return f"{value:.1f} s" if value < 10 else f"{value:.0f} s"


def size(value):
    for unit, bound in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if value >= bound:
            return f"{value / bound:.3g} {unit}"
    return f"{value:.0f} B"


def peers_table(performance):
    rekeys = figure(performance, "storm", "rekeys", "secp256r1")
    crypto = figure(performance, "storm-crypto", "rekeys", "secp256r1")
    exchanges = figure(performance, "exchange", "secp256r1", "ecdsa-p256")
    each = figure(performance, "memory", "keyed")
    yield f"One core that is a worker makes {rekeys:,.0f} fast rekeys a second (secp256r1, storm of all peers),"
    yield f"with a crypto core beside it {crypto:,.0f}; a core that plays both ends makes {exchanges:,.0f} full"
    yield f"exchanges a second. A peer with a key takes {each:,.0f} bytes at 100,000 peers."
    yield ""
    yield "| peers | memory for them | rekeys a second at an interval of one hour | share of one core | all of them rekey at once |"
    yield "| --- | --- | --- | --- | --- |"
    for cnt in PEERS:
        rate = cnt / 3600
        share = 100 * rate / rekeys
        yield (f"| {cnt:,} | {size(cnt * each)} | {rate:.3g} | "
               f"{'below 0.1' if share < 0.1 else f'{share:.2g}'} % | {seconds(cnt / rekeys)} |")


def lists_table(crl, scale):
    entry = number(line(scale, "docs/scale.md", "set of the workers")[0])
    refusal = line(crl, "docs/crl.md", "changed list on the server to refusal")
    sets = line(crl, "docs/crl.md", "control's memory at a publication")
    yield "| entries of all CRLs | the workers' set | control, while it publishes | changed list to refusal, two cores |"
    yield "| --- | --- | --- | --- |"
    for i, cnt in enumerate((100000, 1000000, 10000000)):
        yield (f"| {cnt:,} | {size(cnt * entry)} | {size(cnt * entry * number(sets[i]))} | "
               f"{refusal[i]} |")


def block(root):
    def page(name):
        return tree.read_text(root, f"docs/{name}.md")

    return "\n".join([*peers_table(page("performance")), "",
                      *lists_table(page("crl"), page("scale"))])


def check(root):
    if not os.path.isfile(os.path.join(root, GUIDE)):
        return []
    try:
        want = f"{BEGIN}\n\n{block(root)}\n\n{END}"
    except Missing as missing:
        return [f"{missing}: {GUIDE} relies on it (tests/lint/sizing.py)"]
    if want not in tree.read_text(root, GUIDE):
        return [f"{GUIDE}: its sizing is not what was measured: tests/lint/sizing.py . --write"]
    return []


def write(root):
    path = os.path.join(root, GUIDE)
    text = tree.read_text(root, GUIDE)
    head, _, rest = text.partition(BEGIN)
    with open(path, "w", encoding="utf-8") as f:
        f.write(f"{head}{BEGIN}\n\n{block(root)}\n\n{END}{rest.partition(END)[2]}")


if __name__ == "__main__":
    if sys.argv[2:] == ["--write"]:
        write(sys.argv[1])
    else:
        tree.main(check)
