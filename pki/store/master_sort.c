/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The order of the master list's records, by the places of numbers: a record's next eight bytes, how
 * far they are from the least of them, and so where about it belongs. A run that a core's cache holds
 * is spread over a desk, where nearly every record is then at its place, and comes back in order; a
 * longer one, or one that does not spread, is moved to shorter runs, in place.
 */
#include "pki/store/master_sort.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "pki/store/beside.h"
#include "pki/store/master_source.h"

#define INSERT_MAX 24 /* a run this short is sorted by insertion */
#define STRIDE_MAX (8 + MASTER_SERIAL_MAX)

/* Serials of 16 and of 20 bytes: a copy of known length is a few moves, and not a call. */
static inline void copy_record(uint8_t *to, const uint8_t *from, size_t stride)
{
	if (stride == 24)
		memcpy(to, from, 24);
	else if (stride == 28)
		memcpy(to, from, 28);
	else
		memcpy(to, from, stride);
}

static inline uint64_t leading(const uint8_t *p)
{
	uint64_t x;

	memcpy(&x, p, sizeof(x));
	return be64toh(x);
}

/* By the bytes from at on. */
static inline bool is_before(const uint8_t *a, const uint8_t *b, size_t stride, size_t at)
{
	if (stride - at >= sizeof(uint64_t)) {
		uint64_t x = leading(a + at), y = leading(b + at);

		if (x != y)
			return x < y;
	}
	return memcmp(a + at, b + at, stride - at) < 0;
}

/*
 * Records before i are in order: takes this one, which may lie among them, in. They move one by one: what
 * was just written is read at once in the pieces that it was written in, and late in larger ones.
 */
static inline void insert(uint8_t *r, size_t i, const uint8_t *record, size_t stride, size_t at)
{
	uint8_t moved[STRIDE_MAX];
	size_t to = i;

	if (i == 0 || !is_before(record, r + (i - 1) * stride, stride, at)) {
		if (record != r + i * stride)
			copy_record(r + i * stride, record, stride);
		return;
	}
	copy_record(moved, record, stride);
	do {
		copy_record(r + to * stride, r + (to - 1) * stride, stride);
		to--;
	} while (to > 0 && is_before(moved, r + (to - 1) * stride, stride, at));
	copy_record(r + to * stride, moved, stride);
}

static void sort_by_insertion(uint8_t *r, size_t cnt, size_t stride, size_t at)
{
	for (size_t i = 1; i < cnt; i++)
		insert(r, i, r + i * stride, stride, at);
}

/* ---- places ----------------------------------------------------------------------------------- */

/* Ascend with the number; a power of two of them, not many more than there are records. */
struct places {
	size_t at; /* the number's first byte */
	uint64_t least;
	uint64_t most;
	unsigned shift;
	size_t cnt;
};

static inline size_t place_of(const struct places *p, const uint8_t *record)
{
	return (size_t)((leading(record + p->at) - p->least) >> p->shift);
}

static struct places find_places(
	const uint8_t *r, size_t cnt, size_t stride, size_t at, size_t place_max)
{
	struct places p = {.at = at, .least = UINT64_MAX, .cnt = 1};

	for (size_t i = 0; i < cnt; i++) {
		uint64_t x = leading(r + i * stride + at);

		p.least = x < p.least ? x : p.least;
		p.most = x > p.most ? x : p.most;
	}
	while (p.cnt < cnt && p.cnt < place_max)
		p.cnt *= 2;
	while ((p.most - p.least) >> p.shift >= p.cnt)
		p.shift++;
	return p;
}

/* Where the run of each place begins; the most that one has. */
static uint32_t find_begins(
	const uint8_t *r, size_t cnt, size_t stride, const struct places *p, uint32_t *begin)
{
	uint32_t sum = 0, most = 0;

	memset(begin, 0, p->cnt * sizeof(begin[0]));
	for (size_t i = 0; i < cnt; i++)
		begin[place_of(p, r + i * stride)]++;
	for (size_t i = 0; i < p->cnt; i++) {
		uint32_t run = begin[i];

		begin[i] = sum;
		sum += run;
		most = run > most ? run : most;
	}
	return most;
}

