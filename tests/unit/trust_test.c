/* SPDX-License-Identifier: BSD-3-Clause */
/* Bundles of CA certificates: what is taken, under which mode, and what is said about the rest. */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>
#include <openssl/err.h>

#include "pki/x509/trust.h"
#include "pki/x509/validate.h"
#include "tests/unit/test_ca.h"

static struct test_pki pki;
static struct pki_report report;

static int setup(void **state)
{
	(void)state;
	test_pki_init(&pki, "west");
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	test_pki_fini(&pki);
	return ERR_peek_error() == 0 ? 0 : -1;
}

static int make(const char *text, enum pki_validation_mode mode, struct pki_trust **out)
{
	const struct pki_bundle b = {"root-of-trust", text, strlen(text), mode};
	const struct pki_trust_config config = {&b, 1, 42, time(NULL), false};

	pki_report_init(&report);
	*out = NULL;
	return pki_trust_new(&config, &report, out);
}

/* PEM of several certificates; NULL ends. */
static char *bundle_of(X509 *const *certs)
{
	char *all = calloc(1, 65536);

	must(all != NULL);
	for (; *certs != NULL; certs++) {
		char *pem = test_pem(*certs);

		strcat(all, pem);
		free(pem);
	}
	return all;
}

static void expect_counts(
	const char *text, enum pki_validation_mode mode, size_t ca_cnt, size_t warning_cnt)
{
	struct pki_trust *t;

	assert_int_equal(make(text, mode, &t), 0);
	assert_int_equal(pki_trust_ca_cnt(t), ca_cnt);
	assert_int_equal(report.warning_cnt, warning_cnt);
	assert_int_equal(report.error_cnt, 0);
	pki_trust_put(t);
}

/* STRICT refuses for this reason; WARN keeps kept_cnt and says the same as a warning. */
static void expect_finding(const char *text, const char *code, size_t kept_cnt)
{
	struct pki_trust *t;

	assert_int_equal(make(text, PKI_MODE_STRICT, &t), -EINVAL);
	assert_null(t);
	if (!pki_report_has(&report, code))
		print_message("found %s\n", pki_report_first(&report)->code);
	assert_true(pki_report_has(&report, code));
	assert_true(report.error_cnt > 0);
	assert_int_equal(make(text, PKI_MODE_WARN, &t), 0);
	assert_true(pki_report_has(&report, code));
	assert_int_equal(report.error_cnt, 0);
	assert_int_equal(pki_trust_ca_cnt(t), kept_cnt);
	pki_trust_put(t);
}

static void order_text_and_line_breaks_do_not_matter(void **state)
{
	char *forward = bundle_of((X509 *[]){pki.ca, pki.root, NULL});
	char *backward = bundle_of((X509 *[]){pki.root, pki.ca, NULL});
	char *ca = test_pem_one_line(pki.ca), *root = test_pem_one_line(pki.root);
	char *text = calloc(1, 65536);
	struct pki_trust *t;
	size_t at = 0;

	(void)state;
	must(text != NULL);
	expect_counts(forward, PKI_MODE_STRICT, 2, 0);
	expect_counts(backward, PKI_MODE_STRICT, 2, 0);
	sprintf(text, "%s%s", ca, root);
	expect_counts(text, PKI_MODE_STRICT, 2, 0);
	sprintf(text, "Issuing CA\r\n%s\r\n# and its root\r\n%s\r\n\r\n", ca, root);
	expect_counts(text, PKI_MODE_STRICT, 2, 0);
	assert_int_equal(make(text, PKI_MODE_STRICT, &t), 0);
	assert_int_equal(pki_trust_generation(t), 42);
	assert_false(pki_trust_ca(t, 0)->is_anchor);
	assert_true(pki_trust_ca(t, 1)->is_anchor);
	assert_string_equal(pki_trust_ca(t, 1)->bundle, "root-of-trust");
	assert_non_null(pki_trust_find_ca(t, X509_get_subject_name(pki.ca), &at));
	assert_null(pki_trust_find_ca(t, X509_get_subject_name(pki.ca), &at));
	pki_trust_put(t);
	free(forward);
	free(backward);
	free(ca);
	free(root);
	free(text);
}

