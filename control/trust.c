/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/trust.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "control/alarms.h"
#include "control/configuration.h"
#include "control/fields.h"
#include "control/time_text.h"
#include "control/trust_set.h"
#include "control/verdicts.h"
#include "pki/x509/cert.h"
#include "pki/x509/trust.h"

#define ITEM_LIST "trusted-ca-certificate"

/* What else decides what is trusted. */
struct trust_rules {
	bool is_ed25519_allowed;
	bool is_self_signed_allowed;
};

struct trust {
	struct daemon *daemon;
	struct trust_set *set;
	struct pki_trust *current;
	struct pki_report report; /* of the current one: what warn mode let pass */
	uint64_t last_generation; /* ever given */
	struct trust_rules rules;
};

struct trust_change {
	const struct trust_set *in_force; /* the trust's; NULL at start: everything is new to us */
	bool is_settled;                  /* at start: all of it was accepted once */
	bool is_needed;
	struct trust_rules rules;
	struct trust_rules was;
	uint64_t generation;
	struct trust_set *set;
	struct pki_trust *candidate;
	struct pki_report report;
};

static struct trust_rules rules_of(const struct config *config)
{
	return (struct trust_rules){config->is_ed25519_allowed, config->is_self_signed_allowed};
}

struct trust_change *trust_change_begin(const struct trust *t)
{
	struct trust_change *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return NULL;
	c->in_force = t->set;
	c->was = t->rules;
	c->generation = t->last_generation + 1;
	pki_report_init(&c->report);
	return c;
}

void trust_change_free(struct trust_change *c)
{
	if (c == NULL)
		return;
	trust_set_free(c->set);
	pki_trust_put(c->candidate);
	free(c);
}

/* The findings of the certificates as those of the configuration that brought them. */
static void copy_findings(const struct trust_change *c, struct config_report *report)
{
	char path[160];

	for (size_t i = 0; i < c->report.cnt; i++) {
		const struct pki_finding *f = &c->report.finding[i];

		snprintf(path, sizeof(path), "authority." ITEM_LIST "[%.*s]",
			(int)strcspn(f->subject, ":"), f->subject);
		config_report_add(report, f->severity == PKI_WARNING, f->code, path, "%s%s%s",
			f->subject, f->subject[0] != '\0' ? ": " : "", f->text);
	}
}

/* What stands already was accepted once: a certificate that expired since refuses nothing. */
static int build_candidate(struct trust_change *c)
{
	struct pki_bundle *bundle = calloc(c->set->cnt + 1, sizeof(*bundle));
	const struct pki_trust_config config = {
		.bundle = bundle,
		.bundle_cnt = c->set->cnt,
		.generation = c->generation,
		.now = time(NULL),
		.is_ed25519_allowed = c->rules.is_ed25519_allowed,
		.is_self_signed_allowed = c->rules.is_self_signed_allowed,
	};
	int ret;

	if (bundle == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < c->set->cnt; i++) {
		bundle[i] = c->set->bundle[i];
		if (c->is_settled || trust_set_has(c->in_force, &bundle[i]))
			bundle[i].mode = PKI_MODE_WARN;
	}
	ret = pki_trust_new(&config, &c->report, &c->candidate);
	free(bundle);
	return ret;
}

int trust_change_build(struct trust_change *c, const struct config *config, int pki_fd,
	struct config_report *report)
{
	int ret = trust_set_new(config, pki_fd, c->is_settled, report, &c->set);

	if (ret < 0)
		return ret;
	c->rules = rules_of(config);
	c->is_needed = c->in_force == NULL || strcmp(c->in_force->digest, c->set->digest) != 0 ||
		       c->was.is_ed25519_allowed != c->rules.is_ed25519_allowed ||
		       c->was.is_self_signed_allowed != c->rules.is_self_signed_allowed;
	if (!c->is_needed)
		return 0;
	ret = build_candidate(c);
	copy_findings(c, report);
	return ret;
}

