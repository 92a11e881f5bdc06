/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/trust.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "control/audit.h"
#include "control/config.h"
#include "control/credential.h"
#include "control/crl/manager.h"
#include "control/fields.h"
#include "control/publish.h"
#include "control/time_text.h"
#include "control/trust_store.h"
#include "control/verdicts.h"
#include "pki/x509/cert.h"
#include "pki/x509/trust.h"

struct trust {
	struct daemon *daemon;
	struct trust_store *store;
	struct pki_trust *current;
	struct pki_report report; /* of the current one: what warn mode let pass */
	struct change *change;    /* under way, or NULL */
	bool is_rebuild_due;      /* when that one is done */
};

/* One bundle coming or going. */
struct change {
	struct trust *trust;
	struct pki_trust *candidate;
	struct pki_report report;
	char *name;    /* "": a rebuild of what is there */
	char *content; /* NULL: deleted */
	size_t content_len;
	enum pki_validation_mode mode;
	struct audit_actor actor;
	answer_cb cb;
	void *arg;
};

static void free_change(struct change *c)
{
	if (c == NULL)
		return;
	pki_trust_put(c->candidate);
	free(c->name);
	free(c->content);
	free(c);
}

/* The bundles on disk, with the change applied; what stands already was accepted once: WARN. */
static int build_candidate(struct trust *t, const struct change *c, uint64_t generation,
	struct pki_report *report, struct pki_trust **out)
{
	size_t cnt = trust_store_cnt(t->store), n = 0;
	struct pki_bundle *bundle = calloc(cnt + 1, sizeof(*bundle));
	struct pki_trust_config config = {
		.bundle = bundle,
		.generation = generation,
		.now = time(NULL),
		.is_ed25519_allowed = t->daemon->config->is_ed25519_allowed,
		.is_self_signed_allowed = t->daemon->config->is_self_signed_allowed,
	};
	int ret;

	if (bundle == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < cnt; i++) {
		bundle[n] = trust_store_bundle(t->store, i);
		bundle[n].mode = PKI_MODE_WARN;
		if (c == NULL || strcmp(bundle[n].name, c->name) != 0)
			n++;
	}
	if (c != NULL && c->content != NULL)
		bundle[n++] = (struct pki_bundle){c->name, c->content, c->content_len, c->mode};
	config.bundle_cnt = n;
	ret = pki_trust_new(&config, report, out);
	free(bundle);
	return ret;
}

static void answer_change(struct change *c, struct answer *a)
{
	c->cb(c->arg, a);
	answer_fini(a);
	free_change(c);
}

static void fail_change(struct change *c, int error, const char *what)
{
	struct answer a;

	answer_error(&a, error == -EAGAIN ? 503 : 500, "trust-not-changed", NULL, "%s: %s", what,
		strerror(-error));
	answer_change(c, &a);
}

static void on_published(void *arg, struct answer *published)
{
	struct change *c = arg;
	struct answer a;

	/* In force here and on disk, whatever the workers say. */
	answer_ok(&a,
		json_pack("{s:s, s:I, s:o, s:o}", "name", c->name, "generation",
			(json_int_t)pki_trust_generation(c->candidate), "findings",
			answer_findings(&c->report), "publication", publisher_result(published)));
	answer_change(c, &a);
}

static void audit_change(const struct change *c)
{
	const char *verb = c->content != NULL ? "Installed" : "Removed";
	char text[128];

	snprintf(text, sizeof(text), "%s trusted CA certificates: %s", verb, c->name);
	audit_write_as(c->trust->daemon->audit, &c->actor,
		c->content != NULL ? "system.ingest_trusted_ca" : "system.delete_trusted_ca", text,
		json_pack("{s:s, s:s, s:I}", "name", c->name, "validation_mode",
			c->mode == PKI_MODE_WARN ? "warn" : "strict", "generation",
			(json_int_t)pki_trust_generation(c->candidate)));
}

/* The generation is written before the bundle, so that a failure leaves all as it was. */
static int write_change(struct trust *t, const struct change *c)
{
	uint64_t generation = pki_trust_generation(c->candidate);
	int ret = trust_store_settle(t->store, generation);

	if (ret < 0 || c->name[0] == '\0')
		return ret;
	if (c->content != NULL)
		ret = trust_store_put(t->store, c->name, c->content, c->content_len, c->mode);
	else
		ret = trust_store_remove(t->store, c->name);
	/* The change stands: without its digest a restart finds a difference and counts on. */
	if (ret == 0 && trust_store_settle(t->store, generation) < 0)
		log_warning("trusted CA certificates: the digest of generation %llu is not written",
			(unsigned long long)generation);
	return ret;
}

