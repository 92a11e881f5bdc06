/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/cli/place.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *place_text(const json_t *item, const char *key)
{
	const char *text = json_string_value(json_object_get(item, key));

	return text != NULL ? text : "";
}

const char *place_kind(const json_t *item)
{
	return place_text(item, "kind");
}

static bool is_list(const json_t *item)
{
	return strcmp(place_kind(item), "list") == 0;
}

static bool is_object(const json_t *item)
{
	return strcmp(place_kind(item), "object") == 0;
}

const json_t *place_items(const json_t *schema, const struct place *p)
{
	if (p->item == NULL)
		return json_object_get(schema, "items");
	if (is_object(p->item) || p->is_element)
		return json_object_get(p->item, "items");
	return NULL;
}

/* Exact, or the only one that begins so. */
static const json_t *find_item(const json_t *items, const char *typed, struct cli_problem *problem)
{
	const json_t *found = NULL;
	bool is_ambiguous = false;
	json_t *item;
	size_t i;

	json_array_foreach(items, i, item)
	{
		const char *field = place_text(item, "field");

		if (strcmp(field, typed) == 0)
			return item;
		if (typed[0] == '\0' || !tree_begins(field, typed))
			continue;
		is_ambiguous |= found != NULL;
		found = item;
	}
	if (found == NULL || is_ambiguous) {
		snprintf(problem->text, sizeof(problem->text),
			is_ambiguous ? "\"%.60s\" may be more than one item"
				     : "there is no item \"%.60s\" here",
			typed);
		return NULL;
	}
	return found;
}

/* Takes the words that name the next item, and its element when it is a list. */
static int step(const json_t *schema, char *const *word, size_t cnt, struct place *p,
	struct cli_problem *problem)
{
	const json_t *item = find_item(place_items(schema, p), word[p->used], problem);

	if (item == NULL)
		return -EINVAL;
	if (is_object(item) || is_list(item)) {
		if (p->depth == CONTEXT_DEPTH_MAX)
			return -EINVAL;
		p->level[p->depth++] = json_array_size(p->path);
	}
	p->item = item;
	p->is_element = false;
	p->is_leaf = !is_object(item) && !is_list(item);
	p->used++;
	if (json_array_append_new(p->path, json_string(place_text(item, "field"))) < 0)
		return -ENOMEM;
	if (!is_list(item) || p->used == cnt)
		return 0;
	p->is_element = true;
	if (json_array_append_new(p->path, json_string(word[p->used++])) == 0)
		return 0;
	snprintf(problem->text, sizeof(problem->text), "the name is not UTF-8 text");
	return -EINVAL;
}

/* Where the context stands, without its words. */
static int start(const json_t *schema, const struct context *from, struct place *p,
	struct cli_problem *problem)
{
	size_t cnt = from != NULL ? json_array_size(from->path) : 0, i;
	char **word = calloc(cnt + 1, sizeof(*word));
	int ret = word != NULL ? 0 : -ENOMEM;

	for (i = 0; ret == 0 && i < cnt; i++) {
		word[i] = strdup(json_string_value(json_array_get(from->path, i)));
		ret = word[i] != NULL ? 0 : -ENOMEM;
	}
	while (ret == 0 && p->used < cnt)
		ret = step(schema, word, cnt, p, problem);
	for (i = 0; word != NULL && i < cnt; i++)
		free(word[i]);
	free(word);
	p->used = 0;
	return ret;
}

int place_find(const json_t *schema, const struct context *from, char *const *word, size_t cnt,
	struct place *out, struct cli_problem *problem)
{
	int ret;

	*out = (struct place){.path = json_array()};
	snprintf(problem->text, sizeof(problem->text), "the place in the configuration is gone");
	ret = out->path != NULL ? start(schema, from, out, problem) : -ENOMEM;
	while (ret == 0 && out->used < cnt && !out->is_leaf)
		ret = step(schema, word, cnt, out, problem);
	if (ret < 0)
		place_fini(out);
	return ret;
}

void place_fini(struct place *p)
{
	json_decref(p->path);
	p->path = NULL;
}

