/* SPDX-License-Identifier: BSD-3-Clause */
/* What POST enrolment asks for: read, checked, and begun. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "control/credential.h"
#include "control/enrol/enrol_private.h"
#include "control/fields.h"
#include "control/provision.h"
#include "pki/x509/request.h"

#define REASON_MAX    10 /* CRLReason */
#define REASON_UNUSED 7

struct start {
	const char *name, *action, *url, *algorithm, *curve, *ignored;
	const json_t *alt_names;
	json_int_t rsa_bits, validity_days, reason;
};

static bool refuse(struct answer *a, int status, const char *code, const char *text)
{
	answer_error(a, status, code, NULL, "%s", text);
	return false;
}

/* What goes to the key and the request is checked before anything is begun. */
static bool check_parts(
	const struct enrol *e, const json_t *request, const struct start *s, struct answer *a)
{
	json_t *body = enrol_request_body(e, s->name, request);
	bool is_good = provision_check_request(body, a);
	struct pki_key_spec spec;

	json_decref(body);
	if (!is_good)
		return false;
	if (s->algorithm != NULL)
		return provision_read_spec(s->algorithm, s->rsa_bits, s->curve, &spec, a);
	if (s->rsa_bits == 0 && s->curve == NULL)
		return true;
	field_refuse(
		a, s->curve != NULL ? "ecc_curve" : "rsa_key_size", "goes with \"algorithm\" only");
	return false;
}

static bool read_start(
	const struct enrol *e, const json_t *request, struct start *s, struct answer *a)
{
	const struct field fields[] = {
		{"name", FIELD_STRING, false, &s->name},
		{"action", FIELD_STRING, false, &s->action},
		{"ca_profile", FIELD_STRING, false, &s->url, 1, CONFIG_CA_URL_MAX},
		{"algorithm", FIELD_STRING, false, &s->algorithm},
		{"rsa_key_size", FIELD_INTEGER, false, &s->rsa_bits, PKI_RSA_BITS_MIN,
			PKI_RSA_BITS_MAX},
		{"ecc_curve", FIELD_STRING, false, &s->curve},
		{"common_name", FIELD_STRING, false, &s->ignored},
		{"country_name", FIELD_STRING, false, &s->ignored},
		{"state_province_name", FIELD_STRING, false, &s->ignored},
		{"locality_name", FIELD_STRING, false, &s->ignored},
		{"organization_name", FIELD_STRING, false, &s->ignored},
		{"organizational_unit_name", FIELD_STRING, false, &s->ignored},
		{"email_address", FIELD_STRING, false, &s->ignored},
		{"validity_period", FIELD_INTEGER, false, &s->validity_days, 1,
			PROVISION_VALIDITY_DAYS_MAX},
		{"subject_alt_names", FIELD_ARRAY, false, &s->alt_names, 0, PKI_ALT_NAME_MAX},
		{"revocation_reason", FIELD_INTEGER, false, &s->reason, 0, REASON_MAX},
	};

	s->name = credential_name(e->daemon);
	s->action = "enrol";
	s->reason = -1;
	if (fields_read(request, fields, sizeof(fields) / sizeof(fields[0]), a) < 0)
		return false;
	if (s->reason == REASON_UNUSED)
		field_refuse(a, "revocation_reason",
			"must be a CRLReason of RFC 5280: 0 to %d, not %d", REASON_MAX,
			REASON_UNUSED);
	return s->reason != REASON_UNUSED && provision_check_name(s->name, a) &&
	       check_parts(e, request, s, a);
}

static bool read_action(
	const struct enrol *e, const struct start *s, enum enrol_action *out, struct answer *a)
{
	if (strcmp(s->action, "enrol") == 0) {
		*out = ENROL_FIRST;
		return true;
	}
	*out = strcmp(s->action, "renew") == 0 ? ENROL_RENEW : ENROL_REVOKE;
	if (*out == ENROL_REVOKE && strcmp(s->action, "revoke") != 0) {
		field_refuse(a, "action", "must be enrol, renew or revoke");
		return false;
	}
	if (!provision_has_certificate(e->daemon->pki_fd, s->name))
		return refuse(a, 404, "no-certificate",
			"there is no certificate of that name: enrol or ingest one first");
	return true;
}

static const struct config_ca_profile *choose_profile(
	const struct enrol *e, const struct start *s, const struct enrolment *old, struct answer *a)
{
	const struct config *c = e->daemon->config;
	const struct config_ca_profile *profile = NULL;

	if (s->url != NULL) {
		profile = enrol_profile(e, s->url);
	} else {
		if (old != NULL)
			profile = enrol_profile(e, old->url);
		if (profile == NULL && c->ca_profile_cnt > 0)
			profile = &c->ca_profile[0];
	}
	if (profile == NULL)
		refuse(a, 404, "no-ca-profile",
			s->url != NULL ? "no ca-profile of the configuration has this URL"
				       : "the configuration has no ca-profile");
	return profile;
}

static struct enrolment *get_record(struct enrol *e, const char *name, struct answer *a)
{
	struct enrolment *r = enrol_find(e, name);
	size_t cnt = 0;

	if (r != NULL && (enrolment_is_busy(r) || r->state == ENROL_WAITING)) {
		refuse(a, 409, "busy",
			"an enrolment of that name is under way: wait, or DELETE it when it waits "
			"for the CA");
		return NULL;
	}
	if (r != NULL)
		return r;
	LIST_FOREACH(r, &e->list, link)
	cnt++;
	r = cnt < ENROLMENT_MAX ? enrolment_new(e, name) : NULL;
	if (r == NULL)
		refuse(a, 409, "too-many", "there are too many enrolments: DELETE one first");
	else
		LIST_INSERT_HEAD(&e->list, r, link);
	return r;
}

void enrol_start(struct enrol *e, const json_t *request, answer_cb cb, void *arg)
{
	const struct config_ca_profile *profile;
	enum enrol_action action;
	struct start s = {0};
	struct enrolment *r;
	struct answer a;

	if (!read_start(e, request, &s, &a) || !read_action(e, &s, &action, &a))
		goto refuse;
	profile = choose_profile(e, &s, enrol_find(e, s.name), &a);
	if (profile == NULL)
		goto refuse;
	r = get_record(e, s.name, &a);
	if (r == NULL)
		goto refuse;
	r->action = action;
	snprintf(r->url, sizeof(r->url), "%s", profile->url);
	r->started = time(NULL);
	r->validity_days = (unsigned)s.validity_days;
	r->reason = (int)s.reason;
	r->error[0] = '\0';
	json_decref(r->request);
	r->request = json_deep_copy(request);
	r->actor = audit_actor(e->daemon->audit);
	r->cb = cb;
	r->arg = arg;
	r->state = ENROL_FAILED; /* nothing is kept of what was before */
	enrol_begin(r);
	return;
refuse:
	cb(arg, &a);
	answer_fini(&a);
}
