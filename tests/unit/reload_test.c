/* SPDX-License-Identifier: BSD-3-Clause */
/* An edited rekey.json is read by a helper: who asks for something meanwhile means what it says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "control/config.h"
#include "control/configuration.h"
#include "control/helper.h"
#include "tests/unit/daemon_fixture.h"

#define HELPER_CNT 4

static struct daemon_fixture f;
static sem_t free_helpers;
static char answer[8192];
static atomic_bool is_over;
static pthread_t client;

static void be_slow(void *arg)
{
	(void)arg;
	while (sem_wait(&free_helpers) < 0)
		;
}

static void nothing(void *arg)
{
	(void)arg;
}

static void *ask(void *arg)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	size_t len = 0;
	ssize_t n;

	snprintf(address.sun_path, sizeof(address.sun_path), "%s/control.sock", f.dir[2]);
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0 &&
		send(fd, arg, strlen(arg), MSG_NOSIGNAL) > 0)
		while ((n = read(fd, answer + len, sizeof(answer) - 1 - len)) > 0)
			len += (size_t)n;
	answer[len] = '\0';
	close(fd);
	is_over = true;
	return NULL;
}

static void begin_to_ask(const char *line)
{
	static char text[256];

	snprintf(text, sizeof(text),
		"%s HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", line);
	is_over = false;
	assert_int_equal(pthread_create(&client, NULL, ask, text), 0);
}

static bool is_answered(void *arg)
{
	(void)arg;
	return is_over;
}

static void wait_answer(void)
{
	daemon_fixture_run(&f, is_answered, NULL);
	assert_int_equal(pthread_join(client, NULL), 0);
}

static int set_up(void **state)
{
	(void)state;
	daemon_fixture_open(&f, NULL);
	daemon_fixture_idle(&f, 50);
	assert_int_equal(sem_init(&free_helpers, 0, 0), 0);
	for (int i = 0; i < HELPER_CNT; i++)
		assert_int_equal(helper_run(f.d.helpers, be_slow, nothing, NULL), 0);
	daemon_fixture_config(&f, "{" FIXTURE_AUTHORITY ",\"router\":{\"name\":\"east\",\"node\":"
				  "\"node7\",\"peering-common-name\":\"east.peering\"}}");
	daemon_reload(&f.d);
	f.held_cnt = HELPER_CNT + 1; /* the file behind them */
	return 0;
}

static void let_go(void)
{
	f.held_cnt = 0;
	for (int i = 0; i < HELPER_CNT; i++)
		assert_int_equal(sem_post(&free_helpers), 0);
}

static int tear_down(void **state)
{
	(void)state;
	let_go(); /* after a failure */
	daemon_fixture_close(&f);
	sem_destroy(&free_helpers);
	return 0;
}

static void question_waits_for_the_file(void **state)
{
	(void)state;
	begin_to_ask("GET /api/v1/configuration/running");
	daemon_fixture_idle(&f, 300);
	assert_false(is_over);
	assert_string_equal(f.d.config->node, "node0");
	let_go();
	wait_answer();
	assert_non_null(strstr(answer, "\"node\":\"node7\""));
	assert_string_equal(f.d.config->node, "node7");
}

/* The file is in nobody's way: a commit comes after it, and is not refused as one of two. */
static void change_waits_for_the_file(void **state)
{
	(void)state;
	begin_to_ask("POST /api/v1/configuration/validate");
	daemon_fixture_idle(&f, 100);
	assert_false(is_over);
	let_go();
	wait_answer();
	assert_non_null(strstr(answer, "HTTP/1.1 200 "));
	assert_non_null(strstr(answer, "\"is_valid\":true"));
}

/* A disk that is slow for long keeps nobody from what was in force. */
static void nobody_waits_for_ever(void **state)
{
	(void)state;
	begin_to_ask("GET /api/v1/configuration/running");
	wait_answer();
	assert_non_null(strstr(answer, "\"node\":\"node0\""));
	assert_true(configuration_is_reading(f.d.configuration));
	let_go();
	daemon_fixture_reload(&f);
	assert_string_equal(f.d.config->node, "node7");
}

/* Nobody is answered any more, and nothing is left. */
static void end_comes_first(void **state)
{
	(void)state;
	begin_to_ask("GET /api/v1/configuration/running");
	daemon_fixture_idle(&f, 100);
	assert_false(is_over);
	let_go();
	daemon_fixture_close(&f);
	assert_int_equal(pthread_join(client, NULL), 0);
	assert_string_equal(answer, "");
	daemon_fixture_open(&f, NULL);
}

#define T(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(question_waits_for_the_file),
		T(change_waits_for_the_file),
		T(nobody_waits_for_ever),
		T(end_comes_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
