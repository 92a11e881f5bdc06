/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/config_index.h"

#include <string.h>

#define LONG_LIST 64

static bool is_named(const json_t *list, size_t i, const char *key, const char *name)
{
	const char *its = json_string_value(json_object_get(json_array_get(list, i), key));

	return its != NULL && strcmp(its, name) == 0;
}

size_t config_index_walk(const json_t *list, const char *key, const char *name)
{
	size_t cnt = json_array_size(list), i = 0;

	while (i < cnt && !is_named(list, i, key, name))
		i++;
	return i;
}

/* A list where a name stands twice, or is missing, is walked. */
static bool take(struct config_index *x, json_t *list, const char *key)
{
	size_t cnt = json_array_size(list);

	config_index_drop(x);
	x->position = json_object();
	for (size_t i = 0; i < cnt && x->position != NULL; i++) {
		const char *name = json_string_value(json_object_get(json_array_get(list, i), key));

		if (name == NULL || json_object_get(x->position, name) != NULL ||
			json_object_set_new(x->position, name, json_integer((json_int_t)i)) < 0)
			break;
	}
	if (x->position == NULL || json_object_size(x->position) != cnt) {
		config_index_drop(x);
		return false;
	}
	x->list = json_incref(list);
	return true;
}

/* Where the element at i stood, removals not counted. */
static size_t position_of(const struct config_index *x, size_t i, const char *key)
{
	const json_t *name = json_object_get(json_array_get(x->list, i), key);

	return (size_t)json_integer_value(json_object_get(x->position, json_string_value(name)));
}

/* Removals leave the order, so what stood at was is at or below it, and above what stood below. */
static size_t search(const struct config_index *x, size_t was, const char *key)
{
	size_t low = was > x->removed_cnt ? was - x->removed_cnt : 0, high = was;

	if (high >= json_array_size(x->list))
		high = json_array_size(x->list) - 1;
	while (low < high) {
		size_t middle = (low + high) / 2;

		if (position_of(x, middle, key) < was)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

size_t config_index_find(struct config_index *x, json_t *list, const char *key, const char *name)
{
	size_t cnt = json_array_size(list);
	const json_t *position;

	if (x->list != list && (cnt < LONG_LIST || x->seen != list || !take(x, list, key))) {
		x->seen = list;
		return config_index_walk(list, key, name);
	}
	position = json_object_get(x->position, name);
	return position != NULL ? search(x, (size_t)json_integer_value(position), key) : cnt;
}

void config_index_append(struct config_index *x, const json_t *list, const char *name)
{
	size_t at = json_array_size(list) - 1 + x->removed_cnt;

	if (x->list == list &&
		json_object_set_new(x->position, name, json_integer((json_int_t)at)) < 0)
		config_index_drop(x);
}

void config_index_remove(struct config_index *x, const json_t *list, const char *name)
{
	if (x->list != list)
		return;
	json_object_del(x->position, name);
	x->removed_cnt++;
}

void config_index_drop(struct config_index *x)
{
	json_decref(x->list);
	json_decref(x->position);
	*x = (struct config_index){0};
}

size_t config_index_refs(const struct config_index *x, const json_t *list)
{
	return x->list != NULL && x->list == list;
}
