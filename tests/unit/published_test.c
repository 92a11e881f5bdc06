/* SPDX-License-Identifier: BSD-3-Clause */
/* A view as the workers see it. */
#include "tests/unit/published_fixture.h"

static const uint8_t far_away[4] = {198, 51, 100, 7};

static void test_ports_and_peers(void **state)
{
	static const uint8_t link_local[16] = {0xfe, 0x80, [15] = 9};
	static const uint8_t far6[16] = {0x20, 2};
	struct fixture *f = *state;
	struct published *p = publish(f, 3);
	const struct published_port *port = published_find(p, 3);
	struct peer_settings settings;
	const struct session_config *c = &settings.config;

	assert_non_null(port);
	assert_null(published_find(p, 4));
	assert_int_equal(port->vlan, 5);
	assert_true(published_port_has(port, 4, address[0].bytes));
	assert_true(published_port_has(port, 6, address[1].bytes));
	assert_false(published_port_has(port, 4, remote.bytes));
	assert_ptr_equal(published_port_next_hop(port, 4, remote.bytes), remote.bytes);
	assert_memory_equal(published_port_next_hop(port, 4, far_away), "\xc0\0\2\xfe", 4);
	assert_null(published_port_next_hop(port, 6, far6));
	assert_ptr_equal(published_port_next_hop(port, 6, link_local), link_local);
	assert_ptr_equal(published_port_source(port, 4, remote.bytes), port->addresses[0].bytes);
	assert_ptr_equal(published_port_source(port, 4, far_away), port->addresses[0].bytes);
	assert_ptr_equal(published_port_source(port, 6, far6), port->addresses[1].bytes);
	assert_true(published_listens(p, 1280));
	assert_false(published_listens(p, 1281));

	published_peer_settings(p, &p->view.peers[0], &settings);
	assert_string_equal(c->name, "west");
	assert_int_equal(c->peering_common_name_len, strlen("west.example"));
	assert_memory_equal(c->peering_common_name, "west.example", 12);
	assert_int_equal(c->path_cnt, 1);
	assert_int_equal(c->path[0].port_id, 3);
	assert_int_equal(c->path[0].remote_port, 1281);
	assert_memory_equal(c->path[0].remote, remote.bytes, 4);
	assert_int_equal(c->rekey_interval_ns, 5 * SEC);
	assert_int_equal(c->groups[0], 29);
	published_free(p, &f->closing);
	assert_null(f->closing); /* the fixture still holds the part */
}

static void test_port_that_is_not_there(void **state)
{
	struct fixture *f = *state;
	struct published *p = publish(f, PORT_NONE);
	struct peer_settings settings;

	assert_null(published_find(p, PORT_NONE));
	published_peer_settings(p, &p->view.peers[0], &settings);
	assert_int_equal(settings.config.path[0].port_id, PORT_NONE);
	published_free(p, &f->closing);
}

static void test_no_config(void **state)
{
	struct part_ref *none[RK_PART_CNT] = {NULL};
	struct published *p = NULL;
	uint16_t id = 0;

	(void)state;
	assert_int_equal(published_new(generation, none, NULL, find_port, &id, &p), -EINVAL);
	assert_null(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_ports_and_peers, setup, teardown),
		cmocka_unit_test_setup_teardown(test_port_that_is_not_there, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_config, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
