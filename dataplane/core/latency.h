/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How long exchanges and rekeys took that we began, from their first message to their key: counts by
 * upper bound, and the sum. Counters like those of reason.h, behind them, under the names
 * "exchange-us-250", ..., "exchange-us-more", "exchange-us-sum", and "rekey-us-..." alike.
 */
#pragma once

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#define LATENCY_BOUNDS(X) \
	X(250)            \
	X(500)            \
	X(1000)           \
	X(2500)           \
	X(5000)           \
	X(10000)          \
	X(25000)          \
	X(50000)          \
	X(100000)         \
	X(250000)         \
	X(1000000)

enum latency_kind { LATENCY_EXCHANGE, LATENCY_REKEY, LATENCY_KIND_CNT };

#define X(us) +1
enum { LATENCY_BOUND_CNT = 0 LATENCY_BOUNDS(X) };
#undef X
enum {
	LATENCY_SUM = LATENCY_BOUND_CNT + 1, /* behind the bounds: more, sum */
	LATENCY_ROW_CNT
};

struct latency {
	atomic_uint_fast64_t value[LATENCY_KIND_CNT][LATENCY_ROW_CNT]; /* worker: rw, others: r */
};

/* Worker. */
void latency_add(struct latency *l, enum latency_kind kind, uint64_t ns);
/* i < LATENCY_KIND_CNT * LATENCY_ROW_CNT. Any thread. */
const char *latency_name(size_t i);
uint64_t latency_value(const struct latency *l, size_t i);
