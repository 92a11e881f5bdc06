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
	};

	return cmocka_run_group_tests(tests, pair_make_identities, pair_free_identities);
}
