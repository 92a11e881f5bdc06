/* SPDX-License-Identifier: BSD-3-Clause */
/* RFC 4231 and 5869 appendix A, the labels of docs/protocol.md, and the AEADs' nonces. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "dataplane/core/aead.h"
#include "dataplane/core/hash.h"
#include "dataplane/core/kdf.h"

static struct aead *aead;

static size_t from_hex(const char *text, uint8_t *out)
{
	size_t len = 0;
	unsigned v;

	while (sscanf(text + 2 * len, "%2x", &v) == 1)
		out[len++] = (uint8_t)v;
	return len;
}

/* A.1, A.2 (longer) and A.3 (no salt, no info) */
static void hkdf_is_rfc_5869(void **state)
{
	static const struct {
		const char *ikm, *salt, *info, *prk, *okm;
	} cases[] = {
		{"0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "000102030405060708090a0b0c",
			"f0f1f2f3f4f5f6f7f8f9",
			"077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5",
			"3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf"
			"34007208d5b887185865"},
		{"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
		 "202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f"
		 "404142434445464748494a4b4c4d4e4f",
			"606162636465666768696a6b6c6d6e6f707172737475767778797a7b7c7d7e7f"
			"808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f"
			"a0a1a2a3a4a5a6a7a8a9aaabacadaeaf",
			"b0b1b2b3b4b5b6b7b8b9babbbcbdbebfc0c1c2c3c4c5c6c7c8c9cacbcccdcecf"
			"d0d1d2d3d4d5d6d7d8d9dadbdcdddedfe0e1e2e3e4e5e6e7e8e9eaebecedeeef"
			"f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff",
			"06a6b88c5853361a06104c9ceb35b45cef760014904671014a193f40c15fc244",
			"b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c"
			"59045a99cac7827271cb41c65e590e09da3275600c2f09b8367793a9aca3db71"
			"cc30c58179ec3e87c14c01d5c1f3434f1d87"},
		{"0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "", "",
			"19ef24a32c717b167f33a91d6f648bdf96596776afdb6377ac434c1c293ccb04",
			"8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d"
			"9d201395faa4b61a96c8"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint8_t ikm[96], salt[96], info[96], prk[96], okm[96], got[96];
		const struct rk_span s = {salt, from_hex(cases[i].salt, salt)};
		const struct rk_span in = {ikm, from_hex(cases[i].ikm, ikm)};
		const struct rk_span about = {info, from_hex(cases[i].info, info)};
		size_t len = from_hex(cases[i].okm, okm);

		assert_int_equal(from_hex(cases[i].prk, prk), 32);
		kdf_extract(SUITE_SHA256, s, in, got);
		assert_memory_equal(got, prk, 32);
		assert_true(kdf_expand(SUITE_SHA256, (struct rk_span){prk, 32}, about, got, len));
		assert_memory_equal(got, okm, len);
	}
}

static void expand_ends_at_255_blocks(void **state)
{
	static uint8_t out[255 * 32 + 1];
	const struct rk_span prk = {out, 32}, none = {NULL, 0};

	(void)state;
	assert_true(kdf_expand(SUITE_SHA256, prk, none, out, 255 * 32));
	assert_false(kdf_expand(SUITE_SHA256, prk, none, out, sizeof(out)));
}

static void expect_hex(const uint8_t *got, const char *hex)
{
	uint8_t want[MSG_HASH_MAX];
	size_t len = from_hex(hex, want);

	assert_memory_equal(got, want, len);
}

/* Cases 2, 6 and 7 (a key longer than a block), in one part and in two. */
static void hmac_is_rfc_4231(void **state)
{
	static const char want[] = "what do ya want for nothing?";
	static const char larger[] = "This is a test using a larger than block-size key and a "
				     "larger than block-size data. The key needs to be hashed "
				     "before being used by the HMAC algorithm.";
	const struct rk_span parts[2] = {
		{(const uint8_t *)want, 10}, {(const uint8_t *)want + 10, sizeof(want) - 11}};
	const struct rk_span whole = {(const uint8_t *)larger, sizeof(larger) - 1};
	const struct rk_span jefe = {(const uint8_t *)"Jefe", 4};
	uint8_t aa[131], out[MSG_HASH_MAX];
	struct hash_key k;

	(void)state;
	memset(aa, 0xaa, sizeof(aa));
	hash_set_key(&k, SUITE_SHA256, jefe);
	hash_mac(&k, parts, 2, out);
	expect_hex(out, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
	hash_mac(&k, parts, 2, out); /* the key is not used up */
	expect_hex(out, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
	hash_set_key(&k, SUITE_SHA384, jefe);
	hash_mac(&k, parts, 2, out);
	expect_hex(out, "af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e"
			"8e2240ca5e69e2c78b3239ecfab21649");
	hash_set_key(&k, SUITE_SHA256, (struct rk_span){aa, sizeof(aa)});
	hash_mac(&k, &whole, 1, out);
	expect_hex(out, "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2");
	hash_set_key(&k, SUITE_SHA384, (struct rk_span){aa, sizeof(aa)});
	hash_mac(&k, &whole, 1, out);
	expect_hex(out, "6617178e941f020d351e2f254e8fd32c602420feb0b8fb9adccebb82461e99c5"
			"a678cc31e799176d3860e6110c46523e");
}

/* Every label gives its own bytes, and the context is in all of them. */
static void labels_are_apart(void **state)
{
	uint8_t a[32], b[32], c[32];
	const uint8_t prk[48] = {1}, context[2][32] = {{1}, {2}};
	const struct kdf_output two[] = {{"chain", a, 32}, {"exporter", b, 32}};
	const struct kdf_output one = {"chain", c, 32};

	(void)state;
	kdf_expand_labels(
		SUITE_SHA384, (struct rk_span){prk, 48}, (struct rk_span){context[0], 32}, two, 2);
	assert_memory_not_equal(a, b, 32);
	kdf_expand_labels(
		SUITE_SHA384, (struct rk_span){prk, 48}, (struct rk_span){context[0], 32}, &one, 1);
	assert_memory_equal(a, c, 32);
	kdf_expand_labels(
		SUITE_SHA384, (struct rk_span){prk, 48}, (struct rk_span){context[1], 32}, &one, 1);
	assert_memory_not_equal(a, c, 32);
}

static void sealed_opens_as_it_was_alone(void **state)
{
	const struct secret_aead key = {.key = {1}, .iv = {2}}, other = {.key = {3}, .iv = {2}};
	const struct rk_span aad = {(const uint8_t *)"head", 4},
			     plain = {(const uint8_t *)"text", 4};
	uint8_t out[32], again[32], back[32];

	(void)state;
	for (unsigned alg = 0; alg < SUITE_AEAD_CNT; alg++) {
		const struct rk_span sealed = {out, 4 + MSG_TAG_LEN};

		assert_true(aead_seal(aead, alg, &key, 9, aad, plain, out));
		assert_true(aead_seal(aead, alg, &key, 10, aad, plain, again));
		assert_memory_not_equal(out, again, 4 + MSG_TAG_LEN);
		assert_true(aead_open(aead, alg, &key, 9, aad, sealed, back));
		assert_memory_equal(back, "text", 4);
		assert_false(aead_open(aead, alg, &key, 10, aad, sealed, back));
		assert_memory_equal(back, "\0\0\0\0", 4);
		assert_false(aead_open(aead, alg, &other, 9, aad, sealed, back));
		assert_false(
			aead_open(aead, alg, &key, 9, (struct rk_span){aad.data, 3}, sealed, back));
		assert_false(aead_open(
			aead, alg, &key, 9, aad, (struct rk_span){out, MSG_TAG_LEN - 1}, back));
		for (unsigned i = 0; i < 4 + MSG_TAG_LEN; i++) {
			out[i] ^= 0x80;
			assert_false(aead_open(aead, alg, &key, 9, aad, sealed, back));
			out[i] ^= 0x80;
		}
	}
}

static int set_up(void **state)
{
	(void)state;
	return aead_new(&aead) < 0;
}

static int tear_down(void **state)
{
	(void)state;
	aead_free(aead);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hmac_is_rfc_4231),
		cmocka_unit_test(hkdf_is_rfc_5869),
		cmocka_unit_test(expand_ends_at_255_blocks),
		cmocka_unit_test(labels_are_apart),
		cmocka_unit_test(sealed_opens_as_it_was_alone),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
