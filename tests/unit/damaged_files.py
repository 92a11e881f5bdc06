#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Every file that rekey-control keeps, one after the other cut in the middle and filled with junk: it
starts on what is left, or says which file it is and that it is to be removed; and then that
is all there is to do."""
import os
import shutil
import subprocess
import sys
import tempfile
import time

from api_daemon import BASE, CA, CONFIG, FOLDERS, Local, call, log_in, start, PASSWORD, text_of, wait_for

PROGRAM = sys.argv[1]
DAMAGE = {"cut": lambda data: data[:len(data) // 2], "junk": lambda data: b"\0\xff no such thing\n" * 20}
SECONDS = 30
problems = []


def fill(folder):
    """A daemon's files after a day's work."""
    daemon, _ = start(PROGRAM, folder, CONFIG)
    path = f"{folder}/run/control.sock"

    def must(method, resource, body=None):
        status, answer = call(lambda: Local(path), method, BASE + resource, body)
        assert status == 200, answer
        return answer

    try:
        wait_for(path)
        ca = CA(folder)
        token = log_in(lambda: Local(path), "admin", PASSWORD)
        name = {"name": "custom_ssr_peering"}
        must("POST", "/trusted-ca-certificate", {"name": "root", "content": text_of(ca.pem)})
        must("POST", "/private-key", {**name, "algorithm": "ECC", "ecc_curve": "SECP256R1"})
        csr = must("POST", "/certificate-request", {**name, "common_name": "east.peering"})["csr"]
        must("POST", "/certificate", {**name, "certificate": ca.sign(csr, "east")})
        must("POST", "/token-key/rotate")
        must("POST", "/configuration/candidate", {"operations": [
            {"op": "set", "path": ["router", "port", "net_ring0", "mtu"], "value": 1400}]})
        assert call(lambda: Local(path), "POST", BASE + "/logout", None, token)[0] == 200
    finally:
        daemon.terminate()
        daemon.wait(SECONDS)


def begin(folder):
    """None when it starts, else what it said."""
    with subprocess.Popen(
            [PROGRAM, "--config-dir", f"{folder}/config", "--state-dir", f"{folder}/state", "--run-dir",
             f"{folder}/run", "--pki-dir", f"{folder}/pki", "--listen", "127.0.0.1:0"],
            stderr=subprocess.PIPE, text=True, errors="replace",
            env=dict(os.environ, ASAN_OPTIONS="detect_leaks=0")) as daemon:
        until = time.monotonic() + SECONDS
        is_ready = False
        while not is_ready and daemon.poll() is None and time.monotonic() < until:
            try:
                is_ready = call(lambda: Local(f"{folder}/run/control.sock"), "GET", BASE + "/health")[0] == 200
            except OSError:
                time.sleep(0.02)
        daemon.terminate()
        said = daemon.communicate()[1]
        if is_ready and daemon.returncode != 0:
            problems.append(f"ended with {daemon.returncode}: {said[-300:]}")
    return None if is_ready else said


def attempt(kept, folder, path, how):
    """One file, damaged in one way."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(kept, folder, ignore=shutil.ignore_patterns("*.sock"))
    with open(f"{kept}/{path}", "rb") as file:
        data = file.read()
    with open(f"{folder}/{path}", "wb") as file:
        file.write(DAMAGE[how](data))
    said = begin(folder)
    if said is None:
        return
    name = os.path.basename(path)
    line = said.strip().split("\n")[-1]
    if name not in line or "remove it" not in line:
        problems.append(f"{path}, {how}: no start, and what to do is not said: {said[-300:]}")
        return
    for other in [name] + [word for word in ("web.pem",) if word in line]:
        if os.path.exists(f"{folder}/state/{other}"):
            os.remove(f"{folder}/state/{other}")
    said = begin(folder)
    if said is not None:
        problems.append(f"{path}, {how}: no start though it was removed: {said[-300:]}")


def main():
    """Exit 1 when a damaged file leaves somebody at a loss."""
    # Much of a start is writing and syncing: in memory that takes no time.
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="rekey-damaged-", dir=memory) as top:
        kept, cnt = f"{top}/kept", 0
        os.mkdir(kept)
        fill(kept)
        for folder in FOLDERS:
            for root, _, files in os.walk(f"{kept}/{folder}"):
                for file in files:
                    if file.endswith((".sock", ".lock")):
                        continue
                    for how in DAMAGE:
                        attempt(kept, f"{top}/now", os.path.relpath(f"{root}/{file}", kept), how)
                        cnt += 1
    for problem in problems:
        print(problem)
    print(f"{cnt} starts on damaged files, {len(problems)} problems")
    sys.exit(1 if problems or cnt < 30 else 0)


main()
