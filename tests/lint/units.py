#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""units.py SYSTEMD-ANALYZE [PROGRAM UNIT LIMIT]...: systemd finds nothing to say about the service
units, and their exposure is at most LIMIT (tenths)."""
import os
import subprocess
import sys
import tempfile


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode, (done.stdout + done.stderr).strip()


def check(analyze, program, unit, limit, folder):
    with open(unit, encoding="utf-8") as f:
        lines = f.read().splitlines()
    # verified with the program that is built, for it need not be installed
    name = os.path.join(folder, os.path.basename(unit))
    with open(name, "w", encoding="utf-8") as f:
        for line in lines:
            if line.startswith("ExecStart="):
                line = "ExecStart=" + program + " " + line.partition(" ")[2]
            f.write(line + "\n")
    findings = []
    status, said = run(analyze, "verify", "--man=no", name)
    if status != 0 or said:
        findings.append(f"{unit}: verify: {said or status}")
    status, said = run(analyze, "security", "--offline=true", f"--threshold={limit}", name)
    verdict = [line for line in said.splitlines() if "exposure level" in line]
    print("\n".join(verdict))
    if status != 0 or not verdict:
        findings.append(f"{unit}: exposure above {int(limit) / 10}: {verdict or said}")
    return findings


def main():
    analyze, *claims = sys.argv[1:]
    if not os.access(analyze, os.X_OK):
        print("SKIP: systemd-analyze is not installed")
        return 77
    findings = []
    with tempfile.TemporaryDirectory() as folder:
        for i in range(0, len(claims), 3):
            findings += check(analyze, os.path.abspath(claims[i]), *claims[i + 1:i + 3], folder)
    print("\n".join(findings) if findings else "no findings")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
