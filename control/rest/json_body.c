/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/rest/json_body.h"

#include <errno.h>
#include <malloc.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Where the text is, as far as a raw line break and a bracket need to know. */
struct scan {
	bool in_string;
	bool is_escaped; /* the byte before was a backslash inside a string */
	unsigned depth;
};

static void scan_byte(struct scan *s, char c)
{
	if (s->is_escaped) {
		s->is_escaped = false;
	} else if (s->in_string) {
		s->is_escaped = c == '\\';
		s->in_string = c != '"';
	} else if (c == '"') {
		s->in_string = true;
	} else if (c == '{' || c == '[') {
		s->depth++;
	} else if ((c == '}' || c == ']') && s->depth > 0) {
		s->depth--;
	}
}

/* A break right after a backslash stays raw: it is no escape, and jansson says so. */
static bool is_raw_break(const struct scan *s, char c)
{
	return s->in_string && !s->is_escaped && (c == '\n' || c == '\r');
}

size_t json_body_escape(const char *data, size_t len, char *out)
{
	struct scan s = {0};
	size_t n = 0;

	for (size_t i = 0; i < len; i++) {
		if (is_raw_break(&s, data[i])) {
			out[n++] = '\\';
			out[n++] = data[i] == '\n' ? 'n' : 'r';
			continue;
		}
		out[n++] = data[i];
		scan_byte(&s, data[i]);
	}
	return n;
}

/* Line and column of the byte at offset, counted as an editor would. */
static void locate(const char *data, size_t len, size_t offset, struct json_body_error *error)
{
	error->line = 1;
	error->column = 1;
	for (size_t i = 0; i < len && i < offset; i++) {
		if (data[i] == '\n') {
			error->line++;
			error->column = 1;
		} else if (((unsigned char)data[i] & 0xc0) != 0x80) {
			error->column++;
		}
	}
}

/* The offset in what was sent of an offset in what was parsed. */
static size_t unescaped_offset(const char *data, size_t len, size_t parsed)
{
	struct scan s = {0};
	size_t n = 0;

	for (size_t i = 0; i < len; i++) {
		if (n >= parsed)
			return i;
		if (is_raw_break(&s, data[i])) {
			n += 2;
			continue;
		}
		n++;
		scan_byte(&s, data[i]);
	}
	return len;
}

static int check_depth(const char *data, size_t len, struct json_body_error *error)
{
	struct scan s = {0};

	for (size_t i = 0; i < len; i++) {
		scan_byte(&s, data[i]);
		if (s.depth > JSON_BODY_DEPTH_MAX) {
			locate(data, len, i, error);
			snprintf(error->text, sizeof(error->text), "nested deeper than %d levels",
				JSON_BODY_DEPTH_MAX);
			return -EINVAL;
		}
	}
	return 0;
}

int json_body_parse(const void *data, size_t len, json_t **out, struct json_body_error *error)
{
	struct json_body_error found = {0};
	json_error_t why;
	json_t *json = NULL;
	char *text = NULL;
	size_t text_len;
	int ret;

	if (len > JSON_BODY_SIZE_MAX)
		return -E2BIG;
	ret = check_depth(data, len, &found);
	if (ret < 0)
		goto out;
	text = malloc(2 * len + 1);
	if (text == NULL)
		return -ENOMEM;
	text_len = json_body_escape(data, len, text);
	json = json_loadb(text, text_len, JSON_REJECT_DUPLICATES, &why);
	if (json == NULL) {
		ret = -EINVAL;
		locate(data, len,
			unescaped_offset(data, len, why.position > 0 ? (size_t)why.position : 0),
			&found);
		snprintf(found.text, sizeof(found.text), "%s", why.text);
		goto out;
	}
	*out = json;
out:
	/* It may have held a password. */
	if (text != NULL)
		explicit_bzero(text, 2 * len + 1);
	free(text);
	if (ret < 0)
		*error = found;
	return ret;
}

static void wipe_and_free(void *p)
{
	if (p != NULL)
		explicit_bzero(p, malloc_usable_size(p));
	free(p);
}

void json_body_wipe_on_free(void)
{
	json_set_alloc_funcs(malloc, wipe_and_free);
}
