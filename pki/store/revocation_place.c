/* SPDX-License-Identifier: BSD-3-Clause */
#include "pki/store/revocation_place.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

/* ---- order within a home ---------------------------------------------------------------------- */

#define COUNT_MAX  8
#define INSERT_MAX 32 /* a run this short is sorted by insertion */

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

		if (!is_before(&moved, &e[i - 1]))
			continue;
		for (; at > 0 && is_before(&moved, &e[at - 1]); at--)
			e[at] = e[at - 1];
		e[at] = moved;
	}
}

/* A home has four entries; many only when somebody repeats one. */
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

/* From the first that the one before it repeats. */
static size_t drop_repeated(struct rk_revocation_entry *e, size_t cnt, size_t first)
{
	size_t kept = first;

	for (size_t i = first; i < cnt; i++) {
		if (!is_same_key(&e[kept - 1], &e[i]))
			e[kept++] = e[i];
	}
	return kept;
}

void placing_sort(struct rk_revocation_entry *e, size_t cnt)
{
	if (cnt <= INSERT_MAX)
		sort_by_insertion(e, cnt);
	else
		sort_by_heap(e, cnt);
}

/*
 * Few, as most homes have: each one's place is how many are before it. Without a branch, because nobody
 * can guess which are. false: two heads are equal, and nothing has changed.
 */
static bool sort_by_counting(struct rk_revocation_entry *e, size_t cnt)
{
	struct rk_revocation_entry sorted[COUNT_MAX];
	size_t place[COUNT_MAX] = {0};
	bool is_equal = false;

	for (size_t i = 1; i < cnt; i++) {
		const uint64_t key = e[i].head & ~RK_REVOCATION_STATE;

		for (size_t j = 0; j < i; j++) {
			const uint64_t other = e[j].head & ~RK_REVOCATION_STATE;
			const bool is_first = other < key;

			place[i] += is_first;
			place[j] += !is_first;
			is_equal |= other == key;
		}
	}
	if (is_equal)
		return false;
	for (size_t i = 0; i < cnt; i++)
		sorted[place[i]] = e[i];
	memcpy(e, sorted, cnt * sizeof(*e));
	return true;
}

static size_t sort_home(struct rk_revocation_entry *e, size_t cnt)
{
	if (cnt <= COUNT_MAX && sort_by_counting(e, cnt))
		return cnt;
	placing_sort(e, cnt);
	for (size_t i = 1; i < cnt; i++) {
		if (is_same_key(&e[i - 1], &e[i]))
			return drop_repeated(e, cnt, i);
	}
	return cnt;
}

/* ---- placing ---------------------------------------------------------------------------------- */

#define URGENT 4 /* lines from home, from which on a key goes before those at home */

void placing_begin(struct placing *p, size_t at, struct rk_revocation_line *line)
{
	memset(p, 0, sizeof(*p));
	p->at = at;
	p->line = line;
}

bool placing_is_same(const struct placing *a, const struct placing *b)
{
	const size_t len = a->waiting_cnt * sizeof(a->head[0]);

	return a->at == b->at && a->waiting_cnt == b->waiting_cnt &&
	       memcmp(a->head, b->head, len) == 0 && memcmp(a->tail, b->tail, len) == 0 &&
	       memcmp(a->home, b->home, len) == 0;
}

static void put(struct placing *p, uint64_t head, uint64_t tail, uint64_t distance)
{
	p->line->low[p->used] = tail;
	p->line->high[p->used] = (uint16_t)head;
	p->line->spill |= (uint32_t)distance << (3 * p->used);
	p->used++;
}

/* The waiting that are at least so far from home, while there is room. */
static void put_waiting(struct placing *p, size_t distance)
{
	size_t cnt = 0, left;

	for (; p->used < RK_REVOCATION_SLOTS && cnt < p->waiting_cnt &&
		p->at - p->home[cnt] >= distance;
		cnt++)
		put(p, p->head[cnt], p->tail[cnt], p->at - p->home[cnt]);
	left = p->waiting_cnt -= cnt;
	memmove(p->head, p->head + cnt, left * sizeof(p->head[0]));
	memmove(p->tail, p->tail + cnt, left * sizeof(p->tail[0]));
	memmove(p->home, p->home + cnt, left * sizeof(p->home[0]));
}

