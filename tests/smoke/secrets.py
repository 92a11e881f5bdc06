#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""secrets.py LAB: collects every private key, password and token that a laboratory used, and looks
for them in everything that its programs wrote: logs, state, configuration, credentials, what was
published on the web. A secret stands in its own file (0600) and nowhere else."""
import base64
import os
import re
import subprocess
import sys

# What the programs write, or publish; beside it lie the laboratory's own files.
WRITTEN = re.compile(r"^([^/]+\.log|(east|west)/(state|run|config|pki|dataplane)/.*|www/.*|scrape.*)$")
# where a secret belongs: the laboratory's, a key's own file, and the data plane's copy of the private key
OWN = re.compile(r"^(password|answer|[^/]+/token[^/]*\.txt|ca/.*|.*\.key|[^/]+/dataplane/.*|"
                 r"[^/]+/state/initial-admin-password|.*\.secret)$")
# a private key on disk is its owner's alone
PRIVATE = re.compile(r"^([^/]+/pki/.*\.key|[^/]+/state/.*\.key|[^/]+/dataplane/.*|"
                     r"[^/]+/state/initial-admin-password)$")


PIECE = 24  # bytes of a secret number that give it away


def files_below(top):
    for folder, _, names in os.walk(top):
        for name in names:
            path = os.path.join(folder, name)
            if os.path.isfile(path) and not os.path.islink(path):
                yield os.path.relpath(path, top), path


def forms_of_bytes(raw):
    """As it stands, as hex, as base64 at each of the three alignments."""
    yield raw
    for text in (raw.hex(), raw.hex().upper(), ":".join(f"{b:02x}" for b in raw)):
        yield text.encode()
    for lead in range(3):
        yield base64.b64encode(bytes(lead) + raw)[4 if lead else 0:-4]


def private_numbers(path):
    """The secret numbers of a private key: what openssl prints of it, without the public part."""
    done = subprocess.run(["openssl", "pkey", "-in", path, "-noout", "-text"],
                          capture_output=True, text=True, check=False)
    part = re.findall(r"^(priv|privateExponent|prime1|prime2|exponent1|exponent2|coefficient):\n"
                      r"((?: +[0-9a-f:]+\n)+)", done.stdout, re.MULTILINE)
    for _, digits in part:
        raw = bytes.fromhex(re.sub(r"[^0-9a-f]", "", digits)).lstrip(b"\0")
        if len(raw) >= 16:
            yield raw


def secrets_in(name, path):
    with open(path, "rb") as f:
        text = f.read()
    if b"PRIVATE KEY" in text:
        for raw in private_numbers(path):
            for start in range(0, max(len(raw) - PIECE, 0) + 1, PIECE // 2):
                yield from forms_of_bytes(raw[start:start + PIECE])
    elif name.endswith(".key"):
        yield from forms_of_bytes(text)
    elif re.search(r"token[^/]*\.txt$", name):
        token = text.strip()
        yield token
        yield token.rpartition(b".")[2]
    elif name.endswith(("password", ".secret")):
        yield text.strip()


def search(top):
    """Forms of secrets, files looked at, findings."""
    secrets, findings, looked_at = {}, [], 0
    everything = sorted(files_below(top))
    for name, path in everything:
        if OWN.match(name):
            for secret in secrets_in(name, path):
                if len(secret) >= 12:
                    secrets.setdefault(bytes(secret), name)
        if PRIVATE.match(name) and os.stat(path).st_mode & 0o077:
            findings.append(f"{name} is open to others")
    for name, path in everything:
        if OWN.match(name) or not WRITTEN.match(name):
            continue
        looked_at += 1
        with open(path, "rb") as f:
            text = f.read()
        text += b"\n" + re.sub(rb"\s|\\r|\\n", b"", text)  # in lines, and in JSON
        for secret, source in secrets.items():
            if secret in text:
                findings.append(f"{name} holds a secret of {source}")
    return len(secrets), looked_at, findings


def main(top):
    form_cnt, looked_at, findings = search(top)
    print(f"{form_cnt} forms of secrets looked for in {looked_at} files")
    print("\n".join(sorted(set(findings))))
    return 1 if findings or form_cnt == 0 else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
