/* SPDX-License-Identifier: BSD-3-Clause */
/* Clients that smuggle, flood, dawdle, vanish and guess. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <openssl/ssl.h>

#include "tests/unit/rest_fixture.h"

#define CONNECTION_MAX 4
#define DEADLINE_MS    800

static struct fixture *f;
static char *admin;

static int start(void **state)
{
	struct config_rest limits = {FIXTURE_LIMITS};

	limits.connection_max = CONNECTION_MAX;
	limits.request_timeout_ms = DEADLINE_MS;
	(void)state;
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

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void is_alive(void)
{
	assert_int_equal(fixture_call(f, "GET", "/api/v1/peer", admin, NULL, NULL), 200);
}

/* Headers that two readers could read in two ways, each in front of a second request. */
static void smuggled_requests_are_never_carried_out(void **state)
{
	static const char *const headers[] = {
		"Content-Length: 2\r\nContent-Length: 2\r\n",
		"Content-Length: 2\r\nContent-Length: 40\r\n",
		"Content-Length: 2, 2\r\n",
		"Content-Length: +2\r\n",
		"Content-Length: 0x2\r\n",
		"Content-Length: -2\r\n",
		"Content-Length : 2\r\n",
		"Content-Length\t: 2\r\n",
		"Transfer-Encoding: gzip, chunked\r\nContent-Length: 2\r\n",
		"Transfer-Encoding: xchunked\r\n",
		"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
		"Transfer-Encoding: chunked\r\nContent-Length: 2\r\n",
		"Transfer-Encoding : chunked\r\nContent-Length: 2\r\n",
		"Transfer-Encoding: identity\r\n",
		"Content-Length: 2\r\nHost: y\r\n",
		"X: a\r\n Transfer-Encoding: chunked\r\nX(: y\r\n",
	};
	unsigned before = fixture_call_cnt(f);
	char request[8192];

	(void)state;
	for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
		char *answer;

		snprintf(request, sizeof(request),
			"POST /api/v1/private-key HTTP/1.1\r\nHost: x\r\n"
			"Authorization: Bearer %s\r\n%s\r\n{}"
			"POST /api/v1/private-key HTTP/1.1\r\nHost: x\r\n"
			"Authorization: Bearer %s\r\nContent-Length: 2\r\n\r\n{}",
			admin, headers[i], admin);
		answer = fixture_talk(f, request);
		if (response_status(answer) != 400 || fixture_call_cnt(f) != before)
			fail_msg("%s: %s", headers[i], answer);
		/* One answer, and the end. */
		if (strstr(answer + 1, "\nHTTP/1.1 ") != NULL)
			fail_msg("%s: two answers: %s", headers[i], answer);
		free(answer);
	}
	is_alive();
}

static void chunked_bodies_are_taken(void **state)
{
	char request[4096];
	char *answer, *body;

	(void)state;
	snprintf(request, sizeof(request),
		"POST /api/v1/private-key HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n"
		"Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
		"8\r\n{\"name\":\r\n5\r\n\"abc\"\r\n1\r\n}\r\n0\r\n\r\n",
		admin);
	answer = fixture_talk(f, request);
	assert_int_equal(response_status(answer), 200);
	free(answer);
	body = fixture_last_body(f);
	assert_string_equal(body, "{\"name\":\"abc\"}");
	free(body);
}

/*
 * Sizes that libevent reads and others might read otherwise: whatever the body was taken for, what
 * comes after it is no request.
 */
