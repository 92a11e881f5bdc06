/* SPDX-License-Identifier: BSD-3-Clause */
/* Delta, indirect and partial lists by themselves: who takes them, and how they must be written. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/err.h>

#include "pki/x509/crl.h"
#include "tests/unit/validate_fixture.h"

#define LIMIT (1024 * 1024)

/* As cmocka's integer: 0 or -EBADMSG; *out is freed by the caller. */
static int parse(struct fixture *f, struct test_crl c, unsigned kinds, struct pki_crl **out)
{
	X509_CRL *made;
	uint8_t *der;
	size_t len;
	int ret;

	c.issuer = f->pki.ca;
	c.issuer_key = f->pki.ca_key;
	made = test_crl_new(&c);
	der = test_crl_der(made, &len);
	ERR_clear_error();
	pki_report_init(&f->report);
	*out = NULL;
	ret = pki_crl_parse_kinds(der, len, LIMIT, kinds, &f->report, out);
	assert_int_equal(ret == 0, *out != NULL);
	assert_int_equal(ret == 0, f->report.error_cnt == 0);
	free(der);
	X509_CRL_free(made);
	return ret;
}

static void expect_bad(struct fixture *f, struct test_crl c, unsigned kinds, const char *code)
{
	struct pki_crl *crl;

	assert_int_equal(parse(f, c, kinds, &crl), -EBADMSG);
	if (!pki_report_has(&f->report, code))
		print_message("found %s\n", pki_report_first(&f->report)->code);
	assert_true(pki_report_has(&f->report, code));
}

static const struct pki_crl_info *expect_good(
	struct fixture *f, struct test_crl c, struct pki_crl **crl)
{
	if (parse(f, c, PKI_CRL_TAKE_ALL, crl) != 0)
		print_message("found %s\n", pki_report_first(&f->report)->code);
	assert_non_null(*crl);
	return pki_crl_info(*crl);
}

static void kinds_are_taken_only_when_asked_for(void **state)
{
	static const struct {
		struct test_crl c;
		unsigned kind;
		const char *code;
	} want[] = {
		{{.number = 6, .delta_base = "5"}, PKI_CRL_TAKE_DELTA, "crl-delta-not-supported"},
		{{.idp = "critical,indirectCRL:TRUE"}, PKI_CRL_TAKE_INDIRECT,
			"crl-indirect-not-supported"},
		{{.idp = "critical,onlysomereasons:keyCompromise"}, PKI_CRL_TAKE_SOME_REASONS,
			"crl-some-reasons-not-supported"},
		/* { [0] { [1] { OU = x } } } */
		{{.idp = "critical,DER:30:0e:a0:0c:a1:0a:30:08:06:03:55:04:0b:0c:01:78"},
			PKI_CRL_TAKE_RELATIVE_NAME, "crl-relative-name-not-supported"},
	};
	struct fixture *f = *state;
	size_t i;

	for (i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		struct pki_crl *crl;

		expect_bad(f, want[i].c, 0, want[i].code);
		expect_bad(f, want[i].c, PKI_CRL_TAKE_ALL & ~want[i].kind, want[i].code);
		assert_int_equal(parse(f, want[i].c, want[i].kind, &crl), 0);
		pki_crl_free(crl);
	}
}

static void what_is_taken_is_told(void **state)
{
	struct fixture *f = *state;
	struct pki_crl *crl;
	const struct pki_crl_info *info = expect_good(f, (struct test_crl){0}, &crl);

	assert_false(info->is_delta || info->scope.is_indirect);
	assert_int_equal(info->scope.reasons, PKI_CRL_REASONS_ALL);
	pki_crl_free(crl);
	info = expect_good(f, (struct test_crl){.number = 6, .delta_base = "5"}, &crl);
	assert_true(info->is_delta);
	assert_int_equal(info->base_number[PKI_CRL_NUMBER_MAX - 1], 5);
	pki_crl_free(crl);
	info = expect_good(
		f, (struct test_crl){.idp = "critical,DER:30:08:83:03:07:1f:80:84:01:ff"}, &crl);
	assert_true(info->scope.is_indirect);
	assert_int_equal(info->scope.reasons, 0x1f8);
	pki_crl_free(crl);
}

