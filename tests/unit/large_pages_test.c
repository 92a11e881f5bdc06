/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A large set lies on large pages where the system has any, however many: they change no byte, and who
 * gets none, or not all, gets ordinary ones. madvise is taken at link time (-Wl,--wrap).
 */
#include "pki/view/large_pages.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <cmocka.h>

#include "pki/store/compile.h"
#include "tests/unit/view_fixture.h"

#define CNT     700000 /* 10.1 MiB */
#define GATHER  25     /* MADV_COLLAPSE */
#define NO_MORE 1000

static atomic_int allowed; /* large pages, before there are none */
static atomic_int gathered;

int __real_madvise(void *at, size_t len, int advice);
int __wrap_madvise(void *at, size_t len, int advice);

int __wrap_madvise(void *at, size_t len, int advice)
{
	int ret;

	if (advice == GATHER && atomic_fetch_sub(&allowed, 1) <= 0) {
		errno = ENOMEM;
		return -1;
	}
	ret = __real_madvise(at, len, advice);
	if (advice == GATHER && ret == 0)
		atomic_fetch_add(&gathered, 1);
	return ret;
}

static int give(void *ctx, struct revocation_builder *b)
{
	int ret = 0;

	(void)ctx;
	for (uint32_t i = 0; i < CNT && ret == 0; i++) {
		const struct rk_revocation_entry e = fixture_revocation(i, i % 3);

		ret = revocation_builder_add(b, 0, &e, 1);
	}
	return ret;
}

static struct rk_part *make(int large_pages)
{
	const struct compile_entries entries = {.cnt = CNT, .give = give};
	struct compile_part made = {.fd = -1};
	struct rk_refusal why = {""};
	struct rk_part *part = NULL;

	atomic_store(&allowed, large_pages);
	atomic_store(&gathered, 0);
	assert_int_equal(
		compile_revocations_given(RK_PART_REVOCATION_BASE, &entries, NULL, 0, &made, &why),
		0);
	assert_int_equal(made.page_size, sysconf(_SC_PAGESIZE));
	assert_int_equal(rk_part_open(made.fd, RK_PART_REVOCATION_BASE, true, &part, &why), 0);
	assert_memory_equal(rk_part_digest(part), made.digest, RK_DIGEST_LEN);
	compile_part_close(&made);
	return part;
}

/* What of all mappings is mapped in large pages of shared memory. */
static size_t mapped_large(void)
{
	FILE *f = fopen("/proc/self/smaps_rollup", "r");
	size_t kib = 0;
	char line[128];

	assert_non_null(f);
	while (fgets(line, sizeof(line), f) != NULL)
		if (sscanf(line, "ShmemPmdMapped: %zu", &kib) == 1)
			break;
	fclose(f);
	return kib << 10;
}

static void set_is_the_same_on_any_pages(void **state)
{
	struct rk_part *small = make(0), *some = make(2), *large;
	const struct rk_span bytes = rk_part_bytes(small);
	int cnt;

	(void)state;
	assert_int_equal(rk_part_bytes(some).len, bytes.len);
	assert_memory_equal(rk_part_bytes(some).data, bytes.data, bytes.len);
	rk_part_close(some);
	large = make(NO_MORE);
	cnt = gathered;
	assert_int_equal(rk_part_bytes(large).len, bytes.len);
	assert_memory_equal(rk_part_bytes(large).data, bytes.data, bytes.len);
	rk_part_close(small);
	if ((size_t)cnt * RK_LARGE_PAGE < bytes.len) {
		rk_part_close(large);
		print_message("not enough large pages of shared memory here\n");
		skip();
	}
	/* The last was cut where the part ends. */
	assert_true(mapped_large() >= bytes.len / RK_LARGE_PAGE * RK_LARGE_PAGE);
	rk_part_close(large);
}

static void file_is_mapped_where_large_pages_can_be(void **state)
{
	const size_t len = 3 * RK_LARGE_PAGE + 4096;
	int fd = memfd_create("test", MFD_CLOEXEC);
	uint8_t *map;

	(void)state;
	assert_int_equal(ftruncate(fd, (off_t)len), 0);
	assert_int_equal(pwrite(fd, "end", 3, (off_t)len - 3), 3);
	for (int i = 0; i < 3; i++) {
		map = rk_map_many(len, PROT_READ, MAP_PRIVATE, fd);
		assert_ptr_not_equal(map, MAP_FAILED);
		assert_int_equal((uintptr_t)map % RK_LARGE_PAGE, 0);
		assert_memory_equal(map + len - 3, "end", 3);
		munmap(map, len);
	}
	map = rk_map_many(100, PROT_READ, MAP_PRIVATE, fd); /* small */
	assert_ptr_not_equal(map, MAP_FAILED);
	munmap(map, 100);
	assert_ptr_equal(rk_map_many(len, PROT_READ, MAP_PRIVATE, -1), MAP_FAILED);
	assert_int_equal(errno, EBADF);
	assert_ptr_equal(rk_map_many(SIZE_MAX, PROT_READ, MAP_PRIVATE, fd), MAP_FAILED);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(set_is_the_same_on_any_pages),
		cmocka_unit_test(file_is_mapped_where_large_pages_can_be),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
