/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/cli/tree.h"

#include <errno.h>
#include <string.h>

/* The word at that place of a command's words; its length in *len, 0 past the end. */
static const char *word_at(const struct cli_command *command, size_t place, size_t *len)
{
	const char *word = command->words;

	for (; place > 0; place--) {
		word += strcspn(word, " ");
		word += *word == ' ';
	}
	*len = strcspn(word, " ");
	return word;
}

bool tree_begins(const char *whole, const char *part)
{
	return strncmp(whole, part, strlen(part)) == 0;
}

static bool takes_bare_value(const struct cli_command *command)
{
	for (size_t i = 0; i < command->param_cnt; i++) {
		if (command->param[i].is_bare || command->param[i].keyword == NULL)
			return true;
	}
	return false;
}

/* The commands that agree with the words so far: their numbers are kept in the caller's array. */
#define COMMANDS_MAX 128
struct narrowed {
	const struct cli_command *command[COMMANDS_MAX];
	size_t cnt;
	size_t depth; /* words that all of them begin with */
};

static const struct cli_command *complete_one(const struct narrowed *n)
{
	size_t i, len;

	for (i = 0; i < n->cnt; i++) {
		word_at(n->command[i], n->depth, &len);
		if (len == 0 && n->command[i]->run != NULL)
			return n->command[i];
	}
	return NULL;
}

static bool is_same(const char *word, size_t len, const char *typed)
{
	return strlen(typed) == len && memcmp(word, typed, len) == 0;
}

/* The one next word that typed names or begins; NULL and *is_ambiguous otherwise. */
static const char *choose(
	const struct narrowed *n, const char *typed, size_t *len, bool *is_ambiguous)
{
	const struct cli_command *complete = complete_one(n);
	bool is_exact = complete != NULL && takes_bare_value(complete);
	const char *found = NULL;
	size_t i, found_len = 0;

	*is_ambiguous = false;
	for (i = 0; i < n->cnt; i++) {
		const char *word = word_at(n->command[i], n->depth, len);

		if (*len == 0)
			continue;
		if (is_same(word, *len, typed)) {
			*is_ambiguous = false;
			return word;
		}
		if (is_exact || typed[0] == '\0' || strlen(typed) > *len ||
			memcmp(word, typed, strlen(typed)) != 0)
			continue;
		*is_ambiguous |=
			found != NULL && (found_len != *len || memcmp(found, word, *len) != 0);
		found = word;
		found_len = *len;
	}
	*len = found_len;
	return *is_ambiguous ? NULL : found;
}

static bool narrow(struct narrowed *n, const char *typed, bool *is_ambiguous)
{
	size_t len, i, kept = 0, wanted_len;
	const char *wanted = choose(n, typed, &wanted_len, is_ambiguous);

	if (wanted == NULL)
		return false;
	for (i = 0; i < n->cnt; i++) {
		const char *word = word_at(n->command[i], n->depth, &len);

		if (len == wanted_len && memcmp(word, wanted, len) == 0)
			n->command[kept++] = n->command[i];
	}
	n->cnt = kept;
	n->depth++;
	return true;
}

static void begin(const struct cli_tree *tree, struct narrowed *n)
{
	n->cnt = tree->cnt < COMMANDS_MAX ? tree->cnt : COMMANDS_MAX;
	n->depth = 0;
	for (size_t i = 0; i < n->cnt; i++)
		n->command[i] = &tree->command[i];
}

/* "a, b, c": the distinct next words, those that begin as typed. */
static void list_next(const struct narrowed *n, const char *typed, char *out, size_t size)
{
	const char *last = "";
	size_t i, len, last_len = 0, at = 0;

	out[0] = '\0';
	for (i = 0; i < n->cnt; i++) {
		const char *word = word_at(n->command[i], n->depth, &len);

		if (len == 0 || (len == last_len && memcmp(word, last, len) == 0) ||
			strncmp(word, typed, strlen(typed)) != 0)
			continue;
		if (at + len + 3 >= size)
			break;
		at += (size_t)snprintf(
			out + at, size - at, "%s%.*s", at > 0 ? ", " : "", (int)len, word);
		last = word;
		last_len = len;
	}
}

static void tell_unknown(const struct narrowed *n, char *const *word, size_t cnt, bool is_ambiguous,
	struct cli_problem *problem)
{
	size_t size = sizeof(problem->text), len;
	const char *first = n->command[0]->words;
	size_t told = (size_t)(word_at(n->command[0], n->depth, &len) - first);
	char choices[320];

	told -= told > 0 && first[told - 1] == ' ';
	list_next(n, is_ambiguous ? word[n->depth] : "", choices, sizeof(choices));
	if (is_ambiguous)
		snprintf(problem->text, size, "\"%.60s\" may be: %s", word[n->depth], choices);
	else if (n->depth < cnt && n->depth > 0)
		snprintf(problem->text, size, "no such command: after \"%.*s\" may come: %s",
			(int)told, first, choices);
	else if (n->depth < cnt)
		snprintf(problem->text, size, "no such command: \"%.60s\"", word[0]);
	else
		snprintf(problem->text, size, "the command is not complete: next comes: %s",
			choices);
}

