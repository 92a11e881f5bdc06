/* SPDX-License-Identifier: BSD-3-Clause */
/* Large answers that nobody reads: a viewer does not fill the memory with them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/rest_fixture.h"

#define CLIENTS 12
#define PATH    "/api/v1/configuration/candidate?path=large"

static struct fixture *f;
static char *viewer;

static int start(void **state)
{
	struct config_rest limits = {FIXTURE_LIMITS};

	(void)state;
	limits.request_timeout_ms = 120000; /* longer than the test takes on a busy machine */
	limits.idle_timeout_sec = 120;
	f = fixture_start(&limits);
	viewer = fixture_login(f, "viewer", FIXTURE_VIEWER_PASSWORD);
	return viewer != NULL ? 0 : -1;
}

static int stop(void **state)
{
	(void)state;
	fixture_stop(f);
	free(viewer);
	return 0;
}

static void answers_that_nobody_reads_are_few(void **state)
{
	struct client *c[CLIENTS];
	unsigned refused = 0, cut = 0;
	char request[4096], *answer;

	(void)state;
	snprintf(request, sizeof(request),
		"GET " PATH
		" HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer %s\r\n\r\n",
		viewer);
	for (unsigned i = 0; i < CLIENTS; i++) {
		c[i] = client_open(f);
		assert_non_null(c[i]);
		assert_true(client_send(c[i], request, strlen(request)));
		assert_true(client_is_answered(c[i], 10000)); /* taken, in this order */
	}
	/* those after the eighth are told at once, while none of the others is read */
	for (unsigned i = CLIENTS; i-- > 8;) {
		answer = client_read(c[i], 10000);
		refused += strstr(answer, "HTTP/1.1 503") == answer;
		free(answer);
	}
	assert_int_equal(refused, CLIENTS - 8);
	for (unsigned i = 0; i < CLIENTS; i++)
		client_close(c[i]);
	for (; cut < 50 && fixture_call(f, "GET", PATH, viewer, NULL, NULL) != 200; cut++)
		;
	assert_in_range(cut, 0, 49); /* their memory is given back */
}

/* Under ASan: what nobody has read when the listener ends outlives it. */
static void listener_may_end_before_they_are_read(void **state)
{
	struct client *c = client_open(f);
	char request[4096];

	(void)state;
	snprintf(request, sizeof(request),
		"GET " PATH " HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n\r\n", viewer);
	assert_true(client_send(c, request, strlen(request)));
	usleep(300000);
	fixture_close_rest(f);
	client_close(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_that_nobody_reads_are_few),
		cmocka_unit_test(listener_may_end_before_they_are_read),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
