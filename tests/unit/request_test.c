/* SPDX-License-Identifier: BSD-3-Clause */
/* Requests: what stands in them, and what is refused before anything is signed. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "pki/x509/request.h"
#include "tests/unit/test_ca.h"

static struct pki_report report;

static int teardown(void **state)
{
	(void)state;
	return ERR_peek_error() == 0 ? 0 : -1;
}

static X509_REQ *build(const struct pki_subject *s, enum test_key kind)
{
	char *pem = NULL;
	X509_REQ *request;
	BIO *bio;

	pki_report_init(&report);
	must(pki_request_build(s, test_key_shared(kind, 0), &report, &pem) == 0);
	bio = BIO_new_mem_buf(pem, -1);
	request = PEM_read_bio_X509_REQ(bio, NULL, NULL, NULL);
	must(request != NULL);
	must(X509_REQ_verify(request, X509_REQ_get0_pubkey(request)) == 1);
	must(X509_REQ_get_version(request) == 0);
	BIO_free(bio);
	free(pem);
	return request;
}

static char *entry(X509_REQ *request, int nid, int *type)
{
	static char text[256];
	X509_NAME *name = X509_REQ_get_subject_name(request);
	int at = X509_NAME_get_index_by_NID(name, nid, -1);
	ASN1_STRING *s;

	must(at >= 0);
	s = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at));
	*type = ASN1_STRING_type(s);
	snprintf(text, sizeof(text), "%.*s", ASN1_STRING_length(s),
		(const char *)ASN1_STRING_get0_data(s));
	return text;
}

static void the_seeds_minimal_request_is_made(void **state)
{
	X509_REQ *r = build(&(struct pki_subject){.common_name = "SSR_12345679"}, TEST_RSA_2048);
	int type;

	(void)state;
	assert_int_equal(X509_NAME_entry_count(X509_REQ_get_subject_name(r)), 1);
	assert_string_equal(entry(r, NID_commonName, &type), "SSR_12345679");
	assert_int_equal(type, V_ASN1_UTF8STRING);
	assert_int_equal(X509_REQ_get_signature_nid(r), NID_sha256WithRSAEncryption);
	X509_REQ_free(r);
}

static void every_field_is_carried(void **state)
{
	const struct pki_subject s = {"de", "Hessen", "Frankfurt am Main", "Örtliche AG", "PKI",
		"west", "noc@example.com", NULL, 0};
	X509_REQ *r = build(&s, TEST_P256);
	int type;

	(void)state;
	assert_string_equal(entry(r, NID_countryName, &type), "DE");
	assert_int_equal(type, V_ASN1_PRINTABLESTRING);
	assert_string_equal(entry(r, NID_stateOrProvinceName, &type), "Hessen");
	assert_string_equal(entry(r, NID_localityName, &type), "Frankfurt am Main");
	assert_string_equal(entry(r, NID_organizationName, &type), "Örtliche AG");
	assert_int_equal(type, V_ASN1_UTF8STRING);
	assert_string_equal(entry(r, NID_organizationalUnitName, &type), "PKI");
	assert_string_equal(entry(r, NID_pkcs9_emailAddress, &type), "noc@example.com");
	assert_int_equal(type, V_ASN1_IA5STRING);
	X509_REQ_free(r);
}

static void hashes_follow_the_curve(void **state)
{
	static const struct {
		enum test_key kind;
		int nid;
	} want[] = {{TEST_P256, NID_ecdsa_with_SHA256}, {TEST_P384, NID_ecdsa_with_SHA384},
		{TEST_P521, NID_ecdsa_with_SHA512}};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		X509_REQ *r = build(&(struct pki_subject){.common_name = "x"}, want[i].kind);

		assert_int_equal(X509_REQ_get_signature_nid(r), want[i].nid);
		X509_REQ_free(r);
	}
}

static void alternative_names_are_carried(void **state)
{
	static const struct pki_alt_name names[] = {{PKI_ALT_URN_SSR_PEERING, "west_1"},
		{PKI_ALT_DNS, "west_1.example.com"}, {PKI_ALT_IP, "192.0.2.1"},
		{PKI_ALT_IP, "2001:db8::1"}, {PKI_ALT_EMAIL, "a@b.c"},
		{PKI_ALT_URI, "https://x/y"}};
	static const int types[] = {GEN_URI, GEN_DNS, GEN_IPADD, GEN_IPADD, GEN_EMAIL, GEN_URI};
	X509_REQ *r = build(
		&(struct pki_subject){.common_name = "west", .alt_name = names, .alt_name_cnt = 6},
		TEST_P256);
	STACK_OF(X509_EXTENSION) *extensions = X509_REQ_get_extensions(r);
	GENERAL_NAMES *got = X509V3_get_d2i(extensions, NID_subject_alt_name, NULL, NULL);
	int i;

	(void)state;
	assert_int_equal(sk_GENERAL_NAME_num(got), 6);
	for (i = 0; i < 6; i++)
		assert_int_equal(sk_GENERAL_NAME_value(got, i)->type, types[i]);
	assert_memory_equal(ASN1_STRING_get0_data(sk_GENERAL_NAME_value(got, 0)->d.ia5),
		"urn:ssr:peering:west_1", 22);
	assert_int_equal(ASN1_STRING_length(sk_GENERAL_NAME_value(got, 3)->d.ip), 16);
	GENERAL_NAMES_free(got);
	sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
	X509_REQ_free(r);
}

static void expect_refused(const struct pki_subject *s, const char *field, const char *code)
{
	char *pem = NULL;

	pki_report_init(&report);
	assert_int_equal(
		pki_request_build(s, test_key_shared(TEST_P256, 0), &report, &pem), -EINVAL);
	assert_null(pem);
	assert_true(report.error_cnt > 0);
	assert_string_equal(pki_report_first(&report)->code, code);
	assert_string_equal(pki_report_first(&report)->subject, field);
}

static void bad_fields_are_refused_by_name(void **state)
{
	char long_name[130];

	(void)state;
	memset(long_name, 'a', sizeof(long_name) - 1);
	long_name[129] = '\0';
	expect_refused(&(struct pki_subject){0}, "common_name", "required");
	expect_refused(&(struct pki_subject){.common_name = ""}, "common_name", "required");
	expect_refused(
		&(struct pki_subject){.common_name = long_name + 64}, "common_name", "too-long");
	expect_refused(
		&(struct pki_subject){.common_name = "a\nb"}, "common_name", "bad-characters");
	expect_refused(&(struct pki_subject){.common_name = "a\xc0\xaf"}, "common_name",
		"bad-characters"); /* overlong */
	expect_refused(&(struct pki_subject){.common_name = "a\xed\xa0\x80"}, "common_name",
		"bad-characters"); /* surrogate */
	expect_refused(&(struct pki_subject){.common_name = "a\xe2\x80\xae"}, "common_name",
		"bad-characters"); /* right-to-left override */
	expect_refused(
		&(struct pki_subject){.common_name = "a\xff"}, "common_name", "bad-characters");
	expect_refused(&(struct pki_subject){.common_name = "x", .country_name = "DEU"},
		"country_name", "too-long");
	expect_refused(&(struct pki_subject){.common_name = "x", .country_name = "D1"},
		"country_name", "bad-country");
	expect_refused(
		&(struct pki_subject){.common_name = "x", .organization_name = long_name + 64},
		"organization_name", "too-long");
	expect_refused(&(struct pki_subject){.common_name = "x", .locality_name = long_name},
		"locality_name", "too-long");
	expect_refused(&(struct pki_subject){.common_name = "x", .email_address = "nobody"},
		"email_address", "bad-email");
	expect_refused(&(struct pki_subject){.common_name = "x", .email_address = "ä@b.c"},
		"email_address", "bad-email");
}

