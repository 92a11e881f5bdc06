/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A commit's way: checked by a helper, every kept certificate judged anew when trust changes,
 * written by a helper, put in force. Until rekey.json is replaced, nothing has happened; from then
 * on, it has.
 */
#include "control/configuration_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "control/helper.h"
#include "control/publish.h"
#include "control/rest/rest.h"
#include "control/rest/users.h"
#include "control/rest/tls.h"
#include "control/time_text.h"
#include "pki/view/file.h"
#include "pki/x509/report.h"

#define FILE_MODE 0640

static const char *const origins[] = {
	[COMMIT_CANDIDATE] = "commit",
	[COMMIT_ROLLBACK] = "rollback",
	[COMMIT_ITEM] = "item",
	[COMMIT_FILE] = "file",
	[COMMIT_TRIAL] = "trial",
};

struct commit *commit_new(
	struct configuration *c, enum commit_kind kind, json_t *document, answer_cb cb, void *arg)
{
	struct commit *m = calloc(1, sizeof(*m));
	struct answer a;

	if (m == NULL && cb != NULL) {
		answer_error(&a, 503, "busy", NULL, "no memory is left; try again");
		cb(arg, &a);
		answer_fini(&a);
	}
	if (m == NULL)
		return NULL;
	m->kind = kind;
	m->asked = json_incref(document);
	/* What says nothing of users leaves them; the file is read later. */
	m->document = configuration_keep_users(document, configuration_running(c));
	if (m->document == NULL)
		m->document = json_incref(document);
	m->cb = cb;
	m->arg = arg;
	m->config_dir = c->daemon->config_fd;
	m->pki_dir = c->daemon->pki_fd;
	m->ret = -ECANCELED; /* until a helper says otherwise */
	m->audit_type = "config.committed";
	m->audit_text = "Put a configuration in force";
	m->actor = audit_actor(c->daemon->audit);
	memcpy(m->entry.user, m->actor.user, sizeof(m->entry.user));
	memcpy(m->entry.from, m->actor.address, sizeof(m->entry.from));
	snprintf(m->entry.origin, sizeof(m->entry.origin), "%s", origins[kind]);
	config_report_init(&m->report);
	return m;
}

static void free_commit(struct commit *m)
{
	trust_change_free(m->trust);
	config_free(m->config);
	write_plan_fini(&m->plan);
	json_decref(m->document);
	json_decref(m->asked);
	free(m->file_text);
	free(m->text);
	free(m);
}

/* The next one may come. */
static void release(struct commit *m)
{
	struct configuration *c = m->configuration;

	if (c == NULL || c->commit != m)
		return;
	c->commit = NULL;
	if (c->is_reload_due)
		configuration_reload(c);
	/* Those who waited for it; at the end nobody is answered any more. */
	if (m->kind == COMMIT_FILE && !configuration_is_reading(c) && c->daemon->readers != NULL)
		rest_begin(c->daemon->rest);
}

static void finish(struct commit *m, struct answer *a)
{
	if (m->cb != NULL)
		m->cb(m->arg, a);
	else if (a->status != 200)
		log_error("the configuration was not changed: %s",
			json_string_value(
				json_object_get(json_object_get(a->body, "error"), "message")));
	answer_fini(a);
	release(m);
	free_commit(m);
}

void commit_refuse(struct commit *m, int status, const char *code, const char *text)
{
	struct answer a;

	answer_error(&a, status, code, NULL, "%s", text);
	finish(m, &a);
}

/* An edited file is not forgotten. */
static void refuse_busy(struct commit *m)
{
	if (m->kind == COMMIT_FILE)
		configuration_reload_later(m->configuration);
	commit_refuse(m, 503, "busy", "the helpers have too much to do; try again");
}

json_t *configuration_findings(const struct config_report *report, bool are_warnings)
{
	json_t *list = json_array();

	for (size_t i = 0; i < report->cnt; i++) {
		const struct config_finding *f = &report->finding[i];

		if (f->is_warning == are_warnings)
			json_array_append_new(list, json_pack("{s:s, s:s, s:s}", "path", f->path,
							    "code", f->code, "message", f->text));
	}
	return list;
}

