/* SPDX-License-Identifier: BSD-3-Clause */
/* Configurations as they are asked for: running, candidate, history, and what the items are. */
#include "control/configuration_private.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "control/config_schema.h"
#include "control/time_text.h"

#define QUERY_MAX 512

void configuration_schema(struct configuration *c, struct answer *out)
{
	(void)c;
	answer_ok(out, config_schema_json());
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)tolower((unsigned char)c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Percent-decodes in place; false when it is none, or holds a NUL. */
static bool decode(char *text)
{
	char *to = text;

	for (; *text != '\0'; text++) {
		int high, low;

		if (*text != '%') {
			*to++ = *text;
			continue;
		}
		high = hex_value(text[1]);
		low = high < 0 ? -1 : hex_value(text[2]);
		if (low < 0 || high + low == 0)
			return false;
		*to++ = (char)(high * 16 + low);
		text += 2;
	}
	*to = '\0';
	return true;
}

/*
 * "path=a/b/c", its slashes encoded or not (no name holds one): its segments, which point into buffer;
 * -EINVAL for anything else but "".
 */
static int read_path(
	const char *query, char buffer[QUERY_MAX], const char *path[CONFIG_PATH_MAX], size_t *cnt)
{
	char *at = buffer, *segment;

	*cnt = 0;
	if (query[0] == '\0')
		return 0;
	if (strncmp(query, "path=", 5) != 0 || strlen(query) - 5 >= QUERY_MAX)
		return -EINVAL;
	strcpy(buffer, query + 5);
	if (!decode(buffer))
		return -EINVAL;
	while ((segment = strsep(&at, "/")) != NULL) {
		if (*cnt == CONFIG_PATH_MAX || *segment == '\0')
			return -EINVAL;
		path[(*cnt)++] = segment;
	}
	return 0;
}

/* What the query names of a document, as a new reference; NULL with the error answered. */
static json_t *pick(json_t *document, const char *query, struct answer *out)
{
	const char *path[CONFIG_PATH_MAX];
	char buffer[QUERY_MAX];
	json_t *part;
	size_t cnt;

	if (read_path(query, buffer, path, &cnt) < 0) {
		answer_error(out, 400, "bad-query", NULL,
			"the query is path=NAME/NAME/..., percent-encoded, at most %d bytes",
			QUERY_MAX - 1);
		return NULL;
	}
	part = config_tree_find(document, path, cnt);
	if (part == NULL)
		answer_error(out, 404, "no-such-item", NULL, "nothing is set at that path");
	return json_incref(part);
}

void configuration_show_running(struct configuration *c, const char *query, struct answer *out)
{
	json_t *part = pick(configuration_running(c), query, out);

	if (part != NULL)
		answer_ok(out, json_pack("{s:I, s:o}", "number", (json_int_t)c->number,
				       "configuration", part));
	out->is_large = part != NULL;
}

void configuration_show_candidate(struct configuration *c, const char *query, struct answer *out)
{
	json_t *part = pick(candidate_document(c), query, out), *editors;

	if (part == NULL)
		return;
	editors = json_array();
	for (size_t i = 0; i < c->editor_cnt; i++)
		json_array_append_new(editors, json_string(c->editor[i]));
	answer_ok(out, json_pack("{s:b, s:b, s:o, s:I, s:o}", "is_changed", candidate_is_changed(c),
			       "is_saved", c->candidate == NULL || c->is_saved, "edited_by",
			       editors, "base", (json_int_t)c->number, "configuration", part));
	out->is_large = true;
}

void configuration_discard(struct configuration *c, struct answer *out)
{
	candidate_clear(c);
	answer_ok(out, json_pack("{s:b}", "is_changed", false));
}

static json_t *confirm_by(const struct configuration *c)
{
	const struct config_unconfirmed *u = config_history_unconfirmed(c->history);

	return u->number != 0 ? time_json(u->deadline) : json_null();
}

void configuration_history(struct configuration *c, struct answer *out)
{
	json_t *entries = json_array();

	for (size_t i = 0; i < config_history_cnt(c->history); i++)
		json_array_append_new(entries, config_entry_json(config_history_at(c->history, i)));
	answer_ok(out, json_pack("{s:I, s:o, s:o}", "running", (json_int_t)c->number, "confirm_by",
			       confirm_by(c), "entries", entries));
}
