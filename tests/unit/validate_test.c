/* SPDX-License-Identifier: BSD-3-Clause */
/* Validation of the leaf: the good one, and one test for each reason to refuse. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "pki/x509/cert.h"
#include "pki/x509/identity.h"
#include "pki/x509/validate.h"
#include "tests/unit/validate_fixture.h"

static void good_chain_fills_the_verdict(void **state)
{
	struct fixture *f = *state;
	uint8_t fingerprint[RK_FINGERPRINT_LEN];

	must(pki_validate(&f->args, f->pki.leaf, &f->report, &f->v) == 0);
	assert_int_equal(f->v.status, RK_VERDICT_GOOD);
	assert_int_equal(f->report.error_cnt, 0);
	assert_true(rk_verdict_is_sound(&f->v));
	assert_int_equal(f->v.chain_cnt, 2);
	assert_int_equal(f->v.trust_generation, 7);
	assert_int_equal(f->v.cn_cnt, 1);
	assert_memory_equal(f->v.cn, "west", f->v.cn_len);
	assert_int_equal(f->v.key.type, RK_KEY_P256);
	assert_int_equal(f->v.key.len, 65);
	must(pki_cert_fingerprint(f->pki.leaf, fingerprint) == 0);
	assert_memory_equal(f->v.fingerprint, fingerprint, sizeof(fingerprint));
	assert_memory_not_equal(&f->v.chain[0].cert, &f->v.chain[1].cert, 16);
	assert_memory_not_equal(&f->v.chain[0].issuer, &f->v.chain[1].issuer, 16);
	assert_true(f->v.not_before < time(NULL) && f->v.not_after > time(NULL));
}

static void dates_are_the_narrowest_of_the_chain(void **state)
{
	struct fixture *f = *state;
	const int64_t now = time(NULL);

	assert_int_equal(judge_leaf(f, (struct test_cert){.not_before = now - 10 * TEST_DAY,
					       .not_after = now + 4000 * TEST_DAY}),
		RK_VERDICT_GOOD);
	/* the CAs were made a day ago and end after 1825 days */
	assert_true(f->v.not_before >= now - 2 * TEST_DAY);
	assert_true(f->v.not_after <= now + 1826 * TEST_DAY);
	assert_true(f->v.chain[0].not_after >= now + 3999 * TEST_DAY);
}

static void keys_of_every_allowed_kind_are_exported(void **state)
{
	static const struct {
		enum test_key kind;
		enum rk_key_type type;
		unsigned len;
	} want[] = {
		{TEST_RSA_2048, RK_KEY_RSA, 256},
		{TEST_P384, RK_KEY_P384, 97},
		{TEST_P521, RK_KEY_P521, 133},
		{TEST_RSA_PSS_SHA256, RK_KEY_RSA_PSS, 256},
	};
	struct fixture *f = *state;
	size_t i;

	for (i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		assert_int_equal(
			judge_leaf(f, (struct test_cert){.key = test_key_shared(want[i].kind, 0)}),
			RK_VERDICT_GOOD);
		assert_int_equal(f->v.key.type, want[i].type);
		assert_int_equal(f->v.key.len, want[i].len);
		assert_true(rk_verdict_is_sound(&f->v));
	}
	assert_int_equal(f->v.key.pss_hash, 32);
	assert_int_equal(f->v.key.rsa_exponent, 65537);
}

static void ed25519_needs_the_setting(void **state)
{
	struct fixture *f = *state;
	const struct test_cert c = {.key = test_key_shared(TEST_ED25519, 0)};

	expect_refused(f, c, RK_VERDICT_NOT_ALLOWED, "ed25519-not-allowed");
	f->args.is_ed25519_allowed = true;
	assert_int_equal(judge_leaf(f, c), RK_VERDICT_GOOD);
	assert_int_equal(f->v.key.type, RK_KEY_ED25519);
	assert_int_equal(f->v.key.len, 32);
}

static void forbidden_keys_are_refused(void **state)
{
	static const struct {
		enum test_key kind;
		const char *code;
	} want[] = {
		{TEST_RSA_1024, "weak-key"},
		{TEST_SECP256K1, "curve-not-allowed"},
		{TEST_P256_EXPLICIT, "explicit-ec-parameters"},
		{TEST_DSA, "key-type-not-allowed"},
	};
	struct fixture *f = *state;
	size_t i;

	for (i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		pki_report_init(&f->report);
		expect_refused(f, (struct test_cert){.key = test_key_shared(want[i].kind, 0)},
			RK_VERDICT_NOT_ALLOWED, want[i].code);
	}
}

static void sha1_is_refused(void **state)
{
	expect_refused(*state, (struct test_cert){.md = EVP_sha1()}, RK_VERDICT_NOT_ALLOWED,
		"weak-signature-algorithm");
}

