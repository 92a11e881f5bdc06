/* SPDX-License-Identifier: BSD-3-Clause */
/* Who signed a list, over which octets, and when. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "tests/unit/crl_octets.h"

/* Whatever bit changes, the list is refused, or its signature no longer verifies. */
static void every_flipped_bit_is_noticed(void **state)
{
	static const struct test_crl_entry entries[] = {{"05", NULL, 1}};
	struct fixture *f = *state;
	struct pki_crl *crl;
	size_t len, i;
	uint8_t *der = crl_make(f, (struct test_crl){.entry = entries, .entry_cnt = 1}, &len);

	for (i = 0; i < len; i++) {
		der[i] ^= (uint8_t)(1u << i % 8);
		if (crl_parse(f, der, len, &crl) == 0)
			assert_int_equal(crl_verify(f, crl, NULL), -EACCES);
		pki_crl_free(crl);
		der[i] ^= (uint8_t)(1u << i % 8);
	}
	free(der);
}

/* cnt serials of len octets, and one of last_len. NULL: refused. */
static struct pki_crl *parse_long(
	struct fixture *f, unsigned cnt, unsigned len, unsigned last_len, size_t spoiled)
{
	struct test_crl_entry entry[64];
	char serial[64][48];
	struct pki_crl *crl;
	uint8_t *der;
	size_t der_len;

	for (unsigned i = 0; i <= cnt; i++) {
		snprintf(serial[i], sizeof(serial[i]), "%02x%038d", i + 1, 0);
		serial[i][2 * (i < cnt ? len : last_len)] = '\0';
		entry[i] = (struct test_crl_entry){serial[i], NULL, 0};
	}
	der = crl_make(f, (struct test_crl){.entry = entry, .entry_cnt = cnt + 1}, &der_len);
	if (spoiled > 0)
		der[spoiled] ^= 1;
	(void)crl_parse(f, der, der_len, &crl);
	free(der);
	return crl;
}

/* It is hashed in steps of a kibibyte: all lengths around one, and a bit in each of several. */
static void lists_of_every_length_verify(void **state)
{
	struct fixture *f = *state;
	struct pki_crl *crl;

	for (unsigned cnt = 30; cnt < 50; cnt++) {
		for (unsigned last_len = 1; last_len <= 20; last_len++) {
			crl = parse_long(f, cnt, 1, last_len, 0);
			assert_non_null(crl);
			assert_int_equal(crl_verify(f, crl, NULL), 0);
			pki_crl_free(crl);
		}
	}
	for (size_t at = 0; at < 2500; at += 11) {
		crl = parse_long(f, 60, 20, 20, at);
		if (crl != NULL)
			assert_int_equal(crl_verify(f, crl, NULL), at == 0 ? 0 : -EACCES);
		pki_crl_free(crl);
	}
}

static void expect_unverified(struct fixture *f, struct test_crl c, const char *code)
{
	struct pki_crl *crl = crl_parse_good(f, c);

	assert_int_equal(crl_verify(f, crl, NULL), -EACCES);
	if (!pki_report_has(&f->report, code))
		print_message("found %s\n", pki_report_first(&f->report)->code);
	assert_true(pki_report_has(&f->report, code));
	pki_crl_free(crl);
}

static void signer_must_be_trusted_and_right(void **state)
{
	struct fixture *f = *state;
	EVP_PKEY *other_key = test_key_shared(TEST_P256, 3);
	X509 *other = test_cert_new(
		&(struct test_cert){.cn = "other CA", .key = other_key, .is_ca = true});
	X509 *impostor = test_cert_new(
		&(struct test_cert){.cn = "test issuing CA", .key = other_key, .is_ca = true});

	expect_unverified(f, (struct test_crl){.issuer = other, .issuer_key = other_key},
		"crl-issuer-unknown");
	expect_unverified(f, (struct test_crl){.issuer = impostor, .issuer_key = other_key},
		"crl-key-identifier-differs");
	expect_unverified(f, (struct test_crl){.issuer = f->pki.ca, .issuer_key = other_key},
		"crl-bad-signature");
	X509_free(other);
	X509_free(impostor);
}

