/* SPDX-License-Identifier: BSD-3-Clause */
/* A clock that jumps by years, or starts years behind: what waits goes by the time that passes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>
#include <sys/time.h>

#include "control/clock_watch.h"
#include "control/config.h"
#include "control/configuration_private.h"
#include "control/enrol/enrol.h"
#include "control/enrol/enrol_private.h"
#include "tests/unit/moved_clock.h"
#include "tests/unit/pki_daemon.h"

#define YEARS       (INT64_C(365) * 86400)
#define CONFIRM_SEC 600

static int begin(void **state)
{
	clock_shift = 0;
	return set_up(state);
}

static int end(void **state)
{
	clock_shift = 0;
	return tear_down(state);
}

static void set_clock(int64_t shift)
{
	clock_shift = shift;
	clock_watch_look(f.d.clock);
	daemon_fixture_idle(&f, 20);
}

/* ---- a commit that waits to be confirmed -------------------------------------------------------- */

/* For how long it still waits. */
static int64_t left_sec(void)
{
	struct timeval due, now;

	assert_true(event_pending(f.d.configuration->confirm_timer, EV_TIMEOUT, &due));
	gettimeofday(&now, NULL); /* libevent says it so */
	return due.tv_sec - now.tv_sec;
}

static void commit_for_a_while(void)
{
	json_t *edit = json_pack("{s:[{s:s, s:[s,s,s,s], s:i}]}", "operations", "op", "set", "path",
		"router", "port", "net_ring0", "mtu", "value", 1400);
	json_t *commit = json_pack("{s:i}", "confirm_timeout_sec", CONFIRM_SEC);
	struct call c = {0};

	configuration_edit(f.d.configuration, edit, "tester", call_answered, &c);
	call_wait(&f, &c, 200);
	call_fini(&c);
	c = (struct call){0};
	configuration_commit(f.d.configuration, commit, call_answered, &c);
	call_wait(&f, &c, 200);
	call_fini(&c);
	json_decref(edit);
	json_decref(commit);
	assert_in_range(left_sec(), CONFIRM_SEC - 60, CONFIRM_SEC + 1);
}

static void jumps_do_not_move_the_deadline(void **state)
{
	(void)state;
	commit_for_a_while();
	set_clock(20 * YEARS);
	assert_in_range(left_sec(), CONFIRM_SEC - 120, CONFIRM_SEC + 1);
	set_clock(-20 * YEARS);
	assert_in_range(left_sec(), CONFIRM_SEC - 120, CONFIRM_SEC + 1);
	assert_int_equal(f.d.config->port[0].mtu, 1400);
}

/* A router whose battery is empty: a day at the most, and the true deadline once it knows the time. */
static void start_years_behind(void **state)
{
	(void)state;
	commit_for_a_while();
	clock_shift = -20 * YEARS;
	daemon_fixture_restart(&f);
	assert_int_equal(f.d.config->port[0].mtu, 1400);
	assert_in_range(left_sec(), 86400 - 120, 86400 + 1);
	set_clock(0);
	assert_in_range(left_sec(), CONFIRM_SEC - 300, CONFIRM_SEC + 1);
	assert_int_equal(f.d.config->port[0].mtu, 1400);
}

/* ---- what is asked of a CA ---------------------------------------------------------------------- */

/* A failed try of so many seconds from now. */
static struct enrolment *add_failed(const char *name, int64_t pause)
{
	struct enrolment *r = enrolment_new(f.d.enrol, name);

	r->failure_cnt = 1;
	r->next_try = time(NULL) + pause;
	LIST_INSERT_HEAD(&f.d.enrol->list, r, link);
	return r;
}

/* It fails while the clock is wrong, and must not wait until that time really comes. */
static void retry_of_a_clock_that_was_ahead(void **state)
{
	const int64_t most = 6 * 3600;
	struct enrolment *ahead, *pausing, *planned;

	(void)state;
	pausing = add_failed("pausing", 3600);
	planned = add_failed("planned", YEARS); /* the renewal of a certificate */
	strcpy(planned->fingerprint, "ab");
	clock_shift = 15 * YEARS;
	ahead = add_failed("ahead", 120);
	clock_shift = 0;
	enrol_changed(f.d.enrol);
	assert_in_range(ahead->next_try - time(NULL), 1, most);
	assert_in_range(pausing->next_try - time(NULL), 3500, 3600);
	assert_in_range(planned->next_try - time(NULL), YEARS - 100, YEARS);
}

#define T(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(jumps_do_not_move_the_deadline),
		T(start_years_behind),
		T(retry_of_a_clock_that_was_ahead),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
