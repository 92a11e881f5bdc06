# SPDX-License-Identifier: BSD-3-Clause
"""Certificates and lists written octet by octet, so that every rule of RFC 5280 can be broken by
itself: what libraries refuse to write, a hostile CA does. Keys are P-256; pieces are DER."""
import base64
import datetime
import hashlib
import json
import os
import subprocess

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

REKEYCTL = os.path.join(os.environ["REKEY_BUILD"], "control/cli/rekeyctl")
NOW = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)
DAY = datetime.timedelta(days=1)


def tlv(tag, *parts):
    body = b"".join(parts)
    size = len(body)
    if size < 0x80:
        return bytes([tag, size]) + body
    octets = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(octets)]) + octets + body


def seq(*parts):
    return tlv(0x30, *parts)


def num(value):
    return tlv(2, value.to_bytes(value.bit_length() // 8 + 1, "big", signed=True))


def oid(text):
    first, second, *arcs = (int(arc) for arc in text.split("."))
    out = b""
    for arc in (first * 40 + second, *arcs):
        octets = [arc & 0x7f]
        while arc > 0x7f:
            arc >>= 7
            octets.append(arc & 0x7f | 0x80)
        out += bytes(reversed(octets))
    return tlv(6, out)


def octets(data):
    return tlv(4, data)


def bits(data, unused=0):
    return tlv(3, bytes([unused]), data)


TRUE, FALSE, NULL = b"\x01\x01\xff", b"\x01\x01\x00", b"\x05\x00"


def utf8(text):
    return tlv(12, text.encode())


def attribute(text, arc=3, value=None):
    return seq(oid(f"2.5.4.{arc}"), utf8(text) if value is None else value)


def name(*texts):
    """Common names, one an RDN; none: the empty name."""
    return seq(*(tlv(0x31, attribute(text)) for text in texts))


def utc(when):
    return tlv(23, when.strftime("%y%m%d%H%M%SZ").encode())


def generalized(when):
    return tlv(24, when.strftime("%Y%m%d%H%M%SZ").encode())


class Key:
    def __init__(self):
        self.private = ec.generate_private_key(ec.SECP256R1())
        self.spki = self.private.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        self.id = hashlib.sha1(self.spki[-65:]).digest()

    def sign(self, data):
        return self.private.sign(data, ec.ECDSA(hashes.SHA256()))


ROOT, CA, SUB, LEAF, OTHER = (Key() for _ in range(5))
ECDSA = seq(oid("1.2.840.10045.4.3.2"))


def ext(text, value, critical=False, flag=None):
    """flag: in the place of the BOOLEAN."""
    if flag is None:
        flag = TRUE if critical else b""
    return seq(oid(text), flag, octets(value))


def bc(ca=None, length=None, critical=True):
    return ext("2.5.29.19", seq(TRUE if ca else b"", num(length) if length is not None else b""),
               critical)


def ku(mask, critical=True):
    """mask: as in the octet, highest bit first."""
    unused = (mask & -mask).bit_length() - 1
    return ext("2.5.29.15", bits(bytes([mask]), unused), critical)


def ski(key):
    return ext("2.5.29.14", octets(key.id))


def aki(key):
    return ext("2.5.29.35", seq(tlv(0x80, key.id)))


def san(*names, critical=False):
    return ext("2.5.29.17", seq(*names), critical)


def dns(text):
    return tlv(0x82, text.encode())


def email(text):
    return tlv(0x81, text.encode())


def uri(text):
    return tlv(0x86, text.encode())


def ip(*numbers):
    return tlv(0x87, bytes(numbers))


def directory(der):
    return tlv(0xa4, der)


def other_name(text="1.3.6.1.4.1.55555.9", value="x"):
    return tlv(0xa0, oid(text), tlv(0xa0, utf8(value)))


def subtrees(tag, *bases):
    return tlv(tag, *(seq(base) for base in bases))


def nc(permitted=None, excluded=None, critical=True):
    return ext("2.5.29.30", seq(subtrees(0xa0, *permitted) if permitted is not None else b"",
                                subtrees(0xa1, *excluded) if excluded is not None else b""),
               critical)


def signed(tbs, key, outer=ECDSA, signature=None, tail=b""):
    return seq(tbs, outer, bits(key.sign(tbs)) if signature is None else signature, tail)


def cert(subject, key, issuer, issuer_key, is_ca=False, more=(), **piece):
    """Sound but for the pieces: version, serial, algorithm, issuer_name, validity,
    subject_name, spki, unique, and bc, ku, ski, aki; extensions: all of [3]; outer, signature,
    tail: of the whole."""
    listed = [piece.get("bc", bc(is_ca)), piece.get("ku", ku(0x06 if is_ca else 0x80)),
              piece.get("ski", ski(key)), piece.get("aki", aki(issuer_key)), *more]
    tbs = seq(
        piece.get("version", tlv(0xa0, num(2))),
        piece.get("serial", num(int.from_bytes(os.urandom(15), "big") + 1)),
        piece.get("algorithm", ECDSA),
        piece.get("issuer_name", name(issuer)),
        piece.get("validity", seq(utc(NOW - DAY), utc(NOW + 9 * DAY))),
        piece.get("subject_name", name(subject)),
        piece.get("spki", key.spki),
        piece.get("unique", b""),
        piece.get("extensions", tlv(0xa3, seq(*listed))))
    return signed(tbs, issuer_key, *(piece.get(p, d) for p, d in (
        ("outer", piece.get("algorithm", ECDSA)), ("signature", None), ("tail", b""))))


def root(more=(), **piece):
    return cert("root", ROOT, "root", ROOT, True, more, **{"aki": b"", **piece})


def ca(*more, **piece):
    return cert("ca", CA, "root", ROOT, True, more, **piece)


def sub(*more, **piece):
    return cert("sub", SUB, "ca", CA, True, more, **piece)


def leaf(*more, **piece):
    return cert("router", LEAF, "ca", CA, False, more, **piece)


def number(value=5, critical=False):
    return ext("2.5.29.20", num(value), critical)


def entry(serial, *extensions, date=None):
    return seq(num(serial) if isinstance(serial, int) else serial,
               utc(NOW - DAY) if date is None else date,
               seq(*extensions) if extensions else b"")


def reason(value, critical=False):
    return ext("2.5.29.21", tlv(10, bytes([value])), critical)


def crl(issuer, key, *more, entries=(), **piece):
    """Sound but for the pieces: version, algorithm, issuer_name, this, next, list (all entries), aki,
    number; extensions: all of [0]; outer, signature, tail."""
    tbs = seq(
        piece.get("version", num(1)),
        piece.get("algorithm", ECDSA),
        piece.get("issuer_name", name(issuer)),
        piece.get("this", utc(NOW - DAY)),
        piece.get("next", utc(NOW + DAY)),
        piece.get("list", seq(*entries) if entries else b""),
        piece.get("extensions", tlv(0xa0, seq(piece.get("aki", aki(key)),
                                              piece.get("number", number()), *more))))
    return signed(tbs, key, *(piece.get(p, d) for p, d in (
        ("outer", piece.get("algorithm", ECDSA)), ("signature", None), ("tail", b""))))


class Bench:
    """Asks rekeyctl, and openssl for a second opinion."""
    def __init__(self, folder):
        self.folder, self.count, self.valid, self.wrong = folder, 0, 0, 0
        self.laxer, self.stricter = [], 0

    def write(self, file_name, label, ders):
        path = os.path.join(self.folder, file_name)
        with open(path, "w", encoding="ascii") as f:
            for der in ders:
                text = base64.encodebytes(der).decode().replace("\n", "")
                lines = "\n".join(text[i:i + 64] for i in range(0, len(text), 64))
                f.write(f"-----BEGIN {label}-----\n{lines}\n-----END {label}-----\n")
        return path

    def second_opinion(self, paths, has_lists):
        lists = ["-crl_check_all", "-extended_crl", "-use_deltas", "-CRLfile", paths[2]]
        return subprocess.run(
            ["openssl", "verify", "-x509_strict", "-policy_check", "-policy",
             "2.5.29.32.0", "-partial_chain", "-CAfile",
             paths[0], "-untrusted", paths[1], *(lists if has_lists else []), paths[3]],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False).returncode == 0

    def expect(self, is_valid, what, target, untrusted, anchors, lists=()):
        """is_valid None: either will do, as long as openssl is not stricter."""
        paths = [self.write("anchors.pem", "CERTIFICATE", anchors),
                 self.write("untrusted.pem", "CERTIFICATE", untrusted),
                 self.write("lists.pem", "X509 CRL", lists),
                 self.write("leaf.pem", "CERTIFICATE", [target])]
        run = subprocess.run(
            [REKEYCTL, "pki", "verify", "--anchors", paths[0], "--untrusted", paths[1], "--crls",
             paths[2], "--json", paths[3]], stdout=subprocess.PIPE, check=False, timeout=30)
        answer = json.loads(run.stdout)
        self.count += 1
        self.valid += answer["valid"]
        if (is_valid is not None and answer["valid"] != is_valid
                or run.returncode != (0 if answer["valid"] else 1)):
            self.wrong += 1
            print(f"WRONG: {what}: {answer['code']}: {answer['reason']}")
        theirs = self.second_opinion(paths, len(lists) > 0)
        if answer["valid"] and not theirs:
            self.laxer.append(what)
        self.stricter += theirs and not answer["valid"]

    def report(self):
        for what in self.laxer:
            print(f"LAXER than openssl: {what}")
        print(f"{self.count} verdicts, {self.valid} valid, {self.wrong} not as expected; openssl "
              f"takes {self.stricter} that are refused here, and refuses {len(self.laxer)} that "
              f"are taken here")
        return 1 if self.wrong or self.laxer else 0
