/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Request bodies: JSON (RFC 8259) with one allowance and some refusals. Raw CR and LF inside a
 * string are taken as if escaped, because that is what `curl --data-binary` makes of a PEM text
 * pasted into a JSON file. Refused: top-level scalars, duplicate names, \u0000, anything that is
 * not UTF-8, and nesting deeper than JSON_BODY_DEPTH_MAX. Any thread.
 */
#pragma once

#include <jansson.h>
#include <stddef.h>

#define JSON_BODY_SIZE_MAX  (64 * 1024 * 1024)
#define JSON_BODY_DEPTH_MAX 32

struct json_body_error {
	size_t line; /* of the bytes as sent, from 1; 0 = no position */
	size_t column;
	char text[160];
};

/* 0 with *out owned by the caller; -EINVAL with error; -E2BIG; -ENOMEM. */
int json_body_parse(const void *data, size_t len, json_t **out, struct json_body_error *error)
	__attribute__((warn_unused_result));
/*
 * From now on jansson wipes what it frees: passwords and tokens pass through JSON. Once, at the
 * start of the process.
 */
void json_body_wipe_on_free(void);
/*
 * The step before jansson: a copy of data with raw CR and LF inside strings escaped. out has room
 * for 2 * len bytes. Returns the length written.
 */
size_t json_body_escape(const char *data, size_t len, char *out);
