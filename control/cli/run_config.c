/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/cli/run.h"

#include <stdlib.h>
#include <string.h>

#include "control/cli/config_text.h"
#include "control/cli/edit.h"
#include "control/cli/print.h"
#include "control/cli/show.h"

#define CONFIGURATION API "/configuration"

int run_configure(struct cli *c, const struct cli_command *command, const struct cli_args *args)
{
	(void)command;
	return (int)edit_item(c, true, args->rest, args->rest_cnt);
}

int run_delete_config(struct cli *c, const struct cli_command *command, const struct cli_args *args)
{
	(void)command;
	return (int)edit_delete(c, true, args->rest, args->rest_cnt);
}

/* "show config", "show config candidate", "show config running": the last word says which. */
int run_show_config(struct cli *c, const struct cli_command *command, const struct cli_args *args)
{
	bool is_candidate = strcmp(command->words, "show config candidate") == 0;

	return (int)edit_show(
		c, is_candidate ? "candidate" : "running", true, args->rest, args->rest_cnt);
}

/* The candidate against the running configuration, or one committed number against another. */
int run_show_diff(struct cli *c, const struct cli_command *command, const struct cli_args *args)
{
	const char *from = tree_value(command, args, "from"), *to = tree_value(command, args, "to");
	char path[CLI_PATH_MAX], query[128] = "";
	json_t *answer = NULL;
	enum cli_exit ret;
	int len = 0;

	if ((from == NULL) != (to == NULL)) {
		cli_error(c, "from and to go together");
		return CLI_USAGE;
	}
	if (from != NULL)
		len = client_path(query, sizeof(query), "?from=%s", from);
	if (from != NULL && len == 0)
		len = client_path(
			query + strlen(query), sizeof(query) - strlen(query), "&to=%s", to);
	if (len < 0) {
		cli_error(c, "that is no number of a configuration");
		return CLI_USAGE;
	}
	snprintf(path, sizeof(path), CONFIGURATION "/diff%s", query);
	ret = cli_call(c, "GET", path, NULL, &answer);
	if (ret == CLI_DONE && c->is_json)
		cli_print_json(answer);
	else if (ret == CLI_DONE)
		config_text_changes(stdout, json_object_get(answer, "changes"));
	json_decref(answer);
	return (int)ret;
}

int run_show_history(struct cli *c, const struct cli_command *command, const struct cli_args *args)
{
	const char *number = tree_value(command, args, "number");
	struct place root = {0};
	char path[CLI_PATH_MAX];
	json_t *answer = NULL;
	const struct show show = {.f = stdout};
	enum cli_exit ret;

	if (number == NULL)
		return (int)run_ask(c, command, CONFIGURATION "/history", &show);
	if (edit_schema(c, &ret) == NULL)
		return (int)ret;
	if (client_path(path, sizeof(path), CONFIGURATION "/history/%s", number) < 0) {
		cli_error(c, "that is no number of a configuration");
		return CLI_USAGE;
	}
	ret = cli_call(c, "GET", path, NULL, &answer);
	if (ret == CLI_DONE && c->is_json)
		cli_print_json(answer);
	else if (ret == CLI_DONE)
		config_text_print(
			stdout, c->schema, &root, json_object_get(answer, "configuration"));
	json_decref(answer);
	return (int)ret;
}

/* ---- making it the running one ------------------------------------------------------------------- */

/* {"comment", "confirm_timeout_sec"} as given; NULL: told why. */
static json_t *build_commit(
	struct cli *c, const struct cli_command *command, const struct cli_args *args)
{
	const char *comment = tree_value(command, args, "comment");
	const char *timeout = tree_value(command, args, "confirm-timeout");
	json_t *body = json_object();
	char *end = NULL;
	long sec = timeout != NULL ? strtol(timeout, &end, 10) : 0;

	if (timeout != NULL && (*timeout == '\0' || *end != '\0' || sec <= 0)) {
		cli_error(c, "confirm-timeout is a number of seconds");
		json_decref(body);
		return NULL;
	}
	if (timeout != NULL)
		json_object_set_new(body, "confirm_timeout_sec", json_integer(sec));
	if (comment != NULL && json_object_set_new(body, "comment", json_string(comment)) < 0) {
		cli_error(c, "the comment is not UTF-8 text");
		json_decref(body);
		return NULL;
	}
	return body;
}

static void tell_committed(const json_t *answer)
{
	char by[64];

	puts("Configuration committed");
	print_value(answer, "confirm_by", by, sizeof(by));
	if (strcmp(by, "N/A") != 0)
		printf("Confirm it (\"commit confirm\") by %s, or it is rolled back.\n", by);
}

