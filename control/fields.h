/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Reading a request's body by a list of fields: unknown fields, wrong types, missing ones and those
 * out of range are refused with the field's name. The API's document (control/rest/openapi.c) names
 * the same limits; the test api_fields holds the two together. Loop thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "control/answer.h"

enum field_kind {
	FIELD_STRING, /* const char *: borrowed from the body */
	FIELD_INTEGER, /* json_int_t; a decimal string is taken, too: the vendor's documents send one */
	FIELD_BOOL,  /* bool */
	FIELD_ARRAY, /* const json_t *: borrowed */
};

struct field {
	const char *name;
	enum field_kind kind;
	bool is_required;
	void *target; /* untouched when the field is absent */
	/* From min to max: a number, the bytes of a text, the elements of an array; both 0: any. */
	json_int_t min, max;
};

/* 0, or -EINVAL with the error answer (400) filled; targets may have been written then. */
int fields_read(const json_t *body, const struct field *field, size_t field_cnt, struct answer *out)
	__attribute__((warn_unused_result));
/* 400 bad-field about this field: the message begins with its name in quotes. */
void field_refuse(struct answer *out, const char *field, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* Letters, digits, '_', '-'; 1 to 63: what the vendor calls a name-id. It names files safely. */
bool field_is_name(const char *text);
