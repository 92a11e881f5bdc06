/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a command works with: the daemon, the person, and how to talk to both. Main thread.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <time.h>

#include "control/cli/client.h"
#include "control/cli/context.h"
#include "control/cli/input.h"
#include "control/cli/tree.h"

#define API          "/api/v1"
#define CLI_PATH_MAX 1024

struct cli {
	struct client_options target;
	struct client *client;
	const char *user;       /* to log in as; NULL: ask */
	const char *token_file; /* NULL: none */
	struct input input;
	bool is_help; /* only what the words mean */
	bool is_json;
	bool is_shell;
	bool is_over;      /* the shell is to end */
	bool is_streaming; /* an answer goes to standard output as it comes */
	json_t *session;   /* GET /session: user, role, router, node; NULL: not known */
	json_t *schema;    /* GET /configuration/schema; NULL: not asked yet */
	struct context context;
	const char *doing; /* told while an answer is awaited */
	struct timespec begun;
};

/* c->target and what else the options say must be filled in. 0 or -ENOMEM. */
int cli_init(struct cli *c) RK_MUST_CHECK;
void cli_fini(struct cli *c);

/* "rekeyctl: ..." on standard error, without what could drive a terminal. */
void cli_error(const struct cli *c, const char *format, ...) __attribute__((format(printf, 2, 3)));

/*
 * Calls, after logging in where that is needed. *answer (may be NULL; else owned by the caller, NULL
 * on failure) is the body. CLI_DONE, or what the command is to end with: the reason has been told
 * then. A refusal whose code is except (may be NULL) is not told.
 */
enum cli_exit cli_call(struct cli *c, const char *method, const char *path, const json_t *body,
	json_t **answer) RK_MUST_CHECK;
enum cli_exit cli_call_except(struct cli *c, const char *method, const char *path,
	const json_t *body, const char *except, bool *is_except, json_t **answer) RK_MUST_CHECK;
/* GETs an answer of any length to standard output. CLI_DONE, or what to end with. */
enum cli_exit cli_save(struct cli *c, const char *path) RK_MUST_CHECK;
/* Why nobody answers, and what to do about it. */
void cli_tell_unreachable(const struct cli *c, const char *why);
/* After an answer, or none: what told of waiting for it goes away. */
void cli_answered(void);
/* For completion: no question, no word; NULL when there is no answer. */
json_t *cli_peek(struct cli *c, const char *path);

/* The answer as JSON, for -j. */
void cli_print_json(const json_t *answer);
/*
 * Around what a command prints: the UTC time and "✔ Retrieving ...", at the end "Completed in".
 * Nothing with -j. doing is kept until the end.
 */
void cli_begin(struct cli *c, const char *doing);
void cli_opened(struct cli *c);
void cli_end(struct cli *c);

/*
 * Warnings of an answer ("warnings", and a publication that the workers do not run on), a line
 * each (not with -j). CLI_WARNED when there were any, else CLI_DONE.
 */
enum cli_exit cli_warnings(const struct cli *c, const json_t *answer);
/* CTRL-C since the last call? */
bool cli_was_stopped(void);
/* From now on CTRL-C stops what is under way, not the process. */
void cli_catch_stop(void);

/* Overwrites a text of a body before it is freed: a password. */
void cli_wipe(json_t *body, const char *field);
/*
 * Whether what was printed can still be read: false, told once, when it cannot be written; without a
 * word when a pipe's reader has seen enough.
 */
bool cli_can_print(const struct cli *c);
/* Of GET /session; "" when not known. */
const char *cli_session_text(struct cli *c, const char *key);
