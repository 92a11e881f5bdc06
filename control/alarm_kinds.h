/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Every kind of alarm there is: where it belongs, its identity in the journal, and what to do. The
 * page docs/alarms.md is printed from this table.
 */
#pragma once

#include <stdbool.h>
#include <stdio.h>

enum alarm_severity { ALARM_INFO, ALARM_MINOR, ALARM_MAJOR, ALARM_CRITICAL };

struct alarm_kind {
	const char *name;       /* stable */
	const char *message_id; /* of the journal; stable */
	const char *category;   /* vendor's: "PEER", "SYSTEM", "PROCESS", ... */
	const char *process;    /* who notices */
	const char *severity;   /* for people: one, or how it grows */
	const char *raised;
	const char *cleared;
	const char *advice;
};

/* Ends with a NULL name. */
extern const struct alarm_kind alarm_kinds[];

/* NULL: there is no such kind. */
const struct alarm_kind *alarm_kind_find(const char *name);
const char *alarm_severity_name(enum alarm_severity severity);
/* "CRITICAL" or "critical". */
bool alarm_severity_parse(const char *name, enum alarm_severity *out);
/* As Markdown. */
void alarm_kinds_print(FILE *out);