static void duplicates_are_merged(void **state)
{
	char *text = bundle_of((X509 *[]){pki.ca, pki.root, pki.ca, pki.root, NULL});

	(void)state;
	expect_counts(text, PKI_MODE_STRICT, 2, 2);
	assert_true(pki_report_has(&report, "duplicate-certificate"));
	free(text);
}

static void problems_refuse_or_warn(void **state)
{
	EVP_PKEY *key = test_key_shared(TEST_P256, 3);
	const int64_t now = time(NULL);
	const struct {
		struct test_cert cert;
		const char *code;
		size_t kept_cnt; /* beside the test's two */
	} want[] = {
		{{.key = key}, "not-a-ca", 0},
		{{.key = key,
			 .is_ca = true,
			 .not_before = now - 9 * TEST_DAY,
			 .not_after = now - TEST_DAY},
			"expired", 1},
		{{.key = key, .is_ca = true, .not_before = now + TEST_DAY}, "not-yet-valid", 1},
		{{.key = key, .is_ca = true, .md = EVP_sha1()}, "weak-signature-algorithm", 0},
		{{.key = test_key_shared(TEST_RSA_1024, 0), .is_ca = true}, "weak-key", 0},
		{{.key = test_key_shared(TEST_P256_EXPLICIT, 0), .is_ca = true},
			"explicit-ec-parameters", 0},
		{{.key = test_key_shared(TEST_ED25519, 0), .is_ca = true}, "ed25519-not-allowed",
			0},
		{{.key = key, .is_ca = true, .is_basic_constraints_plain = true},
			"basic-constraints-not-critical", 0},
		{{.key = key, .is_ca = true, .is_basic_constraints_absent = true}, "not-a-ca", 0},
		{{.key = key, .is_ca = true, .key_usage = "critical,cRLSign"},
			"key-usage-without-certificate-signing", 0},
		{{.key = key, .is_ca = true, .issuer_key = pki.root_key}, "bad-self-signature", 0},
		{{.key = key, .is_ca = true, .version = 1}, "not-version-3", 0},
		{{.key = key, .is_ca = true, .serial_hex = "-5"}, "bad-serial", 0},
		{{.key = key, .is_ca = true, .issuer_cn = "nobody"}, "no-authority-key-identifier",
			0},
		{{.key = key,
			 .is_ca = true,
			 .issuer_cn = "nobody",
			 .issuer = pki.root,
			 .issuer_key = pki.root_key},
			"chain-incomplete", 1},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		X509 *cert = test_cert_new(&want[i].cert);
		char *text = bundle_of((X509 *[]){pki.ca, cert, pki.root, NULL});

		ERR_clear_error();
		expect_finding(text, want[i].code, 2 + want[i].kept_cnt);
		free(text);
		X509_free(cert);
	}
}

static void incomplete_chains_are_told(void **state)
{
	char *ca = test_pem(pki.ca),
	     *leaf = bundle_of((X509 *[]){pki.leaf, pki.ca, pki.root, NULL});

	(void)state;
	expect_finding(ca, "chain-incomplete", 1);
	expect_finding(leaf, "not-a-ca", 2); /* the seed's own sample looks like this */
	free(ca);
	free(leaf);
}

static void damaged_blocks_refuse_or_warn(void **state)
{
	char *text = bundle_of((X509 *[]){pki.root, pki.ca, NULL});
	char *kept = strdup(text);

	(void)state;
	must(kept != NULL);
	strstr(strstr(text, "END CERT"), "MII")[8] = '*';
	expect_finding(text, "certificate-pem-damaged", 1);
	strcpy(text, kept);
	memcpy(strstr(strstr(text, "END CERT"), "MII"), "MIA", 3);
	expect_finding(text, "certificate-not-der", 1);
	strcpy(text, kept);
	*strrchr(text, 'E') = 'F'; /* the last END */
	expect_finding(text, "certificate-pem-damaged", 1);
	free(text);
	free(kept);
}

