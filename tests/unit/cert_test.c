/* SPDX-License-Identifier: BSD-3-Clause */
/* Certificates as text: every form that is taken, every form that is refused; what is shown. */
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

#include "pki/x509/cert.h"
#include "pki/x509/cert_list.h"
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

static int parse(const char *text, X509 **out)
{
	pki_report_init(&report);
	*out = NULL;
	return pki_cert_parse(text, strlen(text), &report, out);
}

static void expect_taken(const char *text)
{
	X509 *cert;

	if (parse(text, &cert) != 0)
		print_message("refused: %s\n", pki_report_first(&report)->code);
	assert_non_null(cert);
	assert_int_equal(X509_cmp(cert, pki.leaf), 0);
	X509_free(cert);
}

static void expect_refused(const char *text, const char *code)
{
	X509 *cert;

	assert_int_equal(parse(text, &cert), -EBADMSG);
	assert_null(cert);
	if (!pki_report_has(&report, code))
		print_message("found %s\n", pki_report_first(&report)->code);
	assert_true(pki_report_has(&report, code));
}

/* text with every newline replaced; freed by the caller. */
static char *with_line_ends(const char *text, const char *end)
{
	char *out = malloc(strlen(text) * (strlen(end) + 1) + 1), *to = out;

	must(out != NULL);
	for (; *text != '\0'; text++) {
		if (*text != '\n') {
			*to++ = *text;
			continue;
		}
		memcpy(to, end, strlen(end));
		to += strlen(end);
	}
	*to = '\0';
	return out;
}

static char *joined(const char *a, const char *b)
{
	char *out = malloc(strlen(a) + strlen(b) + 1);

	must(out != NULL);
	strcpy(out, a);
	return strcat(out, b);
}

static void white_space_does_not_matter(void **state)
{
	static const char *const ends[] = {"\n", "\r\n", "", " ", "\n\n", "\r", "\t\n "};
	char *pem = test_pem(pki.leaf);
	char *bom = joined("\xef\xbb\xbf \r\n", pem);
	char *tail = joined(pem, "\n \t\r\n");
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		char *text = with_line_ends(pem, ends[i]);

		expect_taken(text);
		free(text);
	}
	expect_taken(bom);
	expect_taken(tail);
	free(pem);
	free(bom);
	free(tail);
}

static void anything_else_around_is_refused(void **state)
{
	char *pem = test_pem(pki.leaf);
	char *ca = test_pem(pki.ca);
	char *after = joined(pem, "x");
	char *before = joined("subject=west\n", pem);
	char *two = joined(pem, ca);

	(void)state;
	expect_refused(after, "certificate-not-alone");
	expect_refused(before, "certificate-not-alone");
	expect_refused(two, "certificate-not-alone");
	expect_refused("", "certificate-not-pem");
	expect_refused("MIIBjTCCATOgAwIBAgIUF", "certificate-not-pem");
	expect_refused("-----BEGIN CERTIFICATE-----", "certificate-pem-damaged");
	free(pem);
	free(ca);
	free(after);
	free(before);
	free(two);
}

static void damaged_blocks_are_refused(void **state)
{
	char *pem = test_pem_one_line(pki.leaf);
	char *body = strstr(pem, "MII");
	char kept = body[10];

	(void)state;
	body[10] = '*';
	expect_refused(pem, "certificate-pem-damaged");
	body[10] = '=';
	expect_refused(pem, "certificate-pem-damaged");
	body[10] = kept;
	memcpy(strstr(pem, "END CERT"), "END CERX", 8);
	expect_refused(pem, "certificate-pem-damaged");
	memcpy(strstr(pem, "END CERX"), "END CERT", 8);
	expect_taken(pem);
	memcpy(pem, "-----BEGIN CERTIFICATF-----", 27);
	memcpy(strstr(pem, "END CERT"), "END CERTIFICATF", 15);
	expect_refused(pem, "certificate-wrong-label");
	expect_refused("-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n",
		"certificate-unreadable");
	expect_refused("-----BEGIN CERTIFICATE-----\nMIAAAA==\n-----END CERTIFICATE-----\n",
		"certificate-not-der");
	free(pem);
}

static void der_must_be_whole_and_alone(void **state)
{
	size_t len, i;
	uint8_t *der = test_der(pki.leaf, &len);
	uint8_t *more = malloc(RK_CERT_DER_MAX + 1);
	X509 *cert = NULL;

	(void)state;
	must(more != NULL);
	for (i = 0; i < len; i++)
		assert_int_equal(pki_cert_parse_der(der, i, NULL, &cert), -EBADMSG);
	memcpy(more, der, len);
	memset(more + len, 0, RK_CERT_DER_MAX + 1 - len);
	assert_int_equal(pki_cert_parse_der(more, len + 1, NULL, &cert), -EBADMSG);
	pki_report_init(&report);
	assert_int_equal(pki_cert_parse_der(more, RK_CERT_DER_MAX + 1, &report, &cert), -EBADMSG);
	assert_true(pki_report_has(&report, "certificate-too-large"));
	assert_null(cert);
	free(der);
	free(more);
}

