/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "bench/harness.h"
#include "bench/loop_pause.h"

#define MS    UINT64_C(1000000)
#define TURNS 8

/* A thread's clocks, of which each look may be followed by a while without a CPU. */
static struct {
	uint64_t wall, cpu, waited;
	unsigned look_cnt;
	unsigned kept_off_after; /* which look; 0 = none */
} now;

void bench_fail(const char *what)
{
	fprintf(stderr, "%s\n", what);
	abort();
}

static uint64_t look(const uint64_t *clock)
{
	uint64_t seen = *clock;

	if (++now.look_cnt == now.kept_off_after) {
		now.wall += 40 * MS;
		now.waited += 40 * MS;
	}
	return seen;
}

uint64_t bench_wall_ns(void)
{
	return look(&now.wall);
}

uint64_t bench_cpu_ns(void)
{
	return look(&now.cpu);
}

uint64_t bench_waited_ns(int schedstat)
{
	(void)schedstat;
	return look(&now.waited);
}

static struct loop_pause_most turns(unsigned kept_off_after, uint64_t blocked)
{
	struct event_base *base = event_base_new();
	struct loop_pause *p = loop_pause_new(base);
	struct loop_pause_most most;

	now.wall = 5000 * MS;
	now.cpu = now.waited = 0;
	now.look_cnt = 0;
	now.kept_off_after = kept_off_after;
	for (unsigned i = 0; i < TURNS; i++) {
		assert_int_equal(event_base_loop(base, EVLOOP_ONCE), 0);
		now.wall += MS + (i == TURNS / 2 ? blocked : 0);
	}
	most = *loop_pause_most(p);
	loop_pause_free(p);
	event_base_free(base);
	return most;
}

/* Whichever clock was looked at last before it. */
static void others_had_its_cpu(void **state)
{
	unsigned look_cnt, seen_cnt = 0;

	(void)state;
	(void)turns(0, 0);
	look_cnt = now.look_cnt;
	assert_true(look_cnt >= 3 * TURNS);
	for (unsigned after = 1; after <= look_cnt; after++) {
		const struct loop_pause_most most = turns(after, 0);

		assert_int_equal(most.blocked_ns, 0);
		seen_cnt += most.wall_ns > 40 * MS;
	}
	assert_true(seen_cnt > look_cnt / 2);
}

static void something_held_it(void **state)
{
	const struct loop_pause_most most = turns(0, 30 * MS);

	(void)state;
	assert_int_equal(most.blocked_ns, 30 * MS);
	assert_int_equal(most.wall_ns, 31 * MS);
	assert_int_equal(most.cpu_ns, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(others_had_its_cpu),
		cmocka_unit_test(something_held_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
