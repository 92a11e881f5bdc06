/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Typed and pasted text from a terminal, without a line editor: answers, passwords, texts that end
 * with CTRL-D. The terminal is switched to hand over single bytes and back again without dropping
 * what waits in it, so that a whole dialogue may be pasted at once. Main thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "pki/view/bytes.h"

enum terminal_mode {
	TERMINAL_LINE,   /* echoed, ends with Enter */
	TERMINAL_SECRET, /* not echoed, ends with Enter */
	TERMINAL_TEXT,   /* echoed, ends with CTRL-D */
};

/*
 * Prints the question once the terminal is switched, so that nothing typed after it is echoed
 * against the mode. Reads from fd, echoes to it too. *out is NUL-terminated, owned by the caller (a secret: to be
 * wiped). 0; -EINTR on CTRL-C; -ENODATA when the terminal went away before anything came; -EFBIG
 * beyond max bytes (all of it is read, nothing kept); -errno.
 */
int terminal_read(int fd, enum terminal_mode mode, FILE *prompt, const char *question, size_t max,
	char **out) RK_MUST_CHECK;

/*
 * A line end that is pasted as CR LF is one, whoever reads its halves: the line editor says here
 * which it saw. True: this LF belongs to the CR before it, and is to be ignored.
 */
bool terminal_is_second_half(char c);
