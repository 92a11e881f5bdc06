/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/rest/ended_tokens.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "control/log.h"
#include "pki/view/file.h"

#define FILE_MAX (ENDED_TOKENS_MAX * 160)

struct ended {
	char id[TOKEN_ID_LEN + 1];
	int64_t expires;
	int64_t left; /* until then, by the clock of when it ended */
	int64_t seen; /* up: since when this process has known it */
};

struct ended_tokens {
	int dir;
	struct ended token[ENDED_TOKENS_MAX];
	size_t cnt;
};

struct ended_clock ended_clock_now(void)
{
	struct timespec up;

	clock_gettime(CLOCK_BOOTTIME, &up);
	return (struct ended_clock){.wall = time(NULL), .up = up.tv_sec};
}

static struct ended new_ended(
	const char id[TOKEN_ID_LEN + 1], int64_t expires, struct ended_clock now)
{
	struct ended t = {.expires = expires, .seen = now.up};

	memcpy(t.id, id, sizeof(t.id));
	t.left = expires > now.wall ? expires - now.wall : 0;
	return t;
}

/* Files of before say nothing of what was left: the clock of now does. */
static bool read_token(const json_t *json, struct ended_clock now, struct ended *out)
{
	const char *id = json_string_value(json_object_get(json, "id"));
	const json_t *expires = json_object_get(json, "expires");
	const json_t *left = json_object_get(json, "left");

	if (id == NULL || strlen(id) != TOKEN_ID_LEN || !json_is_integer(expires) ||
		(left != NULL && !json_is_integer(left)))
		return false;
	*out = new_ended(id, json_integer_value(expires), now);
	if (left != NULL)
		out->left = json_integer_value(left);
	return true;
}

static int load(struct ended_tokens *e, struct ended_clock now)
{
	uint8_t *text = NULL;
	json_t *list = NULL;
	const json_t *token;
	size_t len = 0, i;
	int ret = rk_file_read(e->dir, ENDED_TOKENS_FILE, FILE_MAX, &text, &len);

	if (ret == -ENOENT)
		return 0;
	if (ret < 0)
		return ret;
	list = json_loadb((const char *)text, len, JSON_REJECT_DUPLICATES, NULL);
	free(text);
	if (!json_is_array(list) || json_array_size(list) > ENDED_TOKENS_MAX)
		ret = -EINVAL;
	json_array_foreach(list, i, token)
	{
		if (ret == 0 && !read_token(token, now, &e->token[e->cnt++]))
			ret = -EINVAL;
	}
	json_decref(list);
	return ret;
}

int ended_tokens_open(int state_fd, struct ended_clock now, struct ended_tokens **out)
{
	struct ended_tokens *e = calloc(1, sizeof(*e));
	int ret;

	if (e == NULL)
		return -ENOMEM;
	e->dir = state_fd;
	ret = load(e, now);
	if (ret < 0) {
		log_error("%s cannot be used: %s; restore it, or remove it: tokens that were "
			  "logged out count again then, unless token.key goes with it",
			ENDED_TOKENS_FILE, ret == -EINVAL ? "it is damaged" : strerror(-ret));
		free(e);
		return ret;
	}
	*out = e;
	return 0;
}

void ended_tokens_close(struct ended_tokens *e)
{
	free(e);
}

static void drop_expired(struct ended_tokens *e, struct ended_clock now)
{
	size_t kept = 0;

	for (size_t i = 0; i < e->cnt; i++) {
		const struct ended *t = &e->token[i];

		if (t->expires > now.wall || now.up - t->seen < t->left)
			e->token[kept++] = *t;
	}
	e->cnt = kept;
}

static json_t *token_json(const struct ended *t)
{
	return json_pack("{s:s, s:I, s:I}", "id", t->id, "expires", (json_int_t)t->expires, "left",
		(json_int_t)t->left);
}

int ended_tokens_print(struct ended_tokens *e, const char id[TOKEN_ID_LEN + 1], int64_t expires,
	struct ended_clock now, char **out)
{
	struct ended one_more = new_ended(id, expires, now);
	json_t *list;

	drop_expired(e, now);
	if (e->cnt == ENDED_TOKENS_MAX)
		return -ENOSPC;
	list = json_array();
	for (size_t i = 0; i < e->cnt; i++)
		json_array_append_new(list, token_json(&e->token[i]));
	json_array_append_new(list, token_json(&one_more));
	*out = json_dumps(list, JSON_INDENT(1));
	json_decref(list);
	return *out != NULL ? 0 : -ENOMEM;
}

void ended_tokens_take(struct ended_tokens *e, const char id[TOKEN_ID_LEN + 1], int64_t expires,
	struct ended_clock now)
{
	drop_expired(e, now);
	assert(e->cnt < ENDED_TOKENS_MAX);
	e->token[e->cnt++] = new_ended(id, expires, now);
}

bool ended_tokens_has(const struct ended_tokens *e, const char id[TOKEN_ID_LEN + 1])
{
	for (size_t i = 0; i < e->cnt; i++)
		if (memcmp(e->token[i].id, id, TOKEN_ID_LEN) == 0)
			return true;
	return false;
}
