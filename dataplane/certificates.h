/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Verdicts on certificates that were confirmed since the last publication, by fingerprint. What
 * control has published is looked up in the view itself (whole old or whole new); this table holds
 * the rest: judged on demand, and proven by a signature that verified with the key.
 *
 * Main is the one writer, workers find without locks. Bounded: max entries besides those that a
 * standing peering rests on, which are as many as peers at most and never go; among the others one
 * that nobody asked for lately makes room (second chance).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dataplane/graveyard.h"
#include "dataplane/rcu.h"
#include "pki/view/verdict.h"

struct certificate_table {
	struct rk_rcu_table table;
	struct graveyard *graveyard;
	struct certificate **ring; /* main: every entry, cnt of them, for the clock */
	size_t cnt;
	size_t capacity; /* of ring */
	size_t held_cnt; /* of cnt: a peering stands on them */
	size_t max;      /* of the others */
	size_t hand;
};

int certificate_table_init(
	struct certificate_table *t, struct graveyard *g, size_t max) RK_MUST_CHECK;
/* Empties it: entries go to the graveyard. The table itself ends with _fini, after a barrier. */
void certificate_table_clear(struct certificate_table *t);
void certificate_table_fini(struct certificate_table *t);
/* Any worker, or main. NULL = unknown. */
const struct rk_verdict *certificate_table_find(
	const struct certificate_table *t, const uint8_t fingerprint[RK_FINGERPRINT_LEN]);
/* Main: adds or replaces (copies). 0 or -ENOMEM. */
int certificate_table_put(struct certificate_table *t, const struct rk_verdict *v) RK_MUST_CHECK;
/* Main: a peering stands (delta 1) or no longer stands (-1) on this certificate. */
void certificate_table_hold(
	struct certificate_table *t, const uint8_t fingerprint[RK_FINGERPRINT_LEN], int delta);
