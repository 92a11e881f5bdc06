#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""rekey-control on revocation lists that other people's programs make: openssl ca, strongSwan's pki
and pyca/cryptography. Full lists, partitions, lists for some reasons, indirect lists and deltas, each
CA's fetched, taken, and told again certificate by certificate."""
import datetime
import http.client
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time

try:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.x509.oid import NameOID
except ImportError:
    print("SKIP: python3-cryptography is not installed")
    sys.exit(77)

CONTROL = os.path.join(os.environ["REKEY_BUILD"], "control/rekey-control")
NOW = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0, tzinfo=None)
DAY = datetime.timedelta(1)
REASON = x509.ReasonFlags
CA_CONF = """[req]
distinguished_name = dn
prompt = no
x509_extensions = ext
[dn]
CN = %(name)s
[ext]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[ca]
default_ca = this
[this]
database = %(name)s.index
crlnumber = %(name)s.number
certificate = %(name)s.pem
private_key = %(name)s.key
default_md = sha256
default_crl_days = 7
crl_extensions = full
[full]
authorityKeyIdentifier = keyid
[users]
authorityKeyIdentifier = keyid
issuingDistributionPoint = critical, @point
[point]
fullname = URI:http://openssl.example/users.crl
onlyuser = TRUE
[delta]
authorityKeyIdentifier = keyid
2.5.29.27 = critical, ASN1:INTEGER:16
"""


def run(*args, **more):
    done = subprocess.run(args, capture_output=True, **more)
    if done.returncode != 0:
        raise RuntimeError(f"{args}: {done.stderr.decode()}")


class Lab:
    """A folder of CAs and lists, and what is to become of each list."""

    def __init__(self, folder):
        self.folder = folder
        self.expected = {}  # by endpoint: number, base, scope, entries
        self.uris = {}  # by endpoint: the full list's file, the delta's
        self.bundle = ""

    def path(self, name):
        return os.path.join(self.folder, name)

    def make_ca(self, name):
        with open(self.path(name + ".cnf"), "w", encoding="ascii") as f:
            f.write(CA_CONF % {"name": name})
        run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
            "-nodes", "-keyout", name + ".key", "-out", name + ".pem", "-days", "30", "-config",
            name + ".cnf", cwd=self.folder)
        with open(self.path(name + ".pem"), encoding="ascii") as f:
            self.bundle += f.read()

    def expect(self, endpoint, number, entries, base=None, scope=None):
        """entries: {(issuer, serial): reason}."""
        kind = "delta" if base else "full"
        name = f"foreign/{endpoint}" + ("/delta" if base else "")
        self.expected[name] = {"kind": kind, "crl_number": number, "base_crl_number": base,
                               "scope": scope, "entries": entries}
        self.uris.setdefault(endpoint, {})[kind] = \
            self.path(endpoint + (".delta.crl" if base else ".crl"))


def openssl_lists(lab):
    """openssl ca -gencrl: what is revoked stands in a table."""
    lab.make_ca("openssl")
    expiry = (NOW + 300 * DAY).strftime("%y%m%d%H%M%SZ")
    revoked = (NOW - DAY).strftime("%y%m%d%H%M%SZ")

    def gencrl(out, number, section, entries):
        with open(lab.path("openssl.index"), "w", encoding="ascii") as f:
            for serial, reason in entries.items():
                why = "" if reason == "unspecified" else "," + reason.replace("cACo", "CACo")
                f.write(f"R\t{expiry}\t{revoked}{why}\t{serial}\tunknown\t/CN={serial}\n")
        with open(lab.path("openssl.number"), "w", encoding="ascii") as f:
            f.write(number + "\n")
        run("openssl", "ca", "-gencrl", "-config", "openssl.cnf", "-crlexts", section, "-out", out,
            cwd=lab.folder)
        return {("openssl", serial): reason for serial, reason in entries.items()}

    full = {"01": "unspecified", "7F00": "keyCompromise", "0A0B0C": "certificateHold",
            "FF": "cACompromise"}
    lab.expect("openssl", "10", gencrl("openssl.crl", "10", "full", full))
    change = {"0A0B0C": "removeFromCRL", "1234": "superseded"}
    lab.expect("openssl", "11", gencrl("openssl.delta.crl", "11", "delta", change), base="10")
    lab.expect("openssl-users", "05", gencrl("openssl-users.crl", "05", "users",
                                             {"2001": "cessationOfOperation"}),
               scope="http://openssl.example/users.crl user")


