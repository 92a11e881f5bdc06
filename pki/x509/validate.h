/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The judgement of a certificate: everything, always, whatever the validation mode of the bundle
 * it chains to. OpenSSL builds the path and checks signatures, names, constraints and critical
 * extensions under X509_STRICT; what it does not check (platform by platform) is checked here over
 * every certificate of the path: docs of each check in profile.h. Where several paths lead to an
 * anchor, one that passes everything is enough. No network access. Any thread.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <openssl/x509.h>

#include "pki/view/bytes.h"
#include "pki/view/revocation.h"
#include "pki/view/verdict.h"
#include "pki/x509/cert_kind.h"
#include "pki/x509/report.h"
#include "pki/x509/revocation_key.h"
#include "pki/x509/trust.h"

enum pki_revocation_answer {
	PKI_REVOCATION_GOOD = 0,        /* a list that covers it does not name it */
	PKI_REVOCATION_REVOKED = 1,     /* out is filled */
	PKI_REVOCATION_NOT_COVERED = 2, /* no list: refused only with is_revocation_required */
	PKI_REVOCATION_UNKNOWN = 3,     /* the policy says refuse: stale list, failed lookup */
};

struct pki_revocation_query {
	const X509_NAME *issuer;
	const ASN1_INTEGER *serial;
	uint8_t issuer_hash[PKI_ISSUER_HASH_LEN];
	struct rk_chain_entry entry; /* cert and issuer keys, dates */
	bool is_leaf;
	const STACK_OF(X509) * chain; /* the path it stands in, anchor last; borrowed */
	int depth;                    /* where: 0 = leaf */
};

struct pki_revoked {
	enum rk_revocation_reason reason;
	int64_t date; /* 0 = not known */
};

/* Asked once for every certificate of a path below its anchor, leaf first. */
typedef enum pki_revocation_answer (*pki_revocation_fn)(
	void *ctx, const struct pki_revocation_query *query, struct pki_revoked *out);

struct pki_validate_args {
	struct pki_trust *trust;
	const uint8_t *installation_key; /* PKI_INSTALLATION_KEY_LEN bytes */
	int64_t now;                     /* seconds since 1970, UTC */
	bool is_ed25519_allowed;
	bool is_revocation_required; /* NOT_COVERED refuses too */
	struct pki_kind_set *kinds;  /* NULL, or where the kinds of the chain are noted */
	pki_revocation_fn find;      /* NULL: revocation is not asked */
	void *find_ctx;
	STACK_OF(X509) * untrusted; /* further intermediates, or NULL */
};

/*
 * Judges leaf. 0 when there is a judgement: out->status says which, report why; out is complete
 * when GOOD, and has status, fingerprint, trust generation and the leaf's own dates and names (for
 * alarms) otherwise. -ENOMEM or -EIO when it could not be judged: out is zero, status UNKNOWN.
 */
int pki_validate(const struct pki_validate_args *args, X509 *leaf, struct pki_report *report,
	struct rk_verdict *out) RK_MUST_CHECK;
/* Parses first; what cannot be parsed is MALFORMED under the fingerprint of the bytes. */
int pki_validate_der(const struct pki_validate_args *args, const uint8_t *der, size_t len,
	struct pki_report *report, struct rk_verdict *out) RK_MUST_CHECK;