int place_leave(const json_t *schema, const struct context *from, struct place *out)
{
	struct context up = {.path = json_array()};
	struct cli_problem problem;
	size_t i;
	int ret = up.path != NULL ? 0 : -ENOMEM;

	for (i = 0; ret == 0 && from->depth > 0 && i < from->level[from->depth - 1]; i++)
		ret = json_array_append(up.path, json_array_get(from->path, i));
	if (ret == 0)
		ret = place_find(schema, &up, NULL, 0, out, &problem);
	context_fini(&up);
	return ret;
}

/* ---- values -------------------------------------------------------------------------------------- */

static bool is_number(const char *text)
{
	return *text != '\0' && strspn(text, "0123456789") == strlen(text) && strlen(text) < 19;
}

static json_t *one_value(const char *kind, const char *word)
{
	bool is_numeric = strcmp(kind, "integer") == 0 || strcmp(kind, "duration") == 0;

	if (is_numeric && is_number(word))
		return json_integer((json_int_t)strtoull(word, NULL, 10));
	if (strcmp(kind, "boolean") == 0 &&
		(strcmp(word, "true") == 0 || strcmp(word, "false") == 0))
		return json_boolean(word[0] == 't');
	return json_string(word);
}

json_t *place_value(const json_t *item, char *const *word, size_t cnt, struct cli_problem *problem)
{
	const char *kind = place_kind(item);
	size_t len = strlen(kind);
	bool is_many = len > 5 && strcmp(kind + len - 5, "-list") == 0;
	json_t *value = is_many ? json_array() : NULL;
	bool is_text = true;
	char range[256];

	if (cnt == 0 || (cnt > 1 && !is_many)) {
		place_range(item, range, sizeof(range));
		snprintf(problem->text, sizeof(problem->text), "%s takes %s: %s%s",
			place_text(item, "field"), cnt == 0 ? "a value" : "one value", range,
			cnt > 1 ? " (quote what has blanks in it)" : "");
		json_decref(value);
		return NULL;
	}
	if (!is_many)
		value = one_value(kind, word[0]);
	for (size_t i = 0; is_many && i < cnt; i++)
		is_text &= json_array_append_new(value, json_string(word[i])) == 0;
	if (value == NULL || !is_text) {
		snprintf(problem->text, sizeof(problem->text), "the value is not UTF-8 text");
		json_decref(value);
		return NULL;
	}
	return value;
}

static size_t add_names(const json_t *names, char *out, size_t size)
{
	size_t i, at = 0;
	json_t *name;

	json_array_foreach(names, i, name)
	{
		if (at < size)
			at += (size_t)snprintf(out + at, size - at, "%s%s", i > 0 ? ", " : "",
				json_string_value(name));
	}
	return at;
}

void place_range(const json_t *item, char *out, size_t size)
{
	const json_t *min = json_object_get(item, "min"), *max = json_object_get(item, "max");
	const json_t *fallback = json_object_get(item, "default");
	const json_t *names = json_object_get(item, "values");
	const char *kind = place_kind(item), *unit = place_text(item, "unit");
	char *text;
	size_t at;

	at = (size_t)snprintf(out, size, "%s ", kind);
	if (strcmp(kind, "boolean") == 0)
		at = (size_t)snprintf(out, size, "true, false");
	else if (json_array_size(names) > 0)
		at = add_names(names, out, size);
	else if (json_is_integer(min) && json_is_integer(max) && at < size)
		at += (size_t)snprintf(out + at, size - at,
			"%" JSON_INTEGER_FORMAT "-%" JSON_INTEGER_FORMAT "%s%s%s",
			json_integer_value(min), json_integer_value(max),
			unit[0] != '\0' ? " " : "", unit,
			json_is_true(json_object_get(item, "may_be_never")) ? " or never" : "");
	text = fallback != NULL ? json_dumps(fallback, JSON_ENCODE_ANY | JSON_COMPACT) : NULL;
	if (text != NULL && at < size)
		at += (size_t)snprintf(out + at, size - at, ", default %s", text);
	free(text);
	if (json_is_true(json_object_get(item, "required")) && at < size)
		snprintf(out + at, size - at, ", required");
}
