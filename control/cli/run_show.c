/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/cli/run.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "control/cli/show.h"

/* Whom we asked is known once somebody answered: over HTTPS that takes a login. */
static void show_answer(
	struct cli *c, const struct cli_command *command, const struct show *show, json_t *answer)
{
	struct show full = *show;

	full.router = cli_session_text(c, "router");
	full.node = cli_session_text(c, "node");
	command->show(&full, answer);
}

/* Leaves the one element that was asked for; false, and told: there is none. */
static bool pick(
	struct cli *c, const struct cli_command *command, const char *only, const json_t *answer)
{
	json_t *list = json_object_get(answer, command->list);
	size_t i = 0;

	while (i < json_array_size(list)) {
		const char *name =
			json_string_value(json_object_get(json_array_get(list, i), command->key));

		if (name != NULL && strcmp(name, only) == 0)
			i++;
		else
			json_array_remove(list, i);
	}
	if (i == 0)
		cli_error(c, "refused: there is no \"%s\": see \"%s\"", only, command->words);
	return i > 0;
}

/* Reading tells of warnings as a part of what is read; whoever changes something hears of them. */
static enum cli_exit print_answer(struct cli *c, const struct cli_command *command, bool is_change,
	json_t *answer, const struct show *show)
{
	enum cli_exit ret;

	if (show->only != NULL && command->list != NULL && !pick(c, command, show->only, answer))
		return CLI_REFUSED;
	if (c->is_json) {
		cli_print_json(answer);
	} else {
		cli_opened(c);
		show_answer(c, command, show, answer);
	}
	ret = is_change ? cli_warnings(c, answer) : CLI_DONE;
	cli_end(c);
	return ret;
}

static enum cli_exit call(struct cli *c, const struct cli_command *command, const char *method,
	const char *path, const json_t *body, const struct show *show)
{
	json_t *answer = NULL;
	enum cli_exit ret;

	cli_begin(c, command->doing);
	ret = cli_call(c, method, path, body, &answer);
	if (ret == CLI_DONE)
		ret = print_answer(c, command, strcmp(method, "GET") != 0, answer, show);
	json_decref(answer);
	return ret;
}

enum cli_exit run_ask(
	struct cli *c, const struct cli_command *command, const char *path, const struct show *show)
{
	return call(c, command, "GET", path, NULL, show);
}

enum cli_exit run_change(struct cli *c, const struct cli_command *command, const char *method,
	const char *path, json_t *body)
{
	struct show show = {.f = stdout};
	enum cli_exit ret = CLI_REFUSED;

	/* A call without its body would mean something else. */
	if (body == NULL)
		cli_error(c, "out of memory");
	else
		ret = call(c, command, method, path, body, &show);
	cli_wipe(body, "password");
	cli_wipe(body, "current_password");
	json_decref(body);
	return ret;
}

/* In place of what the list says of each, all there is of it: one call each. */
static enum cli_exit fill_in(struct cli *c, json_t *list, const char *format)
{
	enum cli_exit ret = CLI_DONE;
	char path[CLI_PATH_MAX];
	json_t *full;

	for (size_t i = 0; ret == CLI_DONE && i < json_array_size(list); i++) {
		const json_t *name = json_object_get(json_array_get(list, i), "name");

		if (client_path(path, sizeof(path), format, json_string_value(name)) < 0)
			continue;
		ret = cli_call(c, "GET", path, NULL, &full);
		if (ret == CLI_DONE && json_array_set_new(list, i, full) < 0)
			ret = CLI_REFUSED;
	}
	return ret;
}

/* Each element of a list in full, one call each, in place of what the list says of it. */
static enum cli_exit run_each(struct cli *c, const struct cli_command *command,
	const char *list_path, const char *list_key, const char *format, const struct show *show)
{
	json_t *answer = NULL;
	enum cli_exit ret;

	cli_begin(c, command->doing);
	ret = cli_call(c, "GET", list_path, NULL, &answer);
	if (ret == CLI_DONE)
		ret = fill_in(c, json_object_get(answer, list_key), format);
	if (ret == CLI_DONE)
		ret = print_answer(c, command, false, answer, show);
	json_decref(answer);
	return ret;
}

