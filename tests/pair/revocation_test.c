/* SPDX-License-Identifier: BSD-3-Clause */
/* Revocation, expiry and new certificates while peerings stand, fail-hard and fail-soft. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dataplane/core/engine_state.h"
#include "tests/pair/identities.h"

static struct pair_identity *west_renewed;

static struct pair *up(enum rk_invalid_certificate_behavior behavior)
{
	struct pair *p = pair_new(
		&(struct pair_options){
			.seed = 1, .behavior = behavior, .rekey_interval_ns = 3 * PAIR_SEC},
		east, west);

	pair_start(p, 0);
	pair_start(p, 1);
	assert_true(pair_run_until(p, pair_is_agreed, 10 * PAIR_SEC));
	return p;
}

static void fail_hard_severs_at_once(void **state)
{
	struct pair *p = up(RK_FAIL_HARD);
	uint64_t now;

	(void)state;
	pair_run(p, 5 * PAIR_SEC);
	now = p->now_ns;
	pair_revoke(p, 0, west);
	assert_int_equal(p->now_ns, now); /* not a nanosecond later */
	assert_int_equal(pair_status(p, 0).state, RK_PEER_DOWN);
	assert_int_equal(pair_status(p, 0).verdict, RK_VERDICT_REVOKED);
	assert_true(pair_has_event(p, 0, RK_PEER_DOWN, "severed"));
	pair_run(p, 30 * PAIR_SEC);
	assert_int_equal(pair_status(p, 0).state, RK_PEER_DOWN);
	assert_true(pair_counter(p, 0, "certificate-revoked") > 0);
	pair_free(p);
}

static void new_certificate_brings_it_back(void **state)
{
	struct pair *p = up(RK_FAIL_HARD);
	uint64_t began;

	(void)state;
	pair_revoke(p, 0, west);
	pair_run(p, 20 * PAIR_SEC);
	pair_set_identity(p, 1, west_renewed);
	began = p->now_ns;
	assert_true(pair_run_until(p, pair_is_agreed, 5 * PAIR_SEC));
	assert_true(p->now_ns - began < 3 * PAIR_SEC);
	assert_int_equal(pair_status(p, 0).verdict, RK_VERDICT_GOOD);
	assert_memory_equal(pair_status(p, 0).fingerprint, west_renewed->verdict.fingerprint,
		RK_FINGERPRINT_LEN);
	pair_free(p);
}

static void fail_soft_keeps_the_peering_and_its_rekeys(void **state)
{
	struct pair *p = up(RK_FAIL_SOFT);
	uint64_t rekeys;

	(void)state;
	pair_revoke(p, 0, west);
	rekeys = pair_status(p, 0).rekey_cnt;
	pair_run(p, 20 * PAIR_SEC);
	assert_true(pair_is_agreed(p));
	assert_true(pair_status(p, 0).rekey_cnt > rekeys);
	assert_int_equal(pair_status(p, 0).verdict, RK_VERDICT_REVOKED);
	pair_free(p);
}

/* No full exchange with a revoked certificate succeeds under either behaviour. */
static void fail_soft_refuses_a_new_peering(void **state)
{
	struct pair *p = up(RK_FAIL_SOFT);

	(void)state;
	pair_revoke(p, 0, west);
	pair_crash(p, 1);
	pair_start(p, 1);
	pair_run(p, 30 * PAIR_SEC);
	assert_false(pair_is_agreed(p));
	assert_int_not_equal(pair_status(p, 1).state, RK_PEER_UP);
	pair_unrevoke(p, 0); /* a hold was lifted */
	assert_true(pair_run_until(p, pair_is_agreed, 60 * PAIR_SEC));
	pair_free(p);
}

static bool is_parked(struct pair *p)
{
	return p->node[0].validate_cnt > 0;
}

static void revocation_between_reply_and_finish_counts(void **state)
{
	struct pair *p = pair_new(
		&(struct pair_options){.seed = 2, .control_ns = PAIR_SEC, .behavior = RK_FAIL_SOFT},
		east, west);

	(void)state;
	pair_start(p, 0);
	pair_start(p, 1);
	assert_true(pair_run_until(p, is_parked, 5 * PAIR_SEC)); /* control is thinking */
	pair_revoke(p, 0, west);
	pair_run(p, 30 * PAIR_SEC);
	assert_int_not_equal(pair_status(p, 0).state, RK_PEER_UP);
	pair_free(p);
}

