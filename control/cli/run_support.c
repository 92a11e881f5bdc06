/* SPDX-License-Identifier: BSD-3-Clause */
/* All that somebody who helps from afar asks for, in one go. */
#include <stdio.h>

#include "control/cli/run.h"
#include "control/cli/shell.h"
#include "control/cli/words.h"

/* From what is wrong to how it came. */
static const char *const questions[] = {"show version", "show health", "show alarms shelved",
	"show publication", "show peers detail", "show peers security", "show security key-status",
	"show certificate detail", "show certificate ca", "show certificate-revocation detail",
	"show enrolment", "show stats", "show log", "show config running", "show config diff",
	"show config history", "show events verify", "show events detail count 200"};

static int ask(struct cli *c, const char *question)
{
	struct words w;
	int ret;

	if (words_split(question, &w) < 0) {
		cli_error(c, "out of memory");
		return CLI_REFUSED;
	}
	printf(c->is_json ? "{\"command\":\"%s\"}\n" : "\n===== rekeyctl %s =====\n", question);
	fflush(stdout); /* before what goes wrong, which is told elsewhere */
	ret = shell_words(c, w.word, w.cnt);
	words_fini(&w);
	return ret;
}

int run_show_tech_support(
	struct cli *c, const struct cli_command *command, const struct cli_args *args)
{
	int ret = CLI_DONE;

	(void)command;
	(void)args;
	for (size_t i = 0; i < sizeof(questions) / sizeof(questions[0]); i++) {
		int one = ask(c, questions[i]);

		/* What fails is a part of the picture; without a daemon there is none. */
		if (one != CLI_DONE)
			ret = one;
		if (one == CLI_NO_DAEMON || cli_was_stopped() || !cli_can_print(c))
			break;
	}
	return ret;
}
