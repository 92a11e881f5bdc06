/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Commands one after the other: from a terminal with line editing, history, completion and '?', or
 * from a script on standard input, which ends with its first failure.
 */
#pragma once

#include "control/cli/cli.h"

/* What the process ends with. */
int shell_run(struct cli *c);
/* One command, in the place of the configuration where the shell stands. */
int shell_words(struct cli *c, char *const *word, size_t cnt);
/* "admin@node0.east (authority)# " */
void shell_prompt(struct cli *c, char *out, size_t size);