bool trust_change_is_needed(const struct trust_change *c)
{
	return c->is_needed;
}

int trust_change_prepare(
	struct trust *t, struct trust_change *c, void (*ready)(void *arg, int error), void *arg)
{
	return verdicts_prepare(
		t->daemon->verdicts, c->candidate, c->rules.is_ed25519_allowed, ready, arg);
}

/*
 * Before the configuration: after a crash in between the digest is not that of the bundles in
 * force, and the generation moves on once more. None is ever given to two sets.
 */
void trust_change_plan(struct trust *t, const struct trust_change *c, struct write_plan *plan)
{
	char *text = trust_record_print(c->generation, c->set->digest);

	t->last_generation = c->generation;
	write_plan_add(plan, t->daemon->state_fd, TRUST_RECORD_FILE, 0600, text,
		text != NULL ? strlen(text) : 0);
}

static void adopt(struct trust *t, struct trust_change *c)
{
	trust_set_free(t->set);
	t->set = c->set;
	c->set = NULL;
	pki_trust_put(t->current);
	t->current = pki_trust_get(c->candidate);
	t->report = c->report;
	t->last_generation = pki_trust_generation(t->current);
	t->rules = c->rules;
}

void trust_change_execute(struct trust *t, struct trust_change *c)
{
	adopt(t, c);
	verdicts_adopt(t->daemon->verdicts);
	log_info("trusted CA certificates: generation %llu is in force",
		(unsigned long long)trust_generation(t));
}

#define MISSING_KIND   "certificate-file-absent"
#define MISSING_PREFIX "trusted-ca-certificate "

/* An alarm of that kind is about a bundle that is still configured with a file, or not ours. */
static bool is_file_configured(void *arg, const char *source)
{
	const struct config *c = arg;

	if (strncmp(source, MISSING_PREFIX, strlen(MISSING_PREFIX)) != 0)
		return true;
	for (size_t i = 0; i < c->trusted_ca_cnt; i++)
		if (c->trusted_ca[i].file != NULL &&
			strcmp(c->trusted_ca[i].name, source + strlen(MISSING_PREFIX)) == 0)
			return true;
	return false;
}

void trust_tell(const struct trust *t)
{
	struct daemon *d = t->daemon;
	char source[96];

	for (size_t i = 0; i < d->config->trusted_ca_cnt; i++) {
		const struct config_trusted_ca *ca = &d->config->trusted_ca[i];
		const struct alarm_spec spec = {MISSING_KIND, source, ALARM_MAJOR};

		snprintf(source, sizeof(source), MISSING_PREFIX "%s", ca->name);
		if (ca->file == NULL || trust_set_find(t->set, ca->name) != NULL)
			alarm_clear(d->alarms, spec.kind, spec.source);
		else
			alarm_raise(d->alarms, &spec,
				"The file %s.pem of the trusted CA certificates %s is not in the "
				"PKI folder",
				ca->file, ca->name);
	}
	alarm_clear_unless(d->alarms, MISSING_KIND, is_file_configured, d->config);
}

const struct pki_report *trust_change_report(const struct trust_change *c)
{
	return &c->report;
}

static void refuse_name(const char *name, answer_cb cb, void *arg)
{
	struct answer a;

	answer_error(&a, 404, "not-found", NULL,
		"there is no trusted CA certificate named \"%.63s\"", name);
	cb(arg, &a);
	answer_fini(&a);
}

