/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The key that signs tokens, STATE/token.key. A new one takes its place after a time, or when an
 * administrator asks; those before, STATE/token.previous.key and token.previous.2.key and so on, verify
 * for as long as their tokens last: until the next one was made, plus a token's life. Keys are made,
 * and the files moved, on a helper.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <openssl/evp.h>

#include "control/audit.h"
#include "control/config.h"
#include "control/helper.h"
#include "control/log.h"
#include "control/rest/key_file.h"
#include "control/rest/users_private.h"

#define KEY_FILE      "token.key"
#define KEY_NEXT      "token.next.key"
#define ISSUER        "rekey-control"
#define CHECK_SECONDS 3600
#define NAME_LEN      48

struct key_job {
	struct users *users; /* NULL when they were closed meanwhile */
	int dir;             /* a descriptor of our own */
	char audience[256];
	bool is_first;     /* no key signs yet */
	size_t before_cnt; /* those up to here move on by one; the one after goes */
	struct token_signer *signer;
	bool is_shifted; /* the files of before were moved */
	int ret;
	answer_cb cb; /* NULL: nobody waits */
	void *arg;
};

static void print_audience(const struct users *u, char *out, size_t size)
{
	snprintf(out, size, "%s/%s", u->daemon->config->router, u->daemon->config->node);
}

static int load_signer(const struct users *u, const char *name, struct token_signer **out)
{
	char audience[256];
	EVP_PKEY *key = NULL;
	int ret = key_file_load(u->dir, name, &key);

	print_audience(u, audience, sizeof(audience));
	if (ret == 0)
		ret = token_signer_new(key, ISSUER, audience, out);
	EVP_PKEY_free(key);
	return ret;
}

static const char *name_before(size_t i, char out[NAME_LEN])
{
	if (i == 0)
		snprintf(out, NAME_LEN, "token.previous.key");
	else
		snprintf(out, NAME_LEN, "token.previous.%zu.key", i + 1);
	return out;
}

/* A file of the folder takes another's name; -ENOENT when there is none. */
static int rename_file(int dir, const char *from, const char *to)
{
	if (renameat(dir, from, dir, to) < 0 || fsync(dir) < 0)
		return -errno;
	return 0;
}

static int64_t file_time(int dir, const char *name)
{
	struct stat st;

	return fstatat(dir, name, &st, 0) == 0 ? st.st_mtime : 0;
}

/* ---- on a helper ------------------------------------------------------------------------------- */

/* The files of the keys before, up to the first gap; the oldest goes when there is none. */
static void shift_files(struct key_job *job)
{
	char from[NAME_LEN], to[NAME_LEN];

	for (size_t i = job->before_cnt; i > 0; i--)
		if (renameat(job->dir, name_before(i - 1, from), job->dir, name_before(i, to)) < 0)
			log_warning("%s: %s", from, strerror(errno));
	job->is_shifted = true;
}

/* After a crash between two renames there is a gap, or no key but the next one: start finds it. */
static int put_in_place(struct key_job *job)
{
	char name[NAME_LEN];
	int ret = 0;

	if (!job->is_first) {
		shift_files(job);
		ret = rename_file(job->dir, KEY_FILE, name_before(0, name));
	}
	if (ret == 0 || ret == -ENOENT)
		ret = rename_file(job->dir, KEY_NEXT, KEY_FILE);
	return ret;
}

static void make_key(void *arg)
{
	struct key_job *job = arg;
	const struct pki_key_spec spec = {.algorithm = PKI_ALGORITHM_RSA, .rsa_bits = 2048};
	EVP_PKEY *key = NULL;

	unlinkat(job->dir, KEY_NEXT, 0); /* of a try that ended in between */
	job->ret = key_file_make(job->dir, KEY_NEXT, &spec, &key);
	if (job->ret == 0)
		job->ret = token_signer_new(key, ISSUER, job->audience, &job->signer);
	if (job->ret == 0)
		job->ret = put_in_place(job);
	EVP_PKEY_free(key);
}

/* ---- on the loop ------------------------------------------------------------------------------- */

static size_t count_before(const struct users *u)
{
	size_t cnt = 0;

	while (cnt + 1 < TOKEN_KEYS_BEFORE_MAX && u->before[cnt].signer != NULL)
		cnt++;
	return cnt;
}

/* As the files were moved. */
static void shift_before(struct users *u, size_t cnt)
{
	token_signer_free(u->before[cnt].signer);
	memmove(&u->before[1], &u->before[0], cnt * sizeof(u->before[0]));
	u->before[0] = (struct token_key){0};
}

static void put_in_force(struct users *u, struct key_job *job)
{
	u->rotated_at = time(NULL);
	if (u->signer != NULL)
		u->before[0] = (struct token_key){u->signer, u->rotated_at};
	u->signer = job->signer;
	job->signer = NULL;
}

static void answer_job(struct key_job *job)
{
	struct answer a;

	if (job->cb == NULL)
		return;
	if (job->ret == 0)
		answer_ok(&a, json_pack("{s:b}", "rotated", true));
	else if (job->users == NULL)
		answer_error(&a, 503, "shutting-down", NULL, "rekey-control is stopping");
	else
		answer_error(&a, 500, "not-written", NULL, "the key was not changed: %s",
			strerror(-job->ret));
	job->cb(job->arg, &a);
	answer_fini(&a);
}

