/* SPDX-License-Identifier: BSD-3-Clause */
/* A request for a change as the audit log has it. */
#include <stdio.h>
#include <string.h>

#include "control/rest/rest_private.h"
#include "control/rest/exchange.h"

#define OBJECT_MAX 128 /* octets of a name */

static const char *object_of(const struct exchange *x)
{
	static const char *const fields[] = {"name", "peer", "username"};
	const char *text = NULL;

	if (x->param[0] != '\0')
		return x->param;
	for (size_t i = 0; text == NULL && i < sizeof(fields) / sizeof(fields[0]); i++)
		text = json_string_value(json_object_get(x->body, fields[i]));
	return text != NULL ? text : "";
}

/* Whoever asks chooses it, before anybody knows who that is: cut, between two characters. */
static size_t object_len(const char *object)
{
	size_t len = strnlen(object, OBJECT_MAX);

	while (len > 0 && ((unsigned char)object[len] & 0xc0) == 0x80)
		len--;
	return len;
}

/* What was refused to whoever may change nothing, or little: anybody can do so without end. */
static bool is_omitted(const struct exchange *x, const struct answer *a)
{
	return a->status != 200 && x->who.role < USER_ADMIN &&
	       !refusals_admit(x->rest->refusals, x->who.role > USER_NOBODY);
}

void exchange_audit(const struct exchange *x, const struct answer *a)
{
	const char *method = route_method_name(x->route->method);
	const json_t *error = json_object_get(a->body, "error");
	const char *code = json_string_value(json_object_get(error, "code"));
	const char *object = object_of(x);
	struct audit_actor actor = x->actor;
	char description[160];

	if (is_omitted(x, a))
		return;
	actor.is_denied = a->status == 401 || a->status == 403 || a->status == 429;
	snprintf(description, sizeof(description), "%s %s%s: %d", method, ROUTE_BASE,
		x->route->path, a->status);
	audit_write_as(x->daemon->audit, &actor,
		audit_request_type(method, x->route->path, a->status), description,
		json_pack("{s:s, s:s, s:s%, s:i, s:s}", "method", method, "path", x->route->path,
			"object", object, object_len(object), "status", a->status, "result",
			code != NULL ? code : "ok"));
}
