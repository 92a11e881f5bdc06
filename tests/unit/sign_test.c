/* SPDX-License-Identifier: BSD-3-Clause */
/* Transcript signatures: every key type signs and verifies, and nothing else passes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dataplane/core/sign.h"
#include "pki/view/secret.h"
#include "pki/x509/key.h"
#include "tests/unit/test_ca.h"

static struct sign_ctx *ctx;

static const struct {
	enum test_key kind;
	uint16_t scheme;
} kinds[] = {
	{TEST_P256, 0x0403},
	{TEST_P384, 0x0503},
	{TEST_P521, 0x0603},
	{TEST_RSA_2048, 0x0804},
};

struct party {
	struct credential *credential;
	struct rk_public_key key;
};

static struct party party_new(enum test_key kind)
{
	static const uint8_t fingerprint[RK_FINGERPRINT_LEN];
	EVP_PKEY *pkey = test_key_shared(kind, 0);
	X509 *cert = test_cert_new(&(struct test_cert){.key = pkey});
	struct rk_private_key *numbers = rk_secret_new(sizeof(*numbers));
	struct party p;

	assert_non_null(numbers);
	assert_int_equal(pki_key_to_private(pkey, numbers), 0);
	assert_int_equal(pki_public_key(cert, &p.key), 0);
	assert_int_equal(credential_new(fingerprint, (struct rk_span){fingerprint, 1}, numbers,
				 &p.credential),
		0);
	X509_free(cert);
	return p;
}

static const struct rk_span text = {(const uint8_t *)"what is signed", 14};

static void each_key_signs_under_its_scheme_alone(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		struct party p = party_new(kinds[i].kind);
		struct wire_list all;
		uint8_t signature[MSG_SIGNATURE_MAX];
		size_t len = sizeof(signature);

		sign_list_schemes(&all, true);
		assert_int_equal(sign_choose(p.credential->key_type, 0, &all), kinds[i].scheme);
		assert_true(sign_make(ctx, p.credential, kinds[i].scheme, text, signature, &len));
		assert_true(len <= sign_len_max(p.credential->key_type));
		assert_true(sign_verify(
			ctx, &p.key, kinds[i].scheme, text, (struct rk_span){signature, len}));
		for (unsigned s = 0; s < all.cnt; s++)
			if (all.id[s] != kinds[i].scheme)
				assert_false(sign_verify(ctx, &p.key, all.id[s], text,
					(struct rk_span){signature, len}));
		signature[len / 2] ^= 1;
		assert_false(sign_verify(
			ctx, &p.key, kinds[i].scheme, text, (struct rk_span){signature, len}));
		assert_false(sign_verify(
			ctx, &p.key, kinds[i].scheme, text, (struct rk_span){signature, len - 1}));
		credential_put(p.credential);
	}
}

static void another_key_does_not_verify(void **state)
{
	struct party p = party_new(TEST_P256);
	EVP_PKEY *other = test_key_new(TEST_P256);
	X509 *cert = test_cert_new(&(struct test_cert){.key = other});
	struct rk_public_key key;
	uint8_t signature[MSG_SIGNATURE_MAX];
	size_t len = sizeof(signature);

	(void)state;
	assert_int_equal(pki_public_key(cert, &key), 0);
	assert_true(sign_make(ctx, p.credential, 0x0403, text, signature, &len));
	assert_false(sign_verify(ctx, &key, 0x0403, text, (struct rk_span){signature, len}));
	key.bytes[5] ^= 1; /* not a point */
	assert_false(sign_verify(ctx, &key, 0x0403, text, (struct rk_span){signature, len}));
	X509_free(cert);
	EVP_PKEY_free(other);
	credential_put(p.credential);
}

static void nothing_in_common_is_no_scheme(void **state)
{
	const struct wire_list rsa = {2, {0x0804, 0x0401}};

	(void)state;
	assert_int_equal(sign_choose(RK_KEY_P256, 0, &rsa), 0);
	assert_int_equal(sign_choose(RK_KEY_RSA, 0, &rsa), 0x0804);
	assert_int_equal(sign_choose(RK_KEY_RSA, 48, &rsa), 0); /* its parameters say SHA-384 */
}

static void ed25519_needs_its_setting(void **state)
{
	struct wire_list list;

	(void)state;
	sign_list_schemes(&list, false);
	assert_false(wire_list_has(&list, 0x0807));
	assert_false(wire_list_has(&list, 0x0401)); /* PKCS#1 v1.5: never */
	sign_list_schemes(&list, true);
	assert_true(wire_list_has(&list, 0x0807));
}

/* RFC 8422 5.4: Ecdsa-Sig-Value in DER and in no other encoding. */
static void ecdsa_is_strict_der(void **state)
{
	static const struct {
		bool is_good;
		uint8_t len;
		uint8_t data[12];
	} cases[] = {
		{true, 8, {0x30, 6, 2, 1, 1, 2, 1, 1}},
		{true, 9, {0x30, 7, 2, 2, 0, 0x80, 2, 1, 1}},
		{false, 9, {0x30, 7, 2, 2, 0, 0x7f, 2, 1, 1}},     /* padded */
		{false, 8, {0x30, 6, 2, 1, 0x80, 2, 1, 1}},        /* negative */
		{false, 8, {0x30, 6, 2, 1, 0, 2, 1, 1}},           /* zero */
		{false, 9, {0x30, 6, 2, 1, 1, 2, 1, 1, 0}},        /* rest */
		{false, 9, {0x30, 0x81, 6, 2, 1, 1, 2, 1, 1}},     /* long form */
		{false, 9, {0x30, 7, 2, 0x81, 1, 1, 2, 1, 1}},     /* long form */
		{false, 8, {0x31, 6, 2, 1, 1, 2, 1, 1}},           /* not a SEQUENCE */
		{false, 8, {0x30, 6, 3, 1, 1, 2, 1, 1}},           /* not an INTEGER */
		{false, 5, {0x30, 3, 2, 1, 1}},                    /* one number */
		{false, 11, {0x30, 9, 2, 1, 1, 2, 1, 1, 2, 1, 1}}, /* three */
		{false, 7, {0x30, 5, 2, 0, 2, 1, 1}},              /* empty */
		{false, 1, {0x30}},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(
			sign_is_strict_ecdsa((struct rk_span){cases[i].data, cases[i].len}),
			cases[i].is_good);
}

static void input_tells_the_roles_apart(void **state)
{
	uint8_t i[SIGN_INPUT_MAX], r[SIGN_INPUT_MAX];
	const uint8_t transcript[32] = {7};
	size_t len = sign_build_input(i, true, (struct rk_span){transcript, 32});

	(void)state;
	assert_int_equal(len, 64 + 17 + 1 + 32);
	assert_int_equal(sign_build_input(r, false, (struct rk_span){transcript, 32}), len);
	assert_memory_not_equal(i, r, len);
	assert_memory_equal(i + 64, "rekey/1 initiator", 18);
	assert_memory_equal(r + 64, "rekey/1 responder", 18);
}

static int set_up(void **state)
{
	(void)state;
	return sign_ctx_new(&ctx);
}

static int tear_down(void **state)
{
	(void)state;
	sign_ctx_free(ctx);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_key_signs_under_its_scheme_alone),
		cmocka_unit_test(another_key_does_not_verify),
		cmocka_unit_test(nothing_in_common_is_no_scheme),
		cmocka_unit_test(ed25519_needs_its_setting),
		cmocka_unit_test(ecdsa_is_strict_der),
		cmocka_unit_test(input_tells_the_roles_apart),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
