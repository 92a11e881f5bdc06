/* SPDX-License-Identifier: BSD-3-Clause */
/* Starting: the first user, the password files, a damaged folder. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <event2/event.h>

#include "control/config.h"
#include "control/helper.h"
#include "control/rest/users.h"
#include "tests/unit/keep.h"
#include "tests/unit/rest_doubles.h"

struct world {
	char folder[64];
	struct daemon_options options;
	struct config config;
	struct daemon daemon;
	int status; /* of the last answer; 0 = none yet */
	char token[4096];
};

static int make_world(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	strcpy(w->folder, "/tmp/users-test-XXXXXX");
	assert_non_null(mkdtemp(w->folder));
	w->options.state_dir = w->folder;
	w->config.router = "east";
	w->config.node = "node0";
	w->config.token_expiration_sec = 60;
	w->config.rest.login_free_cnt = 5;
	w->daemon.options = &w->options;
	w->daemon.config = &w->config;
	w->daemon.state_fd = open(w->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	w->daemon.base = event_base_new();
	w->daemon.audit = (void *)doubles_new();
	assert_int_equal(helper_pool_new(w->daemon.base, 1, 16, &w->daemon.helpers), 0);
	assert_int_equal(helper_pool_new(w->daemon.base, 1, 16, &w->daemon.disk), 0);
	*state = w;
	return 0;
}

static int drop_world(void **state)
{
	static const char *const names[] = {"users.json", "token.key", "token.previous.key",
		"token.next.key", "token.previous.2.key", "token.previous.3.key",
		"token.previous.4.key", "ended-tokens.json", "initial-admin-password",
		"lab-password"};
	struct world *w = *state;

	users_close(w->daemon.users);
	helper_pool_free(w->daemon.helpers);
	helper_pool_free(w->daemon.disk);
	event_base_free(w->daemon.base);
	doubles_free((void *)w->daemon.audit);
	if (!keep_folder(w->folder, "east/state")) {
		for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
			unlinkat(w->daemon.state_fd, names[i], 0);
		assert_int_equal(rmdir(w->folder), 0);
	}
	close(w->daemon.state_fd);
	free(w);
	return 0;
}

static void got_answer(void *arg, struct answer *a)
{
	struct world *w = arg;
	const char *token = json_string_value(json_object_get(a->body, "token"));

	w->status = a->status;
	snprintf(w->token, sizeof(w->token), "%s", token != NULL ? token : "");
}

/* The first key is being made while a login says 503: try again. */
static int wait_answer(struct world *w)
{
	while (w->status == 0)
		event_base_loop(w->daemon.base, EVLOOP_ONCE);
	return w->status;
}

static int login(struct world *w, const char *password)
{
	json_t *request = json_pack("{s:s, s:s}", "username", "admin", "password", password);

	do {
		w->status = 0;
		users_login(w->daemon.users, request, "127.0.0.1", got_answer, w);
		wait_answer(w);
		if (w->status == 503)
			event_base_loop(w->daemon.base, EVLOOP_ONCE);
	} while (w->status == 503);
	json_decref(request);
	return w->status;
}

static bool exists(const struct world *w, const char *name)
{
	return faccessat(w->daemon.state_fd, name, F_OK, 0) == 0;
}

static void write_file(const struct world *w, const char *name, const char *text)
{
	int fd = openat(w->daemon.state_fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static void read_file(const struct world *w, const char *name, char *out, size_t size)
{
	int fd = openat(w->daemon.state_fd, name, O_RDONLY | O_CLOEXEC);
	ssize_t len;

	assert_true(fd >= 0);
	len = read(fd, out, size - 1);
	assert_true(len > 0);
	out[len] = '\0';
	close(fd);
}

static void first_start_leaves_a_random_password(void **state)
{
	struct world *w = *state;
	json_t *request = json_pack("{s:s}", "password", "another password");
	struct user_identity who;
	const char *why;
	char password[64];
	struct stat st;

	assert_int_equal(users_open(&w->daemon, &w->daemon.users), 0);
	assert_int_equal(fstatat(w->daemon.state_fd, "initial-admin-password", &st, 0), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	read_file(w, "initial-admin-password", password, sizeof(password));
	password[strcspn(password, "\n")] = '\0';
	assert_int_equal(login(w, "not that"), 401);
	assert_int_equal(login(w, password), 200);
	assert_int_equal(
		users_authenticate(w->daemon.users, w->token, strlen(w->token), &who, &why), 0);
	assert_string_equal(who.name, "admin");
	assert_int_equal(who.role, USER_ADMIN);
	/* Changed: the file goes, the token ends. */
	w->status = 0;
	users_set_password(w->daemon.users, "admin", request, got_answer, w);
	while (w->status == 0)
		event_base_loop(w->daemon.base, EVLOOP_ONCE);
	assert_int_equal(w->status, 200);
	assert_false(exists(w, "initial-admin-password"));
	assert_int_equal(login(w, password), 401);
	assert_int_equal(login(w, "another password"), 200);
	json_decref(request);
}

static void second_start_keeps_users_and_tokens(void **state)
{
	struct world *w = *state;
	struct user_identity who;
	const char *why;
	char password[64], token[4096];

	assert_int_equal(users_open(&w->daemon, &w->daemon.users), 0);
	read_file(w, "initial-admin-password", password, sizeof(password));
	password[strcspn(password, "\n")] = '\0';
	assert_int_equal(login(w, password), 200);
	strcpy(token, w->token);
	users_close(w->daemon.users);
	w->daemon.users = NULL;
	assert_int_equal(users_open(&w->daemon, &w->daemon.users), 0);
	assert_int_equal(users_authenticate(w->daemon.users, token, strlen(token), &who, &why), 0);
	assert_int_equal(login(w, password), 200);
	/* A token of another router is not for us. */
	users_close(w->daemon.users);
	w->daemon.users = NULL;
	w->config.router = "west";
	assert_int_equal(users_open(&w->daemon, &w->daemon.users), 0);
	assert_int_equal(
		users_authenticate(w->daemon.users, token, strlen(token), &who, &why), -EACCES);
}

static void lab_password_is_set(void **state)
{
	struct world *w = *state;
	char path[128];

	snprintf(path, sizeof(path), "%s/lab-password", w->folder);
	w->options.admin_password_file = path;
	write_file(w, "lab-password", "TheAdminPassword1234\r\n");
	assert_int_equal(users_open(&w->daemon, &w->daemon.users), 0);
	assert_false(exists(w, "initial-admin-password"));
	assert_int_equal(login(w, "TheAdminPassword1234"), 200);
	users_close(w->daemon.users);
	w->daemon.users = NULL;
	write_file(w, "lab-password", "Another1234");
	assert_int_equal(users_open(&w->daemon, &w->daemon.users), 0);
	assert_int_equal(login(w, "Another1234"), 200);
	assert_int_equal(login(w, "TheAdminPassword1234"), 401);
}

static void bad_lab_passwords_stop_the_start(void **state)
{
	struct world *w = *state;
	char path[128], longest[400];

	snprintf(path, sizeof(path), "%s/lab-password", w->folder);
	w->options.admin_password_file = path;
	assert_int_equal(users_open(&w->daemon, &w->daemon.users), -ENOENT);
	write_file(w, "lab-password", "short\n");
	assert_int_equal(users_open(&w->daemon, &w->daemon.users), -EINVAL);
	memset(longest, 'x', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	write_file(w, "lab-password", longest);
	assert_int_equal(users_open(&w->daemon, &w->daemon.users), -EINVAL);
	assert_null(w->daemon.users);
	assert_false(exists(w, "users.json"));
}

static void damaged_files_stop_the_start(void **state)
{
	struct world *w = *state;

	write_file(w, "users.json", "{\"version\":1,");
	assert_int_equal(users_open(&w->daemon, &w->daemon.users), -EINVAL);
	assert_int_equal(unlinkat(w->daemon.state_fd, "users.json", 0), 0);
	write_file(w, "token.key", "not a key");
	assert_true(users_open(&w->daemon, &w->daemon.users) < 0);
	/* A key that others could have read is no secret any more. */
	assert_int_equal(fchmodat(w->daemon.state_fd, "token.key", 0644, 0), 0);
	assert_int_equal(users_open(&w->daemon, &w->daemon.users), -EPERM);
	assert_null(w->daemon.users);
}

static bool is_taken(struct world *w, const char *token)
{
	struct user_identity who;
	const char *why;

	return users_authenticate(w->daemon.users, token, strlen(token), &who, &why) == 0;
}

static void open_users(struct world *w)
{
	char path[128];

	users_close(w->daemon.users);
	w->daemon.users = NULL;
	snprintf(path, sizeof(path), "%s/lab-password", w->folder);
	w->options.admin_password_file = path;
	write_file(w, "lab-password", "TheAdminPassword1234\n");
	assert_int_equal(users_open(&w->daemon, &w->daemon.users), 0);
	w->options.admin_password_file = NULL;
}

static void rotate_key(struct world *w)
{
	w->status = 0;
	users_rotate_key(w->daemon.users, got_answer, w);
	while (w->status == 0)
		event_base_loop(w->daemon.base, EVLOOP_ONCE);
	assert_int_equal(w->status, 200);
}

/* Tokens of the key before the present one are good while they last, those of older keys not. */
static void keys_overlap(void **state)
{
	struct world *w = *state;
	char first[4096], second[4096];
	struct timespec past[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};

	open_users(w);
	assert_int_equal(login(w, "TheAdminPassword1234"), 200);
	strcpy(first, w->token);
	rotate_key(w);
	assert_true(is_taken(w, first));
	assert_int_equal(login(w, "TheAdminPassword1234"), 200);
	strcpy(second, w->token);
	open_users(w); /* a restart finds both keys */
	assert_true(is_taken(w, first));
	assert_true(is_taken(w, second));
	/* As if the rotation had been longer ago than any token lasts. */
	assert_int_equal(utimensat(w->daemon.state_fd, "token.key", past, 0), 0);
	open_users(w);
	assert_false(is_taken(w, first));
	assert_true(is_taken(w, second));
	assert_false(exists(w, "token.previous.key"));
	rotate_key(w);
	assert_false(is_taken(w, first));
	assert_true(is_taken(w, second));
	/* A crash between the two renames: the next key is the one. */
	users_close(w->daemon.users);
	w->daemon.users = NULL;
	assert_int_equal(
		renameat(w->daemon.state_fd, "token.key", w->daemon.state_fd, "token.next.key"), 0);
	open_users(w);
	assert_int_equal(login(w, "TheAdminPassword1234"), 200);
	assert_true(is_taken(w, second));
}

/* Each key verifies for as long as its tokens last, however often another took its place. */
static void many_keys_overlap(void **state)
{
	struct world *w = *state;
	char token[TOKEN_KEYS_BEFORE_MAX + 1][4096];

	open_users(w);
	for (int i = 0; i <= TOKEN_KEYS_BEFORE_MAX; i++) {
		assert_int_equal(login(w, "TheAdminPassword1234"), 200);
		strcpy(token[i], w->token);
		rotate_key(w);
	}
	open_users(w);
	assert_false(is_taken(w, token[0])); /* as many as are kept, and no more */
	for (int i = 1; i <= TOKEN_KEYS_BEFORE_MAX; i++)
		assert_true(is_taken(w, token[i]));
	/* A crash after the first names were changed: all keys are there, but for a gap. */
	users_close(w->daemon.users);
	w->daemon.users = NULL;
	assert_int_equal(renameat(w->daemon.state_fd, "token.previous.key", w->daemon.state_fd,
				 "token.previous.4.key"),
		0);
	open_users(w);
	assert_true(is_taken(w, token[TOKEN_KEYS_BEFORE_MAX]));
	assert_false(is_taken(w, token[1])); /* its name was taken */
	assert_true(is_taken(w, token[2]));
	rotate_key(w);
	assert_true(is_taken(w, token[TOKEN_KEYS_BEFORE_MAX]));
}

/* The interval of the configuration rotates by itself. */
static void old_keys_are_replaced(void **state)
{
	struct world *w = *state;
	struct timespec past[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};

	open_users(w);
	assert_int_equal(login(w, "TheAdminPassword1234"), 200);
	assert_int_equal(utimensat(w->daemon.state_fd, "token.key", past, 0), 0);
	open_users(w);
	assert_false(exists(w, "token.previous.key")); /* never: 0 */
	w->config.token_key_interval_sec = 86400;
	open_users(w);
	for (int i = 0; i < 200 && !exists(w, "token.previous.key"); i++) {
		event_base_loop(w->daemon.base, EVLOOP_NONBLOCK);
		usleep(50000);
	}
	assert_true(exists(w, "token.previous.key"));
}

static int set_password(struct world *w, const char *password)
{
	json_t *request = json_pack("{s:s}", "password", password);

	w->status = 0;
	users_set_password(w->daemon.users, "admin", request, got_answer, w);
	wait_answer(w);
	json_decref(request);
	return w->status;
}

/* A folder that cannot be written: nothing has changed, tokens included; the next try succeeds. */
static void nothing_changes_unless_it_is_written(void **state)
{
	struct world *w = *state;
	struct user_identity who = {.name = "admin"};
	char token[4096];
	const char *why;

	open_users(w);
	assert_int_equal(login(w, "TheAdminPassword1234"), 200);
	strcpy(token, w->token);
	assert_int_equal(users_authenticate(w->daemon.users, token, strlen(token), &who, &why), 0);
	assert_int_equal(renameat(w->daemon.state_fd, "users.json", w->daemon.state_fd, "kept"), 0);
	assert_int_equal(mkdirat(w->daemon.state_fd, "users.json", 0700), 0);
	assert_int_equal(mkdirat(w->daemon.state_fd, "ended-tokens.json", 0700), 0);
	assert_int_equal(set_password(w, "another password"), 500);
	w->status = 0;
	users_end_tokens(w->daemon.users, "admin", got_answer, w);
	assert_int_equal(wait_answer(w), 500);
	w->status = 0;
	users_logout(w->daemon.users, &who, got_answer, w);
	assert_int_equal(wait_answer(w), 500);
	assert_true(is_taken(w, token));
	assert_int_equal(login(w, "TheAdminPassword1234"), 200);
	assert_int_equal(unlinkat(w->daemon.state_fd, "users.json", AT_REMOVEDIR), 0);
	assert_int_equal(unlinkat(w->daemon.state_fd, "ended-tokens.json", AT_REMOVEDIR), 0);
	assert_int_equal(renameat(w->daemon.state_fd, "kept", w->daemon.state_fd, "users.json"), 0);
	w->status = 0;
	users_logout(w->daemon.users, &who, got_answer, w);
	assert_int_equal(wait_answer(w), 200);
	assert_false(is_taken(w, token));
	assert_int_equal(set_password(w, "another password"), 200);
	assert_int_equal(login(w, "TheAdminPassword1234"), 401);
}

/* More ended tokens than are remembered one by one: all of that user's end. */
static void too_many_ended(void **state)
{
	struct world *w = *state;
	int fd = openat(
		w->daemon.state_fd, "ended-tokens.json", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	struct user_identity who;
	char one[4096], two[4096];
	const char *why;

	dprintf(fd, "[");
	for (int i = 0; i < 1024; i++)
		dprintf(fd, "%s{\"id\":\"%022d\",\"expires\":99999999999}", i > 0 ? "," : "", i);
	dprintf(fd, "]");
	close(fd);
	open_users(w);
	assert_int_equal(login(w, "TheAdminPassword1234"), 200);
	strcpy(one, w->token);
	assert_int_equal(login(w, "TheAdminPassword1234"), 200);
	strcpy(two, w->token);
	assert_int_equal(users_authenticate(w->daemon.users, one, strlen(one), &who, &why), 0);
	w->status = 0;
	users_logout(w->daemon.users, &who, got_answer, w);
	assert_int_equal(wait_answer(w), 200);
	assert_false(is_taken(w, one));
	assert_false(is_taken(w, two));
	assert_int_equal(login(w, "TheAdminPassword1234"), 200);
}

static void closing_answers_what_is_pending(void **state)
{
	struct world *w = *state;
	json_t *request = json_pack("{s:s, s:s}", "username", "admin", "password", "wrong");

	assert_int_equal(users_open(&w->daemon, &w->daemon.users), 0);
	assert_int_equal(login(w, "wrong"), 401); /* the key is there now */
	w->status = 0;
	users_login(w->daemon.users, request, "127.0.0.1", got_answer, w);
	users_close(w->daemon.users);
	w->daemon.users = NULL;
	helper_pool_free(w->daemon.helpers);
	w->daemon.helpers = NULL;
	assert_int_equal(w->status, 503);
	json_decref(request);
}

int main(void)
{
#define IN_A_WORLD(test) cmocka_unit_test_setup_teardown(test, make_world, drop_world)
	const struct CMUnitTest tests[] = {
		IN_A_WORLD(first_start_leaves_a_random_password),
		IN_A_WORLD(second_start_keeps_users_and_tokens),
		IN_A_WORLD(lab_password_is_set),
		IN_A_WORLD(bad_lab_passwords_stop_the_start),
		IN_A_WORLD(damaged_files_stop_the_start),
		IN_A_WORLD(keys_overlap),
		IN_A_WORLD(many_keys_overlap),
		IN_A_WORLD(old_keys_are_replaced),
		IN_A_WORLD(nothing_changes_unless_it_is_written),
		IN_A_WORLD(too_many_ended),
		IN_A_WORLD(closing_answers_what_is_pending),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
