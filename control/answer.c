/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/answer.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define MESSAGE_MAX_LEN 512

void answer_ok(struct answer *a, json_t *body)
{
	memset(a, 0, sizeof(*a));
	a->status = 200;
	a->body = body;
}

void answer_error(struct answer *a, int status, const char *code, json_t *detail,
	const char *message_format, ...)
{
	char message[MESSAGE_MAX_LEN];
	json_t *text;
	va_list args;

	va_start(args, message_format);
	vsnprintf(message, sizeof(message), message_format, args);
	va_end(args);
	memset(a, 0, sizeof(*a));
	a->status = status;
	/* What is quoted from a request may be cut inside a character, or be none. */
	text = json_string(message);
	if (text == NULL)
		text = json_string("the request holds text that is not UTF-8");
	a->body = json_pack(
		"{s:{s:s, s:o, s:o*}}", "error", "code", code, "message", text, "detail", detail);
}

void answer_fini(struct answer *a)
{
	json_decref(a->body);
	memset(a, 0, sizeof(*a));
}