/* ---- within the cache ------------------------------------------------------------------------- */

#define DESK_RECORDS 32768 /* at the most; with the run itself they stay in a core's second cache */
#define DESK_RUN_MAX 32    /* records that share a place; more are not spread */

struct sort_desk {
	uint32_t next[DESK_RECORDS]; /* of each place */
	uint8_t record[];            /* DESK_RECORDS */
};

struct sort_desk *sort_desk_new(size_t stride)
{
	return malloc(sizeof(struct sort_desk) + DESK_RECORDS * stride);
}

void sort_desk_free(struct sort_desk *desk)
{
	free(desk);
}

static bool take_from(
	struct sort_desk *desk, const uint8_t *r, size_t cnt, size_t stride, size_t at)
{
	struct places p;

	if (desk == NULL || cnt > DESK_RECORDS)
		return false;
	p = find_places(r, cnt, stride, at, DESK_RECORDS);
	if (find_begins(r, cnt, stride, &p, desk->next) > DESK_RUN_MAX)
		return false;
	for (size_t i = 0; i < cnt; i++) {
		const uint8_t *record = r + i * stride;

		copy_record(
			desk->record + desk->next[place_of(&p, record)]++ * stride, record, stride);
	}
	return true;
}

static void give_from(
	const struct sort_desk *desk, uint8_t *to, size_t cnt, size_t stride, size_t at)
{
	for (size_t i = 0; i < cnt; i++)
		insert(to, i, desk->record + i * stride, stride, at);
}

bool sort_desk_take(struct sort_desk *desk, const uint8_t *r, size_t cnt, size_t stride)
{
	return take_from(desk, r, cnt, stride, 0);
}

void sort_desk_give(const struct sort_desk *desk, uint8_t *to, size_t cnt, size_t stride)
{
	give_from(desk, to, cnt, stride, 0);
}

/* ---- in place --------------------------------------------------------------------------------- */

#define RUNS           2048
#define PREFETCH_BYTES 256

struct runs {
	struct places places; /* RUNS at the most; cnt 0: all are equal */
	uint32_t end[RUNS];
};

/* A record on its way. The machine works at several at once: each waits for memory most of the time. */
struct hand {
	uint8_t record[STRIDE_MAX];
	bool is_full;
};

#define HANDS 4

/* Lays it where its run goes on, and takes what lies there. */
static inline void exchange(struct hand *h, uint8_t *r, size_t stride, uint32_t *next, size_t to)
{
	uint8_t *there = r + next[to]++ * stride;
	uint8_t displaced[STRIDE_MAX];

	/* So many runs grow at once that no machine foresees where the next record goes. */
	__builtin_prefetch(there + PREFETCH_BYTES, 1);
	copy_record(displaced, there, stride);
	copy_record(there, h->record, stride);
	copy_record(h->record, displaced, stride);
}

/*
 * Fills one run. Of its records [next, taken) are in somebody's hand, so there is room for one for each
 * hand that is full, and whoever belongs to this run is laid down there.
 */
static void fill_run(uint8_t *r, size_t stride, struct runs *runs, uint32_t *next, size_t run)
{
	const struct places *p = &runs->places;
	struct hand hand[HANDS] = {0};
	uint32_t taken = next[run];

	while (next[run] < runs->end[run]) {
		for (unsigned i = 0; i < HANDS; i++) {
			struct hand *h = &hand[i];
			size_t to;

			if (!h->is_full) {
				if (taken == runs->end[run])
					continue;
				copy_record(h->record, r + taken++ * stride, stride);
				h->is_full = true;
			}
			to = place_of(p, h->record);
			if (to != run) {
				exchange(h, r, stride, next, to);
				continue;
			}
			copy_record(r + next[run]++ * stride, h->record, stride);
			h->is_full = false;
		}
	}
}

