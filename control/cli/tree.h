/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The command tree: one table (commands.c) that dispatch, --help, the shell's '?', completion and
 * the manual page follow. A command is its words ("show peers") and what may follow them: flags
 * ("security"), named values ("count 20") and values by position ("west").
 *
 * Words and keywords may be shortened as long as one only is meant; but not where a value may
 * stand in the same place, for then nobody could tell.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "pki/view/bytes.h"

struct cli;
struct show;

/* What a process or a command ends with. */
enum cli_exit {
	CLI_DONE = 0,
	CLI_REFUSED = 1,   /* by the daemon, or by whoever was asked */
	CLI_USAGE = 2,     /* no such command, or not in this form */
	CLI_NO_DAEMON = 3, /* or not one that we trust */
	CLI_WARNED = 4,    /* done, but with warnings */
};

/* Where completion finds the values of a parameter. */
enum cli_values {
	VALUES_ANY,
	VALUES_PEER,
	VALUES_ALARM,
	VALUES_USER,
	VALUES_CERTIFICATE,
	VALUES_TRUSTED_CA,
	VALUES_VERSION, /* of the configuration */
	VALUES_CONFIG,  /* words of a path in the configuration */
	VALUES_COMMAND, /* words of another command */
};

struct cli_param {
	const char *keyword; /* NULL: a value by position only */
	const char *value;   /* as help calls it ("NAME"); NULL: the keyword is a flag */
	const char *help;
	const char *const *names; /* the only values, NULL at the end; NULL: any */
	enum cli_values values;
	bool is_required;
	bool is_bare;  /* the value may come without its keyword */
	bool is_rest;  /* all further words */
	bool is_place; /* says where, not what: a router or node must be the one that answers */
	char group;    /* of one group at most one may be given; 0: none */
};

#define CLI_PARAM_MAX 16

struct cli_args {
	/* By position in the command's param[]; NULL = not given; a flag's is its keyword. */
	const char *value[CLI_PARAM_MAX];
	char *const *rest;
	size_t rest_cnt;
};

struct cli_command {
	const char *words;
	const char *help; /* one line */
	const char *more; /* further sentences for the manual page, or NULL */
	const struct cli_param *param;
	size_t param_cnt;
	/* NULL: no command, only what help says of these words. */
	int (*run)(struct cli *c, const struct cli_command *command, const struct cli_args *args);
	bool is_of_shell; /* has no meaning on a command line of its own */
	/* A plain question: GET path (%s: the first value), shown so. */
	const char *doing;
	const char *path;
	void (*show)(const struct show *s, json_t *answer);
	/* The answer's list that a name picks one from, and where an element has its name; or NULL. */
	const char *list, *key;
};

struct cli_tree {
	const struct cli_command *command;
	size_t cnt;
};

/* commands.c */
extern const struct cli_tree cli_commands;

/* What is wrong, for people; where to look is in it. */
struct cli_problem {
	char text[512];
};

/*
 * The command that the words name, the longest that does. *used = words taken. NULL with the
 * problem told when none does, or more than one.
 */
const struct cli_command *tree_find(const struct cli_tree *tree, char *const *word, size_t cnt,
	size_t *used, struct cli_problem *problem);
/* What follows the command's words. 0, or -EINVAL with the problem told. */
int tree_read(const struct cli_command *command, char *const *word, size_t cnt,
	struct cli_args *args, struct cli_problem *problem) RK_MUST_CHECK;

/* The value of the parameter with that keyword (or, without one, value name); NULL = not given. */
const char *tree_value(
	const struct cli_command *command, const struct cli_args *args, const char *name);

/* One thing that may stand next. */
struct cli_choice {
	const char *word; /* NULL: a value that only its help describes */
	const char *help;
	enum cli_values values; /* without word: where values are found */
	const char *const *names;
	const char *value;
};
/*
 * Calls back for all that may follow these complete words: further words of commands, keywords,
 * values; with word "" for the end of the line when the command is complete.
 */
void tree_next(const struct cli_tree *tree, char *const *word, size_t cnt,
	void (*each)(void *arg, const struct cli_choice *choice), void *arg);

/* Whether a part of what may be typed stands for the whole. */
bool tree_begins(const char *whole, const char *part);
/* "[security|certificate] [[name] NAME]" */
void tree_usage(const struct cli_command *command, FILE *f);