static void bad_alternative_names_are_refused(void **state)
{
	static const struct pki_alt_name bad[] = {{PKI_ALT_URN_SSR_PEERING, ""},
		{PKI_ALT_URN_SSR_PEERING, "a b"}, {PKI_ALT_DNS, ""}, {PKI_ALT_DNS, "a..b"},
		{PKI_ALT_DNS, "-a.b"}, {PKI_ALT_DNS, "a-.b"}, {PKI_ALT_DNS, "a b"},
		{PKI_ALT_IP, "300.1.1.1"}, {PKI_ALT_IP, "192.0.2.1/24"}, {PKI_ALT_EMAIL, "@b"},
		{PKI_ALT_URI, "noscheme"}, {PKI_ALT_URI, "http:"}, {PKI_ALT_URI, "http://a b"},
		{PKI_ALT_URI, NULL}, {0, "x"}};
	static struct pki_alt_name many[PKI_ALT_NAME_MAX + 1];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		expect_refused(
			&(struct pki_subject){
				.common_name = "x", .alt_name = &bad[i], .alt_name_cnt = 1},
			"subject_alt_names", "bad-alternative-name");
	for (i = 0; i <= PKI_ALT_NAME_MAX; i++)
		many[i] = (struct pki_alt_name){PKI_ALT_DNS, "a.b"};
	expect_refused(
		&(struct pki_subject){
			.common_name = "x", .alt_name = many, .alt_name_cnt = PKI_ALT_NAME_MAX + 1},
		"subject_alt_names", "too-many");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(the_seeds_minimal_request_is_made, teardown),
		cmocka_unit_test_teardown(every_field_is_carried, teardown),
		cmocka_unit_test_teardown(hashes_follow_the_curve, teardown),
		cmocka_unit_test_teardown(alternative_names_are_carried, teardown),
		cmocka_unit_test_teardown(bad_fields_are_refused_by_name, teardown),
		cmocka_unit_test_teardown(bad_alternative_names_are_refused, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
