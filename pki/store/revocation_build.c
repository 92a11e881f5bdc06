/* SPDX-License-Identifier: BSD-3-Clause */
#include "pki/store/revocation_build.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

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

static size_t sort_run(struct rk_revocation_entry *e, size_t cnt)
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

#define WAITING_MAX 64 /* keys moved past a line; a power of two */
#define URGENT      4  /* lines from home, from which on a key goes before those at home */

struct waiting {
	struct rk_revocation_entry entry;
	size_t home;
};

/* Lines are filled one after the other; what found no room at home waits, first come first served. */
struct placing {
	struct rk_revocation_line *lines;
	size_t at;                       /* the line being filled */
	struct rk_revocation_line *line; /* it */
	unsigned used;                   /* its slots */
	struct waiting waiting[WAITING_MAX];
	size_t first;
	size_t end;
};

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
		const struct waiting *w = &p->waiting[p->first % WAITING_MAX];

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
		const struct waiting *w = &p->waiting[i % WAITING_MAX];

		if (p->at - w->home >= RK_REVOCATION_SPILL)
			return -ENOSPC;
		p->line->spill |= rk_revocation_tag(w->entry.tail);
	}
	return 0;
}

/* The next line, at home in which are these. */
static int place_line(struct placing *p, const struct rk_revocation_entry *e, size_t cnt)
{
	int ret;

	p->line = &p->lines[p->at];
	memset(p->line, 0, sizeof(*p->line));
	p->used = 0;
	put_waiting(p, URGENT);
	for (size_t i = 0; i < cnt; i++) {
		if (p->used < RK_REVOCATION_SLOTS)
			put(p, &e[i], 0);
		else if (p->end - p->first < WAITING_MAX)
			p->waiting[p->end++ % WAITING_MAX] = (struct waiting){e[i], p->at};
		else
			return -ENOSPC;
	}
	put_waiting(p, 0);
	ret = tag_waiting(p);
	p->at++;
	return ret;
}

/* ---- buckets ---------------------------------------------------------------------------------- */

#define BUCKET_HOMES_BITS 11
#define BUCKET_HOMES      ((size_t)1 << BUCKET_HOMES_BITS)
#define LINE_ENTRIES      (sizeof(struct rk_revocation_line) / sizeof(struct rk_revocation_entry))
#define ENTRY_MAX         ((size_t)UINT32_MAX)

/* States that a slot may have, as a set of bits. */
#define KNOWN_STATES 0xefeu
static_assert(1 + RK_REASON_AA_COMPROMISE == 11, "the highest state; 8 would be reason 7");

/*
 * Bucket i has the entries whose home is one of BUCKET_HOMES lines from i * BUCKET_HOMES on. Its room
 * is [start[i], start[i + 1]) of the memory as entries, and never begins before its lines do. Lane 0
 * fills it from the front, lane 1 from the back.
 */
struct revocation_builder {
	size_t line_cnt;
	size_t entry_cnt;
	size_t bucket_cnt;
	size_t *start; /* bucket_cnt + 1 */
	size_t *used[REVOCATION_LANES];
	struct rk_revocation_entry *room; /* the memory, and later */
	struct rk_revocation_line *lines; /* the same memory */
};

static size_t lines_before(size_t bucket)
{
	return bucket * BUCKET_HOMES * LINE_ENTRIES;
}

static size_t root_of(size_t n)
{
	size_t root = 0;

	for (size_t bit = (size_t)1 << 31; bit > 0; bit >>= 1)
		if ((root + bit) * (root + bit) <= n)
			root += bit;
	return root;
}

/*
 * Keyed hashes fall evenly: six standard deviations more than the mean is enough for every bucket, or
 * somebody repeats entries.
 */
static void plan_evenly(struct revocation_builder *b)
{
	size_t home_cnt = b->line_cnt - RK_REVOCATION_SPILL;
	size_t mean = b->entry_cnt / home_cnt * BUCKET_HOMES +
		      b->entry_cnt % home_cnt * BUCKET_HOMES / home_cnt;
	size_t room = mean + 6 * root_of(mean) + 64;

	if (room < lines_before(1))
		room = lines_before(1);
	if (b->bucket_cnt == 1)
		room = b->entry_cnt;
	for (size_t i = 0; i <= b->bucket_cnt; i++)
		b->start[i] = i * room;
}