static void odd_chunks_are_the_last(void **state)
{
	static const char *const bodies[] = {"2\r\n{}\r\n0\r\n\r\n", "0x2\r\n{}\r\n0\r\n\r\n",
		"+2\r\n{}\r\n0\r\n\r\n", " 2\r\n{}\r\n0\r\n\r\n", "2 \r\n{}\r\n0\r\n\r\n",
		"2;a=\"b\"\r\n{}\r\n0\r\n\r\n", "002\r\n{}\r\n00\r\n\r\n", "2\n{}\n0\n\n",
		"2\r\n{}\r\n0\r\nHost: y\r\n\r\n", "2\r\n{}\r\n0x0\r\n\r\n",
		"-2\r\n{}\r\n0\r\n\r\n", "ffffffffffffffff\r\n{}\r\n0\r\n\r\n", "2\r\n{}0\r\n\r\n",
		"\r\n2\r\n{}\r\n0\r\n\r\n"};
	char request[8192];

	(void)state;
	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
		unsigned before = fixture_call_cnt(f);
		char *answer;

		snprintf(request, sizeof(request),
			"POST /api/v1/private-key HTTP/1.1\r\nHost: x\r\n"
			"Authorization: Bearer %s\r\nTransfer-Encoding: chunked\r\n\r\n%s"
			"POST /api/v1/private-key HTTP/1.1\r\nHost: x\r\n"
			"Authorization: Bearer %s\r\nContent-Length: 2\r\n\r\n{}",
			admin, bodies[i], admin);
		answer = fixture_talk(f, request);
		if (fixture_call_cnt(f) > before + 1 ||
			(answer[0] != '\0' && strstr(answer + 1, "HTTP/1.1 ") != NULL))
			fail_msg("%s: two requests: %s", bodies[i], answer);
		if (response_status(answer) == 200 &&
			strstr(answer, "\r\nConnection: close\r\n") == NULL)
			fail_msg("%s: goes on: %s", bodies[i], answer);
		free(answer);
	}
	is_alive();
}

static void old_tls_is_refused(void **state)
{
	struct client *c;

	(void)state;
	assert_null(client_open_with(f, TLS1_1_VERSION, NULL));
	assert_null(client_open_with(f, TLS1_2_VERSION, "kRSA"));
	assert_null(client_open_with(f, TLS1_2_VERSION, "DHE"));
	assert_null(client_open_with(f, TLS1_2_VERSION, "ECDHE+AES:!AESGCM:!AESCCM"));
	c = client_open_with(f, TLS1_2_VERSION, "ECDHE+AESGCM");
	assert_non_null(c);
	client_close(c);
}

/* A connection that is kept carries one request after the other. */
static void kept_connection_serves_twice(void **state)
{
	static const char get[] = "GET /api/v1/health HTTP/1.1\r\nHost: x\r\n\r\n";
	struct client *c = client_open(f);
	char *answer;

	(void)state;
	for (int i = 0; i < 2; i++) {
		assert_true(client_send(c, get, sizeof(get) - 1));
		answer = client_read(c, 300);
		assert_int_equal(response_status(answer), 200);
		free(answer);
	}
	client_close(c);
}

static void oversized_body_is_413(void **state)
{
	static const char endless[] = "POST /api/v1/private-key HTTP/1.1\r\nHost: x\r\n"
				      "Transfer-Encoding: chunked\r\n\r\n300000\r\n";
	const size_t len = 3 << 20;
	char *big = malloc(len + 1), *answer;
	struct client *c;

	(void)state;
	assert_non_null(big);
	memset(big, ' ', len);
	big[len] = '\0';
	/* Told by length before any of it, and sent all the same. */
	assert_int_equal(fixture_call(f, "POST", "/api/v1/private-key", admin, big, &answer), 413);
	assert_non_null(strstr(answer, "{\"error\":{\"code\":\"too-large\""));
	free(answer);
	/* Or chunked, without an end. */
	c = client_open(f);
	client_send(c, endless, sizeof(endless) - 1);
	client_send(c, big, len);
	answer = client_read(c, 3000);
	assert_int_equal(response_status(answer), 413);
	free(answer);
	client_close(c);
	/* Just too large: refused by the handler. */
	big[(1 << 20) + 1] = '\0';
	assert_int_equal(fixture_call(f, "POST", "/api/v1/private-key", admin, big, &answer), 413);
	assert_non_null(strstr(answer, "{\"error\":{\"code\":\"too-large\""));
	free(answer);
	free(big);
	is_alive();
}

static void oversized_head_is_refused(void **state)
{
	char *request = malloc(80000), *answer;
	int status;

	(void)state;
	strcpy(request, "GET /api/v1/health HTTP/1.1\r\nHost: x\r\nX: ");
	memset(request + strlen(request), 'a', 70000);
	strcpy(request + 70040, "\r\n\r\n");
	answer = fixture_talk(f, request);
	status = response_status(answer);
	assert_true(status == 413 || status == 400 || status == 431);
	free(answer);
	free(request);
	is_alive();
}

