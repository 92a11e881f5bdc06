/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/counters.h"

#include <stdio.h>

#include "dataplane/core/engine.h"

size_t counters_total(void)
{
	return NET_REASON_CNT + engine_counter_cnt();
}

static void fill_one(
	struct rk_counter *out, size_t i, const struct counters *c, const struct engine *engine)
{
	if (i < NET_REASON_CNT) {
		snprintf(out->name, sizeof(out->name), "net-%s",
			net_reason_name((enum net_reason)i));
		out->value += counters_get(c, (enum net_reason)i);
		return;
	}
	i -= NET_REASON_CNT;
	snprintf(out->name, sizeof(out->name), "%s", engine_counter_name(i));
	out->value += engine_counter(engine, i);
}

void counters_add_up(struct rk_msg_counters *out, size_t first, const struct counters *c,
	const struct engine *engine)
{
	size_t left = counters_total() - first;
	uint32_t i;

	out->cnt = left < RK_COUNTERS_PER_MSG ? (uint32_t)left : RK_COUNTERS_PER_MSG;
	for (i = 0; i < out->cnt; i++)
		fill_one(&out->counter[i], first + i, c, engine);
}

uint64_t counters_sum(const struct counters *c, const struct engine *engine)
{
	uint64_t sum = 0;
	size_t i;

	for (i = 0; i < NET_REASON_CNT; i++)
		sum += counters_get(c, (enum net_reason)i);
	for (i = 0; i < engine_counter_cnt(); i++)
		sum += engine_counter(engine, i);
	return sum;
}