/* For what was counted. */
static void plan_exactly(struct revocation_builder *b)
{
	for (size_t i = 0; i < b->bucket_cnt; i++) {
		size_t next = b->start[i] + b->used[0][i] + b->used[1][i];

		b->start[i + 1] = next > lines_before(i + 1) ? next : lines_before(i + 1);
	}
}

int revocation_builder_new(size_t line_cnt, size_t entry_cnt, struct revocation_builder **out)
{
	struct revocation_builder *b;

	if (line_cnt <= RK_REVOCATION_SPILL)
		return -EINVAL;
	if (entry_cnt > ENTRY_MAX || line_cnt > ENTRY_MAX)
		return -E2BIG;
	b = calloc(1, sizeof(*b));
	if (b == NULL)
		return -ENOMEM;
	b->line_cnt = line_cnt;
	b->entry_cnt = entry_cnt;
	b->bucket_cnt = (line_cnt - RK_REVOCATION_SPILL + BUCKET_HOMES - 1) / BUCKET_HOMES;
	b->start = calloc(b->bucket_cnt + 1, sizeof(*b->start));
	for (unsigned lane = 0; lane < REVOCATION_LANES; lane++)
		b->used[lane] = calloc(b->bucket_cnt, sizeof(*b->used[lane]));
	if (b->start == NULL || b->used[0] == NULL || b->used[1] == NULL) {
		revocation_builder_free(b);
		return -ENOMEM;
	}
	plan_evenly(b);
	*out = b;
	return 0;
}

void revocation_builder_free(struct revocation_builder *b)
{
	if (b == NULL)
		return;
	free(b->start);
	for (unsigned lane = 0; lane < REVOCATION_LANES; lane++)
		free(b->used[lane]);
	free(b);
}

size_t revocation_builder_room(const struct revocation_builder *b)
{
	size_t entries = b->start[b->bucket_cnt], lines = b->line_cnt * LINE_ENTRIES;

	return (entries > lines ? entries : lines) * sizeof(struct rk_revocation_entry);
}

void revocation_builder_begin(struct revocation_builder *b, void *memory)
{
	b->room = memory;
	b->lines = memory;
	for (unsigned lane = 0; lane < REVOCATION_LANES; lane++)
		memset(b->used[lane], 0, b->bucket_cnt * sizeof(*b->used[lane]));
}

int revocation_builder_add(struct revocation_builder *b, unsigned lane,
	const struct rk_revocation_entry *entry, size_t cnt)
{
	size_t *used = b->used[lane];
	bool is_known = true;

	for (size_t i = 0; i < cnt; i++) {
		uint64_t head = entry[i].head;
		size_t bucket = rk_revocation_home(head, b->line_cnt) >> BUCKET_HOMES_BITS;
		size_t at = used[bucket]++;

		is_known &= KNOWN_STATES >> (head & RK_REVOCATION_STATE) & 1;
		if (at >= b->start[bucket + 1] - b->start[bucket])
			continue; /* counted: finish asks for all of them again */
		at = lane == 0 ? b->start[bucket] + at : b->start[bucket + 1] - 1 - at;
		b->room[at] = entry[i];
	}
	return is_known ? 0 : -EINVAL;
}

/* ---- from bucket to lines --------------------------------------------------------------------- */

/*
 * What one bucket is sorted in: by quarters of homes, of one entry or so, that what is left to compare
 * is in order nearly always. end[i]: where the run of quarter i ends.
 */
#define QUARTERS         4
#define PREFETCH_ENTRIES 64
struct desk {
	struct rk_revocation_entry *entry;
	uint32_t end[BUCKET_HOMES * QUARTERS];
};

/* Of all homes' quarters; those of home h are from h * QUARTERS on. */
static size_t quarter_of(const struct revocation_builder *b, const struct rk_revocation_entry *e)
{
	size_t home_cnt = b->line_cnt - RK_REVOCATION_SPILL;

	return rk_revocation_home(e->head, home_cnt * QUARTERS + RK_REVOCATION_SPILL);
}

/* The entries that one lane put there. */
static struct rk_revocation_entry *lane_of(
	const struct revocation_builder *b, size_t bucket, unsigned lane, size_t *cnt)
{
	*cnt = b->used[lane][bucket];
	return b->room + (lane == 0 ? b->start[bucket] : b->start[bucket + 1] - *cnt);
}

