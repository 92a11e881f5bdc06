/* SPDX-License-Identifier: BSD-3-Clause */
/* The listener's parts that need no socket: heads, routes, throttle, users file, passwords. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include <cmocka.h>
#include <event2/http.h>

#include "control/rest/head_check.h"
#include "control/rest/password.h"
#include "control/rest/route.h"
#include "control/rest/throttle.h"
#include "control/rest/user_list.h"

/* "Name: value" lines through head_check. */
static const char *check(int minor, const char *const *lines, size_t cnt)
{
	struct evkeyvalq headers;
	const char *why;
	char name[64];

	TAILQ_INIT(&headers);
	for (size_t i = 0; i < cnt; i++) {
		size_t len = strcspn(lines[i], ":");

		snprintf(name, sizeof(name), "%.*s", (int)len, lines[i]);
		assert_int_equal(evhttp_add_header(&headers, name, lines[i] + len + 1), 0);
	}
	why = head_check(&headers, 1, minor);
	evhttp_clear_headers(&headers);
	return why;
}

#define CHECK(minor, ...)                                \
	check(minor, (const char *const[]){__VA_ARGS__}, \
		sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *))

static void heads_are_taken_or_refused(void **state)
{
	(void)state;
	assert_null(CHECK(1, "Host:x", "Content-Length:12"));
	assert_null(CHECK(1, "host:x", "transfer-encoding:Chunked"));
	assert_null(CHECK(0, "Content-Length:0"));
	assert_non_null(CHECK(1, "Content-Length:12"));
	assert_non_null(CHECK(1, "Host:x", "HOST:x"));
	assert_non_null(CHECK(1, "Host:x", "Content-Length:1", "content-length:1"));
	assert_non_null(CHECK(1, "Host:x", "Authorization:Bearer a", "authorization:Bearer b"));
	assert_non_null(CHECK(1, "Host:x", "Content-Type:a/b", "Content-type:application/json"));
	assert_null(CHECK(1, "Host:x", "Accept:a", "Accept:b"));
	assert_non_null(CHECK(1, "Host:x", "Content-Length:"));
	assert_non_null(CHECK(1, "Host:x", "Content-Length:1 "));
	assert_non_null(CHECK(1, "Host:x", "Content-Length:1234567890123456789"));
	assert_non_null(CHECK(1, "Host:x", "Transfer-Encoding:chunked", "Content-Length:1"));
	assert_non_null(CHECK(1, "Host:x", "Transfer-Encoding:chunked, chunked"));
	assert_non_null(CHECK(0, "Transfer-Encoding:chunked"));
	assert_non_null(CHECK(1, "Host:x", "A b:c"));
	assert_non_null(CHECK(1, "Host:x", "A:b\x01"));
	assert_non_null(CHECK(2, "Host:x"));
}

static void content_types(void **state)
{
	(void)state;
	assert_true(head_is_json("application/json"));
	assert_true(head_is_json("Application/JSON; charset=utf-8"));
	assert_true(head_is_json("application/json ;x"));
	assert_true(head_is_json("application/json;q=1; CHARSET=\"UTF-8\" ; x"));
	assert_false(head_is_json("application/json; charset=iso-8859-1"));
	assert_false(head_is_json("application/json; x=y;charset=utf-16"));
	assert_false(head_is_json("application/json; charset=utf-8x"));
	assert_false(head_is_json("application/json; charset="));
	assert_false(head_is_json("application/jsonx"));
	assert_false(head_is_json("text/json"));
	assert_false(head_is_json(""));
}

static void request_ids_are_bounded(void **state)
{
	char id[REQUEST_ID_MAX + 1], text[200];

	(void)state;
	head_copy_request_id(NULL, id);
	assert_string_equal(id, "");
	head_copy_request_id("a b\x1b[31m\"c+/=", id);
	assert_string_equal(id, "ab31mc+/=");
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	head_copy_request_id(text, id);
	assert_int_equal(strlen(id), REQUEST_ID_MAX);
}