bool run_is_sure(struct cli *c, const struct cli_command *command, const struct cli_args *args,
	const char *question)
{
	if (tree_value(command, args, "force") != NULL || input_confirm(&c->input, question))
		return true;
	cli_error(c, "not done: the answer was not \"y\"");
	return false;
}

/* The path with the first value that names something there; one that is left out leaves its list. */
static int build_path(const struct cli_command *command, const struct cli_args *args, char *path)
{
	const char *name = NULL;

	for (size_t i = 0; i < command->param_cnt && name == NULL; i++) {
		if (command->param[i].value != NULL && !command->param[i].is_place)
			name = args->value[i];
	}
	return client_path(path, CLI_PATH_MAX, command->path, name);
}

static int call_path(struct cli *c, const struct cli_command *command, const struct cli_args *args,
	const char *method)
{
	struct show show = {.f = stdout};
	char path[CLI_PATH_MAX];

	if (build_path(command, args, path) < 0) {
		cli_error(c, "the name is too long");
		return CLI_USAGE;
	}
	for (size_t i = 0; i < command->param_cnt; i++) {
		const struct cli_param *p = &command->param[i];

		if (p->value == NULL && args->value[i] != NULL && !p->is_place)
			show.view = p->keyword;
		else if (p->value != NULL && !p->is_place && show.only == NULL)
			show.only = args->value[i];
	}
	return (int)call(c, command, method, path, NULL, &show);
}

int run_get(struct cli *c, const struct cli_command *command, const struct cli_args *args)
{
	return call_path(c, command, args, "GET");
}

int run_post(struct cli *c, const struct cli_command *command, const struct cli_args *args)
{
	return call_path(c, command, args, "POST");
}

int run_delete(struct cli *c, const struct cli_command *command, const struct cli_args *args)
{
	char question[256] = "";

	snprintf(question, sizeof(question),
		"Are you sure you want to %s %s? [y/N]: ", command->words,
		args->value[0] != NULL ? args->value[0] : "");
	if (!run_is_sure(c, command, args, question))
		return CLI_REFUSED;
	return call_path(c, command, args, "DELETE");
}

/* Elements of one JSON document that is printed page by page. */
static void print_elements(const json_t *list, bool is_first)
{
	size_t flags = isatty(STDOUT_FILENO) ? JSON_ENSURE_ASCII : 0, i;
	const json_t *one;

	json_array_foreach(list, i, one)
	{
		fputs(is_first && i == 0 ? "\n    " : ",\n    ", stdout);
		json_dumpf(one, stdout, JSON_COMPACT | flags);
	}
}

/* Page by page, so that any number of peers takes no more memory than a page of them. */
static enum cli_exit show_pages(
	struct cli *c, const struct cli_command *command, const char *format, struct show *show)
{
	json_t *answer = NULL, *list;
	char path[CLI_PATH_MAX] = API "/peer";
	enum cli_exit ret;
	bool is_first = true;
	const char *next;

	cli_begin(c, command->doing);
	do {
		ret = cli_call(c, "GET", path, NULL, &answer);
		list = json_object_get(answer, "peers");
		if (ret == CLI_DONE && format != NULL)
			ret = fill_in(c, list, format);
		if (ret != CLI_DONE)
			break;
		if (c->is_json && is_first)
			fputs("{\n  \"peers\": [", stdout);
		else if (is_first)
			cli_opened(c);
		if (c->is_json)
			print_elements(list, is_first);
		else
			show_answer(c, command, show, answer);
		is_first = false;
		next = json_string_value(json_object_get(answer, "next"));
		if (next != NULL && client_path(path, sizeof(path), API "/peer?after=%s", next) < 0)
			ret = CLI_REFUSED;
		path[next != NULL ? strlen(path) : 0] = '\0';
		json_decref(answer);
		answer = NULL;
	} while (ret == CLI_DONE && path[0] != '\0');
	if (c->is_json && !is_first)
		fputs("\n  ]\n}\n", stdout);
	if (ret == CLI_DONE)
		cli_end(c);
	json_decref(answer);
	return ret;
}

