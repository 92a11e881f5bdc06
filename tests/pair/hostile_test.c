/* SPDX-License-Identifier: BSD-3-Clause */
/* Strangers, forgers and floods: what is refused, counted under its reason, and changes nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "dataplane/core/guard.h"
#include "dataplane/core/engine_state.h"
#include "tests/pair/identities.h"
#include "tests/pair/stranger.h"

/* By how much a counter grows while this is delivered. */
static uint64_t growth(struct pair *p, const struct pair_packet *packet, const char *counter)
{
	uint64_t before = pair_counter(p, 0, counter);

	pair_inject(p, packet, 0);
	while (p->packets != NULL && p->packets->at_ns <= p->now_ns)
		(void)pair_step(p, p->now_ns);
	return pair_counter(p, 0, counter) - before;
}

static struct pair *quiet(void)
{
	return pair_new(&(struct pair_options){.seed = 3}, east, west);
}

/* Each fault of a HELLO has its one reason, and neither work nor answer follows. */
static void faulty_hellos_are_counted_and_not_answered(void **state)
{
	static const struct {
		struct stranger_hello hello;
		const char *counter;
	} cases[] = {
		{{.id = 1, .group = 29, .suite = 1, .scheme = 0x0403, .host = 9, .name = "west"},
			"bad-mac1"},
		{{.id = 0, .group = 29, .suite = 1, .scheme = 0x0403, .host = 9, .name = "east"},
			"bad-fields"},
		{{.id = 1, .group = 29, .suite = 77, .scheme = 0x0403, .host = 9, .name = "east"},
			"no-common-suite"},
		{{.id = 1, .group = 29, .suite = 1, .scheme = 0x0401, .host = 9, .name = "east"},
			"no-common-scheme"},
		{{.id = 1, .group = 23, .suite = 1, .scheme = 0x0403, .host = 9, .name = "east"},
			"bad-share"}, /* 32 bytes are no point of P-256 */
	};
	struct pair *p = quiet();

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct pair_packet packet = stranger_hello(&cases[i].hello);

		assert_int_equal(growth(p, &packet, cases[i].counter), 1);
	}
	assert_int_equal(p->node[0].sent_cnt, 0);
	assert_int_equal(p->node[0].job_cnt, 0);
	pair_free(p);
}

static void made_up_cookies_are_refused(void **state)
{
	static const uint8_t cookie[MSG_COOKIE_LEN];
	struct stranger_hello h = stranger_usual;
	struct pair_packet packet;
	struct pair *p = quiet();

	(void)state;
	h.cookie = (struct rk_span){cookie, sizeof(cookie)};
	packet = stranger_hello(&h);
	assert_int_equal(growth(p, &packet, "bad-cookie"), 1);
	assert_int_equal(p->node[0].sent_cnt, 0);
	pair_free(p);
}

/* P8: half of the pool full: cookies; and west still gets through. */
static void flood_does_not_shut_the_peer_out(void **state)
{
	struct pair *p = quiet();
	struct stranger_hello h = stranger_usual;
	struct pair_packet packet;
	uint64_t jobs;

	(void)state;
	for (unsigned i = 0; i < 200; i++) {
		h.id = 1000 + i;
		h.host = (uint8_t)(10 + i);
		packet = stranger_hello(&h);
		pair_inject(p, &packet, i * 1000);
	}
	pair_run(p, 100 * PAIR_MS);
	assert_true(pair_counter(p, 0, "cookie-sent") >= 150);
	jobs = p->node[0].job_cnt;
	assert_true(jobs <= 3 * 16);
	pair_start(p, 1);
	for (unsigned i = 0; i < 3000; i++) { /* it goes on */
		h.id = 5000 + i;
		h.host = (uint8_t)(10 + i % 200);
		packet = stranger_hello(&h);
		pair_inject(p, &packet, i * PAIR_MS);
	}
	pair_start(p, 0);
	assert_true(pair_run_until(p, pair_is_agreed, 5 * PAIR_SEC));
	pair_free(p);
}

static void one_source_has_its_budget(void **state)
{
	struct pair *p = pair_new(&(struct pair_options){.seed = 4}, east, west);
	struct stranger_hello h = stranger_usual;
	struct pair_packet packet;

	(void)state;
	for (unsigned i = 0; i < 100; i++) {
		h.id = 1 + i;
		packet = stranger_hello(&h);
		pair_inject(p, &packet, i * 200 * PAIR_MS);
	}
	pair_run(p, 30 * PAIR_SEC);
	assert_true(pair_counter(p, 0, "exchange-table-full") + pair_counter(p, 0, "rate-limited") +
			    pair_counter(p, 0, "cookie-sent") >
		    0);
	pair_free(p);
}

