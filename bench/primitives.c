/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What libcrypto takes for one asymmetric operation, called the fastest correct way: contexts and
 * keys prepared outside, nothing fetched inside. The limit that exchanges are held against.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/rsa.h>

#include "bench/suites.h"

static const struct {
	const char *group; /* RFC 8422 name */
	const char *type;
	const char *curve;
} groups[] = {
	{"secp256r1", "EC", "P-256"},
	{"secp384r1", "EC", "P-384"},
	{"secp521r1", "EC", "P-521"},
	{"x25519", "X25519", NULL},
	{"x448", "X448", NULL},
};

static const struct {
	const char *cert;
	const char *type;
	const char *curve;
	unsigned bits;
	const char *md;
} signers[] = {
	{"ecdsa-p256", "EC", "P-256", 0, "SHA256"},
	{"ecdsa-p384", "EC", "P-384", 0, "SHA384"},
	{"ecdsa-p521", "EC", "P-521", 0, "SHA512"},
	{"rsa-2048", "RSA", NULL, 2048, "SHA256"},
	{"rsa-3072", "RSA", NULL, 3072, "SHA256"},
	{"rsa-4096", "RSA", NULL, 4096, "SHA256"},
};
#define GROUP_CNT  (sizeof(groups) / sizeof(groups[0]))
#define SIGNER_CNT (sizeof(signers) / sizeof(signers[0]))

static void need(bool ok, const char *what)
{
	if (!ok) {
		fprintf(stderr, "rekey-bench: libcrypto cannot %s\n", what);
		exit(1);
	}
}

static EVP_PKEY *new_key(const char *type, const char *curve, unsigned bits)
{
	EVP_PKEY *key = curve != NULL ? EVP_PKEY_Q_keygen(NULL, NULL, type, curve)
			: bits != 0   ? EVP_PKEY_Q_keygen(NULL, NULL, type, (size_t)bits)
				      : EVP_PKEY_Q_keygen(NULL, NULL, type);

	need(key != NULL, "make a key");
	return key;
}

/* ---- key agreement --------------------------------------------------------------------------- */

struct agreement {
	EVP_PKEY_CTX *keygen;
	EVP_PKEY_CTX *derive; /* own key and the peer's, already checked */
	EVP_PKEY *own, *peer;
};

static bool run_keygen(void *arg, unsigned cnt)
{
	struct agreement *a = arg;
	EVP_PKEY *key;

	while (cnt-- > 0) {
		key = NULL;
		if (EVP_PKEY_generate(a->keygen, &key) != 1)
			return false;
		EVP_PKEY_free(key);
	}
	return true;
}

static bool run_derive(void *arg, unsigned cnt)
{
	struct agreement *a = arg;
	unsigned char secret[66];
	size_t len;

	while (cnt-- > 0) {
		len = sizeof(secret);
		if (EVP_PKEY_derive(a->derive, secret, &len) != 1)
			return false;
	}
	return true;
}

static void agreement_init(struct agreement *a, const char *type, const char *curve)
{
	OSSL_PARAM params[] = {OSSL_PARAM_END, OSSL_PARAM_END};

	a->keygen = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
	need(a->keygen != NULL && EVP_PKEY_keygen_init(a->keygen) == 1, "make keys");
	if (curve != NULL) {
		params[0] = OSSL_PARAM_construct_utf8_string("group", (char *)(uintptr_t)curve, 0);
		need(EVP_PKEY_CTX_set_params(a->keygen, params) == 1, "use that curve");
	}
	a->own = new_key(type, curve, 0);
	a->peer = new_key(type, curve, 0);
	a->derive = EVP_PKEY_CTX_new_from_pkey(NULL, a->own, NULL);
	need(a->derive != NULL && EVP_PKEY_derive_init(a->derive) == 1 &&
			EVP_PKEY_derive_set_peer(a->derive, a->peer) == 1,
		"agree on keys");
}

static void agreement_fini(struct agreement *a)
{
	EVP_PKEY_CTX_free(a->keygen);
	EVP_PKEY_CTX_free(a->derive);
	EVP_PKEY_free(a->own);
	EVP_PKEY_free(a->peer);
}

/* ---- signatures ------------------------------------------------------------------------------ */

struct signature {
	EVP_PKEY *key;
	EVP_PKEY_CTX *sign, *verify;
	unsigned char digest[64];
	size_t digest_len;
	unsigned char made[512];
	size_t made_len;
};

