/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/budget.h"

#include <time.h>

/* Never 0, which stands for a budget that is full. */
static uint32_t now_sec(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint32_t)ts.tv_sec + 1;
}

bool budget_take(struct budget *b, const struct budget_rule *rule)
{
	uint32_t now = now_sec();
	uint32_t gained = (now - b->refilled) / rule->refill_sec;

	if (b->refilled == 0 || gained >= rule->burst - b->left)
		*b = (struct budget){rule->burst, now};
	else
		*b = (struct budget){b->left + gained, b->refilled + gained * rule->refill_sec};
	if (b->left == 0)
		return false;
	b->left--;
	return true;
}
