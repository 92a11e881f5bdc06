/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Lists that no library would write, octet by octet: each breaks one rule of RFC 5280 or X.690, or keeps
 * to one that is seldom met. Nobody signed them: they are read, not verified.
 */
#include <ctype.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "pki/x509/crl_cover.h"
#include "pki/x509/crl_parts.h"
#include "tests/unit/test_ca.h"

#define LIMIT (1024 * 1024)

/*
 * Octets in hexadecimal; 'text' for the text's; ( and ) around what is to stand behind its length.
 */
static const char *write_octets(const char *text, uint8_t **to)
{
	while (*text != '\0' && *text != ')') {
		uint8_t *begin = *to, length[4];
		unsigned octet, n = 0;
		size_t len;

		if (*text == '\'') {
			for (text++; *text != '\''; text++)
				*(*to)++ = (uint8_t)*text;
			text++;
		} else if (*text == '(') {
			text = write_octets(text + 1, to) + 1;
			len = (size_t)(*to - begin);
			if (len > 0x7f)
				length[n++] = len > 0xffff ? 0x83 : len > 0xff ? 0x82 : 0x81;
			if (len > 0xffff)
				length[n++] = (uint8_t)(len >> 16);
			if (len > 0xff)
				length[n++] = (uint8_t)(len >> 8);
			length[n++] = (uint8_t)len;
			memmove(begin + n, begin, len);
			memcpy(begin, length, n);
			*to += n;
		} else if (isspace((unsigned char)*text)) {
			text++;
		} else {
			assert_int_equal(sscanf(text, "%2x", &octet), 1);
			*(*to)++ = (uint8_t)octet;
			text += 2;
		}
	}
	return text;
}

#define CRITICAL                  "0101FF"
#define CE(arc)                   "06(551D" arc ")"
#define EXT(arc, critical, value) "30(" CE(arc) critical "04(" value "))"
#define NUMBER                    EXT("14", "", "02(05)")
#define KEY_ID                    "80('0123456789abcdef0123')"
#define AKI                       EXT("23", "", "30(" KEY_ID ")")
#define INDIRECT                  EXT("1C", CRITICAL, "30(84(FF))")
#define DELTA(base)               EXT("1B", CRITICAL, "02(" base ")")
#define DIRECTORY                 "A4(30(31(30(06(550403)0C('other')))))"
#define DATE                      "17('260101000000Z')"
#define OURS                      "06(2A030405)"
#define ECDSA_256                 "30(06(2A8648CE3D040302))"
#define ECDSA_384                 "30(06(2A8648CE3D040303))"
#define ENTRY(more)               "30(30(02(05)" DATE "30(" more ")))"

/* What there is in place of what a good list has; NULL: as there. */
struct forged {
	const char *what;
	const char *code; /* NULL: it is good */
	const char *issuer, *next, *entries, *extensions, *behind_extensions;
	const char *outer, *signature, *tail;
};

static const char *or_good(const char *is, const char *good)
{
	return is != NULL ? is : good;
}

/* Freed by the caller. */
static uint8_t *forge(const struct forged *f, size_t *len)
{
	static char text[1 << 18];
	uint8_t *der = malloc(sizeof(text)), *end = der;

	assert_true((size_t)snprintf(text, sizeof(text),
			    "30(30(02(01)" ECDSA_256 "%s" DATE "%s%sA0(30(%s)%s))%s%s%s)",
			    or_good(f->issuer, "30(31(30(06(550403)0C('ca'))))"),
			    or_good(f->next, "17('270101000000Z')"), or_good(f->entries, ""),
			    or_good(f->extensions, NUMBER AKI), or_good(f->behind_extensions, ""),
			    or_good(f->outer, ECDSA_256),
			    or_good(f->signature, "03(00 3006020101020101)"),
			    or_good(f->tail, "")) < sizeof(text));
	write_octets(text, &end);
	*len = (size_t)(end - der);
	return der;
}

