/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * P11, E8, F5, S7: what a certificate that is revoked, expired or untrusted does, the peer's or our
 * own, under fail-soft and fail-hard, to a standing peering, to its rekeys, to an exchange under
 * way, and to a new one.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "dataplane/core/engine_state.h"
#include "tests/pair/host.h"

enum cause { REVOKED, EXPIRED, UNTRUSTED, CAUSE_CNT };

static const uint8_t verdict_of[CAUSE_CNT] = {
	RK_VERDICT_REVOKED, RK_VERDICT_EXPIRED, RK_VERDICT_UNTRUSTED};
static const char *const counter_of[CAUSE_CNT] = {
	"certificate-revoked", "certificate-expired", "certificate-untrusted"};

static struct pair_identity *east, *west; /* of one test: it may spoil them */

static struct pair *up(enum rk_invalid_certificate_behavior behavior)
{
	struct pair *p;

	east = pair_identity_new("east", TEST_P256, NULL);
	west = pair_identity_new("west", TEST_P256, NULL);
	p = pair_new(&(struct pair_options){.seed = 1,
			     .behavior = behavior,
			     .hold_ns = 100 * PAIR_MS,
			     .rekey_interval_ns = 2 * PAIR_SEC},
		east, west);
	pair_start(p, 0);
	pair_start(p, 1);
	assert_true(pair_run_until(p, pair_is_agreed, 10 * PAIR_SEC));
	pair_run(p, 3 * PAIR_SEC);
	assert_true(pair_run_until(p, pair_is_agreed, PAIR_SEC));
	return p;
}

static void down(struct pair *p)
{
	pair_free(p);
	pair_identity_free(east);
	pair_identity_free(west);
}

/* Control of that node now thinks so of west's certificate, and publishes it. */
static void spoil(struct pair *p, unsigned node, enum cause cause)
{
	struct pair_node *n = &p->node[node];
	int64_t now = PAIR_WALL + (int64_t)(p->now_ns / PAIR_SEC);

	switch (cause) {
	case REVOKED:
		pair_revoke(p, node, west);
		return;
	case EXPIRED:
		west->verdict.not_after = west->verdict.chain[0].not_after = now - 1;
		break;
	default: /* the anchor is gone: judged anew, with another end */
		n->trust_generation++;
		west->verdict.trust_generation = n->trust_generation;
		west->verdict.status = RK_VERDICT_UNTRUSTED;
		break;
	}
	for (size_t i = 0; i < n->known_cnt; i++)
		if (memcmp(n->known[i].fingerprint, west->verdict.fingerprint,
			    RK_FINGERPRINT_LEN) == 0)
			n->known[i] = west->verdict;
	pair_rejudge(p, node);
}

static void fail_hard_severs(void **state)
{
	(void)state;
	for (enum cause cause = 0; cause < CAUSE_CNT; cause++) {
		struct pair *p = up(RK_FAIL_HARD);

		spoil(p, 0, cause);
		assert_int_equal(pair_status(p, 0).state, RK_PEER_DOWN);
		assert_int_equal(pair_status(p, 0).verdict, verdict_of[cause]);
		assert_true(pair_has_event(p, 0, RK_PEER_DOWN, "severed"));
		for (unsigned i = 0; i < KEYRING_CNT; i++)
			assert_false(keyslot_is_used(p->node[0].session[0]->keys.slot[i]));
		pair_run(p, 30 * PAIR_SEC);
		assert_int_equal(pair_status(p, 0).state, RK_PEER_DOWN);
		assert_true(pair_counter(p, 0, counter_of[cause]) > 0);
		down(p);
	}
}

