/* SPDX-License-Identifier: BSD-3-Clause */
/* Answers of any length: whole for who reads, bounded for who does not, few at once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "control/rest/stream.h"
#include "tests/unit/rest_doubles.h"
#include "tests/unit/rest_fixture.h"

#define PATH "/api/v1/certificate-revocation/entry"

static struct fixture *f;
static char *viewer;

static int start(void **state)
{
	static const struct config_rest limits = {FIXTURE_LIMITS};

	(void)state;
	f = fixture_start(&limits);
	viewer = fixture_login(f, "viewer", FIXTURE_VIEWER_PASSWORD);
	return viewer != NULL ? 0 : -1;
}

static int stop(void **state)
{
	(void)state;
	free(viewer);
	fixture_stop(f);
	return 0;
}

static struct client *ask(void)
{
	struct client *c = client_open(f);
	char request[2048];
	int len = snprintf(request, sizeof(request),
		"GET " PATH "?format=text HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n"
		"\r\n",
		viewer);

	assert_non_null(c);
	assert_true(client_send(c, request, (size_t)len));
	return c;
}

static void wait_for(unsigned (*value)(void), unsigned wanted)
{
	for (int i = 0; i < 500 && value() < wanted; i++)
		usleep(10000);
	assert_true(value() >= wanted);
}

static void formats_are_two(void **state)
{
	char *answer;

	(void)state;
	assert_int_equal(fixture_call(f, "GET", PATH, viewer, NULL, &answer), 200);
	assert_non_null(strstr(answer, "Content-Type: application/json"));
	assert_non_null(strstr(answer, "{\"generation\":1,\"entries\":[]}"));
	free(answer);
	assert_int_equal(fixture_call(f, "GET", PATH "?format=json", viewer, NULL, NULL), 200);
	assert_int_equal(fixture_call(f, "GET", PATH "?format=xml", viewer, NULL, NULL), 400);
	assert_int_equal(fixture_call(f, "GET", PATH "?count=1", viewer, NULL, NULL), 400);
	assert_int_equal(fixture_call(f, "GET", PATH, NULL, NULL, NULL), 401);
	wait_for(doubles_export_ends, 2);
}

static void all_of_it_comes(void **state)
{
	const size_t wanted = (size_t)DOUBLES_EXPORT_PIECES * STREAM_PIECE_LEN;
	unsigned ends = doubles_export_ends();
	struct client *c = ask();
	char tail[8] = "";
	size_t cnt = 0, len;

	(void)state;
	do {
		char *part = client_read(c, 1000); /* at most so much at once */

		len = strlen(part);
		for (const char *p = part; *p != '\0'; p++)
			cnt += *p == 'x';
		if (len >= 7)
			memcpy(tail, part + len - 7, 8);
		free(part);
	} while (len > 0 && strcmp(tail, "\r\n0\r\n\r\n") != 0);
	/* Its end says that it is whole; "x" is the Host's, in no header that comes back. */
	assert_string_equal(tail, "\r\n0\r\n\r\n");
	assert_true(cnt >= wanted && cnt < wanted + 16);
	client_close(c);
	wait_for(doubles_export_ends, ends + 1);
}

/* What nobody reads is not made; more of them are told to wait; who goes away leaves nothing. */
static void stalled_readers_are_bounded(void **state)
{
	unsigned ends = doubles_export_ends(), before = doubles_export_pieces(), made;
	struct client *c[STREAM_MAX];
	char *answer;

	(void)state;
	for (unsigned i = 0; i < STREAM_MAX; i++)
		c[i] = ask();
	wait_for(doubles_export_pieces, before + STREAM_MAX);
	usleep(300000); /* what the sockets hold is all that is made */
	made = doubles_export_pieces() - before;
	assert_true(made < STREAM_MAX * DOUBLES_EXPORT_PIECES / 4);
	assert_int_equal(fixture_call(f, "GET", PATH "?format=text", viewer, NULL, &answer), 503);
	assert_non_null(strstr(answer, "Retry-After: 5"));
	free(answer);
	assert_int_equal(fixture_call(f, "GET", "/api/v1/health", NULL, NULL, NULL), 200);
	for (unsigned i = 0; i < STREAM_MAX; i++)
		client_close(c[i]);
	wait_for(doubles_export_ends, ends + STREAM_MAX + 1);
	assert_int_equal(fixture_call(f, "GET", PATH, viewer, NULL, NULL), 200);
}

static void listener_may_close_meanwhile(void **state)
{
	unsigned ends = doubles_export_ends(), before = doubles_export_pieces();
	struct client *c = ask();

	(void)state;
	wait_for(doubles_export_pieces, before + 1);
	fixture_close_rest(f);
	wait_for(doubles_export_ends, ends + 1);
	client_close(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(formats_are_two),
		cmocka_unit_test(all_of_it_comes),
		cmocka_unit_test(stalled_readers_are_bounded),
		cmocka_unit_test(listener_may_close_meanwhile),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
