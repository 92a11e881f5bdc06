#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""stop.py PID: stops one thread of a data plane, its first worker, for as long as standard input is
open; the others run on. Says which."""
import ctypes
import os
import re
import sys

PTRACE_SEIZE, PTRACE_INTERRUPT, PTRACE_DETACH = 0x4206, 0x4207, 17
WALL = 0x40000000


def worker_of(pid):
    for thread in sorted(os.listdir(f"/proc/{pid}/task"), key=int):
        with open(f"/proc/{pid}/task/{thread}/comm", encoding="utf-8") as f:
            name = f.read().strip()
        if re.fullmatch(r"(rte|lcore|dpdk)-worker-?1", name):
            return int(thread), name
    sys.exit("stop: no thread is a worker")


def trace(libc, request, thread):
    if libc.ptrace(request, thread, None, None) != 0:
        sys.exit(f"stop: ptrace: {os.strerror(ctypes.get_errno())}")


def main(pid):
    libc = ctypes.CDLL(None, use_errno=True)
    libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
    libc.ptrace.restype = ctypes.c_long
    thread, name = worker_of(pid)
    trace(libc, PTRACE_SEIZE, thread)
    trace(libc, PTRACE_INTERRUPT, thread)
    os.waitpid(thread, WALL)
    print(name, flush=True)
    sys.stdin.read()
    libc.ptrace(PTRACE_DETACH, thread, None, None)  # where it is still there


main(int(sys.argv[1]))
