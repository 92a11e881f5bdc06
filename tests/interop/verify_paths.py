#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""rekeyctl pki verify on paths that pyca/cryptography makes, in the spirit of the public suites for
path validation: what each rule of RFC 5280 section 6 lets through and what it must not. Every
verdict within two seconds, no crash, and no certificate accepted that must not be."""
import datetime
import ipaddress
import json
import os
import subprocess
import sys
import tempfile
import time

try:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa
    from cryptography.x509.name import _ASN1Type
    from cryptography.x509.oid import NameOID, ObjectIdentifier
except ImportError:
    print("SKIP: python3-cryptography is not installed")
    sys.exit(77)

REKEYCTL = os.path.join(os.environ["REKEY_BUILD"], "control/cli/rekeyctl")
NOW = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)
DAY = datetime.timedelta(days=1)
UNKNOWN = ObjectIdentifier("1.3.6.1.4.1.55555.1")
ANY_POLICY = ObjectIdentifier("2.5.29.32.0")
POLICY = ObjectIdentifier("1.2.3.4")
KEYS = [ec.generate_private_key(ec.SECP256R1()) for _ in range(10)]
ROOT, CA, SUB, LEAF, OTHER, NEXT = KEYS[:6]


def name(*parts):
    """Common names; or pairs of OID and value; "" is the empty name."""
    if parts == ("",):
        return x509.Name([])
    return x509.Name([x509.NameAttribute(*p) if isinstance(p, tuple)
                      else x509.NameAttribute(NameOID.COMMON_NAME, p) for p in parts])


def usage(is_ca):
    return x509.KeyUsage(not is_ca, False, False, False, False, is_ca, is_ca, False, False)


def policies(*oids):
    return x509.CertificatePolicies([x509.PolicyInformation(o, None) for o in oids])


def san(*names):
    return x509.SubjectAlternativeName(list(names))


def names(permitted=None, excluded=None):
    return x509.NameConstraints(permitted, excluded)


dns, uri, email = x509.DNSName, x509.UniformResourceIdentifier, x509.RFC822Name


def net(text):
    return x509.IPAddress(ipaddress.ip_network(text))


def addr(text):
    return x509.IPAddress(ipaddress.ip_address(text))


def cert(subject, key, issuer, issuer_key, is_ca=False, more=(), **change):
    """A sound certificate but for what change says: without (extensions left out), critical (whose
    critical flag is turned), length, start, end, serial, hash; more: (extension, critical)."""
    subject = name(subject) if isinstance(subject, str) else subject
    issuer = name(issuer) if isinstance(issuer, str) else issuer
    public = key.public_key()
    builder = (x509.CertificateBuilder().subject_name(subject).issuer_name(issuer)
               .public_key(public)
               .serial_number(change.get("serial") or x509.random_serial_number())
               .not_valid_before(change.get("start", NOW - DAY))
               .not_valid_after(change.get("end", NOW + 30 * DAY)))
    listed = [
        ("bc", x509.BasicConstraints(is_ca, change.get("length")), True),
        ("ku", change.get("ku", usage(is_ca)), True),
        ("ski", x509.SubjectKeyIdentifier.from_public_key(public), False),
        ("aki", x509.AuthorityKeyIdentifier.from_issuer_public_key(
            change.get("aki", issuer_key).public_key()), False),
    ]
    for short, extension, critical in listed:
        if short not in change.get("without", ()):
            builder = builder.add_extension(extension, critical != (short in change.get("turn", ())))
    for extension, critical in more:
        builder = builder.add_extension(extension, critical)
    if isinstance(issuer_key, (ed25519.Ed25519PrivateKey, ed448.Ed448PrivateKey)):
        return builder.sign(issuer_key, None)
    return builder.sign(issuer_key, change.get("hash", hashes.SHA256()))


def pss(certificate, key, issuer, issuer_key):
    """The same, signed with RSA-PSS: by the openssl program, as older pyca/cryptography cannot."""
    request = x509.CertificateSigningRequestBuilder().subject_name(certificate.subject)
    for extension in certificate.extensions:
        request = request.add_extension(extension.value, extension.critical)
    pem = serialization.Encoding.PEM
    with tempfile.NamedTemporaryFile() as ca_file:
        ca_file.write(issuer.public_bytes(pem) + issuer_key.private_bytes(
            pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
        ca_file.flush()
        signed = subprocess.run(
            ["openssl", "x509", "-req", "-CA", ca_file.name, "-set_serial", "7",
             "-copy_extensions", "copyall", "-sha256",
             "-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:32"],
            input=request.sign(key, hashes.SHA256()).public_bytes(pem),
            capture_output=True, check=True)
    return x509.load_pem_x509_certificate(signed.stdout)


def root(more=(), **change):
    return cert("root", ROOT, "root", ROOT, True, more, **{"without": ("aki",), **change})


def ca(more=(), **change):
    return cert("ca", CA, "root", ROOT, True, more, **change)


def leaf(*more, **change):
    return cert(change.pop("subject", "router"), change.pop("key", LEAF),
                change.pop("issuer", "ca"), change.pop("issuer_key", CA), False, more, **change)


class Matrix:
    def __init__(self, folder):
        self.folder, self.count, self.wrong, self.valid = folder, 0, 0, 0
        self.root, self.ca = root(), ca()

    def write(self, file_name, objects):
        path = os.path.join(self.folder, file_name)
        with open(path, "wb") as f:
            for each in objects:
                f.write(each.public_bytes(serialization.Encoding.PEM))
        return path

    def expect(self, is_valid, what, target, untrusted=None, anchors=None, at=None):
        untrusted = [self.ca] if untrusted is None else untrusted
        start = time.monotonic()
        run = subprocess.run(
            [REKEYCTL, "pki", "verify", "--anchors",
             self.write("anchors.pem", anchors or [self.root]), "--untrusted",
             self.write("untrusted.pem", untrusted), "--json",
             *(["--time", at.strftime("%Y-%m-%dT%H:%M:%SZ")] if at else []),
             self.write("leaf.pem", [target])],
            stdout=subprocess.PIPE, check=False, timeout=30)
        took = time.monotonic() - start
        answer = json.loads(run.stdout)
        self.count += 1
        self.valid += answer["valid"]
        if (answer["valid"] != is_valid or run.returncode != (0 if is_valid else 1) or took > 2):
            self.wrong += 1
            print(f"WRONG: {what}: exit {run.returncode}, {took:.1f} s, {answer['code']}: "
                  f"{answer['reason']}")

    def good(self, what, target, *args, **more):
        self.expect(True, what, target, *args, **more)

    def bad(self, what, target, *args, **more):
        self.expect(False, what, target, *args, **more)


def try_signatures(m):
    m.good("sound", leaf())
    m.bad("signed by another key", leaf(issuer_key=OTHER, aki=CA))
    m.bad("CA signed by another key", leaf(), [cert("ca", CA, "root", OTHER, True, aki=ROOT)])
    big, small = rsa.generate_private_key(65537, 2048), rsa.generate_private_key(65537, 1024)
    m.good("RSA-2048 leaf", leaf(key=big))
    m.bad("RSA-1024 leaf", leaf(key=small))
    for is_good, key in ((True, big), (False, small)):
        m.expect(is_good, f"RSA-{key.key_size} CA", leaf(issuer_key=key),
                 [cert("ca", key, "root", ROOT, True)])
    issuer = cert("ca", big, "root", ROOT, True)
    m.good("RSA-PSS", pss(leaf(issuer_key=big), LEAF, issuer, big), [issuer])
    m.good("SHA-512", leaf(hash=hashes.SHA512()))
    m.bad("Ed25519", leaf(key=ed25519.Ed25519PrivateKey.generate()))
    m.bad("Ed448", leaf(key=ed448.Ed448PrivateKey.generate()))
    m.bad("DSA", leaf(key=dsa.generate_private_key(2048)))
    m.bad("secp256k1", leaf(key=ec.generate_private_key(ec.SECP256K1())))
    m.bad("brainpool", leaf(key=ec.generate_private_key(ec.BrainpoolP256R1())))


def try_dates(m):
    m.bad("leaf expired", leaf(start=NOW - 9 * DAY, end=NOW - DAY))
    m.bad("leaf not yet", leaf(start=NOW + DAY))
    m.bad("CA expired", leaf(), [ca(start=NOW - 9 * DAY, end=NOW - DAY)])
    m.bad("CA not yet", leaf(), [ca(start=NOW + DAY)])
    m.bad("root expired", leaf(), anchors=[root(start=NOW - 9 * DAY, end=NOW - DAY)])
    m.good("asked for another day", leaf(start=NOW + 9 * DAY), at=NOW + 10 * DAY)
    m.bad("asked for a day too late", leaf(end=NOW + 2 * DAY), at=NOW + 3 * DAY)
    far = datetime.datetime(2050, 1, 1, tzinfo=datetime.timezone.utc)
    m.good("GeneralizedTime", leaf(end=far))
    m.good("the second before the last", leaf(end=NOW + 2 * DAY),
           at=NOW + 2 * DAY - datetime.timedelta(seconds=1))
    m.bad("the second after", leaf(end=NOW + 2 * DAY),
          at=NOW + 2 * DAY + datetime.timedelta(seconds=1))


def try_names(m):
    m.bad("issuer of another name", leaf(issuer="cb"))
    org = (NameOID.ORGANIZATION_NAME, "Lab")
    unit = (NameOID.ORGANIZATIONAL_UNIT_NAME, "One")
    long_ca = cert(name(org, unit, "ca"), CA, "root", ROOT, True)
    m.good("several parts", leaf(issuer=name(org, unit, "ca")), [long_ca])
    m.bad("parts in another order", leaf(issuer=name(unit, org, "ca")), [long_ca])
    m.bad("a part is missing", leaf(issuer=name(org, "ca")), [long_ca])
    m.good("capitals and blanks", leaf(issuer=name((NameOID.ORGANIZATION_NAME, " LAB "), unit,
                                                   "CA")), [long_ca])
    printable = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "ca",
                                              _ASN1Type.PrintableString)])
    m.good("PrintableString for UTF8String", leaf(issuer=printable))
    m.bad("empty subject", leaf(subject=""))
    m.bad("empty subject, SAN not critical", leaf((san(dns("a.example")), False), subject=""))
    m.good("empty subject, SAN critical", leaf((san(dns("a.example")), True), subject=""))
    m.bad("CA without name", leaf(issuer=""), [cert("", CA, "root", ROOT, True)])
    m.bad("SAN empty", leaf((san(), False)))
    m.bad("DNS name with a blank", leaf((san(dns("a b.example")), False)))
    m.good("DNS name with underscore", leaf((san(dns("router_1.example")), False)))


def try_constraints(m):
    sub = lambda **c: cert("sub", SUB, "ca", CA, True, **c)
    below = leaf(issuer="sub", issuer_key=SUB)
    m.good("CA below CA", below, [m.ca, sub()])
    m.bad("no basicConstraints", leaf(), [ca(without=("bc",))])
    m.bad("basicConstraints not critical", leaf(), [ca(turn=("bc",))])
    m.bad("CA:FALSE", leaf(), [cert("ca", CA, "root", ROOT, False, ku=usage(True))])
    m.bad("leaf as issuer", below, [m.ca, cert("sub", SUB, "ca", CA, False)])
    m.good("length 0, leaf below", leaf(), [ca(length=0)])
    m.bad("length 0, CA below", below, [ca(length=0), sub()])
    m.good("length 1, CA below", below, [ca(length=1), sub()])
    m.bad("root of length 0", leaf(), anchors=[root(length=0)])
    m.good("root of length 1", leaf(), anchors=[root(length=1)])
    m.bad("length 0 below length 5", below, [ca(length=0), sub(length=5)])
    rolled = cert("ca", NEXT, "ca", CA, True)
    by_next = leaf(issuer_key=NEXT)
    m.good("self-issued does not count", by_next, [ca(length=0), rolled])
    m.bad("no certificate signing", leaf(), [ca(ku=usage(False))])
    m.bad("no keyUsage in a CA", leaf(), [ca(without=("ku",))])
    m.good("keyUsage not critical in a CA", leaf(), [ca(turn=("ku",))])
    m.good("keyUsage not critical", leaf(turn=("ku",)))
    m.good("no keyUsage", leaf(without=("ku",)))
    m.bad("leaf that may sign certificates", leaf(ku=usage(True)))
    m.bad("CA as router", cert("router", LEAF, "ca", CA, True))
    m.good("no basicConstraints in a leaf", leaf(without=("bc",)))


def try_identifiers(m):
    m.bad("leaf without authority key identifier", leaf(without=("aki",)))
    m.bad("CA without authority key identifier", leaf(), [ca(without=("aki",))])
    m.bad("CA without subject key identifier", leaf(), [ca(without=("ski",))])
    m.good("root without authority key identifier", leaf())
    m.good("root with authority key identifier", leaf(), anchors=[root(without=())])
    m.bad("critical authority key identifier", leaf(turn=("aki",)))
    m.bad("critical subject key identifier", leaf(turn=("ski",)))
    m.bad("another authority key identifier", leaf(aki=OTHER))


def try_extensions(m):
    odd = x509.UnrecognizedExtension(UNKNOWN, b"\x05\x00")
    m.good("unknown extension", leaf((odd, False)))
    m.bad("unknown critical extension", leaf((odd, True)))
    m.bad("unknown critical extension in a CA", leaf(), [ca([(odd, True)])])
    m.good("unknown extension in a CA", leaf(), [ca([(odd, False)])])
    m.bad("unknown critical extension in the root", leaf(), anchors=[root([(odd, True)])])
    broken = x509.UnrecognizedExtension(ObjectIdentifier("2.5.29.17"), b"\x30\x03\x82\x05a")
    m.bad("broken subjectAltName", leaf((broken, False)))
    m.bad("name constraints in a leaf", leaf((names([dns("example")]), True)))
    m.bad("critical authority information access", leaf((x509.AuthorityInformationAccess(
        [x509.AccessDescription(ObjectIdentifier("1.3.6.1.5.5.7.48.1"), uri("http://a.example"))]),
        True)))


def try_name_constraints(m):
    router = name((NameOID.ORGANIZATION_NAME, "Lab"), "router")
    inside = x509.DirectoryName(name((NameOID.ORGANIZATION_NAME, "Lab")))
    outside = x509.DirectoryName(name((NameOID.ORGANIZATION_NAME, "Fab")))
    cases = [  # valid, constraint, names of the leaf
        (True, names([dns("example.org")]), [dns("a.example.org")]),
        (True, names([dns("example.org")]), [dns("example.org")]),
        (False, names([dns("example.org")]), [dns("example.com")]),
        (False, names([dns("example.org")]), [dns("badexample.org")]),
        (False, names([dns("example.org")]), [dns("a.example.org"), dns("a.example.com")]),
        (True, names([dns("example.org")]), [email("a@b.example")]),
        (False, names(None, [dns("example.org")]), [dns("a.example.org")]),
        (True, names(None, [dns("example.org")]), [dns("a.example.com")]),
        (False, names([dns("example.org")], [dns("a.example.org")]), [dns("b.a.example.org")]),
        (True, names([dns("example.org")], [dns("a.example.org")]), [dns("b.example.org")]),
        (False, names([dns(".example.org")]), [dns("a.example.org")]),
        (True, names([net("192.0.2.0/24")]), [addr("192.0.2.9")]),
        (False, names([net("192.0.2.0/24")]), [addr("192.0.3.9")]),
        (False, names([net("192.0.2.0/24")]), [addr("2001:db8::1")]),
        (False, names(None, [net("2001:db8::/32")]), [addr("2001:db8::1")]),
        (True, names([email("example.org")]), [email("a@example.org")]),
        (False, names([email("example.org")]), [email("a@b.example.org")]),
        (False, names([email("a@example.org")]), [email("b@example.org")]),
        (True, names([uri("example.org")]), [uri("https://example.org/x")]),
        (False, names([uri("example.org")]), [uri("https://example.com/x")]),
        (False, names([uri("example.org")]), [uri("urn:ssr:peering:router")]),
        (False, names(None, [uri("example.org")]), [uri("https://example.org/x")]),
        (True, names([inside]), []),
        (False, names([outside]), []),
        (False, names(None, [inside]), []),
        (True, names(None, [outside]), []),
    ]
    for is_good, constraint, listed in cases:
        more = [(san(*listed), False)] if listed else []
        what = f"{constraint.permitted_subtrees} but {constraint.excluded_subtrees}: {listed}"
        m.expect(is_good, what, leaf(*more, subject=router), [ca([(constraint, True)])])
    m.bad("name constraints not critical", leaf(), [ca([(names([dns("example.org")]), False)])])
    a, b = names([dns("example.org")]), names([dns("a.example.org")])
    for is_good, host in ((True, "x.a.example.org"), (False, "x.b.example.org")):
        m.expect(is_good, f"two CAs' constraints: {host}",
                 leaf((san(dns(host)), False), issuer="sub", issuer_key=SUB),
                 [ca([(a, True)]), cert("sub", SUB, "ca", CA, True, [(b, True)])])
    many = [dns(f"n{i}.example.org") for i in range(200)]
    m.good("two hundred names", leaf((san(*many), False)), [ca([(names([dns("example.org")]),
                                                                 True)])])
    m.bad("very many constraints and names", leaf((san(*many), False)),
          [ca([(names(None, [dns(f"c{i}.example.com") for i in range(200)] +
                      [dns("n199.example.org")]), True)])])


def try_policies(m):
    require = x509.PolicyConstraints(0, None)
    no_any = x509.InhibitAnyPolicy(0)
    m.good("policies that nobody asks for", leaf((policies(POLICY), False)))
    m.bad("policy required, none there", leaf(), [ca([(require, True)])])
    m.bad("policy required, CA has none", leaf((policies(POLICY), False)), [ca([(require, True)])])
    m.good("policy required and there", leaf((policies(POLICY), False)),
           [ca([(require, True), (policies(POLICY), False)])])
    m.good("any policy", leaf((policies(POLICY), False)),
           [ca([(require, True), (policies(ANY_POLICY), False)])])
    m.bad("another policy", leaf((policies(UNKNOWN), False)),
          [ca([(require, True), (policies(POLICY), False)])])
    m.bad("any policy inhibited", leaf((policies(ANY_POLICY), False)),
          [ca([(require, True), (no_any, True), (policies(POLICY), False)])])
    m.bad("policy constraints not critical", leaf((policies(POLICY), False)),
          [ca([(require, False), (policies(POLICY), False)])])
    m.bad("inhibitAnyPolicy not critical", leaf(), [ca([(no_any, False)])])


def try_paths(m):
    other_root = cert("other", OTHER, "other", OTHER, True, without=("aki",))
    m.bad("no CA", leaf(), [])
    m.bad("root not trusted", leaf(), [m.ca, m.root], [other_root])
    m.bad("leaf is the anchor", leaf(), [], [leaf()])
    m.bad("self-signed router", cert("router", LEAF, "router", LEAF, without=("aki",)), [])
    m.good("CA twice, and strangers", leaf(), [other_root, m.ca, m.ca, other_root])
    m.good("root among the untrusted, too", leaf(), [m.root, m.ca])
    m.good("CA is an anchor", leaf(), [], [m.ca])
    # Two CAs of one name; one of them expired; in either order.
    old = ca(start=NOW - 9 * DAY, end=NOW - DAY)
    m.good("an expired twin first", leaf(), [old, m.ca])
    m.good("an expired twin last", leaf(), [m.ca, old])
    twin = cert("ca", OTHER, "root", ROOT, True)
    m.good("a twin with another key", leaf(), [twin, m.ca])
    # Cross-signed both ways: a loop, with and without a way out.
    to_other, back = cert("ca", CA, "other", OTHER, True), cert("other", OTHER, "ca", CA, True)
    m.bad("a loop without anchor", leaf(), [to_other, back])
    m.good("a loop with a way out", leaf(), [to_other, back, m.ca])
    m.good("the other anchor", leaf(), [to_other, m.ca], [other_root])
    # Key rollover: new with old, old with new.
    rolled = cert("ca", NEXT, "ca", CA, True)
    m.good("new with old", leaf(issuer_key=NEXT), [m.ca, rolled])
    new_ca = cert("ca", NEXT, "root", ROOT, True)
    m.good("old with new", leaf(), [new_ca, cert("ca", CA, "ca", NEXT, True)])
    chain, issuer, key = [], "root", ROOT
    for i in range(12):
        chain.append(cert(f"ca {i}", KEYS[i % 4 + 6], issuer, key, True))
        issuer, key = f"ca {i}", KEYS[i % 4 + 6]
        m.expect(i < 7, f"{i + 1} CAs", leaf(issuer=issuer, issuer_key=key), chain)


def try_bombs(m):
    """CAs that all sign each other under few names: the search is bounded, and fails closed."""
    keys = KEYS[4:10]
    for labels in (["x"] * 6, ["x", "y"] * 3, [f"x{i}" for i in range(6)]):
        web = [cert(labels[i], keys[i], labels[j], keys[j], True)
               for i in range(6) for j in range(6)]
        target = leaf(issuer=labels[0], issuer_key=keys[0])
        m.bad("a web without anchor", target, web)
        m.good("a web with a way out", target,
               web + [cert(labels[1], keys[1], "root", ROOT, True)])


def main():
    with tempfile.TemporaryDirectory() as folder:
        m = Matrix(folder)
        for group in (try_signatures, try_dates, try_names, try_constraints, try_identifiers,
                      try_extensions, try_name_constraints, try_policies, try_paths, try_bombs):
            group(m)
    print(f"{m.count} verdicts, {m.valid} valid, {m.wrong} not as expected")
    return 1 if m.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