/* Every verdict is judged under the candidate: disk, then in force, in one loop iteration. */
static void commit_change(void *arg, int error)
{
	struct change *c = arg;
	struct trust *t = c->trust;
	struct daemon *d = t->daemon;
	int ret = error == 0 ? write_change(t, c) : error;

	t->change = NULL;
	if (ret < 0) {
		fail_change(c, ret, "the state folder cannot be written");
		return;
	}
	pki_trust_put(t->current);
	t->current = pki_trust_get(c->candidate);
	t->report = c->report;
	verdicts_adopt(d->verdicts);
	crl_manager_discover(d->crl);
	credential_judge(d->credential);
	publisher_mark(d->publisher, RK_PART_CONFIG);
	publisher_mark(d->publisher, RK_PART_VERDICTS);
	publisher_mark(d->publisher, RK_PART_REVOCATION_BASE);
	if (c->name[0] != '\0')
		audit_change(c);
	log_info("trusted CA certificates: generation %llu is in force",
		(unsigned long long)pki_trust_generation(t->current));
	publisher_wait(d->publisher, on_published, c);
	if (t->is_rebuild_due)
		trust_rebuild(t);
}

static void start_change(struct trust *t, struct change *c)
{
	struct answer a;
	int ret;

	if (t->change != NULL) {
		answer_error(&a, 409, "busy", NULL,
			"another change of trusted certificates is under way: try again");
		answer_change(c, &a);
		return;
	}
	pki_report_init(&c->report);
	ret = build_candidate(
		t, c, trust_store_generation(t->store) + 1, &c->report, &c->candidate);
	if (ret == -EINVAL) {
		const struct pki_finding *f = pki_report_first(&c->report);

		answer_error(&a, 422, "bundle-refused", answer_findings(&c->report), "refused: %s",
			f != NULL ? f->text : "no certificate in it is usable");
		answer_change(c, &a);
		return;
	}
	if (ret == 0)
		ret = verdicts_prepare(t->daemon->verdicts, c->candidate, commit_change, c);
	if (ret < 0)
		fail_change(c, ret, "the certificates cannot be judged");
	else
		t->change = c;
}

static struct change *new_change(
	struct trust *t, const char *name, const char *content, answer_cb cb, void *arg)
{
	struct change *c = calloc(1, sizeof(*c));
	struct answer a;

	if (c != NULL) {
		*c = (struct change){.trust = t,
			.cb = cb,
			.arg = arg,
			.name = strdup(name),
			.actor = audit_actor(t->daemon->audit)};
		if (content != NULL) {
			c->content = strdup(content);
			c->content_len = strlen(content);
		}
		if (c->name != NULL && (content == NULL || c->content != NULL))
			return c;
	}
	free_change(c);
	answer_error(&a, 500, "no-memory", NULL, "no memory");
	cb(arg, &a);
	answer_fini(&a);
	return NULL;
}

static bool read_mode(const char *text, enum pki_validation_mode *out)
{
	*out = strcmp(text, "warn") == 0 ? PKI_MODE_WARN : PKI_MODE_STRICT;
	return strcmp(text, "warn") == 0 || strcmp(text, "strict") == 0;
}

void trust_install(struct trust *t, const json_t *request, answer_cb cb, void *arg)
{
	const char *name = NULL, *content = NULL, *mode_text = "strict";
	const struct field fields[] = {
		{"name", FIELD_STRING, true, &name},
		{"content", FIELD_STRING, true, &content},
		{"validation-mode", FIELD_STRING, false, &mode_text},
	};
	enum pki_validation_mode mode = PKI_MODE_STRICT;
	struct change *c;
	struct answer a;

	if (fields_read(request, fields, sizeof(fields) / sizeof(fields[0]), &a) < 0)
		goto refuse;
	if (!field_is_name(name))
		answer_error(&a, 400, "bad-field", json_pack("{s:s}", "field", "name"),
			"\"name\" must be 1 to 63 letters, digits, '_' or '-'");
	else if (strlen(content) > PKI_BUNDLE_TEXT_MAX)
		answer_error(&a, 413, "too-large", json_pack("{s:s}", "field", "content"),
			"\"content\" is larger than %d bytes", PKI_BUNDLE_TEXT_MAX);
	else if (!read_mode(mode_text, &mode))
		answer_error(&a, 400, "bad-field", json_pack("{s:s}", "field", "validation-mode"),
			"\"validation-mode\" must be strict or warn");
	else
		goto accept;
refuse:
	cb(arg, &a);
	answer_fini(&a);
	return;
accept:
	c = new_change(t, name, content, cb, arg);
	if (c == NULL)
		return;
	c->mode = mode;
	start_change(t, c);
}