static void slow_clients_are_cut(void **state)
{
	static const char head[] = "GET /api/v1/health HTTP/1.1\r\nHost: x\r\nX: ";
	int64_t begin = now_ms();
	struct client *c = client_open(f), *silent = client_open(f);
	bool is_open = client_send(c, head, sizeof(head) - 1);

	(void)state;
	while (is_open && now_ms() - begin < 10 * DEADLINE_MS)
		is_open = client_send(c, "a", 1) && !client_is_ended(c, 100);
	assert_false(is_open);
	assert_in_range(now_ms() - begin, DEADLINE_MS - 200, 4 * DEADLINE_MS);
	assert_true(client_is_ended(silent, 2 * DEADLINE_MS));
	client_close(c);
	client_close(silent);
	is_alive();
}

static void connections_are_capped(void **state)
{
	struct client *c[CONNECTION_MAX];

	(void)state;
	for (size_t i = 0; i < CONNECTION_MAX; i++) {
		c[i] = client_open(f);
		assert_non_null(c[i]);
	}
	/* The oldest makes room; the others are cut in time. */
	is_alive();
	for (size_t i = 0; i < CONNECTION_MAX; i++) {
		assert_true(client_is_ended(c[i], 2 * DEADLINE_MS));
		client_close(c[i]);
	}
}

/* A request whose answer is kept back. */
static struct client *ask_and_wait(unsigned wanted_calls)
{
	struct client *c = client_open(f);
	char request[4096];

	snprintf(request, sizeof(request),
		"POST /api/v1/private-key HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n"
		"Content-Length: 2\r\n\r\n{}",
		admin);
	assert_true(client_send(c, request, strlen(request)));
	for (int i = 0; i < 500 && fixture_call_cnt(f) < wanted_calls; i++)
		usleep(10000);
	assert_int_equal(fixture_call_cnt(f), wanted_calls);
	return c;
}

static void client_may_vanish_before_the_answer(void **state)
{
	unsigned before = fixture_call_cnt(f);
	struct client *c;

	(void)state;
	fixture_hold(f, true);
	c = ask_and_wait(before + 1);
	client_close(c);
	c = ask_and_wait(before + 2);
	usleep(100000);
	fixture_hold(f, false);
	assert_int_equal(client_is_ended(c, 300), false);
	client_close(c);
	is_alive();
}

static void waiting_is_longer_than_the_deadline(void **state)
{
	struct client *c;
	char *answer;

	(void)state;
	fixture_hold(f, true);
	c = ask_and_wait(fixture_call_cnt(f) + 1);
	usleep((DEADLINE_MS + 500) * 1000);
	fixture_hold(f, false);
	answer = client_read(c, 500);
	assert_int_equal(response_status(answer), 200);
	free(answer);
	client_close(c);
}

/* Bytes behind a pending request wait their turn. */
static void pipelined_bytes_do_not_disturb_a_pending_answer(void **state)
{
	static const char get[] = "GET /api/v1/health HTTP/1.1\r\nHost: x\r\n\r\n";
	struct client *c;
	char *answer;

	(void)state;
	fixture_hold(f, true);
	c = ask_and_wait(fixture_call_cnt(f) + 1);
	client_send(c, get, sizeof(get) - 1);
	usleep(200000);
	fixture_hold(f, false);
	answer = client_read(c, 500);
	assert_int_equal(response_status(answer), 200);
	assert_non_null(strstr(answer, "{\"name\":\"held\"}"));
	free(answer);
	client_close(c);
	is_alive();
}

struct guesser {
	const char *body;
	pthread_t thread;
	int status[5];
	bool is_told_alike;
	int64_t took_ms;
};

static void *guess(void *arg)
{
	struct guesser *g = arg;
	int64_t begin = now_ms();
	char *answer;

	g->is_told_alike = true;
	for (int i = 0; i < 5; i++) {
		g->status[i] = fixture_call(f, "POST", "/api/v1/login", NULL, g->body, &answer);
		g->is_told_alike &=
			strstr(answer, "\"bad-credentials\"") != NULL &&
			strstr(answer, "WWW-Authenticate: Bearer realm=\"rekey\", ") == NULL;
		free(answer);
	}
	g->took_ms = now_ms() - begin;
	return NULL;
}

