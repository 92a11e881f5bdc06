# SPDX-License-Identifier: BSD-3-Clause
"""What every lint shares: the files of the source tree, and how a finding is reported."""
import os
import shutil
import subprocess
import sys

SKIP = 77  # meson's exit status for a test that could not run
PRUNED_PREFIXES = ("build", ".git", ".cache", "__pycache__", "rekey-demo")


def is_pruned(name):
    return name.startswith(PRUNED_PREFIXES) and name not in (".gitignore",)


def files(root, suffixes=None, under=()):
    """Paths relative to root, sorted; build folders and git's own are left out."""
    found = []
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(f for f in folders if not is_pruned(f))
        for name in names:
            path = os.path.relpath(os.path.join(folder, name), root)
            if name == ".git" or os.path.islink(os.path.join(folder, name)):
                continue
            if suffixes and not name.endswith(tuple(suffixes)):
                continue
            if under and not path.startswith(tuple(u + "/" for u in under)):
                continue
            found.append(path)
    return sorted(found)


def read_bytes(root, path):
    with open(os.path.join(root, path), "rb") as f:
        return f.read()


def read_text(root, path):
    """None for a file that is not UTF-8 text."""
    data = read_bytes(root, path)
    if b"\0" in data:
        return None
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return None


def scripts(root):
    """Shell scripts, by what they say they are."""
    return [
        path for path in files(root)
        if path.endswith(".sh") or read_bytes(root, path)[:64].split(b"\n")[0] in
        (b"#!/usr/bin/env bash", b"#!/bin/sh", b"#!/bin/bash")
    ]


def skip(reason):
    print("SKIP:", reason)
    sys.exit(SKIP)


def need_tool(*names):
    """The first of these tools that is there; skips when none is."""
    for name in names:
        path = shutil.which(name)
        if path:
            return path
    skip(f"{names[0]} is not installed")


def output_of(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def main(check):
    """check(root) -> list of findings, one line each. Exits 1 when there is one."""
    root = sys.argv[1] if len(sys.argv) > 1 else "."
    findings = check(root)
    for finding in findings:
        print(finding)
    print(f"{len(findings)} findings")
    sys.exit(1 if findings else 0)
