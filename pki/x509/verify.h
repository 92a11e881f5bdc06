/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One certificate judged offline, from texts: what rekeyctl pki verify answers with. The judgement
 * is pki_validate and the lists are read by pki_crl_set, as in the daemon; only where anchors come
 * from differs. No file, no network. Any thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pki/view/bytes.h"
#include "pki/view/verdict.h"
#include "pki/x509/report.h"

#define PKI_VERIFY_TEXT_MAX (64 * 1024 * 1024)
#define PKI_VERIFY_CERT_MAX 512 /* not trusted ones */

/* Any number of PEM blocks with text between them; borrowed. */
struct pki_verify_text {
	const char *data;
	size_t len;
};

struct pki_verify_args {
	struct pki_verify_text anchors;   /* trusted as they are, self-signed or not */
	struct pki_verify_text untrusted; /* blank: none */
	struct pki_verify_text crls;      /* blank: revocation is not asked */
	struct pki_verify_text cert;      /* the first block is judged, others are as untrusted */
	const char *identity;             /* NULL: not checked */
	int64_t now;
};

struct pki_verify_result {
	bool is_valid;
	const char *code;          /* "valid", else of the first error; static */
	char reason[PKI_TEXT_MAX]; /* a sentence */
	struct pki_report report;  /* every finding, warnings about anchors included */
	struct rk_verdict verdict;
};

/*
 * Valid when pki_validate says GOOD, and, where lists are given, every certificate below the anchor
 * is covered by lists (crl_set.h) and not revoked, and, where a name is given, the certificate
 * carries it. Whatever cannot be read among certificates and lists makes it not valid; so does a
 * list that RFC 5280 forbids. 0 with an answer; -ENOMEM, -EIO.
 */
int pki_verify(const struct pki_verify_args *args, struct pki_verify_result *out) RK_MUST_CHECK;
