/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Standing alarms: raised once, cleared when the condition ends, kept over a restart
 * (STATE/alarms.json). Kind and source make an alarm the same alarm. Raising, a change of severity
 * and clearing go to the log and to the audit. Loop thread only.
 */
#pragma once

#include "control/alarm_kinds.h"
#include "control/answer.h"
#include "control/daemon.h"

struct alarm_spec {
	const char *kind;   /* of control/alarm_kinds.c, which gives category and process */
	const char *source; /* peer name, CRL source, ... */
	enum alarm_severity severity;
	int hold_sec; /* so long a text stays: others, who need not be who they say, choose it */
};

/* After the audit. Changes of the configuration come with alarms_configure. */
int alarms_open(struct daemon *d, struct alarms **out) __attribute__((warn_unused_result));
void alarms_close(struct alarms *a);
/* The configuration has changed: what is shelved is found out anew. */
void alarms_configure(struct alarms *a);
/* A standing alarm gets the new text and keeps its id and time. */
void alarm_raise(struct alarms *a, const struct alarm_spec *spec, const char *text_format, ...)
	__attribute__((format(printf, 3, 4), nonnull(3)));
void alarm_clear(struct alarms *a, const char *kind, const char *source);
/* Clears those of a kind whose source keep() does not know any more. */
void alarm_clear_unless(
	struct alarms *a, const char *kind, bool (*keep)(void *arg, const char *source), void *arg);
bool alarm_is_standing(const struct alarms *a, const char *kind, const char *source);
/* Since when; 0: it does not stand. */
int64_t alarm_raised_at(const struct alarms *a, const char *kind, const char *source);
/* How many stand, by severity; shelved ones do not count. */
void alarms_count(const struct alarms *a, size_t by_severity[ALARM_CRITICAL + 1]);
size_t alarms_shelved_count(const struct alarms *a);
/* {"alarms": [{"id": "<node>:<n>", "time" (RFC 3339), "severity" ("CRITICAL"), "source",
 * "category", "process", "message", "kind", "shelved"}], "shelved": how many}, oldest first;
 * without those that are shelved unless with_shelved. */
void alarms_list(const struct alarms *a, bool with_shelved, struct answer *out);
