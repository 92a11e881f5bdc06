/* SPDX-License-Identifier: BSD-3-Clause */
/* Extensions as they are written: what OpenSSL decodes all the same is not taken. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "pki/x509/extension.h"

struct bytes {
	size_t len;
	uint8_t data[80];
};

#define B(...)                                          \
	{                                               \
		sizeof((const uint8_t[]){__VA_ARGS__}), \
		{                                       \
			__VA_ARGS__                     \
		}                                       \
	}

/* id-ce and an arc, as an OBJECT IDENTIFIER. */
#define ID(arc) 0x06, 0x03, 0x55, 0x1d, arc
#define TRUE_   0x01, 0x01, 0xff

enum { KU = 15, SKI = 14, BC = 19 };

static struct bytes wrap(uint8_t tag, struct bytes inner)
{
	struct bytes out = {inner.len + 2, {tag, (uint8_t)inner.len}};

	memcpy(out.data + 2, inner.data, inner.len);
	return out;
}

/* As much of a certificate as is looked at. */
static bool is_der(struct bytes extension)
{
	struct bytes cert = wrap(0x30, wrap(0x30, wrap(0xa3, wrap(0x30, wrap(0x30, extension)))));

	return pki_cert_extensions_are_der(cert.data, cert.len);
}

static void test_writing(void **state)
{
	static const struct {
		bool is_der;
		struct bytes extension;
	} cases[] = {
		{true, B(ID(BC), TRUE_, 0x04, 0x02, 0x30, 0x00)},
		{true, B(ID(BC), 0x04, 0x05, 0x30, 0x03, TRUE_)},
		{false, B(ID(BC), 0x01, 0x01, 0x00, 0x04, 0x02, 0x30, 0x00)}, /* critical FALSE */
		{false, B(ID(BC), 0x01, 0x01, 0x01, 0x04, 0x02, 0x30, 0x00)}, /* neither */
		{false, B(ID(BC), TRUE_, TRUE_, 0x04, 0x02, 0x30, 0x00)},
		{false, B(ID(BC), 0x04, 0x05, 0x30, 0x03, 0x01, 0x01, 0x00)}, /* cA FALSE */
		{false, B(ID(BC), 0x04, 0x05, 0x30, 0x03, 0x01, 0x01, 0x01)}, /* cA 1 */
		{false, B(ID(BC), 0x04, 0x04, 0x30, 0x00, 0x05, 0x00)},       /* something behind */
		{false, B(ID(BC), 0x04, 0x03, 0x30, 0x81, 0x00)},             /* a long length */
		{false, B(ID(BC), 0x04, 0x00)},                               /* nothing */
		{false, B(ID(BC), 0x04, 0x02, 0x30, 0x00, 0x05, 0x00)},       /* a fourth part */
		{false, B(ID(BC), 0x03, 0x02, 0x30, 0x00)},                   /* no octets */
		{false, B(ID(BC))},                                           /* no value */
		{true, B(ID(KU), 0x04, 0x04, 0x03, 0x02, 0x07, 0x80)},
		{true, B(ID(KU), 0x04, 0x05, 0x03, 0x03, 0x07, 0x80, 0x80)},
		{false, B(ID(KU), 0x04, 0x04, 0x03, 0x02, 0x00, 0x80)}, /* zeros at the end */
		{false, B(ID(KU), 0x04, 0x05, 0x03, 0x03, 0x00, 0x80, 0x00)},
		{false, B(ID(KU), 0x04, 0x02, 0x05, 0x00)},
		/* what is nobody's may be written in any way */
		{true, B(0x06, 0x03, 0x2a, 0x03, 0x04, 0x04, 0x00)},
		{true, B(0x06, 0x03, 0x2a, 0x03, 0x04, 0x04, 0x02, 0x30, 0x81)},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (is_der(cases[i].extension) != cases[i].is_der)
			fail_msg("case %zu", i);
}

static const char *problem(int nid, bool is_critical, struct bytes value)
{
	ASN1_OCTET_STRING *octets = ASN1_OCTET_STRING_new();
	const struct pki_problem *p;
	X509_EXTENSION *e;

	assert_int_equal(ASN1_OCTET_STRING_set(octets, value.data, (int)value.len), 1);
	e = X509_EXTENSION_create_by_NID(NULL, nid, is_critical, octets);
	p = pki_extension_problem(e);
	X509_EXTENSION_free(e);
	ASN1_OCTET_STRING_free(octets);
	assert_int_equal(ERR_peek_error(), 0);
	return p != NULL ? p->code : "";
}

static void test_values(void **state)
{
	static const struct {
		const char *code;
		int nid;
		bool is_critical;
		struct bytes value;
	} cases[] = {
		{"", NID_basic_constraints, true, B(0x30, 0x00)},
		{"bad-extension", NID_basic_constraints, true, B(0x05, 0x00)},
		{"", NID_ext_key_usage, false, B(0x30, 0x05, 0x06, 0x03, 0x2a, 0x03, 0x04)},
		{"bad-extension", NID_ext_key_usage, false, B(0x30, 0x00)},
		{"bad-extension", NID_certificate_policies, false, B(0x30, 0x00)},
		{"bad-extension", NID_crl_distribution_points, false, B(0x30, 0x00)},
		{"bad-extension", NID_info_access, false, B(0x30, 0x00)},
		{"bad-extension", NID_info_access, false, B(0x05, 0x00)},
		{"bad-extension", NID_subject_key_identifier, false, B(0x04, 0x00)},
		{"", NID_subject_key_identifier, false, B(0x04, 0x01, 0x07)},
		{"", NID_authority_key_identifier, false, B(0x30, 0x03, 0x80, 0x01, 0x07)},
		{"bad-extension", NID_authority_key_identifier, false, B(0x30, 0x02, 0x80, 0x00)},
		{"bad-extension", NID_authority_key_identifier, false,
			B(0x30, 0x06, 0x80, 0x01, 0x07, 0x82, 0x01, 0x05)},
		{"", NID_inhibit_any_policy, true, B(0x02, 0x01, 0x00)},
		{"bad-extension", NID_inhibit_any_policy, true, B(0x02, 0x01, 0xff)},
		/* Nothing acts on these, so whoever marks them critical is told no. */
		{"unknown-critical-extension", NID_netscape_cert_type, true,
			B(0x03, 0x02, 0x07, 0x80)},
		{"", NID_netscape_cert_type, false, B(0x03, 0x02, 0x07, 0x80)},
		{"unknown-critical-extension", NID_id_pkix_OCSP_noCheck, true, B(0x05, 0x00)},
		{"unknown-critical-extension", NID_proxyCertInfo, true, B(0x30, 0x00)},
		{"unknown-critical-extension", NID_sbgp_ipAddrBlock, true, B(0x30, 0x00)},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (strcmp(problem(cases[i].nid, cases[i].is_critical, cases[i].value),
			    cases[i].code) != 0)
			fail_msg("case %zu", i);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_writing),
		cmocka_unit_test(test_values),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
