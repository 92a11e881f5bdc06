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

#include "tests/unit/crl_octets.h"

static void expect_bad(struct fixture *f, struct test_crl c, const char *code)
{
	struct pki_crl *crl;
	size_t len;
	uint8_t *der = crl_make(f, c, &len);

	assert_int_equal(crl_parse(f, der, len, &crl), -EBADMSG);
	assert_null(crl);
	if (!pki_report_has(&f->report, code))
		print_message("found %s\n", pki_report_first(&f->report)->code);
	assert_true(pki_report_has(&f->report, code));
	free(der);
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
	struct pki_crl *crl = crl_parse_good(
		f, (struct test_crl){.entry = entries, .entry_cnt = 3, .number = 4711});
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
	assert_int_equal(crl_verify(f, crl, NULL), 0);
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
		crl_parse_good(*state, (struct test_crl){.entry = entries, .entry_cnt = 3});
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
	assert_int_equal(crl_parse(f, (uint8_t *)pem, strlen(pem), &crl), 0);
	assert_int_equal(pki_crl_info(crl)->entry_cnt, 0);
	pki_crl_free(crl);
	strcpy(two, pem);
	strcat(two, pem);
	assert_int_equal(crl_parse(f, (uint8_t *)two, strlen(two), &crl), -EBADMSG);
	memcpy(strstr(pem, "X509 CRL"), "X509 CRT", 8);
	assert_int_equal(crl_parse(f, (uint8_t *)pem, strlen(pem), &crl), -EBADMSG);
	free(pem);
	free(two);
	X509_CRL_free(made);
}

static void scope_is_returned(void **state)
{
	struct pki_crl *crl =
		crl_parse_good(*state, (struct test_crl){.idp = "critical,onlyuser:TRUE"});

	assert_true(pki_crl_info(crl)->scope.has_idp);
	assert_true(pki_crl_info(crl)->scope.is_user_only);
	assert_false(pki_crl_info(crl)->scope.is_partition);
	pki_crl_free(crl);
	crl = crl_parse_good(*state,
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
	uint8_t *der = crl_make(f, (struct test_crl){.entry = entries, .entry_cnt = 1}, &len);
	uint8_t *more = malloc(len + 1);

	must(more != NULL);
	memcpy(more, der, len);
	more[len] = 0;
	assert_int_equal(crl_parse(f, more, len + 1, &crl), -EBADMSG);
	for (i = 0; i < len; i++) {
		memcpy(more, der, i);
		assert_int_equal(crl_parse(f, der, i, &crl), -EBADMSG);
	}
	pki_report_init(&f->report);
	assert_int_equal(pki_crl_parse(der, len, len - 1, &f->report, &crl), -EFBIG);
	assert_true(pki_report_has(&f->report, "crl-too-large"));
	free(more);
	free(der);
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
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
