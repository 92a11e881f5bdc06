/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What users and tokens change by, written by the disk thread: one change after the other, each on
 * disk before it counts. The configuration may put another list in force meanwhile: then the change is
 * made again on that one.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "control/helper.h"
#include "control/log.h"
#include "control/rest/ended_tokens.h"
#include "control/rest/users_private.h"
#include "pki/view/file.h"
#include "pki/view/secret.h"

#define RETRY_SEC   10
#define CHANGES_MAX 256

struct users_change {
	STAILQ_ENTRY(users_change) next;
	struct users *users; /* outlives the disk thread's work */
	struct users_wish wish;
	char name[USER_NAME_MAX + 1];
	char hash[PASSWORD_HASH_MAX];
	char token_id[TOKEN_ID_LEN + 1];
	/* As it will be. */
	struct user_list list;
	uint64_t version; /* of the list that it was made from */
	const char *file;
	char *text;
	int dir;
	int ret;
};

static void drop_text(struct users_change *c)
{
	if (c->text != NULL)
		rk_wipe(c->text, strlen(c->text));
	free(c->text);
	c->text = NULL;
	user_list_fini(&c->list);
}

static void finish(struct users_change *c)
{
	if (c->wish.done != NULL)
		c->wish.done(c->wish.arg, c->ret);
	drop_text(c);
	rk_wipe(c, sizeof(*c));
	free(c);
}

/* A list with this user's tokens ended, and its new hash; without a name it is the one in force. */
static int make_list(struct users_change *c)
{
	const struct users *u = c->users;
	struct user_record *user;
	int ret = users_copy(u, &c->list);

	if (ret < 0)
		return ret;
	c->version = u->version;
	if (c->name[0] != '\0') {
		user = user_list_find(&c->list, c->name);
		if (user == NULL)
			return -ENOENT;
		user->epoch++;
		if (c->hash[0] != '\0')
			memcpy(user->hash, c->hash, sizeof(user->hash));
	}
	c->file = USERS_FILE;
	c->text = user_list_print(&c->list);
	return c->text != NULL ? 0 : -ENOMEM;
}

/* The token beside those that have ended; when they are too many, all of its user's. */
static int make_ended(struct users_change *c)
{
	int ret = ended_tokens_print(
		c->users->ended, c->token_id, c->wish.token_expires, ended_clock_now(), &c->text);

	c->file = ENDED_TOKENS_FILE;
	if (ret != -ENOSPC)
		return ret;
	c->token_id[0] = '\0';
	return make_list(c);
}

static void write_change(void *arg)
{
	struct users_change *c = arg;
	int ret;

	c->ret = rk_file_replace(c->dir, c->file, 0600, c->text, strlen(c->text));
	if (c->ret < 0 || c->hash[0] == '\0' || strcmp(c->name, ADMIN_NAME) != 0)
		return;
	ret = rk_file_remove(c->dir, INITIAL_PASSWORD_FILE);
	if (ret < 0 && ret != -ENOENT)
		log_warning("cannot remove %s: %s", INITIAL_PASSWORD_FILE, strerror(-ret));
}

static void start_next(struct users *u);

static void retry(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	users_flush(arg, NULL, NULL);
}

static void retry_later(struct users *u)
{
	const struct timeval tv = {.tv_sec = RETRY_SEC};

	if (u->retry == NULL)
		u->retry = evtimer_new(u->daemon->base, retry, u);
	if (u->retry == NULL || evtimer_add(u->retry, &tv) < 0)
		log_error("no memory is left to write %s again", USERS_FILE);
}

static void take(struct users_change *c)
{
	struct users *u = c->users;

	if (c->token_id[0] != '\0') {
		ended_tokens_take(u->ended, c->token_id, c->wish.token_expires, ended_clock_now());
		return;
	}
	users_replace(u, &c->list);
	u->is_unwritten = false;
}

static void written(void *arg)
{
	struct users_change *c = arg;
	struct users *u = c->users;

	u->is_writing = false;
	if (c->ret == 0 && c->token_id[0] == '\0' && c->version != u->version) {
		drop_text(c);
		STAILQ_INSERT_HEAD(&u->changes, c, next);
	} else {
		if (c->ret == 0)
			take(c);
		else
			log_error("cannot write %s/%s: %s", u->daemon->options->state_dir, c->file,
				strerror(-c->ret));
		if (u->is_unwritten && c->ret < 0 && c->ret != -ECANCELED)
			retry_later(u);
		finish(c);
	}
	start_next(u);
}

static bool start_writing(struct users_change *c)
{
	struct users *u = c->users;
	int ret;

	c->ret = c->token_id[0] != '\0' ? make_ended(c) : make_list(c);
	if (c->ret < 0)
		return false;
	c->ret = -ECANCELED; /* until the thread says otherwise */
	ret = helper_run(u->daemon->disk, write_change, written, c);
	if (ret < 0)
		c->ret = ret;
	return ret == 0;
}

static void start_next(struct users *u)
{
	struct users_change *c;

	while (!u->is_writing && (c = STAILQ_FIRST(&u->changes)) != NULL) {
		STAILQ_REMOVE_HEAD(&u->changes, next);
		u->is_writing = start_writing(c);
		if (!u->is_writing)
			finish(c);
	}
}

void users_change(struct users *u, const struct users_wish *wish)
{
	struct users_change *c = NULL, *other;
	size_t cnt = 0;

	STAILQ_FOREACH(other, &u->changes, next)
	cnt++;
	if (cnt < CHANGES_MAX)
		c = calloc(1, sizeof(*c));
	if (c == NULL) {
		if (wish->done != NULL)
			wish->done(wish->arg, -EAGAIN);
		return;
	}
	c->users = u;
	c->wish = *wish;
	c->dir = u->dir;
	snprintf(c->name, sizeof(c->name), "%s", wish->name != NULL ? wish->name : "");
	snprintf(c->hash, sizeof(c->hash), "%s", wish->hash != NULL ? wish->hash : "");
	snprintf(c->token_id, sizeof(c->token_id), "%s",
		wish->token_id != NULL ? wish->token_id : "");
	STAILQ_INSERT_TAIL(&u->changes, c, next);
	start_next(u);
}

void users_flush(struct users *u, void (*done)(void *arg, int error), void *arg)
{
	if (u->is_unwritten)
		users_change(u, &(struct users_wish){.done = done, .arg = arg});
	else if (done != NULL)
		done(arg, 0);
}

bool users_are_unwritten(const struct users *u)
{
	return u->is_unwritten;
}

void users_end_changes(struct users *u)
{
	while (u->is_writing)
		helper_pool_drain(u->daemon->disk);
	if (u->retry != NULL)
		event_free(u->retry);
}
