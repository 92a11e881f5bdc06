#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""dialogue.py HOW PROGRAM RUN-DIR PEM NAME: the documented dialogue that installs a trusted CA
certificate, prompts and all. HOW: typed (line by line on a terminal, each prompt awaited), pasted
(into a terminal in one go, at the first prompt), ahead (the same before there is a prompt) or piped
(standard input is no terminal)."""
import subprocess
import sys

from terminal import Terminal, clean

AT = "admin@conductor-east-1.RTR_EAST_CONDUCTOR"
QUESTION = "Are you sure you want to commit the candidate config? [y/N]: "
CTRL_D = "\x04"


def steps(pem, name):
    """(the prompt, what is typed after it)"""
    inner = f"{AT} (trusted-ca-certificate[name={name}])# "
    return [
        (f"{AT}# ", "config authority\n"),
        (f"{AT} (authority)# ", f"trusted-ca-certificate {name}\n"),
        (inner, "content\n"),
        ("Enter plain for content (Press CTRL-D to finish):\n", pem + CTRL_D),
        (inner, "validation-mode warn\n"),
        (inner, "top\n"),
        (f"{AT}# ", "commit\n"),
        (QUESTION, "y\n"),
        ("⚠ Validating, then committing...\n", ""),
        ("Configuration committed\n", ""),
    ]


def require(is_so, what, transcript):
    if not is_so:
        sys.exit(f"{what}; shown:\n{transcript}")


def typed(argv, pem, name):
    t = Terminal(argv, columns=80)
    for prompt, text in steps(pem, name):
        t.wait_for(prompt)
        t.type(text)
    t.wait_for(f"{AT}# ")
    t.type(CTRL_D)
    require(t.close() == 0, "exit status", t.seen)


def pasted(argv, pem, name, is_ahead=False):
    t = Terminal(argv, columns=80)
    if not is_ahead:
        t.wait_for(f"{AT}# ")
        t.read_to = 0
    t.type("".join(text for _, text in steps(pem, name)) + "exit\n")
    for prompt, _ in steps(pem, name):
        t.wait_for(prompt)
    t.wait_for(f"{AT}# ")
    require(t.close() == 0, "exit status", t.seen)
    times = clean(t.seen).count(pem.splitlines()[1])
    require(is_ahead or times == 1, f"the paste is shown {times} times", t.seen)


def ahead(argv, pem, name):
    pasted(argv, pem, name, True)


def piped(argv, pem, name):
    text = "".join(text for _, text in steps(pem, name))
    run = subprocess.run(argv, input=text, capture_output=True, text=True, timeout=30)
    require(run.returncode == 0, f"exit status {run.returncode}", run.stdout + run.stderr)
    at = 0
    for said in ("Enter plain for content (Press CTRL-D to finish):\n", QUESTION,
                 "⚠ Validating, then committing...\n", "Configuration committed\n"):
        at = run.stdout.find(said, at)
        require(at >= 0, f"not said: {said}", run.stdout)


def main(how, program, run_dir, pem_file, name):
    with open(pem_file, encoding="ascii") as f:
        pem = f.read()
    {"typed": typed, "pasted": pasted, "ahead": ahead, "piped": piped}[how](
        [program, "--run-dir", run_dir], pem, name)


if __name__ == "__main__":
    main(*sys.argv[1:])