static bool run_sign(void *arg, unsigned cnt)
{
	struct signature *s = arg;

	while (cnt-- > 0) {
		s->made_len = sizeof(s->made);
		if (EVP_PKEY_sign(s->sign, s->made, &s->made_len, s->digest, s->digest_len) != 1)
			return false;
	}
	return true;
}

static bool run_verify(void *arg, unsigned cnt)
{
	struct signature *s = arg;

	while (cnt-- > 0) {
		if (EVP_PKEY_verify(s->verify, s->made, s->made_len, s->digest, s->digest_len) != 1)
			return false;
	}
	return true;
}

static void set_scheme(EVP_PKEY_CTX *ctx, const char *type, const char *md)
{
	need(EVP_PKEY_CTX_set_signature_md(ctx, EVP_get_digestbyname(md)) == 1, "use that hash");
	if (strcmp(type, "RSA") == 0)
		need(EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING) == 1 &&
				EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, RSA_PSS_SALTLEN_DIGEST) == 1,
			"use RSA-PSS");
}

static void signature_init(struct signature *s, size_t which)
{
	s->key = new_key(signers[which].type, signers[which].curve, signers[which].bits);
	s->digest_len = (size_t)EVP_MD_get_size(EVP_get_digestbyname(signers[which].md));
	memset(s->digest, 0x5a, sizeof(s->digest));
	s->sign = EVP_PKEY_CTX_new_from_pkey(NULL, s->key, NULL);
	s->verify = EVP_PKEY_CTX_new_from_pkey(NULL, s->key, NULL);
	need(s->sign != NULL && s->verify != NULL && EVP_PKEY_sign_init(s->sign) == 1 &&
			EVP_PKEY_verify_init(s->verify) == 1,
		"sign");
	set_scheme(s->sign, signers[which].type, signers[which].md);
	set_scheme(s->verify, signers[which].type, signers[which].md);
	need(run_sign(s, 1) && run_verify(s, 1), "verify its own signature");
}

static void signature_fini(struct signature *s)
{
	EVP_PKEY_CTX_free(s->sign);
	EVP_PKEY_CTX_free(s->verify);
	EVP_PKEY_free(s->key);
}

/* ---- the suite ------------------------------------------------------------------------------- */

static void report(const struct bench_options *o, const struct bench_case *c, const char *operation,
	const char *group, const char *cert)
{
	bench_print(o, &(struct bench_row){.bench = "primitives",
			       .operation = operation,
			       .group = group,
			       .cert = cert,
			       .value = 1e9 / c->ns,
			       .unit = "ops/s"});
}

static void run(const struct bench_options *o)
{
	struct agreement agreement[GROUP_CNT] = {0};
	struct signature signature[SIGNER_CNT] = {0};
	struct bench_case cases[2 * (GROUP_CNT + SIGNER_CNT)];
	size_t i, n = 0;

	for (i = 0; i < GROUP_CNT; i++) {
		agreement_init(&agreement[i], groups[i].type, groups[i].curve);
		cases[n++] = (struct bench_case){
			.name = "keygen", .run = run_keygen, .arg = &agreement[i]};
		cases[n++] = (struct bench_case){
			.name = "derive", .run = run_derive, .arg = &agreement[i]};
	}
	for (i = 0; i < SIGNER_CNT; i++) {
		signature_init(&signature[i], i);
		cases[n++] =
			(struct bench_case){.name = "sign", .run = run_sign, .arg = &signature[i]};
		cases[n++] = (struct bench_case){
			.name = "verify", .run = run_verify, .arg = &signature[i]};
	}
	bench_run(o, cases, n);
	for (i = 0; i < n; i++) {
		if (i < 2 * GROUP_CNT)
			report(o, &cases[i], cases[i].name, groups[i / 2].group, NULL);
		else
			report(o, &cases[i], cases[i].name, NULL,
				signers[(i - 2 * GROUP_CNT) / 2].cert);
	}
	bench_end(cases, n);
	for (i = 0; i < GROUP_CNT; i++)
		agreement_fini(&agreement[i]);
	for (i = 0; i < SIGNER_CNT; i++)
		signature_fini(&signature[i]);
}

const struct bench_suite bench_primitives = {
	"primitives", "libcrypto's asymmetric operations: the limit", run};
