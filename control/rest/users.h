/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Who may do what: users, roles and password hashes (yescrypt) in STATE/users.json (0600), and the
 * tokens that a login earns. The first start makes the user "admin" with a random password left in
 * STATE/initial-admin-password (0600), which goes away when the password is changed.
 * options->admin_password_file, for labs, sets the password at every start instead.
 * Loop thread only; hashing runs on helpers.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "control/answer.h"
#include "control/daemon.h"

#define USER_NAME_MAX     63
#define USER_PASSWORD_MIN 8
#define USER_PASSWORD_MAX 256
/* Keys that sign no more, and whose tokens are taken while they last: an older one's end. */
#define TOKEN_KEYS_BEFORE_MAX 4

/* Ordered: a role may do what a lower one may. */
enum user_role { USER_NOBODY = 0, USER_VIEWER, USER_OPERATOR, USER_ADMIN };

/* Who is asking, after authentication. */
struct user_identity {
	char name[USER_NAME_MAX + 1];
	enum user_role role;
	char token_id[23]; /* of the token that said so; empty without one */
	int64_t token_expires;
};

/* Needs d->base, options, state_fd, config and helpers. A damaged file is refused with a logged reason. */
int users_open(struct daemon *d, struct users **out) __attribute__((warn_unused_result));
void users_close(struct users *u);

/*
 * The users that users.json holds, or the first one, as an excerpt of a configuration: for one that
 * says nothing of users. Without any when the file is damaged. NULL = no memory.
 */
json_t *users_as_configured(int state_fd) __attribute__((warn_unused_result));
/*
 * The configuration in force has other users: whoever came has no password yet, whoever went is
 * gone with its tokens. Counts at once, also when it cannot be written: that is tried again, and
 * users_are_unwritten meanwhile. actor: whose records these are; NULL = nobody's.
 */
struct audit_actor;
void users_configure(struct users *u, const struct audit_actor *actor);
/*
 * Whoever makes a user of a name that was removed waits for the removal to be on disk: a restart must
 * not find the former one's password. done(0 or -errno) on the loop, maybe at once.
 */
bool users_are_unwritten(const struct users *u);
void users_flush(struct users *u, void (*done)(void *arg, int error), void *arg);

const char *user_role_name(enum user_role role);
/* USER_NOBODY for anything but viewer, operator and admin; NULL is fine. */
enum user_role user_role_parse(const char *name);

/* {"token": JWT}; 401, 429 with Retry-After, or 503 when too many logins are under way. */
void users_login(struct users *u, const json_t *request, const char *from, answer_cb cb, void *arg);
/* The identity behind a token; -EACCES with a reason (static text) when it is not good now. */
int users_authenticate(struct users *u, const char *token, size_t token_len,
	struct user_identity *out, const char **why) __attribute__((warn_unused_result));
/*
 * {"password": NEW, "current_password"}; every token of that user ends. An unknown user is 404. The
 * password of now may be left out here; when it is there it has to be the right one: 403
 * wrong-password, late, and 429 after too many, as for a login.
 */
void users_set_password(
	struct users *u, const char *name, const json_t *request, answer_cb cb, void *arg);
/* The same for whoever has no more than a token of that user: it may not be left out. */
void users_change_password(
	struct users *u, const char *name, const json_t *request, answer_cb cb, void *arg);

/*
 * The accounts: items of the configuration, and passwords, which are not. A user is {"name", "role",
 * "full_name", "is_enabled", "has_password"}. Errors: 404 no-such-user, 409 user-exists, 409
 * last-admin for what would leave none that is enabled, 400 for a name, role or password that cannot
 * be, and those of a commit.
 */
void users_list(const struct users *u, struct answer *out);
void users_show(const struct users *u, const char *name, struct answer *out);
/* {"name", "role", "password", "full_name", "is_enabled"}; the last two may be left out */
void users_create(struct users *u, const json_t *request, answer_cb cb, void *arg);
/* {"role", "full_name", "is_enabled"}, any of them: counts for the tokens that are out, too. */
void users_update(
	struct users *u, const char *name, const json_t *request, answer_cb cb, void *arg);
void users_delete(struct users *u, const char *name, answer_cb cb, void *arg);
/* Every token of that user ends. */
void users_end_tokens(struct users *u, const char *name, answer_cb cb, void *arg);
/* The token that this identity came with ends; 400 no-token when it came without. */
void users_logout(struct users *u, const struct user_identity *who, answer_cb cb, void *arg);
/* A new key signs from now on; the tokens of those before are taken for as long as they last. */
void users_rotate_key(struct users *u, answer_cb cb, void *arg);