/* The configuration has errors, or the certificates of an item have. */
static void refuse_report(struct commit *m)
{
	const struct pki_report *findings = m->trust != NULL ? trust_change_report(m->trust) : NULL;
	const struct config_finding *first = config_report_error(&m->report);
	struct answer a;

	if (m->kind == COMMIT_FILE && m->configuration != NULL)
		configuration_tell(m->configuration->daemon, &m->report);
	if (m->kind == COMMIT_ITEM && findings != NULL && findings->error_cnt > 0)
		answer_error(&a, 422, "bundle-refused", answer_findings(findings), "refused: %s",
			pki_report_first(findings)->text);
	else
		answer_error(&a, 422, "configuration-refused",
			json_pack("{s:o, s:o}", "errors", configuration_findings(&m->report, false),
				"warnings", configuration_findings(&m->report, true)),
			"%zu error%s; the first: %s: %s", m->report.error_cnt,
			m->report.error_cnt == 1 ? "" : "s", first->path, first->text);
	finish(m, &a);
}

static void answer_trial(struct commit *m)
{
	struct answer a;

	answer_ok(&a, json_pack("{s:b, s:o, s:o}", "is_valid", m->report.error_cnt == 0, "errors",
			      configuration_findings(&m->report, false), "warnings",
			      configuration_findings(&m->report, true)));
	finish(m, &a);
}

/* ---- on a helper ------------------------------------------------------------------------------ */

static int read_file(struct commit *m)
{
	struct config *config = NULL;
	json_t *complete;
	int ret;

	ret = rk_file_read(m->config_dir, CONFIG_FILE, CONFIG_TEXT_MAX, (uint8_t **)&m->file_text,
		&m->file_len);
	if (ret < 0) {
		config_report_add(&m->report, false, "not-readable", "", "cannot be read: %s",
			strerror(-ret));
		return -EINVAL;
	}
	ret = config_parse(m->file_text, m->file_len, &config, &m->report);
	if (ret < 0)
		return ret;
	/* document is the running one here: what the file leaves out comes from it. */
	complete = configuration_complete(config->json, m->document);
	config_free(config);
	if (complete == NULL)
		return -ENOMEM;
	json_decref(m->document);
	m->document = complete;
	return config_digest(m->file_text, m->file_len, m->entry.digest);
}

/* A listener that nobody could get past is no good configuration. */
static int check_listener(struct commit *m)
{
	const struct config_rest *c = &m->config->rest;
	STACK_OF(X509) *list = NULL;
	char why[PKI_TEXT_MAX];
	int ret;

	if (c->client_ca == NULL)
		return 0;
	ret = tls_read_client_ca(m->pki_dir, c->client_ca, why, sizeof(why), &list);
	sk_X509_pop_free(list, X509_free);
	if (ret == 0 || ret == -ENOMEM)
		return ret;
	config_report_add(&m->report, false, ret == -EBADMSG ? "file-damaged" : "file-missing",
		"router.rest-api.client-ca", "%s.pem in the PKI folder cannot be used: %s",
		c->client_ca, why);
	return -EINVAL;
}

static int print_document(struct commit *m)
{
	m->text = json_dumps(m->config->json, JSON_INDENT(2));
	if (m->text == NULL)
		return -ENOMEM;
	m->entry.size = strlen(m->text);
	if (m->kind == COMMIT_FILE)
		return 0;
	return config_digest(m->text, m->entry.size, m->entry.digest);
}

/* document is the running one here, too. */
static int read_restored(struct commit *m)
{
	json_t *document = NULL, *whole = NULL;
	int ret = config_history_read(m->configuration->history, m->restored, &document);

	m->is_lost = ret < 0;
	if (ret == 0)
		whole = configuration_keep_users(document, m->document);
	json_decref(document);
	if (whole == NULL)
		return ret < 0 ? ret : -ENOMEM;
	json_decref(m->document);
	m->document = whole;
	return 0;
}

static void check(void *arg)
{
	struct commit *m = arg;

	m->ret = 0;
	if (m->kind == COMMIT_FILE)
		m->ret = read_file(m);
	else if (m->restored != 0)
		m->ret = read_restored(m);
	if (m->ret == 0)
		m->ret = config_build(m->document, &m->config, &m->report);
	if (m->ret == 0)
		m->ret = check_listener(m);
	if (m->ret == 0)
		m->ret = trust_change_build(m->trust, m->config, m->pki_dir, &m->report);
	if (m->ret == 0)
		m->ret = print_document(m);
}

