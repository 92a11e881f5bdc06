/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Words that name an item of the configuration, walked along the schema that the daemon publishes
 * (GET /configuration/schema): the command line knows no item of its own.
 */
#pragma once

#include <jansson.h>

#include "control/cli/context.h"
#include "control/cli/tree.h"

struct place {
	json_t *path;                    /* owned; as REST's operations name the item */
	size_t level[CONTEXT_DEPTH_MAX]; /* where its levels begin; a leaf is no level */
	size_t depth;
	const json_t *item; /* borrowed from the schema; NULL: the root */
	bool is_leaf;
	bool is_element; /* item is a list, and the path names one of its elements */
	size_t used;     /* words taken; the rest is a leaf's value */
};

/*
 * From a context (NULL: the root) along the words, up to a leaf or the last word. 0, or -EINVAL with
 * the problem told, -ENOMEM. Only with 0 there is something to free.
 */
int place_find(const json_t *schema, const struct context *from, char *const *word, size_t cnt,
	struct place *out, struct cli_problem *problem) RK_MUST_CHECK;
void place_fini(struct place *p);
/* One level up; at the root it stays. */
int place_leave(const json_t *schema, const struct context *from, struct place *out) RK_MUST_CHECK;

/* The items that may follow: an array, or NULL (a leaf, a list without an element). */
const json_t *place_items(const json_t *schema, const struct place *p);
const char *place_kind(const json_t *item);
const char *place_text(const json_t *item, const char *key); /* "" when there is none */

/*
 * What a leaf's words mean: typed where the item's kind has a type; the daemon says what is wrong
 * with the others. NULL with the problem told.
 */
json_t *place_value(const json_t *item, char *const *word, size_t cnt, struct cli_problem *problem);
/* "1-720 hours or never, default 24" */
void place_range(const json_t *item, char *out, size_t size);