static void pem_comes_back_as_it_was(void **state)
{
	char *want = test_pem(pki.leaf), *got = NULL;
	size_t want_len, got_len;
	uint8_t *want_der = test_der(pki.leaf, &want_len), *got_der = NULL;

	(void)state;
	assert_int_equal(pki_cert_to_pem(pki.leaf, &got), 0);
	assert_string_equal(got, want);
	assert_int_equal(pki_cert_to_der(pki.leaf, &got_der, &got_len), 0);
	assert_int_equal(got_len, want_len);
	assert_memory_equal(got_der, want_der, want_len);
	free(want);
	free(got);
	free(want_der);
	OPENSSL_free(got_der);
}

static void info_says_what_operators_read(void **state)
{
	X509 *cert = test_cert_new(&(struct test_cert){.cn = "west",
		.key = pki.leaf_key,
		.issuer = pki.ca,
		.issuer_key = pki.ca_key,
		.serial_hex = "0f10",
		.ext_key_usage = "serverAuth,clientAuth",
		.alt_name = "URI:urn:ssr:peering:west,DNS:west.example,IP:192.0.2.1,email:a@b.c",
		.crl_points = "URI:http://ca.example/1.crl,URI:ldap://x/y"});
	struct pki_cert_info *info = malloc(sizeof(*info));

	(void)state;
	must(info != NULL);
	assert_int_equal(pki_cert_info(cert, info), 0);
	assert_string_equal(info->subject, "CN=west,O=rekey test");
	assert_string_equal(info->issuer, "CN=test issuing CA,O=rekey test");
	assert_string_equal(info->serial, "0F10");
	assert_int_equal(info->common_name_cnt, 1);
	assert_string_equal(info->common_name[0], "west");
	assert_int_equal(info->alt_name_cnt, 4);
	assert_string_equal(info->alt_name[0], "URI:urn:ssr:peering:west");
	assert_string_equal(info->alt_name[1], "DNS:west.example");
	assert_string_equal(info->alt_name[2], "IP Address:192.0.2.1");
	assert_string_equal(info->alt_name[3], "email:a@b.c");
	assert_int_equal(info->crl_url_cnt, 1);
	assert_string_equal(info->crl_url[0], "http://ca.example/1.crl");
	assert_non_null(strstr(info->purpose, "TLS Web Server Authentication"));
	assert_string_equal(info->key_type, "ECC SECP256R1");
	assert_string_equal(info->signature_algorithm, "ecdsa-with-SHA256");
	assert_int_equal(strlen(info->fingerprint_sha256), 95);
	assert_int_equal(strlen(info->fingerprint_sha1), 59);
	assert_false(info->is_ca);
	assert_false(info->is_self_signed);
	assert_int_equal(pki_cert_info(pki.root, info), 0);
	assert_true(info->is_ca);
	assert_true(info->is_self_signed);
	assert_string_equal(info->purpose, "N/A");
	free(info);
	X509_free(cert);
}

/* That a list cannot be had as the certificate says is told once: where nothing else can be. */
static void unfetched_points_are_told(void **state)
{
	static char long_url[PKI_URL_MAX + 32] = "URI:http://";
	const struct {
		const char *points, *url;
		const X509 *issuer; /* of the list; NULL: the certificate's */
	} rows[] = {
		{NULL, NULL},
		{"URI:ldap://x/y", "ldap://x/y"},
		{"URI:ldap://x/y,URI:ftp://x", "ldap://x/y"},
		{"URI:ldap://x/y,URI:http://x/z", NULL},
		{"URI:http://x/z,URI:ldap://x/y", NULL},
		{long_url, ""},
		{"URI:ldap://x/y", "ldap://x/y", pki.root},
	};

	(void)state;
	memset(long_url + strlen(long_url), 'x', PKI_URL_MAX);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		X509 *cert = test_cert_new(&(struct test_cert){.key = pki.leaf_key,
			.issuer = pki.ca,
			.issuer_key = pki.ca_key,
			.crl_issuer = rows[i].issuer,
			.crl_points = rows[i].points});
		uint8_t hash[PKI_ISSUER_HASH_LEN], expected[PKI_ISSUER_HASH_LEN];
		char url[PKI_URL_MAX];

		assert_int_equal(pki_cert_unfetched_point(cert, url, hash), rows[i].url != NULL);
		if (rows[i].url != NULL) {
			assert_int_equal(pki_issuer_hash(rows[i].issuer != NULL
								 ? X509_get_subject_name(pki.root)
								 : X509_get_subject_name(pki.ca),
						 expected),
				0);
			assert_memory_equal(hash, expected, sizeof(hash));
			assert_memory_equal(url, rows[i].url, strlen(rows[i].url));
			assert_true(strlen(url) > 0 && strlen(url) < PKI_URL_MAX);
		}
		X509_free(cert);
	}
}

