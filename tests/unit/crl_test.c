/* SPDX-License-Identifier: BSD-3-Clause */
/* Lists: good ones, and one test for each reason to refuse. */
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

#include "pki/x509/crl.h"
#include "tests/unit/validate_fixture.h"

#define LIMIT (1024 * 1024)

/* A list of the test's issuing CA, with whatever is wrong in c, as DER. */
static uint8_t *make(struct fixture *f, struct test_crl c, size_t *len)
{
	X509_CRL *crl;
	uint8_t *der;

	if (c.issuer == NULL) {
		c.issuer = f->pki.ca;
		c.issuer_key = f->pki.ca_key;
	}
	crl = test_crl_new(&c);
	der = test_crl_der(crl, len);
	X509_CRL_free(crl);
	ERR_clear_error();
	return der;
}

static int parse(struct fixture *f, const uint8_t *der, size_t len, struct pki_crl **out)
{
	pki_report_init(&f->report);
	*out = NULL;
	return pki_crl_parse(der, len, LIMIT, &f->report, out);
}

static void expect_bad(struct fixture *f, struct test_crl c, const char *code)
{
	struct pki_crl *crl;
	size_t len;
	uint8_t *der = make(f, c, &len);

	assert_int_equal(parse(f, der, len, &crl), -EBADMSG);
	assert_null(crl);
	if (!pki_report_has(&f->report, code))
		print_message("found %s\n", pki_report_first(&f->report)->code);
	assert_true(pki_report_has(&f->report, code));
	free(der);
}

static struct pki_crl *parse_good(struct fixture *f, struct test_crl c)
{
	struct pki_crl *crl;
	size_t len;
	uint8_t *der = make(f, c, &len);

	if (parse(f, der, len, &crl) != 0)
		print_message("refused: %s\n", pki_report_first(&f->report)->code);
	assert_non_null(crl);
	free(der);
	return crl;
}

static int verify(struct fixture *f, const struct pki_crl *crl, const struct pki_ca **signer)
{
	const struct pki_crl_verify_args args = {.trust = f->trust, .now = time(NULL)};

	return pki_crl_verify(crl, &args, &f->report, signer);
}

/* ------------------------------------------------------------------ what is taken */

struct seen {
	unsigned cnt;
	struct pki_crl_entry entry[8];
};

static int see(void *ctx, const struct pki_crl_entry *entry)
{
	struct seen *s = ctx;

	s->entry[s->cnt++] = *entry;
	return 0;
}

static void good_list_is_walked(void **state)
{
	static const struct test_crl_entry entries[] = {
		{"05", NULL, 1}, {"ff", NULL, 0}, {"7f01", NULL, 4}};
	struct fixture *f = *state;
	struct pki_crl *crl =
		parse_good(f, (struct test_crl){.entry = entries, .entry_cnt = 3, .number = 4711});
	const struct pki_crl_info *info = pki_crl_info(crl);
	struct seen seen = {0};

	assert_int_equal(info->entry_cnt, 3);
	assert_string_equal(info->number_text, "1267");
	assert_string_equal(info->issuer_text, "CN=test issuing CA,O=rekey test");
	assert_int_equal(info->key_id_len, 20);
	assert_true(info->this_update < time(NULL) && info->next_update > time(NULL));
	assert_false(info->scope.has_idp);
	assert_int_equal(pki_crl_walk(crl, see, &seen), 0);
	assert_int_equal(seen.cnt, 3);
	assert_int_equal(seen.entry[0].reason, RK_REASON_KEY_COMPROMISE);
	assert_int_equal(seen.entry[0].serial_len, 1);
	assert_int_equal(seen.entry[0].serial[0], 5);
	assert_int_equal(seen.entry[1].serial_len, 2); /* 00 FF */
	assert_int_equal(seen.entry[1].reason, RK_REASON_UNSPECIFIED);
	assert_int_equal(seen.entry[2].reason, RK_REASON_SUPERSEDED);
	assert_true(seen.entry[2].date > time(NULL) - 8000);
	assert_int_equal(verify(f, crl, NULL), 0);
	pki_crl_free(crl);
}

static int stop_at_second(void *ctx, const struct pki_crl_entry *entry)
{
	(void)entry;
	return ++*(int *)ctx == 2 ? 42 : 0;
}

