#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Each lint passes a clean tree and finds the violation planted in it."""
import os
import shutil
import subprocess
import sys
import tempfile

import tree

HERE = os.path.dirname(os.path.abspath(__file__))
C = "/* SPDX-License-" + "Identifier: BSD-3-Clause */\n"
SH = "#!/usr/bin/env bash\n# SPDX-License-" + "Identifier: BSD-3-Clause\n"
PEM = "-----BEGIN PRIVATE " + "KEY-----\n" + "A" * 64 + "\n"
PKCS8 = bytes.fromhex("308141020100301306072a8648ce3d0201") + bytes(60)

MEASURED = "".join(
    f"<!-- figures of {suite} -->\n| {head} | value |\n| --- | --- |\n| {row} | 10 |\n<!-- end of {suite} -->\n"
    for suite, head, row in (("storm", "operation | group", "rekeys | secp256r1"),
                             ("storm-crypto", "operation | group", "rekeys | secp256r1"),
                             ("exchange", "group | cert", "secp256r1 | ecdsa-p256"),
                             ("memory", "operation", "keyed")))

CLEAN = {
    "pki/view/a.h": C + "#pragma once\n",
    "pki/x509/b.c": C + '#include "pki/view/a.h"\n',
    "pki/x509/b.h": C + "#pragma once\n",
    "control/d.h": C + "#pragma once\n",
    "control/d.c": C + '#include "control/d.h"\n#include "pki/x509/b.h"\n',
    "control/cli/c.c": C + '#include "pki/x509/b.h"\n',
    "dataplane/rcu.h": C + "#pragma once\n#include <urcu-qsbr.h>\n",
    "dataplane/peer.h": C + '#pragma once\n#include "dataplane/rcu.h"\n',
    "dataplane/worker.h": C + '#pragma once\n#include "dataplane/peer.h"\n',
    "dataplane/main.c": C + '#include "dataplane/worker.h"\n#include "dataplane/core/e.h"\n',
    "dataplane/core/e.h": C + '#pragma once\n#include "pki/view/a.h"\n',
    "tests/unit/t.h": C + "#pragma once\n",
    "run.sh": SH + 'echo "$1"\n',
}


def include(path, name):
    return {path: C + f"#include {name}\n"}


# lint: trees, each CLEAN plus one violation
PLANTED = {
    "layers": [
        include("pki/view/x.c", '"pki/x509/b.h"'),
        include("pki/x509/x.c", '"control/d.h"'),
        include("dataplane/x.c", '"pki/x509/b.h"'),
        include("dataplane/x.c", '"control/d.h"'),
        include("control/x.c", '"dataplane/peer.h"'),
        include("control/cli/x.c", '"control/d.h"'),
        include("control/x.c", '"tests/unit/t.h"'),
        include("control/x.c", '"d.h"'),
        include("dataplane/core/x.c", '"dataplane/peer.h"'),
        include("dataplane/core/x.c", "<rte_mbuf.h>"),
        include("dataplane/peer.c", '"dataplane/worker.h"'),
        include("dataplane/worker.c", "<urcu/rculfhash.h>"),
        include("dataplane/worker.c", "<jansson.h>"),
        include("dataplane/worker_net.c", '"dataplane/log.h"'),
        include("dataplane/core/engine.c", '"pki/view/journal.h"'),
        include("dataplane/worker.c", "<openssl/x509.h>"),
        include("pki/view/x.c", "<jansson.h>"),
    ],
    "spdx": [{"x.c": "int x;\n"}, {"x.md": "text\n"}],
    "whitespace": [{"x.c": C + "int x; \n"}, {"x.c": C + "int x;"}, {"x.c": C + "        x\n"},
                   {"x.md": "a\r\n"}],
    "secrets": [{"x.c": C + PEM}, {"tests/data/x": PKCS8}],
    "size": [{"x.c": C + "int f(void)\n{\n" + "\tg();\n" * 81 + "}\n"}, {"x.h": "\n" * 501}],
    "format": [{"x.c": C + "int  f( void ) {return 0;}\n"}],
    "shell": [{"x.sh": SH + "echo $1\n"}, {"x": SH + "cd $1\n"}],
    "documented": [{"control/config_schema.c": C + '\t{"some-item", 0},\n',
                    "docs/rekey.json.5.scd": "*other-item*\n"},
                   {"x.md": "[x](docs/nowhere.md)\n"},
                   {"dataplane/core/reason.h": C + '\tX(SIZE, "bad-size", "too long")\n',
                    "docs/protocol.md": "| `bad-size` | too short |\n"},
                   {"dataplane/net.h": C + '\tX(VLAN, "vlan")\n', "docs/troubleshooting.md": "vlan\n"},
                   {"docs/alarms.md": "\n## clock\n\n| what to do | set it |\n"},
                   {"control/alarm_kinds.c": C + '\t{"some-alarm", "%s"},\n' % ("0" * 32),
                    "tests/unit/x.c": C + "/* some-alarms */\n"},
                   {"control/audit.c": C + 'audit_write(a, "system.told");\n',
                    "docs/rekey-audit.5.scd": "# TYPES\n\n*system.told*\n",
                    "tests/smoke/records": 'elsewhere="system.told"\n'},
                   {"control/audit.c": C, "docs/rekey-audit.5.scd": "# TYPES\n\n*system.told*\n",
                    "tests/unit/x.c": C + '/* system.told */\n'},
                   {"docs/protocol.md": "## What holds it\n| P1 | paths: no_such_test |\n"},
                   {"docs/protocol.md": "## What holds it\n| P1 | unit-nothing |\n"},
                   {"docs/protocol.md": "* **P2** so\n\n## What holds it\n\n| P1, P3–P4 | every pair test |\n"}],
    "sizing": [{"docs/deployment.md": "<!-- sizing -->\n\nas you like\n\n<!-- end of sizing -->\n",
                "docs/performance.md": MEASURED,
                "docs/crl.md": "| changed list on the server to refusal | 1 s | 2 s | 3 s |\n"
                               "| control's memory at a publication | 1 | 2 | 3 |\n",
                "docs/scale.md": "| set of the workers | 15 B |\n"},
               {"docs/deployment.md": "", "docs/performance.md": "", "docs/crl.md": "", "docs/scale.md": ""}],
    "guide": [{"docs/deployment.md": "`rekeyd --now fast`\n", "tests/smoke/deployment": "grep -oE '`(date)("}],
    "pages": [{"docs/x.1.scd": "x(1)\n\n# NAME\n\nx - y\n\n# SEE ALSO\n\n*z*(8)\n"},
              {"docs/x.1.scd": "x(1)\n\n# NAME\n\nx - y\n", "docs/meson.build": "# SPDX\n"},
              {"docs/x.1.scd": "x(1)\n\n# NAME\n\nx - *y\n\n"}],
    "spelling": [{"x.md": "rec" + "ieve\n"}],
}


