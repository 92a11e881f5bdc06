/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Changes of the candidate: edits, a whole new one, and carrying it over when what runs has changed.
 * Documents may be large, so a helper works on them, one change at a time in the order asked for.
 *  1. A change is made on the candidate, and what runs, of when it begins. Documents are never
 *     changed in place: whoever reads one meanwhile sees it whole.
 *  2. When one of them was replaced meanwhile (a commit, a discard), the change is made again.
 *  3. Carrying over comes before all that waits: edits go on from its result.
 */
#include "control/configuration_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "control/config_schema.h"
#include "control/fields.h"
#include "control/helper.h"

#define WAITING_MAX 64

struct candidate_change {
	STAILQ_ENTRY(candidate_change) next;
	struct configuration *configuration;           /* outlives the helpers */
	void (*make)(struct candidate_change *change); /* on a helper */
	json_t *asked;                                 /* operations; a document; what ran before */
	char user[64];
	answer_cb cb; /* NULL: carried() is told */
	void (*carried)(void *arg);
	void *arg;
	/* What it is made on, and what came of it. */
	json_t *base;
	json_t *running;
	json_t *candidate;
	bool is_changed; /* candidate differs from running */
	size_t failed;
	struct config_report report;
	int ret;
};

/* ---- on a helper ------------------------------------------------------------------------------ */

static void make_edits(struct candidate_change *m)
{
	m->ret = config_tree_edit(m->base, m->asked, &m->candidate, &m->failed, &m->report);
}

static void make_new(struct candidate_change *m)
{
	json_t *now = NULL;

	m->ret = config_check_shape(m->asked, &m->report);
	if (m->ret == 0)
		m->ret = config_upgrade(m->asked, &now, &m->report);
	if (m->ret == 0) {
		m->candidate = configuration_complete(now, m->running);
		m->ret = m->candidate != NULL ? 0 : -ENOMEM;
	}
	json_decref(now);
}

static void make_carried(struct candidate_change *m)
{
	json_t *operations = candidate_operations(m->asked, m->base);

	m->ret = -ENOMEM;
	if (operations != NULL)
		m->ret = config_tree_edit(
			m->running, operations, &m->candidate, &m->failed, &m->report);
	json_decref(operations);
}

static void make(void *arg)
{
	struct candidate_change *m = arg;
	json_t *changes;

	m->make(m);
	if (m->ret < 0)
		return;
	changes = config_tree_diff(m->running, m->candidate);
	m->is_changed = json_array_size(changes) > 0;
	if (changes == NULL)
		m->ret = -ENOMEM;
	json_decref(changes);
}

static void put_document(void *document)
{
	json_decref(document);
}

/* On a helper: what is freed with it may be large. */
static void free_change(void *arg)
{
	struct candidate_change *m = arg;

	json_decref(m->asked);
	json_decref(m->base);
	json_decref(m->running);
	json_decref(m->candidate);
	free(m);
}

/* ---- on the loop ------------------------------------------------------------------------------ */

static void answer_edits(const struct candidate_change *m, struct answer *a)
{
	const struct config_finding *f;

	if (m->ret == 0) {
		answer_ok(a, json_pack("{s:b, s:i}", "is_changed",
				     candidate_is_changed(m->configuration), "applied",
				     (int)json_array_size(m->asked)));
		return;
	}
	f = config_report_error(&m->report);
	answer_error(a, strcmp(f->code, "no-such-item") == 0 ? 404 : 422, "bad-operation",
		json_pack("{s:i, s:s, s:s, s:s}", "operation", (int)m->failed, "path", f->path,
			"code", f->code, "message", f->text),
		"%s%s%s; nothing was changed", f->path, f->path[0] != '\0' ? ": " : "", f->text);
}

static void answer_new(const struct candidate_change *m, struct answer *a)
{
	if (m->ret == 0)
		answer_ok(a,
			json_pack("{s:b}", "is_changed", candidate_is_changed(m->configuration)));
	else
		answer_error(a, 422, "configuration-refused",
			json_pack("{s:o, s:o}", "errors", configuration_findings(&m->report, false),
				"warnings", configuration_findings(&m->report, true)),
			"%zu errors; the candidate was not changed", m->report.error_cnt);
}

/* Tells whoever waits, and ends the change. */
static void finish(struct candidate_change *m)
{
	struct helper_pool *helpers = m->configuration->daemon->helpers;
	struct answer a;

	if (m->cb == NULL) {
		m->carried(m->arg);
	} else {
		if (m->ret == -ECANCELED || m->ret == -EAGAIN)
			answer_error(&a, 503, "busy", NULL,
				"the helpers have too much to do; try again");
		else if (m->ret < 0 && m->ret != -EINVAL)
			answer_error(&a, 503, "busy", NULL, "no memory is left; try again");
		else if (m->make == make_edits)
			answer_edits(m, &a);
		else
			answer_new(m, &a);
		m->cb(m->arg, &a);
		answer_fini(&a);
	}
	helper_release(helpers, free_change, m);
}

