/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/cli/help.h"

#include <stdlib.h>
#include <string.h>

#define FORM_WIDTH 34

/* "show peers [security|...] [[name] NAME]", owned by the caller; NULL = no memory. */
static char *form_of(const struct cli_command *command)
{
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	if (f == NULL)
		return NULL;
	fputs(command->words, f);
	tree_usage(command, f);
	fclose(f);
	return text;
}

static void print_line(const struct cli_command *command, FILE *f)
{
	char *form = command->run != NULL ? form_of(command) : NULL;

	if (form == NULL)
		return;
	if (strlen(form) > FORM_WIDTH)
		fprintf(f, "  %s\n  %*s %s\n", form, FORM_WIDTH, "", command->help);
	else
		fprintf(f, "  %-*s %s\n", FORM_WIDTH, form, command->help);
	free(form);
}

void help_print(const struct cli_tree *tree, FILE *f)
{
	for (size_t i = 0; i < tree->cnt; i++)
		print_line(&tree->command[i], f);
}

/* The words as a command has them; what does not fit is no command. */
static void join(char *const *word, size_t cnt, char *out, size_t size)
{
	size_t at = 0;

	out[0] = '\0';
	for (size_t i = 0; i < cnt && at < size; i++)
		at += (size_t)snprintf(out + at, size - at, "%s%s", i > 0 ? " " : "", word[i]);
}

/* A command that can be run, and begins with these words. */
static bool is_meant(const struct cli_command *command, const char *words)
{
	size_t len = strlen(words);

	return command->run != NULL && strncmp(command->words, words, len) == 0 &&
	       (len == 0 || command->words[len] == ' ' || command->words[len] == '\0');
}

bool help_print_words(const struct cli_tree *tree, char *const *word, size_t cnt, FILE *f)
{
	const struct cli_command *only = NULL;
	size_t found = 0;
	char words[128];

	join(word, cnt, words, sizeof(words));
	for (size_t i = 0; i < tree->cnt; i++) {
		if (!is_meant(&tree->command[i], words))
			continue;
		only = &tree->command[i];
		found++;
	}
	for (size_t i = 0; found > 1 && i < tree->cnt; i++) {
		if (is_meant(&tree->command[i], words))
			print_line(&tree->command[i], f);
	}
	if (found == 1)
		help_print_command(only, f);
	return found > 0;
}

static json_t *describe_param(const struct cli_param *p)
{
	json_t *names = p->names != NULL ? json_array() : NULL;

	for (const char *const *name = p->names; name != NULL && *name != NULL; name++)
		json_array_append_new(names, json_string(*name));
	return json_pack("{s:s?, s:s?, s:s, s:o?, s:b, s:b, s:b}", "keyword", p->keyword, "value",
		p->value, "help", p->help, "values", names, "is_required", p->is_required,
		"is_bare", p->is_bare || p->keyword == NULL, "is_rest", p->is_rest);
}

static json_t *describe(const struct cli_command *command)
{
	json_t *params = json_array(), *one;
	char *form = form_of(command);

	for (size_t i = 0; i < command->param_cnt; i++)
		json_array_append_new(params, describe_param(&command->param[i]));
	one = json_pack("{s:s, s:s, s:s?, s:b, s:o}", "words", command->words, "help",
		command->help, "usage", form, "is_of_shell", command->is_of_shell, "parameters",
		params);
	free(form);
	return one;
}

json_t *help_describe(const struct cli_tree *tree, char *const *word, size_t cnt)
{
	json_t *commands = json_array();
	char words[128];

	join(word, cnt, words, sizeof(words));
	for (size_t i = 0; i < tree->cnt; i++) {
		if (is_meant(&tree->command[i], words))
			json_array_append_new(commands, describe(&tree->command[i]));
	}
	if (json_array_size(commands) > 0)
		return json_pack("{s:o}", "commands", commands);
	json_decref(commands);
	return NULL;
}

void help_print_command(const struct cli_command *command, FILE *f)
{
	char *form = form_of(command);

	fprintf(f, "usage: rekeyctl %s\n%s\n", form != NULL ? form : command->words, command->help);
	free(form);
	for (size_t i = 0; i < command->param_cnt; i++) {
		const struct cli_param *p = &command->param[i];

		fprintf(f, "  %-16s %-10s %s\n", p->keyword != NULL ? p->keyword : "",
			p->value != NULL ? p->value : "", p->help);
	}
}

/* scdoc: what would be taken for a mark is escaped. */
static void print_plain(const char *text, FILE *f)
{
	for (; *text != '\0'; text++) {
		if (strchr("_*\\", *text) != NULL)
			fputc('\\', f);
		fputc(*text, f);
	}
}

/* Keywords strong, values underlined, the rest plain. */
static void print_form(const struct cli_command *command, FILE *f)
{
	char *form = form_of(command), *save = NULL, *part;
	size_t at;

	fprintf(f, "*%s*", command->words);
	for (part = form != NULL ? strtok_r(form + strlen(command->words), " ", &save) : NULL;
		part != NULL; part = strtok_r(NULL, " ", &save)) {
		fputc(' ', f);
		while (*part != '\0') {
			at = strcspn(part, "[]|.");
			if (at > 0)
				fprintf(f, part[0] >= 'A' && part[0] <= 'Z' ? "_%.*s_" : "*%.*s*",
					(int)at, part);
			part += at;
			at = strspn(part, "[]|.");
			fprintf(f, "%.*s", (int)at, part);
			part += at;
		}
	}
	fputc('\n', f);
	free(form);
}

static void print_params(const struct cli_command *command, FILE *f)
{
	for (size_t i = 0; i < command->param_cnt; i++) {
		const struct cli_param *p = &command->param[i];

		fputs("\n\t", f);
		if (p->keyword != NULL)
			fprintf(f, "*%s*", p->keyword);
		if (p->keyword != NULL && p->value != NULL)
			fputc(' ', f);
		if (p->value != NULL)
			fprintf(f, "_%s_", p->value);
		fputs(": ", f);
		print_plain(p->help, f);
		fputc('\n', f);
	}
}

void help_print_manual(const struct cli_tree *tree, FILE *f)
{
	for (size_t i = 0; i < tree->cnt; i++) {
		const struct cli_command *command = &tree->command[i];

		if (command->run == NULL)
			continue;
		print_form(command, f);
		fputc('\t', f);
		print_plain(command->help, f);
		if (command->is_of_shell)
			fputs(" Only in the shell.", f);
		fputc('\n', f);
		if (command->more != NULL)
			fprintf(f, "\t%s\n", command->more);
		print_params(command, f);
		fputc('\n', f);
	}
}
