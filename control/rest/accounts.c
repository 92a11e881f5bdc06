/* SPDX-License-Identifier: BSD-3-Clause */
/* Users as the API manages them. Each change is on disk before it counts. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "control/config.h"
#include "control/fields.h"
#include "control/log.h"
#include "control/rest/ended_tokens.h"
#include "control/rest/users_private.h"
#include "pki/view/file.h"

static const char *full_name_of(const struct users *u, const char *name)
{
	const struct config *c = u->daemon->config;

	for (size_t i = 0; i < c->user_cnt; i++)
		if (strcmp(c->user[i].name, name) == 0)
			return c->user[i].full_name;
	return NULL;
}

static json_t *user_json(const struct users *u, const struct user_record *user)
{
	return json_pack("{s:s, s:s, s:s?, s:b, s:b}", "name", user->name, "role",
		user_role_name(user->role), "full_name", full_name_of(u, user->name), "is_enabled",
		!user->is_disabled, "has_password", user->hash[0] != '\0');
}

void users_list(const struct users *u, struct answer *out)
{
	json_t *list = json_array();

	for (size_t i = 0; i < u->list.cnt; i++)
		json_array_append_new(list, user_json(u, &u->list.user[i]));
	answer_ok(out, json_pack("{s:o}", "users", list));
}

static void answer_unknown(struct answer *out)
{
	answer_error(out, 404, "no-such-user", NULL, "there is no user of that name");
}

void users_show(const struct users *u, const char *name, struct answer *out)
{
	const struct user_record *user = user_list_find(&u->list, name);

	if (user != NULL)
		answer_ok(out, user_json(u, user));
	else
		answer_unknown(out);
}

void users_answer_failure(struct answer *out, int error)
{
	if (error == -ESHUTDOWN || error == -ECANCELED)
		answer_error(out, 503, "shutting-down", NULL, "rekey-control is stopping");
	else if (error == -ENOENT)
		answer_unknown(out);
	else if (error == -EEXIST)
		answer_error(out, 409, "user-exists", NULL, "there is a user of that name");
	else if (error == -EPERM)
		answer_error(out, 409, "last-admin", NULL,
			"this is the only user with the role admin: give it to another one first");
	else if (error == -EINVAL)
		field_refuse(out, "name", "must have 1 to 63 letters, digits and _-.@");
	else if (error == -ENOSPC)
		answer_error(out, 409, "too-many-users", NULL, "there are %d users already",
			USER_CNT_MAX);
	else
		answer_error(out, 500, "not-written", NULL,
			"the users could not be stored, nothing has changed: %s", strerror(-error));
}

/* What became of a user, in the name of whoever asked. */
void users_record(const struct users *u, const struct audit_actor *actor, const char *type,
	const char *what, const struct user_record *user)
{
	const struct audit_actor nobody = {""};
	char text[160];

	snprintf(text, sizeof(text), "%s: %s", what, user->name);
	audit_write_as(u->daemon->audit, actor != NULL ? actor : &nobody, type, text,
		json_pack("{s:s, s:s, s:b}", "user", user->name, "role", user_role_name(user->role),
			"is_enabled", !user->is_disabled));
}

static void record(const struct users *u, const struct audit_actor *actor, const char *type,
	const char *what, const char *name)
{
	const struct user_record *user = user_list_find(&u->list, name);

	if (user != NULL)
		users_record(u, actor, type, what, user);
}

static void record_now(const struct users *u, const char *type, const char *what, const char *name)
{
	const struct audit_actor actor = audit_actor(u->daemon->audit);

	record(u, &actor, type, what, name);
}

/* Puts a changed copy in force; ends it in every case. */
static int take_list(struct users *u, struct user_list *list)
{
	int ret = users_store(u, list);

	if (ret == 0)
		users_replace(u, list);
	user_list_fini(list);
	return ret;
}

/* A copy of the list and this user in it; -ENOENT, -ENOMEM. */
static int copy_for(
	struct users *u, const char *name, struct user_list *list, struct user_record **user)
{
	int ret = users_copy(u, list);

	if (ret < 0)
		return ret;
	*user = user_list_find(list, name);
	if (*user != NULL)
		return 0;
	user_list_fini(list);
	return -ENOENT;
}

