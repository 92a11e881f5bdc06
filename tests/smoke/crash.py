#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The real rekey-control, killed at its system calls while it serves what changes a key or a
certificate, and started again each time: key and certificate are in step, as before or as after,
never neither; it is ready; and the same request, repeated, ends as it should.

crash.py KILL_AT [all]: every system call; without, a sample of each request's."""
import http.client
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

CONTROL = os.path.join(os.environ["REKEY_BUILD"], "control/rekey-control")
NAME = "custom_ssr_peering"
SAMPLES = 8  # of each request
CONFIG = {"authority": {}, "router": {"name": "east", "node": "node0",
                                      "peering-common-name": "east.peering"}}
SECONDS = 20


def fail(text):
    print(f"FAIL: {text}")
    sys.exit(1)


def run(*command, **options):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                          **options).stdout.decode()


class Local(http.client.HTTPConnection):
    """Over control.sock, where root and the daemon's own user need no token."""
    def __init__(self, path):
        super().__init__("localhost", timeout=SECONDS)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Control:
    def __init__(self, folder, kill_at=None):
        self.folder = folder
        self.is_traced = kill_at is not None
        self.process = subprocess.Popen(
            [*([kill_at] if kill_at else []), CONTROL, "--config-dir", f"{folder}/config",
             "--state-dir", f"{folder}/state", "--run-dir", f"{folder}/run", "--pki-dir",
             f"{folder}/pki", "--listen", "127.0.0.1:0"], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=open(f"{folder}/log", "a", encoding="utf-8"), text=True)
        if self.is_traced and self.process.stdout.readline() != "ready\n":
            print("SKIP: no process may be traced here")
            sys.exit(77)
        end = time.monotonic() + SECONDS
        while not self.is_ready():
            if self.process.poll() is not None or time.monotonic() > end:
                fail("rekey-control does not start: " + self.log())
            time.sleep(0.01)

    def log(self):
        with open(f"{self.folder}/log", encoding="utf-8") as f:
            return f.read()[-2000:]

    def is_ready(self):
        try:
            return self.ask("GET", "certificate")[0] == 200
        except OSError:
            return False

    def ask(self, method, path, body=None):
        connection = Local(f"{self.folder}/run/control.sock")
        connection.request(method, f"/api/v1/{path}", json.dumps(body) if body else None,
                           {"Content-Type": "application/json"})
        answer = connection.getresponse()
        text = answer.read()
        connection.close()
        return answer.status, json.loads(text)

    def must(self, *request):
        status, answer = self.ask(*request)
        if status != 200:
            fail(f"{request[:2]}: {status} {answer}")
        return answer

    def arm(self, number):
        self.process.stdin.write(f"{number}\n")
        self.process.stdin.flush()
        for _ in range(SECONDS * 10):
            self.process.send_signal(signal.SIGUSR1)
            if select.select([self.process.stdout], [], [], 0.1)[0]:
                break
        if self.process.stdout.readline() != "armed\n":
            fail("not armed")

    def end(self):
        """Of a traced one: what became of it, and how many calls it made."""
        if self.is_traced:
            self.process.send_signal(signal.SIGTERM)
            word, count = self.process.stdout.readline().split()
            self.process.wait(SECONDS)
            return word == "killed", int(count)
        self.process.kill()
        self.process.wait(SECONDS)
        return False, 0


class Authority:
    def __init__(self, folder):
        self.folder = folder
        self.file("root.cnf", "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,"
                              "cRLSign\nsubjectKeyIdentifier=hash\n")
        self.file("leaf.cnf", "keyUsage=critical,digitalSignature\nsubjectKeyIdentifier=hash\n"
                              "authorityKeyIdentifier=keyid\n")
        run("openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256",
            "-out", self.path("root.key"))
        run("openssl", "req", "-new", "-key", self.path("root.key"), "-subj", "/CN=root", "-out",
            self.path("root.csr"))
        run("openssl", "x509", "-req", "-in", self.path("root.csr"), "-signkey",
            self.path("root.key"), "-days", "9", "-extfile", self.path("root.cnf"), "-out",
            self.path("root.pem"))

    def path(self, name):
        return os.path.join(self.folder, name)

    def file(self, name, text):
        with open(self.path(name), "w", encoding="ascii") as f:
            f.write(text)

    def certify(self, csr):
        self.file("leaf.csr", csr)
        return run("openssl", "x509", "-req", "-in", self.path("leaf.csr"), "-CA",
                   self.path("root.pem"), "-CAkey", self.path("root.key"), "-CAcreateserial",
                   "-days", "5", "-extfile", self.path("leaf.cnf"))


