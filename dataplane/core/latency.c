/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/core/latency.h"

#define NS_PER_US 1000

static void add(atomic_uint_fast64_t *value, uint64_t n)
{
	/* One writer. */
	atomic_store_explicit(
		value, atomic_load_explicit(value, memory_order_relaxed) + n, memory_order_relaxed);
}

void latency_add(struct latency *l, enum latency_kind kind, uint64_t ns)
{
	static const uint64_t bound_us[] = {
#define X(us) us,
		LATENCY_BOUNDS(X)
#undef X
	};
	size_t i = 0;

	while (i < LATENCY_BOUND_CNT && ns > bound_us[i] * NS_PER_US)
		i++;
	add(&l->value[kind][i], 1);
	add(&l->value[kind][LATENCY_SUM], ns / NS_PER_US);
}

const char *latency_name(size_t i)
{
	static const char *const names[LATENCY_KIND_CNT][LATENCY_ROW_CNT] = {
#define X(us) "exchange-us-" #us,
		{LATENCY_BOUNDS(X) "exchange-us-more", "exchange-us-sum"},
#undef X
#define X(us) "rekey-us-" #us,
		{LATENCY_BOUNDS(X) "rekey-us-more", "rekey-us-sum"},
#undef X
	};

	return names[i / LATENCY_ROW_CNT][i % LATENCY_ROW_CNT];
}

uint64_t latency_value(const struct latency *l, size_t i)
{
	return atomic_load_explicit(
		&l->value[i / LATENCY_ROW_CNT][i % LATENCY_ROW_CNT], memory_order_relaxed);
}
