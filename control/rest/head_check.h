/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What evhttp lets through and we do not: headers that two HTTP readers could understand in two
 * ways (RFC 9112 sections 6 and 11.2). A refused request's connection is closed, so whatever was
 * smuggled behind it is never read. No state; any thread.
 */
#pragma once

#include <event2/keyvalq_struct.h>
#include <stdbool.h>
#include <stddef.h>

#define REQUEST_ID_MAX 63

/* NULL, or the sentence to refuse with. */
const char *head_check(const struct evkeyvalq *headers, int major, int minor);
/* "application/json", parameters aside; false for anything else. */
bool head_is_json(const char *content_type);
/*
 * The first REQUEST_ID_MAX characters of an X-Request-Id that are fit for a header and a log line
 * (letters, digits and -_.:+/=); other characters are left out. value may be NULL: empty.
 */
void head_copy_request_id(const char *value, char out[REQUEST_ID_MAX + 1]);
