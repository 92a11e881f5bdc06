#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""rekeyctl pki verify on certificates and lists that pyca/cryptography makes: what openssl's own
tool cannot write. Key rollover, separate list keys, named points, reasons, indirect lists."""
import datetime
import json
import os
import subprocess
import sys
import tempfile

try:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID
except ImportError:
    print("SKIP: python3-cryptography is not installed")
    sys.exit(77)

REKEYCTL = os.path.join(os.environ["REKEY_BUILD"], "control/cli/rekeyctl")
START = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0) - datetime.timedelta(1)
END = START + datetime.timedelta(30)
REASON = x509.ReasonFlags


def new_key():
    return ec.generate_private_key(ec.SECP256R1())


def name(common_name):
    return x509.Name([x509.NameAttribute(NameOID.COUNTRY_NAME, "ZZ"),
                      x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def directory(common_name):
    return x509.DirectoryName(name(common_name))


def relative(unit):
    return x509.RelativeDistinguishedName(
        [x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, unit)])


def completed(issuer, unit):
    return x509.DirectoryName(x509.Name(list(name(issuer).rdns) + [relative(unit)]))


def key_usage(certs, lists):
    return x509.KeyUsage(not (certs or lists), False, False, False, False, certs, lists, False,
                         False)


def make_cert(subject, key, issuer, issuer_key, usage="leaf", points=None, path_length=None):
    """usage: leaf, ca (certificates and lists), certs (a CA without lists), lists (no CA)."""
    is_ca = usage in ("ca", "certs")
    builder = (x509.CertificateBuilder().subject_name(name(subject)).issuer_name(name(issuer))
               .public_key(key.public_key()).serial_number(x509.random_serial_number())
               .not_valid_before(START).not_valid_after(END)
               .add_extension(x509.BasicConstraints(is_ca, path_length), True)
               .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
               .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(
                   issuer_key.public_key()), False)
               .add_extension(key_usage(is_ca, usage in ("ca", "lists")), True))
    if points:
        builder = builder.add_extension(x509.CRLDistributionPoints(points), False)
    return builder.sign(issuer_key, hashes.SHA256())


def make_entry(cert, reason=None, issuer=None):
    builder = (x509.RevokedCertificateBuilder().serial_number(cert.serial_number)
               .revocation_date(START))
    if reason:
        builder = builder.add_extension(x509.CRLReason(reason), False)
    if issuer:
        builder = builder.add_extension(x509.CertificateIssuer([directory(issuer)]), True)
    return builder.build()


def make_list(issuer, key, entries=(), scope=None, number=5, delta=None):
    builder = (x509.CertificateRevocationListBuilder().issuer_name(name(issuer))
               .last_update(START).next_update(END)
               .add_extension(x509.CRLNumber(number), False)
               .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(
                   key.public_key()), False))
    if scope:
        builder = builder.add_extension(scope, True)
    if delta is not None:
        builder = builder.add_extension(x509.DeltaCRLIndicator(delta), True)
    for entry in entries:
        builder = builder.add_revoked_certificate(entry)
    return builder.sign(key, hashes.SHA256())


def make_scope(full=None, unit=None, some=None, indirect=False):
    return x509.IssuingDistributionPoint(
        full_name=full, relative_name=relative(unit) if unit else None,
        only_contains_user_certs=False, only_contains_ca_certs=False, only_some_reasons=some,
        indirect_crl=indirect, only_contains_attribute_certs=False)


def make_point(full=None, unit=None, reasons=None, issuer=None):
    return x509.DistributionPoint(full, relative(unit) if unit else None, reasons,
                                  [directory(issuer)] if issuer else None)


class Matrix:
    def __init__(self, folder):
        self.folder = folder
        self.count = 0
        self.wrong = 0
        self.anchors = []

    def write(self, file_name, objects):
        path = os.path.join(self.folder, file_name)
        with open(path, "wb") as f:
            for each in objects:
                f.write(each.public_bytes(serialization.Encoding.PEM))
        return path

    def expect(self, code, what, leaf, untrusted, lists):
        """code: "valid" or of the refusal."""
        run = subprocess.run(
            [REKEYCTL, "pki", "verify", "--anchors", self.write("anchors.pem", self.anchors),
             "--untrusted", self.write("untrusted.pem", untrusted),
             "--crls", self.write("lists.pem", lists), "--json", self.write("leaf.pem", [leaf])],
            stdout=subprocess.PIPE, check=False, timeout=30)
        answer = json.loads(run.stdout)
        self.count += 1
        if (answer["code"] != code or answer["valid"] != (code == "valid")
                or run.returncode != (0 if code == "valid" else 1)):
            self.wrong += 1
            print(f"WRONG: {what}: exit {run.returncode}, {answer}, not {code}")


NOT_COVERED = "revocation-not-covered"


class Authority:
    """A root, a CA and a leaf, and the root's list."""
    def __init__(self):
        self.root_key, self.key, self.leaf_key = new_key(), new_key(), new_key()
        self.root = make_cert("root", self.root_key, "root", self.root_key, "ca")
        self.ca = make_cert("ca", self.key, "root", self.root_key, "ca")
        self.root_list = make_list("root", self.root_key)
        self.leaf = self.new_leaf()

    def new_leaf(self, points=None, issuer="ca", key=None):
        return make_cert("leaf", self.leaf_key, issuer, key or self.key, points=points)

    def list(self, *args, **kwargs):
        return make_list("ca", self.key, *args, **kwargs)


