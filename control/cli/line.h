/* SPDX-License-Identifier: BSD-3-Clause */
/* The command line of the shell on a terminal, by libedit. Main thread, one at a time. */
#pragma once

#include "control/cli/cli.h"

struct line_editor;

/* NULL with errno. */
struct line_editor *line_open(struct cli *c);
void line_close(struct line_editor *e);
/*
 * Owned by the caller; NULL = the end (CTRL-D, or the terminal went away). The line is in the history
 * then, and in ~/.rekeyctl_history (0600).
 */
char *line_read(struct line_editor *e, const char *prompt);
/* What may follow these words, a line each. */
void line_print_choices(struct cli *c, char *const *word, size_t cnt, const char *partial);
