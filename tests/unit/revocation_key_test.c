/* SPDX-License-Identifier: BSD-3-Clause */
/* Revocation keys: equal for names that are equal, different for all others. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>
#include <openssl/err.h>
#include <openssl/evp.h>

#include "pki/x509/der.h"
#include "pki/x509/pem.h"
#include "pki/x509/revocation_key.h"
#include "pki/x509/siphash.h"
#include "tests/unit/test_ca.h"

static int teardown(void **state)
{
	(void)state;
	return ERR_peek_error() == 0 ? 0 : -1;
}

static X509_NAME *name_of(const char *text, int type)
{
	X509_NAME *name = X509_NAME_new();

	must(X509_NAME_add_entry_by_txt(name, "CN", type, (const unsigned char *)text, -1, -1, 0) ==
		1);
	must(i2d_X509_NAME(name, NULL) > 0); /* fills the form that X509_NAME_cmp compares */
	return name;
}

/* Our equality is OpenSSL's. */
static void expect_same(const char *a, int type_a, const char *b, int type_b, bool is_same)
{
	X509_NAME *x = name_of(a, type_a), *y = name_of(b, type_b);
	uint8_t hx[PKI_ISSUER_HASH_LEN], hy[PKI_ISSUER_HASH_LEN];

	assert_int_equal(pki_issuer_hash(x, hx), 0);
	assert_int_equal(pki_issuer_hash(y, hy), 0);
	assert_int_equal(memcmp(hx, hy, sizeof(hx)) == 0, is_same);
	assert_int_equal(X509_NAME_cmp(x, y) == 0, is_same);
	X509_NAME_free(x);
	X509_NAME_free(y);
}

static void names_are_compared_as_rfc_5280_says(void **state)
{
	(void)state;
	expect_same("Test CA", V_ASN1_UTF8STRING, "Test CA", V_ASN1_PRINTABLESTRING, true);
	expect_same("Test CA", V_ASN1_UTF8STRING, "test  ca ", V_ASN1_PRINTABLESTRING, true);
	expect_same(" Test CA", V_ASN1_UTF8STRING, "TEST\tCA", V_ASN1_IA5STRING, true);
	expect_same("Test CA", V_ASN1_UTF8STRING, "TestCA", V_ASN1_UTF8STRING, false);
	expect_same("Test CA", V_ASN1_UTF8STRING, "Test CB", V_ASN1_UTF8STRING, false);
	expect_same("Ä", V_ASN1_UTF8STRING, "ä", V_ASN1_UTF8STRING, false);
	expect_same("a", V_ASN1_UTF8STRING, "a\xc3\x84", V_ASN1_UTF8STRING, false);
}

static void order_and_grouping_matter_as_in_der(void **state)
{
	X509_NAME *name[4];
	uint8_t hash[4][PKI_ISSUER_HASH_LEN];
	const unsigned char *a = (const unsigned char *)"a", *b = (const unsigned char *)"b";
	int i;

	(void)state;
	for (i = 0; i < 4; i++)
		name[i] = X509_NAME_new();
	/* O=a, OU=b · OU=b, O=a · one RDN of both, in either order of insertion */
	X509_NAME_add_entry_by_txt(name[0], "O", V_ASN1_UTF8STRING, a, 1, -1, 0);
	X509_NAME_add_entry_by_txt(name[0], "OU", V_ASN1_UTF8STRING, b, 1, -1, 0);
	X509_NAME_add_entry_by_txt(name[1], "OU", V_ASN1_UTF8STRING, b, 1, -1, 0);
	X509_NAME_add_entry_by_txt(name[1], "O", V_ASN1_UTF8STRING, a, 1, -1, 0);
	X509_NAME_add_entry_by_txt(name[2], "O", V_ASN1_UTF8STRING, a, 1, -1, 0);
	X509_NAME_add_entry_by_txt(name[2], "OU", V_ASN1_UTF8STRING, b, 1, -1, -1);
	X509_NAME_add_entry_by_txt(name[3], "OU", V_ASN1_UTF8STRING, b, 1, -1, 0);
	X509_NAME_add_entry_by_txt(name[3], "O", V_ASN1_UTF8STRING, a, 1, -1, -1);
	for (i = 0; i < 4; i++)
		assert_int_equal(pki_issuer_hash(name[i], hash[i]), 0);
	assert_memory_not_equal(hash[0], hash[1], sizeof(hash[0]));
	assert_memory_not_equal(hash[0], hash[2], sizeof(hash[0]));
	assert_memory_equal(hash[2], hash[3], sizeof(hash[0]));
	for (i = 0; i < 4; i++)
		X509_NAME_free(name[i]);
}