static void take(struct candidate_change *m)
{
	struct configuration *c = m->configuration;

	if (m->cb == NULL && c->candidate == NULL)
		return; /* discarded meanwhile: there is nothing to carry */
	if (m->ret == 0) {
		c->is_stranded &= m->make == make_edits;
		candidate_set(c, json_incref(m->candidate), m->is_changed,
			m->cb != NULL ? m->user : NULL);
	} else if (m->cb == NULL) {
		candidate_strand(c);
	}
}

static void start_next(struct configuration *c);

static bool is_stale(const struct candidate_change *m)
{
	const struct configuration *c = m->configuration;

	return m->base != candidate_document(c) || m->running != configuration_running(c);
}

static void made(void *arg)
{
	struct candidate_change *m = arg;
	struct configuration *c = m->configuration;

	c->change = NULL;
	if (m->ret == -ECANCELED && m->cb == NULL)
		make(m); /* nobody asks for it again */
	if (m->ret != -ECANCELED && is_stale(m)) {
		helper_release(c->daemon->helpers, put_document, m->candidate);
		m->candidate = NULL;
		STAILQ_INSERT_HEAD(&c->changes, m, next);
	} else {
		take(m);
		finish(m);
	}
	start_next(c);
}

static void start_next(struct configuration *c)
{
	struct candidate_change *m = c->carrying;

	if (c->change != NULL)
		return;
	if (m != NULL) {
		c->carrying = NULL;
	} else {
		m = STAILQ_FIRST(&c->changes);
		if (m == NULL)
			return;
		STAILQ_REMOVE_HEAD(&c->changes, next);
	}
	json_decref(m->base);
	json_decref(m->running);
	m->base = json_incref(candidate_document(c));
	m->running = json_incref(configuration_running(c));
	m->ret = -ECANCELED; /* until a helper says otherwise */
	config_report_init(&m->report);
	c->change = m;
	if (helper_run(c->daemon->helpers, make, made, m) < 0)
		made(m);
}

static struct candidate_change *new_change(struct configuration *c,
	void (*change)(struct candidate_change *), json_t *asked, void *arg)
{
	struct candidate_change *m = calloc(1, sizeof(*m));

	if (m == NULL)
		return NULL;
	m->configuration = c;
	m->make = change;
	m->asked = json_incref(asked);
	m->arg = arg;
	return m;
}

static void enqueue(struct configuration *c, void (*change)(struct candidate_change *),
	json_t *asked, const struct candidate_wish *wish)
{
	struct candidate_change *m = NULL;
	const struct candidate_change *other;
	struct answer a;
	size_t cnt = 0;

	STAILQ_FOREACH(other, &c->changes, next)
	cnt++;
	if (cnt < WAITING_MAX)
		m = new_change(c, change, asked, wish->arg);
	if (m == NULL) {
		answer_error(&a, 503, "busy", NULL,
			"too many edits wait, or no memory is left; try again");
		wish->cb(wish->arg, &a);
		answer_fini(&a);
		return;
	}
	m->cb = wish->cb;
	snprintf(m->user, sizeof(m->user), "%s", wish->user);
	STAILQ_INSERT_TAIL(&c->changes, m, next);
	start_next(c);
}

void configuration_edit(
	struct configuration *c, const json_t *request, const char *user, answer_cb cb, void *arg)
{
	const json_t *operations = NULL;
	const struct field fields[] = {
		{"operations", FIELD_ARRAY, true, &operations, 0, CONFIG_OPERATIONS_MAX}};
	struct answer a;

	if (fields_read(request, fields, 1, &a) < 0) {
		cb(arg, &a);
		answer_fini(&a);
		return;
	}
	enqueue(c, make_edits, (json_t *)(uintptr_t)operations,
		&(struct candidate_wish){user, cb, arg});
}

void configuration_replace(
	struct configuration *c, json_t *document, const char *user, answer_cb cb, void *arg)
{
	enqueue(c, make_new, document, &(struct candidate_wish){user, cb, arg});
}

void candidate_carry(struct configuration *c, json_t *before, void (*carried)(void *arg), void *arg)
{
	struct candidate_change *m = NULL;

	if (c->candidate != NULL && before != configuration_running(c)) {
		m = new_change(c, make_carried, before, arg);
		if (m == NULL)
			candidate_strand(c);
	}
	if (m == NULL) {
		carried(arg);
		return;
	}
	m->carried = carried;
	c->carrying = m;
	start_next(c);
}
