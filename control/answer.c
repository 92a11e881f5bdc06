/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/answer.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "pki/x509/report.h"

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
		"{s:{s:s, s:o, s:o?}}", "error", "code", code, "message", text, "detail", detail);
}

static json_t *finding_json(const struct pki_finding *f)
{
	return json_pack("{s:s, s:s, s:s, s:s, s:s}", "severity",
		f->severity == PKI_ERROR ? "error" : "warning", "code", f->code, "subject",
		f->subject, "text", f->text, "advice", f->advice);
}

json_t *answer_findings(const struct pki_report *report)
{
	json_t *list = json_array();

	for (size_t i = 0; list != NULL && i < report->cnt; i++)
		if (json_array_append_new(list, finding_json(&report->finding[i])) < 0)
			break;
	return list;
}

void answer_fini(struct answer *a)
{
	json_decref(a->body);
	memset(a, 0, sizeof(*a));
}
