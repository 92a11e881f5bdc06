/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Where answers to questions come from: the terminal, or standard input when it is none (a file, a
 * pipe). Main thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "pki/view/bytes.h"

#define INPUT_LINE_MAX 4096
#define INPUT_TEXT_MAX ((size_t)1 << 20)

struct input {
	bool is_terminal; /* standard input is one */
	FILE *prompt;     /* where questions are printed */
};

void input_init(struct input *in, FILE *prompt);

/*
 * Each of these prints the question and leaves an owned text without its end of line.
 * -ENODATA when there is no more input, -EINTR on CTRL-C, -EFBIG, -errno.
 */
int input_ask(struct input *in, const char *question, char **out) RK_MUST_CHECK;
/* Not echoed. Wipe it. */
int input_password(struct input *in, const char *question, char **out) RK_MUST_CHECK;
/* Everything up to CTRL-D (the byte, when standard input is no terminal) or the end. */
int input_paste(struct input *in, const char *question, char **out) RK_MUST_CHECK;
/* Why there is no answer, of what these return: for people. */
const char *input_why(int error);
/* "y" or "yes" in any case; everything else, and no answer, is no. */
bool input_confirm(struct input *in, const char *question);
/* A line of a script. */
int input_line(struct input *in, char **out) RK_MUST_CHECK;
