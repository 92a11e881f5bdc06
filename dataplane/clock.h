/* SPDX-License-Identifier: BSD-3-Clause */
/* The two clocks. Any thread. */
#pragma once

#include <stdint.h>
#include <time.h>

#define NS_PER_SEC UINT64_C(1000000000)
#define NS_PER_MS  UINT64_C(1000000)
#define NS_PER_US  UINT64_C(1000)

static inline uint64_t clock_monotonic_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * NS_PER_SEC + (uint64_t)t.tv_nsec;
}

/* Seconds since 1970, never below what control knows to have passed. */
static inline int64_t clock_wall_sec(int64_t floor)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME_COARSE, &t);
	return t.tv_sec < floor ? floor : (int64_t)t.tv_sec;
}