def try_keys(m, a):
    """The CA's name with more than one key."""
    new = new_key()
    new_with_old = make_cert("ca", new, "ca", a.key, "ca")
    old_with_new = make_cert("ca", a.key, "ca", new, "ca")
    ca_new = make_cert("ca", new, "root", a.root_key, "ca")
    young = a.new_leaf(key=new)
    m.expect("valid", "new with old", young, [a.ca, new_with_old], [a.root_list, a.list()])
    m.expect("valid", "old with new", a.leaf, [ca_new, old_with_new],
             [a.root_list, make_list("ca", new)])
    m.expect("revoked", "old with new, revoked", a.leaf, [ca_new, old_with_new],
             [a.root_list, make_list("ca", new, [make_entry(a.leaf)])])
    certs = make_cert("ca", a.key, "root", a.root_key, "certs")
    signer = make_cert("ca", new, "root", a.root_key, "lists")
    by_signer = make_list("ca", new)
    m.expect("valid", "separate keys", a.leaf, [certs, signer], [a.root_list, by_signer])
    m.expect(NOT_COVERED, "signer revoked", a.leaf, [certs, signer],
             [make_list("root", a.root_key, [make_entry(signer)]), by_signer])
    m.expect(NOT_COVERED, "CA without cRLSign", a.leaf, [certs], [a.root_list, a.list()])
    own = make_cert("ca", new, "ca", a.key, "lists", [make_point([directory("own")])])
    m.expect("valid", "self-issued signer", a.leaf, [a.ca, own],
             [a.root_list, by_signer, a.list(scope=make_scope([directory("own")]))])
    m.expect(NOT_COVERED, "signer that only vouches for itself", a.leaf, [certs, own],
             [a.root_list, by_signer])
    short = make_cert("ca", a.key, "root", a.root_key, "ca", path_length=0)
    m.expect("valid", "self-issued below pathlen 0", young, [short, new_with_old], [])
    m.expect("path-length-exceeded", "a CA below pathlen 0", a.new_leaf(None, "sub", new),
             [short, make_cert("sub", new, "ca", a.key, "ca")], [])


def try_points(m, a):
    """Names of distribution points."""
    full, other = [directory("point")], [directory("other")]
    by_unit = a.new_leaf([make_point(unit="x")])
    for code, what, leaf, scope in (
            ("valid", "the same name", a.new_leaf([make_point(full)]), make_scope(full)),
            (NOT_COVERED, "another name", a.new_leaf([make_point(full)]), make_scope(other)),
            ("valid", "both relative", by_unit, make_scope(unit="x")),
            (NOT_COVERED, "another unit", by_unit, make_scope(unit="y")),
            ("valid", "relative, full", by_unit, make_scope([completed("ca", "x")])),
            ("valid", "full, relative", a.new_leaf([make_point([completed("ca", "x")])]),
             make_scope(unit="x")),
            ("valid", "its issuer's name", a.leaf, make_scope([directory("ca")]))):
        m.expect(code, what, leaf, [a.ca], [a.root_list, a.list(scope=scope)])
    m.expect("revoked", "relative, revoked", by_unit, [a.ca],
             [a.root_list, a.list([make_entry(by_unit)], make_scope(unit="x"))])


