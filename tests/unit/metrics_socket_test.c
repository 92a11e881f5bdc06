/* SPDX-License-Identifier: BSD-3-Clause */
/* Metrics by socket: the text, and what becomes of it when there is no descriptor left. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "dataplane/metrics_socket.h"

#define NOW (1000 * NS_PER_SEC)

static struct shared shared;
static char path[64];
static int epoll_fd;
static struct metrics_socket *served;

static int set_up(void **state)
{
	(void)state;
	snprintf(path, sizeof(path), "/tmp/rekey-metrics-%d", (int)getpid());
	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	return metrics_socket_new(epoll_fd, path, &shared, &served);
}

static int tear_down(void **state)
{
	(void)state;
	metrics_socket_free(served);
	close(epoll_fd);
	return 0;
}

static int client(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	strcpy(address.sun_path, path);
	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static bool is_ready(void)
{
	struct epoll_event event;

	return epoll_wait(epoll_fd, &event, 1, 0) == 1 &&
	       event.data.ptr == metrics_socket_tag(served);
}

static void assert_served(int fd)
{
	static char text[1 << 16];
	size_t len = 0;
	ssize_t got;

	while ((got = read(fd, text + len, sizeof(text) - 1 - len)) > 0)
		len += (size_t)got;
	text[len] = '\0';
	assert_non_null(strstr(text, "rekey_dataplane_build_info{version="));
	assert_string_equal(text + len - strlen("# EOF\n"), "# EOF\n");
	close(fd);
}

static void whoever_connects_gets_the_text(void **state)
{
	int fd = client();

	(void)state;
	assert_true(is_ready());
	metrics_socket_run(served, NOW);
	assert_served(fd);
	assert_false(is_ready());
	assert_int_equal(metrics_socket_deadline_ns(served), UINT64_MAX);
}

/* Who waits would wake main again and again: it looks away for a while instead. */
static void without_a_descriptor_it_pauses(void **state)
{
	int fd = client();
	struct rlimit limit, none;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	none = (struct rlimit){.rlim_cur = (rlim_t)fd, .rlim_max = limit.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	assert_true(is_ready());
	metrics_socket_run(served, NOW);
	assert_false(is_ready());
	assert_int_equal(metrics_socket_deadline_ns(served), NOW + NS_PER_SEC);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	metrics_socket_resume(served, NOW + NS_PER_SEC - 1);
	assert_false(is_ready());
	metrics_socket_resume(served, NOW + NS_PER_SEC);
	assert_true(is_ready());
	metrics_socket_run(served, NOW + NS_PER_SEC);
	assert_served(fd);
	assert_int_equal(metrics_socket_deadline_ns(served), UINT64_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(whoever_connects_gets_the_text, set_up, tear_down),
		cmocka_unit_test_setup_teardown(without_a_descriptor_it_pauses, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
