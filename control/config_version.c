/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Documents of older versions, brought up to date before they are read. Documents are never changed
 * in place: whatever lies on the way to a change is copied, the rest is shared.
 */
#include "control/config.h"

#include <errno.h>
#include <string.h>

/* object[field] as a copy of its own; a borrowed pointer, NULL when there is no such object. */
static json_t *own_member(json_t *object, const char *field)
{
	json_t *member = json_object_get(object, field);
	json_t *copy = json_is_object(member) ? json_copy(member) : NULL;

	if (copy == NULL || json_object_set_new(object, field, copy) != 0)
		return NULL;
	return copy;
}

/* Version 1 had access-management.token-expiration; now it is access-management.token.expiration. */
static int move_token_expiration(json_t *document)
{
	json_t *access = own_member(own_member(document, "authority"), "access-management");
	json_t *value = json_object_get(access, "token-expiration");

	if (value == NULL || json_object_get(access, "token") != NULL)
		return 0;
	if (json_object_set_new(access, "token", json_pack("{s:O}", "expiration", value)) != 0)
		return -ENOMEM;
	return json_object_del(access, "token-expiration") == 0 ? 0 : -ENOMEM;
}

int config_upgrade(json_t *document, json_t **out, struct config_report *report)
{
	const json_t *version = json_object_get(document, "version");
	json_int_t number = version != NULL ? json_integer_value(version) : 1;
	json_t *copy;

	if (number > CONFIG_VERSION) {
		config_report_add(report, false, "newer-version", "version",
			"is %" JSON_INTEGER_FORMAT ": this rekey-control reads versions up to %d",
			number, CONFIG_VERSION);
		return -EINVAL;
	}
	if (!json_is_object(document) || number != 1) {
		*out = json_incref(document);
		return 0;
	}
	copy = json_pack("{s:i}", "version", CONFIG_VERSION);
	if (json_object_update_missing(copy, document) != 0 || move_token_expiration(copy) < 0) {
		json_decref(copy);
		return -ENOMEM;
	}
	*out = copy;
	return 0;
}
