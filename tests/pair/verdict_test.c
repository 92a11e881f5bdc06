/* SPDX-License-Identifier: BSD-3-Clause */
/* Whose certificate it is, and what control's word on it is worth: whose, under which anchors, how late. */
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

/* ---- E7: names --------------------------------------------------------------------------------- */

/* East knows west and a second peer, "north"; nobody dials. */
static struct pair *open_names(void)
{
	struct pair *p = pair_new(&(struct pair_options){.seed = 1}, east, west);
	struct pair_node *n = &p->node[0];

	pair_start(p, 0);
	n->config[1] = n->config[0];
	n->config[1].peering_common_name = "north";
	n->config[1].peering_common_name_len = 5;
	n->session[1] = (struct session *)&n->config[1]; /* looked up, never looked into */
	n->session_cnt = 2;
	return p;
}

static void close_names(struct pair *p)
{
	p->node[0].session[1] = NULL;
	p->node[0].session_cnt = 1;
	pair_free(p);
}

static enum reason identity_of(struct pair *p, unsigned cn_cnt, const char *cn,
	const char *first_uri, const char *second_uri, struct session **session)
{
	const char *const uri[] = {first_uri, second_uri};
	struct rk_verdict v = {.cn_cnt = (uint8_t)cn_cnt, .cn_len = (uint8_t)strlen(cn)};
	struct identity id;
	enum reason reason;

	memcpy(v.cn, cn, strlen(cn));
	for (unsigned i = 0; i < 2 && uri[i] != NULL; i++) {
		v.uri_len[i] = (uint8_t)strlen(uri[i]);
		memcpy(v.uri[i], uri[i], strlen(uri[i]));
		v.uri_cnt++;
	}
	reason = proof_identity(p->node[0].engine, &v, &id);
	*session = id.session;
	return reason;
}

static void names_say_whose_it_is(void **state)
{
	static const struct {
		unsigned cn_cnt;
		const char *cn, *uri[2];
		enum reason reason;
		int peer; /* -1: none */
	} cases[] = {
		{1, "west", {NULL}, REASON_ACCEPTED, 0},
		{1, "north", {NULL}, REASON_ACCEPTED, 1},
		{2, "west", {NULL}, REASON_IDENTITY_UNKNOWN, -1},
		{0, "", {"urn:ssr:peering:west"}, REASON_IDENTITY_UNKNOWN, -1},
		{1, "West", {NULL}, REASON_IDENTITY_UNKNOWN, -1},
		{1, "wes", {NULL}, REASON_IDENTITY_UNKNOWN, -1},
		{1, "east", {"urn:ssr:peering:west"}, REASON_SELF, -1},
		/* the CN names a peer: URIs are not looked at */
		{1, "west", {"urn:ssr:peering:north"}, REASON_ACCEPTED, 0},
		{1, "west", {"urn:ssr:peering:east"}, REASON_ACCEPTED, 0},
		/* it names none */
		{1, "serial-1", {"urn:ssr:peering:north"}, REASON_ACCEPTED, 1},
		{1, "serial-1", {"urn:ssr:peering:north", "urn:ssr:peering:north"}, REASON_ACCEPTED,
			1},
		{1, "serial-1", {"urn:ssr:peering:west", "urn:ssr:peering:north"},
			REASON_IDENTITY_AMBIGUOUS, 0},
		{1, "serial-1", {"urn:ssr:peering:east"}, REASON_SELF, -1},
		{1, "serial-1", {"urn:ssr:peering:", "urn:other:west"}, REASON_IDENTITY_UNKNOWN,
			-1},
	};
	struct pair *p = open_names();

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct session *session,
			*expected = cases[i].peer < 0 ? NULL : p->node[0].session[cases[i].peer];
		enum reason reason = identity_of(p, cases[i].cn_cnt, cases[i].cn, cases[i].uri[0],
			cases[i].uri[1], &session);

		if (reason != cases[i].reason || session != expected)
			fail_msg("case %zu: reason %d", i, (int)reason);
	}
	close_names(p);
}

/* ---- E6: control's word ----------------------------------------------------------------------- */

static struct pair *meet(const struct pair_options *o)
{
	struct pair *p = pair_new(o, east, west);

