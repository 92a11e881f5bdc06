/* SPDX-License-Identifier: BSD-3-Clause */
/* What asks for a commit: a request, read and refused here, or a commit of its own begun. */
#include "control/configuration_private.h"

#include <errno.h>
#include <string.h>

#include "control/fields.h"
#include "control/time_text.h"

#define CONFIRM_MIN_SEC 10
#define CONFIRM_MAX_SEC 86400

/* Until an unconfirmed commit is confirmed or gone, only going back is possible. */
static bool is_free(struct configuration *c, answer_cb cb, void *arg)
{
	const struct config_unconfirmed *u = config_history_unconfirmed(c->history);
	struct answer a;

	if (u->number == 0)
		return true;
	answer_error(&a, 409, "unconfirmed",
		json_pack("{s:I, s:o}", "number", (json_int_t)u->number, "confirm_by",
			time_json(u->deadline)),
		"configuration %llu waits to be confirmed: confirm it, or roll back",
		(unsigned long long)u->number);
	cb(arg, &a);
	answer_fini(&a);
	return false;
}

struct wishes {
	const char *comment;
	json_int_t confirm_timeout_sec;
	json_int_t number;
};

/* NULL with the answer given; the body may be absent. */
static struct commit *new_wished(struct configuration *c, enum commit_kind kind, json_t *document,
	const struct wishes *w, answer_cb cb, void *arg)
{
	struct commit *m = commit_new(c, kind, document, cb, arg);

	if (m == NULL)
		return NULL;
	memcpy(m->entry.comment, w->comment, strlen(w->comment) + 1);
	m->confirm_timeout_sec = (unsigned)w->confirm_timeout_sec;
	return m;
}

static void answer_simple(
	answer_cb cb, void *arg, int status, const char *code, const char *message)
{
	struct answer a;

	answer_error(&a, status, code, NULL, "%s", message);
	cb(arg, &a);
	answer_fini(&a);
}

void configuration_commit(struct configuration *c, const json_t *request, answer_cb cb, void *arg)
{
	struct wishes w = {.comment = ""};
	const struct field fields[] = {
		{"comment", FIELD_STRING, false, &w.comment, 0, CONFIG_COMMENT_MAX},
		{"confirm_timeout_sec", FIELD_INTEGER, false, &w.confirm_timeout_sec,
			CONFIRM_MIN_SEC, CONFIRM_MAX_SEC},
	};
	struct commit *m;
	struct answer a;

	if (fields_read(request, fields, 2, &a) < 0) {
		cb(arg, &a);
		answer_fini(&a);
		return;
	}
	if (!is_free(c, cb, arg))
		return;
	if (!candidate_is_changed(c)) {
		answer_simple(cb, arg, 409, "nothing-to-commit",
			"the candidate is the running configuration");
		return;
	}
	if (c->is_stranded) {
		answer_simple(cb, arg, 409, "running-changed",
			"the running configuration has changed where the candidate did: look at "
			"the difference, discard the candidate, edit again");
		return;
	}
	m = new_wished(c, COMMIT_CANDIDATE, c->candidate, &w, cb, arg);
	if (m != NULL)
		commit_start(c, m);
}

void configuration_validate(struct configuration *c, answer_cb cb, void *arg)
{
	struct commit *m = commit_new(c, COMMIT_TRIAL, candidate_document(c), cb, arg);

	if (m != NULL)
		commit_start(c, m);
}

void configuration_rollback(struct configuration *c, const json_t *request, answer_cb cb, void *arg)
{
	struct wishes w = {.comment = ""};
	const struct field fields[] = {
		{"number", FIELD_INTEGER, true, &w.number, 1, INT64_MAX},
		{"comment", FIELD_STRING, false, &w.comment, 0, CONFIG_COMMENT_MAX},
		{"confirm_timeout_sec", FIELD_INTEGER, false, &w.confirm_timeout_sec,
			CONFIRM_MIN_SEC, CONFIRM_MAX_SEC},
	};
	struct commit *m;
	struct answer a;

	if (fields_read(request, fields, 3, &a) < 0) {
		cb(arg, &a);
		answer_fini(&a);
		return;
	}
	if (config_history_find(c->history, (uint64_t)w.number) == NULL) {
		answer_simple(cb, arg, 404, "no-such-configuration",
			"the history has no configuration of that number");
		return;
	}
	m = new_wished(c, COMMIT_ROLLBACK, configuration_running(c), &w, cb, arg);
	if (m == NULL)
		return;
	m->restored = (uint64_t)w.number;
	commit_start(c, m);
}

static void refuse_item(int error, const struct config_report *report, answer_cb cb, void *arg)
{
	const struct config_finding *f = config_report_error(report);
	struct answer a;

	if (error == -EINVAL)
		answer_error(&a, 422, "configuration-refused",
			json_pack("{s:o, s:o}", "errors", configuration_findings(report, false),
				"warnings", configuration_findings(report, true)),
			"%s: %s", f->path, f->text);
	else
		answer_error(&a, 503, "busy", NULL, "no memory is left; try again");
	cb(arg, &a);
	answer_fini(&a);
}

void configuration_commit_item(
	struct configuration *c, const struct configuration_item *item, answer_cb cb, void *arg)
{
	json_t *document = NULL;
	struct config_report report;
	struct commit *m;
	size_t failed;
	int ret;

	if (!is_free(c, cb, arg)) {
		json_decref(item->operations);
		return;
	}
	ret = config_tree_edit(
		configuration_running(c), item->operations, &document, &failed, &report);
	json_decref(item->operations);
	if (ret < 0) {
		refuse_item(ret, &report, cb, arg);
		return;
	}
	m = commit_new(c, COMMIT_ITEM, document, cb, arg);
	json_decref(document);
	if (m == NULL)
		return;
	snprintf(m->item, sizeof(m->item), "%s", item->name);
	m->audit_type = item->audit_type;
	m->audit_text = item->audit_text;
	commit_start(c, m);
}
