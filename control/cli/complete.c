/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/cli/complete.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "control/cli/edit.h"
#include "control/cli/place.h"

#define CANDIDATES_MAX 5000 /* more of them help nobody */

/* Takes nothing; what does not begin as typed is left out. */
static void add(struct candidates *list, const char *word, const char *help)
{
	struct candidate *grown;

	if ((word != NULL && !tree_begins(word, list->partial)) || list->cnt == CANDIDATES_MAX)
		return;
	grown = realloc(list->one, (list->cnt + 1) * sizeof(*grown));
	if (grown == NULL)
		return;
	list->one = grown;
	grown[list->cnt] = (struct candidate){.word = word != NULL ? strdup(word) : NULL,
		.help = strdup(help != NULL ? help : "")};
	list->cnt++;
}

static void add_each(struct candidates *list, const json_t *array, const char *field)
{
	json_t *one, *name;
	size_t i;

	json_array_foreach(array, i, one)
	{
		name = json_object_get(one, field);
		if (json_is_string(name))
			add(list, json_string_value(name), "");
	}
}

/* ---- names that the daemon knows ----------------------------------------------------------------- */

static void add_versions(struct candidates *list, const json_t *entries)
{
	char number[32];
	json_t *entry;
	size_t i;

	json_array_foreach(entries, i, entry)
	{
		snprintf(number, sizeof(number), "%" JSON_INTEGER_FORMAT,
			json_integer_value(json_object_get(entry, "number")));
		add(list, number, json_string_value(json_object_get(entry, "time")));
	}
}

static void add_values(struct cli *c, struct candidates *list, const struct cli_choice *choice)
{
	static const struct {
		const char *path, *array, *field;
	} sources[] = {
		[VALUES_PEER] = {API "/peer", "peers", "name"},
		[VALUES_ALARM] = {API "/alarm", "alarms", "id"},
		[VALUES_USER] = {API "/user", "users", "name"},
		[VALUES_CERTIFICATE] = {API "/certificate", "certificates", "name"},
		[VALUES_TRUSTED_CA] = {API "/trusted-ca-certificate", "trusted_ca_certificates",
			"name"},
		[VALUES_VERSION] = {API "/configuration/history", "entries", "number"},
	};
	json_t *answer;

	for (const char *const *name = choice->names; name != NULL && *name != NULL; name++)
		add(list, *name, choice->help);
	if ((size_t)choice->values >= sizeof(sources) / sizeof(sources[0]) ||
		sources[choice->values].path == NULL)
		return;
	answer = cli_peek(c, sources[choice->values].path);
	if (choice->values == VALUES_VERSION)
		add_versions(list, json_object_get(answer, "entries"));
	else
		add_each(list, json_object_get(answer, sources[choice->values].array),
			sources[choice->values].field);
	json_decref(answer);
}

/* ---- places of the configuration ----------------------------------------------------------------- */

static void add_elements(struct cli *c, struct candidates *list, const struct place *p)
{
	const char *key = place_text(p->item, "key");
	json_t *answer = edit_peek(c, p->path), *elements;
	char number[32];

	elements = json_object_get(answer, "configuration");
	if (key[0] != '\0')
		add_each(list, elements, key);
	for (size_t i = 0; key[0] == '\0' && i < json_array_size(elements); i++) {
		snprintf(number, sizeof(number), "%zu", i);
		add(list, number, "");
	}
	add(list, NULL, place_text(p->item, "help"));
	json_decref(answer);
}

static void add_leaf(struct candidates *list, const json_t *item)
{
	const json_t *names = json_object_get(item, "values");
	char range[256], help[512];
	json_t *name;
	size_t i;

	place_range(item, range, sizeof(range));
	snprintf(help, sizeof(help), "%s (%s)", place_text(item, "help"), range);
	if (strcmp(place_kind(item), "boolean") == 0) {
		add(list, "true", place_text(item, "help"));
		add(list, "false", place_text(item, "help"));
		return;
	}
	json_array_foreach(names, i, name)
		add(list, json_string_value(name), place_text(item, "help"));
	if (json_array_size(names) == 0)
		add(list, NULL, help);
}

