/* SPDX-License-Identifier: BSD-3-Clause */
/* Editing the candidate configuration: every change is one call, kept by the daemon. */
#pragma once

#include <stddef.h>

#include "control/cli/cli.h"

/* The schema, asked for once. NULL: told why; *exit is what to end with. */
const json_t *edit_schema(struct cli *c, enum cli_exit *exit);

/*
 * The words name an item from the context on (the root when is_absolute): a leaf is set to the rest
 * of them (a text block is asked for when there is none), a list element or object is made, and in
 * the shell entered.
 */
enum cli_exit edit_item(struct cli *c, bool is_absolute, char *const *word, size_t cnt);
enum cli_exit edit_delete(struct cli *c, bool is_absolute, char *const *word, size_t cnt);
/* Prints that part of a configuration ("candidate" or "running") as commands that would make it. */
enum cli_exit edit_show(
	struct cli *c, const char *which, bool is_absolute, char *const *word, size_t cnt);
/* One level up, in the shell. */
enum cli_exit edit_leave(struct cli *c);
/* That part of the candidate, without a word when there is none; owned by the caller. */
json_t *edit_peek(struct cli *c, const json_t *path);
/*
 * Tells of changes that are not committed: all of them, or with is_others only that somebody else
 * made some. Without a word when the daemon does not answer.
 */
void edit_tell_changes(struct cli *c, bool is_others);
/* Whether the first word names an item where the shell stands. */
bool edit_knows(struct cli *c, const char *word);
