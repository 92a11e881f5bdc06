/* SPDX-License-Identifier: BSD-3-Clause */
/* rekeyctl: one command, or a shell. It knows no more than the REST API offers. */
#include <getopt.h>
#include <locale.h>
#include <langinfo.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "control/cli/cli.h"
#include "control/cli/complete.h"
#include "control/cli/help.h"
#include "control/cli/login.h"
#include "control/cli/print.h"
#include "control/cli/shell.h"
#include "control/cli/verify.h"

static const struct option longs[] = {
	{"json", no_argument, NULL, 'j'},
	{"run-dir", required_argument, NULL, 'r'},
	{"url", required_argument, NULL, 'u'},
	{"user", required_argument, NULL, 'n'},
	{"token-file", required_argument, NULL, 't'},
	{"cacert", required_argument, NULL, 'c'},
	{"insecure", no_argument, NULL, 'k'},
	{"print-manual", no_argument, NULL, 'm'},
	{"help", no_argument, NULL, 'h'},
	{"version", no_argument, NULL, 'V'},
	{0},
};

static void print_usage(FILE *f)
{
	fprintf(f, "usage: rekeyctl [options] [COMMAND]\n\n"
		   "Without a command: a shell, or commands from standard input.\n\n"
		   "  -j, --json          print the answer as JSON\n"
		   "      --run-dir DIR   where control.sock is (default /run/rekey)\n"
		   "      --url URL       https://HOST[:PORT] of another router\n"
		   "      --user NAME     who logs in there (asked for otherwise)\n"
		   "      --token-file F  the token of a login; kept there by \"login\"\n"
		   "      --cacert F      who may have signed that router's certificate\n"
		   "      --insecure      do not verify it\n"
		   "      --print-manual  the manual page's section on commands\n"
		   "  -h, --help  -V, --version\n\n");
	help_print(&cli_commands, f);
	fprintf(f, "\nWords may be shortened where one only is meant. exit status: 0 done, "
		   "1 refused, 2 usage,\n3 no daemon, 4 done with warnings\n");
}

/* 0; else the process is to end with *status. */
static int take_option(struct cli *c, int option, const char *value, int *status)
{
	*status = CLI_DONE;
	switch (option) {
	case 'j':
		c->is_json = true;
		return 0;
	case 'r':
		c->target.run_dir = value;
		return 0;
	case 'u':
		c->target.url = value;
		if (strncmp(value, "https://", 8) == 0)
			return 0;
		fprintf(stderr, "rekeyctl: --url is https://HOST[:PORT]\n");
		*status = CLI_USAGE;
		return 1;
	case 'n':
		c->user = value;
		return 0;
	case 't':
		c->token_file = value;
		return 0;
	case 'c':
		c->target.ca_file = value;
		return 0;
	case 'k':
		c->target.is_insecure = true;
		return 0;
	case 'm':
		help_print_manual(&cli_commands, stdout);
		return 1;
	case 'h':
		c->is_help = true;
		return 0;
	case 'V':
		printf("rekeyctl %s\n", REKEY_VERSION);
		return 1;
	default:
		fprintf(stderr, "rekeyctl: see rekeyctl --help\n");
		*status = CLI_USAGE;
		return 1;
	}
}

/* ---- completion for other shells ----------------------------------------------------------------- */

static const struct option *find_option(const char *word)
{
	for (const struct option *o = longs; o->name != NULL; o++) {
		if (word[0] == '-' && word[1] == '-' && strcmp(word + 2, o->name) == 0)
			return o;
	}
	return NULL;
}

/*
 * "rekeyctl --complete WORD... PARTIAL": a line for each candidate, its help after a TAB. Options
 * count where they say whom to ask.
 */
static int complete(struct cli *c, int argc, char *argv[])
{
	struct candidates list = {0};
	int cnt = 0, i, status;

	for (i = 0; i + 1 < argc; i++) {
		const struct option *o = find_option(argv[i]);

		if (o == NULL && argv[i][0] != '-')
			argv[cnt++] = argv[i];
		else if (o != NULL && o->has_arg == required_argument && i + 2 == argc)
			return CLI_DONE; /* its value is anything */
		else if (o != NULL && o->has_arg == required_argument)
			(void)take_option(c, o->val, argv[++i], &status);
		else if (o != NULL && o->val == 'k')
			(void)take_option(c, o->val, NULL, &status);
	}
	if (argc > 0 && argv[argc - 1][0] == '-') {
		for (const struct option *o = longs; o->name != NULL; o++) {
			if (strncmp(argv[argc - 1] + 1, "-", 1) != 0 ||
				tree_begins(o->name, argv[argc - 1] + 2))
				printf("--%s\n", o->name);
		}
		return CLI_DONE;
	}
	c->input.is_terminal = false;
	if (c->target.url != NULL && c->token_file != NULL && login_open(c, false) != CLIENT_OK)
		return CLI_DONE;
	if (complete_words(c, argv, (size_t)cnt, argc > 0 ? argv[argc - 1] : "", &list) == 0) {
		for (size_t n = 0; n < list.cnt; n++) {
			if (list.one[n].word == NULL)
				continue;
			print_strip_controls(list.one[n].word);
			print_strip_controls(list.one[n].help);
			printf("%s\t%s\n", list.one[n].word, list.one[n].help);
		}
	}
	complete_free(&list);
	return CLI_DONE;
}

