#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""on_terminal.py PROGRAM RUN-DIR URL CA-FILE PASSWORD: line editing, completion, '?', CTRL-C, colour,
logging in."""
import subprocess
import sys

from terminal import Terminal, clean

PROMPT = "admin@node0.east# "
CTRL_C, CTRL_D, UP, TAB = "\x03", "\x04", "\x1b[A", "\t"


def require(is_so, what, t):
    if not is_so:
        sys.exit(f"{what}; shown:\n{t.seen!r}")


def shell(argv):
    t = Terminal(argv)
    t.wait_for(PROMPT)
    t.type("sho" + TAB + "hea" + TAB + "\n")
    t.wait_for("show health ")
    t.wait_for("Retrieving health")
    t.wait_for(PROMPT)
    t.type("show certificate?")
    t.wait_for("every source of revocation".capitalize())
    t.wait_for(PROMPT + "show certificate")
    t.type(CTRL_C)
    t.wait_for("^C")
    require("Retrieving" not in t.wait_for(PROMPT), "what was thrown away is done", t)
    t.type("show peers name " + TAB)
    t.wait_for("west ")
    t.type("\n")
    t.wait_for("Retrieving peers")
    t.wait_for(PROMPT)
    t.type(UP)
    t.wait_for("show peers name west")
    t.type(CTRL_C)
    t.wait_for(PROMPT)
    t.type("configure authority enh" + TAB + "?")
    t.wait_for("true")
    t.type(CTRL_C)
    t.wait_for(PROMPT)
    t.type("configure authority\n")
    t.wait_for("(authority)# ")
    t.type("security-key-management peer-key-rekey-interval ?")
    t.wait_for("1-720 hours or never, default 24")
    t.type(CTRL_C)
    t.wait_for("(authority)# ")
    t.type("trusted-ca-certificate half\n")
    t.wait_for("(trusted-ca-certificate[name=half])# ")
    t.type("content\nabc" + CTRL_C)
    t.wait_for("is left as it was")
    t.wait_for("[name=half])# ")
    t.type("exit\nexit\ndiscard\n")
    t.wait_for("[y/N]: ")
    t.type("y\n")
    t.wait_for("discarded")
    # Pasted from a file of the other system: its line ends are one each, for answers, too.
    text = "-----BEGIN X-----\r\nAA==\r\n-----END X-----\r\n"
    t.type("configure authority\r\ntrusted-ca-certificate crlf\r\ncontent\r\n" + text + CTRL_D
           + "validation-mode warn\r\ntop\r\nshow config candidate -j\r\nshow health\r\n")
    shown = t.wait_for("Retrieving health")
    require("-----BEGIN X-----\\nAA==\\n-----END X-----\\n" in shown, "line ends of a paste", t)
    require(shown.count("admin@node0.east") == 7, f"line ends of commands: {shown!r}", t)
    t.wait_for(PROMPT)
    t.type("discard\r\ny\r\nshow alarms\r\n")
    t.wait_for("discarded")
    require(t.wait_for("Retrieving alarms").count(PROMPT) == 1, "an answer's line end is a line", t)
    t.wait_for(PROMPT)
    t.type("watch interval 60 show health\n")
    t.wait_for("Completed in")
    t.type(CTRL_C)
    t.wait_for(PROMPT)
    t.type(CTRL_D)
    require(t.close() == 0, "exit status", t)


def colour(argv):
    t = Terminal(argv + ["show", "peers"])
    require(t.close() == 0 and "\x1b[32mup\x1b[0m" in t.seen, "no colour on a terminal", t)
    t = Terminal(argv + ["show", "peers"], {"NO_COLOR": "1"})
    require(t.close() == 0 and "\x1b[" not in t.seen, "colour in spite of NO_COLOR", t)


def password(argv):
    t = Terminal(argv + ["user", "password", "admin"])
    t.wait_for("New password for admin: ")
    t.type("first-password-1234\n")
    t.wait_for("Again: ")
    t.type("other-password-1234\n")
    require(t.close() == 1, "two passwords that differ", t)
    require("password-1234" not in clean(t.seen), "a password is shown", t)


def login(program, argv, url, ca_file, secret):
    t = Terminal([program, "--url", url, "--cacert", ca_file])
    t.wait_for("Username: ")
    t.type("admin\n")
    t.wait_for("Password for admin: ")
    t.type(secret + "\n")
    t.wait_for(PROMPT)
    t.type("show alarms\n")
    t.wait_for("Completed in")
    t.wait_for(PROMPT)
    subprocess.run([*argv, "delete", "user", "tokens", "admin", "force"], check=True,
                   stdout=subprocess.DEVNULL)
    t.type("show alarms\n")
    t.wait_for("has ended")
    t.wait_for("Username: ")
    t.type("admin\n")
    t.wait_for("Password for admin: ")
    t.type(secret + "\n")
    t.wait_for("Completed in")
    t.wait_for(PROMPT)
    t.type("exit\n")
    require(t.close() == 0, "exit status", t)
    require(secret not in t.seen, "the password is shown", t)


def main(program, run_dir, url, ca_file, secret):
    argv = [program, "--run-dir", run_dir]
    shell(argv)
    colour(argv)
    password(argv)
    login(program, argv, url, ca_file, secret)


if __name__ == "__main__":
    main(*sys.argv[1:])
