/* SPDX-License-Identifier: BSD-3-Clause */
/* What users.c and login.c share; nobody else includes it. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "control/audit.h"
#include "control/rest/password.h"
#include "control/rest/throttle.h"
#include "control/rest/token.h"
#include "control/rest/user_list.h"

#define USERS_FILE            "users.json"
#define ADMIN_NAME            "admin"
#define INITIAL_PASSWORD_FILE "initial-admin-password"

struct key_job;

#define USER_FULL_NAME_MAX 128 /* as configured */

/* A hash to be made or compared, for one request. */
struct users_job {
	struct users *users; /* NULL when they were closed meanwhile */
	struct users_job *next;
	struct event *delay;
	answer_cb cb;
	void *arg;
	int ret; /* of the hash */
	bool is_match;
	char name[USER_NAME_MAX + 1];
	char from[80];
	char hash[PASSWORD_HASH_MAX]; /* login: compared with; else: the new one */
	enum user_role role;          /* of a user to be made, as the next two */
	bool is_disabled;
	char full_name[USER_FULL_NAME_MAX + 1];
	struct audit_actor actor; /* who asked */
	char password[USER_PASSWORD_MAX + 1];
	/* Of a new password: the one before, as told and as stored; "": not asked for. */
	char current[USER_PASSWORD_MAX + 1];
	char current_hash[PASSWORD_HASH_MAX];
};

/* A key that signs no more: its tokens may still be good. */
struct token_key {
	struct token_signer *signer;
	int64_t retired_at;
};

struct users {
	struct daemon *daemon;
	int dir; /* the state folder, the daemon's */
	struct user_list list;
	struct token_signer *signer;                    /* NULL while the first key is being made */
	int64_t rotated_at;                             /* when signer's key was made */
	struct token_key before[TOKEN_KEYS_BEFORE_MAX]; /* newest first; signer NULL: a gap */
	struct event *rotation;
	struct ended_tokens *ended;
	struct throttle *throttle;
	/* What an unknown user's password is compared with, so that it takes as long. */
	char nobody_hash[PASSWORD_HASH_MAX];
	uint64_t version; /* of list: another one with each configuration of users */
	STAILQ_HEAD(, users_change) changes; /* waiting for the disk */
	bool is_writing;
	bool is_unwritten; /* the configuration put users in force that users.json has not */
	struct event *retry;
	struct users_job *jobs; /* under way */
	unsigned job_cnt;
	struct key_job *key_job; /* a key is being made */
};

/* ---- users_store.c: what is changed by more than the configuration ---- */

/*
 * A change: on disk before it counts, by the disk thread, in the order asked for. done(0 or -errno,
 * -ENOENT without that user) on the loop, maybe at once.
 */
struct users_wish {
	const char *name;     /* every token of this user ends; NULL: nobody's */
	const char *hash;     /* its new one; NULL: as it is */
	const char *token_id; /* a token of this user ends, and nothing else; NULL */
	int64_t token_expires;
	void (*done)(void *arg, int error); /* NULL: nobody waits */
	void *arg;
};
void users_change(struct users *u, const struct users_wish *wish);
/* Waits for what is under way; whoever waits is told. */
void users_end_changes(struct users *u);

/* A copy of the list in force, the caller's to end. 0 or -ENOMEM. */
int users_copy(const struct users *u, struct user_list *out) __attribute__((warn_unused_result));
void users_replace(struct users *u, struct user_list *list);
/* Answers with an error at once. */
void users_refuse(answer_cb cb, void *arg, int status, const char *code, const char *message,
	unsigned retry_after_sec);
/* In locked memory; NULL when there is none. name and password fit. */
struct users_job *users_job_new(const char *name, const char *password, answer_cb cb, void *arg)
	__attribute__((warn_unused_result));
/* Runs work on a helper, then done here; when it cannot, answers at once and frees the job. */
void users_job_start(
	struct users *u, struct users_job *job, void (*work)(void *), void (*done)(void *));
/* Answers (ending a) and frees the job. */
void users_job_finish(struct users_job *job, struct answer *a);
void users_job_free(struct users_job *job);
/* Ends every job with 503; their helpers finish without us. */
void users_end_jobs(struct users *u);

/* login.c: how often somebody from somewhere may be wrong about a user's password. */
void users_job_from(struct users_job *job, const char *address);
/* true: too often of late; 429 is answered, and the job freed. */
bool users_job_is_held(struct users *u, struct users_job *job) __attribute__((warn_unused_result));
/* Wrong: counted, and told after a while. */
void users_job_is_wrong(struct users *u, struct users_job *job);
/* Right: what was counted is forgotten. */
void users_job_is_right(struct users *u, const struct users_job *job);

/* Has the job hash its password, then done; or answers why not. job may be NULL: no memory. */
void users_job_hash(
	struct users *u, struct users_job *job, void (*done)(void *), answer_cb cb, void *arg);
/* false with 400 bad-password answered. */
bool user_password_check(const char *password, struct answer *out);
/* -ENOENT, -EEXIST, -EPERM (the last admin), ... as an answer. */
void users_answer_failure(struct answer *out, int error);
/* actor may be NULL. */
void users_record(const struct users *u, const struct audit_actor *actor, const char *type,
	const char *what, const struct user_record *user);

/* ---- signing_key.c: the key that signs tokens, and the one before it ---- */

/* Loads the keys, or begins to make the first one. 0 or -errno, logged. */
int signing_key_open(struct users *u) __attribute__((warn_unused_result));
void signing_key_close(struct users *u);
/* By the key that signs, or by one before it while its tokens last; as token_verify. */
int signing_key_verify(const struct users *u, const char *token, size_t len,
	struct token_subject *subject, const char **why) __attribute__((warn_unused_result));