static void keys_depend_on_everything(void **state)
{
	static const uint8_t secret[2][PKI_INSTALLATION_KEY_LEN] = {
		"0123456789abcde", "1123456789abcde"};
	static const uint8_t issuer[2][PKI_ISSUER_HASH_LEN] = {{1}, {2}};
	static const uint8_t serial[] = {1, 2};
	struct pki_revocation_keyer *k = NULL, *other = NULL;
	struct rk_revocation_key key[6], again;
	int i, j;

	(void)state;
	assert_int_equal(pki_revocation_keyer_new(secret[0], &k), 0);
	assert_int_equal(pki_revocation_keyer_new(secret[1], &other), 0);
	pki_revocation_key(k, issuer[0], serial, 1, &key[0]);
	pki_revocation_key(k, issuer[0], serial, 2, &key[1]);
	pki_revocation_key(k, issuer[0], serial + 1, 1, &key[2]);
	pki_revocation_key(k, issuer[1], serial, 1, &key[3]);
	pki_revocation_key(k, issuer[0], NULL, 0, &key[4]);
	pki_revocation_key(other, issuer[0], serial, 1, &key[5]);
	for (i = 0; i < 6; i++) {
		for (j = 0; j < i; j++)
			assert_memory_not_equal(&key[i], &key[j], sizeof(key[0]));
	}
	pki_revocation_key(k, issuer[0], serial, 1, &again);
	assert_memory_equal(&again, &key[0], sizeof(again));
	pki_revocation_keyer_free(k);
	pki_revocation_keyer_free(other);
}

/* Many at once, of one length and of several, beside one by one. */
static void keys_of_many_are_those_of_each(void **state)
{
	enum { CNT = 203 };
	static const uint8_t secret[PKI_INSTALLATION_KEY_LEN] = {7};
	static const uint8_t issuer[2][PKI_ISSUER_HASH_LEN] = {{1}, {2}};
	struct pki_revocation_keyer *k = NULL;
	uint8_t bytes[CNT + 40];
	struct rk_span serial[CNT];
	struct rk_revocation_entry entry[CNT], want;
	struct rk_revocation_key each;
	uint8_t reason[CNT];

	(void)state;
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i * 151 + i / 7);
	for (size_t i = 0; i < CNT; i++)
		reason[i] = i % 11 == 7 ? RK_REASON_HOLD : (uint8_t)(i % 11);
	assert_int_equal(pki_revocation_keyer_new(secret, &k), 0);
	for (size_t len = 0; len <= 40; len++) { /* 0: of all lengths, in runs */
		for (size_t i = 0; i < CNT; i++)
			serial[i] = (struct rk_span){bytes + i, len > 0 ? len : 1 + i / 12};
		pki_revocation_entries(k, issuer[len % 2], serial, reason, CNT - len, entry);
		for (size_t i = 0; i < CNT - len; i++) {
			pki_revocation_key(
				k, issuer[len % 2], serial[i].data, serial[i].len, &each);
			want = rk_revocation_entry(&each, reason[i]);
			assert_memory_equal(&entry[i], &want, sizeof(want));
		}
	}
	pki_revocation_keyer_free(k);
}

/* The published test vector of SipHash-2-4-128 for 63 octets 00 01 ..., key 00 ... 0f. */
static void the_algorithm_is_siphash_2_4_128(void **state)
{
	static const uint8_t want[16] = {0x51, 0x50, 0xd1, 0x77, 0x2f, 0x50, 0x83, 0x4a, 0x50, 0x3e,
		0x06, 0x9a, 0x97, 0x3f, 0xbd, 0x7c};
	uint8_t secret[16], in[63];
	struct pki_revocation_keyer *k = NULL;
	struct rk_revocation_key key;
	uint8_t i;

	(void)state;
	for (i = 0; i < 63; i++)
		in[i] = i;
	memcpy(secret, in, 16);
	assert_int_equal(pki_revocation_keyer_new(secret, &k), 0);
	pki_revocation_key(k, in, in + 32, 31, &key);
	assert_memory_equal(key.bytes, want, 16);
	pki_revocation_keyer_free(k);
}

