#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""secrets.py LAB: collects every private key, password and token that a laboratory used, and looks
for them in everything that its programs wrote: logs, state, configuration, credentials, what was
published on the web. A secret stands in its own file (0600) and nowhere else. LAB/recorded has those
that were made and are gone again (recorder.c)."""
import base64
import functools
import os
import re
import subprocess
import sys
import tempfile

# What the programs write, or publish; beside it lie the laboratory's own files.
WRITTEN = re.compile(r"^([^/]+\.log|(east|west)/(state|run|config|pki|dataplane)/.*|www/.*|scrape.*)$")
# where a secret belongs: the laboratory's, a key's own file, and the data plane's copy of the private key
OWN = re.compile(r"^(password|answer|[^/]+/token[^/]*\.txt|ca/.*|.*\.key(\.new)?|[^/]+/dataplane/.*|"
                 r"[^/]+/state/(initial-admin|lab)-password|.*\.secret|recorded)$")
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


def private_numbers(key):
    """The secret numbers of a private key: what openssl prints of it, without the public part."""
    form = ["-inform", "PEM" if b"PRIVATE KEY" in key else "DER"]
    done = subprocess.run(["openssl", "pkey", "-noout", "-text", *form], input=key,
                          capture_output=True, check=False)
    part = re.findall(r"^(priv|privateExponent|prime1|prime2|exponent1|exponent2|coefficient):\n"
                      r"((?: +[0-9a-f:]+\n)+)", done.stdout.decode(), re.MULTILINE)
    for _, digits in part:
        raw = bytes.fromhex(re.sub(r"[^0-9a-f]", "", digits)).lstrip(b"\0")
        if len(raw) >= 16:
            yield raw


def forms_of_key(key):
    for raw in private_numbers(key):
        for start in range(0, max(len(raw) - PIECE, 0) + 1, PIECE // 2):
            yield from forms_of_bytes(raw[start:start + PIECE])


@functools.lru_cache(maxsize=None)
def forms_of_note(line):
    """Of recorder.c."""
    kind, _, digits = line.partition(" ")
    secret = bytes.fromhex(digits)
    if kind == "key":
        return tuple(forms_of_key(secret))
    return (base64.urlsafe_b64encode(secret).rstrip(b"=") if kind == "token" else secret,)


def read(path):
    """b"" of a file that went meanwhile: its program may run on."""
    try:
        with open(path, "rb") as f:
            return f.read()
    except FileNotFoundError:
        return b""


def mode_of(path):
    try:
        return os.stat(path).st_mode
    except FileNotFoundError:
        return 0


def secrets_in(name, path):
    text = read(path)
    if name == "recorded":
        for line in sorted(set(text.decode("ascii").splitlines())):
            yield from forms_of_note(line)
    elif b"PRIVATE KEY" in text:
        yield from forms_of_key(text)
    elif name.endswith(".key"):
        yield from forms_of_bytes(text)
    elif re.search(r"token[^/]*\.txt$", name):
        token = text.strip()
        yield token
        yield token.rpartition(b".")[2]
    elif name.endswith(("password", ".secret")):
        yield text.strip()


class Finder:
    """Which of many secrets a text holds: most texts hold none, which grep finds out in one pass."""

    def __init__(self, secrets):
        self.secrets = secrets
        self.raw = {s for s in secrets if not s.isascii() or not s.decode().isprintable()}
        self.patterns = tempfile.NamedTemporaryFile()  # pylint: disable=consider-using-with
        self.patterns.write(b"\n".join(s for s in secrets if s not in self.raw) + b"\n")
        self.patterns.flush()

    def sources(self, text):
        run = subprocess.run(["grep", "-aqFf", self.patterns.name], input=text, check=False,
                             env={"LC_ALL": "C", "PATH": os.environ["PATH"]})
        looked_for = self.secrets if run.returncode != 1 else self.raw
        return {self.secrets[s] for s in looked_for if s in text}


def search(top):
    """Forms of secrets, files looked at, findings."""
    secrets, findings, looked_at = {}, [], 0
    everything = sorted(files_below(top))
    for name, path in everything:
        if OWN.match(name):
            for secret in secrets_in(name, path):
                if len(secret) >= 12:
                    secrets.setdefault(bytes(secret), name)
        if PRIVATE.match(name) and mode_of(path) & 0o077:
            findings.append(f"{name} is open to others")
    finder = Finder(secrets) if secrets else None
    for name, path in everything:
        if finder is None or OWN.match(name) or not WRITTEN.match(name):
            continue
        looked_at += 1
        text = read(path)
        text += b"\n" + re.sub(rb"\s|\\r|\\n", b"", text)  # in lines, and in JSON
        findings += [f"{name} holds a secret of {source}" for source in finder.sources(text)]
    return len(secrets), looked_at, findings


def main(top):
    form_cnt, looked_at, findings = search(top)
    print(f"{form_cnt} forms of secrets looked for in {looked_at} files")
    print("\n".join(sorted(set(findings))))
    return 1 if findings or form_cnt == 0 else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
