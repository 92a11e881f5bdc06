/* SPDX-License-Identifier: BSD-3-Clause */
/* What of a configuration is asked for, as people and programs write it. */
#include "tests/unit/configuration_fixture.h"

static int status_of_part(const char *query)
{
	struct answer a;
	int status;

	configuration_show_running(f.d.configuration, query, &a);
	status = a.status;
	answer_fini(&a);
	return status;
}

/* Most programs encode the slashes of a query, people do not. */
static void test_part_by_query(void **state)
{
	(void)state;
	assert_int_equal(status_of_part("path=router/port"), 200);
	assert_int_equal(status_of_part("path=router%2Fport"), 200);
	assert_int_equal(status_of_part("path=%72outer%2fport/net_ring0"), 200);
	assert_int_equal(status_of_part("path=authority/access-management/user/%61dm%69n"), 200);
	assert_int_equal(status_of_part("path=router%2Fnothing"), 404);
	assert_int_equal(status_of_part("path=router%252Fport"), 404);
	assert_int_equal(status_of_part("path=router%2F"), 400);
	assert_int_equal(status_of_part("path=router%00"), 400);
	assert_int_equal(status_of_part("path=router%2Fport%2"), 400);
}

/* Which two is asked in any order, and nothing else is. */
static void test_diff_by_query(void **state)
{
	static const struct {
		const char *query;
		int status;
	} cases[] = {{"from=1&to=1", 200}, {"to=1&from=1", 200}, {"from=1", 400}, {"to=1", 400},
		{"from=1&from=1", 400}, {"from=1&to=1&to=1", 400}, {"from=+1&to=1", 400},
		{"from=-1&to=1", 400}, {"from=1&to=", 400}, {"from=1&to=1x", 400},
		{"from=1&to=99", 404}, {"from=1&to=99999999999999999999999", 404}};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct call c = {0};

		configuration_diff(f.d.configuration, cases[i].query, call_answered, &c);
		call_wait(&f, &c, cases[i].status);
		call_fini(&c);
	}
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(test_part_by_query),
		T(test_diff_by_query),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
