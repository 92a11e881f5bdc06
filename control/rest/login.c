/* SPDX-License-Identifier: BSD-3-Clause */
/* Logging in. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "control/config.h"
#include "control/fields.h"
#include "control/rest/users_private.h"

#define PER_SOURCE      4   /* failures of a source, as a multiple of those of one user from it */
#define FAIL_DELAY_MS   300 /* a wrong password is told no faster than this */
#define APPLICATION_MAX 255
#define FOREVER_SEC     (INT64_C(100) * 366 * 86400)

static int64_t now_sec(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec;
}

/* Whoever has one IPv6 address has the /64 around it. */
void users_job_from(struct users_job *job, const char *address)
{
	struct in6_addr v6;

	if (inet_pton(AF_INET6, address, &v6) == 1) {
		memset(v6.s6_addr + 8, 0, 8);
		inet_ntop(AF_INET6, &v6, job->from, sizeof(job->from));
	} else {
		snprintf(job->from, sizeof(job->from), "%s", address);
	}
}

/* The one key of failures by a user from a source; '|' is in no user name of ours. */
static void throttle_key(const struct users_job *job, char *out, size_t size)
{
	snprintf(out, size, "%s|%s", job->from, job->name);
}

bool users_job_is_held(struct users *u, struct users_job *job)
{
	unsigned wait, wait_source;
	char key[160];

	throttle_key(job, key, sizeof(key));
	wait = throttle_wait(u->throttle, key, now_sec());
	wait_source = throttle_wait(u->throttle, job->from, now_sec());
	if (wait == 0 && wait_source == 0)
		return false;
	users_refuse(job->cb, job->arg, 429, "too-many-failures",
		"too many failed logins; wait as Retry-After says",
		wait > wait_source ? wait : wait_source);
	users_job_free(job);
	return true;
}

static void tell_failure(evutil_socket_t fd, short what, void *arg)
{
	const struct users_job *job = arg;
	struct answer a;

	(void)fd;
	(void)what;
	if (job->current[0] != '\0')
		answer_error(&a, 403, "wrong-password",
			json_pack("{s:s}", "field", "current_password"),
			"the current password is another one; nothing was changed");
	else
		answer_error(
			&a, 401, "bad-credentials", NULL, "the user name or the password is wrong");
	users_job_finish(arg, &a);
}

void users_job_is_wrong(struct users *u, struct users_job *job)
{
	const struct timeval delay = {.tv_usec = FAIL_DELAY_MS * 1000};
	unsigned free_cnt = u->daemon->config->rest.login_free_cnt;
	char key[160];

	throttle_key(job, key, sizeof(key));
	throttle_fail(u->throttle, key, free_cnt, now_sec());
	throttle_fail(u->throttle, job->from, PER_SOURCE * free_cnt, now_sec());
	job->delay = evtimer_new(u->daemon->base, tell_failure, job);
	if (job->delay == NULL || evtimer_add(job->delay, &delay) < 0)
		tell_failure(-1, 0, job);
}

void users_job_is_right(struct users *u, const struct users_job *job)
{
	char key[160];

	throttle_key(job, key, sizeof(key));
	throttle_forget(u->throttle, key);
}

static json_t *scopes_of(enum user_role role)
{
	return role == USER_ADMIN ? json_pack("[s,s]", "configure", "show-commands")
				  : json_pack("[s]", "show-commands");
}

static json_t *capabilities_of(enum user_role role)
{
	return role == USER_ADMIN
		       ? json_pack("[s,s,s]", "config-read", "config-write", "provisioning")
		       : json_pack("[s]", "config-read");
}

static void answer_token(const struct users *u, const struct user_record *user, struct answer *a)
{
	uint64_t lifetime = u->daemon->config->token_expiration_sec;
	struct token_claims claims = {
		.name = user->name,
		.roles = json_pack("[s]", user_role_name(user->role)),
		.scopes = scopes_of(user->role),
		.capabilities = capabilities_of(user->role),
		.now = time(NULL),
		.lifetime =
			lifetime > 0 && lifetime < FOREVER_SEC ? (int64_t)lifetime : FOREVER_SEC,
		.epoch = user->epoch,
	};
	char *token = NULL;
	int ret = token_issue(u->signer, &claims, &token);

	if (ret < 0)
		answer_error(a, 500, "internal", NULL, "the token could not be made");
	else
		answer_ok(a, json_pack("{s:s}", "token", token));
	free(token);
	json_decref(claims.roles);
	json_decref(claims.scopes);
	json_decref(claims.capabilities);
}

static void check_password(void *arg)
{
	struct users_job *job = arg;

	job->is_match = password_matches(job->password, job->hash);
}

/* A user that may not is told nothing else than one that is not there, and as late. */
static bool may_log_in(const struct user_record *user)
{
	return user != NULL && user->hash[0] != '\0' && !user->is_disabled;
}

static void login_done(void *arg)
{
	struct users_job *job = arg;
	struct users *u = job->users;
	const struct user_record *user;
	struct answer a;

	if (u == NULL) {
		answer_error(&a, 503, "shutting-down", NULL, "rekey-control is stopping");
		users_job_finish(job, &a);
		return;
	}
	user = user_list_find(&u->list, job->name);
	/* The password may have changed while the old one was being compared. */
	if (!job->is_match || !may_log_in(user) || strcmp(user->hash, job->hash) != 0) {
		users_job_is_wrong(u, job);
		return;
	}
	users_job_is_right(u, job);
	answer_token(u, user, &a);
	users_job_finish(job, &a);
}

void users_login(struct users *u, const json_t *request, const char *from, answer_cb cb, void *arg)
{
	const char *name = NULL, *password = NULL, *application;
	const struct field fields[] = {
		{"username", FIELD_STRING, true, &name, 1, USER_NAME_MAX},
		{"password", FIELD_STRING, true, &password, 1, USER_PASSWORD_MAX},
		{"application", FIELD_STRING, false, &application, 0, APPLICATION_MAX},
	};
	const struct user_record *user;
	struct users_job *job;
	struct answer a;

	if (fields_read(request, fields, 3, &a) < 0) {
		cb(arg, &a);
		answer_fini(&a);
		return;
	}
	if (u->signer == NULL) {
		users_refuse(
			cb, arg, 503, "starting", "the key that signs tokens is being made", 1);
		return;
	}
	job = users_job_new(name, password, cb, arg);
	if (job == NULL) {
		users_refuse(cb, arg, 503, "busy", "no locked memory is left; try again", 1);
		return;
	}
	users_job_from(job, from);
	if (users_job_is_held(u, job))
		return;
	user = user_list_find(&u->list, name);
	memcpy(job->hash, may_log_in(user) ? user->hash : u->nobody_hash, sizeof(job->hash));
	users_job_start(u, job, check_password, login_done);
}
