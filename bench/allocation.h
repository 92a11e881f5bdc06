/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Counts heap allocations: those of our own objects (the linker sends their malloc, calloc, realloc,
 * aligned_alloc, posix_memalign, strdup and mmap here) apart from libcrypto's and libssl's. Of the
 * calling thread.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct allocation_cnt {
	uint64_t own;
	uint64_t libcrypto;
};
struct allocation_cnt allocation_cnt(void);

/* How many a run of run() takes, on average over some; run as in struct bench_case. */
struct allocation_rate {
	double own;
	double libcrypto;
};
struct allocation_rate allocation_rate(bool (*run)(void *arg, unsigned cnt), void *arg);