static int end_tokens(struct users *u, const char *name)
{
	struct user_list list = {0};
	struct user_record *user;
	int ret = copy_for(u, name, &list, &user);

	if (ret < 0)
		return ret;
	user->epoch++;
	return take_list(u, &list);
}

void users_end_tokens(struct users *u, const char *name, struct answer *out)
{
	int ret = end_tokens(u, name);

	if (ret == 0) {
		record_now(u, "access.tokens_ended", "Ended every token of a user", name);
		answer_ok(out, json_pack("{s:s}", "user", name));
	} else {
		users_answer_failure(out, ret);
	}
}

void users_logout(struct users *u, const struct user_identity *who, struct answer *out)
{
	int ret;

	if (who->token_id[0] == '\0') {
		answer_error(out, 400, "no-token", NULL,
			"this call came without a token: there is nothing to end");
		return;
	}
	ret = ended_tokens_add(u->ended, who->token_id, who->token_expires, time(NULL));
	/* Too many to remember one by one: then all of this user's. */
	if (ret == -ENOSPC)
		ret = end_tokens(u, who->name);
	if (ret == 0)
		answer_ok(out, json_pack("{s:s}", "user", who->name));
	else
		users_answer_failure(out, ret);
}

/* ---- what needs a hash ------------------------------------------------------------------------ */

static void make_hash(void *arg)
{
	struct users_job *job = arg;

	job->ret = password_hash(job->password, job->hash);
}

int users_put_hash(struct users *u, const struct users_job *job)
{
	struct user_list list = {0};
	struct user_record *user;
	int ret = copy_for(u, job->name, &list, &user);

	if (ret < 0)
		return ret;
	memcpy(user->hash, job->hash, sizeof(user->hash));
	user->epoch++;
	return take_list(u, &list);
}

static void forget_initial_password(const struct users *u)
{
	int ret = rk_file_remove(u->dir, INITIAL_PASSWORD_FILE);

	if (ret < 0 && ret != -ENOENT)
		log_warning("cannot remove %s/%s: %s", u->daemon->options->state_dir,
			INITIAL_PASSWORD_FILE, strerror(-ret));
}

static void password_done(void *arg)
{
	struct users_job *job = arg;
	struct users *u = job->users;
	struct answer a;
	int ret = job->ret;

	if (ret == 0)
		ret = u == NULL ? -ESHUTDOWN : users_put_hash(u, job);
	if (ret == 0 && strcmp(job->name, ADMIN_NAME) == 0)
		forget_initial_password(u);
	if (ret == 0)
		record(u, &job->actor, "access.password_changed", "Set a password", job->name);
	if (ret == 0)
		answer_ok(&a, json_pack("{s:s}", "user", job->name));
	else
		users_answer_failure(&a, ret);
	users_job_finish(job, &a);
}

bool user_password_check(const char *password, struct answer *out)
{
	size_t len = strlen(password);

	if (len >= USER_PASSWORD_MIN && len <= USER_PASSWORD_MAX)
		return true;
	answer_error(out, 400, "bad-password", json_pack("{s:s}", "field", "password"),
		"a password has %d to %d bytes", USER_PASSWORD_MIN, USER_PASSWORD_MAX);
	return false;
}

/* Has the job hash its password, or answers why not. */
void users_job_hash(
	struct users *u, struct users_job *job, void (*done)(void *), answer_cb cb, void *arg)
{
	if (job == NULL)
		users_refuse(cb, arg, 503, "busy", "no locked memory is left; try again", 1);
	else
		users_job_start(u, job, make_hash, done);
}

void users_set_password(
	struct users *u, const char *name, const json_t *request, answer_cb cb, void *arg)
{
	const char *password = NULL;
	const struct field fields[] = {{"password", FIELD_STRING, true, &password}};
	struct answer a;

	if (fields_read(request, fields, 1, &a) < 0 || !user_password_check(password, &a)) {
		cb(arg, &a);
		answer_fini(&a);
		return;
	}
	if (user_list_find(&u->list, name) == NULL)
		users_refuse(cb, arg, 404, "no-such-user", "there is no user of that name", 0);
	else
		users_job_hash(
			u, users_job_new(name, password, "", cb, arg), password_done, cb, arg);
}
