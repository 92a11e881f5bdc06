/* SPDX-License-Identifier: BSD-3-Clause */
#include "pki/store/revocation_build.h"

#include <errno.h>
#include <string.h>

/* ---- order ------------------------------------------------------------------------------------ */

#define CACHED_ENTRIES 16384 /* 256 KiB */
#define FAR_DIGIT_BITS 8
#define DIGITS         (CACHED_ENTRIES / 4)
#define STATE_BITS     4
#define INSERT_MAX     32 /* a run this short is sorted by insertion */

/* UNSPECIFIED after the named reasons, REMOVED after all: what comes first stays. */
static unsigned rank_state(uint64_t head)
{
	unsigned state = (unsigned)(head & RK_REVOCATION_STATE);

	if (state == 1 + RK_REASON_REMOVED)
		return 17;
	return state == 1 + RK_REASON_UNSPECIFIED ? 16 : state;
}

static bool is_same_key(const struct rk_revocation_entry *a, const struct rk_revocation_entry *b)
{
	return ((a->head ^ b->head) & ~RK_REVOCATION_STATE) == 0 && a->tail == b->tail;
}

static bool is_before(const struct rk_revocation_entry *a, const struct rk_revocation_entry *b)
{
	uint64_t x = a->head & ~RK_REVOCATION_STATE, y = b->head & ~RK_REVOCATION_STATE;

	if (x != y)
		return x < y;
	if (a->tail != b->tail)
		return a->tail < b->tail;
	return rank_state(a->head) < rank_state(b->head);
}

static void sort_by_insertion(struct rk_revocation_entry *e, size_t cnt)
{
	for (size_t i = 1; i < cnt; i++) {
		const struct rk_revocation_entry moved = e[i];
		size_t at = i;

		for (; at > 0 && is_before(&moved, &e[at - 1]); at--)
			e[at] = e[at - 1];
		e[at] = moved;
	}
}

/* Only for keys that agree in all of head: never many, unless somebody repeats one. */
static void sort_by_heap(struct rk_revocation_entry *e, size_t cnt)
{
	for (size_t end = cnt, start = cnt / 2; end > 1;) {
		struct rk_revocation_entry moved;
		size_t at, child;

		if (start > 0) {
			moved = e[--start];
		} else {
			moved = e[--end];
			e[end] = e[0];
		}
		for (at = start; (child = 2 * at + 1) < end; at = child) {
			if (child + 1 < end && is_before(&e[child], &e[child + 1]))
				child++;
			if (!is_before(&moved, &e[child]))
				break;
			e[at] = e[child];
		}
		e[at] = moved;
	}
}

/* Digits of head: digit_cnt (a power of two) values of what is left behind shift. */
struct digits {
	unsigned shift;
	unsigned cnt;
};

/*
 * Moves each entry to the run of its digit, in place: the keys are keyed hashes, so that the runs
 * come out even and two digits sort millions. end[d] is where the run of digit d ends.
 */
static void spread(
	struct rk_revocation_entry *e, size_t cnt, struct digits digits, size_t end[DIGITS])
{
	const unsigned shift = digits.shift, mask = digits.cnt - 1;
	size_t next[DIGITS];
	size_t sum = 0;

	memset(end, 0, digits.cnt * sizeof(end[0]));
	for (size_t i = 0; i < cnt; i++)
		end[e[i].head >> shift & mask]++;
	for (unsigned d = 0; d < digits.cnt; d++) {
		next[d] = sum;
		sum += end[d];
		end[d] = sum;
	}
	for (unsigned d = 0; d < digits.cnt; d++) {
		while (next[d] < end[d]) {
			struct rk_revocation_entry moved = e[next[d]];
			unsigned to = (unsigned)(moved.head >> shift) & mask;

			while (to != d) {
				struct rk_revocation_entry displaced = e[next[to]];

				e[next[to]++] = moved;
				moved = displaced;
				to = (unsigned)(moved.head >> shift) & mask;
			}
			e[next[d]++] = moved;
		}
	}
}

/*
 * Of the left bits so many that a few entries have each digit; while the entries are more than a
 * cache holds, not more digits than it holds places to write to.
 */
static struct digits choose_digits(size_t cnt, unsigned left)
{
	unsigned bits = 61 - (unsigned)__builtin_clzll(cnt);

	if (cnt > CACHED_ENTRIES)
		bits = FAR_DIGIT_BITS;
	if (bits > left)
		bits = left;
	return (struct digits){.shift = STATE_BITS + left - bits, .cnt = 1u << bits};
}

