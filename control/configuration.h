/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The configuration as a service: one running, one candidate, a numbered history. What is in force
 * is daemon->config; CONFIG/rekey.json is its file, which an operator may edit, too.
 *
 * A commit checks the whole, writes (history, then rekey.json: all of it or none of it counts, at
 * whatever instant the process ends), puts it in force and publishes. One at a time. The candidate
 * outlives a restart; what else changes the running configuration is carried over into it.
 * Loop thread.
 */
#pragma once

#include "control/answer.h"
#include "control/config_tree.h"
#include "control/daemon.h"

/*
 * Finds what is to be in force, sets d->config. Needs the folders and d->base. A damaged rekey.json
 * leaves the newest configuration of the history in force; *report says what is wrong with the
 * file, and has no error when it was taken. -EINVAL when there is none to fall back on; -errno.
 */
int configuration_open(struct daemon *d, struct configuration **out, struct config_report *report)
	__attribute__((warn_unused_result));
void configuration_close(struct configuration *c); /* NULL is fine */
/* The start is over: what came due meanwhile is done now. */
void configuration_begin(struct configuration *c);

/*
 * CONFIG/rekey.json was edited: read by a helper, then in force, or refused whole with an alarm; what is
 * under way comes before it. Requests that come meanwhile wait for it (rest_begin).
 */
void configuration_reload(struct configuration *c);
bool configuration_is_reading(const struct configuration *c);
/*
 * The clock was set. How long a commit waits for its confirmation goes by the time that passes, unless a
 * restart found the clock years behind: then by what the clock says once it is right.
 */
void configuration_clock_set(struct configuration *c);
/* The alarm about rekey.json, by this report. */
void configuration_tell(struct daemon *d, const struct config_report *report);

/* Answers of the REST API (docs/rest.md): query is the request's, "" without one. */
void configuration_schema(struct configuration *c, struct answer *out);
void configuration_show_running(struct configuration *c, const char *query, struct answer *out);
void configuration_show_candidate(struct configuration *c, const char *query, struct answer *out);
void configuration_edit(
	struct configuration *c, const json_t *request, const char *user, answer_cb cb, void *arg);
void configuration_replace(
	struct configuration *c, json_t *document, const char *user, answer_cb cb, void *arg);
void configuration_discard(struct configuration *c, struct answer *out);
void configuration_diff(struct configuration *c, const char *query, answer_cb cb, void *arg);
void configuration_history(struct configuration *c, struct answer *out);
void configuration_show_entry(struct configuration *c, const char *number, answer_cb cb, void *arg);
void configuration_validate(struct configuration *c, answer_cb cb, void *arg);
void configuration_commit(struct configuration *c, const json_t *request, answer_cb cb, void *arg);
void configuration_rollback(
	struct configuration *c, const json_t *request, answer_cb cb, void *arg);
void configuration_confirm(struct configuration *c, answer_cb cb, void *arg);

/* A change of one item of the running configuration, committed at once. */
struct configuration_item {
	const char *name;       /* in the answer and the audit */
	const char *audit_type; /* static */
	const char *audit_text; /* static */
	json_t *operations;     /* as for config_tree_edit; taken */
};
void configuration_commit_item(
	struct configuration *c, const struct configuration_item *item, answer_cb cb, void *arg);
