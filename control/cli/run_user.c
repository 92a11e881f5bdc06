/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/cli/run.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "control/cli/login.h"
#include "control/cli/show.h"

/* Asked twice on a terminal; one line of standard input elsewhere. NULL: told why. Wipe it. */
static char *ask_password(struct cli *c, const char *user)
{
	char question[200], *first = NULL, *second = NULL;
	int ret;

	snprintf(question, sizeof(question), "New password for %s: ", user);
	ret = input_password(&c->input, question, &first);
	if (ret < 0) {
		cli_error(c, "no password: %s", input_why(ret));
		return NULL;
	}
	if (!c->input.is_terminal)
		return first;
	ret = input_password(&c->input, "Again: ", &second);
	if (ret < 0 || strcmp(first, second) != 0) {
		cli_error(c, "%s: nothing was changed",
			ret < 0 ? input_why(ret) : "the two are not the same");
		explicit_bzero(first, strlen(first));
		free(first);
		first = NULL;
	}
	if (second != NULL)
		explicit_bzero(second, strlen(second));
	free(second);
	return first;
}

/* {"password"} and what else there is; NULL: told why. */
static json_t *build_user(struct cli *c, const char *name, const char *role, const char *full_name)
{
	char *password = ask_password(c, name);
	json_t *body;

	if (password == NULL)
		return NULL;
	body = json_pack("{s:s, s:s*, s:s*, s:s*}", "password", password, "name",
		role != NULL ? name : NULL, "role", role, "full_name", full_name);
	explicit_bzero(password, strlen(password));
	free(password);
	if (body == NULL)
		cli_error(c, "name and password must be UTF-8 text");
	return body;
}

int run_create_user(struct cli *c, const struct cli_command *command, const struct cli_args *args)
{
	json_t *body = build_user(c, tree_value(command, args, "name"),
		tree_value(command, args, "role"), tree_value(command, args, "full-name"));

	if (body == NULL)
		return CLI_REFUSED;
	return (int)run_change(c, command, "POST", API "/user", body);
}

static bool says(const json_t *session, const char *key, const char *value)
{
	const char *text = json_string_value(json_object_get(session, key));

	return text != NULL && strcmp(text, value) == 0;
}

/*
 * Whoever is no admin is asked for the own password of now, first: on a terminal, else the first of
 * two lines. *out NULL with CLI_DONE: not needed.
 */
static enum cli_exit ask_current(struct cli *c, const char *name, char **out)
{
	json_t *session;
	enum cli_exit ret = cli_call(c, "GET", API "/session", NULL, &session);
	bool is_needed = says(session, "user", name) && !says(session, "role", "admin");
	char question[200];
	int error;

	json_decref(session);
	if (ret != CLI_DONE || !is_needed)
		return ret;
	snprintf(question, sizeof(question), "Current password for %s: ", name);
	error = input_password(&c->input, question, out);
	if (error == 0)
		return CLI_DONE;
	cli_error(c, "no password: %s", strerror(-error));
	return CLI_REFUSED;
}

/* {"password", "current_password"}; NULL: told why. Wipes current, which may be NULL. */
static json_t *build_password(struct cli *c, const char *name, char *current)
{
	json_t *body = build_user(c, name, NULL, NULL);

	if (body != NULL && current != NULL &&
		json_object_set_new(body, "current_password", json_string(current)) < 0) {
		cli_error(c, "the current password must be UTF-8 text");
		cli_wipe(body, "password");
		json_decref(body);
		body = NULL;
	}
	if (current != NULL)
		explicit_bzero(current, strlen(current));
	free(current);
	return body;
}

int run_password(struct cli *c, const struct cli_command *command, const struct cli_args *args)
{
	const char *name = tree_value(command, args, "NAME");
	char path[CLI_PATH_MAX], *current = NULL;
	enum cli_exit ret;
	json_t *body;

	if (client_path(path, sizeof(path), API "/user/%s/password", name) < 0) {
		cli_error(c, "the name is too long");
		return CLI_USAGE;
	}
	ret = ask_current(c, name, &current);
	if (ret != CLI_DONE)
		return (int)ret;
	body = build_password(c, name, current);
	if (body == NULL)
		return CLI_REFUSED;
	return (int)run_change(c, command, "POST", path, body);
}

int run_edit_user(struct cli *c, const struct cli_command *command, const struct cli_args *args)
{
	const char *enabled = tree_value(command, args, "enabled");
	char path[CLI_PATH_MAX];
	json_t *body;

	if (client_path(path, sizeof(path), API "/user/%s", tree_value(command, args, "name")) <
		0) {
		cli_error(c, "the name is too long");
		return CLI_USAGE;
	}
	body = json_pack("{s:s*, s:s*, s:o*}", "role", tree_value(command, args, "role"),
		"full_name", tree_value(command, args, "full-name"), "is_enabled",
		enabled != NULL ? json_boolean(strcmp(enabled, "true") == 0) : NULL);
	return (int)run_change(c, command, "PATCH", path, body);
}

int run_edit_log(struct cli *c, const struct cli_command *command, const struct cli_args *args)
{
	return (int)run_change(c, command, "PUT", API "/log",
		json_pack("{s:s, s:s*}", "level", tree_value(command, args, "level"), "module",
			tree_value(command, args, "module")));
}

/* ---- who we are to another router ---------------------------------------------------------------- */

static void tell_login(const struct cli *c, bool is_logged_in)
{
	json_t *answer = json_pack("{s:b}", "is_logged_in", is_logged_in);

	if (c->is_json)
		cli_print_json(answer);
	else
		puts(is_logged_in ? "Logged in" : "Logged out");
	json_decref(answer);
}

int run_login(struct cli *c, const struct cli_command *command, const struct cli_args *args)
{
	enum client_result result;

	(void)command;
	(void)args;
	if (c->target.url == NULL) {
		cli_error(c, "over the local socket nobody logs in: give --url");
		return CLI_USAGE;
	}
	result = login_open(c, true);
	if (result != CLIENT_OK)
		return result == CLIENT_UNREACHABLE ? CLI_NO_DAEMON : CLI_REFUSED;
	json_decref(c->session);
	c->session = NULL;
	tell_login(c, true);
	return CLI_DONE;
}

int run_logout(struct cli *c, const struct cli_command *command, const struct cli_args *args)
{
	enum cli_exit ret;

	(void)command;
	(void)args;
	if (c->target.url == NULL) {
		cli_error(c, "over the local socket nobody is logged in");
		return CLI_USAGE;
	}
	ret = cli_call(c, "POST", API "/logout", NULL, NULL);
	if (ret != CLI_DONE)
		return (int)ret;
	if (client_set_token(c->client, NULL) < 0)
		return CLI_REFUSED;
	if (c->token_file != NULL && unlink(c->token_file) < 0 && errno != ENOENT)
		cli_error(c, "%s cannot be removed: %s", c->token_file, strerror(errno));
	tell_login(c, false);
	return CLI_DONE;
}
