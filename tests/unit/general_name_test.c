/* SPDX-License-Identifier: BSD-3-Clause */
/* Names in certificates and constraints: how they must be written, and that it is asked. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "pki/x509/general_name.h"
#include "tests/unit/validate_fixture.h"

static GENERAL_NAME *make(int type, const void *data, size_t len)
{
	GENERAL_NAME *name = GENERAL_NAME_new();
	ASN1_STRING *s =
		ASN1_STRING_type_new(type == GEN_IPADD ? V_ASN1_OCTET_STRING : V_ASN1_IA5STRING);

	must(name != NULL && s != NULL && ASN1_STRING_set(s, data, (int)len) == 1);
	GENERAL_NAME_set0_value(name, type, s);
	return name;
}

static void alt_names(void **state)
{
	static const struct {
		int type;
		const char *text;
		size_t len; /* 0 = strlen */
		bool is_sound;
	} want[] = {
		{GEN_DNS, "west.example.com", 0, true},
		{GEN_DNS, "*.example.com", 0, true},
		{GEN_DNS, "xn--bcher-kva.example", 0, true},
		{GEN_DNS, "_sip.example.com", 0, true},
		{GEN_DNS, ".example.com", 0, false},
		{GEN_DNS, "example.com.", 0, false},
		{GEN_DNS, "a..b", 0, false},
		{GEN_DNS, "a.*.b", 0, false},
		{GEN_DNS, "*", 0, false},
		{GEN_DNS, " ", 0, false},
		{GEN_DNS, "a b", 0, false},
		{GEN_DNS, "a\0b", 3, false},
		{GEN_DNS,
			"b\xc3\xbc"
			"cher.example",
			0, false},
		{GEN_DNS, "-a.example", 0, false},
		{GEN_EMAIL, "me@example.com", 0, true},
		{GEN_EMAIL, "me@you@example.com", 0, false},
		{GEN_EMAIL, "@example.com", 0, false},
		{GEN_EMAIL, "me@", 0, false},
		{GEN_EMAIL, "example.com", 0, false},
		{GEN_EMAIL, "\"a b\"@example.com", 0, false},
		{GEN_URI, "urn:ssr:peering:west", 0, true},
		{GEN_URI, "https://example.com/", 0, true},
		{GEN_URI, "example.com", 0, false},
		{GEN_URI, "urn:", 0, false},
		{GEN_URI, "urn:a\nb", 0, false},
		{GEN_URI, "1a:b", 0, false},
		{GEN_URI, "https://example.com", 0, true},
		{GEN_URI, "https://example.com:8443/a:b", 0, true},
		{GEN_URI, "spiffe://domain/ns/a", 0, true},
		{GEN_URI, "https://example.com/a:b", 0, false},
		{GEN_URI, "https://bad.example/.example.com:", 0, false},
		{GEN_URI, "https://me@example.com/", 0, false},
		{GEN_URI, "https://me:8@example.com/", 0, false},
		{GEN_URI, "https://example.com?a", 0, false},
		{GEN_URI, "https://example.com#a", 0, false},
		{GEN_URI, "https://example.com:", 0, false},
		{GEN_URI, "https:///a", 0, false},
		{GEN_URI, "https://10.0.0.1/", 0, false},
		{GEN_URI, "https://[::1]/", 0, false},
		{GEN_IPADD, "\x0a\0\0\x01", 4, true},
		{GEN_IPADD, "0123456789abcdef", 16, true},
		{GEN_IPADD, "\x0a\0\0\x01\xff\xff\xff\0", 8, false},
		{GEN_IPADD, "\x0a\0\0", 3, false},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		GENERAL_NAME *name = make(want[i].type, want[i].text,
			want[i].len != 0 ? want[i].len : strlen(want[i].text));

		if (pki_alt_name_is_sound(name) != want[i].is_sound)
			print_message("%s\n", want[i].text);
		assert_int_equal(pki_alt_name_is_sound(name), want[i].is_sound);
		GENERAL_NAME_free(name);
	}
}

static void constraint_bases(void **state)
{
	static const struct {
		int type;
		const char *text;
		size_t len;
		bool is_sound;
	} want[] = {
		{GEN_DNS, "example.com", 0, true},
		{GEN_DNS, "", 0, true},
		{GEN_DNS, ".example.com", 0, false},
		{GEN_DNS, "*.example.com", 0, false},
		{GEN_EMAIL, "example.com", 0, true},
		{GEN_EMAIL, ".example.com", 0, true},
		{GEN_EMAIL, "me@example.com", 0, true},
		{GEN_EMAIL, "a@b@example.com", 0, false},
		{GEN_URI, "example.com", 0, true},
		{GEN_URI, ".example.com", 0, true},
		{GEN_URI, "https://example.com", 0, false},
		{GEN_IPADD, "\x0a\0\0\0\xff\0\0\0", 8, true},
		{GEN_IPADD, "\x0a\0\0\0\xff\xff\xff\xfe", 8, true},
		{GEN_IPADD, "\0\0\0\0\0\0\0\0", 8, true},
		{GEN_IPADD, "\x0a\0\0\0\xff\0\xff\0", 8, false},
		{GEN_IPADD, "\x0a\0\0\0\xf5\0\0\0", 8, false},
		{GEN_IPADD, "\x0a\0\0\x01", 4, false},
		{GEN_IPADD, "0123456789abcdef", 16, false},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		GENERAL_NAME *name = make(want[i].type, want[i].text,
			want[i].len != 0 ? want[i].len : strlen(want[i].text));

		if (pki_constraint_base_is_sound(name) != want[i].is_sound)
			print_message("%zu %s\n", i, want[i].text);
		assert_int_equal(pki_constraint_base_is_sound(name), want[i].is_sound);
		GENERAL_NAME_free(name);
	}
}