/* Whether there is such a user makes no difference. */
static void wrong_passwords_cost_time(void **state)
{
	struct guesser g[] = {
		{.body = "{\"username\":\"viewer\",\"password\":\"wrong-wrong\"}"},
		{.body = "{\"username\":\"nobody-of-that-name\",\"password\":\"wrong-wrong\"}"},
	};
	unsigned wait = 0;
	char *answer, *token;

	(void)state;
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&g[i].thread, NULL, guess, &g[i]), 0);
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(pthread_join(g[i].thread, NULL), 0);
	for (size_t i = 0; i < 2; i++) {
		for (int n = 0; n < 5; n++)
			assert_int_equal(g[i].status[n], 401);
		assert_true(g[i].is_told_alike);
		assert_true(g[i].took_ms >= 5 * 300);
		assert_int_equal(
			fixture_call(f, "POST", "/api/v1/login", NULL, g[i].body, &answer), 429);
		assert_non_null(strstr(answer, "\r\nRetry-After: "));
		assert_int_equal(
			sscanf(strstr(answer, "\r\nRetry-After: "), "\r\nRetry-After: %u", &wait),
			1);
		assert_in_range(wait, 1, 2);
		free(answer);
	}
	/* Others are not held back, and the right password waits no longer than it must. */
	token = fixture_login(f, "admin", FIXTURE_ADMIN_PASSWORD);
	assert_non_null(token);
	free(token);
	sleep(wait);
	token = fixture_login(f, "viewer", FIXTURE_VIEWER_PASSWORD);
	assert_non_null(token);
	free(token);
}

static void odd_logins_are_400(void **state)
{
	static const char *const bodies[] = {
		"{}",
		"{\"username\":\"admin\"}",
		"{\"username\":\"admin\",\"password\":7}",
		"{\"username\":[],\"password\":\"x\"}",
		"{\"username\":\"admin\",\"password\":\"x\",\"application\":1}",
		"{\"username\":\"admin\",\"password\":\"x\",\"role\":\"admin\"}",
		"{\"username\":\"\",\"password\":\"x\"}",
		"{\"username\":\"admin\",\"password\":\"\"}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++)
		assert_int_equal(
			fixture_call(f, "POST", "/api/v1/login", NULL, bodies[i], NULL), 400);
}

static void new_password_ends_old_tokens(void **state)
{
	char *old = fixture_login(f, "viewer", FIXTURE_VIEWER_PASSWORD), *token;

	(void)state;
	assert_non_null(old);
	assert_int_equal(fixture_call(f, "POST", "/api/v1/user/viewer/password", admin,
				 "{\"password\":\"short\"}", NULL),
		400);
	assert_int_equal(fixture_call(f, "POST", "/api/v1/user/nobody/password", admin,
				 "{\"password\":\"long enough now\"}", NULL),
		404);
	assert_int_equal(fixture_call(f, "GET", "/api/v1/peer", old, NULL, NULL), 200);
	assert_int_equal(fixture_call(f, "POST", "/api/v1/user/viewer/password", admin,
				 "{\"password\":\"long enough now\"}", NULL),
		200);
	assert_int_equal(fixture_call(f, "GET", "/api/v1/peer", old, NULL, NULL), 401);
	assert_null(fixture_login(f, "viewer", FIXTURE_VIEWER_PASSWORD));
	token = fixture_login(f, "viewer", "long enough now");
	assert_non_null(token);
	assert_int_equal(fixture_call(f, "GET", "/api/v1/peer", token, NULL, NULL), 200);
	free(token);
	free(old);
}

/* Last: the listener goes while an answer is pending. */
static void listener_may_close_before_the_answer(void **state)
{
	struct client *c;

	(void)state;
	fixture_hold(f, true);
	c = ask_and_wait(fixture_call_cnt(f) + 1);
	fixture_close_rest(f);
	assert_true(client_is_ended(c, 2000));
	fixture_hold(f, false);
	client_close(c);
	assert_null(client_open(f));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(smuggled_requests_are_never_carried_out),
		cmocka_unit_test(old_tls_is_refused),
		cmocka_unit_test(chunked_bodies_are_taken),
		cmocka_unit_test(odd_chunks_are_the_last),
		cmocka_unit_test(kept_connection_serves_twice),
		cmocka_unit_test(oversized_body_is_413),
		cmocka_unit_test(oversized_head_is_refused),
		cmocka_unit_test(slow_clients_are_cut),
		cmocka_unit_test(connections_are_capped),
		cmocka_unit_test(client_may_vanish_before_the_answer),
		cmocka_unit_test(waiting_is_longer_than_the_deadline),
		cmocka_unit_test(pipelined_bytes_do_not_disturb_a_pending_answer),
		cmocka_unit_test(odd_logins_are_400),
		cmocka_unit_test(wrong_passwords_cost_time),
		cmocka_unit_test(new_password_ends_old_tokens),
		cmocka_unit_test(listener_may_close_before_the_answer),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
