/* SPDX-License-Identifier: BSD-3-Clause */
/* When a source is asked again, and how old its list is: arithmetic, with times from here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "control/crl/source.h"

#define SEC  UINT64_C(1000000000)
#define HOUR 3600
#define DAY  86400
#define NOW  (1000 * SEC) /* monotonic */
#define WALL INT64_C(1700000000)

static struct crl_source *s;

static int set_up(void **state)
{
	(void)state;
	s = crl_source_new("lab/issuing", "http://pki.example/issuing.crl");
	assert_non_null(s);
	s->polling_ns = HOUR * SEC;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	crl_source_free(s);
	return 0;
}

static void expect_pause(uint64_t sec)
{
	assert_int_equal(s->due_ns, NOW + sec * SEC);
	assert_int_equal(s->next_fetch, WALL + (int64_t)sec);
}

/* Every polling interval, or half a minute after nextUpdate, whichever is first. */
static void success_waits_for_the_next_list(void **state)
{
	(void)state;
	s->failure_cnt = 3;
	s->last_error[0] = 'x';
	crl_source_schedule_success(s, NOW, WALL);
	expect_pause(HOUR); /* no list, no nextUpdate */
	assert_int_equal(s->failure_cnt, 0);
	assert_string_equal(s->last_error, "");
	s->next_update = WALL + 600;
	crl_source_schedule_success(s, NOW, WALL);
	expect_pause(630);
	s->next_update = WALL + 1; /* due: not without a pause */
	crl_source_schedule_success(s, NOW, WALL);
	expect_pause(31);
	s->next_update = WALL + 2 * HOUR;
	crl_source_schedule_success(s, NOW, WALL);
	expect_pause(HOUR);
	s->next_update = WALL - 600; /* stale, and its server has none that is newer */
	crl_source_schedule_success(s, NOW, WALL);
	expect_pause(HOUR);
}

/* 5 s, doubling up to an hour; jitter adds up to a quarter. */
static void failure_backs_off(void **state)
{
	uint64_t pause = 5;

	(void)state;
	for (unsigned i = 1; i <= 40; i++) {
		crl_source_schedule_failure(s, NOW, WALL, 0);
		assert_int_equal(s->failure_cnt, i);
		expect_pause(pause);
		pause = pause * 2 > HOUR ? HOUR : pause * 2;
	}
	s->failure_cnt = 2;
	crl_source_schedule_failure(s, NOW, WALL, UINT32_MAX);
	assert_in_range(s->due_ns, NOW + 24990 * SEC / 1000, NOW + 25 * SEC);
	s->failure_cnt = 30;
	crl_source_schedule_failure(s, NOW, WALL, UINT32_MAX);
	assert_in_range(s->due_ns, NOW + 4499 * SEC, NOW + 4500 * SEC);
	crl_source_schedule_failure(s, NOW, WALL, UINT32_MAX / 2);
	assert_in_range(s->due_ns, NOW + 4049 * SEC, NOW + 4050 * SEC);
}

static void held_list_waits_a_cycle(void **state)
{
	(void)state;
	s->next_update = WALL + 60;
	crl_source_schedule_held(s, NOW, WALL);
	expect_pause(HOUR);
	assert_int_equal(s->failure_cnt, 1);
}

/* Ending in the last tenth of its time, and not before the last day. */
static void age_is_told(void **state)
{
	(void)state;
	assert_int_equal(crl_source_age(s, WALL), CRL_AGE_FRESH); /* no list */
	s->this_update = WALL;
	s->next_update = WALL + 1000;
	assert_int_equal(crl_source_age(s, WALL + 900), CRL_AGE_FRESH);
	assert_int_equal(crl_source_age(s, WALL + 901), CRL_AGE_ENDING);
	assert_int_equal(crl_source_age(s, WALL + 1000), CRL_AGE_ENDING);
	assert_int_equal(crl_source_age(s, WALL + 1001), CRL_AGE_STALE);
	s->next_update = WALL + 90 * DAY;
	assert_int_equal(crl_source_age(s, WALL + 89 * DAY), CRL_AGE_FRESH);
	assert_int_equal(crl_source_age(s, WALL + 89 * DAY + 1), CRL_AGE_ENDING);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(success_waits_for_the_next_list),
		T(failure_backs_off),
		T(held_list_waits_a_cycle),
		T(age_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