/* ---- main ---------------------------------------------------------------------------------------- */

/* Names may hold any letter; a terminal of the C locale gets them all the same. */
static void open_locale(void)
{
	if (setlocale(LC_CTYPE, "") == NULL || strcmp(nl_langinfo(CODESET), "UTF-8") != 0)
		setlocale(LC_CTYPE, "C.UTF-8");
}

/* A PEM text may be a word: it begins as no option does. */
static bool is_option(const char *word)
{
	return word[0] == '-' && word[1] != '\0' && strncmp(word, "-----", 5) != 0;
}

/*
 * Options may stand among and behind the words, which are moved to the front. How many words there
 * are; -1: the process is to end with *status.
 */
static int part_words(struct cli *c, int argc, char *argv[], int *status)
{
	int cnt = 0, option;

	optind = 0; /* anew */
	while (optind == 0 || optind < argc) {
		int at = optind == 0 ? 1 : optind;

		if (at < argc && !is_option(argv[at])) {
			argv[1 + cnt++] = argv[at];
			optind = at + 1;
			continue;
		}
		option = getopt_long(argc, argv, "+jhV", longs, NULL);
		if (option == -1)
			break; /* behind "--" everything is a word */
		if (take_option(c, option, optarg, status) != 0)
			return -1;
	}
	for (int i = optind; i < argc; i++)
		argv[1 + cnt++] = argv[i];
	return cnt;
}

/* "show events --verify" is the command "show events verify". */
static void spell_verify(int argc, char *argv[])
{
	for (int i = 2; i < argc; i++)
		if (strcmp(argv[i], "--verify") == 0 && strcmp(argv[i - 1], "events") == 0)
			argv[i] += strlen("--");
}

static int run(struct cli *c, int argc, char *argv[])
{
	int option, status, cnt;
	char **word;

	if (argc > 1 && strcmp(argv[1], "--complete") == 0)
		return cli_init(c) == 0 ? complete(c, argc - 2, argv + 2) : CLI_REFUSED;
	/* Up to the command; one that has options of its own gets the rest as it is. */
	while ((option = getopt_long(argc, argv, "+jhV", longs, NULL)) != -1) {
		if (take_option(c, option, optarg, &status) != 0)
			return status;
	}
	argv[optind - 1] = argv[0]; /* who complains */
	argc -= optind - 1;
	argv += optind - 1;
	if (verify_is_asked(argc, argv)) {
		optind = 0;
		return verify_run(argc, argv, c->is_json);
	}
	spell_verify(argc, argv);
	cnt = part_words(c, argc, argv, &status);
	word = argv + 1;
	if (cnt < 0)
		return status;
	if (c->is_help && cnt > 0)
		return help_print_words(&cli_commands, word, (size_t)cnt, stdout) ? CLI_DONE
										  : CLI_USAGE;
	if (c->is_help) {
		print_usage(stdout);
		return CLI_DONE;
	}
	if (cli_init(c) < 0) {
		fprintf(stderr, "rekeyctl: out of memory\n");
		return CLI_REFUSED;
	}
	print_use_colour();
	/* What a command prints may go to a file: questions are for whoever sits here. */
	if (cnt > 0 && !isatty(STDOUT_FILENO))
		c->input.prompt = stderr;
	return cnt > 0 ? shell_words(c, word, (size_t)cnt) : shell_run(c);
}

int main(int argc, char *argv[])
{
	struct cli c = {.target = {.run_dir = "/run/rekey"}};
	int ret;

	open_locale();
	signal(SIGPIPE, SIG_IGN);
	ret = run(&c, argc, argv);
	cli_fini(&c);
	return ret == CLI_DONE && !cli_can_print(&c) ? CLI_REFUSED : ret;
}