static void signer_needs_crl_sign_and_dates(void **state)
{
	struct fixture *f = *state;
	EVP_PKEY *key = test_key_shared(TEST_P256, 3);
	X509 *mute = test_cert_new(&(struct test_cert){
		.cn = "mute CA", .key = key, .is_ca = true, .key_usage = "critical,keyCertSign"});
	X509 *old = test_cert_new(&(struct test_cert){.cn = "old CA",
		.key = key,
		.is_ca = true,
		.not_before = time(NULL) - 9 * TEST_DAY,
		.not_after = time(NULL) - TEST_DAY});
	char *a = test_pem(mute), *b = test_pem(old);
	char *bundle = malloc(strlen(a) + strlen(b) + 1);

	must(bundle != NULL);
	strcpy(bundle, a);
	strcat(bundle, b);
	pki_trust_put(f->trust);
	f->trust = f->args.trust = fixture_trust(bundle, PKI_MODE_WARN);
	expect_unverified(f, (struct test_crl){.issuer = mute, .issuer_key = key},
		"crl-signer-without-crl-sign");
	expect_unverified(
		f, (struct test_crl){.issuer = old, .issuer_key = key}, "crl-signer-not-valid");
	X509_free(mute);
	X509_free(old);
	free(a);
	free(b);
	free(bundle);
}

/* What is known of revocations to whom a signer's path is shown. */
struct known {
	X509 *revoked;                        /* or NULL */
	enum pki_revocation_answer of_others; /* what is said of all but that */
	unsigned asked_cnt;
};

static enum pki_revocation_answer find_known(
	void *ctx, const struct pki_revocation_query *query, struct pki_revoked *out)
{
	struct known *k = ctx;
	X509 *cert = sk_X509_value(query->chain, query->depth);

	k->asked_cnt++;
	assert_int_equal(X509_NAME_cmp(query->issuer, X509_get_issuer_name(cert)), 0);
	assert_int_equal(ASN1_INTEGER_cmp(query->serial, X509_get0_serialNumber(cert)), 0);
	out->reason = RK_REASON_KEY_COMPROMISE;
	return k->revoked != NULL && X509_cmp(cert, k->revoked) == 0 ? PKI_REVOCATION_REVOKED
								     : k->of_others;
}

static void expect_signer(struct fixture *f, const struct pki_crl *crl, struct known known,
	const X509 *wanted, unsigned asked_cnt)
{
	const struct pki_crl_verify_args args = {
		.trust = f->trust, .now = time(NULL), .find = find_known, .find_ctx = &known};
	const struct pki_ca *signer = NULL;
	int ret;

	pki_report_init(&f->report);
	ret = pki_crl_verify(crl, &args, &f->report, &signer);
	assert_int_equal(ret, wanted != NULL ? 0 : -EACCES);
	if (wanted != NULL)
		assert_int_equal(X509_cmp(signer->cert, wanted), 0);
	else
		assert_string_equal(pki_report_first(&f->report)->code, "crl-signer-revoked");
	assert_int_equal(known.asked_cnt, asked_cnt);
}

static char *join(char *a, char *b)
{
	char *both = malloc(strlen(a) + strlen(b) + 1);

	must(both != NULL);
	strcpy(both, a);
	strcat(both, b);
	free(a);
	free(b);
	return both;
}

/* Whoever stole a key that was revoked for it makes no list with it, of whatever date and number. */
static void signer_must_not_be_revoked(void **state)
{
	struct fixture *f = *state;
	struct pki_crl *crl = crl_parse_good(f, (struct test_crl){0});
	EVP_PKEY *new_key = test_key_shared(TEST_P256, 5);
	X509 *renewed = test_cert_new(&(struct test_cert){.cn = "test issuing CA",
		.key = f->pki.ca_key,
		.issuer = f->pki.root,
		.issuer_key = f->pki.root_key,
		.is_ca = true});
	X509 *rekeyed = test_cert_new(&(struct test_cert){.cn = "test issuing CA",
		.key = new_key,
		.issuer = f->pki.root,
		.issuer_key = f->pki.root_key,
		.is_ca = true});
	char *bundle;

	expect_signer(f, crl, (struct known){0}, f->pki.ca, 1);
	expect_signer(
		f, crl, (struct known){.of_others = PKI_REVOCATION_NOT_COVERED}, f->pki.ca, 1);
	/* The list that would tell may be the next one. */
	expect_signer(f, crl, (struct known){.of_others = PKI_REVOCATION_UNKNOWN}, f->pki.ca, 1);
	expect_signer(f, crl, (struct known){.revoked = f->pki.ca}, NULL, 1);
	pki_crl_free(crl);
	/* The anchor is believed until it is taken away. */
	crl = crl_parse_good(
		f, (struct test_crl){.issuer = f->pki.root, .issuer_key = f->pki.root_key});
	expect_signer(f, crl, (struct known){.revoked = f->pki.root}, f->pki.root, 0);
	pki_crl_free(crl);
	/* With a new certificate for the same key the lists are good; with one for another key not, and it says why. */
	crl = crl_parse_good(f, (struct test_crl){0});
	bundle = join(join(test_pem(f->pki.root), test_pem(f->pki.ca)),
		join(test_pem(renewed), test_pem(rekeyed)));
	pki_trust_put(f->trust);
	f->trust = f->args.trust = fixture_trust(bundle, PKI_MODE_WARN);
	expect_signer(f, crl, (struct known){.revoked = f->pki.ca}, renewed, 2);
	free(bundle);
	bundle = join(join(test_pem(f->pki.root), test_pem(f->pki.ca)), test_pem(rekeyed));
	pki_trust_put(f->trust);
	f->trust = f->args.trust = fixture_trust(bundle, PKI_MODE_WARN);
	expect_signer(f, crl, (struct known){.revoked = f->pki.ca}, NULL, 1);
	free(bundle);
	pki_crl_free(crl);
	X509_free(renewed);
	X509_free(rekeyed);
}

