/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/rest/ended_tokens.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "control/log.h"
#include "pki/view/file.h"

#define FILE_MAX (ENDED_TOKENS_MAX * 128)

struct ended {
	char id[TOKEN_ID_LEN + 1];
	int64_t expires;
};

struct ended_tokens {
	int dir;
	struct ended token[ENDED_TOKENS_MAX];
	size_t cnt;
};

static bool read_token(const json_t *json, struct ended *out)
{
	const char *id = json_string_value(json_object_get(json, "id"));
	const json_t *expires = json_object_get(json, "expires");

	if (id == NULL || strlen(id) != TOKEN_ID_LEN || !json_is_integer(expires))
		return false;
	memcpy(out->id, id, sizeof(out->id));
	out->expires = json_integer_value(expires);
	return true;
}

static int load(struct ended_tokens *e)
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
		if (ret == 0 && !read_token(token, &e->token[e->cnt++]))
			ret = -EINVAL;
	}
	json_decref(list);
	return ret;
}

int ended_tokens_open(int state_fd, struct ended_tokens **out)
{
	struct ended_tokens *e = calloc(1, sizeof(*e));
	int ret;

	if (e == NULL)
		return -ENOMEM;
	e->dir = state_fd;
	ret = load(e);
	if (ret < 0) {
		log_error("%s cannot be used: %s", ENDED_TOKENS_FILE, strerror(-ret));
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

static void drop_expired(struct ended_tokens *e, int64_t now)
{
	size_t kept = 0;

	for (size_t i = 0; i < e->cnt; i++)
		if (e->token[i].expires > now)
			e->token[kept++] = e->token[i];
	e->cnt = kept;
}

static json_t *token_json(const char *id, int64_t expires)
{
	return json_pack("{s:s, s:I}", "id", id, "expires", (json_int_t)expires);
}

int ended_tokens_print(struct ended_tokens *e, const char id[TOKEN_ID_LEN + 1], int64_t expires,
	int64_t now, char **out)
{
	json_t *list;

	drop_expired(e, now);
	if (e->cnt == ENDED_TOKENS_MAX)
		return -ENOSPC;
	list = json_array();
	for (size_t i = 0; i < e->cnt; i++)
		json_array_append_new(list, token_json(e->token[i].id, e->token[i].expires));
	json_array_append_new(list, token_json(id, expires));
	*out = json_dumps(list, JSON_INDENT(1));
	json_decref(list);
	return *out != NULL ? 0 : -ENOMEM;
}

void ended_tokens_take(
	struct ended_tokens *e, const char id[TOKEN_ID_LEN + 1], int64_t expires, int64_t now)
{
	drop_expired(e, now);
	assert(e->cnt < ENDED_TOKENS_MAX);
	memcpy(e->token[e->cnt].id, id, TOKEN_ID_LEN + 1);
	e->token[e->cnt++].expires = expires;
}

bool ended_tokens_has(const struct ended_tokens *e, const char id[TOKEN_ID_LEN + 1])
{
	for (size_t i = 0; i < e->cnt; i++)
		if (memcmp(e->token[i].id, id, TOKEN_ID_LEN) == 0)
			return true;
	return false;
}
