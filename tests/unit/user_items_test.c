/* SPDX-License-Identifier: BSD-3-Clause */
/* Users as items of the configuration: commit, rollback, restart; and their passwords beside it. */
#include "tests/unit/configuration_fixture.h"

#include <stdio.h>
#include <sys/stat.h>

#include "control/rest/users.h"

static json_t *set_user(const char *name, json_t *value)
{
	return json_pack("[{s:s, s:[s,s,s,s], s:o}]", "op", "set", "path", "authority",
		"access-management", "user", name, "value", value);
}

static void commit_edit(json_t *operations, int status)
{
	struct call c = {0};

	edit(operations, 200);
	commit(json_object(), &c, status);
	call_fini(&c);
}

/* The token's text, the caller's; NULL: 401. */
static char *log_in(const char *name, const char *password)
{
	json_t *request = json_pack("{s:s, s:s}", "username", name, "password", password);
	struct call c = {0};
	char *token = NULL;

	users_login(f.d.users, request, "192.0.2.9:1", call_answered, &c);
	while (!c.is_done)
		daemon_fixture_idle(&f, 1);
	json_decref(request);
	if (c.status == 200)
		token = strdup(json_string_value(json_object_get(c.body, "token")));
	else
		assert_int_equal(c.status, 401);
	call_fini(&c);
	return token;
}

static bool is_good(const char *token)
{
	struct user_identity who;
	const char *why;

	return users_authenticate(f.d.users, token, strlen(token), &who, &why) == 0;
}

static void set_password(const char *name, const char *password)
{
	json_t *request = json_pack("{s:s}", "password", password);
	struct call c = {0};

	users_set_password(f.d.users, name, request, call_answered, &c);
	call_wait(&f, &c, 200);
	call_fini(&c);
	json_decref(request);
}

static bool has_user(const char *name)
{
	struct answer a;
	bool is_there;

	users_show(f.d.users, name, &a);
	is_there = a.status == 200;
	answer_fini(&a);
	return is_there;
}

static void wait_for_key(void)
{
	char *token = NULL;

	for (int i = 0; i < 2000 && token == NULL; i++) {
		json_t *request = json_pack(
			"{s:s, s:s}", "username", "admin", "password", "TheAdminPassword1234");
		struct call c = {0};

		users_login(f.d.users, request, "192.0.2.9:1", call_answered, &c);
		while (!c.is_done)
			daemon_fixture_idle(&f, 1);
		json_decref(request);
		if (c.status == 200)
			token = strdup("");
		call_fini(&c);
	}
	assert_non_null(token);
	free(token);
}

/* A committed user waits for its password; what is committed later counts for its tokens. */
static void test_commit(void **state)
{
	const char *const path[] = {"authority", "access-management", "user", "admin"};
	char *token;

	(void)state;
	wait_for_key();
	assert_non_null(config_tree_find(f.d.config->json, path, 4));
	commit_edit(set_user("bob@noc", json_pack("{s:s, s:s}", "role", "operator", "full-name",
						"Bob \xc3\xa4")),
		200);
	assert_true(has_user("bob@noc"));
	assert_null(log_in("bob@noc", ""
				      "correct horse"));
	set_password("bob@noc", "correct horse");
	token = log_in("bob@noc", "correct horse");
	assert_non_null(token);
	assert_true(is_good(token));
	commit_edit(
		set_user("bob@noc", json_pack("{s:s, s:b}", "role", "viewer", "enabled", 0)), 200);
	assert_false(is_good(token));
	assert_null(log_in("bob@noc", "correct horse"));
	daemon_fixture_restart(&f);
	wait_for_key();
	assert_false(is_good(token));
	assert_null(log_in("bob@noc", "correct horse"));
	commit_edit(
		set_user("bob@noc", json_pack("{s:s, s:b}", "role", "viewer", "enabled", 1)), 200);
	/* It may have been barred because of that token. */
	assert_false(is_good(token));
	free(token);
	token = log_in("bob@noc", "correct horse");
	assert_non_null(token);
	assert_true(is_good(token));
	free(token);
}

static uint64_t running_number(void)
{
	struct answer a;
	uint64_t number;

	configuration_show_running(f.d.configuration, "", &a);
	number = (uint64_t)json_integer_value(json_object_get(a.body, "number"));
	answer_fini(&a);
	return number;
}

