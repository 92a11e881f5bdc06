/* SPDX-License-Identifier: BSD-3-Clause */
#include "pki/store/master_scatter.h"

#include <endian.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "pki/store/beside.h"
#include "pki/store/master_sort.h"
#include "pki/view/large_map.h"
#include "pki/view/large_pages.h"

/*
 * As many as a core's second cache holds twice, on the desk, too. A tenth more of room is nine standard
 * deviations.
 */
#define RUN_RECORDS    8192
#define RUN_ROOM(mean) ((mean) + (mean) / 10)
#define RUN_CNT_MAX    4096 /* or some more: at once in the caches, too */
#define PREFETCH_BYTES 256

/* ---- where a record goes ---------------------------------------------------------------------- */

/* Parts of a stretch of numbers, all of one length, ascending. What is outside goes to the first or last. */
struct ranges {
	uint64_t least;
	uint64_t span;
	unsigned shift;
	uint64_t factor;
};

static struct ranges make_ranges(uint64_t least, uint64_t most, size_t cnt)
{
	struct ranges r = {.least = least, .span = most - least};

	while (r.span >> r.shift > UINT32_MAX)
		r.shift++;
	r.factor = ((uint64_t)cnt << 32) / ((r.span >> r.shift) + 1);
	return r;
}

static inline size_t range_of(const struct ranges *r, uint64_t x)
{
	uint64_t d = x < r->least ? 0 : x - r->least;

	d = d < r->span ? d : r->span;
	return (d >> r->shift) * r->factor >> 32;
}

#define LEADING_MIN 8 /* no shorter serial is looked at */

/* A record's first eight bytes: the length of its serial, and seven of that. */
static inline uint64_t leading(const uint8_t *record)
{
	uint64_t x;

	memcpy(&x, record, sizeof(x));
	return be64toh(x);
}

#define LEN_OF(leading) ((leading) >> 56)
#define LEAST_OF(len)   ((uint64_t)(len) << 56)
#define MOST_OF(len)    (LEAST_OF(len) | (LEAST_OF(1) - 1))

/* Of a serial that is not a record yet, and is no shorter. */
static inline uint64_t leading_of(const uint8_t *serial, size_t len)
{
	return leading(serial) >> 8 | LEAST_OF(len);
}

/* Serials of one length have runs of their own; of one that is rare that is one run. */
struct length {
	struct ranges ranges; /* zero: one */
	size_t first;         /* run */
};

/* ---- what the sample tells -------------------------------------------------------------------- */

/* Of one length. */
struct share {
	size_t cnt;
	uint64_t least;
	uint64_t most;
};

static void find_shares(const uint8_t *sample, size_t stride, struct share *share)
{
	for (size_t i = 0; i < SCATTER_SAMPLE; i++) {
		uint64_t x = leading(sample + i * stride);
		struct share *s = &share[LEN_OF(x)];

		s->least = s->cnt == 0 || x < s->least ? x : s->least;
		s->most = x > s->most ? x : s->most;
		s->cnt++;
	}
}

#define GROUPS 32

/* No group is seven standard deviations from the mean, whose root one is. */
static bool falls_evenly(const uint8_t *sample, size_t stride, const struct share *share)
{
	struct ranges groups = make_ranges(share->least, share->most, GROUPS);
	size_t cnt[GROUPS] = {0};

	for (size_t i = 0; i < SCATTER_SAMPLE; i++) {
		uint64_t x = leading(sample + i * stride);

		if (LEN_OF(x) == LEN_OF(share->least))
			cnt[range_of(&groups, x)]++;
	}
	for (size_t i = 0; i < GROUPS; i++) {
		size_t all = cnt[i] * GROUPS;
		size_t off = all > share->cnt ? all - share->cnt : share->cnt - all;

		if (off * off > 7 * 7 * GROUPS * share->cnt)
			return false;
	}
	return true;
}

/* Numbers that fall evenly go farther than this beyond the sample's in one list of millions. */
#define MARGINS   16
#define MARGIN(s) (((s)->most - (s)->least) / (s)->cnt * MARGINS)

static struct ranges find_ranges(const struct share *s, size_t run_cnt)
{
	size_t len = LEN_OF(s->least);
	uint64_t below = s->least - LEAST_OF(len), above = MOST_OF(len) - s->most;
	uint64_t margin = MARGIN(s);

	return make_ranges(s->least - (margin < below ? margin : below),
		s->most + (margin < above ? margin : above), run_cnt);
}

/* So many that what the margins take is no loss, and there may be more by four standard deviations. */
static size_t count_runs(const struct share *s, size_t expected, size_t mean)
{
	size_t deviation = 0;

	while (deviation * deviation < s->cnt * (SCATTER_SAMPLE - s->cnt) / SCATTER_SAMPLE)
		deviation++;
	return (s->cnt + 2 * MARGINS + 4 * deviation) * expected / SCATTER_SAMPLE / mean + 1;
}

