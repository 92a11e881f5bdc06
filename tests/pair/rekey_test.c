/* SPDX-License-Identifier: BSD-3-Clause */
/* Standing peerings: fast rekeys, keep-alives, collisions, silence, restarts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "dataplane/core/engine_state.h"
#include "tests/pair/identities.h"

static struct pair *up(const struct pair_options *o)
{
	struct pair *p = pair_new(o, east, west);

	pair_start(p, 0);
	pair_start(p, 1);
	assert_true(pair_run_until(p, pair_is_agreed, 10 * PAIR_SEC));
	return p;
}

static void keep_alives_cross_unharmed(void **state)
{
	struct pair *p = up(&(struct pair_options){.seed = 1});
	uint64_t sent, received;

	(void)state;
	pair_run(p, 60 * PAIR_SEC);
	pair_run(p, 500 * PAIR_MS);
	sent = pair_status(p, 0).keep_alive_sent_cnt;
	received = pair_status(p, 1).keep_alive_received_cnt;
	assert_true(sent >= 55);
	assert_true(received + 1 >= sent && received <= sent);
	assert_true(pair_is_agreed(p));
	pair_free(p);
}

/* Fresh keys every time, and not one keep-alive lost on the way. */
static void rekeys_lose_nothing(void **state)
{
	struct pair *p = up(&(struct pair_options){.seed = 2,
		.rekey_interval_ns = 2 * PAIR_SEC,
		.keep_alive_interval_ns = 50 * PAIR_MS,
		.job_ns = PAIR_MS});
	uint64_t sent, received, bad;
	uint8_t last[16];
	unsigned i;

	(void)state;
	memcpy(last, pair_status(p, 0).exported, 16);
	for (i = 0; i < 10; i++) {
		pair_run(p, 4 * PAIR_SEC);
		assert_true(pair_run_until(p, pair_is_agreed, PAIR_SEC));
		assert_memory_not_equal(last, pair_status(p, 0).exported, 16);
		memcpy(last, pair_status(p, 0).exported, 16);
	}
	assert_true(pair_status(p, 0).rekey_cnt >= 10);
	assert_int_equal(pair_status(p, 0).full_exchange_cnt, 1);
	sent = pair_status(p, 0).keep_alive_sent_cnt + pair_status(p, 1).keep_alive_sent_cnt;
	received = pair_status(p, 0).keep_alive_received_cnt +
		   pair_status(p, 1).keep_alive_received_cnt;
	assert_true(received + 2 >= sent); /* at most the two on their way */
	bad = pair_counter(p, 0, "bad-authentication") + pair_counter(p, 1, "bad-authentication") +
	      pair_counter(p, 0, "unknown-index") + pair_counter(p, 1, "unknown-index");
	assert_int_equal(bad, 0);
	pair_free(p);
}

static bool has_rekeyed(struct pair *p)
{
	return pair_is_agreed(p) && pair_status(p, 0).rekey_cnt >= 1;
}

static void rotate_on_demand(void **state)
{
	struct pair *p = up(&(struct pair_options){.seed = 3, .hold_ns = PAIR_SEC});

	(void)state;
	pair_run(p, 2 * PAIR_SEC);
	session_rotate(p->node[0].engine, p->node[0].session[0], false);
	assert_true(pair_run_until(p, has_rekeyed, 5 * PAIR_SEC));
	pair_free(p);
}

/* Both at the same instant: one key comes out, and traffic goes on. */
static void simultaneous_rekeys_converge(void **state)
{
	struct pair *p = up(&(struct pair_options){
		.seed = 4, .hold_ns = PAIR_SEC, .keep_alive_interval_ns = 100 * PAIR_MS});
	uint64_t before;
	unsigned i;

	(void)state;
	for (i = 0; i < 5; i++) {
		pair_run(p, 3 * PAIR_SEC);
		before = pair_status(p, 0).rekey_cnt;
		session_rotate(p->node[0].engine, p->node[0].session[0], false);
		session_rotate(p->node[1].engine, p->node[1].session[0], false);
		pair_run(p, 3 * PAIR_SEC);
		assert_true(pair_is_agreed(p));
		assert_true(pair_status(p, 0).rekey_cnt > before);
	}
	pair_free(p);
}

