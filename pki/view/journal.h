/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The systemd journal's native protocol: one datagram of fields a record, to its well-known socket.
 * Nobody waits for it: a full or missing socket is an error at once. Any thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "pki/view/bytes.h"

#define RK_JOURNAL_FIELD_MAX 16

struct rk_journal_field {
	const char *name;  /* upper-case, digits, '_' */
	const char *value; /* any bytes but NUL; NULL: the field is left out */
};

/* Standard error is the journal: systemd says in JOURNAL_STREAM which device and inode that is. */
bool rk_journal_is_stderr(void) RK_MUST_CHECK;
/* A socket for rk_journal_send; path NULL = the journal's own. -errno when there is none. */
int rk_journal_open(const char *path) RK_MUST_CHECK;
/* 0 or -errno; nothing is sent in part. */
int rk_journal_send(int fd, const struct rk_journal_field *field, size_t field_cnt) RK_MUST_CHECK;
