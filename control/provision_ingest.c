/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/provision_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "control/config.h"
#include "control/credential.h"
#include "control/fields.h"
#include "control/helper.h"
#include "control/provision_check.h"
#include "control/publish.h"
#include "control/time_text.h"
#include "pki/x509/identity.h"

struct ingest {
	struct provision *provision;
	struct provision_check *check;
	bool is_update;   /* PUT */
	int write_error;  /* 0 or -errno */
	int reload_error; /* of what was written: 0 or -errno */
	struct audit_actor actor;
	answer_cb cb;
	void *arg;
};

static void free_ingest(struct ingest *in)
{
	if (in == NULL)
		return;
	provision_check_free(in->check);
	free(in);
}

static void check(void *arg)
{
	struct ingest *in = arg;

	provision_check_run(in->check);
}

static void refuse(struct ingest *in)
{
	const struct provision_check *c = in->check;
	const struct pki_finding *f = provision_check_finding(c);
	struct answer a;
	char text[160];

	if (c->error < 0) {
		answer_error(&a, 500, "not-judged", NULL, "the certificate could not be judged: %s",
			strerror(-c->error));
	} else {
		answer_error(&a, c->status, c->code,
			json_pack("{s:s, s:o}", "check", provision_check_kind_name(c->failed),
				"checks", provision_check_json(c)),
			"check %u (%s) failed: %s %s Nothing was changed.", c->failed + 1,
			provision_check_kind_name(c->failed),
			f != NULL
				? f->text
				: rk_verdict_status_name((enum rk_verdict_status)c->verdict.status),
			f != NULL ? f->advice : "");
		snprintf(text, sizeof(text), "Refused certificate: %s", c->name);
		audit_write_as(in->provision->daemon->audit, &in->actor,
			"system.ingest_certificate_failed", text,
			json_pack("{s:s, s:s, s:s}", "name", c->name, "check",
				provision_check_kind_name(c->failed), "code", c->code));
	}
	provision_answer(in->cb, in->arg, &a);
	free_ingest(in);
}

static void audit_ingest(const struct ingest *in)
{
	const struct provision_check *c = in->check;
	const struct pki_cert_info *info = &c->info;
	json_t *urls = json_array();
	char text[128];

	for (size_t i = 0; i < info->crl_url_cnt; i++)
		json_array_append_new(urls, json_string(info->crl_url[i]));
	snprintf(text, sizeof(text), "%s certificate: %s", in->is_update ? "Updated" : "Ingested",
		c->name);
	audit_write_as(in->provision->daemon->audit, &in->actor,
		in->is_update ? "system.update_certificate" : "system.ingest_certificate", text,
		json_pack("{s:s, s:s, s:s, s:o, s:s, s:s, s:s}", "name", c->name, "purpose",
			info->purpose, "common_name",
			info->common_name_cnt > 0 ? info->common_name[0] : "", "crl_urls", urls,
			"certificate_authority", info->issuer[0] != '\0' ? info->issuer : "N/A",
			"fingerprint", info->fingerprint_sha1, "fingerprint_sha256",
			info->fingerprint_sha256));
}

static json_t *warnings_json(const struct ingest *in)
{
	const struct provision_check *c = in->check;
	const char *name = in->provision->daemon->config->peering_common_name;
	const char *peering = credential_name(in->provision->daemon);
	json_t *list = json_array();
	char text[256];

	if (strcmp(c->name, peering) != 0) {
		snprintf(text, sizeof(text), "this name is not used for peering: only %s is",
			peering);
		json_array_append_new(list, json_string(text));
	}
	if (in->reload_error < 0) {
		snprintf(text, sizeof(text),
			"it is on disk, but cannot be read back (%s): what was in force before "
			"stays, and it is tried again every minute",
			strerror(-in->reload_error));
		json_array_append_new(list, json_string(text));
	}
	if (pki_identity_match(&c->verdict, name, strlen(name)) == PKI_IDENTITY_NONE) {
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
	const struct provision_check *c = in->check;
	struct answer a;

	answer_ok(&a, json_pack("{s:s, s:s, s:s, s:s, s:o, s:o, s:o, s:o}", "name", c->name,
			      "subject", c->info.subject, "issuer", c->info.issuer, "fingerprint",
			      c->info.fingerprint_sha256, "not_after", time_json(c->info.not_after),
			      "checks", provision_check_json(c), "warnings", warnings_json(in),
			      "publication", publisher_result(published)));
	provision_answer(in->cb, in->arg, &a);
	free_ingest(in);
}

static void write_certificate(void *arg)
{
	struct ingest *in = arg;
	const struct provision_check *c = in->check;

	in->write_error = provision_write_certificate(c->pki_fd, c->name, c->which, c->pem);
}

static void certificate_written(void *arg)
{
	struct ingest *in = arg;
	const struct provision_check *c = in->check;
	struct provision *p = in->provision;
	struct answer a;

	p->is_busy = false;
	/* Also after a failure: what stands on disk is what counts. */
	if (strcmp(c->name, credential_name(p->daemon)) == 0)
		in->reload_error = credential_reload(p->daemon->credential);
	if (in->write_error < 0) {
		answer_error(&a, 500, "not-written", NULL, "the certificate cannot be written: %s",
			strerror(-in->write_error));
		provision_answer(in->cb, in->arg, &a);
		free_ingest(in);
		return;
	}
	audit_ingest(in);
	log_info("%s: certificate ingested, valid until %lld", c->name,
		(long long)c->info.not_after);
	publisher_wait(p->daemon->publisher, on_published, in);
}

static void checked(void *arg)
{
	struct ingest *in = arg;
	struct answer a;

	in->write_error = -ECANCELED; /* until the thread says otherwise */
	if (provision_check_is_passed(in->check) &&
		helper_run(in->provision->daemon->disk, write_certificate, certificate_written,
			in) == 0)
		return;
	in->provision->is_busy = false;
	if (!provision_check_is_passed(in->check)) {
		refuse(in);
		return;
	}
	provision_answer_busy(&a);
	provision_answer(in->cb, in->arg, &a);
	free_ingest(in);
}

static struct ingest *new_ingest(
	struct provision *p, const char *name, const char *text, answer_cb cb, void *arg)
{
	struct ingest *in = calloc(1, sizeof(*in));

	if (in == NULL)
		return NULL;
	in->provision = p;
	in->check = provision_check_new(p->daemon, name, text);
	in->actor = audit_actor(p->daemon->audit);
	in->cb = cb;
	in->arg = arg;
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
	return provision_is_free(p, a);
}

void provision_ingest(
	struct provision *p, const json_t *request, bool must_exist, answer_cb cb, void *arg)
{
	const char *name = NULL, *text = NULL;
	const struct field fields[] = {
		{"name", FIELD_STRING, true, &name},
		{"certificate", FIELD_STRING, true, &text, 1, INT64_MAX},
	};
	struct ingest *in;
	struct answer a;

	if (fields_read(request, fields, 2, &a) < 0 ||
		!check_request(p, name, text, must_exist, &a)) {
		provision_answer(cb, arg, &a);
		return;
	}
	in = new_ingest(p, name, text, cb, arg);
	if (in != NULL)
		in->is_update = must_exist;
	if (in != NULL && in->check != NULL &&
		helper_run(p->daemon->helpers, check, checked, in) == 0) {
		p->is_busy = true;
		return;
	}
	free_ingest(in);
	provision_answer_busy(&a);
	provision_answer(cb, arg, &a);
}