static void sha384_and_sha512_are_taken(void **state)
{
	assert_int_equal(
		judge_leaf(*state, (struct test_cert){.md = EVP_sha384()}), RK_VERDICT_GOOD);
	assert_int_equal(
		judge_leaf(*state, (struct test_cert){.md = EVP_sha512()}), RK_VERDICT_GOOD);
}

static void expired_is_refused(void **state)
{
	expect_refused(*state,
		(struct test_cert){.not_before = time(NULL) - 9 * TEST_DAY,
			.not_after = time(NULL) - TEST_DAY},
		RK_VERDICT_EXPIRED, "expired");
}

static void not_yet_valid_is_refused(void **state)
{
	expect_refused(*state, (struct test_cert){.not_before = time(NULL) + TEST_DAY},
		RK_VERDICT_NOT_YET_VALID, "not-yet-valid");
}

static void reversed_dates_are_refused(void **state)
{
	expect_refused(*state,
		(struct test_cert){
			.not_before = time(NULL) + TEST_DAY, .not_after = time(NULL) - TEST_DAY},
		RK_VERDICT_NOT_ALLOWED, "bad-validity");
}

static void self_signed_is_untrusted(void **state)
{
	struct fixture *f = *state;

	expect_refused(f, (struct test_cert){.issuer_key = f->pki.leaf_key}, RK_VERDICT_UNTRUSTED,
		"self-signed");
}

static void anchor_itself_is_refused(void **state)
{
	struct fixture *f = *state;

	must(pki_validate(&f->args, f->pki.root, &f->report, &f->v) == 0);
	assert_int_not_equal(f->v.status, RK_VERDICT_GOOD);
	assert_true(pki_report_has(&f->report, "self-signed"));
	assert_true(pki_report_has(&f->report, "ca-as-leaf"));
}

static void unknown_issuer_is_untrusted(void **state)
{
	struct fixture *f = *state;
	EVP_PKEY *key = test_key_shared(TEST_P256, 3);
	X509 *other =
		test_cert_new(&(struct test_cert){.cn = "other CA", .key = key, .is_ca = true});

	expect_refused(f, (struct test_cert){.issuer = other, .issuer_key = key},
		RK_VERDICT_UNTRUSTED, "untrusted");
	X509_free(other);
}

static void forged_signature_is_untrusted(void **state)
{
	struct fixture *f = *state;

	expect_refused(f,
		(struct test_cert){
			.issuer = f->pki.ca, .issuer_key = test_key_shared(TEST_P256, 3)},
		RK_VERDICT_UNTRUSTED, "bad-signature");
}

static void ca_as_leaf_is_refused(void **state)
{
	expect_refused(
		*state, (struct test_cert){.is_ca = true}, RK_VERDICT_NOT_ALLOWED, "ca-as-leaf");
}

static void key_usage_needs_digital_signature(void **state)
{
	struct fixture *f = *state;

	expect_refused(f, (struct test_cert){.key_usage = "critical,keyEncipherment"},
		RK_VERDICT_NOT_ALLOWED, "key-usage-without-digital-signature");
	assert_int_equal(judge_leaf(f, (struct test_cert){.key_usage = ""}), RK_VERDICT_GOOD);
	/* the vendor's own sample: not critical, with keyEncipherment */
	assert_int_equal(
		judge_leaf(f, (struct test_cert){.key_usage = "digitalSignature,keyEncipherment"}),
		RK_VERDICT_GOOD);
}

static void ca_key_usage_in_a_leaf_is_refused(void **state)
{
	expect_refused(*state,
		(struct test_cert){.key_usage = "critical,digitalSignature,keyCertSign"},
		RK_VERDICT_NOT_ALLOWED, "ca-key-usage-in-leaf");
}

static void name_constraints_in_a_leaf_are_refused(void **state)
{
	expect_refused(*state, (struct test_cert){.name_constraints = "critical,permitted;DNS:a"},
		RK_VERDICT_NOT_ALLOWED, "name-constraints-in-leaf");
}

static void unknown_critical_extension_is_refused(void **state)
{
	expect_refused(*state, (struct test_cert){.unknown_critical = "1.3.6.1.4.1.55555.1"},
		RK_VERDICT_NOT_ALLOWED, "unknown-critical-extension");
}

static void version_1_is_refused(void **state)
{
	expect_refused(
		*state, (struct test_cert){.version = 1}, RK_VERDICT_NOT_ALLOWED, "not-version-3");
}

