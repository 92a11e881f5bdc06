#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""rekeyctl pki verify on certificates that break one rule of RFC 5280 or X.690 each; openssl is
asked as well, and must not be stricter."""
import sys
import tempfile

try:
    import forge as f
except ImportError:
    print("SKIP: python3-cryptography is not installed")
    sys.exit(77)
from forge import (FALSE, NOW, NULL, bits, ca, cert, dns, ext, ip, leaf, name, nc, num,
                   octets, oid, root, san, seq, sub, tlv, utc)

DAY = f.DAY
OUR = "1.3.6.1.4.1.55555.1"
POLICY, SECOND, ANY_POLICY = "1.2.3.4", "1.2.3.5", "2.5.29.32.0"


class Cases(f.Bench):
    def __init__(self, folder):
        super().__init__(folder)
        self.root, self.ca, self.sub = root(), ca(), sub()

    def good(self, what, target, untrusted=None, anchors=None):
        self.expect(True, what, target, untrusted or [self.ca], anchors or [self.root])

    def bad(self, what, target, untrusted=None, anchors=None):
        self.expect(False, what, target, untrusted or [self.ca], anchors or [self.root])

    def either(self, what, target, untrusted=None):
        self.expect(None, what, target, untrusted or [self.ca], [self.root])

    def bad_everywhere(self, what, **piece):
        """The same fault in a leaf and in a CA."""
        self.bad(f"{what} (leaf)", leaf(**piece))
        self.bad(f"{what} (CA)", leaf(), [ca(**piece)])


def try_head(c):
    c.good("sound", leaf())
    for what, piece in (
            ("version 1 by omission", b""), ("version 1 written", tlv(0xa0, num(0))),
            ("version 2", tlv(0xa0, num(1))), ("version 4", tlv(0xa0, num(3))),
            ("version negative", tlv(0xa0, num(-1)))):
        c.bad_everywhere(what, version=piece)
    c.bad("version 1 without extensions", leaf(version=b"", extensions=b""))
    c.bad("CA of version 1 without extensions", leaf(), [ca(version=b"", extensions=b"")])
    c.bad("no extensions", leaf(extensions=b""))
    c.bad("an empty list of extensions", leaf(extensions=tlv(0xa3, seq())))
    for what, serial in (
            ("serial 0", num(0)), ("serial negative", num(-5)), ("serial empty", tlv(2)),
            ("serial not minimal", b"\x02\x02\x00\x05"),
            ("serial of 21 octets", num(1 << 160)),
            ("serial of 20 octets and a zero", num((1 << 160) - 1))):
        c.bad_everywhere(what, serial=serial)
    c.good("serial of 20 octets", leaf(serial=num((1 << 159) - 1)))
    with_null = seq(oid("1.2.840.10045.4.3.2"), NULL)
    c.bad_everywhere("ECDSA with NULL", algorithm=with_null)
    c.bad_everywhere("the algorithms differ", outer=with_null)
    c.bad_everywhere("ECDSA with SHA-1", algorithm=seq(oid("1.2.840.10045.4.1")))
    c.bad_everywhere("issuer empty", issuer_name=name())
    c.bad_everywhere("an RDN of nothing", subject_name=seq(tlv(0x31)))
    c.bad_everywhere("something behind the signature", tail=NULL)
    c.bad_everywhere("signature with unused bits", signature=bits(seq(num(1), num(2)), 1))
    c.bad_everywhere("signature empty", signature=bits(b""))
    c.either("unique identifiers", leaf(unique=tlv(0x81, b"\x00x")))
    pair = sorted((f.attribute("a", 10), f.attribute("b", 11)))
    c.good("two attributes in order", leaf(subject_name=seq(tlv(0x31, *pair))))
    c.bad("two attributes out of order", leaf(subject_name=seq(tlv(0x31, *reversed(pair)))))


def try_dates(c):
    late = NOW + 9 * DAY
    text = late.strftime("%y%m%d%H%M%S").encode()
    after = {
        "GeneralizedTime before 2050": f.generalized(late),
        "no seconds": tlv(23, text[:-2] + b"Z"),
        "an offset": tlv(23, text + b"+0000"),
        "no zone": tlv(23, text),
        "a small z": tlv(23, text + b"z"),
        "a fraction": tlv(24, b"20600101000000.5Z"),
        "a fraction of nothing": tlv(24, b"20600101000000.0Z"),
        "GeneralizedTime without zone": tlv(24, b"20600101000000"),
        "30 February": tlv(24, b"20600230000000Z"),
        "hour 24": tlv(24, b"20600101240000Z"),
        "second 60": tlv(24, b"20600101000060Z"),
        "1950": tlv(23, b"500101000000Z"),
        "blanks": tlv(23, b"49 101000000Z"),
        "an INTEGER": num(5),
    }
    for what, date in after.items():
        c.bad_everywhere(f"notAfter: {what}", validity=seq(utc(NOW - DAY), date))
    c.good("no end", leaf(validity=seq(utc(NOW - DAY), tlv(24, b"99991231235959Z"))))
    c.bad("ends before it begins", leaf(validity=seq(utc(NOW - DAY), utc(NOW - 2 * DAY))))
    c.bad("one date", leaf(validity=seq(utc(NOW - DAY))))
    c.bad("three dates", leaf(validity=seq(utc(NOW - DAY), utc(late), utc(late))))


def try_keys(c):
    point = f.LEAF.spki[-65:]
    def key(octets_, unused=0):
        algorithm = seq(oid("1.2.840.10045.2.1"), oid("1.2.840.10045.3.1.7"))
        return seq(algorithm, bits(octets_, unused))
    assert key(point) == f.LEAF.spki
    off = point[:-1] + bytes([point[-1] ^ 1])
    for what, spki in (
            ("not on the curve", key(off)), ("infinity", key(b"\x00")),
            ("compressed", key(bytes([2 + point[64] % 2]) + point[1:33])),
            ("hybrid", key(bytes([6 + point[64] % 2]) + point[1:])),
            ("short", key(point[:-1])), ("unused bits", key(point[:-1] + b"\x00", 1)),
            ("no curve", seq(seq(oid("1.2.840.10045.2.1")), bits(point))),
            ("curve NULL", seq(seq(oid("1.2.840.10045.2.1"), NULL), bits(point))),
            ("something behind", seq(seq(oid("1.2.840.10045.2.1"), oid("1.2.840.10045.3.1.7")),
                                     bits(point), NULL))):
        c.bad(f"key: {what}", leaf(spki=spki))


def try_encodings(c):
    """Of extensions: known ones are read as DER, whole, and written as X.690 wants them."""
    values = {
        "bc": ("2.5.29.19", seq()), "ku": ("2.5.29.15", bits(b"\x80", 7)),
        "ski": ("2.5.29.14", octets(f.LEAF.id)), "aki": ("2.5.29.35", seq(tlv(0x80, f.CA.id))),
        "san": ("2.5.29.17", seq(dns("a.example"))),
        "eku": ("2.5.29.37", seq(oid("1.3.6.1.5.5.7.3.2"))),
        "policies": ("2.5.29.32", seq(seq(oid(POLICY)))),
        "points": ("2.5.29.31", seq(seq(tlv(0xa0, tlv(0xa0, f.uri("http://a.example/")))))),
        "access": ("1.3.6.1.5.5.7.1.1", seq(seq(oid("1.3.6.1.5.5.7.48.1"),
                                                f.uri("http://a.example/")))),
    }
    for short, (arc, value) in values.items():
        def with_value(changed, flag=None, short=short, arc=arc):
            one = ext(arc, changed, flag=flag)
            return leaf(**{short: one}) if short in ("bc", "ku", "ski", "aki") else leaf(one)
        c.good(f"{short}: sound", with_value(value))
        c.bad(f"{short}: something behind", with_value(value + NULL))
        c.bad(f"{short}: a long length", with_value(bytes([value[0], 0x81]) + value[1:]))
        c.bad(f"{short}: empty", with_value(b""))
        c.bad(f"{short}: NULL", with_value(NULL))
        c.bad(f"{short}: cut", with_value(value[:-1]))
        c.bad(f"{short}: critical FALSE written", with_value(value, FALSE))
        c.bad(f"{short}: critical 1", with_value(value, b"\x01\x01\x01"))
        if value[0] == 0x30 and short not in ("bc", "aki"):
            c.bad(f"{short}: no element", with_value(seq()))
    c.bad("bc: CA FALSE written", leaf(bc=ext("2.5.29.19", seq(FALSE), True)))
    c.bad("bc: CA 1", leaf(), [ca(bc=ext("2.5.29.19", seq(b"\x01\x01\x01"), True))])
    c.bad("ku: zero bits at the end", leaf(ku=ext("2.5.29.15", bits(b"\x80"), True)))
    c.bad("ku: no bit", leaf(ku=ext("2.5.29.15", bits(b""), True)))
    c.bad("ku: an octet of zeros", leaf(ku=ext("2.5.29.15", bits(b"\x00", 7), True)))
    c.good("unknown, of any content", leaf(ext(OUR, b"")))
    c.bad("unknown, critical", leaf(ext(OUR, NULL, True)))
    c.bad("unknown, twice", leaf(ext(OUR, NULL), ext(OUR, NULL)))
    c.bad("without a value", leaf(seq(oid(OUR))))


def try_constraints(c):
    below = cert("router", f.LEAF, "sub", f.SUB)
    c.good("two CAs", below, [c.ca, c.sub])
    for what, changed in (
            ("a negative length", f.bc(True, -1)), ("a length without CA", f.bc(False, 0)),
            ("not critical", f.bc(True, critical=False))):
        c.bad(f"bc: {what}", leaf(), [ca(bc=changed)])
    c.bad("bc: a length in a leaf", leaf(bc=f.bc(False, 0)))
    c.bad("bc: a length without certificate signing", leaf(), [ca(bc=f.bc(True, 0), ku=f.ku(2))])
    c.good("bc: a large length", below, [ca(bc=f.bc(True, 1 << 40)), c.sub])
    own = cert("ca", f.OTHER, "ca", f.CA, True)
    by_own = cert("router", f.LEAF, "ca", f.OTHER)
    c.good("self-issued below length 0", by_own, [ca(bc=f.bc(True, 0)), own])
    c.bad("self-issued of length 0, a CA below", cert("router", f.LEAF, "sub", f.SUB),
          [ca(bc=f.bc(True, 0)), own, cert("sub", f.SUB, "ca", f.OTHER, True)])
    c.bad("a CA that is no CA in between", below, [c.ca, sub(bc=f.bc(False), ku=f.ku(0x80))])
    for what, changed in (
            ("of another key", f.aki(f.OTHER)), ("empty", ext("2.5.29.35", seq())),
            ("an empty key", ext("2.5.29.35", seq(tlv(0x80)))),
            ("an issuer without serial", ext("2.5.29.35", seq(
                tlv(0x80, f.CA.id), tlv(0xa1, f.directory(name("root")))))),
            ("a serial without issuer", ext("2.5.29.35", seq(
                tlv(0x80, f.CA.id), tlv(0x82, b"\x05")))),
            ("another issuer and serial", ext("2.5.29.35", seq(
                tlv(0x80, f.CA.id), tlv(0xa1, f.directory(name("else"))), tlv(0x82, b"\x05")))),
            ("issuer and serial alone", ext("2.5.29.35", seq(
                tlv(0xa1, f.directory(name("root"))), tlv(0x82, b"\x05"))))):
        untrusted = [ca(serial=num(5))] if what == "issuer and serial alone" else None
        c.bad(f"aki: {what}", leaf(aki=changed), untrusted)
    c.bad("aki: none in an anchor that is not self-signed", leaf(), None, [ca(aki=b"")])
    c.good("an anchor that is not self-signed", leaf(), None, [ca()])
    c.bad("ski: empty", leaf(), [ca(ski=ext("2.5.29.14", octets(b"")))])
    c.bad("ski: empty in a leaf", leaf(ski=ext("2.5.29.14", octets(b""))))
    for what, arc, value in (
            ("Netscape's type", "2.16.840.1.113730.1.1", bits(b"\x80", 7)),
            ("no OCSP check", "1.3.6.1.5.5.7.48.1.5", NULL),
            ("TLS feature", "1.3.6.1.5.5.7.1.24", seq(num(5))),
            ("issuerAltName", "2.5.29.18", seq(dns("a.example"))),
            ("privateKeyUsagePeriod", "2.5.29.16", seq(tlv(0x80, b"20200101000000Z"))),
            ("address blocks", "1.3.6.1.5.5.7.1.7", seq(seq(octets(b"\x00\x01"), NULL)))):
        c.bad(f"critical: {what}", leaf(ext(arc, value, True)))
    proxy = seq(seq(oid("1.3.6.1.5.5.7.21.1")))
    c.bad("proxy certificate", leaf(ext("1.3.6.1.5.5.7.1.14", proxy, True)))


def try_names(c):
    for what, one in (
            ("a form that is none", tlv(0x89, b"x")), ("DNS with NUL", dns("a.example\0b")),
            ("DNS empty", dns("")), ("DNS a blank", dns(" ")), ("DNS a star", dns("*")),
            ("DNS a star inside", dns("a.*.example")), ("DNS with dot at the end",
                                                        dns("a.example.")),
            ("DNS with two dots", dns("a..example")), ("DNS not ASCII",
                                                       tlv(0x82, b"\xc3\xa4.example")),
            ("DNS too long", dns("a" * 64 + ".example")), ("an address of 5", ip(1, 2, 3, 4, 5)),
            ("an address of 8", ip(1, 2, 3, 4, 255, 0, 0, 0)), ("URI empty", f.uri("")),
            ("URI without scheme", f.uri("a.example")), ("URI with a blank", f.uri("http://a b/")),
            ("email without @", f.email("a.example")), ("email with two @",
                                                        f.email("a@b@c.example")),
            ("email with a name", f.email("A <a@b.example>")),
            ("directory empty", f.directory(name())),
            ("directory damaged", tlv(0xa4, b"\x30\x05\x31")), ("other without value",
                                                               tlv(0xa0, oid(OUR))),
            ("registered empty", tlv(0x88))):
        c.bad(f"san: {what}", leaf(san(one)))
    c.good("san: every form", leaf(san(
        dns("a.example"), dns("*.example"), f.email("a@b.example"), f.uri("urn:ssr:peering:x"),
        ip(192, 0, 2, 1), f.directory(name("x")), f.other_name(), tlv(0x88, oid(OUR)[2:]))))
    lab = seq(tlv(0x31, f.attribute("Lab", 10)), tlv(0x31, f.attribute("router")))
    inside, outside = (f.directory(seq(tlv(0x31, f.attribute(text, 10)))) for text in ("lab",
                                                                                       "Fab"))
    for is_good, what, constraint, names in (
            (True, "another form", nc([dns("b.example")]), [f.email("a@b.example")]),
            (False, "a star above what is excluded", nc(None, [dns("bar.a.example")]),
             [dns("*.a.example")]),
            (False, "a star above what is permitted", nc([dns("bar.a.example")]),
             [dns("*.a.example")]),
            (True, "a star in what is permitted", nc([dns("a.example")]), [dns("*.a.example")]),
            (True, "a star beside what is excluded", nc(None, [dns("bar.b.example")]),
             [dns("*.a.example")]),
            (False, "other letters", nc(None, [dns("A.EXAMPLE")]), [dns("x.a.example")]),
            (False, "everything", nc(None, [dns("")]), [dns("x.a.example")]),
            (True, "everything permitted", nc([dns("")]), [dns("x.a.example")]),
            (False, "a name of other", nc(None, [f.other_name()]), [f.other_name()]),
            (False, "other permitted", nc([f.other_name()]), [f.other_name(value="y")]),
            (True, "other, none there", nc(None, [f.other_name()]), [dns("a.example")]),
            (False, "registered", nc(None, [tlv(0x88, oid(OUR)[2:])]), [tlv(0x88, oid(OUR)[2:])]),
            (False, "all addresses", nc(None, [ip(*[0] * 8)]), [ip(192, 0, 2, 1)]),
            (True, "all of version 6", nc(None, [ip(*[0] * 32)]), [ip(192, 0, 2, 1)]),
            (False, "a mask with holes", nc([ip(192, 0, 2, 0, 255, 0, 255, 0)]),
             [ip(192, 9, 2, 1)]),
            (False, "a mask of 5", nc([ip(1, 2, 3, 4, 5)]), [ip(1, 2, 3, 4)]),
            (False, "email of the domain", nc(None, [f.email(".example")]),
             [f.email("a@b.example")]),
            (False, "email, other letters", nc(None, [f.email("B.Example")]),
             [f.email("a@b.example")]),
            (False, "email with @ alone", nc([f.email("@b.example")]), [f.email("a@b.example")]),
            (False, "URI with user", nc([f.uri("b.example")]),
             [f.uri("http://b.example@c.example/")]),
            (False, "URI of an address", nc([f.uri("b.example")]), [f.uri("http://192.0.2.1/")]),
            (False, "URI of the domain", nc(None, [f.uri(".example")]),
             [f.uri("http://b.example/")]),
            (True, "directory", nc([inside]), []), (False, "another directory", nc([outside]), []),
            (False, "directory excluded", nc(None, [inside]), []),
            (False, "directory in the alternative", nc([inside]), [outside]),
            (False, "every directory", nc(None, [f.directory(name())]), []),
            (True, "every directory permitted", nc([f.directory(name())]), []),
            (False, "not critical", nc([inside], critical=False), []),
            (False, "nothing", ext("2.5.29.30", seq(), True), []),
            (False, "no subtree", nc([]), []),
            (False, "minimum 0 written", ext("2.5.29.30", seq(tlv(0xa0, seq(
                inside, tlv(0x80, b"\x00")))), True), []),
            (False, "minimum 1", ext("2.5.29.30", seq(tlv(0xa0, seq(inside, tlv(0x80, b"\x01")))),
                                     True), []),
            (False, "maximum", ext("2.5.29.30", seq(tlv(0xa0, seq(inside, tlv(0x81, b"\x09")))),
                                   True), [])):
        more = [san(*names)] if names else []
        c.expect(is_good, f"nc: {what}", leaf(*more, subject_name=lab), [ca(constraint)], [c.root])
    c.bad("nc: in a leaf", leaf(nc([dns("a.example")])))
    c.bad("nc: in the root", leaf(san(dns("b.example"))), None, [root([nc([dns("a.example")])])])
    own = cert("ca", f.OTHER, "ca", f.CA, True)
    by_own = cert("router", f.LEAF, "ca", f.OTHER, subject_name=lab)
    c.good("nc: a self-issued CA is not bound", by_own, [ca(nc([inside])), own])
    c.bad("nc: a CA below is bound", cert("router", f.LEAF, "sub", f.SUB, subject_name=lab),
          [ca(nc([inside])), c.sub])


def try_policies(c):
    def policies(*oids):
        return ext("2.5.29.32", seq(*(seq(oid(o)) for o in oids)))
    def mapping(*pairs, critical=True):
        return ext("2.5.29.33", seq(*(seq(oid(a), oid(b)) for a, b in pairs)), critical)
    def require(*parts):
        return ext("2.5.29.36", seq(*parts), True)
    now = require(tlv(0x80, b"\x00"))
    no_map = require(tlv(0x80, b"\x00"), tlv(0x81, b"\x00"))
    for is_good, what, in_ca, in_leaf in (
            (True, "nobody asks", [policies(POLICY)], [policies(SECOND)]),
            (False, "required", [now, policies(POLICY)], [policies(SECOND)]),
            (True, "mapped", [now, policies(POLICY), mapping((POLICY, SECOND))],
             [policies(SECOND)]),
            (False, "what was mapped away", [now, policies(POLICY), mapping((POLICY, SECOND))],
             [policies(POLICY)]),
            (False, "mapped from any", [policies(POLICY), mapping((ANY_POLICY, SECOND))], []),
            (False, "mapped to any", [policies(POLICY), mapping((POLICY, ANY_POLICY))], []),
            (False, "no mapping", [policies(POLICY), mapping()], []),
            (False, "a policy twice", [policies(POLICY, POLICY)], []),
            (False, "a policy twice in the leaf", [], [policies(POLICY, POLICY)]),
            (False, "constraints of nothing", [require()], []),
            (False, "a negative skip", [require(tlv(0x80, b"\xff"))], []),
            (False, "inhibitAnyPolicy negative", [ext("2.5.29.54", num(-1), True)], []),
            (False, "inhibitAnyPolicy not critical", [ext("2.5.29.54", num(0))], []),
            (False, "constraints not critical", [ext("2.5.29.36", seq(tlv(0x80, b"\x05")))], []),
            (False, "mapping in a leaf", [], [policies(POLICY), mapping((POLICY, SECOND))]),
            (True, "mapping not critical", [policies(POLICY),
                                            mapping((POLICY, SECOND), critical=False)], []),
            (False, "unknown qualifier in a critical one", [now, ext("2.5.29.32", seq(seq(
                oid(POLICY), seq(seq(oid(OUR), NULL)))), True)], [policies(SECOND)])):
        c.expect(is_good, f"policy: {what}", leaf(*in_leaf), [ca(*in_ca)], [c.root])
    rolled = [ca(no_map, policies(POLICY)), sub(policies(POLICY), mapping((POLICY, SECOND)))]
    c.bad("policy: mapping inhibited", cert("router", f.LEAF, "sub", f.SUB, False,
                                            [policies(SECOND)]), rolled)
    c.good("policy: not mapped", cert("router", f.LEAF, "sub", f.SUB, False, [policies(POLICY)]),
           [rolled[0], sub(policies(POLICY))])
    later = [ca(require(tlv(0x80, b"\x01"))), sub()]
    c.bad("policy: required one further down", cert("router", f.LEAF, "sub", f.SUB), later)


def main():
    with tempfile.TemporaryDirectory() as folder:
        c = Cases(folder)
        for group in (try_head, try_dates, try_keys, try_encodings, try_constraints, try_names,
                      try_policies):
            group(c)
    return c.report()


if __name__ == "__main__":
    sys.exit(main())
