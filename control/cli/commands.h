/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The command tree: one table that dispatch, --help and the manual follow.
 */
#pragma once

#include <jansson.h>
#include <stddef.h>
#include <stdio.h>

struct cli_command {
	const char *words;   /* "show peers security" */
	const char *operand; /* shown in help: "[NAME]"; NULL = none. Upper case without brackets:
			      * required */
	const char *help;
	const char *method;
	const char *path; /* %s = the operand, percent-encoded */
	/* The request's body, or NULL for none. operand may be NULL. */
	json_t *(*build)(const char *operand);
	/* Text for people; with -j the answer is printed as it is. */
	void (*print)(FILE *f, const json_t *answer);
	const char *path_all; /* in place of path when an optional operand is left out */
};

/*
 * The command that the words name: the longest match wins. *used = words taken; the rest is the
 * operand. NULL when none matches.
 */
const struct cli_command *command_find(int argc, char *const argv[], int *used);
/* One line a command. */
void command_print_help(FILE *f);
size_t command_cnt(void);
const struct cli_command *command_at(size_t i);
