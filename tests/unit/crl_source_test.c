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
	s->next_update = WALL; /* half a minute would be of a list that is still good */
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
	s->failure_cnt = 70; /* after days */
	crl_source_schedule_failure(s, NOW, WALL, 0);
	expect_pause(HOUR);
	s->failure_cnt = 2;
	crl_source_schedule_failure(s, NOW, WALL, UINT32_MAX);
	assert_in_range(s->due_ns, NOW + 24990 * SEC / 1000, NOW + 25 * SEC);
	s->failure_cnt = 30;
	crl_source_schedule_failure(s, NOW, WALL, UINT32_MAX);
	assert_in_range(s->due_ns, NOW + 4499 * SEC, NOW + 4500 * SEC);
	crl_source_schedule_failure(s, NOW, WALL, UINT32_MAX / 2);
	assert_in_range(s->due_ns, NOW + 4049 * SEC, NOW + 4050 * SEC);
}

/* Another interval counts from the last fetch on, at once; the rest of a pause after a failure does not. */
static void changed_interval_counts_at_once(void **state)
{
	(void)state;
	crl_source_reschedule(s, NOW, WALL); /* was not asked yet */
	assert_int_equal(s->due_ns, 0);
	crl_source_schedule_success(s, NOW, WALL);
	s->polling_ns = 1000 * SEC;
	crl_source_reschedule(s, NOW + 600 * SEC, WALL + 600);
	expect_pause(1000);
	s->polling_ns = 5000 * SEC;
	crl_source_reschedule(s, NOW + 700 * SEC, WALL + 700);
	expect_pause(5000);
	s->next_update = WALL + 2000;
	s->polling_ns = 4000 * SEC;
	crl_source_reschedule(s, NOW + 800 * SEC, WALL + 800);
	expect_pause(2030);
	s->polling_ns = 60 * SEC; /* over already */
	crl_source_reschedule(s, NOW + 900 * SEC, WALL + 900);
	assert_int_equal(s->due_ns, NOW + 60 * SEC);
	assert_int_equal(s->next_fetch, WALL + 900);
	crl_source_schedule_failure(s, NOW, WALL, 0);
	s->polling_ns = HOUR * SEC;
	crl_source_reschedule(s, NOW + SEC, WALL + 1);
	expect_pause(5);
	crl_source_schedule_success(s, NOW, WALL);
	s->due_ns = 0; /* woken */
	s->polling_ns = 60 * SEC;
	crl_source_reschedule(s, NOW + SEC, WALL + 1);
	assert_int_equal(s->due_ns, 0);
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
		T(changed_interval_counts_at_once),
		T(held_list_waits_a_cycle),
		T(age_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
