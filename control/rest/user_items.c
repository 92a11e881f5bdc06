/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Users as items of the configuration: made, changed and removed by a commit, whoever asks for it.
 * What only this file adds to the configuration is the password.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/rand.h>

#include "control/config.h"
#include "control/configuration.h"
#include "control/fields.h"
#include "control/log.h"
#include "control/rest/users_private.h"

static_assert(USER_CNT_MAX == CONFIG_USER_MAX, "as many as can be configured");

/* ---- what a commit does to users -------------------------------------------------------------- */

static enum user_role role_of(const struct config_user *user)
{
	static const enum user_role roles[] = {[CONFIG_ROLE_VIEWER] = USER_VIEWER,
		[CONFIG_ROLE_OPERATOR] = USER_OPERATOR,
		[CONFIG_ROLE_ADMIN] = USER_ADMIN};

	return roles[user->role];
}

/*
 * As it was, or without a password; tokens of a former one of that name are not this one's. Who is
 * barred has lost what tokens there were for good: they do not come back when the user does.
 */
static int add_configured(
	struct user_list *list, const struct config_user *user, const struct user_record *old)
{
	bool is_barred_now = old != NULL && !old->is_disabled && !user->is_enabled;
	struct user_record *added;
	uint64_t epoch = 0;
	int ret = user_list_add(list, user->name, role_of(user), old != NULL ? old->hash : "");

	if (ret == 0 && old == NULL && RAND_bytes((uint8_t *)&epoch, sizeof(epoch)) != 1)
		ret = -EIO;
	if (ret < 0)
		return ret;
	added = &list->user[list->cnt - 1];
	added->epoch = old != NULL ? old->epoch + is_barred_now : epoch >> 16;
	added->is_disabled = !user->is_enabled;
	return 0;
}

static bool is_same(const struct user_record *a, const struct user_record *b)
{
	return a->role == b->role && a->is_disabled == b->is_disabled;
}

/* Who came, changed or went; true when there was anything to record. */
static bool record_changes(
	struct users *u, const struct user_list *now, const struct audit_actor *actor)
{
	bool is_changed = false;

	for (size_t i = 0; i < now->cnt; i++) {
		const struct user_record *user = &now->user[i];
		const struct user_record *old = user_list_find(&u->list, user->name);

		if (old != NULL && is_same(old, user))
			continue;
		is_changed = true;
		if (old == NULL)
			users_record(u, actor, "access.user_created", "Made a user", user);
		else
			users_record(u, actor, "access.user_changed", "Changed a user", user);
	}
	for (size_t i = 0; i < u->list.cnt; i++) {
		const struct user_record *old = &u->list.user[i];

		if (user_list_find(now, old->name) != NULL)
			continue;
		is_changed = true;
		users_record(u, actor, "access.user_deleted", "Removed a user", old);
	}
	return is_changed;
}

void users_configure(struct users *u, const struct audit_actor *actor)
{
	const struct config *c = u->daemon->config;
	struct user_list list = {0};
	int ret = 0;

	for (size_t i = 0; i < c->user_cnt && ret == 0; i++)
		ret = add_configured(&list, &c->user[i], user_list_find(&u->list, c->user[i].name));
	if (ret < 0)
		log_error("the configured users cannot be put in force: %s", strerror(-ret));
	if (ret == 0 && c->user_cnt > 0 && record_changes(u, &list, actor)) {
		users_replace(u, &list);
		u->version++;
		u->is_unwritten = true;
		users_flush(u, NULL, NULL);
	}
	user_list_fini(&list);
}

/* ---- what is asked for by name ---------------------------------------------------------------- */

/* A commit of one user. */
struct change {
	struct users *users; /* outlives every commit */
	char name[USER_NAME_MAX + 1];
	bool is_removal;
	answer_cb cb;
	void *arg;
};

static json_t *operation(const char *op, const char *name, const char *field, json_t *value)
{
	return json_pack("{s:s, s:[s,s,s,s,s*], s:o*}", "op", op, "path", "authority",
		"access-management", "user", name, field, "value", value);
}

