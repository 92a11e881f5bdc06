/* SPDX-License-Identifier: BSD-3-Clause */
#include "pki/x509/request.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "pki/x509/identity.h"
#include "pki/x509/key.h"
#include "pki/x509/pem.h"

#define COUNT(a)       (sizeof(a) / sizeof((a)[0]))
#define ALT_VALUE_MAX  255 /* what a verdict can carry of a URI */
#define HOST_LABEL_MAX 63

static const struct {
	const char *name;
	enum pki_alt_name_type type;
} alt_types[] = {
	{"urn_ssr_peering", PKI_ALT_URN_SSR_PEERING},
	{"dns", PKI_ALT_DNS},
	{"ip", PKI_ALT_IP},
	{"email", PKI_ALT_EMAIL},
	{"uri", PKI_ALT_URI},
};

int pki_alt_name_type_parse(const char *name, enum pki_alt_name_type *out)
{
	size_t i;

	for (i = 0; i < COUNT(alt_types); i++) {
		if (strcasecmp(name, alt_types[i].name) == 0) {
			*out = alt_types[i].type;
			return 0;
		}
	}
	return -EINVAL;
}

/* One attribute of the subject: RFC 5280 appendix A.1's upper bounds, in characters. */
struct field {
	const char *name;
	const char *value;
	int nid;
	size_t max;
	int type; /* MBSTRING_UTF8, or the string type the attribute demands */
};

static void refuse(struct pki_report *report, const char *field, const char *code,
	const char *advice, const char *text)
{
	pki_report_about(report, "%s", field);
	pki_report_add(report, PKI_ERROR, code, advice, "%s %s", field, text);
	pki_report_about(report, "%s", "");
}

/* Counts UTF-8 characters; -1 for malformed, overlong, surrogate or control ones. */
static long count_characters(const char *s)
{
	const unsigned char *p = (const unsigned char *)s;
	const unsigned char *end = p + strlen(s);
	unsigned long c;
	long cnt = 0;

	while (p < end) {
		/* refuses overlong forms; surrogates are ours to refuse */
		int len = UTF8_getc(p, (int)(end - p), &c);

		if (len <= 0 || c < 0x20 || (c >= 0x7f && c < 0xa0) ||
			(c >= 0xd800 && c < 0xe000) || c > 0x10ffff || c == 0xfeff ||
			(c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069))
			return -1;
		p += len;
		cnt++;
	}
	return cnt;
}

