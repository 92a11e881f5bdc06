/* SPDX-License-Identifier: BSD-3-Clause */
/* Keys: made, stored, exported; requests made with them. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>

#include "pki/view/secret.h"
#include "pki/x509/key.h"
#include "tests/unit/test_ca.h"

static int teardown(void **state)
{
	(void)state;
	return ERR_peek_error() == 0 ? 0 : -1;
}

static void names_are_those_of_the_api(void **state)
{
	enum pki_algorithm algorithm;
	enum rk_key_type curve;

	(void)state;
	assert_int_equal(pki_algorithm_parse("RSA", &algorithm), 0);
	assert_int_equal(algorithm, PKI_ALGORITHM_RSA);
	assert_int_equal(pki_algorithm_parse("ecc", &algorithm), 0);
	assert_int_equal(algorithm, PKI_ALGORITHM_ECC);
	assert_int_equal(pki_algorithm_parse("DSA", &algorithm), -EINVAL);
	assert_int_equal(pki_curve_parse("SECP256R", &curve), 0);
	assert_int_equal(curve, RK_KEY_P256);
	assert_int_equal(pki_curve_parse("secp384r1", &curve), 0);
	assert_int_equal(curve, RK_KEY_P384);
	assert_int_equal(pki_curve_parse("SECP256K1", &curve), -EINVAL);
	assert_string_equal(pki_curve_name(RK_KEY_P521), "SECP521R1");
	assert_null(pki_curve_name(RK_KEY_RSA));
}

static void specs_are_checked(void **state)
{
	static const struct pki_key_spec good[] = {{PKI_ALGORITHM_RSA, 2048, 0},
		{PKI_ALGORITHM_RSA, 2304, 0}, {PKI_ALGORITHM_RSA, 4096, 0},
		{PKI_ALGORITHM_ECC, 0, RK_KEY_P256}, {PKI_ALGORITHM_ECC, 0, RK_KEY_P521}};
	static const struct pki_key_spec bad[] = {{PKI_ALGORITHM_RSA, 1024, 0},
		{PKI_ALGORITHM_RSA, 1792, 0}, {PKI_ALGORITHM_RSA, 2049, 0},
		{PKI_ALGORITHM_RSA, 4352, 0}, {PKI_ALGORITHM_RSA, 2048, RK_KEY_P256},
		{PKI_ALGORITHM_ECC, 256, RK_KEY_P256}, {PKI_ALGORITHM_ECC, 0, RK_KEY_RSA},
		{PKI_ALGORITHM_ECC, 0, RK_KEY_NONE}, {0, 2048, 0}};
	EVP_PKEY *key = NULL;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_true(pki_key_spec_is_valid(&good[i]));
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_false(pki_key_spec_is_valid(&bad[i]));
		assert_int_equal(pki_key_generate(&bad[i], &key), -EINVAL);
		assert_null(key);
	}
}

/* Rebuilds the key from its raw numbers, as the data plane does. */
static EVP_PKEY *from_numbers(const struct rk_private_key *raw)
{
	static const char *const rsa[] = {OSSL_PKEY_PARAM_RSA_N, OSSL_PKEY_PARAM_RSA_E,
		OSSL_PKEY_PARAM_RSA_D, OSSL_PKEY_PARAM_RSA_FACTOR1, OSSL_PKEY_PARAM_RSA_FACTOR2,
		OSSL_PKEY_PARAM_RSA_EXPONENT1, OSSL_PKEY_PARAM_RSA_EXPONENT2,
		OSSL_PKEY_PARAM_RSA_COEFFICIENT1};
	static const char *const group[] = {
		[RK_KEY_P256] = "P-256", [RK_KEY_P384] = "P-384", [RK_KEY_P521] = "P-521"};
	OSSL_PARAM_BLD *bld = OSSL_PARAM_BLD_new();
	EVP_PKEY_CTX *ctx =
		EVP_PKEY_CTX_new_from_name(NULL, raw->type == RK_KEY_RSA ? "RSA" : "EC", NULL);
	BIGNUM *n[RK_NUM_CNT] = {NULL};
	OSSL_PARAM *params;
	EVP_PKEY *key = NULL;
	unsigned i;

	for (i = 0; i < raw->number_cnt; i++)
		n[i] = BN_bin2bn(raw->number[i], raw->len[i], NULL);
	if (raw->type == RK_KEY_RSA) {
		for (i = 0; i < RK_NUM_CNT; i++)
			must(OSSL_PARAM_BLD_push_BN(bld, rsa[i], n[i]) == 1);
	} else {
		must(OSSL_PARAM_BLD_push_utf8_string(
			     bld, OSSL_PKEY_PARAM_GROUP_NAME, group[raw->type], 0) == 1);
		must(OSSL_PARAM_BLD_push_octet_string(bld, OSSL_PKEY_PARAM_PUB_KEY,
			     raw->number[RK_NUM_PUBLIC], raw->len[RK_NUM_PUBLIC]) == 1);
		must(OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_PRIV_KEY, n[RK_NUM_SECRET]) == 1);
	}
	params = OSSL_PARAM_BLD_to_param(bld);
	must(EVP_PKEY_fromdata_init(ctx) == 1 &&
		EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_KEYPAIR, params) == 1);
	for (i = 0; i < RK_NUM_CNT; i++)
		BN_free(n[i]);
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(bld);
	EVP_PKEY_CTX_free(ctx);
	return key;
}

