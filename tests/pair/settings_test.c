/* SPDX-License-Identifier: BSD-3-Clause */
/* What an operator can set: keys, intervals, limits, and the switch of it all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "dataplane/core/engine_state.h"
#include "tests/pair/host.h"
#include "tests/pair/identities.h"

static struct pair *start(const struct pair_options *o, const struct pair_identity *first,
	const struct pair_identity *second)
{
	struct pair *p = pair_new(o, first, second);

	pair_start(p, 0);
	pair_start(p, 1);
	return p;
}

static struct pair *up(const struct pair_options *o)
{
	struct pair *p = start(o, east, west);

	assert_true(pair_run_until(p, pair_is_agreed, 10 * PAIR_SEC));
	return p;
}

static struct session *session_of(struct pair *p, unsigned node)
{
	return p->node[node].session[0];
}

static bool is_type(const struct pair_packet *packet, uint8_t type)
{
	return packet->payload[MSG_ENVELOPE_LEN + 5] == type;
}

/* ---- algorithms ------------------------------------------------------------------------------ */

/* RSA of every size that is allowed, RSA-PSS within its parameters, Ed25519: in both roles. */
static void every_key(void **state)
{
	static const enum test_key kinds[] = {TEST_RSA_3072, TEST_RSA_4096, TEST_RSA_PSS_SHA256,
		TEST_P384, TEST_P521, TEST_ED25519};

	(void)state;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		struct pair_identity *id = pair_identity_new("west", kinds[i], NULL);

		for (unsigned dialler = 0; dialler < 2; dialler++) {
			struct pair *p = pair_new(
				&(struct pair_options){.seed = i, .is_ed25519_allowed = true}, east,
				id);

			pair_start(p, dialler);
			pair_run(p, 10 * PAIR_MS);
			session_dial_in(p->node[dialler].engine, session_of(p, dialler), 0);
			pair_start(p, !dialler);
			assert_true(pair_run_until(p, pair_is_agreed, 5 * PAIR_SEC));
			pair_free(p);
		}
		pair_identity_free(id);
	}
}

/* Off, as it is by default: neither offered nor taken, though control calls it good. */
static void ed25519_needs_its_setting(void **state)
{
	struct pair_identity *id = pair_identity_new("west", TEST_ED25519, NULL);
	struct pair *p = start(&(struct pair_options){.seed = 7}, east, id);

	(void)state;
	pair_run(p, 5 * PAIR_SEC);
	assert_true(pair_counter(p, 1, "no-common-scheme") > 0);
	assert_int_equal(pair_status(p, 0).full_exchange_cnt, 0);
	pair_free(p);
	pair_identity_free(id);
}

/* ---- rekeys ---------------------------------------------------------------------------------- */

static void volume_is_a_reason_to_rekey(void **state)
{
	static const struct pair_options by[] = {
		{.seed = 8, .rekey_packets = 50, .hold_ns = PAIR_MS},
		{.seed = 9, .rekey_bytes = 50 * MSG_KEEP_ALIVE_LEN, .hold_ns = PAIR_MS},
	};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct pair_options o = by[i];
		struct pair *p;
		uint64_t most = 0;

		o.keep_alive_interval_ns = 10 * PAIR_MS;
		p = up(&o);
		for (unsigned n = 0; n < 1000; n++) {
			const struct keyslot *slot = session_of(p, 0)->keys.slot[KEYRING_CURRENT];

			most = slot->send_counter > most ? slot->send_counter : most;
			pair_run(p, 10 * PAIR_MS);
		}
		assert_true(pair_is_agreed(p));
		assert_true(pair_status(p, 0).rekey_cnt >= 15);
		assert_in_range(most, 45, 55);
		pair_free(p);
	}
}

/* Both sides seldom start at once: the times differ, and stay within their bounds. */
static void rekey_times_are_jittered(void **state)
{
	struct pair *p = up(&(struct pair_options){
		.seed = 10, .rekey_interval_ns = 10 * PAIR_SEC, .hold_ns = PAIR_SEC});
	uint64_t cnt = 0, last = 0, shortest = UINT64_MAX, longest = 0, gap;

	(void)state;
	for (unsigned i = 0; i < 21; i++) {
		while (pair_status(p, 0).rekey_cnt == cnt)
			(void)pair_step(p, p->now_ns + PAIR_SEC);
		cnt = pair_status(p, 0).rekey_cnt;
		gap = p->now_ns - last;
		if (i > 0) {
			shortest = gap < shortest ? gap : shortest;
			longest = gap > longest ? gap : longest;
		}
		last = p->now_ns;
	}
	assert_true(shortest >= 9 * PAIR_SEC);
	assert_true(longest <= 12 * PAIR_SEC + PAIR_SEC);
	assert_true(longest - shortest > 100 * PAIR_MS);
	pair_free(p);
}