static struct pki_crl *expect(const struct forged *f)
{
	struct pki_report report;
	struct pki_crl *crl = NULL;
	const char *code;
	size_t len;
	uint8_t *der = forge(f, &len);
	int ret;

	pki_report_init(&report);
	ret = pki_crl_parse_kinds(der, len, LIMIT, PKI_CRL_TAKE_ALL, &report, &crl);
	code = ret < 0 ? pki_report_first(&report)->code : NULL;
	if (f->code == NULL && code != NULL)
		fail_msg("%s: %s", f->what, code);
	if (f->code != NULL && (code == NULL || strcmp(code, f->code) != 0))
		fail_msg("%s: %s", f->what, code != NULL ? code : "taken");
	assert_int_equal(ret, f->code != NULL ? -EBADMSG : 0);
	free(der);
	return crl;
}

static void expect_all(const struct forged *rows, size_t cnt)
{
	for (size_t i = 0; i < cnt; i++)
		pki_crl_free(expect(&rows[i]));
}

#define EXPECT_ALL(rows) expect_all(rows, sizeof(rows) / sizeof((rows)[0]))

static void frames_are_exact(void **state)
{
	static const struct forged rows[] = {
		{.what = "nothing is wrong"},
		{"signature empty", "crl-unreadable", .signature = "03(00)"},
		{"signature with unused bits", "crl-unreadable",
			.signature = "03(01 3006020101020100)"},
		{"something behind", "crl-unreadable", .tail = "0500"},
		{"another algorithm outside", "signature-algorithms-differ", .outer = ECDSA_384},
		{"over when it begins", "crl-bad-dates", .next = DATE},
		{"entries that are none", "crl-bad-entry", .entries = "30()"},
		{"an empty issuer", "crl-bad-issuer", .issuer = "30()"},
		{"something behind the extensions", "crl-unreadable", .behind_extensions = "0500"},
	};

	(void)state;
	EXPECT_ALL(rows);
}

static void extensions_are_as_they_must(void **state)
{
	static const struct forged rows[] = {
		{"a critical number", "crl-bad-number",
			.extensions = EXT("14", CRITICAL, "02(05)") AKI},
		{"a base that is not critical", "crl-bad-number",
			.extensions = NUMBER AKI EXT("1B", "", "02(05)")},
		{"a base of its own number", .extensions = NUMBER AKI DELTA("05")},
		{"a base after its own number", "crl-bad-number",
			.extensions = NUMBER AKI DELTA("06")},
		{"half a pair", "crl-bad-authority-key-identifier",
			.extensions = NUMBER EXT("23", "", "30(" KEY_ID "82(05))")},
		{"a pair", .extensions =
				   NUMBER EXT("23", "", "30(" KEY_ID "A1(" DIRECTORY ")82(05))")},
		{"more than a pair", "crl-bad-authority-key-identifier",
			.extensions = NUMBER EXT(
				"23", "", "30(" KEY_ID "A1(" DIRECTORY ")82(05)83(05))")},
		{"a critical name of the issuer",
			.extensions = NUMBER AKI EXT("12", CRITICAL, "30(82('ca.example'))")},
		{"a critical one that nobody knows", "crl-unknown-critical-extension",
			.extensions = NUMBER AKI "30(" OURS CRITICAL "04(0500))"},
		{"something behind the last one", "crl-unreadable",
			.extensions = NUMBER AKI "0500"},
		{"something behind a number", "crl-unreadable",
			.extensions = EXT("14", "", "02(05)0500") AKI},
		{"users, and then a point", "crl-bad-scope",
			.extensions =
				NUMBER AKI EXT("1C", CRITICAL, "30(81(FF)A0(A0(86('http://a'))))")},
		{"a point's URI with a blank", "crl-bad-scope",
			.extensions =
				NUMBER AKI EXT("1C", CRITICAL, "30(A0(A0(86('http://a b'))))")},
		{"a point's URI with a control character", "crl-bad-scope",
			.extensions =
				NUMBER AKI EXT("1C", CRITICAL, "30(A0(A0(86('http://a' 01))))")},
		{"a point's URI with DEL", "crl-bad-scope",
			.extensions =
				NUMBER AKI EXT("1C", CRITICAL, "30(A0(A0(86('http://a' 7F))))")},
		{"eight unused bits of reasons", "crl-bad-scope",
			.extensions = NUMBER AKI EXT("1C", CRITICAL, "30(83(08 4000))")},
	};

	(void)state;
	EXPECT_ALL(rows);
}

