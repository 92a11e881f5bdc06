/* SPDX-License-Identifier: BSD-3-Clause */
/* What the commands of the tree do; each returns what to end with (enum cli_exit). */
#pragma once

#include "control/cli/cli.h"

#define RUN(name) \
	int name(struct cli *c, const struct cli_command *command, const struct cli_args *args)

/* GET command->path, shown by command->show. */
RUN(run_get);
/* The same with POST, without a body: something is done. */
RUN(run_post);
RUN(run_delete); /* DELETE command->path, after asking when it has "force" */
RUN(run_show_peers);
RUN(run_show_certificate);
RUN(run_show_events);
RUN(run_show_alarms);
RUN(run_verify_events);
RUN(run_export_revocation);
RUN(run_show_enrolment);
RUN(run_show_tech_support);

RUN(run_show_config);
RUN(run_show_diff);
RUN(run_show_history);
RUN(run_configure);
RUN(run_delete_config);
RUN(run_commit);
RUN(run_commit_confirm);
RUN(run_rollback);
RUN(run_validate);
RUN(run_discard);

RUN(run_rotate);
RUN(run_create_key);
RUN(run_create_request);
RUN(run_import_certificate);
RUN(run_import_ca);
RUN(run_enrol);

RUN(run_create_user);
RUN(run_edit_user);
RUN(run_edit_log);
RUN(run_password);
RUN(run_login);
RUN(run_logout);

RUN(run_watch);
RUN(run_verify);
RUN(run_help);
RUN(run_top);
RUN(run_up);
RUN(run_exit);

/* GETs, and prints the answer between "doing" and "Completed"; with -j as it is. */
enum cli_exit run_ask(struct cli *c, const struct cli_command *command, const char *path,
	const struct show *show);
/* The same with a call that changes something. Takes body; NULL is what could not be built. */
enum cli_exit run_change(struct cli *c, const struct cli_command *command, const char *method,
	const char *path, json_t *body);
/* "force" among the arguments, or the person says yes. */
bool run_is_sure(struct cli *c, const struct cli_command *command, const struct cli_args *args,
	const char *question);
