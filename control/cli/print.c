/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/cli/print.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <wchar.h>

#include "pki/view/plain_text.h"

#define VALUE_MAX  1024
#define COLUMN_MAX 16
#define INDENT_MAX 64

/* ---- what reaches a terminal --------------------------------------------------------------------- */

void print_strip_controls(char *text)
{
	rk_make_plain(text, strlen(text), "");
}

void print_strip_text(char *text)
{
	rk_make_plain(text, strlen(text), "\n\t");
}

void print_text(FILE *f, const char *text)
{
	char *copy = text != NULL ? strdup(text) : NULL;

	if (copy == NULL)
		return;
	print_strip_text(copy);
	fputs(copy, f);
	free(copy);
}

static bool has_colour;

bool print_is_screen(int fd)
{
	const char *term = getenv("TERM");

	return isatty(fd) && term != NULL && strcmp(term, "dumb") != 0;
}

void print_use_colour(void)
{
	const char *no = getenv("NO_COLOR");

	has_colour = print_is_screen(STDOUT_FILENO) && (no == NULL || no[0] == '\0');
}

const char *print_colour(enum print_tone tone)
{
	static const char *const sequence[] = {[PRINT_PLAIN] = "\033[0m",
		[PRINT_GOOD] = "\033[32m",
		[PRINT_WARN] = "\033[33m",
		[PRINT_BAD] = "\033[31m"};

	return has_colour ? sequence[tone] : "";
}

/* States whose colour tells more than the word. */
static enum print_tone tone_of(const char *text)
{
	static const struct {
		const char *text;
		enum print_tone tone;
	} states[] = {{"up", PRINT_GOOD}, {"applied", PRINT_GOOD}, {"valid", PRINT_GOOD},
		{"initializing", PRINT_WARN}, {"MINOR", PRINT_WARN}, {"MAJOR", PRINT_WARN},
		{"down", PRINT_BAD}, {"CRITICAL", PRINT_BAD}, {"revoked", PRINT_BAD},
		{"expired", PRINT_BAD}, {"refused", PRINT_BAD}};

	for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
		if (strcmp(states[i].text, text) == 0)
			return states[i].tone;
	}
	return PRINT_PLAIN;
}

/* Padded to width columns on a terminal; coloured without changing that. */
static size_t width_of(const char *text)
{
	wchar_t wide[VALUE_MAX];
	size_t cnt = mbstowcs(wide, text, VALUE_MAX);
	int width = cnt < VALUE_MAX ? wcswidth(wide, cnt) : -1;

	return width >= 0 ? (size_t)width : strlen(text);
}

static void print_cell(FILE *f, const char *text, size_t width)
{
	enum print_tone tone = tone_of(text);
	size_t own = width_of(text);

	if (tone != PRINT_PLAIN)
		fprintf(f, "%s%s%s", print_colour(tone), text, print_colour(PRINT_PLAIN));
	else
		fputs(text, f);
	if (width > own)
		fprintf(f, "%*s", (int)(width - own), "");
}

/* ---- values, tables, blocks ---------------------------------------------------------------------- */

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

static void write_value(const json_t *v, char *out, size_t size);

/* "a, b", as far as it goes. */
static void write_list(const json_t *list, char *out, size_t size)
{
	char text[128];
	size_t i, at = 0;
	json_t *one;

	out[0] = '\0';
	json_array_foreach(list, i, one)
	{
		write_value(one, text, sizeof(text));
		if (at < size)
			at += (size_t)snprintf(
				out + at, size - at, "%s%s", i > 0 ? ", " : "", text);
	}
	if (i == 0)
		snprintf(out, size, "none");
}

static void write_value(const json_t *v, char *out, size_t size)
{
	if (json_is_string(v))
		snprintf(out, size, "%s", json_string_value(v));
	else if (json_is_integer(v))
		snprintf(out, size, "%" JSON_INTEGER_FORMAT, json_integer_value(v));
	else if (json_is_real(v))
		snprintf(out, size, "%.2f", json_real_value(v));
	else if (json_is_boolean(v))
		snprintf(out, size, "%s", json_is_true(v) ? "True" : "False");
	else if (json_is_array(v))
		write_list(v, out, size);
	else if (json_is_object(v))
		snprintf(out, size, "(%zu)", json_object_size(v));
	else
		snprintf(out, size, "N/A");
	print_strip_controls(out);
}

