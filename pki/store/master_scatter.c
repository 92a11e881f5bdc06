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
#define RUN_CNT_MAX    4096 /* at once in the caches, too */
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

/* A record's first eight bytes: the length of its serial, and seven of that. */
static inline uint64_t leading(const uint8_t *record)
{
	uint64_t x;

	memcpy(&x, record, sizeof(x));
	return be64toh(x);
}

/* Of a serial that is not a record yet, and has eight bytes or more. */
static inline uint64_t leading_of(const uint8_t *serial, size_t len)
{
	return leading(serial) >> 8 | (uint64_t)len << 56;
}

/* ---- what the sample tells -------------------------------------------------------------------- */

#define GROUPS        32
#define GROUP_MEAN    (SCATTER_SAMPLE / GROUPS)
#define GROUP_DEV_MAX (7 * 16) /* seven standard deviations of 256 */
static_assert(GROUP_MEAN == 256, "whose root is 16");

/* Of numbers that fall evenly one in some thousands is outside of what a sample is within. */
#define MARGIN(span) ((span) / (SCATTER_SAMPLE / 16))

static bool falls_evenly(const uint8_t *sample, size_t stride, const struct ranges *groups)
{
	size_t cnt[GROUPS] = {0};

	for (size_t i = 0; i < SCATTER_SAMPLE; i++)
		cnt[range_of(groups, leading(sample + i * stride))]++;
	for (size_t i = 0; i < GROUPS; i++)
		if (cnt[i] > GROUP_MEAN + GROUP_DEV_MAX || cnt[i] < GROUP_MEAN - GROUP_DEV_MAX)
			return false;
	return true;
}

static bool find_ranges(
	const uint8_t *sample, size_t stride, size_t room, size_t run_cnt, struct ranges *out)
{
	uint64_t least = UINT64_MAX, most = 0, margin;
	struct ranges groups;

	for (size_t i = 0; i < SCATTER_SAMPLE; i++) {
		uint64_t x = leading(sample + i * stride);

		if (sample[i * stride] != room)
			return false;
		least = x < least ? x : least;
		most = x > most ? x : most;
	}
	groups = make_ranges(least, most, GROUPS);
	margin = MARGIN(most - least);
	*out = make_ranges(least > margin ? least - margin : 0,
		most < UINT64_MAX - margin ? most + margin : UINT64_MAX, run_cnt);
	return falls_evenly(sample, stride, &groups);
}

/* ---- runs ------------------------------------------------------------------------------------- */

struct master_scatter {
	const struct master_source_info *info;
	struct ranges ranges;
	size_t serial_room;
	size_t run_cnt;
	size_t room; /* of one run, in records */
	size_t cnt;  /* of all */
	uint8_t *records;
	uint32_t used[RUN_CNT_MAX];
};

static size_t records_len(const struct master_scatter *s)
{
	return s->run_cnt * s->room * master_stride(s->serial_room);
}

struct master_scatter *master_scatter_new(const struct master_source_info *info,
	const uint8_t *sample, size_t sample_cnt, size_t serial_room, size_t expected)
{
	size_t stride = master_stride(serial_room), run_cnt = expected / RUN_RECORDS + 1;
	struct master_scatter *s;
	struct ranges ranges;

	if (sample_cnt < SCATTER_SAMPLE || expected < SCATTER_MIN || serial_room < 8)
		return NULL;
	run_cnt = run_cnt < RUN_CNT_MAX ? run_cnt : RUN_CNT_MAX;
	if (!find_ranges(sample, stride, serial_room, run_cnt, &ranges))
		return NULL;
	s = calloc(1, sizeof(*s));
	if (s == NULL)
		return NULL;
	s->info = info;
	s->ranges = ranges;
	s->serial_room = serial_room;
	s->run_cnt = run_cnt;
	s->room = RUN_ROOM(expected / run_cnt + 1);
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

/* room is known where it is one of the usual ones. */
static inline size_t add(
	struct master_scatter *s, const struct pki_crl_entry *entry, size_t cnt, size_t room)
{
	size_t i;

	for (i = 0; i < cnt && entry[i].serial_len == room; i++) {
		size_t run = range_of(&s->ranges, leading_of(entry[i].serial, room));
		size_t at = s->used[run];
		uint8_t *there = s->records + (run * s->room + at) * master_stride(room);

		if (at == s->room || !master_reason_fits(s->info, (uint8_t)entry[i].reason) ||
			!master_time_fits(entry[i].date))
			break;
		/* So many runs grow at once that no machine foresees where the next record goes. */
		__builtin_prefetch(there + PREFETCH_BYTES, 1);
		master_record_fill(there, room, &entry[i]);
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

/* While they are in the cache. */
static void key_records(const struct sorting *s, size_t at, size_t cnt)
{
	const size_t room = s->scatter->serial_room, stride = master_stride(room);
	const uint8_t *record = s->scatter->records + at * stride;
	struct rk_span serial[PKI_CRL_VISIT_MAX];
	uint8_t reason[PKI_CRL_VISIT_MAX];
	size_t n = 0;

	for (; cnt > 0; at += n, cnt -= n) {
		for (n = 0; n < cnt && n < PKI_CRL_VISIT_MAX; n++, record += stride) {
			serial[n] = (struct rk_span){record + 1, room};
			reason[n] = record[1 + room];
		}
		master_keys_fill(s->keys, at, serial, reason, n);
	}
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
	if (s->keys != NULL)
		key_records(s, at, cnt);
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
