/* SPDX-License-Identifier: BSD-3-Clause */
#include "pki/store/revocation_build.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "pki/store/beside.h"
#include "pki/store/revocation_place.h"

/* ---- buckets ---------------------------------------------------------------------------------- */

#define BUCKET_HOMES_BITS 11
#define BUCKET_HOMES      ((size_t)1 << BUCKET_HOMES_BITS)
#define LINE_ENTRIES      (sizeof(struct rk_revocation_line) / sizeof(struct rk_revocation_entry))
#define ENTRY_MAX         ((size_t)UINT32_MAX)
#define AHEAD             ((uintptr_t)64) /* a line of memory */
#define SEAM_BUCKETS      4               /* so many are worth a second thread */

/* States that a slot may have, as a set of bits. */
#define KNOWN_STATES 0xefeu
static_assert(1 + RK_REASON_AA_COMPROMISE == 11, "the highest state; 8 would be reason 7");

/*
 * Where the entries are whose home is one of BUCKET_HOMES lines: room for so many, from start on. Lane
 * 0 fills it from the front, lane 1 from the back.
 */
struct bucket {
	size_t start;
	size_t room;
};

/*
 * Bucket i is about the lines from i * BUCKET_HOMES on. In the end two threads make lines, one those
 * of the buckets before the seam, one the others. Each writes over what it has read: a bucket lies
 * where its lines will be or behind, and one before the seam for which there is no such place that is
 * not the other thread's lies behind all of them.
 */
struct revocation_builder {
	size_t line_cnt;
	size_t entry_cnt;
	size_t bucket_cnt;
	size_t seam; /* bucket_cnt: one thread makes all lines */
	struct bucket *bucket;
	size_t room_cnt; /* entries, of all */
	size_t *used[REVOCATION_LANES];
	struct rk_revocation_entry *room; /* the memory, and later */
	struct rk_revocation_line *lines; /* the same memory */
};

static size_t lines_before(size_t bucket)
{
	return bucket * BUCKET_HOMES * LINE_ENTRIES;
}

static size_t at_least(size_t n, size_t least)
{
	return n > least ? n : least;
}

/* Each bucket's start, by its room. */
static void lay_out(struct revocation_builder *b)
{
	size_t end = b->seam < b->bucket_cnt ? lines_before(b->seam) : SIZE_MAX;
	size_t at = 0, behind;

	for (size_t i = b->seam; i < b->bucket_cnt; i++) {
		b->bucket[i].start = at_least(at, lines_before(i));
		at = b->bucket[i].start + b->bucket[i].room;
	}
	behind = at_least(at, b->line_cnt * LINE_ENTRIES);
	at = 0;
	for (size_t i = 0; i < b->seam; i++) {
		size_t start = at_least(at, lines_before(i)), room = b->bucket[i].room;

		if (room <= end && start <= end - room) {
			b->bucket[i].start = start;
			at = start + room;
		} else {
			b->bucket[i].start = behind;
			behind += room;
		}
	}
	b->room_cnt = at_least(at, behind);
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

	if (b->bucket_cnt == 1)
		room = b->entry_cnt;
	for (size_t i = 0; i < b->bucket_cnt; i++)
		b->bucket[i].room = room;
	lay_out(b);
}

/* For what was counted. */
static void plan_exactly(struct revocation_builder *b)
{
	for (size_t i = 0; i < b->bucket_cnt; i++)
		b->bucket[i].room = b->used[0][i] + b->used[1][i];
	lay_out(b);
}

int revocation_builder_new(
	size_t line_cnt, size_t entry_cnt, unsigned thread_cnt, struct revocation_builder **out)
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
	b->seam =
		thread_cnt > 1 && b->bucket_cnt >= SEAM_BUCKETS ? b->bucket_cnt / 2 : b->bucket_cnt;
	b->bucket = calloc(b->bucket_cnt, sizeof(*b->bucket));
	for (unsigned lane = 0; lane < REVOCATION_LANES; lane++)
		b->used[lane] = calloc(b->bucket_cnt, sizeof(*b->used[lane]));
	if (b->bucket == NULL || b->used[0] == NULL || b->used[1] == NULL) {
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
	free(b->bucket);
	for (unsigned lane = 0; lane < REVOCATION_LANES; lane++)
		free(b->used[lane]);
	free(b);
}

