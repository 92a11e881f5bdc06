/* SPDX-License-Identifier: BSD-3-Clause */
/* rekeyctl's command tree: which command the words name, what follows it, what may come next. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "control/cli/help.h"
#include "control/cli/tree.h"
#include "control/cli/words.h"

static struct cli_problem problem;

/* The command that a line names; its arguments in *args. NULL when none, or not in this form. */
static const struct cli_command *read_line(const char *line, struct words *w, struct cli_args *args)
{
	const struct cli_command *command;
	size_t used;

	assert_int_equal(words_split(line, w), 0);
	command = tree_find(&cli_commands, w->word, w->cnt, &used, &problem);
	if (command != NULL &&
		tree_read(command, w->word + used, w->cnt - used, args, &problem) == 0)
		return command;
	words_fini(w);
	return NULL;
}

static void expect(const char *line, const char *command, const char *param, const char *value)
{
	struct cli_args args;
	struct words w;
	const struct cli_command *found = read_line(line, &w, &args);
	const char *given;

	assert_non_null(found);
	assert_string_equal(found->words, command);
	given = param != NULL ? tree_value(found, &args, param) : NULL;
	if (value == NULL)
		assert_null(given);
	else
		assert_string_equal(given, value);
	words_fini(&w);
}

static void expect_problem(const char *line, const char *part)
{
	struct cli_args args;
	struct words w;

	assert_null(read_line(line, &w, &args));
	if (strstr(problem.text, part) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", problem.text, part);
}

static void longest_command_wins(void **state)
{
	(void)state;
	expect("show certificate", "show certificate", "name", NULL);
	expect("show certificate ca", "show certificate ca", "name", NULL);
	expect("show certificate ca root", "show certificate ca", "name", "root");
	expect("delete user tokens west", "delete user tokens", "name", "west");
	expect("delete user west", "delete user", "name", "west");
	expect("commit confirm", "commit confirm", NULL, NULL);
	expect_problem("", "not complete");
	expect_problem("show", "peers");
	expect_problem("rotate security nothing",
		"after \"rotate security\" may come: metadata-key, peer-key");
	expect_problem("'show peers'", "no such command");
}

static void words_may_be_shortened_where_one_is_meant(void **state)
{
	(void)state;
	expect("sho al", "show alarms", "id", NULL);
	expect("config authority", "configure", NULL, NULL);
	expect("ref cert", "refresh certificate-revocation", NULL, NULL);
	expect_problem("show c", "certificate, certificate-revocation, config");
	expect_problem("show config diff fr", "from needs N");
	/* where a name may stand, a part of a word is a name */
	expect("show certificate c", "show certificate", "name", "c");
	expect("show peers sec", "show peers", "name", "sec");
	expect("show peers sec", "show peers", "security", NULL);
}

static void flags_values_and_names_come_in_any_order(void **state)
{
	(void)state;
	expect("show peers name west security", "show peers", "security", "security");
	expect("show peers security west", "show peers", "name", "west");
	expect("show peers west security", "show peers", "name", "west");
	expect("show peers name security", "show peers", "name", "security");
	expect("show events count 7 detail", "show events", "count", "7");
	expect("commit force comment 'two words'", "commit", "comment", "two words");
}

static void wrong_forms_are_told(void **state)
{
	(void)state;
	expect_problem("show peers security certificate", "cannot be given");
	expect_problem("show peers a b", "not known here");
	expect_problem("show events count", "count needs N");
	expect_problem("import trusted-ca-certificate x validation-mode lax", "strict, warn");
	expect_problem("rotate security peer-key", "PEER is missing");
	expect_problem("commit force force", "twice");
	expect_problem("show alarms x y", "not known here");
}

static void rest_is_left_as_it_is(void **state)
{
	struct cli_args args;
	struct words w;
	const struct cli_command *found =
		read_line("watch count 2 interval 1 show peers count 3", &w, &args);

	(void)state;
	assert_non_null(found);
	assert_string_equal(tree_value(found, &args, "count"), "2");
	assert_int_equal(args.rest_cnt, 4);
	assert_string_equal(args.rest[0], "show");
	assert_string_equal(args.rest[3], "3");
	words_fini(&w);
}

/* Each command is found by its words; commands with a first word in common stand together. */
static void tree_is_in_order(void **state)
{
	struct cli_args args;
	size_t used, i, n;
	struct words w;

	(void)state;
	for (i = 0; i < cli_commands.cnt; i++) {
		const struct cli_command *c = &cli_commands.command[i];

		if (i > 0)
			assert_true(strcmp(c[-1].words, c->words) < 0);
		assert_true(c->help[strlen(c->help) - 1] == '.');
		assert_true(c->param_cnt <= CLI_PARAM_MAX);
		assert_true(c->doing == NULL || c->show != NULL);
		for (n = 0; n < c->param_cnt; n++)
			assert_true(c->param[n].keyword != NULL || c->param[n].value != NULL);
		assert_int_equal(words_split(c->words, &w), 0);
		if (c->run != NULL) {
			assert_ptr_equal(
				tree_find(&cli_commands, w.word, w.cnt, &used, &problem), c);
			assert_int_equal(used, w.cnt);
			(void)!tree_read(c, NULL, 0, &args, &problem);
		} else {
			assert_null(tree_find(&cli_commands, w.word, w.cnt, &used, &problem));
		}
		words_fini(&w);
	}
}

/* ---- what may come next -------------------------------------------------------------------------- */

static char next[4096];

static void note(void *arg, const struct cli_choice *choice)
{
	size_t len = strlen(next);

	(void)arg;
	assert_non_null(choice->help);
	snprintf(next + len, sizeof(next) - len, "%s,",
		choice->word != NULL ? choice->word : choice->value);
}

static void expect_next(const char *line, const char *choices)
{
	struct words w;

	assert_int_equal(words_split(line, &w), 0);
	next[0] = '\0';
	tree_next(&cli_commands, w.word, w.cnt, note, NULL);
	assert_string_equal(next, choices);
	words_fini(&w);
}

static void next_words_are_known(void **state)
{
	(void)state;
	expect_next("show certificate", "ca,detail,name,NAME,,");
	expect_next(
		"show peers", "security,certificate,detail,summary,name,NAME,router,node,force,,");
	expect_next("show peers detail", "name,NAME,router,node,force,,");
	expect_next("show peers west", "security,certificate,detail,summary,router,node,force,,");
	expect_next("show peers name", "NAME,");
	expect_next("show peers west east", "");
	expect_next("show events count", "N,");
	expect_next("rotate", "security,token-key,");
	expect_next("rotate security peer-key", "PEER,router,node,force,");
	expect_next("rotate security peer-key all", "router,node,force,,");
	expect_next("configure", "ITEM,");
	expect_next("configure authority trusted", "ITEM,");
	expect_next("nothing", "");
	expect_next("show c", "");
}

/* What may come next is taken when it comes. */
static void check_taken(void *arg, const struct cli_choice *choice)
{
	const char *line = arg;
	struct cli_args args;
	struct words w;
	char longer[256];
	size_t used;

	if (choice->word == NULL || choice->word[0] == '\0')
		return;
	snprintf(longer, sizeof(longer), "%s %s", line, choice->word);
	assert_int_equal(words_split(longer, &w), 0);
	if (tree_find(&cli_commands, w.word, w.cnt, &used, &problem) == NULL)
		assert_non_null(strstr(problem.text, "not complete"));
	else if (used < w.cnt && tree_read(tree_find(&cli_commands, w.word, w.cnt, &used, &problem),
					 w.word + used, w.cnt - used, &args, &problem) < 0)
		assert_true(strstr(problem.text, "needs") != NULL ||
			    strstr(problem.text, "missing") != NULL);
	words_fini(&w);
}

static void next_words_are_taken(void **state)
{
	(void)state;
	for (size_t i = 0; i < cli_commands.cnt; i++) {
		char line[128];
		struct words w;

		snprintf(line, sizeof(line), "%s", cli_commands.command[i].words);
		assert_int_equal(words_split(line, &w), 0);
		tree_next(&cli_commands, w.word, w.cnt, check_taken, line);
		words_fini(&w);
	}
}

static void help_names_every_command_once(void **state)
{
	char *text = NULL, line[128];
	size_t size;
	FILE *f = open_memstream(&text, &size);

	(void)state;
	help_print(&cli_commands, f);
	help_print_manual(&cli_commands, f);
	fclose(f);
	for (size_t i = 0; i < cli_commands.cnt; i++) {
		if (cli_commands.command[i].run == NULL)
			continue;
		snprintf(line, sizeof(line), "\n*%s*", cli_commands.command[i].words);
		assert_non_null(strstr(text, line));
	}
	assert_non_null(
		strstr(text, "show peers [security|certificate|detail|summary] [[name] NAME]"));
	assert_non_null(strstr(text, "*rotate security peer-key* _PEER_ [*router* _ROUTER_]"));
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(longest_command_wins),
		cmocka_unit_test(words_may_be_shortened_where_one_is_meant),
		cmocka_unit_test(flags_values_and_names_come_in_any_order),
		cmocka_unit_test(wrong_forms_are_told),
		cmocka_unit_test(rest_is_left_as_it_is),
		cmocka_unit_test(tree_is_in_order),
		cmocka_unit_test(next_words_are_known),
		cmocka_unit_test(next_words_are_taken),
		cmocka_unit_test(help_names_every_command_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
