/* SPDX-License-Identifier: BSD-3-Clause */
/* Work with a password hash: a few at a time, on helpers, in memory that is locked and wiped. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/helper.h"
#include "control/rest/users_private.h"
#include "pki/view/secret.h"

#define JOB_MAX 8 /* hashes under way or waiting */

void users_refuse(answer_cb cb, void *arg, int status, const char *code, const char *message,
	unsigned retry_after_sec)
{
	struct answer a;

	answer_error(&a, status, code, NULL, "%s", message);
	a.retry_after_sec = retry_after_sec;
	cb(arg, &a);
	answer_fini(&a);
}

void users_job_free(struct users_job *job)
{
	if (job->delay != NULL)
		event_free(job->delay);
	rk_secret_free(job, sizeof(*job));
}

static void unlink_job(struct users *u, const struct users_job *job)
{
	for (struct users_job **p = &u->jobs; *p != NULL; p = &(*p)->next) {
		if (*p == job) {
			*p = job->next;
			u->job_cnt--;
			return;
		}
	}
}

void users_job_finish(struct users_job *job, struct answer *a)
{
	if (job->users != NULL)
		unlink_job(job->users, job);
	job->cb(job->arg, a);
	answer_fini(a);
	users_job_free(job);
}

void users_end_jobs(struct users *u)
{
	struct users_job *job, *next;

	for (job = u->jobs; job != NULL; job = next) {
		next = job->next;
		job->users = NULL;
		if (job->delay != NULL) {
			struct answer a;

			answer_error(&a, 503, "shutting-down", NULL, "rekey-control is stopping");
			users_job_finish(job, &a);
		}
	}
	u->jobs = NULL;
}

void users_job_start(
	struct users *u, struct users_job *job, void (*work)(void *), void (*done)(void *))
{
	int ret = -EAGAIN;

	if (u->job_cnt < JOB_MAX)
		ret = helper_run(u->daemon->helpers, work, done, job);
	if (ret < 0) {
		users_refuse(job->cb, job->arg, 503, "busy",
			"too many passwords are being checked; try again", 1);
		users_job_free(job);
		return;
	}
	job->users = u;
	job->actor = audit_actor(u->daemon->audit);
	job->next = u->jobs;
	u->jobs = job;
	u->job_cnt++;
}

struct users_job *users_job_new(const char *name, const char *password, answer_cb cb, void *arg)
{
	struct users_job *job = rk_secret_new(sizeof(*job));

	if (job == NULL)
		return NULL;
	memcpy(job->name, name, strlen(name));
	memcpy(job->password, password, strlen(password));
	job->ret = -ECANCELED; /* until a helper says otherwise */
	job->cb = cb;
	job->arg = arg;
	return job;
}