size_t revocation_builder_room(const struct revocation_builder *b)
{
	return b->room_cnt * sizeof(struct rk_revocation_entry);
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
	const uintptr_t ahead = lane == 0 ? AHEAD : -AHEAD;
	size_t *used = b->used[lane];
	bool is_known = true;

	for (size_t i = 0; i < cnt; i++) {
		uint64_t head = entry[i].head;
		size_t to = rk_revocation_home(head, b->line_cnt) >> BUCKET_HOMES_BITS;
		const struct bucket *bucket = &b->bucket[to];
		size_t at = used[to]++;

		is_known &= KNOWN_STATES >> (head & RK_REVOCATION_STATE) & 1;
		if (at >= bucket->room)
			continue; /* counted: finish asks for all of them again */
		at = lane == 0 ? bucket->start + at : bucket->start + bucket->room - 1 - at;
		b->room[at] = entry[i];
		/* What this bucket will write next, to be ours by then. */
		__builtin_prefetch((const void *)((uintptr_t)&b->room[at] + ahead), 1);
	}
	return is_known ? 0 : -EINVAL;
}

/* ---- from bucket to lines --------------------------------------------------------------------- */

#define ROW              12 /* entries of a home: of keyed hashes one home in 4,000 has more */
#define PREFETCH_ENTRIES 64

/*
 * Where the entries of one bucket come to lie home by home, each in its row. more: those whose home has
 * a row full before them.
 */
struct desk {
	uint8_t cnt[BUCKET_HOMES];
	size_t more_cnt;
	struct rk_revocation_entry *more;
	struct rk_revocation_entry *space; /* of more, a row before it */
	struct rk_revocation_entry row[BUCKET_HOMES][ROW] __attribute__((aligned(64)));
};
static_assert(ROW >= PLACING_READ, "a row can be read");

static void desk_free(struct desk *desk)
{
	if (desk != NULL)
		free(desk->space);
	free(desk);
}

/* For buckets of so many. */
static struct desk *desk_new(size_t cnt)
{
	struct desk *desk = aligned_alloc(64, sizeof(*desk));

	if (desk == NULL)
		return NULL;
	memset(desk, 0, sizeof(*desk));
	desk->space = calloc(ROW + cnt + PLACING_READ, sizeof(*desk->space));
	if (desk->space == NULL) {
		desk_free(desk);
		return NULL;
	}
	desk->more = desk->space + ROW;
	return desk;
}

/* The entries that one lane put there. */
static struct rk_revocation_entry *lane_of(
	const struct revocation_builder *b, size_t i, unsigned lane, size_t *cnt)
{
	const struct bucket *bucket = &b->bucket[i];

	*cnt = b->used[lane][i];
	return b->room + bucket->start + (lane == 0 ? 0 : bucket->room - *cnt);
}

/* Copies the bucket to the desk. */
static void spread(const struct revocation_builder *b, size_t bucket, struct desk *desk)
{
	const size_t first = bucket * BUCKET_HOMES, line_cnt = b->line_cnt;
	size_t cnt;

	memset(desk->cnt, 0, sizeof(desk->cnt));
	desk->more_cnt = 0;
	for (unsigned lane = 0; lane < REVOCATION_LANES; lane++) {
		const struct rk_revocation_entry *e = lane_of(b, bucket, lane, &cnt);

		for (size_t i = 0; i < cnt; i++) {
			size_t home = rk_revocation_home(e[i].head, line_cnt) - first;
			size_t at = desk->cnt[home];

			__builtin_prefetch(&e[i + PREFETCH_ENTRIES]); /* last read by nobody */
			if (at < ROW) {
				desk->row[home][at] = e[i];
				desk->cnt[home] = (uint8_t)(at + 1);
			} else {
				desk->more[desk->more_cnt++] = e[i];
			}
		}
	}
	placing_sort(desk->more, desk->more_cnt);
}

/* What does not fit into home's row is behind it when the row is laid before more's next. */
static int place_crowded(
	struct desk *desk, size_t line_cnt, size_t home, size_t *next, struct placing *p)
{
	struct rk_revocation_entry *e = desk->more + *next - ROW;
	const size_t first = *next;

	while (*next < desk->more_cnt &&
		rk_revocation_home(desk->more[*next].head, line_cnt) == home)
		++*next;
	memcpy(e, desk->row[home % BUCKET_HOMES], sizeof(desk->row[0]));
	return placing_next(p, e, ROW + *next - first);
}

static int place_bucket(
	const struct revocation_builder *b, size_t bucket, struct desk *desk, struct placing *p)
{
	const size_t first = bucket * BUCKET_HOMES;
	const size_t home_cnt = b->line_cnt - RK_REVOCATION_SPILL - first;
	size_t more = 0;
	int ret = 0;

	spread(b, bucket, desk);
	for (size_t i = 0; i < home_cnt && i < BUCKET_HOMES && ret == 0; i++) {
		if (desk->cnt[i] < ROW)
			ret = placing_next(p, desk->row[i], desk->cnt[i]);
		else
			ret = place_crowded(desk, b->line_cnt, first + i, &more, p);
	}
	return ret;
}

/* ---- by two threads --------------------------------------------------------------------------- */

