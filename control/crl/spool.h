/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Files without a name, for what is being fetched: gone when they are closed, whatever happens. They lie
 * on the disk, or in memory where that is full or cannot be written: a revocation does not wait for room.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* Read and write, close-on-exec, on the file system of that folder if it can be. Or -errno. */
int spool_open(int dir_fd) __attribute__((warn_unused_result));
/* Appends, at the file's offset. May put another descriptor in the place of *fd. 0 or -errno. */
int spool_write(int *fd, const void *data, size_t len) __attribute__((warn_unused_result));
/*
 * Puts such a file with the first len bytes of *fd in the place of *fd. -EBADMSG when there are
 * fewer; other -errno; *fd is then as before. May sleep.
 */
int spool_copy(int dir_fd, int *fd, size_t len) __attribute__((warn_unused_result));