/* Beside OpenSSL's, for messages of every length and a thousand keys. */
static void siphash_agrees_with_openssl(void **state)
{
	EVP_MAC *mac = EVP_MAC_fetch(NULL, "SIPHASH", NULL);
	EVP_MAC_CTX *ctx = EVP_MAC_CTX_new(mac);
	uint8_t key[PKI_SIPHASH_KEY_LEN], in[96], got[PKI_SIPHASH_LEN], want[PKI_SIPHASH_LEN];
	uint32_t x = 1;

	(void)state;
	must(ctx != NULL);
	for (size_t round = 0; round < 1000; round++) {
		size_t len = round % sizeof(in), head = len / 2 / 8 * 8, out_len;
		struct pki_siphash s;

		for (size_t i = 0; i < sizeof(key) + sizeof(in); i++) {
			x = x * 1664525 + 1013904223;
			*(i < sizeof(key) ? &key[i] : &in[i - sizeof(key)]) = (uint8_t)(x >> 24);
		}
		must(EVP_MAC_init(ctx, key, sizeof(key), NULL) == 1 &&
			EVP_MAC_update(ctx, in, len) == 1 &&
			EVP_MAC_final(ctx, want, &out_len, sizeof(want)) == 1 &&
			out_len == sizeof(want));
		pki_siphash_init(&s, key);
		pki_siphash_blocks(&s, in, head);
		pki_siphash_final(&s, in + head, len - head, got);
		assert_memory_equal(got, want, sizeof(got));
	}
	EVP_MAC_CTX_free(ctx);
	EVP_MAC_free(mac);
}

static void serials_are_der_content(void **state)
{
	static const struct {
		const char *hex;
		int len;
		uint8_t first;
	} want[] = {{"01", 1, 1}, {"7f", 1, 0x7f}, {"80", 2, 0}, {"0100", 2, 1},
		{"7f112233445566778899aabbccddeeff00112233", 20, 0x7f},
		{"80112233445566778899aabbccddeeff00112233", -EINVAL, 0}, {"0", -EINVAL, 0},
		{"-1", -EINVAL, 0}};
	uint8_t out[PKI_SERIAL_MAX];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		BIGNUM *n = NULL;
		ASN1_INTEGER *serial;

		must(BN_hex2bn(&n, want[i].hex) > 0);
		serial = BN_to_ASN1_INTEGER(n, NULL);
		assert_int_equal(pki_serial_bytes(serial, out), want[i].len);
		if (want[i].len > 0)
			assert_int_equal(out[0], want[i].first);
		ASN1_INTEGER_free(serial);
		BN_free(n);
	}
}

static void only_der_is_der(void **state)
{
	static const struct {
		const char *hex;
		bool is_strict;
	} want[] = {{"3000", true}, {"0500", true}, {"020101", true}, {"30800000", false},
		{"3081020500", false}, {"300205", false}, {"30020500ff", false}, {"", false},
		{"0202007f", false}, {"02020080", true}, {"0202ff80", false}, {"0200", false},
		{"010101", false}, {"0101ff", true}, {"0603800101", false}, {"06022a80", false},
		{"06022a03", true}, {"030107", false}, {"03020701", false}, {"03020780", true},
		{"3106020101020102", true}, {"3106020102020101", false}, {"1f8100", false},
		{"2403040100", false}, {"100100", false}, {"0000", false}};
	uint8_t der[64];
	size_t i, j;

	(void)state;
	for (i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		size_t len = strlen(want[i].hex) / 2;

		for (j = 0; j < len; j++)
			must(sscanf(want[i].hex + 2 * j, "%2hhx", &der[j]) == 1);
		if (pki_der_is_strict(der, len) != want[i].is_strict)
			print_message("%s\n", want[i].hex);
		assert_int_equal(pki_der_is_strict(der, len), want[i].is_strict);
	}
	for (i = 0; i < sizeof(der); i += 2) { /* nested beyond the limit */
		der[i] = 0x30;
		der[i + 1] = (uint8_t)(sizeof(der) - i - 2);
	}
	assert_false(pki_der_is_strict(der, sizeof(der)));
	assert_true(pki_der_is_strict(der + 40, sizeof(der) - 40));
}

static void times_are_those_of_rfc_5280(void **state)
{
	static const struct {
		uint8_t tag;
		const char *text;
		int64_t want;
	} times[] = {{0x17, "700101000000Z", 0}, {0x17, "491231235959Z", 2524607999},
		{0x17, "500101000000Z", -631152000}, {0x18, "20500101000000Z", 2524608000},
		{0x17, "240229120000Z", 1709208000}, {0x17, "230229120000Z", -1},
		{0x17, "2402291200Z", -1}, {0x17, "240229120000+", -1}, {0x17, "240229240000Z", -1},
		{0x17, "241301000000Z", -1}, {0x17, "240100000000Z", -1},
		{0x17, "24a101000000Z", -1}, {0x18, "20491231235959Z", -1},
		{0x18, "20500101000000.5Z", -1}, {0x18, "2050010100000Z", -1},
		{0x04, "700101000000Z", -1}};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		const struct pki_der e = {.tag = times[i].tag,
			.content = {(const uint8_t *)times[i].text, strlen(times[i].text)}};
		int64_t got = -2;

		if (!pki_der_time(&e, &got))
			got = -1;
		assert_int_equal(got, times[i].want);
	}
}

