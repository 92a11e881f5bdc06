/* SPDX-License-Identifier: BSD-3-Clause */
#include "pki/view/revocation.h"

#include <string.h>

/* 21 keys on five homes. */
#define FILL_KEYS  21
#define FILL_HOMES 5

size_t rk_revocation_line_cnt(size_t entry_cnt)
{
	return entry_cnt / FILL_KEYS * FILL_HOMES + FILL_HOMES + RK_REVOCATION_SPILL;
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