/*
 * How many runs there are; 0: no way to tell where they begin. Lengths next to each other that the sample
 * does not have share one.
 */
static size_t find_lengths(const uint8_t *sample, size_t serial_room, size_t expected, size_t mean,
	struct length *length)
{
	const size_t stride = master_stride(serial_room);
	struct share share[MASTER_SERIAL_MAX + 1] = {0};
	size_t cnt = 1, own; /* no serial has length 0 */

	find_shares(sample, stride, share);
	for (size_t len = 1; len <= serial_room; len++) {
		const struct share *s = &share[len];

		if (s->cnt == 0 && s[-1].cnt == 0) {
			length[len].first = cnt - 1;
			continue;
		}
		if (len < LEADING_MIN && s->cnt * expected / SCATTER_SAMPLE > mean)
			return 0;
		own = s->cnt == 0 || len < LEADING_MIN ? 1 : count_runs(s, expected, mean);
		if (own > 1 && !falls_evenly(sample, stride, s))
			return 0;
		if (own > 1)
			length[len].ranges = find_ranges(s, own);
		length[len].first = cnt;
		cnt += own;
	}
	return cnt;
}

/* ---- runs ------------------------------------------------------------------------------------- */

struct master_scatter {
	const struct master_source_info *info;
	struct length length[MASTER_SERIAL_MAX + 1]; /* 1 to serial_room */
	size_t serial_room;
	size_t run_cnt;
	size_t room; /* of one run, in records */
	size_t cnt;  /* of all */
	uint8_t *records;
	uint32_t used[]; /* of each run */
};

static size_t records_len(const struct master_scatter *s)
{
	return s->run_cnt * s->room * master_stride(s->serial_room);
}

struct master_scatter *master_scatter_new(const struct master_source_info *info,
	const uint8_t *sample, size_t sample_cnt, size_t serial_room, size_t expected)
{
	struct length length[MASTER_SERIAL_MAX + 1] = {0};
	size_t mean = RUN_RECORDS, run_cnt;
	struct master_scatter *s;

	if (sample_cnt < SCATTER_SAMPLE || expected < SCATTER_MIN || serial_room < LEADING_MIN)
		return NULL;
	if (mean < expected / RUN_CNT_MAX)
		mean = expected / RUN_CNT_MAX;
	run_cnt = find_lengths(sample, serial_room, expected, mean, length);
	if (run_cnt == 0)
		return NULL;
	s = calloc(1, sizeof(*s) + run_cnt * sizeof(s->used[0]));
	if (s == NULL)
		return NULL;
	s->info = info;
	memcpy(s->length, length, sizeof(length));
	s->serial_room = serial_room;
	s->run_cnt = run_cnt;
	s->room = RUN_ROOM(mean);
	s->records = malloc(records_len(s));
	if (s->records == NULL) {
		free(s);
		return NULL;
	}
	rk_bytes_are_many(s->records, records_len(s));
	return s;
}

void master_scatter_free(struct master_scatter *s)
{
	if (s != NULL)
		rk_large_free(s->records, records_len(s));
	free(s);
}

static inline size_t run_of(const struct master_scatter *s, const struct pki_crl_entry *e)
{
	const struct length *l = &s->length[e->serial_len];

	if (e->serial_len < LEADING_MIN)
		return l->first;
	return l->first + range_of(&l->ranges, leading_of(e->serial, e->serial_len));
}

/* room is known where it is one of the usual ones. */
static inline size_t add(
	struct master_scatter *s, const struct pki_crl_entry *entry, size_t cnt, size_t room)
{
	size_t i;

	for (i = 0; i < cnt && entry[i].serial_len > 0 && entry[i].serial_len <= room; i++) {
		const struct pki_crl_entry *e = &entry[i];
		size_t run = run_of(s, e), at = s->used[run];
		uint8_t *there = s->records + (run * s->room + at) * master_stride(room);

		if (at == s->room || !master_reason_fits(s->info, (uint8_t)e->reason) ||
			!master_time_fits(e->date))
			break;
		/* So many runs grow at once that no machine foresees where the next record goes. */
		__builtin_prefetch(there + PREFETCH_BYTES, 1);
		if (e->serial_len == room)
			master_record_fill(there, room, e);
		else
			master_record_write(there, room, (struct rk_span){e->serial, e->serial_len},
				e->date, (uint8_t)e->reason);
		s->used[run] = (uint32_t)at + 1;
	}
	s->cnt += i;
	return i;
}

size_t master_scatter_add(struct master_scatter *s, const struct pki_crl_entry *entry, size_t cnt)
{
	if (s->serial_room == 16)
		return add(s, entry, cnt, 16);
	if (s->serial_room == 20)
		return add(s, entry, cnt, 20);
	return add(s, entry, cnt, s->serial_room);
}