/* Every day of four centuries and the edges, against the C library. */
static void days_agree_with_the_library(void **state)
{
	struct pki_der e = {.tag = PKI_DER_GENERALIZED_TIME};
	char text[32];
	int day;

	(void)state;
	for (day = -719528; day<2932896; day += day> - 150000 && day < 150000 ? 1 : 997) {
		time_t t = (time_t)day * 86400 + 3661;
		struct tm tm;
		int64_t got = 0;

		must(gmtime_r(&t, &tm) != NULL);
		snprintf(text, sizeof(text), "%04d%02d%02d%02d%02d%02dZ", tm.tm_year + 1900,
			tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
		e.content = (struct rk_span){(const uint8_t *)text, 15};
		assert_true(pki_der_generalized_time(&e, &got));
		assert_int_equal(got, t);
	}
}

/* Every day that a UTCTime has, beside GeneralizedTime's; and every octet of one spoiled. */
static void utc_times_are_the_same_times(void **state)
{
	struct pki_der general = {.tag = PKI_DER_GENERALIZED_TIME};
	char text[32];
	int64_t got, want;

	(void)state;
	for (int year = 1950; year < 2050; year++) {
		for (int n = 0; n < 14 * 33; n++) {
			bool is_date;

			snprintf(text, sizeof(text), "%04d%02d%02d%02d%02d%02dZ", year, n / 33,
				n % 33, n * 7 % 25, n * 11 % 61, n * 13 % 61);
			general.content = (struct rk_span){(const uint8_t *)text, 15};
			is_date = pki_der_generalized_time(&general, &want);
			assert_int_equal(
				pki_der_utc_time((const uint8_t *)text + 2, &got), is_date);
			assert_true(!is_date || got == want);
		}
	}
	for (int at = 0; at < 13; at++) {
		for (int c = 0; c < 256; c++) {
			strcpy(text, "240229111111Z");
			text[at] = (char)c;
			if (at == 12 ? c != 'Z' : c < '0' || c > '9')
				assert_false(pki_der_utc_time((const uint8_t *)text, &got));
		}
	}
}

static void base64_has_one_form(void **state)
{
	static const struct {
		const char *text;
		int len;
	} want[] = {{"", 0}, {"QQ==", 1}, {"QUI=", 2}, {"QUJD", 3}, {"Q U\r\nJ D", 3},
		{"QUJDRA==", 4}, {"QQ", -EBADMSG}, {"QQ=", -EBADMSG}, {"QR==", -EBADMSG},
		{"QUJ=", -EBADMSG}, {"Q===", -EBADMSG}, {"====", -EBADMSG}, {"QQ==QQ==", -EBADMSG},
		{"Q-JD", -EBADMSG}, {"QUJDQUJDQUJD", -EFBIG}};
	uint8_t out[8];
	size_t len, i;

	(void)state;
	for (i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		int ret = pki_base64_decode(
			want[i].text, strlen(want[i].text), out, sizeof(out), &len);

		assert_int_equal(ret == 0 ? (int)len : ret, want[i].len);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(names_are_compared_as_rfc_5280_says, teardown),
		cmocka_unit_test_teardown(order_and_grouping_matter_as_in_der, teardown),
		cmocka_unit_test_teardown(keys_depend_on_everything, teardown),
		cmocka_unit_test_teardown(keys_of_many_are_those_of_each, teardown),
		cmocka_unit_test_teardown(the_algorithm_is_siphash_2_4_128, teardown),
		cmocka_unit_test_teardown(siphash_agrees_with_openssl, teardown),
		cmocka_unit_test_teardown(serials_are_der_content, teardown),
		cmocka_unit_test_teardown(only_der_is_der, teardown),
		cmocka_unit_test_teardown(times_are_those_of_rfc_5280, teardown),
		cmocka_unit_test_teardown(days_agree_with_the_library, teardown),
		cmocka_unit_test_teardown(utc_times_are_the_same_times, teardown),
		cmocka_unit_test_teardown(base64_has_one_form, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