static void hostile_names_are_made_printable(void **state)
{
	X509 *cert =
		test_cert_new(&(struct test_cert){.cn = "a\x1b[2Jb\nc\xc2\x9b\xc2\xa9\xe2\x80\xae",
			.key = pki.leaf_key,
			.issuer = pki.ca,
			.issuer_key = pki.ca_key});
	struct pki_cert_info *info = malloc(sizeof(*info));
	const char *p;

	(void)state;
	must(info != NULL);
	assert_int_equal(pki_cert_info(cert, info), 0);
	for (p = info->subject; *p != '\0'; p++)
		assert_true((unsigned char)*p >= 0x20);
	assert_null(strstr(info->subject, "\xc2\x9b"));
	assert_null(strstr(info->subject, "\xe2\x80\xae"));
	assert_string_equal(info->common_name[0], "a?[2Jb?c??\xc2\xa9???");
	free(info);
	X509_free(cert);
}

static void reports_are_bounded_and_keep_errors(void **state)
{
	char text[600];
	size_t i;

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	memcpy(text + PKI_TEXT_MAX - 2, "\xc3\xa4", 2); /* would be cut in two */
	pki_report_init(&report);
	for (i = 0; i < PKI_REPORT_MAX + 5; i++)
		pki_report_add(&report, PKI_WARNING, "w", "", "%s", text);
	pki_report_add(&report, PKI_ERROR, "e", "", "bad\n\xc2\x9b\xe2\x80\xae");
	assert_int_equal(report.cnt, PKI_REPORT_MAX);
	assert_int_equal(report.dropped_cnt, 6);
	assert_int_equal(report.warning_cnt, PKI_REPORT_MAX + 5);
	assert_string_equal(pki_report_first(&report)->code, "e");
	assert_string_equal(pki_report_first(&report)->text, "bad??????");
	assert_int_equal(strlen(report.finding[0].text), PKI_TEXT_MAX - 2);
}

/* All of a file or nothing, and the reason says which block. */
static void lists_are_whole_or_refused(void **state)
{
	static const struct {
		const char *tail, *code;
	} cases[] = {
		{"-----BEGIN CERTIFICATE-----\nMIIB", "pem-damaged"},
		{"-----BEGIN CERTIFICATE-----\nMIIB\n-----END X509 CRL-----\n", "pem-damaged"},
		{"-----BEGIN CERTIFICATE-----\nMI!B\n-----END CERTIFICATE-----\n",
			"certificate-pem-damaged"},
		{"-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n",
			"certificate-unreadable"},
		{"-----BEGIN PUBLIC KEY-----\nMAA=\n-----END PUBLIC KEY-----\n",
			"certificate-wrong-label"},
	};
	STACK_OF(X509) *list = sk_X509_new_null();
	char *pem = test_pem(pki.leaf), text[16384];

	(void)state;
	pki_report_init(&report);
	snprintf(text, sizeof(text), "a\n%sb\n%s", pem, pem);
	assert_int_equal(pki_cert_list_parse(text, strlen(text), 2, &report, list), 0);
	assert_int_equal(sk_X509_num(list), 2);
	assert_int_equal(pki_cert_list_parse(text, strlen(text), 3, &report, list), -EBADMSG);
	assert_true(pki_report_has(&report, "too-many-certificates"));
	assert_int_equal(sk_X509_num(list), 2);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		pki_report_init(&report);
		snprintf(text, sizeof(text), "%s%s%s", pem, cases[i].tail, pem);
		assert_int_equal(
			pki_cert_list_parse(text, strlen(text), 64, &report, list), -EBADMSG);
		assert_int_equal(sk_X509_num(list), 2);
		assert_string_equal(pki_report_first(&report)->code, cases[i].code);
		assert_string_equal(pki_report_first(&report)->subject, "certificate 2");
	}
	pki_report_init(&report);
	assert_int_equal(pki_cert_list_parse("none", 4, 64, &report, list), -EBADMSG);
	assert_true(pki_report_has(&report, "no-pem"));
	sk_X509_pop_free(list, X509_free);
	free(pem);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(white_space_does_not_matter),
		cmocka_unit_test(anything_else_around_is_refused),
		cmocka_unit_test(damaged_blocks_are_refused),
		cmocka_unit_test(der_must_be_whole_and_alone),
		cmocka_unit_test(pem_comes_back_as_it_was),
		cmocka_unit_test(info_says_what_operators_read),
		cmocka_unit_test(unfetched_points_are_told),
		cmocka_unit_test(hostile_names_are_made_printable),
		cmocka_unit_test(reports_are_bounded_and_keep_errors),
		cmocka_unit_test(lists_are_whole_or_refused),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