static void extensions_of_entries_are_as_they_must(void **state)
{
	static const struct forged rows[] = {
		{"a reason", .entries = ENTRY(EXT("15", "", "0A(01)"))},
		{"a critical reason", "crl-extension-must-not-be-critical",
			.entries = ENTRY(EXT("15", CRITICAL, "0A(01)"))},
		{"a reason of two octets", "crl-bad-reason",
			.entries = ENTRY(EXT("15", "", "0A(0101)"))},
		{"a date", .entries = ENTRY(EXT("18", "", "18('20260101000000Z')"))},
		{"a critical date", "crl-extension-must-not-be-critical",
			.entries = ENTRY(EXT("18", CRITICAL, "18('20260101000000Z')"))},
		{"two dates", "duplicate-extension",
			.entries = ENTRY(EXT("18", "", "18('20260101000000Z')")
					EXT("18", "", "18('20260101000000Z')"))},
		{"two reasons", "duplicate-extension",
			.entries = ENTRY(EXT("15", "", "0A(01)") EXT("15", "", "0A(01)"))},
		{"an issuer", .entries = ENTRY(EXT("1D", CRITICAL, "30(" DIRECTORY ")")),
			.extensions = NUMBER AKI INDIRECT},
		{"an issuer that is not critical", "crl-bad-entry",
			.entries = ENTRY(EXT("1D", "", "30(" DIRECTORY ")")),
			.extensions = NUMBER AKI INDIRECT},
		{"two issuers", "duplicate-extension",
			.entries = ENTRY(EXT("1D", CRITICAL, "30(" DIRECTORY ")")
					EXT("1D", CRITICAL, "30(" DIRECTORY ")")),
			.extensions = NUMBER AKI INDIRECT},
		{"an issuer of no directory", "crl-bad-entry",
			.entries = ENTRY(EXT("1D", CRITICAL, "30(86('http://a'))")),
			.extensions = NUMBER AKI INDIRECT},
		{"an issuer in a list of one", "crl-indirect-not-supported",
			.entries = ENTRY(EXT("1D", CRITICAL, "30(" DIRECTORY ")"))},
		{"a critical instruction", .entries = ENTRY(EXT("17", CRITICAL, "06(2A0304)"))},
		{"a critical one that nobody knows", "crl-unknown-critical-extension",
			.entries = ENTRY("30(" OURS CRITICAL "04(0500))")},
		{"something behind them", "crl-bad-entry",
			.entries = ENTRY(EXT("15", "", "0A(01)") "0500")},
		{"none in their list", "crl-bad-entry", .entries = ENTRY("")},
	};

	(void)state;
	EXPECT_ALL(rows);
}

/* Of a point's URIs four are kept; the others are let go, whatever they are. */
static void names_of_a_point_are_bounded(void **state)
{
	const struct forged f = {.what = "five URIs",
		.extensions = NUMBER AKI EXT("1C", CRITICAL,
			"30(A0(A0(86('a:1')86('a:2')82('x.example')86('a:3')86('a:4')86('a:5')))"
			")")};
	struct pki_crl *crl = expect(&f);
	const struct pki_crl_scope *scope = &pki_crl_info(crl)->scope;

	(void)state;
	assert_int_equal(scope->url_cnt, 4);
	for (int i = 0; i < 4; i++) {
		const char expected[] = {'a', ':', (char)('1' + i), '\0'};

		assert_string_equal(scope->url[i], expected);
	}
	pki_crl_free(crl);
}

