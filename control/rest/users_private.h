/* SPDX-License-Identifier: BSD-3-Clause */
/* What users.c and login.c share; nobody else includes it. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "control/rest/password.h"
#include "control/rest/throttle.h"
#include "control/rest/token.h"
#include "control/rest/user_list.h"

#define ADMIN_NAME            "admin"
#define INITIAL_PASSWORD_FILE "initial-admin-password"

struct key_job;

struct users {
	struct daemon *daemon;
	int dir; /* the state folder, the daemon's */
	struct user_list list;
	struct token_signer *signer; /* NULL while the first key is being made */
	struct throttle *throttle;
	/* What an unknown user's password is compared with, so that it takes as long. */
	char nobody_hash[PASSWORD_HASH_MAX];
	struct users_job *jobs; /* under way */
	unsigned job_cnt;
	struct key_job *key_job; /* making the first key */
};

/* Writes list to disk; the caller puts it in force when that worked. 0 or -errno, logged. */
int users_store(const struct users *u, const struct user_list *list)
	__attribute__((warn_unused_result));
/* A copy of the list in force, the caller's to end. 0 or -ENOMEM. */
int users_copy(const struct users *u, struct user_list *out) __attribute__((warn_unused_result));
void users_replace(struct users *u, struct user_list *list);
/* Ends every job with 503; their helpers finish without us. */
void users_end_jobs(struct users *u);
