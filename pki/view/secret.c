/* SPDX-License-Identifier: BSD-3-Clause */
#include "pki/view/secret.h"

#include <errno.h>
#include <malloc.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <openssl/crypto.h>

void rk_wipe(void *p, size_t len)
{
	if (len > 0)
		explicit_bzero(p, len);
}

bool rk_secret_equal(const void *a, const void *b, size_t len)
{
	return CRYPTO_memcmp(a, b, len) == 0;
}

static size_t whole_pages(size_t len)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	return (len + page - 1) / page * page;
}

static void *new_memory(size_t len, unsigned lock_flags)
{
	size_t size = whole_pages(len);
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return NULL;
	if (mlock2(p, size, lock_flags) < 0 || madvise(p, size, MADV_DONTDUMP) < 0) {
		int err = errno;

		munmap(p, size);
		errno = err;
		return NULL;
	}
	return p;
}

void *rk_secret_new(size_t len)
{
	return new_memory(len, 0);
}

void *rk_secret_reserve(size_t len)
{
	return new_memory(len, MLOCK_ONFAULT);
}

void rk_secret_free(void *p, size_t len)
{
	if (p == NULL)
		return;
	rk_wipe(p, len);
	munmap(p, whole_pages(len)); /* unlocks too */
}

/* A capability lifts the limit, which the limit itself does not tell: one byte more is tried. */
static bool is_limit_lifted(size_t limit)
{
	size_t len = limit + (size_t)sysconf(_SC_PAGESIZE);
	void *p = mmap(NULL, len, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	bool is_lifted;

	if (p == MAP_FAILED)
		return false;
	is_lifted = mlock2(p, len, MLOCK_ONFAULT) == 0;
	munmap(p, len);
	return is_lifted;
}

size_t rk_secret_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_MEMLOCK, &limit) < 0)
		return 0;
	if (limit.rlim_cur == RLIM_INFINITY || is_limit_lifted(limit.rlim_cur))
		return SIZE_MAX;
	return limit.rlim_cur;
}

/* ---- what OpenSSL has of keys, while it reads, converts and uses them --------------------------- */

static void *new_for_openssl(size_t size, const char *file, int line)
{
	(void)file;
	(void)line;
	return size > 0 ? malloc(size) : NULL;
}

static void wipe_and_free(void *p, const char *file, int line)
{
	(void)file;
	(void)line;
	if (p != NULL)
		rk_wipe(p, malloc_usable_size(p));
	free(p);
}

/* What realloc would leave behind where it moves. */
static void *resize_for_openssl(void *p, size_t size, const char *file, int line)
{
	size_t old = p != NULL ? malloc_usable_size(p) : 0;
	void *moved;

	if (p != NULL && size == 0) {
		wipe_and_free(p, file, line);
		return NULL;
	}
	if (p != NULL && size <= old)
		return p;
	moved = new_for_openssl(size, file, line);
	if (p != NULL && moved != NULL) {
		memcpy(moved, p, old);
		wipe_and_free(p, file, line);
	}
	return moved;
}

int rk_process_harden(void)
{
	const struct rlimit none = {0, 0};

	if (prctl(PR_SET_DUMPABLE, 0) < 0 || setrlimit(RLIMIT_CORE, &none) < 0)
		return -errno;
	return 0;
}

int rk_openssl_wipe(void)
{
	return CRYPTO_set_mem_functions(new_for_openssl, resize_for_openssl, wipe_and_free) == 1
		       ? 0
		       : -EBUSY;
}

void rk_process_lock(void)
{
	if (rk_secret_limit() == SIZE_MAX)
		(void)mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT); /* what it can */
}