/* cnt extensions of len octets each beside the two that must be. */
static void expect_extensions(unsigned cnt, unsigned len, const char *code)
{
	static char text[1 << 17];
	struct forged f = {.what = "many or long extensions", .code = code, .extensions = text};
	size_t at = (size_t)snprintf(text, sizeof(text), NUMBER AKI);

	for (unsigned i = 0; i < cnt; i++) {
		at += (size_t)snprintf(text + at, sizeof(text) - at, "30(06(2A0304%02X)04('", i);
		memset(text + at, 'x', len);
		at += len;
		at += (size_t)snprintf(text + at, sizeof(text) - at, "'))");
	}
	pki_crl_free(expect(&f));
}

static void extensions_are_bounded(void **state)
{
	(void)state;
	expect_extensions(30, 1, NULL);
	expect_extensions(31, 1, "duplicate-extension");
	expect_extensions(1, 65400, NULL);
	expect_extensions(1, 65536, "crl-unreadable");
}

/* What names "other" as its issuer, with the serial number of the entries here. */
static X509 *new_cert(void)
{
	X509 *cert = X509_new();
	X509_NAME *name = X509_NAME_new();

	assert_int_equal(X509_NAME_add_entry_by_NID(name, NID_commonName, MBSTRING_UTF8,
				 (const unsigned char *)"other", -1, -1, 0),
		1);
	assert_int_equal(X509_set_issuer_name(cert, name), 1);
	assert_int_equal(ASN1_INTEGER_set(X509_get_serialNumber(cert), 5), 1);
	X509_NAME_free(name);
	return cert;
}

#define SAID(reason, more)                                     \
	"30(02(05)" DATE "30(" EXT("15", "", "0A(" reason ")") \
		EXT("1D", CRITICAL, "30(" DIRECTORY more ")") "))"

/* Whoever names one certificate in two ways may take back and revoke it: a revocation is the last word. */
static void revocation_is_the_last_word(void **state)
{
	static const char *const entries[] = {
		"30(" SAID("08", "") SAID("01", "86('http://a')") ")",
		"30(" SAID("01", "") SAID("08", "86('http://a')") ")",
	};
	X509 *cert = new_cert();

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct pki_crl *crl = expect(&(struct forged){.what = entries[i],
			.entries = entries[i],
			.extensions = NUMBER AKI INDIRECT DELTA("05")});
		struct pki_crl_entry entry;

		assert_true(pki_crl_find(crl, cert, &entry));
		assert_int_equal(entry.reason, 1);
		pki_crl_free(crl);
	}
	X509_free(cert);
}

/* Its begin, or its begin and more, is another key's. */
static void key_identifier_is_compared_whole(void **state)
{
	X509 *cert = test_cert_new(
		&(struct test_cert){.key = test_key_shared(TEST_P256, 0), .is_ca = true});
	const ASN1_OCTET_STRING *id = X509_get0_subject_key_id(cert);

	(void)state;
	assert_int_equal(ASN1_STRING_length(id), 20);
	for (int len = 19; len <= 21; len++) {
		char octets[64] = "", extensions[256];
		const struct pki_problem *problem;
		struct pki_crl *crl;

		for (int i = 0; i < len; i++)
			sprintf(octets + 2 * i, "%02X", i < 20 ? ASN1_STRING_get0_data(id)[i] : 0);
		snprintf(
			extensions, sizeof(extensions), NUMBER EXT("23", "", "30(80(%s))"), octets);
		crl = expect(
			&(struct forged){.what = "a key identifier", .extensions = extensions});
		problem = pki_crl_signer_problem(crl, cert);
		assert_non_null(problem);
		assert_string_equal(problem->code,
			len != 20 ? "crl-key-identifier-differs" : "crl-bad-signature");
		pki_crl_free(crl);
	}
	X509_free(cert);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frames_are_exact),
		cmocka_unit_test(extensions_are_as_they_must),
		cmocka_unit_test(extensions_of_entries_are_as_they_must),
		cmocka_unit_test(names_of_a_point_are_bounded),
		cmocka_unit_test(extensions_are_bounded),
		cmocka_unit_test(revocation_is_the_last_word),
		cmocka_unit_test(key_identifier_is_compared_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
