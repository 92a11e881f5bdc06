/* SPDX-License-Identifier: BSD-3-Clause */
/* P6, P8, F2: peers that are who they say they are, and want more than their share. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "dataplane/core/engine_state.h"
#include "tests/pair/host.h"
#include "tests/pair/identities.h"

static struct pair *up(const struct pair_options *o)
{
	struct pair *p = pair_new(o, east, west);

	pair_start(p, 0);
	pair_start(p, 1);
	assert_true(pair_run_until(p, pair_is_agreed, 10 * PAIR_SEC));
	pair_run(p, 2 * PAIR_SEC);
	assert_true(pair_is_agreed(p));
	return p;
}

static bool is_type(const struct pair_packet *packet, uint8_t type)
{
	return packet->payload[MSG_ENVELOPE_LEN + 5] == type;
}

/* West begins a rekey and forgets it as soon as its first message is out. */
static void begin_and_forget(struct pair *p)
{
	struct pair_node *n = &p->node[1];
	struct session *s = n->session[0];

	session_rotate(n->engine, s, false);
	pair_run(p, 3 * PAIR_MS);
	session_drop_rekeys(n->engine, s);
}

static bool no_answers_to_rekeys(struct pair *p, struct pair_packet *packet)
{
	(void)p;
	return !is_type(packet, MSG_REKEY_REPLY);
}

/* However often a peer begins anew, it gets the work of a few attempts, and others find jobs free. */
static void rekeys_without_end_cost_little(void **state)
{
	struct pair *p = up(&(struct pair_options){.seed = 1, .hold_ns = 100 * PAIR_MS});
	uint64_t jobs = p->node[0].job_cnt;

	(void)state;
	p->filter = no_answers_to_rekeys;
	for (unsigned i = 0; i < 200; i++)
		begin_and_forget(p);
	assert_true(p->node[0].job_cnt - jobs <= 14);
	assert_true(pair_counter(p, 0, "rate-limited") >= 180);
	p->filter = NULL;
	pair_run(p, 2 * PAIR_SEC); /* and it may rekey as before */
	session_rotate(p->node[1].engine, p->node[1].session[0], false);
	pair_run(p, 2 * PAIR_SEC);
	assert_true(pair_is_agreed(p));
	assert_true(pair_status(p, 0).rekey_cnt >= 1);
	pair_free(p);
}

static struct pair_packet held;

static bool hold_rekey_hello(struct pair *p, struct pair_packet *packet)
{
	(void)p;
	if (!is_type(packet, MSG_REKEY_HELLO))
		return true;
	held = *packet;
	return false;
}

static bool west_is_mute(struct pair *p, struct pair_packet *packet)
{
	(void)p;
	return packet->from != 1 || is_type(packet, MSG_REKEY_HELLO);
}

/* F2: the first message of an attempt given up comes late: the key agreed since is not pushed out. */
static void late_attempt_pushes_nothing_out(void **state)
{
	struct pair *p = up(&(struct pair_options){.seed = 2, .hold_ns = 100 * PAIR_MS});

	(void)state;
	p->filter = hold_rekey_hello;
	begin_and_forget(p);
	assert_true(is_type(&held, MSG_REKEY_HELLO));
	p->filter =
		west_is_mute; /* but for rekeys: east answers, and hears nothing under the key */
	pair_run(p, PAIR_SEC);
	session_rotate(p->node[1].engine, p->node[1].session[0], false);
	pair_run(p, 900 * PAIR_MS);
	assert_int_equal(pair_counter(p, 1, "rekeys-done"), 1);
	assert_true(pair_is_receivable(p));
	pair_inject(p, &held, 0);
	pair_run(p, 100 * PAIR_MS);
	assert_true(pair_is_receivable(p));
	p->filter = NULL;
	pair_run(p, PAIR_SEC);
	assert_true(pair_is_agreed(p));
	assert_int_equal(pair_counter(p, 0, "unknown-index"), 0);
	pair_free(p);
}

static bool only_west_dials(struct pair *p, struct pair_packet *packet)
{
	(void)p;
	return packet->from == 1 || !is_type(packet, MSG_HELLO);
}

