/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What happened, one JSON object a line, append-only, in STATE/audit.jsonl (0600): number, time,
 * type, who, from, request id, object, result, detail. Never a secret. Each line carries the hash
 * of the one before it (control/audit_chain.h), and full files move on to audit.jsonl.1 and so on.
 *
 * Lines go to the disk at the end of the loop's iteration, by the daemon's disk thread, so that the
 * loop never waits for one; many that come meanwhile are synced together. While the disk takes none
 * they wait in memory, an alarm stands, and changes are refused (audit_is_full) before one goes
 * unrecorded. Loop thread only.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "control/answer.h"
#include "control/daemon.h"

#define AUDIT_FILE       "audit.jsonl"
#define AUDIT_HEAD_FILE  "audit.head"
#define AUDIT_FILE_CNT   10                /* the present one, and .1 (newer) to .9 (older) */
#define AUDIT_FILE_LIMIT ((off_t)16 << 20) /* then a new one is begun */

/* Before the alarms; the configuration is loaded. */
int audit_open(struct daemon *d, struct audit **out) __attribute__((warn_unused_result));
void audit_close(struct audit *a);
/* Who asked. Empty strings: the daemon itself. */
struct audit_actor {
	char user[64];
	char address[64];
	char request_id[64];
	bool is_denied; /* the request was refused for want of rights: "permitted" is false */
};
/*
 * Whoever carries a request says who asks before it calls a service, and NULL after the call
 * returned. A service that answers later takes a copy of audit_actor when it is called.
 */
void audit_set_actor(struct audit *a, const struct audit_actor *actor);
struct audit_actor audit_actor(const struct audit *a);

/* type as the vendor's ("system.ingest_certificate", ...). Takes detail. */
void audit_write(struct audit *a, const char *type, const char *description, json_t *detail);
/* The same in the name of a request that is no longer the current one. */
void audit_write_as(struct audit *a, const struct audit_actor *actor, const char *type,
	const char *description, json_t *detail);
/* Everything so far is on disk afterwards, or waits for it and an alarm stands. Blocks. */
void audit_flush(struct audit *a);
/* Calls cb when that is so: at once, or later from the loop. */
void audit_when_written(struct audit *a, void (*cb)(void *arg), void *arg);
/* So much waits for the disk that no change may be made any more. */
bool audit_is_full(const struct audit *a);
/* The last count events, newest first; REST wraps them as {"events": [...]}. */
json_t *audit_tail(const struct audit *a, size_t count);
/*
 * Reads every file again in a helper thread and answers
 *   {"is_intact", "records", "first", "last", "head": hash of the last line, "files", "problem"}
 */
void audit_verify(struct audit *a, answer_cb cb, void *arg);
/* Once the alarms are there: raises one when the log had been longer. */
void audit_watch(struct audit *a);
/* How many lines were written since the start. */
uint64_t audit_count(const struct audit *a);
/* Bytes that are not on disk yet. */
size_t audit_waiting(const struct audit *a);
/* The type of a request's own record: "access.login", "access.denied", ..., "rest.request". */
const char *audit_request_type(const char *method, const char *path, int status);