static bool west_is_gone(struct pair *p, struct pair_packet *packet)
{
	(void)p;
	return packet->from != 1 && packet->to != 1;
}

/* The key survives an outage. */
static void outage_ends_and_the_key_is_still_good(void **state)
{
	struct pair *p = up(&(struct pair_options){.seed = 5});

	(void)state;
	p->filter = west_is_gone;
	pair_run(p, 30 * PAIR_SEC);
	p->filter = NULL;
	assert_true(pair_run_until(p, pair_is_agreed, 10 * PAIR_SEC));
	pair_run(p, 5 * PAIR_SEC);
	assert_true(pair_is_agreed(p));
	pair_free(p);
}

static void long_outage_takes_the_path_down_and_up_again(void **state)
{
	struct pair *p = up(&(struct pair_options){.seed = 6, .timeout_ns = 10 * PAIR_SEC});

	(void)state;
	p->filter = west_is_gone;
	pair_run(p, 60 * PAIR_SEC);
	assert_int_equal(pair_status(p, 0).state, RK_PEER_DOWN);
	p->filter = NULL;
	assert_true(pair_run_until(p, pair_is_agreed, 30 * PAIR_SEC));
	pair_free(p);
}

static void restart_is_noticed_and_healed(void **state)
{
	struct pair *p = up(&(struct pair_options){.seed = 7});
	uint8_t last[16];

	(void)state;
	memcpy(last, pair_status(p, 0).exported, 16);
	pair_crash(p, 1);
	pair_run(p, 10 * PAIR_MS);
	pair_start(p, 1);
	assert_true(pair_run_until(p, pair_is_agreed, 10 * PAIR_SEC));
	assert_memory_not_equal(last, pair_status(p, 0).exported, 16);
	pair_free(p);
}

static struct pair_packet recorded[64];
static size_t recorded_cnt;

static bool record(struct pair *p, struct pair_packet *packet)
{
	(void)p;
	if (recorded_cnt < sizeof(recorded) / sizeof(recorded[0]))
		recorded[recorded_cnt++] = *packet;
	return true;
}

/* Everything ever said, said again, twice, in any order: nothing changes. */
static void replay_changes_nothing(void **state)
{
	struct pair *p = pair_new(&(struct pair_options){.seed = 8}, east, west);
	struct rk_msg_status_peer before[2], after;
	uint64_t received;
	size_t i;

	(void)state;
	recorded_cnt = 0;
	p->filter = record;
	pair_start(p, 0);
	pair_start(p, 1);
	assert_true(pair_run_until(p, pair_is_agreed, 10 * PAIR_SEC));
	pair_run(p, 3 * PAIR_SEC);
	p->filter = west_is_gone; /* nothing new crosses meanwhile */
	pair_run(p, 100 * PAIR_MS);
	before[0] = pair_status(p, 0);
	before[1] = pair_status(p, 1);
	for (i = 0; i < 2 * recorded_cnt; i++)
		pair_inject(p, &recorded[(i * 7) % recorded_cnt], i * 1000);
	pair_run(p, 100 * PAIR_MS);
	for (i = 0; i < 2; i++) {
		after = pair_status(p, (unsigned)i);
		received = before[i].keep_alive_received_cnt;
		assert_int_equal(after.keep_alive_received_cnt, received);
		assert_int_equal(after.full_exchange_cnt, before[i].full_exchange_cnt);
		assert_memory_equal(after.exported, before[i].exported, 16);
		assert_int_equal(after.state, before[i].state);
	}
	p->filter = NULL;
	assert_true(pair_run_until(p, pair_is_agreed, 10 * PAIR_SEC));
	pair_free(p);
}

