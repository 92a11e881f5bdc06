/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Looking at what takes a while to read or to tell apart: entries of the history and differences,
 * found by a helper from documents that nobody changes.
 */
#include "control/configuration_private.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "control/helper.h"

struct look {
	struct configuration *configuration; /* outlives the helpers */
	uint64_t from, to;                   /* of the history; 0 = the document is there already */
	json_t *from_document, *to_document;
	struct config_entry entry;
	json_t *changes;
	int ret;
	answer_cb cb;
	void *arg;
};

static void answer_at_once(
	answer_cb cb, void *arg, int status, const char *code, const char *message)
{
	struct answer a;

	answer_error(&a, status, code, NULL, "%s", message);
	cb(arg, &a);
	answer_fini(&a);
}

static void free_look(struct look *l)
{
	json_decref(l->from_document);
	json_decref(l->to_document);
	json_decref(l->changes);
	free(l);
}

/* On a helper. */
static void read_entries(void *arg)
{
	struct look *l = arg;
	const struct config_history *h = l->configuration->history;

	l->ret = 0;
	if (l->from != 0)
		l->ret = config_history_read(h, l->from, &l->from_document);
	if (l->ret == 0 && l->to != 0)
		l->ret = config_history_read(h, l->to, &l->to_document);
}

static void tell_apart(void *arg)
{
	struct look *l = arg;

	read_entries(l);
	if (l->ret == 0)
		l->changes = config_tree_diff(l->from_document, l->to_document);
	if (l->ret == 0 && l->changes == NULL)
		l->ret = -ENOMEM;
}

static void finish_look(struct look *l, json_t *body)
{
	struct answer a;

	if (l->ret == 0)
		answer_ok(&a, body);
	else if (l->ret == -ECANCELED)
		answer_error(&a, 503, "shutting-down", NULL, "rekey-control is stopping");
	else
		answer_error(&a, 500, "not-readable", NULL,
			"a configuration's document in the history cannot be read");
	a.is_large = l->ret == 0;
	l->cb(l->arg, &a);
	answer_fini(&a);
	free_look(l);
}

static void told_apart(void *arg)
{
	struct look *l = arg;

	finish_look(l, l->ret == 0 ? json_pack("{s:O}", "changes", l->changes) : NULL);
}

static void entry_read(void *arg)
{
	struct look *l = arg;
	json_t *body = NULL;

	if (l->ret == 0) {
		body = config_entry_json(&l->entry);
		json_object_set(body, "configuration", l->from_document);
	}
	finish_look(l, body);
}

/* Takes l, which may be NULL. */
static void start(struct configuration *c, struct look *l, void (*work)(void *),
	void (*done)(void *), answer_cb cb, void *arg)
{
	if (l != NULL) {
		l->configuration = c;
		l->ret = -ECANCELED; /* until a helper says otherwise */
		l->cb = cb;
		l->arg = arg;
		if (helper_run(c->daemon->readers, work, done, l) == 0)
			return;
		free_look(l);
	}
	answer_at_once(cb, arg, 503, "busy", "the helpers have too much to do; try again");
}

static void answer_unknown(answer_cb cb, void *arg)
{
	answer_at_once(cb, arg, 404, "no-such-configuration",
		"the history has no configuration of that number");
}

/* A number's digits, up to the next field; false when it is none, or there already. */
static bool read_number(const char *text, unsigned long long *out)
{
	size_t len = strspn(text, "0123456789");

	if (*out != 0 || len == 0 || (text[len] != '\0' && text[len] != '&'))
		return false;
	*out = strtoull(text, NULL, 10);
	return true;
}

/* "from=N&to=M", in any order. */
static bool read_two(const char *query, unsigned long long *from, unsigned long long *to)
{
	while (query != NULL) {
		if (strncmp(query, "from=", 5) == 0
				? !read_number(query + 5, from)
				: strncmp(query, "to=", 3) != 0 || !read_number(query + 3, to))
			return false;
		query = strchr(query, '&');
		query += query != NULL;
	}
	return *from != 0 && *to != 0;
}

void configuration_diff(struct configuration *c, const char *query, answer_cb cb, void *arg)
{
	unsigned long long from = 0, to = 0;
	struct look *l;

	if (query[0] != '\0' && !read_two(query, &from, &to)) {
		answer_at_once(cb, arg, 400, "bad-query", "the query is from=NUMBER&to=NUMBER");
		return;
	}
	if (query[0] != '\0' && (config_history_find(c->history, from) == NULL ||
					config_history_find(c->history, to) == NULL)) {
		answer_unknown(cb, arg);
		return;
	}
	l = calloc(1, sizeof(*l));
	if (l != NULL && query[0] != '\0') {
		l->from = from;
		l->to = to;
	} else if (l != NULL) {
		l->from_document = json_incref(configuration_running(c));
		l->to_document = json_incref(candidate_document(c));
	}
	start(c, l, tell_apart, told_apart, cb, arg);
}

void configuration_show_entry(struct configuration *c, const char *number, answer_cb cb, void *arg)
{
	const struct config_entry *e = NULL;
	struct look *l;
	char *end;

	if (isdigit((unsigned char)number[0])) {
		unsigned long long n = strtoull(number, &end, 10);

		e = *end == '\0' ? config_history_find(c->history, n) : NULL;
	}
	if (e == NULL) {
		answer_unknown(cb, arg);
		return;
	}
	l = calloc(1, sizeof(*l));
	if (l != NULL) {
		l->entry = *e;
		l->from = e->number;
	}
	start(c, l, read_entries, entry_read, cb, arg);
}