/* What still waits goes past this line. */
static int tag_waiting(struct placing *p)
{
	for (size_t i = 0; i < p->waiting_cnt; i++) {
		if (p->at - p->home[i] >= RK_REVOCATION_SPILL)
			return -ENOSPC;
		p->line->spill |= rk_revocation_tag(p->tail[i]);
	}
	return 0;
}

int placing_next_plainly(struct placing *p, struct rk_revocation_entry *e, size_t cnt)
{
	int ret;

	cnt = sort_home(e, cnt);
	memset(p->line, 0, sizeof(*p->line));
	p->used = 0;
	if (p->waiting_cnt > 0)
		put_waiting(p, URGENT);
	for (size_t i = 0; i < cnt; i++) {
		if (p->used < RK_REVOCATION_SLOTS) {
			put(p, e[i].head, e[i].tail, 0);
			continue;
		}
		if (p->waiting_cnt == PLACING_WAITING_MAX)
			return -ENOSPC;
		p->head[p->waiting_cnt] = e[i].head;
		p->tail[p->waiting_cnt] = e[i].tail;
		p->home[p->waiting_cnt++] = p->at;
	}
	if (p->waiting_cnt > 0)
		put_waiting(p, 0);
	ret = tag_waiting(p);
	p->at++;
	p->line++;
	return ret;
}

/* ---- at once ---------------------------------------------------------------------------------- */

#if defined(__x86_64__)
#define WIDTH  8 /* entries of a home, and such that wait */
#define VECTOR __attribute__((target("avx512f"), always_inline)) static inline

static_assert(PLACING_READ == WIDTH, "as many as are looked at");
static_assert(offsetof(struct rk_revocation_line, spill) == 60, "the last of sixteen 32-bit words");

VECTOR __m128i or_halves(__m512i x)
{
	__m256i half = _mm256_or_si256(_mm512_castsi512_si256(x), _mm512_extracti64x4_epi64(x, 1));
	__m128i fourth =
		_mm_or_si128(_mm256_castsi256_si128(half), _mm256_extracti128_si256(half, 1));

	return _mm_or_si128(fourth, _mm_unpackhi_epi64(fourth, fourth));
}

/*
 * From which lane each of the home's entries comes, in order of their heads: an entry's place is how many
 * others are before it. Of those that are not there any.
 */
VECTOR __m512i find_order(__m512i head, __mmask8 there)
{
	const __m512i lane = _mm512_set_epi64(7, 6, 5, 4, 3, 2, 1, 0);
	const __m512i octet = _mm512_set1_epi64(8), none = _mm512_set1_epi64(-1);
	/* Of equal heads the first comes first. */
	const __m512i key = _mm512_mask_or_epi64(none, there,
		_mm512_andnot_si512(_mm512_set1_epi64((long long)RK_REVOCATION_STATE), head), lane);
	__m512i place = _mm512_setzero_si512(); /* in octets of a word */

#define BESIDE(n)                            \
	place = _mm512_mask_add_epi64(place, \
		_mm512_cmplt_epu64_mask(_mm512_alignr_epi64(key, key, n), key), place, octet)
	BESIDE(1);
	BESIDE(2);
	BESIDE(3);
	BESIDE(4);
	BESIDE(5);
	BESIDE(6);
	BESIDE(7);
#undef BESIDE
	return _mm512_cvtepu8_epi64(or_halves(_mm512_maskz_sllv_epi64(there, lane, place)));
}

/* Lanes [from, from + cnt). */
VECTOR __mmask8 lanes(size_t from, size_t cnt)
{
	return (__mmask8)(((1u << cnt) - 1) << from);
}

VECTOR __m512i find_tags(__m512i tail, __mmask8 there)
{
	const __m512i number = _mm512_srli_epi64(_mm512_mul_epu32(_mm512_srli_epi64(tail, 48),
							 _mm512_set1_epi64(RK_REVOCATION_TAGS)),
		16);

	return _mm512_maskz_sllv_epi64(
		there, _mm512_set1_epi64(1), _mm512_add_epi64(number, _mm512_set1_epi64(18)));
}

/*
 * As placing_next_plainly, and without a branch, because lines differ and no machine foresees how. false,
 * and nothing has changed: there are too many, keys are nearly equal, or somebody has waited for long.
 */
