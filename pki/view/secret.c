/* SPDX-License-Identifier: BSD-3-Clause */
#include "pki/view/secret.h"

#include <errno.h>
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

int rk_process_harden(void)
{
	const struct rlimit none = {0, 0};

	if (prctl(PR_SET_DUMPABLE, 0) < 0 || setrlimit(RLIMIT_CORE, &none) < 0)
		return -errno;
	return 0;
}
