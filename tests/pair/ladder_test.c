/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * P8: the ladder against floods, rung by rung: what stops at one rung has spent nothing of the
 * next. Spent are: mac1's place in the measured load, tokens of a source, an exchange, and
 * public-key work.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "dataplane/core/engine_state.h"
#include "dataplane/core/hash.h"
#include "tests/pair/identities.h"
#include "tests/pair/stranger.h"

/* What a flood may spend of east. */
struct spent {
	uint32_t exchanges;
	uint64_t jobs;
	uint64_t sent;
};

static struct spent look(const struct pair *p)
{
	return (struct spent){p->node[0].engine->used_cnt, p->node[0].job_cnt, p->node[0].sent_cnt};
}

static void assert_spent(const struct pair *p, const struct spent *before, uint32_t exchanges,
	uint64_t jobs, uint64_t sent)
{
	const struct spent now = look(p);

	assert_int_equal(now.exchanges - before->exchanges, exchanges);
	assert_int_equal(now.jobs - before->jobs, jobs);
	assert_int_equal(now.sent - before->sent, sent);
}

static struct pair *quiet(void)
{
	return pair_new(&(struct pair_options){.seed = 3}, east, west);
}

static void deliver(struct pair *p, const struct pair_packet *packet)
{
	pair_inject(p, packet, 0);
	while (pair_step(p, p->now_ns))
		;
}

static uint64_t growth(struct pair *p, const struct pair_packet *packet, const char *counter)
{
	uint64_t before = pair_counter(p, 0, counter);

	deliver(p, packet);
	return pair_counter(p, 0, counter) - before;
}

/* Is a HELLO that shows no cookie served at once? It takes a token. */
static bool is_served_unasked(struct pair *p, uint8_t host, uint64_t id)
{
	struct stranger_hello h = stranger_usual;
	struct pair_packet packet;

	h.host = host;
	h.id = id;
	packet = stranger_hello(&h);
	return growth(p, &packet, "packets-accepted") == 1;
}

/* 1: size, envelope, fields: not even mac1 is computed, so it is no part of the load. */
static void shape_comes_before_mac1(void **state)
{
	struct pair *p = quiet();
	struct stranger_hello h = stranger_usual;
	struct spent before = look(p);

	(void)state;
	h.name = "nobody"; /* mac1 is wrong as well: the first fault is told */
	for (unsigned i = 0; i < 3000; i++) {
		struct pair_packet packet = stranger_hello(&h);

		packet.payload[i % MSG_ENVELOPE_LEN] ^= 1;
		assert_int_equal(growth(p, &packet, "bad-envelope"), 1);
	}
	assert_spent(p, &before, 0, 0, 0);
	assert_int_equal(pair_counter(p, 0, "bad-mac1"), 0);
	assert_true(is_served_unasked(p, 99, 5000)); /* no load, all tokens there */
	pair_free(p);
}

/* 2: without the name nothing is spent: no load is measured, no token taken, no cookie looked at. */
static void mac1_comes_before_everything(void **state)
{
	struct pair *p = quiet();
	struct stranger_hello h = stranger_usual;
	struct spent before = look(p);
	struct pair_packet packet;

	(void)state;
	h.name = "nobody";
	for (unsigned i = 0; i < 3000; i++) {
		h.id = 1 + i;
		packet = stranger_hello(&h);
		assert_int_equal(growth(p, &packet, "bad-mac1"), 1);
	}
	assert_spent(p, &before, 0, 0, 0);
	assert_true(is_served_unasked(p, h.host, 5000));
	pair_free(p);
}

/* 3: a cookie that is not ours: no token, no exchange, and no answer. */
static void cookie_comes_before_tokens(void **state)
{
	static const uint8_t cookie[MSG_COOKIE_LEN];
	struct pair *p = quiet();
	struct stranger_hello h = stranger_usual;
	struct spent before = look(p);
	struct pair_packet packet;

	(void)state;
	h.cookie = (struct rk_span){cookie, sizeof(cookie)};
	for (unsigned i = 0; i < 45; i++) { /* fewer than are load, more than there are tokens */
		h.id = 1 + i;
		packet = stranger_hello(&h);
		assert_int_equal(growth(p, &packet, "bad-cookie"), 1);
	}
	assert_spent(p, &before, 0, 0, 0);
	assert_true(is_served_unasked(p, h.host, 5000));
	pair_free(p);
}

