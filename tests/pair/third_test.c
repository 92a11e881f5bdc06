/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A third configured peer, north, whose certificate is as good as west's: east takes it for north and
 * for nobody else. It cannot answer in west's place, take over an exchange, or use what it overheard.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dataplane/core/engine_state.h"
#include "tests/pair/host.h"
#include "tests/pair/identities.h"

#define NORTH_ADDRESS 3 /* the last byte of where east expects north */

static struct pair_identity *north;

/* East has north configured beside west, at an address of its own, and dials it in vain. */
static struct session *add_north(struct pair *p)
{
	struct pair_node *east_node = &p->node[0];
	struct session_config *c = &east_node->config[1];

	*c = east_node->config[0];
	c->name = c->peering_common_name = north->name;
	c->peering_common_name_len = (uint8_t)strlen(north->name);
	east_node->path[1][0] = east_node->path[0][0];
	east_node->path[1][0].remote[3] = NORTH_ADDRESS;
	c->path = east_node->path[1];
	pair_begin(east_node);
	east_node->session[1] = aligned_alloc(64, (session_size() + 63) / 64 * 64);
	assert_non_null(east_node->session[1]);
	memset(east_node->session[1], 0, session_size());
	assert_int_equal(session_add(east_node->engine, east_node->session[1], c), 0);
	east_node->session_cnt = 2;
	return east_node->session[1];
}

static void remove_north(struct pair *p)
{
	struct pair_node *n = &p->node[0];

	pair_begin(n);
	session_remove(n->engine, n->session[1]);
	free(n->session[1]);
	n->session[1] = NULL;
	n->session_cnt = 1;
}

static bool has_keys(const struct session *s)
{
	return s->has_peer || keyslot_is_used(s->keys.slot[KEYRING_CURRENT]) ||
	       keyslot_is_used(s->keys.slot[KEYRING_NEXT]);
}

/* At west's address, under west's name: only the certificate is north's own. */
static struct pair_identity *impostor_new(void)
{
	struct pair_identity *id = malloc(sizeof(*id));

	assert_non_null(id);
	*id = *north;
	strcpy(id->name, west->name);
	return id;
}

/* Whoever of the two dials, and though both sides know the certificate to be good. */
static void third_peer_is_not_taken_for_another(void **state)
{
	(void)state;
	for (unsigned dialler = 0; dialler < 2; dialler++) {
		struct pair_identity *impostor = impostor_new();
		struct pair *p =
			pair_new(&(struct pair_options){.seed = 30 + dialler}, east, impostor);

		pair_know(p, 0, north);
		pair_know(p, 1, east);
		pair_start(p, 0);
		add_north(p);
		if (dialler == 1)
			pair_start(p, 1);
		pair_run(p, 30 * PAIR_SEC);
		assert_false(has_keys(p->node[0].session[0]));
		assert_false(has_keys(p->node[0].session[1]));
		assert_true(pair_counter(p, 0, "identity-unexpected") > 0);
		assert_int_equal(pair_counter(p, 0, "exchanges-done"), 0);
		if (dialler ==
			1) /* as north it may come from where north is, and from there alone */
			assert_true(pair_counter(p, 0, "address-not-configured") > 0);
		remove_north(p);
		pair_free(p);
		free(impostor);
	}
}

/* Everything that east and west say comes a second time from where north is: before or after. */
static bool echo_from_north(struct pair *p, struct pair_packet *packet)
{
	struct pair_packet copy = *packet;

	copy.source.remote[3] = NORTH_ADDRESS;
	pair_inject(p, &copy, pair_random(p) % (4 * PAIR_MS));
	return true;
}

static void overheard_messages_are_of_no_use(void **state)
{
	struct pair *p = pair_new(
		&(struct pair_options){
			.seed = 33, .rekey_interval_ns = 2 * PAIR_SEC, .hold_ns = PAIR_SEC},
		east, west);
	struct session *s;

	(void)state;
	p->filter = echo_from_north;
	pair_start(p, 0);
	pair_start(p, 1);
	s = add_north(p);
	assert_true(pair_run_until(p, pair_is_agreed, 10 * PAIR_SEC));
	for (unsigned i = 0; i < 60; i++) {
		pair_run(p, 500 * PAIR_MS);
		assert_true(pair_run_until(p, pair_is_agreed, 200 * PAIR_MS));
		assert_false(has_keys(s));
		for (unsigned n = 0; n < 2; n++) /* nor does anybody move there */
			assert_int_not_equal(
				p->node[n].session[0]->endpoint.remote[3], NORTH_ADDRESS);
	}
	assert_true(pair_status(p, 0).rekey_cnt > 5);
	assert_int_equal(pair_counter(p, 0, "paths-moved"), 0);
	remove_north(p);
	pair_free(p);
}

static int set_up(void **state)
{
	north = pair_identity_new("north", TEST_P256, NULL);
	return pair_make_identities(state);
}

static int tear_down(void **state)
{
	pair_identity_free(north);
	return pair_free_identities(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(third_peer_is_not_taken_for_another),
		cmocka_unit_test(overheard_messages_are_of_no_use),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