size_t master_scatter_cnt(const struct master_scatter *s)
{
	return s->cnt;
}

uint8_t *master_scatter_take(struct master_scatter *s)
{
	uint8_t *records = s->records;

	s->records = NULL;
	return records;
}

void master_scatter_gather(const struct master_scatter *s, uint8_t *to, size_t serial_room)
{
	for (size_t run = 0; run < s->run_cnt; run++) {
		const uint8_t *from = s->records + run * s->room * master_stride(s->serial_room);

		for (size_t i = 0; i < s->used[run]; i++) {
			master_record_widen(to, serial_room, from, s->serial_room);
			to += master_stride(serial_room);
			from += master_stride(s->serial_room);
		}
	}
}

/* ---- sorting ---------------------------------------------------------------------------------- */

/*
 * Two threads take runs, in order; each to where it stays, which is where its room begins or before:
 * where rooms before it are. So a run is written after all before it, and itself, have been read, in
 * order too.
 */
struct sorting {
	const struct master_scatter *scatter;
	const struct master_keys *keys;
	pthread_mutex_t lock; /* of all below */
	pthread_cond_t is_read;
	size_t taken;   /* runs that somebody has */
	size_t read;    /* of these, whose rooms may be written to */
	size_t written; /* records that these are */
	size_t repeated;
};

/* run_cnt: there is none. */
static size_t take_run(struct sorting *s)
{
	size_t run;

	pthread_mutex_lock(&s->lock);
	run = s->taken;
	s->taken += run < s->scatter->run_cnt;
	pthread_mutex_unlock(&s->lock);
	return run;
}

/* Where this run goes, once all before it have been read: behind so many records. */
static size_t await_place(struct sorting *s, size_t run)
{
	size_t at;

	pthread_mutex_lock(&s->lock);
	while (s->read < run)
		pthread_cond_wait(&s->is_read, &s->lock);
	at = s->written;
	pthread_mutex_unlock(&s->lock);
	return at;
}

/* This run, whose place is known, has been read. */
static void tell_read(struct sorting *s, size_t run)
{
	pthread_mutex_lock(&s->lock);
	s->written += s->scatter->used[run];
	s->read++;
	pthread_cond_broadcast(&s->is_read);
	pthread_mutex_unlock(&s->lock);
}

static size_t count_repeated(const uint8_t *r, size_t cnt, size_t stride, size_t len)
{
	size_t repeated = 0;

	for (size_t i = 1; i < cnt; i++, r += stride)
		repeated += leading(r) == leading(r + stride) && memcmp(r, r + stride, len) == 0;
	return repeated;
}

/* What no desk takes is sorted in its room, and read when it moves. How many repeat a serial. */
static size_t sort_one(struct sorting *s, size_t run, struct sort_desk *desk)
{
	const struct master_scatter *scatter = s->scatter;
	const size_t cnt = scatter->used[run], stride = master_stride(scatter->serial_room);
	uint8_t *from = scatter->records + run * scatter->room * stride, *to;
	size_t at;

	if (sort_desk_take(desk, from, cnt, stride)) {
		at = await_place(s, run);
		tell_read(s, run);
		to = scatter->records + at * stride;
		sort_desk_give(desk, to, cnt, stride);
	} else {
		sort_run(from, cnt, stride, desk);
		at = await_place(s, run);
		to = scatter->records + at * stride;
		memmove(to, from, cnt * stride);
		tell_read(s, run);
	}
	if (s->keys != NULL) /* while they are in the cache */
		master_records_key(scatter->records, scatter->serial_room, at, cnt, s->keys);
	return count_repeated(to, cnt, stride, 1 + scatter->serial_room);
}

static void sort_runs(void *arg)
{
	struct sorting *s = arg;
	struct sort_desk *desk = sort_desk_new(master_stride(s->scatter->serial_room));
	size_t repeated = 0, run;

	while ((run = take_run(s)) < s->scatter->run_cnt)
		repeated += sort_one(s, run, desk);
	sort_desk_free(desk);
	pthread_mutex_lock(&s->lock);
	s->repeated += repeated;
	pthread_mutex_unlock(&s->lock);
}

size_t master_scatter_sort(struct master_scatter *s, const struct master_keys *keys)
{
	struct sorting sorting = {.scatter = s,
		.keys = keys,
		.lock = PTHREAD_MUTEX_INITIALIZER,
		.is_read = PTHREAD_COND_INITIALIZER};
	struct beside other;

	beside_begin(&other, sort_runs, &sorting);
	sort_runs(&sorting);
	beside_end(&other);
	pthread_cond_destroy(&sorting.is_read);
	pthread_mutex_destroy(&sorting.lock);
	return sorting.repeated;
}
