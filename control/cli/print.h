/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Text for people: tables with aligned columns and blocks of "Field:  value" lines. Whatever came
 * from a certificate or the network is stripped of control characters before it reaches a terminal.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct print_column {
	const char *title;
	const char *key; /* "a.b" looks into nested objects */
};

/* What could drive a terminal becomes question marks (pki/view/plain_text.h). */
void print_strip_controls(char *text);
/* The same, but line ends and tabs stay. */
void print_strip_text(char *text);

/* Lines of text (PEM), stripped; NULL prints nothing. */
void print_text(FILE *f, const char *text);

enum print_tone { PRINT_PLAIN, PRINT_GOOD, PRINT_WARN, PRINT_BAD };
/* Colour is off until this: standard output is a terminal, NO_COLOR is not set, TERM not dumb. */
void print_use_colour(void);
/* A terminal that understands sequences. */
bool print_is_screen(int fd);
/* The sequence that switches to a tone, "" without colour. */
const char *print_colour(enum print_tone tone);

/* A value as one line of text: null and absent print "N/A", booleans True and False. */
void print_value(const json_t *object, const char *key, char *out, size_t size);

/* One line a row; the last column is not padded. rows: array of objects. */
void print_table(
	FILE *f, const struct print_column *columns, size_t column_cnt, const json_t *rows);

/* "  Title:   value" lines of one object, values aligned. */
void print_block(
	FILE *f, const struct print_column *fields, size_t field_cnt, const json_t *object);

/* Every field of an object, its own names as titles; nested ones indented. */
void print_all(FILE *f, json_t *object, int indent);

/*
 * What was found wrong, numbered: findings of a certificate, errors and warnings of a
 * configuration, warnings as bare text; nested in whatever the daemon wraps them.
 */
void print_findings(FILE *f, const json_t *findings);

/* "1 hrs 2 min 3 sec", as the vendor prints ages. */
void print_duration(unsigned long long ms, char *out, size_t size);
