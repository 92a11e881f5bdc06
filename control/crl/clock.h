/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Whether the wall clock may be believed: it is held against the monotonic clock, and against the
 * newest time that a CA has signed. Pure: the times come from the caller.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define CRL_CLOCK_SKEW 300 /* seconds it may be off, or step back, without a word */

struct crl_clock {
	bool is_set;
	uint64_t mono_ns; /* when it was good last, and what it said then */
	int64_t wall;
	bool is_doubted; /* it went back, and is not where it would be, nor was a list good by it since */
};

enum crl_clock_word {
	CRL_CLOCK_GOOD,
	CRL_CLOCK_WENT_BACK,    /* by more than the skew */
	CRL_CLOCK_BEFORE_LISTS, /* it says a time before the newest list was made */
};

/* newest: thisUpdate of the newest list in force; 0 = none. */
enum crl_clock_word crl_clock_look(
	struct crl_clock *c, uint64_t mono_ns, int64_t wall, int64_t newest);
/* A list was fetched and is good by this clock. */
void crl_clock_confirm(struct crl_clock *c);
