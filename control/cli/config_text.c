/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/cli/config_text.h"

#include <stdlib.h>
#include <string.h>

#include "control/cli/print.h"
#include "control/cli/words.h"

#define INDENT 4

static void print_scalar(FILE *f, const json_t *value)
{
	char *text;

	fputc(' ', f);
	if (json_is_string(value)) {
		text = strdup(json_string_value(value));
		if (text != NULL)
			print_strip_text(text);
		words_quote(f, text != NULL ? text : "");
		free(text);
	} else if (json_is_integer(value)) {
		fprintf(f, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
	} else {
		fputs(json_is_true(value) ? "true" : "false", f);
	}
}

static void print_value_words(FILE *f, const json_t *value)
{
	json_t *one;
	size_t i;

	if (!json_is_array(value))
		print_scalar(f, value);
	json_array_foreach(value, i, one) print_scalar(f, one);
}

static void print_items(
	FILE *f, const json_t *items, const json_t *value, const char *skip, int at);

/* How an element is addressed: by its key, or by its number. */
static void print_element(FILE *f, const json_t *item, const json_t *element, size_t number, int at)
{
	const char *key = place_text(item, "key");
	json_t *name = key[0] != '\0' ? json_incref(json_object_get(element, key))
				      : json_sprintf("%zu", number);

	fprintf(f, "%*s%s", at, "", place_text(item, "field"));
	print_scalar(f, name);
	fputc('\n', f);
	json_decref(name);
	print_items(f, json_object_get(item, "items"), element, key, at + INDENT);
	fprintf(f, "%*sexit\n", at, "");
}

static void print_item(FILE *f, const json_t *item, const json_t *value, int at)
{
	const char *kind = place_kind(item);
	json_t *element;
	size_t i;

	if (strcmp(kind, "list") == 0) {
		json_array_foreach(value, i, element) print_element(f, item, element, i, at);
	} else if (strcmp(kind, "object") == 0) {
		fprintf(f, "%*s%s\n", at, "", place_text(item, "field"));
		print_items(f, json_object_get(item, "items"), value, "", at + INDENT);
		fprintf(f, "%*sexit\n", at, "");
	} else {
		fprintf(f, "%*s%s", at, "", place_text(item, "field"));
		print_value_words(f, value);
		fputc('\n', f);
	}
}

/* In the schema's order; skip is the key, which stands in the line above. */
static void print_items(FILE *f, const json_t *items, const json_t *value, const char *skip, int at)
{
	json_t *item;
	size_t i;

	json_array_foreach(items, i, item)
	{
		const char *field = place_text(item, "field");
		const json_t *inner = json_object_get(value, field);

		if (inner != NULL && strcmp(field, skip) != 0)
			print_item(f, item, inner, at);
	}
}

/* Each top item begins with "configure", so that the text can be given to the shell as it is. */
static void print_root(FILE *f, const json_t *schema, const json_t *value)
{
	json_t *item;
	size_t i;

	json_array_foreach(json_object_get(schema, "items"), i, item)
	{
		const json_t *inner = json_object_get(value, place_text(item, "field"));

		if (inner == NULL)
			continue;
		fputs("configure ", f);
		print_item(f, item, inner, 0);
	}
}

void config_text_print(FILE *f, const json_t *schema, const struct place *at, const json_t *value)
{
	if (at->item == NULL)
		print_root(f, schema, value);
	else if (at->is_element || strcmp(place_kind(at->item), "object") == 0)
		print_items(f, json_object_get(at->item, "items"), value,
			place_text(at->item, "key"), 0);
	else
		print_item(f, at->item, value, 0);
}

static void print_change(FILE *f, char sign, const json_t *path, const json_t *value)
{
	char *text;
	json_t *segment;
	size_t i;

	if (value == NULL || json_is_null(value))
		return;
	fprintf(f, "%s%c", print_colour(sign == '+' ? PRINT_GOOD : PRINT_BAD), sign);
	json_array_foreach(path, i, segment) print_scalar(f, segment);
	if (json_is_object(value) ||
		(json_is_array(value) && json_is_object(json_array_get(value, 0)))) {
		text = json_dumps(value, JSON_COMPACT | JSON_ENSURE_ASCII);
		if (text != NULL)
			print_strip_controls(text);
		fprintf(f, " %s", text != NULL ? text : "");
		free(text);
	} else {
		print_value_words(f, value);
	}
	fprintf(f, "%s\n", print_colour(PRINT_PLAIN));
}

void config_text_changes(FILE *f, const json_t *changes)
{
	json_t *change;
	size_t i;

	json_array_foreach(changes, i, change)
	{
		const json_t *path = json_object_get(change, "path");

		print_change(f, '-', path, json_object_get(change, "old"));
		print_change(f, '+', path, json_object_get(change, "new"));
	}
	if (json_array_size(changes) == 0)
		fputs("There are no changes.\n", f);
}