/* Copies the bucket to the desk, each quarter's entries together. */
static void spread(const struct revocation_builder *b, size_t bucket, struct desk *desk)
{
	const size_t first = bucket * BUCKET_HOMES * QUARTERS;
	uint32_t sum = 0;
	size_t cnt;

	memset(desk->end, 0, sizeof(desk->end));
	for (unsigned lane = 0; lane < REVOCATION_LANES; lane++) {
		const struct rk_revocation_entry *e = lane_of(b, bucket, lane, &cnt);

		for (size_t i = 0; i < cnt; i++) {
			__builtin_prefetch(&e[i + PREFETCH_ENTRIES]); /* last read by nobody */
			desk->end[quarter_of(b, &e[i]) - first]++;
		}
	}
	for (size_t i = 0; i < BUCKET_HOMES * QUARTERS; i++) {
		uint32_t run = desk->end[i];

		desk->end[i] = sum; /* its begin, which moves on to its end below */
		sum += run;
	}
	for (unsigned lane = 0; lane < REVOCATION_LANES; lane++) {
		const struct rk_revocation_entry *e = lane_of(b, bucket, lane, &cnt);

		for (size_t i = 0; i < cnt; i++) {
			desk->entry[desk->end[quarter_of(b, &e[i]) - first]++] = e[i];
		}
	}
}

static int place_bucket(
	const struct revocation_builder *b, size_t bucket, struct desk *desk, struct placing *p)
{
	size_t home_cnt = b->line_cnt - RK_REVOCATION_SPILL - bucket * BUCKET_HOMES;
	size_t begin = 0;
	int ret = 0;

	spread(b, bucket, desk);
	for (size_t i = 0; i < home_cnt && i < BUCKET_HOMES && ret == 0; i++) {
		struct rk_revocation_entry *run = desk->entry + begin;
		size_t end = desk->end[i * QUARTERS + QUARTERS - 1];

		ret = place_line(p, run, sort_run(run, end - begin));
		begin = end;
	}
	return ret;
}

/* The most that one bucket has. Not even: one has more than its room. */
static size_t find_most(const struct revocation_builder *b, bool *is_even)
{
	size_t most = 0;

	*is_even = true;
	for (size_t i = 0; i < b->bucket_cnt; i++) {
		size_t cnt = b->used[0][i] + b->used[1][i];

		*is_even = *is_even && cnt <= b->start[i + 1] - b->start[i];
		most = cnt > most ? cnt : most;
	}
	return most;
}

int revocation_builder_finish(
	struct revocation_builder *b, void (*on_done)(void *ctx, size_t line_cnt), void *ctx)
{
	struct placing p = {.lines = b->lines};
	struct desk *desk;
	bool is_even;
	size_t most = find_most(b, &is_even);
	int ret = -ENOMEM;

	if (!is_even) {
		plan_exactly(b);
		return -EAGAIN;
	}
	desk = malloc(sizeof(*desk));
	if (desk == NULL)
		return -ENOMEM;
	desk->entry = malloc((most + 1) * sizeof(*desk->entry));
	if (desk->entry == NULL)
		goto out;
	ret = 0;
	for (size_t i = 0; i < b->bucket_cnt && ret == 0; i++) {
		ret = place_bucket(b, i, desk, &p);
		if (on_done != NULL && ret == 0)
			on_done(ctx, p.at);
	}
	while (p.at < b->line_cnt && ret == 0) /* the spill, which is nobody's home */
		ret = place_line(&p, NULL, 0);
	if (on_done != NULL && ret == 0)
		on_done(ctx, p.at);
out:
	free(desk->entry);
	free(desk);
	return ret;
}

int revocation_build(struct rk_revocation_line *lines, size_t line_cnt,
	const struct rk_revocation_entry *entry, size_t entry_cnt)
{
	struct revocation_builder *b = NULL;
	void *memory = NULL;
	int ret = revocation_builder_new(line_cnt, entry_cnt, &b);

	if (ret < 0)
		return ret;
	do {
		free(memory);
		memory = aligned_alloc(
			sizeof(*lines), (revocation_builder_room(b) + sizeof(*lines) - 1) /
						sizeof(*lines) * sizeof(*lines));
		ret = memory == NULL ? -ENOMEM : 0;
		if (ret == 0) {
			revocation_builder_begin(b, memory);
			ret = revocation_builder_add(b, 0, entry, entry_cnt);
		}
		if (ret == 0)
			ret = revocation_builder_finish(b, NULL, NULL);
	} while (ret == -EAGAIN);
	if (ret == 0)
		memcpy(lines, memory, line_cnt * sizeof(*lines));
	free(memory);
	revocation_builder_free(b);
	return ret;
}