def try_reasons(m, a):
    some = frozenset([REASON.key_compromise, REASON.ca_compromise])
    rest = frozenset([REASON.affiliation_changed, REASON.superseded, REASON.certificate_hold,
                      REASON.cessation_of_operation, REASON.privilege_withdrawn,
                      REASON.aa_compromise])
    p1, p2 = [directory("p1")], [directory("p2")]
    leaf = a.new_leaf([make_point(p1, reasons=some), make_point(p2, reasons=rest)])
    for code, what, scopes in (
            ("valid", "both halves", [make_scope(p1, some=some), make_scope(p2, some=rest)]),
            (NOT_COVERED, "one half", [make_scope(p1, some=some)]),
            ("valid", "two whole lists", [make_scope(p1), make_scope(p2)]),
            (NOT_COVERED, "one whole list at half a point", [make_scope(p1)]),
            (NOT_COVERED, "halves exchanged",
             [make_scope(p1, some=rest), make_scope(p2, some=some)])):
        m.expect(code, what, leaf, [a.ca],
                 [a.root_list] + [a.list(scope=scope) for scope in scopes])


def try_indirect(m, a):
    key = new_key()
    signer = make_cert("signer", key, "root", a.root_key, "lists")
    leaf = a.new_leaf([make_point(issuer="signer")])
    point = a.new_leaf([make_point([directory("point")], issuer="signer")])
    unit = a.new_leaf([make_point(unit="u", issuer="signer")])
    scope = make_scope(indirect=True)
    for code, what, cert, of, entries in (
            ("valid", "indirect", leaf, scope, []),
            (NOT_COVERED, "not indirect", leaf, None, []),
            (NOT_COVERED, "not asked by the certificate", a.leaf, scope, []),
            ("revoked", "indirect, revoked", leaf, scope, [make_entry(leaf, None, "ca")]),
            ("valid", "another's serial", leaf, scope, [make_entry(leaf, None, "other")]),
            ("valid", "at a point", point, make_scope([directory("point")], indirect=True), []),
            (NOT_COVERED, "at another point", point,
             make_scope([directory("other")], indirect=True), []),
            ("valid", "relative to the signer", unit, make_scope(unit="u", indirect=True), []),
            ("valid", "point named by cRLIssuer", leaf,
             make_scope([directory("signer")], indirect=True), [])):
        m.expect(code, what, cert, [a.ca, signer],
                 [a.root_list, make_list("signer", key, entries, of)])
    other_key = new_key()
    other = make_cert("other root", other_key, "other root", other_key, "ca")
    m.anchors = [a.root, other]
    m.expect(NOT_COVERED, "signer below another anchor", leaf,
             [a.ca, make_cert("signer", key, "other root", other_key, "lists")],
             [a.root_list, make_list("other root", other_key), make_list("signer", key, (), scope)])
    m.expect(NOT_COVERED, "a CA of that name below another anchor", a.leaf,
             [a.ca, make_cert("ca", key, "other root", other_key, "ca")],
             [a.root_list, make_list("other root", other_key), make_list("ca", key)])
    m.anchors = [a.root]


def try_deltas(m, a):
    held = a.list([make_entry(a.leaf, REASON.certificate_hold)])
    back = [make_entry(a.leaf, REASON.remove_from_crl)]
    m.expect("valid", "hold taken back", a.leaf, [a.ca],
             [a.root_list, held, a.list(back, number=6, delta=5)])
    m.expect("revoked", "taken back by a stranger", a.leaf, [a.ca],
             [a.root_list, held, make_list("ca", new_key(), back, number=6, delta=5)])
    m.expect("crl-bad-number", "a delta to the future", a.leaf, [a.ca],
             [a.root_list, held, a.list(back, number=6, delta=7)])


def main():
    with tempfile.TemporaryDirectory() as folder:
        m, a = Matrix(folder), Authority()
        m.anchors = [a.root]
        for group in (try_keys, try_points, try_reasons, try_indirect, try_deltas):
            group(m, a)
    print(f"{m.count} verdicts, {m.wrong} not as expected")
    return 1 if m.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
