/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Reading a request's body by a list of fields: unknown fields, wrong types and missing ones are
 * refused with the field's name. Loop thread.
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
};

/* 0, or -EINVAL with the error answer (400) filled; targets may have been written then. */
int fields_read(const json_t *body, const struct field *field, size_t field_cnt, struct answer *out)
	__attribute__((warn_unused_result));
/* Letters, digits, '_', '-'; 1 to 63: what the vendor calls a name-id. It names files safely. */
bool field_is_name(const char *text);