/* 4: under load a cookie is demanded: a COOKIE each, and neither token nor exchange nor work. */
static void cookies_are_demanded_under_load(void **state)
{
	struct pair *p = quiet();
	struct stranger_hello h = stranger_usual;
	struct pair_packet packet;
	struct spent before;

	(void)state;
	h.group = 23; /* with a share that is none: they cost a token and no exchange */
	for (unsigned i = 0; i < 60; i++) {
		h.id = 1 + i;
		h.host = (uint8_t)(100 + i);
		packet = stranger_hello(&h);
		deliver(p, &packet);
	}
	before = look(p);
	h.group = 29;
	for (unsigned i = 0; i < 100; i++) {
		h.id = 1000 + i;
		h.host = 50;
		packet = stranger_hello(&h);
		assert_int_equal(growth(p, &packet, "cookie-sent"), 1);
	}
	assert_spent(p, &before, 0, 0, 100);
	pair_run(p, PAIR_SEC); /* the load is over, and the tokens of that source are all there */
	for (unsigned i = 0; i < 3; i++)
		assert_true(is_served_unasked(p, 50, 5000 + i));
	pair_free(p);
}

/* 5: no tokens, no exchange; a source without them is asked for a cookie, and has others with it. */
static void tokens_come_before_work(void **state)
{
	struct pair *p = quiet();
	struct stranger_hello h = stranger_usual;
	struct pair_packet packet;
	struct spent before;
	unsigned cnt = 0;

	(void)state;
	h.group = 23;
	do {
		pair_run(p, 3 * PAIR_MS); /* slower than load, faster than tokens come back */
		h.id = 1 + cnt;
		packet = stranger_hello(&h);
	} while (growth(p, &packet, "bad-share") == 1 && ++cnt < 100);
	assert_in_range(cnt, 40, 50);
	before = look(p);
	h.group = 29;
	h.id = 1000;
	packet = stranger_hello(&h);
	assert_int_equal(growth(p, &packet, "cookie-sent"), 1);
	assert_spent(p, &before, 0, 0, 1);
	assert_true(is_served_unasked(p, (uint8_t)(h.host + 1), 1001)); /* others have their own */
	pair_free(p);
}

/* 6: a share that is none is told by its form, before an exchange and work are spent on it. */
static void form_comes_before_work(void **state)
{
	struct pair *p = quiet();
	struct stranger_hello h = stranger_usual;
	struct spent before = look(p);
	struct pair_packet packet;

	(void)state;
	h.group = 23;
	packet = stranger_hello(&h);
	assert_int_equal(growth(p, &packet, "bad-share"), 1);
	assert_spent(p, &before, 0, 0, 0);
	h.group = 29;
	packet = stranger_hello(&h);
	assert_int_equal(growth(p, &packet, "packets-accepted"), 1);
	assert_spent(p, &before, 1, 3, 1); /* keygen, derive, sign, REPLY */
	pair_free(p);
}

/* P8: a REPLY never has more bytes than the HELLO that asked, whatever the certificate. */
static bool is_no_amplification(struct pair *p, struct pair_packet *packet)
{
	size_t *hello_len = p->filter_arg;

	if (packet->from == 0)
		assert_true(packet->len <= *hello_len);
	return false;
}

static void no_answer_is_larger_than_its_hello(void **state)
{
	static const enum test_key kinds[] = {TEST_P256, TEST_P384, TEST_P521, TEST_RSA_2048};

	(void)state;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		struct pair_identity *id = pair_identity_new("east", kinds[i], NULL);
		struct pair *p = pair_new(&(struct pair_options){.seed = i}, id, west);
		struct stranger_hello h = stranger_usual;
		struct pair_packet packet;
		size_t len;

		h.host = 2;
		h.is_any_scheme = true;
		packet = stranger_hello(&h);
		len = packet.len;
		p->filter = is_no_amplification;
		p->filter_arg = &len;
		deliver(p, &packet);
		pair_run(p, PAIR_SEC);
		assert_int_equal(p->node[0].sent_cnt, 1); /* REPLY or COOKIE, once */
		pair_free(p);
		pair_identity_free(id);
	}
}

