/* SPDX-License-Identifier: BSD-3-Clause */
/* Addresses: IPv6, several paths that share one key, and roaming (docs/protocol.md, "Paths"). */
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

static bool is_type(const struct pair_packet *packet, uint8_t type)
{
	return packet->payload[MSG_ENVELOPE_LEN + 5] == type;
}

static const struct endpoint *sends_to(struct pair *p, unsigned node)
{
	return &p->node[node].session[0]->endpoint;
}

static bool has_rekeyed(struct pair *p)
{
	return pair_is_agreed(p) && pair_status(p, 0).rekey_cnt > 0;
}

static void ipv6_is_the_same(void **state)
{
	struct pair *p = up(
		&(struct pair_options){.seed = 1, .is_ipv6 = true, .rekey_interval_ns = PAIR_SEC});

	(void)state;
	assert_int_equal(sends_to(p, 0)->family, 6);
	assert_true(pair_run_until(p, has_rekeyed, 5 * PAIR_SEC));
	pair_free(p);
}

/* ---- several paths --------------------------------------------------------------------------- */

static bool first_path_is_cut(struct pair *p, struct pair_packet *packet)
{
	(void)p;
	return packet->source.local[2] != 2;
}

static bool is_agreed_elsewhere(struct pair *p)
{
	return pair_is_agreed(p) && sends_to(p, 0)->local[2] == 3 && sends_to(p, 1)->local[2] == 3;
}

/* The first path dies: the next one takes over as soon as silence is noticed. */
static void next_path_takes_over(void **state)
{
	struct pair *p = up(&(struct pair_options){.seed = 3, .path_cnt = 2});
	uint64_t began = p->now_ns;

	(void)state;
	assert_int_equal(sends_to(p, 0)->local[2], 2);
	p->filter = first_path_is_cut;
	assert_true(pair_run_until(p, is_agreed_elsewhere, 10 * PAIR_SEC));
	assert_true(p->now_ns - began < 6 * PAIR_SEC);
	pair_free(p);
}

/* It never was there: each attempt that fails takes the next path. */
static void failure_tries_the_next_path(void **state)
{
	struct pair *p = pair_new(&(struct pair_options){.seed = 9, .path_cnt = 2}, east, west);

	(void)state;
	p->filter = first_path_is_cut;
	pair_start(p, 0);
	pair_start(p, 1);
	assert_true(pair_run_until(p, is_agreed_elsewhere, 30 * PAIR_SEC));
	pair_free(p);
}

static bool takes_another_path(struct pair *p, struct pair_packet *packet)
{
	(void)p;
	if (is_type(packet, MSG_KEEP_ALIVE)) {
		packet->source.local[2] = packet->source.remote[2] = 3;
		packet->source.local_port = packet->source.remote_port = 1281;
	}
	return true;
}

/* One key for all paths: what comes on another one is good, and moves nothing. */
static void one_key_for_all_paths(void **state)
{
	struct pair *p = up(&(struct pair_options){.seed = 4, .path_cnt = 2});
	uint64_t received = pair_status(p, 0).keep_alive_received_cnt;

	(void)state;
	p->filter = takes_another_path;
	pair_run(p, 20 * PAIR_SEC);
	assert_true(pair_is_agreed(p));
	assert_true(pair_status(p, 0).keep_alive_received_cnt >= received + 18);
	assert_int_equal(sends_to(p, 0)->local[2], 2);
	assert_int_equal(pair_counter(p, 0, "silences"), 0);
	pair_free(p);
}

/* A path that is not configured gives no exchange, however good the certificate. */
static void other_addresses_give_no_exchange(void **state)
{
	struct pair *p = pair_new(&(struct pair_options){.seed = 5}, east, west);

	(void)state;
	p->node[1].path[0][0].local_port = 4444;
	pair_start(p, 0);
	pair_start(p, 1);
	pair_run(p, 15 * PAIR_SEC);
	assert_true(pair_counter(p, 0, "address-not-configured") > 0);
	assert_true(pair_counter(p, 1, "address-not-configured") > 0);
	assert_int_equal(pair_status(p, 0).full_exchange_cnt, 0);
	pair_free(p);
}

/* ---- roaming --------------------------------------------------------------------------------- */

/* West behind a translator: 198.51.100.2:PORT outside, 192.0.2.2:1280 inside. */
struct translator {
	uint16_t port;
	unsigned challenge_cnt;
	uint64_t challenged_bytes;
	bool loses_responses;
};

