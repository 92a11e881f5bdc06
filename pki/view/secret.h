/* SPDX-License-Identifier: BSD-3-Clause */
/* Handling of memory that holds secrets. Any thread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "pki/view/bytes.h"

/* Overwrites; the compiler cannot drop it. NULL with len 0 is fine. */
void rk_wipe(void *p, size_t len);

/* Constant-time equality of two secrets of one length. */
bool rk_secret_equal(const void *a, const void *b, size_t len) RK_MUST_CHECK;

/*
 * Locked, MADV_DONTDUMP memory for secrets, zeroed. Returns NULL with errno when it cannot be
 * locked: a secret is never put into memory that may be swapped. len is rounded up to pages.
 * rk_secret_free wipes, unlocks and unmaps; NULL is fine.
 */
void *rk_secret_new(size_t len) RK_MUST_CHECK;
/* The same, but a page takes memory only once it is touched, and is locked then. */
void *rk_secret_reserve(size_t len) RK_MUST_CHECK;
void rk_secret_free(void *p, size_t len);
/* Bytes that this process may lock in all (RLIMIT_MEMLOCK); SIZE_MAX where nothing limits it. */
size_t rk_secret_limit(void);

/*
 * Before a process holds its first key: PR_SET_DUMPABLE 0, RLIMIT_CORE 0. 0 or -errno.
 */
int rk_process_harden(void) RK_MUST_CHECK;
/*
 * Whatever OpenSSL frees is wiped from now on, for it copies keys as it reads, converts and uses them.
 * Before its first allocation; -EBUSY after that.
 */
int rk_openssl_wipe(void) RK_MUST_CHECK;
/* No page that is touched from now on is swapped, where nothing limits what may be locked. */
void rk_process_lock(void);
