/* SPDX-License-Identifier: BSD-3-Clause */
/* A line of the revocation set, beside one made as plainly as can be: the same on every machine. */
#include "pki/store/revocation_place.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static uint64_t mix(uint64_t z)
{
	z += UINT64_C(0x9e3779b97f4a7c15);
	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

static int compare(const void *a, const void *b)
{
	const struct rk_revocation_entry *x = a, *y = b;
	uint64_t p = x->head & ~RK_REVOCATION_STATE, q = y->head & ~RK_REVOCATION_STATE;

	if (p != q)
		return p < q ? -1 : 1;
	if (x->tail != y->tail)
		return x->tail < y->tail ? -1 : 1;
	return (int)(x->head & RK_REVOCATION_STATE) - (int)(y->head & RK_REVOCATION_STATE);
}

/* Of equal keys the lowest named reason. */
static struct rk_revocation_line make_plainly(struct rk_revocation_entry *e, size_t cnt)
{
	struct rk_revocation_line line = {0};
	size_t used = 0;

	qsort(e, cnt, sizeof(*e), compare);
	for (size_t i = 0; i < cnt; i++) {
		if (i > 0 && ((e[i].head ^ e[i - 1].head) & ~RK_REVOCATION_STATE) == 0 &&
			e[i].tail == e[i - 1].tail)
			continue;
		line.low[used] = e[i].tail;
		line.high[used++] = (uint16_t)e[i].head;
	}
	return line;
}

/* kinds: how many different heads, and tails, there are. */
static void compare_lines(uint64_t seed, size_t cnt, uint64_t heads, uint64_t tails)
{
	struct rk_revocation_entry e[PLACING_READ], plain[PLACING_READ];
	struct rk_revocation_line line, wanted;
	struct placing p;

	for (size_t i = 0; i < PLACING_READ; i++) {
		uint64_t n = mix(seed * PLACING_READ + i);

		e[i].head = (mix(n % heads) & ~RK_REVOCATION_STATE) | (2 + n % 6);
		e[i].tail = mix(mix(n) % tails);
		if (n % 97 == 0) /* the highest and the lowest that there are */
			e[i].head = n % 2 == 0 ? UINT64_MAX - 13 : 2;
	}
	memcpy(plain, e, sizeof(plain));
	wanted = make_plainly(plain, cnt);
	memset(&line, 0x5a, sizeof(line));
	placing_begin(&p, 0, &line);
	assert_int_equal(placing_next(&p, e, cnt), 0);
	assert_memory_equal(&line, &wanted, sizeof(line));
	assert_true(p.at == 1 && p.waiting_cnt == 0);
}

static void lines_are_as_they_should(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < 20000; seed++) {
		size_t cnt = seed % (RK_REVOCATION_SLOTS + 1);

		compare_lines(seed, cnt, UINT64_MAX, UINT64_MAX);
		compare_lines(seed, cnt, 3, UINT64_MAX);
		compare_lines(seed, cnt, 3, 2);
		compare_lines(seed, cnt, UINT64_MAX, 2);
	}
}

/*
 * Home after home, of which most have four and one in nineteen none, or more than a line's, or the same
 * entry twice: at once or plainly, the same lines come of them, and the same wait.
 */
static void compare_walks(uint64_t seed, size_t most)
{
	enum { LINES = 64, ROOM = 24 };
	struct rk_revocation_line line[2][LINES];
	struct rk_revocation_entry e[2][ROOM];
	struct placing p[2];
	int ret[2] = {0, 0};

	memset(line, 0x5a, sizeof(line));
	placing_begin(&p[0], 1000, line[0]);
	placing_begin(&p[1], 1000, line[1]);
	for (size_t at = 0; at < LINES && ret[0] == 0; at++) {
		uint64_t n = mix(seed * LINES + at);
		size_t cnt = n % 19 == 0 ? n / 19 % most : n / 19 % 9;

		for (size_t i = 0; i < ROOM; i++) {
			uint64_t m = mix(n + i);

			e[0][i].head =
				(mix(m % (n % 7 == 0 ? 3 : UINT64_MAX)) & ~RK_REVOCATION_STATE) |
				(1 + m % 7);
			e[0][i].tail = mix(m % (n % 5 == 0 ? 2 : UINT64_MAX));
		}
		memcpy(e[1], e[0], sizeof(e[1]));
		ret[0] = placing_next(&p[0], e[0], cnt);
		ret[1] = placing_next_plainly(&p[1], e[1], cnt);
		assert_int_equal(ret[0], ret[1]);
		assert_memory_equal(&line[0][at], &line[1][at], sizeof(line[0][at]));
		assert_true(ret[0] < 0 || placing_is_same(&p[0], &p[1]));
	}
}

static void whoever_waits_is_placed_the_same(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < 5000; seed++) {
		compare_walks(seed, 9);
		compare_walks(seed, 24);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_are_as_they_should),
		cmocka_unit_test(whoever_waits_is_placed_the_same),
	};

	return cmocka_run_group_tests_name("revocation_place", tests, NULL, NULL);
}
