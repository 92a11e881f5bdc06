/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/rest/users.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <openssl/evp.h>

#include "control/config.h"
#include "control/log.h"
#include "control/rest/ended_tokens.h"
#include "control/rest/users_private.h"
#include "pki/view/file.h"
#include "pki/view/secret.h"

#define USERS_FILE_MAX (1024 * 1024)
#define THROTTLE_KEYS  512
#define PASSWORD_FILE_MAX \
	(USER_PASSWORD_MAX + 3) /* a line break, and one more to see that it is too long */

/* At start, before anybody asks. */
static int store(const struct users *u, const struct user_list *list)
{
	char *text = user_list_print(list);
	int ret = -ENOMEM;

	if (text != NULL) {
		ret = rk_file_replace(u->dir, USERS_FILE, 0600, text, strlen(text));
		rk_wipe(text, strlen(text));
	}
	free(text);
	if (ret < 0)
		log_error("cannot write %s/%s: %s", u->daemon->options->state_dir, USERS_FILE,
			strerror(-ret));
	return ret;
}

int users_copy(const struct users *u, struct user_list *out)
{
	struct user_list copy = {0};

	for (size_t i = 0; i < u->list.cnt; i++) {
		const struct user_record *from = &u->list.user[i];
		int ret = user_list_add(&copy, from->name, from->role, from->hash);

		if (ret < 0) {
			user_list_fini(&copy);
			return ret;
		}
		copy.user[i].epoch = from->epoch;
		copy.user[i].is_disabled = from->is_disabled;
	}
	*out = copy;
	return 0;
}

void users_replace(struct users *u, struct user_list *list)
{
	user_list_fini(&u->list);
	u->list = *list;
	memset(list, 0, sizeof(*list));
}

static int load_list(int dir, struct user_list *out)
{
	uint8_t *text = NULL;
	char why[160];
	size_t len = 0;
	int ret;

	ret = rk_file_read(dir, USERS_FILE, USERS_FILE_MAX, &text, &len);
	if (ret < 0)
		return ret;
	ret = user_list_parse((const char *)text, len, out, why, sizeof(why));
	if (ret < 0)
		log_error("%s of the state folder is damaged: %s; restore it, or remove it and set "
			  "every password anew",
			USERS_FILE, why);
	rk_wipe(text, len);
	free(text);
	return ret;
}

json_t *users_as_configured(int state_fd)
{
	struct user_list list = {0};
	json_t *users = json_array();
	int ret = load_list(state_fd, &list);

	for (size_t i = 0; ret == 0 && i < list.cnt; i++)
		json_array_append_new(users, json_pack("{s:s, s:s, s:b}", "name", list.user[i].name,
						     "role", user_role_name(list.user[i].role),
						     "enabled", !list.user[i].is_disabled));
	if (ret == -ENOENT)
		json_array_append_new(
			users, json_pack("{s:s, s:s, s:b}", "name", ADMIN_NAME, "role",
				       user_role_name(USER_ADMIN), "enabled", 1));
	user_list_fini(&list);
	if (json_array_size(users) == 0) {
		json_decref(users);
		return json_object(); /* users_open says what is wrong */
	}
	return json_pack("{s:{s:{s:o}}}", "authority", "access-management", "user", users);
}

/* The first line of --admin-password-file. */
static int read_password_file(const char *path, char out[USER_PASSWORD_MAX + 1])
{
	char text[PASSWORD_FILE_MAX + 1] = {0};
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t len;
	int ret = 0;

	if (fd < 0) {
		ret = -errno;
		log_error(
			"cannot read the administrator's password in %s: %s", path, strerror(-ret));
		return ret;
	}
	len = read(fd, text, PASSWORD_FILE_MAX);
	close(fd);
	text[strcspn(text, "\r\n")] = '\0';
	if (len < 0 || strlen(text) < USER_PASSWORD_MIN || strlen(text) > USER_PASSWORD_MAX) {
		log_error("the administrator's password in %s must have %d to %d characters", path,
			USER_PASSWORD_MIN, USER_PASSWORD_MAX);
		ret = -EINVAL;
	} else {
		memcpy(out, text, strlen(text) + 1);
	}
	rk_wipe(text, sizeof(text));
	return ret;
}

/* Gives admin this password, making the user when there is none. */
static int set_admin(struct users *u, const char *password)
{
	struct user_list list = {0};
	char hash[PASSWORD_HASH_MAX];
	struct user_record *admin;
	int ret;

	admin = user_list_find(&u->list, ADMIN_NAME);
	if (admin != NULL && password_matches(password, admin->hash))
		return 0;
	ret = password_hash(password, hash);
	if (ret == 0)
		ret = users_copy(u, &list);
	if (ret < 0)
		return ret;
	admin = user_list_find(&list, ADMIN_NAME);
	if (admin != NULL) {
		memcpy(admin->hash, hash, sizeof(hash));
		admin->epoch++;
	} else {
		ret = user_list_add(&list, ADMIN_NAME, USER_ADMIN, hash);
	}
	if (ret == 0)
		ret = store(u, &list);
	if (ret == 0)
		users_replace(u, &list);
	user_list_fini(&list);
	return ret;
}