static void badly_written_scopes_are_refused(void **state)
{
	static const char *const bad[] = {
		"critical,DER:30:04:83:02:07:80",       /* the unused reason alone */
		"critical,DER:30:03:83:01:00",          /* no reason */
		"critical,DER:30:06:83:04:00:ff:80:00", /* too many bits */
		"critical,DER:30:04:83:02:09:60",       /* nine unused bits */
		"critical,DER:30:03:84:01:01",          /* TRUE is FF */
		"critical,DER:30:06:84:01:ff:82:01:ff", /* not in order */
		"critical,DER:30:06:84:01:ff:84:01:ff", /* twice */
		"critical,DER:30:04:a0:02:a1:00",       /* an empty relative name */
		"critical,DER:30:00",                   /* nothing */
		"DER:30:03:84:01:ff",                   /* not critical */
	};
	struct fixture *f = *state;
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		expect_bad(f, (struct test_crl){.idp = bad[i]}, PKI_CRL_TAKE_ALL, "crl-bad-scope");
}

static void delta_is_newer_than_its_base(void **state)
{
	expect_bad(*state, (struct test_crl){.number = 6, .delta_base = "7"}, PKI_CRL_TAKE_ALL,
		"crl-bad-number");
	expect_bad(*state, (struct test_crl){.number = 6, .delta_base = "-1"}, PKI_CRL_TAKE_ALL,
		"crl-bad-number");
}

/* RFC 5280 5.2.6: only a full list says where its deltas are. */
static void delta_has_no_deltas(void **state)
{
	expect_bad(*state,
		(struct test_crl){.number = 6,
			.delta_base = "5",
			.freshest = "URI:http://pki.example/delta.crl"},
		PKI_CRL_TAKE_ALL, "crl-delta-with-freshest");
}

static void removal_belongs_into_deltas(void **state)
{
	static const struct test_crl_entry removed = {.serial_hex = "05", .reason = 8};
	struct pki_crl *crl;

	expect_bad(*state, (struct test_crl){.entry = &removed, .entry_cnt = 1}, PKI_CRL_TAKE_ALL,
		"crl-bad-reason");
	(void)expect_good(*state,
		(struct test_crl){
			.number = 6, .delta_base = "5", .entry = &removed, .entry_cnt = 1},
		&crl);
	pki_crl_free(crl);
}

static void other_issuers_belong_into_indirect_lists(void **state)
{
	struct fixture *f = *state;
	const struct test_crl_entry entries[] = {{.serial_hex = "05", .issuer = f->pki.leaf},
		{.serial_hex = "05", .issuer = f->pki.ca},
		{.serial_hex = "05", .issuer = f->pki.leaf}};
	struct test_crl c = {.entry = entries, .entry_cnt = 2};
	struct pki_crl *crl;

	expect_bad(f, c, PKI_CRL_TAKE_ALL, "crl-indirect-not-supported");
	c.idp = "critical,indirectCRL:TRUE";
	(void)expect_good(f, c, &crl); /* one serial of two issuers */
	pki_crl_free(crl);
	c.entry_cnt = 3;
	expect_bad(f, c, PKI_CRL_TAKE_ALL, "crl-duplicate-serial");
}

static int count_issuers(void *ctx, const struct pki_crl_entry *entry)
{
	*(unsigned *)ctx = *(unsigned *)ctx * 2 + (entry->issuer.len > 0);
	return 0;
}

static void issuer_is_kept_until_the_next(void **state)
{
	struct fixture *f = *state;
	const struct test_crl_entry entries[] = {{.serial_hex = "05"},
		{.serial_hex = "06", .issuer = f->pki.leaf}, {.serial_hex = "07"}};
	struct pki_crl *crl;
	unsigned bits = 0;

	(void)expect_good(f,
		(struct test_crl){
			.idp = "critical,indirectCRL:TRUE", .entry = entries, .entry_cnt = 3},
		&crl);
	assert_int_equal(pki_crl_walk(crl, count_issuers, &bits), 0);
	assert_int_equal(bits, 3); /* 0 1 1 */
	pki_crl_free(crl);
}

#define T(f) cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(kinds_are_taken_only_when_asked_for),
		T(what_is_taken_is_told),
		T(badly_written_scopes_are_refused),
		T(delta_is_newer_than_its_base),
		T(delta_has_no_deltas),
		T(removal_belongs_into_deltas),
		T(other_issuers_belong_into_indirect_lists),
		T(issuer_is_kept_until_the_next),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