static void committed(void *arg, struct answer *commit)
{
	struct change *change = arg;
	struct answer a;

	if (commit->status != 200) {
		change->cb(change->arg, commit);
	} else {
		if (change->is_removal)
			answer_ok(&a, json_pack("{s:s}", "deleted", change->name));
		else
			users_show(change->users, change->name, &a);
		change->cb(change->arg, &a);
		answer_fini(&a);
	}
	free(change);
}

/* Takes operations. */
static void commit_user(
	struct users *u, const char *name, json_t *operations, answer_cb cb, void *arg)
{
	const struct configuration_item item = {.name = name,
		.audit_type = "config.committed",
		.audit_text = "Put a configuration in force",
		.operations = operations};

	configuration_commit_item(u->daemon->configuration, &item, cb, arg);
}

static void commit_change(struct users *u, const char *name, bool is_removal, json_t *operations,
	answer_cb cb, void *arg)
{
	struct change *change = calloc(1, sizeof(*change));

	if (change == NULL || operations == NULL) {
		free(change);
		json_decref(operations);
		users_refuse(cb, arg, 503, "busy", "no memory is left; try again", 1);
		return;
	}
	*change = (struct change){.users = u, .is_removal = is_removal, .cb = cb, .arg = arg};
	snprintf(change->name, sizeof(change->name), "%s", name);
	commit_user(u, name, operations, committed, change);
}

struct wanted {
	const char *role; /* NULL: as it is */
	const char *full_name;
	const json_t *enabled;
};

static bool is_wanted_good(const struct wanted *w, struct answer *out)
{
	if (w->role != NULL && user_role_parse(w->role) == USER_NOBODY)
		field_refuse(out, "role", "must be viewer, operator or admin");
	else
		return true;
	return false;
}

/* The list as it would be has nobody left who could change it. */
static bool is_last_admin(const struct users *u, const struct user_record *user,
	const struct wanted *w, bool is_removal)
{
	bool stays_admin = !is_removal && (w->role == NULL || strcmp(w->role, "admin") == 0) &&
			   !json_is_false(w->enabled);

	return user->role == USER_ADMIN && !user->is_disabled && !stays_admin &&
	       user_list_admin_cnt(&u->list) == 1;
}

static json_t *change_operations(const char *name, const struct wanted *w)
{
	json_t *list = json_array();

	if (w->role != NULL)
		json_array_append_new(list, operation("set", name, "role", json_string(w->role)));
	if (w->full_name != NULL)
		json_array_append_new(
			list, operation("set", name, "full-name", json_string(w->full_name)));
	if (w->enabled != NULL)
		json_array_append_new(list,
			operation("set", name, "enabled", json_boolean(json_is_true(w->enabled))));
	return list;
}

void users_update(struct users *u, const char *name, const json_t *request, answer_cb cb, void *arg)
{
	struct wanted w = {NULL, NULL, json_object_get(request, "is_enabled")};
	bool enabled;
	const struct field fields[] = {{"role", FIELD_STRING, false, &w.role},
		{"full_name", FIELD_STRING, false, &w.full_name, 0, USER_FULL_NAME_MAX},
		{"is_enabled", FIELD_BOOL, false, &enabled}};
	const struct user_record *user = user_list_find(&u->list, name);
	struct answer a;

	if (fields_read(request, fields, 3, &a) < 0 || !is_wanted_good(&w, &a))
		goto refuse;
	if (json_object_size(request) == 0)
		answer_error(&a, 400, "missing-field", json_pack("{s:s}", "field", "role"),
			"one of \"role\", \"full_name\" and \"is_enabled\" is needed");
	else if (user == NULL)
		users_answer_failure(&a, -ENOENT);
	else if (is_last_admin(u, user, &w, false))
		users_answer_failure(&a, -EPERM);
	else
		goto accept;
refuse:
	cb(arg, &a);
	answer_fini(&a);
	return;
accept:
	commit_change(u, name, false, change_operations(name, &w), cb, arg);
}

