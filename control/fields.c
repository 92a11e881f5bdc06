/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/fields.h"

#include <ctype.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define NAME_MAX_LEN 63

bool field_is_name(const char *text)
{
	size_t len = strlen(text);

	if (len == 0 || len > NAME_MAX_LEN)
		return false;
	for (; *text != '\0'; text++)
		if (!isalnum((unsigned char)*text) && *text != '_' && *text != '-')
			return false;
	return true;
}

static bool read_integer(const json_t *value, json_int_t *out)
{
	const char *text = json_string_value(value);
	char *end;
	long number;

	if (json_is_integer(value)) {
		*out = json_integer_value(value);
		return true;
	}
	if (text == NULL || !isdigit((unsigned char)text[0]))
		return false;
	errno = 0;
	number = strtol(text, &end, 10);
	if (errno != 0 || *end != '\0')
		return false;
	*out = number;
	return true;
}

static const char *read_field(const json_t *value, const struct field *field)
{
	switch (field->kind) {
	case FIELD_STRING:
		if (!json_is_string(value))
			return "a string";
		*(const char **)field->target = json_string_value(value);
		return NULL;
	case FIELD_INTEGER:
		return read_integer(value, field->target) ? NULL : "an integer";
	case FIELD_BOOL:
		if (!json_is_boolean(value))
			return "true or false";
		*(bool *)field->target = json_is_true(value);
		return NULL;
	case FIELD_ARRAY:
		if (!json_is_array(value))
			return "an array";
		*(const json_t **)field->target = value;
		return NULL;
	}
	return "something else";
}

static bool is_known(const char *name, const struct field *field, size_t field_cnt)
{
	for (size_t i = 0; i < field_cnt; i++)
		if (strcmp(field[i].name, name) == 0)
			return true;
	return false;
}

int fields_read(const json_t *body, const struct field *field, size_t field_cnt, struct answer *out)
{
	const char *wanted;
	const json_t *value;
	json_t *member;
	const char *name;

	if (!json_is_object(body)) {
		answer_error(out, 400, "bad-body", NULL, "the body must be a JSON object");
		return -EINVAL;
	}
	json_object_foreach((json_t *)(uintptr_t)body, name, member)
	{
		if (is_known(name, field, field_cnt))
			continue;
		answer_error(out, 400, "unknown-field", json_pack("{s:s}", "field", name),
			"\"%.60s\" is no known field", name);
		return -EINVAL;
	}
	for (size_t i = 0; i < field_cnt; i++) {
		value = json_object_get(body, field[i].name);
		if (value == NULL && !field[i].is_required)
			continue;
		if (value == NULL) {
			answer_error(out, 400, "missing-field",
				json_pack("{s:s}", "field", field[i].name), "\"%s\" is missing",
				field[i].name);
			return -EINVAL;
		}
		wanted = read_field(value, &field[i]);
		if (wanted != NULL) {
			answer_error(out, 400, "bad-field",
				json_pack("{s:s}", "field", field[i].name), "\"%s\" must be %s",
				field[i].name, wanted);
			return -EINVAL;
		}
	}
	return 0;
}