void trust_install(struct trust *t, const json_t *request, answer_cb cb, void *arg)
{
	const char *name = NULL, *content = NULL, *mode = "strict";
	const struct field fields[] = {
		{"name", FIELD_STRING, true, &name},
		{"content", FIELD_STRING, true, &content, 1, INT64_MAX},
		{"validation-mode", FIELD_STRING, false, &mode},
	};
	struct answer a;

	if (fields_read(request, fields, 3, &a) < 0)
		goto refuse;
	if (!field_is_name(name))
		field_refuse(&a, "name", "must have 1 to 63 letters, digits, '_' or '-'");
	else if (strlen(content) > PKI_BUNDLE_TEXT_MAX)
		answer_error(&a, 413, "too-large", json_pack("{s:s}", "field", "content"),
			"\"content\" is larger than %d bytes", PKI_BUNDLE_TEXT_MAX);
	else if (strcmp(mode, "warn") != 0 && strcmp(mode, "strict") != 0)
		field_refuse(&a, "validation-mode", "must be strict or warn");
	else
		goto accept;
refuse:
	cb(arg, &a);
	answer_fini(&a);
	return;
accept:
	configuration_commit_item(t->daemon->configuration,
		&(struct configuration_item){
			.name = name,
			.audit_type = "system.ingest_trusted_ca",
			.audit_text = "Installed trusted CA certificates",
			.operations = json_pack("[{s:s, s:[s,s,s], s:{s:s, s:s, s:s}}]", "op",
				"set", "path", "authority", ITEM_LIST, name, "value", "name", name,
				"content", content, "validation-mode", mode),
		},
		cb, arg);
}

void trust_delete(struct trust *t, const char *name, answer_cb cb, void *arg)
{
	const char *const path[] = {"authority", ITEM_LIST, name};

	if (config_tree_find(t->daemon->config->json, path, 3) == NULL) {
		refuse_name(name, cb, arg);
		return;
	}
	configuration_commit_item(t->daemon->configuration,
		&(struct configuration_item){
			.name = name,
			.audit_type = "system.delete_trusted_ca",
			.audit_text = "Removed trusted CA certificates",
			.operations = json_pack("[{s:s, s:[s,s,s]}]", "op", "delete", "path",
				"authority", ITEM_LIST, name),
		},
		cb, arg);
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
	size_t len = strlen(bundle->name);

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

		if (strncmp(f->subject, bundle->name, len) == 0 &&
			(f->subject[len] == ':' || f->subject[len] == '\0'))
			json_array_append_new(warnings, json_string(f->text));
	}
	return json_pack("{s:s, s:s, s:o, s:o}", "name", bundle->name, "validation_mode",
		bundle->mode == PKI_MODE_WARN ? "warn" : "strict", "certificates", certificates,
		"warnings", warnings);
}

void trust_list(const struct trust *t, struct answer *out)
{
	json_t *list = json_array();

	for (size_t i = 0; i < t->set->cnt; i++)
		json_array_append_new(list, bundle_json(t, &t->set->bundle[i]));
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

static int load(struct trust *t)
{
	struct config_report report;
	struct trust_change *c = trust_change_begin(t);
	int ret = -ENOMEM;

	if (c == NULL)
		return ret;
	config_report_init(&report);
	c->is_settled = true;
	ret = trust_set_new(t->daemon->config, t->daemon->pki_fd, true, &report, &c->set);
	if (ret == 0)
		ret = trust_record_load(t->daemon->state_fd, c->set->digest, &c->generation);
	c->rules = rules_of(t->daemon->config);
	if (ret == 0)
		ret = build_candidate(c);
	copy_findings(c, &report);
	for (size_t i = 0; i < report.cnt; i++)
		log_warning("%s: %s", report.finding[i].path, report.finding[i].text);
	if (ret == 0) {
		adopt(t, c);
		trust_tell(t);
	}
	trust_change_free(c);
	return ret;
}

int trust_open(struct daemon *d, struct trust **out)
{
	struct trust *t = calloc(1, sizeof(*t));
	int ret;

	if (t == NULL)
		return -ENOMEM;
	t->daemon = d;
	ret = load(t);
	if (ret < 0) {
		log_error("trusted CA certificates: %s", strerror(-ret));
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
	trust_set_free(t->set);
	free(t);
}
