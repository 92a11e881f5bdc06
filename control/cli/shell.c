/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/cli/shell.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "control/cli/edit.h"
#include "control/cli/help.h"
#include "control/cli/line.h"
#include "control/cli/login.h"
#include "control/cli/print.h"
#include "control/cli/words.h"

void shell_prompt(struct cli *c, char *out, size_t size)
{
	/* Over the local socket the kernel names a uid: the role says more. */
	bool is_local = strncmp(cli_session_text(c, "user"), "uid:", 4) == 0;
	const char *user = cli_session_text(c, is_local ? "role" : "user");
	const char *node = cli_session_text(c, "node"), *router = cli_session_text(c, "router");

	snprintf(out, size, "%s@%s.%s%s%s%s# ", user[0] != '\0' ? user : "admin",
		node[0] != '\0' ? node : "node", router[0] != '\0' ? router : "router",
		c->context.depth > 0 ? " (" : "", c->context.label,
		c->context.depth > 0 ? ")" : "");
	print_strip_controls(out);
}

/* ---- one command --------------------------------------------------------------------------------- */

/* What has a meaning only in the place where the shell stands; -1: not this. */
static int run_inside(struct cli *c, char *const *word, size_t cnt)
{
	if (cnt == 1 && strcmp(word[0], "show") == 0)
		return (int)edit_show(c, "candidate", false, NULL, 0);
	if (cnt > 1 && strcmp(word[0], "delete") == 0 && edit_knows(c, word[1]))
		return (int)edit_delete(c, false, word + 1, cnt - 1);
	if (edit_knows(c, word[0]))
		return (int)edit_item(c, false, word, cnt);
	return -1;
}

/* A router or node that is named must be the one that we ask: what was meant for another is not done. */
static enum cli_exit check_place(
	struct cli *c, const struct cli_command *command, const struct cli_args *args)
{
	enum cli_exit ret = CLI_DONE;

	for (size_t i = 0; i < command->param_cnt && ret == CLI_DONE; i++) {
		const struct cli_param *p = &command->param[i];

		if (!p->is_place || p->value == NULL || args->value[i] == NULL)
			continue;
		if (c->session == NULL)
			ret = cli_call(c, "GET", API "/session", NULL, &c->session);
		if (ret != CLI_DONE || strcmp(cli_session_text(c, p->keyword), args->value[i]) == 0)
			continue;
		cli_error(c, "refused: the %s that answers is \"%s\", not \"%s\"", p->keyword,
			cli_session_text(c, p->keyword), args->value[i]);
		ret = CLI_REFUSED;
	}
	return ret;
}

static int run_command(struct cli *c, char *const *word, size_t cnt)
{
	const struct cli_command *command;
	struct cli_problem problem;
	struct cli_args args;
	enum cli_exit ret;
	size_t used;

	command = tree_find(&cli_commands, word, cnt, &used, &problem);
	if (command == NULL) {
		cli_error(c, "%s", problem.text);
		return CLI_USAGE;
	}
	if (tree_read(command, word + used, cnt - used, &args, &problem) < 0) {
		cli_error(c, "%s", problem.text);
		help_print_command(command, stderr);
		return CLI_USAGE;
	}
	if (command->is_of_shell && !c->is_shell) {
		cli_error(c, "\"%s\" has a meaning only in the shell", command->words);
		return CLI_USAGE;
	}
	ret = check_place(c, command, &args);
	return ret == CLI_DONE ? command->run(c, command, &args) : (int)ret;
}

/* Bodies and paths are UTF-8: a word that is not would be left out of them. */
static bool is_utf8(const char *word)
{
	json_t *text = json_string(word);

	json_decref(text);
	return text != NULL;
}

int shell_words(struct cli *c, char *const *word, size_t cnt)
{
	bool was_json = c->is_json;
	int ret = -1;

	for (size_t i = 0; i < cnt; i++) {
		if (!is_utf8(word[i])) {
			cli_error(c, "word %zu is not UTF-8 text", i + 1);
			return CLI_USAGE;
		}
	}

	if (cnt > 0 && c->is_shell &&
		(strcmp(word[cnt - 1], "-j") == 0 || strcmp(word[cnt - 1], "--json") == 0)) {
		c->is_json = true;
		cnt--;
	}
	if (cnt == 0)
		ret = CLI_DONE;
	else if (c->context.depth > 0)
		ret = run_inside(c, word, cnt);
	if (ret < 0)
		ret = run_command(c, word, cnt);
	c->is_json = was_json;
	fflush(stdout);
	return ret;
}

/* ---- many ---------------------------------------------------------------------------------------- */

static int run_line(struct cli *c, const char *line)
{
	struct words w;
	int ret;

	line += strspn(line, " \t");
	if (*line == '#')
		return CLI_DONE;
	ret = words_split(line, &w);
	if (ret < 0) {
		cli_error(c, ret == -EINVAL  ? "a quote is left open"
			     : ret == -E2BIG ? "too many words"
					     : "out of memory");
		return CLI_USAGE;
	}
	if (w.cnt > 0 && strcmp(w.word[w.cnt - 1], "?") == 0) {
		w.word[w.cnt - 1][0] = '\0';
		line_print_choices(c, w.word, w.cnt - 1, "");
		ret = CLI_DONE;
	} else {
		ret = shell_words(c, w.word, w.cnt);
	}
	words_fini(&w);
	return ret;
}

/* The first failure ends it: what follows was meant to come after a success. */
static int run_script(struct cli *c)
{
	int ret = CLI_DONE, line_ret;
	unsigned long number = 0;
	char *line;

	while (!c->is_over && cli_can_print(c) && input_line(&c->input, &line) == 0) {
		number++;
		line_ret = run_line(c, line);
		if (line_ret != CLI_DONE && line_ret != CLI_WARNED) {
			cli_error(c, "stopped at command %lu: %.200s", number, line);
			free(line);
			return line_ret;
		}
		free(line);
		if (line_ret == CLI_WARNED)
			ret = CLI_WARNED;
	}
	return ret;
}

static int run_terminal(struct cli *c)
{
	struct line_editor *editor = line_open(c);
	char prompt[512];
	char *line;

	if (editor == NULL) {
		cli_error(c, "the terminal cannot be used: %s", strerror(errno));
		return CLI_USAGE;
	}
	cli_catch_stop();
	while (!c->is_over) {
		shell_prompt(c, prompt, sizeof(prompt));
		line = line_read(editor, prompt);
		if (line == NULL)
			break;
		run_line(c, line);
		(void)cli_was_stopped(); /* that was for this command */
		free(line);
	}
	if (!c->is_over)
		putchar('\n');
	edit_tell_changes(c, false);
	line_close(editor);
	return CLI_DONE;
}

int shell_run(struct cli *c)
{
	enum client_result result;

	c->is_shell = true;
	/* The prompt says who we are: that must be known first. */
	result = c->target.url != NULL ? login_open(c, false) : CLIENT_OK;
	if (result != CLIENT_OK)
		return result == CLIENT_UNREACHABLE ? CLI_NO_DAEMON : CLI_REFUSED;
	if (c->input.is_terminal && isatty(STDOUT_FILENO))
		return run_terminal(c);
	return run_script(c);
}
