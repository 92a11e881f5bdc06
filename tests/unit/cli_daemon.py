#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""cli_daemon.py PROGRAM FOLDER: rekeyctl against a daemon that is slow, broken or hostile. Whatever
it answers, rekeyctl ends as it should, and nothing of it drives the terminal. FOLDER has terminal.py."""
import concurrent.futures
import fcntl  # noqa: F401: not for the first time between fork and exec
import functools
import http.server
import json
import os
import re
import signal
import socketserver
import subprocess
import sys
import tempfile
import termios
import threading
import time

sys.path.insert(0, sys.argv[2])
from terminal import Terminal  # noqa: E402

ESC = "\x1b[2J\x9b2J\x1b]0;title\x07\x7f"
NASTY = {ESC: ESC, "name": ESC, "status": ESC, "a\nb": "c\nd"}
LONG = "x" * 20000


def everywhere(leaf):
    """The shapes of all answers at once, each field the leaf."""
    element = {k: leaf for k in (
        "name", "status", "id", "time", "severity", "source", "category", "message", "type", "user",
        "address", "description", "detail", "url", "issuer", "number", "comment", "origin", "role",
        "validation_mode", "pem", "certificate", "security_status", "group", "key_age_ms", "state",
        "title", "path", "old", "new", "warnings", "findings", "help", "kind", "field")}
    element.update({"paths": [element.copy()], "certificates": [element.copy()],
                    "certificate": element.copy(), "items": [element.copy()]})
    lists = ("peers", "alarms", "events", "sources", "entries", "users", "certificates", "parts",
             "trusted_ca_certificates", "enrolments", "ca_profiles", "changes", "errors", "warnings",
             "items", "checks")
    return {**{name: [element] for name in lists}, "configuration": element, "control": element,
            "dataplane": element, "publication": element, "csr": leaf, "local_certificate": element,
            "peer_certificate": element, "levels": element}


def answers():
    """name: (status, body)"""
    yield "nothing", (200, b"")
    yield "no content", (204, b"")
    yield "no JSON", (200, b"<html>\x1b[2J</html>")
    yield "half", (200, b'{"peers":[{"name":"a"')
    yield "twice", (200, b'{"peers":1,"peers":2}')
    yield "deep", (200, b"[" * 100000 + b"]" * 100000)
    yield "not UTF-8", (200, b'{"peers":[{"name":"\xff\x1b"}]}')
    yield "list", (200, b"[1,2,null]")
    yield "number", (200, b"7")
    for leaf in (ESC, None, -1, 1e300, True, [], {}, [[ESC]], NASTY):
        yield f"everywhere {str(leaf)[:12]!r}", (200, json.dumps(everywhere(leaf)).encode())
    yield "long", (200, json.dumps({name: [{"name": LONG, "message": LONG, "id": LONG}]
                                    for name in ("peers", "alarms", "users", "errors")}).encode())
    yield "nested", (200, b'{"a":' * 2000 + b"1" + b"}" * 2000)
    yield "elsewhere", (302, b"")
    yield "error", (500, json.dumps({"error": {"code": ESC, "message": ESC, "detail": NASTY}}).encode())
    yield "page", (502, b"<h1>\x1b[2J</h1>")
    yield "refused", (422, json.dumps({"error": {"code": "x", "message": "no", "detail": everywhere(ESC)}}).encode())


class Daemon(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
    request_queue_size = 64
    status, body, delay, is_cut = 200, b"{}", 0, False

    def handle_error(self, request, client_address):
        """A client that goes away is nobody's fault."""


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self):
        server = self.server
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        time.sleep(server.delay)
        try:
            self.send_response(server.status)
            if server.status == 302:
                self.send_header("Location", "http://127.0.0.1:1/")
            self.send_header("Content-Length", str(len(server.body) + (100 if server.is_cut else 0)))
            self.end_headers()
            self.wfile.write(server.body)
            self.close_connection = server.is_cut
        except (BrokenPipeError, ConnectionResetError):
            pass

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = answer

    def address_string(self):
        return "here"

    def log_message(self, *args):
        pass


def commands(program):
    """Those that need no more than their words, and what changes something."""
    text = subprocess.run([program, "--print-manual"], capture_output=True, text=True, check=True).stdout
    forms = re.findall(r"^\*([a-z -]+)\*(.*)$", text, re.MULTILINE)
    for words, rest in forms:
        needs = re.sub(r"\[+[^\[\]]*\]+", "", rest.replace("[*name*] ", "")).strip()
        if words.split()[0] in ("exit", "top", "up", "help", "pki", "watch", "login", "logout", "configure"):
            continue
        yield words.split() + (["x"] if needs.startswith("_") else [])
    yield "show peers security".split()
    yield "show peers certificate".split()
    yield "show events detail".split()
    yield "show certificate detail".split()
    yield "delete user x force".split()
    yield "commit force".split()


def run(program, folder, words):
    return subprocess.run([program, "--run-dir", folder, *words], stdin=subprocess.DEVNULL,
                          capture_output=True, timeout=30)


def judge(name, words, code, said):
    """Controls of its own rekeyctl prints only on a terminal, which this is not."""
    control = re.search(rb"[\x00-\x08\x0b-\x1f\x7f]|\xc2[\x80-\x9f]|\xe2\x80[\xa8-\xae]", said)
    if code in (0, 1, 2, 3, 4) and not control:
        return 0
    at = max(control.start() - 150, 0) if control else 0
    print(f"{name}: {words}: status {code}: {said[at:at + 300]!r}")
    return 1


PARTS = 4  # that the answers are shared out to


