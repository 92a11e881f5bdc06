/* SPDX-License-Identifier: BSD-3-Clause */
/* Users as the API manages them. Each change is on disk before it counts. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <openssl/rand.h>

#include "control/fields.h"
#include "control/log.h"
#include "control/rest/ended_tokens.h"
#include "control/rest/users_private.h"
#include "pki/view/file.h"

static json_t *user_json(const struct user_record *user)
{
	return json_pack("{s:s, s:s}", "name", user->name, "role", user_role_name(user->role));
}

void users_list(const struct users *u, struct answer *out)
{
	json_t *list = json_array();

	for (size_t i = 0; i < u->list.cnt; i++)
		json_array_append_new(list, user_json(&u->list.user[i]));
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
		answer_ok(out, user_json(user));
	else
		answer_unknown(out);
}

static void answer_failure(struct answer *out, int error)
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
		answer_error(out, 400, "bad-field", json_pack("{s:s}", "field", "name"),
			"\"name\" has 1 to 63 letters, digits and _-.@");
	else if (error == -ENOSPC)
		answer_error(out, 409, "too-many-users", NULL, "there are %d users already",
			USER_CNT_MAX);
	else
		answer_error(out, 500, "not-written", NULL,
			"the users could not be stored, nothing has changed: %s", strerror(-error));
}

/* What became of a user, in the name of whoever asked. */
static void record(const struct users *u, const struct audit_actor *actor, const char *type,
	const char *what, const char *name)
{
	const struct user_record *user = user_list_find(&u->list, name);
	char text[160];

	snprintf(text, sizeof(text), "%s: %s", what, name);
	audit_write_as(u->daemon->audit, actor, type, text,
		json_pack("{s:s, s:s}", "user", name, "role",
			user != NULL ? user_role_name(user->role) : "none"));
}

static void record_now(const struct users *u, const char *type, const char *what, const char *name)
{
	const struct audit_actor actor = audit_actor(u->daemon->audit);

	record(u, &actor, type, what, name);
}

/* Puts a changed copy in force; ends it in every case. */
static int take_list(struct users *u, struct user_list *list)
{
	int ret = user_list_admin_cnt(list) == 0 && user_list_admin_cnt(&u->list) > 0 ? -EPERM : 0;

	if (ret == 0)
		ret = users_store(u, list);
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

void users_update(struct users *u, const char *name, const json_t *request, struct answer *out)
{
	const char *role = NULL;
	const struct field fields[] = {{"role", FIELD_STRING, true, &role}};
	struct user_list list = {0};
	struct user_record *user;
	int ret;

	if (fields_read(request, fields, 1, out) < 0)
		return;
	if (user_role_parse(role) == USER_NOBODY) {
		answer_error(out, 400, "bad-field", json_pack("{s:s}", "field", "role"),
			"\"role\" must be viewer, operator or admin");
		return;
	}
	ret = copy_for(u, name, &list, &user);
	if (ret == 0) {
		user->role = user_role_parse(role);
		ret = take_list(u, &list);
	}
	if (ret == 0) {
		record_now(u, "access.user_changed", "Gave a user another role", name);
		users_show(u, name, out);
	} else {
		answer_failure(out, ret);
	}
}

void users_delete(struct users *u, const char *name, struct answer *out)
{
	struct user_list list = {0};
	struct user_record *user;
	int ret = copy_for(u, name, &list, &user);

	if (ret == 0) {
		user_list_remove(&list, user);
		ret = take_list(u, &list);
	}
	if (ret == 0) {
		record_now(u, "access.user_deleted", "Removed a user", name);
		answer_ok(out, json_pack("{s:s}", "deleted", name));
	} else {
		answer_failure(out, ret);
	}
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
		answer_failure(out, ret);
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
		answer_failure(out, ret);
}

/* ---- what needs a hash ------------------------------------------------------------------------ */

static void make_hash(void *arg)
{
	struct users_job *job = arg;

	job->ret = password_hash(job->password, job->hash);
}

static int change_password(struct users *u, const struct users_job *job)
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
		ret = u == NULL ? -ESHUTDOWN : change_password(u, job);
	if (ret == 0 && strcmp(job->name, ADMIN_NAME) == 0)
		forget_initial_password(u);
	if (ret == 0)
		record(u, &job->actor, "access.password_changed", "Set a password", job->name);
	if (ret == 0)
		answer_ok(&a, json_pack("{s:s}", "user", job->name));
	else
		answer_failure(&a, ret);
	users_job_finish(job, &a);
}