int run_show_peers(struct cli *c, const struct cli_command *command, const struct cli_args *args)
{
	static const char *const views[] = {"security", "certificate", "detail", NULL};
	const char *name = tree_value(command, args, "name");
	const char *format = API "/peer/%s/security";
	struct show show = {.f = stdout};
	char path[CLI_PATH_MAX];

	for (size_t i = 0; views[i] != NULL && show.view == NULL; i++)
		show.view = tree_value(command, args, views[i]);
	if (show.view != NULL && strcmp(show.view, "certificate") == 0)
		format = API "/peer/%s/certificate";
	if (name == NULL)
		return (int)show_pages(
			c, command, strstr(format, "certificate") != NULL ? format : NULL, &show);
	if (client_path(path, sizeof(path), format, name) < 0) {
		cli_error(c, "the name is too long");
		return CLI_USAGE;
	}
	return (int)run_ask(c, command, path, &show);
}

/* The list; one in full; with "detail" every one. */
int run_show_certificate(
	struct cli *c, const struct cli_command *command, const struct cli_args *args)
{
	const char *name = tree_value(command, args, "name");
	struct show show = {.f = stdout};
	char path[CLI_PATH_MAX];

	show.view = tree_value(command, args, "detail");
	if (name == NULL && show.view != NULL)
		return (int)run_each(c, command, API "/certificate", "certificates",
			API "/certificate/%s", &show);
	if (client_path(path, sizeof(path),
		    name != NULL ? API "/certificate/%s" : API "/certificate", name) < 0) {
		cli_error(c, "the name is too long");
		return CLI_USAGE;
	}
	return (int)run_ask(c, command, path, &show);
}

int run_show_events(struct cli *c, const struct cli_command *command, const struct cli_args *args)
{
	const char *count = tree_value(command, args, "count");
	struct show show = {.f = stdout};
	char path[CLI_PATH_MAX];

	show.view = tree_value(command, args, "detail");
	if (client_path(path, sizeof(path), count != NULL ? API "/event?count=%s" : API "/event",
		    count) < 0) {
		cli_error(c, "the number is too long");
		return CLI_USAGE;
	}
	return (int)run_ask(c, command, path, &show);
}

int run_show_enrolment(
	struct cli *c, const struct cli_command *command, const struct cli_args *args)
{
	const char *name = tree_value(command, args, "name");
	struct show show = {.f = stdout};
	char path[CLI_PATH_MAX];

	if (client_path(path, sizeof(path), name != NULL ? API "/enrolment/%s" : API "/enrolment",
		    name) < 0) {
		cli_error(c, "the name is too long");
		return CLI_USAGE;
	}
	return (int)run_ask(c, command, path, &show);
}

int run_show_alarms(struct cli *c, const struct cli_command *command, const struct cli_args *args)
{
	struct show show = {.f = stdout};

	bool is_all = tree_value(command, args, "shelved") != NULL;

	show.only = tree_value(command, args, "id");
	is_all |= show.only != NULL; /* whoever asks for one by its name wants to see it */
	return (int)run_ask(c, command, is_all ? API "/alarm?shelved=true" : API "/alarm", &show);
}

/* A broken log is told by the exit status, too. */
int run_verify_events(struct cli *c, const struct cli_command *command, const struct cli_args *args)
{
	struct show show = {.f = stdout};
	json_t *answer = NULL;
	enum cli_exit ret;

	(void)args;
	cli_begin(c, command->doing);
	ret = cli_call(c, "GET", API "/event/verify", NULL, &answer);
	if (ret == CLI_DONE) {
		ret = print_answer(c, command, false, answer, &show);
		if (!json_is_true(json_object_get(answer, "is_intact")))
			ret = CLI_REFUSED;
	}
	json_decref(answer);
	return (int)ret;
}

/* To standard output as it comes: there may be millions. */
int run_export_revocation(
	struct cli *c, const struct cli_command *command, const struct cli_args *args)
{
	bool is_json = c->is_json || tree_value(command, args, "json") != NULL;

	enum cli_exit ret;

	c->doing = "Exporting revoked certificates";
	ret = cli_save(c, is_json ? "/api/v1/certificate-revocation/entry?format=json"
				  : "/api/v1/certificate-revocation/entry?format=text");
	c->doing = NULL;
	return ret;
}
