/* SPDX-License-Identifier: BSD-3-Clause */
/* R3: configured paths that are not in use are watched, and nothing but what is told of them changes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "dataplane/core/engine_state.h"
#include "tests/pair/host.h"
#include "tests/pair/identities.h"

/* Paths 0, 1 and 2 are those from 192.0.2, 192.0.3 and 192.0.4. */
#define CUT(path) (1u << (path))

static unsigned path_of(const struct endpoint *at)
{
	return at->local[2] - 2u;
}

static bool is_type(const struct pair_packet *packet, uint8_t type)
{
	return packet->payload[MSG_ENVELOPE_LEN + 5] == type;
}

static bool cut(struct pair *p, struct pair_packet *packet)
{
	const unsigned *paths = p->filter_arg;

	return (*paths >> path_of(&packet->source) & 1) == 0;
}

static struct pair *up(const struct pair_options *o, unsigned *paths)
{
	struct pair *p = pair_new(o, east, west);

	pair_start(p, 0);
	pair_start(p, 1);
	assert_true(pair_run_until(p, pair_is_agreed, 10 * PAIR_SEC));
	p->filter = cut;
	p->filter_arg = paths;
	return p;
}

static uint32_t down(const struct pair *p, unsigned node)
{
	return p->node[node].session[0]->path_down;
}

static void assert_down(const struct pair *p, uint32_t paths)
{
	assert_int_equal(down(p, 0), paths);
	assert_int_equal(down(p, 1), paths);
}

static void assert_path(const struct pair *p, unsigned path)
{
	for (unsigned i = 0; i < 2; i++)
		assert_int_equal(path_of(&p->node[i].session[0]->endpoint), path);
}

/* Told when it goes and when it comes back, after three answers that were missed; the peer is up. */
static void path_that_goes_is_told(void **state)
{
	unsigned paths = 0;
	struct pair *p = up(&(struct pair_options){.seed = 1, .path_cnt = 3}, &paths);

	(void)state;
	pair_run(p, 5 * PAIR_SEC);
	assert_down(p, 0);
	paths = CUT(2);
	pair_run(p, 2500 * PAIR_MS);
	assert_down(p, 0);
	pair_run(p, 2 * PAIR_SEC);
	assert_down(p, CUT(2));
	assert_int_equal(pair_status(p, 0).path_down, CUT(2));
	assert_true(pair_has_event(p, 0, RK_PEER_UP, "path-down"));
	assert_true(pair_has_event(p, 1, RK_PEER_UP, "path-down"));
	assert_false(pair_has_event(p, 0, RK_PEER_UP, "path-up"));
	paths = 0;
	pair_run(p, 1500 * PAIR_MS);
	assert_down(p, 0);
	assert_true(pair_has_event(p, 0, RK_PEER_UP, "path-up"));
	assert_true(pair_is_agreed(p));
	assert_path(p, 0);
	assert_int_equal(pair_counter(p, 0, "silences"), 0);
	assert_int_equal(pair_status(p, 0).full_exchange_cnt, 1);
	pair_free(p);
}

/* Where roaming is allowed, too: what is asked by watching moves nothing. */
static void watching_moves_nothing(void **state)
{
	unsigned paths = 0;
	struct pair *p =
		up(&(struct pair_options){.seed = 2, .path_cnt = 3, .is_roaming = true}, &paths);

	(void)state;
	pair_run(p, 20 * PAIR_SEC);
	assert_path(p, 0);
	assert_down(p, 0);
	for (unsigned i = 0; i < 2; i++) {
		assert_true(pair_counter(p, i, "path-challenges-sent") >= 2 * 18);
		assert_int_equal(pair_counter(p, i, "paths-moved"), 0);
		assert_int_equal(pair_counter(p, i, "wrong-source"), 0);
		assert_int_equal(pair_counter(p, i, "packets-duplicate"), 0);
	}
	pair_free(p);
}

static bool is_elsewhere(struct pair *p)
{
	return pair_is_agreed(p) && path_of(&p->node[0].session[0]->endpoint) != 0 &&
	       path_of(&p->node[1].session[0]->endpoint) != 0;
}

/* What other paths carry does not hide that the path in use is silent; it stays down until it answers. */
static void silence_is_that_of_the_path_in_use(void **state)
{
	unsigned paths = 0;
	struct pair *p = up(&(struct pair_options){.seed = 3, .path_cnt = 2}, &paths);
	uint64_t began;

	(void)state;
	paths = CUT(0);
	began = p->now_ns;
	assert_true(pair_run_until(p, is_elsewhere, 6 * PAIR_SEC));
	assert_true(p->now_ns - began > 2 * PAIR_SEC);
	assert_true(pair_has_event(p, 0, RK_PEER_DOWN, "silence") ||
		    pair_has_event(p, 1, RK_PEER_DOWN, "silence"));
	pair_run(p, 5 * PAIR_SEC);
	assert_down(p, CUT(0));
	paths = 0;
	pair_run(p, 2 * PAIR_SEC);
	assert_down(p, 0);
	assert_path(p, 1);
	pair_free(p);
}

/* The path after the one in use is known to be down: the one after that is dialled, at once. */
static void path_with_answers_is_dialled(void **state)
{
	unsigned paths = CUT(1);
	struct pair *p = up(&(struct pair_options){.seed = 4, .path_cnt = 3}, &paths);

	(void)state;
	pair_run(p, 5 * PAIR_SEC);
	assert_down(p, CUT(1));
	paths = CUT(0) | CUT(1);
	assert_true(pair_run_until(p, is_elsewhere, 4 * PAIR_SEC));
	assert_path(p, 2);
	assert_int_equal(pair_counter(p, 0, "exchanges-expired"), 0);
	pair_free(p);
}