const struct cli_command *tree_find(const struct cli_tree *tree, char *const *word, size_t cnt,
	size_t *used, struct cli_problem *problem)
{
	const struct cli_command *found = NULL;
	bool is_ambiguous = false;
	struct narrowed n;

	*used = 0;
	begin(tree, &n);
	while (n.depth < cnt && narrow(&n, word[n.depth], &is_ambiguous)) {
		if (complete_one(&n) != NULL) {
			found = complete_one(&n);
			*used = n.depth;
		}
	}
	if (found == NULL || is_ambiguous) {
		tell_unknown(&n, word, cnt, is_ambiguous, problem);
		return NULL;
	}
	return found;
}

/* ---- what follows the words --------------------------------------------------------------------- */

/* The parameter whose keyword this is, or begins with it where that is clear; NULL = none. */
static const struct cli_param *find_keyword(const struct cli_command *command, const char *typed)
{
	const struct cli_param *found = NULL;
	bool is_exact = takes_bare_value(command), is_ambiguous = false;

	for (size_t i = 0; i < command->param_cnt; i++) {
		const struct cli_param *p = &command->param[i];

		if (p->keyword == NULL)
			continue;
		if (strcmp(p->keyword, typed) == 0)
			return p;
		if (is_exact || typed[0] == '\0' || !tree_begins(p->keyword, typed))
			continue;
		is_ambiguous |= found != NULL;
		found = p;
	}
	return is_ambiguous ? NULL : found;
}

static const struct cli_param *find_bare(
	const struct cli_command *command, const struct cli_args *args)
{
	for (size_t i = 0; i < command->param_cnt; i++) {
		const struct cli_param *p = &command->param[i];

		if (args->value[i] == NULL && p->value != NULL &&
			(p->is_bare || p->keyword == NULL))
			return p;
	}
	return NULL;
}

static bool is_taken(
	const struct cli_command *command, const struct cli_args *args, const struct cli_param *p)
{
	for (size_t i = 0; i < command->param_cnt; i++) {
		const struct cli_param *other = &command->param[i];

		if (args->value[i] != NULL &&
			(other == p || (p->group != 0 && other->group == p->group)))
			return true;
	}
	return false;
}

static bool is_allowed(const struct cli_param *p, const char *value)
{
	const char *const *name = p->names;

	while (name != NULL && *name != NULL && strcmp(*name, value) != 0)
		name++;
	return name == NULL || *name != NULL;
}

static void print_names(const struct cli_param *p, char *out, size_t size)
{
	size_t at = 0;

	out[0] = '\0';
	for (const char *const *name = p->names; *name != NULL && at < size; name++)
		at += (size_t)snprintf(out + at, size - at, "%s%s", at > 0 ? ", " : "", *name);
}

/* One parameter from the words at *at on. */
static int read_one(const struct cli_command *command, char *const *word, size_t cnt, size_t *at,
	struct cli_args *args, struct cli_problem *problem)
{
	const struct cli_param *p = find_keyword(command, word[*at]);
	bool is_named = p != NULL;
	char names[200];

	if (p == NULL)
		p = find_bare(command, args);
	if (p == NULL || is_taken(command, args, p)) {
		snprintf(problem->text, sizeof(problem->text), "\"%.60s\" %s", word[*at],
			p == NULL ? "is not known here" : "cannot be given here, or not twice");
		return -EINVAL;
	}
	if (is_named && p->value != NULL && ++*at == cnt) {
		snprintf(problem->text, sizeof(problem->text), "%s needs %s: %s", p->keyword,
			p->value, p->help);
		return -EINVAL;
	}
	if (p->value != NULL && !is_allowed(p, word[*at])) {
		print_names(p, names, sizeof(names));
		snprintf(problem->text, sizeof(problem->text), "%s is one of: %s",
			p->keyword != NULL ? p->keyword : p->value, names);
		return -EINVAL;
	}
	args->value[p - command->param] = word[*at];
	if (p->is_rest) {
		args->rest = word + *at;
		args->rest_cnt = cnt - *at;
		*at = cnt;
		return 0;
	}
	++*at;
	return 0;
}

int tree_read(const struct cli_command *command, char *const *word, size_t cnt,
	struct cli_args *args, struct cli_problem *problem)
{
	size_t at = 0;

	*args = (struct cli_args){0};
	while (at < cnt) {
		if (read_one(command, word, cnt, &at, args, problem) < 0)
			return -EINVAL;
	}
	for (size_t i = 0; i < command->param_cnt; i++) {
		const struct cli_param *p = &command->param[i];

		if (p->is_required && args->value[i] == NULL) {
			snprintf(problem->text, sizeof(problem->text), "%s is missing: %s",
				p->value, p->help);
			return -EINVAL;
		}
	}
	return 0;
}

const char *tree_value(
	const struct cli_command *command, const struct cli_args *args, const char *name)
{
	for (size_t i = 0; i < command->param_cnt; i++) {
		const struct cli_param *p = &command->param[i];

		if (strcmp(p->keyword != NULL ? p->keyword : p->value, name) == 0)
			return args->value[i];
	}
	return NULL;
}

