/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/config_tree.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "control/config_index.h"
#include "control/config_read.h"

/* One operation under way. */
struct edit {
	enum { EDIT_SET, EDIT_CREATE, EDIT_DELETE } op;
	json_t *value;
	const char *path[CONFIG_PATH_MAX];
	size_t path_cnt;
	struct config_reader reader; /* where we are, and where errors go */
	struct config_index *index;  /* of all operations of a call */
};

/*
 * A node on the way to the edit. The first operation of a call copies what is on its way; what
 * nobody else holds, down from a document that is ours, is a copy of that kind, and the next
 * operation edits it in place: many operations on a long list copy it once.
 */
struct node {
	const json_t *old; /* NULL: not there yet */
	bool is_ours;
};

static struct node below(const struct edit *e, const json_t *old, bool is_parent_ours)
{
	return (struct node){old, is_parent_ours && old != NULL &&
					  __atomic_load_n(&old->refcount, __ATOMIC_ACQUIRE) ==
						  1 + config_index_refs(e->index, old)};
}

/* What may be edited, as a new reference; NULL = no memory, or there was none. */
static json_t *own(struct node n)
{
	json_t *old = (json_t *)(uintptr_t)n.old;

	return n.is_ours ? json_incref(old) : json_copy(old);
}

/* A table, and the size of the struct that its items lie in. */
struct place {
	const struct config_table *table;
	size_t size;
};

/* false and an error, as every function here that returns NULL or false. */
static bool refuse(struct edit *e, const char *code, const char *text)
{
	return config_fail(&e->reader, code, "%s", text) != 0; /* never */
}

static bool refuse_unknown(struct edit *e)
{
	return config_fail_unknown(&e->reader) != 0;
}

static bool has_failed(const struct edit *e)
{
	return e->reader.report->error_cnt > 0;
}

/* The value is what the item takes; whole elements when item is NULL. */
static bool check_value(
	struct edit *e, json_t *value, const struct config_item *item, struct place place)
{
	struct config_reader *r = &e->reader;
	void *scratch;
	int ret = -ENOMEM;

	r->config = calloc(1, sizeof(*r->config));
	scratch = r->config != NULL ? config_alloc(r->config, 1, place.size) : NULL;
	if (scratch != NULL)
		ret = item != NULL ? config_read_value(r, value, item, scratch)
				   : config_read_table(r, value, place.table, scratch);
	config_free(r->config);
	r->config = NULL;
	if (ret < 0)
		refuse(e, "no-memory", "no memory is left");
	return !has_failed(e);
}

/* "0", "1", ... up to the count; SIZE_MAX for anything else. */
static size_t parse_position(const json_t *list, const char *segment)
{
	size_t i;
	char *end;

	if (segment[0] < '0' || segment[0] > '9')
		return SIZE_MAX;
	i = strtoul(segment, &end, 10);
	return *end == '\0' && i <= json_array_size(list) ? i : SIZE_MAX;
}

/*
 * The element's index; the count when there is none; SIZE_MAX when segment cannot name one. index
 * may be NULL.
 */
static size_t find_element(struct config_index *index, json_t *list,
	const struct config_table *table, const char *segment)
{
	const char *key = config_table_key(table);

	if (key == NULL)
		return parse_position(list, segment);
	return index != NULL ? config_index_find(index, list, key, segment)
			     : config_index_walk(list, key, segment);
}

static json_t *edit_members(struct edit *e, struct node n, struct place place, size_t depth);

/* What an element named by segment is before anything is set in it. */
static json_t *new_element(struct edit *e, struct place element, const char *segment)
{
	const char *key = config_table_key(element.table);
	json_t *name, *made = NULL;

	if (key == NULL)
		return json_object();
	name = json_string(segment);
	config_enter(&e->reader, key);
	if (check_value(e, name, config_item_find(element.table, key), element))
		made = json_pack("{s:O}", key, name);
	config_leave(&e->reader);
	json_decref(name);
	return made;
}