/* No path has an answer: all are down, and heard again they are all well. */
static void heard_again_the_path_in_use_is_up(void **state)
{
	unsigned paths = 0;
	struct pair *p = up(&(struct pair_options){.seed = 5, .path_cnt = 2}, &paths);

	(void)state;
	paths = CUT(0) | CUT(1);
	pair_run(p, 6 * PAIR_SEC);
	assert_down(p, CUT(0) | CUT(1));
	paths = 0;
	pair_run(p, 8 * PAIR_SEC);
	assert_true(pair_is_agreed(p));
	assert_down(p, 0);
	pair_free(p);
}

/* Four times a second are enough, and one path is none to watch beside. */
static void watching_costs_little(void **state)
{
	unsigned paths = 0;

	(void)state;
	for (uint8_t cnt = 1; cnt <= 2; cnt++) {
		struct pair *p = up(&(struct pair_options){.seed = 6,
					    .path_cnt = cnt,
					    .keep_alive_interval_ns = PAIR_MS,
					    .latency_ns = PAIR_MS / 10},
			&paths);

		pair_run(p, 2 * PAIR_SEC);
		assert_true(pair_counter(p, 0, "path-challenges-sent") >= 7u * (cnt - 1u));
		assert_true(pair_counter(p, 0, "path-challenges-sent") <= 9u * (cnt - 1u));
		assert_down(p, 0);
		pair_free(p);
	}
}

/* An answer that takes longer than an interval is one; and whatever key it comes under. */
static void late_answers_are_answers(void **state)
{
	unsigned paths = 0;
	struct pair *p = up(&(struct pair_options){.seed = 7,
				    .path_cnt = 2,
				    .latency_ns = 200 * PAIR_MS,
				    .keep_alive_interval_ns = 300 * PAIR_MS,
				    .rekey_interval_ns = PAIR_SEC},
		&paths);

	(void)state;
	pair_run(p, 20 * PAIR_SEC);
	assert_true(pair_status(p, 0).rekey_cnt > 5);
	for (unsigned i = 0; i < 2; i++)
		assert_false(pair_has_event(p, i, RK_PEER_UP, "path-down"));
	assert_down(p, 0);
	pair_free(p);
}

/* Answers to what was sent over one path come over another one. */
static bool answer_elsewhere(struct pair *p, struct pair_packet *packet)
{
	const uint8_t *network = p->filter_arg;

	if (is_type(packet, MSG_PATH_RESPONSE))
		packet->source.local[2] = packet->source.remote[2] = *network;
	return true;
}

/* R3: it counts for the path that was asked, and no other; nor for an address that is none. */
static void answer_from_elsewhere_is_none(void **state)
{
	static const uint8_t networks[] = {2, 4, 77};

	(void)state;
	for (unsigned i = 0; i < sizeof(networks); i++) {
		uint8_t network = networks[i];
		unsigned paths = 0;
		struct pair *p = up(&(struct pair_options){.seed = 8, .path_cnt = 2}, &paths);

		p->filter = answer_elsewhere;
		p->filter_arg = &network;
		pair_run(p, 6 * PAIR_SEC);
		assert_down(p, CUT(1));
		assert_true(pair_is_agreed(p));
		assert_path(p, 0);
		pair_free(p);
	}
}

/* Paths that are configured anew are not what those before were; the same ones are. */
static void new_paths_are_looked_at_anew(void **state)
{
	unsigned paths = CUT(1);
	struct pair *p = up(&(struct pair_options){.seed = 9, .path_cnt = 2}, &paths);
	struct pair_node *n = &p->node[0];
	struct endpoint path[2];
	struct session_config same = n->config[0], fewer = n->config[0];

	(void)state;
	memcpy(path, n->path[0], sizeof(path));
	same.path = path;
	fewer.path_cnt = 1;
	pair_run(p, 6 * PAIR_SEC);
	assert_down(p, CUT(1));
	session_update(n->engine, n->session[0], &same);
	assert_int_equal(down(p, 0), CUT(1));
	session_update(n->engine, n->session[0], &fewer);
	assert_int_equal(down(p, 0), 0);
	session_update(n->engine, n->session[0], &n->config[0]);
	pair_free(p);
}

/* Without keys nothing is known of any path. */
static void severed_nothing_is_known(void **state)
{
	unsigned paths = CUT(1);
	struct pair *p =
		up(&(struct pair_options){.seed = 10, .path_cnt = 2, .behavior = RK_FAIL_HARD},
			&paths);

	(void)state;
	pair_run(p, 6 * PAIR_SEC);
	assert_down(p, CUT(1));
	pair_revoke(p, 0, west);
	assert_true(pair_has_event(p, 0, RK_PEER_DOWN, "severed"));
	assert_int_equal(down(p, 0), 0);
	pair_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(path_that_goes_is_told),
		cmocka_unit_test(watching_moves_nothing),
		cmocka_unit_test(silence_is_that_of_the_path_in_use),
		cmocka_unit_test(path_with_answers_is_dialled),
		cmocka_unit_test(heard_again_the_path_in_use_is_up),
		cmocka_unit_test(watching_costs_little),
		cmocka_unit_test(late_answers_are_answers),
		cmocka_unit_test(answer_from_elsewhere_is_none),
		cmocka_unit_test(new_paths_are_looked_at_anew),
		cmocka_unit_test(severed_nothing_is_known),
	};

	return cmocka_run_group_tests(tests, pair_make_identities, pair_free_identities);
}
