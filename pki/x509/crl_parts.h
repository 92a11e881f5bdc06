/* SPDX-License-Identifier: BSD-3-Clause */
/* The parts of a list, between the files that read it. Nobody else includes this. */
#pragma once

#include <stdatomic.h>
#include <string.h>

#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "pki/view/bytes.h"
#include "pki/x509/algorithm.h"
#include "pki/x509/crl.h"
#include "pki/x509/der.h"
#include "pki/x509/extension.h"
#include "pki/x509/report.h"

struct pki_crl {
	atomic_uint ref_cnt;
	const uint8_t *der; /* every span points into it */
	size_t len;
	uint8_t *copy;            /* der, when it is ours; NULL: the caller's */
	struct rk_span tbs;       /* as signed */
	struct rk_span entries;   /* content of revokedCertificates; may be empty */
	struct rk_span signature; /* without the count of unused bits */
	unsigned kinds;           /* PKI_CRL_TAKE_*: what the caller knows to handle */
	X509_ALGOR *algorithm;
	ISSUING_DIST_POINT *point; /* NULL without one; a relative name is completed */
	bool has_freshest;
	X509_NAME *issuer;
	struct pki_crl_info info;
};

/* Adds a finding; always -EBADMSG, to be returned. */
int pki_crl_refuse(struct pki_report *report, const char *code, const char *text);

/* An issuing distribution point (RFC 5280 5.2.5) into crl->info. 0 or -EBADMSG. */
int pki_crl_read_scope(
	struct pki_crl *crl, struct rk_span idp, struct pki_report *report) RK_MUST_CHECK;
/* Reads the list's own extensions (content of the SEQUENCE) into crl->info. 0 or -EBADMSG. */
int pki_crl_read_extensions(
	struct pki_crl *crl, struct rk_span extensions, struct pki_report *report) RK_MUST_CHECK;

/*
 * One entry off the list. out is zero before the first and then kept: an entry's issuer is the one
 * before's until it says otherwise. false: none left, or bad (in is then not empty); *why says what.
 */
bool pki_crl_entry_next(const struct pki_crl *crl, struct rk_span *in, struct pki_crl_entry *out,
	const struct pki_problem **why) RK_MUST_CHECK;
/* A reason into out->reason; or what is wrong with it. */
const struct pki_problem *pki_crl_take_reason(
	const struct pki_crl *crl, uint8_t reason, struct pki_crl_entry *out);

/* Positive, and minimal as DER wants it. */
static inline bool pki_crl_serial_is_sound(struct rk_span s)
{
	return s.len > 0 && s.len <= PKI_SERIAL_MAX && s.data[0] < 0x80 &&
	       (s.data[0] != 0 || (s.len > 1 && s.data[1] >= 0x80));
}

/* As numbers: serials are minimal and positive, so a longer one is a larger one. */
static inline int pki_crl_compare_serials(struct rk_span a, struct rk_span b)
{
	if (a.len != b.len)
		return a.len < b.len ? -1 : 1;
	return a.len == 0 ? 0 : memcmp(a.data, b.data, a.len);
}

/* An entry's extensions as nearly all have them: a reason and nothing else. Its last octet is it. */
static inline bool pki_crl_is_reason_alone(struct rk_span extensions)
{
	static const uint8_t head[] = {
		0x30, 0x0c, 0x30, 0x0a, 0x06, 0x03, 0x55, 0x1d, 0x15, 0x04, 0x03, 0x0a, 0x01};
	uint64_t a, b, x, y;

	if (extensions.len != sizeof(head) + 1)
		return false;
	/* the two halves overlap */
	memcpy(&a, extensions.data, sizeof(a));
	memcpy(&b, extensions.data + sizeof(head) - sizeof(b), sizeof(b));
	memcpy(&x, head, sizeof(x));
	memcpy(&y, head + sizeof(head) - sizeof(y), sizeof(y));
	return a == x && b == y;
}

/* Whether one certificate is named twice; only for a list that does not stand in order. 0, -ENOMEM. */
int pki_crl_find_duplicate(const struct pki_crl *crl, bool *is_found) RK_MUST_CHECK;

/* Why the list is not signed by this certificate: key identifier, keyUsage, signature. NULL = it is. */
const struct pki_problem *pki_crl_signer_problem(const struct pki_crl *crl, X509 *signer);