/*
 * By left bits of head above the state, which is left to the comparison. A run that needs digits has
 * more than INSERT_MAX entries, so at least three bits each: at most twenty deep.
 */
static void sort_by_digit(struct rk_revocation_entry *e, size_t cnt, unsigned left)
{
	const struct digits digits = choose_digits(cnt, left);
	size_t end[DIGITS];
	size_t begin = 0;

	spread(e, cnt, digits, end);
	for (unsigned d = 0; d < digits.cnt; d++) {
		size_t run = end[d] - begin;

		if (run <= INSERT_MAX)
			sort_by_insertion(e + begin, run);
		else if (digits.shift > STATE_BITS)
			sort_by_digit(e + begin, run, digits.shift - STATE_BITS);
		else
			sort_by_heap(e + begin, run);
		begin = end[d];
	}
}

size_t revocation_sort(struct rk_revocation_entry *entries, size_t entry_cnt)
{
	size_t kept = 0;

	if (entry_cnt <= INSERT_MAX)
		sort_by_insertion(entries, entry_cnt);
	else
		sort_by_digit(entries, entry_cnt, 64 - STATE_BITS);
	for (size_t i = 0; i < entry_cnt; i++) {
		if (kept > 0 && is_same_key(&entries[kept - 1], &entries[i]))
			continue;
		entries[kept++] = entries[i];
	}
	return kept;
}

/* ---- placing ---------------------------------------------------------------------------------- */

#define WAITING_MAX 64 /* keys moved past a line; a power of two */
#define URGENT      4  /* lines from home, from which on a key goes before those at home */

/* Lines are filled one after the other; what found no room at home waits, first come first served. */
struct placing {
	struct rk_revocation_line *lines;
	size_t line_cnt;
	size_t at;     /* the line being filled */
	unsigned used; /* its slots */
	struct rk_revocation_entry waiting[WAITING_MAX];
	size_t first;
	size_t end;
};

static size_t distance_of(const struct placing *p, const struct rk_revocation_entry *e)
{
	return p->at - rk_revocation_home(e->head, p->line_cnt);
}

static void put(struct placing *p, const struct rk_revocation_entry *e)
{
	struct rk_revocation_line *line = &p->lines[p->at];

	line->low[p->used] = e->tail;
	line->high[p->used] = (uint16_t)e->head;
	line->spill |= (uint32_t)distance_of(p, e) << (3 * p->used);
	p->used++;
}

/* The waiting that are at least so far from home, while there is room. */
static void put_waiting(struct placing *p, size_t distance)
{
	while (p->used < RK_REVOCATION_SLOTS && p->first < p->end &&
		distance_of(p, &p->waiting[p->first % WAITING_MAX]) >= distance) {
		put(p, &p->waiting[p->first % WAITING_MAX]);
		p->first++;
	}
}

/* What still waits goes past this line. */
static int tag_waiting(struct placing *p)
{
	for (size_t i = p->first; i < p->end; i++) {
		const struct rk_revocation_entry *e = &p->waiting[i % WAITING_MAX];

		if (distance_of(p, e) >= RK_REVOCATION_SPILL)
			return -ENOSPC;
		p->lines[p->at].spill |= rk_revocation_tag(e->tail);
	}
	return 0;
}

static int place(struct placing *p, const struct rk_revocation_entry *e, size_t cnt)
{
	const struct rk_revocation_entry *end = e + cnt;
	int ret = 0;

	for (p->at = 0; p->at < p->line_cnt && ret == 0; p->at++) {
		p->used = 0;
		put_waiting(p, URGENT);
		for (; e < end && rk_revocation_home(e->head, p->line_cnt) == p->at; e++) {
			if (p->used < RK_REVOCATION_SLOTS)
				put(p, e);
			else if (p->end - p->first < WAITING_MAX)
				p->waiting[p->end++ % WAITING_MAX] = *e;
			else
				return -ENOSPC;
		}
		put_waiting(p, 0);
		ret = tag_waiting(p);
	}
	return ret;
}

int revocation_build(struct rk_revocation_line *lines, size_t line_cnt,
	struct rk_revocation_entry *entries, size_t entry_cnt)
{
	struct placing p = {.lines = lines, .line_cnt = line_cnt};

	if (line_cnt <= RK_REVOCATION_SPILL)
		return -EINVAL;
	for (size_t i = 0; i < entry_cnt; i++) {
		if (!rk_revocation_reason_is_known(
			    (unsigned)(entries[i].head & RK_REVOCATION_STATE) - 1))
			return -EINVAL;
	}
	return place(&p, entries, revocation_sort(entries, entry_cnt));
}
