/* SPDX-License-Identifier: BSD-3-Clause */
/* pki verify: texts in, an answer out; and the time it is given. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>
#include <openssl/err.h>

#include "control/cli/verify.h"
#include "pki/x509/verify.h"
#include "tests/unit/validate_fixture.h"

struct texts {
	char *root, *ca, *leaf, *root_crl, *ca_crl, *both;
	struct pki_verify_args args;
	struct pki_verify_result result;
};

static struct pki_verify_text text(const char *s)
{
	return (struct pki_verify_text){s, strlen(s)};
}

static char *crl_of(X509 *issuer, EVP_PKEY *key, const struct test_crl_entry *entry)
{
	X509_CRL *crl = test_crl_new(&(struct test_crl){
		.issuer = issuer, .issuer_key = key, .entry = entry, .entry_cnt = entry != NULL});
	char *pem = test_crl_pem(crl);

	X509_CRL_free(crl);
	return pem;
}

static char *join(const char *a, const char *b)
{
	char *s = malloc(strlen(a) + strlen(b) + 1);

	must(s != NULL);
	strcpy(s, a);
	strcat(s, b);
	return s;
}

static void texts_init(struct fixture *f, struct texts *t)
{
	memset(t, 0, sizeof(*t));
	t->root = test_pem(f->pki.root);
	t->ca = test_pem(f->pki.ca);
	t->leaf = test_pem(f->pki.leaf);
	t->root_crl = crl_of(f->pki.root, f->pki.root_key, NULL);
	t->ca_crl = crl_of(f->pki.ca, f->pki.ca_key, NULL);
	t->both = join(t->root_crl, t->ca_crl);
	t->args = (struct pki_verify_args){.anchors = text(t->root),
		.untrusted = text(t->ca),
		.crls = text(""),
		.cert = text(t->leaf),
		.now = time(NULL)};
	ERR_clear_error();
}

static void texts_fini(struct texts *t)
{
	free(t->root);
	free(t->ca);
	free(t->leaf);
	free(t->root_crl);
	free(t->ca_crl);
	free(t->both);
}

static void expect(struct texts *t, const char *code)
{
	must(pki_verify(&t->args, &t->result) == 0);
	assert_string_equal(t->result.code, code);
	assert_int_equal(t->result.is_valid, strcmp(code, "valid") == 0);
	assert_true(t->result.reason[0] != '\0');
}

static void chain_and_lists_are_judged(void **state)
{
	struct fixture *f = *state;
	const struct test_crl_entry entry = {.cert = f->pki.leaf, .reason = 1};
	char *revoking = crl_of(f->pki.ca, f->pki.ca_key, &entry);
	struct texts t;
	char *all;

	texts_init(f, &t);
	expect(&t, "valid");
	t.args.crls = text(" \n\t\n"); /* as if left out */
	expect(&t, "valid");
	t.args.crls = text(t.both);
	expect(&t, "valid");
	t.args.crls = text(t.ca_crl);
	expect(&t, "revocation-not-covered");
	all = join(t.both, revoking);
	t.args.crls = text(all);
	expect(&t, "revoked");
	free(all);
	free(revoking);
	texts_fini(&t);
}

static void blanks_and_several_blocks_are_taken(void **state)
{
	struct fixture *f = *state;
	struct texts t;
	char *all;

	texts_init(f, &t);
	t.args.untrusted = text("\n");
	expect(&t, "untrusted");
	all = join(t.leaf, t.ca); /* the chain in one file */
	t.args.cert = text(all);
	expect(&t, "valid");
	free(all);
	t.args.cert = text(t.leaf);
	all = join("Some words before\n", t.ca);
	t.args.untrusted = text(all);
	expect(&t, "valid");
	t.args.anchors = text(t.ca); /* an anchor that is not self-signed */
	t.args.untrusted = text("");
	expect(&t, "valid");
	free(all);
	texts_fini(&t);
}

static void what_cannot_be_read_is_not_valid(void **state)
{
	static const char damaged[] =
		"-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----";
	static const char open[] = "-----BEGIN CERTIFICATE-----\nMIIB\n";
	static const char list[] = "-----BEGIN X509 CRL-----\nMIIB\n-----END X509 CRL-----\n";
	struct fixture *f = *state;
	struct texts t;
	char *all;

	texts_init(f, &t);
	t.args.anchors = text(damaged);
	expect(&t, "certificate-not-der");
	t.args.anchors = text("");
	expect(&t, "bundle-empty");
	t.args.anchors = text(t.root);
	t.args.cert = text("");
	expect(&t, "no-pem");
	t.args.cert = text(open);
	expect(&t, "pem-damaged");
	t.args.cert = text(damaged);
	expect(&t, "certificate-not-der");
	t.args.cert = text(t.ca_crl);
	expect(&t, "certificate-wrong-label");
	t.args.cert = text(t.leaf);
	t.args.untrusted = text("words");
	expect(&t, "no-pem");
	all = join(t.ca, damaged);
	t.args.untrusted = text(all);
	expect(&t, "certificate-not-der");
	t.args.untrusted = text(t.ca);
	t.args.crls = text(t.leaf);
	expect(&t, "crl-unreadable");
	free(all);
	all = join(t.both, list); /* although the others cover everything */
	t.args.crls = text(all);
	expect(&t, "crl-unreadable");
	free(all);
	texts_fini(&t);
}

static void time_and_identity_are_asked(void **state)
{
	struct fixture *f = *state;
	struct texts t;

	texts_init(f, &t);
	t.args.identity = "west";
	expect(&t, "valid");
	t.args.identity = "West";
	expect(&t, "identity-mismatch");
	t.args.identity = NULL;
	t.args.now = time(NULL) + 91 * TEST_DAY;
	expect(&t, "expired");
	t.args.now = time(NULL) - 2 * TEST_DAY;
	expect(&t, "not-yet-valid");
	texts_fini(&t);
}

static void times_are_read_strictly(void **state)
{
	static const struct {
		const char *text;
		int64_t time; /* -1: refused */
	} want[] = {
		{"1970-01-01T00:00:00Z", 0},
		{"2026-11-23T10:00:00Z", 1795428000},
		{"2026-11-23t10:00:00z", 1795428000},
		{"2026-11-23T11:00:00+01:00", 1795428000},
		{"2026-11-23T09:30:00.25-00:30", 1795428000},
		{"2024-02-29T00:00:00Z", 1709164800},
		{"2023-02-29T00:00:00Z", -1},
		{"2026-11-23", -1},
		{"2026-11-23T10:00:00", -1},
		{"2026-11-23T10:00:00.Z", -1},
		{"2026-11-23T10:00:00+1:00", -1},
		{"2026-11-23T10:00:00+24:00", -1},
		{"2026-11-23T24:00:00Z", -1},
		{"2026-13-23T10:00:00Z", -1},
		{"2026-11-23T10:00:00Zx", -1},
		{"tomorrow", -1},
		{"", -1},
	};
	int64_t got;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		got = -1;
		if (!verify_parse_time(want[i].text, &got))
			got = -1;
		assert_int_equal(got, want[i].time);
	}
}

#define T(f) cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(chain_and_lists_are_judged),
		T(blanks_and_several_blocks_are_taken),
		T(what_cannot_be_read_is_not_valid),
		T(time_and_identity_are_asked),
		cmocka_unit_test(times_are_read_strictly),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
