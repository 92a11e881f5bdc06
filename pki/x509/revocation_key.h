/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The keys under which revocation is looked up.
 *
 *	issuer hash = SHA-256(canonical issuer name)
 *	kind key    = SipHash-2-4-128(installation key, issuer hash || kind)
 *	cert key    = SipHash-2-4-128(installation key, issuer hash || serial)
 *
 * serial: the content octets of the DER INTEGER; kind: the 32 octets of cert_kind.h. A serial has at
 * most 20 octets, so the two sorts of message differ in length and cannot collide by construction.
 *
 * Canonical name: a CRL and a certificate may spell one issuer with different string types, case
 * or blanks, and RFC 5280 7.1 calls these names equal; a key over the raw DER would then miss a
 * revocation. OpenSSL compares names by a canonical form that it does not hand out, so this is our
 * own, with the same rule. For each RDN in order: 0x31 and the number of its attributes (u16);
 * its attributes sorted bytewise, each: length of the OID (u16), its content octets, length of
 * the value (u32), the value. Value: for character strings "u" and the text in UTF-8, blanks
 * trimmed at both ends, runs of blanks made one, ASCII letters lower-cased; for anything else "d"
 * and the tag octet and the content octets. Names that OpenSSL calls equal get equal keys; names
 * that differ by more than the rule do not.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include <openssl/x509.h>

#include "pki/view/bytes.h"
#include "pki/view/revocation.h"
#include "pki/view/verdict.h"

#define PKI_INSTALLATION_KEY_LEN 16
#define PKI_ISSUER_HASH_LEN      32
#define PKI_SERIAL_MAX           20 /* RFC 5280 4.1.2.2; 21 with a leading zero is refused */

/* 0; -EINVAL when a string of the name cannot be read; -ENOMEM, -EIO. Any thread. */
int pki_issuer_hash(const X509_NAME *issuer, uint8_t out[PKI_ISSUER_HASH_LEN]) RK_MUST_CHECK;
/* Of a Name in DER. As above; -EBADMSG: it is none, or more. */
int pki_issuer_hash_der(struct rk_span name, uint8_t out[PKI_ISSUER_HASH_LEN]) RK_MUST_CHECK;
/* Content octets of the serial number. Their count, or -EINVAL: negative, zero, too long. */
int pki_serial_bytes(const ASN1_INTEGER *serial, uint8_t out[PKI_SERIAL_MAX]) RK_MUST_CHECK;

/* Holds the key (wiped on free); one thread at a time. 0; -ENOMEM. */
struct pki_revocation_keyer;
int pki_revocation_keyer_new(const uint8_t installation_key[PKI_INSTALLATION_KEY_LEN],
	struct pki_revocation_keyer **out) RK_MUST_CHECK;
void pki_revocation_keyer_free(struct pki_revocation_keyer *k);
/*
 * serial may be a kind instead. Cannot fail. Fastest while the issuer stays
 * the same from call to call.
 */
void pki_revocation_key(struct pki_revocation_keyer *k,
	const uint8_t issuer_hash[PKI_ISSUER_HASH_LEN], const uint8_t *serial, size_t serial_len,
	struct rk_revocation_key *out);
/*
 * Many serials of one issuer, each of one byte or more, as entries of the set: out[i] is that of serial[i]
 * and reason[i], a known one. Several at once where serials next to each other are of one length. While the
 * issuer stays the same from call to call this may be called by several threads at once.
 */
void pki_revocation_entries(struct pki_revocation_keyer *k,
	const uint8_t issuer_hash[PKI_ISSUER_HASH_LEN], const struct rk_span *serial,
	const uint8_t *reason, size_t cnt, struct rk_revocation_entry *out);
