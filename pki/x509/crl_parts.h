/* SPDX-License-Identifier: BSD-3-Clause */
/* The parts of a list, between the files that read it. Nobody else includes this. */
#pragma once

#include <stdatomic.h>

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
/* Whether one certificate is named twice; only for a list that does not stand in order. 0, -ENOMEM. */
int pki_crl_find_duplicate(const struct pki_crl *crl, bool *is_found) RK_MUST_CHECK;

/* Why the list is not signed by this certificate: key identifier, keyUsage, signature. NULL = it is. */
const struct pki_problem *pki_crl_signer_problem(const struct pki_crl *crl, X509 *signer);