/* Answers kept for duplicates do not keep others out: 16 exchanges at once, 30 in a few seconds. */
static void answers_that_are_kept_make_room(void **state)
{
	struct pair *p =
		pair_new(&(struct pair_options){.seed = 3, .are_verdicts_known = true}, east, west);

	(void)state;
	p->filter = only_west_dials;
	pair_start(p, 0);
	for (unsigned i = 0; i < 30; i++) {
		pair_start(p, 1);
		assert_true(pair_run_until(p, pair_is_agreed, 3 * PAIR_SEC));
		pair_crash(p, 1);
	}
	assert_true(p->now_ns < 1040 * PAIR_SEC);
	pair_free(p);
}

static void keep_answers_for_ever(struct engine *e)
{
	for (uint32_t i = 0; i < e->config.exchange_cnt; i++)
		if (e->exchanges[i].state == EXCHANGE_ANSWERED) {
			e->exchanges[i].expires_ns = UINT64_MAX;
			exchange_arm(e, &e->exchanges[i]);
		}
}

/* However long they are kept, they go when their room is asked for. */
static void answers_go_when_their_room_is_asked_for(void **state)
{
	struct pair *p =
		pair_new(&(struct pair_options){.seed = 8, .are_verdicts_known = true}, east, west);

	(void)state;
	p->filter = only_west_dials;
	pair_start(p, 0);
	for (unsigned i = 0; i < 30; i++) {
		pair_start(p, 1);
		assert_true(pair_run_until(p, pair_is_agreed, 3 * PAIR_SEC));
		pair_begin(&p->node[0]);
		keep_answers_for_ever(p->node[0].engine);
		pair_crash(p, 1);
	}
	assert_int_equal(p->node[0].engine->used_cnt, 12); /* the last quarter is kept free */
	pair_free(p);
}

/* All of our own places are taken when it is time to dial: it does not wait a whole interval. */
static void dial_that_found_no_place_comes_again_soon(void **state)
{
	struct pair *p = pair_new(
		&(struct pair_options){.seed = 9, .retransmit_interval_ns = 3600 * PAIR_SEC}, east,
		west);
	struct engine *e = p->node[1].engine;
	unsigned places = e->config.exchange_cnt / 4;

	(void)state;
	p->filter = only_west_dials;
	e->own_cnt += places;
	pair_start(p, 0);
	pair_start(p, 1);
	pair_run(p, 3 * PAIR_SEC);
	assert_true(pair_counter(p, 1, "exchange-table-full") >= 3);
	assert_int_equal(pair_counter(p, 1, "exchanges-started"), 0);
	e->own_cnt -= places;
	assert_true(pair_run_until(p, pair_is_agreed, PAIR_SEC));
	pair_free(p);
}

/* No place for its certificate at first: the same FINISH is taken when there is one. */
static void finish_that_found_no_place_comes_again(void **state)
{
	struct pair *p = pair_new(&(struct pair_options){.seed = 4}, east, west);
	struct parked *parked = p->node[0].engine->parked;

	(void)state;
	p->filter = only_west_dials;
	for (unsigned i = 0; i < ENGINE_PARKED_MAX; i++)
		parked[i].is_used = true;
	pair_start(p, 0);
	pair_start(p, 1);
	while (pair_counter(p, 0, "busy") == 0)
		assert_true(pair_step(p, p->now_ns + PAIR_SEC));
	for (unsigned i = 0; i < ENGINE_PARKED_MAX; i++)
		parked[i].is_used = false;
	assert_true(pair_run_until(p, pair_is_agreed, 3 * PAIR_SEC));
	assert_int_equal(pair_counter(p, 1, "exchanges-started"), 1);
	pair_free(p);
}

static unsigned longest_chain(const struct engine *e)
{
	unsigned longest = 0;

	for (uint32_t i = 0; i < e->config.exchange_cnt; i++) {
		unsigned len = 0;

		for (uint32_t at = e->hello_table[i]; at != 0; len++)
			at = e->exchanges[at - 1].next_entry;
		if (len > longest)
			longest = len;
	}
	return longest;
}

static bool hold_hello(struct pair *p, struct pair_packet *packet)
{
	(void)p;
	if (is_type(packet, MSG_HELLO))
		held = *packet;
	return false;
}

