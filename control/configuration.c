/* SPDX-License-Identifier: BSD-3-Clause */
/* What is in force at start, and when the file was edited. */
#include "control/configuration_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "control/alarms.h"
#include "control/rest/users.h"
#include "control/startup.h"
#include "control/trust_set.h"
#include "pki/view/file.h"

#define FILE_MODE 0640
#define RETRY_SEC 10 /* until a file that could not be kept in the history is tried again */

const char *const configuration_user_path[3] = {"authority", "access-management", "user"};

json_t *configuration_running(const struct configuration *c)
{
	return c->daemon->config->json;
}

/* The document with running's list at a path when it has none there; NULL = no memory. */
static json_t *keep_list(json_t *document, json_t *running, const char *const *path, size_t cnt)
{
	json_t *list = config_tree_find(running, path, cnt), *names, *operations, *out = NULL;
	struct config_report report;
	size_t failed;

	if (list == NULL || config_tree_find(document, path, cnt) != NULL)
		return json_incref(document);
	names = json_array();
	for (size_t i = 0; i < cnt; i++)
		json_array_append_new(names, json_string(path[i]));
	operations = json_pack("[{s:s, s:o, s:O}]", "op", "set", "path", names, "value", list);
	if (config_tree_edit(document, operations, &out, &failed, &report) < 0)
		out = NULL;
	json_decref(operations);
	return out;
}

json_t *configuration_keep_users(json_t *document, json_t *running)
{
	return keep_list(document, running, configuration_user_path, 3);
}

json_t *configuration_complete(json_t *document, json_t *running)
{
	static const char *const path[] = {"authority", "trusted-ca-certificate"};
	json_t *with_ca = keep_list(document, running, path, 2), *out = NULL;

	if (with_ca != NULL)
		out = configuration_keep_users(with_ca, running);
	json_decref(with_ca);
	return out;
}

bool configuration_is_busy(const struct configuration *c)
{
	return c->commit != NULL || c->is_confirming || !startup_is_over(c->daemon);
}

bool configuration_is_reading(const struct configuration *c)
{
	return c->commit != NULL && c->commit->kind == COMMIT_FILE;
}

static void read_again(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	configuration_reload(arg);
}

void configuration_reload_later(struct configuration *c)
{
	const struct timeval tv = {.tv_sec = RETRY_SEC};

	if (c->retry_timer == NULL)
		c->retry_timer = evtimer_new(c->daemon->base, read_again, c);
	if (c->retry_timer == NULL || evtimer_add(c->retry_timer, &tv) < 0)
		log_error("no memory is left to read %s again", CONFIG_FILE);
}

void configuration_tell(struct daemon *d, const struct config_report *report)
{
	static const struct alarm_spec damaged = {
		.kind = "configuration-damaged", .source = CONFIG_FILE, .severity = ALARM_CRITICAL};
	static const struct alarm_spec unwritten = {.kind = "configuration-not-written",
		.source = CONFIG_FILE,
		.severity = ALARM_MAJOR};
	const struct config_finding *first = config_report_error(report);
	bool is_good = first != NULL && strcmp(first->code, CONFIG_NOT_WRITTEN) == 0;
	char text[512];

	if (first == NULL || is_good)
		alarm_clear(d->alarms, damaged.kind, damaged.source);
	if (!is_good)
		alarm_clear(d->alarms, unwritten.kind, unwritten.source);
	if (first == NULL)
		return;
	config_report_text(report, text, sizeof(text));
	log_error("the configuration was not taken: %s", text);
	if (is_good) {
		alarm_raise(d->alarms, &unwritten,
			"The edited configuration waits for the disk, the one before it is in "
			"force: %s",
			text);
		configuration_reload_later(d->configuration);
	} else {
		alarm_raise(d->alarms, &damaged,
			"The configuration is not usable, the last good one is in force: %s", text);
	}
}

void configuration_reload(struct configuration *c)
{
	struct commit *m;

	if (c->retry_timer != NULL)
		evtimer_del(c->retry_timer);
	c->is_reload_due = configuration_is_busy(c);
	if (c->is_reload_due)
		return;
	m = commit_new(c, COMMIT_FILE, configuration_running(c), NULL, NULL);
	if (m == NULL)
		log_error("no memory is left to read %s", CONFIG_FILE);
	else
		commit_start(c, m);
}

