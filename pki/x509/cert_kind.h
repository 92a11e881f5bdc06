/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The kind of a certificate: all that decides which revocation lists speak about it (RFC 5280
 * 6.3.3), that is its issuer, whether it is a CA's, and its distribution points. What covers one
 * certificate covers all of its kind, so how fresh their revocation is need be told once.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "pki/view/bytes.h"
#include "pki/x509/revocation_key.h"

#define PKI_KIND_LEN     32
#define PKI_KIND_SET_MAX 16384

/* Immutable; any thread. */
struct pki_kind {
	X509_NAME *issuer;
	uint8_t issuer_hash[PKI_ISSUER_HASH_LEN];
	uint8_t digest[PKI_KIND_LEN];
	bool is_ca;
	CRL_DIST_POINTS *points; /* NULL: none, or unreadable; relative names are completed */
};

/* SHA-256 of an octet, 1 for a CA's, and the distribution points as they stand. 0; -EIO, -ENOMEM. */
int pki_kind_digest(X509 *cert, uint8_t out[PKI_KIND_LEN]) RK_MUST_CHECK;
/* 0; -EINVAL: an issuer that cannot be told from others; -EIO, -ENOMEM. */
int pki_kind_new(X509 *cert, struct pki_kind **out) RK_MUST_CHECK;
void pki_kind_free(struct pki_kind *k); /* NULL is fine */

/* Every kind that was met, each once, for as long as the set lives. Any thread. */
struct pki_kind_set;
int pki_kind_set_new(struct pki_kind_set **out) RK_MUST_CHECK;
void pki_kind_set_free(struct pki_kind_set *s); /* NULL is fine */
/* 0: it is in the set; -ENOSPC: there are PKI_KIND_SET_MAX others; or as pki_kind_new. */
int pki_kind_set_note(struct pki_kind_set *s, X509 *cert) RK_MUST_CHECK;
size_t pki_kind_set_cnt(struct pki_kind_set *s);
/* i < pki_kind_set_cnt, in the order they were met. Borrowed from the set. */
const struct pki_kind *pki_kind_set_get(struct pki_kind_set *s, size_t i);
