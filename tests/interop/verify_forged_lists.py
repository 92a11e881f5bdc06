#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""rekeyctl pki verify on revocation lists that break one rule of RFC 5280 or X.690 each: none of
them may prove that a certificate is not revoked. openssl is asked as well; where lists are wanted
it must not be stricter."""
import sys
import tempfile

try:
    import forge as f
except ImportError:
    print("SKIP: python3-cryptography is not installed")
    sys.exit(77)
from forge import (FALSE, NOW, NULL, bits, ca, cert, crl, directory, entry, ext, leaf, name,
                   num, octets, oid, reason, root, seq, tlv, utc)

DAY = f.DAY
OUR = "1.3.6.1.4.1.55555.1"
SERIAL = 4711


class Cases(f.Bench):
    def __init__(self, folder):
        super().__init__(folder)
        # openssl looks at deltas only where a certificate says that there are some
        fresh = ext("2.5.29.46", seq(seq(point())))
        self.root, self.ca, self.leaf = root(), ca(), leaf(fresh, serial=num(SERIAL))
        self.above = crl("root", f.ROOT)

    def one(self, is_good, what, *lists, target=None, untrusted=None):
        self.expect(is_good, what, target or self.leaf, untrusted or [self.ca], [self.root],
                    [self.above, *lists])

    def good(self, what, *lists, **more):
        self.one(True, what, *lists, **more)

    def bad(self, what, *lists, **more):
        self.one(False, what, *lists, **more)


def list_of(*more, **piece):
    return crl("ca", f.CA, *more, **piece)


def point(text="http://a.example/1.crl"):
    return tlv(0xa0, tlv(0xa0, f.uri(text)))


def scope(*parts, critical=True):
    return ext("2.5.29.28", seq(*parts), critical)


def delta_of(value, critical=True):
    return ext("2.5.29.27", num(value), critical)


def try_head(c):
    c.good("sound", list_of())
    c.bad("none")
    for what, piece in (("1 by omission", b""), ("1", num(0)), ("3", num(2)),
                        ("negative", num(-1))):
        c.bad(f"version {what}", list_of(version=piece))
    with_null = seq(oid("1.2.840.10045.4.3.2"), NULL)
    c.bad("ECDSA with NULL", list_of(algorithm=with_null))
    c.bad("the algorithms differ", list_of(outer=with_null))
    c.bad("ECDSA with SHA-1", list_of(algorithm=seq(oid("1.2.840.10045.4.1"))))
    c.bad("issuer empty", list_of(issuer_name=name()))
    c.bad("issuer another", list_of(issuer_name=name("cb")))
    c.bad("signed by another", crl("ca", f.OTHER))
    c.bad("signed by another in the CA's name", crl("ca", f.OTHER, aki=f.aki(f.CA)))
    c.bad("signature empty", list_of(signature=bits(b"")))
    c.bad("signature with unused bits", list_of(signature=bits(b"\x30\x06\x02\x01\x01\x02\x01\x01",
                                                               1)))
    c.bad("something behind it", list_of() + NULL)
    c.bad("something behind the signature", list_of(tail=NULL))
    c.bad("an empty list of entries", list_of(list=seq()))
    c.bad("no extensions", list_of(extensions=b""))
    c.bad("an empty list of extensions", list_of(extensions=tlv(0xa0, seq())))


def try_dates(c):
    late = NOW + DAY
    text = late.strftime("%y%m%d%H%M%S").encode()
    for what, date in (
            ("missing", b""), ("GeneralizedTime", f.generalized(late)),
            ("no seconds", tlv(23, text[:-2] + b"Z")), ("an offset", tlv(23, text + b"+0000")),
            ("no zone", tlv(23, text)), ("a fraction", tlv(24, b"20600101000000.5Z")),
            ("30 February", tlv(24, b"20600230000000Z")), ("over", utc(NOW - DAY / 2)),
            ("before thisUpdate", utc(NOW - 2 * DAY))):
        c.bad(f"nextUpdate {what}", list_of(next=date))
    c.good("nextUpdate far", list_of(next=tlv(24, b"20600101000000Z")))
    for what, date in (("tomorrow", utc(NOW + DAY / 2)), ("GeneralizedTime",
                                                          f.generalized(NOW - DAY)),
                       ("an INTEGER", num(5))):
        c.bad(f"thisUpdate {what}", list_of(this=date))


def try_extensions(c):
    for what, piece in (
            ("missing", b""), ("critical", f.number(5, True)), ("negative", f.number(-1)),
            ("of 21 octets", f.number(1 << 161)), ("an OCTET STRING",
                                                   ext("2.5.29.20", octets(b"5"))),
            ("something behind", ext("2.5.29.20", num(5) + NULL)),
            ("not minimal", ext("2.5.29.20", b"\x02\x02\x00\x05")),
            ("critical FALSE written", ext("2.5.29.20", num(5), flag=FALSE))):
        c.bad(f"number {what}", list_of(number=piece))
    for what, piece in (
            ("missing", b""), ("another", f.aki(f.OTHER)), ("empty", ext("2.5.29.35", seq())),
            ("critical", ext("2.5.29.35", seq(tlv(0x80, f.CA.id)), True)),
            ("with half a pair", ext("2.5.29.35", seq(tlv(0x80, f.CA.id), tlv(0x82, b"\x05")))),
            ("with more", ext("2.5.29.35", seq(tlv(0x80, f.CA.id), tlv(0x83, b"x"))))):
        c.bad(f"key identifier {what}", list_of(aki=piece))
    c.good("unknown, of any content", list_of(ext(OUR, b"")))
    c.bad("unknown, critical", list_of(ext(OUR, NULL, True)))
    c.bad("unknown, twice", list_of(ext(OUR, NULL), ext(OUR, NULL)))
    c.bad("number twice", list_of(f.number(6)))
    fresh = seq(seq(point()))
    c.good("freshestCRL", list_of(ext("2.5.29.46", fresh)))
    c.bad("freshestCRL critical", list_of(ext("2.5.29.46", fresh, True)))
    c.bad("freshestCRL in a delta", list_of(), list_of(
        delta_of(5), ext("2.5.29.46", fresh), number=f.number(6)))


def try_scopes(c):
    here = leaf(ext("2.5.29.31", seq(seq(point()))), serial=num(SERIAL))
    ca_list = crl("root", f.ROOT, scope(tlv(0x82, b"\xff")))
    c.good("its point", list_of(scope(point())), target=here)
    c.bad("another point", list_of(scope(point("http://a.example/2.crl"))), target=here)
    c.bad("a point, and the certificate names none", list_of(scope(point())))
    c.good("users", list_of(scope(tlv(0x81, b"\xff"))))
    c.bad("CAs", list_of(scope(tlv(0x82, b"\xff"))))
    c.expect(True, "CAs above", c.leaf, [c.ca], [c.root], [ca_list, list_of()])
    c.expect(False, "users above", c.leaf, [c.ca], [c.root],
             [crl("root", f.ROOT, scope(tlv(0x81, b"\xff"))), list_of()])
    c.good("indirect, of its own certificates", list_of(scope(tlv(0x84, b"\xff"))))
    for what, parts in (
            ("empty", []), ("users and CAs", [tlv(0x81, b"\xff"), tlv(0x82, b"\xff")]),
            ("users FALSE written", [tlv(0x81, b"\x00")]), ("users 1", [tlv(0x81, b"\x01")]),
            ("attribute certificates", [tlv(0x85, b"\xff")]), ("unknown", [tlv(0x86, b"\xff")]),
            ("out of order", [tlv(0x81, b"\xff"), point()]),
            ("some reasons", [tlv(0x83, b"\x06\x40")]), ("no reason", [tlv(0x83, b"\x07\x00")]),
            ("a point of nothing", [tlv(0xa0, tlv(0xa0))])):
        c.bad(f"scope: {what}", list_of(scope(*parts)), target=here)
    c.bad("scope: not critical", list_of(scope(point(), critical=False)), target=here)
    c.bad("scope: something behind", list_of(ext("2.5.29.28", seq(point()) + NULL, True)),
          target=here)


def try_entries(c):
    for what, one in (
            ("it", entry(SERIAL)), ("it, for key compromise", entry(SERIAL, reason(1))),
            ("it, on hold", entry(SERIAL, reason(6))), ("it, unspecified",
                                                        entry(SERIAL, reason(0)))):
        c.bad(f"revokes {what}", list_of(entries=[one]))
    c.good("revokes another", list_of(entries=[entry(SERIAL + 1)]))
    c.good("an unknown extension in an entry", list_of(entries=[entry(5, ext(OUR, b""))]))
    c.good("a date of invalidity", list_of(entries=[
        entry(5, ext("2.5.29.24", f.generalized(NOW - DAY)))]))
    for what, one in (
            ("serial 0", entry(0)), ("serial negative", entry(-1)), ("serial empty", entry(tlv(2))),
            ("serial not minimal", entry(b"\x02\x02\x00\x05")),
            ("serial of 21 octets", entry(1 << 161)),
            ("no date", seq(num(5))), ("GeneralizedTime", entry(5, date=f.generalized(NOW - DAY))),
            ("no extension in a list", seq(num(5), utc(NOW - DAY), seq())),
            ("reason 7", entry(5, reason(7))), ("reason 11", entry(5, reason(11))),
            ("reason an INTEGER", entry(5, ext("2.5.29.21", num(1)))),
            ("reason critical", entry(5, reason(1, True))),
            ("reason twice", entry(5, reason(1), reason(1))),
            ("taken off a complete list", entry(5, reason(8))),
            ("unknown critical extension", entry(5, ext(OUR, NULL, True))),
            ("an issuer, not indirect", entry(5, ext("2.5.29.29", seq(directory(name("x"))),
                                                     True))),
            ("date of invalidity a UTCTime", entry(5, ext("2.5.29.24", utc(NOW)))),
            ("date of invalidity critical", entry(5, ext("2.5.29.24", f.generalized(NOW), True))),
            ("something behind", seq(num(5), utc(NOW - DAY), seq(reason(1)), NULL))):
        c.bad(f"entry: {what}", list_of(entries=[one]))
    c.bad("entry: one serial twice", list_of(entries=[entry(5), entry(6), entry(5)]))


def try_deltas(c):
    held = list_of(entries=[entry(SERIAL, reason(6))])
    off = [entry(SERIAL, reason(8))]
    c.bad("a delta alone", list_of(delta_of(5), number=f.number(6)))
    c.good("a delta of nothing", list_of(), list_of(delta_of(5), number=f.number(6)))
    c.bad("a delta that revokes", list_of(), list_of(
        delta_of(5), number=f.number(6), entries=[entry(SERIAL)]))
    c.good("taken off hold", held, list_of(delta_of(5), number=f.number(6), entries=off))
    for what, other in (
            ("an older base", list_of(delta_of(4), number=f.number(4), entries=off)),
            ("a base that is not there", list_of(delta_of(6), number=f.number(7), entries=off)),
            ("a base newer than itself", list_of(delta_of(7), number=f.number(6), entries=off)),
            ("another scope", list_of(delta_of(5), scope(tlv(0x81, b"\xff")), number=f.number(6),
                                      entries=off)),
            ("another key", crl("ca", f.OTHER, delta_of(5), aki=f.aki(f.CA), number=f.number(6),
                                entries=off)),
            ("no longer current", list_of(delta_of(5), number=f.number(6), entries=off,
                                          next=utc(NOW - DAY / 2))),
            ("not critical", list_of(delta_of(5, False), number=f.number(6), entries=off)),
            ("from tomorrow", list_of(delta_of(5), number=f.number(6), entries=off,
                                      this=utc(NOW + DAY / 2), next=utc(NOW + DAY)))):
        c.bad(f"taken off hold by a delta of {what}", held, other)
    revoked = list_of(entries=[entry(SERIAL, reason(1))])
    c.bad("a key compromise taken back", revoked, list_of(delta_of(5), number=f.number(6),
                                                          entries=off))


def try_signers(c):
    c.bad("CA without cRLSign", list_of(), untrusted=[ca(ku=f.ku(4))])
    c.bad("CA without keyUsage", list_of(), untrusted=[ca(ku=b"")])
    lists_only = cert("ca", f.OTHER, "root", f.ROOT, bc=b"", ku=f.ku(2))
    certs_only = ca(ku=f.ku(4))
    by_other = crl("ca", f.OTHER)
    c.good("two keys of one name", by_other, untrusted=[certs_only, lists_only])
    c.bad("the other key is nobody's", by_other, untrusted=[certs_only])
    c.bad("the other key is a router's", by_other,
          untrusted=[certs_only, cert("ca", f.OTHER, "root", f.ROOT)])
    c.bad("the other key is self-signed", by_other,
          untrusted=[certs_only, cert("ca", f.OTHER, "ca", f.OTHER, True)])
    c.bad("the other key's certificate is over", by_other, untrusted=[certs_only, cert(
        "ca", f.OTHER, "root", f.ROOT, bc=b"", ku=f.ku(2),
        validity=seq(utc(NOW - 9 * DAY), utc(NOW - DAY)))])
    vouched = cert("ca", f.OTHER, "ca", f.CA, bc=b"", ku=f.ku(2))
    c.bad("a signer that only its own list speaks for", by_other, untrusted=[certs_only, vouched])
    c.bad("revoked, and not, by two lists", list_of(), list_of(
        number=f.number(6), entries=[entry(SERIAL)]))
    c.bad("not any more, and still", list_of(number=f.number(6)), list_of(entries=[entry(SERIAL)]))


def main():
    with tempfile.TemporaryDirectory() as folder:
        c = Cases(folder)
        for group in (try_head, try_dates, try_extensions, try_scopes, try_entries, try_deltas,
                      try_signers):
            group(c)
    return c.report()


if __name__ == "__main__":
    sys.exit(main())