static void dates_of_a_list(void **state)
{
	struct fixture *f = *state;
	struct pki_crl *crl;

	expect_unverified(
		f, (struct test_crl){.this_update = time(NULL) + 600}, "crl-not-yet-valid");
	crl = crl_parse_good(f, (struct test_crl){.this_update = time(NULL) + 200});
	assert_int_equal(crl_verify(f, crl, NULL), 0);
	pki_crl_free(crl);
	crl = crl_parse_good(f, (struct test_crl){.this_update = time(NULL) - 9 * TEST_DAY,
					.next_update = time(NULL) - TEST_DAY});
	assert_int_equal(crl_verify(f, crl, NULL), 0);
	assert_true(pki_report_has(&f->report, "crl-stale"));
	pki_crl_free(crl);
}

static void dates_of_a_list_are_whole_seconds(void **state)
{
	const int64_t now = time(NULL);
	struct fixture *f = *state;
	struct pki_crl *crl =
		crl_parse_good(f, (struct test_crl){.this_update = now + PKI_CRL_CLOCK_SKEW,
					  .next_update = now + TEST_DAY});

	for (int late = -1; late <= 1; late++) {
		struct pki_crl_verify_args args = {.trust = f->trust, .now = now + late};

		pki_report_init(&f->report);
		assert_int_equal(
			pki_crl_verify(crl, &args, &f->report, NULL), late < 0 ? -EACCES : 0);
		assert_int_equal(pki_report_has(&f->report, "crl-not-yet-valid"), late < 0);
		args.now = now + TEST_DAY + late;
		assert_int_equal(pki_crl_verify(crl, &args, &f->report, NULL), 0);
		assert_int_equal(pki_report_has(&f->report, "crl-stale"), late > 0);
	}
	pki_crl_free(crl);
}

static void other_algorithms_verify(void **state)
{
	static const enum test_key kinds[] = {TEST_RSA_2048, TEST_RSA_PSS_SHA256, TEST_P384};
	struct fixture *f = *state;
	size_t i;

	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		EVP_PKEY *key = test_key_shared(kinds[i], 0);
		X509 *root =
			test_cert_new(&(struct test_cert){.cn = "root", .key = key, .is_ca = true});
		char *bundle = test_pem(root);
		const struct pki_ca *signer = NULL;
		struct pki_crl *crl;

		pki_trust_put(f->trust);
		f->trust = f->args.trust = fixture_trust(bundle, PKI_MODE_STRICT);
		crl = crl_parse_good(f, (struct test_crl){.issuer = root, .issuer_key = key});
		assert_int_equal(crl_verify(f, crl, &signer), 0);
		assert_int_equal(X509_cmp(signer->cert, root), 0);
		pki_crl_free(crl);
		X509_free(root);
		free(bundle);
	}
}

#define T(f) cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(every_flipped_bit_is_noticed),
		T(lists_of_every_length_verify),
		T(signer_must_be_trusted_and_right),
		T(signer_needs_crl_sign_and_dates),
		T(signer_must_not_be_revoked),
		T(dates_of_a_list),
		T(dates_of_a_list_are_whole_seconds),
		T(other_algorithms_verify),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