static int make_initial_password(struct users *u)
{
	char password[64], line[72];
	int len, ret;

	ret = password_make(password, sizeof(password));
	if (ret < 0)
		return ret;
	/* The file first: without users.json the next start makes both anew. */
	len = snprintf(line, sizeof(line), "%s\n", password);
	ret = rk_file_replace(u->dir, INITIAL_PASSWORD_FILE, 0600, line, (size_t)len);
	if (ret == 0)
		ret = set_admin(u, password);
	rk_wipe(password, sizeof(password));
	rk_wipe(line, sizeof(line));
	if (ret == 0)
		log_info("made the user %s; the password is in %s/%s", ADMIN_NAME,
			u->daemon->options->state_dir, INITIAL_PASSWORD_FILE);
	return ret;
}

/* A configuration without users leaves those that are there. */
static bool is_admin_configured(const struct config *c)
{
	for (size_t i = 0; i < c->user_cnt; i++)
		if (strcmp(c->user[i].name, ADMIN_NAME) == 0)
			return true;
	return c->user_cnt == 0;
}

static int make_first_user(struct users *u, bool is_first)
{
	char password[USER_PASSWORD_MAX + 1];
	int ret;

	if (!is_admin_configured(u->daemon->config)) {
		log_warning("the configuration has no user %s: passwords are set over the local "
			    "socket",
			ADMIN_NAME);
		return 0;
	}
	if (u->daemon->options->admin_password_file == NULL)
		return is_first ? make_initial_password(u) : 0;
	ret = read_password_file(u->daemon->options->admin_password_file, password);
	if (ret == 0)
		ret = set_admin(u, password);
	rk_wipe(password, sizeof(password));
	if (ret == 0) {
		ret = rk_file_remove(u->dir, INITIAL_PASSWORD_FILE);
		if (ret == -ENOENT)
			ret = 0;
	}
	return ret;
}

static int open_all(struct users *u)
{
	char unguessed[64];
	int ret;

	u->throttle = throttle_new(THROTTLE_KEYS);
	if (u->throttle == NULL)
		return -ENOMEM;
	ret = password_make(unguessed, sizeof(unguessed));
	if (ret == 0)
		ret = password_hash(unguessed, u->nobody_hash);
	rk_wipe(unguessed, sizeof(unguessed));
	if (ret < 0)
		return ret;
	ret = load_list(u->dir, &u->list);
	if (ret < 0 && ret != -ENOENT)
		return ret;
	ret = make_first_user(u, ret == -ENOENT);
	if (ret < 0)
		return ret;
	users_configure(u, NULL);
	ret = ended_tokens_open(u->dir, ended_clock_now(), &u->ended);
	if (ret < 0)
		return ret;
	return signing_key_open(u);
}

int users_open(struct daemon *d, struct users **out)
{
	struct users *u = calloc(1, sizeof(*u));
	int ret;

	if (u == NULL)
		return -ENOMEM;
	u->daemon = d;
	u->dir = d->state_fd;
	STAILQ_INIT(&u->changes);
	ret = open_all(u);
	if (ret < 0) {
		users_close(u);
		return ret;
	}
	*out = u;
	return 0;
}

void users_close(struct users *u)
{
	if (u == NULL)
		return;
	users_end_changes(u);
	users_end_jobs(u);
	signing_key_close(u);
	ended_tokens_close(u->ended);
	throttle_free(u->throttle);
	user_list_fini(&u->list);
	free(u);
}

int users_authenticate(struct users *u, const char *token, size_t token_len,
	struct user_identity *out, const char **why)
{
	const struct user_record *user;
	struct token_subject subject;
	int ret;

	*why = "the key that verifies tokens is not ready";
	if (u->signer == NULL)
		return -EACCES;
	ret = signing_key_verify(u, token, token_len, &subject, why);
	if (ret < 0)
		return ret;
	user = user_list_find(&u->list, subject.name);
	if (user == NULL || user->epoch != subject.epoch || user->is_disabled ||
		ended_tokens_has(u->ended, subject.id)) {
		*why = "the token has been ended";
		return -EACCES;
	}
	memset(out, 0, sizeof(*out));
	memcpy(out->name, user->name, sizeof(out->name));
	out->role = user->role;
	memcpy(out->token_id, subject.id, sizeof(out->token_id));
	out->token_expires = subject.expires;
	return 0;
}
