/* SPDX-License-Identifier: BSD-3-Clause */
/* One's own password: the current one is asked for; and what a change meets that is under way. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "control/config.h"
#include "control/helper.h"
#include "control/rest/users.h"
#include "control/rest/users_private.h"
#include "tests/unit/daemon_fixture.h"

#define OLD "correct horse"
#define NEW "battery staple"

static struct daemon_fixture f;

static bool has_key(void *arg)
{
	(void)arg;
	return f.d.users->signer != NULL;
}

static void set_password(const char *name, const char *password)
{
	json_t *body = json_pack("{s:s}", "password", password);
	struct call c = {0};

	users_set_password(f.d.users, name, body, call_answered, &c);
	call_wait(&f, &c, 200);
	call_fini(&c);
	json_decref(body);
}

static int set_up(void **state)
{
	json_t *body =
		json_pack("{s:s, s:s, s:s}", "name", "eve", "role", "viewer", "password", OLD);
	struct call c = {0};

	(void)state;
	daemon_fixture_open(&f, NULL);
	daemon_fixture_run(&f, has_key, NULL);
	users_create(f.d.users, body, call_answered, &c);
	call_wait(&f, &c, 200);
	call_fini(&c);
	json_decref(body);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	daemon_fixture_close(&f);
	return 0;
}

static void begin_login(const char *password, struct call *c)
{
	json_t *body = json_pack("{s:s, s:s}", "username", "eve", "password", password);

	*c = (struct call){0};
	users_login(f.d.users, body, "192.0.2.1", call_answered, c);
	json_decref(body);
}

static void log_in(const char *password, int status)
{
	struct call c;

	begin_login(password, &c);
	call_wait(&f, &c, status);
	call_fini(&c);
}

static void begin_change(const char *current, const char *password, struct call *c)
{
	json_t *body = json_pack("{s:s, s:s*}", "password", password, "current_password", current);

	*c = (struct call){0};
	users_change_password(f.d.users, "eve", body, call_answered, c);
	json_decref(body);
}

static void change(const char *current, const char *password, int status, const char *code)
{
	struct call c;

	begin_change(current, password, &c);
	call_wait(&f, &c, status);
	assert_string_equal(call_error(&c), code);
	call_fini(&c);
}

static void current_is_asked_for(void **state)
{
	(void)state;
	change(NULL, NEW, 400, "missing-field");
	change("", NEW, 400, "bad-field");
	change("not that one", NEW, 403, "wrong-password");
	change(NEW, NEW, 403, "wrong-password");
	log_in(OLD, 200);
	change(OLD, "short", 400, "bad-password");
	change(OLD, NEW, 200, "");
	log_in(OLD, 401);
	log_in(NEW, 200);
	change(OLD, OLD, 403, "wrong-password");
}

/* Whoever need not tell it, and does, tells the right one. */
static void told_is_checked(void **state)
{
	json_t *body = json_pack("{s:s, s:s}", "password", NEW, "current_password", "not that one");
	struct call c = {0};

	(void)state;
	users_set_password(f.d.users, "eve", body, call_answered, &c);
	call_wait(&f, &c, 403);
	call_fini(&c);
	log_in(OLD, 200);
	json_object_set_new(body, "current_password", json_string(OLD));
	users_set_password(f.d.users, "eve", body, call_answered, &c);
	call_wait(&f, &c, 200);
	call_fini(&c);
	log_in(NEW, 200);
	json_decref(body);
}

/* A token is no means to find the password out; the right one makes good. */
static void only_so_often(void **state)
{
	unsigned free_cnt = f.d.config->rest.login_free_cnt;
	struct call c;

	(void)state;
	for (unsigned i = 0; i + 1 < free_cnt; i++)
		change("not that one", NEW, 403, "wrong-password");
	change(OLD, OLD, 200, "");
	for (unsigned i = 0; i < free_cnt; i++)
		change("not that one", NEW, 403, "wrong-password");
	change("not that one", NEW, 429, "too-many-failures");
	change(OLD, NEW, 429, "too-many-failures");
	/* who need not tell it is not held */
	set_password("eve", NEW);
	begin_change(NEW, OLD, &c);
	call_wait(&f, &c, 429);
	call_fini(&c);
}

/* While a helper compares the old one, another is put in force. */
static void change_under_way(void)
{
	char hash[PASSWORD_HASH_MAX];

	assert_int_equal(password_hash(NEW, hash), 0);
	users_change(f.d.users, &(struct users_wish){.name = "eve", .hash = hash});
	helper_pool_drain(f.d.disk);
	assert_string_equal(user_list_find(&f.d.users->list, "eve")->hash, hash);
}

static void login_meets_change(void **state)
{
	struct call c;

	(void)state;
	begin_login(OLD, &c);
	change_under_way();
	assert_false(c.is_done);
	call_wait(&f, &c, 401);
	call_fini(&c);
	log_in(NEW, 200);
}

static void change_meets_change(void **state)
{
	struct call c;

	(void)state;
	begin_change(OLD, "and a third one", &c);
	change_under_way();
	assert_false(c.is_done);
	call_wait(&f, &c, 403);
	call_fini(&c);
	log_in(NEW, 200);
}

/* Barred while the password is being compared: as if it were wrong. */
static void login_meets_bar(void **state)
{
	struct call c;

	(void)state;
	begin_login(OLD, &c);
	user_list_find(&f.d.users->list, "eve")->is_disabled = true;
	call_wait(&f, &c, 401);
	call_fini(&c);
}

#define T(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(current_is_asked_for),
		T(told_is_checked),
		T(only_so_often),
		T(login_meets_change),
		T(change_meets_change),
		T(login_meets_bar),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
