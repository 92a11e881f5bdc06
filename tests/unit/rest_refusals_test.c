/* SPDX-License-Identifier: BSD-3-Clause */
/* Strangers cannot push what happened out of the audit log. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/rest_fixture.h"

static struct fixture *f;

static int start(void **state)
{
	(void)state;
	f = fixture_start(NULL);
	return f != NULL ? 0 : -1;
}

static int stop(void **state)
{
	(void)state;
	fixture_stop(f);
	return 0;
}

static size_t count_in(const char *text, const char *what)
{
	size_t cnt = 0;

	for (; (text = strstr(text, what)) != NULL; text += strlen(what))
		cnt++;
	return cnt;
}

static size_t count_records(const char *what)
{
	char *audit = fixture_audit(f);
	size_t cnt = count_in(audit, what);

	free(audit);
	return cnt;
}

static void send_without_token(unsigned cnt)
{
	static const char request[] = "POST /api/v1/private-key HTTP/1.1\r\nHost: x\r\n"
				      "Content-Length: 2\r\n\r\n{}";
	struct client *c = client_open(f);
	char *answers;

	for (unsigned i = 0; i < cnt; i += 50) {
		for (unsigned k = 0; k < 50; k++)
			assert_true(client_send(c, request, sizeof(request) - 1));
		for (size_t told = 0, more = 1; told < 50; told += more) {
			assert_true(more > 0);
			answers = client_read(c, 100);
			more = count_in(answers, "not-authenticated");
			free(answers);
		}
	}
	client_close(c);
}

static void refusals_without_end_leave_few_records(void **state)
{
	char *admin = fixture_login(f, "admin", FIXTURE_ADMIN_PASSWORD);
	char *viewer = fixture_login(f, "viewer", FIXTURE_VIEWER_PASSWORD);

	(void)state;
	send_without_token(600);
	/* whoever is known has a budget of its own, and an administrator needs none */
	assert_int_equal(fixture_call(f, "POST", "/api/v1/private-key", viewer, "{}", NULL), 403);
	assert_int_equal(
		fixture_call(f, "POST", "/api/v1/private-key", admin, "{\"name\":", NULL), 400);
	assert_in_range(count_records("\"result\":\"not-authenticated\""), 200, 260);
	assert_int_equal(count_records("\"result\":\"not-allowed\""), 1);
	assert_int_equal(count_records("\"result\":\"bad-json\""), 1);
	assert_int_equal(count_records("access.refused_more"), 0);
	free(admin);
	free(viewer);
}

/* Nobody has work done on a large body before it is known who sends it. */
static void strangers_send_small_bodies(void **state)
{
	static const char login[] = "{\"username\":\"admin\",\"password\":\"x\"}";
	char body[20000];

	(void)state;
	memset(body, ' ', sizeof(body) - 1);
	body[sizeof(body) - 1] = '\0';
	memcpy(body, login, sizeof(login) - 1);
	assert_int_equal(fixture_call(f, "POST", "/api/v1/login", NULL, body, NULL), 413);
	body[16000] = '\0';
	assert_int_equal(fixture_call(f, "POST", "/api/v1/login", NULL, body, NULL), 401);
}

static void the_others_are_counted(void **state)
{
	(void)state;
	fixture_close_rest(f);
	assert_int_equal(count_records("access.refused_more"), 1);
	assert_int_equal(count_records("\"authenticated\":0"), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refusals_without_end_leave_few_records),
		cmocka_unit_test(strangers_send_small_bodies),
		cmocka_unit_test(the_others_are_counted),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
