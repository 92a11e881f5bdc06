/* SPDX-License-Identifier: BSD-3-Clause */
#include "pki/view/revocation.h"

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

/* A key whose home, in any table of up to 256 lines, is the one with these top bits. */
static struct rk_revocation_key key_at(uint8_t top, uint32_t n)
{
	struct rk_revocation_key key = {{top}};

	memcpy(key.bytes + 8, &n, sizeof(n));
	return key;
}

static struct rk_revocation_line *new_lines(size_t cnt)
{
	struct rk_revocation_line *lines = aligned_alloc(64, cnt * sizeof(*lines));

	assert_non_null(lines);
	memset(lines, 0, cnt * sizeof(*lines));
	return lines;
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

static void line_count_keeps_to_the_fill(void **state)
{
	const size_t cnts[] = {0, 1, 2, 3, 5, 6, 100, 1000, 65536, 10000000};

	(void)state;
	for (size_t i = 0; i < sizeof(cnts) / sizeof(cnts[0]); i++) {
		size_t lines = rk_revocation_line_cnt(cnts[i]);

		assert_int_equal(lines & (lines - 1), 0);
		assert_true(cnts[i] <= lines * 4 * 70 / 100);
		assert_true(lines == 1 || cnts[i] > lines / 2 * 4 * 70 / 100);
	}
	assert_true(rk_revocation_line_cnt(SIZE_MAX) > 0);
}

/* R1, R2: beside a plain array the set says the same, for what is in it and what is not. */
static void set_agrees_with_a_plain_array(void **state)
{
	enum { CNT = 20000 };
	struct rk_revocation_entry *model = calloc(CNT, sizeof(*model));
	struct rk_revocation_entry *entries = calloc(CNT, sizeof(*entries));
	static const uint8_t reasons[] = {0, 1, 2, 3, 4, 5, 6, 8, 9, 10};

	(void)state;
	assert_true(model != NULL && entries != NULL);
	for (size_t cnt = 0; cnt <= CNT; cnt = cnt < 16 ? cnt + 1 : cnt * 3) {
		size_t line_cnt = rk_revocation_line_cnt(cnt);
		struct rk_revocation_line *lines = new_lines(line_cnt);

		for (size_t i = 0; i < cnt; i++) {
			model[i].key = random_key();
			model[i].reason = reasons[next_random() % sizeof(reasons)];
		}
		memcpy(entries, model, cnt * sizeof(*model));
		assert_int_equal(rk_revocation_build(lines, line_cnt, entries, cnt), 0);
		assert_true(rk_revocation_is_sound(lines, line_cnt, true));
		for (size_t i = 0; i < cnt; i++) {
			struct rk_revocation_key other = random_key();

			assert_int_equal(rk_revocation_find(lines, line_cnt, &model[i].key),
				1 + model[i].reason);
			assert_int_equal(rk_revocation_find(lines, line_cnt, &other), 0);
		}
		free(lines);
	}
	free(model);
	free(entries);
}

/* S5 */
static void equal_content_gives_equal_bytes(void **state)
{
	enum { CNT = 3000 };
	struct rk_revocation_entry entries[CNT];
	size_t line_cnt = rk_revocation_line_cnt(CNT);
	struct rk_revocation_line *first = new_lines(line_cnt), *second = new_lines(line_cnt);

	(void)state;
	for (size_t i = 0; i < CNT; i++)
		entries[i] = (struct rk_revocation_entry){random_key(), (uint8_t)(i % 6)};
	for (size_t i = 0; i < 100; i++) /* repeated, with another reason */
		entries[CNT - 1 - i].key = entries[i].key;
	shuffle(entries, CNT);
	assert_int_equal(rk_revocation_build(first, line_cnt, entries, CNT), 0);
	shuffle(entries, CNT);
	assert_int_equal(rk_revocation_build(second, line_cnt, entries, CNT), 0);
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
	struct rk_revocation_line *lines = new_lines(2);

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct rk_revocation_key key = random_key();
		struct rk_revocation_entry e[] = {{key, rows[i].a}, {key, rows[i].b}};
		struct rk_revocation_entry r[] = {{key, rows[i].b}, {key, rows[i].a}};

		memset(lines, 0, 2 * sizeof(*lines));
		assert_int_equal(rk_revocation_build(lines, 2, e, 2), 0);
		assert_int_equal(rk_revocation_find(lines, 2, &key), 1 + rows[i].stays);
		assert_int_equal(lines[0].slot[1].state, 0);
		memset(lines, 0, 2 * sizeof(*lines));
		assert_int_equal(rk_revocation_build(lines, 2, r, 2), 0);
		assert_int_equal(rk_revocation_find(lines, 2, &key), 1 + rows[i].stays);
	}
	free(lines);
}