/* The given value as element: its key may be left out. */
static json_t *given_element(struct edit *e, struct place element, const char *segment)
{
	const char *key = config_table_key(element.table);
	const json_t *given = key != NULL ? json_object_get(e->value, key) : NULL;
	json_t *made;

	if (!check_value(e, e->value, NULL, element))
		return NULL;
	if (given != NULL && strcmp(json_string_value(given), segment) != 0) {
		refuse(e, "bad-value", "has another name than its path");
		return NULL;
	}
	made = new_element(e, element, segment);
	if (made != NULL && json_object_update(made, e->value) != 0) {
		json_decref(made);
		made = NULL;
	}
	return made;
}

static json_t *edit_element(
	struct edit *e, struct node n, struct place element, const char *segment, size_t depth)
{
	json_t *base, *made;

	if (depth == e->path_cnt && e->op == EDIT_SET)
		return given_element(e, element, segment);
	if (n.old != NULL && depth < e->path_cnt)
		return edit_members(e, n, element, depth);
	base = n.old != NULL ? json_incref((json_t *)(uintptr_t)n.old)
			     : new_element(e, element, segment);
	if (base == NULL || depth == e->path_cnt)
		return base;
	made = edit_members(e, (struct node){base, true}, element, depth);
	json_decref(base);
	return made;
}

/* Puts made (taken) at index i of list, which is ours. */
static bool put_element(
	struct edit *e, json_t *list, const struct config_item *item, size_t i, json_t *made)
{
	const char *key = config_table_key(item->table);

	if (made == NULL)
		return false;
	if (i < json_array_size(list))
		return json_array_set_new(list, i, made) == 0;
	if (i >= item->max) {
		json_decref(made);
		return refuse(e, "too-many", "has as many elements as it may have");
	}
	if (json_array_append_new(list, made) != 0)
		return false;
	if (key != NULL)
		config_index_append(e->index, list, json_string_value(json_object_get(made, key)));
	return true;
}

static bool remove_element(struct edit *e, json_t *list, size_t i, const char *segment)
{
	config_index_remove(e->index, list, segment);
	return json_array_remove(list, i) == 0;
}

static json_t *edit_list(
	struct edit *e, struct node n, const struct config_item *item, size_t depth)
{
	struct place element = {item->table, item->table->size};
	const char *segment = e->path[depth++];
	json_t *list = n.old != NULL ? own(n) : json_array();
	size_t i = find_element(e->index, list, item->table, segment);
	bool is_there = i < json_array_size(list), is_done = false;

	if (list == NULL)
		return NULL;
	config_enter_element(&e->reader, i, segment);
	if (i == SIZE_MAX)
		refuse(e, "bad-path", "is addressed by its index, from 0 on");
	else if (e->op == EDIT_DELETE && !is_there)
		refuse(e, "no-such-item", "there is no such element");
	else if (e->op == EDIT_DELETE && depth == e->path_cnt)
		is_done = remove_element(e, list, i, segment);
	else
		is_done = put_element(e, list, item, i,
			edit_element(e,
				below(e, is_there ? json_array_get(list, i) : NULL, n.is_ours),
				element, segment, depth));
	config_leave(&e->reader);
	if (!is_done) {
		json_decref(list);
		return NULL;
	}
	return list;
}

/* The new value of a member; NULL: deleted, or failed. */
static json_t *edit_member(struct edit *e, struct node n, const struct config_item *item,
	struct place place, size_t depth)
{
	const json_t *old = n.old;

	if (depth < e->path_cnt && item->kind == CONFIG_LIST)
		return edit_list(e, n, item, depth);
	if (depth < e->path_cnt && item->kind == CONFIG_OBJECT)
		return edit_members(e, n, (struct place){item->table, place.size}, depth);
	if (depth < e->path_cnt) {
		refuse(e, "bad-path", "is a value: nothing lies below it");
		return NULL;
	}
	if (config_table_key(place.table) != NULL &&
		strcmp(item->field, config_table_key(place.table)) == 0)
		config_index_drop(e->index);
	switch (e->op) {
	case EDIT_SET:
		return check_value(e, e->value, item, place) ? json_incref(e->value) : NULL;
	case EDIT_CREATE:
		if (item->kind == CONFIG_OBJECT)
			return old != NULL ? json_copy((json_t *)(uintptr_t)old) : json_object();
		refuse(e, "bad-path", "create takes an object, or a list and an element's name");
		return NULL;
	case EDIT_DELETE:
		if (old == NULL)
			refuse(e, "no-such-item", "is not set");
		return NULL;
	}
	return NULL;
}

