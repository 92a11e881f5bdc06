/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/rest/account.h"

#include <string.h>

#include "control/config.h"
#include "control/time_text.h"

void account_login(struct exchange *x)
{
	const char *name = json_string_value(json_object_get(x->body, "username"));

	/* Whoever fails is named in the audit, as far as the name goes. */
	if (name != NULL && strlen(name) < sizeof(x->actor.user))
		memcpy(x->actor.user, name, strlen(name) + 1);
	users_login(x->daemon->users, x->body, x->actor.address, exchange_answer, x);
}

void account_logout(struct exchange *x)
{
	users_logout(x->daemon->users, &x->who, exchange_answer, x);
}

void account_session(struct exchange *x)
{
	const struct config *c = x->daemon->config;
	struct answer a;

	answer_ok(
		&a, json_pack("{s:s, s:s, s:s, s:s, s:s, s:o}", "user", x->who.name, "role",
			    user_role_name(x->who.role), "router", c->router, "node", c->node,
			    "version", REKEY_VERSION, "expires", time_json(x->who.token_expires)));
	exchange_answer_now(x, &a);
}

void account_list(struct exchange *x)
{
	struct answer a;

	users_list(x->daemon->users, &a);
	exchange_answer_now(x, &a);
}

void account_show(struct exchange *x)
{
	struct answer a;

	users_show(x->daemon->users, x->param, &a);
	exchange_answer_now(x, &a);
}

void account_create(struct exchange *x)
{
	users_create(x->daemon->users, x->body, exchange_answer, x);
}

void account_update(struct exchange *x)
{
	users_update(x->daemon->users, x->param, x->body, exchange_answer, x);
}

void account_delete(struct exchange *x)
{
	users_delete(x->daemon->users, x->param, exchange_answer, x);
}

/* An administrator, or the user itself. */
static bool may_touch(struct exchange *x)
{
	struct answer a;

	if (x->who.role == USER_ADMIN || strcmp(x->who.name, x->param) == 0)
		return true;
	answer_error(&a, 403, "not-allowed", NULL,
		"this call needs the role admin for other users than oneself");
	exchange_answer_now(x, &a);
	return false;
}

void account_set_password(struct exchange *x)
{
	struct users *users = x->daemon->users;

	if (!may_touch(x))
		return;
	/* A token that somebody has come by is not to become a password. */
	if (x->who.role == USER_ADMIN)
		users_set_password(users, x->param, x->body, exchange_answer, x);
	else
		users_change_password(users, x->param, x->body, exchange_answer, x);
}

void account_end_tokens(struct exchange *x)
{
	if (may_touch(x))
		users_end_tokens(x->daemon->users, x->param, exchange_answer, x);
}

void account_rotate_key(struct exchange *x)
{
	users_rotate_key(x->daemon->users, exchange_answer, x);
}
