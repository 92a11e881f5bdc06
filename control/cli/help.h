/* SPDX-License-Identifier: BSD-3-Clause */
/* What the command tree says of itself. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

#include "control/cli/tree.h"

/* One line a command. */
void help_print(const struct cli_tree *tree, FILE *f);
/*
 * The commands that begin with these words: a line each, or the only one in full. False when there
 * is none.
 */
bool help_print_words(const struct cli_tree *tree, char *const *word, size_t cnt, FILE *f);
/*
 * The same for programs: {"commands": [{"words", "help", "usage", "is_of_shell", "parameters"}]}, owned
 * by the caller; NULL when there is none.
 */
json_t *help_describe(const struct cli_tree *tree, char *const *word, size_t cnt);
/* A command in full: its form, and what may follow. */
void help_print_command(const struct cli_command *command, FILE *f);
/* The manual page's section, as scdoc text. */
void help_print_manual(const struct cli_tree *tree, FILE *f);
