/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which algorithms, key sizes and curves are taken, in certificates and in lists. One place for the
 * rule, so that configuration time and run time cannot drift apart. Any thread.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <openssl/x509.h>

#include "pki/view/bytes.h"

#define PKI_CA_RSA_BITS_MAX 8192 /* bounds what verifying a hostile chain may cost */

/* Why something is not taken; static. */
struct pki_problem {
	const char *code;
	const char *text;
};

/*
 * sha256/384/512WithRSAEncryption, RSASSA-PSS and ecdsa-with with the same three, Ed25519 where
 * allowed; parameters as RFC 4055, 5758 and 8410 want them. NULL when taken.
 */
const struct pki_problem *pki_signature_problem(const X509_ALGOR *alg, bool is_ed25519_allowed);

/*
 * RSA and RSA-PSS 2048..4096 bits (a CA: 8192) with an odd exponent >= 65537, P-256, P-384, P-521
 * by name with an uncompressed point, Ed25519 where allowed. NULL when taken.
 */
const struct pki_problem *pki_cert_key_problem(
	const X509 *cert, bool is_ca, bool is_ed25519_allowed);

/*
 * The hash that an id-RSASSA-PSS key's parameters restrict it to, in octets; 0 when they are
 * absent. 0 or -EINVAL for parameters that are not taken.
 */
int pki_pss_key_hash(const X509 *cert, uint8_t *out) RK_MUST_CHECK;
