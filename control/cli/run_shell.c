/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/cli/run.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "control/cli/edit.h"
#include "control/cli/help.h"
#include "control/cli/print.h"
#include "control/cli/shell.h"
#include "control/cli/verify.h"

int run_help(struct cli *c, const struct cli_command *command, const struct cli_args *args)
{
	json_t *answer = NULL;
	bool is_found;

	(void)command;
	if (c->is_json)
		answer = help_describe(&cli_commands, args->rest, args->rest_cnt);
	is_found = c->is_json ? answer != NULL
			      : help_print_words(&cli_commands, args->rest, args->rest_cnt, stdout);
	if (answer != NULL)
		cli_print_json(answer);
	json_decref(answer);
	if (is_found)
		return CLI_DONE;
	cli_error(c, "no command begins with these words, typed in full");
	return CLI_USAGE;
}

int run_top(struct cli *c, const struct cli_command *command, const struct cli_args *args)
{
	(void)command;
	(void)args;
	context_top(&c->context);
	return CLI_DONE;
}

int run_up(struct cli *c, const struct cli_command *command, const struct cli_args *args)
{
	(void)command;
	(void)args;
	return c->context.depth > 0 ? (int)edit_leave(c) : CLI_DONE;
}

int run_exit(struct cli *c, const struct cli_command *command, const struct cli_args *args)
{
	if (c->context.depth > 0)
		return run_up(c, command, args);
	c->is_over = true;
	return CLI_DONE;
}

/* A number of at least one second or look; 0: it is none. */
static double read_number(const char *text, double fallback, double max)
{
	char *end;
	double value = text != NULL ? strtod(text, &end) : fallback;

	if (text != NULL && (*text == '\0' || *end != '\0'))
		return 0;
	return value > 0 && value <= max ? value : 0;
}

int run_watch(struct cli *c, const struct cli_command *command, const struct cli_args *args)
{
	double pause = read_number(tree_value(command, args, "interval"), 2, 86400);
	double left = read_number(tree_value(command, args, "count"), 1e18, 1e18);
	bool has_seen = false;
	struct timespec t;
	int ret = CLI_DONE;

	if (pause == 0 || left == 0) {
		cli_error(c, "interval and count are numbers above 0");
		return CLI_USAGE;
	}
	t.tv_sec = (time_t)pause;
	t.tv_nsec = (long)((pause - (double)t.tv_sec) * 1e9);
	cli_catch_stop();
	for (; left >= 1; left--) {
		/* Goes out with the first line of what is seen: nothing flickers. */
		if (print_is_screen(STDOUT_FILENO) && !c->is_json)
			fputs("\033[H\033[2J", stdout);
		ret = shell_words(c, args->rest, args->rest_cnt);
		has_seen |= ret == CLI_DONE || ret == CLI_WARNED;
		/* Whoever watches a daemon goes on watching while it is started again. */
		if ((ret != CLI_DONE && ret != CLI_WARNED && !(ret == CLI_NO_DAEMON && has_seen)) ||
			left < 2 || cli_was_stopped() || !cli_can_print(c))
			break;
		if (nanosleep(&t, NULL) < 0)
			break; /* CTRL-C: enough seen */
	}
	return ret;
}

/* As on the command line: the two words are where it expects them. */
int run_verify(struct cli *c, const struct cli_command *command, const struct cli_args *args)
{
	char **argv = calloc(args->rest_cnt + 4, sizeof(*argv));
	char words[] = "rekeyctl\0pki\0verify";
	int ret;

	(void)command;
	if (argv == NULL) {
		cli_error(c, "out of memory");
		return CLI_REFUSED;
	}
	argv[0] = words;
	argv[1] = words + sizeof("rekeyctl");
	argv[2] = words + sizeof("rekeyctl\0pki");
	for (size_t i = 0; i < args->rest_cnt; i++)
		argv[3 + i] = args->rest[i];
	optind = 0; /* getopt begins anew */
	ret = verify_run((int)args->rest_cnt + 3, argv, c->is_json);
	free(argv);
	return ret;
}