static void serials_must_be_positive_and_short(void **state)
{
	static const char *const bad[] = {"00", "-01", "80112233445566778899aabbccddeeff00112233",
		"01112233445566778899aabbccddeeff0011223344"};
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct fixture *f = *state;

		pki_report_init(&f->report);
		expect_refused(f, (struct test_cert){.serial_hex = bad[i]}, RK_VERDICT_NOT_ALLOWED,
			"bad-serial");
	}
	assert_int_equal(judge_leaf(*state,
				 (struct test_cert){
					 .serial_hex = "7f112233445566778899aabbccddeeff00112233"}),
		RK_VERDICT_GOOD);
}

static void uris_that_do_not_fit_are_refused(void **state)
{
	struct fixture *f = *state;
	char long_uri[400] = "URI:urn:x:";

	expect_refused(f,
		(struct test_cert){.alt_name = "URI:urn:a:1,URI:urn:a:2,URI:urn:a:3,"
					       "URI:urn:a:4,URI:urn:a:5"},
		RK_VERDICT_NOT_ALLOWED, "too-many-uris");
	memset(long_uri + 10, 'a', 260);
	expect_refused(f, (struct test_cert){.alt_name = long_uri}, RK_VERDICT_NOT_ALLOWED,
		"uri-too-long");
}

static void identity_is_the_one_cn_then_the_uri(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(
		judge_leaf(f, (struct test_cert){.cn = "west",
				      .alt_name = "URI:urn:ssr:peering:west-router,DNS:x.example"}),
		RK_VERDICT_GOOD);
	assert_int_equal(pki_identity_match(&f->v, "west", 4), PKI_IDENTITY_COMMON_NAME);
	assert_int_equal(pki_identity_match(&f->v, "West", 4), PKI_IDENTITY_NONE);
	assert_int_equal(pki_identity_match(&f->v, "wes", 3), PKI_IDENTITY_NONE);
	assert_int_equal(pki_identity_match(&f->v, "", 0), PKI_IDENTITY_NONE);
	assert_int_equal(pki_identity_match(&f->v, "west-router", 11), PKI_IDENTITY_URI);
	assert_int_equal(pki_identity_match(&f->v, "west-route", 10), PKI_IDENTITY_NONE);
	assert_int_equal(pki_identity_match(&f->v, "x.example", 9), PKI_IDENTITY_NONE);
	assert_int_equal(judge_leaf(f, (struct test_cert){.cn = "west", .second_cn = "east"}),
		RK_VERDICT_GOOD);
	assert_int_equal(f->v.cn_cnt, 2);
	assert_int_equal(pki_identity_match(&f->v, "west", 4), PKI_IDENTITY_NONE);
	assert_int_equal(pki_identity_match(&f->v, "east", 4), PKI_IDENTITY_NONE);
	assert_int_equal(judge_leaf(f, (struct test_cert){.cn = "west",
					       .second_cn = "east",
					       .alt_name = "URI:urn:ssr:peering:west"}),
		RK_VERDICT_GOOD);
	assert_int_equal(pki_identity_match(&f->v, "west", 4), PKI_IDENTITY_NONE);
}

static void der_that_is_no_certificate_is_malformed(void **state)
{
	struct fixture *f = *state;
	size_t len;
	uint8_t *der = test_der(f->pki.leaf, &len);

	must(pki_validate_der(&f->args, der, len, &f->report, &f->v) == 0);
	assert_int_equal(f->v.status, RK_VERDICT_GOOD);
	must(pki_validate_der(&f->args, der, len - 1, &f->report, &f->v) == 0);
	assert_int_equal(f->v.status, RK_VERDICT_MALFORMED);
	assert_int_equal(f->v.trust_generation, 7);
	free(der);
}

#define T(f) cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(good_chain_fills_the_verdict),
		T(dates_are_the_narrowest_of_the_chain),
		T(keys_of_every_allowed_kind_are_exported),
		T(ed25519_needs_the_setting),
		T(forbidden_keys_are_refused),
		T(sha1_is_refused),
		T(sha384_and_sha512_are_taken),
		T(expired_is_refused),
		T(not_yet_valid_is_refused),
		T(reversed_dates_are_refused),
		T(self_signed_is_untrusted),
		T(anchor_itself_is_refused),
		T(unknown_issuer_is_untrusted),
		T(forged_signature_is_untrusted),
		T(ca_as_leaf_is_refused),
		T(key_usage_needs_digital_signature),
		T(ca_key_usage_in_a_leaf_is_refused),
		T(name_constraints_in_a_leaf_are_refused),
		T(unknown_critical_extension_is_refused),
		T(version_1_is_refused),
		T(serials_must_be_positive_and_short),
		T(uris_that_do_not_fit_are_refused),
		T(identity_is_the_one_cn_then_the_uri),
		T(der_that_is_no_certificate_is_malformed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
