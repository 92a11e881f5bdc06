/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * An enrolment step by step: key, request, conversation, ingest. Each step is the call that a
 * person would make, so that nothing is taken in another way; each ends in the next one, in
 * enrol_succeed or in enrol_fail.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "control/enrol/enrol_private.h"
#include "control/helper.h"
#include "control/provision.h"
#include "control/time_text.h"
#include "pki/x509/trust.h"

static void begin_conversation(struct enrolment *r);

/* The POST that waits is told; automatic tries have none. */
static void answer(struct enrolment *r, struct answer *a)
{
	answer_cb cb = r->cb;

	r->cb = NULL;
	if (cb != NULL)
		cb(r->arg, a);
}

static const char *error_member(const struct answer *a, const char *member)
{
	const char *text =
		json_string_value(json_object_get(json_object_get(a->body, "error"), member));

	return text != NULL ? text : "";
}

/*
 * A step before the conversation failed. Who waits gets that step's own answer, and nothing is
 * begun; what nobody waits for is tried again.
 */
static void fail_early(struct enrolment *r, struct answer *a)
{
	if (r->cb != NULL) {
		answer(r, a);
		enrol_drop(r, error_member(a, "message"));
	} else if (strcmp(error_member(a, "code"), "busy") == 0) {
		enrol_postpone(r);
	} else {
		enrol_fail(r, false, error_member(a, "message"));
	}
}

static void fail_with(struct enrolment *r, int error, const char *what)
{
	struct answer a;

	answer_error(&a, 500, "not-begun", NULL, "%s: %s", what, strerror(-error));
	fail_early(r, &a);
	answer_fini(&a);
}

/* ---- the conversation and what comes of it ---------------------------------------------------- */

static void on_ingested(void *arg, struct answer *a)
{
	struct enrolment *r = arg;

	if (a->status == 200)
		enrol_succeed(r);
	else if (strcmp(error_member(a, "code"), "busy") == 0)
		enrol_postpone(r);
	else
		enrol_fail(r, a->status == 422 && r->action != ENROL_RENEW,
			error_member(a, "message"));
}

static void install(struct enrolment *r)
{
	struct daemon *d = r->enrol->daemon;
	json_t *body;
	char *pem = NULL;

	if (pki_cert_to_pem(r->job->cert, &pem) < 0) {
		enrol_fail(r, false, "no memory");
		return;
	}
	r->state = ENROL_INSTALLING;
	body = json_pack("{s:s, s:s}", "name", r->name, "certificate", pem);
	free(pem);
	audit_set_actor(d->audit, &r->actor);
	provision_ingest(d->provision, body, false, on_ingested, r);
	audit_set_actor(d->audit, NULL);
	json_decref(body);
}

static bool is_trusted(const struct pki_trust *trust, X509 *cert)
{
	for (size_t i = 0; i < pki_trust_ca_cnt(trust); i++)
		if (X509_cmp(pki_trust_ca(trust, i)->cert, cert) == 0)
			return true;
	return false;
}

static void keep_offered(struct enrolment *r)
{
	json_t *list = json_array();
	struct pki_cert_info info;

	for (int i = 0; i < sk_X509_num(r->job->offered); i++) {
		X509 *cert = sk_X509_value(r->job->offered, i);

		if (pki_cert_info(cert, &info) == 0)
			json_array_append_new(
				list, json_pack("{s:s, s:s, s:b}", "subject", info.subject,
					      "fingerprint", info.fingerprint_sha256, "is_trusted",
					      is_trusted(r->job->trust, cert)));
	}
	json_decref(r->offered);
	r->offered = list;
}

static void wait_for_ca(struct enrolment *r)
{
	unsigned wait = r->job->wait_sec < ENROL_WAIT_MAX ? r->job->wait_sec : ENROL_WAIT_MAX;

	r->state = ENROL_WAITING;
	r->next_try = time(NULL) + (wait > 0 ? wait : 1);
	enrolment_set_error(r, r->job->text);
	log_info("%s: the CA wants to be asked again in %u s", r->name, wait);
	enrol_changed(r->enrol);
}

static void conversed(void *arg)
{
	struct enrolment *r = arg;

	/* The parts that would go on are gone already. */
	if (atomic_load(&r->enrol->is_stopping))
		return;
	keep_offered(r);
	switch (r->job->outcome) {
	case ENROL_CERTIFICATE:
		install(r);
		break;
	case ENROL_WAIT:
		wait_for_ca(r);
		break;
	case ENROL_REVOKED:
		enrol_succeed(r);
		break;
	case ENROL_REFUSED:
		enrol_fail(r, r->action != ENROL_RENEW, r->job->text);
		break;
	case ENROL_UNREACHABLE:
		enrol_fail(r, false, r->job->text);
		break;
	}
}

static void converse(void *arg)
{
	struct enrolment *r = arg;

	r->job->driver->run(r->job);
}

