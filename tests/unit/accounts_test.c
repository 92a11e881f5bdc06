/* SPDX-License-Identifier: BSD-3-Clause */
/* Users and tokens over the API: made, changed, removed, logged out; and who may do that. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/rest_roles.h"

static void answers(const char *method, const char *path, const char *token, const char *body,
	int status, const char *needle)
{
	char *answer = NULL;

	if (fixture_call(f, method, path, token, body, &answer) != status ||
		(needle != NULL && strstr(answer, needle) == NULL))
		fail_msg("%s %s: wanted %d %s, got %s", method, path, status,
			needle != NULL ? needle : "", answer);
	free(answer);
}

#define NEW(name, role, password) \
	"{\"name\":\"" name "\",\"role\":\"" role "\",\"password\":\"" password "\"}"

static void users_come_and_go(void **state)
{
	char *token, *again;

	(void)state;
	answers("GET", "/api/v1/user", admin, NULL, 200,
		"{\"users\":[{\"name\":\"admin\",\"role\":\"admin\",\"full_name\":null,"
		"\"is_enabled\":true,\"has_password\":true},{\"name\":\"viewer\",\"role\":");
	answers("POST", "/api/v1/user", admin, NEW("eve", "operator", "correct horse"), 200,
		"{\"name\":\"eve\",\"role\":\"operator\",\"full_name\":null,\"is_enabled\":true,"
		"\"has_password\":true}");
	answers("POST", "/api/v1/user", admin, NEW("eve", "viewer", "correct horse"), 409,
		"user-exists");
	token = fixture_login(f, "eve", "correct horse");
	assert_non_null(token);
	answers("POST", "/api/v1/security/rotate", token, NULL, 200, NULL);
	/* A role counts at once. */
	answers("PATCH", "/api/v1/user/eve", admin, "{\"role\":\"viewer\"}", 200, "viewer");
	answers("POST", "/api/v1/security/rotate", token, NULL, 403, "not-allowed");
	answers("GET", "/api/v1/user/eve", admin, NULL, 200, "viewer");
	answers("DELETE", "/api/v1/user/eve", admin, NULL, 200, "{\"deleted\":\"eve\"}");
	answers("GET", "/api/v1/peer", token, NULL, 401, "ended");
	answers("GET", "/api/v1/user/eve", admin, NULL, 404, "no-such-user");
	answers("DELETE", "/api/v1/user/eve", admin, NULL, 404, "no-such-user");
	/* Another one of that name is not the one that the old token was for. */
	answers("POST", "/api/v1/user", admin, NEW("eve", "admin", "battery staple"), 200, NULL);
	answers("GET", "/api/v1/peer", token, NULL, 401, "ended");
	again = fixture_login(f, "eve", "battery staple");
	assert_non_null(again);
	answers("DELETE", "/api/v1/user/eve", again, NULL, 200, NULL);
	free(token);
	free(again);
}

static void somebody_stays_admin(void **state)
{
	(void)state;
	answers("DELETE", "/api/v1/user/admin", admin, NULL, 409, "last-admin");
	answers("PATCH", "/api/v1/user/admin", admin, "{\"role\":\"viewer\"}", 409, "last-admin");
	answers("GET", "/api/v1/user/admin", admin, NULL, 200, "\"role\":\"admin\"");
}

static void bad_accounts(void **state)
{
	(void)state;
	answers("POST", "/api/v1/user", admin, NEW("a b", "viewer", "correct horse"), 400, "name");
	answers("POST", "/api/v1/user", admin, NEW("", "viewer", "correct horse"), 400, "name");
	answers("POST", "/api/v1/user", admin, NEW("bob", "nobody", "correct horse"), 400, "role");
	answers("POST", "/api/v1/user", admin, NEW("bob", "root", "correct horse"), 400, "role");
	answers("POST", "/api/v1/user", admin, NEW("bob", "viewer", "short"), 400, "bad-password");
	answers("POST", "/api/v1/user", admin, "{\"name\":\"bob\"}", 400, "missing-field");
	answers("POST", "/api/v1/user", admin, "{\"name\":\"bob\",\"rolle\":\"viewer\"}", 400,
		"\"field\":\"rolle\"");
	answers("PATCH", "/api/v1/user/viewer", admin, "{\"role\":1}", 400, "bad-field");
	answers("PATCH", "/api/v1/user/viewer", admin, "{}", 400, "missing-field");
	answers("PATCH", "/api/v1/user/bob", admin, "{\"role\":\"viewer\"}", 404, "no-such-user");
	answers("GET", "/api/v1/user", admin, NULL, 200, "\"viewer\",\"role\":\"viewer\",");
}

