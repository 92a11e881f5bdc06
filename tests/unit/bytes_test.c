/* SPDX-License-Identifier: BSD-3-Clause */
#include "pki/view/bytes.h"
#include "pki/view/secret.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

static void reader_reads_big_endian_and_to_the_end(void **state)
{
	const uint8_t in[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17};
	uint8_t copy[2];
	struct rk_reader r;

	(void)state;
	rk_reader_init(&r, in, sizeof(in));
	assert_int_equal(rk_read_u8(&r), 1);
	assert_int_equal(rk_read_u16(&r), 0x0203);
	assert_int_equal(rk_read_u32(&r), 0x04050607);
	assert_true(rk_read_u64(&r) == UINT64_C(0x08090a0b0c0d0e0f));
	assert_false(rk_reader_done(&r));
	assert_int_equal(rk_reader_left(&r), 2);
	rk_read_copy(&r, copy, 2);
	assert_int_equal(copy[1], 17);
	assert_true(rk_reader_done(&r));
	assert_non_null(rk_read_bytes(&r, 0));
	assert_true(rk_reader_done(&r));
}

static void reader_error_is_sticky_and_reads_zeros(void **state)
{
	const uint8_t in[] = {1, 2, 3};
	uint8_t copy[4] = {9, 9, 9, 9};
	struct rk_reader r;

	(void)state;
	rk_reader_init(&r, in, sizeof(in));
	assert_int_equal(rk_read_u32(&r), 0);
	assert_int_equal(rk_read_u8(&r), 0); /* would fit, but the error sticks */
	rk_read_copy(&r, copy, sizeof(copy));
	assert_true(rk_bytes_are_zero(copy, sizeof(copy)));
	assert_null(rk_read_bytes(&r, 1));
	assert_false(rk_reader_done(&r));
	rk_reader_init(&r, in, sizeof(in));
	assert_null(rk_read_bytes(&r, SIZE_MAX));
	assert_false(rk_reader_done(&r));
	rk_reader_init(&r, NULL, 0);
	assert_true(rk_reader_done(&r));
	assert_int_equal(rk_read_u8(&r), 0);
	assert_false(rk_reader_done(&r));
}

static void writer_writes_what_the_reader_reads(void **state)
{
	uint8_t buf[18];
	struct rk_writer w;
	struct rk_reader r;
	uint8_t *hole;

	(void)state;
	rk_writer_init(&w, buf, sizeof(buf));
	rk_write_u8(&w, 0x12);
	rk_write_u16(&w, 0x3456);
	hole = rk_write_reserve(&w, 1);
	rk_write_u32(&w, 0x789abcde);
	rk_write_u64(&w, UINT64_C(0x1122334455667788));
	rk_write_bytes(&w, "xy", 2);
	*hole = 7;
	assert_false(w.is_failed);
	assert_int_equal(rk_writer_len(&w), sizeof(buf));
	rk_reader_init(&r, buf, sizeof(buf));
	assert_int_equal(rk_read_u8(&r), 0x12);
	assert_int_equal(rk_read_u16(&r), 0x3456);
	assert_int_equal(rk_read_u8(&r), 7);
	assert_int_equal(rk_read_u32(&r), 0x789abcde);
	assert_true(rk_read_u64(&r) == UINT64_C(0x1122334455667788));
	assert_memory_equal(rk_read_bytes(&r, 2), "xy", 2);
	assert_true(rk_reader_done(&r));
}

static void writer_error_is_sticky_and_never_overruns(void **state)
{
	uint8_t buf[4] = {0xee, 0xee, 0xee, 0xee};
	struct rk_writer w;

	(void)state;
	rk_writer_init(&w, buf, 3);
	rk_write_u32(&w, 1);
	rk_write_u8(&w, 1);
	assert_true(w.is_failed);
	assert_null(rk_write_reserve(&w, SIZE_MAX));
	assert_int_equal(rk_writer_len(&w), 0);
	assert_int_equal(buf[0], 0xee);
	assert_int_equal(buf[3], 0xee);
}

static void secrets_are_wiped_compared_and_locked(void **state)
{
	uint8_t a[32], b[32];
	uint8_t *p;

	(void)state;
	memset(a, 5, sizeof(a));
	memset(b, 5, sizeof(b));
	assert_true(rk_secret_equal(a, b, sizeof(a)));
	b[31] ^= 1;
	assert_false(rk_secret_equal(a, b, sizeof(a)));
	rk_wipe(a, sizeof(a));
	assert_true(rk_bytes_are_zero(a, sizeof(a)));
	rk_wipe(NULL, 0);
	p = rk_secret_new(5000);
	assert_non_null(p);
	assert_true(rk_bytes_are_zero(p, 5000));
	memset(p, 1, 5000);
	rk_secret_free(p, 5000);
	rk_secret_free(NULL, 1);
}

/* In a child without capabilities, whatever the test runs as. */
static void limit_of_locked_memory_is_told(void **state)
{
	const struct rlimit limit = {1 << 20, 1 << 20};
	pid_t child = fork();
	int status = -1;

	(void)state;
	assert_true(child >= 0);
	if (child == 0) {
		bool is_good = setrlimit(RLIMIT_MEMLOCK, &limit) == 0 &&
			       (geteuid() != 0 || (rk_secret_limit() == SIZE_MAX &&
							  setresuid(65534, 65534, 65534) == 0)) &&
			       rk_secret_limit() == limit.rlim_cur &&
			       rk_secret_new(limit.rlim_cur + 1) == NULL;

		_exit(is_good ? 0 : 1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

/* In a child: the leak check of a sanitizer build cannot look into a hardened process. */
static void hardening_forbids_core_dumps(void **state)
{
	struct rlimit limit;
	pid_t child = fork();
	int status = -1;

	(void)state;
	assert_true(child >= 0);
	if (child == 0) {
		bool is_good = rk_process_harden() == 0 && prctl(PR_GET_DUMPABLE) == 0 &&
			       getrlimit(RLIMIT_CORE, &limit) == 0 && limit.rlim_max == 0;

		_exit(is_good ? 0 : 1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reader_reads_big_endian_and_to_the_end),
		cmocka_unit_test(reader_error_is_sticky_and_reads_zeros),
		cmocka_unit_test(writer_writes_what_the_reader_reads),
		cmocka_unit_test(writer_error_is_sticky_and_never_overruns),
		cmocka_unit_test(secrets_are_wiped_compared_and_locked),
		cmocka_unit_test(limit_of_locked_memory_is_told),
		cmocka_unit_test(hardening_forbids_core_dumps),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
