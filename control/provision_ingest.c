/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/provision_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "control/config.h"
#include "control/credential.h"
#include "control/fields.h"
#include "control/helper.h"
#include "control/publish.h"
#include "control/revocations.h"
#include "control/time_text.h"
#include "control/trust.h"
#include "pki/x509/cert.h"
#include "pki/x509/identity.h"
#include "pki/x509/validate.h"

enum check {
	CHECK_PRIVATE_KEY, /* none in the submission, and the certificate is for ours */
	CHECK_VALIDATION,
	CHECK_REVOCATION,
	CHECK_CNT
};
static const char *const check_name[] = {[CHECK_PRIVATE_KEY] = "private-key",
	[CHECK_VALIDATION] = "validation",
	[CHECK_REVOCATION] = "revocation"};

enum result { RESULT_NOT_REACHED, RESULT_PASSED, RESULT_FAILED };
static const char *const result_name[] = {[RESULT_NOT_REACHED] = "not-reached",
	[RESULT_PASSED] = "passed",
	[RESULT_FAILED] = "failed"};

struct ingest {
	struct provision *provision;
	char name[PROVISION_NAME_MAX + 1];
	char *text;
	struct pki_trust *trust;
	struct revocations *revocations;
	uint8_t installation_key[INSTALLATION_KEY_LEN];
	bool is_ed25519_allowed;
	int64_t now;
	struct audit_actor actor;
	answer_cb cb;
	void *arg;
	/* What the helper found. */
	int error;         /* -errno: could not be judged */
	enum check failed; /* the first that did; CHECK_CNT: all passed */
	enum result result[CHECK_CNT];
	int status; /* HTTP, of the first failure */
	const char *code;
	struct pki_report report[CHECK_CNT];
	enum provision_key which;
	X509 *cert;
	char *pem;
	struct pki_cert_info info;
	struct rk_verdict verdict;
};

static void free_ingest(struct ingest *in)
{
	if (in == NULL)
		return;
	free(in->text);
	free(in->pem);
	X509_free(in->cert);
	pki_trust_put(in->trust);
	revocations_put(in->revocations);
	free(in);
}

static void fail(struct ingest *in, enum check check, int status, const char *code)
{
	in->result[check] = RESULT_FAILED;
	if (in->failed != CHECK_CNT)
		return;
	in->failed = check;
	in->status = status;
	in->code = code;
}

/* The next key first: a certificate for it is what a replacement waits for. */
static bool find_own_key(struct ingest *in)
{
	static const enum provision_key order[] = {PROVISION_KEY_NEXT, PROVISION_KEY_CURRENT};
	EVP_PKEY *key;
	bool is_ours;

	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
		key = NULL;
		if (provision_read_key(in->provision->daemon->pki_fd, in->name, order[i], &key) < 0)
			continue;
		is_ours = pki_key_matches_cert(key, in->cert);
		EVP_PKEY_free(key);
		in->which = order[i];
		if (is_ours)
			return true;
	}
	pki_report_add(&in->report[CHECK_PRIVATE_KEY], PKI_ERROR, "key-mismatch",
		"Have the CA sign the request that GET certificate-request returned last.",
		"the certificate is for another key than %s", in->name);
	return false;
}

static bool validate(struct ingest *in, enum check check, pki_revocation_fn find, void *ctx)
{
	const struct pki_validate_args args = {
		.trust = in->trust,
		.installation_key = in->installation_key,
		.now = in->now,
		.is_ed25519_allowed = in->is_ed25519_allowed,
		.find = find,
		.find_ctx = ctx,
	};

	in->error = pki_validate(&args, in->cert, &in->report[check], &in->verdict);
	return in->error == 0 && in->verdict.status == RK_VERDICT_GOOD;
}

static void check_parsed(struct ingest *in)
{
	struct revocations_query query = {.revocations = in->revocations, .now = in->now};

	if (!find_own_key(in))
		fail(in, CHECK_PRIVATE_KEY, 409, "key-mismatch");
	if (!validate(in, CHECK_VALIDATION, NULL, NULL)) {
		fail(in, CHECK_VALIDATION, 422, "certificate-refused");
		return;
	}
	in->result[CHECK_VALIDATION] = RESULT_PASSED;
	if (!validate(in, CHECK_REVOCATION, revocations_find, &query))
		fail(in, CHECK_REVOCATION, 422,
			in->verdict.status == RK_VERDICT_REVOKED ? "certificate-revoked"
								 : "revocation-unknown");
	else
		in->result[CHECK_REVOCATION] = RESULT_PASSED;
}

