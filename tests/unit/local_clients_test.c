/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/rest/local_clients.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>
#include <event2/buffer.h>
#include <event2/http.h>
#include <event2/listener.h>

#define MAX 4
#define CNT 7

static struct event_base *base;
static struct evhttp *http;
static struct local_clients *clients;
static struct sockaddr_un address = {.sun_family = AF_UNIX};
static bool is_free;
static int fd[CNT];

static bool may_have_any(uid_t uid)
{
	assert_int_equal(uid, getuid());
	return is_free;
}

static void answer(struct evhttp_request *req, void *arg)
{
	(void)arg;
	evhttp_send_reply(req, 200, "OK", NULL);
}

static int set_up(void **state)
{
	int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	(void)state;
	is_free = false;
	snprintf(address.sun_path, sizeof(address.sun_path), "/tmp/rekey-local.%u", getpid());
	unlink(address.sun_path);
	assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(listener, 64), 0);
	base = event_base_new();
	http = evhttp_new(base);
	evhttp_set_gencb(http, answer, NULL);
	assert_int_equal(local_clients_new(base, may_have_any, &clients), 0);
	local_clients_limit(clients, MAX);
	evhttp_set_bevcb(http, local_clients_accept, clients);
	assert_non_null(evhttp_bind_listener(
		http, evconnlistener_new(base, NULL, NULL,
			      LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 0, listener)));
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	for (size_t i = 0; i < CNT; i++)
		if (fd[i] > 0)
			close(fd[i]);
	memset(fd, 0, sizeof(fd));
	evhttp_free(http);
	local_clients_free(clients);
	event_base_free(base);
	unlink(address.sun_path);
	return 0;
}

static void turn(void)
{
	for (int i = 0; i < 10; i++)
		assert_true(event_base_loop(base, EVLOOP_NONBLOCK) >= 0);
}

static void visit(size_t i)
{
	fd[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(fd[i], (struct sockaddr *)&address, sizeof(address)), 0);
}

static void leave(size_t i)
{
	close(fd[i]);
	fd[i] = 0;
}

/* Asks, and gets an answer: else the connection has been ended. */
static bool is_served(size_t i)
{
	static const char request[] = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
	char text[512];

	if (send(fd[i], request, strlen(request), MSG_NOSIGNAL) < 0)
		return false;
	turn();
	return recv(fd[i], text, sizeof(text), MSG_DONTWAIT) > 0;
}

static void newest_ends_oldest(void **state)
{
	(void)state;
	for (size_t i = 0; i < CNT; i++)
		visit(i); /* all of them with one accept */
	turn();
	for (size_t i = 0; i < CNT; i++)
		assert_int_equal(is_served(i), i >= CNT - MAX);
}

static void who_left_is_not_counted(void **state)
{
	(void)state;
	for (size_t i = 0; i < MAX; i++) {
		visit(i);
		turn();
	}
	leave(1);
	leave(2);
	turn();
	visit(MAX);
	visit(MAX + 1);
	turn();
	assert_true(is_served(0) && is_served(3) && is_served(MAX) && is_served(MAX + 1));
	visit(MAX + 2);
	turn();
	assert_false(is_served(0));
	assert_true(is_served(3) && is_served(MAX) && is_served(MAX + 1) && is_served(MAX + 2));
}

static void free_ones_are_never_ended(void **state)
{
	(void)state;
	is_free = true;
	for (size_t i = 0; i < CNT; i++)
		visit(i);
	turn();
	for (size_t i = 0; i < CNT; i++)
		assert_true(is_served(i));
}

/* Each comes and goes: descriptors are used again, and nobody is taken for another. */
static void many_come_and_go(void **state)
{
	(void)state;
	visit(0);
	turn();
	for (int i = 0; i < 500; i++) {
		visit(1);
		turn();
		assert_true(is_served(1));
		leave(1);
		turn();
	}
	assert_true(is_served(0));
}

#define T(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(newest_ends_oldest),
		T(who_left_is_not_counted),
		T(free_ones_are_never_ended),
		T(many_come_and_go),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