static bool flip_a_bit(struct pair *p, struct pair_packet *packet)
{
	packet->payload[pair_random(p) % packet->len] ^= (uint8_t)(1u << pair_random(p) % 8);
	return true;
}

/* A network that garbles everything cannot take a standing peering away. */
static void garbled_packets_change_nothing(void **state)
{
	struct pair *p = up(&(struct pair_options){.seed = 9});
	uint8_t exported[16];

	(void)state;
	memcpy(exported, pair_status(p, 0).exported, 16);
	p->filter = flip_a_bit;
	pair_run(p, 20 * PAIR_SEC);
	assert_memory_equal(exported, pair_status(p, 0).exported, 16);
	assert_memory_equal(exported, pair_status(p, 1).exported, 16);
	p->filter = NULL;
	assert_true(pair_run_until(p, pair_is_agreed, 10 * PAIR_SEC));
	pair_free(p);
}

/* After 255 attempts that came to nothing the serial is that of a key in use. */
static void an_index_in_use_is_not_given_again(void **state)
{
	struct pair *p = pair_new(&(struct pair_options){.seed = 1}, east, west);
	struct session *s;
	uint32_t index;

	(void)state;
	pair_start(p, 0);
	pair_start(p, 1);
	assert_true(pair_run_until(p, pair_is_agreed, 5 * PAIR_SEC));
	s = p->node[0].session[0];
	index = s->keys.slot[KEYRING_CURRENT]->local_index;
	s->serial = (uint8_t)(index - 1);
	assert_int_not_equal(session_new_index(p->node[0].engine, s), index);
	pair_free(p);
}

/* The answer is sealed under the base and its key becomes NEXT: that cannot be one slot. */
static void next_is_no_base(void **state)
{
	struct pair *p = pair_new(&(struct pair_options){.seed = 1}, east, west);
	struct keyring *keys;
	struct session *s;
	uint32_t index;

	(void)state;
	pair_start(p, 0);
	pair_start(p, 1);
	assert_true(pair_run_until(p, pair_is_agreed, 5 * PAIR_SEC));
	s = p->node[0].session[0];
	keys = &s->keys;
	index = keys->slot[KEYRING_CURRENT]->local_index;
	keyring_set_next(&p->node[0].engine->slots, keys, keys->slot[KEYRING_CURRENT]);
	keyring_set_loser(keys, true);
	keys->slot[KEYRING_CURRENT]->local_index = session_new_index(p->node[0].engine, s);
	s->next_until_ns = p->now_ns + 10 * PAIR_SEC;
	keyring_drop(&p->node[0].engine->slots, keys, KEYRING_PREVIOUS);
	keyring_drop(&p->node[1].engine->slots, &p->node[1].session[0]->keys, KEYRING_PREVIOUS);
	p->node[1].session[0]->is_unproved = false;
	session_rotate(p->node[1].engine, p->node[1].session[0], false);
	pair_run(p, 100 * PAIR_MS);
	assert_int_equal(pair_counter(p, 1, "rekeys-started"), 1);
	assert_int_equal(pair_counter(p, 0, "no-base-slot"), 1);
	assert_int_equal(keys->slot[KEYRING_NEXT]->local_index, index);
	pair_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keep_alives_cross_unharmed),
		cmocka_unit_test(rekeys_lose_nothing),
		cmocka_unit_test(rotate_on_demand),
		cmocka_unit_test(simultaneous_rekeys_converge),
		cmocka_unit_test(outage_ends_and_the_key_is_still_good),
		cmocka_unit_test(long_outage_takes_the_path_down_and_up_again),
		cmocka_unit_test(restart_is_noticed_and_healed),
		cmocka_unit_test(replay_changes_nothing),
		cmocka_unit_test(garbled_packets_change_nothing),
		cmocka_unit_test(an_index_in_use_is_not_given_again),
		cmocka_unit_test(next_is_no_base),
	};

	return cmocka_run_group_tests(tests, pair_make_identities, pair_free_identities);
}
