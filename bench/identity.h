/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A root, an issuing CA and two routers' certificates, all with keys of one type: what the engines
 * and the TLS baselines authenticate with alike. Made once for each type, kept for the process.
 */
#pragma once

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "dataplane/core/credential.h"
#include "pki/x509/validate.h"

struct bench_cert_type {
	const char *name; /* ecdsa-p256, ... */
	const char *type;
	const char *curve;
	unsigned bits;
	const char *md; /* of all signatures, those of certificates included */
};
#define BENCH_CERT_CNT 6
extern const struct bench_cert_type bench_certs[BENCH_CERT_CNT];

struct bench_identity {
	const char *name; /* common name and configured name */
	EVP_PKEY *key;
	X509 *cert;
	uint8_t *der;
	size_t der_len;
	struct rk_verdict verdict;
	struct credential *credential;
};

struct bench_pki {
	const struct bench_cert_type *type;
	X509 *root, *ca; /* CA below the root, routers below the CA */
	struct pki_trust *trust;
	struct bench_identity east, west;
};

/* which: index of bench_certs. Borrowed. */
const struct bench_pki *bench_pki_get(size_t which);
EVP_PKEY *bench_key_new(const char *type, const char *curve, unsigned bits);
/* Judges a certificate as control does. */
void bench_judge(const struct bench_pki *p, const uint8_t *der, size_t len, struct rk_verdict *out);