def strongswan_lists(lab):
    """pki --signcrl, with numbers that follow from the list before."""
    lab.make_ca("strongswan")

    def sign(out, entries, *more):
        args = []
        for serial, reason in entries.items():
            args += ["--reason", reason[1], "--serial", serial]
        with open(lab.path(out), "wb") as f:
            subprocess.run(["pki", "--signcrl", "--cacert", "strongswan.pem", "--cakey",
                            "strongswan.key", "--lifetime", "5", *args, *more],
                           check=True, stdout=f, stderr=subprocess.PIPE, cwd=lab.folder)
        return {("strongswan", serial): reason[0] for serial, reason in entries.items()}

    full = sign("strongswan.crl", {"0102": ("keyCompromise", "key-compromise"),
                                   "33": ("superseded", "superseded")})
    lab.expect("strongswan", "01", full)
    delta = sign("strongswan.delta.crl", {"44": ("cACompromise", "ca-compromise")}, "--basecrl",
                 "strongswan.crl")
    lab.expect("strongswan", "02", delta, base="01")


def python_lists(lab):
    """pyca/cryptography: every sort of list that it can say."""
    lab.make_ca("python")
    lab.make_ca("other")
    with open(lab.path("python.key"), "rb") as f:
        key = serialization.load_pem_private_key(f.read(), None)
    with open(lab.path("python.pem"), "rb") as f:
        ca = x509.load_pem_x509_certificate(f.read())

    def name(cn):
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, cn)])

    def point(**is_only):
        args = {"full_name": None, "relative_name": None, "only_contains_user_certs": False,
                "only_contains_ca_certs": False, "only_some_reasons": None,
                "indirect_crl": False, "only_contains_attribute_certs": False}
        return x509.IssuingDistributionPoint(**{**args, **is_only})

    def sign(out, number, entries, *extensions):
        builder = (x509.CertificateRevocationListBuilder().issuer_name(ca.subject)
                   .last_update(NOW - datetime.timedelta(hours=1)).next_update(NOW + 5 * DAY)
                   .add_extension(x509.CRLNumber(number), False)
                   .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(
                       ca.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value),
                       False))
        for extension in extensions:
            builder = builder.add_extension(extension, True)
        at = "python"
        for (issuer, serial), reason in entries.items():
            entry = (x509.RevokedCertificateBuilder().serial_number(int(serial, 16))
                     .revocation_date(NOW - DAY))
            if reason != "unspecified":
                flag = REASON.remove_from_crl if reason == "removeFromCRL" else REASON(reason)
                entry = entry.add_extension(x509.CRLReason(flag), False)
            if issuer != at:  # in force until the next one
                entry = entry.add_extension(
                    x509.CertificateIssuer([x509.DirectoryName(name(issuer))]), True)
                at = issuer
            builder = builder.add_revoked_certificate(entry.build())
        with open(lab.path(out), "wb") as f:
            f.write(builder.sign(key, hashes.SHA384()).public_bytes(serialization.Encoding.DER))
        return entries

    place = [x509.UniformResourceIdentifier("http://python.example/1.crl")]
    full = {("python", f"{n:02X}"): reason for n, reason in enumerate(
        ["unspecified", "keyCompromise", "cACompromise", "affiliationChanged", "superseded",
         "cessationOfOperation", "certificateHold", "privilegeWithdrawn", "aACompromise"], 1)}
    lab.expect("python", "07", sign("python.crl", 7, full))
    delta = {("python", "07"): "removeFromCRL", ("python", "7A" * 20): "keyCompromise"}
    lab.expect("python", "0200", sign("python.delta.crl", 512, delta, x509.DeltaCRLIndicator(7)),
               base="07")
    lab.expect("python-place", "03", sign("python-place.crl", 3,
                                          {("python", "1001"): "superseded"},
                                          point(full_name=place)),
               scope="http://python.example/1.crl")
    lab.expect("python-cas", "01", sign("python-cas.crl", 1, {("python", "1002"): "unspecified"},
                                        point(only_contains_ca_certs=True)), scope="ca")
    reasons = frozenset([REASON.key_compromise, REASON.ca_compromise])
    lab.expect("python-reasons", "02", sign("python-reasons.crl", 2,
                                            {("python", "1003"): "keyCompromise"},
                                            point(only_some_reasons=reasons)),
               scope="reasons 006")
    indirect = {("python", "1004"): "keyCompromise", ("other", "1004"): "superseded",
                ("other", "5B"): "unspecified", ("openssl", "5C"): "keyCompromise"}
    lab.expect("python-indirect", "09", sign("python-indirect.crl", 9, indirect,
                                             point(indirect_crl=True)), scope="indirect")


