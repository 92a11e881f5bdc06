/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Private and public keys: made, stored as text, exported as raw numbers. Any thread; an EVP_PKEY
 * is used by one thread at a time. Nothing here logs or reports key material.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "pki/view/bytes.h"
#include "pki/view/channel.h"
#include "pki/view/verdict.h"

#define PKI_RSA_BITS_MIN  2048
#define PKI_RSA_BITS_MAX  4096
#define PKI_RSA_BITS_STEP 256
#define PKI_KEY_PEM_MAX   8192 /* the longest PEM of a key we make or take */

enum pki_algorithm {
	PKI_ALGORITHM_RSA = 1,
	PKI_ALGORITHM_ECC = 2,
};

struct pki_key_spec {
	enum pki_algorithm algorithm;
	unsigned rsa_bits;      /* RSA: 2048..4096, step 256; ECC: 0 */
	enum rk_key_type curve; /* ECC: RK_KEY_P256, P384, P521; RSA: RK_KEY_NONE */
};

/* The names of the REST API. "RSA", "ECC" (any case). 0 or -EINVAL. */
int pki_algorithm_parse(const char *name, enum pki_algorithm *out) RK_MUST_CHECK;
/* SECP256R1 (also SECP256R, PRIME256V1, P-256), SECP384R1, SECP521R1, any case. 0 or -EINVAL. */
int pki_curve_parse(const char *name, enum rk_key_type *out) RK_MUST_CHECK;
const char *pki_curve_name(enum rk_key_type curve); /* "SECP256R1", ...; NULL when not a curve */
bool pki_key_spec_is_valid(const struct pki_key_spec *spec) RK_MUST_CHECK;
bool pki_key_spec_equal(const struct pki_key_spec *a, const struct pki_key_spec *b);

/* 0; -EINVAL for a spec that is not valid; -EIO when OpenSSL fails. RSA-4096 takes seconds. */
int pki_key_generate(const struct pki_key_spec *spec, EVP_PKEY **out) RK_MUST_CHECK;
/* 0, or -EINVAL when the key is none that pki_key_generate makes. */
int pki_key_spec_of(const EVP_PKEY *key, struct pki_key_spec *out) RK_MUST_CHECK;

/* Text of a secret in rk_secret_new memory: NUL-terminated; pki_secret_text_free wipes it. */
struct pki_secret_text {
	char *data;
	size_t len;  /* without the NUL */
	size_t size; /* as given to rk_secret_new */
};
void pki_secret_text_free(struct pki_secret_text *t);
/* PEM "PRIVATE KEY" (PKCS#8, not encrypted) in secret memory. 0, -ENOMEM, -EIO. */
int pki_key_to_pem(const EVP_PKEY *key, struct pki_secret_text *out) RK_MUST_CHECK;
/*
 * Exactly one PEM block: PRIVATE KEY, RSA PRIVATE KEY or EC PRIVATE KEY; named curve; a key that
 * pki_key_spec_of knows and whose halves belong together. 0; -EBADMSG.
 */
int pki_key_from_pem(const char *text, size_t len, EVP_PKEY **out) RK_MUST_CHECK;

/*
 * The private key as raw numbers. out must lie in memory of rk_secret_new, since it holds the
 * secret; it is wiped on failure. 0, -EINVAL for a key that has no raw form here, -EIO.
 */
int pki_key_to_private(const EVP_PKEY *key, struct rk_private_key *out) RK_MUST_CHECK;
/* SHA-256 of the key's own SubjectPublicKeyInfo, whose bytes may differ from those of a certificate
 * for it (RSA's NULL parameter, the form of an EC point). 0 or -EIO. */
int pki_key_hash(const EVP_PKEY *key, uint8_t out[RK_DIGEST_LEN]) RK_MUST_CHECK;
/*
 * The public key of a certificate as raw numbers: RSA, RSA-PSS (with the one hash its parameters
 * allow), EC, Ed25519. out is zero on failure. 0; -EINVAL: type, size or exponent outside what
 * rk_public_key can carry.
 */
int pki_public_key(const X509 *cert, struct rk_public_key *out) RK_MUST_CHECK;
/* The certificate carries this key's public half. */
bool pki_key_matches_cert(const EVP_PKEY *key, const X509 *cert) RK_MUST_CHECK;
