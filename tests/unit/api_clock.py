#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""api_clock.py REKEY-CONTROL DATA-PLANE-DOUBLE: the clock falls to the year 2000 and comes back while
the API is used. There is an alarm, and the last good state stays: what the workers run on, the
configuration, the records. Tokens of one time are none of the other. All is well again without a
restart."""
import glob
import os
import signal
import subprocess
import sys
import tempfile
import time

from api_daemon import BASE, CA, CONFIG, PASSWORD, Local, call, log_in, start, text_of, wait_for, wait_for_data_plane

PROGRAM, DATA_PLANE = sys.argv[1:3]
NAME = "custom_ssr_peering"


class Router:
    """A daemon on a clock of its own."""

    def __init__(self, folder, fake):
        self.folder = folder
        self.clock = f"{folder}/clock"
        self.set_clock("+0d")
        self.daemon, _ = start(PROGRAM, folder, CONFIG, extra={
            "LD_PRELOAD": fake, "FAKETIME_TIMESTAMP_FILE": self.clock, "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1", "NO_FAKE_STAT": "1"})
        wait_for(f"{folder}/run/control.sock")

    def set_clock(self, text):
        """In one piece; what hangs on the time is looked at again with SIGHUP."""
        with open(self.clock + ".new", "w", encoding="utf-8") as out:
            out.write(text + "\n")
        os.rename(self.clock + ".new", self.clock)

    def connect(self):
        """To the local socket."""
        return Local(f"{self.folder}/run/control.sock")

    def call(self, method, path, body=None, status=200):
        """The answer of a call that ends with status."""
        got, answer = call(self.connect, method, BASE + path, body)
        if got != status:
            raise SystemExit(f"{method} {path}: {got} {answer}")
        return answer

    def taken(self, token):
        """The API takes the token."""
        return call(self.connect, "GET", BASE + "/session", None, token)[0] == 200

    def alarms(self):
        """Their kinds."""
        return {alarm["kind"] for alarm in self.call("GET", "/alarm")["alarms"]}

    def look(self, what, is_so):
        """Has it look at the clock until it is so."""
        for _ in range(100):
            self.daemon.send_signal(signal.SIGHUP)
            if is_so():
                return
            time.sleep(0.1)
        raise SystemExit(f"{what}: {self.call('GET', '/alarm')}")

    def in_force(self):
        """What the workers run on, and by what certificate."""
        published = self.call("GET", "/publication")
        return ({part["kind"]: part["digest"] for part in published["parts"] if part["kind"] != "config"},
                self.call("GET", f"/certificate/{NAME}")["certificate"]["fingerprint"],
                self.call("GET", "/configuration/running")["configuration"])


def provision(router, ca):
    """A certificate in force."""
    router.call("POST", "/trusted-ca-certificate", {"name": "root", "content": text_of(ca.pem)})
    router.call("POST", "/private-key", {"name": NAME, "algorithm": "ECC", "ecc_curve": "SECP256R1"})
    csr = router.call("POST", "/certificate-request", {"name": NAME, "common_name": "east.peering"})["csr"]
    router.call("POST", "/certificate", {"name": NAME, "certificate": ca.sign(csr, "east")})


def check(fact, what):
    """Or the end."""
    if not fact:
        raise SystemExit(what[:900])


def run(router, ca):
    """All of it."""
    provision(router, ca)
    data_plane = subprocess.Popen([DATA_PLANE, f"{router.folder}/run/publish.sock", "west", ca.west])
    try:
        wait_for_data_plane(f"{router.folder}/run/control.sock")
        before, quiet = router.in_force(), router.alarms()
        token = log_in(router.connect, "admin", PASSWORD)
        router.set_clock("2000-01-01 00:00:00")
        router.look("no alarm in the year 2000", lambda: "clock" in router.alarms())
        check(not router.taken(token), "a token of the future is taken")
        early = log_in(router.connect, "admin", PASSWORD)
        check(router.taken(early), "nobody can log in in the year 2000")
        check(router.in_force() == before, f"not what was in force: {router.in_force()[:2]} was {before[:2]}")
        router.call("POST", "/configuration/candidate", {"operations": [
            {"op": "set", "path": ["router", "port", "net_ring0", "mtu"], "value": 1400}]})
        number = router.call("POST", "/configuration/commit", {"comment": "in the year 2000"})["number"]
        check(router.call("GET", "/peer")["peers"][0]["status"] == "up", "the peering ended with the clock")
        router.call("POST", "/certificate", {"name": NAME, "certificate": text_of(f"{router.folder}/east.pem")}, 422)
        router.set_clock("+0d")
        router.look("the alarm stays", lambda: router.alarms() == quiet)
        check(router.taken(token), "the token is not taken any more")
        check(not router.taken(early), "a token of the year 2000 is still good")
        check(router.call("GET", "/event/verify")["is_intact"], "the records are broken")
        check(router.in_force()[:2] == before[:2], f"not what was in force: {router.in_force()[:2]} was {before[:2]}")
        check(router.call("GET", "/configuration/running")["number"] == number, "the commit is lost")
        check(router.daemon.poll() is None, "it ended")
        print("alarms, what is in force, tokens and records as they should be in the year 2000, and after it")
    finally:
        data_plane.kill()
        data_plane.wait()


def main():
    """Exit 77 without libfaketime."""
    fake = glob.glob("/usr/lib/*/faketime/libfaketime.so.1")
    if not fake:
        print("SKIP: libfaketime is not installed")
        sys.exit(77)
    with tempfile.TemporaryDirectory(prefix="rekey-clock-") as folder:
        ca = CA(folder)
        router = Router(folder, fake[0])
        try:
            run(router, ca)
        finally:
            router.daemon.kill()
            router.daemon.wait()


main()
