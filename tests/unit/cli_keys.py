#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""cli_keys.py REKEY-CONTROL DATA-PLANE-DOUBLE REKEYCTL GOLDEN [--write]: the names that each command
prints with -j, against a real daemon, are those of GOLDEN: programs rely on them. Every command of
rekeyctl is run here, or is one that prints no answer of the daemon."""
import json
import re
import subprocess
import sys
import tempfile

from api_daemon import CA, CONFIG, Local, call, start, text_of, wait_for, wait_for_data_plane, BASE, PASSWORD

PROGRAM, DATA_PLANE, REKEYCTL, GOLDEN = sys.argv[1:5]
# What has no answer of its own, or no daemon behind it.
WITHOUT = {"exit", "pki verify", "top", "up", "watch", "login", "logout", "export certificate-revocation",
           "delete enrolment", "start enrolment"}
CERTIFICATE = "custom_ssr_peering"


def story(folder, ca):
    """(command as it is named in the golden file, words, standard input), in an order that works."""
    yield "import trusted-ca-certificate", ["root", "file", ca.pem], None
    yield "create private-key", ["algorithm", "ECC"], None
    yield "create certificate request", ["common-name", "east.peering"], None
    with open(f"{folder}/pki/{CERTIFICATE}.csr", encoding="utf-8") as request:
        ca.sign(request.read(), "east")
    yield "import certificate", ["file", f"{folder}/east.pem"], None
    yield "reload local certificates", [], None
    yield "refresh certificate-revocation", [], None
    yield "rotate security peer-key", ["west"], None
    yield "rotate security metadata-key", ["router", "east"], None
    yield "help", [], None
    for command in ("show alarms", "show certificate", "show certificate ca", "show certificate-revocation",
                    "show enrolment", "show events verify", "show health", "show log", "show peers",
                    "show publication", "show security key-status", "show stats", "show user", "show version"):
        yield command, [], None
    yield "show certificate", ["detail", CERTIFICATE], None
    yield "show peers", ["west", "security"], None
    yield "show peers", ["west", "certificate"], None
    yield "show events", ["count", "1"], None
    yield "show tech-support", [], None
    yield "configure", "router port net_ring0 mtu 1400".split(), None
    for command in ("compare", "validate", "show config", "show config running", "show config candidate", "show config diff"):
        yield command, [], None
    yield "commit", ["force", "confirm-timeout", "600"], None
    yield "commit confirm", [], None
    yield "show config history", [], None
    yield "show config history", ["1"], None
    yield "rollback", ["2", "force"], None
    yield "configure", "router port net_ring0 mtu 1300".split(), None
    yield "delete config", "router port net_ring0 mtu".split(), None
    yield "discard", ["force"], None
    yield "create user", ["night", "role", "viewer"], PASSWORD + "\n"
    yield "user password", ["night"], PASSWORD + "x\n"
    yield "edit user", ["night", "role", "operator"], None
    yield "delete user tokens", ["night", "force"], None
    yield "delete user", ["night", "force"], None
    yield "edit log", ["info"], None
    yield "rotate token-key", [], None
    yield "delete certificate", [CERTIFICATE, "force"], None
    yield "delete certificate-request", [CERTIFICATE, "force"], None
    yield "delete private-key", [CERTIFICATE, "force"], None
    yield "delete trusted-ca-certificate", ["root", "force"], None


def paths(value, where=""):
    """The names of an answer: a.b, and a[].b for the elements of a list."""
    if isinstance(value, dict):
        for name, below in value.items():
            here = f"{where}.{name}" if where else name
            yield here
            yield from paths(below, here)
    elif isinstance(value, list):
        for element in value:
            yield from paths(element, where + "[]")


def support(text):
    """One value after the other: a command's, its answer's. The commands, and no answer's names: those
    are held where the command is."""
    decoder, at, values = json.JSONDecoder(), 0, []
    while text[at:].strip():
        at += len(text[at:]) - len(text[at:].lstrip())
        value, at = decoder.raw_decode(text, at)
        values.append(value)
    return {value["command"]: None for value in values if list(value) == ["command"]}


def run(folder, words, text):
    """The JSON that it prints, which is all that it prints; exit 0, or 4 with warnings."""
    done = subprocess.run([REKEYCTL, "--run-dir", f"{folder}/run", *words, "-j"], input=text or "", capture_output=True,
                          text=True, timeout=60, check=False)
    if done.returncode not in (0, 4):
        sys.exit(f"{words}: exit {done.returncode}: {done.stdout} {done.stderr}")
    try:
        return json.loads(done.stdout) if words != ["show", "tech-support"] else support(done.stdout)
    except ValueError:
        sys.exit(f"{words}: no JSON: {done.stdout[:300]!r}")


def commands():
    """Each that rekeyctl knows."""
    manual = subprocess.run([REKEYCTL, "--print-manual"], capture_output=True, text=True, check=True).stdout
    return set(re.findall(r"^\*([a-z -]+)\*", manual, re.MULTILINE))


def collect(folder, ca, processes):
    """The golden file's text."""
    lines, seen = [], set()
    for command, words, text in story(folder, ca):
        if command == "rotate security peer-key":
            processes.append(subprocess.Popen([DATA_PLANE, f"{folder}/run/publish.sock", "west", ca.west]))
            wait_for_data_plane(f"{folder}/run/control.sock")
        answer = run(folder, command.split() + words, text)
        for event in answer.get("events", []):
            event["detail"] = None  # the newest record's own
        seen.add(command)
        shown = " ".join([command] + [w for w in words if "/" not in w])
        lines += [f"{shown}: {path}" for path in sorted(set(paths(answer)))] or [f"{shown}: (nothing)"]
    for command in sorted(commands() - seen - WITHOUT):
        sys.exit(f"{command}: not run here")
    return "\n".join(lines) + "\n"


def main():
    """Exit 1 when names differ: whoever adds one writes it down, whoever takes one away breaks a program."""
    with tempfile.TemporaryDirectory(prefix="rekey-keys-") as folder:
        ca = CA(folder)
        daemon, _ = start(PROGRAM, folder, CONFIG)
        processes = [daemon]
        try:
            wait_for(f"{folder}/run/control.sock")
            found = collect(folder, ca, processes)
        finally:
            for process in processes:
                process.kill()
                process.wait()
    if "--write" in sys.argv:
        with open(GOLDEN, "w", encoding="utf-8") as out:
            out.write(found)
        return
    wanted = set(text_of(GOLDEN).splitlines())
    wrong = [f"gone: {line}" for line in sorted(wanted - set(found.splitlines()))]
    wrong += [f"new: {line}" for line in sorted(set(found.splitlines()) - wanted)]
    print("\n".join(wrong) or f"{len(wanted)} names")
    sys.exit(1 if wrong else 0)


main()
