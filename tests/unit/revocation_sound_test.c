/* SPDX-License-Identifier: BSD-3-Clause */
/* What many lines are found to be at once is what they are found to be one by one. */
#include "pki/store/revocation_build.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define CNT   3000
#define LINES 560 /* crowded: some keys are four lines from home */
#define TURNS 30000

static uint64_t seed = 1;

/* splitmix64: the same numbers in every run. */
static uint64_t next_random(void)
{
	uint64_t z = seed += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

static struct rk_revocation_line *make_lines(void)
{
	static const uint8_t states[] = {1, 2, 3, 4, 5, 6, 7, 10, 11};
	struct rk_revocation_line *lines = aligned_alloc(64, LINES * sizeof(*lines));
	struct rk_revocation_entry *e = calloc(CNT, sizeof(*e));

	assert_true(lines != NULL && e != NULL);
	for (size_t i = 0; i < CNT; i++) {
		e[i].head = (next_random() & ~RK_REVOCATION_STATE) |
			    states[next_random() % sizeof(states)];
		e[i].tail = next_random();
	}
	assert_int_equal(revocation_build(lines, LINES, e, CNT), 0);
	free(e);
	return lines;
}

static unsigned farthest(const struct rk_revocation_line *lines)
{
	unsigned most = 0;

	for (size_t at = 0; at < LINES; at++) {
		for (unsigned slot = 0; slot < RK_REVOCATION_SLOTS; slot++) {
			unsigned distance = lines[at].spill >> 3 * slot & 7;

			most = distance > most ? distance : most;
		}
	}
	return most;
}

/* Each sort of damage, and some that is none. */
static void damage(struct rk_revocation_line *line)
{
	unsigned slot = (unsigned)(next_random() % RK_REVOCATION_SLOTS), bit;

	switch (next_random() % 6) {
	case 0:
		bit = (unsigned)(next_random() % (8 * sizeof(*line)));
		((uint8_t *)line)[bit / 8] ^= (uint8_t)(1u << bit % 8);
		break;
	case 1: /* somebody's tag, or nobody's */
		line->spill ^= 1u << (18 + next_random() % RK_REVOCATION_TAGS);
		break;
	case 2: /* one farther, or one nearer */
		line->spill ^= (uint32_t)(next_random() % 8) << 3 * slot;
		break;
	case 3:
		line->high[slot] =
			(uint16_t)((line->high[slot] & ~RK_REVOCATION_STATE) | next_random() % 16);
		break;
	case 4:
		line->high[slot] = 0;
		line->low[slot] = next_random() % 2 == 0 ? 0 : line->low[slot];
		break;
	default: /* another key, of another tag */
		line->low[slot] = next_random();
	}
}

static bool is_found_sound(
	const struct rk_revocation_line *lines, size_t begin, size_t end, bool may_remove)
{
	bool is_sound = rk_revocation_are_sound_plainly(lines, LINES, begin, end, may_remove);

	assert_int_equal(rk_revocation_are_sound(lines, LINES, begin, end, may_remove), is_sound);
	return is_sound;
}

static void all_at_once_are_as_one_by_one(void **state)
{
	struct rk_revocation_line *lines = make_lines();
	size_t sound = 0, unsound = 0, begin, end, at;

	(void)state;
	assert_true(farthest(lines) >= 4);
	assert_true(is_found_sound(lines, 0, LINES, false));
	for (size_t turn = 0; turn < TURNS; turn++) {
		struct rk_revocation_line before;

		begin = next_random() % LINES;
		end = begin + next_random() % (LINES - begin + 1);
		at = next_random() % 4 == 0 ? LINES - 1 - next_random() % 9 : next_random() % LINES;
		before = lines[at];
		damage(&lines[at]);
		if (is_found_sound(lines, 0, LINES, next_random() % 2 == 0))
			sound++;
		else
			unsound++;
		(void)is_found_sound(lines, begin, end, false);
		lines[at] = before;
	}
	assert_true(sound > TURNS / 10);
	assert_true(unsound > TURNS / 3);
	free(lines);
}

/* Farther from home than a builder would let it come: the reader takes what a lookup reaches. */
static void farthest_keys_are_told(void **state)
{
	struct rk_revocation_line *lines = calloc(1, 64 * sizeof(*lines) + 64);
	struct rk_revocation_line *set =
		(struct rk_revocation_line *)(((uintptr_t)lines + 63) / 64 * 64);
	const uint64_t tail = UINT64_C(0x8000000000000000);

	(void)state;
	assert_non_null(lines);
	for (unsigned distance = 0; distance <= RK_REVOCATION_SPILL; distance++) {
		memset(set, 0, 63 * sizeof(*set));
		set[30].low[0] = tail;
		set[30].high[0] = 1;
		set[30].spill = distance;
		for (unsigned n = 1; n <= distance; n++)
			set[30 - n].spill |= rk_revocation_tag(tail);
		assert_true(rk_revocation_are_sound(set, 63, 0, 63, false));
		assert_true(rk_revocation_are_sound_plainly(set, 63, 0, 63, false));
		for (unsigned n = 1; n <= distance; n++) {
			set[30 - n].spill = 0;
			assert_false(rk_revocation_are_sound(set, 63, 0, 63, false));
			assert_false(rk_revocation_are_sound_plainly(set, 63, 0, 63, false));
			set[30 - n].spill = rk_revocation_tag(tail);
		}
	}
	free(lines);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_at_once_are_as_one_by_one),
		cmocka_unit_test(farthest_keys_are_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
