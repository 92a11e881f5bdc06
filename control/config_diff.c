/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/config_tree.h"

#include <string.h>

#include "control/config_schema.h"

struct diff {
	json_t *changes;
	json_t *path; /* where we are */
};

/* Either may be NULL. */
static void note(struct diff *d, json_t *old, json_t *new)
{
	json_array_append_new(d->changes,
		json_pack("{s:s, s:o, s:O?, s:O?}", "op", new != NULL ? "set" : "delete", "path",
			json_copy(d->path), "old", old, "new", new));
}

static void enter(struct diff *d, const char *segment)
{
	json_array_append_new(d->path, json_string(segment));
}

static void leave(struct diff *d)
{
	json_array_remove(d->path, json_array_size(d->path) - 1);
}

static void compare_tables(
	struct diff *d, json_t *old, json_t *new, const struct config_table *table);

/* Elements from..to of a list. */
struct span {
	json_t *list;
	size_t from, to;
};

/* name -> element; names that are none are left out. */
static json_t *index_span(const struct span *s, const char *key)
{
	json_t *index = json_object();

	for (size_t i = s->from; i < s->to; i++) {
		json_t *element = json_array_get(s->list, i);
		const char *name = json_string_value(json_object_get(element, key));

		if (name != NULL)
			json_object_set(index, name, element);
	}
	return index;
}

static const char *name_of(const json_t *element, const char *key)
{
	const char *name = json_string_value(json_object_get(element, key));

	return name != NULL ? name : "";
}

/* Elements that came, went or moved, between head and tail elements that stand where they stood. */
static void compare_by_name(struct diff *d, const struct span *old, const struct span *new,
	const struct config_table *table)
{
	const char *key = config_table_key(table), *name;
	json_t *before = index_span(old, key), *after = index_span(new, key), *element, *other;

	json_object_foreach(before, name, element)
	{
		if (json_object_get(after, name) != NULL)
			continue;
		enter(d, name);
		note(d, element, NULL);
		leave(d);
	}
	json_object_foreach(after, name, element)
	{
		other = json_object_get(before, name);
		if (other == element)
			continue;
		enter(d, name);
		if (other == NULL)
			note(d, NULL, element);
		else
			compare_tables(d, other, element, table);
		leave(d);
	}
	json_decref(before);
	json_decref(after);
}

static void compare_elements(
	struct diff *d, json_t *old, json_t *new, const struct config_table *table)
{
	if (old == new)
		return;
	enter(d, name_of(old, config_table_key(table)));
	compare_tables(d, old, new, table);
	leave(d);
}

static bool is_same_name(const json_t *a, const json_t *b, const char *key)
{
	return a == b || strcmp(name_of(a, key), name_of(b, key)) == 0;
}

/*
 * Most edits leave a long list's elements in their places, and nearly all of them shared: only what
 * lies between the first and the last that does not is looked up by name.
 */
static void compare_lists(
	struct diff *d, json_t *old, json_t *new, const struct config_table *table)
{
	const char *key = config_table_key(table);
	struct span a = {old, 0, json_array_size(old)}, b = {new, 0, json_array_size(new)};

	while (a.from < a.to && b.from < b.to &&
		is_same_name(json_array_get(old, a.from), json_array_get(new, b.from), key))
		compare_elements(
			d, json_array_get(old, a.from++), json_array_get(new, b.from++), table);
	while (a.from < a.to && b.from < b.to &&
		is_same_name(json_array_get(old, a.to - 1), json_array_get(new, b.to - 1), key))
		compare_elements(
			d, json_array_get(old, --a.to), json_array_get(new, --b.to), table);
	if (a.from < a.to || b.from < b.to)
		compare_by_name(d, &a, &b, table);
}

static void compare_items(struct diff *d, json_t *old, json_t *new, const struct config_item *item)
{
	bool has_both = old != NULL && new != NULL;

	if (old == new)
		return;
	/* An object that is empty says as much as none. */
	if (item->kind == CONFIG_OBJECT)
		compare_tables(d, old, new, item->table);
	else if (item->kind == CONFIG_LIST && config_table_key(item->table) != NULL && has_both)
		compare_lists(d, old, new, item->table);
	else if (!has_both || !json_equal(old, new))
		note(d, old, new);
}

static void compare_tables(
	struct diff *d, json_t *old, json_t *new, const struct config_table *table)
{
	for (size_t i = 0; i < table->item_cnt; i++) {
		const struct config_item *item = &table->item[i];

		enter(d, item->field);
		compare_items(d, json_object_get(old, item->field),
			json_object_get(new, item->field), item);
		leave(d);
	}
}

json_t *config_tree_diff(json_t *from, json_t *to)
{
	struct diff d = {json_array(), json_array()};

	if (d.changes != NULL && d.path != NULL && from != to)
		compare_tables(&d, from, to, &config_root);
	json_decref(d.path);
	return d.changes;
}
