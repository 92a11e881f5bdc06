/* SPDX-License-Identifier: BSD-3-Clause */
/* How much the data plane logs is control's to say: from the connection on, and at each change. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "control/log.h"
#include "control/publish.h"
#include "tests/unit/daemon_fixture.h"

static struct daemon_fixture f;
static struct fake_dataplane p;

static int set_up(void **state)
{
	(void)state;
	daemon_fixture_open(&f, NULL);
	log_set_level(RK_LOG_ERROR);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	log_set_level(RK_LOG_ERROR);
	fake_close(&p);
	daemon_fixture_close(&f);
	return 0;
}

static void test_told(void **state)
{
	struct rk_message msg;

	(void)state;
	publisher_tell_log_levels(f.d.publisher); /* nobody is there: no harm */
	assert_true(log_set_module_level("dataplane-ports", RK_LOG_DEBUG));
	fake_connect(&f, &p);
	fake_hello(&p, (struct rk_generation){0});
	msg = fake_receive(&f, &p, RK_MSG_LOG);
	for (unsigned i = 0; i < RK_LOG_MODULE_CNT; i++)
		assert_int_equal(
			msg.log.level[i], i == RK_LOG_MODULE_PORTS ? RK_LOG_DEBUG : RK_LOG_ERROR);
	fake_apply(&f, &p);
	log_set_level(RK_LOG_WARNING);
	publisher_tell_log_levels(f.d.publisher);
	msg = fake_receive(&f, &p, RK_MSG_LOG);
	for (unsigned i = 0; i < RK_LOG_MODULE_CNT; i++)
		assert_int_equal(msg.log.level[i], RK_LOG_WARNING);
}

static void test_listed(void **state)
{
	json_t *levels;

	(void)state;
	assert_true(log_set_module_level("dataplane", RK_LOG_WARNING));
	levels = log_levels_json();
	assert_string_equal(json_string_value(json_object_get(levels, "dataplane")), "warning");
	assert_string_equal(json_string_value(json_object_get(levels, "dataplane-view")), "error");
	json_decref(levels);
	fake_connect(&f, &p);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {T(test_told), T(test_listed)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
