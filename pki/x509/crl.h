/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One certificate revocation list: parsed strictly (RFC 5280 5), verified with a CA we trust,
 * walked. OpenSSL's X509_CRL is not used: at a million entries it costs hundreds of megabytes, and
 * it accepts lists that the profile forbids. Here the entries stay in their DER. A pki_crl is
 * immutable once its entries are read; any thread.
 *
 * Two ways: pki_crl_parse reads and checks everything, of a copy. For large lists pki_crl_open reads
 * all but the entries, in place, pki_crl_verify proves whose it is, and pki_crl_read_entries then
 * checks and hands out the entries in one pass.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/x509.h>

#include "pki/view/bytes.h"
#include "pki/view/revocation.h"
#include "pki/x509/cert.h"
#include "pki/x509/report.h"
#include "pki/x509/revocation_key.h"
#include "pki/x509/trust.h"
#include "pki/x509/validate.h"

#define PKI_CRL_NUMBER_MAX           20 /* RFC 5280 5.2.3 */
#define PKI_CRL_KEY_ID_MAX           64
#define PKI_CRL_DELTA_URL_MAX        4
#define PKI_CRL_SIGNATURE_DIGEST_LEN 32
#define PKI_CRL_CLOCK_SKEW           300 /* seconds a list may come from our future */

/* Kinds of lists beyond complete ones, for whoever knows what to do with them. */
#define PKI_CRL_TAKE_DELTA         1u
#define PKI_CRL_TAKE_INDIRECT      2u
#define PKI_CRL_TAKE_SOME_REASONS  4u
#define PKI_CRL_TAKE_RELATIVE_NAME 8u /* a distribution point named relative to the issuer */
#define PKI_CRL_TAKE_ALL           15u

/* Bit n: the ReasonFlags bit n of RFC 5280 4.2.1.13; bit 0 is not used there. */
#define PKI_CRL_REASONS_ALL 0x1feu

/* What an issuing distribution point restricts the list to (RFC 5280 5.2.5). */
struct pki_crl_scope {
	bool has_idp;
	bool is_user_only; /* onlyContainsUserCerts: says nothing about CA certificates */
	bool is_ca_only;   /* onlyContainsCACerts: says nothing about leaves */
	bool is_partition; /* a distribution point name: covers only certificates that name it */
	bool is_indirect;  /* names certificates of other issuers too */
	unsigned reasons;  /* it would name a certificate revoked for one of these */
	size_t url_cnt;    /* of the distribution point's URIs; at most 4 kept */
	char url[4][PKI_URL_MAX];
};

struct pki_crl_info {
	const X509_NAME *issuer; /* borrowed from the list */
	char issuer_text[PKI_DN_MAX];
	uint8_t issuer_hash[PKI_ISSUER_HASH_LEN];
	int64_t this_update; /* seconds since 1970, UTC */
	int64_t next_update;
	size_t size; /* of the DER */
	size_t entry_cnt;
	uint8_t number[PKI_CRL_NUMBER_MAX];           /* big-endian, right-aligned: memcmp orders */
	char number_text[PKI_CRL_NUMBER_MAX * 2 + 1]; /* hex */
	bool is_delta;
	uint8_t base_number[PKI_CRL_NUMBER_MAX]; /* delta: of the oldest base it fits */
	uint8_t key_id[PKI_CRL_KEY_ID_MAX];      /* authority key identifier */
	size_t key_id_len;
	struct pki_crl_scope scope;
	size_t delta_url_cnt; /* http and https URLs of its deltas (freshestCRL, RFC 5280 5.2.6) */
	char delta_url[PKI_CRL_DELTA_URL_MAX][PKI_URL_MAX];
	struct rk_span idp; /* DER of its issuing distribution point, borrowed; empty without one */
};

struct pki_crl_entry {
	const uint8_t *serial; /* content octets, borrowed */
	size_t serial_len;     /* 1..PKI_SERIAL_MAX */
	int64_t date;
	enum rk_revocation_reason reason; /* UNSPECIFIED without the extension */
	struct rk_span
		issuer; /* indirect: DER of the certificateIssuer in force; empty = the list's */
};

struct pki_crl;

