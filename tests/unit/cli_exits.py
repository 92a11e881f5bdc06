#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""cli_exits.py PROGRAM FOLDER: every command of the tree, by what rekeyctl says of itself, against a
daemon that is not there, dies, babbles, refuses, warns and obeys: each ends with the documented exit
status, says why on standard error, and with -j prints JSON or nothing. FOLDER has terminal.py."""
import concurrent.futures
import json
import os
import subprocess
import sys
import tempfile
import threading
import time

from cli_daemon import Daemon, Handler

# No daemon is asked: what they end with instead.
ALONE = {"help": 0, "exit": 2, "top": 2, "up": 2, "login": 2, "logout": 2, "pki verify": 2}
ITEM = ["router", "name", "east"]
SCHEMA = {"version": 2, "items": [{"field": "router", "kind": "object", "help": "This router.",
                                   "items": [{"field": "name", "kind": "text", "help": "Its name."}]}]}
GOOD = {"is_intact": True, "configuration": {}, "csr": "", "sources": [], "errors": [], "number": 7}
FINDING = {"path": "router.name", "code": "x", "message": "not what it should be"}
MODES = {
    "obeys": (200, GOOD),
    "warns": (200, {**GOOD, "warnings": [FINDING]}),
    "falls short": (200, {**GOOD, "sources": [{"failures": 0}, {"failures": 2}]}),
    "refuses": (422, {"error": {"code": "no", "message": "it is not allowed", "detail": [FINDING]}}),
    "babbles": (200, None),
    "dies": (0, None),
    "is cut off": (-1, None),
}


class Actor(Handler):
    def answer(self):
        status, body = MODES[self.server.mode]
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if getattr(self.server, "starting", 0) > 0:
            self.server.starting -= 1
            status, body = 503, {"error": {"code": "starting", "message": "keys are read", "detail": None}}
        elif self.path.endswith("/schema") and status in (200, 422):
            status, body = 200, SCHEMA
        if status == 0:
            self.close_connection = True
            return
        data = json.dumps(body).encode() if body is not None else b"<html>"
        self.send_response(status if status > 0 else 200)
        self.send_header("Content-Length", str(len(data) + (1000 if status < 0 else 0)))
        self.end_headers()
        self.wfile.write(data)
        self.close_connection = status < 0

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = answer


def value_of(command, p, pem):
    """Words that stand for a parameter in full."""
    if p["is_rest"]:
        return ["show", "health"] if command == "watch" else ITEM[:3 if command == "configure" else 2]
    if p["value"] is None:
        return [p["keyword"]]
    value = p["values"][0] if p["values"] else {"N": "1", "FILE": pem, "LEVEL": "info"}.get(p["value"], "west")
    return ([p["keyword"]] if p["keyword"] else []) + [value]


def words_of(command, pem, without=None):
    """The command with all that it needs, no question asked; without: one of those left out."""
    words = command["words"].split()
    if command["words"] == "watch":
        words += ["count", "1"]
    for p in command["parameters"]:
        if p is not without and (p["is_required"] or p["keyword"] in ("force", "file", "common-name")):
            words += value_of(command["words"], p, pem)
    return words


class Case:
    def __init__(self, program, folder, server, pem):
        self.program, self.folder, self.server, self.pem, self.wrong, self.cnt = program, folder, server, pem, 0, 0

    def run(self, what, words, statuses, says=""):
        """Ends with one of the statuses; a failure is told."""
        r = subprocess.run([self.program, "--run-dir", self.folder, *words], input="a-password-1234\n", text=True,
                           capture_output=True, timeout=60, check=False)
        told = r.stderr if r.returncode not in (0, 4) else "-"
        self.cnt += 1
        if r.returncode not in statuses or not told or says not in r.stderr:
            self.wrong += 1
            print(f"{what}: {' '.join(words)}: status {r.returncode}, not {statuses}: {(r.stdout + r.stderr)[:300]!r}")
        return r

    def json(self, what, words, statuses):
        """Standard output is JSON values, or nothing when it failed."""
        text = self.run(what, ["-j", *words], statuses).stdout.strip()
        try:
            while text:
                text = text[json.JSONDecoder().raw_decode(text)[1]:].strip()
        except ValueError:
            self.wrong += 1
            print(f"{what}: {words} with -j: no JSON: {text[:200]!r}")


def is_change(command, changes=("commit", "rollback", "validate")):
    verb = command["words"].split()[0]
    return verb in ("create", "delete", "edit", "import", "refresh", "reload", "rotate", "start", "user") + changes


def usage(case, command):
    """What cannot be meant is 2, before anybody is asked."""
    words = words_of(command, case.pem)
    if not any(p["is_rest"] for p in command["parameters"]):
        case.run("too many words", [*words, "zz1", "zz2"], {2})
        case.run("an option that is none", [*words, "--nonsense"], {2})
    for p in command["parameters"]:
        if p["is_required"]:
            case.run("a value left out", words_of(command, case.pem, p), {2})
        if p["values"]:
            case.run("a value that is none", [*words_of(command, case.pem, p), p["keyword"], "zz"], {2})
        if p["value"] and p["keyword"] and not p["is_rest"]:
            case.run("a keyword without its value", [*words_of(command, case.pem, p), p["keyword"]], {2})


def without_daemon(case, command):
    name = command["words"]
    words = words_of(command, case.pem)
    if name in ALONE:
        case.run("alone", words, {ALONE[name]})
        return
    case.run("no daemon", words, {3}, "does not answer")
    case.json("no daemon", words, {3})


def with_daemon(case, command):
    """All modes of one command."""
    name = command["words"]
    words = words_of(command, case.pem)
    if name in ALONE:
        return
    warned = {4} if is_change(command) and name not in ("delete config", "commit confirm") else {0}
    for case.server.mode, statuses in (
            ("obeys", {0}), ("warns", warned), ("refuses", {1})):
        says = "not allowed" if case.server.mode == "refuses" else ""
        case.run(case.server.mode, words, statuses, says)
        case.json(case.server.mode, words, statuses)
    if name.endswith("certificate-revocation") and not name.startswith("export"):
        case.server.mode = "falls short"
        case.run("falls short", words, warned)
        case.json("falls short", words, warned)
    case.server.mode = "babbles"
    # What goes to a file as it comes is not looked into.
    case.run("babbles", words, {0} if name.startswith("export") else {3})
    case.server.mode = "dies"
    case.run("dies", words, {3}, "may be done" if is_change(command, ("rollback",)) and
             name not in ("delete config", "user password") and not name.startswith("validate") else "")
    case.server.mode = "is cut off"
    case.run("is cut off", words, {3})


def share(program, commands, pem):
    """Some commands, with a daemon of their own: they wait more than they work."""
    with tempfile.TemporaryDirectory() as folder:
        nobody = Case(program, folder, None, pem)
        for command in commands:
            usage(nobody, command)
            without_daemon(nobody, command)
        server = Daemon(os.path.join(folder, "control.sock"), Actor)
        server.mode = "obeys"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        case = Case(program, folder, server, pem)
        try:
            for command in commands:
                with_daemon(case, command)
        finally:
            server.shutdown()
    return nobody.cnt + case.cnt, nobody.wrong + case.wrong


def readers_that_leave(program, folder):
    """Whoever reads no more is no error to complain of, and ends what goes on."""
    server = Daemon(os.path.join(folder, "control.sock"), Actor)
    server.mode = "obeys"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    wrong = 0
    many = "show health\n" * 2000
    for words, text in ((["watch", "interval", "0.05", "show", "health"], ""), (["show", "tech-support"], ""),
                        (["export", "certificate-revocation"], ""), (["help"], ""), ([], many)):
        with subprocess.Popen([program, "--run-dir", folder, *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True) as p:
            p.stdout.close()
            began = time.monotonic()
            try:
                p.stdin.write(text)
                p.stdin.close()
            except BrokenPipeError:
                pass
            said = p.stderr.read()
            status = p.wait(timeout=30)
        if status != 1 or said or time.monotonic() - began > 20:
            print(f"{words}, unread: status {status}: {said[:300]!r}")
            wrong += 1
    with open("/dev/full", "w", encoding="utf-8") as full:
        r = subprocess.run([program, "--run-dir", folder, "show", "health"], stdout=full, stderr=subprocess.PIPE,
                           text=True, check=False)
    if r.returncode != 1 or r.stderr.count("could not be written") != 1:
        print(f"on a full disk: {r}")
        wrong += 1
    server.shutdown()
    return wrong


def daemon_that_starts(program, folder):
    """Is waited for, but not by whoever asks how it is."""
    server = Daemon(os.path.join(folder, "control.sock"), Actor)
    server.mode = "obeys"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    case = Case(program, folder, server, "")
    server.starting = 3
    case.run("starts", ["rotate", "security", "peer-key", "all"], {0})
    case.run("a text that begins with dashes", ["configure", *ITEM[:2], "-----BEGIN X-----\n"], {0})
    case.run("words after dashes", ["--", *ITEM[:1]], {2}, "no such command")
    case.run("an option amid words", ["show", "-j", "health"], {0})
    server.starting = 1
    case.run("starts", ["show", "health"], {1}, "keys are read")
    server.shutdown()
    return case.wrong


def main(program):
    program = os.path.realpath(program)
    tree = json.loads(subprocess.run([program, "help", "-j"], capture_output=True, text=True, check=True).stdout)
    commands = tree["commands"]
    with tempfile.TemporaryDirectory() as home, concurrent.futures.ThreadPoolExecutor(5) as pool:
        os.environ["HOME"] = home
        pem = os.path.join(home, "some.pem")
        with open(pem, "w", encoding="ascii") as f:
            f.write("-----BEGIN CERTIFICATE-----\n")
        running = [pool.submit(share, program, commands[i::4], pem) for i in range(4)]
        left = readers_that_leave(program, home)
        os.mkdir(f"{home}/starts")
        left += daemon_that_starts(program, f"{home}/starts")
        cnt = sum(r.result()[0] for r in running)
        wrong = sum(r.result()[1] for r in running) + left
    print(f"{len(commands)} commands, {cnt} runs, {wrong} wrong")
    return 1 if wrong or len(commands) < 50 else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