static bool keep_east_silent(struct pair *p, struct pair_packet *packet)
{
	struct wire_packet w;

	(void)p;
	return packet->from != 0 ||
	       wire_parse_packet(&w, packet->payload, packet->len) != REASON_ACCEPTED ||
	       w.type != MSG_HELLO;
}

/* D3: HELLOs in west's name, fewer than are load, spend what needs no cookie; west has another. */
static void forged_source_does_not_shut_the_peer_out(void **state)
{
	struct pair *p = quiet();
	struct stranger_hello h = stranger_usual;
	struct pair_packet packet;
	uint64_t limited;

	(void)state;
	h.host = 2;
	h.group = 23; /* with a share that is none: it costs a token and no exchange */
	for (unsigned i = 0; i < 3000; i++) {
		h.id = 1000 + i;
		packet = stranger_hello(&h);
		pair_inject(p, &packet, i * 3 * PAIR_MS);
	}
	pair_run(p, 3 * PAIR_SEC);
	assert_true(pair_counter(p, 0, "bad-share") >= 40);
	assert_true(pair_counter(p, 0, "cookie-sent") > 0);
	limited = pair_counter(p, 0, "rate-limited");
	p->filter = keep_east_silent;
	pair_start(p, 0);
	pair_start(p, 1);
	assert_true(pair_run_until(p, pair_is_agreed, 3 * PAIR_SEC));
	assert_int_equal(pair_counter(p, 0, "rate-limited"), limited);
	pair_free(p);
}

/* The exchange's id of the first REPLY of east. West says no HELLO. */
static bool learn_id(struct pair *p, struct pair_packet *packet)
{
	uint64_t *id = p->filter_arg;
	struct wire_packet w;

	assert_int_equal(wire_parse_packet(&w, packet->payload, packet->len), REASON_ACCEPTED);
	if (w.type == MSG_REPLY && packet->from == 0 && *id == 0)
		*id = w.sender;
	return w.type != MSG_HELLO || packet->from == 0;
}

/* D6: what east says to anybody does not tell under which id it will dial west. */
static void ids_tell_nothing_of_the_next(void **state)
{
	struct pair *p = quiet();
	struct stranger_hello h = stranger_usual;
	struct pair_packet packet;
	uint64_t id = 0;

	(void)state;
	p->filter = learn_id;
	p->filter_arg = &id;
	h.host = 2;
	packet = stranger_hello(&h);
	pair_inject(p, &packet, 0);
	pair_run(p, 10 * PAIR_MS);
	assert_true(id != 0);
	h.name = "west"; /* now in east's name */
	for (unsigned i = 0; i < 32; i++) {
		h.id = id + (1 + i % 8) + ((uint64_t)(i / 8) << ID_ENTRY_SHIFT);
		packet = stranger_hello(&h);
		packet.from = 0;
		packet.to = 1;
		packet.source.local[3] = 2;
		packet.source.remote[3] = 1;
		pair_inject(p, &packet, 0);
	}
	pair_run(p, 10 * PAIR_MS);
	assert_true(p->node[1].engine->used_cnt > 0);
	pair_start(p, 0);
	pair_start(p, 1);
	assert_true(pair_run_until(p, pair_is_agreed, 5 * PAIR_SEC));
	pair_free(p);
}

/* A duplicate HELLO gets the same REPLY; another HELLO under its id gets nothing. */
static void one_id_has_one_reply(void **state)
{
	struct pair *p = quiet();
	struct stranger_hello h = stranger_usual;
	struct pair_packet packet = stranger_hello(&h);

	(void)state;
	pair_inject(p, &packet, 0);
	pair_run(p, 10 * PAIR_MS);
	assert_int_equal(p->node[0].sent_cnt, 1);
	assert_int_equal(p->node[0].job_cnt, 3);
	assert_int_equal(growth(p, &packet, "packets-duplicate"), 1);
	assert_int_equal(p->node[0].sent_cnt, 2);
	h.scheme = 0x0503;
	packet = stranger_hello(&h);
	packet.payload[200] ^= 0; /* other lists, same id */
	assert_int_equal(
		growth(p, &packet, "no-common-scheme") + pair_counter(p, 0, "unexpected-message"),
		1);
	assert_int_equal(p->node[0].job_cnt, 3);
	pair_free(p);
}

