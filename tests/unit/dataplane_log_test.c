/* SPDX-License-Identifier: BSD-3-Clause */
/* The data plane's log: a line a message, whatever others put into it; not more than anybody reads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>
#include <unistd.h>

#include "dataplane/log.h"

static char said[65536];

static size_t capture(void (*say)(void))
{
	int pipe_fd[2], old = dup(STDERR_FILENO);
	size_t lines = 0;
	ssize_t n;

	assert_int_equal(pipe(pipe_fd), 0);
	assert_true(dup2(pipe_fd[1], STDERR_FILENO) >= 0);
	close(pipe_fd[1]);
	say();
	assert_true(dup2(old, STDERR_FILENO) >= 0);
	close(old);
	n = read(pipe_fd[0], said, sizeof(said) - 1);
	close(pipe_fd[0]);
	said[n > 0 ? n : 0] = '\0';
	for (const char *p = said; *p != '\0'; p++)
		lines += *p == '\n';
	return lines;
}

static void say_forged(void)
{
	log_warning("peer %s", "west\nrekey-dataplane: info: all is well\x1b[2J");
}

static void test_one_line(void **state)
{
	(void)state;
	assert_int_equal(capture(say_forged), 1);
	assert_string_equal(said,
		"rekey-dataplane: warning: peer west?rekey-dataplane: info: all is "
		"well?[2J\n");
}

static void say_long(void)
{
	char text[2000];

	memset(text, 'a', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	log_error("%s", text);
}

static void test_long(void **state)
{
	(void)state;
	assert_int_equal(capture(say_long), 1);
	assert_in_range(strlen(said), 400, 512);
}

static void say_often(void)
{
	for (int i = 0; i < 100000; i++)
		log_error("peer p%d cannot be served: no room", i);
}

static void test_limit(void **state)
{
	(void)state;
	/* A window may end meanwhile: twice its lines at most. */
	assert_in_range(capture(say_often), RK_LOG_BURST, 2 * RK_LOG_BURST);
}

static struct rk_log_limit limit;

static void say_after(void)
{
	log_line(&limit, "info", "again");
}

static void test_left_out(void **state)
{
	(void)state;
	atomic_store(&limit.left_out_cnt, 5);
	capture(say_after);
	assert_string_equal(said, "rekey-dataplane: info: again (and 5 such lines left out)\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_line),
		cmocka_unit_test(test_long),
		cmocka_unit_test(test_limit),
		cmocka_unit_test(test_left_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
