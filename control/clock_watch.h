/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Whether the clock may be believed: it must not say less than what a CA has signed for in a list
 * that we verified, nor than what it said itself an hour before (STATE/clock.seen). Looks once a
 * minute, and when the daemon is told to reload; raises and clears the alarm "clock". Loop thread only.
 */
#pragma once

#include <stdint.h>

#include "control/daemon.h"

struct clock_watch;

int clock_watch_open(struct daemon *d, struct clock_watch **out)
	__attribute__((warn_unused_result));
void clock_watch_close(struct clock_watch *w);
/* One look, which also judges anew what hangs on the time. */
void clock_watch_look(struct clock_watch *w);
/* The judgement of one look: now against the latest time known to have passed. */
void clock_watch_judge(struct clock_watch *w, int64_t now);
/*
 * The newest day that a CA has signed for in a list that we verified, 0 = none: no clock of ours is
 * believed that says earlier. Whole days, so that not every list makes a new part of the view.
 */
int64_t clock_floor(struct daemon *d);
/* The time that certificates are judged by: the clock's, but not before the floor. */
int64_t clock_now(struct daemon *d);
