#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""confined.py REPORT NAME=PID...: has intruder.c's deeds done in every thread of each program, and
says which of them were not refused as the sandbox refuses them."""
import ctypes
import errno
import os
import signal
import sys
import time

SYS_TGKILL = {"x86_64": 234, "aarch64": 131}[os.uname().machine]

# Landlock says EACCES, seccomp EPERM, or for a socket EAFNOSUPPORT.
FILES = {"write", "truncate", "remove", "rename", "link", "create", "symlink", "folder", "pipe", "passwords"}
SOCKETS = {"packet-socket", "cipher-socket", "machine-socket"}
PROGRAMS = {"execve", "execveat"}  # either


def is_refused(deed, number):
    if deed in FILES:
        return number == errno.EACCES
    if deed in SOCKETS:
        return number == errno.EAFNOSUPPORT
    return number == errno.EPERM or (deed in PROGRAMS and number == errno.EACCES)


def read_report(path):
    """{thread: {deed: errno}}"""
    found = {}
    with open(path, encoding="ascii") as f:
        for line in f:
            thread, deed, number = line.split()
            found.setdefault(int(thread), {})[deed] = int(number)
    return found


def threads_of(pid):
    return [int(name) for name in os.listdir(f"/proc/{pid}/task")]


def name_of(pid, thread):
    try:
        with open(f"/proc/{pid}/task/{thread}/comm", encoding="ascii") as f:
            return f.read().strip()
    except OSError:
        return "that ended"


def attack(report, pid):
    """The threads that were attacked; waits for each, the last deed of which is "end"."""
    libc = ctypes.CDLL(None, use_errno=True)
    threads = threads_of(pid)
    for thread in threads:
        libc.syscall(SYS_TGKILL, pid, thread, int(signal.SIGUSR2))
    for _ in range(100):
        done = read_report(report)
        if all("end" in done.get(thread, {}) for thread in threads):
            break
        time.sleep(0.1)
    return threads


def main(report, *claims):
    findings = []
    for claim in claims:
        name, pid = claim.split("=")
        threads = attack(report, int(pid))
        found = read_report(report)
        for thread in threads:
            where = f"{name}, thread {name_of(pid, thread)}"
            deeds = found.get(thread, {})
            if "end" not in deeds:
                findings.append(f"{where}: could not be attacked")
            findings += [f"{where}: {deed}: {os.strerror(number) if number else 'let through'}"
                         for deed, number in deeds.items()
                         if deed != "end" and not is_refused(deed, number)]
        print(f"{name}: {len(threads)} threads, {len(deeds) - 1} deeds in each")
    if findings:
        print("\n".join(findings))
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
