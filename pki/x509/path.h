/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One way to run OpenSSL's path validation, for certificates and for the signers of lists:
 * X509_STRICT, whole chain to an anchor, policy processing, at most RK_CHAIN_MAX certificates below
 * the anchor, security level 2 (112 bits), nothing fetched. OpenSSL's own choice of path is tried
 * first, then every other one (path_walk.h) until one stands. Any thread.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <openssl/x509.h>
#include <openssl/x509_vfy.h>

#include "pki/view/bytes.h"
#include "pki/view/verdict.h"
#include "pki/x509/trust.h"

struct pki_path_args {
	const struct pki_trust *trust;
	STACK_OF(X509) * untrusted; /* besides the trust's intermediates; or NULL */
	int64_t now;
	bool is_time_ignored;
	bool is_single_try; /* OpenSSL's own choice and no other */
	/*
	 * Asked about every path that stands, until it says yes: what it refuses for reasons of its
	 * own is passed over for another. NULL takes the first. The chain is borrowed.
	 */
	bool (*accept)(void *ctx, STACK_OF(X509) * chain);
	void *accept_ctx;
};

/*
 * What came out. When no path stands: why OpenSSL's own choice does not. When accept refused all
 * that do: NOT_ALLOWED and "path-refused". A static code and sentence, the status it means, and at which
 * certificate.
 */
struct pki_path_result {
	enum rk_verdict_status status;
	const char *code; /* NULL when GOOD */
	const char *text;
	int depth;              /* 0 = the certificate itself */
	X509 *culprit;          /* the certificate at depth; owned; may be NULL */
	STACK_OF(X509) * chain; /* leaf first, anchor last; owned; NULL unless GOOD */
};

/* 0 when there is an answer in out; -ENOMEM, -EIO otherwise. */
int pki_path_verify(
	const struct pki_path_args *args, X509 *cert, struct pki_path_result *out) RK_MUST_CHECK;
void pki_path_result_fini(struct pki_path_result *r);