/* Padding is no part of what is compared: who pads the first one alone does not get more for less. */
static void answer_is_repeated_to_no_shorter_hello(void **state)
{
	struct pair_identity *id = pair_identity_new("east", TEST_RSA_4096, NULL);
	struct pair *p = pair_new(&(struct pair_options){.seed = 5}, id, west);
	struct stranger_hello h = stranger_usual;
	struct pair_packet padded, shorter;

	(void)state;
	h.host = 2;
	h.is_any_scheme = true;
	shorter = stranger_hello(&h);
	h.more_padding = 400;
	padded = stranger_hello(&h);
	p->filter = is_no_amplification;
	p->filter_arg = &padded.len;
	deliver(p, &padded);
	assert_int_equal(p->node[0].engine->used_cnt, 1); /* no COOKIE came first */
	assert_int_equal(p->node[0].sent_cnt, 1);
	deliver(p, &padded);
	assert_int_equal(p->node[0].sent_cnt, 2);
	p->filter_arg = &shorter.len;
	deliver(p, &shorter);
	assert_int_equal(p->node[0].sent_cnt, 2);
	pair_free(p);
	pair_identity_free(id);
}

/* What a source proved nothing with lives ten seconds, and no longer. */
static void half_open_exchanges_end(void **state)
{
	struct pair *p = quiet();
	struct stranger_hello h = stranger_usual;
	struct pair_packet packet;

	(void)state;
	for (unsigned i = 0; i < 5; i++) {
		h.id = 1 + i;
		h.host = (uint8_t)(100 + i);
		packet = stranger_hello(&h);
		deliver(p, &packet);
	}
	assert_int_equal(p->node[0].engine->used_cnt, 5);
	pair_run(p, 9900 * PAIR_MS);
	assert_int_equal(p->node[0].engine->used_cnt, 5);
	pair_run(p, 200 * PAIR_MS);
	assert_int_equal(p->node[0].engine->used_cnt, 0);
	assert_int_equal(pair_counter(p, 0, "exchanges-expired"), 5);
	pair_free(p);
}

/* ---- COOKIE and RETRY, at the side that asked ------------------------------------------------ */

static struct pair_packet last_hello;

static bool take_hello(struct pair *p, struct pair_packet *packet)
{
	(void)p;
	last_hello = *packet;
	return false;
}

struct cookie {
	uint64_t receiver;
	uint16_t group;
	uint8_t mac; /* its first byte: what it is does not matter to who asked */
	const char *name;
	const uint8_t *hash;
};

/* A COOKIE from 192.0.2.1 to west. */
static uint64_t cookie_grows(struct pair *p, const struct cookie *c, const char *counter)
{
	struct pair_packet packet = {.from = 0, .to = 1, .source = p->node[1].config[0].path[0]};
	uint8_t content[MSG_COOKIE_LEN] = {(uint8_t)(c->group >> 8), (uint8_t)c->group};
	uint64_t before = pair_counter(p, 1, counter);
	struct rk_writer w;
	uint8_t *mac;

	memcpy(content + 2, c->hash, GUARD_HASH_LEN);
	content[2 + GUARD_HASH_LEN] = c->mac;
	wire_begin_exchange(&w, packet.payload, MSG_MAX, MSG_COOKIE, c->receiver, 0);
	wire_write_tlv(&w, MSG_TLV_COOKIE, content, sizeof(content));
	mac = wire_end_mac1(&w, &packet.len);
	must(mac != NULL && guard_make_mac1(c->name, strlen(c->name), packet.payload,
				    (size_t)(mac - packet.payload), mac));
	deliver(p, &packet);
	return pair_counter(p, 1, counter) - before;
}

static struct pair *asking(struct cookie *c, uint8_t hash[GUARD_HASH_LEN])
{
	struct pair *p = quiet();
	struct wire_packet w;
	struct wire_hello m;

