/* SPDX-License-Identifier: BSD-3-Clause */
/* More connections than there may be: who opens them all shuts out nobody else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/unit/rest_fixture.h"

#define CONNECTION_MAX 4

static struct fixture *f;
static char *admin;

static int start(void **state)
{
	struct config_rest limits = {FIXTURE_LIMITS};

	(void)state;
	limits.connection_max = CONNECTION_MAX;
	limits.idle_timeout_sec = 600;
	limits.request_timeout_ms = 600000;
	f = fixture_start(&limits);
	admin = fixture_login(f, "admin", FIXTURE_ADMIN_PASSWORD);
	return admin != NULL ? 0 : -1;
}

static int stop(void **state)
{
	(void)state;
	fixture_stop(f);
	free(admin);
	return 0;
}

static int is_served(void)
{
	return fixture_call(f, "GET", "/api/v1/peer", admin, NULL, NULL) == 200;
}

/* A connection that says nothing, not even in TLS; from 127.0.0.host. */
static int call_from(unsigned host)
{
	struct sockaddr_in to = {.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		.sin_port = htons((uint16_t)fixture_port(f))};
	struct sockaddr_in from = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl((127U << 24) + host)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&from, sizeof(from)), 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
	usleep(20000); /* so that they are taken in this order */
	return fd;
}

static bool is_open(int fd)
{
	char byte;

	return recv(fd, &byte, 1, MSG_DONTWAIT) < 0;
}

static void oldest_of_the_crowd_ends(void **state)
{
	int other = call_from(2), crowd[CONNECTION_MAX - 1];

	(void)state;
	for (size_t i = 0; i < CONNECTION_MAX - 1; i++)
		crowd[i] = call_from(3);
	assert_true(is_open(other) && is_open(crowd[0]));
	assert_true(is_served());
	assert_false(is_open(crowd[0]));
	assert_true(is_open(other) && is_open(crowd[1]) && is_open(crowd[2]));
	close(other);
	for (size_t i = 0; i < CONNECTION_MAX - 1; i++)
		close(crowd[i]);
}

/* Whose request is worked on stays, however many come. */
static void a_request_is_not_cut(void **state)
{
	int crowd[3 * CONNECTION_MAX];
	struct client *c = client_open(f);
	unsigned before = fixture_call_cnt(f);
	char request[4096], *answer;

	(void)state;
	fixture_hold(f, true);
	snprintf(request, sizeof(request),
		"POST /api/v1/private-key HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n"
		"Connection: close\r\nContent-Length: 2\r\n\r\n{}",
		admin);
	assert_true(client_send(c, request, strlen(request)));
	for (int i = 0; i < 1000 && fixture_call_cnt(f) == before; i++)
		usleep(10000);
	assert_int_equal(fixture_call_cnt(f), before + 1);
	for (size_t i = 0; i < 3 * CONNECTION_MAX; i++)
		crowd[i] = call_from(1);
	assert_true(is_served());
	fixture_hold(f, false);
	answer = client_read(c, 10000);
	assert_int_equal(response_status(answer), 200);
	free(answer);
	client_close(c);
	for (size_t i = 0; i < 3 * CONNECTION_MAX; i++)
		close(crowd[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(oldest_of_the_crowd_ends, start, stop),
		cmocka_unit_test_setup_teardown(a_request_is_not_cut, start, stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
