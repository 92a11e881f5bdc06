/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the network layer of a worker counts: one counter for each enum net_reason. Written by the
 * worker alone, read by any thread, so a plain add is enough and no line is fought over.
 */
#pragma once

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "dataplane/net.h"
#include "pki/view/channel.h"

struct counters {
	_Atomic uint64_t value[NET_REASON_CNT]; /* worker: rw, others: r */
};

static inline void counters_add(struct counters *c, enum net_reason reason)
{
	uint64_t v = atomic_load_explicit(&c->value[reason], memory_order_relaxed);

	atomic_store_explicit(&c->value[reason], v + 1, memory_order_relaxed);
}

static inline uint64_t counters_get(const struct counters *c, enum net_reason reason)
{
	return atomic_load_explicit(&c->value[reason], memory_order_relaxed);
}

struct engine;
/* How many counters there are: the network layer's ("net-...") and then the engine's. */
size_t counters_total(void);
/* Adds up to RK_COUNTERS_PER_MSG counters from number first on to those in out, zeroed before. */
void counters_add_up(struct rk_msg_counters *out, size_t first, const struct counters *c,
	const struct engine *engine);
/* Changes whenever a counter does. */
uint64_t counters_sum(const struct counters *c, const struct engine *engine);
