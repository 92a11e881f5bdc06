/* SPDX-License-Identifier: BSD-3-Clause */
/* The wheel beside a model: an array of deadlines searched from end to end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "dataplane/timers.h"

#define TICK UINT64_C(1048576)
#define CNT  200

struct fixture {
	struct timers wheel;
	struct core_timer timer[CNT];
	uint64_t deadline[CNT]; /* the model: 0 = not armed */
	uint64_t now;
	unsigned fired;
	int rearm;    /* index to re-arm when it fires, -1 none */
	bool is_duel; /* 1 and 2 cancel each other */
};

static void setup(struct fixture *f)
{
	memset(f, 0, sizeof(*f));
	f->now = 5 * TICK + 17;
	f->rearm = -1;
	timers_init(&f->wheel, f->now);
}

static void arm(struct fixture *f, int i, uint64_t deadline)
{
	timers_arm(&f->wheel, &f->timer[i], deadline);
	f->deadline[i] = deadline;
}

static void cancel(struct fixture *f, int i)
{
	timers_cancel(&f->wheel, &f->timer[i]);
	f->deadline[i] = 0;
}

static void fire(void *ctx, struct core_timer *timer)
{
	struct fixture *f = ctx;
	int i = (int)(timer - f->timer);

	assert_true(f->deadline[i] != 0);      /* T2: never after cancel, never twice */
	assert_true(f->deadline[i] <= f->now); /* T1: never early */
	f->deadline[i] = 0;
	f->fired++;
	if (f->rearm == i)
		arm(f, i, f->now + 3 * TICK);
	if (f->is_duel)
		cancel(f, 3 - i);
}

static void run(struct fixture *f, uint64_t now)
{
	int i;

	f->now = now;
	while (timers_run(&f->wheel, now, 7, fire, f) == 7)
		;
	for (i = 0; i < CNT; i++) /* T1: at most a tick late */
		assert_true(f->deadline[i] == 0 || f->deadline[i] + TICK > now);
}

/* next_ns may be early, never later than the tick of the earliest deadline. */
static void check_next(const struct fixture *f)
{
	uint64_t next = timers_next_ns(&f->wheel);
	int i;

	for (i = 0; i < CNT; i++)
		if (f->deadline[i] != 0)
			assert_true(next <= f->deadline[i] + TICK);
}

static void test_model(void **state)
{
	static const uint64_t span[] = {2, 250, 300, 70000, 17000000, UINT64_C(5000000000)};
	struct fixture *f = malloc(sizeof(*f));
	int step;

	(void)state;
	assert_non_null(f);
	setup(f);
	srandom(20);
	for (step = 0; step < 20000; step++) {
		int i = (int)(random() % CNT);
		uint64_t in = (uint64_t)random() % (span[random() % 6] * TICK);

		switch (random() % 4) {
		case 0:
			cancel(f, i);
			break;
		case 1:
			run(f, f->now + in / 16);
			break;
		default:
			arm(f, i, f->now + 1 + in);
		}
		check_next(f);
	}
	run(f, f->now + span[5] * TICK * 2);
	assert_int_equal(f->wheel.armed_cnt, 0);
	assert_true(timers_next_ns(&f->wheel) == UINT64_MAX);
	free(f);
}

static void test_past_and_bound(void **state)
{
	struct fixture *f = malloc(sizeof(*f));
	int i;

	(void)state;
	assert_non_null(f);
	setup(f);
	for (i = 0; i < 10; i++)
		arm(f, i, 1);
	assert_int_equal(timers_next_ns(&f->wheel), 0);
	assert_int_equal(timers_run(&f->wheel, f->now, 4, fire, f), 4); /* T3 */
	assert_int_equal(f->fired, 4);
	run(f, f->now);
	assert_int_equal(f->fired, 10);
	free(f);
}

static void test_callback_changes_others(void **state)
{
	struct fixture *f = malloc(sizeof(*f));

	(void)state;
	assert_non_null(f);
	setup(f);
	/* Both in one slot: whichever fires first cancels the other. */
	arm(f, 1, f->now + 2 * TICK);
	arm(f, 2, f->now + 2 * TICK);
	f->is_duel = true;
	run(f, f->now + 10 * TICK);
	assert_int_equal(f->fired, 1);
	f->is_duel = false;
	f->rearm = 3;
	arm(f, 3, f->now + TICK);
	run(f, f->now + 2 * TICK);
	assert_int_equal(f->fired, 2);
	assert_true(f->deadline[3] != 0);
	run(f, f->now + 4 * TICK);
	assert_int_equal(f->fired, 3);
	free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_model),
		cmocka_unit_test(test_past_and_bound),
		cmocka_unit_test(test_callback_changes_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
