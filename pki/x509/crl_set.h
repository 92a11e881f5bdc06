/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The word of a set of lists on a certificate: complete, partitioned, indirect and some-reasons
 * lists, and deltas to them (RFC 5280 6.3.3, 5.2.4). Everything that is not plainly good is not
 * good: a list counts only when it is current, signed by a certificate of its issuer's name that
 * reaches the same anchor as the certificate in question and is itself not revoked.
 *
 * Where the RFC leaves a choice, the stricter one is taken: whatever any counting list revokes is
 * revoked; a base whose newest delta is out of date counts no more; a delta that starts after the
 * base's number is not applied, but what it revokes is revoked; removeFromCRL takes back a
 * certificateHold and nothing else; a list cannot vouch for its own signer.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/x509.h>

#include "pki/view/bytes.h"
#include "pki/x509/crl.h"
#include "pki/x509/trust.h"
#include "pki/x509/validate.h"

#define PKI_CRL_SET_MAX 256

/* What the set is judged with; borrowed for the set's life. */
struct pki_crl_set_args {
	const struct pki_trust *trust;
	STACK_OF(X509) * untrusted; /* where signers and their CAs may be, besides trust; or NULL */
	int64_t now;
	bool is_ed25519_allowed;
};

/* One thread at a time. */
struct pki_crl_set;
int pki_crl_set_new(const struct pki_crl_set_args *args, struct pki_crl_set **out) RK_MUST_CHECK;
void pki_crl_set_free(struct pki_crl_set *set); /* and its lists */
/* Takes crl, on success. 0; -E2BIG. */
int pki_crl_set_add(struct pki_crl_set *set, struct pki_crl *crl) RK_MUST_CHECK;
size_t pki_crl_set_cnt(const struct pki_crl_set *set);

/*
 * A pki_revocation_fn; ctx is the set. GOOD: lists cover every reason of revocation and none names
 * it. REVOKED. UNKNOWN: only lists that are out of date would cover it. NOT_COVERED otherwise.
 */
enum pki_revocation_answer pki_crl_set_find(
	void *ctx, const struct pki_revocation_query *query, struct pki_revoked *out);