/*
 * The three checks in order, as far as each makes sense after what the others found: whoever must
 * go back to the CA is told everything at once. In a helper thread.
 */
static void check(void *arg)
{
	struct ingest *in = arg;

	in->error = 0;
	for (unsigned i = 0; i < CHECK_CNT; i++)
		pki_report_init(&in->report[i]);
	if (pki_text_find_private_key(in->text, strlen(in->text), &in->report[CHECK_PRIVATE_KEY])) {
		fail(in, CHECK_PRIVATE_KEY, 400, "private-key-in-submission");
		return;
	}
	in->result[CHECK_PRIVATE_KEY] = RESULT_PASSED;
	in->error = pki_cert_parse(
		in->text, strlen(in->text), &in->report[CHECK_VALIDATION], &in->cert);
	if (in->error == -EBADMSG) {
		in->error = 0;
		fail(in, CHECK_VALIDATION, 400, "certificate-unreadable");
		return;
	}
	if (in->error == 0)
		in->error = pki_cert_info(in->cert, &in->info);
	if (in->error == 0)
		check_parsed(in);
	if (in->error == 0 && in->failed == CHECK_CNT)
		in->error = pki_cert_to_pem(in->cert, &in->pem);
}

static json_t *checks_json(const struct ingest *in)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < CHECK_CNT; i++) {
		json_array_append_new(list, json_pack("{s:s, s:s, s:o}", "check", check_name[i],
						    "result", result_name[in->result[i]],
						    "findings", answer_findings(&in->report[i])));
	}
	return list;
}

static void refuse(struct ingest *in)
{
	const struct pki_finding *f =
		in->error == 0 ? pki_report_first(&in->report[in->failed]) : NULL;
	struct answer a;
	char text[160];

	if (in->error < 0) {
		answer_error(&a, 500, "not-judged", NULL, "the certificate could not be judged: %s",
			strerror(-in->error));
	} else {
		answer_error(&a, in->status, in->code,
			json_pack("{s:s, s:o}", "check", check_name[in->failed], "checks",
				checks_json(in)),
			"check %u (%s) failed: %s %s Nothing was changed.", in->failed + 1,
			check_name[in->failed],
			f != NULL ? f->text
				  : rk_verdict_status_name(
					    (enum rk_verdict_status)in->verdict.status),
			f != NULL ? f->advice : "");
		snprintf(text, sizeof(text), "Refused certificate: %s", in->name);
		audit_write_as(in->provision->daemon->audit, &in->actor,
			"system.ingest_certificate_failed", text,
			json_pack("{s:s, s:s, s:s}", "name", in->name, "check",
				check_name[in->failed], "code", in->code));
	}
	provision_answer(in->cb, in->arg, &a);
	free_ingest(in);
}

static void audit_ingest(const struct ingest *in)
{
	const struct pki_cert_info *info = &in->info;
	json_t *urls = json_array();
	char text[128];

	for (size_t i = 0; i < info->crl_url_cnt; i++)
		json_array_append_new(urls, json_string(info->crl_url[i]));
	snprintf(text, sizeof(text), "Ingested certificate: %s", in->name);
	audit_write_as(in->provision->daemon->audit, &in->actor, "system.ingest_certificate", text,
		json_pack("{s:s, s:s, s:s, s:o, s:s, s:s, s:s}", "name", in->name, "purpose",
			info->purpose, "common_name",
			info->common_name_cnt > 0 ? info->common_name[0] : "", "crl_urls", urls,
			"certificate_authority", info->issuer[0] != '\0' ? info->issuer : "N/A",
			"fingerprint", info->fingerprint_sha1, "fingerprint_sha256",
			info->fingerprint_sha256));
}

static json_t *warnings_json(const struct ingest *in)
{
	const char *name = in->provision->daemon->config->peering_common_name;
	const char *peering = credential_name(in->provision->daemon);
	json_t *list = json_array();
	char text[256];

	if (strcmp(in->name, peering) != 0) {
		snprintf(text, sizeof(text), "this name is not used for peering: only %s is",
			peering);
		json_array_append_new(list, json_string(text));
	}
	if (pki_identity_match(&in->verdict, name, strlen(name)) == PKI_IDENTITY_NONE) {
		snprintf(text, sizeof(text),
			"the certificate does not carry this router's peering-common-name \"%s\": "
			"peers will refuse it",
			name);
		json_array_append_new(list, json_string(text));
	}
	return list;
}

