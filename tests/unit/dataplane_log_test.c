/* SPDX-License-Identifier: BSD-3-Clause */
/* The data plane's log: a line a message, whatever others put into it; not more than anybody reads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>
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

static struct log_site channel_site = {"../dataplane/channel.c", 7, RK_LOG_INFO, {0}};
static struct log_site debug_site = {"dataplane/port_link.c", 8, RK_LOG_DEBUG, {0}};

static void say_after(void)
{
	log_line(&channel_site, "again");
}

static void test_left_out(void **state)
{
	(void)state;
	atomic_store(&channel_site.limit.left_out_cnt, 5);
	capture(say_after);
	assert_string_equal(said, "rekey-dataplane: info: again (and 5 such lines left out)\n");
}

static void say_debug(void)
{
	log_line(&debug_site, "detail");
}

static void set_level_of(enum rk_log_module module, enum rk_log_level level)
{
	uint8_t levels[RK_LOG_MODULE_CNT];

	memset(levels, RK_LOG_INFO, sizeof(levels));
	levels[module] = (uint8_t)level;
	log_line_set_levels(levels);
}

/* A file's module has a level of its own, changed while it runs. */
static void test_levels(void **state)
{
	(void)state;
	assert_int_equal(capture(say_debug), 0);
	set_level_of(RK_LOG_MODULE_CHANNEL, RK_LOG_DEBUG);
	assert_int_equal(capture(say_debug), 0);
	set_level_of(RK_LOG_MODULE_PORTS, RK_LOG_DEBUG);
	assert_int_equal(capture(say_debug), 1);
	assert_string_equal(said, "rekey-dataplane: debug: detail\n");
	set_level_of(RK_LOG_MODULE_CHANNEL, RK_LOG_WARNING);
	assert_int_equal(capture(say_after), 0);
	set_level_of(RK_LOG_MODULE_CHANNEL, RK_LOG_INFO);
	assert_int_equal(capture(say_after), 1);
}

static void say_hostile(void)
{
	log_line(&channel_site, "peer \"%s\"", "w\xc3\xa4st\\\xe9\xed\xa0\x80\n{\x1b");
}

/* One object a line, whatever others put into it. */
static void test_json(void **state)
{
	json_error_t error;
	json_t *line;

	(void)state;
	log_line_open(RK_LOG_JSON);
	assert_int_equal(capture(say_hostile), 1);
	line = json_loads(said, JSON_REJECT_DUPLICATES, &error);
	assert_non_null(line);
	assert_string_equal(json_string_value(json_object_get(line, "MESSAGE")),
		"peer \"w\xc3\xa4st\\?"
		"?"
		"?"
		"?"
		"?{?\"");
	assert_string_equal(json_string_value(json_object_get(line, "PRIORITY")), "6");
	assert_string_equal(
		json_string_value(json_object_get(line, "SYSLOG_IDENTIFIER")), "rekey-dataplane");
	assert_string_equal(
		json_string_value(json_object_get(line, "REKEY_MODULE")), "dataplane-channel");
	assert_int_equal(strlen(json_string_value(json_object_get(line, "TIME"))),
		strlen("2026-01-02T03:04:05.678Z"));
	json_decref(line);
	assert_int_equal(capture(say_long), 1);
	line = json_loads(said, 0, &error);
	assert_non_null(line);
	json_decref(line);
	log_line_open(RK_LOG_TEXT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_line),
		cmocka_unit_test(test_long),
		cmocka_unit_test(test_limit),
		cmocka_unit_test(test_left_out),
		cmocka_unit_test(test_levels),
		cmocka_unit_test(test_json),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
