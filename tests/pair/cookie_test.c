/* SPDX-License-Identifier: BSD-3-Clause */
/* COOKIEs, at the side that asks for them: what they are good for, how often, and when they are wanted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "dataplane/core/engine_state.h"
#include "tests/pair/identities.h"
#include "tests/pair/stranger.h"

#define HOST 2 /* west's address: what goes there is seen by the filter */

static struct pair_identity
	*large; /* RSA: a REPLY would be larger than HELLO, so a COOKIE comes first */
static struct pair_packet last_sent;

static bool take(struct pair *p, struct pair_packet *packet)
{
	(void)p;
	if (packet->from == 0)
		last_sent = *packet;
	return false;
}

static struct pair *asker(const struct pair_identity *own)
{
	struct pair *p = pair_new(&(struct pair_options){.seed = 1}, own, west);

	p->filter = take;
	return p;
}

static uint64_t growth(struct pair *p, const struct stranger_hello *h, const char *counter)
{
	const struct pair_packet packet = stranger_hello(h);
	uint64_t before = pair_counter(p, 0, counter);

	pair_inject(p, &packet, 0);
	while (pair_step(p, p->now_ns))
		;
	return pair_counter(p, 0, counter) - before;
}

/* The cookie that this HELLO is asked for; lives until the next one. */
static struct rk_span cookie_for(struct pair *p, const struct stranger_hello *h)
{
	struct wire_packet w;
	struct wire_cookie m;

	assert_int_equal(growth(p, h, "cookie-sent"), 1);
	assert_int_equal(wire_parse_packet(&w, last_sent.payload, last_sent.len), REASON_ACCEPTED);
	assert_int_equal(wire_parse_cookie(&m, &w), REASON_ACCEPTED);
	return m.cookie;
}

static struct stranger_hello hello(uint64_t id)
{
	struct stranger_hello h = stranger_usual;

	h.id = id;
	h.host = HOST;
	h.is_any_scheme = true;
	return h;
}

/* D4: it is good for the HELLO that it was asked of, the exchange and the address; none else. */
static void cookie_belongs_to_its_hello(void **state)
{
	struct pair *p = asker(large);
	struct stranger_hello h = hello(1), other;

	(void)state;
	h.cookie = cookie_for(p, &h);
	other = h;
	other.suite = 2; /* another core */
	assert_int_equal(growth(p, &other, "bad-cookie"), 1);
	other = h;
	other.id = 2;
	assert_int_equal(growth(p, &other, "bad-cookie"), 1);
	other = h;
	other.host = HOST + 1;
	assert_int_equal(growth(p, &other, "bad-cookie"), 1);
	assert_int_equal(growth(p, &h, "packets-accepted"), 1);
	pair_free(p);
}

/* With a good cookie a source begins forty exchanges at once, and twenty a second. */
static void good_cookie_is_rate_limited_too(void **state)
{
	struct pair *p = asker(large);
	uint64_t limited = 0;

	(void)state;
	for (unsigned i = 1; i <= 60; i++) {
		struct stranger_hello h = hello(i);

		h.cookie = cookie_for(p, &h);
		limited += growth(p, &h, "rate-limited");
	}
	assert_int_equal(limited, 20);
	pair_run(p, PAIR_SEC);
	limited = 0;
	for (unsigned i = 101; i <= 130; i++) {
		struct stranger_hello h = hello(i);

		h.cookie = cookie_for(p, &h);
		limited += growth(p, &h, "rate-limited");
	}
	assert_int_equal(limited, 10);
	pair_free(p);
}

/* Half of the places for exchanges go to whoever knows our name; for more the address is proved first. */
static void cookies_are_wanted_with_half_of_the_pool_in_use(void **state)
{
	struct pair *p = asker(east);
	uint32_t half = p->node[0].engine->config.exchange_cnt / 2;

	(void)state;
	for (unsigned i = 1; i <= half + 1; i++) {
		struct stranger_hello h = hello(i);

		assert_int_equal(growth(p, &h, "packets-accepted"), 1);
	}
	for (unsigned i = 101; i <= 105; i++) {
		struct stranger_hello h = hello(i);

		assert_int_equal(growth(p, &h, "cookie-sent"), 1);
	}
	assert_int_equal(p->node[0].engine->used_cnt, half + 1);
	pair_free(p);
}

static const struct exchange *answered(const struct pair *p)
{
	const struct engine *e = p->node[0].engine;

	for (uint32_t i = 0; i < e->config.exchange_cnt; i++)
		if (e->exchanges[i].state == EXCHANGE_ANSWERED)
			return &e->exchanges[i];
	return NULL;
}

/* E2: then an answer is kept for a second, not for ten. */
static void answers_are_kept_shortly_with_half_of_the_pool_in_use(void **state)
{
	struct pair *p = asker(east);

	(void)state;
	pair_start(p, 0);
	p->node[0].session[0]->dial_at_ns = 0; /* west begins */
	session_schedule(p->node[0].engine, p->node[0].session[0]);
	for (unsigned i = 1; i <= p->node[0].engine->config.exchange_cnt / 2 + 1; i++) {
		struct stranger_hello h = hello(i);

		assert_int_equal(growth(p, &h, "packets-accepted"), 1);
	}
	p->filter = NULL;
	pair_start(p, 1);
	assert_true(pair_run_until(p, pair_is_agreed, 5 * PAIR_SEC));
	assert_non_null(answered(p));
	assert_true(answered(p)->expires_ns <= p->now_ns + PAIR_SEC);
	pair_run(p, PAIR_SEC + PAIR_MS);
	assert_null(answered(p));
	pair_free(p);
}

static int make_identities(void **state)
{
	large = pair_identity_new("east", TEST_RSA_4096, NULL);
	return pair_make_identities(state);
}

static int free_identities(void **state)
{
	pair_identity_free(large);
	return pair_free_identities(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cookie_belongs_to_its_hello),
		cmocka_unit_test(good_cookie_is_rate_limited_too),
		cmocka_unit_test(cookies_are_wanted_with_half_of_the_pool_in_use),
		cmocka_unit_test(answers_are_kept_shortly_with_half_of_the_pool_in_use),
	};

	return cmocka_run_group_tests(tests, make_identities, free_identities);
}