static void fail_soft_keeps_keys_and_rekeys(void **state)
{
	(void)state;
	for (enum cause cause = 0; cause < CAUSE_CNT; cause++) {
		struct pair *p = up(RK_FAIL_SOFT);
		uint64_t rekeys = pair_status(p, 0).rekey_cnt;

		spoil(p, 0, cause);
		assert_int_equal(pair_status(p, 0).state, RK_PEER_UP);
		assert_int_equal(pair_status(p, 0).verdict, verdict_of[cause]);
		assert_true(pair_has_event(p, 0, RK_PEER_UP, "certificate-invalid"));
		pair_run(p, 20 * PAIR_SEC);
		assert_true(pair_is_agreed(p));
		assert_true(pair_status(p, 0).rekey_cnt >= rekeys + 5);
		down(p);
	}
}

/* P11: under neither behaviour does a full exchange succeed, whoever begins it. */
static void no_new_exchange_under_either(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 2 * CAUSE_CNT; i++) {
		struct pair *p = up(i % 2 ? RK_FAIL_HARD : RK_FAIL_SOFT);
		uint64_t exchanges = pair_status(p, 0).full_exchange_cnt;

		spoil(p, 0, i / 2);
		p->node[1].trust_generation = p->node[0].trust_generation; /* one control, say */
		pair_crash(p, 1); /* west has to begin anew */
		pair_start(p, 1);
		pair_run(p, 40 * PAIR_SEC);
		assert_int_equal(pair_status(p, 0).full_exchange_cnt, exchanges);
		assert_int_not_equal(pair_status(p, 1).state, RK_PEER_UP);
		assert_true(pair_counter(p, 0, counter_of[i / 2]) > 0);
		down(p);
	}
}

/* Our own certificate: west, whose it is, learns that it is bad. */
static void own_bad_certificate_is_not_shown(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		bool is_hard = i % 2;
		struct pair *p = up(is_hard ? RK_FAIL_HARD : RK_FAIL_SOFT);
		uint64_t dials = pair_counter(p, 1, "exchanges-started");

		spoil(p, 1, i / 2 == 0 ? REVOKED : EXPIRED);
		if (is_hard) {
			assert_int_equal(pair_status(p, 1).state, RK_PEER_DOWN);
			assert_true(pair_has_event(p, 1, RK_PEER_DOWN, "own-certificate-invalid"));
		}
		pair_run(p, 20 * PAIR_SEC);
		assert_int_equal(pair_counter(p, 1, "exchanges-started"), dials);
		assert_int_equal(pair_is_agreed(p), !is_hard);
		if (is_hard) /* nor does it answer */
			assert_true(pair_counter(p, 1, "no-credential") > 0);
		down(p);
	}
}

/* ---- in the iteration that installs a key ---------------------------------------------------- */

struct moment {
	uint8_t type; /* when this comes by */
	bool has_come;
};

static bool watch(struct pair *p, struct pair_packet *packet)
{
	struct moment *m = p->filter_arg;

	if (packet->payload[MSG_ENVELOPE_LEN + 5] == m->type)
		m->has_come = true;
	return true;
}

static void run_to(struct pair *p, struct moment *m)
{
	p->filter = watch;
	p->filter_arg = m;
	while (!m->has_come)
		assert_true(pair_step(p, p->now_ns + 20 * PAIR_SEC));
	p->filter = NULL;
}

/* E8: revoked between any two messages of a first contact: no key. */
static void revoked_between_any_two_messages(void **state)
{
	static const uint8_t types[] = {
		MSG_HELLO, MSG_REPLY, MSG_NEED_CERT, MSG_CERT_FRAGMENT, MSG_FINISH, MSG_PENDING};

	(void)state;
	for (unsigned i = 0; i < sizeof(types); i++) {
		struct moment m = {.type = types[i]};
		struct pair *p;

		east = pair_identity_new("east", TEST_P256, NULL);
		west = pair_identity_new("west", TEST_P256, NULL);
		p = pair_new(&(struct pair_options){.seed = i}, east, west);
		pair_start(p, 0);
		pair_start(p, 1);
		run_to(p, &m);
		spoil(p, 0, REVOKED);
		pair_run(p, 30 * PAIR_SEC);
		assert_int_not_equal(pair_status(p, 0).state, RK_PEER_UP);
		assert_int_equal(pair_status(p, 0).full_exchange_cnt, 0);
		down(p);
	}
}

