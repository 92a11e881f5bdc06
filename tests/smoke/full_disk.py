#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""full_disk.py PROGRAM: rekey-control on a file system that fills up and is emptied again, and whose
folders become unwritable and writable again. Nothing is said to be done that is not, what was in force
stays, alarms say so, and all of it goes on without a restart. In a mount namespace of its own."""
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time

BASE = "/api/v1"
FOLDERS = ("config", "state", "state/config", "pki")
LIMIT = 30  # seconds for anything that is waited for
CONFIG = {
    "router": {
        "name": "east", "node": "node0", "peering-common-name": "east.peering",
        "port": [{"name": "net_ring0", "address": ["192.0.2.1/24"]}],
    }
}


class Local(http.client.HTTPConnection):
    """HTTP over the Unix socket."""

    def __init__(self, path):
        super().__init__("localhost", timeout=LIMIT)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(LIMIT)
        self.sock.connect(self.path)


class Daemon:
    """One on folder; asked over its socket."""

    def __init__(self, program, folder):
        self.folder = folder
        for name in ("config", "state", "run", "pki"):
            os.mkdir(f"{folder}/{name}", 0o700)
        self.configure(CONFIG)
        # without capabilities, or root would write to what is unwritable
        self.process = subprocess.Popen(
            ["setpriv", "--bounding-set=-all", program, "--config-dir", f"{folder}/config", "--state-dir", f"{folder}/state", "--run-dir",
             f"{folder}/run", "--pki-dir", f"{folder}/pki", "--listen", "127.0.0.1:0", "--log-level", "error"],
            env=dict(os.environ, ASAN_OPTIONS="detect_leaks=0"), stderr=subprocess.DEVNULL)
        self.wait(lambda: os.path.exists(f"{folder}/run/control.sock"), "rekey-control did not start")

    def configure(self, config):
        """Writes rekey.json, as an editor does: in place."""
        with open(f"{self.folder}/config/rekey.json", "w", encoding="utf-8") as out:
            json.dump(config, out)

    def call(self, method, path, body=None):
        """Status and answer."""
        connection = Local(f"{self.folder}/run/control.sock")
        data = json.dumps(body).encode() if body is not None else None
        connection.request(method, BASE + path, body=data, headers={"Content-Type": "application/json"})
        answer = connection.getresponse()
        text = answer.read()
        connection.close()
        return answer.status, json.loads(text)

    def wait(self, is_so, what):
        """Until it is so."""
        end = time.monotonic() + LIMIT
        while not is_so():
            if time.monotonic() > end or self.process.poll() is not None:
                self.process.kill()
                sys.exit(what)
            time.sleep(0.05)

    def mtu(self):
        """Of the port, as it runs."""
        answer = self.call("GET", "/configuration/running")[1]
        return answer["configuration"]["router"]["port"][0].get("mtu", 1500)

    def alarms(self):
        """What stands about the disk."""
        text = json.dumps(self.call("GET", "/alarm")[1])
        return [kind for kind in ("audit log", "waits for the disk", "alarms cannot") if kind in text]


def edit(mtu):
    """The body that sets it."""
    return {"operations": [{"op": "set", "path": ["router", "port", "net_ring0", "mtu"], "value": mtu}]}


def require(is_so, what):
    """Or the test ends."""
    if not is_so:
        raise AssertionError(what)


def fill(path):
    """Until not a byte more goes in."""
    with open(path, "wb", buffering=0) as out:
        size = 65536
        while size > 0:
            try:
                out.write(b"x" * size)
            except OSError:
                size //= 2


def with_mtu(mtu):
    """The configuration, with that."""
    config = json.loads(json.dumps(CONFIG))
    config["router"]["port"][0]["mtu"] = mtu
    return config


def commit(daemon, mtu):
    """It counts."""
    require(daemon.call("POST", "/configuration/candidate", edit(mtu))[0] == 200, "an edit")
    status, answer = daemon.call("POST", "/configuration/commit")
    require(status == 200, f"a commit: {answer}")
    require(daemon.mtu() == mtu, "the commit did not count")


def refuses(daemon, where):
    """What cannot be kept is not done: who asks is told. An edited file waits, and an alarm tells."""
    mtu, history = daemon.mtu(), daemon.call("GET", "/configuration/history")[1]
    status, answer = daemon.call("POST", "/configuration/candidate", edit(1300))
    require(status in (200, 503), f"an edit {where}: {status} {answer}")
    status, answer = daemon.call("POST", "/configuration/commit")
    require(status in (409, 500, 503), f"a commit {where}: {status} {answer}")
    require(daemon.mtu() == mtu, f"what was in force does not stay {where}")
    require(daemon.call("GET", "/configuration/history")[1] == history, f"the history has changed {where}")
    status, answer = daemon.call("POST", "/private-key", {"name": "other", "algorithm": "ECC", "ecc_curve": "SECP256R1"})
    require(status in (500, 503), f"a key {where}: {status} {answer}")
    require(not os.path.exists(f"{daemon.folder}/pki/other.key"), "half a key")
    daemon.configure(with_mtu(1280))
    daemon.process.send_signal(signal.SIGHUP)
    daemon.wait(lambda: "waits for the disk" in daemon.alarms(), f"the edited file does not wait {where}")
    require(daemon.mtu() == mtu, f"an edited file counts that could not be kept {where}")


def goes_on(daemon):
    """The edited file is taken, the alarms end, and all is as before: by itself."""
    daemon.wait(lambda: daemon.mtu() == 1280, "the edited file was not taken")
    daemon.wait(lambda: not daemon.alarms(), "an alarm stands on")
    commit(daemon, 1400)


def run(daemon):
    """Full, and not full any more; unwritable, and writable again."""
    filler = f"{daemon.folder}/filler"
    commit(daemon, 1400)
    fill(filler)
    refuses(daemon, "on a full disk")
    os.unlink(filler)
    goes_on(daemon)
    for name in FOLDERS:
        os.chmod(f"{daemon.folder}/{name}", 0o500)
    refuses(daemon, "in an unwritable folder")
    for name in FOLDERS:
        os.chmod(f"{daemon.folder}/{name}", 0o700)
    goes_on(daemon)
    daemon.process.terminate()
    require(daemon.process.wait(LIMIT) == 0, "it does not end well")


def main(program, *inside):
    """Exit 77 when no file system can be mounted here."""
    if not inside:
        can = subprocess.run(["unshare", "-Urm", "true"], stderr=subprocess.PIPE, text=True, check=False)
        if can.returncode != 0:
            print("SKIP: no mount namespaces here:", can.stderr.strip())
            return 77
        return subprocess.run(["unshare", "-Urm", sys.executable, __file__, program, "inside"], check=False).returncode
    with tempfile.TemporaryDirectory(prefix="rekey-full-") as folder:
        mount = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m,mode=700", "rekey", folder], check=False)
        if mount.returncode != 0:
            print("SKIP: no file system can be mounted here")
            return 77
        daemon = None
        try:
            daemon = Daemon(program, folder)
            run(daemon)
        finally:
            if daemon is not None:
                daemon.process.kill()
                daemon.process.wait()
            subprocess.run(["umount", "-l", folder], check=False)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