static bool translate(struct pair *p, struct pair_packet *packet)
{
	static const uint8_t inside[4] = {192, 0, 2, 2}, outside[4] = {198, 51, 100, 2};
	struct translator *t = p->filter_arg;

	if (packet->from == 1) {
		if (t->loses_responses && is_type(packet, MSG_PATH_RESPONSE))
			return false;
		memcpy(packet->source.remote, outside, 4);
		packet->source.remote_port = t->port;
		return true;
	}
	if (is_type(packet, MSG_PATH_CHALLENGE)) {
		t->challenge_cnt++;
		t->challenged_bytes += packet->len;
	}
	if (memcmp(packet->source.local, outside, 4) == 0 && packet->source.local_port != t->port)
		return false; /* that mapping is gone */
	memcpy(packet->source.local, inside, 4);
	packet->source.local_port = 1280;
	return true;
}

static struct pair *roaming(struct translator *t, bool is_allowed)
{
	struct pair *p = up(&(struct pair_options){
		.seed = 6, .is_roaming = is_allowed, .keep_alive_interval_ns = 100 * PAIR_MS});

	p->filter = translate;
	p->filter_arg = t;
	return p;
}

static bool is_at(struct pair *p)
{
	const struct translator *t = p->filter_arg;

	return sends_to(p, 0)->remote[0] == 198 && sends_to(p, 0)->remote_port == t->port;
}

/* R1: a new address is followed after one challenge, again and again, without an exchange. */
static void address_follows_an_answered_challenge(void **state)
{
	struct translator t = {.port = 4001};
	struct pair *p = roaming(&t, true);
	uint64_t exchanges = pair_status(p, 0).full_exchange_cnt;

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		t.port++;
		assert_true(pair_run_until(p, is_at, 300 * PAIR_MS));
		pair_run(p, 2 * PAIR_SEC);
		assert_true(pair_is_agreed(p));
	}
	assert_int_equal(t.challenge_cnt, 4);
	assert_int_equal(pair_counter(p, 0, "paths-moved"), 4);
	assert_int_equal(pair_counter(p, 0, "silences") + pair_counter(p, 1, "silences"), 0);
	assert_int_equal(pair_status(p, 0).full_exchange_cnt, exchanges);
	pair_free(p);
}

/* R1: no answer, no move; and no more bytes go there than came. */
static void unanswered_challenge_moves_nothing(void **state)
{
	struct translator t = {.port = 4001, .loses_responses = true};
	struct pair *p = roaming(&t, true);
	uint64_t sent = p->node[1].sent_bytes;

	(void)state;
	pair_run(p, PAIR_SEC);
	assert_false(is_at(p));
	assert_true(t.challenge_cnt >= 5);
	assert_true(t.challenged_bytes <= p->node[1].sent_bytes - sent);
	assert_int_equal(pair_counter(p, 0, "paths-moved"), 0);
	pair_free(p);
}

static void roaming_is_off_unless_set(void **state)
{
	struct translator t = {.port = 4001};
	struct pair *p = roaming(&t, false);

	(void)state;
	pair_run(p, 5 * PAIR_SEC);
	assert_int_equal(t.challenge_cnt, 0);
	assert_false(is_at(p));
	assert_true(pair_is_agreed(p)); /* the key is good from anywhere */
	pair_free(p);
}

static struct pair_packet held;

static bool hold_one_back(struct pair *p, struct pair_packet *packet)
{
	(void)p;
	if (held.len != 0 || packet->from != 1 || !is_type(packet, MSG_KEEP_ALIVE))
		return true;
	held = *packet;
	return false;
}

/* R1: a packet that was overtaken says nothing about where the peer is now. */
static void only_the_newest_packet_counts(void **state)
{
	struct pair *p = up(&(struct pair_options){
		.seed = 7, .is_roaming = true, .keep_alive_interval_ns = 100 * PAIR_MS});

	(void)state;
	held.len = 0;
	p->filter = hold_one_back;
	pair_run(p, PAIR_SEC);
	assert_true(held.len > 0);
	held.source.remote[0] = 198;
	pair_inject(p, &held, 0);
	pair_run(p, 50 * PAIR_MS);
	assert_int_equal(pair_counter(p, 0, "path-challenges-sent"), 0);
	assert_int_equal(pair_counter(p, 0, "replayed"), 0);
	pair_free(p);
}

/* West's answer is on its way for long. */
struct slow {
	struct translator translator;
	struct pair_packet response;
};

static bool hold_response(struct pair *p, struct pair_packet *packet)
{
	struct slow *s = p->filter_arg;

	if (!translate(p, packet))
		return false;
	if (packet->from != 1 || !is_type(packet, MSG_PATH_RESPONSE))
		return true;
	if (s->response.len == 0)
		s->response = *packet;
	return false;
}

