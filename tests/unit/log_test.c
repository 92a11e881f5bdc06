/* SPDX-License-Identifier: BSD-3-Clause */
/* The log: its forms, levels by module, limits; the journal's protocol and the service manager's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "control/log.h"
#include "pki/view/journal.h"
#include "pki/view/service.h"

static char said[65536];

/* Runs say() with standard error in a pipe; what came is in said. */
static void capture(void (*say)(void))
{
	int pipe_fd[2], old = dup(STDERR_FILENO);
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
}

static void say_one(void)
{
	log_warning("peer %s\nforged line\x7f", "\x1b[31mwest\xc2\x9b\xe2\x80\xae");
}

static void test_text(void **state)
{
	(void)state;
	log_open(RK_LOG_TEXT);
	log_set_level(RK_LOG_INFO);
	capture(say_one);
	assert_string_equal(said, "peer ?[31mwest??????forged line?\n");
}

static void say_fields(void)
{
	static struct log_site site = {"../control/crl/accept.c", 7, RK_LOG_INFO, 0};
	const struct rk_journal_field field[] = {{"MESSAGE_ID", "0123"}, {"ABSENT", NULL}};

	log_write_fields(&site, field, 2, "pass\xe9 \"quoted\"");
}

static void test_json(void **state)
{
	json_t *line;

	(void)state;
	log_open(RK_LOG_JSON);
	capture(say_fields);
	log_open(RK_LOG_TEXT);
	line = json_loads(said, 0, NULL);
	assert_non_null(line);
	assert_string_equal(
		json_string_value(json_object_get(line, "MESSAGE")), "pass? \"quoted\"");
	assert_string_equal(json_string_value(json_object_get(line, "MESSAGE_ID")), "0123");
	assert_string_equal(json_string_value(json_object_get(line, "REKEY_MODULE")), "crl");
	assert_string_equal(json_string_value(json_object_get(line, "PRIORITY")), "6");
	assert_null(json_object_get(line, "ABSENT"));
	json_decref(line);
}

static void test_levels(void **state)
{
	json_t *levels;

	(void)state;
	assert_true(log_set_module_level("crl", RK_LOG_ERROR));
	assert_false(log_set_module_level("no-such", RK_LOG_ERROR));
	capture(say_fields);
	assert_string_equal(said, "");
	capture(say_one);
	assert_string_not_equal(said, "");
	levels = log_levels_json();
	assert_string_equal(json_string_value(json_object_get(levels, "crl")), "error");
	assert_string_equal(json_string_value(json_object_get(levels, "rest")), "info");
	json_decref(levels);
	log_set_level(RK_LOG_INFO);
}

static void say_often(void)
{
	for (int i = 0; i < 3 * RK_LOG_BURST; i++)
		log_info("again");
}

static void test_limit(void **state)
{
	size_t lines = 0;

	(void)state;
	capture(say_often);
	for (const char *p = said; *p != '\0'; p++)
		lines += *p == '\n';
	/* A window may end meanwhile: twice its lines at most. */
	assert_in_range(lines, RK_LOG_BURST, 2 * RK_LOG_BURST);
}

/* What was left out is said once, with the next line that is not; a window later there is room again. */
static void test_left_out_is_told(void **state)
{
	struct rk_log_limit limit = {0};
	int64_t now = 100 * RK_LOG_WINDOW_SEC;

	(void)state;
	for (int round = 0; round < 3; round++, now += RK_LOG_WINDOW_SEC) {
		for (int i = 0; i < RK_LOG_BURST; i++)
			assert_int_equal(rk_log_pass_at(&limit, now + i % RK_LOG_WINDOW_SEC),
				round > 0 && i == 0 ? 7 : 0);
		for (int i = 0; i < 7; i++)
			assert_int_equal(rk_log_pass_at(&limit, now + RK_LOG_WINDOW_SEC - 1), -1);
	}
}

static struct log_site *quiet_site;

static void say_after_quiet(void)
{
	log_write(quiet_site, "said");
}

static void test_left_out_is_in_the_line(void **state)
{
	static struct log_site site = {"../control/enrol/enrol.c", 7, RK_LOG_INFO, 0};

	(void)state;
	quiet_site = &site;
	atomic_store(&site.limit.left_out_cnt, 12);
	capture(say_after_quiet);
	assert_string_equal(said, "said (and 12 such lines left out)\n");
	capture(say_after_quiet);
	assert_string_equal(said, "said\n");
	/* And its module has a level of its own. */
	assert_true(log_set_module_level("enrol", RK_LOG_ERROR));
	capture(say_after_quiet);
	assert_string_equal(said, "");
	log_set_level(RK_LOG_INFO);
}

/* A datagram socket that stands for the journal, or the manager. */
static int listen_at(char path[108])
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	snprintf(path, 108, "/tmp/rekey-log.%d", (int)getpid());
	unlink(path);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static void test_journal(void **state)
{
	const struct rk_journal_field field[] = {
		{"MESSAGE", "two\nlines"}, {"PRIORITY", "4"}, {"NOTHING", NULL}};
	static const uint8_t expected[] = "MESSAGE\n\x09\0\0\0\0\0\0\0two\nlines\nPRIORITY=4\n";
	char path[108];
	uint8_t got[256];
	int server = listen_at(path), fd = rk_journal_open(path);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(rk_journal_send(fd, field, 3), 0);
	assert_int_equal(recv(server, got, sizeof(got), 0), sizeof(expected) - 1);
	assert_memory_equal(got, expected, sizeof(expected) - 1);
	close(server);
	unlink(path);
	assert_int_equal(rk_journal_send(fd, field, 3), -ECONNREFUSED);
	close(fd);
	assert_int_equal(rk_journal_open("/nonexistent/socket"), -ENOENT);
	setenv("JOURNAL_STREAM", "1:2", 1);
	assert_false(rk_journal_is_stderr());
	unsetenv("JOURNAL_STREAM");
}

static void test_service(void **state)
{
	uint64_t watchdog_ns;
	char path[108], got[64];
	int server = listen_at(path), fd;
	ssize_t n;

	(void)state;
	setenv("NOTIFY_SOCKET", path, 1);
	setenv("WATCHDOG_USEC", "30000000", 1);
	fd = rk_service_open(&watchdog_ns);
	assert_true(fd >= 0);
	assert_int_equal(watchdog_ns, UINT64_C(15000000000));
	rk_service_tell(fd, "READY=1");
	n = recv(server, got, sizeof(got), 0);
	assert_int_equal(n, 7);
	assert_memory_equal(got, "READY=1", 7);
	close(fd);
	setenv("NOTIFY_SOCKET", path, 1);
	setenv("WATCHDOG_USEC", "30000000", 1);
	setenv("WATCHDOG_PID", "1", 1);
	fd = rk_service_open(&watchdog_ns);
	assert_int_equal(watchdog_ns, 0);
	close(fd);
	close(server);
	unlink(path);
	unsetenv("NOTIFY_SOCKET");
	assert_int_equal(rk_service_open(&watchdog_ns), -1);
	rk_service_tell(-1, "READY=1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_levels),
		cmocka_unit_test(test_limit),
		cmocka_unit_test(test_left_out_is_told),
		cmocka_unit_test(test_left_out_is_in_the_line),
		cmocka_unit_test(test_journal),
		cmocka_unit_test(test_service),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
