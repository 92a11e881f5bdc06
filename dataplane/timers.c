/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/timers.h"

#include <stdbool.h>
#include <string.h>

#define SLOT_MASK    (TIMERS_SLOT_CNT - 1)
#define SLOT_EXPIRED UINT32_MAX

void timers_init(struct timers *t, uint64_t now_ns)
{
	memset(t, 0, sizeof(*t));
	t->tick = now_ns >> TIMERS_TICK_SHIFT;
}

static void link_at(struct core_timer **head, struct core_timer *timer)
{
	timer->next = *head;
	timer->prev_link = head;
	if (timer->next != NULL)
		timer->next->prev_link = &timer->next;
	*head = timer;
}

static void unlink_timer(struct timers *t, struct core_timer *timer)
{
	unsigned level = timer->slot / TIMERS_SLOT_CNT;
	unsigned slot = timer->slot & SLOT_MASK;

	*timer->prev_link = timer->next;
	if (timer->next != NULL)
		timer->next->prev_link = timer->prev_link;
	timer->next = NULL;
	timer->prev_link = NULL;
	/* Expired or moving it may bear the number of the slot it came from: that is empty too. */
	if (timer->slot != SLOT_EXPIRED && t->slot[level][slot] == NULL)
		t->occupied[level][slot / 64] &= ~(UINT64_C(1) << (slot % 64));
}

/* The level whose slots are just fine enough for a deadline delta ticks away. */
static unsigned level_of(uint64_t delta)
{
	unsigned level = 0;

	while (level < TIMERS_LEVEL_CNT - 1 && delta >> (TIMERS_LEVEL_BITS * (level + 1)) != 0)
		level++;
	return level;
}

static void place(struct timers *t, struct core_timer *timer)
{
	const uint64_t round_up = (UINT64_C(1) << TIMERS_TICK_SHIFT) - 1;
	const uint64_t reach = (UINT64_C(1) << (TIMERS_LEVEL_BITS * TIMERS_LEVEL_CNT)) - 1;
	uint64_t due = timer->deadline_ns >= UINT64_MAX - round_up
			       ? UINT64_MAX >> TIMERS_TICK_SHIFT
			       : (timer->deadline_ns + round_up) >> TIMERS_TICK_SHIFT;
	unsigned level;
	unsigned slot;

	if (due <= t->tick) {
		timer->slot = SLOT_EXPIRED;
		link_at(&t->expired, timer);
		return;
	}
	/* Beyond the reach it lies in the farthest slot and is placed again from there. */
	if (due - t->tick > reach)
		due = t->tick + reach;
	level = level_of(due - t->tick);
	slot = (unsigned)(due >> (TIMERS_LEVEL_BITS * level)) & SLOT_MASK;
	timer->slot = level * TIMERS_SLOT_CNT + slot;
	link_at(&t->slot[level][slot], timer);
	t->occupied[level][slot / 64] |= UINT64_C(1) << (slot % 64);
}

void timers_arm(struct timers *t, struct core_timer *timer, uint64_t deadline_ns)
{
	timers_cancel(t, timer);
	timer->deadline_ns = deadline_ns;
	place(t, timer);
	t->armed_cnt++;
}

void timers_cancel(struct timers *t, struct core_timer *timer)
{
	if (timer->prev_link == NULL)
		return;
	unlink_timer(t, timer);
	t->armed_cnt--;
}

/* The first occupied slot in [from, TIMERS_SLOT_CNT), or TIMERS_SLOT_CNT. */
static unsigned next_occupied(const uint64_t *map, unsigned from)
{
	unsigned word = from / 64;
	uint64_t bits;

	if (from >= TIMERS_SLOT_CNT)
		return TIMERS_SLOT_CNT;
	bits = map[word] & (~UINT64_C(0) << (from % 64));
	while (bits == 0) {
		if (++word == TIMERS_SLOT_CNT / 64)
			return TIMERS_SLOT_CNT;
		bits = map[word];
	}
	return word * 64 + (unsigned)__builtin_ctzll(bits);
}

/* Takes everything out of a slot, whatever it is: the list changes its head, nothing else. */
static void empty_slot(struct timers *t, unsigned level, unsigned slot, struct core_timer **head)
{
	*head = t->slot[level][slot];
	if (*head != NULL)
		(*head)->prev_link = head;
	t->slot[level][slot] = NULL;
	t->occupied[level][slot / 64] &= ~(UINT64_C(1) << (slot % 64));
}

/*
 * Goes to the given tick, where at most level 0 was crossed without a stop. Nothing is expired or
 * moving. What lies in level 0's slot is due now; what lies in a coarser one is due in its span.
 */
static void enter_tick(struct timers *t, uint64_t tick)
{
	unsigned level;

	t->tick = tick;
	for (level = TIMERS_LEVEL_CNT - 1; level > 0; level--) {
		uint64_t below = tick & ((UINT64_C(1) << (TIMERS_LEVEL_BITS * level)) - 1);

		if (below == 0)
			empty_slot(t, level,
				(unsigned)(tick >> (TIMERS_LEVEL_BITS * level)) & SLOT_MASK,
				&t->moving[level]);
	}
	empty_slot(t, 0, (unsigned)tick & SLOT_MASK, &t->expired);
}

/* Places what is moving, coarsest first; false: there is more than *left. */
static bool move(struct timers *t, unsigned *left)
{
	unsigned level;
	struct core_timer *timer;

	for (level = TIMERS_LEVEL_CNT - 1; level > 0; level--) {
		while ((timer = t->moving[level]) != NULL) {
			if (*left == 0)
				return false;
			(*left)--;
			unlink_timer(t, timer);
			place(t, timer);
		}
	}
	return true;
}

/* The next tick at which something may happen: an occupied slot, or the end of level 0's round. */
static uint64_t next_stop(const struct timers *t)
{
	unsigned slot = next_occupied(t->occupied[0], (unsigned)(t->tick & SLOT_MASK) + 1);

	return (t->tick & ~(uint64_t)SLOT_MASK) + slot;
}

unsigned timers_run(struct timers *t, uint64_t now_ns, unsigned fire_max,
	void (*fire)(void *ctx, struct core_timer *timer), void *ctx)
{
	const uint64_t now = now_ns >> TIMERS_TICK_SHIFT;
	unsigned left = TIMERS_MOVE_MAX;
	unsigned fired = 0;

	for (;;) {
		struct core_timer *timer;
		uint64_t stop;

		if (!move(t, &left))
			return fired;
		while ((timer = t->expired) != NULL) {
			if (fired == fire_max)
				return fired;
			timers_cancel(t, timer);
			fire(ctx, timer);
			fired++;
		}
		if (t->tick >= now)
			return fired;
		if (t->armed_cnt == 0) {
			t->tick = now;
			return fired;
		}
		stop = next_stop(t);
		if (stop > now)
			t->tick = now;
		else
			enter_tick(t, stop);
	}
}

uint64_t timers_next_ns(const struct timers *t)
{
	unsigned level;

	if (t->expired != NULL)
		return 0;
	for (level = 1; level < TIMERS_LEVEL_CNT; level++)
		if (t->moving[level] != NULL)
			return 0;
	if (t->armed_cnt == 0)
		return UINT64_MAX;
	return next_stop(t) << TIMERS_TICK_SHIFT;
}