/* R1: an answer that was overtaken, or came under a key that is in use no longer, moves nothing. */
static void overtaken_answer_moves_nothing(void **state)
{
	(void)state;
	for (unsigned is_rekeyed = 0; is_rekeyed < 2; is_rekeyed++) {
		struct slow s = {.translator = {.port = 4001}};
		struct pair *p = roaming(&s.translator, true);

		p->filter = hold_response;
		p->filter_arg = &s;
		while (s.response.len == 0)
			assert_true(pair_step(p, p->now_ns + PAIR_SEC));
		if (is_rekeyed) { /* nothing else comes under the old key meanwhile */
			p->filter = NULL;
			session_rotate(p->node[1].engine, p->node[1].session[0], false);
			assert_true(pair_run_until(p, has_rekeyed, PAIR_SEC));
			p->node[0].session[0]->keys.slot[KEYRING_PREVIOUS]->window =
				(struct replay_window){0}; /* as if it were the newest there */
			p->filter = hold_response;
		} else {
			pair_run(p, 200 * PAIR_MS);
		}
		pair_inject(p, &s.response, 0);
		pair_run(p, PAIR_MS / 2);
		assert_int_equal(pair_counter(p, 0, "paths-moved"), 0);
		assert_true(pair_counter(p, 0, "packets-duplicate") > 0);
		pair_free(p);
	}
}

static bool answer_from_elsewhere(struct pair *p, struct pair_packet *packet)
{
	struct translator *t = p->filter_arg;

	if (packet->from == 1)
		packet->source.remote_port = is_type(packet, MSG_PATH_RESPONSE) ? 5555 : t->port;
	else
		packet->source.local_port = 1280;
	return true;
}

/* R1: the answer counts for the address that was challenged, and no other. */
static void answer_from_another_address_is_refused(void **state)
{
	struct translator t = {.port = 4001};
	struct pair *p = roaming(&t, true);

	(void)state;
	p->filter = answer_from_elsewhere;
	pair_run(p, PAIR_SEC);
	assert_true(pair_counter(p, 0, "wrong-source") > 0);
	assert_int_equal(pair_counter(p, 0, "paths-moved"), 0);
	assert_int_equal(sends_to(p, 0)->remote_port, 1280);
	pair_free(p);
}

static bool keep_rekeying(struct pair *p, struct pair_packet *packet)
{
	return !is_type(packet, MSG_REKEY_REPLY) && translate(p, packet);
}

/* R1: fixed within an exchange. */
static void address_is_fixed_within_an_exchange(void **state)
{
	struct translator t = {.port = 4001};
	struct pair *p = roaming(&t, true);

	(void)state;
	p->filter = NULL;
	session_rotate(p->node[0].engine, p->node[0].session[0], false);
	p->filter = keep_rekeying;
	pair_run(p, PAIR_SEC);
	assert_true(p->node[0].session[0]->own_rekey != 0);
	assert_int_equal(t.challenge_cnt, 0);
	p->filter = translate; /* the rekey gets through, and then the address */
	assert_true(pair_run_until(p, is_at, 10 * PAIR_SEC));
	pair_free(p);
}

/* R1: with roaming a full exchange comes from anywhere, and its address is taken. */
static void full_exchange_moves_the_address(void **state)
{
	struct translator t = {.port = 4001};
	struct pair *p =
		pair_new(&(struct pair_options){.seed = 8, .is_roaming = true}, east, west);

	(void)state;
	p->filter = translate;
	p->filter_arg = &t;
	pair_start(p, 1);
	pair_run(p, 2 * PAIR_SEC);
	pair_start(p, 0);
	assert_true(pair_run_until(p, is_at, 10 * PAIR_SEC));
	assert_true(pair_run_until(p, pair_is_agreed, 5 * PAIR_SEC));
	pair_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ipv6_is_the_same),
		cmocka_unit_test(next_path_takes_over),
		cmocka_unit_test(failure_tries_the_next_path),
		cmocka_unit_test(one_key_for_all_paths),
		cmocka_unit_test(other_addresses_give_no_exchange),
		cmocka_unit_test(address_follows_an_answered_challenge),
		cmocka_unit_test(unanswered_challenge_moves_nothing),
		cmocka_unit_test(roaming_is_off_unless_set),
		cmocka_unit_test(only_the_newest_packet_counts),
		cmocka_unit_test(overtaken_answer_moves_nothing),
		cmocka_unit_test(answer_from_another_address_is_refused),
		cmocka_unit_test(address_is_fixed_within_an_exchange),
		cmocka_unit_test(full_exchange_moves_the_address),
	};

	return cmocka_run_group_tests(tests, pair_make_identities, pair_free_identities);
}
