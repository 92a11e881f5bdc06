/* SPDX-License-Identifier: BSD-3-Clause */
/* A line of rekeyctl's shell: its words, the command that they name, what may come next. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/cli/tree.h"
#include "control/cli/words.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Words that were printed are read back as they were. */
static void check_quoting(const struct words *w)
{
	struct words again;
	char *text;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	for (size_t i = 0; i < w->cnt; i++) {
		words_quote(f, w->word[i]);
		fputc(' ', f);
	}
	fclose(f);
	if (words_split(text, &again) < 0 || again.cnt != w->cnt)
		abort();
	for (size_t i = 0; i < w->cnt; i++) {
		if (strcmp(again.word[i], w->word[i]) != 0)
			abort();
	}
	words_fini(&again);
	free(text);
}

static void on_choice(void *arg, const struct cli_choice *choice)
{
	(void)arg;
	if (choice->help == NULL || (choice->word == NULL && choice->value == NULL))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct cli_command *command;
	struct cli_problem problem;
	struct cli_args args;
	struct words w;
	char *line;
	size_t used;

	line = malloc(size + 1);
	if (line == NULL)
		return 0;
	if (size > 0)
		memcpy(line, data, size);
	line[size] = '\0';
	if (words_split(line, &w) == 0) {
		check_quoting(&w);
		command = tree_find(&cli_commands, w.word, w.cnt, &used, &problem);
		if (command != NULL && (used == 0 || used > w.cnt))
			abort();
		if (command != NULL &&
			tree_read(command, w.word + used, w.cnt - used, &args, &problem) < 0 &&
			problem.text[0] == '\0')
			abort();
		tree_next(&cli_commands, w.word, w.cnt, on_choice, NULL);
		words_fini(&w);
	}
	free(line);
	return 0;
}
