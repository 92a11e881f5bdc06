/* SPDX-License-Identifier: BSD-3-Clause */
/* The users file, as data: read, checked, printed. No files, no clock. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "control/rest/password.h"
#include "control/rest/users.h"

#define USER_CNT_MAX 256

struct user_record {
	char name[USER_NAME_MAX + 1];
	enum user_role role;
	char hash[PASSWORD_HASH_MAX]; /* empty: there is no password yet */
	bool is_disabled;             /* no login, and tokens do not count */
	uint64_t epoch; /* grows with a new password and when barred: older tokens have ended */
};

struct user_list {
	struct user_record *user;
	size_t cnt;
};

/* -EINVAL with a sentence in why (size bytes) when the text is not a sound list. */
int user_list_parse(const char *text, size_t len, struct user_list *out, char *why, size_t size)
	__attribute__((warn_unused_result));
/* JSON text, the caller's to free; NULL when out of memory. */
char *user_list_print(const struct user_list *list);
void user_list_fini(struct user_list *list);
struct user_record *user_list_find(const struct user_list *list, const char *name);
/* A user with a name of its own. 0, -EEXIST, -EINVAL for the name, -ENOSPC, -ENOMEM. */
int user_list_add(struct user_list *list, const char *name, enum user_role role, const char *hash)
	__attribute__((warn_unused_result));
bool user_name_is_good(const char *name);
/* Those that are enabled. */
size_t user_list_admin_cnt(const struct user_list *list);