static void roll_back(uint64_t number)
{
	json_t *request = json_pack("{s:I}", "number", (json_int_t)number);
	struct call c = {0};

	configuration_rollback(f.d.configuration, request, call_answered, &c);
	call_wait(&f, &c, 200);
	call_fini(&c);
	json_decref(request);
}

/* The calls of the API are commits; going back takes the user and all its tokens away. */
static void test_calls_are_commits(void **state)
{
	json_t *request = json_pack(
		"{s:s, s:s, s:s}", "name", "eve", "role", "admin", "password", "correct horse");
	const char *const path[] = {"authority", "access-management", "user", "eve"};
	uint64_t first, second, third;
	struct call c = {0};
	char *token;

	(void)state;
	wait_for_key();
	first = commit_mtu(1400);
	users_create(f.d.users, request, call_answered, &c);
	call_wait(&f, &c, 200);
	assert_true(json_is_true(json_object_get(c.body, "has_password")));
	call_fini(&c);
	second = running_number();
	assert_int_equal(second, first + 1);
	assert_non_null(config_tree_find(f.d.config->json, path, 4));
	token = log_in("eve", "correct horse");
	assert_non_null(token);
	c = (struct call){0};
	users_create(f.d.users, request, call_answered, &c);
	call_wait(&f, &c, 409);
	call_fini(&c);
	c = (struct call){0};
	users_delete(f.d.users, "eve", call_answered, &c);
	call_wait(&f, &c, 200);
	call_fini(&c);
	third = running_number();
	assert_int_equal(third, second + 1);
	assert_false(is_good(token));
	/* Back again, as one that must be given a password anew. */
	roll_back(second);
	assert_true(has_user("eve"));
	assert_false(is_good(token));
	assert_null(log_in("eve", "correct horse"));
	roll_back(first);
	assert_false(has_user("eve"));
	/* The first entry is of a file that says nothing of users: they stay. */
	roll_back(second);
	roll_back(1);
	assert_int_equal(f.d.config->port[0].mtu, 1500);
	assert_true(has_user("eve"));
	assert_non_null(config_tree_find(f.d.config->json, path, 4));
	free(token);
	json_decref(request);
}

/* Nobody locks everybody out, and an edited file rules, too. */
static void test_refused(void **state)
{
	struct call c = {0};

	(void)state;
	commit_edit(set_user("admin", json_pack("{s:s}", "role", "operator")), 422);
	commit_edit(set_user("admin", json_pack("{s:s, s:b}", "role", "admin", "enabled", 0)), 422);
	edit(set_user("a b", json_pack("{s:s}", "role", "admin")), 422);
	edit(set_user("x", json_pack("{s:s}", "role", "root")), 422);
	edit(set_user("x", json_pack("{s:s, s:s}", "role", "viewer", "password", "secret")), 422);
	/* The whole list taken out of the candidate: users stay as they are. */
	edit(json_pack("[{s:s, s:[s,s]}, {s:s, s:[s,s,s,s], s:i}]", "op", "delete", "path",
		     "authority", "access-management", "op", "set", "path", "router", "port",
		     "net_ring0", "mtu", "value", 1400),
		200);
	commit(json_object(), &c, 200);
	call_fini(&c);
	assert_true(has_user("admin"));
	assert_int_equal(f.d.config->user_cnt, 1);
	daemon_fixture_config(&f,
		"{\"authority\":{\"access-management\":{\"user\":[{\"name\":\"root\",\"role\":"
		"\"admin\"}]}}," FIXTURE_ROUTER "}");
	daemon_fixture_reload(&f);
	daemon_fixture_idle(&f, 50);
	assert_true(has_user("root"));
	assert_false(has_user("admin"));
	daemon_fixture_restart(&f);
	assert_true(has_user("root"));
	assert_false(has_user("admin"));
}

/* Without a word of users in file and history a barred one stays barred. */
static void test_barred_stays_barred(void **state)
{
	char *token, history[128], lost[128];

	(void)state;
	wait_for_key();
	commit_edit(set_user("bob", json_pack("{s:s}", "role", "viewer")), 200);
	set_password("bob", "correct horse");
	token = log_in("bob", "correct horse");
	assert_non_null(token);
	commit_edit(
		set_user("bob", json_pack("{s:s, s:b}", "role", "viewer", "enabled", false)), 200);
	assert_false(is_good(token));
	daemon_fixture_config(&f, FIXTURE_CONFIG);
	snprintf(history, sizeof(history), "%s/config", f.dir[1]);
	snprintf(lost, sizeof(lost), "%s/lost", f.dir[1]);
	assert_int_equal(rename(history, lost), 0);
	daemon_fixture_restart(&f);
	wait_for_key();
	assert_true(has_user("bob"));
	assert_false(is_good(token));
	assert_null(log_in("bob", "correct horse"));
	free(token);
}