static void build_refuses_what_it_cannot_hold(void **state)
{
	struct rk_revocation_line *lines = new_lines(256);
	struct rk_revocation_entry e[256];

	(void)state;
	e[0] = (struct rk_revocation_entry){random_key(), 7};
	assert_int_equal(rk_revocation_build(lines, 1, e, 1), -EINVAL);
	e[0].reason = 11;
	assert_int_equal(rk_revocation_build(lines, 1, e, 1), -EINVAL);
	e[0].reason = 0;
	assert_int_equal(rk_revocation_build(lines, 3, e, 1), -EINVAL);
	assert_int_equal(rk_revocation_build(lines, 0, e, 1), -EINVAL);
	for (uint32_t i = 0; i < 5; i++)
		e[i] = (struct rk_revocation_entry){key_at(0, i), 0};
	assert_int_equal(rk_revocation_build(lines, 1, e, 5), -ENOSPC);
	/* Exactly full has no empty slot for a lookup to end at. */
	memset(lines, 0, sizeof(*lines));
	assert_int_equal(rk_revocation_build(lines, 1, e, 4), -ENOSPC);
	free(lines);
}

/* R3: as many keys of one home as the bound allows, across the end of the table; not one more. */
static void probe_bound_holds_across_the_wrap(void **state)
{
	enum { LINES = 256, MOST = 4 * RK_REVOCATION_PROBE_MAX - 1 };
	struct rk_revocation_line *lines = new_lines(LINES);
	struct rk_revocation_entry e[MOST + 1];
	struct rk_revocation_key absent = key_at(0xf0, MOST + 1);

	(void)state;
	for (uint32_t i = 0; i <= MOST; i++)
		e[i] = (struct rk_revocation_entry){key_at(0xf0, i), RK_REASON_HOLD};
	assert_int_equal(rk_revocation_build(lines, LINES, e, MOST), 0);
	assert_true(lines[0x2f].slot[2].state != 0 && lines[0x2f].slot[3].state == 0);
	for (uint32_t i = 0; i < MOST; i++)
		assert_int_equal(rk_revocation_find(lines, LINES, &e[i].key), 1 + RK_REASON_HOLD);
	assert_int_equal(rk_revocation_find(lines, LINES, &absent), 0);
	memset(lines, 0, LINES * sizeof(*lines));
	assert_int_equal(rk_revocation_build(lines, LINES, e, MOST + 1), -ENOSPC);
	free(lines);
}

/* R1, R3: what the reader refuses. */
static void unsound_lines_are_refused(void **state)
{
	enum { LINES = 8 };
	struct rk_revocation_line *lines = new_lines(LINES);
	struct rk_revocation_entry e[] = {
		{key_at(0x20, 1), 1}, {key_at(0x20, 2), 2}, {key_at(0x40, 3), 3}};
	struct rk_revocation_slot *slot = lines[1].slot;

	(void)state;
	assert_int_equal(rk_revocation_build(lines, LINES, e, 3), 0);
	assert_true(rk_revocation_is_sound(lines, LINES, false));
	assert_false(rk_revocation_is_sound(lines, 0, false));
	assert_false(rk_revocation_is_sound(lines, 7, false));
	slot[0].state = 8; /* reason 7 */
	assert_false(rk_revocation_is_sound(lines, LINES, false));
	slot[0].state = 12; /* reason 11 */
	assert_false(rk_revocation_is_sound(lines, LINES, false));
	slot[0].state = 1 + RK_REASON_REMOVED;
	assert_false(rk_revocation_is_sound(lines, LINES, false));
	assert_true(rk_revocation_is_sound(lines, LINES, true));
	slot[0].state = 0; /* bytes in an empty slot, and a used slot behind it */
	assert_false(rk_revocation_is_sound(lines, LINES, true));
	memset(&slot[0], 0, sizeof(slot[0]));
	assert_false(rk_revocation_is_sound(lines, LINES, true));
	slot[0] = slot[1];
	memset(&slot[1], 0, sizeof(slot[1]));
	assert_true(rk_revocation_is_sound(lines, LINES, true));
	slot[0].fingerprint[0] = 0x60; /* no lookup would come here for it */
	assert_false(rk_revocation_is_sound(lines, LINES, true));
	free(lines);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(line_count_keeps_to_the_fill),
		cmocka_unit_test(set_agrees_with_a_plain_array),
		cmocka_unit_test(equal_content_gives_equal_bytes),
		cmocka_unit_test(gravest_reason_of_duplicates_stays),
		cmocka_unit_test(build_refuses_what_it_cannot_hold),
		cmocka_unit_test(probe_bound_holds_across_the_wrap),
		cmocka_unit_test(unsound_lines_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
