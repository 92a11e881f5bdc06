#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Who may include whom. docs/architecture.md draws these arrows; this holds them."""
import os
import re

import tree

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')

# folder: what it may include besides itself, as path prefixes
ALLOWED = {
    "pki/view/": (),
    "pki/x509/": ("pki/view/",),
    "pki/store/": ("pki/x509/", "pki/view/"),
    "control/cli/": ("pki/x509/", "pki/view/"),
    "control/": ("control/", "pki/"),
    "dataplane/core/": ("pki/view/",),
    "dataplane/": ("dataplane/", "pki/view/"),
    "bench/": ("",),
    "tests/": ("",),
}

# Inside dataplane/ a module includes its own rank or below; what is not named here stands
# beside worker. core has a folder and a line of its own above.
RANK = {"main": 4, "credential": 2, "peer": 2, "peer_table": 2, "timers": 2, "counters": 2,
        "graveyard": 2, "net": 2, "net_checksum": 2, "net_format": 2,
        "rcu": 1, "inbox": 1, "wake": 1, "clock": 1, "log": 1}
RANK_DEFAULT = 3

# what runs on workers and crypto cores never logs: these name no header of a log
QUIET = r"dataplane/(core/|worker|crypto|timers|counters|net_|net\.|neighbour|inbox|rcu|peer\.)"
LOG = r".*/(log|log_\w+|journal)\.h$"

# system headers that a folder must not name
FORBIDDEN = {
    "pki/": r"rte_|urcu|event2/|curl/|jose/",
    "pki/view/": r"rte_|urcu|event2/|curl/|jose/|jansson|openssl/(x509|pem|asn1|cms|pkcs|ocsp|decoder)",
    "control/": r"rte_|urcu",
    "dataplane/": r"jansson|event2/|curl/|jose/|openssl/(x509|pem|asn1|cms|pkcs|ocsp|decoder)",
    "dataplane/core/": r"rte_|urcu|sys/socket|sys/epoll",
    "bench/": r"urcu",
}
URCU_HOME = ("dataplane/rcu.c", "dataplane/rcu.h")


def layer_of(path):
    """The longest prefix wins."""
    return max((p for p in ALLOWED if path.startswith(p)), key=len, default=None)


def rank_of(path):
    name = os.path.basename(path).rsplit(".", 1)[0]
    return RANK.get(name, RANK_DEFAULT)


def in_dataplane_top(path):
    return path.startswith("dataplane/") and not path.startswith("dataplane/core/")


def judge_own(root, path, name):
    layer = layer_of(path)
    if re.match(QUIET, path) and re.match(LOG, name):
        return f'"{name}" in the data path, which never logs'
    if not os.path.isfile(os.path.join(root, name)):
        return f'"{name}" is not a path from the repository root'
    if layer_of(name) == layer and not in_dataplane_top(path):
        return None
    if not name.startswith(tuple(ALLOWED[layer])):
        return f'{layer} may not include "{name}"'
    if layer_of(name) in ("tests/", "bench/") and layer not in ("tests/", "bench/"):
        return f'nothing may include "{name}"'
    if in_dataplane_top(path) and in_dataplane_top(name) and rank_of(name) > rank_of(path):
        return f'"{name}" stands above it'
    return None


def judge_system(path, name):
    if name.startswith("urcu") and path.startswith("dataplane/") and path not in URCU_HOME:
        return f"<{name}> belongs in dataplane/rcu.[ch] alone"
    for prefix, pattern in FORBIDDEN.items():
        if path.startswith(prefix) and path not in URCU_HOME and re.match(pattern, name):
            return f"{prefix} may not include <{name}>"
    return None


def check(root):
    findings = []
    for path in tree.files(root, (".c", ".h"), ("pki", "control", "dataplane", "bench", "tests")):
        for number, line in enumerate((tree.read_text(root, path) or "").splitlines(), 1):
            m = INCLUDE.match(line)
            if not m:
                continue
            verdict = (judge_own(root, path, m[2]) if m[1] == '"' else judge_system(path, m[2]))
            if verdict:
                findings.append(f"{path}:{number}: {verdict}")
    return findings


if __name__ == "__main__":
    tree.main(check)