	pair_know(p, 1, east);
	pair_start(p, 1); /* east answers, and asks about west */
	return p;
}

static bool has_asked(struct pair *p)
{
	return p->answers != NULL && p->answers->node == 0;
}

/* A verdict that is known, but made under anchors that are not this view's. */
static void known_under_other_anchors_is_asked_again(void **state)
{
	struct pair *p = meet(&(struct pair_options){.seed = 2, .are_verdicts_known = true});

	(void)state;
	p->node[0].global.trust_generation = 2;
	p->node[0].view.generation.counter++;
	assert_true(pair_run_until(p, has_asked, 5 * PAIR_SEC));
	pair_run(p, 100 * PAIR_MS);
	assert_true(
		p->node[0].validate_cnt >= 2); /* control has not heard of them yet, and is asked */
	assert_false(pair_is_agreed(p));
	pair_free(p);
}

static void word_on_another_certificate_is_none(void **state)
{
	struct pair *p = meet(&(struct pair_options){.seed = 3});

	(void)state;
	assert_true(pair_run_until(p, has_asked, 5 * PAIR_SEC));
	p->answers->verdict.fingerprint[0] ^= 1;
	pair_run(p, 10 * PAIR_MS);
	assert_int_equal(pair_counter(p, 0, "validations-unanswered"), 1);
	assert_int_equal(p->node[0].known_cnt, 0);
	pair_free(p);
}

static void control_has_five_seconds(void **state)
{
	struct pair *p = meet(&(struct pair_options){.seed = 4, .control_ns = 8 * PAIR_SEC});

	(void)state;
	assert_true(pair_run_until(p, has_asked, 5 * PAIR_SEC));
	pair_run(p, 5 * PAIR_SEC - PAIR_MS);
	assert_int_equal(pair_counter(p, 0, "validations-unanswered"), 0);
	pair_run(p, 2 * PAIR_MS);
	assert_int_equal(pair_counter(p, 0, "validations-unanswered"), 1);
	pair_free(p);
}

/* What was refused may be good under the next view's anchors: it is asked about at once. */
static void no_lasts_until_the_next_view(void **state)
{
	struct pair *p = meet(&(struct pair_options){.seed = 5});

	(void)state;
	assert_true(pair_run_until(p, has_asked, 5 * PAIR_SEC));
	p->answers->verdict.status = RK_VERDICT_UNTRUSTED;
	p->answers->verdict.key.type =
		RK_KEY_NONE; /* none is told of a certificate without a chain */
	pair_run(p, 10 * PAIR_MS);
	assert_int_equal(pair_counter(p, 0, "certificate-untrusted"), 1);
	pair_rejudge(p, 0);
	pair_crash(p, 1); /* so that it tries anew before the answer is forgotten for its age */
	pair_start(p, 1);
	assert_true(pair_run_until(p, has_asked, 5 * PAIR_SEC));
	pair_free(p);
}

/* And ten seconds, no longer: whoever was refused may try again. */
static void no_lasts_ten_seconds(void **state)
{
	struct pair *p = meet(&(struct pair_options){.seed = 6});
	uint64_t asked;

	(void)state;
	assert_true(pair_run_until(p, has_asked, 5 * PAIR_SEC));
	p->answers->verdict.status = RK_VERDICT_UNTRUSTED;
	p->answers->verdict.key.type = RK_KEY_NONE;
	pair_run(p, 5 * PAIR_MS);
	asked = p->node[0].validate_cnt;
	for (unsigned i = 0; i < 2; i++) {
		pair_run(p, i == 0 ? 7 * PAIR_SEC : PAIR_SEC);
		pair_crash(p, 1);
		pair_start(p, 1);
		pair_run(p, 2 * PAIR_SEC);
		assert_int_equal(p->node[0].validate_cnt, asked + i);
	}
	pair_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_say_whose_it_is),
		cmocka_unit_test(known_under_other_anchors_is_asked_again),
		cmocka_unit_test(word_on_another_certificate_is_none),
		cmocka_unit_test(control_has_five_seconds),
		cmocka_unit_test(no_lasts_until_the_next_view),
		cmocka_unit_test(no_lasts_ten_seconds),
	};

	return cmocka_run_group_tests(tests, pair_make_identities, pair_free_identities);
}