void configuration_begin(struct configuration *c)
{
	configuration_arm(c);
	if (c->is_reload_due)
		configuration_reload(c);
}

/* ---- start ------------------------------------------------------------------------------------ */

static int use_entry(struct configuration *c, const struct config_entry *e)
{
	struct config_report report;
	json_t *document = NULL;
	int ret = config_history_read(c->history, e->number, &document);

	if (ret == 0)
		ret = config_build(document, &c->daemon->config, &report);
	json_decref(document);
	if (ret == 0)
		c->number = e->number;
	else
		log_error("configuration %llu of the history cannot be used",
			(unsigned long long)e->number);
	return ret;
}

/* Without a usable file: the newest entry, or an older one when that is damaged. */
static int use_history(struct configuration *c)
{
	int ret = -ENOENT;

	for (size_t i = 0; i < config_history_cnt(c->history) && ret != 0; i++)
		ret = use_entry(c, config_history_at(c->history, i));
	return ret;
}

/* The list of trusted CA certificates that a file leaves out: the history's, else the old store's. */
static json_t *base_document(struct configuration *c)
{
	json_t *list = NULL, *base = NULL;

	for (size_t i = 0; i < config_history_cnt(c->history); i++)
		if (config_history_read(
			    c->history, config_history_at(c->history, i)->number, &base) == 0)
			return base;
	if (trust_legacy_read(c->daemon->state_fd, &list) < 0)
		return NULL;
	return json_pack("{s:{s:o}}", "authority", "trusted-ca-certificate", list);
}

/* A file that is not the newest entry's is a new entry. */
static int record_file(struct configuration *c, const char *digest)
{
	struct config_entry entry = {.time = time(NULL), .origin = "file"};
	struct write_plan plan = {0};
	char *text = json_dumps(configuration_running(c), JSON_INDENT(2));
	int ret;

	entry.number = config_history_next(c->history);
	entry.size = text != NULL ? strlen(text) : 0;
	memcpy(entry.digest, digest, sizeof(entry.digest));
	config_history_plan_before(c->history, &plan, &entry, NULL, text);
	config_history_plan_after(c->history, &plan, &entry, NULL);
	ret = write_plan_run(&plan);
	if (ret < 0)
		write_plan_undo(&plan);
	write_plan_fini(&plan);
	if (ret < 0)
		return ret;
	config_history_accept(c->history, NULL, &entry, NULL);
	c->number = entry.number;
	trust_legacy_forget(c->daemon->state_fd);
	return 0;
}

static int use_file(struct configuration *c, const char *text, size_t len, const char *digest,
	struct config_report *report)
{
	struct daemon *d = c->daemon;
	json_t *base, *complete = NULL;
	int ret = config_parse(text, len, &d->config, report);

	if (ret < 0)
		return ret;
	base = base_document(c);
	if (base != NULL)
		complete = configuration_complete(d->config->json, base);
	config_free(d->config);
	d->config = NULL;
	ret = complete != NULL ? config_build(complete, &d->config, report) : -EIO;
	json_decref(base);
	json_decref(complete);
	if (ret == 0)
		ret = record_file(c, digest);
	if (ret < 0 && ret != -EINVAL) {
		config_report_add(report, false, CONFIG_NOT_WRITTEN, "",
			"cannot be kept in the history: %s", strerror(-ret));
		config_free(d->config);
		d->config = NULL;
	}
	return ret;
}

/* An unconfirmed commit whose time is over ends before anything starts on it; else the timer tries. */
static void undo_unconfirmed(struct configuration *c)
{
	const struct config_unconfirmed *u = config_history_unconfirmed(c->history);
	struct config_entry entry = {.time = time(NULL), .origin = "rollback"};
	struct write_plan plan = {0};
	json_t *document = NULL;
	char *text;
	int ret;

	if (u->number == 0 || u->deadline > entry.time ||
		config_history_read(c->history, u->previous, &document) < 0)
		return;
	text = json_dumps(document, JSON_INDENT(2));
	json_decref(document);
	entry.number = config_history_next(c->history);
	snprintf(entry.comment, sizeof(entry.comment), "number %llu was not confirmed in time",
		(unsigned long long)u->number);
	entry.size = text != NULL ? strlen(text) : 0;
	ret = text != NULL ? config_digest(text, entry.size, entry.digest) : -ENOMEM;
	config_history_plan_before(
		c->history, &plan, &entry, NULL, text != NULL ? strdup(text) : NULL);
	write_plan_add(&plan, c->daemon->config_fd, CONFIG_FILE, FILE_MODE, text, entry.size);
	config_history_plan_after(c->history, &plan, &entry, NULL);
	if (ret == 0)
		ret = write_plan_run(&plan);
	/* Only the index for good is missing: the file counts, and the next start writes it. */
	if (ret < 0 && plan.done_cnt + 1 == plan.cnt)
		ret = 0;
	if (ret == 0)
		config_history_accept(c->history, NULL, &entry, NULL);
	else
		write_plan_undo(&plan);
	write_plan_fini(&plan);
	log_warning("configuration %s%s", entry.comment,
		ret == 0 ? ": rolled back" : ", and could not be rolled back yet");
}

