/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The control side of publication: compiles parts from the configuration, the credential, the
 * verdicts and the master list; sends what changed as sealed memfds; waits for APPLIED. Listens on
 * RUN/publish.sock. A failure keeps the last good view and raises an alarm.
 */
#pragma once

#include <stdbool.h>

#include "control/answer.h"
#include "control/daemon.h"
#include "pki/view/channel.h"

int publisher_open(struct daemon *d, struct publisher **out) __attribute__((warn_unused_result));
void publisher_close(struct publisher *p);
/*
 * Something that a part of this kind is made from has changed: rebuilt and published at the end of
 * the loop iteration (changes of one iteration share one publication). NULL: nothing is published
 * yet, and publisher_open builds everything.
 */
void publisher_mark(struct publisher *p, enum rk_part_kind kind);
/* The same after a while: with the next publication, whatever that is for, at the latest then. */
void publisher_mark_later(struct publisher *p, enum rk_part_kind kind, long usec);
/* Publishes what is marked now, not at the end of the iteration (a revocation). NULL is fine. */
void publisher_flush(struct publisher *p);
/*
 * cb once, later: 200 when the workers run on everything marked so far, or when no data plane is
 * connected; body {"generation": "I.C", "data_plane": "applied" | "absent"}. 503 after 5 s, 500
 * with the data plane's reason when it refused.
 */
void publisher_wait(struct publisher *p, answer_cb cb, void *arg);
/* The same for what is marked or on its way already: nothing is published earlier for it. */
void publisher_await(struct publisher *p, answer_cb cb, void *arg);
/* The workers lack something that was published, or of the revocations is about to be. */
bool publisher_is_behind(const struct publisher *p);
/*
 * That answer as part of another one, where what was asked for is done already: {"data_plane":
 * "applied" or "absent", "generation"}, or {"data_plane": "pending" or "refused", "code",
 * "message"}.
 */
json_t *publisher_result(const struct answer *published);
bool publisher_send(struct publisher *p, const struct rk_message *msg);
/* Those of control/log.h have changed. NULL is fine. */
void publisher_tell_log_levels(struct publisher *p);
/* {0, 0} when nothing is applied, or no data plane is connected. */
void publisher_generations(
	const struct publisher *p, struct rk_generation *published, struct rk_generation *applied);
bool publisher_is_connected(const struct publisher *p);
/* Some worker, or core for cryptography, of the data plane does not run. */
bool publisher_is_hung(const struct publisher *p);
/*
 * {"connected": bool, "published": {"incarnation", "counter"}, "applied": {...} or null,
 * "last_refusal": text or null, "parts": [{"kind", "size", "page_size", "digest"}]}
 */
void publisher_show(const struct publisher *p, struct answer *out);