/* The file was replaced, and only the folder could not be synced: the next start takes it. */
static bool is_replaced(const struct commit *m)
{
	char digest[CONFIG_DIGEST_LEN + 1];
	uint8_t *text = NULL;
	size_t len = 0;
	bool is_ours;

	if (m->kind == COMMIT_FILE || m->plan.done_cnt + 1 != m->vital_cnt ||
		rk_file_read(m->config_dir, CONFIG_FILE, CONFIG_TEXT_MAX, &text, &len) < 0)
		return false;
	is_ours = config_digest(text, len, digest) == 0 && strcmp(digest, m->entry.digest) == 0;
	free(text);
	return is_ours;
}

static void write_files(void *arg)
{
	struct commit *m = arg;

	m->ret = write_plan_run(&m->plan);
	if (m->ret < 0 && (m->plan.done_cnt >= m->vital_cnt || is_replaced(m)))
		m->ret = 0; /* it counts: the next start finishes what is missing */
	if (m->ret < 0)
		write_plan_undo(&m->plan);
}

/* ---- on the loop ------------------------------------------------------------------------------ */

static void audit_commit(const struct commit *m)
{
	struct daemon *d = m->configuration->daemon;
	char text[160];

	snprintf(text, sizeof(text), "%s: %s%s%llu", m->audit_text, m->item,
		m->item[0] != '\0' ? ", number " : "number ", (unsigned long long)m->entry.number);
	audit_write_as(d->audit, &m->actor, m->audit_type, text,
		json_pack("{s:I, s:s, s:s, s:s, s:I}", "number", (json_int_t)m->entry.number,
			"origin", m->entry.origin, "name", m->item, "comment", m->entry.comment,
			"trust_generation", (json_int_t)trust_generation(d->trust)));
}

static void on_published(void *arg, struct answer *published)
{
	struct commit *m = arg;
	struct answer a;

	/* In force here and on disk, whatever the workers say. */
	answer_ok(&a,
		json_pack("{s:s*, s:I, s:I, s:o, s:o, s:o, s:o}", "name",
			m->item[0] != '\0' ? m->item : NULL, "number", (json_int_t)m->entry.number,
			"generation", (json_int_t)m->trust_generation, "warnings",
			configuration_findings(&m->report, true), "findings",
			answer_findings(trust_change_report(m->trust)), "confirm_by",
			time_json(m->unconfirmed.deadline), "publication",
			publisher_result(published)));
	finish(m, &a);
}

static void carried(void *arg)
{
	struct commit *m = arg;
	struct publisher *p = m->configuration->daemon->publisher;

	release(m); /* the next one need not wait for the workers */
	publisher_wait(p, on_published, m);
}

static void put_in_force(struct commit *m)
{
	struct configuration *c = m->configuration;
	struct daemon *d = c->daemon;
	bool is_candidate = m->asked == c->candidate;
	json_t *before = json_incref(configuration_running(c));

	if (!m->is_same)
		config_history_accept(c->history, d->disk, &m->entry, &m->unconfirmed);
	c->number = m->entry.number;
	if (trust_change_is_needed(m->trust))
		trust_change_execute(d->trust, m->trust);
	daemon_use_config(d, m->config, trust_change_is_needed(m->trust));
	m->config = NULL;
	users_configure(d->users, &m->actor);
	configuration_arm(c);
	configuration_tell(d, &m->report);
	audit_commit(m);
	m->trust_generation = trust_generation(d->trust);
	if (is_candidate) {
		candidate_clear(c);
		carried(m);
	} else {
		candidate_carry(c, before, carried, m);
	}
	json_decref(before);
}

static void written(void *arg)
{
	struct commit *m = arg;
	struct answer a;

	if (m->ret == 0) {
		if (m->plan.done_cnt < m->plan.cnt)
			log_warning("not every file could be synced: the next commit, or start, "
				    "does it");
		put_in_force(m);
		return;
	}
	if (m->kind == COMMIT_FILE)
		config_report_add(&m->report, false, CONFIG_NOT_WRITTEN, "",
			"cannot be kept in the history: %s", strerror(-m->ret));
	if (m->kind == COMMIT_FILE)
		configuration_tell(m->configuration->daemon, &m->report);
	answer_error(&a, m->ret == -ECANCELED ? 503 : 500, "not-written", NULL,
		"the configuration could not be written, nothing has changed: %s",
		strerror(-m->ret));
	finish(m, &a);
}