# ---- the daemon ------------------------------------------------------------------------------


class Connection(http.client.HTTPConnection):
    """Over a socket in the file system."""

    def __init__(self, path):
        super().__init__("localhost", timeout=20)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


def ask(lab, method, path, body=None):
    c = Connection(lab.path("run/control.sock"))
    c.request(method, "/api/v1" + path, json.dumps(body) if body is not None else None,
              {"Content-Type": "application/json"})
    answer = c.getresponse()
    text = answer.read().decode()
    c.close()
    if answer.status != 200:
        raise RuntimeError(f"{method} {path}: {answer.status}: {text}")
    return text


def start_daemon(lab):
    for name in ("config", "state", "run", "pki"):
        os.mkdir(lab.path(name), 0o700)
    endpoints = []
    for name, uri in lab.uris.items():
        endpoints.append({"name": name, "uri": "file://" + uri["full"]})
        if "delta" in uri:
            endpoints[-1]["delta-uri"] = "file://" + uri["delta"]
    config = {"authority": {"certificate-revocation": [
        {"name": "foreign", "backoff-interval": 1, "crl-endpoint": endpoints}]},
        "router": {"name": "r", "node": "n", "peering-common-name": "r", "peer": [],
                   "port": [{"name": "net_ring0", "address": ["192.0.2.1/24"]}]}}
    with open(lab.path("config/rekey.json"), "w", encoding="ascii") as f:
        json.dump(config, f)
    with open(lab.path("log"), "wb") as log:
        daemon = subprocess.Popen(
            [CONTROL, "--config-dir", lab.path("config"), "--state-dir", lab.path("state"),
             "--run-dir", lab.path("run"), "--pki-dir", lab.path("pki"), "--listen",
             "127.0.0.1:0"], stderr=log)
    for _ in range(200):
        try:
            ask(lab, "GET", "/certificate-revocation")
            return daemon
        except OSError:
            time.sleep(0.05)
    daemon.kill()
    raise RuntimeError("the daemon does not answer")


def sources(lab):
    answer = json.loads(ask(lab, "GET", "/certificate-revocation"))
    return {s["name"]: s for s in answer["sources"]}


def wait_for_lists(lab):
    """A delta that came before its full list is asked for again by itself."""
    ask(lab, "POST", "/certificate-revocation/refresh", {})
    for _ in range(200):
        found = sources(lab)
        if all(s["entries"] is not None for s in found.values()):
            break
        time.sleep(0.05)
    return found


def check_sources(lab):
    faults, found = [], wait_for_lists(lab)
    if set(found) != set(lab.expected):
        faults.append(f"sources {sorted(found)}")
    for name, want in lab.expected.items():
        got = found.get(name, {})
        told = {key: got.get(key) for key in want if key != "entries"}
        told["entries"] = got.get("entries")
        if told != {**want, "entries": len(want["entries"])} or got.get("last_error"):
            faults.append(f"{name}: {told}: {got.get('last_error')}")
    return faults


def check_entries(lab):
    """As they were revoked: by every list that says so."""
    want, got = [], []
    for name, source in lab.expected.items():
        endpoint = name.split("/")[1]
        for (issuer, serial), reason in source["entries"].items():
            want.append((issuer, serial, reason, "file://" + lab.uris[endpoint][source["kind"]]))
    for e in json.loads(ask(lab, "GET", "/certificate-revocation/entry?format=json"))["entries"]:
        got.append((e["issuer"].removeprefix("CN="), e["serial"], e["reason"], e["source"]))
    return [f"missing: {e}" for e in sorted(set(want) - set(got))] + \
        [f"not revoked: {e}" for e in sorted(set(got) - set(want))]


def main():
    makers = [openssl_lists, python_lists]
    if shutil.which("pki"):
        makers.append(strongswan_lists)
    else:
        print("SKIP: strongSwan's lists: pki (strongswan-pki) is not installed")
    with tempfile.TemporaryDirectory(prefix="rekey-lists.") as folder:
        lab = Lab(folder)
        for make in makers:
            make(lab)
        daemon = start_daemon(lab)
        try:
            ask(lab, "POST", "/trusted-ca-certificate", {"name": "foreign", "content": lab.bundle})
            faults = check_sources(lab) + check_entries(lab)
        finally:
            daemon.terminate()
            daemon.wait(10)
    print("\n".join(faults) or f"{len(lab.expected)} lists, as they were made")
    return 1 if faults else 0


sys.exit(main())
