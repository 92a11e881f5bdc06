/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How often somebody else may make us do something: so many times at once, and once more every so
 * many seconds. Zeroed is full. No lock: one thread, one budget.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct budget_rule {
	uint32_t burst;
	uint32_t refill_sec;
};

struct budget {
	uint32_t left;
	uint32_t refilled; /* seconds of the monotonic clock; 0 = never used */
};

/* False: there is nothing left. */
bool budget_take(struct budget *b, const struct budget_rule *rule)
	__attribute__((warn_unused_result));
