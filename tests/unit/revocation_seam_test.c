/* SPDX-License-Identifier: BSD-3-Clause */
/* A set's lines, made by two threads: the bytes are those that one makes, whatever lies at the seam. */
#include "pki/store/revocation_build.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define BUCKET_LINES 2048 /* of the builder */

static uint64_t mix(uint64_t z)
{
	z += UINT64_C(0x9e3779b97f4a7c15);
	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

struct built {
	struct rk_revocation_line *lines;
	size_t line_cnt;
	unsigned tries;
	/* of the last one */
	size_t begin[REVOCATION_LANES];
	size_t end[REVOCATION_LANES];
	struct rk_revocation_line *told; /* as they stood when they were told */
};

static void take(void *ctx, unsigned share, size_t begin, size_t end)
{
	struct built *b = ctx;

	assert_true(share < REVOCATION_LANES && begin <= end);
	if (b->end[share] == 0)
		b->begin[share] = b->end[share] = begin;
	assert_int_equal(begin, b->end[share]);
	memcpy(b->told + begin, b->lines + begin, (end - begin) * sizeof(*b->told));
	b->end[share] = end;
}

/* To be freed by free_built. */
static struct built build(
	size_t line_cnt, const struct rk_revocation_entry *e, size_t cnt, unsigned thread_cnt)
{
	struct built out = {.line_cnt = line_cnt};
	const struct revocation_watch watch = {take, &out};
	struct revocation_builder *b = NULL;
	int ret = -EAGAIN;

	out.told = calloc(line_cnt, sizeof(*out.told));
	assert_non_null(out.told);
	assert_int_equal(revocation_builder_new(line_cnt, cnt, thread_cnt, &b), 0);
	while (ret == -EAGAIN) {
		size_t room = (revocation_builder_room(b) + 63) / 64 * 64;

		free(out.lines);
		out.lines = aligned_alloc(64, room);
		assert_non_null(out.lines);
		memset(out.lines, 0x5a, room);
		memset(out.begin, 0, sizeof(out.begin));
		memset(out.end, 0, sizeof(out.end));
		revocation_builder_begin(b, out.lines);
		for (size_t i = 0; i < cnt; i += 5)
			assert_int_equal(revocation_builder_add(b, i / 5 % REVOCATION_LANES, e + i,
						 cnt - i < 5 ? cnt - i : 5),
				0);
		ret = revocation_builder_finish(b, &watch);
		out.tries++;
	}
	assert_int_equal(ret, 0);
	revocation_builder_free(b);
	return out;
}

static void free_built(struct built *b)
{
	free(b->lines);
	free(b->told);
}

static void assert_same_as_one_thread(
	size_t line_cnt, const struct rk_revocation_entry *e, size_t cnt, unsigned tries)
{
	struct built one = build(line_cnt, e, cnt, 1), two = build(line_cnt, e, cnt, 2);

	assert_true(rk_revocation_is_sound(one.lines, line_cnt, false));
	assert_memory_equal(one.lines, two.lines, line_cnt * sizeof(*one.lines));
	assert_memory_equal(one.lines, one.told, line_cnt * sizeof(*one.lines));
	assert_memory_equal(two.lines, two.told, line_cnt * sizeof(*two.lines));
	assert_int_equal(one.end[0], line_cnt);
	assert_int_equal(two.tries, tries);
	if (tries == 1) { /* else the seam was given up */
		assert_int_equal(two.begin[1], two.end[0]);
		assert_int_equal(two.end[1], line_cnt);
	}
	free_built(&one);
	free_built(&two);
}

static void two_threads_make_the_same_lines(void **state)
{
	enum { CNT = 100000 };
	struct rk_revocation_entry *e = calloc(CNT, sizeof(*e));

	(void)state;
	assert_non_null(e);
	for (size_t cnt = CNT / 2; cnt <= CNT; cnt += CNT / 4) {
		size_t line_cnt = rk_revocation_line_cnt(cnt);

		for (size_t i = 0; i < cnt; i++)
			e[i] = (struct rk_revocation_entry){
				(mix(i + cnt) & ~RK_REVOCATION_STATE) | (1 + i % 6), mix(~i)};
		assert_same_as_one_thread(line_cnt, e, cnt, 1);
		assert_same_as_one_thread(line_cnt * 2, e, cnt, 1); /* rooms smaller than lines */
	}
	free(e);
}

/* cnt entries whose home is this line, on from e. */
static size_t put_at(struct rk_revocation_entry *e, size_t home, size_t line_cnt, size_t cnt)
{
	size_t home_cnt = line_cnt - RK_REVOCATION_SPILL;
	uint64_t head = (uint64_t)((((unsigned __int128)(home * 2 + 1)) << 63) / home_cnt);

	for (size_t i = 0; i < cnt; i++) {
		e[i] = (struct rk_revocation_entry){
			(head & RK_REVOCATION_HOME_MASK) | 1, mix(home * 8 + i)};
		assert_int_equal(rk_revocation_home(e[i].head, line_cnt), home);
	}
	return cnt;
}

/* A key too many, and every line after it full, from before the bucket that foretells the seam on. */
static void who_waits_for_longer_than_a_bucket_is_not_lost(void **state)
{
	enum { BUCKETS = 6, LINES = BUCKETS * BUCKET_LINES + RK_REVOCATION_SPILL };
	const size_t seam = (size_t)BUCKETS / 2 * BUCKET_LINES;
	struct rk_revocation_entry *e = calloc((size_t)LINES * 6, sizeof(*e));
	size_t cnt = 0;

	(void)state;
	assert_non_null(e);
	cnt += put_at(e, 0, LINES, 7);
	for (size_t home = seam - BUCKET_LINES - 1; home < seam + 9; home++)
		cnt += put_at(e + cnt, home, LINES, home < seam - BUCKET_LINES ? 7 : 6);
	/* seven in a bucket's room for four, first of all: that is tried again, and so is the seam */
	assert_same_as_one_thread(LINES, e, cnt, 3);
	for (size_t home = seam + 9; home < BUCKETS * BUCKET_LINES; home++)
		cnt += put_at(e + cnt, home, LINES, home % 2 * 4);
	for (size_t home = 1; home < seam - BUCKET_LINES - 1; home++)
		cnt += put_at(e + cnt, home, LINES, 4);
	assert_same_as_one_thread(LINES, e, cnt, 3);
	free(e);
}

/*
 * Somebody repeats one entry in 64, up to 60 times and without its reason: homes with more entries than
 * a desk has room for in a row, and no other bytes.
 */
static void repeated_entries_change_nothing(void **state)
{
	enum { CNT = 60000, ROOM = 2 * CNT };
	struct rk_revocation_entry *e = calloc(ROOM, sizeof(*e));
	const size_t line_cnt = rk_revocation_line_cnt(CNT);
	struct built plain, repeated;
	size_t cnt = CNT;

	(void)state;
	assert_non_null(e);
	for (size_t i = 0; i < CNT; i++)
		e[i] = (struct rk_revocation_entry){
			(mix(i) & ~RK_REVOCATION_STATE) | (2 + i % 6), mix(~i)};
	plain = build(line_cnt, e, CNT, 1);
	for (size_t i = 0; i < CNT; i += 64)
		for (size_t n = 0; n < mix(i) % 60; n++)
			e[cnt++] = (struct rk_revocation_entry){
				(e[i].head & ~RK_REVOCATION_STATE) | (1 + RK_REASON_UNSPECIFIED),
				e[i].tail};
	for (size_t i = cnt; i > 1; i--) { /* in no order */
		size_t other = mix(i) % i;
		struct rk_revocation_entry kept = e[other];

		e[other] = e[i - 1];
		e[i - 1] = kept;
	}
	for (unsigned thread_cnt = 1; thread_cnt <= 2; thread_cnt++) {
		repeated = build(line_cnt, e, cnt, thread_cnt);
		assert_memory_equal(repeated.lines, plain.lines, line_cnt * sizeof(*plain.lines));
		free_built(&repeated);
	}
	free_built(&plain);
	free(e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(two_threads_make_the_same_lines),
		cmocka_unit_test(repeated_entries_change_nothing),
		cmocka_unit_test(who_waits_for_longer_than_a_bucket_is_not_lost),
	};

	return cmocka_run_group_tests_name("revocation_seam", tests, NULL, NULL);
}
