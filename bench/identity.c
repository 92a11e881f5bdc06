/* SPDX-License-Identifier: BSD-3-Clause */
#include "bench/identity.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench/harness.h"
#include "pki/view/secret.h"
#include "pki/x509/key.h"
#include "tests/unit/test_ca.h"

const struct bench_cert_type bench_certs[BENCH_CERT_CNT] = {
	{"ecdsa-p256", "EC", "P-256", 0, "SHA256"},
	{"ecdsa-p384", "EC", "P-384", 0, "SHA384"},
	{"ecdsa-p521", "EC", "P-521", 0, "SHA512"},
	{"rsa-2048", "RSA", NULL, 2048, "SHA256"},
	{"rsa-3072", "RSA", NULL, 3072, "SHA256"},
	{"rsa-4096", "RSA", NULL, 4096, "SHA256"},
};

static const uint8_t installation_key[PKI_INSTALLATION_KEY_LEN] = {1};

EVP_PKEY *bench_key_new(const char *type, const char *curve, unsigned bits)
{
	EVP_PKEY *key = curve != NULL ? EVP_PKEY_Q_keygen(NULL, NULL, type, curve)
			: bits != 0   ? EVP_PKEY_Q_keygen(NULL, NULL, type, (size_t)bits)
				      : EVP_PKEY_Q_keygen(NULL, NULL, type);

	bench_must(key != NULL, "libcrypto cannot make a key");
	return key;
}

void bench_judge(const struct bench_pki *p, const uint8_t *der, size_t len, struct rk_verdict *out)
{
	const struct pki_validate_args args = {
		.trust = p->trust,
		.installation_key = installation_key,
		.now = (int64_t)time(NULL),
	};
	struct pki_report report;

	pki_report_init(&report);
	bench_must(pki_validate_der(&args, der, len, &report, out) == 0 &&
			   out->status == RK_VERDICT_GOOD,
		"a certificate is refused");
}

/* Making an RSA key takes seconds: one serves all four certificates, which nothing minds. */
static EVP_PKEY *next_key(const struct bench_cert_type *t, EVP_PKEY *last)
{
	if (t->bits != 0 && last != NULL)
		return last;
	return bench_key_new(t->type, t->curve, t->bits);
}

static void make_identity(
	struct bench_pki *p, EVP_PKEY *ca_key, const char *name, struct bench_identity *id)
{
	EVP_PKEY *key = next_key(p->type, ca_key);
	const struct test_cert cert = {.cn = name,
		.key = key,
		.issuer = p->ca,
		.issuer_key = ca_key,
		.md = EVP_get_digestbyname(p->type->md)};
	struct rk_private_key *secret = rk_secret_new(sizeof(*secret));

	id->name = name;
	id->key = key;
	id->cert = test_cert_new(&cert);
	id->der = test_der(id->cert, &id->der_len);
	bench_judge(p, id->der, id->der_len, &id->verdict);
	bench_must(secret != NULL && pki_key_to_private(key, secret) == 0 &&
			   credential_new(id->verdict.fingerprint,
				   (struct rk_span){id->der, id->der_len}, secret,
				   &id->credential) == 0,
		"out of memory");
}

static void make_trust(struct bench_pki *p)
{
	char *ca = test_pem(p->ca), *root = test_pem(p->root);
	char *text = calloc(1, strlen(ca) + strlen(root) + 1);
	struct pki_bundle bundle = {.name = "bench", .mode = PKI_MODE_STRICT, .text = text};
	const struct pki_trust_config config = {
		.bundle = &bundle, .bundle_cnt = 1, .generation = 1, .now = (int64_t)time(NULL)};

	bench_must(text != NULL, "out of memory");
	strcat(strcpy(text, ca), root);
	bundle.len = strlen(text);
	bench_must(pki_trust_new(&config, NULL, &p->trust) == 0, "the CAs are refused");
	free(text);
	free(ca);
	free(root);
}

static void make_pki(struct bench_pki *p, const struct bench_cert_type *type)
{
	EVP_PKEY *root_key = next_key(type, NULL), *ca_key = next_key(type, root_key);
	const EVP_MD *md = EVP_get_digestbyname(type->md);
	const struct test_cert root = {.cn = "root", .key = root_key, .is_ca = true, .md = md};
	struct test_cert ca = {
		.cn = "ca", .key = ca_key, .issuer_key = root_key, .is_ca = true, .md = md};

	p->type = type;
	p->root = ca.issuer = test_cert_new(&root);
	p->ca = test_cert_new(&ca);
	make_trust(p);
	make_identity(p, ca_key, "east", &p->east);
	make_identity(p, ca_key, "west", &p->west);
}

const struct bench_pki *bench_pki_get(size_t which)
{
	static struct bench_pki pki[BENCH_CERT_CNT];

	if (pki[which].type == NULL)
		make_pki(&pki[which], &bench_certs[which]);
	return &pki[which];
}
