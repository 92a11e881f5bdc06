/* SPDX-License-Identifier: BSD-3-Clause */
#include "pki/view/verdict.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

static struct rk_verdict good_verdict(void)
{
	struct rk_verdict v = {.status = RK_VERDICT_GOOD, .chain_cnt = 2, .uri_cnt = 1};

	memset(v.fingerprint, 7, sizeof(v.fingerprint));
	v.cn_cnt = 1;
	v.cn_len = 4;
	memcpy(v.cn, "west", 4);
	v.uri_len[0] = 6;
	memcpy(v.uri[0], "urn:x1", 6);
	v.chain[0].not_after = 10;
	v.chain[1].not_after = 20;
	v.key.type = RK_KEY_P256;
	v.key.len = 65;
	memset(v.key.bytes, 3, 65);
	v.key.bytes[0] = 4;
	return v;
}

#define ASSERT_REFUSED(change)                         \
	do {                                           \
		struct rk_verdict v = good_verdict();  \
		change;                                \
		assert_false(rk_verdict_is_sound(&v)); \
	} while (0)

static void good_record_is_sound(void **state)
{
	struct rk_verdict v = good_verdict();

	(void)state;
	assert_true(rk_verdict_is_sound(&v));
	memset(&v, 0, sizeof(v)); /* unknown, and nothing said */
	assert_true(rk_verdict_is_sound(&v));
	v = good_verdict();
	v.cn_cnt = 2; /* two CNs, so none is told */
	v.cn_len = 0;
	memset(v.cn, 0, sizeof(v.cn));
	assert_true(rk_verdict_is_sound(&v));
}

static void every_bad_field_is_refused(void **state)
{
	(void)state;
	ASSERT_REFUSED(v.status = RK_VERDICT_STATUS_CNT);
	ASSERT_REFUSED(v.chain_cnt = RK_CHAIN_MAX + 1);
	ASSERT_REFUSED(v.chain_cnt = 1); /* the second entry is then not zero */
	ASSERT_REFUSED(v.chain_cnt = 0; memset(v.chain, 0, sizeof(v.chain)));
	ASSERT_REFUSED(v.pad[2] = 1);
	ASSERT_REFUSED(v.cn_len = RK_CN_MAX + 1);
	ASSERT_REFUSED(v.cn_len = 3);
	ASSERT_REFUSED(v.cn_len = 5); /* takes in a NUL */
	ASSERT_REFUSED(v.cn[1] = 0);
	ASSERT_REFUSED(v.cn_cnt = 2);
	ASSERT_REFUSED(v.cn_cnt = 0);
	ASSERT_REFUSED(v.uri_cnt = RK_URI_MAX + 1);
	ASSERT_REFUSED(v.uri_cnt = 0);
	ASSERT_REFUSED(v.uri_cnt = 2); /* the second is empty */
	ASSERT_REFUSED(v.uri_len[0] = RK_URI_LEN_MAX + 1);
	ASSERT_REFUSED(v.uri_len[0] = 5);
	ASSERT_REFUSED(v.uri_len[1] = 1);
	ASSERT_REFUSED(v.uri[0][2] = 0);
	ASSERT_REFUSED(v.uri[3][9] = 1);
	ASSERT_REFUSED(v.key.type = RK_KEY_NONE);
	ASSERT_REFUSED(v.key.len = 64);
	ASSERT_REFUSED(memset(&v.key, 0, sizeof(v.key))); /* good without a key */
	ASSERT_REFUSED(v.status = RK_VERDICT_EXPIRED; v.key.type = RK_KEY_NONE);
}

static void names_of_all_states(void **state)
{
	(void)state;
	assert_string_equal(rk_verdict_status_name(RK_VERDICT_REVOKED), "revoked");
	assert_string_equal(rk_verdict_status_name(RK_VERDICT_NOT_YET_VALID), "not-yet-valid");
	assert_string_equal(rk_verdict_status_name((enum rk_verdict_status)99), "unknown");
}

static struct rk_public_key key_of(uint8_t type, uint16_t len, uint8_t first)
{
	struct rk_public_key k = {.type = type, .len = len};

	memset(k.bytes, 0xd5, len);
	k.bytes[0] = first;
	if (type == RK_KEY_RSA || type == RK_KEY_RSA_PSS)
		k.rsa_exponent = 65537;
	return k;
}

static void keys_fit_their_type(void **state)
{
	const struct {
		uint8_t type;
		uint16_t len;
		uint8_t first;
	} good[] = {
		{RK_KEY_RSA, 256, 0x80},
		{RK_KEY_RSA, 384, 0x80},
		{RK_KEY_RSA_PSS, 512, 0x80},
		{RK_KEY_P256, 65, 4},
		{RK_KEY_P384, 97, 4},
		{RK_KEY_P521, 133, 4},
		{RK_KEY_ED25519, 32, 0},
	};
	struct rk_public_key k;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		k = key_of(good[i].type, good[i].len, good[i].first);
		assert_true(rk_public_key_is_sound(&k));
		k.type = RK_KEY_TYPE_CNT;
		assert_false(rk_public_key_is_sound(&k));
		k = key_of(good[i].type, good[i].len - 1, good[i].first);
		assert_int_equal(rk_public_key_is_sound(&k),
			(good[i].type == RK_KEY_RSA || good[i].type == RK_KEY_RSA_PSS) &&
				good[i].len > 256);
		k = key_of(good[i].type, good[i].len, good[i].first);
		if (k.len < RK_KEY_BYTES_MAX) {
			k.bytes[k.len] = 1; /* beyond the key */
			assert_false(rk_public_key_is_sound(&k));
		}
		k = key_of(good[i].type, good[i].len, good[i].first);
		k.pss_hash = 32;
		assert_int_equal(rk_public_key_is_sound(&k), k.type == RK_KEY_RSA_PSS);
		k.pss_hash = 33;
		assert_false(rk_public_key_is_sound(&k));
	}
}

static void bad_keys_are_refused(void **state)
{
	struct rk_public_key k;

	(void)state;
	k = key_of(RK_KEY_RSA, 256, 0);
	assert_false(rk_public_key_is_sound(&k)); /* leading zero */
	k = key_of(RK_KEY_RSA, 256, 0x80);
	k.bytes[255] = 2;
	assert_false(rk_public_key_is_sound(&k)); /* even */
	k = key_of(RK_KEY_RSA, 256, 0x80);
	k.rsa_exponent = 3;
	assert_false(rk_public_key_is_sound(&k));
	k.rsa_exponent = 65538;
	assert_false(rk_public_key_is_sound(&k));
	k = key_of(RK_KEY_P256, 65, 2); /* compressed */
	assert_false(rk_public_key_is_sound(&k));
	k = key_of(RK_KEY_P256, 65, 4);
	k.rsa_exponent = 65537;
	assert_false(rk_public_key_is_sound(&k));
	k = key_of(RK_KEY_RSA, 512, 0x80);
	k.len = 513;
	assert_false(rk_public_key_is_sound(&k));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_record_is_sound),
		cmocka_unit_test(every_bad_field_is_refused),
		cmocka_unit_test(names_of_all_states),
		cmocka_unit_test(keys_fit_their_type),
		cmocka_unit_test(bad_keys_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
