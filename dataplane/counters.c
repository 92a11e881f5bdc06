/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/counters.h"

#include <stdio.h>
#include <string.h>

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
		out->value = counters_get(c, (enum net_reason)i);
		return;
	}
	i -= NET_REASON_CNT;
	snprintf(out->name, sizeof(out->name), "%s", engine_counter_name(i));
	out->value = engine_counter(engine, i);
}

void counters_fill(struct rk_msg_counters *out, size_t first, const struct counters *c,
	const struct engine *engine)
{
	size_t total = counters_total();

	memset(out, 0, sizeof(*out));
	while (first < total && out->cnt < RK_COUNTERS_PER_MSG)
		fill_one(&out->counter[out->cnt++], first++, c, engine);
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