static void walk_stops_when_told(void **state)
{
	static const struct test_crl_entry entries[] = {
		{"01", NULL, 0}, {"02", NULL, 0}, {"03", NULL, 0}};
	struct pki_crl *crl =
		parse_good(*state, (struct test_crl){.entry = entries, .entry_cnt = 3});
	int cnt = 0;

	assert_int_equal(pki_crl_walk(crl, stop_at_second, &cnt), 42);
	assert_int_equal(cnt, 2);
	pki_crl_free(crl);
}

static void pem_is_told_apart_by_content(void **state)
{
	struct fixture *f = *state;
	X509_CRL *made =
		test_crl_new(&(struct test_crl){.issuer = f->pki.ca, .issuer_key = f->pki.ca_key});
	char *pem = test_crl_pem(made);
	char *two = malloc(2 * strlen(pem) + 1);
	struct pki_crl *crl;

	must(two != NULL);
	assert_int_equal(parse(f, (uint8_t *)pem, strlen(pem), &crl), 0);
	assert_int_equal(pki_crl_info(crl)->entry_cnt, 0);
	pki_crl_free(crl);
	strcpy(two, pem);
	strcat(two, pem);
	assert_int_equal(parse(f, (uint8_t *)two, strlen(two), &crl), -EBADMSG);
	memcpy(strstr(pem, "X509 CRL"), "X509 CRT", 8);
	assert_int_equal(parse(f, (uint8_t *)pem, strlen(pem), &crl), -EBADMSG);
	free(pem);
	free(two);
	X509_CRL_free(made);
}

static void scope_is_returned(void **state)
{
	struct pki_crl *crl =
		parse_good(*state, (struct test_crl){.idp = "critical,onlyuser:TRUE"});

	assert_true(pki_crl_info(crl)->scope.has_idp);
	assert_true(pki_crl_info(crl)->scope.is_user_only);
	assert_false(pki_crl_info(crl)->scope.is_partition);
	pki_crl_free(crl);
	crl = parse_good(*state,
		(struct test_crl){
			.idp = "critical,fullname:URI:http://ca.example/1.crl,onlyCA:TRUE"});
	assert_true(pki_crl_info(crl)->scope.is_ca_only);
	assert_true(pki_crl_info(crl)->scope.is_partition);
	assert_int_equal(pki_crl_info(crl)->scope.url_cnt, 1);
	assert_string_equal(pki_crl_info(crl)->scope.url[0], "http://ca.example/1.crl");
	pki_crl_free(crl);
}

/* ---------------------------------------------------------------- what is refused */

static void profile_violations_are_refused(void **state)
{
	static const struct test_crl_entry same[] = {
		{"05", NULL, 0}, {"06", NULL, 0}, {"05", NULL, 0}};
	static const struct test_crl_entry zero[] = {{"00", NULL, 0}};
	static const struct test_crl_entry negative[] = {{"-05", NULL, 0}};
	static const struct test_crl_entry removed[] = {{"05", NULL, 8}};
	static const struct test_crl_entry unused[] = {{"05", NULL, 7}};
	static const struct test_crl_entry too_long[] = {
		{"01112233445566778899aabbccddeeff0011223344", NULL, 0}};
	struct fixture *f = *state;

	expect_bad(f, (struct test_crl){.is_v1 = true}, "crl-not-version-2");
	expect_bad(f, (struct test_crl){.number = -1}, "crl-without-number");
	expect_bad(f, (struct test_crl){.number = -7}, "crl-bad-number");
	expect_bad(f, (struct test_crl){.is_aki_absent = true},
		"crl-without-authority-key-identifier");
	expect_bad(f, (struct test_crl){.next_update = -1}, "crl-without-next-update");
	expect_bad(f, (struct test_crl){.next_update = time(NULL) - 7200}, "crl-bad-dates");
	expect_bad(f, (struct test_crl){.md = EVP_sha1()}, "weak-signature-algorithm");
	expect_bad(f, (struct test_crl){.unknown_critical = "1.3.6.1.4.1.55555.1"},
		"crl-unknown-critical-extension");
	expect_bad(f, (struct test_crl){.delta_base = "1"}, "crl-delta-not-supported");
	expect_bad(f, (struct test_crl){.idp = "critical,indirectCRL:TRUE"},
		"crl-indirect-not-supported");
	expect_bad(
		f, (struct test_crl){.idp = "critical,onlyAA:TRUE"}, "crl-attribute-certificates");
	expect_bad(f, (struct test_crl){.idp = "critical,onlysomereasons:keyCompromise"},
		"crl-some-reasons-not-supported");
	expect_bad(f, (struct test_crl){.idp = "onlyuser:TRUE"}, "crl-bad-scope");
	expect_bad(
		f, (struct test_crl){.idp = "critical,onlyuser:TRUE,onlyCA:TRUE"}, "crl-bad-scope");
	expect_bad(f, (struct test_crl){.entry = same, .entry_cnt = 3}, "crl-duplicate-serial");
	expect_bad(f, (struct test_crl){.entry = zero, .entry_cnt = 1}, "crl-bad-serial");
	expect_bad(f, (struct test_crl){.entry = negative, .entry_cnt = 1}, "crl-bad-serial");
	expect_bad(f, (struct test_crl){.entry = too_long, .entry_cnt = 1}, "crl-bad-serial");
	expect_bad(f, (struct test_crl){.entry = removed, .entry_cnt = 1}, "crl-bad-reason");
	expect_bad(f, (struct test_crl){.entry = unused, .entry_cnt = 1}, "crl-bad-reason");
}