static struct pair_packet kept;

static bool keep_one(struct pair *p, struct pair_packet *packet)
{
	(void)p;
	if (kept.len != 0 || packet->from != 1 || !is_type(packet, MSG_KEEP_ALIVE))
		return true;
	kept = *packet;
	return false;
}

static bool has_one_key(struct pair *p)
{
	for (unsigned i = 0; i < 2; i++)
		if (keyslot_is_used(session_of(p, i)->keys.slot[KEYRING_PREVIOUS]) ||
			keyslot_is_used(session_of(p, i)->keys.slot[KEYRING_NEXT]))
			return false;
	return true;
}

/* How long after a rekey a packet under the key before is still taken. */
static uint64_t held_for(struct pair *p)
{
	uint64_t from, accepted, rekeys;

	kept.len = 0;
	assert_true(pair_run_until(p, has_one_key, 60 * PAIR_SEC));
	p->filter = keep_one;
	pair_run(p, 2 * PAIR_SEC);
	assert_true(kept.len > 0);
	rekeys = pair_status(p, 0).rekey_cnt;
	session_rotate(p->node[0].engine, session_of(p, 0), false);
	while (pair_status(p, 0).rekey_cnt == rekeys)
		assert_true(pair_step(p, p->now_ns + PAIR_SEC));
	from = p->now_ns;
	do {
		pair_run(p, 100 * PAIR_MS);
		accepted = pair_counter(p, 0, "replayed") + pair_counter(p, 0, "packets-accepted");
		pair_inject(p, &kept, 0);
		pair_run(p, 1);
	} while (
		pair_counter(p, 0, "replayed") + pair_counter(p, 0, "packets-accepted") > accepted);
	return p->now_ns - from;
}

/* S1: min(hold, half the rekey interval) */
static void old_key_is_held_as_long_as_set(void **state)
{
	struct pair *p = up(&(struct pair_options){.seed = 11, .hold_ns = 7 * PAIR_SEC});

	(void)state;
	assert_in_range(held_for(p), 6800 * PAIR_MS, 7300 * PAIR_MS);
	pair_free(p);
	p = up(&(struct pair_options){.seed = 12, .rekey_interval_ns = 20 * PAIR_SEC});
	assert_in_range(held_for(p), 9800 * PAIR_MS, 10300 * PAIR_MS);
	pair_free(p);
}

/* What must not happen to a packet between two good sides, and how often it did. */
static uint64_t mishaps(struct pair *p)
{
	static const char *const names[] = {
		"bad-authentication", "unknown-index", "replayed", "silences"};
	uint64_t sum = 0;

	for (unsigned i = 0; i < 2; i++)
		for (size_t n = 0; n < sizeof(names) / sizeof(names[0]); n++)
			sum += pair_counter(p, i, names[n]);
	return sum;
}

/* P10: protected keep-alives of 1 kHz each way, a rekey every half second, some by both at once. */
static void a_thousand_keep_alives_a_second_lose_none(void **state)
{
	struct pair *p = up(&(struct pair_options){.seed = 13,
		.keep_alive_interval_ns = PAIR_MS,
		.rekey_interval_ns = 500 * PAIR_MS,
		.hold_ns = 100 * PAIR_MS,
		.latency_ns = 300000, /* three lost are silence: a round trip takes less */
		.latency_jitter_ns = 400000,
		.job_ns = PAIR_MS});
	uint64_t sent = 0, received = 0, before;
	unsigned i;

	(void)state;
	pair_run(p, PAIR_SEC);
	before = mishaps(p);
	for (i = 0; i < 20; i++) {
		pair_run(p, 500 * PAIR_MS);
		if (i % 4 == 0) {
			session_rotate(p->node[0].engine, session_of(p, 0), false);
			session_rotate(p->node[1].engine, session_of(p, 1), false);
		}
	}
	assert_int_equal(mishaps(p), before);
	for (i = 0; i < 2; i++)
		session_of(p, i)->keep_alive_at_ns = 0; /* what is under way arrives */
	pair_run(p, PAIR_MS);
	for (i = 0; i < 2; i++) {
		sent += pair_status(p, i).keep_alive_sent_cnt;
		received += pair_status(p, i).keep_alive_received_cnt;
	}
	assert_true(pair_status(p, 0).rekey_cnt >= 12);
	assert_true(sent >= 19000);
	assert_int_equal(received, sent);
	pair_free(p);
}

