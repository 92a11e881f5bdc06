/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdlib.h>
#include <string.h>

#include <openssl/core_names.h>

#include "pki/x509/cert.h"
#include "pki/x509/key.h"
#include "pki/x509/trust.h"
#include "pki/x509/validate.h"
#include "tests/pair/host.h"

static const uint8_t installation_key[PKI_INSTALLATION_KEY_LEN] = {1, 2, 3};

/* One CA for the process, never freed before exit. */
static struct test_pki *the_pki(struct pki_trust **trust)
{
	static struct test_pki pki;
	static struct pki_trust *pki_trust;

	if (pki_trust == NULL) {
		struct pki_bundle bundle = {.name = "pair", .mode = PKI_MODE_STRICT};
		struct pki_trust_config config = {
			.bundle = &bundle, .bundle_cnt = 1, .generation = 1, .now = PAIR_WALL};

		test_pki_init(&pki, "unused");
		bundle.text = pki.bundle;
		bundle.len = strlen(pki.bundle);
		bundle.mode = PKI_MODE_WARN; /* its dates are today's, not the fake clock's */
		must(pki_trust_new(&config, NULL, &pki_trust) == 0);
	}
	*trust = pki_trust;
	return &pki;
}

static void judge(struct pair_identity *id, struct pki_trust *trust)
{
	struct pki_validate_args args = {
		.trust = trust,
		.installation_key = installation_key,
		.now = (int64_t)time(NULL),
		.is_ed25519_allowed = true, /* the data plane has its own say */
	};
	struct pki_report report;
	size_t i;

	pki_report_init(&report);
	must(pki_validate(&args, id->cert, &report, &id->verdict) == 0);
	must(id->verdict.status == RK_VERDICT_GOOD);
	/* The CA's dates are real ones; the engines live around PAIR_WALL. */
	for (i = 1; i < id->verdict.chain_cnt; i++) {
		id->verdict.chain[i].not_before = PAIR_WALL - 100 * TEST_DAY;
		id->verdict.chain[i].not_after = PAIR_WALL + 1000 * TEST_DAY;
	}
}

/* Shifts the leaf's dates from now to the fake clock. */
static void shift_dates(struct pair_identity *id)
{
	int64_t shift = PAIR_WALL - (int64_t)time(NULL);

	id->verdict.chain[0].not_before += shift;
	id->verdict.chain[0].not_after += shift;
	id->verdict.not_before = id->verdict.chain[0].not_before;
	id->verdict.not_after = id->verdict.chain[0].not_after;
}

struct pair_identity *pair_identity_new(
	const char *name, enum test_key kind, const struct test_cert *c)
{
	struct pair_identity *id = calloc(1, sizeof(*id));
	struct test_cert cert = c != NULL ? *c : (struct test_cert){0};
	struct pki_trust *trust;
	struct test_pki *pki = the_pki(&trust);

	must(id != NULL && strlen(name) <= RK_CN_MAX);
	strcpy(id->name, name);
	id->key = test_key_new(kind);
	cert.cn = name;
	cert.key = id->key;
	cert.issuer = pki->ca;
	cert.issuer_key = pki->ca_key;
	id->cert = test_cert_new(&cert);
	id->der = test_der(id->cert, &id->der_len);
	judge(id, trust);
	shift_dates(id);
	return id;
}

static bool take_number(EVP_PKEY *key, const char *name, unsigned at, struct rk_private_key *out)
{
	BIGNUM *bn = NULL;
	bool is_done = EVP_PKEY_get_bn_param(key, name, &bn) == 1;

	if (is_done)
		out->len[at] = (uint16_t)BN_bn2bin(bn, out->number[at]);
	BN_clear_free(bn);
	return is_done;
}

static bool take_rsa_pss(EVP_PKEY *key, struct rk_private_key *out)
{
	static const char *const names[RK_NUM_CNT] = {
		[RK_NUM_RSA_N] = OSSL_PKEY_PARAM_RSA_N,
		[RK_NUM_RSA_E] = OSSL_PKEY_PARAM_RSA_E,
		[RK_NUM_RSA_D] = OSSL_PKEY_PARAM_RSA_D,
		[RK_NUM_RSA_P] = OSSL_PKEY_PARAM_RSA_FACTOR1,
		[RK_NUM_RSA_Q] = OSSL_PKEY_PARAM_RSA_FACTOR2,
		[RK_NUM_RSA_DP] = OSSL_PKEY_PARAM_RSA_EXPONENT1,
		[RK_NUM_RSA_DQ] = OSSL_PKEY_PARAM_RSA_EXPONENT2,
		[RK_NUM_RSA_QINV] = OSSL_PKEY_PARAM_RSA_COEFFICIENT1,
	};

	out->type = RK_KEY_RSA_PSS;
	out->number_cnt = RK_NUM_CNT;
	for (unsigned i = 0; i < RK_NUM_CNT; i++)
		if (!take_number(key, names[i], i, out))
			return false;
	return true;
}

static bool take_ed25519(EVP_PKEY *key, struct rk_private_key *out)
{
	size_t public_len = RK_PRIVATE_NUMBER_MAX, secret_len = RK_PRIVATE_NUMBER_MAX;

	if (EVP_PKEY_get_raw_public_key(key, out->number[RK_NUM_PUBLIC], &public_len) != 1 ||
		EVP_PKEY_get_raw_private_key(key, out->number[RK_NUM_SECRET], &secret_len) != 1)
		return false;
	out->type = RK_KEY_ED25519;
	out->number_cnt = 2;
	out->len[RK_NUM_PUBLIC] = (uint16_t)public_len;
	out->len[RK_NUM_SECRET] = (uint16_t)secret_len;
	return true;
}

bool pair_private_key(const struct pair_identity *id, struct rk_private_key *out)
{
	if (EVP_PKEY_is_a(id->key, "ED25519"))
		return take_ed25519(id->key, out);
	if (EVP_PKEY_is_a(id->key, "RSA-PSS"))
		return take_rsa_pss(id->key, out);
	return pki_key_to_private(id->key, out) == 0;
}

void pair_identity_free(struct pair_identity *id)
{
	if (id == NULL)
		return;
	EVP_PKEY_free(id->key);
	X509_free(id->cert);
	free(id->der);
	free(id);
}
