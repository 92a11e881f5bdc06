/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Text for people: tables with aligned columns and blocks of "Field:  value" lines. Whatever came
 * from a certificate or the network is stripped of control characters before it reaches a terminal.
 */
#pragma once

#include <jansson.h>
#include <stddef.h>
#include <stdio.h>

struct print_column {
	const char *title;
	const char *key; /* "a.b" looks into nested objects */
};

/* C0, DEL and (as UTF-8) C1 could drive a terminal: each becomes a question mark. */
void print_strip_controls(char *text);

/* A value as one line of text: null and absent print "N/A", booleans True and False. */
void print_value(const json_t *object, const char *key, char *out, size_t size);

/* One line a row; the last column is not padded. rows: array of objects. */
void print_table(
	FILE *f, const struct print_column *columns, size_t column_cnt, const json_t *rows);

/* "  Title:   value" lines of one object, values aligned. */
void print_block(
	FILE *f, const struct print_column *fields, size_t field_cnt, const json_t *object);

/* "1 hrs 2 min 3 sec", as the vendor prints ages. */
void print_duration(unsigned long long ms, char *out, size_t size);
