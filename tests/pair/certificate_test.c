/* SPDX-License-Identifier: BSD-3-Clause */
/* E5, E6: certificates on their way: in pieces, lost, out of order, many at once, and judged. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "dataplane/core/engine_state.h"
#include "tests/pair/identities.h"

#define PIECES 7

static struct pair_identity *large; /* west's, in PIECES pieces */

static bool is_type(const struct pair_packet *packet, uint8_t type)
{
	return packet->payload[MSG_ENVELOPE_LEN + 5] == type;
}

struct traffic {
	unsigned lose; /* bit n: the nth piece of west's that is sent */
	unsigned piece_cnt;
	unsigned need_cert_cnt;
	size_t longest;
};

static bool watch(struct pair *p, struct pair_packet *packet)
{
	struct traffic *t = p->filter_arg;

	t->longest = packet->len > t->longest ? packet->len : t->longest;
	t->need_cert_cnt += packet->from == 0 && is_type(packet, MSG_NEED_CERT);
	if (packet->from != 1 || !is_type(packet, MSG_CERT_FRAGMENT))
		return true;
	return !(t->lose >> t->piece_cnt++ & 1);
}

static struct pair *meet(const struct pair_options *o, struct traffic *t)
{
	struct pair *p = pair_new(o, east, large);

	p->filter = watch;
	p->filter_arg = t;
	pair_start(p, 1); /* west alone dials: east has no session yet, but answers */
	pair_run(p, PAIR_MS);
	session_dial_in(p->node[1].engine, p->node[1].session[0], 0);
	pair_start(p, 0);
	p->node[0].session[0]->dial_at_ns = 0;
	session_schedule(p->node[0].engine, p->node[0].session[0]);
	return p;
}

static void pieces_fit_their_datagrams(void **state)
{
	struct traffic t = {0};
	struct pair *p = meet(&(struct pair_options){.seed = 1}, &t);

	(void)state;
	assert_true(pair_run_until(p, pair_is_agreed, 5 * PAIR_SEC));
	assert_int_equal(t.piece_cnt, PIECES);
	assert_int_equal(t.need_cert_cnt, 1);
	assert_true(t.longest <= MSG_MAX);
	pair_free(p);
}

/* Any one of them, or any two: those alone are sent again. */
static void any_lost_piece_is_asked_for_again(void **state)
{
	(void)state;
	for (unsigned i = 0; i < PIECES * PIECES; i++) {
		unsigned lose = 1u << i / PIECES | 1u << i % PIECES;
		struct traffic t = {.lose = lose};
		struct pair *p = meet(&(struct pair_options){.seed = i}, &t);

		assert_true(pair_run_until(p, pair_is_agreed, 5 * PAIR_SEC));
		assert_int_equal(t.need_cert_cnt, 2);
		assert_int_equal(t.piece_cnt, PIECES + (unsigned)__builtin_popcount(lose));
		pair_free(p);
	}
}

static void pieces_come_in_any_order_and_twice(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 20; i++) {
		struct traffic t = {0};
		struct pair *p = meet(&(struct pair_options){.seed = i,
					      .latency_jitter_ns = 30 * PAIR_MS,
					      .duplicate_permille = 500},
			&t);

		assert_true(pair_run_until(p, pair_is_agreed, 5 * PAIR_SEC));
		assert_int_equal(pair_counter(p, 0, "bad-fragment"), 0);
		assert_int_equal(p->node[0].validate_cnt, 1);
		pair_free(p);
	}
}

/* All lost: asked for three times, and the exchange ends with its ten seconds. */
static void without_pieces_it_ends(void **state)
{
	struct traffic t = {.lose = UINT32_MAX};
	struct pair *p = meet(
		&(struct pair_options){.seed = 2, .retransmit_interval_ns = 30 * PAIR_SEC}, &t);

	struct engine_load load;

	(void)state;
	pair_run(p, 2 * PAIR_SEC);
	engine_load(p->node[0].engine, &load);
	assert_int_equal(load.exchange_cnt, 1);
	assert_int_equal(load.parked_cnt, 1);
	assert_int_equal(load.job_cnt, 0);
	pair_run(p, 10 * PAIR_SEC);
	assert_int_equal(t.need_cert_cnt, EXCHANGE_NEED_CERT_MAX);
	assert_int_equal(p->node[0].validate_cnt, 0);
	engine_load(p->node[0].engine, &load);
	assert_int_equal(load.exchange_cnt + load.parked_cnt + load.job_cnt, 0);
	for (unsigned i = 0; i < ENGINE_PARKED_MAX; i++)
		assert_false(p->node[0].engine->parked[i].is_used);
	pair_free(p);
}

