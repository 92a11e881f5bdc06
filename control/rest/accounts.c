/* SPDX-License-Identifier: BSD-3-Clause */
/* Users as the API manages them. Each change is on disk before it counts. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/config.h"
#include "control/fields.h"
#include "control/rest/users_private.h"

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
	else if (error == -EAGAIN)
		answer_error(
			out, 503, "busy", NULL, "too many changes wait for the disk; try again");
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

/* A user whose tokens are being ended. */
struct ending {
	struct users *users; /* outlives every change */
	char name[USER_NAME_MAX + 1];
	bool is_recorded;
	struct audit_actor actor;
	answer_cb cb;
	void *arg;
};

static void ended(void *arg, int error)
{
	struct ending *e = arg;
	struct answer a;

	if (error == 0 && e->is_recorded)
		record(e->users, &e->actor, "access.tokens_ended", "Ended every token of a user",
			e->name);
	if (error == 0)
		answer_ok(&a, json_pack("{s:s}", "user", e->name));
	else
		users_answer_failure(&a, error);
	e->cb(e->arg, &a);
	answer_fini(&a);
	free(e);
}

/* token_id: that token alone. */
static void end_tokens(struct users *u, const char *name, const struct user_identity *token,
	answer_cb cb, void *arg)
{
	struct ending *e = calloc(1, sizeof(*e));

	if (e == NULL) {
		users_refuse(cb, arg, 503, "busy", "no memory is left; try again", 1);
		return;
	}
	*e = (struct ending){.users = u,
		.is_recorded = token == NULL,
		.actor = audit_actor(u->daemon->audit),
		.cb = cb,
		.arg = arg};
	snprintf(e->name, sizeof(e->name), "%s", name);
	users_change(u, &(struct users_wish){.name = name,
				.token_id = token != NULL ? token->token_id : NULL,
				.token_expires = token != NULL ? token->token_expires : 0,
				.done = ended,
				.arg = e});
}

void users_end_tokens(struct users *u, const char *name, answer_cb cb, void *arg)
{
	end_tokens(u, name, NULL, cb, arg);
}

void users_logout(struct users *u, const struct user_identity *who, answer_cb cb, void *arg)
{
	if (who->token_id[0] == '\0')
		users_refuse(cb, arg, 400, "no-token",
			"this call came without a token: there is nothing to end", 0);
	else
		end_tokens(u, who->name, who, cb, arg);
}

/* ---- what needs a hash ------------------------------------------------------------------------ */

static void make_hash(void *arg)
{
	struct users_job *job = arg;

	job->is_match =
		job->current[0] == '\0' || password_matches(job->current, job->current_hash);
	if (job->is_match)
		job->ret = password_hash(job->password, job->hash);
}

static void password_stored(void *arg, int error)
{
	struct users_job *job = arg;
	struct answer a;

	if (error == 0) {
		if (job->users != NULL)
			record(job->users, &job->actor, "access.password_changed", "Set a password",
				job->name);
		answer_ok(&a, json_pack("{s:s}", "user", job->name));
	} else {
		users_answer_failure(&a, error);
	}
	users_job_finish(job, &a);
}

/* The password may have changed while the one before was being compared. */
static bool is_proven(const struct users_job *job)
{
	const struct user_record *user = user_list_find(&job->users->list, job->name);

	return job->is_match && user != NULL && strcmp(user->hash, job->current_hash) == 0;
}

static void password_done(void *arg)
{
	struct users_job *job = arg;
	bool is_asked = job->current[0] != '\0';

	if (job->users != NULL && is_asked && !is_proven(job)) {
		users_job_is_wrong(job->users, job);
		return;
	}
	if (job->users != NULL && is_asked)
		users_job_is_right(job->users, job);
	if (job->ret < 0 || job->users == NULL)
		password_stored(job, job->ret < 0 ? job->ret : -ESHUTDOWN);
	else
		users_change(job->users, &(struct users_wish){.name = job->name,
						 .hash = job->hash,
						 .done = password_stored,
						 .arg = job});
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

static struct users_job *new_password_job(struct users *u, const struct user_record *user,
	const char *password, const char *current, answer_cb cb, void *arg)
{
	struct users_job *job = users_job_new(user->name, password, cb, arg);

	if (job == NULL || current == NULL)
		return job;
	users_job_from(job, audit_actor(u->daemon->audit).address);
	memcpy(job->current, current, strlen(current));
	memcpy(job->current_hash, user->hash, sizeof(job->current_hash));
	return job;
}

static void set_password(struct users *u, const char *name, const json_t *request,
	bool must_be_proven, answer_cb cb, void *arg)
{
	const char *password = NULL, *current = NULL;
	const struct field fields[] = {
		{"password", FIELD_STRING, true, &password},
		{"current_password", FIELD_STRING, must_be_proven, &current, 1, USER_PASSWORD_MAX},
	};
	const struct user_record *user = user_list_find(&u->list, name);
	struct users_job *job;
	struct answer a;

	if (fields_read(request, fields, 2, &a) < 0 || !user_password_check(password, &a)) {
		cb(arg, &a);
		answer_fini(&a);
		return;
	}
	if (user == NULL) {
		users_refuse(cb, arg, 404, "no-such-user", "there is no user of that name", 0);
		return;
	}
	job = new_password_job(u, user, password, current, cb, arg);
	if (job == NULL || current == NULL || !users_job_is_held(u, job))
		users_job_hash(u, job, password_done, cb, arg);
}

void users_set_password(
	struct users *u, const char *name, const json_t *request, answer_cb cb, void *arg)
{
	set_password(u, name, request, false, cb, arg);
}

void users_change_password(
	struct users *u, const char *name, const json_t *request, answer_cb cb, void *arg)
{
	set_password(u, name, request, true, cb, arg);
}