static void make_eve(const char *password, int status)
{
	json_t *request =
		json_pack("{s:s, s:s, s:s}", "name", "eve", "role", "viewer", "password", password);
	struct call c = {0};

	users_create(f.d.users, request, call_answered, &c);
	call_wait(&f, &c, status);
	call_fini(&c);
	json_decref(request);
}

static void remove_eve(void)
{
	struct call c = {0};

	users_delete(f.d.users, "eve", call_answered, &c);
	call_wait(&f, &c, 200);
	call_fini(&c);
}

/*
 * While users.json cannot be written a removal counts, and nobody of that name is made before it is
 * on disk: a restart would find the former one's password.
 */
static void test_removal_comes_first(void **state)
{
	(void)state;
	wait_for_key();
	make_eve("correct horse", 200);
	assert_int_equal(renameat(f.d.state_fd, "users.json", f.d.state_fd, "kept"), 0);
	assert_int_equal(mkdirat(f.d.state_fd, "users.json", 0700), 0);
	remove_eve();
	assert_null(log_in("eve", "correct horse"));
	make_eve("battery staple", 500);
	assert_false(has_user("eve"));
	/* The disk is good again, and the old file still there. */
	assert_int_equal(unlinkat(f.d.state_fd, "users.json", AT_REMOVEDIR), 0);
	assert_int_equal(renameat(f.d.state_fd, "kept", f.d.state_fd, "users.json"), 0);
	commit_edit(set_user("eve", json_pack("{s:s}", "role", "viewer")), 200);
	assert_true(has_user("eve"));
	daemon_fixture_restart(&f);
	wait_for_key();
	assert_true(has_user("eve"));
	assert_null(log_in("eve", "correct horse"));
	set_password("eve", "battery staple");
	daemon_fixture_restart(&f);
	wait_for_key();
	free(log_in("eve", "battery staple"));
	assert_null(log_in("eve", "correct horse"));
}

/* Somebody removes a user before its password is on disk: whoever made it is told so. */
static void test_removed_while_made(void **state)
{
	json_t *request = json_pack(
		"{s:s, s:s, s:s}", "name", "eve", "role", "viewer", "password", "correct horse");
	struct call c = {0};

	(void)state;
	wait_for_key();
	users_create(f.d.users, request, call_answered, &c);
	while (!has_user("eve"))
		event_base_loop(f.d.base, EVLOOP_ONCE);
	assert_false(c.is_done);
	for (size_t i = 0; i < f.d.config->user_cnt; i++)
		if (strcmp(f.d.config->user[i].name, "eve") == 0)
			f.d.config->user[i] = f.d.config->user[--f.d.config->user_cnt];
	users_configure(f.d.users, NULL);
	call_wait(&f, &c, 404);
	assert_string_equal(call_error(&c), "no-such-user");
	call_fini(&c);
	json_decref(request);
	assert_false(has_user("eve"));
}

/* A change that is on its way to the disk while other users are put in force is made on those. */
static void test_change_meets_commit(void **state)
{
	struct call c = {0};
	struct answer a;
	char *token;

	(void)state;
	wait_for_key();
	make_eve("correct horse", 200);
	token = log_in("eve", "correct horse");
	assert_non_null(token);
	users_end_tokens(f.d.users, "eve", call_answered, &c);
	assert_false(c.is_done);
	for (size_t i = 0; i < f.d.config->user_cnt; i++)
		if (strcmp(f.d.config->user[i].name, "eve") == 0)
			f.d.config->user[i].role = CONFIG_ROLE_OPERATOR;
	users_configure(f.d.users, NULL);
	call_wait(&f, &c, 200);
	call_fini(&c);
	assert_false(is_good(token));
	free(token);
	users_show(f.d.users, "eve", &a);
	assert_string_equal(json_string_value(json_object_get(a.body, "role")), "operator");
	answer_fini(&a);
	free(log_in("eve", "correct horse"));
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(test_commit),
		T(test_calls_are_commits),
		T(test_refused),
		T(test_barred_stays_barred),
		T(test_removal_comes_first),
		T(test_change_meets_commit),
		T(test_removed_while_made),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