__attribute__((target("avx512f"))) static bool place_at_once(
	struct placing *p, const struct rk_revocation_entry *e, size_t cnt)
{
	const size_t moved = cnt > RK_REVOCATION_SLOTS ? cnt - RK_REVOCATION_SLOTS : 0;
	const size_t room = cnt < RK_REVOCATION_SLOTS ? RK_REVOCATION_SLOTS - cnt : 0;
	const size_t taken = p->waiting_cnt < room ? p->waiting_cnt : room;
	const size_t stay = p->waiting_cnt - taken;
	const __m512i lane = _mm512_set_epi64(7, 6, 5, 4, 3, 2, 1, 0);
	const __m512i at = _mm512_set1_epi64((long long)p->at);
	__m512i low, high, even, head, tail, from, differ, distance;
	__m512i left, left_head, left_tail, left_home;
	__mmask8 there, late, came;

	if (cnt > WIDTH || p->waiting_cnt + moved > WIDTH ||
		(p->waiting_cnt > 0 && p->at - p->home[0] >= URGENT))
		return false;
	there = lanes(0, cnt);
	low = _mm512_loadu_si512(e);
	high = _mm512_loadu_si512(e + 4);
	even = _mm512_add_epi64(lane, lane);
	head = _mm512_permutex2var_epi64(low, even, high);
	tail = _mm512_permutex2var_epi64(low, _mm512_add_epi64(even, _mm512_set1_epi64(1)), high);
	from = find_order(head, there);
	head = _mm512_maskz_permutexvar_epi64(there, from, head);
	tail = _mm512_maskz_permutexvar_epi64(there, from, tail);
	differ = _mm512_xor_epi64(head, _mm512_alignr_epi64(head, head, 1));
	if ((~_mm512_test_epi64_mask(differ, _mm512_set1_epi64(~(long long)RK_REVOCATION_STATE)) &
		    there >> 1) != 0)
		return false;

	/* Behind those at home as many of the waiting as there is room for. */
	left_head = _mm512_loadu_si512(p->head);
	left_tail = _mm512_loadu_si512(p->tail);
	left_home = _mm512_loadu_si512(p->home);
	late = lanes(cnt, taken);
	distance = _mm512_maskz_expand_epi64(late, _mm512_sub_epi64(at, left_home));
	_mm512_mask_storeu_epi64(
		p->line->low, 0x3f, _mm512_mask_expand_epi64(tail, late, left_tail));
	high = _mm512_mask_expand_epi64(head, late, left_head);

	/* They are off the queue, and who found no room at home is behind it. */
	left = _mm512_add_epi64(lane, _mm512_set1_epi64((long long)taken));
	came = lanes(stay, moved);
	left_head = _mm512_mask_expand_epi64(_mm512_permutexvar_epi64(left, left_head), came,
		_mm512_alignr_epi64(head, head, RK_REVOCATION_SLOTS));
	left_tail = _mm512_mask_expand_epi64(_mm512_permutexvar_epi64(left, left_tail), came,
		_mm512_alignr_epi64(tail, tail, RK_REVOCATION_SLOTS));
	left_home = _mm512_mask_mov_epi64(_mm512_permutexvar_epi64(left, left_home), came, at);
	_mm512_storeu_si512(p->head, left_head);
	_mm512_storeu_si512(p->tail, left_tail);
	_mm512_storeu_si512(p->home, left_home);
	p->waiting_cnt = stay + moved;

	/* The last 16 octets of the line: what is left of the heads, and the spill. */
	distance = _mm512_sllv_epi64(distance, _mm512_add_epi64(lane, even));
	distance = _mm512_or_epi64(distance, find_tags(left_tail, lanes(0, p->waiting_cnt)));
	_mm_storeu_si128(
		(__m128i *)p->line->high, _mm_insert_epi32(_mm512_cvtepi64_epi16(high),
						  _mm_cvtsi128_si32(or_halves(distance)), 3));
	p->line++;
	p->at++;
	return true;
}
#endif

int placing_next(struct placing *p, struct rk_revocation_entry *e, size_t cnt)
{
#if defined(__x86_64__)
	if (__builtin_cpu_supports("avx512f") && place_at_once(p, e, cnt))
		return 0;
#endif
	return placing_next_plainly(p, e, cnt);
}