static void scopes(void **state)
{
	const char *rest = NULL;

	(void)state;
	assert_int_equal(route_take_scope("/api/v1/peer", "r", "n", &rest), ROUTE_SCOPE_HERE);
	assert_string_equal(rest, "/peer");
	assert_int_equal(route_take_scope("/api/v1/router/r/node/n/peer", "r", "n", &rest),
		ROUTE_SCOPE_HERE);
	assert_string_equal(rest, "/peer");
	assert_int_equal(route_take_scope("/api/v1/router/%72/node/n/peer", "r", "n", &rest),
		ROUTE_SCOPE_HERE);
	assert_int_equal(route_take_scope("/api/v1/router/x/node/n/peer", "r", "n", &rest),
		ROUTE_SCOPE_OTHER);
	assert_int_equal(route_take_scope("/api/v1/router/r/node/x/peer", "r", "n", &rest),
		ROUTE_SCOPE_OTHER);
	assert_int_equal(
		route_take_scope("/api/v1/router/r/peer", "r", "n", &rest), ROUTE_SCOPE_NO_NODE);
	assert_int_equal(
		route_take_scope("/api/v1/router/r/node/n", "r", "n", &rest), ROUTE_SCOPE_NO_NODE);
	assert_int_equal(route_take_scope("/api/v1/router//node/n/peer", "r", "n", &rest),
		ROUTE_SCOPE_NO_NODE);
	assert_int_equal(route_take_scope("/api/v10/peer", "r", "n", &rest), ROUTE_SCOPE_NO_NODE);
	assert_int_equal(route_take_scope("", "r", "n", &rest), ROUTE_SCOPE_NO_NODE);
}

static void routes_by_pattern(void **state)
{
	static const struct route table[] = {
		{.method = EVHTTP_REQ_GET, .path = "/a"},
		{.method = EVHTTP_REQ_GET, .path = "/a/{name}/b"},
		{.method = EVHTTP_REQ_PUT, .path = "/a/{name}/b"},
	};
	char longest[128] = "/a/", methods[64];
	struct route_match m;

	(void)state;
	route_find(table, 3, EVHTTP_REQ_GET, "/a", &m);
	assert_ptr_equal(m.route, &table[0]);
	route_find(table, 3, EVHTTP_REQ_PUT, "/a/x%20y/b", &m);
	assert_ptr_equal(m.route, &table[2]);
	assert_string_equal(m.param, "x y");
	route_find(table, 3, EVHTTP_REQ_POST, "/a/x/b", &m);
	assert_null(m.route);
	route_print_methods(m.allowed, methods, sizeof(methods));
	assert_string_equal(methods, "GET, PUT");
	route_find(table, 3, EVHTTP_REQ_GET, "/a/", &m);
	assert_int_equal(m.allowed, 0);
	route_find(table, 3, EVHTTP_REQ_GET, "/a//b", &m);
	assert_int_equal(m.allowed, 0);
	route_find(table, 3, EVHTTP_REQ_GET, "/a/x/b/c", &m);
	assert_int_equal(m.allowed, 0);
	route_find(table, 3, EVHTTP_REQ_GET, "/a/%zz/b", &m);
	assert_int_equal(m.allowed, 0);
	memset(longest + 3, 'x', ROUTE_PARAM_MAX);
	strcpy(longest + 3 + ROUTE_PARAM_MAX, "/b");
	route_find(table, 3, EVHTTP_REQ_GET, longest, &m);
	assert_ptr_equal(m.route, &table[1]);
	memset(longest + 3, 'x', ROUTE_PARAM_MAX + 1);
	strcpy(longest + 3 + ROUTE_PARAM_MAX + 1, "/b");
	route_find(table, 3, EVHTTP_REQ_GET, longest, &m);
	assert_int_equal(m.allowed, 0);
}

static void failures_make_wait(void **state)
{
	struct throttle *t = throttle_new(4);
	int64_t now = 1000;

	(void)state;
	for (int i = 0; i < 4; i++) {
		throttle_fail(t, "a", 5, now);
		assert_int_equal(throttle_wait(t, "a", now), 0);
	}
	throttle_fail(t, "a", 5, now);
	assert_int_equal(throttle_wait(t, "a", now), 2);
	assert_int_equal(throttle_wait(t, "b", now), 0);
	now += 2;
	assert_int_equal(throttle_wait(t, "a", now), 0);
	throttle_fail(t, "a", 5, now);
	assert_int_equal(throttle_wait(t, "a", now), 4);
	for (int i = 0; i < 50; i++)
		throttle_fail(t, "a", 5, now);
	assert_int_equal(throttle_wait(t, "a", now), 300);
	/* A quarter of an hour of peace forgets. */
	now += 901;
	assert_int_equal(throttle_fail(t, "a", 5, now), 1);
	throttle_forget(t, "a");
	assert_int_equal(throttle_fail(t, "a", 5, now), 1);
	throttle_free(t);
}

static void throttle_is_bounded(void **state)
{
	struct throttle *t = throttle_new(2);

	(void)state;
	throttle_fail(t, "old", 1, 10);
	throttle_fail(t, "new", 1, 11);
	throttle_fail(t, "third", 1, 12);
	assert_int_equal(throttle_wait(t, "old", 11), 0);
	assert_int_not_equal(throttle_wait(t, "new", 11), 0);
	assert_int_not_equal(throttle_wait(t, "third", 12), 0);
	throttle_free(t);
}

