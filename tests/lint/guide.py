#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Every command of docs/deployment.md is run: in a block, which smoke-deployment runs, or in a sentence or
table, where it begins with a program that the test looks for there, or is one of ELSEWHERE."""
import os
import re

import tree

PAGE, TEST = "docs/deployment.md", "tests/smoke/deployment"

# What is not run by smoke-deployment, and where it is, or why nowhere.
ELSEWHERE = {
    "/usr/share/rekey/demo": "tests/packages/life",
    "apt-get purge": "tests/packages/life",
    "apt-get install ./rekey*.deb": "tests/packages/life",
    "dpkg-buildpackage -us -uc -b": "tests/packages/build",
    "meson setup build --prefix=/usr && ninja -C build install": "debian/rules",
    "systemd-sysusers": "tests/packages/life, by the packages' scripts",
    "systemd-tmpfiles --create": "tests/packages/life, by the packages' scripts",
    "ninja -C build && build/bench/rekey-bench storm": "tests/unit/bench_rows.py",
    "ulimit -l unlimited": "tests/packages/manager",
    "lstopo": "only looks, at another machine",
}


def is_command(span, programs):
    words = span.split()
    if span.startswith("-") or "=" in words[0] and len(words[0]) > 1 or span.startswith("http"):
        return False
    return len(words) > 1 or words[0] in programs or span in ELSEWHERE


def check(root):
    if not os.path.isfile(os.path.join(root, PAGE)):
        return
    text, test = tree.read_text(root, PAGE), tree.read_text(root, TEST)
    looked_for = set(re.search(r"grep -oE '`\(([a-z|.-]+)\)", test).group(1).split("|"))
    prose, programs, is_inside = [], set(), False
    for line in text.splitlines():
        if line.startswith("```"):
            is_inside = not is_inside
            if is_inside and line != "```sh":
                yield f"{PAGE}: a block is '{line}', and so not run"
        elif is_inside:
            programs |= set(re.findall(r"^[a-z][a-z.-]+", line))
        else:
            prose.append(line)
    spans = set(re.findall(r"`([^`]+)`", "\n".join(prose)))
    for span in sorted(spans):
        span = " ".join(span.split())
        if is_command(span, programs - {"rekeyctl"}) and span.split()[0] not in looked_for and span not in ELSEWHERE:
            yield f"{PAGE}: nobody runs '{span}'"
    for span in ELSEWHERE:
        if span not in {" ".join(s.split()) for s in spans}:
            yield f"{PAGE} does not say '{span}' any more"
    for where in ELSEWHERE.values():
        path = where.split(",")[0]
        if "/" in path and not os.path.isfile(os.path.join(root, path)):
            yield f"{path} is not there"


if __name__ == "__main__":
    tree.main(lambda root: list(check(root)))
