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

/* States that a slot may have, as a set of bits. */
#define KNOWN_STATES   0xefeu
#define STATES_OF_BASE (KNOWN_STATES & ~(1u << STATE_REMOVED))
static_assert(1 + RK_REASON_AA_COMPROMISE == 11, "the highest state; 8 would be reason 7");

static unsigned state_of(const struct rk_revocation_line *line, unsigned slot)
{
	return line->high[slot] & RK_REVOCATION_STATE;
}

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

/* The slots from this one on are as if never written. Without a branch a slot: lines differ. */
static bool is_rest_empty(const struct rk_revocation_line *line, unsigned used)
{
	uint64_t any = (uint64_t)(line->spill & DISTANCES) >> (DISTANCE_BITS * used);

	for (unsigned slot = 0; slot < RK_REVOCATION_SLOTS; slot++)
		any |= (line->low[slot] | line->high[slot]) & (slot < used ? 0 : UINT64_MAX);
	return any == 0;
}

static bool is_line_sound(
	const struct rk_revocation_line *lines, size_t line_cnt, size_t at, unsigned states)
{
	const struct rk_revocation_line *line = &lines[at];
	unsigned used = 0, unknown = 0;

	for (unsigned i = 0; i < RK_REVOCATION_SLOTS; i++) {
		unsigned state = state_of(line, i);

		used += state != 0; /* those behind an empty one are found not to be empty */
		unknown |= ~(states | 1u) >> state & 1;
	}
	return unknown == 0 && is_rest_empty(line, used) && are_reached(lines, line_cnt, at, used);
}

bool rk_revocation_are_sound(const struct rk_revocation_line *lines, size_t line_cnt, size_t begin,
	size_t end, bool may_remove)
{
	unsigned states = may_remove ? KNOWN_STATES : STATES_OF_BASE;

	for (size_t at = begin; at < end; at++) {
		__builtin_prefetch(&lines[at + PREFETCH_LINES]);
		if (!is_line_sound(lines, line_cnt, at, states))
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

/* 0 when the line does not have it. An empty slot's state is 0, whatever it seems to match. */
static inline uint8_t find_in_line(
	const struct rk_revocation_line *line, const struct rk_revocation_entry *wanted)
{
	uint16_t high = (uint16_t)wanted->head;

	for (unsigned i = 0; i < RK_REVOCATION_SLOTS; i++) {
		unsigned state = (unsigned)line->high[i] ^ high; /* equal but for the state */

		if (line->low[i] == wanted->tail && state <= RK_REVOCATION_STATE && state != 0)
			return (uint8_t)state;
	}
	return 0;
}

uint8_t rk_revocation_find(const struct rk_revocation_line *lines, size_t line_cnt,
	const struct rk_revocation_key *key)
{
	const struct rk_revocation_entry wanted = rk_revocation_split(key);
	const struct rk_revocation_line *line = &lines[rk_revocation_home(wanted.head, line_cnt)];
	const struct rk_revocation_line *last = line + RK_REVOCATION_SPILL;
	uint32_t tag = rk_revocation_tag(wanted.tail);
	uint8_t state = find_in_line(line, &wanted);

	while (state == 0 && (line->spill & tag) != 0 && line < last)
		state = find_in_line(++line, &wanted);
	return state;
}
