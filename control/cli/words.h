/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A line of the shell as words, quoted as in a POSIX shell: 'literal', "with \" \\ \n \t", and a
 * backslash before any other character. Nothing is expanded.
 */
#pragma once

#include <stddef.h>
#include <stdio.h>

#include "pki/view/bytes.h"

#define WORDS_MAX 1024

struct words {
	char *text; /* owned; the words lie in it */
	char *word[WORDS_MAX];
	size_t cnt;
};

/* 0; -EINVAL when a quote is left open; -E2BIG; -ENOMEM. Only with 0 there is something to free. */
int words_split(const char *line, struct words *out) RK_MUST_CHECK;
void words_fini(struct words *w);

/* Prints one word so that words_split reads it back as it was. */
void words_quote(FILE *f, const char *word);