static bool count_finish(struct pair *p, struct pair_packet *packet)
{
	unsigned *cnt = p->filter_arg;

	*cnt += packet->from == 0 && packet->payload[MSG_ENVELOPE_LEN + 5] == MSG_FINISH;
	return true;
}

/* E8: the same of our own certificate, whoever dials: no key, and it signs nothing any more. */
static void own_revoked_between_any_two_messages(void **state)
{
	static const uint8_t types[] = {
		MSG_HELLO, MSG_REPLY, MSG_NEED_CERT, MSG_CERT_FRAGMENT, MSG_FINISH, MSG_PENDING};

	(void)state;
	for (unsigned i = 0; i < 2 * sizeof(types); i++) {
		struct moment m = {.type = types[i / 2]};
		unsigned finish_cnt = 0;
		struct pair *p;

		east = pair_identity_new("east", TEST_P256, NULL);
		west = pair_identity_new("west", TEST_P256, NULL);
		p = pair_new(&(struct pair_options){.seed = i}, east, west);
		pair_start(p, 0);
		pair_start(p, 1);
		session_dial_in(p->node[i % 2].engine, p->node[i % 2].session[0], 0);
		run_to(p, &m);
		p->filter = count_finish;
		p->filter_arg = &finish_cnt;
		pair_revoke(p, 0, east);
		pair_run(p, 30 * PAIR_SEC);
		assert_int_not_equal(pair_status(p, 0).state, RK_PEER_UP);
		assert_int_equal(pair_status(p, 0).full_exchange_cnt, 0);
		assert_true(finish_cnt == 0 || m.type == MSG_FINISH || m.type == MSG_PENDING);
		down(p);
	}
}

/* E8: expired while control still judges it: no key either. */
static void expired_while_an_exchange_is_under_way(void **state)
{
	struct moment m = {.type = MSG_CERT_FRAGMENT};
	struct pair *p;

	(void)state;
	east = pair_identity_new("east", TEST_P256, NULL);
	west = pair_identity_new("west", TEST_P256, NULL);
	/* 1,000 s is where the fake clock starts */
	west->verdict.not_after = west->verdict.chain[0].not_after = PAIR_WALL + 1002;
	p = pair_new(&(struct pair_options){.seed = 9, .control_ns = 3 * PAIR_SEC}, east, west);
	pair_start(p, 0);
	pair_start(p, 1);
	run_to(p, &m);
	assert_true(p->now_ns < 1002 * PAIR_SEC);
	pair_run(p, 30 * PAIR_SEC);
	assert_int_equal(pair_status(p, 0).full_exchange_cnt, 0);
	assert_true(pair_counter(p, 0, "certificate-expired") > 0);
	down(p);
}

/* F5: and of a rekey, under fail-hard; under fail-soft it goes on. */
static void bad_while_a_rekey_is_under_way(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		struct moment m = {.type = i % 2 ? MSG_REKEY_HELLO : MSG_REKEY_REPLY};
		enum rk_invalid_certificate_behavior behavior = i / 2 ? RK_FAIL_HARD : RK_FAIL_SOFT;
		struct pair *p = up(behavior);
		uint64_t rekeys = pair_status(p, 0).rekey_cnt;

		run_to(p, &m);
		spoil(p, 0, REVOKED);
		pair_run(p, 10 * PAIR_SEC);
		if (behavior == RK_FAIL_HARD) {
			assert_int_equal(pair_status(p, 0).rekey_cnt, rekeys);
			assert_int_equal(pair_status(p, 0).state, RK_PEER_DOWN);
		} else {
			assert_true(pair_is_agreed(p));
			assert_true(pair_status(p, 0).rekey_cnt > rekeys);
		}
		down(p);
	}
}

