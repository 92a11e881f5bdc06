/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The start, which takes a while where much is kept. What it is at is told to whoever asks over REST
 * (503 "starting": nothing else is answered yet, and nothing changed) and to the service manager, whose
 * patience is asked for anew at each step. Parts that are still to come are NULL meanwhile; those that
 * are there begin nothing by themselves before startup_end. Loop thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "control/answer.h"
#include "control/daemon.h"

/* what: static, as in "kept certificates are judged"; total: of so many things, 0 = who knows. */
void startup_begin(struct daemon *d, const char *what, size_t total);
/* So many are done. */
void startup_step(struct daemon *d, size_t done);
/* The daemon is ready. */
void startup_end(struct daemon *d);

static inline bool startup_is_over(const struct daemon *d)
{
	return d->start.what == NULL;
}

/* 503 that says what the start is at. */
void startup_refuse(const struct daemon *d, struct answer *out);