static void start_writing(void *arg, int error);

/* What an earlier commit did to users is on disk before a later one does more to them. */
static void users_flushed(void *arg, int error)
{
	struct commit *m = arg;

	if (m->configuration->daemon->helpers == NULL) {
		m->configuration->is_reload_due = false;
		commit_refuse(m, 503, "shutting-down", "rekey-control is stopping");
	} else if (error == 0) {
		start_writing(m, 0);
	} else {
		commit_refuse(m, 500, "not-written",
			"the users of the commit before could not be stored yet, nothing has "
			"changed: try again");
	}
}

/* Every verdict is judged under what is to be trusted, if that changes. */
static void start_writing(void *arg, int error)
{
	struct commit *m = arg;
	struct configuration *c = m->configuration;
	struct daemon *d = c->daemon;
	char *file = NULL;

	if (error < 0) {
		commit_refuse(m, 500, "not-judged", "the certificates could not be judged");
		return;
	}
	if (users_are_unwritten(d->users)) {
		users_flush(d->users, users_flushed, m);
		return;
	}
	m->entry.time = time(NULL);
	m->entry.number = m->is_same ? c->number : config_history_next(c->history);
	if (m->confirm_timeout_sec > 0)
		m->unconfirmed = (struct config_unconfirmed){
			m->entry.number, c->number, m->entry.time + m->confirm_timeout_sec};
	if (m->kind != COMMIT_FILE)
		file = strdup(m->text);
	if (!m->is_same) {
		config_history_plan_before(
			c->history, &m->plan, &m->entry, &m->unconfirmed, m->text);
		m->text = NULL;
	}
	if (trust_change_is_needed(m->trust))
		trust_change_plan(d->trust, m->trust, &m->plan);
	if (m->kind != COMMIT_FILE)
		write_plan_add(&m->plan, d->config_fd, CONFIG_FILE, FILE_MODE, file,
			file != NULL ? strlen(file) : 0);
	m->vital_cnt = m->plan.cnt;
	if (!m->is_same)
		config_history_plan_after(c->history, &m->plan, &m->entry, &m->unconfirmed);
	m->ret = -ECANCELED;
	if (helper_run(d->helpers, write_files, written, m) < 0)
		refuse_busy(m);
}

static void checked(void *arg)
{
	struct commit *m = arg;
	struct configuration *c = m->configuration;
	struct daemon *d = c->daemon;

	m->is_same = m->kind == COMMIT_FILE && config_history_cnt(c->history) > 0 &&
		     strcmp(config_history_at(c->history, 0)->digest, m->entry.digest) == 0;
	if (m->report.error_cnt > 0 && m->kind != COMMIT_TRIAL) {
		refuse_report(m);
	} else if (m->is_lost) {
		commit_refuse(m, 500, "not-readable",
			"that configuration's document in the history cannot be read");
	} else if (m->ret < 0 && m->report.error_cnt == 0) {
		commit_refuse(m, m->ret == -ECANCELED ? 503 : 500, "not-checked",
			"the configuration could not be checked; try again");
	} else if (m->kind == COMMIT_TRIAL) {
		answer_trial(m);
	} else if (!trust_change_is_needed(m->trust)) {
		start_writing(m, 0);
	} else if (trust_change_prepare(d->trust, m->trust, start_writing, m) < 0) {
		commit_refuse(m, 503, "busy", "the certificates cannot be judged now; try again");
	}
}

void commit_start(struct configuration *c, struct commit *m)
{
	if (configuration_is_busy(c)) {
		commit_refuse(m, 409, "busy", "another change is under way: try again");
		return;
	}
	m->trust = trust_change_begin(c->daemon->trust);
	m->configuration = c;
	c->commit = m;
	if (m->trust == NULL || helper_run(c->daemon->helpers, check, checked, m) < 0)
		refuse_busy(m);
}
