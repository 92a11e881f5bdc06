/* SPDX-License-Identifier: BSD-3-Clause */
#include <time.h>

#include "control/crl/state.h"

uint64_t crl_now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * UINT64_C(1000000000) + (uint64_t)ts.tv_nsec;
}

int64_t crl_wall_sec(void)
{
	return (int64_t)time(NULL);
}