def run(lint, root):
    return subprocess.run([sys.executable, os.path.join(HERE, lint + ".py"), root],
                          capture_output=True, text=True)


def status_of(lint, tree_of_files):
    with tempfile.TemporaryDirectory() as root:
        for path, content in tree_of_files.items():
            os.makedirs(os.path.dirname(os.path.join(root, path)), exist_ok=True)
            data = content if isinstance(content, bytes) else content.encode()
            with open(os.path.join(root, path), "wb") as f:
                f.write(data)
        return run(lint, root)


def symbols_fails(nm, cc):
    """A program that imports a forbidden name fails, one that does not passes."""
    with tempfile.TemporaryDirectory() as root:
        for name, expected in (("json_loadb", 1), ("puts", 0)):
            source = os.path.join(root, name + ".c")
            with open(source, "w", encoding="ascii") as f:
                f.write(f"extern int {name}(void); int f(void); int f(void) {{ return {name}(); }}\n")
            subprocess.run([*cc, "-fno-builtin", "-shared", "-fPIC", "-o", source + ".so", source],
                           check=True)
            done = subprocess.run([sys.executable, os.path.join(HERE, "symbols.py"), nm,
                                   source + ".so"], capture_output=True)
            if done.returncode != expected:
                yield f"symbols: {name}: status {done.returncode}"


def lanes_fails(cc):
    """Code in vectors that branches by what is in one fails, code that chooses passes."""
    if shutil.which("objdump") is None or os.uname().machine != "x86_64":
        return
    head = "#include <immintrin.h>\n__m512i f(__m512i a, __m512i b);\n__m512i f(__m512i a, __m512i b) { "
    for body, expected in (
            ("return _mm512_cmpeq_epi64_mask(a, b) ? _mm512_add_epi64(a, b) : _mm512_mullo_epi64(a, b);", 1),
            ("return _mm512_mask_blend_epi64(_mm512_cmpeq_epi64_mask(a, b), a, b);", 0)):
        with tempfile.TemporaryDirectory() as root:
            source = os.path.join(root, "f.c")
            with open(source, "w", encoding="ascii") as f:
                f.write(head + body + " }\n")
            subprocess.run([*cc, "-O2", "-mavx512f", "-mavx512dq", "-c", "-o", source + ".o", source],
                           check=True)
            done = subprocess.run([sys.executable, os.path.join(HERE, "lanes.py"), "objdump",
                                   source + ".o"], capture_output=True)
            if done.returncode != expected:
                yield f"lanes: {body}: status {done.returncode}"


def hardening_fails(cc):
    """A program that is anywhere and has an executable stack fails."""
    with tempfile.TemporaryDirectory() as root:
        source = os.path.join(root, "f.c")
        with open(source, "w", encoding="ascii") as f:
            f.write("int main(void) { return 0; }\n")
        subprocess.run([*cc, "-no-pie", "-Wl,-z,execstack", "-o", source + ".out", source], check=True,
                       capture_output=True)
        done = subprocess.run([sys.executable, os.path.join(HERE, "hardening.py"), "readelf",
                               source + ".out"], capture_output=True, text=True)
        if done.returncode != 1 or done.stdout.count("\n") < 4:
            yield f"hardening: {done.stdout}{done.stderr}"


def check(argv):
    wrong = []
    for lint, planted in PLANTED.items():
        clean = status_of(lint, CLEAN)
        if clean.returncode == tree.SKIP:
            print(f"{lint}: not tried: {clean.stdout.strip()}")
            continue
        if clean.returncode != 0:
            wrong.append(f"{lint}: refuses a clean tree: {clean.stdout}{clean.stderr}")
        for violation in planted:
            if status_of(lint, CLEAN | violation).returncode != 1:
                wrong.append(f"{lint}: does not see {violation}")
    return wrong + list(symbols_fails(argv[1], argv[2:])) + list(lanes_fails(argv[2:])) + \
        list(hardening_fails(argv[2:]))


if __name__ == "__main__":
    found = check(sys.argv)
    print(*found, f"{len(found)} findings", sep="\n")
    sys.exit(1 if found else 0)