/* ---- between two honest sides ---------------------------------------------------------------- */

/* P3: R wants another group: RETRY, one more HELLO, and the key is of R's group. */
static void retry_leads_to_the_common_group(void **state)
{
	static const uint16_t p256[RK_GROUP_MAX] = {23}, both[RK_GROUP_MAX] = {29, 24, 23};
	struct pair *p = quiet();

	(void)state;
	pair_set_groups(p, 0, p256);
	pair_set_groups(p, 1, both);
	pair_start(p, 1);
	pair_run(p, 2 * PAIR_SEC);
	pair_start(p, 0);
	assert_true(pair_run_until(p, pair_is_agreed, 5 * PAIR_SEC));
	assert_true(pair_counter(p, 0, "retry-sent") >= 1);
	assert_int_equal(pair_status(p, 0).group, 23);
	pair_free(p);
}

static void nothing_in_common_is_refused(void **state)
{
	static const uint16_t p256[RK_GROUP_MAX] = {23}, x25519[RK_GROUP_MAX] = {29};
	struct pair *p = quiet();

	(void)state;
	pair_set_groups(p, 0, p256);
	pair_set_groups(p, 1, x25519);
	pair_start(p, 0);
	pair_start(p, 1);
	pair_run(p, 10 * PAIR_SEC);
	assert_true(pair_counter(p, 0, "no-common-group") > 0);
	assert_int_equal(p->node[0].known_cnt + p->node[1].known_cnt, 0);
	pair_free(p);
}

/* What to do to each packet of a type that crosses. */
struct meddling {
	uint8_t type;
	unsigned cnt;
};

static bool is_type(const struct pair_packet *packet, uint8_t type)
{
	return packet->len > 17 && packet->payload[MSG_ENVELOPE_LEN + 5] == type;
}

/* A forged copy arrives first, every time. */
static bool forge_ahead(struct pair *p, struct pair_packet *packet)
{
	struct meddling *m = p->filter_arg;
	struct pair_packet forged = *packet;

	if (!is_type(packet, m->type) || m->cnt >= 3)
		return true;
	m->cnt++;
	forged.payload[forged.len - 20] ^= 1;
	pair_inject(p, &forged, 0);
	return true;
}

/* E1: an invalid message of any kind never ends an exchange. */
static void forged_copies_do_not_end_an_exchange(void **state)
{
	static const uint8_t types[] = {MSG_REPLY, MSG_COOKIE, MSG_FINISH, MSG_NEED_CERT,
		MSG_CERT_FRAGMENT, MSG_PENDING, MSG_ACK, MSG_REKEY_HELLO, MSG_REKEY_REPLY};

	(void)state;
	for (size_t i = 0; i < sizeof(types); i++) {
		struct meddling m = {.type = types[i]};
		struct pair *p = pair_new(
			&(struct pair_options){.seed = 20 + i, .rekey_interval_ns = PAIR_SEC}, east,
			west);

		p->filter = forge_ahead;
		p->filter_arg = &m;
		pair_start(p, 0);
		pair_start(p, 1);
		assert_true(pair_run_until(p, pair_is_agreed, 5 * PAIR_SEC));
		pair_run(p, 5 * PAIR_SEC);
		assert_true(pair_run_until(p, pair_is_agreed, PAIR_SEC));
		if (types[i] != MSG_COOKIE) /* two P-256 certificates need none */
			assert_true(m.cnt > 0);
		pair_free(p);
	}
}

/* The same bytes from another address: refused, and the exchange goes on with the first one. */
static bool from_elsewhere(struct pair *p, struct pair_packet *packet)
{
	struct meddling *m = p->filter_arg;
	struct pair_packet copy = *packet;

	if (is_type(packet, m->type)) {
		m->cnt++;
		copy.source.remote[3] = 77;
		pair_inject(p, &copy, 0);
	}
	return true;
}

static void exchange_belongs_to_its_addresses(void **state)
{
	static const uint8_t types[] = {MSG_REPLY, MSG_FINISH, MSG_NEED_CERT, MSG_CERT_FRAGMENT};

	(void)state;
	for (size_t i = 0; i < sizeof(types); i++) {
		struct meddling m = {.type = types[i]};
		struct pair *p = pair_new(&(struct pair_options){.seed = i}, east, west);

		p->filter = from_elsewhere;
		p->filter_arg = &m;
		pair_start(p, 0);
		pair_start(p, 1);
		assert_true(pair_run_until(p, pair_is_agreed, 5 * PAIR_SEC));
		assert_int_equal(
			pair_counter(p, 0, "wrong-source") + pair_counter(p, 1, "wrong-source"),
			m.cnt);
		pair_free(p);
	}
}

