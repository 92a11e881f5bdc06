/* SPDX-License-Identifier: BSD-3-Clause */
/* Which alarms the configuration sets aside. Loop thread only. */
#pragma once

#include <stdbool.h>

#include "control/alarm_kinds.h"

struct alarm_shelves;
struct config;

struct alarm_facts {
	const char *category;
	const char *source;
	const char *message;
	enum alarm_severity severity;
};

/* 0 with *out NULL when there are none; -ENOMEM. config is not kept. */
int alarm_shelves_new(const struct config *config, struct alarm_shelves **out)
	__attribute__((warn_unused_result));
void alarm_shelves_free(struct alarm_shelves *s); /* NULL is fine */
/* config: the one that s is made of. NULL shelves match nothing. */
bool alarm_shelves_match(const struct alarm_shelves *s, const struct config *config,
	const struct alarm_facts *facts);
