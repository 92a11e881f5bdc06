#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""cli_completing.py PROGRAM FOLDER SCRIPTS: bash, zsh and fish as a person has them, on a terminal, with
the scripts of SCRIPTS: what is typed with a TAB is what rekeyctl is run with. FOLDER has terminal.py."""
import concurrent.futures
import json
import os
import shutil
import stat
import sys
import tempfile
import threading
import time

from cli_daemon import Daemon, Handler
from terminal import Terminal

HOSTILE = "$(touch carried-out)"
ANSWERS = {"alarms": [{"id": "node0:8"}, {"id": "node0:19"}], "peers": [{"name": "wést"}, {"name": "east"}],
           "users": [{"name": HOSTILE}]}
# What is typed, and the words that the program gets.
TYPED = [
    ("show ala\t", ["show", "alarms"]),
    ("sh\tpe\tw\tsec\t", ["show", "peers", "wést", "security"]),
    ("show alarms node0:1\t", ["show", "alarms", "node0:19"]),
    ("show alarms id node0:8\tsh\t", ["show", "alarms", "id", "node0:8", "shelved"]),
    ("rotate security peer-key ea\t", ["rotate", "security", "peer-key", "east"]),
    ("user password \t", ["user", "password", HOSTILE]),
    ("create private-key algorithm E\tcurve SECP5\t", ["create", "private-key", "algorithm", "ECC", "curve", "SECP521R1"]),
    ("import certificate file some-f\t", ["import", "certificate", "file", "some-file"]),
]

def stand_in(folder, program):
    """A rekeyctl that notes the words it is run with where it is run; asked for completion it is the program."""
    path = os.path.join(folder, "bin", "rekeyctl")
    os.mkdir(os.path.dirname(path))
    with open(path, "w", encoding="utf-8") as f:
        f.write("#!/bin/bash\n"
                f'if [[ $1 == --complete ]]; then exec "{program}" --complete --run-dir "{folder}" "${{@:2}}"; fi\n'
                'printf "%s\\0" "$@" >noted.new && mv noted.new noted\n')
    os.chmod(path, stat.S_IRWXU)
    os.environ["PATH"] = os.path.dirname(path) + ":" + os.environ["PATH"]


def shells(scripts, place):
    """name: (options, what is typed before the first prompt counts)"""
    return {"bash": (["--norc", "--noprofile"], f". {scripts}/rekeyctl.bash\n"),
            "zsh": (["-f"], f"fpath=({place} $fpath); autoload -Uz compinit; compinit -u -D\n"),
            "fish": (["--no-config"], f"source {scripts}/rekeyctl.fish\n")}


def settle(terminal, quiet=0.3, limit=10):
    """Until nothing more is shown."""
    end, last = time.monotonic() + limit, time.monotonic()
    while time.monotonic() < end and time.monotonic() - last < quiet:
        seen = len(terminal.seen)
        terminal._read(0.1)  # pylint: disable=protected-access
        if len(terminal.seen) > seen:
            last = time.monotonic()


def noted(folder, limit=20):
    path, end = f"{folder}/noted", time.monotonic() + limit
    while not os.path.exists(path) and time.monotonic() < end:
        time.sleep(0.05)
    if not os.path.exists(path):
        return None
    with open(path, encoding="utf-8") as f:
        words = f.read().split("\0")[:-1]
    os.unlink(path)
    return words


def try_shell(name, options, before, place):
    """How many of the lines became something else."""
    wrong = 0
    t = Terminal([shutil.which(name), *options], {"LC_ALL": "C.UTF-8"})
    t.type(f"cd {place}\n{before}printf 'rea%s\\n' dy\n")
    t.wait_for("ready")
    settle(t)
    for text, wanted in TYPED:
        for part in ("rekeyctl " + text).split("\t")[:-1]:
            t.type(part + "\t")
            settle(t)
        t.type("\n")
        got = noted(place)
        if got != wanted:
            print(f"{name}: {text!r}: {got}, not {wanted}; shown: {t.seen[-400:]!r}")
            wrong += 1
            t.type("\x03")
        settle(t)
    t.type("exit\n")
    t.close()
    if os.path.exists(f"{place}/carried-out"):
        print(f"{name}: a name was carried out")
        wrong += 1
    return wrong


def main(program, scripts):
    running, missing = [], 0
    with tempfile.TemporaryDirectory() as folder, concurrent.futures.ThreadPoolExecutor(3) as pool:
        server = Daemon(f"{folder}/control.sock", Handler)
        server.body = json.dumps(ANSWERS).encode()
        threading.Thread(target=server.serve_forever, daemon=True).start()
        stand_in(folder, os.path.realpath(program))
        os.environ["HOME"] = folder
        for name in ("bash", "zsh", "fish"):
            place = os.path.join(folder, name)
            os.mkdir(place)
            with open(f"{place}/some-file", "w", encoding="ascii"):
                pass
            shutil.copy(f"{scripts}/rekeyctl.zsh", f"{place}/_rekeyctl")
            if shutil.which(name) is None:
                missing += 1
                print(f"SKIP: {name} is not installed: its script is not tried")
                continue
            options, before = shells(os.path.realpath(scripts), place)[name]
            running.append(pool.submit(try_shell, name, options, before, place))
        wrong = sum(r.result() for r in running)
        server.shutdown()
    return 1 if wrong else 77 if missing == 3 else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[3]))