static int add_user(struct users *u, const struct users_job *job)
{
	struct user_list list = {0};
	uint64_t epoch;
	int ret = users_copy(u, &list);

	if (ret == 0)
		ret = user_list_add(&list, job->name, job->role, job->hash);
	/* A user of that name may have been here before, with tokens that are still out. */
	if (ret == 0 && RAND_bytes((uint8_t *)&epoch, sizeof(epoch)) != 1)
		ret = -EIO;
	if (ret < 0) {
		user_list_fini(&list);
		return ret;
	}
	user_list_find(&list, job->name)->epoch = epoch >> 16;
	return take_list(u, &list);
}

static void user_done(void *arg)
{
	struct users_job *job = arg;
	struct users *u = job->users;
	struct answer a;
	int ret = job->ret;

	if (ret == 0)
		ret = u == NULL ? -ESHUTDOWN : add_user(u, job);
	if (ret == 0)
		record(u, &job->actor, "access.user_created", "Made a user", job->name);
	if (ret == 0)
		users_show(u, job->name, &a);
	else
		answer_failure(&a, ret);
	users_job_finish(job, &a);
}

static bool is_password(const char *password)
{
	size_t len = strlen(password);

	return len >= USER_PASSWORD_MIN && len <= USER_PASSWORD_MAX;
}

/* Has the job hash its password, or answers why not. */
static void start_job(
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
	const char *password;

	password = json_string_value(json_object_get(request, "password"));
	if (password == NULL || json_object_size(request) != 1)
		users_refuse(cb, arg, 400, "bad-request", "the body is {\"password\": TEXT}", 0);
	else if (!is_password(password))
		users_refuse(cb, arg, 400, "bad-password", "a password has 8 to 256 characters", 0);
	else if (user_list_find(&u->list, name) == NULL)
		users_refuse(cb, arg, 404, "no-such-user", "there is no user of that name", 0);
	else
		start_job(u, users_job_new(name, password, "", cb, arg), password_done, cb, arg);
}

void users_create(struct users *u, const json_t *request, answer_cb cb, void *arg)
{
	const char *name = NULL, *role = NULL, *password = NULL;
	const struct field fields[] = {
		{"name", FIELD_STRING, true, &name},
		{"role", FIELD_STRING, true, &role},
		{"password", FIELD_STRING, true, &password},
	};
	struct users_job *job;
	struct answer a;

	if (fields_read(request, fields, 3, &a) < 0)
		goto refuse;
	if (user_role_parse(role) == USER_NOBODY)
		answer_error(&a, 400, "bad-field", json_pack("{s:s}", "field", "role"),
			"\"role\" must be viewer, operator or admin");
	else if (!is_password(password))
		answer_error(&a, 400, "bad-password", json_pack("{s:s}", "field", "password"),
			"a password has 8 to 256 characters");
	else if (!user_name_is_good(name))
		answer_failure(&a, -EINVAL);
	else if (user_list_find(&u->list, name) != NULL)
		answer_failure(&a, -EEXIST);
	else
		goto accept;
refuse:
	cb(arg, &a);
	answer_fini(&a);
	return;
accept:
	job = users_job_new(name, password, "", cb, arg);
	if (job != NULL)
		job->role = user_role_parse(role);
	start_job(u, job, user_done, cb, arg);
}
