/* SPDX-License-Identifier: BSD-3-Clause */
#include "pki/store/revocation_build.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static uint64_t seed = 1;

/* splitmix64: the same numbers in every run. */
static uint64_t next_random(void)
{
	uint64_t z = seed += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

static struct rk_revocation_key random_key(void)
{
	struct rk_revocation_key key;
	uint64_t half[2] = {next_random(), next_random()};

	memcpy(key.bytes, half, sizeof(key.bytes));
	return key;
}

static struct rk_revocation_line *new_lines(size_t cnt)
{
	struct rk_revocation_line *lines = aligned_alloc(64, cnt * sizeof(*lines));

	assert_non_null(lines);
	memset(lines, 0, cnt * sizeof(*lines));
	return lines;
}

/* A key at home in this line, whatever n says. */
static struct rk_revocation_key key_at(size_t home, size_t line_cnt, uint32_t n)
{
	struct rk_revocation_key key;

	do
		key = random_key();
	while (rk_revocation_home(rk_revocation_split(&key).head, line_cnt) != home);
	memcpy(key.bytes + 12, &n, sizeof(n));
	return key;
}

static void shuffle(struct rk_revocation_entry *e, size_t cnt)
{
	for (size_t i = cnt; i > 1; i--) {
		size_t other = next_random() % i;
		struct rk_revocation_entry swap = e[i - 1];

		e[i - 1] = e[other];
		e[other] = swap;
	}
}

/* The figure that docs/snapshot.md names. */
static void an_entry_takes_at_most_16_bytes(void **state)
{
	const size_t cnts[] = {0, 1, 2, 3, 5, 6, 100, 1000, 65536, 10000000};

	(void)state;
	for (size_t i = 0; i < sizeof(cnts) / sizeof(cnts[0]); i++) {
		size_t lines = rk_revocation_line_cnt(cnts[i]);

		assert_true(lines > RK_REVOCATION_SPILL);
		assert_true((lines - RK_REVOCATION_SPILL) * 42 >= cnts[i] * 10);
		assert_true(lines * sizeof(struct rk_revocation_line) <= 16 * cnts[i] + 1024);
	}
	assert_true(rk_revocation_line_cnt(SIZE_MAX) > SIZE_MAX / 5);
}

/* R1, R2: beside a plain array the set says the same, for what is in it and what is not. */
static void set_agrees_with_a_plain_array(void **state)
{
	enum { CNT = 20000 };
	struct rk_revocation_key *key = calloc(CNT, sizeof(*key));
	uint8_t *reason = calloc(CNT, 1);
	struct rk_revocation_entry *entries = calloc(CNT, sizeof(*entries));
	static const uint8_t reasons[] = {0, 1, 2, 3, 4, 5, 6, 8, 9, 10};

	(void)state;
	assert_true(key != NULL && reason != NULL && entries != NULL);
	for (size_t cnt = 0; cnt <= CNT; cnt = cnt < 64 ? cnt + 1 : cnt * 3) {
		size_t line_cnt = rk_revocation_line_cnt(cnt);
		struct rk_revocation_line *lines = new_lines(line_cnt);

		for (size_t i = 0; i < cnt; i++) {
			key[i] = random_key();
			reason[i] = reasons[next_random() % sizeof(reasons)];
			entries[i] = rk_revocation_entry(&key[i], reason[i]);
		}
		assert_int_equal(revocation_build(lines, line_cnt, entries, cnt), 0);
		assert_true(rk_revocation_is_sound(lines, line_cnt, true));
		for (size_t i = 0; i < cnt; i++) {
			struct rk_revocation_key other = random_key();

			rk_revocation_prefetch(lines, line_cnt, &key[i]);
			assert_int_equal(
				rk_revocation_find(lines, line_cnt, &key[i]), 1 + reason[i]);
			assert_int_equal(rk_revocation_find(lines, line_cnt, &other), 0);
		}
		free(lines);
	}
	free(key);
	free(reason);
	free(entries);
}

/* R1: 76 bits beside the home decide; what differs in one of them is another key. */
static void every_bit_of_the_fingerprint_counts(void **state)
{
	struct rk_revocation_line *lines = new_lines(8);
	struct rk_revocation_key key = random_key();
	struct rk_revocation_entry e = rk_revocation_entry(&key, RK_REASON_HOLD);

	(void)state;
	assert_int_equal(revocation_build(lines, 8, &e, 1), 0);
	for (unsigned bit = 0; bit < 128; bit++) {
		struct rk_revocation_key other = key;
		bool is_fingerprint = bit >= 48 && (bit < 60 || bit >= 64);

		other.bytes[bit / 8] ^= (uint8_t)(0x80 >> bit % 8);
		/* With one home the other bits choose nothing. */
		assert_int_equal(rk_revocation_find(lines, 8, &other),
			is_fingerprint ? 0 : 1 + RK_REASON_HOLD);
	}
	free(lines);
}

/* By calls of add in both lanes, as many threads would. */
static int build_in_lanes(struct rk_revocation_line *lines, size_t line_cnt, size_t room_cnt,
	const struct rk_revocation_entry *e, size_t cnt, unsigned *tries)
{
	struct revocation_builder *b = NULL;
	void *memory = NULL;
	int ret;

	assert_int_equal(revocation_builder_new(line_cnt, room_cnt, 2, &b), 0);
	for (*tries = 1;; ++*tries) {
		free(memory);
		memory = aligned_alloc(64, (revocation_builder_room(b) + 63) / 64 * 64);
		assert_non_null(memory);
		memset(memory, 0x5a, revocation_builder_room(b));
		revocation_builder_begin(b, memory);
		for (size_t i = 0; i < cnt; i += 7)
			assert_int_equal(revocation_builder_add(b, i / 7 % REVOCATION_LANES, e + i,
						 cnt - i < 7 ? cnt - i : 7),
				0);
		ret = revocation_builder_finish(b, NULL);
		if (ret != -EAGAIN)
			break;
	}
	memcpy(lines, memory, line_cnt * sizeof(*lines));
	free(memory);
	revocation_builder_free(b);
	return ret;
}

/* Many buckets, both lanes, and entries repeated until a bucket has no room for them. */
static void buckets_hold_whatever_is_repeated(void **state)
{
	enum { CNT = 60000, REPEATED = 40, TIMES = 1500, ALL = CNT + REPEATED * TIMES };
	size_t line_cnt = rk_revocation_line_cnt(CNT);
	struct rk_revocation_line *once = new_lines(line_cnt), *often = new_lines(line_cnt);
	struct rk_revocation_entry *e = calloc(ALL, sizeof(*e));
	unsigned tries;

	(void)state;
	assert_non_null(e);
	for (size_t i = 0; i < CNT; i++) {
		struct rk_revocation_key key = random_key();

		e[i] = rk_revocation_entry(&key, RK_REASON_KEY_COMPROMISE);
	}
	assert_int_equal(build_in_lanes(once, line_cnt, CNT, e, CNT, &tries), 0);
	assert_int_equal(tries, 1);
	assert_true(rk_revocation_is_sound(once, line_cnt, false));
	for (size_t i = 0; i < REPEATED * TIMES; i++) {
		e[CNT + i] = e[i % REPEATED];
		e[CNT + i].head &= ~RK_REVOCATION_STATE;
		e[CNT + i].head |= 1 + RK_REASON_SUPERSEDED; /* gives way to the first */
	}
	shuffle(e, ALL);
	assert_int_equal(build_in_lanes(often, line_cnt, CNT, e, ALL, &tries), 0);
	assert_int_equal(tries, 2);
	assert_memory_equal(once, often, line_cnt * sizeof(*once));
	free(once);
	free(often);
	free(e);
}

/* S5 */
static void equal_content_gives_equal_bytes(void **state)
{
	enum { CNT = 3000 };
	struct rk_revocation_entry entries[CNT], copy[CNT];
	size_t line_cnt = rk_revocation_line_cnt(CNT);
	struct rk_revocation_line *first = new_lines(line_cnt), *second = new_lines(line_cnt);

	(void)state;
	for (size_t i = 0; i < CNT; i++) {
		struct rk_revocation_key key = random_key();

		copy[i] = rk_revocation_entry(&key, (uint8_t)(i % 6));
		if (i < 100) /* repeated, with another reason */
			copy[CNT - 1 - i] = rk_revocation_entry(&key, 6);
		else if (i >= CNT - 100)
			copy[i] = rk_revocation_entry(&key, 6);
	}
	memcpy(entries, copy, sizeof(copy));
	assert_int_equal(revocation_build(first, line_cnt, entries, CNT), 0);
	shuffle(copy, CNT);
	assert_int_equal(revocation_build(second, line_cnt, copy, CNT), 0);
	assert_memory_equal(first, second, line_cnt * sizeof(*first));
	free(first);
	free(second);
}

static void gravest_reason_of_duplicates_stays(void **state)
{
	const struct {
		uint8_t a, b, stays;
	} rows[] = {
		{RK_REASON_UNSPECIFIED, RK_REASON_KEY_COMPROMISE, RK_REASON_KEY_COMPROMISE},
		{RK_REASON_UNSPECIFIED, RK_REASON_AA_COMPROMISE, RK_REASON_AA_COMPROMISE},
		{RK_REASON_REMOVED, RK_REASON_UNSPECIFIED, RK_REASON_UNSPECIFIED},
		{RK_REASON_REMOVED, RK_REASON_HOLD, RK_REASON_HOLD},
		{RK_REASON_SUPERSEDED, RK_REASON_KEY_COMPROMISE, RK_REASON_KEY_COMPROMISE},
	};
	struct rk_revocation_line *lines = new_lines(8);

	(void)state;
	for (size_t i = 0; i < 2 * sizeof(rows) / sizeof(rows[0]); i++) {
		struct rk_revocation_key key = random_key();
		struct rk_revocation_entry e[2];

		e[i % 2] = rk_revocation_entry(&key, rows[i / 2].a);
		e[1 - i % 2] = rk_revocation_entry(&key, rows[i / 2].b);
		memset(lines, 0, 8 * sizeof(*lines));
		assert_int_equal(revocation_build(lines, 8, e, 2), 0);
		assert_int_equal(rk_revocation_find(lines, 8, &key), 1 + rows[i / 2].stays);
		assert_int_equal(lines[0].high[1], 0);
	}
	free(lines);
}

static void build_refuses_what_it_cannot_hold(void **state)
{
	struct rk_revocation_line *lines = new_lines(16);
	struct rk_revocation_key key = random_key();
	struct rk_revocation_entry e = rk_revocation_entry(&key, 0);

	(void)state;
	assert_int_equal(revocation_build(lines, RK_REVOCATION_SPILL, &e, 1), -EINVAL);
	assert_int_equal(revocation_build(lines, 0, &e, 1), -EINVAL);
	e.head &= ~RK_REVOCATION_STATE; /* none */
	assert_int_equal(revocation_build(lines, 16, &e, 1), -EINVAL);
	e.head |= 1 + 7;
	assert_int_equal(revocation_build(lines, 16, &e, 1), -EINVAL);
	e.head |= 1 + 11;
	assert_int_equal(revocation_build(lines, 16, &e, 1), -EINVAL);
	free(lines);
}

/* R3: as many keys of one home as home and the spill hold, at either end; not one more. */
static void spill_holds_what_it_should(void **state)
{
	enum { LINES = 64, MOST = RK_REVOCATION_SLOTS * (1 + RK_REVOCATION_SPILL) };
	const size_t homes[] = {0, 17, LINES - RK_REVOCATION_SPILL - 1};
	struct rk_revocation_line *lines = new_lines(LINES);
	struct rk_revocation_entry e[MOST + 1], copy[MOST + 1];
	struct rk_revocation_key key[MOST + 1];

	(void)state;
	for (size_t row = 0; row < sizeof(homes) / sizeof(homes[0]); row++) {
		for (uint32_t i = 0; i <= MOST; i++) {
			key[i] = key_at(homes[row], LINES, i);
			copy[i] = e[i] = rk_revocation_entry(&key[i], RK_REASON_HOLD);
		}
		memset(lines, 0, LINES * sizeof(*lines));
		assert_int_equal(revocation_build(lines, LINES, e, MOST), 0);
		assert_true(rk_revocation_is_sound(lines, LINES, false));
		for (uint32_t i = 0; i < MOST; i++)
			assert_int_equal(
				rk_revocation_find(lines, LINES, &key[i]), 1 + RK_REASON_HOLD);
		assert_int_equal(rk_revocation_find(lines, LINES, &key[MOST]), 0);
		memset(lines, 0, LINES * sizeof(*lines));
		assert_int_equal(revocation_build(lines, LINES, copy, MOST + 1), -ENOSPC);
	}
	free(lines);
}

#define ALL_TAGS (~0u << 18)

/* R1, R3: what the reader refuses. */
static void unsound_lines_are_refused(void **state)
{
	enum { LINES = 16, CNT = 8 };
	struct rk_revocation_line *lines = new_lines(LINES);
	struct rk_revocation_entry e[CNT];
	struct rk_revocation_line kept[2];

	(void)state;
	for (uint32_t i = 0; i < CNT; i++) {
		struct rk_revocation_key key = key_at(3, LINES, i << 8);

		e[i] = rk_revocation_entry(&key, 1);
	}
	assert_int_equal(revocation_build(lines, LINES, e, CNT), 0);
	assert_true(rk_revocation_is_sound(lines, LINES, false));
	assert_false(rk_revocation_is_sound(lines, 0, false));
	assert_false(rk_revocation_is_sound(lines, RK_REVOCATION_SPILL, false));
	memcpy(kept, &lines[3], sizeof(kept));
#define REFUSED(change)                                                   \
	do {                                                              \
		change;                                                   \
		assert_false(rk_revocation_is_sound(lines, LINES, true)); \
		memcpy(&lines[3], kept, sizeof(kept));                    \
	} while (0)
	REFUSED(lines[3].high[0] |= 0xf);                               /* no such state */
	REFUSED(lines[3].high[0] = (lines[3].high[0] & ~15) | (1 + 7)); /* the reserved reason */
	REFUSED(lines[3].high[1] = (lines[3].high[1] & ~15) | 12);      /* one more than the last */
	REFUSED(lines[3].high[5] &= ~15);          /* an empty slot with bytes in it */
	REFUSED(lines[4].low[5] = 1);              /* bytes in an empty slot */
	REFUSED(lines[4].spill |= 1u << 15);       /* a distance of an empty slot */
	REFUSED(lines[3].spill &= (1u << 18) - 1); /* a lookup would end at line 3 */
	REFUSED(lines[4].spill &= ~7u;             /* at home there, and yet 4 is reached */
		lines[4].high[0] = 0; lines[4].low[0] = 0);
	REFUSED(lines[3].spill |= 4); /* further from home than the first line is */
	assert_true(rk_revocation_is_sound(lines, LINES, true));
	lines[3].high[0] = (uint16_t)((lines[3].high[0] & ~15) | (1 + RK_REASON_REMOVED));
	assert_false(rk_revocation_is_sound(lines, LINES, false));
	assert_true(rk_revocation_is_sound(lines, LINES, true));
	memcpy(&lines[3], kept, sizeof(kept));
	lines[3].high[5] = (uint16_t)((lines[3].high[5] & ~15) | (1 + RK_REASON_REMOVED));
	assert_false(rk_revocation_is_sound(lines, LINES, false));
	assert_true(rk_revocation_is_sound(lines, LINES, true));
	/* No home is in the spill. */
	memset(lines, 0, LINES * sizeof(*lines));
	assert_false(rk_revocation_is_sound(lines, RK_REVOCATION_SPILL, true));
	lines[LINES - RK_REVOCATION_SPILL].high[0] = 1;
	assert_false(rk_revocation_is_sound(lines, LINES, true));
	lines[LINES - RK_REVOCATION_SPILL].high[0] = 0;
	for (size_t at = LINES - RK_REVOCATION_SPILL + 1; at < LINES; at++) {
		memset(lines, 0, LINES * sizeof(*lines));
		lines[at].high[0] = 1;
		lines[at].spill = 1; /* at home in the line before */
		lines[at - 1].spill = ALL_TAGS;
		assert_false(rk_revocation_is_sound(lines, LINES, true));
	}
	free(lines);
}

/* R3: whatever the lines say, a lookup ends. */
static void lookups_are_bounded(void **state)
{
	enum { LINES = 32 };
	struct rk_revocation_line *lines = new_lines(LINES);
	const struct rk_revocation_key key = key_at(0, LINES, 1);
	const struct rk_revocation_entry e = rk_revocation_entry(&key, RK_REASON_HOLD);

	(void)state;
	for (unsigned at = RK_REVOCATION_SPILL; at <= RK_REVOCATION_SPILL + 1; at++) {
		memset(lines, 0, LINES * sizeof(*lines));
		for (size_t i = 0; i < LINES; i++)
			lines[i].spill = ALL_TAGS;
		lines[at].low[0] = e.tail;
		lines[at].high[0] = (uint16_t)e.head;
		assert_int_equal(rk_revocation_find(lines, LINES, &key),
			at == RK_REVOCATION_SPILL ? 1 + RK_REASON_HOLD : 0);
	}
	free(lines);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_entry_takes_at_most_16_bytes),
		cmocka_unit_test(set_agrees_with_a_plain_array),
		cmocka_unit_test(every_bit_of_the_fingerprint_counts),
		cmocka_unit_test(buckets_hold_whatever_is_repeated),
		cmocka_unit_test(equal_content_gives_equal_bytes),
		cmocka_unit_test(gravest_reason_of_duplicates_stays),
		cmocka_unit_test(build_refuses_what_it_cannot_hold),
		cmocka_unit_test(spill_holds_what_it_should),
		cmocka_unit_test(unsound_lines_are_refused),
		cmocka_unit_test(lookups_are_bounded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