/* S6: a full exchange beside the keys, again and again, and nothing is lost on the way. */
static void re_authentication_loses_nothing(void **state)
{
	struct pair *p = up(&(struct pair_options){.seed = 14,
		.reauth_interval_ns = 2 * PAIR_SEC,
		.hold_ns = 200 * PAIR_MS,
		.keep_alive_interval_ns = 10 * PAIR_MS});
	uint64_t sent, received;

	(void)state;
	pair_run(p, 20 * PAIR_SEC);
	assert_true(pair_status(p, 0).full_exchange_cnt >= 8);
	assert_int_equal(pair_counter(p, 0, "silences") + pair_counter(p, 1, "silences"), 0);
	assert_false(pair_has_event(p, 0, RK_PEER_DOWN, "silence"));
	sent = pair_status(p, 0).keep_alive_sent_cnt + pair_status(p, 1).keep_alive_sent_cnt;
	received = pair_status(p, 0).keep_alive_received_cnt +
		   pair_status(p, 1).keep_alive_received_cnt;
	assert_true(received <= sent && received + 2 >= sent);
	pair_free(p);
}

/* ---- repetition, silence, timeout ------------------------------------------------------------ */

static struct {
	uint64_t at_ns[16];
	size_t len;
	uint8_t payload[MSG_MAX];
	unsigned cnt;
	bool is_same;
} hellos;

static bool swallow_hellos(struct pair *p, struct pair_packet *packet)
{
	if (!is_type(packet, MSG_HELLO) || hellos.cnt == 16)
		return false;
	if (hellos.cnt == 0) {
		hellos.len = packet->len;
		hellos.is_same = true;
		memcpy(hellos.payload, packet->payload, packet->len);
	} else if (hellos.len != packet->len ||
		   memcmp(hellos.payload, packet->payload, packet->len) != 0) {
		hellos.is_same = false;
	}
	hellos.at_ns[hellos.cnt++] = p->now_ns;
	return false;
}

/* E2: the same bytes; 0.5 s, doubling less a tenth at most, up to the retransmit interval. */
static void repetition_backs_off_up_to_its_interval(void **state)
{
	struct pair *p =
		pair_new(&(struct pair_options){.seed = 15, .retransmit_interval_ns = 2 * PAIR_SEC},
			east, west);
	uint64_t want = 500 * PAIR_MS, gap;

	(void)state;
	hellos.cnt = 0;
	p->filter = swallow_hellos;
	pair_start(p, 0);
	pair_run(p, 9 * PAIR_SEC); /* one exchange, not yet its successor */
	assert_true(hellos.cnt >= 5 && hellos.is_same);
	for (unsigned i = 1; i < hellos.cnt; i++) {
		gap = hellos.at_ns[i] - hellos.at_ns[i - 1];
		assert_in_range(gap, want - want / 10, want);
		want = want * 2 < 2 * PAIR_SEC ? want * 2 : 2 * PAIR_SEC;
	}
	pair_free(p);
}

static bool nothing_crosses(struct pair *p, struct pair_packet *packet)
{
	(void)p;
	(void)packet;
	return false;
}

/* S3, S4: out of service after the timeout, tried again at its interval; the key survives. */
static void timeout_takes_the_peer_down_and_keeps_the_key(void **state)
{
	struct pair *p = up(&(struct pair_options){.seed = 16, .timeout_ns = 40 * PAIR_SEC});
	uint8_t exported[16];
	uint64_t dials, exchanges = pair_status(p, 0).full_exchange_cnt;

	(void)state;
	memcpy(exported, pair_status(p, 0).exported, sizeof(exported));
	p->filter = nothing_crosses;
	pair_run(p, 30 * PAIR_SEC);
	assert_true(pair_has_event(p, 0, RK_PEER_DOWN, "silence"));
	assert_false(session_of(p, 0)->is_down);
	pair_run(p, 30 * PAIR_SEC);
	assert_true(session_of(p, 0)->is_down);
	dials = pair_counter(p, 0, "exchanges-started");
	pair_run(p, 400 * PAIR_SEC);
	assert_in_range(pair_counter(p, 0, "exchanges-started") - dials, 8, 11);
	assert_memory_equal(pair_status(p, 0).exported, exported, sizeof(exported));
	p->filter = NULL; /* the next keep-alive will do, or an exchange that is under way */
	assert_true(pair_run_until(p, pair_is_agreed, 2 * PAIR_SEC));
	exchanges = pair_status(p, 0).full_exchange_cnt - exchanges;
	assert_true(exchanges == 1 ||
		    (exchanges == 0 && pair_has_event(p, 0, RK_PEER_UP, "heard-again")));
	pair_free(p);
}