static void bad_names_refuse_the_leaf(void **state)
{
	struct fixture *f = *state;

	expect_refused(f, (struct test_cert){.alt_name = "DNS:.example.com"},
		RK_VERDICT_NOT_ALLOWED, "bad-alt-name");
	expect_refused(f, (struct test_cert){.alt_name = "email:a@b@c"}, RK_VERDICT_NOT_ALLOWED,
		"bad-alt-name");
}

static void wrongly_critical_extensions_refuse(void **state)
{
	struct fixture *f = *state;

	expect_refused(f,
		(struct test_cert){.extra_name = "authorityInfoAccess",
			.extra_value = "critical,caIssuers;URI:http://ca.example/"},
		RK_VERDICT_NOT_ALLOWED, "extension-must-not-be-critical");
	expect_refused(f,
		(struct test_cert){.extra_name = "freshestCRL",
			.extra_value = "critical,URI:http://ca.example/d.crl"},
		RK_VERDICT_NOT_ALLOWED, "extension-must-not-be-critical");
	assert_int_equal(judge_leaf(f, (struct test_cert){.extra_name = "authorityInfoAccess",
					       .extra_value = "caIssuers;URI:http://ca.example/"}),
		RK_VERDICT_GOOD);
}

/* In the test's own issuing CA, newly made: the leaf's names fit the constraint as it is meant. */
static void bad_constraints_refuse_the_ca(void **state)
{
	static const char *const bad[] = {"critical,permitted;DNS:.example.com",
		"critical,excluded;DNS:*.example.org", "critical,excluded;email:a@b@c",
		"critical,excluded;IP:10.0.0.0/255.0.255.0"};
	struct fixture *f = *state;
	EVP_PKEY *key = test_key_shared(TEST_P256, 4);
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		X509 *ca = test_cert_new(&(struct test_cert){.cn = "constrained",
			.key = key,
			.is_ca = true,
			.issuer = f->pki.ca,
			.issuer_key = f->pki.ca_key,
			.name_constraints = bad[i]});

		pki_report_init(&f->report);
		f->args.untrusted = sk_X509_new_null();
		must(sk_X509_push(f->args.untrusted, ca) > 0);
		expect_refused(f,
			(struct test_cert){.issuer = ca,
				.issuer_key = key,
				.alt_name = "DNS:west.example.com"},
			RK_VERDICT_NOT_ALLOWED, "bad-name-constraints");
		sk_X509_pop_free(f->args.untrusted, X509_free);
		f->args.untrusted = NULL;
	}
}

/* What a wildcard could stand for is excluded with it. */
static void wildcards_are_excluded(void **state)
{
	static const struct {
		const char *constraint;
		enum rk_verdict_status status;
	} want[] = {
		{"critical,excluded;DNS:bar.example.com", RK_VERDICT_NOT_ALLOWED},
		{"critical,excluded;DNS:a.BAR.Example.com", RK_VERDICT_NOT_ALLOWED},
		{"critical,excluded;DNS:bar.example.org", RK_VERDICT_GOOD},
		{"critical,excluded;DNS:barexample.com", RK_VERDICT_GOOD},
		{"critical,permitted;DNS:example.com", RK_VERDICT_GOOD},
		{"critical,permitted;DNS:bar.example.com", RK_VERDICT_NOT_ALLOWED},
	};
	struct fixture *f = *state;
	EVP_PKEY *key = test_key_shared(TEST_P256, 4);

	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		X509 *ca = test_cert_new(&(struct test_cert){.cn = "constrained",
			.key = key,
			.is_ca = true,
			.issuer = f->pki.ca,
			.issuer_key = f->pki.ca_key,
			.name_constraints = want[i].constraint});

		f->args.untrusted = sk_X509_new_null();
		must(sk_X509_push(f->args.untrusted, ca) > 0);
		assert_int_equal(judge_leaf(f, (struct test_cert){.issuer = ca,
						       .issuer_key = key,
						       .alt_name = "DNS:*.example.com"}),
			want[i].status);
		sk_X509_pop_free(f->args.untrusted, X509_free);
		f->args.untrusted = NULL;
	}
}

#define T(f) cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(alt_names),
		cmocka_unit_test(constraint_bases),
		T(bad_names_refuse_the_leaf),
		T(wildcards_are_excluded),
		T(wrongly_critical_extensions_refuse),
		T(bad_constraints_refuse_the_ca),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
