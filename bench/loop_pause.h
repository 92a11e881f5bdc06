/* SPDX-License-Identifier: BSD-3-Clause */
/* How long an event loop does not come round. For the loop's thread. */
#pragma once

#include <event2/event.h>
#include <stdint.h>

/* Between two turns a millisecond apart, the most of each since the beginning. */
struct loop_pause_most {
	uint64_t wall_ns;
	uint64_t cpu_ns; /* of the loop's own work */
	uint64_t
		blocked_ns; /* neither at work nor kept off its CPU by others: by a lock, or a page */
};

/* Freed before base is. Ends the program when it cannot be. */
struct loop_pause *loop_pause_new(struct event_base *base);
void loop_pause_free(struct loop_pause *p);
void loop_pause_begin(struct loop_pause *p);
const struct loop_pause_most *loop_pause_most(const struct loop_pause *p);
