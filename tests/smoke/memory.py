#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""memory.py PID HOLDS KEY...: looks for private keys (PEM files) in all that a process has in memory: as
numbers of either byte order, as DER, as PEM. HOLDS is "none" when it may have none at rest, "locked" when
only in memory that is not swapped. Root."""
import base64
import importlib.util
import os
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
PIECE = 16  # bytes of a secret number
CHUNK = 1 << 20


def load_secrets():
    """secrets.py, whose name the standard library has, too."""
    spec = importlib.util.spec_from_file_location("lab_secrets", os.path.join(HERE, "secrets.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def forms_of(path, private_numbers):
    with open(path, "rb") as f:
        pem = f.read()
    numbers = list(private_numbers(pem))
    for raw in numbers:
        for start in range(0, len(raw) - PIECE + 1, PIECE):
            yield raw[start:start + PIECE]
            yield raw[start:start + PIECE][::-1]
    # Of the text only what says nothing but a private number: the modulus of RSA stands in it, too,
    # and may stand in the certificate with the same letters.
    body = b"".join(pem.split(b"-----")[2].split())
    for start in range(0, len(body) - 24, 24):
        octets = base64.b64decode(body[start:start + 24])
        if any(octets in raw for raw in numbers):
            yield body[start:start + 24]


def public_forms(path, forms_of_bytes):
    public = subprocess.run(["openssl", "pkey", "-pubout", "-outform", "DER", "-in", path],
                            capture_output=True, check=True).stdout
    return list(forms_of_bytes(public))


def regions(pid):
    """(begin, end, name, flags) of what is written to."""
    found = []
    with open(f"/proc/{pid}/smaps", encoding="ascii", errors="replace") as f:
        for line in f:
            head = re.match(r"([0-9a-f]+)-([0-9a-f]+) (\S+) \S+ \S+ \S+ *(.*)", line)
            if head:
                found.append([int(head[1], 16), int(head[2], 16), head[4] or "anonymous", set(), head[3]])
            elif line.startswith("VmFlags:"):
                found[-1][3] = set(line.split()[1:])
    return [r for r in found if r[4].startswith("rw") and not r[2].startswith(("[v", "/dev/hugepages"))]


def search(pid, forms):
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        for begin, end, name, flags, _ in regions(pid):
            for at in range(begin, end, CHUNK):
                try:
                    memory.seek(at)
                    text = memory.read(min(CHUNK, end - at) + 64)
                except OSError:
                    continue  # not mapped any more, or a device's
                if text == bytes(len(text)):
                    continue  # as most of what a data plane has
                for form in forms:
                    where = text.find(form)
                    if where >= 0:
                        yield at + where, name, flags


def main(pid, holds, *keys):
    module = load_secrets()
    forms = {form for key in keys for form in forms_of(key, module.private_numbers) if len(form) >= PIECE}
    texts = [text for key in keys for text in public_forms(key, module.forms_of_bytes)]
    public = [form for form in forms if any(form in text for text in texts)]
    if public:
        print(f"{len(public)} forms are public: a certificate would be taken for a private key")
        return 1
    hits = sorted({(where, name, tuple(sorted(flags))) for where, name, flags in search(pid, forms)})
    bad = [h for h in hits if holds == "none" or "lo" not in h[2]]
    for where, name, flags in bad:
        print(f"a private key lies at {where:x} ({name}, {' '.join(flags)})")
    print(f"{len(forms)} forms of {len(keys)} keys; found in {len(hits)} places, {len(bad)} of them wrong")
    if holds == "locked" and not hits:
        print("the key that it works with was not found: this looks in the wrong place")
        return 1
    return 1 if bad or not forms else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