static void signs_and_verifies(EVP_PKEY *private_key, EVP_PKEY *public_key)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	uint8_t signature[1024];
	size_t len = sizeof(signature);

	must(EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, private_key) == 1);
	must(EVP_DigestSign(ctx, signature, &len, (const uint8_t *)"x", 1) == 1);
	EVP_MD_CTX_reset(ctx);
	must(EVP_DigestVerifyInit(ctx, NULL, EVP_sha256(), NULL, public_key) == 1);
	assert_int_equal(EVP_DigestVerify(ctx, signature, len, (const uint8_t *)"x", 1), 1);
	EVP_MD_CTX_free(ctx);
}

static void keys_survive_text_and_numbers(void **state)
{
	static const struct pki_key_spec specs[] = {{PKI_ALGORITHM_RSA, 2048, 0},
		{PKI_ALGORITHM_RSA, 2304, 0}, {PKI_ALGORITHM_ECC, 0, RK_KEY_P256},
		{PKI_ALGORITHM_ECC, 0, RK_KEY_P384}, {PKI_ALGORITHM_ECC, 0, RK_KEY_P521}};
	struct rk_private_key *raw = rk_secret_new(sizeof(*raw));
	size_t i;

	(void)state;
	must(raw != NULL);
	for (i = 0; i < sizeof(specs) / sizeof(specs[0]); i++) {
		struct pki_secret_text text;
		struct pki_key_spec spec;
		uint8_t hash[RK_DIGEST_LEN];
		EVP_PKEY *key = NULL, *again = NULL, *rebuilt;
		X509 *cert;

		assert_int_equal(pki_key_generate(&specs[i], &key), 0);
		assert_int_equal(pki_key_spec_of(key, &spec), 0);
		assert_true(pki_key_spec_equal(&spec, &specs[i]));
		assert_int_equal(pki_key_to_pem(key, &text), 0);
		assert_int_equal(strlen(text.data), text.len);
		assert_ptr_equal(strstr(text.data, "-----BEGIN PRIVATE KEY-----\n"), text.data);
		assert_int_equal(pki_key_from_pem(text.data, text.len, &again), 0);
		assert_int_equal(EVP_PKEY_eq(key, again), 1);
		signs_and_verifies(again, key);
		pki_secret_text_free(&text);
		assert_null(text.data);

		assert_int_equal(pki_key_to_private(key, raw), 0);
		rebuilt = from_numbers(raw);
		assert_int_equal(EVP_PKEY_eq(key, rebuilt), 1);
		signs_and_verifies(rebuilt, key);
		cert = test_cert_new(&(struct test_cert){.key = key});
		assert_int_equal(pki_key_hash(X509_get0_pubkey(cert), hash), 0);
		assert_memory_equal(hash, raw->public_key_hash, sizeof(hash));
		assert_true(pki_key_matches_cert(rebuilt, cert));
		assert_false(pki_key_matches_cert(test_key_shared(TEST_P256, 0), cert));
		X509_free(cert);
		EVP_PKEY_free(key);
		EVP_PKEY_free(again);
		EVP_PKEY_free(rebuilt);
	}
	rk_secret_free(raw, sizeof(*raw));
}

/* A scalar with leading zeros keeps its width: the data plane expects it whole. */
static void short_scalars_are_padded(void **state)
{
	struct rk_private_key *raw = rk_secret_new(sizeof(*raw));
	int i;

	(void)state;
	must(raw != NULL);
	for (i = 0; i < 300; i++) { /* one in 256 begins with a zero octet */
		EVP_PKEY *key = test_key_new(TEST_P256);

		assert_int_equal(pki_key_to_private(key, raw), 0);
		assert_int_equal(raw->len[RK_NUM_SECRET], 32);
		assert_int_equal(raw->len[RK_NUM_PUBLIC], 65);
		EVP_PKEY_free(key);
	}
	rk_secret_free(raw, sizeof(*raw));
}

static void other_keys_are_refused(void **state)
{
	static const enum test_key kinds[] = {
		TEST_RSA_1024, TEST_SECP256K1, TEST_P256_EXPLICIT, TEST_ED25519, TEST_DSA};
	struct rk_private_key *raw = rk_secret_new(sizeof(*raw));
	size_t i;

	(void)state;
	must(raw != NULL);
	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		EVP_PKEY *key = test_key_shared(kinds[i], 0), *out = NULL;
		char *pem = test_key_pem(key);

		assert_int_equal(pki_key_from_pem(pem, strlen(pem), &out), -EBADMSG);
		assert_null(out);
		if (kinds[i] != TEST_P256_EXPLICIT)
			assert_int_equal(pki_key_to_private(key, raw), -EINVAL);
		free(pem);
	}
	rk_secret_free(raw, sizeof(*raw));
}

static void damaged_key_text_is_refused(void **state)
{
	EVP_PKEY *out = NULL;
	char *pem = test_key_pem(test_key_shared(TEST_P256, 0));
	size_t len = strlen(pem), i;

	(void)state;
	for (i = 0; i < len - 1; i++) /* the last octet is only a line end */
		assert_int_equal(pki_key_from_pem(pem, i, &out), -EBADMSG);
	assert_int_equal(pki_key_from_pem(pem, len - 1, &out), 0);
	EVP_PKEY_free(out);
	out = NULL;
	memcpy(strstr(pem, "PRIVATE"), "PRIVATF", 7);
	assert_int_equal(pki_key_from_pem(pem, len, &out), -EBADMSG);
	assert_int_equal(pki_key_from_pem("", 0, &out), -EBADMSG);
	assert_null(out);
	free(pem);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(names_are_those_of_the_api, teardown),
		cmocka_unit_test_teardown(specs_are_checked, teardown),
		cmocka_unit_test_teardown(keys_survive_text_and_numbers, teardown),
		cmocka_unit_test_teardown(short_scalars_are_padded, teardown),
		cmocka_unit_test_teardown(other_keys_are_refused, teardown),
		cmocka_unit_test_teardown(damaged_key_text_is_refused, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