/* ---- what may come next -------------------------------------------------------------------------- */

static const char *help_of(const struct narrowed *n, const char *at, size_t len)
{
	for (size_t i = 0; i < n->cnt; i++) {
		size_t theirs;
		const char *word = word_at(n->command[i], n->depth, &theirs);

		if (theirs == len && memcmp(word, at, len) == 0 && word[len] == '\0')
			return n->command[i]->help;
	}
	return "";
}

static void each_word(const struct narrowed *n,
	void (*each)(void *arg, const struct cli_choice *choice), void *arg)
{
	char word[64], last[64] = "";

	for (size_t i = 0; i < n->cnt; i++) {
		size_t len;
		const char *at = word_at(n->command[i], n->depth, &len);

		if (len == 0 || len >= sizeof(word))
			continue;
		snprintf(word, sizeof(word), "%.*s", (int)len, at);
		if (strcmp(word, last) == 0)
			continue;
		each(arg, &(struct cli_choice){.word = word, .help = help_of(n, at, len)});
		memcpy(last, word, sizeof(last));
	}
}

static void each_param(const struct cli_command *command, const struct cli_args *args,
	void (*each)(void *arg, const struct cli_choice *choice), void *arg)
{
	const struct cli_param *bare = find_bare(command, args);

	for (size_t i = 0; i < command->param_cnt; i++) {
		const struct cli_param *p = &command->param[i];

		if (is_taken(command, args, p))
			continue;
		if (p->keyword != NULL)
			each(arg, &(struct cli_choice){.word = p->keyword, .help = p->help});
		if (p == bare)
			each(arg, &(struct cli_choice){.help = p->help,
					  .values = p->values,
					  .names = p->names,
					  .value = p->value});
	}
}

/* The value that a keyword at the end still needs. */
static const struct cli_param *awaited(
	const struct cli_command *command, char *const *word, size_t cnt)
{
	const struct cli_param *p = cnt > 0 ? find_keyword(command, word[cnt - 1]) : NULL;

	return p != NULL && p->value != NULL ? p : NULL;
}

static void next_of_command(const struct cli_command *command, char *const *word, size_t cnt,
	void (*each)(void *arg, const struct cli_choice *choice), void *arg)
{
	const struct cli_param *p = awaited(command, word, cnt);
	struct cli_problem problem;
	struct cli_args args;
	size_t i, missing = 0, at = 0;

	args = (struct cli_args){0};
	while (at < cnt - (p != NULL) && args.rest == NULL) {
		if (read_one(command, word, cnt - (p != NULL), &at, &args, &problem) < 0)
			return;
	}
	for (i = 0; args.rest != NULL && i < command->param_cnt; i++) {
		if (command->param[i].is_rest)
			p = &command->param[i];
	}
	if (p != NULL) {
		each(arg, &(struct cli_choice){.help = p->help,
				  .values = p->values,
				  .names = p->names,
				  .value = p->value});
		return;
	}
	each_param(command, &args, each, arg);
	for (i = 0; i < command->param_cnt; i++)
		missing += command->param[i].is_required && args.value[i] == NULL;
	if (missing == 0)
		each(arg, &(struct cli_choice){.word = "", .help = command->help});
}

void tree_next(const struct cli_tree *tree, char *const *word, size_t cnt,
	void (*each)(void *arg, const struct cli_choice *choice), void *arg)
{
	const struct cli_command *command = NULL;
	struct narrowed n;
	size_t used = 0;
	bool is_ambiguous = false;

	begin(tree, &n);
	while (n.depth < cnt && narrow(&n, word[n.depth], &is_ambiguous)) {
		if (complete_one(&n) != NULL) {
			command = complete_one(&n);
			used = n.depth;
		}
	}
	if (is_ambiguous)
		return;
	if (n.depth == cnt)
		each_word(&n, each, arg);
	if (command != NULL && (used == n.depth || n.depth < cnt))
		next_of_command(command, word + used, cnt - used, each, arg);
}

/* ---- usage --------------------------------------------------------------------------------------- */

static void print_param(const struct cli_param *p, FILE *f)
{
	if (p->value == NULL)
		fprintf(f, "%s", p->keyword);
	else if (p->keyword == NULL)
		fprintf(f, "%s%s", p->value, p->is_rest ? "..." : "");
	else
		fprintf(f, p->is_bare ? "[%s] %s" : "%s %s", p->keyword, p->value);
}

void tree_usage(const struct cli_command *command, FILE *f)
{
	for (size_t i = 0; i < command->param_cnt; i++) {
		const struct cli_param *p = &command->param[i];
		bool goes_on = i > 0 && p->group != 0 && p[-1].group == p->group;
		bool is_followed =
			i + 1 < command->param_cnt && p->group != 0 && p[1].group == p->group;

		fputs(goes_on ? "|" : p->is_required ? " " : " [", f);
		print_param(p, f);
		if (!p->is_required && !is_followed)
			fputc(']', f);
	}
}
