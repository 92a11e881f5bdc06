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

/* name -> element; names that are none are left out. */
static json_t *index_list(const json_t *list, const char *key)
{
	json_t *index = json_object(), *element;
	size_t i;

	json_array_foreach(list, i, element)
	{
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

/* Elements that came, went or moved. */
static void compare_by_name(
	struct diff *d, json_t *old, json_t *new, const struct config_table *table)
{
	const char *key = config_table_key(table), *name;
	json_t *before = index_list(old, key), *after = index_list(new, key), *element, *other;

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

/* Most edits leave a long list's elements in their places, and nearly all of them shared. */
static void compare_lists(
	struct diff *d, json_t *old, json_t *new, const struct config_table *table)
{
	const char *key = config_table_key(table);
	size_t cnt = json_array_size(old), i;

	for (i = 0; i < cnt && cnt == json_array_size(new); i++) {
		const json_t *a = json_array_get(old, i), *b = json_array_get(new, i);

		if (a != b && strcmp(name_of(a, key), name_of(b, key)) != 0)
			break;
	}
	if (i < cnt || cnt != json_array_size(new)) {
		compare_by_name(d, old, new, table);
		return;
	}
	for (i = 0; i < cnt; i++) {
		json_t *a = json_array_get(old, i), *b = json_array_get(new, i);

		if (a == b)
			continue;
		enter(d, name_of(a, key));
		compare_tables(d, a, b, table);
		leave(d);
	}
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
