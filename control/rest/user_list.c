/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/rest/user_list.h"

#include <ctype.h>
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pki/view/secret.h"

#define FORMAT_VERSION 1

static const char *const role_names[] = {
	[USER_NOBODY] = "nobody",
	[USER_VIEWER] = "viewer",
	[USER_OPERATOR] = "operator",
	[USER_ADMIN] = "admin",
};

const char *user_role_name(enum user_role role)
{
	return role_names[role];
}

enum user_role user_role_parse(const char *name)
{
	for (int i = USER_VIEWER; name != NULL && i <= USER_ADMIN; i++)
		if (strcmp(name, role_names[i]) == 0)
			return (enum user_role)i;
	return USER_NOBODY;
}

bool user_name_is_good(const char *name)
{
	size_t len = strlen(name);

	if (len == 0 || len > USER_NAME_MAX)
		return false;
	for (size_t i = 0; i < len; i++)
		if (!isalnum((unsigned char)name[i]) && strchr("_-.@", name[i]) == NULL)
			return false;
	return true;
}

struct user_record *user_list_find(const struct user_list *list, const char *name)
{
	for (size_t i = 0; i < list->cnt; i++)
		if (strcmp(list->user[i].name, name) == 0)
			return &list->user[i];
	return NULL;
}

int user_list_add(struct user_list *list, const char *name, enum user_role role, const char *hash)
{
	struct user_record *grown, *u;

	if (!user_name_is_good(name) || role < USER_VIEWER || role > USER_ADMIN ||
		strlen(hash) >= PASSWORD_HASH_MAX)
		return -EINVAL;
	if (user_list_find(list, name) != NULL)
		return -EEXIST;
	if (list->cnt >= USER_CNT_MAX)
		return -ENOSPC;
	grown = reallocarray(list->user, list->cnt + 1, sizeof(*grown));
	if (grown == NULL)
		return -ENOMEM;
	list->user = grown;
	u = &grown[list->cnt++];
	memset(u, 0, sizeof(*u));
	memcpy(u->name, name, strlen(name) + 1);
	memcpy(u->hash, hash, strlen(hash) + 1);
	u->role = role;
	return 0;
}

size_t user_list_admin_cnt(const struct user_list *list)
{
	size_t cnt = 0;

	for (size_t i = 0; i < list->cnt; i++)
		cnt += list->user[i].role == USER_ADMIN && !list->user[i].is_disabled;
	return cnt;
}

static int parse_user(json_t *json, struct user_list *list)
{
	const char *name, *role, *hash;
	int ret, is_disabled = 0;
	json_int_t epoch;

	if (json_unpack(json, "{s:s, s:s, s:s, s:I, s?b !}", "name", &name, "role", &role,
		    "password", &hash, "epoch", &epoch, "disabled", &is_disabled) != 0)
		return -EINVAL;
	if (epoch < 0)
		return -EINVAL;
	ret = user_list_add(list, name, user_role_parse(role), hash);
	if (ret < 0)
		return ret;
	list->user[list->cnt - 1].epoch = (uint64_t)epoch;
	list->user[list->cnt - 1].is_disabled = is_disabled != 0;
	return 0;
}

int user_list_parse(const char *text, size_t len, struct user_list *out, char *why, size_t size)
{
	struct user_list list = {0};
	json_t *root, *users = NULL;
	json_error_t error;
	int version = 0, ret = -EINVAL;
	size_t i;
	json_t *user;

	root = json_loadb(text, len, JSON_REJECT_DUPLICATES, &error);
	if (root == NULL) {
		snprintf(why, size, "line %d: %s", error.line, error.text);
		return -EINVAL;
	}
	if (json_unpack_ex(root, &error, 0, "{s:i, s:o !}", "version", &version, "users", &users) !=
			0 ||
		version != FORMAT_VERSION || !json_is_array(users)) {
		snprintf(why, size, "it is not a list of users of version %d", FORMAT_VERSION);
		goto out;
	}
	json_array_foreach(users, i, user)
	{
		ret = parse_user(user, &list);
		if (ret < 0) {
			snprintf(why, size, "user %zu is not sound: %s", i + 1, strerror(-ret));
			ret = -EINVAL;
			goto out;
		}
	}
	*out = list;
	list = (struct user_list){0};
	ret = 0;
out:
	user_list_fini(&list);
	json_decref(root);
	return ret;
}

char *user_list_print(const struct user_list *list)
{
	json_t *users = json_array();
	char *text = NULL;
	json_t *root;

	for (size_t i = 0; users != NULL && i < list->cnt; i++) {
		const struct user_record *u = &list->user[i];

		if (json_array_append_new(
			    users, json_pack("{s:s, s:s, s:s, s:I, s:o*}", "name", u->name, "role",
					   user_role_name(u->role), "password", u->hash, "epoch",
					   (json_int_t)u->epoch, "disabled",
					   u->is_disabled ? json_true() : NULL)) != 0) {
			json_decref(users);
			return NULL;
		}
	}
	root = json_pack("{s:i, s:o}", "version", FORMAT_VERSION, "users", users);
	if (root != NULL)
		text = json_dumps(root, JSON_INDENT(2));
	json_decref(root);
	return text;
}

void user_list_fini(struct user_list *list)
{
	rk_wipe(list->user, list->cnt * sizeof(*list->user));
	free(list->user);
	memset(list, 0, sizeof(*list));
}
