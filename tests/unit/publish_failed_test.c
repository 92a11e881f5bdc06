/* SPDX-License-Identifier: BSD-3-Clause */
/* What becomes of a change that cannot be published. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sys/resource.h>

#include "control/publish_private.h"
#include "tests/unit/daemon_fixture.h"

static struct daemon_fixture f;
static struct fake_dataplane p;

static int set_up(void **state)
{
	(void)state;
	daemon_fixture_open(&f, NULL);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	daemon_fixture_close(&f);
	return 0;
}

static const struct rk_generation nothing;

static void connect_and_apply(void)
{
	fake_connect(&f, &p);
	fake_hello(&p, nothing);
	fake_apply(&f, &p);
	fake_receive(&f, &p, RK_MSG_STATUS);
}

static void wait_published(int status)
{
	struct call c = {0};

	publisher_wait(f.d.publisher, call_answered, &c);
	call_wait(&f, &c, status);
	call_fini(&c);
}

static void fails_without_descriptors(enum rk_part_kind kind)
{
	struct rlimit limit, none;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	none = limit;
	none.rlim_cur = 0;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	publisher_mark(f.d.publisher, kind);
	wait_published(503);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

/* What could not be published is not called applied, stands as an alarm, and is tried again. */
static void test_unpublishable(void **state)
{
	(void)state;
	connect_and_apply();
	fails_without_descriptors(RK_PART_CONFIG);
	fails_without_descriptors(RK_PART_REVOCATION_BASE);
	assert_true(alarm_is_standing(f.d.alarms, "publication-failed", "dataplane"));
	daemon_fixture_idle(&f, PUBLISH_RETRY_USEC / 1000 + 200);
	assert_false(alarm_is_standing(f.d.alarms, "publication-failed", "dataplane"));
	wait_published(200);
	fake_close(&p);
}

/* One part that can be built says nothing of another that cannot. */
static void test_alarm_of_all_parts(void **state)
{
	struct publisher *publisher = f.d.publisher;

	(void)state;
	publisher_fail(publisher, RK_PART_CONFIG, "no room");
	publisher->is_marked[RK_PART_CONFIG] = false;
	publisher_mark(publisher, RK_PART_VERDICTS);
	publisher_flush(publisher);
	assert_true(alarm_is_standing(f.d.alarms, "publication-failed", "dataplane"));
	publisher_mark(publisher, RK_PART_CONFIG);
	publisher_flush(publisher);
	assert_false(alarm_is_standing(f.d.alarms, "publication-failed", "dataplane"));
}

/* Without them a worker would find nobody revoked. */
static void test_no_view_without_revocations(void **state)
{
	struct publisher *publisher = f.d.publisher;

	(void)state;
	publisher->has_part[RK_PART_REVOCATION_BASE] = false;
	fake_connect(&f, &p);
	fake_hello(&p, nothing);
	fake_receive(&f, &p, RK_MSG_STATUS);
	publisher->has_part[RK_PART_REVOCATION_BASE] = true;
	publisher_publish(publisher);
	fake_apply(&f, &p);
	fake_close(&p);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(test_unpublishable),
		T(test_alarm_of_all_parts),
		T(test_no_view_without_revocations),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