/* The view says so, and this peering's turn to be judged again has not come yet. */
static void revoke_unnoticed(struct pair *p, unsigned node)
{
	struct pair_node *n = &p->node[node];

	n->revoked[n->revoked_cnt++] =
		rk_revocation_entry(&west->verdict.chain[0].cert, RK_REASON_KEY_COMPROMISE);
	pair_publish(n);
}

/* F5, E8: no rekey begins, is answered or gives a key from the iteration on that sees the view. */
static void rekey_sees_the_view_before_the_sweep(void **state)
{
	static const uint8_t types[] = {0, MSG_REKEY_HELLO, MSG_REKEY_REPLY};

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		struct moment m = {.type = types[i % 3]};
		struct pair *p = up(RK_FAIL_HARD);
		struct pair_node *n = &p->node[0];
		uint64_t rekeys = pair_status(p, 0).rekey_cnt;
		uint64_t began = pair_counter(p, 0, "rekeys-started");

		p->options.job_ns = i == 3 ? 100 * PAIR_MS : 0; /* or while its key is being made */
		if (i == 3) {
			while (n->jobs == NULL || n->session[0]->own_rekey == 0 ||
				exchange_find(n->engine, n->session[0]->own_rekey)->state !=
					EXCHANGE_AWAIT_SECRET)
				assert_true(pair_step(p, p->now_ns + 10 * PAIR_SEC));
			began = pair_counter(p, 0, "rekeys-started");
		} else if (m.type != 0) {
			run_to(p, &m);
			rekeys = pair_status(p, 0).rekey_cnt;
			began = pair_counter(p, 0, "rekeys-started");
		}
		revoke_unnoticed(p, 0);
		pair_run(p, PAIR_SEC);
		if (i == 0)
			session_rotate(n->engine, n->session[0], false);
		pair_run(p, PAIR_SEC / 2);
		assert_int_equal(pair_status(p, 0).rekey_cnt, rekeys);
		assert_int_equal(pair_counter(p, 0, "rekeys-started"), began);
		assert_true(pair_counter(p, 0, "certificate-revoked") >= 1);
		down(p);
	}
}

/* S7: what the view does not say, the peer's own proof may: control is asked, and says untrusted. */
static void refused_proof_severs_under_fail_hard(void **state)
{
	(void)state;
	for (unsigned is_hard = 0; is_hard < 2; is_hard++) {
		struct pair *p = up(is_hard ? RK_FAIL_HARD : RK_FAIL_SOFT);
		struct pair_node *n = &p->node[0];

		n->trust_generation++;
		west->verdict.trust_generation = n->trust_generation;
		west->verdict.status = RK_VERDICT_UNTRUSTED; /* not published, but answered */
		pair_rejudge(p, 0);
		assert_int_equal(pair_status(p, 0).state, RK_PEER_UP); /* nobody has said so yet */
		pair_run(p, 10 * PAIR_SEC);
		assert_true(n->validate_cnt >= 2);
		assert_int_equal(pair_status(p, 0).state, is_hard ? RK_PEER_DOWN : RK_PEER_UP);
		assert_int_equal(pair_status(p, 0).verdict, RK_VERDICT_UNTRUSTED);
		down(p);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fail_hard_severs),
		cmocka_unit_test(fail_soft_keeps_keys_and_rekeys),
		cmocka_unit_test(no_new_exchange_under_either),
		cmocka_unit_test(own_bad_certificate_is_not_shown),
		cmocka_unit_test(revoked_between_any_two_messages),
		cmocka_unit_test(own_revoked_between_any_two_messages),
		cmocka_unit_test(expired_while_an_exchange_is_under_way),
		cmocka_unit_test(bad_while_a_rekey_is_under_way),
		cmocka_unit_test(rekey_sees_the_view_before_the_sweep),
		cmocka_unit_test(refused_proof_severs_under_fail_hard),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