static void expiry_counts_without_any_publication(void **state)
{
	struct pair_identity *brief = pair_identity_new("west", TEST_P256, NULL);
	struct pair *p;

	(void)state;
	p = pair_new(
		&(struct pair_options){
			.seed = 3, .behavior = RK_FAIL_HARD, .rekey_interval_ns = 2 * PAIR_SEC},
		east, brief);
	/* 1,000 s is where the fake clock starts */
	brief->verdict.not_after = brief->verdict.chain[0].not_after = PAIR_WALL + 1020;
	pair_start(p, 0);
	pair_start(p, 1);
	assert_true(pair_run_until(p, pair_is_agreed, 10 * PAIR_SEC));
	pair_run(p, 60 * PAIR_SEC);
	assert_int_equal(pair_status(p, 0).state, RK_PEER_DOWN);
	assert_int_equal(pair_status(p, 0).verdict, RK_VERDICT_EXPIRED);
	pair_free(p);
	pair_identity_free(brief);
}

static void own_new_certificate_is_shown_without_outage(void **state)
{
	struct pair *p = up(RK_FAIL_HARD);
	unsigned i;

	(void)state;
	pair_set_identity(p, 1, west_renewed);
	for (i = 0; i < 200; i++) {
		pair_run(p, 100 * PAIR_MS);
		assert_int_equal(pair_status(p, 0).state, RK_PEER_UP);
		assert_int_equal(pair_status(p, 1).state, RK_PEER_UP);
	}
	assert_memory_equal(pair_status(p, 0).fingerprint, west_renewed->verdict.fingerprint,
		RK_FINGERPRINT_LEN);
	assert_true(pair_is_agreed(p));
	pair_free(p);
}

static bool has_dialled(struct pair *p)
{
	return p->node[1].session[0]->own_exchange != 0;
}

/* S6: not all peers at the same instant: spread over half the retransmit interval. */
static void own_new_certificate_is_shown_with_jitter(void **state)
{
	uint64_t shortest = UINT64_MAX, longest = 0, from;

	(void)state;
	for (unsigned i = 0; i < 20; i++) {
		struct pair *p = pair_new(&(struct pair_options){.seed = i,
						  .hold_ns = PAIR_MS,
						  .retransmit_interval_ns = 10 * PAIR_SEC},
			east, west);

		pair_start(p, 0);
		pair_start(p, 1);
		assert_true(pair_run_until(p, pair_is_agreed, 10 * PAIR_SEC));
		pair_run(p, 2 * PAIR_SEC);
		from = p->now_ns;
		pair_set_identity(p, 1, west_renewed);
		assert_true(pair_run_until(p, has_dialled, 6 * PAIR_SEC));
		from = p->now_ns - from;
		shortest = from < shortest ? from : shortest;
		longest = from > longest ? from : longest;
		pair_free(p);
	}
	assert_true(longest <= 5 * PAIR_SEC + PAIR_SEC);
	assert_true(longest - shortest > PAIR_SEC);
}

static int make_identities(void **state)
{
	west_renewed = pair_identity_new("west", TEST_P384, NULL);
	return pair_make_identities(state);
}

static int free_identities(void **state)
{
	pair_identity_free(west_renewed);
	return pair_free_identities(state);
}

static int compare_issuers(const void *a, const void *b)
{
	const struct rk_issuer *x = a, *y = b;

	return memcmp(&x->key, &y->key, sizeof(x->key));
}

/* Of this certificate's chain; each key once. */
static size_t add_issuers(struct rk_issuer *issuer, size_t cnt, const struct rk_verdict *v)
{
	for (size_t i = 0; i < v->chain_cnt; i++) {
		struct rk_issuer row = {
			v->chain[i].issuer, PAIR_WALL + 100000, RK_POLICY_HARD, {0}};
		bool is_there = false;

		for (size_t n = 0; n < cnt; n++)
			is_there |= compare_issuers(&issuer[n], &row) == 0;
		if (!is_there)
			issuer[cnt++] = row;
	}
	qsort(issuer, cnt, sizeof(*issuer), compare_issuers);
	return cnt;
}

