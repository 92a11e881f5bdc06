/* SPDX-License-Identifier: BSD-3-Clause */
/* What HTTP allows and few clients send: each is served, or refused, and never taken for two requests. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "tests/unit/rest_roles.h"

/* How many answers came; the first one's status in *status. */
static unsigned answers_to(const char *text, int *status, char **all)
{
	char *answer = fixture_talk(f, text), *at = answer;
	unsigned cnt = 0;

	assert_non_null(answer);
	*status = 0;
	assert_int_equal(sscanf(answer, "HTTP/1.%*c %d", status), 1);
	while ((at = strstr(at, "HTTP/1.")) != NULL) {
		cnt += at == answer || at[-1] == '\n'; /* not one that speaks of it */
		at++;
	}
	if (all != NULL)
		*all = answer;
	else
		free(answer);
	return cnt;
}

static void talk(const char *line, const char *headers, const char *body, int status)
{
	char text[8192];
	unsigned cnt;
	int got;

	snprintf(text, sizeof(text), "%s\r\nAuthorization: Bearer %s\r\n%s\r\n%s", line, admin,
		headers, body);
	cnt = answers_to(text, &got, NULL);
	if (got != status || cnt != 1)
		fail_msg("%s, %s: %d, %u answers", line, headers, got, cnt);
}

static void methods_that_are_none_here(void **state)
{
	char text[4096], *answer;
	int status;

	(void)state;
	talk("OPTIONS /api/v1/peer HTTP/1.1", "Host: a\r\nConnection: close\r\n", "", 405);
	talk("PUT /api/v1/peer HTTP/1.1", "Host: a\r\nContent-Length: 0\r\n", "", 405);
	snprintf(text, sizeof(text),
		"HEAD /api/v1/peer HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer %s\r\n\r\n", admin);
	assert_int_equal(answers_to(text, &status, &answer), 1);
	assert_int_equal(status, 405);
	assert_non_null(strstr(answer, "\r\nAllow: GET\r\n"));
	assert_string_equal(response_body(answer), "");
	free(answer);
}

/* A path is what it is: letters in their case, no dots, one decoding. */
static void paths_by_the_letter(void **state)
{
	static const char *const none[] = {"/API/v1/peer", "/api/V1/peer", "/api/v1/Peer",
		"/api/v1//peer", "/api/v1/peer/", "//api/v1/peer", "/api/v1/./peer",
		"/api/v1/x/../peer", "/api/v1/%2e%2e/peer", "/api%2fv1%2fpeer", "/api/v1/peer%00",
		"/api/v1/pee%72%00", "/api/v1/peer;a=b", "/api/v1/peer%252f", "*", "/"};
	char line[256];

	(void)state;
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
		snprintf(line, sizeof(line), "GET %s HTTP/1.1", none[i]);
		talk(line, "Host: a\r\nConnection: close\r\n", "", 404);
	}
}

static void headers_in_any_case(void **state)
{
	char text[4096];
	int status;

	(void)state;
	snprintf(text, sizeof(text),
		"POST /api/v1/private-key HTTP/1.1\r\nhOsT: a\r\nAUTHORIZATION: bEaReR   %s\r\n"
		"content-LENGTH: 2\r\nCONTENT-type: APPLICATION/json ; charset=UTF-8\r\n\r\n{}",
		admin);
	assert_int_equal(answers_to(text, &status, NULL), 1);
	assert_int_equal(status, 200);
}

/* Whoever asks first is told to go on, and only then sends. */
static void expectations(void **state)
{
	struct client *c = client_open(f);
	char text[4096], *answer;

	(void)state;
	assert_non_null(c);
	snprintf(text, sizeof(text),
		"POST /api/v1/private-key HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer %s\r\n"
		"Expect: 100-continue\r\nContent-Length: 2\r\n\r\n",
		admin);
	assert_true(client_send(c, text, strlen(text)));
	answer = client_read(c, 2000);
	assert_non_null(strstr(answer, "HTTP/1.1 100 "));
	free(answer);
	assert_true(client_send(c, "{}", 2));
	answer = client_read(c, 2000);
	assert_int_equal(response_status(answer), 200);
	free(answer);
	client_close(c);
}

/* HTTP/1.0 needs no Host, and its connection ends unless it asks for more. */
static void before_1_1(void **state)
{
	static const char end[] = "GET /api/v1/health HTTP/1.0\r\n\r\n",
			  more[] = "GET /api/v1/health HTTP/1.0\r\nConnection: keep-alive\r\n\r\n";
	char text[512];
	int status;

	(void)state;
	snprintf(text, sizeof(text), "%s%s", end, end);
	assert_int_equal(answers_to(text, &status, NULL), 1);
	assert_int_equal(status, 200);
	snprintf(text, sizeof(text), "%s%s", more, end);
	assert_int_equal(answers_to(text, &status, NULL), 2);
	talk("POST /api/v1/private-key HTTP/1.0", "Transfer-Encoding: chunked\r\n",
		"2\r\n{}\r\n0\r\n\r\n", 400);
	talk("GET /api/v1/health HTTP/2.0", "Host: a\r\n", "", 400);
}

/* What is sent without waiting is answered one after the other, in its order. */
static void pipelined(void **state)
{
	char text[8192], *all, *first, *second, *third;
	int status;

	(void)state;
	snprintf(text, sizeof(text),
		"GET /api/v1/health HTTP/1.1\r\nHost: a\r\nX-Request-Id: one\r\n\r\n"
		"POST /api/v1/private-key HTTP/1.1\r\nHost: a\r\nX-Request-Id: two\r\n"
		"Authorization: Bearer %s\r\nContent-Length: 2\r\n\r\n{}"
		"GET /api/v1/nothing HTTP/1.1\r\nHost: a\r\nX-Request-Id: three\r\n"
		"Connection: close\r\n\r\n",
		admin);
	assert_int_equal(answers_to(text, &status, &all), 3);
	first = strstr(all, "X-Request-Id: one");
	second = strstr(all, "X-Request-Id: two");
	third = strstr(all, "X-Request-Id: three");
	assert_true(first != NULL && second > first && third > second);
	free(all);
}

static void many_headers(void **state)
{
	char text[65536];
	size_t len;
	int status;

	(void)state;
	len = (size_t)snprintf(text, sizeof(text), "GET /api/v1/health HTTP/1.1\r\nHost: a\r\n");
	for (int i = 0; i < 5000 && len + 16 < sizeof(text); i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len, "a%d:b\r\n", i);
	snprintf(text + len, sizeof(text) - len, "\r\n");
	assert_int_equal(answers_to(text, &status, NULL), 1);
	assert_int_equal(status, 400);
	talk("GET /api/v1/peer HTTP/1.1", "Host: a\r\nConnection: close\r\n", "", 200);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(methods_that_are_none_here),
		cmocka_unit_test(paths_by_the_letter),
		cmocka_unit_test(headers_in_any_case),
		cmocka_unit_test(expectations),
		cmocka_unit_test(before_1_1),
		cmocka_unit_test(pipelined),
		cmocka_unit_test(many_headers),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
