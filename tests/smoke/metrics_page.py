#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""metrics_page.py CONTROL DATAPLANE ROOT: prints docs/metrics.md from a scrape of either program; what
a queue holds and what frames are counted by stands in the headers of the tree at ROOT."""
import os
import re
import sys
import textwrap

HEAD = """<!-- SPDX-License-Identifier: BSD-3-Clause -->
<!-- Printed by tests/smoke/metrics_page.py; the test smoke-operate holds it against both programs. -->
# Metrics

OpenMetrics of both programs. `rekey-control` tells its own and what the data plane reports, at
`https://HOST/metrics` (the token of a viewer, or none where `metrics-without-token` is set) and at its
Unix socket:

```
curl -s --unix-socket /run/rekey/control.sock http://localhost/metrics
```

`rekey-dataplane` tells what it knows itself, while control is down too, at the socket that
`--metrics-socket` names; DPDK's telemetry has the same under `/rekey/counters`, `/rekey/queues`,
`/rekey/ports` and `/rekey/workers` (`dpdk-telemetry.py`). `rekeyctl show stats` prints the counters, those
of a port as `port-RESULT/PORT`, and, as `gauge-`, the queues. [grafana.json](grafana.json) is a
dashboard of what follows.

A counter's sample ends with `_total`, an info's with `_info`, a histogram has `_bucket`, `_sum` and
`_count`. With more than 1000 peers the series of each peer are left out.
"""


def families(path):
    """[(family, type, help, {label names})] in the order of the text."""
    rows, labels = [], {}
    with open(path, encoding="utf-8") as f:
        for line in f.read().splitlines():
            if line.startswith("# TYPE "):
                rows.append(line.split(" ")[2:4])
            elif line.startswith("# HELP "):
                rows[-1].append(line.split(" ", 3)[3])
            elif not line.startswith("#"):
                labels.setdefault(rows[-1][0], set()).update(re.findall(r'(\w+)="', line))
    return [(*row, labels.get(row[0], set()) - {"le"}) for row in rows]


def table(rows):
    yield "| family | type | labels | what it says |"
    yield "| --- | --- | --- | --- |"
    for family, kind, words, labels in rows:
        named = ", ".join(f"`{label}`" for label in sorted(labels)) or "-"
        yield f"| `{family}` | {kind} | {named} | {words} |"


def names_in(root, header, form):
    with open(os.path.join(root, header), encoding="utf-8") as f:
        return re.findall(form, f.read().replace("\\\n", ""))


def page(control, dataplane, root):
    yield HEAD
    yield "## rekey-control\n"
    yield from table(families(control))
    yield "\n## rekey-dataplane, at its own socket\n"
    yield from table(families(dataplane))
    yield "\n## Queues\n"
    yield "Values of the label `queue`. `rekey_dataplane_queue_limit` is what each holds at most, over all"
    yield "workers; 0: this data plane has no such queue.\n"
    yield "| queue | what is in it |"
    yield "| --- | --- |"
    for name, words in names_in(root, "dataplane/queues.h", r'X\([A-Z]+, "([a-z]+)",\s*"([^"]+)"\)'):
        yield f"| `{name}` | {words} |"
    yield "\n## Ports\n"
    yield "Values of the label `result`, as the device of the port counts them; not every device counts all.\n"
    yield "| result | which frames |"
    yield "| --- | --- |"
    for name, words in names_in(root, "dataplane/port_stats.h", r'X\([A-Z_]+, "([a-z-]+)",\s*"([^"]+)"\)'):
        yield f"| `{name}` | {words} |"
    yield "\n## Reasons\n"
    yield "Values of the label `reason` of `rekey_dataplane_events`: [protocol.md](protocol.md#counters); of"
    yield "`rekey_dataplane_frames`, mostly why a frame went no further:\n"
    yield textwrap.fill(", ".join(f"`{name}`" for name in names_in(
        root, "dataplane/net.h", r'X\([A-Z_]+, "([a-z0-9-]+)"\)')), 100, break_on_hyphens=False) + "."


if __name__ == "__main__":
    print("\n".join(page(*sys.argv[1:4])))
