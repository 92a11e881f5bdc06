/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Where the elements of one long list stand, by name, while many operations edit it: each finds its
 * element without a walk. Whoever edits says what it appends and removes. One thread.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct config_index {
	json_t *list;     /* a reference; NULL = none */
	json_t *position; /* name -> where it stood, removals before it not counted */
	size_t removed_cnt;
	const json_t *seen; /* the list that was walked last; only to be compared with */
};

/*
 * The first element whose member key is name; the list's count when there is none. A long list that
 * is asked for twice in a row is taken into the index.
 */
size_t config_index_find(struct config_index *x, json_t *list, const char *key, const char *name);
/* The same without an index. */
size_t config_index_walk(const json_t *list, const char *key, const char *name);
/* The list got an element of this name at its end. */
void config_index_append(struct config_index *x, const json_t *list, const char *name);
/* The element of this name is about to go. */
void config_index_remove(struct config_index *x, const json_t *list, const char *name);
/* Names may have changed otherwise. */
void config_index_drop(struct config_index *x);
/* How many references to this list the index holds. */
size_t config_index_refs(const struct config_index *x, const json_t *list);
