/* SPDX-License-Identifier: BSD-3-Clause */
/* What the reader refuses: lines of which R1 or R3 (pki/view/revocation.h) would not hold. */
#include "pki/view/revocation.h"

#include <string.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#define PREFETCH_LINES 48 /* ahead of a walk; past the end it does no harm */

#define STATE_REMOVED (1 + RK_REASON_REMOVED)
#define DISTANCE_BITS 3
#define DISTANCE_MASK 7u
#define DISTANCES     ((1u << DISTANCE_BITS * RK_REVOCATION_SLOTS) - 1)

/* ---- one by one ------------------------------------------------------------------------------- */

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

bool rk_revocation_are_sound_plainly(const struct rk_revocation_line *lines, size_t line_cnt,
	size_t begin, size_t end, bool may_remove)
{
	for (size_t at = begin; at < end; at++) {
		__builtin_prefetch(&lines[at + PREFETCH_LINES]);
		if (!is_line_sound(lines, line_cnt, at, may_remove))
			return false;
	}
	return true;
}

/* ---- many at once ----------------------------------------------------------------------------- */

#if defined(__x86_64__)
#define TARGET __attribute__((target("avx512f,avx512bw,popcnt")))
#define VECTOR __attribute__((target("avx512f,avx512bw,popcnt"), always_inline)) static inline

#define WIDTH ((size_t)8) /* lines in one look */
#define GROUP \
	(16 * WIDTH) /* lines, of which those that hold somebody not at home wait for their turn */

VECTOR __m512i lanes(void)
{
	return _mm512_set_epi64(7, 6, 5, 4, 3, 2, 1, 0);
}

/* The last two words of each of eight lines. */
VECTOR void load_ends(const struct rk_revocation_line *line, __m512i *four, __m512i *two)
{
	const __m512i even = _mm512_add_epi64(lanes(), lanes());
	__m512i low = _mm512_setzero_si512(), high = low;

	for (unsigned i = 0; i < WIDTH / 2; i++) {
		const __mmask16 place = (__mmask16)(0xf << 4 * i);

		low = _mm512_mask_broadcast_i32x4(
			low, place, _mm_load_si128((const __m128i *)line[i].high));
		high = _mm512_mask_broadcast_i32x4(
			high, place, _mm_load_si128((const __m128i *)line[i + WIDTH / 2].high));
	}
	*four = _mm512_permutex2var_epi64(low, even, high);
	*two = _mm512_permutex2var_epi64(low, _mm512_add_epi64(even, _mm512_set1_epi64(1)), high);
}

/* Of numbers below 16, 16 bits each: that somebody's is 8, more than 11, or REMOVED's. */
VECTOR bool is_any_unknown(__m512i states, bool may_remove)
{
	__mmask32 unknown = _mm512_cmpgt_epi16_mask(states, _mm512_set1_epi16(11)) |
			    _mm512_cmpeq_epi16_mask(states, _mm512_set1_epi16(8));

	if (!may_remove)
		unknown |= _mm512_cmpeq_epi16_mask(states, _mm512_set1_epi16(STATE_REMOVED));
	return unknown != 0;
}

/* How many of each line's are not 0. */
VECTOR __m512i count_used(__m512i states, __m512i more_states)
{
	const __m512i one = _mm512_set1_epi16(1);

	return _mm512_sad_epu8(
		_mm512_add_epi16(_mm512_min_epu16(states, one), _mm512_min_epu16(more_states, one)),
		_mm512_setzero_si512());
}

/* Of each of eight lines: a bit for each of its words that is not 0. */
VECTOR uint64_t find_words(const struct rk_revocation_line *line)
{
	uint64_t there = 0;

	for (unsigned i = 0; i < WIDTH; i++) {
		const __m512i words = _mm512_load_si512(&line[i]);

		there |= (uint64_t)_mm512_test_epi64_mask(words, words) << 8 * i;
	}
	return there;
}

/* The rest of one word, by how many slots are used. */
#define REST_OF(i)                                                                   \
	_mm512_set_epi64(-1, (long long)rest[6].word[i], (long long)rest[5].word[i], \
		(long long)rest[4].word[i], (long long)rest[3].word[i],              \
		(long long)rest[2].word[i], (long long)rest[1].word[i],              \
		(long long)rest[0].word[i])

/* Eight lines are sound but for those at home elsewhere: which lines have some. */
VECTOR bool are_eight_sound(const struct rk_revocation_line *line, bool may_remove, __mmask8 *moved)
{
	__m512i four, two, states, more_states, used, left, full;

	load_ends(line, &four, &two);
	states = _mm512_and_si512(four, _mm512_set1_epi16(RK_REVOCATION_STATE));
	more_states = _mm512_and_si512(two, _mm512_set1_epi64(EACH(RK_REVOCATION_STATE) & TWO));
	used = count_used(states, more_states);
	left = _mm512_or_si512(_mm512_and_si512(four, _mm512_permutexvar_epi64(used, REST_OF(6))),
		_mm512_and_si512(two, _mm512_permutexvar_epi64(used, REST_OF(7))));
	full = _mm512_sub_epi64(
		_mm512_sllv_epi64(_mm512_set1_epi64(1), used), _mm512_set1_epi64(1));
	full = _mm512_or_si512(full, _mm512_set1_epi64(0xc0)); /* the last two words */
	*moved = _mm512_test_epi64_mask(two, _mm512_set1_epi64((long long)DISTANCES << 32));
	return !is_any_unknown(states, may_remove) && !is_any_unknown(more_states, may_remove) &&
	       _mm512_test_epi64_mask(left, left) == 0 &&
	       (find_words(line) & ~(uint64_t)_mm_cvtsi128_si64(_mm512_cvtepi64_epi8(full))) == 0;
}