void trust_delete(struct trust *t, const char *name, answer_cb cb, void *arg)
{
	struct change *c;
	struct answer a;

	if (!trust_store_has(t->store, name)) {
		answer_error(&a, 404, "not-found", NULL,
			"there is no trusted CA certificate named \"%.63s\"", name);
		cb(arg, &a);
		answer_fini(&a);
		return;
	}
	c = new_change(t, name, NULL, cb, arg);
	if (c != NULL)
		start_change(t, c);
}

static void ignore_answer(void *arg, struct answer *a)
{
	(void)arg;
	if (a->status != 200)
		log_error("the trusted CA certificates could not be judged again");
}

void trust_rebuild(struct trust *t)
{
	struct change *c;

	t->is_rebuild_due = t->change != NULL;
	if (t->is_rebuild_due)
		return;
	c = new_change(t, "", NULL, ignore_answer, NULL);
	if (c != NULL)
		start_change(t, c);
}

static json_t *certificate_json(const struct pki_ca *ca)
{
	struct pki_cert_info info;

	if (pki_cert_info(ca->cert, &info) < 0)
		return NULL;
	return json_pack("{s:s, s:s, s:o, s:s, s:b}", "subject", info.subject, "issuer",
		info.issuer, "not_after", time_json(info.not_after), "fingerprint",
		info.fingerprint_sha256, "is_anchor", ca->is_anchor);
}

static json_t *bundle_json(const struct trust *t, const struct pki_bundle *bundle)
{
	json_t *certificates = json_array(), *warnings = json_array();

	for (size_t i = 0; i < pki_trust_ca_cnt(t->current); i++) {
		const struct pki_ca *ca = pki_trust_ca(t->current, i);

		if (strcmp(ca->bundle, bundle->name) == 0)
			json_array_append_new(certificates, certificate_json(ca));
	}
	for (size_t i = 0; i < pki_trust_self_signed_cnt(t->current); i++) {
		const struct pki_ca *ca = pki_trust_self_signed(t->current, i);

		if (strcmp(ca->bundle, bundle->name) == 0)
			json_array_append_new(certificates, certificate_json(ca));
	}
	for (size_t i = 0; i < t->report.cnt; i++) {
		const struct pki_finding *f = &t->report.finding[i];

		if (strncmp(f->subject, bundle->name, strlen(bundle->name)) == 0)
			json_array_append_new(warnings, json_string(f->text));
	}
	return json_pack("{s:s, s:s, s:o, s:o}", "name", bundle->name, "validation_mode",
		bundle->mode == PKI_MODE_WARN ? "warn" : "strict", "certificates", certificates,
		"warnings", warnings);
}

void trust_list(const struct trust *t, struct answer *out)
{
	json_t *list = json_array();

	for (size_t i = 0; i < trust_store_cnt(t->store); i++) {
		const struct pki_bundle bundle = trust_store_bundle(t->store, i);

		json_array_append_new(list, bundle_json(t, &bundle));
	}
	answer_ok(out, json_pack("{s:o}", "trusted_ca_certificates", list));
}

struct pki_trust *trust_current(const struct trust *t)
{
	return t->current;
}

uint64_t trust_generation(const struct trust *t)
{
	return pki_trust_generation(t->current);
}

int trust_open(struct daemon *d, struct trust **out)
{
	struct trust *t = calloc(1, sizeof(*t));
	int ret;

	if (t == NULL)
		return -ENOMEM;
	t->daemon = d;
	pki_report_init(&t->report);
	ret = trust_store_open(d->state_fd, &t->store);
	if (ret == 0)
		ret = build_candidate(
			t, NULL, trust_store_generation(t->store), &t->report, &t->current);
	if (ret < 0) {
		const struct pki_finding *f = pki_report_first(&t->report);

		log_error("trusted CA certificates: %s", f != NULL ? f->text : strerror(-ret));
		trust_close(t);
		return ret;
	}
	*out = t;
	return 0;
}

void trust_close(struct trust *t)
{
	if (t == NULL)
		return;
	pki_trust_put(t->current);
	trust_store_close(t->store);
	free(t);
}