	p->filter = take_hello;
	pair_start(p, 1);
	pair_run(p, PAIR_SEC);
	must(wire_parse_packet(&w, last_hello.payload, last_hello.len) == REASON_ACCEPTED &&
		wire_parse_hello(&m, &w) == REASON_ACCEPTED);
	hash_make(SUITE_SHA256, &m.core, 1, hash);
	*c = (struct cookie){w.sender, 0, 1, "east", hash};
	return p;
}

static uint16_t group_asked_with(void)
{
	struct wire_packet w;
	struct wire_hello m;

	must(wire_parse_packet(&w, last_hello.payload, last_hello.len) == REASON_ACCEPTED &&
		wire_parse_hello(&m, &w) == REASON_ACCEPTED);
	return m.share.group;
}

/* D4: for an open HELLO alone, from R's name, and at most twice. */
static void cookie_is_taken_twice_at_most(void **state)
{
	static const uint8_t other_hash[GUARD_HASH_LEN] = {1};
	uint8_t hash[GUARD_HASH_LEN];
	struct cookie c, bad;
	struct pair *p = asking(&c, hash);
	uint64_t sent = p->node[1].sent_cnt;

	(void)state;
	bad = c;
	bad.name = "eastern";
	assert_int_equal(cookie_grows(p, &bad, "bad-mac1"), 1);
	bad = c;
	bad.hash = other_hash;
	assert_int_equal(cookie_grows(p, &bad, "bad-cookie"), 1);
	bad = c;
	bad.receiver ^= 1;
	assert_int_equal(cookie_grows(p, &bad, "unknown-exchange"), 1);
	assert_int_equal(p->node[1].sent_cnt, sent);
	for (unsigned i = 0; i < 2; i++) {
		c.mac++;
		assert_int_equal(cookie_grows(p, &c, "packets-accepted"), 1);
		assert_int_equal(p->node[1].sent_cnt, sent + i + 1);
	}
	c.mac++;
	assert_int_equal(cookie_grows(p, &c, "work-limit"), 1);
	assert_int_equal(p->node[1].sent_cnt, sent + 2);
	pair_free(p);
}

/* D4, P3: another group is followed once, and only one of our own. */
static void retry_is_followed_once(void **state)
{
	uint8_t hash[GUARD_HASH_LEN];
	struct cookie c;
	struct pair *p = asking(&c, hash);
	struct engine *e = p->node[1].engine;
	struct crypto_job *free_job;

	(void)state;
	assert_int_equal(group_asked_with(), 23);
	c.group = 24; /* west is not configured for it */
	assert_int_equal(cookie_grows(p, &c, "bad-choice"), 1);
	c.group = 23; /* what it has already */
	assert_int_equal(cookie_grows(p, &c, "bad-choice"), 1);
	c.group = 29;
	free_job = e->free_job;
	e->free_job = NULL; /* nothing can be computed now: as if it had not come */
	assert_int_equal(cookie_grows(p, &c, "busy"), 1);
	e->free_job = free_job;
	assert_int_equal(cookie_grows(p, &c, "packets-accepted"), 1);
	assert_int_equal(group_asked_with(), 29);
	c.group = 23;
	assert_int_equal(cookie_grows(p, &c, "bad-choice"), 1);
	assert_int_equal(group_asked_with(), 29);
	pair_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shape_comes_before_mac1),
		cmocka_unit_test(mac1_comes_before_everything),
		cmocka_unit_test(cookie_comes_before_tokens),
		cmocka_unit_test(cookies_are_demanded_under_load),
		cmocka_unit_test(tokens_come_before_work),
		cmocka_unit_test(form_comes_before_work),
		cmocka_unit_test(no_answer_is_larger_than_its_hello),
		cmocka_unit_test(answer_is_repeated_to_no_shorter_hello),
		cmocka_unit_test(half_open_exchanges_end),
		cmocka_unit_test(cookie_is_taken_twice_at_most),
		cmocka_unit_test(retry_is_followed_once),
	};

	return cmocka_run_group_tests(tests, pair_make_identities, pair_free_identities);
}