void print_value(const json_t *object, const char *key, char *out, size_t size)
{
	write_value(find(object, key), out, size);
}

static void print_row(FILE *f, const char *const cells[], const size_t widths[], size_t cnt)
{
	size_t i;

	for (i = 0; i < cnt; i++) {
		fputc(' ', f);
		print_cell(f, cells[i], i + 1 < cnt ? widths[i] : 0);
		fputs(i + 1 < cnt ? "  " : "\n", f);
	}
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
			if (width_of(text[i]) > widths[i])
				widths[i] = width_of(text[i]);
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
		fprintf(f, "  %s:%*s ", fields[i].title, (int)(width - strlen(fields[i].title) + 1),
			"");
		print_cell(f, text, 0);
		fputc('\n', f);
	}
}

void print_all(FILE *f, json_t *object, int indent)
{
	char text[VALUE_MAX], title[VALUE_MAX];
	json_t *value, *inner;
	const char *name;
	size_t i;

	if (indent > INDENT_MAX)
		return; /* nobody answers so; and the stack is not endless */
	json_object_foreach(object, name, value)
	{
		snprintf(title, sizeof(title), "%s:", name);
		print_strip_controls(title);
		write_value(value, text, sizeof(text));
		if (json_is_object(value)) {
			fprintf(f, "%*s%s\n", indent, "", title);
			print_all(f, value, indent + 2);
		} else if (json_is_object(json_array_get(value, 0))) {
			fprintf(f, "%*s%s\n", indent, "", title);
			json_array_foreach(value, i, inner) print_all(f, inner, indent + 2);
		} else {
			fprintf(f, "%*s%-24s %s\n", indent, "", title, text);
		}
	}
}

/* ---- findings ------------------------------------------------------------------------------------ */

static void print_finding(FILE *f, const json_t *finding, size_t number)
{
	static const char *const places[] = {"path", "subject", "certificate", NULL};
	static const char *const sentences[] = {"message", "text", NULL};
	char where[VALUE_MAX] = "N/A", what[VALUE_MAX] = "N/A", advice[VALUE_MAX];

	if (json_is_string(finding))
		write_value(finding, what, sizeof(what));
	for (size_t i = 0; places[i] != NULL && strcmp(where, "N/A") == 0; i++)
		print_value(finding, places[i], where, sizeof(where));
	for (size_t i = 0; sentences[i] != NULL && strcmp(what, "N/A") == 0; i++)
		print_value(finding, sentences[i], what, sizeof(what));
	print_value(finding, "advice", advice, sizeof(advice));
	fprintf(f, "  %zu. ", number);
	if (strcmp(where, "N/A") != 0 && where[0] != '\0')
		fprintf(f, "%s: ", where);
	fputs(what, f);
	if (strcmp(advice, "N/A") != 0 && advice[0] != '\0')
		fprintf(f, " %s", advice);
	fputc('\n', f);
}

static bool is_finding(const json_t *v)
{
	return json_is_string(v) || json_object_get(v, "message") != NULL ||
	       json_object_get(v, "text") != NULL;
}

static void print_nested(FILE *f, const json_t *v, size_t *number)
{
	static const char *const wraps[] = {"errors", "warnings", "findings", "checks", NULL};
	json_t *one;
	size_t i;

	json_array_foreach(v, i, one)
	{
		if (is_finding(one))
			print_finding(f, one, ++*number);
		else
			print_nested(f, one, number);
	}
	for (i = 0; json_is_object(v) && wraps[i] != NULL; i++)
		print_nested(f, json_object_get(v, wraps[i]), number);
}

void print_findings(FILE *f, const json_t *findings)
{
	size_t number = 0;

	print_nested(f, findings, &number);
}

void print_duration(unsigned long long ms, char *out, size_t size)
{
	unsigned long long sec = ms / 1000;

	snprintf(out, size, "%llu hrs %llu min %llu sec", sec / 3600, sec / 60 % 60, sec % 60);
}