static void set_fresh_until(
	struct rk_issuer *issuer, const struct rk_chain_entry *of, int64_t fresh_until)
{
	while (memcmp(&issuer->key, &of->issuer, sizeof(of->issuer)) != 0)
		issuer++;
	issuer->fresh_until = fresh_until;
}

/* Control has begun anew and does not know that there are such certificates: it is asked again. */
static void unknown_kind_is_asked_about(void **state)
{
	struct pair_identity *pointed = pair_identity_new(
		"west", TEST_P256, &(struct test_cert){.crl_points = "URI:http://crl.example/1"});
	struct pair *p = pair_new(
		&(struct pair_options){
			.seed = 4, .behavior = RK_FAIL_SOFT, .are_verdicts_known = true},
		east, pointed);
	struct rk_issuer issuer[8] = {{.policy = RK_POLICY_HARD}};

	(void)state;
	p->node[0].view.issuers = issuer;
	p->node[0].view.issuer_cnt = add_issuers(issuer, 1, &east->verdict);
	pair_start(p, 0);
	pair_start(p, 1);
	pair_run(p, 10 * PAIR_SEC);
	assert_true(p->node[0].validate_cnt > 0);
	assert_true(pair_counter(p, 0, "certificate-unknown") > 0);
	assert_int_not_equal(pair_status(p, 0).state, RK_PEER_UP);
	/* Now it has been told, and published what it knows. */
	p->node[0].view.issuer_cnt =
		add_issuers(issuer, p->node[0].view.issuer_cnt, &pointed->verdict);
	assert_true(pair_run_until(p, pair_is_agreed, 20 * PAIR_SEC));
	pair_free(p);
	pair_identity_free(pointed);
}

/*
 * At a first contact nothing is known of its revocation, and it must be: refused, but after it has proved
 * to have the key, so that control may follow where its certificate points; then it gets in by itself.
 */
static void unknown_revocation_refuses_after_the_proof(void **state)
{
	struct pair_identity *pointed = pair_identity_new(
		"west", TEST_P256, &(struct test_cert){.crl_points = "URI:http://crl.example/1"});
	struct pair *p = pair_new(
		&(struct pair_options){.seed = 6, .behavior = RK_FAIL_HARD}, east, pointed);
	struct rk_issuer issuer[8] = {{.policy = RK_POLICY_HARD}};

	(void)state;
	p->node[0].view.issuers = issuer;
	p->node[0].view.issuer_cnt =
		add_issuers(issuer, add_issuers(issuer, 1, &east->verdict), &pointed->verdict);
	set_fresh_until(issuer, &pointed->verdict.chain[0], 0);
	pair_start(p, 0);
	pair_start(p, 1);
	pair_run(p, 5 * PAIR_SEC);
	assert_int_equal(p->node[0].known_cnt, 1);
	assert_memory_equal(
		p->node[0].known[0].fingerprint, pointed->verdict.fingerprint, RK_FINGERPRINT_LEN);
	assert_int_not_equal(pair_status(p, 0).state, RK_PEER_UP);
	set_fresh_until(issuer, &pointed->verdict.chain[0], PAIR_WALL + 100000);
	assert_true(pair_run_until(p, pair_is_agreed, 30 * PAIR_SEC));
	pair_free(p);
	pair_identity_free(pointed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fail_hard_severs_at_once),
		cmocka_unit_test(new_certificate_brings_it_back),
		cmocka_unit_test(fail_soft_keeps_the_peering_and_its_rekeys),
		cmocka_unit_test(fail_soft_refuses_a_new_peering),
		cmocka_unit_test(revocation_between_reply_and_finish_counts),
		cmocka_unit_test(expiry_counts_without_any_publication),
		cmocka_unit_test(unknown_kind_is_asked_about),
		cmocka_unit_test(unknown_revocation_refuses_after_the_proof),
		cmocka_unit_test(own_new_certificate_is_shown_without_outage),
		cmocka_unit_test(own_new_certificate_is_shown_with_jitter),
	};

	return cmocka_run_group_tests(tests, make_identities, free_identities);
}