/* One exchange id from many addresses: they are not all in one chain of the table. */
static void one_id_from_everywhere_makes_no_long_chain(void **state)
{
	struct pair *p = pair_new(&(struct pair_options){.seed = 5}, east, west);

	(void)state;
	p->filter = hold_hello;
	pair_start(p, 1);
	pair_run(p, 2 * PAIR_SEC);
	assert_true(is_type(&held, MSG_HELLO));
	for (uint8_t i = 0; i < 9; i++) {
		held.source.remote[2] = (uint8_t)(100 + i);
		pair_inject(p, &held, 0);
	}
	pair_run(p, 100 * PAIR_MS);
	assert_true(p->node[0].engine->used_cnt >= 8);
	assert_true(longest_chain(p->node[0].engine) <= 4);
	pair_free(p);
}

/* Anybody can send HELLOs: of a crowd some are looked at in one iteration, others in the next. */
static void crowd_of_hellos_is_not_looked_at(void **state)
{
	struct pair *p = pair_new(&(struct pair_options){.seed = 10}, east, west);
	struct pair_node *n = &p->node[0];

	(void)state;
	p->filter = hold_hello;
	pair_start(p, 1);
	pair_run(p, 2 * PAIR_SEC);
	assert_true(is_type(&held, MSG_HELLO));
	for (unsigned round = 0; round < 2; round++) {
		pair_begin(n);
		for (unsigned i = 0; i < 20; i++)
			engine_receive(n->engine, &held.source, held.payload, held.len);
	}
	assert_int_equal(pair_counter(p, 0, "hello-crowded"), 8);
	assert_int_equal(pair_counter(p, 0, "packets-accepted") +
				 pair_counter(p, 0, "packets-duplicate") +
				 pair_counter(p, 0, "cookie-sent"),
		32);
	pair_free(p);
}

/* East says PENDING on and on: its exchange is held open by hand. */
static void say_pending(struct pair_node *n, struct exchange *x)
{
	static const uint8_t plain[] = {
		MSG_TLV_PENDING >> 8, MSG_TLV_PENDING & 0xff, 0, 2, 5000 >> 8, 5000 & 0xff};
	uint8_t buf[MSG_MAX];
	size_t len;

	pair_begin(n);
	x->expires_ns = x->retransmit_at_ns = n->pair->now_ns + 100 * PAIR_SEC;
	exchange_arm(n->engine, x);
	len = exchange_seal(n->engine, x, MSG_PENDING, (struct rk_span){plain, sizeof(plain)}, buf,
		sizeof(buf));
	assert_true(len > 0);
	engine_send(n->engine, &x->endpoint, buf, len);
}

static struct exchange *waiting_for_verdict(struct engine *e)
{
	for (uint32_t i = 0; i < e->config.exchange_cnt; i++)
		if (e->exchanges[i].state == EXCHANGE_EXPECT_VERDICT)
			return &e->exchanges[i];
	return NULL;
}

/* PENDING holds repetition back, but not an exchange for ever: others need its place. */
static void pending_has_an_end(void **state)
{
	struct pair *p = pair_new(
		&(struct pair_options){.seed = 6, .control_ns = 3600 * PAIR_SEC}, east, west);
	struct exchange *x;
	uint64_t id;

	(void)state;
	pair_know(p, 1, east);
	p->filter = only_west_dials;
	pair_start(p, 0);
	pair_start(p, 1);
	while ((x = waiting_for_verdict(p->node[0].engine)) == NULL)
		assert_true(pair_step(p, p->now_ns + PAIR_SEC));
	id = p->node[1].session[0]->own_exchange;
	for (unsigned i = 0; i < 12; i++) {
		say_pending(&p->node[0], x);
		pair_run(p, 3 * PAIR_SEC);
		if (i == 3)
			assert_non_null(exchange_find(p->node[1].engine, id));
	}
	assert_null(exchange_find(p->node[1].engine, id));
	pair_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rekeys_without_end_cost_little),
		cmocka_unit_test(late_attempt_pushes_nothing_out),
		cmocka_unit_test(answers_that_are_kept_make_room),
		cmocka_unit_test(answers_go_when_their_room_is_asked_for),
		cmocka_unit_test(dial_that_found_no_place_comes_again_soon),
		cmocka_unit_test(finish_that_found_no_place_comes_again),
		cmocka_unit_test(pending_has_an_end),
		cmocka_unit_test(crowd_of_hellos_is_not_looked_at),
		cmocka_unit_test(one_id_from_everywhere_makes_no_long_chain),
	};

	return cmocka_run_group_tests(tests, pair_make_identities, pair_free_identities);
}