static bool is_letter(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

static bool is_email(const char *s)
{
	const char *at = strchr(s, '@');
	const char *p;

	for (p = s; *p != '\0'; p++) {
		if (*p <= 0x20 || *p >= 0x7f)
			return false;
	}
	return at != NULL && at != s && at[1] != '\0' && strchr(at + 1, '@') == NULL;
}

static bool check_field(const struct field *f, struct pki_report *report)
{
	long cnt = count_characters(f->value);

	if (cnt < 0) {
		refuse(report, f->name, "bad-characters", "Use printable characters in UTF-8 only.",
			"contains control characters, or is not UTF-8.");
		return false;
	}
	if ((size_t)cnt > f->max) {
		refuse(report, f->name, "too-long", "Shorten the field (RFC 5280, appendix A.1).",
			"is longer than X.509 allows.");
		return false;
	}
	if (f->nid == NID_countryName &&
		(cnt != 2 || !is_letter(f->value[0]) || !is_letter(f->value[1]))) {
		refuse(report, f->name, "bad-country", "Use the two letters of ISO 3166, e.g. DE.",
			"is not a two-letter country code.");
		return false;
	}
	if (f->nid == NID_pkcs9_emailAddress && !is_email(f->value)) {
		refuse(report, f->name, "bad-email", "Use the form name@domain, ASCII only.",
			"is not an e-mail address.");
		return false;
	}
	return true;
}

#define FIELD_CNT 7

static void list_fields(const struct pki_subject *s, struct field out[FIELD_CNT])
{
	const struct field list[FIELD_CNT] = {
		{"country_name", s->country_name, NID_countryName, 2, V_ASN1_PRINTABLESTRING},
		{"state_province_name", s->state_province_name, NID_stateOrProvinceName, 128,
			MBSTRING_UTF8},
		{"locality_name", s->locality_name, NID_localityName, 128, MBSTRING_UTF8},
		{"organization_name", s->organization_name, NID_organizationName, 64,
			MBSTRING_UTF8},
		{"organizational_unit_name", s->organizational_unit_name,
			NID_organizationalUnitName, 64, MBSTRING_UTF8},
		{"common_name", s->common_name, NID_commonName, 64, MBSTRING_UTF8},
		{"email_address", s->email_address, NID_pkcs9_emailAddress, 255, V_ASN1_IA5STRING},
	};

	memcpy(out, list, sizeof(list));
}

static bool is_left_out(const struct field *f)
{
	return f->value == NULL || f->value[0] == '\0';
}

static bool check_fields(const struct field *fields, struct pki_report *report)
{
	bool is_fine = true;
	size_t i;

	for (i = 0; i < FIELD_CNT; i++) {
		if (fields[i].nid == NID_commonName && is_left_out(&fields[i])) {
			refuse(report, "common_name", "required",
				"Set it to the router's peering-common-name.", "is missing.");
			is_fine = false;
		} else if (!is_left_out(&fields[i]) && !check_field(&fields[i], report)) {
			is_fine = false;
		}
	}
	return is_fine;
}

/* A name to be looked up: labels of letters, digits, - and _ (routers have underscores). */
static bool is_dns_name(const char *s)
{
	size_t label_len = 0;

	if (strncmp(s, "*.", 2) == 0)
		s += 2;
	for (; *s != '\0'; s++) {
		if (*s == '.') {
			if (label_len == 0 || s[-1] == '-')
				return false;
			label_len = 0;
			continue;
		}
		if (!is_letter(*s) && !isdigit((unsigned char)*s) && *s != '_' &&
			(*s != '-' || label_len == 0))
			return false;
		if (++label_len > HOST_LABEL_MAX)
			return false;
	}
	return label_len > 0 && s[-1] != '-';
}

/* scheme ":" and something; printable ASCII without blanks (RFC 3986's own characters). */
static bool is_uri(const char *s)
{
	const char *p = s;

	if (!is_letter(*p))
		return false;
	while (is_letter(*p) || isdigit((unsigned char)*p) || (*p != '\0' && strchr("+-.", *p)))
		p++;
	if (*p != ':' || p[1] == '\0')
		return false;
	for (; *p != '\0'; p++) {
		if (*p <= 0x20 || *p >= 0x7f || strchr("\"<>\\^`{|}", *p) != NULL)
			return false;
	}
	return true;
}

/* The characters of a URN's namespace-specific string would do; a peering name is one of them. */
static bool is_peering_name(const char *s)
{
	char uri[sizeof(RK_PEERING_URN) + ALT_VALUE_MAX];

	return s[0] != '\0' && strlen(s) <= 64 &&
	       snprintf(uri, sizeof(uri), "%s%s", RK_PEERING_URN, s) > 0 && is_uri(uri);
}

static bool is_sound_alt_name(const struct pki_alt_name *a)
{
	unsigned char address[16];

	if (a->value == NULL || strlen(a->value) > ALT_VALUE_MAX)
		return false;
	switch (a->type) {
	case PKI_ALT_URN_SSR_PEERING:
		return is_peering_name(a->value);
	case PKI_ALT_DNS:
		return is_dns_name(a->value);
	case PKI_ALT_IP:
		return inet_pton(AF_INET, a->value, address) == 1 ||
		       inet_pton(AF_INET6, a->value, address) == 1;
	case PKI_ALT_EMAIL:
		return is_email(a->value);
	case PKI_ALT_URI:
		return is_uri(a->value);
	}
	return false;
}

static bool check_alt_names(const struct pki_subject *s, struct pki_report *report)
{
	bool is_fine = true;
	size_t i;

	if (s->alt_name_cnt > PKI_ALT_NAME_MAX) {
		refuse(report, "subject_alt_names", "too-many", "Leave some of the names out.",
			"has more than 16 names.");
		return false;
	}
	for (i = 0; i < s->alt_name_cnt; i++) {
		if (is_sound_alt_name(&s->alt_name[i]))
			continue;
		refuse(report, "subject_alt_names", "bad-alternative-name",
			"Check the form of each value against its type.",
			"holds a value that is not of its type's form.");
		is_fine = false;
	}
	return is_fine;
}

static GENERAL_NAME *make_alt_name(const struct pki_alt_name *a)
{
	char value[sizeof(RK_PEERING_URN) + ALT_VALUE_MAX];
	int type = a->type == PKI_ALT_DNS     ? GEN_DNS
		   : a->type == PKI_ALT_IP    ? GEN_IPADD
		   : a->type == PKI_ALT_EMAIL ? GEN_EMAIL
					      : GEN_URI;
	ASN1_STRING *s;
	GENERAL_NAME *name;

	snprintf(value, sizeof(value), "%s%s",
		a->type == PKI_ALT_URN_SSR_PEERING ? RK_PEERING_URN : "", a->value);
	if (type == GEN_IPADD) {
		s = a2i_IPADDRESS(value);
	} else {
		s = ASN1_IA5STRING_new();
		if (s != NULL && ASN1_STRING_set(s, value, -1) != 1) {
			ASN1_STRING_free(s);
			s = NULL;
		}
	}
	name = s != NULL ? GENERAL_NAME_new() : NULL;
	if (name == NULL) {
		ASN1_STRING_free(s);
		return NULL;
	}
	GENERAL_NAME_set0_value(name, type, s);
	return name;
}

/* 1 or 0, as OpenSSL counts. */
static int add_alt_names(X509_REQ *request, const struct pki_subject *s)
{
	GENERAL_NAMES *names = sk_GENERAL_NAME_new_null();
	STACK_OF(X509_EXTENSION) *extensions = NULL;
	int ok = names != NULL;
	size_t i;

	for (i = 0; ok == 1 && i < s->alt_name_cnt; i++) {
		GENERAL_NAME *name = make_alt_name(&s->alt_name[i]);

		ok = name != NULL && sk_GENERAL_NAME_push(names, name) > 0;
		if (ok != 1)
			GENERAL_NAME_free(name);
	}
	if (ok == 1)
		ok = X509V3_add1_i2d(&extensions, NID_subject_alt_name, names, 0, 0) == 1 &&
		     X509_REQ_add_extensions(request, extensions) == 1;
	sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
	GENERAL_NAMES_free(names);
	return ok;
}

static const EVP_MD *digest_for(const struct pki_key_spec *spec)
{
	if (spec->algorithm == PKI_ALGORITHM_ECC && spec->curve == RK_KEY_P384)
		return EVP_sha384();
	if (spec->algorithm == PKI_ALGORITHM_ECC && spec->curve == RK_KEY_P521)
		return EVP_sha512();
	return EVP_sha256();
}

static int fill_subject(X509_REQ *request, const struct field *fields)
{
	X509_NAME *name = X509_NAME_new();
	char country[3] = "";
	int ok = name != NULL;
	size_t i;

	for (i = 0; ok == 1 && i < FIELD_CNT; i++) {
		const char *value = fields[i].value;

		if (is_left_out(&fields[i]))
			continue;
		if (fields[i].nid == NID_countryName) { /* ISO 3166 has capitals */
			country[0] = (char)toupper((unsigned char)value[0]);
			country[1] = (char)toupper((unsigned char)value[1]);
			value = country;
		}
		ok = X509_NAME_add_entry_by_NID(name, fields[i].nid, fields[i].type,
			(const unsigned char *)value, -1, -1, 0);
	}
	if (ok == 1)
		ok = X509_REQ_set_subject_name(request, name);
	X509_NAME_free(name);
	return ok;
}

static int to_pem(X509_REQ *request, char **out)
{
	static const char label[] = "CERTIFICATE REQUEST";
	unsigned char *der = NULL;
	int der_len = i2d_X509_REQ(request, &der);
	size_t size;
	char *pem;

	if (der_len <= 0)
		return -EIO;
	size = pki_pem_size(label, (size_t)der_len);
	pem = malloc(size);
	if (pem != NULL)
		pki_pem_write(label, der, (size_t)der_len, pem, size);
	OPENSSL_free(der);
	if (pem == NULL)
		return -ENOMEM;
	*out = pem;
	return 0;
}

int pki_subject_check(const struct pki_subject *subject, struct pki_report *report)
{
	struct field fields[FIELD_CNT];
	bool is_fine;

	list_fields(subject, fields);
	is_fine = check_fields(fields, report);
	is_fine = check_alt_names(subject, report) && is_fine;
	return is_fine ? 0 : -EINVAL;
}

int pki_request_build(
	const struct pki_subject *subject, EVP_PKEY *key, struct pki_report *report, char **out)
{
	struct field fields[FIELD_CNT];
	struct pki_key_spec spec;
	X509_REQ *request = NULL;
	int ret = -EIO;

	if (pki_subject_check(subject, report) < 0 || pki_key_spec_of(key, &spec) < 0)
		return -EINVAL;
	list_fields(subject, fields);
	request = X509_REQ_new();
	if (request == NULL || X509_REQ_set_version(request, 0) != 1 ||
		fill_subject(request, fields) != 1 || X509_REQ_set_pubkey(request, key) != 1 ||
		(subject->alt_name_cnt > 0 && add_alt_names(request, subject) != 1) ||
		X509_REQ_sign(request, key, digest_for(&spec)) <= 0)
		goto out;
	ret = to_pem(request, out);
out:
	X509_REQ_free(request);
	ERR_clear_error();
	return ret;
}

static int copy_alt_names(const X509 *cert, X509_REQ *request)
{
	int at = X509_get_ext_by_NID(cert, NID_subject_alt_name, -1);
	STACK_OF(X509_EXTENSION) * extensions;
	int ok;

	if (at < 0)
		return 1;
	extensions = NULL;
	ok = X509v3_add_ext(&extensions, X509_get_ext(cert, at), -1) != NULL &&
	     X509_REQ_add_extensions(request, extensions) == 1;
	sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
	return ok;
}

int pki_request_renew(const X509 *cert, EVP_PKEY *key, char **out)
{
	X509_REQ *request = X509_REQ_new();
	struct pki_key_spec spec;
	int ret = -EINVAL;

	if (pki_key_spec_of(key, &spec) < 0)
		goto out;
	ret = -EIO;
	if (request == NULL || X509_REQ_set_version(request, 0) != 1 ||
		X509_REQ_set_subject_name(request, X509_get_subject_name(cert)) != 1 ||
		X509_REQ_set_pubkey(request, key) != 1 || copy_alt_names(cert, request) != 1 ||
		X509_REQ_sign(request, key, digest_for(&spec)) <= 0)
		goto out;
	ret = to_pem(request, out);
out:
	X509_REQ_free(request);
	ERR_clear_error();
	return ret;
}
