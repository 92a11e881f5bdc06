/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A hierarchical timing wheel over struct core_timer: arm, cancel and fire are O(1), nothing is
 * allocated. One wheel a worker, that worker's thread only.
 *
 * Guarantees: T1 a timer never fires before its deadline and at most one tick late (plus the time
 * that the runs take which T3 bounds). T2 a cancelled timer does not fire, also when it is cancelled
 * by another timer of the same tick. T3 one run fires at most as many as it is told and moves at
 * most TIMERS_MOVE_MAX to a finer level, however many share a tick or a slot; the rest keep their
 * turn, in the order of their ticks.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "dataplane/core/timer.h"

#define TIMERS_TICK_SHIFT 20 /* 1.05 ms */
#define TIMERS_LEVEL_BITS 8
#define TIMERS_LEVEL_CNT  4 /* 2^32 ticks = 52 days; later deadlines wait in the last slot */
#define TIMERS_SLOT_CNT   (1U << TIMERS_LEVEL_BITS)
#define TIMERS_MOVE_MAX   64

struct timers {
	uint64_t tick; /* every tick up to this one has been expired */
	struct core_timer *expired;
	struct core_timer
		*moving[TIMERS_LEVEL_CNT]; /* out of a slot that was reached, not placed yet */
	uint64_t armed_cnt;
	uint64_t occupied[TIMERS_LEVEL_CNT][TIMERS_SLOT_CNT / 64];
	struct core_timer *slot[TIMERS_LEVEL_CNT][TIMERS_SLOT_CNT];
};

void timers_init(struct timers *t, uint64_t now_ns);
/* Re-arms when armed. A deadline in the past fires at the next run. */
void timers_arm(struct timers *t, struct core_timer *timer, uint64_t deadline_ns);
void timers_cancel(struct timers *t, struct core_timer *timer); /* no-op when not armed */
/* Fires what is due: fire may arm and cancel any timer. Returns how many fired. */
unsigned timers_run(struct timers *t, uint64_t now_ns, unsigned fire_max,
	void (*fire)(void *ctx, struct core_timer *timer), void *ctx);
/* A time not later than the next deadline's tick; UINT64_MAX when nothing is armed. */
uint64_t timers_next_ns(const struct timers *t);
