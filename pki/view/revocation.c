/* SPDX-License-Identifier: BSD-3-Clause */
#include "pki/view/revocation.h"

#include <string.h>

#define STATE_REMOVED (1 + RK_REASON_REMOVED)
#define DISTANCE_BITS 3
#define DISTANCE_MASK 7u

/* 21 keys on five homes. */
#define FILL_KEYS  21
#define FILL_HOMES 5

size_t rk_revocation_line_cnt(size_t entry_cnt)
{
	return entry_cnt / FILL_KEYS * FILL_HOMES + FILL_HOMES + RK_REVOCATION_SPILL;
}

#define PREFETCH_LINES 24 /* ahead of a walk; past the end it does no harm */

#define DISTANCES ((1u << DISTANCE_BITS * RK_REVOCATION_SLOTS) - 1)

/* A lookup that begins at the slot's home gets here: every line before sends it on. */
static bool is_reached(
	const struct rk_revocation_line *lines, size_t line_cnt, size_t at, unsigned slot)
{
	unsigned distance = lines[at].spill >> (DISTANCE_BITS * slot) & DISTANCE_MASK;
	uint32_t tag = rk_revocation_tag(lines[at].low[slot]);

	if (distance == 0)
		return at < line_cnt - RK_REVOCATION_SPILL;
	if (distance > at || at - distance >= line_cnt - RK_REVOCATION_SPILL)
		return false;
	for (; distance > 0; distance--) {
		if ((lines[at - distance].spill & tag) == 0)
			return false;
	}
	return true;
}

/* All are reached: most lines have no slot that is not at home, which is seen at once. */
static bool are_reached(
	const struct rk_revocation_line *lines, size_t line_cnt, size_t at, unsigned used)
{
	if ((lines[at].spill & DISTANCES) == 0 && at < line_cnt - RK_REVOCATION_SPILL)
		return true;
	for (unsigned i = 0; i < used; i++) {
		if (!is_reached(lines, line_cnt, at, i))
			return false;
	}
	return true;
}

/*
 * A line as eight words: six of fingerprints, then what is in 16 bits a slot, four slots and two, and
 * in the last half the spill. Slots are looked at all at once: one by one takes three times as long.
 */
struct words {
	uint64_t word[8];
};
static_assert(sizeof(struct words) == sizeof(struct rk_revocation_line), "layout");

#define EACH(n) (UINT64_C(0x0001000100010001) * (n)) /* in 16 bits of each slot */
#define TWO     UINT64_C(0xffffffff)                 /* the slots of the last word */

#define REST_LOW(used, slot) ((slot) < (used) ? 0 : UINT64_MAX)
#define REST_HIGH(used, slot) \
	((slot) < (used) ? 0 : UINT64_C(0xffff) << (16 * ((slot) < 4 ? (slot) : (slot)-4)))
#define REST(used)                                                                                \
	{                                                                                         \
		{                                                                                 \
			REST_LOW(used, 0), REST_LOW(used, 1), REST_LOW(used, 2),                  \
				REST_LOW(used, 3), REST_LOW(used, 4), REST_LOW(used, 5),          \
				REST_HIGH(used, 0) | REST_HIGH(used, 1) | REST_HIGH(used, 2) |    \
					REST_HIGH(used, 3),                                       \
				REST_HIGH(used, 4) | REST_HIGH(used, 5) |                         \
					(uint64_t)(DISTANCES & (~0u << (DISTANCE_BITS * (used)))) \
						<< 32                                             \
		}                                                                                 \
	}

/* What the slots from the used-th one on have: nothing, as if never written. */
static const struct words rest[RK_REVOCATION_SLOTS + 1] = {
	REST(0), REST(1), REST(2), REST(3), REST(4), REST(5), REST(6)};

static bool is_rest_empty(const struct words *line, unsigned used)
{
	uint64_t any = 0;

	for (unsigned i = 0; i < 8; i++)
		any |= line->word[i] & rest[used].word[i];
	return any == 0;
}

/* 1 in each slot of which the number, at most 15, is not 0. */
static inline uint64_t not_zero(uint64_t numbers)
{
	return (numbers + EACH(15)) >> 4 & EACH(1);
}

/* 1 in each slot whose state is none that a slot may have: 8, more than 11, or is REMOVED. */
static inline uint64_t unknown_states(uint64_t states, bool may_remove)
{
	uint64_t unknown = (states + EACH(4)) >> 4 & EACH(1);

	unknown |= not_zero(states ^ EACH(8)) ^ EACH(1);
	if (!may_remove)
		unknown |= not_zero(states ^ EACH(STATE_REMOVED)) ^ EACH(1);
	return unknown;
}
static_assert(1 + RK_REASON_AA_COMPROMISE == 11, "the highest state; 8 would be reason 7");

static bool is_line_sound(
	const struct rk_revocation_line *lines, size_t line_cnt, size_t at, bool may_remove)
{
	struct words line;
	uint64_t four, two;
	unsigned used;

	memcpy(&line, &lines[at], sizeof(line));
	four = line.word[6] & EACH(RK_REVOCATION_STATE);
	two = line.word[7] & EACH(RK_REVOCATION_STATE) & TWO;
	/* those behind an empty one are found not to be empty */
	used = (unsigned)((not_zero(four) + not_zero(two)) * EACH(1) >> 48);
	return (unknown_states(four, may_remove) | unknown_states(two, may_remove)) == 0 &&
	       is_rest_empty(&line, used) && are_reached(lines, line_cnt, at, used);
}

bool rk_revocation_are_sound(const struct rk_revocation_line *lines, size_t line_cnt, size_t begin,
	size_t end, bool may_remove)
{
	for (size_t at = begin; at < end; at++) {
		__builtin_prefetch(&lines[at + PREFETCH_LINES]);
		if (!is_line_sound(lines, line_cnt, at, may_remove))
			return false;
	}
	return true;
}

bool rk_revocation_is_sound(
	const struct rk_revocation_line *lines, size_t line_cnt, bool may_remove)
{
	return line_cnt > RK_REVOCATION_SPILL &&
	       rk_revocation_are_sound(lines, line_cnt, 0, line_cnt, may_remove);
}

/*
 * 0 when the line does not have it. Every slot is looked at, without a branch: which one it is nobody
 * can guess, and a wrong guess costs more than five slots. An empty slot's state is 0, whatever it seems
 * to match; of those in use one has the fingerprint at most.
 */
static inline unsigned find_in_line(
	const struct rk_revocation_line *line, const struct rk_revocation_entry *wanted)
{
	uint16_t high = (uint16_t)wanted->head;
	unsigned found = 0;

	for (unsigned i = 0; i < RK_REVOCATION_SLOTS; i++) {
		unsigned state = (unsigned)line->high[i] ^ high; /* equal but for the state */
		uint64_t differs = (line->low[i] ^ wanted->tail) | (state & ~15u);

		found |= differs == 0 ? state : 0;
	}
	return found;
}

uint8_t rk_revocation_find(const struct rk_revocation_line *lines, size_t line_cnt,
	const struct rk_revocation_key *key)
{
	const struct rk_revocation_entry wanted = rk_revocation_split(key);
	const struct rk_revocation_line *line = &lines[rk_revocation_home(wanted.head, line_cnt)];
	const struct rk_revocation_line *last = line + RK_REVOCATION_SPILL;
	uint32_t tag = rk_revocation_tag(wanted.tail);
	unsigned state = find_in_line(line, &wanted);

	while (state == 0 && (line->spill & tag) != 0 && line < last)
		state = find_in_line(++line, &wanted);
	return (uint8_t)state;
}