/* The call that validates, commits and publishes; what it warned of comes first. */
static enum cli_exit commit(struct cli *c, const char *path, const json_t *body)
{
	json_t *answer = NULL;
	enum cli_exit ret;

	if (!c->is_json) {
		printf("%s⚠%s Validating, then committing...\n", print_colour(PRINT_WARN),
			print_colour(PRINT_PLAIN));
		fflush(stdout);
	}
	cli_begin(c, "Committing");
	ret = cli_call(c, "POST", path, body, &answer);
	c->doing = NULL;
	if (ret != CLI_DONE)
		return ret;
	if (c->is_json)
		cli_print_json(answer);
	ret = cli_warnings(c, answer);
	if (!c->is_json)
		tell_committed(answer);
	json_decref(answer);
	return ret;
}

int run_commit(struct cli *c, const struct cli_command *command, const struct cli_args *args)
{
	json_t *body = build_commit(c, command, args);
	enum cli_exit ret = CLI_REFUSED;

	if (body == NULL)
		return CLI_USAGE;
	if (tree_value(command, args, "force") == NULL)
		edit_tell_changes(c, true);
	if (run_is_sure(c, command, args,
		    "Are you sure you want to commit the candidate config? [y/N]: "))
		ret = commit(c, CONFIGURATION "/commit", body);
	json_decref(body);
	return (int)ret;
}

int run_rollback(struct cli *c, const struct cli_command *command, const struct cli_args *args)
{
	const char *number = tree_value(command, args, "number");
	json_t *body = build_commit(c, command, args);
	enum cli_exit ret = CLI_REFUSED;
	char question[160], *end;
	long wanted = strtol(number, &end, 10);

	if (body != NULL && (*number == '\0' || *end != '\0')) {
		cli_error(c, "\"%s\" is no number of \"show config history\"", number);
		json_decref(body);
		body = NULL;
	}
	if (body == NULL)
		return CLI_USAGE;
	json_object_set_new(body, "number", json_integer(wanted));
	snprintf(question, sizeof(question),
		"Are you sure you want to roll back to configuration %ld? [y/N]: ", wanted);
	if (run_is_sure(c, command, args, question))
		ret = commit(c, CONFIGURATION "/rollback", body);
	json_decref(body);
	return (int)ret;
}

int run_commit_confirm(
	struct cli *c, const struct cli_command *command, const struct cli_args *args)
{
	json_t *answer = NULL;
	enum cli_exit ret = cli_call(c, "POST", CONFIGURATION "/confirm", NULL, &answer);

	(void)command;
	(void)args;
	if (ret == CLI_DONE && c->is_json)
		cli_print_json(answer);
	else if (ret == CLI_DONE)
		puts("Configuration confirmed");
	json_decref(answer);
	return (int)ret;
}

int run_validate(struct cli *c, const struct cli_command *command, const struct cli_args *args)
{
	json_t *answer = NULL;
	const json_t *errors, *warnings;
	enum cli_exit ret = cli_call(c, "POST", CONFIGURATION "/validate", NULL, &answer);

	(void)command;
	(void)args;
	errors = json_object_get(answer, "errors");
	warnings = json_object_get(answer, "warnings");
	if (ret == CLI_DONE && c->is_json) {
		cli_print_json(answer);
	} else if (ret == CLI_DONE) {
		printf("The candidate has %zu errors and %zu warnings\n", json_array_size(errors),
			json_array_size(warnings));
		print_findings(stdout, answer);
	}
	if (ret == CLI_DONE && json_array_size(errors) > 0)
		ret = CLI_REFUSED;
	else if (ret == CLI_DONE && json_array_size(warnings) > 0)
		ret = CLI_WARNED;
	json_decref(answer);
	return (int)ret;
}

int run_discard(struct cli *c, const struct cli_command *command, const struct cli_args *args)
{
	json_t *answer = NULL;
	enum cli_exit ret;

	if (!run_is_sure(c, command, args,
		    "Are you sure you want to discard the candidate config? [y/N]: "))
		return CLI_REFUSED;
	ret = cli_call(c, "DELETE", CONFIGURATION "/candidate", NULL, &answer);
	if (ret == CLI_DONE && c->is_json)
		cli_print_json(answer);
	else if (ret == CLI_DONE)
		puts("Candidate config discarded");
	json_decref(answer);
	return (int)ret;
}