static void truncated_and_trailing_bytes_are_refused(void **state)
{
	static const struct test_crl_entry entries[] = {{"05", NULL, 1}};
	struct fixture *f = *state;
	struct pki_crl *crl;
	size_t len, i;
	uint8_t *der = make(f, (struct test_crl){.entry = entries, .entry_cnt = 1}, &len);
	uint8_t *more = malloc(len + 1);

	must(more != NULL);
	memcpy(more, der, len);
	more[len] = 0;
	assert_int_equal(parse(f, more, len + 1, &crl), -EBADMSG);
	for (i = 0; i < len; i++) {
		memcpy(more, der, i);
		assert_int_equal(parse(f, der, i, &crl), -EBADMSG);
	}
	pki_report_init(&f->report);
	assert_int_equal(pki_crl_parse(der, len, len - 1, &f->report, &crl), -EFBIG);
	assert_true(pki_report_has(&f->report, "crl-too-large"));
	free(more);
	free(der);
}

/* Whatever bit changes, the list is refused, or its signature no longer verifies. */
static void every_flipped_bit_is_noticed(void **state)
{
	static const struct test_crl_entry entries[] = {{"05", NULL, 1}};
	struct fixture *f = *state;
	struct pki_crl *crl;
	size_t len, i;
	uint8_t *der = make(f, (struct test_crl){.entry = entries, .entry_cnt = 1}, &len);

	for (i = 0; i < len; i++) {
		der[i] ^= (uint8_t)(1u << i % 8);
		if (parse(f, der, len, &crl) == 0)
			assert_int_equal(verify(f, crl, NULL), -EACCES);
		pki_crl_free(crl);
		der[i] ^= (uint8_t)(1u << i % 8);
	}
	free(der);
}

static void expect_unverified(struct fixture *f, struct test_crl c, const char *code)
{
	struct pki_crl *crl = parse_good(f, c);

	assert_int_equal(verify(f, crl, NULL), -EACCES);
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
	struct pki_crl *crl = parse_good(f, (struct test_crl){0});
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
	crl = parse_good(
		f, (struct test_crl){.issuer = f->pki.root, .issuer_key = f->pki.root_key});
	expect_signer(f, crl, (struct known){.revoked = f->pki.root}, f->pki.root, 0);
	pki_crl_free(crl);
	/* With a new certificate for the same key the lists are good; with one for another key not, and it says why. */
	crl = parse_good(f, (struct test_crl){0});
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
	crl = parse_good(f, (struct test_crl){.this_update = time(NULL) + 200});
	assert_int_equal(verify(f, crl, NULL), 0);
	pki_crl_free(crl);
	crl = parse_good(f, (struct test_crl){.this_update = time(NULL) - 9 * TEST_DAY,
				    .next_update = time(NULL) - TEST_DAY});
	assert_int_equal(verify(f, crl, NULL), 0);
	assert_true(pki_report_has(&f->report, "crl-stale"));
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
		crl = parse_good(f, (struct test_crl){.issuer = root, .issuer_key = key});
		assert_int_equal(verify(f, crl, &signer), 0);
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
		T(good_list_is_walked),
		T(walk_stops_when_told),
		T(pem_is_told_apart_by_content),
		T(scope_is_returned),
		T(profile_violations_are_refused),
		T(truncated_and_trailing_bytes_are_refused),
		T(every_flipped_bit_is_noticed),
		T(signer_must_be_trusted_and_right),
		T(signer_needs_crl_sign_and_dates),
		T(signer_must_not_be_revoked),
		T(dates_of_a_list),
		T(other_algorithms_verify),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
