/* SPDX-License-Identifier: BSD-3-Clause */
/* Without descriptors: who waits is not tried for again and again, and is taken when there are some. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <event2/event.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "control/config.h"
#include "control/rest/rest.h"
#include "control/rest/rest_private.h"
#include "tests/unit/daemon_fixture.h"

#define CLIENTS 60
#define HIGH    600 /* descriptors of the test itself, out of the daemon's way */

static struct daemon_fixture f;
static struct rlimit limit;

static int set_up(void **state)
{
	(void)state;
	daemon_fixture_open(&f, NULL);
	return getrlimit(RLIMIT_NOFILE, &limit);
}

static int tear_down(void **state)
{
	(void)state;
	daemon_fixture_close(&f);
	return 0;
}

static void allow(rlim_t descriptors)
{
	const struct rlimit lower = {.rlim_cur = descriptors, .rlim_max = limit.rlim_max};

	assert_int_equal(setrlimit(RLIMIT_NOFILE, &lower), 0);
}

static int call_tcp(void)
{
	struct sockaddr_in to = {.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		.sin_port = htons((uint16_t)rest_port(f.d.rest, 0))};
	int low = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int fd = fcntl(low, F_DUPFD_CLOEXEC, HIGH);

	assert_true(fd >= HIGH);
	close(low);
	assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
	return fd;
}

static int call_local(int type, const char *name)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);

	snprintf(to.sun_path, sizeof(to.sun_path), "%s/%s", f.dir[2], name);
	assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
	return fd;
}

static void over(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	*(bool *)arg = true;
}

/* How often the loop wakes in that time. */
static unsigned count_wakes(unsigned ms)
{
	const struct timeval tv = {.tv_usec = ms * 1000};
	unsigned cnt = 0;
	bool is_over = false;
	struct event *timer = evtimer_new(f.d.base, over, &is_over);

	assert_non_null(timer);
	evtimer_add(timer, &tv);
	while (!is_over) {
		event_base_loop(f.d.base, EVLOOP_ONCE);
		cnt++;
	}
	event_free(timer);
	return cnt;
}

static void nobody_is_tried_for_again_and_again(void **state)
{
	static const char request[] = "GET /api/v1/health HTTP/1.1\r\nHost: x\r\n\r\n";
	struct fake_dataplane p = {.fd = -1};
	char answer[64] = "";
	int tcp, local, plane;

	(void)state;
	daemon_fixture_idle(&f, 200);
	tcp = call_tcp();
	local = call_local(SOCK_STREAM, REST_SOCKET);
	plane = call_local(SOCK_SEQPACKET, RK_CHANNEL_SOCKET);
	assert_int_equal(send(local, request, strlen(request), 0), (ssize_t)strlen(request));
	allow(0);
	assert_in_range(count_wakes(500), 0, 50); /* tens of thousands, if it tried */
	assert_int_equal(connections_cnt(f.d.rest->connections), 0);
	allow(limit.rlim_cur);
	daemon_fixture_idle(&f, 2500);
	assert_int_equal(connections_cnt(f.d.rest->connections), 1);
	assert_true(recv(local, answer, sizeof(answer) - 1, MSG_DONTWAIT) > 0);
	assert_true(strncmp(answer, "HTTP/1.1 200", 12) == 0);
	p.fd = plane;
	fake_hello(&p, (struct rk_generation){0});
	fake_apply(&f, &p);
	close(tcp);
	close(local);
	fake_close(&p);
}

/* Who only connects leaves half of them: files are written and views published all the while. */
static void connections_leave_half(void **state)
{
	int fd[CLIENTS];

	(void)state;
	if (limit.rlim_max <= HIGH + CLIENTS) {
		print_message("SKIP: not enough descriptors here\n");
		skip();
	}
	f.d.config->rest.connection_max = 4096;
	for (int i = 0; i < CLIENTS; i++)
		fd[i] = call_tcp();
	allow(80);
	rest_configure(f.d.rest);
	daemon_fixture_idle(&f, 500);
	assert_int_equal(connections_cnt(f.d.rest->connections), 40);
	allow(limit.rlim_cur);
	for (int i = 0; i < CLIENTS; i++)
		close(fd[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			nobody_is_tried_for_again_and_again, set_up, tear_down),
		cmocka_unit_test_setup_teardown(connections_leave_half, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
