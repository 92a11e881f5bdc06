/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Standing alarms: raised once, cleared when the condition ends, kept over a restart
 * (STATE/alarms.json). The key (category, source, kind) makes an alarm the same alarm.
 */
#pragma once

#include "control/answer.h"
#include "control/daemon.h"

enum alarm_severity { ALARM_INFO, ALARM_MINOR, ALARM_MAJOR, ALARM_CRITICAL };

struct alarm_spec {
	const char *kind;     /* stable: "peer-certificate-invalid", "crl-fetch", ... */
	const char *category; /* vendor's: "PEER", "SYSTEM", ... */
	const char *source;   /* peer name, CRL source, ... */
	const char *process;  /* "stateMonitor", ... */
	enum alarm_severity severity;
};

int alarms_open(struct daemon *d, struct alarms **out) __attribute__((warn_unused_result));
void alarms_close(struct alarms *a);
/* A standing alarm gets the new text and keeps its id and time. */
void alarm_raise(struct alarms *a, const struct alarm_spec *spec, const char *text_format, ...)
	__attribute__((format(printf, 3, 4), nonnull(3)));
void alarm_clear(struct alarms *a, const char *kind, const char *source);
/* Clears those of a kind whose source keep() does not know any more. */
void alarm_clear_unless(
	struct alarms *a, const char *kind, bool (*keep)(void *arg, const char *source), void *arg);
bool alarm_is_standing(const struct alarms *a, const char *kind, const char *source);
/* {"alarms": [{"id": "<node>:<n>", "time" (RFC 3339), "severity" ("CRITICAL"), "source",
 * "category", "process", "message"}]}, oldest first. */
void alarms_list(const struct alarms *a, struct answer *out);