/*
 * Exactly one list, DER or PEM ("X509 CRL"), told apart by content; at most max_len bytes; no
 * trailing bytes. Refuses what the profile forbids, one code each: not version 2, no CRL number,
 * no AKI, no nextUpdate, algorithms that differ or are weak, unknown critical extensions, delta
 * and indirect lists (not supported), bad or duplicate serials, bad dates or reasons. 0; -EBADMSG
 * with findings; -EFBIG; -ENOMEM.
 */
int pki_crl_parse(const void *data, size_t len, size_t max_len, struct pki_report *report,
	struct pki_crl **out) RK_MUST_CHECK;
/* The same, and takes the kinds of lists that are asked for (PKI_CRL_TAKE_*). */
int pki_crl_parse_kinds(const void *data, size_t len, size_t max_len, unsigned kinds,
	struct pki_report *report, struct pki_crl **out) RK_MUST_CHECK;
/*
 * All but the entries. DER is borrowed for the life of the list, and must not change; PEM is decoded
 * into memory of its own. As above; -EFBIG does not happen.
 */
int pki_crl_open(const void *data, size_t len, unsigned kinds, struct pki_report *report,
	struct pki_crl **out) RK_MUST_CHECK;
#define PKI_CRL_VISIT_MAX 64
#define PKI_CRL_ENTRY_MIN 20 /* octets of one: a serial of one octet, and a UTCTime */
/*
 * A list's issuer (DER of a Name) and issuing distribution point (as in pki_crl_info; may be empty)
 * alone, as they were kept from a list: what pki_crl_cover asks about. Borrows both. 0; -EBADMSG,
 * -ENOMEM.
 */
int pki_crl_open_scope(
	struct rk_span issuer, struct rk_span idp, struct pki_crl **out) RK_MUST_CHECK;
/*
 * Once, after pki_crl_open: checks each entry and visits them, up to PKI_CRL_VISIT_MAX at a time, in
 * file order; sets entry_cnt. A list may name a certificate twice: for the caller to refuse, who sorts
 * it. 0; -EBADMSG with a finding, after some visits; what visit
 * returned, if not 0.
 */
int pki_crl_read_entries(struct pki_crl *crl, struct pki_report *report,
	int (*visit)(void *ctx, const struct pki_crl_entry *entry, size_t cnt),
	void *ctx) RK_MUST_CHECK;
struct pki_crl *pki_crl_get(struct pki_crl *crl); /* one more whose pki_crl_free is due */
void pki_crl_free(struct pki_crl *crl);           /* NULL is fine */
const struct pki_crl_info *pki_crl_info(const struct pki_crl *crl);
/*
 * SHA-256 of the signature's value. Two lists that one key has signed with the same value are one list:
 * whoever has the first need not read the second, once that is verified. 0; -EIO.
 */
int pki_crl_signature_digest(
	const struct pki_crl *crl, uint8_t out[PKI_CRL_SIGNATURE_DIGEST_LEN]) RK_MUST_CHECK;

/*
 * Whose list it can be: the one CA of its issuer's name, or several with one key, whose key identifier is
 * the list's. NULL: there is none, or several keys have that identifier; who signed is known when verified.
 * Borrowed from trust.
 */
const struct pki_ca *pki_crl_expect_signer(
	const struct pki_crl *crl, const struct pki_trust *trust);

struct pki_crl_verify_args {
	const struct pki_trust *trust;
	int64_t now;
	/*
	 * Asked about the certificates of the signer's path below its anchor (query->entry is zero). One that
	 * is REVOKED may not sign, however long ago its list was made: who stole its key may date as he
	 * likes. No other answer speaks against it, for the lists that would tell may come after. NULL: not asked.
	 */
	pki_revocation_fn find;
	void *find_ctx;
};

/*
 * Signed by a CA in force whose subject is the list's issuer, whose key identifier matches, which
 * has cRLSign, and which itself chains to an anchor now; thisUpdate not more than
 * PKI_CRL_CLOCK_SKEW ahead. A nextUpdate in the past is a warning "crl-stale", not a refusal.
 * *signer is borrowed from trust; may be NULL. 0; -EACCES with findings; -EIO, -ENOMEM.
 */
int pki_crl_verify(const struct pki_crl *crl, const struct pki_crl_verify_args *args,
	struct pki_report *report, const struct pki_ca **signer) RK_MUST_CHECK;

/* In file order until visit returns non-zero, which is returned. Cannot fail by itself. */
int pki_crl_walk(const struct pki_crl *crl,
	int (*visit)(void *ctx, const struct pki_crl_entry *entry), void *ctx);