/* The lines of buckets [first, end). */
struct share {
	const struct revocation_builder *b;
	unsigned number;
	size_t first;
	size_t end;
	struct desk *desk;
	struct placing placing;
	const struct revocation_watch *watch;
	int error;
};

static void tell(const struct share *s, size_t from)
{
	if (s->watch != NULL && s->error == 0)
		s->watch->on_done(s->watch->ctx, s->number, from, s->placing.at);
}

static void place_share(void *arg)
{
	struct share *s = arg;
	const struct revocation_builder *b = s->b;
	size_t from;

	for (size_t i = s->first; i < s->end && s->error == 0; i++) {
		from = s->placing.at;
		s->error = place_bucket(b, i, s->desk, &s->placing);
		tell(s, from);
	}
	if (s->end < b->bucket_cnt)
		return;
	from = s->placing.at;
	while (s->placing.at < b->line_cnt && s->error == 0) /* the spill, nobody's home */
		s->error = placing_next(&s->placing, s->desk->row[0], 0);
	tell(s, from);
}

/*
 * Who waits at the seam? Seldom does anybody wait for long, and never for the length of a bucket: so
 * the one before the seam tells, whoever waited at its own first line. Its lines are made elsewhere:
 * it is read again. -EAGAIN: somebody may.
 */
static int foresee(const struct revocation_builder *b, struct desk *desk, struct placing *p)
{
	struct rk_revocation_line *lines =
		aligned_alloc(sizeof(*lines), BUCKET_HOMES * sizeof(*lines));
	int ret;

	if (lines == NULL)
		return -ENOMEM;
	placing_begin(p, (b->seam - 1) * BUCKET_HOMES, lines);
	ret = place_bucket(b, b->seam - 1, desk, p);
	free(lines);
	p->line = b->lines + p->at;
	return ret == -ENOSPC ? -EAGAIN : ret;
}

static int place_by_two(const struct revocation_builder *b, struct share share[2])
{
	struct placing seam;
	struct beside other;
	int ret = foresee(b, share[1].desk, &share[1].placing);

	if (ret < 0)
		return ret;
	seam = share[1].placing;
	beside_begin(&other, place_share, &share[1]);
	place_share(&share[0]);
	beside_end(&other);
	if (share[0].error < 0)
		return share[0].error;
	return placing_is_same(&seam, &share[0].placing) ? share[1].error : -EAGAIN;
}

static int place_all(
	const struct revocation_builder *b, size_t most, const struct revocation_watch *watch)
{
	struct share share[2] = {{.b = b, .end = b->seam, .watch = watch},
		{.b = b, .number = 1, .first = b->seam, .end = b->bucket_cnt, .watch = watch}};
	bool is_split = b->seam < b->bucket_cnt;
	int ret = -ENOMEM;

	placing_begin(&share[0].placing, 0, b->lines);
	share[0].desk = desk_new(most);
	share[1].desk = is_split ? desk_new(most) : NULL;
	if (share[0].desk == NULL || (is_split && share[1].desk == NULL))
		goto out;
	if (is_split) {
		ret = place_by_two(b, share);
	} else {
		place_share(&share[0]);
		ret = share[0].error;
	}
out:
	desk_free(share[0].desk);
	desk_free(share[1].desk);
	return ret;
}

/* The most that one bucket has. Not even: one has more than its room. */
static size_t find_most(const struct revocation_builder *b, bool *is_even)
{
	size_t most = 0;

	*is_even = true;
	for (size_t i = 0; i < b->bucket_cnt; i++) {
		size_t cnt = b->used[0][i] + b->used[1][i];

		*is_even = *is_even && cnt <= b->bucket[i].room;
		most = at_least(most, cnt);
	}
	return most;
}

int revocation_builder_finish(struct revocation_builder *b, const struct revocation_watch *watch)
{
	bool is_even;
	size_t most = find_most(b, &is_even);
	int ret;

	if (!is_even) {
		plan_exactly(b);
		return -EAGAIN;
	}
	ret = place_all(b, most, watch);
	if (ret == -EAGAIN) {
		b->seam = b->bucket_cnt;
		lay_out(b);
	}
	return ret;
}

int revocation_build(struct rk_revocation_line *lines, size_t line_cnt,
	const struct rk_revocation_entry *entry, size_t entry_cnt)
{
	struct revocation_builder *b = NULL;
	void *memory = NULL;
	int ret = revocation_builder_new(line_cnt, entry_cnt, 1, &b);

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
			ret = revocation_builder_finish(b, NULL);
	} while (ret == -EAGAIN);
	if (ret == 0)
		memcpy(lines, memory, line_cnt * sizeof(*lines));
	free(memory);
	revocation_builder_free(b);
	return ret;
}