/*
 * What is before at is equal in all. Each run's numbers are some hundred times closer together than all
 * of them were, so that eight bytes take a few turns, whatever they are.
 */
static void split(uint8_t *r, size_t cnt, size_t stride, size_t at, struct runs *out)
{
	uint32_t next[RUNS];

	do {
		if (at > stride - sizeof(uint64_t))
			at = stride - sizeof(uint64_t);
		out->places = find_places(r, cnt, stride, at, RUNS);
		at += sizeof(uint64_t);
	} while (out->places.least == out->places.most && at < stride);
	if (out->places.least == out->places.most) {
		out->places.cnt = 0;
		return;
	}
	find_begins(r, cnt, stride, &out->places, next);
	for (size_t i = 0; i + 1 < out->places.cnt; i++)
		out->end[i] = next[i + 1];
	out->end[out->places.cnt - 1] = (uint32_t)cnt;
	for (size_t run = 0; run < out->places.cnt; run++)
		fill_run(r, stride, out, next, run);
}

static void sort_from(uint8_t *r, size_t cnt, size_t stride, size_t at, struct sort_desk *desk)
{
	struct runs runs;
	size_t begin = 0;

	if (cnt <= INSERT_MAX) {
		sort_by_insertion(r, cnt, stride, at);
		return;
	}
	if (at > stride - sizeof(uint64_t))
		at = stride - sizeof(uint64_t);
	if (take_from(desk, r, cnt, stride, at)) {
		give_from(desk, r, cnt, stride, at);
		return;
	}
	split(r, cnt, stride, at, &runs);
	for (size_t run = 0; run < runs.places.cnt; run++) {
		sort_from(r + begin * stride, runs.end[run] - begin, stride, runs.places.at, desk);
		begin = runs.end[run];
	}
}

void sort_run(uint8_t *r, size_t cnt, size_t stride, struct sort_desk *desk)
{
	sort_from(r, cnt, stride, 0, desk);
}

/* ---- by two threads --------------------------------------------------------------------------- */

#define SHARE_RECORDS 50000 /* so many are worth a second thread */

/* Runs [first, last). */
struct share {
	uint8_t *records;
	size_t stride;
	const struct runs *runs;
	size_t first;
	size_t last;
};

static void sort_share(void *arg)
{
	const struct share *s = arg;
	struct sort_desk *desk = sort_desk_new(s->stride);

	for (size_t run = s->first; run < s->last; run++) {
		size_t begin = run > 0 ? s->runs->end[run - 1] : 0;

		sort_from(s->records + begin * s->stride, s->runs->end[run] - begin, s->stride,
			s->runs->places.at, desk);
	}
	sort_desk_free(desk);
}

static void sort_by_two(uint8_t *records, size_t cnt, size_t stride)
{
	struct runs runs;
	struct share low = {.records = records, .stride = stride, .runs = &runs}, high;
	struct beside other;

	split(records, cnt, stride, 0, &runs);
	while (low.last < runs.places.cnt && runs.end[low.last] < cnt / 2)
		low.last++;
	low.last += low.last < runs.places.cnt; /* the half is within this run */
	high = low;
	high.first = low.last;
	high.last = runs.places.cnt;
	beside_begin(&other, sort_share, &high);
	sort_share(&low);
	beside_end(&other);
}

void master_records_sort(uint8_t *records, size_t cnt, size_t stride)
{
	struct sort_desk *desk;

	if (cnt >= SHARE_RECORDS) {
		sort_by_two(records, cnt, stride);
		return;
	}
	desk = cnt > INSERT_MAX ? sort_desk_new(stride) : NULL;
	sort_from(records, cnt, stride, 0, desk);
	sort_desk_free(desk);
}