static json_t *edit_members(struct edit *e, struct node n, struct place place, size_t depth)
{
	const char *field = e->path[depth];
	const struct config_item *item = config_item_find(place.table, field);
	json_t *copy, *made = NULL;
	int ret = -1;

	copy = n.old != NULL ? own(n) : json_object();
	config_enter(&e->reader, field);
	if (item == NULL)
		refuse_unknown(e);
	else
		made = edit_member(e, below(e, json_object_get(copy, field), n.is_ours), item,
			place, depth + 1);
	config_leave(&e->reader);
	if (made != NULL)
		ret = json_object_set_new(copy, field, made);
	else if (!has_failed(e) && e->op == EDIT_DELETE)
		ret = json_object_del(copy, field);
	if (ret != 0) {
		json_decref(copy);
		return NULL;
	}
	return copy;
}

static bool read_path(struct edit *e, const json_t *path)
{
	e->path_cnt = json_array_size(path);
	if (e->path_cnt == 0 || e->path_cnt > CONFIG_PATH_MAX)
		return refuse(e, "bad-path", "\"path\" is an array of 1 to 12 names");
	for (size_t i = 0; i < e->path_cnt; i++) {
		e->path[i] = json_string_value(json_array_get(path, i));
		if (e->path[i] == NULL)
			return refuse(e, "bad-path", "\"path\" is an array of names");
	}
	return true;
}

static bool read_operation(struct edit *e, const json_t *operation)
{
	static const char *const names[] = {
		[EDIT_SET] = "set", [EDIT_CREATE] = "create", [EDIT_DELETE] = "delete"};
	const char *op = json_string_value(json_object_get(operation, "op"));
	size_t i = 0;

	while (i < 3 && (op == NULL || strcmp(op, names[i]) != 0))
		i++;
	if (i == 3)
		return refuse(e, "bad-operation", "\"op\" is set, create or delete");
	e->op = (__typeof__(e->op))i;
	e->value = json_object_get(operation, "value");
	if ((e->op == EDIT_SET) != (e->value != NULL))
		return refuse(e, "bad-operation", "\"value\" belongs to set, and to nothing else");
	if (json_object_size(operation) != 2 + (e->value != NULL))
		return refuse(e, "bad-operation", "an operation has op, path and value");
	return read_path(e, json_object_get(operation, "path"));
}

int config_tree_edit(json_t *document, const json_t *operations, json_t **out, size_t *failed,
	struct config_report *report)
{
	struct place root = {&config_root, sizeof(struct config)};
	json_t *now = json_incref(document), *next;
	struct config_index index = {0};
	int ret = 0;

	config_report_init(report);
	for (*failed = 0; *failed < json_array_size(operations); (*failed)++) {
		struct edit e = {.reader = {.is_partial = true, .report = report}, .index = &index};

		next = read_operation(&e, json_array_get(operations, *failed))
			       ? edit_members(&e, (struct node){now, *failed > 0}, root, 0)
			       : NULL;
		if (next == NULL) {
			ret = has_failed(&e) ? -EINVAL : -ENOMEM;
			break;
		}
		json_decref(now);
		now = next;
	}
	config_index_drop(&index);
	if (ret == 0)
		*out = now;
	else
		json_decref(now);
	return ret;
}

json_t *config_tree_find(json_t *document, const char *const *path, size_t cnt)
{
	const struct config_table *table = &config_root;
	json_t *at = document;

	for (size_t i = 0; i < cnt && at != NULL; i++) {
		const struct config_item *item =
			table != NULL ? config_item_find(table, path[i]) : NULL;

		if (item == NULL)
			return NULL;
		at = json_object_get(at, path[i]);
		table = item->table;
		if (item->kind == CONFIG_LIST && i + 1 < cnt)
			at = json_array_get(at, find_element(NULL, at, table, path[++i]));
	}
	return at;
}