/* E6: control's no is remembered: the same certificate is not asked about again for 10 s. */
static void a_no_is_remembered(void **state)
{
	struct traffic t = {0};
	struct pair *p;
	uint64_t asked;

	(void)state;
	large->verdict.status = RK_VERDICT_UNTRUSTED;
	p = pair_new(&(struct pair_options){.seed = 3}, east, large);
	p->node[1].global.credential_status = RK_VERDICT_GOOD; /* west believes in itself */
	p->filter = watch;
	p->filter_arg = &t;
	pair_start(p, 0);
	pair_start(p, 1);
	pair_run(p, 3 * PAIR_SEC);
	asked = p->node[0].validate_cnt;
	assert_int_equal(asked, 1);
	pair_run(p, 5 * PAIR_SEC);
	assert_int_equal(p->node[0].validate_cnt, asked);
	assert_true(pair_counter(p, 0, "certificate-untrusted") >= 2);
	assert_int_equal(p->node[0].known_cnt, 0);
	large->verdict.status = RK_VERDICT_GOOD;
	pair_free(p);
}

/* All that one source may have are taken, from where west is but for the last byte. */
static void fill_places(struct pair *p, bool are_taken, uint8_t last)
{
	for (unsigned i = 0; i < PARKED_PER_SOURCE_MAX; i++) {
		struct parked *place = &p->node[0].engine->parked[i];

		place->is_used = are_taken;
		place->from = p->node[0].config[0].path[0];
		place->from.remote[place->from.family == 4 ? 3 : 15] = last;
	}
}

/* E5: the next of that source is busy, and others are not kept waiting. */
static void one_source_has_four_places(void **state)
{
	struct traffic t = {0};
	struct pair *p = meet(&(struct pair_options){.seed = 4}, &t);

	(void)state;
	fill_places(p, true, 2);
	pair_run(p, 2 * PAIR_SEC);
	assert_true(pair_counter(p, 0, "busy") > 0);
	assert_int_equal(t.need_cert_cnt, 0);
	fill_places(p, true, 99); /* somebody else's */
	assert_true(pair_run_until(p, pair_is_agreed, 15 * PAIR_SEC));
	fill_places(p, false, 99);
	pair_free(p);
}

/* E5: whoever has one address of a /64 has them all. */
static void one_ipv6_network_has_four_places(void **state)
{
	struct traffic t = {0};
	struct pair *p = meet(&(struct pair_options){.seed = 4, .is_ipv6 = true}, &t);

	(void)state;
	fill_places(p, true, 99);
	pair_run(p, 2 * PAIR_SEC);
	assert_true(pair_counter(p, 0, "busy") > 0);
	assert_int_equal(t.need_cert_cnt, 0);
	fill_places(p, false, 99);
	assert_true(pair_run_until(p, pair_is_agreed, 15 * PAIR_SEC));
	pair_free(p);
}

/* E5: what others hold does not keep us from dialling, and we leave half of all to them. */
static void our_own_have_places_of_their_own(void **state)
{
	struct traffic t = {0};
	struct pair *p = meet(&(struct pair_options){.seed = 4}, &t);
	struct parked *place = p->node[1].engine->parked;

	(void)state;
	for (unsigned i = 0; i < PARKED_OWN_MAX; i++)
		place[i].is_used = place[i].is_own = true;
	pair_run(p, 2 * PAIR_SEC);
	assert_true(pair_counter(p, 1, "busy") > 0);
	for (unsigned i = 0; i < PARKED_OWN_MAX; i++) {
		place[i].is_own = false;
		place[i].from = p->node[1].config[0].path[0];
	}
	assert_true(pair_run_until(p, pair_is_agreed, 15 * PAIR_SEC));
	for (unsigned i = 0; i < PARKED_OWN_MAX; i++)
		place[i].is_used = false;
	pair_free(p);
}

static int make_identities(void **state)
{
	static char comment[(PIECES - 1) * FRAGMENT_LEN + 1];

	memset(comment, 'x', sizeof(comment) - 1);
	large = pair_identity_new("west", TEST_P256,
		&(struct test_cert){.extra_name = "nsComment", .extra_value = comment});
	assert_int_equal((large->der_len + FRAGMENT_LEN - 1) / FRAGMENT_LEN, PIECES);
	return pair_make_identities(state);
}

static int free_identities(void **state)
{
	pair_identity_free(large);
	return pair_free_identities(state);
}

struct sealed {
	struct pair_packet reply; /* the first one */
	uint64_t counter[8];      /* of what east sealed */
	unsigned cnt;
	bool has_finish;
};

