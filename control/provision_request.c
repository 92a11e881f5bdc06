/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/provision_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "control/config.h"
#include "control/fields.h"
#include "pki/x509/request.h"

/* The fields of a request, as the API names them. */
struct request {
	const char *name;
	struct pki_subject subject;
	struct pki_alt_name alt_name[PKI_ALT_NAME_MAX];
	const json_t *alt_names;
	const char *algorithm;
	json_int_t rsa_bits;
	const char *curve;
	json_int_t validity_days;
};

static int read_fields(const json_t *body, struct request *r, struct answer *a)
{
	struct pki_subject *s = &r->subject;
	const struct field fields[] = {
		{"name", FIELD_STRING, true, &r->name},
		{"common_name", FIELD_STRING, true, &s->common_name},
		{"country_name", FIELD_STRING, false, &s->country_name},
		{"state_province_name", FIELD_STRING, false, &s->state_province_name},
		{"locality_name", FIELD_STRING, false, &s->locality_name},
		{"organization_name", FIELD_STRING, false, &s->organization_name},
		{"organizational_unit_name", FIELD_STRING, false, &s->organizational_unit_name},
		{"email_address", FIELD_STRING, false, &s->email_address},
		{"algorithm", FIELD_STRING, false, &r->algorithm},
		{"rsa_key_size", FIELD_INTEGER, false, &r->rsa_bits, PKI_RSA_BITS_MIN,
			PKI_RSA_BITS_MAX},
		{"ecc_curve", FIELD_STRING, false, &r->curve},
		{"validity_period", FIELD_INTEGER, false, &r->validity_days, 1,
			PROVISION_VALIDITY_DAYS_MAX},
		{"subject_alt_names", FIELD_ARRAY, false, &r->alt_names, 0, PKI_ALT_NAME_MAX},
	};

	return fields_read(body, fields, sizeof(fields) / sizeof(fields[0]), a);
}

static int read_alt_names(struct request *r, struct answer *a)
{
	size_t cnt = json_array_size(r->alt_names);
	const char *type, *value;

	for (size_t i = 0; i < cnt; i++) {
		const struct field fields[] = {
			{"type", FIELD_STRING, true, &type},
			{"value", FIELD_STRING, true, &value},
		};

		if (fields_read(json_array_get(r->alt_names, i), fields, 2, a) < 0)
			return -EINVAL;
		if (pki_alt_name_type_parse(type, &r->alt_name[i].type) < 0) {
			field_refuse(a, "type",
				"of an alternative name is urn_ssr_peering, dns, ip, email or uri");
			return -EINVAL;
		}
		r->alt_name[i].value = value;
	}
	r->subject.alt_name = r->alt_name;
	r->subject.alt_name_cnt = cnt;
	return 0;
}

/* false with the error answered. */
static bool read_request(const json_t *body, struct request *r, struct answer *a)
{
	struct pki_report report;
	const struct pki_finding *f;

	if (read_fields(body, r, a) < 0 || !provision_check_name(r->name, a) ||
		read_alt_names(r, a) < 0)
		return false;
	pki_report_init(&report);
	if (pki_subject_check(&r->subject, &report) == 0)
		return true;
	f = pki_report_first(&report);
	answer_error(a, 400, "bad-field",
		json_pack("{s:s, s:o}", "field", f->subject, "findings", answer_findings(&report)),
		"%s", f->text);
	return false;
}

/* The key exists: what the request says of it must be true. */
static bool check_key_fields(const struct request *r, const EVP_PKEY *key, struct answer *a)
{
	struct pki_key_spec existing, asked;
	const char *algorithm = r->algorithm;

	if (algorithm == NULL && r->rsa_bits == 0 && r->curve == NULL)
		return true;
	if (pki_key_spec_of(key, &existing) < 0) {
		answer_error(a, 500, "key-unusable", NULL, "the key on disk is of an unknown kind");
		return false;
	}
	if (algorithm == NULL)
		algorithm = existing.algorithm == PKI_ALGORITHM_RSA ? "RSA" : "ECC";
	/* The algorithm alone is enough. */
	if (r->rsa_bits == 0 && r->curve == NULL &&
		pki_algorithm_parse(algorithm, &asked.algorithm) == 0 &&
		asked.algorithm == existing.algorithm)
		return true;
	if (!provision_read_spec(algorithm, r->rsa_bits, r->curve, &asked, a))
		return false;
	if (pki_key_spec_equal(&asked, &existing))
		return true;
	answer_error(a, 409, "key-differs", NULL,
		"the key %s is of another kind or size than this request says", r->name);
	return false;
}