def hostile(part, program, folder, server):
    """All commands in one script where the answer is taken; some by themselves where it is not."""
    wrong = 0
    lines = [" ".join(words) for words in commands(program)]
    for name, (server.status, server.body) in list(answers())[part::PARTS]:
        left = lines if server.status == 200 else lines[::9]
        while left:
            r = subprocess.run([program, "--run-dir", folder], input="\n".join(left).encode(),
                               capture_output=True, timeout=60)
            at = re.search(rb"stopped at command (\d+)", r.stderr)
            wrong += judge(name, left[0] + ", ...", r.returncode, r.stdout + r.stderr)
            left = left[int(at.group(1)):][:40] if at else []
            if at and name in ("no JSON", "half", "twice", "deep", "not UTF-8", "number"):
                left = left[8:]
    return wrong


def hostile_otherwise(program, folder, server):
    """As JSON, to the completion, and cut off."""
    wrong = 0
    for words in ("show peers", "show config", "show events detail", "commit force"):
        server.status, server.body = 200, json.dumps(everywhere(ESC)).encode()
        r = run(program, folder, ["-j", *words.split()])
        wrong += judge("JSON", words, r.returncode, b"")
    for words in ("show peers ", "show alarms ", "configure ", "configure authority ", "rollback "):
        r = run(program, folder, ["--complete", "--run-dir", folder, *words.split(" ")])
        wrong += judge("completion", words, r.returncode, r.stdout.replace(b"\t", b" ") + r.stderr)
    server.status, server.body, server.is_cut = 200, b'{"peers":[]}', True
    r = run(program, folder, ["show", "peers"])
    if r.returncode != 3:
        print(f"an answer that is cut: status {r.returncode}")
        wrong += 1
    return wrong


def slow(program, folder, server):
    server.body, server.delay = b'{"status":"ok","user":"admin","node":"n","router":"r"}', 2.5
    t = Terminal([program, "--run-dir", folder, "show", "health"])
    t.wait_for("Retrieving health... ")
    t.wait_for("Completed in ")
    assert t.close() == 0
    r = run(program, folder, ["show", "health"])
    assert r.returncode == 0 and r.stderr == b"", r


def interrupted(program, folder, server):
    """CTRL-C stops a call, not the shell."""
    server.body = b'{"status":"ok","user":"admin","node":"n","router":"r"}'
    t = Terminal([program, "--run-dir", folder])
    t.wait_for("admin@n.r# ")
    server.delay = 20
    t.type("show health\n")
    t.wait_for("Retrieving health... ")
    t.type("\x03")
    t.wait_for("stopped")
    server.delay = 0
    t.wait_for("admin@n.r# ")
    t.type("exit\n")
    assert t.close() == 0


def ended_by_signal(program, folder, _):
    """Without echo nobody could work in a terminal."""
    for argv in (["user", "password", "x"], []):
        t = Terminal([program, "--run-dir", folder, *argv])
        before = termios.tcgetattr(t.fd)[3]
        t.wait_for("New password for x: " if argv else "# ")
        assert not termios.tcgetattr(t.fd)[3] & termios.ECHO
        os.kill(t.pid, signal.SIGTERM)
        status = t.close(keep=True)
        after = termios.tcgetattr(t.fd)[3]
        os.close(t.fd)
        assert status == -signal.SIGTERM, status
        assert after & termios.ECHO and after & termios.ICANON, (argv, before, after)


def beside(check, program):
    """One check with a daemon of its own: they mostly wait, so all run at once."""
    with tempfile.TemporaryDirectory() as folder:
        server = Daemon(os.path.join(folder, "control.sock"), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            return check(program, folder, server)
        finally:
            server.shutdown()


def hostile_certificate(program, folder, _server):
    """What a stranger's certificate says of itself is shown, too."""
    file = os.path.join(folder, "bad.pem")
    subprocess.run(["openssl", "req", "-x509", "-utf8", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                    "-nodes", "-keyout", os.devnull, "-out", file, "-subj", "/CN=a\x9b2Jb\u202ec"],
                   check=True, capture_output=True)
    r = run(program, folder, ["pki", "verify", "--anchors", file, file])
    assert b"CN=a" in r.stdout, r
    wrong = judge("certificate", "pki verify", r.returncode, r.stdout + r.stderr)
    r = run(program, folder, ["pki", "verify", "--json", "--anchors", file, file])
    return wrong + judge("certificate", "pki verify --json", r.returncode, r.stdout + r.stderr)


def token_of_all(program, folder, _server):
    """A token that everybody on the machine can read is as good as none."""
    file = os.path.join(folder, "token")
    wrong = 0
    for mode, is_refused in (0o604, True), (0o602, True), (0o640, False), (0o600, False):
        with open(file, "w") as f:
            f.write("Bearer\n")
        os.chmod(file, mode)
        r = run(program, folder, ["--url", "https://localhost:1", "--token-file", file, "show", "peers"])
        if r.returncode == 0 or (b"chmod" in r.stderr) != is_refused:
            print(f"token file with {mode:o}: {r}")
            wrong = 1
    return wrong


def main(program):
    program = os.path.realpath(program)
    with tempfile.TemporaryDirectory() as home, concurrent.futures.ThreadPoolExecutor(PARTS + 6) as pool:
        os.environ["HOME"] = home
        running = [pool.submit(beside, check, program)
                   for check in (slow, interrupted, ended_by_signal, hostile_otherwise, hostile_certificate,
                                 token_of_all,
                                 *(functools.partial(hostile, part) for part in range(PARTS)))]
        return 1 if any([r.result() for r in running]) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