static void begin_conversation(struct enrolment *r)
{
	char why[ENROL_TEXT_MAX];
	struct answer a;
	int ret = 0;

	if (r->job != NULL && r->job->cert != NULL) { /* the CA has done its part */
		install(r);
		return;
	}
	if (r->job == NULL)
		ret = enrol_job_fill(r, &r->job, why);
	if (ret == 0 && r->action == ENROL_REVOKE && !r->job->driver->can_revoke) {
		snprintf(why, sizeof(why), "the protocol %s cannot revoke: ask the CA",
			r->job->driver->name);
		ret = -EOPNOTSUPP;
	}
	if (ret < 0) {
		answer_error(&a, 409, "not-ready", NULL, "%s", why);
		fail_early(r, &a);
		answer_fini(&a);
		return;
	}
	r->state = ENROL_REQUESTING;
	ret = helper_run(r->enrol->helpers, converse, conversed, r);
	if (ret < 0) {
		fail_with(r, ret, "too much work is under way");
		return;
	}
	enrol_changed(r->enrol);
	answer_ok(&a, enrolment_json(r, enrol_protocol(r->enrol, r->url)));
	a.status = 202;
	answer(r, &a);
	answer_fini(&a);
}

/* ---- key and request --------------------------------------------------------------------------- */

static void on_requested(void *arg, struct answer *a)
{
	if (a->status == 200)
		begin_conversation(arg);
	else
		fail_early(arg, a);
}

/* Copies the named fields, as far as they are there. */
static void copy_fields(const json_t *from, const char *const *field, size_t cnt, json_t *to)
{
	for (size_t i = 0; i < cnt; i++)
		json_object_set(to, field[i], json_object_get(from, field[i]));
}

json_t *enrol_request_body(const struct enrol *e, const char *name, const json_t *request)
{
	static const char *const fields[] = {"common_name", "country_name", "state_province_name",
		"locality_name", "organization_name", "organizational_unit_name", "email_address",
		"validity_period", "subject_alt_names"};
	json_t *body = json_pack(
		"{s:s, s:s}", "name", name, "common_name", e->daemon->config->peering_common_name);

	copy_fields(request, fields, sizeof(fields) / sizeof(fields[0]), body);
	return body;
}

static void request_first(struct enrolment *r)
{
	json_t *body = enrol_request_body(r->enrol, r->name, r->request);

	provision_request(r->enrol->daemon->provision, body, on_requested, r);
	json_decref(body);
}

static void on_key(void *arg, struct answer *a)
{
	struct enrolment *r = arg;

	if (a->status != 200)
		fail_early(r, a);
	else if (r->action == ENROL_RENEW)
		provision_renew_request(r->enrol->daemon->provision, r->name, on_requested, r);
	else
		request_first(r);
}

/* The kind of the key that stands, for its successor. */
static int describe_key(const struct enrolment *r, json_t *body)
{
	struct pki_key_spec spec;
	EVP_PKEY *key = NULL;
	int ret =
		provision_read_key(r->enrol->daemon->pki_fd, r->name, PROVISION_KEY_CURRENT, &key);

	if (ret == 0)
		ret = pki_key_spec_of(key, &spec);
	EVP_PKEY_free(key);
	if (ret < 0)
		return ret;
	if (spec.algorithm == PKI_ALGORITHM_RSA)
		return json_object_update_new(body, json_pack("{s:s, s:i}", "algorithm", "RSA",
							    "rsa_key_size", (int)spec.rsa_bits));
	return json_object_update_new(body, json_pack("{s:s, s:s}", "algorithm", "ECC", "ecc_curve",
						    pki_curve_name(spec.curve)));
}

static void make_key(struct enrolment *r)
{
	static const char *const fields[] = {"algorithm", "rsa_key_size", "ecc_curve"};
	struct daemon *d = r->enrol->daemon;
	bool has_key = provision_has_key(d->pki_fd, r->name, PROVISION_KEY_CURRENT);
	bool has_certificate = provision_has_certificate(d->pki_fd, r->name);
	json_t *body = json_pack("{s:s}", "name", r->name);
	int ret = 0;

	copy_fields(r->request, fields, sizeof(fields) / sizeof(fields[0]), body);
	if (json_object_get(body, "algorithm") == NULL) {
		if (has_key)
			ret = describe_key(r, body);
		else
			json_object_update_new(body, json_pack("{s:s, s:s}", "algorithm", "ECC",
							     "ecc_curve", "SECP256R1"));
	}
	if (has_certificate)
		json_object_set_new(body, "replace", json_true());
	if (ret < 0)
		fail_with(r, ret, "the key cannot be read");
	else
		provision_create_key(d->provision, body, on_key, r);
	json_decref(body);
}

/* A first enrolment that is tried again has its request already, and nobody to ask for another. */
static bool has_request_for_next(const struct enrolment *r)
{
	return r->action == ENROL_FIRST && r->request == NULL &&
	       provision_has_request(r->enrol->daemon->pki_fd, r->name);
}

void enrol_begin(struct enrolment *r)
{
	struct audit *audit = r->enrol->daemon->audit;
	/* A conversation that waits goes on; everything else begins anew. */
	if (r->state != ENROL_WAITING) {
		enrol_job_free(r->job);
		r->job = NULL;
	}
	r->next_try = 0;
	r->fingerprint[0] = '\0';
	if (r->action == ENROL_FIRST && r->request == NULL && !has_request_for_next(r)) {
		enrol_fail(r, true, "its request was deleted: begin it again");
		return;
	}
	if (r->action == ENROL_REVOKE || r->job != NULL || has_request_for_next(r)) {
		begin_conversation(r);
		return;
	}
	r->state = ENROL_MAKING_KEY;
	audit_set_actor(audit, &r->actor);
	make_key(r); /* r may be gone */
	audit_set_actor(audit, NULL);
}
