/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A body on its way from the loop to its file (control/crl/spool.h): the loop puts it into one of two
 * buffers, and a helper thread writes the other. A disk may be slow, and a write to it sleep for as long
 * as the kernel thinks that too much is unwritten; then whoever sends has to wait, and not the loop.
 *
 * 1. What was taken is in the file in its order, or an error is told, and then nothing after it is.
 * 2. At most two buffers of SPOOLER_BYTES are in memory.
 * 3. The file is opened, emptied and written by the helper alone.
 *
 * Loop thread only, but for spooler_free.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "control/helper.h"

#define SPOOLER_BYTES ((size_t)256 << 10)

struct spooler;

/*
 * pool has one thread, which is what keeps the order, and is ended before dir_fd is closed. moved is
 * called whenever a buffer was written, or could not be.
 */
struct spooler *spooler_new(
	struct helper_pool *pool, int dir_fd, void (*moved)(void *arg), void *arg);
/* Closes a file that was not taken, which may take a while. Any thread, not while it is busy. NULL is fine. */
void spooler_free(struct spooler *s);

/* All of it, or -EAGAIN: nothing, before moved is called. Otherwise -errno of an earlier write; -EMSGSIZE. */
int spooler_take(struct spooler *s, const void *data, size_t len)
	__attribute__((warn_unused_result));
/* What was taken so far does not count. */
void spooler_restart(struct spooler *s);
/* Nothing more comes: the rest is written. */
void spooler_finish(struct spooler *s);
/* A buffer is being written: moved will be called. */
bool spooler_is_busy(const struct spooler *s);
/* 0 or -errno of what was written so far. */
int spooler_error(const struct spooler *s);
/* The file, which is the caller's from here on; -1 when nothing came. Not while it is busy. */
int spooler_take_file(struct spooler *s);
