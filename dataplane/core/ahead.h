/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Ephemeral key pairs made ahead, where the backend makes several in the time of one: who asks for
 * one has a batch made and takes the others at the next times. A pair is handed out once and wiped
 * here with that. For forward secrecy none waits longer than AHEAD_AGE_MAX_NS. One thread's.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "dataplane/core/kex.h"

#define AHEAD_AGE_MAX_NS UINT64_C(10000000000)

struct ahead;
int ahead_new(struct ahead **out) RK_MUST_CHECK; /* in locked memory */
void ahead_free(struct ahead *a);                /* wipes; NULL is fine */

/* secret and share of op, and is_done. Makes a batch when none of this group is left. */
void ahead_take(struct ahead *a, struct kex_ctx *kex, const struct kex_group *g, uint64_t now_ns,
	struct kex_op *op);
/* Is the next one at hand? */
bool ahead_has(const struct ahead *a, const struct kex_group *g, uint64_t now_ns);
bool ahead_is_empty(const struct ahead *a);
/* Wipes what has become too old. To be called now and then while it is not empty. */
void ahead_expire(struct ahead *a, uint64_t now_ns);
