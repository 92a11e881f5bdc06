/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a service says to a request, whoever carried it (REST today, anything tomorrow): an HTTP
 * status and a JSON body, or an error with a stable code, a sentence, and details.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>

struct answer {
	int status;               /* HTTP */
	json_t *body;             /* owned; errors: {"error": {"code","message","detail"}} */
	const char *text_type;    /* non-NULL: body is a JSON string to be sent bare as this type */
	unsigned retry_after_sec; /* 0 = no header */
	bool is_large; /* to be printed off the loop: nobody changes body any more, nor what it shares */
};

/* Takes body. */
void answer_ok(struct answer *a, json_t *body);
/* code: kebab-case, stable. message: what was wrong and what to do. Takes detail (may be NULL). */
void answer_error(struct answer *a, int status, const char *code, json_t *detail,
	const char *message_format, ...) __attribute__((format(printf, 5, 6)));
void answer_fini(struct answer *a);

/* [{"severity", "code", "subject", "text", "advice"}]; NULL = no memory. */
struct pki_report;
json_t *answer_findings(const struct pki_report *report);

/*
 * A service that works in a helper thread answers later, on the loop thread, exactly once. The
 * answer is borrowed for the call: the service calls answer_fini afterwards.
 */
typedef void (*answer_cb)(void *arg, struct answer *a);