/* Slots whose home is n lines before them, or more, and which that line does not tell of. */
VECTOR unsigned find_untold(
	const struct rk_revocation_line *line, __m512i distance, __m512i tag, long long n)
{
	const __mmask8 passed = _mm512_cmpge_epi64_mask(distance, _mm512_set1_epi64(n));
	const __m512i told = _mm512_set1_epi64(line[-n].spill);

	return _mm512_mask_testn_epi64_mask(passed, tag, told);
}

/* As are_reached, of a line that has RK_REVOCATION_SPILL before it, and may be a home. */
VECTOR bool are_moved_reached(const struct rk_revocation_line *line)
{
	const __m512i shift = _mm512_add_epi64(lanes(), _mm512_add_epi64(lanes(), lanes()));
	const __m512i distance = _mm512_maskz_and_epi64((1u << RK_REVOCATION_SLOTS) - 1,
		_mm512_srlv_epi64(_mm512_set1_epi64(line->spill), shift),
		_mm512_set1_epi64(DISTANCE_MASK));
	const __m512i number =
		_mm512_srli_epi64(_mm512_mul_epu32(_mm512_srli_epi64(_mm512_load_si512(line), 48),
					  _mm512_set1_epi64(RK_REVOCATION_TAGS)),
			16);
	const __m512i tag = _mm512_sllv_epi64(_mm512_set1_epi64(1 << 18), number);
	unsigned untold = find_untold(line, distance, tag, 1) | find_untold(line, distance, tag, 2);

	if (_mm512_cmpgt_epi64_mask(distance, _mm512_set1_epi64(2)) == 0) /* as nearly always */
		return untold == 0;
	for (long long n = 3; n <= RK_REVOCATION_SPILL; n++)
		untold |= find_untold(line, distance, tag, n);
	return untold == 0;
}
static_assert(DISTANCE_MASK == RK_REVOCATION_SPILL, "nobody is farther from home");

/*
 * No more than a group of them, a multiple of WIDTH. No machine foresees which lines have somebody to look
 * after: these are put aside.
 */
TARGET static bool is_group_sound(
	const struct rk_revocation_line *lines, size_t at, size_t end, bool may_remove)
{
	uint64_t aside[GROUP + WIDTH];
	size_t cnt = 0;
	__mmask8 moved;

	for (; at < end; at += WIDTH) {
		for (size_t i = 0; i < WIDTH; i++)
			__builtin_prefetch(&lines[at + PREFETCH_LINES + i]);
		if (!are_eight_sound(lines + at, may_remove, &moved))
			return false;
		_mm512_storeu_si512(aside + cnt,
			_mm512_maskz_compress_epi64(moved,
				_mm512_add_epi64(_mm512_set1_epi64((long long)at), lanes())));
		cnt += (size_t)__builtin_popcount(moved);
	}
	for (size_t i = 0; i < cnt; i++) {
		if (!are_moved_reached(lines + aside[i]))
			return false;
	}
	return true;
}

/* All lines of [at, end) are somebody's home and have RK_REVOCATION_SPILL before them: up to where all is well. */
static size_t pass_sound(
	const struct rk_revocation_line *lines, size_t at, size_t end, bool may_remove)
{
	while (end - at >= WIDTH) {
		size_t cnt = (end - at < GROUP ? end - at : GROUP) / WIDTH * WIDTH;

		if (!is_group_sound(lines, at, at + cnt, may_remove))
			break;
		at += cnt;
	}
	return at;
}
#endif

/* Few are left to be looked at one by one: the ends, or where something is wrong. */
bool rk_revocation_are_sound(const struct rk_revocation_line *lines, size_t line_cnt, size_t begin,
	size_t end, bool may_remove)
{
	size_t at = begin;
#if defined(__x86_64__)
	const size_t first = begin > RK_REVOCATION_SPILL ? begin : RK_REVOCATION_SPILL;
	const size_t homes = line_cnt - RK_REVOCATION_SPILL, last = end < homes ? end : homes;

	if (first < last && __builtin_cpu_supports("avx512bw")) {
		if (!rk_revocation_are_sound_plainly(lines, line_cnt, begin, first, may_remove))
			return false;
		at = pass_sound(lines, first, last, may_remove);
	}
#endif
	return rk_revocation_are_sound_plainly(lines, line_cnt, at, end, may_remove);
}

bool rk_revocation_is_sound(
	const struct rk_revocation_line *lines, size_t line_cnt, bool may_remove)
{
	return line_cnt > RK_REVOCATION_SPILL &&
	       rk_revocation_are_sound(lines, line_cnt, 0, line_cnt, may_remove);
}
