#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""cli_screen.py PROGRAM FOLDER: rekeyctl as a person sits before it: every question answered with CTRL-C
and CTRL-D, help at every level, 40 columns, names of any letters, watch, what is told of long work, the
history. FOLDER has terminal.py."""
import concurrent.futures
import fcntl
import functools
import json
import os
import signal
import stat
import struct
import subprocess
import sys
import tempfile
import termios
import threading
import time

from cli_daemon import Daemon, Handler
from terminal import Terminal, clean

PROMPT = "admin@n.r# "
CTRL_C, CTRL_D = "\x03", "\x04"
NAME = "größe-東京"
SESSION = {"status": "ok", "user": "uid:0", "role": "admin", "node": "n", "router": "r", "peers": [{"name": NAME}],
           "users": [{"name": NAME, "role": "viewer", "full_name": "x", "is_enabled": True, "has_password": True}]}
SCHEMA = {"version": 2, "items": [{"field": "router", "kind": "object", "help": "This router.", "items": [
    {"field": "name", "kind": "text", "help": "Its name."}, {"field": "note", "kind": "text-block", "help": "A text."}]}]}
PIECE = b"x" * 1500000 + b"\n"


class Sitter(Handler):
    """Counts what is changed, and remembers what was asked for."""
    def answer(self):
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.server.is_down:
            self.close_connection = True
            return
        self.server.asked.append((self.command, self.path))
        if "/entry" in self.path:
            self.send_response(200)
            self.end_headers()
            for _ in range(3):
                self.wfile.write(PIECE)
                time.sleep(0.6)
            self.close_connection = True
            return
        time.sleep(self.server.delay)
        data = json.dumps(SCHEMA if self.path.endswith("/schema") else SESSION).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = answer


def open_daemon(folder):
    server = Daemon(os.path.join(folder, "control.sock"), Sitter)
    server.asked, server.is_down = [], False
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def require(is_so, what, shown):
    if not is_so:
        sys.exit(f"{what}; shown:\n{shown!r}")


# Each command that asks, up to each of its questions.
QUESTIONS = [
    (["commit"], [("[y/N]: ", None)]),
    (["discard"], [("[y/N]: ", None)]),
    (["rollback", "1"], [("[y/N]: ", None)]),
    (["delete", "user", "x"], [("[y/N]: ", None)]),
    (["user", "password", "x"], [("New password for x: ", "abcdefgh\n"), ("Again: ", None)]),
    (["create", "user", "x", "role", "viewer"], [("New password for x: ", "abcdefgh\n"), ("Again: ", None)]),
    (["create", "certificate", "request"], [("(2 letter code): ", "US\n"), ("province name: ", "x\n"), ("IP Address: ", None)]),
    (["import", "certificate"], [("to finish):\n", "abc\n"), ("abc\n", None)]),
    (["import", "trusted-ca-certificate", "x"], [("to finish):\n", None)]),
    (["configure", "router", "note"], [("to finish):\n", None)]),
]


def answered(program, folder, key, question):
    """Not done, status 1, a reason on a line of its own; nothing was asked of the daemon but to look."""
    words, steps = question
    server = open_daemon(folder)
    for cnt in range(len(steps)):
        t = Terminal([program, "--run-dir", folder, *words])
        for prompt, answer in steps[:cnt]:
            if words[-1] == "request" and prompt == "province name: ":
                for _ in range(7):
                    t.type("x\n")
                continue
            t.wait_for(prompt)
            t.type(answer)
        t.wait_for(steps[cnt][0])
        t.type(key)
        status = t.close()
        shown = clean(t.seen)
        is_text = key == CTRL_D and "to finish" in shown
        require(status == 1 or (is_text and words[0] == "configure"), f"{words} ended by {key!r}: status {status}", shown)
        require("\nrekeyctl: " in shown or status == 0, f"{words} ended by {key!r}: no reason", shown)
        require("system call" not in shown and "No data" not in shown, f"{words}: a reason for programmers", shown)
    changes = [what for what in server.asked if what[0] != "GET"]
    require(not changes or key == CTRL_D and words[0] == "configure", f"{words}: done all the same", changes)
    server.shutdown()


def help_everywhere(program, folder, _):
    """Each word of each command stands in the help of the place before it."""
    tree = json.loads(subprocess.run([program, "help", "-j"], capture_output=True, text=True, check=True).stdout)
    asked = []
    for command in tree["commands"]:
        words = command["words"].split()
        asked += [(" ".join(words[:i]), words[i]) for i in range(len(words))]
        asked += [(command["words"], p["keyword"]) for p in command["parameters"] if p["keyword"]]
    r = subprocess.run([program, "--run-dir", folder], input="".join(f"{place} ?\nhelp watch\n" for place, _ in asked),
                       capture_output=True, text=True, timeout=60, check=False)
    shown = r.stdout.split("usage: rekeyctl watch")
    require(r.returncode == 0 and len(shown) == len(asked) + 1, "help does not come", r.stdout[-500:] + r.stderr)
    for (place, word), text in zip(asked, shown):
        require(f"\n  {word} " in "\n" + text, f"{place} ?: no {word}", text)


def narrow(program, folder, server):
    """On 40 columns, with a prompt that is longer in places; a line is edited and does what it says."""
    t = Terminal([program, "--run-dir", folder], {"LC_ALL": "C.UTF-8"}, columns=40)
    t.wait_for(PROMPT)
    t.type("configure router\n")
    t.wait_for("admin@n.r (router)# ")
    t.type("name a-very-long-name-that-takes-more-than-a-line-of-theeX" + "\x7f" * 2 + "-screen\n")
    t.type("top\nshow peers name " + NAME + "x\x7f\n")
    t.wait_for("Retrieving peers")
    t.wait_for("Completed")
    t.type(CTRL_D)
    require(t.close() == 0, "status", t.seen)
    require(any("%E6%9D%B1%E4%BA%AC/security" in path for _, path in server.asked), "the name that was typed", server.asked)
    # Columns line up by what a letter takes on the screen, not by its bytes.
    t = Terminal([program, "--run-dir", folder, "show", "user"], {"LC_ALL": "C.UTF-8"}, columns=40)
    require(t.close() == 0, "status", t.seen)
    lines = [line for line in clean(t.seen).split("\n") if "viewer" in line or " Role" in line]
    require(len(lines) == 2 and lines[0].index("Role") == lines[1].index("viewer") + 2, "columns of wide letters", lines)


def watched(program, folder, server):
    """Goes on when the window changes and while the daemon is started again; CTRL-C ends it."""
    t = Terminal([program, "--run-dir", folder, "watch", "interval", "0.2", "show", "health"])
    t.wait_for("Completed")
    require("\x1b[H\x1b[2J" in t.seen, "the screen is not cleared", t.seen)
    fcntl.ioctl(t.fd, termios.TIOCSWINSZ, struct.pack("HHHH", 20, 40, 0, 0))
    t.wait_for("Completed")
    server.is_down = True
    t.wait_for("does not answer")
    server.is_down = False
    t.wait_for("Completed")
    t.type(CTRL_C)
    require(t.close() in (0, -signal.SIGINT), "status after CTRL-C", t.seen)
    r = subprocess.run([program, "--run-dir", folder, "watch", "interval", "0.1", "count", "3", "show", "health"],
                       capture_output=True, text=True, timeout=20, check=False)
    require(r.returncode == 0 and r.stdout.count("Completed") == 3 and "\x1b" not in r.stdout, "into a pipe", r)
    server.is_down = True
    r = subprocess.run([program, "--run-dir", folder, "watch", "show", "health"], capture_output=True, text=True,
                       timeout=20, check=False)
    require(r.returncode == 3, "watching what was never there", r)


def long_work(program, folder, server):
    """Told on a terminal only, not amid what goes to it, and without sequences on one that knows none."""
    argv = [program, "--run-dir", folder, "export", "certificate-revocation"]
    t = Terminal(["/bin/sh", "-c", '"$@" >"$0"', f"{folder}/exported", *argv])
    require(t.close() == 0, "export", t.seen)
    require("Exporting revoked certificates... " in t.seen and " MB" in t.seen, "no word of an export", t.seen)
    require(os.path.getsize(f"{folder}/exported") == 3 * len(PIECE), "another size", os.path.getsize(f"{folder}/exported"))
    t = Terminal(argv)
    require(t.close() == 0 and "Exporting" not in t.seen, "a word amid the export", t.seen[:200])
    server.delay = 1.5
    t = Terminal([program, "--run-dir", folder, "refresh", "certificate-revocation"], {"TERM": "dumb"})
    require(t.close() == 0 and "\x1b" not in t.seen and "... 1" not in t.seen, "sequences on a dumb terminal", t.seen)
    t = Terminal([program, "--run-dir", folder, "create", "private-key", "algorithm", "RSA", "size", "4096"])
    t.wait_for("Creating private key... ")
    require(t.close() == 0, "status", t.seen)
    r = subprocess.run([program, "--run-dir", folder, "commit", "force"], capture_output=True, timeout=20, check=False)
    require(r.returncode == 0 and r.stderr == b"", "told where there is no terminal", r)


def history(program, folder, _):
    """Kept line by line, 0600, no password in it; what stands in its place and is no file stays as it was."""
    path = f"{folder}/home/.rekeyctl_history"
    os.mkdir(os.path.dirname(path))
    with open(path, "w", encoding="ascii") as f:
        f.write("_HiStOrY_V2_\nshow\\040version\n")
    os.chmod(path, 0o644)
    env = {"HOME": os.path.dirname(path)}
    t = Terminal([program, "--run-dir", folder], env)
    t.wait_for(PROMPT)
    t.type("\x1b[A")
    t.wait_for("show version")
    t.type(CTRL_C)
    t.wait_for(PROMPT)
    t.type("user password x\n")
    t.wait_for("New password for x: ")
    t.type("secret-1234\n")
    t.wait_for("Again: ")
    t.type("secret-1234\n")
    t.wait_for(PROMPT)
    os.kill(t.pid, signal.SIGKILL)
    t.close()
    with open(path, encoding="ascii") as f:
        kept = f.read()
    require("show\\040version\n" in kept and "user\\040password\\040x" in kept and "secret" not in kept, "the history", kept)
    require(stat.S_IMODE(os.stat(path).st_mode) == 0o600, "its mode", oct(os.stat(path).st_mode))
    os.unlink(path)
    ours, device = os.openpty()
    os.symlink(os.ttyname(device), path)
    before = os.fstat(device).st_mode
    t = Terminal([program, "--run-dir", folder], env)
    t.wait_for(PROMPT)
    t.type("show health\nexit\n")
    require(t.close() == 0 and os.fstat(device).st_mode == before, "a device in its place", t.seen)
    os.close(ours)
    os.close(device)


def typed_ahead(program, folder, _):
    """In the shell CTRL-C answers a question with no, and the shell goes on."""
    t = Terminal([program, "--run-dir", folder])
    for key in (CTRL_C, CTRL_D):
        t.wait_for(PROMPT)
        t.type("discard\n")
        t.wait_for("[y/N]: ")
        t.type(key)
        t.wait_for("not done")
    t.wait_for(PROMPT)
    t.type("half a line" + CTRL_C)
    t.wait_for(PROMPT)
    t.type("exit\n")
    require(t.close() == 0, "status", t.seen)


def beside(check, program):
    """One check in a folder of its own: a question's answers bring their daemon."""
    with tempfile.TemporaryDirectory() as folder:
        if isinstance(check, functools.partial):
            check(program, folder)
            return
        server = open_daemon(folder)
        check(program, folder, server)
        server.shutdown()


def main(program):
    program = os.path.realpath(program)
    with tempfile.TemporaryDirectory() as home, concurrent.futures.ThreadPoolExecutor(6) as pool:
        os.environ["HOME"] = home
        checks = [help_everywhere, narrow, watched, long_work, history, typed_ahead]
        checks += [functools.partial(answered, key=key, question=q) for q in QUESTIONS for key in (CTRL_C, CTRL_D)]
        for r in [pool.submit(beside, check, program) for check in checks]:
            r.result()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
