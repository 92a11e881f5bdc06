/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Configurations as documents: looking into one, editing one, telling two apart. The schema leads:
 * a path is a list of field names, an element of a list behind the list's name by its key ("name"),
 * or by its index where it has none.
 *
 * A document is never changed in place. An edit copies what lies on the way to it and shares the
 * rest, so that running, candidate and history cost little beside each other, and a helper thread
 * may read any of them meanwhile. No state; any thread.
 */
#pragma once

#include <jansson.h>
#include <stddef.h>

#include "control/config.h"

#define CONFIG_PATH_MAX       12 /* segments */
#define CONFIG_OPERATIONS_MAX 10000

/*
 * Applies [{"op": "set" | "create" | "delete", "path": [..], "value"}], all or none. What is on the
 * way is made; a value must be of the item's type and range, but may lack what it requires. 0 with
 * *out the caller's; -EINVAL with one error in the report and the operation's index in *failed;
 * -ENOMEM.
 */
int config_tree_edit(json_t *document, const json_t *operations, json_t **out, size_t *failed,
	struct config_report *report) __attribute__((warn_unused_result));
/* What is at a path of cnt segments; borrowed, NULL when nothing is. */
json_t *config_tree_find(json_t *document, const char *const *path, size_t cnt);
/* [{"op": "set" | "delete", "path", "old", "new"}], the caller's; NULL = no memory. */
json_t *config_tree_diff(json_t *from, json_t *to) __attribute__((warn_unused_result));