/* E5: fragments are lost: the missing ones alone are asked for again. */
static bool lose_first_fragments(struct pair *p, struct pair_packet *packet)
{
	struct meddling *m = p->filter_arg;

	return !is_type(packet, MSG_CERT_FRAGMENT) || m->cnt++ >= 2;
}

static void lost_fragments_are_asked_for_again(void **state)
{
	struct meddling m = {0};
	struct pair *p = pair_new(&(struct pair_options){.seed = 9}, east, west);

	(void)state;
	p->filter = lose_first_fragments;
	p->filter_arg = &m;
	pair_start(p, 0);
	pair_start(p, 1);
	assert_true(pair_run_until(p, pair_is_agreed, 8 * PAIR_SEC));
	assert_true(m.cnt > 2);
	pair_free(p);
}

struct tally {
	unsigned hello_cnt, reply_cnt, need_cert_cnt;
};

static bool keep_certificates_back(struct pair *p, struct pair_packet *packet)
{
	struct tally *t = p->filter_arg;

	t->hello_cnt += packet->from == 1 && is_type(packet, MSG_HELLO);
	t->reply_cnt += packet->from == 0 && is_type(packet, MSG_REPLY);
	t->need_cert_cnt += packet->from == 0 && is_type(packet, MSG_NEED_CERT);
	return packet->from == 0 || !is_type(packet, MSG_CERT_FRAGMENT);
}

/* E5: who does not show its certificate is asked three times, and then hears nothing unasked. */
static void silence_after_three_requests(void **state)
{
	struct tally t = {0};
	struct pair *p = pair_new(
		&(struct pair_options){.seed = 10, .retransmit_interval_ns = 60 * PAIR_SEC}, east,
		west);

	(void)state;
	p->filter = keep_certificates_back;
	p->filter_arg = &t;
	pair_start(p, 1);
	pair_run(p, 30 * PAIR_SEC);
	assert_int_equal(t.need_cert_cnt, 3);
	assert_int_equal(t.reply_cnt, t.hello_cnt);
	assert_true(pair_counter(p, 0, "certificate-unknown") > 0);
	pair_free(p);
}

/* P9: ten thousand random datagrams at a standing peering. */
static void noise_changes_nothing(void **state)
{
	struct pair *p = pair_new(&(struct pair_options){.seed = 11}, east, west);
	struct pair_packet packet = stranger_hello(&stranger_usual);
	uint8_t exported[16];
	uint64_t sent;

	(void)state;
	pair_start(p, 0);
	pair_start(p, 1);
	assert_true(pair_run_until(p, pair_is_agreed, 5 * PAIR_SEC));
	memcpy(exported, pair_status(p, 0).exported, 16);
	pair_run(p, 100 * PAIR_MS);
	sent = p->node[0].sent_cnt;
	for (unsigned i = 0; i < 10000; i++) {
		packet.len = 1 + pair_random(p) % 300;
		for (size_t at = pair_random(p) % 64; at < packet.len; at++)
			packet.payload[at] = (uint8_t)pair_random(p);
		pair_inject(p, &packet, 0);
	}
	pair_run(p, 1);
	assert_int_equal(p->node[0].sent_cnt, sent);
	assert_memory_equal(exported, pair_status(p, 0).exported, 16);
	pair_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(faulty_hellos_are_counted_and_not_answered),
		cmocka_unit_test(made_up_cookies_are_refused),
		cmocka_unit_test(flood_does_not_shut_the_peer_out),
		cmocka_unit_test(one_source_has_its_budget),
		cmocka_unit_test(forged_source_does_not_shut_the_peer_out),
		cmocka_unit_test(ids_tell_nothing_of_the_next),
		cmocka_unit_test(one_id_has_one_reply),
		cmocka_unit_test(retry_leads_to_the_common_group),
		cmocka_unit_test(nothing_in_common_is_refused),
		cmocka_unit_test(forged_copies_do_not_end_an_exchange),
		cmocka_unit_test(exchange_belongs_to_its_addresses),
		cmocka_unit_test(lost_fragments_are_asked_for_again),
		cmocka_unit_test(silence_after_three_requests),
		cmocka_unit_test(noise_changes_nothing),
	};

	return cmocka_run_group_tests(tests, pair_make_identities, pair_free_identities);
}
