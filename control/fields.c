/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/fields.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
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

void field_refuse(struct answer *out, const char *field, const char *format, ...)
{
	char text[256];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	answer_error(out, 400, "bad-field", json_pack("{s:s}", "field", field), "\"%s\" %s", field,
		text);
}

/* What min and max are about; false when it is out of their range. */
static bool is_in_range(const struct field *field, const json_t *value)
{
	json_int_t measure;

	if (field->min == 0 && field->max == 0)
		return true;
	switch (field->kind) {
	case FIELD_STRING:
		measure = (json_int_t)json_string_length(value);
		break;
	case FIELD_INTEGER:
		measure = *(const json_int_t *)field->target;
		break;
	case FIELD_ARRAY:
		measure = (json_int_t)json_array_size(value);
		break;
	default:
		return true;
	}
	return measure >= field->min && measure <= field->max;
}

static void refuse_range(struct answer *out, const struct field *field)
{
	static const char *const of[] = {
		[FIELD_STRING] = " bytes", [FIELD_INTEGER] = "", [FIELD_ARRAY] = " elements"};

	const char *verb = field->kind == FIELD_INTEGER ? "be" : "have";

	if (field->max == INT64_MAX)
		field_refuse(out, field->name, "must %s %lld%s or more", verb,
			(long long)field->min, of[field->kind]);
	else
		field_refuse(out, field->name, "must %s %lld to %lld%s", verb,
			(long long)field->min, (long long)field->max, of[field->kind]);
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
		if (wanted != NULL)
			field_refuse(out, field[i].name, "must be %s", wanted);
		else if (!is_in_range(&field[i], value))
			refuse_range(out, &field[i]);
		else
			continue;
		return -EINVAL;
	}
	return 0;
}
