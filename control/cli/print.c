/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/cli/print.h"

#include <string.h>

#define VALUE_MAX  512
#define COLUMN_MAX 16

void print_strip_controls(char *text)
{
	unsigned char *p = (unsigned char *)text;

	for (; *p != '\0'; p++) {
		if (*p < 0x20 || *p == 0x7f)
			*p = '?';
		else if (p[0] == 0xc2 && p[1] >= 0x80 && p[1] <= 0x9f)
			p[0] = p[1] = '?';
	}
}

static const json_t *find(const json_t *object, const char *key)
{
	char part[64];
	size_t len;

	while (object != NULL) {
		len = strcspn(key, ".");
		if (len >= sizeof(part))
			return NULL;
		memcpy(part, key, len);
		part[len] = '\0';
		object = json_object_get(object, part);
		if (key[len] == '\0')
			return object;
		key += len + 1;
	}
	return NULL;
}

void print_value(const json_t *object, const char *key, char *out, size_t size)
{
	const json_t *v = find(object, key);

	if (json_is_string(v))
		snprintf(out, size, "%s", json_string_value(v));
	else if (json_is_integer(v))
		snprintf(out, size, "%" JSON_INTEGER_FORMAT, json_integer_value(v));
	else if (json_is_real(v))
		snprintf(out, size, "%.2f", json_real_value(v));
	else if (json_is_boolean(v))
		snprintf(out, size, "%s", json_is_true(v) ? "True" : "False");
	else if (json_is_array(v) || json_is_object(v))
		snprintf(out, size, "(%zu)",
			json_is_array(v) ? json_array_size(v) : json_object_size(v));
	else
		snprintf(out, size, "N/A");
	print_strip_controls(out);
}

static void print_row(FILE *f, const char *const cells[], const size_t widths[], size_t cnt)
{
	size_t i;

	for (i = 0; i + 1 < cnt; i++)
		fprintf(f, " %-*s  ", (int)widths[i], cells[i]);
	fprintf(f, " %s\n", cells[cnt - 1]);
}

void print_table(FILE *f, const struct print_column *columns, size_t column_cnt, const json_t *rows)
{
	const char *cells[COLUMN_MAX];
	char text[COLUMN_MAX][VALUE_MAX];
	size_t widths[COLUMN_MAX];
	size_t i, n;
	json_t *row;

	if (column_cnt > COLUMN_MAX)
		column_cnt = COLUMN_MAX;
	for (i = 0; i < column_cnt; i++) {
		widths[i] = strlen(columns[i].title);
		cells[i] = columns[i].title;
		json_array_foreach(rows, n, row)
		{
			print_value(row, columns[i].key, text[i], VALUE_MAX);
			if (strlen(text[i]) > widths[i])
				widths[i] = strlen(text[i]);
		}
	}
	print_row(f, cells, widths, column_cnt);
	json_array_foreach(rows, n, row)
	{
		for (i = 0; i < column_cnt; i++) {
			print_value(row, columns[i].key, text[i], VALUE_MAX);
			cells[i] = text[i];
		}
		print_row(f, cells, widths, column_cnt);
	}
}

void print_block(FILE *f, const struct print_column *fields, size_t field_cnt, const json_t *object)
{
	char text[VALUE_MAX];
	size_t i, width = 0;

	for (i = 0; i < field_cnt; i++) {
		if (strlen(fields[i].title) > width)
			width = strlen(fields[i].title);
	}
	for (i = 0; i < field_cnt; i++) {
		print_value(object, fields[i].key, text, sizeof(text));
		fprintf(f, "  %s:%*s %s\n", fields[i].title,
			(int)(width - strlen(fields[i].title) + 2), "", text);
	}
}

void print_duration(unsigned long long ms, char *out, size_t size)
{
	unsigned long long sec = ms / 1000;

	snprintf(out, size, "%llu hrs %llu min %llu sec", sec / 3600, sec / 60 % 60, sec % 60);
}
