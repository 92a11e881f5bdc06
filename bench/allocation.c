/* SPDX-License-Identifier: BSD-3-Clause */
#include "bench/allocation.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <openssl/crypto.h>

#include "bench/harness.h"

#define RUN_CNT 16

static _Thread_local struct allocation_cnt cnt;

struct allocation_cnt allocation_cnt(void)
{
	return cnt;
}

/* ---- ours: meson.build names each of these to the linker ---- */

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t size);
void *__real_aligned_alloc(size_t alignment, size_t size);
int __real_posix_memalign(void **out, size_t alignment, size_t size);
char *__real_strdup(const char *text);
void *__real_mmap(void *at, size_t len, int protection, int flags, int fd, off_t offset);

void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size);
int __wrap_posix_memalign(void **out, size_t alignment, size_t size);
char *__wrap_strdup(const char *text);
void *__wrap_mmap(void *at, size_t len, int protection, int flags, int fd, off_t offset);

void *__wrap_malloc(size_t size)
{
	cnt.own++;
	return __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size)
{
	cnt.own++;
	return __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t size)
{
	cnt.own++;
	return __real_realloc(p, size);
}

void *__wrap_aligned_alloc(size_t alignment, size_t size)
{
	cnt.own++;
	return __real_aligned_alloc(alignment, size);
}

int __wrap_posix_memalign(void **out, size_t alignment, size_t size)
{
	cnt.own++;
	return __real_posix_memalign(out, alignment, size);
}

char *__wrap_strdup(const char *text)
{
	cnt.own++;
	return __real_strdup(text);
}

void *__wrap_mmap(void *at, size_t len, int protection, int flags, int fd, off_t offset)
{
	cnt.own++;
	return __real_mmap(at, len, protection, flags, fd, offset);
}

/* ---- libcrypto's ---- */

static void *take(size_t size, const char *file, int line)
{
	(void)file;
	(void)line;
	cnt.libcrypto++;
	return __real_malloc(size);
}

static void *retake(void *p, size_t size, const char *file, int line)
{
	(void)file;
	(void)line;
	cnt.libcrypto++;
	return __real_realloc(p, size);
}

static void give_back(void *p, const char *file, int line)
{
	(void)file;
	(void)line;
	free(p);
}

static bool is_libcrypto_counted;

/* Runs before any sanitizer is ready. */
__attribute__((no_sanitize_address, no_sanitize_thread)) static void stand_before_libcrypto(void)
{
	is_libcrypto_counted = CRYPTO_set_mem_functions(take, retake, give_back) == 1;
}

/* Ahead of the constructors of all libraries: some of those call libcrypto, and then it is late. */
__attribute__((section(".preinit_array"), used)) static void (*const early)(
	void) = stand_before_libcrypto;

struct allocation_rate allocation_rate(bool (*run)(void *arg, unsigned cnt), void *arg)
{
	struct allocation_cnt before;

	bench_must(is_libcrypto_counted, "libcrypto has allocated before it could be counted");
	bench_must(run(arg, 1), "it fails"); /* what is made once is made */
	before = cnt;
	bench_must(run(arg, RUN_CNT), "it fails");
	return (struct allocation_rate){(double)(cnt.own - before.own) / RUN_CNT,
		(double)(cnt.libcrypto - before.libcrypto) / RUN_CNT};
}