/* Users are configuration: those of a file that does not say so are shown, too. */
static int complete_users(struct configuration *c, struct config_report *report)
{
	json_t *users, *document;
	struct config *config = NULL;
	int ret;

	if (config_tree_find(configuration_running(c), configuration_user_path, 3) != NULL)
		return 0;
	users = users_as_configured(c->daemon->state_fd);
	document = users != NULL ? configuration_keep_users(configuration_running(c), users) : NULL;
	ret = document != NULL ? config_build(document, &config, report) : -ENOMEM;
	json_decref(users);
	json_decref(document);
	if (ret < 0)
		return ret;
	config_free(c->daemon->config);
	c->daemon->config = config;
	return 0;
}

static int read_current(struct configuration *c, char **text, size_t *len, char *digest,
	struct config_report *report)
{
	int ret = rk_file_read(
		c->daemon->config_fd, CONFIG_FILE, CONFIG_TEXT_MAX, (uint8_t **)text, len);

	if (ret == 0)
		ret = config_digest(*text, *len, digest);
	if (ret < 0)
		config_report_add(
			report, false, "not-readable", "", "cannot be read: %s", strerror(-ret));
	return ret;
}

static int find_in_force(struct configuration *c, struct config_report *report)
{
	char digest[CONFIG_DIGEST_LEN + 1], said[512];
	char *text = NULL;
	size_t len = 0;
	int ret = read_current(c, &text, &len, digest, report);

	if (ret == 0) {
		config_history_resolve(c->history, digest);
		ret = -ENOENT;
		if (config_history_cnt(c->history) > 0 &&
			strcmp(config_history_at(c->history, 0)->digest, digest) == 0) {
			undo_unconfirmed(c);
			ret = use_entry(c, config_history_at(c->history, 0));
		}
		/* Edited by hand, or the history's copy is damaged: the file counts. */
		if (ret < 0)
			ret = use_file(c, text, len, digest, report);
	}
	free(text);
	if (ret == 0 || ret == -ENOMEM)
		return ret;
	config_report_text(report, said, sizeof(said));
	log_error("%s/%s", c->daemon->options->config_dir, said);
	return use_history(c) == 0 ? 0 : ret;
}

int configuration_open(struct daemon *d, struct configuration **out, struct config_report *report)
{
	struct configuration *c = calloc(1, sizeof(*c));
	struct config_report complete;
	int ret;

	config_report_init(report);
	if (c == NULL)
		return -ENOMEM;
	c->daemon = d;
	STAILQ_INIT(&c->changes);
	if (rk_file_clean(d->config_fd) < 0)
		log_warning("%s: what a kill left there cannot be removed", d->options->config_dir);
	ret = config_history_open(d->state_fd, &c->history);
	if (ret < 0)
		log_error("the history of configurations in %s cannot be used: %s",
			d->options->state_dir, strerror(-ret));
	if (ret == 0)
		ret = find_in_force(c, report);
	if (ret == 0)
		ret = complete_users(c, &complete);
	if (ret < 0) {
		configuration_close(c);
		return ret;
	}
	candidate_load(c);
	configuration_arm(c);
	*out = c;
	return 0;
}

void configuration_close(struct configuration *c)
{
	if (c == NULL)
		return;
	if (c->confirm_timer != NULL)
		event_free(c->confirm_timer);
	if (c->retry_timer != NULL)
		event_free(c->retry_timer);
	config_history_close(c->history);
	json_decref(c->candidate);
	free(c);
}