static void users_file_is_read_back(void **state)
{
	struct user_list list = {0}, again = {0};
	char why[160];
	char *text;

	(void)state;
	assert_int_equal(user_list_add(&list, "admin", USER_ADMIN, "$y$x"), 0);
	assert_int_equal(user_list_add(&list, "op.1@a", USER_OPERATOR, "$y$y"), 0);
	assert_int_equal(user_list_add(&list, "admin", USER_VIEWER, "$y$z"), -EEXIST);
	assert_int_equal(user_list_add(&list, "a|b", USER_VIEWER, "$y$z"), -EINVAL);
	assert_int_equal(user_list_add(&list, "", USER_VIEWER, "$y$z"), -EINVAL);
	assert_int_equal(user_list_add(&list, "n", USER_NOBODY, "$y$z"), -EINVAL);
	list.user[1].epoch = 7;
	text = user_list_print(&list);
	assert_int_equal(user_list_parse(text, strlen(text), &again, why, sizeof(why)), 0);
	assert_int_equal(again.cnt, 2);
	assert_int_equal(user_list_find(&again, "op.1@a")->epoch, 7);
	assert_int_equal(user_list_find(&again, "op.1@a")->role, USER_OPERATOR);
	assert_null(user_list_find(&again, "op"));
	free(text);
	user_list_fini(&list);
	user_list_fini(&again);
}

static void damaged_users_files_are_refused(void **state)
{
	static const char *const texts[] = {
		"",
		"{}",
		"[]",
		"{\"version\":2,\"users\":[]}",
		"{\"version\":1,\"users\":{}}",
		"{\"version\":1,\"users\":[],\"more\":1}",
		"{\"version\":1,\"users\":[7]}",
		"{\"version\":1,\"users\":[{\"name\":\"a\",\"role\":\"root\",\"password\":\"x\","
		"\"epoch\":0}]}",
		"{\"version\":1,\"users\":[{\"name\":\"a\",\"role\":\"admin\",\"password\":\"x\","
		"\"epoch\":-1}]}",
		"{\"version\":1,\"users\":[{\"name\":\"a\",\"role\":\"admin\",\"epoch\":0}]}",
		"{\"version\":1,\"users\":[{\"name\":\"a b\",\"role\":\"admin\",\"password\":\"x\","
		"\"epoch\":0}]}",
		"{\"version\":1,\"users\":[{\"name\":\"a\",\"role\":\"admin\",\"password\":\"x\","
		"\"epoch\":0},{\"name\":\"a\",\"role\":\"admin\",\"password\":\"x\",\"epoch\":0}]}",
	};
	struct user_list list = {0};
	char why[160];

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		why[0] = '\0';
		assert_int_equal(
			user_list_parse(texts[i], strlen(texts[i]), &list, why, sizeof(why)),
			-EINVAL);
		assert_true(why[0] != '\0');
		assert_int_equal(list.cnt, 0);
	}
}

static void passwords_match_their_hash_only(void **state)
{
	char hash[PASSWORD_HASH_MAX], other[PASSWORD_HASH_MAX];

	(void)state;
	assert_int_equal(password_hash("TheAdminPassword1234", hash), 0);
	assert_int_equal(password_hash("TheAdminPassword1234", other), 0);
	assert_memory_equal(hash, "$y$", 3);
	assert_string_not_equal(hash, other);
	assert_true(password_matches("TheAdminPassword1234", hash));
	assert_false(password_matches("TheAdminPassword123", hash));
	assert_false(password_matches("", hash));
	assert_false(password_matches("x", ""));
	assert_false(password_matches("x", "x"));
	assert_false(password_matches("*0", "*0"));
}

static void made_passwords_differ(void **state)
{
	char a[32], b[32], small[8];

	(void)state;
	assert_int_equal(password_make(a, sizeof(a)), 0);
	assert_int_equal(password_make(b, sizeof(b)), 0);
	assert_int_equal(strlen(a), 23);
	assert_string_not_equal(a, b);
	assert_int_equal(password_make(small, sizeof(small)), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(heads_are_taken_or_refused),
		cmocka_unit_test(content_types),
		cmocka_unit_test(request_ids_are_bounded),
		cmocka_unit_test(scopes),
		cmocka_unit_test(routes_by_pattern),
		cmocka_unit_test(failures_make_wait),
		cmocka_unit_test(throttle_is_bounded),
		cmocka_unit_test(users_file_is_read_back),
		cmocka_unit_test(damaged_users_files_are_refused),
		cmocka_unit_test(passwords_match_their_hash_only),
		cmocka_unit_test(made_passwords_differ),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