static void who_may(void **state)
{
	(void)state;
	/* Who they are stands in the configuration, which a viewer reads; no hash does. */
	answers("GET", "/api/v1/user", viewer, NULL, 200, "\"admin\",\"role\":\"admin\",");
	answers("GET", "/api/v1/user/admin", viewer, NULL, 200, "\"has_password\":true}");
	answers("POST", "/api/v1/user", viewer, NEW("bob", "admin", "correct horse"), 403, NULL);
	answers("PATCH", "/api/v1/user/viewer", viewer, "{\"role\":\"admin\"}", 403, NULL);
	answers("DELETE", "/api/v1/user/admin/tokens", viewer, NULL, 403, NULL);
	answers("POST", "/api/v1/user/admin/password", viewer, "{\"password\":\"correct horse\"}",
		403, NULL);
	/* One's own, by who knows it. */
	answers("POST", "/api/v1/user/viewer/password", viewer, "{\"password\":\"correct horse\"}",
		400, "\"field\":\"current_password\"");
	answers("POST", "/api/v1/user/viewer/password", viewer,
		"{\"password\":\"correct horse\",\"current_password\":\"battery staple\"}", 403,
		"wrong-password");
	answers("POST", "/api/v1/user/admin/password", admin,
		"{\"password\":\"" FIXTURE_ADMIN_PASSWORD
		"\",\"current_password\":\"battery staple\"}",
		403, "wrong-password");
	answers("POST", "/api/v1/token-key/rotate", viewer, NULL, 403, NULL);
	answers("GET", "/api/v1/session", viewer, NULL, 200,
		"{\"user\":\"viewer\",\"role\":\"viewer\",\"router\":\"east\",\"node\":\"node0\",");
}

static void tokens_end(void **state)
{
	char *one, *two;

	(void)state;
	one = fixture_login(f, "viewer", FIXTURE_VIEWER_PASSWORD);
	two = fixture_login(f, "viewer", FIXTURE_VIEWER_PASSWORD);
	/* One by one. */
	answers("POST", "/api/v1/logout", one, NULL, 200, "{\"user\":\"viewer\"}");
	answers("GET", "/api/v1/peer", one, NULL, 401, "ended");
	answers("POST", "/api/v1/logout", one, NULL, 401, NULL);
	answers("GET", "/api/v1/peer", two, NULL, 200, NULL);
	/* All of a user's, by itself. */
	answers("DELETE", "/api/v1/user/viewer/tokens", two, NULL, 200, NULL);
	answers("GET", "/api/v1/peer", two, NULL, 401, "ended");
	answers("GET", "/api/v1/peer", viewer, NULL, 401, "ended");
	free(viewer);
	viewer = fixture_login(f, "viewer", FIXTURE_VIEWER_PASSWORD);
	answers("GET", "/api/v1/peer", viewer, NULL, 200, NULL);
	answers("DELETE", "/api/v1/user/nobody/tokens", admin, NULL, 404, "no-such-user");
	free(one);
	free(two);
}

static void local_calls_have_no_token(void **state)
{
	char *answer = NULL;

	(void)state;
	assert_int_equal(fixture_call_local(f, "POST", "/api/v1/logout", NULL, &answer), 400);
	assert_non_null(strstr(answer, "no-token"));
	free(answer);
}

static void a_new_key_signs(void **state)
{
	(void)state;
	answers("POST", "/api/v1/token-key/rotate", admin, NULL, 200, "{\"rotated\":true}");
	answers("GET", "/api/v1/peer", viewer, NULL, 200, NULL);
	answers("GET", "/api/v1/peer", admin, NULL, 200, NULL);
}

/* Each change stands in the audit log with a type of its own; passwords never do. */
static void changes_are_recorded(void **state)
{
	static const char *const types[] = {"access.user_created", "access.user_changed",
		"access.user_deleted", "access.tokens_ended", "access.password_changed"};
	char *audit;

	(void)state;
	answers("POST", "/api/v1/user", admin, NEW("kim", "viewer", "kims own secret"), 200, NULL);
	answers("PATCH", "/api/v1/user/kim", admin, "{\"role\":\"operator\"}", 200, NULL);
	answers("POST", "/api/v1/user/kim/password", admin, "{\"password\":\"kims new secret\"}",
		200, NULL);
	answers("DELETE", "/api/v1/user/kim/tokens", admin, NULL, 200, NULL);
	answers("DELETE", "/api/v1/user/kim", admin, NULL, 200, NULL);
	audit = fixture_audit(f);
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		assert_non_null(strstr(audit, types[i]));
	assert_null(strstr(audit, "secret"));
	free(audit);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(users_come_and_go),
		cmocka_unit_test(somebody_stays_admin),
		cmocka_unit_test(bad_accounts),
		cmocka_unit_test(who_may),
		cmocka_unit_test(tokens_end),
		cmocka_unit_test(local_calls_have_no_token),
		cmocka_unit_test(a_new_key_signs),
		cmocka_unit_test(changes_are_recorded),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