static void key_made(void *arg)
{
	struct key_job *job = arg;
	struct users *u = job->users;

	if (u != NULL) {
		u->key_job = NULL;
		if (job->is_shifted)
			shift_before(u, job->before_cnt);
		if (job->ret == 0)
			put_in_force(u, job);
		if (job->ret < 0)
			log_error("cannot make the key that signs tokens: %s%s",
				strerror(-job->ret), job->is_first ? "; nobody can log in" : "");
		else if (!job->is_first)
			audit_write(u->daemon->audit, "access.token_key_rotated",
				"A new key signs tokens.", NULL);
	}
	answer_job(job);
	token_signer_free(job->signer);
	close(job->dir);
	free(job);
}

static int start_job(struct users *u, answer_cb cb, void *arg)
{
	struct key_job *job = calloc(1, sizeof(*job));
	int ret = -ENOMEM;

	if (job == NULL)
		return ret;
	job->users = u;
	print_audience(u, job->audience, sizeof(job->audience));
	job->is_first = u->signer == NULL;
	job->before_cnt = count_before(u);
	job->ret = -ECANCELED; /* until a helper says otherwise */
	job->cb = cb;
	job->arg = arg;
	job->dir = fcntl(u->dir, F_DUPFD_CLOEXEC, 3);
	ret = job->dir < 0 ? -errno : helper_run(u->daemon->helpers, make_key, key_made, job);
	if (ret < 0) {
		if (job->dir >= 0)
			close(job->dir);
		free(job);
		return ret;
	}
	u->key_job = job;
	return 0;
}

void users_rotate_key(struct users *u, answer_cb cb, void *arg)
{
	if (u->key_job != NULL)
		users_refuse(cb, arg, 409, "busy", "a key is being made already: try again", 1);
	else if (start_job(u, cb, arg) < 0)
		users_refuse(cb, arg, 503, "busy", "the helpers have too much to do", 1);
}

static void check_age(evutil_socket_t fd, short what, void *arg)
{
	struct users *u = arg;
	uint64_t interval = u->daemon->config->token_key_interval_sec;

	(void)fd;
	(void)what;
	if (interval == 0 || u->key_job != NULL || u->signer == NULL ||
		time(NULL) < u->rotated_at + (int64_t)interval)
		return;
	if (start_job(u, NULL, NULL) < 0)
		log_warning("the key that signs tokens is due, and could not be made now");
}

static bool may_have_tokens(const struct users *u, int64_t retired_at, int64_t now)
{
	uint64_t lifetime = u->daemon->config->token_expiration_sec;

	return lifetime == 0 || now <= retired_at + (int64_t)lifetime;
}

int signing_key_verify(const struct users *u, const char *token, size_t len,
	struct token_subject *subject, const char **why)
{
	int64_t now = time(NULL);
	int ret = token_verify(u->signer, token, len, now, subject, why);
	const char *why_not;

	for (size_t i = 0; i < TOKEN_KEYS_BEFORE_MAX && ret < 0; i++) {
		const struct token_key *k = &u->before[i];

		if (k->signer != NULL && may_have_tokens(u, k->retired_at, now) &&
			token_verify(k->signer, token, len, now, subject, &why_not) == 0)
			return 0;
	}
	return ret;
}

/* Newest first: each retired when the one after it was made. */
static int load_before(struct users *u)
{
	int64_t retired_at = u->rotated_at, now = time(NULL), made_at;
	char name[NAME_LEN];
	int ret = 0;

	for (size_t i = 0; i < TOKEN_KEYS_BEFORE_MAX && ret == 0; i++) {
		made_at = file_time(u->dir, name_before(i, name));
		if (!may_have_tokens(u, retired_at, now)) {
			unlinkat(u->dir, name, 0);
			continue;
		}
		ret = load_signer(u, name, &u->before[i].signer);
		if (ret == -EBADMSG)
			log_warning("%s is damaged: its tokens have ended", name);
		if (ret == -ENOENT || ret == -EBADMSG) {
			ret = 0;
			continue;
		}
		u->before[i].retired_at = retired_at;
		retired_at = made_at;
	}
	return ret;
}

static int load_keys(struct users *u)
{
	int ret = load_signer(u, KEY_FILE, &u->signer);

	if (ret == -ENOENT && rename_file(u->dir, KEY_NEXT, KEY_FILE) == 0)
		ret = load_signer(u, KEY_FILE, &u->signer);
	if (ret < 0)
		return ret;
	u->rotated_at = file_time(u->dir, KEY_FILE);
	return load_before(u);
}

int signing_key_open(struct users *u)
{
	const struct timeval hour = {.tv_sec = CHECK_SECONDS};
	int ret;

	u->rotation = event_new(u->daemon->base, -1, EV_PERSIST, check_age, u);
	if (u->rotation == NULL || event_add(u->rotation, &hour) < 0)
		return -ENOMEM;
	ret = load_keys(u);
	if (ret == -ENOENT)
		return start_job(u, NULL, NULL);
	if (ret < 0)
		log_error("the key that signs tokens, %s/%s, cannot be used: %s; remove it, and a "
			  "new one is made: everybody logs in again",
			u->daemon->options->state_dir, KEY_FILE,
			ret == -EBADMSG ? "it is damaged" : strerror(-ret));
	else
		check_age(-1, 0, u);
	return ret;
}

void signing_key_close(struct users *u)
{
	if (u->key_job != NULL)
		u->key_job->users = NULL;
	if (u->rotation != NULL)
		event_free(u->rotation);
	token_signer_free(u->signer);
	for (size_t i = 0; i < TOKEN_KEYS_BEFORE_MAX; i++)
		token_signer_free(u->before[i].signer);
}