void users_delete(struct users *u, const char *name, answer_cb cb, void *arg)
{
	const struct user_record *user = user_list_find(&u->list, name);
	struct answer a;

	if (user != NULL && !is_last_admin(u, user, &(struct wanted){0}, true)) {
		commit_change(u, name, true,
			json_pack("[o]", operation("delete", name, NULL, NULL)), cb, arg);
		return;
	}
	users_answer_failure(&a, user == NULL ? -ENOENT : -EPERM);
	cb(arg, &a);
	answer_fini(&a);
}

/* ---- a new one, with its password ------------------------------------------------------------- */

static void password_put(void *arg, int error)
{
	struct users_job *job = arg;
	struct answer a;

	if (error == 0 && job->users != NULL)
		users_show(job->users, job->name, &a);
	else if (error == -ENOENT) /* removed by somebody else meanwhile */
		users_answer_failure(&a, error);
	else
		answer_error(&a, 500, "not-written", NULL,
			"the user was made and has no password, for that could not be stored: %s",
			strerror(-error));
	users_job_finish(job, &a);
}

static void user_committed(void *arg, struct answer *commit)
{
	struct users_job *job = arg;
	struct users *u = job->users;
	struct answer a;

	if (commit->status != 200) {
		a = *commit;
		json_incref(a.body);
		users_job_finish(job, &a);
		return;
	}
	if (u == NULL)
		password_put(job, -ESHUTDOWN);
	else
		users_change(u, &(struct users_wish){.name = job->name,
					.hash = job->hash,
					.done = password_put,
					.arg = job});
}

static void user_hashed(void *arg)
{
	struct users_job *job = arg;
	struct users *u = job->users;
	struct answer a;
	json_t *value;

	if (job->ret == 0 && u != NULL && user_list_find(&u->list, job->name) == NULL) {
		value = json_pack("{s:s, s:s*, s:b}", "role", user_role_name(job->role),
			"full-name", job->full_name[0] != '\0' ? job->full_name : NULL, "enabled",
			!job->is_disabled);
		/* The request is not the current one any more: the commit is its all the same. */
		audit_set_actor(u->daemon->audit, &job->actor);
		commit_user(u, job->name,
			json_pack("[o]", operation("set", job->name, NULL, value)), user_committed,
			job);
		audit_set_actor(u->daemon->audit, NULL);
		return;
	}
	users_answer_failure(&a, job->ret < 0 ? job->ret : u == NULL ? -ESHUTDOWN : -EEXIST);
	users_job_finish(job, &a);
}

void users_create(struct users *u, const json_t *request, answer_cb cb, void *arg)
{
	const char *name = NULL, *password = NULL;
	struct wanted w = {NULL, "", json_object_get(request, "is_enabled")};
	bool enabled = true;
	const struct field fields[] = {
		{"name", FIELD_STRING, true, &name},
		{"role", FIELD_STRING, true, &w.role},
		{"password", FIELD_STRING, true, &password},
		{"full_name", FIELD_STRING, false, &w.full_name, 0, USER_FULL_NAME_MAX},
		{"is_enabled", FIELD_BOOL, false, &enabled},
	};
	struct users_job *job;
	struct answer a;

	if (fields_read(request, fields, 5, &a) < 0 || !is_wanted_good(&w, &a))
		goto refuse;
	if (!user_password_check(password, &a))
		goto refuse;
	if (!user_name_is_good(name))
		users_answer_failure(&a, -EINVAL);
	else if (user_list_find(&u->list, name) != NULL)
		users_answer_failure(&a, -EEXIST);
	else
		goto accept;
refuse:
	cb(arg, &a);
	answer_fini(&a);
	return;
accept:
	job = users_job_new(name, password, cb, arg);
	if (job != NULL) {
		job->role = user_role_parse(w.role);
		job->is_disabled = !enabled;
		memcpy(job->full_name, w.full_name, strlen(w.full_name) + 1);
	}
	users_job_hash(u, job, user_hashed, cb, arg);
}
