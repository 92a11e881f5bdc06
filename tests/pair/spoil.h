/* SPDX-License-Identifier: BSD-3-Clause */
/* Ways to spoil one field of a list of TLVs. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dataplane/core/messages.h"

struct tlvs {
	size_t len;
	uint8_t data[MSG_MAX];
};

enum way {
	OTHER_TYPE,
	CUT,
	LENGTHENED,
	LEFT_OUT,
	REPEATED,
	SWAPPED, /* with the next one */
	OTHER_CONTENT,
	TRAILING, /* from here on: of the whole list, once */
	EMPTY,
	WAY_CNT
};

/* false: there is no such field, or that cannot be told of it. message: enum msg_type. */
bool spoil(uint8_t message, struct tlvs *t, unsigned number, enum way way);