static bool note_counters(struct pair *p, struct pair_packet *packet)
{
	struct sealed *s = p->filter_arg;
	struct wire_packet w;

	if (packet->from == 1 && is_type(packet, MSG_REPLY) && s->reply.len == 0)
		s->reply = *packet;
	if (packet->from == 1 || !(is_type(packet, MSG_NEED_CERT) || is_type(packet, MSG_FINISH)))
		return true;
	assert_int_equal(wire_parse_packet(&w, packet->payload, packet->len), REASON_ACCEPTED);
	for (unsigned i = 0; i < s->cnt; i++)
		assert_int_not_equal(w.counter, s->counter[i]);
	assert_true(s->cnt < 8);
	s->counter[s->cnt++] = w.counter;
	s->has_finish |= is_type(packet, MSG_FINISH);
	return false;
}

/* E2: a REPLY that is taken again, after a forgery, gives the same key once more. */
static void no_counter_is_used_again(void **state)
{
	struct pair *p =
		pair_new(&(struct pair_options){.seed = 5, .retransmit_interval_ns = 30 * PAIR_SEC},
			east, large);
	uint64_t limit = p->now_ns + 12 * PAIR_SEC;
	struct sealed sealed = {0};
	struct pair_packet forged;

	(void)state;
	p->filter = note_counters;
	p->filter_arg = &sealed;
	pair_start(p, 1);
	p->node[1].session[0]->dial_at_ns = 0;
	session_schedule(p->node[1].engine, p->node[1].session[0]);
	pair_start(p, 0);
	session_dial_in(p->node[0].engine, p->node[0].session[0], 0);
	while (pair_counter(p, 0, "certificate-unknown") == 0)
		assert_true(pair_step(p, limit));
	assert_int_equal(sealed.cnt, EXCHANGE_NEED_CERT_MAX);
	forged = sealed.reply;
	forged.payload[forged.len - 1] ^= 1;
	pair_inject(p, &forged, 0);
	pair_run(p, PAIR_MS);
	assert_int_equal(pair_counter(p, 0, "bad-proof"), 1);
	pair_know(p, 0, large);
	pair_inject(p, &sealed.reply, 0);
	pair_run(p, PAIR_MS);
	assert_true(sealed.has_finish);
	pair_free(p);
}

static struct exchange *waiting_for_pieces(struct pair *p)
{
	struct engine *e = p->node[0].engine;

	for (unsigned i = 0; i < e->config.exchange_cnt; i++)
		if (e->exchanges[i].state == EXCHANGE_EXPECT_CERTIFICATE)
			return &e->exchanges[i];
	return NULL;
}

static bool is_waiting(struct pair *p)
{
	return waiting_for_pieces(p) != NULL;
}

/*
 * The last piece comes when the verdict is known from elsewhere and the exchange's work is used up:
 * the piece did what it is for, the exchange is given up. P12, which every delivery is held to.
 */
static void last_piece_without_work_left_has_one_reason(void **state)
{
	struct traffic t = {0};
	struct pair *p = meet(&(struct pair_options){.seed = 8}, &t);
	uint64_t accepted;

	(void)state;
	assert_true(pair_run_until(p, is_waiting, PAIR_SEC));
	waiting_for_pieces(p)->work_cnt = EXCHANGE_WORK_MAX;
	pair_know(p, 0, large);
	accepted = pair_counter(p, 0, "packets-accepted");
	pair_run(p, 20 * PAIR_MS);
	assert_true(pair_counter(p, 0, "packets-accepted") >= accepted + PIECES);
	assert_int_equal(pair_counter(p, 0, "work-limit"), 0);
	assert_int_equal(pair_counter(p, 0, "exchanges-given-up"), 1);
	assert_true(pair_run_until(p, pair_is_agreed, 20 * PAIR_SEC));
	pair_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pieces_fit_their_datagrams),
		cmocka_unit_test(any_lost_piece_is_asked_for_again),
		cmocka_unit_test(pieces_come_in_any_order_and_twice),
		cmocka_unit_test(without_pieces_it_ends),
		cmocka_unit_test(a_no_is_remembered),
		cmocka_unit_test(one_source_has_four_places),
		cmocka_unit_test(one_ipv6_network_has_four_places),
		cmocka_unit_test(our_own_have_places_of_their_own),
		cmocka_unit_test(no_counter_is_used_again),
		cmocka_unit_test(last_piece_without_work_left_has_one_reason),
	};

	return cmocka_run_group_tests(tests, make_identities, free_identities);
}
