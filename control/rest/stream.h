/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * An answer of any length, made and sent piece by piece: the next piece is made when the client has
 * taken the one before, so that neither memory nor the loop feels how much there is. Loop thread only.
 */
#pragma once

#include <stddef.h>
#include <sys/types.h>

#include "control/rest/exchange.h"

#define STREAM_PIECE_LEN 65536
#define STREAM_MAX       4 /* at once; others are told to come again */

struct stream_source {
	/* The next piece: its length, 0 at the end, or -errno: the answer is then cut off. */
	ssize_t (*next)(void *arg, char *buf, size_t size);
	void (*end)(void *arg); /* called once, in any case */
	void *arg;
};

/* Answers with status 200 and ends x; with 503 when there are too many. type: its media type. */
void stream_answer(struct exchange *x, const char *type, const struct stream_source *source);