/* Who never had a key is told to be down all the same. */
static void timeout_without_any_key(void **state)
{
	struct pair *p = pair_new(
		&(struct pair_options){.seed = 17, .timeout_ns = 20 * PAIR_SEC}, east, west);

	(void)state;
	p->filter = nothing_crosses;
	pair_start(p, 0);
	pair_run(p, 19 * PAIR_SEC);
	assert_int_equal(pair_status(p, 0).state, RK_PEER_INITIALIZING);
	pair_run(p, 2 * PAIR_SEC);
	assert_int_equal(pair_status(p, 0).state, RK_PEER_DOWN);
	assert_true(pair_has_event(p, 0, RK_PEER_DOWN, "timeout"));
	pair_free(p);
}

/* enhanced-security-key-management: off, nothing is said, taken or kept; on, all begins anew. */
static void switched_off_nothing_is_left(void **state)
{
	struct pair *p = up(&(struct pair_options){.seed = 18, .keep_alive_interval_ns = PAIR_SEC});
	uint64_t sent;

	(void)state;
	p->node[0].is_disabled = true;
	pair_rejudge(p, 0);
	assert_int_equal(pair_status(p, 0).state, RK_PEER_DISABLED);
	assert_true(pair_has_event(p, 0, RK_PEER_DISABLED, "disabled"));
	for (unsigned i = 0; i < KEYRING_CNT; i++)
		assert_false(keyslot_is_used(session_of(p, 0)->keys.slot[i]));
	sent = p->node[0].sent_cnt;
	pair_run(p, 20 * PAIR_SEC);
	assert_int_equal(p->node[0].sent_cnt, sent);
	assert_true(pair_counter(p, 0, "not-configured") > 0);
	assert_int_equal(pair_status(p, 1).state, RK_PEER_DOWN);
	p->node[0].is_disabled = false;
	pair_rejudge(p, 0);
	assert_true(pair_run_until(p, pair_is_agreed, 10 * PAIR_SEC));
	pair_free(p);
}

/* S8: nor does anything go on that was under way, in either role, whatever of it is still computed. */
static void switched_off_nothing_goes_on(void **state)
{
	bool is_agreed = false;
	unsigned at;

	(void)state;
	for (at = 1; !is_agreed; at++) {
		struct pair *p =
			start(&(struct pair_options){.seed = 19, .job_ns = PAIR_MS}, east, west);
		uint64_t sent;

		while (p->node[0].job_cnt < at && !pair_is_agreed(p))
			assert_true(pair_step(p, 2000 * PAIR_SEC));
		is_agreed = pair_is_agreed(p);
		p->node[0].is_disabled = true;
		pair_publish(&p->node[0]); /* the sessions are swept later */
		pair_begin(&p->node[0]);
		assert_int_equal(p->node[0].engine->used_cnt, 0);
		sent = p->node[0].sent_cnt;
		pair_run(p, PAIR_SEC);
		assert_int_equal(p->node[0].sent_cnt, sent);
		p->node[0].is_disabled = false;
		pair_rejudge(p, 0);
		assert_true(pair_run_until(p, pair_is_agreed, 30 * PAIR_SEC));
		pair_free(p);
	}
	assert_true(at > 4);
}

static bool is_in_x25519(struct pair *p)
{
	return pair_is_agreed(p) && pair_status(p, 0).group == 29;
}

/* A group that is configured no longer goes out of use, though rekeys stay in theirs. */
static void group_taken_away_goes_out_of_use(void **state)
{
	static const uint16_t x25519[RK_GROUP_MAX] = {29};
	struct pair *p = up(&(struct pair_options){
		.seed = 15, .hold_ns = PAIR_SEC, .rekey_interval_ns = 5 * PAIR_SEC});

	(void)state;
	pair_run(p, 2 * PAIR_SEC);
	assert_int_equal(pair_status(p, 0).group, 23);
	pair_set_groups(p, 0, x25519);
	pair_run(p, 20 * PAIR_SEC); /* the peer is told later */
	assert_true(pair_is_receivable(p));
	pair_set_groups(p, 1, x25519);
	assert_true(pair_run_until(p, is_in_x25519, 15 * PAIR_SEC));
	pair_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_key),
		cmocka_unit_test(ed25519_needs_its_setting),
		cmocka_unit_test(volume_is_a_reason_to_rekey),
		cmocka_unit_test(rekey_times_are_jittered),
		cmocka_unit_test(old_key_is_held_as_long_as_set),
		cmocka_unit_test(a_thousand_keep_alives_a_second_lose_none),
		cmocka_unit_test(re_authentication_loses_nothing),
		cmocka_unit_test(repetition_backs_off_up_to_its_interval),
		cmocka_unit_test(timeout_takes_the_peer_down_and_keeps_the_key),
		cmocka_unit_test(timeout_without_any_key),
		cmocka_unit_test(switched_off_nothing_is_left),
		cmocka_unit_test(switched_off_nothing_goes_on),
		cmocka_unit_test(group_taken_away_goes_out_of_use),
	};

	return cmocka_run_group_tests(tests, pair_make_identities, pair_free_identities);
}
