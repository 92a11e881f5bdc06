/* SPDX-License-Identifier: BSD-3-Clause */
/* What may be typed next: for the shell's TAB and '?', and for the completion of other shells. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "control/cli/cli.h"

struct candidate {
	char *word; /* NULL: a value that only help describes */
	char *help;
};

struct candidates {
	struct candidate *one;
	size_t cnt;
	const char *partial; /* only what begins so is kept */
};

/*
 * After these complete words, where the shell stands. Names are asked of the daemon, without a word
 * when it does not answer. 0 or -ENOMEM; free in any case.
 */
int complete_words(struct cli *c, char *const *word, size_t cnt, const char *partial,
	struct candidates *out) RK_MUST_CHECK;
void complete_free(struct candidates *list);
/* How much longer than the partial word all words of the list agree; 0 when they do not. */
size_t complete_common(const struct candidates *list);
