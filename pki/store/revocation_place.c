/* SPDX-License-Identifier: BSD-3-Clause */
#include "pki/store/revocation_place.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

/* ---- order within a home ---------------------------------------------------------------------- */

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

static size_t sort_home(struct rk_revocation_entry *e, size_t cnt)
{
	if (cnt <= INSERT_MAX)
		sort_by_insertion(e, cnt);
	else
		sort_by_heap(e, cnt);
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
	p->at = at;
	p->line = line;
	p->first = 0;
	p->end = 0;
}

bool placing_is_same(const struct placing *a, const struct placing *b)
{
	if (a->at != b->at || a->end - a->first != b->end - b->first)
		return false;
	for (size_t i = 0; i < a->end - a->first; i++) {
		const struct placing_waiting *x = &a->waiting[(a->first + i) % PLACING_WAITING_MAX];
		const struct placing_waiting *y = &b->waiting[(b->first + i) % PLACING_WAITING_MAX];

		if (x->home != y->home || x->entry.head != y->entry.head ||
			x->entry.tail != y->entry.tail)
			return false;
	}
	return true;
}

static void put(struct placing *p, const struct rk_revocation_entry *e, size_t distance)
{
	p->line->low[p->used] = e->tail;
	p->line->high[p->used] = (uint16_t)e->head;
	p->line->spill |= (uint32_t)distance << (3 * p->used);
	p->used++;
}

/* The waiting that are at least so far from home, while there is room. */
static void put_waiting(struct placing *p, size_t distance)
{
	while (p->used < RK_REVOCATION_SLOTS && p->first < p->end) {
		const struct placing_waiting *w = &p->waiting[p->first % PLACING_WAITING_MAX];

		if (p->at - w->home < distance)
			return;
		put(p, &w->entry, p->at - w->home);
		p->first++;
	}
}

/* What still waits goes past this line. */
static int tag_waiting(struct placing *p)
{
	for (size_t i = p->first; i < p->end; i++) {
		const struct placing_waiting *w = &p->waiting[i % PLACING_WAITING_MAX];

		if (p->at - w->home >= RK_REVOCATION_SPILL)
			return -ENOSPC;
		p->line->spill |= rk_revocation_tag(w->entry.tail);
	}
	return 0;
}

/* As most lines: nobody waits, and nobody has to. In order. */
static void fill_line(
	struct rk_revocation_line *line, const struct rk_revocation_entry *e, size_t cnt)
{
	static const struct rk_revocation_line empty;

	*line = empty;
	for (size_t i = 0; i < cnt; i++) {
		line->low[i] = e[i].tail;
		line->high[i] = (uint16_t)e[i].head;
	}
}

#if defined(__x86_64__)
/*
 * The same of entries in any order, at most a line full: each one's slot is how many of the others are
 * before it. No branch, because lines differ and no machine foresees how. false: two keys are equal, and
 * the line is still to be made.
 */
__attribute__((target("avx512f"))) static bool sort_into_line(
	struct rk_revocation_line *line, const struct rk_revocation_entry *e, size_t cnt)
{
	const __mmask8 there = (__mmask8)((1u << cnt) - 1);
	const __m512i lane = _mm512_set_epi64(7, 6, 5, 4, 3, 2, 1, 0);
	const __m512i even = _mm512_add_epi64(lane, lane), one = _mm512_set1_epi64(1);
	const __m512i low = _mm512_loadu_si512(e), high = _mm512_loadu_si512(e + 4);
	const __m512i head = _mm512_permutex2var_epi64(low, even, high);
	const __m512i tail = _mm512_permutex2var_epi64(low, _mm512_add_epi64(even, one), high);
	const __m512i none = _mm512_set1_epi64(-1); /* after all keys */
	const __m512i key = _mm512_mask_andnot_epi64(
		none, there, _mm512_set1_epi64((long long)RK_REVOCATION_STATE), head);
	__m512i slot = _mm512_setzero_si512(), from;
	__mmask8 equal = 0;
	uint64_t order[8] __attribute__((aligned(64)));

#define BESIDE(n)                                                               \
	do {                                                                    \
		const __m512i other = _mm512_alignr_epi64(key, key, n);         \
		const __mmask8 is_before = _mm512_cmplt_epu64_mask(other, key); \
		slot = _mm512_mask_add_epi64(slot, is_before, slot, one);       \
		equal |= _mm512_cmpeq_epu64_mask(other, key);                   \
	} while (0)
	BESIDE(1);
	BESIDE(2);
	BESIDE(3);
	BESIDE(4);
	BESIDE(5);
	BESIDE(6);
	BESIDE(7);
#undef BESIDE
	if ((equal & there) != 0)
		return false;
	_mm512_mask_i64scatter_epi64(order, there, slot, lane, 8);
	from = _mm512_maskz_loadu_epi64(there, order);
	_mm512_mask_storeu_epi64(
		line->low, 0x3f, _mm512_maskz_permutexvar_epi64(there, from, tail));
	/* and the spill, which is zero as the slots that there are not */
	_mm_storeu_si128((__m128i *)line->high,
		_mm512_cvtepi64_epi16(_mm512_maskz_permutexvar_epi64(there, from, head)));
	return true;
}
static_assert(offsetof(struct rk_revocation_line, high) + 16 == sizeof(struct rk_revocation_line),
	"eight times 16 bits are the end of a line");
#endif

static bool is_made(
	struct rk_revocation_line *line, const struct rk_revocation_entry *e, size_t cnt)
{
#if defined(__x86_64__)
	if (cnt <= RK_REVOCATION_SLOTS && __builtin_cpu_supports("avx512f"))
		return sort_into_line(line, e, cnt);
#endif
	return false;
}

int placing_next(struct placing *p, struct rk_revocation_entry *e, size_t cnt)
{
	int ret;

	if (p->first == p->end && is_made(p->line, e, cnt)) {
		p->line++;
		p->at++;
		return 0;
	}
	cnt = sort_home(e, cnt);
	if (p->first == p->end && cnt <= RK_REVOCATION_SLOTS) {
		fill_line(p->line++, e, cnt);
		p->at++;
		return 0;
	}
	memset(p->line, 0, sizeof(*p->line));
	p->used = 0;
	put_waiting(p, URGENT);
	for (size_t i = 0; i < cnt; i++) {
		if (p->used < RK_REVOCATION_SLOTS)
			put(p, &e[i], 0);
		else if (p->end - p->first < PLACING_WAITING_MAX)
			p->waiting[p->end++ % PLACING_WAITING_MAX] =
				(struct placing_waiting){e[i], p->at};
		else
			return -ENOSPC;
	}
	put_waiting(p, 0);
	ret = tag_waiting(p);
	p->at++;
	p->line++;
	return ret;
}
