/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/provision_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "control/config.h"
#include "control/fields.h"
#include "control/helper.h"
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

/* A request being signed and written by the disk thread, in the order of what changes its key. */
struct building {
	struct provision *provision; /* outlives the disk thread */
	json_t *body;                /* what r points into; NULL: a renewal */
	struct request r;
	char name[PROVISION_NAME_MAX + 1]; /* of a renewal */
	int dir;                           /* the daemon's */
	char *pem;
	bool is_refused; /* a says why; else made, or ret < 0 */
	struct answer a;
	int ret;
	struct audit_actor actor;
	answer_cb cb;
	void *arg;
};

static bool read_pending_key(struct building *b, EVP_PKEY **key)
{
	int ret = provision_read_pending_key(b->dir, b->r.name, key);

	if (ret == 0)
		return true;
	if (ret == -ENOENT)
		answer_error(&b->a, 404, "no-key", NULL,
			"there is no private key %s: make it with POST private-key first",
			b->r.name);
	else
		answer_error(&b->a, 500, "key-unusable", NULL, "the key %s cannot be read: %s",
			b->r.name, strerror(-ret));
	return false;
}

static void build(void *arg)
{
	struct building *b = arg;
	struct pki_report report;
	EVP_PKEY *key = NULL;

	b->is_refused = !read_pending_key(b, &key) || !check_key_fields(&b->r, key, &b->a);
	if (!b->is_refused) {
		pki_report_init(&report);
		b->ret = pki_request_build(&b->r.subject, key, &report, &b->pem);
		if (b->ret == 0)
			b->ret = provision_write_request(b->dir, b->r.name, b->pem);
	}
	EVP_PKEY_free(key);
}

/* The subject and names of the certificate that stands, for the next key. */
static void build_renewal(void *arg)
{
	struct building *b = arg;
	EVP_PKEY *key = NULL;
	X509 *cert = NULL;

	b->ret = provision_read_certificate(b->dir, b->name, &cert);
	if (b->ret == 0)
		b->ret = provision_read_key(b->dir, b->name, PROVISION_KEY_NEXT, &key);
	if (b->ret == 0)
		b->ret = pki_request_renew(cert, key, &b->pem);
	if (b->ret == 0)
		b->ret = provision_write_request(b->dir, b->name, b->pem);
	EVP_PKEY_free(key);
	X509_free(cert);
}

static void free_building(struct building *b)
{
	if (b == NULL)
		return;
	json_decref(b->body);
	free(b->pem);
	free(b);
}

static void audit_request(const struct building *b)
{
	const struct request *r = &b->r;
	const struct pki_subject *s = &r->subject;
	char text[128];

	snprintf(text, sizeof(text), "Generated CSR for: %s", r->name);
	audit_write_as(b->provision->daemon->audit, &b->actor, "system.generate_csr", text,
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

static void built(void *arg)
{
	struct building *b = arg;

	if (b->is_refused) {
		/* a is ready */
	} else if (b->ret == -ECANCELED) {
		provision_answer_busy(&b->a);
	} else if (b->ret < 0) {
		answer_error(&b->a, 500, "request-not-made", NULL,
			"the request could not be made: %s", strerror(-b->ret));
	} else if (b->body == NULL) {
		answer_ok(&b->a, json_pack("{s:s}", "csr", b->pem));
	} else {
		audit_request(b);
		fill_answer(b->provision, &b->r, b->pem, &b->a);
	}
	provision_answer(b->cb, b->arg, &b->a);
	free_building(b);
}

bool provision_check_request(const json_t *request, struct answer *a)
{
	struct request r = {0};

	return read_request(request, &r, a);
}

static struct building *new_building(
	struct provision *p, const json_t *request, answer_cb cb, void *arg)
{
	struct building *b = calloc(1, sizeof(*b));

	if (b == NULL)
		return NULL;
	*b = (struct building){.provision = p,
		.body = request != NULL ? json_deep_copy(request) : NULL,
		.dir = p->daemon->pki_fd,
		.ret = -ECANCELED, /* until the thread says otherwise */
		.actor = audit_actor(p->daemon->audit),
		.cb = cb,
		.arg = arg};
	return b;
}

void provision_request(struct provision *p, const json_t *request, answer_cb cb, void *arg)
{
	struct building *b = new_building(p, request, cb, arg);
	struct answer a;

	if (b == NULL || b->body == NULL) {
		provision_answer_busy(&a);
	} else if (read_request(b->body, &b->r, &a)) {
		if (helper_run(p->daemon->disk, build, built, b) == 0)
			return;
		provision_answer_busy(&a);
	}
	free_building(b);
	provision_answer(cb, arg, &a);
}

void provision_renew_request(struct provision *p, const char *name, answer_cb cb, void *arg)
{
	struct building *b = new_building(p, NULL, cb, arg);
	struct answer a;

	if (b != NULL) {
		snprintf(b->name, sizeof(b->name), "%s", name);
		if (helper_run(p->daemon->disk, build_renewal, built, b) == 0)
			return;
	}
	free_building(b);
	provision_answer_busy(&a);
	provision_answer(cb, arg, &a);
}
