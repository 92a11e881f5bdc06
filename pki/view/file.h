/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Files that are replaced whole or not at all. A writer puts the bytes into a temporary of the same
 * folder (O_EXCL, ".NAME.XXXXXXXXXXXXXXXX.tmp"), syncs it, renames it and syncs the folder; after
 * any failure (full disk, short write, I/O error, a crash at any instant) the old file stands as it
 * was. dir is an open folder; name is one path component that the caller has checked (it is refused
 * again when empty, too long, starting with a dot or holding a slash). Any thread; writers of one
 * name must be serialised by the caller.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "pki/view/bytes.h"

#define RK_FILE_NAME_MAX 200 /* leaves room for the temporary's affixes */

/* Creates or replaces. The file has exactly this mode, whatever the umask. 0 or -errno. */
int rk_file_replace(
	int dir, const char *name, mode_t mode, const void *data, size_t len) RK_MUST_CHECK;
/* The same for bytes in several runs; data is read, not written to. */
int rk_file_replace_v(int dir, const char *name, mode_t mode, const struct iovec *iov,
	size_t iov_cnt) RK_MUST_CHECK;
/* As rk_file_replace, but -EEXIST when the name is taken: never overwrites. */
int rk_file_create(
	int dir, const char *name, mode_t mode, const void *data, size_t len) RK_MUST_CHECK;

/*
 * Makes previous a second name of what name holds now (replacing an older previous), so that a
 * following replace keeps the last generation. 0, -ENOENT when name does not exist, or -errno.
 */
int rk_file_keep(int dir, const char *name, const char *previous) RK_MUST_CHECK;

/*
 * Reads a regular file of at most max bytes (-EFBIG above; -EINVAL for anything but a regular file;
 * symbolic links are not followed: -ELOOP). *out is malloc'ed, one NUL byte follows the data; the
 * caller frees it. Outputs untouched on failure.
 */
int rk_file_read(int dir, const char *name, size_t max, uint8_t **out, size_t *len) RK_MUST_CHECK;
/*
 * The same for private keys: *out is rk_secret_new memory of *size bytes, to be given back with
 * rk_secret_free(*out, *size); a file that group or others may read or write is refused: -EPERM.
 */
int rk_file_read_secret(int dir, const char *name, size_t max, uint8_t **out, size_t *len,
	size_t *size) RK_MUST_CHECK;

/* Unlinks and syncs the folder. 0, -ENOENT, -errno. */
int rk_file_remove(int dir, const char *name) RK_MUST_CHECK;

/*
 * Of a secret that is to go: its file, to be given to rk_file_erase when no name leads to it any
 * more, replaced or removed. -1: there is none.
 */
int rk_file_hold(int dir, const char *name) RK_MUST_CHECK;
/*
 * Overwrites what the file holds if no name leads to it, so that a crash in between leaves no damaged
 * secret; closes fd, which may be -1. It is all that can be done from here: a file system may have
 * copies. 0 or -errno.
 */
int rk_file_erase(int fd);

/*
 * Removes temporaries that a crash left behind, and erases those that may have held a secret; only at
 * start, before anything is written. Returns how many were removed, or -errno.
 */
int rk_file_clean(int dir) RK_MUST_CHECK;
