/* SPDX-License-Identifier: BSD-3-Clause */
/* Memory of secrets: locked or not there at all, in no dump, and empty when it is given back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <malloc.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "pki/view/secret.h"

#define LEN 10000 /* no whole pages */

static int lock_error, advice_error; /* 0: what the system says */
static unsigned unmapped_cnt;
static void *watched; /* the heap's; must be empty when it is freed */
static size_t watched_len;
static unsigned freed_cnt;

int __real_mlock2(const void *p, size_t len, unsigned flags);
int __wrap_mlock2(const void *p, size_t len, unsigned flags);
int __real_madvise(void *p, size_t len, int advice);
int __wrap_madvise(void *p, size_t len, int advice);
int __real_munmap(void *p, size_t len);
int __wrap_munmap(void *p, size_t len);
void __real_free(void *p);
void __wrap_free(void *p);

int __wrap_mlock2(const void *p, size_t len, unsigned flags)
{
	errno = lock_error;
	return lock_error != 0 ? -1 : __real_mlock2(p, len, flags);
}

int __wrap_madvise(void *p, size_t len, int advice)
{
	assert_int_equal(advice, MADV_DONTDUMP);
	errno = advice_error;
	return advice_error != 0 ? -1 : __real_madvise(p, len, advice);
}

static void assert_empty(const uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		assert_int_equal(bytes[i], 0);
}

int __wrap_munmap(void *p, size_t len)
{
	unmapped_cnt++;
	assert_empty(p, len);
	return __real_munmap(p, len);
}

void __wrap_free(void *p)
{
	if (p != NULL && p == watched) {
		assert_empty(p, watched_len);
		watched = NULL;
		freed_cnt++;
	}
	__real_free(p);
}

static int begin(void **state)
{
	(void)state;
	lock_error = advice_error = 0;
	unmapped_cnt = freed_cnt = 0;
	return 0;
}

/* The flags of the mapping that holds p, as "VmFlags:" has them. */
static void read_flags(const void *p, char flags[512])
{
	FILE *f = fopen("/proc/self/smaps", "r");
	unsigned long first = 0, end = 0, n[2];
	char line[512];

	assert_non_null(f);
	flags[0] = '\0';
	while (flags[0] == '\0' && fgets(line, sizeof(line), f) != NULL) {
		if (sscanf(line, "%lx-%lx ", &n[0], &n[1]) == 2)
			first = n[0], end = n[1];
		else if (strncmp(line, "VmFlags:", 8) == 0 && (uintptr_t)p >= first &&
			 (uintptr_t)p < end)
			memcpy(flags, line, sizeof(line));
	}
	fclose(f);
}

static void it_is_locked_and_in_no_dump(void **state)
{
	void *(*const make[])(size_t len) = {rk_secret_new, rk_secret_reserve};

	(void)state;
	for (int i = 0; i < 2; i++) {
		uint8_t *p = make[i](LEN);
		char flags[512];

		if (p == NULL)
			skip(); /* nothing may be locked here */
		assert_empty(p, LEN);
		read_flags(p, flags);
		assert_non_null(strstr(flags, " lo"));
		assert_non_null(strstr(flags, " dd"));
		memset(p, 0x5e, LEN);
		rk_secret_free(p, LEN);
		assert_int_equal(unmapped_cnt, 1 + i);
	}
	rk_secret_free(NULL, LEN);
	assert_int_equal(unmapped_cnt, 2);
}

static void what_cannot_be_locked_is_not_there(void **state)
{
	(void)state;
	lock_error = ENOMEM;
	errno = 0;
	assert_null(rk_secret_new(LEN));
	assert_int_equal(errno, ENOMEM);
	assert_null(rk_secret_reserve(LEN));
	assert_int_equal(unmapped_cnt, 2);
	lock_error = 0;
	advice_error = EINVAL; /* it would be in a dump */
	assert_null(rk_secret_new(LEN));
	assert_true(errno == EINVAL || errno == ENOMEM || errno == EPERM);
	assert_int_equal(unmapped_cnt, 3);
}

static void two_are_equal_in_every_octet(void **state)
{
	uint8_t a[32] = {1}, b[32] = {1};

	(void)state;
	assert_true(rk_secret_equal(a, b, sizeof(a)));
	for (size_t i = 0; i < sizeof(a); i++) {
		b[i] ^= 0x80;
		assert_false(rk_secret_equal(a, b, sizeof(a)));
		assert_true(rk_secret_equal(a, b, i));
		b[i] ^= 0x80;
	}
}

static uint8_t *new_watched(size_t len)
{
	uint8_t *p = OPENSSL_malloc(len);

	assert_non_null(p);
	memset(p, 0x5e, len);
	watched = p;
	watched_len = len;
	return p;
}

/* Of what it frees, and of what it moves to where there is more room. */
static void openssl_leaves_nothing(void **state)
{
	uint8_t *p, *moved;

	(void)state;
	OPENSSL_free(new_watched(100));
	assert_int_equal(freed_cnt, 1);
	p = new_watched(100);
	moved = OPENSSL_realloc(p, 1 << 20);
	assert_int_equal(freed_cnt, 2);
	for (int i = 0; i < 100; i++)
		assert_int_equal(moved[i], 0x5e);
	assert_ptr_equal(OPENSSL_realloc(moved, 1 << 19), moved);
	watched = moved;
	watched_len = 1 << 20;
	assert_null(OPENSSL_realloc(moved, 0));
	assert_int_equal(freed_cnt, 3);
	moved = OPENSSL_realloc(NULL, 10);
	assert_non_null(moved);
	OPENSSL_free(moved);
}

static void no_core_is_left(void **state)
{
	struct rlimit limit = {1, 1};
	pid_t child = fork();
	int status;

	(void)state;
	if (child == 0)
		_exit(rk_process_harden() != 0 || prctl(PR_GET_DUMPABLE) != 0 ||
			getrlimit(RLIMIT_CORE, &limit) != 0 || limit.rlim_cur != 0 ||
			limit.rlim_max != 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup(name, begin)
	const struct CMUnitTest tests[] = {
		T(it_is_locked_and_in_no_dump),
		T(what_cannot_be_locked_is_not_there),
		T(two_are_equal_in_every_octet),
		T(openssl_leaves_nothing),
		T(no_core_is_left),
	};

	if (rk_openssl_wipe() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
