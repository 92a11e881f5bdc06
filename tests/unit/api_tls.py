#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""api_tls.py REKEY-CONTROL: what openssl s_client gets from the listener: each version, each cipher that
this OpenSSL has, each kind of group; no renegotiation, no resumption, no early data, no log of its secrets."""
import concurrent.futures
import os
import re
import subprocess
import sys
import tempfile
import threading
import time

from api_daemon import CONFIG, start, wait_for

REQUEST = "GET /api/v1/health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
ANY = "ALL:eNULL:@SECLEVEL=0"  # a client that would take anything


def client(port, *options, text=REQUEST, quiet=("-quiet",)):
    """What s_client shows, both streams; it is given 20 seconds."""
    r = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{port}", *quiet, *options], input=text,
                       capture_output=True, text=True, timeout=20, check=False)
    return r.stdout + r.stderr


def is_served(port, *options):
    return "HTTP/1.1 200" in client(port, "-ign_eof", *options)


def suites(version):
    """The names of all that this OpenSSL knows for TLS 1.2 and before."""
    r = subprocess.run(["openssl", "ciphers", "-s", f"-{version}", ANY], capture_output=True, text=True, check=True)
    return [name for name in r.stdout.strip().split(":") if name and not name.startswith("TLS_")]


def is_good(suite):
    """ECDHE, and a cipher that authenticates by itself; with the key that the first start makes."""
    return suite.startswith("ECDHE-ECDSA-") and ("-AES" in suite and "GCM" in suite or "CHACHA20" in suite)


def versions(port):
    for option, wanted in ("-tls1", False), ("-tls1_1", False), ("-tls1_2", True), ("-tls1_3", True):
        yield f"version {option}", is_served(port, option, "-cipher", ANY) == wanted


def ciphers(port):
    names = suites("tls1_2")
    yield "ciphers to try", len(names) > 30 and sum(map(is_good, names)) >= 3
    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        served = pool.map(lambda name: is_served(port, "-tls1_2", "-cipher", name + ":@SECLEVEL=0"), names)
        for name, is_taken in zip(names, served):
            yield f"cipher {name}", is_taken == is_good(name)


def groups(port):
    for name, wanted in (("X25519", True), ("P-256", True), ("P-384", True), ("secp224r1", False), ("ffdhe2048", False)):
        yield f"group {name}", is_served(port, "-tls1_2" if name == "secp224r1" else "-tls1_3", "-groups", name) == wanted


def renegotiation(port):
    """'R' on a line of its own asks for it, once the connection stands."""
    shown = ""
    with subprocess.Popen(["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-tls1_2"], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as p:
        patience = threading.Timer(20, p.kill)
        patience.start()
        p.stdin.write("R\n")
        p.stdin.flush()
        for line in p.stdout:
            shown += line
            if "no renegotiation" in line:
                break
        patience.cancel()
        p.kill()
    yield "the client asked for a renegotiation", "RENEGOTIATING" in shown
    yield "renegotiation is refused", "no renegotiation" in shown


def resumption(port):
    shown = client(port, "-tls1_2", "-reconnect", text="", quiet=())
    yield "TLS 1.2: each connection is new", shown.count("New, TLS") >= 2 and "Reused" not in shown
    shown = client(port, "-tls1_3", "-ign_eof", quiet=())
    yield "TLS 1.3: no ticket", "New, TLSv1.3" in shown and "Post-Handshake New Session Ticket" not in shown
    yield "TLS 1.3: no early data", re.search(r"Max Early Data: [1-9]", shown) is None


def main(program):
    with tempfile.TemporaryDirectory(prefix="rekey-tls-") as folder:
        key_log = f"{folder}/state/keys"
        daemon, port = start(program, folder, CONFIG, {"SSLKEYLOGFILE": key_log})
        try:
            wait_for(f"{folder}/run/control.sock")
            for _ in range(200):
                if is_served(port):
                    break
                time.sleep(0.1)
            cnt, wrong = 0, []
            for check in (versions, ciphers, groups, renegotiation, resumption):
                for what, is_so in check(port):
                    cnt += 1
                    if not is_so:
                        wrong.append(what)
            if os.path.exists(key_log):
                wrong.append("TLS secrets go to no file")
        finally:
            daemon.terminate()
            daemon.wait()
    print("\n".join(f"not so: {what}" for what in wrong) or f"{cnt} held")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