static json_t *text_or_empty(const char *text)
{
	return json_string(text != NULL ? text : "");
}

static void audit_request(const struct provision *p, const struct request *r)
{
	const struct pki_subject *s = &r->subject;
	char text[128];

	snprintf(text, sizeof(text), "Generated CSR for: %s", r->name);
	audit_write(p->daemon->audit, "system.generate_csr", text,
		json_pack("{s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:I, s:O?}", "name", r->name,
			"common_name", s->common_name, "country_name",
			text_or_empty(s->country_name), "state_province_name",
			text_or_empty(s->state_province_name), "locality_name",
			text_or_empty(s->locality_name), "organization_name",
			text_or_empty(s->organization_name), "organizational_unit_name",
			text_or_empty(s->organizational_unit_name), "email_address",
			text_or_empty(s->email_address), "validity_period_days", r->validity_days,
			"subject_alt_names", r->alt_names));
}

static bool has_peering_urn(const struct request *r, const char *name)
{
	for (size_t i = 0; i < r->subject.alt_name_cnt; i++)
		if (r->alt_name[i].type == PKI_ALT_URN_SSR_PEERING &&
			strcmp(r->alt_name[i].value, name) == 0)
			return true;
	return false;
}

static void fill_answer(
	const struct provision *p, const struct request *r, const char *pem, struct answer *a)
{
	const char *name = p->daemon->config->peering_common_name;
	json_t *body = json_pack("{s:s}", "csr", pem);
	char text[256];

	if (strcmp(r->subject.common_name, name) != 0 && !has_peering_urn(r, name)) {
		snprintf(text, sizeof(text),
			"common_name differs from this router's peering-common-name \"%s\": peers "
			"will refuse a certificate made from this request",
			name);
		json_object_set_new(body, "warnings", json_pack("[s]", text));
	}
	answer_ok(a, body);
}

static void build(struct provision *p, const struct request *r, struct answer *a)
{
	struct pki_report report;
	EVP_PKEY *key = NULL;
	char *pem = NULL;
	int ret;

	pki_report_init(&report);
	ret = provision_read_pending_key(p, r->name, &key);
	if (ret == -ENOENT) {
		answer_error(a, 404, "no-key", NULL,
			"there is no private key %s: make it with POST private-key first", r->name);
		goto out;
	}
	if (ret < 0) {
		answer_error(a, 500, "key-unusable", NULL, "the key %s cannot be read: %s", r->name,
			strerror(-ret));
		goto out;
	}
	if (!check_key_fields(r, key, a))
		goto out;
	ret = pki_request_build(&r->subject, key, &report, &pem);
	if (ret == 0)
		ret = provision_write_request(p->daemon->pki_fd, r->name, pem);
	if (ret < 0) {
		answer_error(a, 500, "request-not-made", NULL, "the request could not be made: %s",
			strerror(-ret));
		goto out;
	}
	audit_request(p, r);
	fill_answer(p, r, pem, a);
out:
	free(pem);
	EVP_PKEY_free(key);
}

bool provision_check_request(const json_t *request, struct answer *a)
{
	struct request r = {0};

	return read_request(request, &r, a);
}

void provision_request(struct provision *p, const json_t *request, answer_cb cb, void *arg)
{
	struct request r = {0};
	struct answer a;

	if (read_request(request, &r, &a))
		build(p, &r, &a);
	provision_answer(cb, arg, &a);
}
