/* SPDX-License-Identifier: BSD-3-Clause */
/* Large mappings come and go whole, and no call of the kernel's is about more than one step of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "pki/view/large_map.h"

#define MIB ((size_t)1 << 20)

static size_t longest, call_cnt, page;
static int refused; /* such an advice fails; 0 = none */

static void note(size_t len)
{
	longest = len > longest ? len : longest;
	call_cnt++;
}

int __real_munmap(void *map, size_t len);
int __wrap_munmap(void *map, size_t len);
int __real_madvise(void *map, size_t len, int advice);
int __wrap_madvise(void *map, size_t len, int advice);

int __wrap_munmap(void *map, size_t len)
{
	note(len);
	return __real_munmap(map, len);
}

int __wrap_madvise(void *map, size_t len, int advice)
{
	note(len);
	if (advice != refused)
		return __real_madvise(map, len, advice);
	errno = EINVAL;
	return -1;
}

static int set_up(void **state)
{
	(void)state;
	page = (size_t)sysconf(_SC_PAGESIZE);
	longest = call_cnt = 0;
	refused = 0;
	return 0;
}

/* Between two pages that stay; the first of them begins nowhere in particular. */
static uint8_t *map_pages(size_t len, int fd)
{
	uint8_t *map = mmap(NULL, len + 2 * page, PROT_READ | PROT_WRITE,
		fd < 0 ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_SHARED, fd, 0);

	assert_true(map != MAP_FAILED);
	return map + page;
}

static size_t count_there(const uint8_t *map, size_t len)
{
	unsigned char there[4096];
	size_t cnt = 0;

	assert_true(len / page <= sizeof(there));
	assert_int_equal(mincore((void *)(uintptr_t)map, len, there), 0);
	for (size_t i = 0; i < len / page; i++)
		cnt += there[i] & 1;
	return cnt;
}

static const size_t lens[] = {1, 2, 511, 512, 513, 1024, 1537, 2048};

static void is_populated_and_unmapped(void **state)
{
	unsigned char there;

	(void)state;
	for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
		const size_t len = lens[i] * page;
		uint8_t *map = map_pages(len, -1);

		assert_int_equal(count_there(map, len), 0);
		assert_true(rk_large_populate(map, len, true));
		assert_int_equal(count_there(map, len), lens[i]);
		assert_int_equal(count_there(map - page, page), 0);
		assert_int_equal(count_there(map + len, page), 0);
		rk_large_unmap(map, len);
		for (size_t at = 0; at < len; at += page)
			assert_int_equal(mincore(map + at, page, &there), -1);
		assert_int_equal(mincore(map - page, page, &there), 0);
		assert_int_equal(mincore(map + len, page, &there), 0);
		__real_munmap(map - page, page);
		__real_munmap(map + len, page);
	}
	assert_int_equal(longest, RK_LARGE_STEP);
	rk_large_unmap(NULL, 0);
}

static void what_is_read_stays(void **state)
{
	const size_t len = 5 * MIB;
	int fd = memfd_create("large", MFD_CLOEXEC);
	uint8_t *map;

	(void)state;
	assert_int_equal(ftruncate(fd, (off_t)(len + 2 * page)), 0);
	map = map_pages(len, fd);
	for (size_t at = 0; at < len; at += page)
		map[at] = (uint8_t)(at / page * 7);
	assert_true(rk_large_populate(map, len, false));
	for (size_t at = 0; at < len; at += page)
		assert_int_equal(map[at], (uint8_t)(at / page * 7));
	assert_int_equal(longest, RK_LARGE_STEP);
	__real_munmap(map - page, len + 2 * page);
	close(fd);
}

static void refusal_is_said_at_once(void **state)
{
	uint8_t *map = map_pages(8 * MIB, -1);

	(void)state;
	refused = 23; /* MADV_POPULATE_WRITE */
	assert_false(rk_large_populate(map, 8 * MIB, true));
	assert_int_equal(call_cnt, 1);
	__real_munmap(map - page, 8 * MIB + 2 * page);
}

/* What lies around it in malloc's memory is untouched, whether it has a mapping of its own or not. */
static void heap_is_freed(void **state)
{
	static const size_t sizes[] = {1, 4096, 3 * MIB + 5, 9 * MIB, 40 * MIB};

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		uint8_t *before = malloc(5000), *data = malloc(sizes[i]), *after = malloc(5000);

		memset(before, 0xa5, 5000);
		memset(after, 0x5a, 5000);
		memset(data, 1, sizes[i]);
		rk_large_free(data, sizes[i]);
		for (size_t at = 0; at < 5000; at++)
			assert_true(before[at] == 0xa5 && after[at] == 0x5a);
		free(before);
		free(after);
	}
	assert_true(longest <= RK_LARGE_STEP);
	assert_true(call_cnt >= (3 + 9 + 40) / 2);
	rk_large_free(NULL, 0);
}

#define T(test) cmocka_unit_test_setup(test, set_up)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(is_populated_and_unmapped),
		T(what_is_read_stays),
		T(refusal_is_said_at_once),
		T(heap_is_freed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