static void add_config(struct cli *c, struct candidates *list, const struct context *from,
	char *const *word, size_t cnt)
{
	struct cli_problem problem;
	const json_t *schema, *items;
	struct place p;
	json_t *item;
	size_t i;

	if (c->schema == NULL)
		c->schema = cli_peek(c, API "/configuration/schema");
	schema = c->schema;
	if (schema == NULL || place_find(schema, from, word, cnt, &p, &problem) < 0)
		return;
	items = place_items(schema, &p);
	json_array_foreach(items, i, item)
		add(list, place_text(item, "field"), place_text(item, "help"));
	if (p.is_leaf && (p.used == cnt || strstr(place_kind(p.item), "-list") != NULL))
		add_leaf(list, p.item);
	else if (!p.is_leaf && items == NULL)
		add_elements(c, list, &p);
	place_fini(&p);
}

/* ---- all of it ----------------------------------------------------------------------------------- */

struct completing {
	struct cli *c;
	struct candidates *list;
	char *const *word;
	size_t cnt;
};

/* The words that a command takes as its rest; none yet is fine. */
static size_t rest_of(const struct completing *k)
{
	struct cli_problem problem;
	struct cli_args args = {0};
	size_t used;
	const struct cli_command *command =
		tree_find(&cli_commands, k->word, k->cnt, &used, &problem);

	if (command == NULL ||
		tree_read(command, k->word + used, k->cnt - used, &args, &problem) < 0)
		return k->cnt;
	return args.rest != NULL ? (size_t)(args.rest - k->word) : k->cnt;
}

static void on_choice(void *arg, const struct cli_choice *choice)
{
	struct completing *k = arg;
	size_t rest;

	if (choice->word != NULL) {
		add(k->list, choice->word[0] != '\0' ? choice->word : NULL,
			choice->word[0] != '\0' ? choice->help : "<Enter>");
		return;
	}
	rest = choice->values == VALUES_CONFIG || choice->values == VALUES_COMMAND ? rest_of(k)
										   : k->cnt;
	if (choice->values == VALUES_CONFIG) {
		add_config(k->c, k->list, NULL, k->word + rest, k->cnt - rest);
	} else if (choice->values == VALUES_COMMAND) {
		struct completing inner = {k->c, k->list, k->word + rest, k->cnt - rest};

		tree_next(&cli_commands, inner.word, inner.cnt, on_choice, &inner);
	} else {
		add_values(k->c, k->list, choice);
		add(k->list, NULL, choice->help);
	}
}

int complete_words(
	struct cli *c, char *const *word, size_t cnt, const char *partial, struct candidates *out)
{
	struct completing k = {c, out, word, cnt};
	bool is_inside = c->context.depth > 0;

	*out = (struct candidates){.partial = partial};
	if (is_inside && cnt > 0 && strcmp(word[0], "delete") == 0)
		add_config(c, out, &c->context, word + 1, cnt - 1);
	else if (is_inside)
		add_config(c, out, &c->context, word, cnt);
	if (!is_inside || cnt == 0 || !edit_knows(c, word[0]))
		tree_next(&cli_commands, word, cnt, on_choice, &k);
	for (size_t i = 0; i < out->cnt; i++) {
		if (out->one[i].help == NULL)
			return -ENOMEM;
	}
	return 0;
}

void complete_free(struct candidates *list)
{
	for (size_t i = 0; i < list->cnt; i++) {
		free(list->one[i].word);
		free(list->one[i].help);
	}
	free(list->one);
	*list = (struct candidates){0};
}

size_t complete_common(const struct candidates *list)
{
	const char *first = NULL;
	size_t len = 0;

	for (size_t i = 0; i < list->cnt; i++) {
		const char *word = list->one[i].word;
		size_t same = 0;

		if (word == NULL)
			continue;
		if (first == NULL) {
			first = word;
			len = strlen(word);
			continue;
		}
		while (same < len && word[same] == first[same])
			same++;
		len = same;
	}
	return len > strlen(list->partial) ? len - strlen(list->partial) : 0;
}