static void keys_and_emptiness_are_refused_in_every_mode(void **state)
{
	char *key = test_key_pem(pki.root_key);
	char *text = calloc(1, 65536);
	struct pki_trust *t;
	int mode;

	(void)state;
	must(text != NULL);
	sprintf(text, "%s%s", pki.bundle, key);
	for (mode = PKI_MODE_STRICT; mode <= PKI_MODE_WARN; mode++) {
		assert_int_equal(make(text, (enum pki_validation_mode)mode, &t), -EINVAL);
		assert_true(pki_report_has(&report, "private-key-in-submission"));
		assert_int_equal(make("hello", (enum pki_validation_mode)mode, &t), -EINVAL);
		assert_true(pki_report_has(&report, "bundle-empty"));
	}
	free(key);
	free(text);
}

static void one_bad_bundle_refuses_the_set(void **state)
{
	struct pki_bundle bundles[] = {
		{"good", pki.bundle, strlen(pki.bundle), PKI_MODE_STRICT},
		{"bad", "nothing", 7, PKI_MODE_WARN},
	};
	struct pki_trust_config config = {bundles, 2, 1, time(NULL), false};
	struct pki_trust *t = NULL;

	(void)state;
	pki_report_init(&report);
	assert_int_equal(pki_trust_new(&config, &report, &t), -EINVAL);
	assert_string_equal(pki_report_first(&report)->subject, "bad");
	config.bundle_cnt = 0;
	assert_int_equal(pki_trust_new(&config, &report, &t), 0);
	assert_int_equal(pki_trust_ca_cnt(t), 0);
	pki_trust_put(t);
}

/* A chain may be spread over bundles. */
static void bundles_complete_each_other(void **state)
{
	char *ca = test_pem(pki.ca), *root = test_pem(pki.root);
	const struct pki_bundle bundles[] = {{"lower", ca, strlen(ca), PKI_MODE_STRICT},
		{"upper", root, strlen(root), PKI_MODE_STRICT}};
	const struct pki_trust_config config = {bundles, 2, 1, time(NULL), false};
	struct pki_trust *t = NULL;

	(void)state;
	pki_report_init(&report);
	assert_int_equal(pki_trust_new(&config, &report, &t), 0);
	assert_int_equal(report.cnt, 0);
	pki_trust_put(t);
	free(ca);
	free(root);
}

static void *validate_many(void *arg)
{
	static const uint8_t key[PKI_INSTALLATION_KEY_LEN];
	struct pki_trust *t = arg;
	const struct pki_validate_args args = {
		.trust = t, .installation_key = key, .now = time(NULL)};
	X509 *leaf = X509_dup(pki.leaf);
	uintptr_t good = 0;
	struct rk_verdict v;
	int i;

	for (i = 0; i < 50; i++) {
		if (pki_validate(&args, leaf, NULL, &v) == 0 && v.status == RK_VERDICT_GOOD)
			good++;
	}
	X509_free(leaf);
	pki_trust_put(t);
	return (void *)good;
}

static void one_trust_serves_many_threads(void **state)
{
	struct pki_trust *t;
	pthread_t thread[4];
	void *good;
	int i;

	(void)state;
	assert_int_equal(make(pki.bundle, PKI_MODE_STRICT, &t), 0);
	for (i = 0; i < 4; i++)
		must(pthread_create(&thread[i], NULL, validate_many, pki_trust_get(t)) == 0);
	pki_trust_put(t);
	for (i = 0; i < 4; i++) {
		must(pthread_join(thread[i], &good) == 0);
		assert_int_equal((uintptr_t)good, 50);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(order_text_and_line_breaks_do_not_matter),
		cmocka_unit_test(duplicates_are_merged),
		cmocka_unit_test(problems_refuse_or_warn),
		cmocka_unit_test(incomplete_chains_are_told),
		cmocka_unit_test(damaged_blocks_refuse_or_warn),
		cmocka_unit_test(keys_and_emptiness_are_refused_in_every_mode),
		cmocka_unit_test(one_bad_bundle_refuses_the_set),
		cmocka_unit_test(bundles_complete_each_other),
		cmocka_unit_test(one_trust_serves_many_threads),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
