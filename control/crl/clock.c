/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/crl/clock.h"

enum crl_clock_word crl_clock_look(
	struct crl_clock *c, uint64_t mono_ns, int64_t wall, int64_t newest)
{
	int64_t expected = c->wall + (int64_t)((mono_ns - c->mono_ns) / UINT64_C(1000000000));

	/* While in doubt it is held against what it said before. */
	c->is_doubted = c->is_set && wall < expected - CRL_CLOCK_SKEW;
	c->is_set = true;
	if (!c->is_doubted) {
		c->mono_ns = mono_ns;
		c->wall = wall;
	}
	if (wall < newest - CRL_CLOCK_SKEW)
		return CRL_CLOCK_BEFORE_LISTS;
	return c->is_doubted ? CRL_CLOCK_WENT_BACK : CRL_CLOCK_GOOD;
}

void crl_clock_confirm(struct crl_clock *c)
{
	if (c->is_doubted)
		c->is_set = false; /* from the next look on */
	c->is_doubted = false;
}