def look(folder):
    """What stands on disk: the certificate's text, and whether a key waits; whatever stands is whole
    and in step."""
    pki = f"{folder}/pki"
    names = os.listdir(pki)
    for name in names:
        if name.startswith(".") or name.endswith((".pem.new", ".key.old")):
            fail(f"{name} is left")
    public = {}
    for suffix in ("key", "key.new"):
        path = f"{pki}/{NAME}.{suffix}"
        if os.path.exists(path):
            if os.stat(path).st_mode & 0o777 != 0o600:
                fail(f"{path} may be read by others")
            public[suffix] = run("openssl", "pkey", "-in", path, "-pubout")
    certificate = None
    if f"{NAME}.pem" in names:
        with open(f"{pki}/{NAME}.pem", encoding="ascii") as f:
            certificate = f.read()
        of_certificate = run("openssl", "x509", "-in", f"{pki}/{NAME}.pem", "-noout", "-pubkey")
        if of_certificate != public.get("key"):
            fail("key and certificate are out of step")
    return certificate, "key.new" in public, public.get("key")


class Step:
    """A request, and what must hold before it and after it."""
    def __init__(self, what, template, request, before, after):
        self.what, self.template, self.request = what, template, request
        self.before, self.after = before, after

    def attempt(self, kill_at, folder, number):
        """Kills at that call; True when there was one."""
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(self.template, folder)
        control = Control(folder, kill_at)
        control.arm(number)
        try:
            status = control.ask(*self.request)[0]
        except (OSError, http.client.HTTPException):
            status = None
        is_killed, count = control.end()
        if number != 0 and not is_killed and status != 200:
            fail(f"{self.what}: status {status} though it was not killed")
        control = Control(folder)
        self.check(control, number, status)
        control.end()
        return is_killed, count

    def check(self, control, number, status):
        state = look(control.folder)
        is_after = self.after(state)
        if not is_after and not self.before(state):
            fail(f"{self.what}: killed at call {number}, neither before nor after: {state}")
        if status == 200 and not is_after:
            fail(f"{self.what}: killed at call {number}, answered 200 and forgotten")
        if state[0] is not None:
            shown = control.must("GET", f"certificate/{NAME}")["certificate"]
            if shown["status"] != "good":
                fail(f"{self.what}: killed at call {number}, the certificate is {shown}")
        if not is_after:
            control.must(*self.request)
            if not self.after(look(control.folder)):
                fail(f"{self.what}: killed at call {number}, not repeatable")

    def run(self, kill_at, folder, is_all):
        _, count = self.attempt(kill_at, folder, 0)
        stride = 1 if is_all else max(1, count // SAMPLES)
        killed, number = 0, 1
        while self.attempt(kill_at, folder, number)[0]:
            killed += 1
            number += stride
            if killed > 5000:
                fail(f"{self.what}: no end")
        if killed < min(count // stride, 5):
            fail(f"{self.what}: killed {killed} times only")
        print(f"{self.what}: {count} system calls, killed at {killed} of them")


def prepare(folder, authority):
    """The folders before each step, and the steps."""
    work = f"{folder}/template"
    for name in ("config", "state", "run", "pki"):
        os.makedirs(f"{work}/{name}", 0o700)
    with open(f"{work}/config/rekey.json", "w", encoding="ascii") as f:
        json.dump(CONFIG, f)
    control = Control(work)
    spec = {"name": NAME, "algorithm": "ECC", "ecc_curve": "SECP256R1"}
    ask = ("GET", "certificate-request", {"name": NAME, "common_name": "east.peering"})

    def keep(name):
        nonlocal control
        control.end()
        shutil.copytree(work, f"{folder}/{name}", ignore=shutil.ignore_patterns("*.sock"))
        control = Control(work)
        return f"{folder}/{name}"

    def ingest(pem):
        return "POST", "certificate", {"name": NAME, "certificate": pem}

    with open(authority.path("root.pem"), encoding="ascii") as f:
        control.must("POST", "trusted-ca-certificate", {"name": "root", "content": f.read()})
    control.must("POST", "private-key", spec)
    first = authority.certify(control.must(*ask)["csr"])
    steps = [Step("ingest", keep("ingest"), ingest(first), lambda s: s[0] is None and s[2],
                  lambda s: s[0] == first)]
    control.must(*ingest(first))
    first = look(work)[0]
    old = look(work)[2]
    steps.append(Step(
        "replacement key", keep("key"), ("POST", "private-key", {**spec, "replace": True}),
        lambda s: s == (first, False, old), lambda s: s == (first, True, old)))
    control.must("POST", "private-key", {**spec, "replace": True})
    second = authority.certify(control.must(*ask)["csr"])
    steps.append(Step(
        "replacement certificate", keep("certificate"), ingest(second),
        lambda s: s == (first, True, old), lambda s: s[0] == second and not s[1] and s[2] != old))
    control.end()
    return steps


def main():
    with tempfile.TemporaryDirectory(prefix="rekey-crash.") as folder:
        for step in prepare(folder, Authority(folder)):
            step.run(sys.argv[1], f"{folder}/work", "all" in sys.argv[2:])


if __name__ == "__main__":
    main()