static void on_published(void *arg, struct answer *published)
{
	struct ingest *in = arg;
	struct answer a;

	answer_ok(&a, json_pack("{s:s, s:s, s:s, s:s, s:o, s:o, s:o, s:o}", "name", in->name,
			      "subject", in->info.subject, "issuer", in->info.issuer, "fingerprint",
			      in->info.fingerprint_sha256, "not_after",
			      time_json(in->info.not_after), "checks", checks_json(in), "warnings",
			      warnings_json(in), "publication", publisher_result(published)));
	provision_answer(in->cb, in->arg, &a);
	free_ingest(in);
}

static void take_certificate(struct ingest *in)
{
	struct provision *p = in->provision;
	struct answer a;
	int ret;

	ret = provision_write_certificate(p->daemon->pki_fd, in->name, in->which, in->pem);
	if (ret < 0) {
		answer_error(&a, 500, "not-written", NULL, "the certificate cannot be written: %s",
			strerror(-ret));
		provision_answer(in->cb, in->arg, &a);
		free_ingest(in);
		return;
	}
	audit_ingest(in);
	log_info("%s: certificate ingested, valid until %lld", in->name,
		(long long)in->info.not_after);
	if (strcmp(in->name, credential_name(p->daemon)) == 0)
		credential_reload(p->daemon->credential);
	publisher_wait(p->daemon->publisher, on_published, in);
}

static void checked(void *arg)
{
	struct ingest *in = arg;

	in->provision->is_busy = false;
	if (in->error == 0 && in->failed == CHECK_CNT)
		take_certificate(in);
	else
		refuse(in);
}

static struct ingest *new_ingest(
	struct provision *p, const char *name, const char *text, answer_cb cb, void *arg)
{
	struct daemon *d = p->daemon;
	struct revocations *revocations = revocations_current(d);
	struct ingest *in = calloc(1, sizeof(*in));

	if (in == NULL || revocations == NULL) {
		free(in);
		return NULL;
	}
	in->provision = p;
	in->text = strdup(text);
	in->trust = pki_trust_get(trust_current(d->trust));
	in->revocations = revocations_get(revocations);
	memcpy(in->installation_key, d->installation_key, sizeof(in->installation_key));
	in->is_ed25519_allowed = d->config->is_ed25519_allowed;
	in->now = time(NULL);
	in->actor = audit_actor(d->audit);
	in->cb = cb;
	in->arg = arg;
	in->error = -ECANCELED;
	in->failed = CHECK_CNT;
	snprintf(in->name, sizeof(in->name), "%s", name);
	return in;
}

static bool check_request(const struct provision *p, const char *name, const char *text,
	bool must_exist, struct answer *a)
{
	int dir = p->daemon->pki_fd;

	if (!provision_check_name(name, a))
		return false;
	if (strlen(text) > PKI_CERT_TEXT_MAX) {
		answer_error(a, 413, "too-large", json_pack("{s:s}", "field", "certificate"),
			"\"certificate\" is larger than %d bytes", PKI_CERT_TEXT_MAX);
		return false;
	}
	if (!provision_has_key(dir, name, PROVISION_KEY_CURRENT)) {
		answer_error(a, 404, "no-key", NULL,
			"there is no private key %s: make it with POST private-key first", name);
		return false;
	}
	if (must_exist && !provision_has_certificate(dir, name)) {
		answer_error(a, 404, "no-certificate", NULL,
			"there is no certificate %s to replace: ingest it with POST", name);
		return false;
	}
	if (p->is_busy) {
		answer_error(a, 409, "busy", NULL,
			"another key or certificate is being worked on: try again");
		return false;
	}
	return true;
}

void provision_ingest(
	struct provision *p, const json_t *request, bool must_exist, answer_cb cb, void *arg)
{
	const char *name = NULL, *text = NULL;
	const struct field fields[] = {
		{"name", FIELD_STRING, true, &name},
		{"certificate", FIELD_STRING, true, &text},
	};
	struct ingest *in;
	struct answer a;

	if (fields_read(request, fields, 2, &a) < 0 ||
		!check_request(p, name, text, must_exist, &a)) {
		provision_answer(cb, arg, &a);
		return;
	}
	in = new_ingest(p, name, text, cb, arg);
	if (in != NULL && in->text != NULL &&
		helper_run(p->daemon->helpers, check, checked, in) == 0) {
		p->is_busy = true;
		return;
	}
	free_ingest(in);
	answer_error(&a, 503, "busy", NULL, "too much work is under way: try again");
	a.retry_after_sec = 1;
	provision_answer(cb, arg, &a);
}
