/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What happened, one JSON object a line, append-only, in STATE/audit.jsonl (0600): time, type,
 * who, from, request id, object, result, detail. Never a secret.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "control/daemon.h"

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
/* The last count events, newest first; REST wraps them as {"events": [...]}. */
json_t *audit_tail(const struct audit *a, size_t count);
