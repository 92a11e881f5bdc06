#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Unpacks JSONTestSuite and runs the program given over it; exit 77 when it is not there."""
import os
import subprocess
import sys
import tarfile
import tempfile

archive = os.path.join(os.environ.get("REKEY_VECTORS", ""), "json-test-suite.tar.gz")
if not os.path.exists(archive):
    print(f"skipped: no {archive}")
    sys.exit(77)
with tempfile.TemporaryDirectory() as folder:
    with tarfile.open(archive) as tar:
        for member in tar.getmembers():
            name = os.path.basename(member.name)
            if member.isfile() and member.name.startswith("test_parsing/"):
                with open(os.path.join(folder, name), "wb") as out:
                    out.write(tar.extractfile(member).read())
    sys.exit(subprocess.run([sys.argv[1], folder], check=False).returncode)
