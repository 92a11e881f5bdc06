/* SPDX-License-Identifier: BSD-3-Clause */
/* What is told of a device's counters: all that matter, and never less than before. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <string.h>

#include <cmocka.h>
#include <rte_ethdev.h>

#include "dataplane/port_stats.h"

static struct rte_eth_stats device;
static int answer;
static bool has_link;

int __wrap_rte_eth_stats_get(uint16_t id, struct rte_eth_stats *out);
int __wrap_rte_eth_link_get_nowait(uint16_t id, struct rte_eth_link *out);

int __wrap_rte_eth_stats_get(uint16_t id, struct rte_eth_stats *out)
{
	assert_int_equal(id, 3);
	if (answer == 0)
		*out = device;
	return answer;
}

int __wrap_rte_eth_link_get_nowait(uint16_t id, struct rte_eth_link *out)
{
	assert_int_equal(id, 3);
	memset(out, 0, sizeof(*out));
	out->link_status = has_link ? RTE_ETH_LINK_UP : RTE_ETH_LINK_DOWN;
	return answer;
}

static int set_up(void **state)
{
	(void)state;
	device = (struct rte_eth_stats){.ipackets = 10,
		.opackets = 20,
		.imissed = 3,
		.ierrors = 4,
		.rx_nombuf = 5,
		.oerrors = 6};
	answer = 0;
	has_link = true;
	return 0;
}

static void each_number_has_its_name(void **state)
{
	static const struct {
		const char *name;
		uint64_t value;
	} told[PORT_STAT_CNT] = {{"received", 10}, {"sent", 20}, {"missed", 3},
		{"receive-errors", 4}, {"no-buffer", 5}, {"send-errors", 6}};
	struct port_stats s = {0};

	(void)state;
	assert_false(port_stats_is_set_up(&s));
	port_stats_open(&s, 3, "net_ring0");
	assert_true(port_stats_is_set_up(&s));
	assert_true(port_stats_is_up(&s));
	assert_string_equal(s.name, "net_ring0");
	for (unsigned i = 0; i < PORT_STAT_CNT; i++) {
		assert_string_equal(port_stat_name((enum port_stat)i), told[i].name);
		assert_int_equal(port_stats_get(&s, (enum port_stat)i), told[i].value);
	}
}

static void a_device_that_begins_anew_takes_nothing_back(void **state)
{
	struct port_stats s = {0};

	(void)state;
	port_stats_open(&s, 3, "net_ring0");
	device.imissed = 7;
	port_stats_note(&s, 3);
	assert_int_equal(port_stats_get(&s, PORT_MISSED), 7);
	device.imissed = 2; /* restarted, and two more since */
	port_stats_note(&s, 3);
	assert_int_equal(port_stats_get(&s, PORT_MISSED), 9);
	port_stats_note(&s, 3);
	assert_int_equal(port_stats_get(&s, PORT_MISSED), 9);
}

static void a_device_that_does_not_answer_leaves_what_was(void **state)
{
	struct port_stats s = {0};

	(void)state;
	port_stats_open(&s, 3, "net_ring0");
	answer = -ENODEV;
	device.ipackets = 1000;
	has_link = false;
	port_stats_note(&s, 3);
	assert_int_equal(port_stats_get(&s, PORT_RECEIVED), 10);
	assert_true(port_stats_is_up(&s));
	answer = 0;
	port_stats_note(&s, 3);
	assert_int_equal(port_stats_get(&s, PORT_RECEIVED), 1000);
	assert_false(port_stats_is_up(&s));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(each_number_has_its_name, set_up),
		cmocka_unit_test_setup(a_device_that_begins_anew_takes_nothing_back, set_up),
		cmocka_unit_test_setup(a_device_that_does_not_answer_leaves_what_was, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
