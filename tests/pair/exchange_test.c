/* SPDX-License-Identifier: BSD-3-Clause */
/* The full exchange: first contact, every key type and group, loss, repetition, wrong identities. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/pair/identities.h"

static struct pair *start(const struct pair_options *o, const struct pair_identity *first,
	const struct pair_identity *second)
{
	struct pair *p = pair_new(o, first, second);

	pair_start(p, 0);
	pair_start(p, 1);
	return p;
}

static void assert_agree(struct pair *p, uint64_t within_ns)
{
	assert_true(pair_run_until(p, pair_is_agreed, within_ns));
}

static void strangers_meet(void **state)
{
	struct pair *p = start(&(struct pair_options){.seed = 1}, east, west);
	struct rk_msg_status_peer s;
	unsigned i;

	(void)state;
	assert_agree(p, 5 * PAIR_SEC);
	for (i = 0; i < 2; i++) {
		s = pair_status(p, i);
		assert_int_equal(p->node[i].validate_cnt, 1);
		assert_int_equal(p->node[i].known_cnt, 1);
		assert_int_equal(s.verdict, RK_VERDICT_GOOD);
		assert_true(s.full_exchange_cnt >= 1);
		assert_memory_equal(s.fingerprint, p->node[!i].identity->verdict.fingerprint,
			RK_FINGERPRINT_LEN);
		assert_true(pair_has_event(p, i, RK_PEER_UP, "key-installed"));
	}
	assert_int_equal(pair_status(p, 0).local_index, pair_status(p, 1).peer_index);
	assert_int_equal(pair_status(p, 1).local_index, pair_status(p, 0).peer_index);
	/* One of them began it, and noted how long it took. */
	assert_true(
		pair_counter(p, 0, "exchange-us-sum") + pair_counter(p, 1, "exchange-us-sum") > 0);
	assert_int_equal(pair_counter(p, 0, "rekey-us-sum"), 0);
	pair_free(p);
}

static void acquaintances_do_not_ask_control(void **state)
{
	struct pair *p =
		start(&(struct pair_options){.seed = 2, .are_verdicts_known = true}, east, west);

	(void)state;
	assert_agree(p, 5 * PAIR_SEC);
	assert_int_equal(p->node[0].validate_cnt + p->node[1].validate_cnt, 0);
	pair_free(p);
}

/* RFC 8422 2.1, 2.2: ECDHE with ECDSA and with RSA certificates. */
static void every_kind_of_certificate(void **state)
{
	static const enum test_key kinds[] = {TEST_RSA_2048, TEST_P256, TEST_P384, TEST_P521};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		struct pair_identity *id = pair_identity_new("west", kinds[i], NULL);
		struct pair *p = start(&(struct pair_options){.seed = i}, east, id);

		assert_agree(p, 5 * PAIR_SEC);
		pair_free(p);
		pair_identity_free(id);
	}
}

/* RFC 8422 5.1.1: each named group by itself. */
static void every_group(void **state)
{
	static const uint16_t groups[] = {23, 24, 25, 29, 30};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(groups) / sizeof(groups[0]); i++) {
		struct pair *p =
			start(&(struct pair_options){.seed = i, .groups = {groups[i]}}, east, west);

		assert_agree(p, 5 * PAIR_SEC);
		assert_int_equal(pair_status(p, 0).group, groups[i]);
		assert_int_equal(pair_status(p, 1).group, groups[i]);
		pair_free(p);
	}
}

static bool drop_nth(struct pair *p, struct pair_packet *packet)
{
	unsigned *left = p->filter_arg;

	(void)packet;
	return (*left)-- != 0;
}

static void any_one_packet_may_be_lost(void **state)
{
	unsigned n, left;

	(void)state;
	for (n = 0; n < 24; n++) {
		struct pair *p = start(&(struct pair_options){.seed = n}, east, west);

		left = n;
		p->filter = drop_nth;
		p->filter_arg = &left;
		assert_agree(p, 15 * PAIR_SEC);
		pair_free(p);
	}
}

static void repetition_makes_no_second_key(void **state)
{
	struct pair *p =
		start(&(struct pair_options){.seed = 4, .duplicate_permille = 1000}, east, west);
	struct rk_msg_status_peer before;

	(void)state;
	assert_agree(p, 5 * PAIR_SEC);
	before = pair_status(p, 0);
	pair_run(p, 5 * PAIR_SEC);
	assert_true(pair_is_agreed(p));
	assert_memory_equal(before.exported, pair_status(p, 0).exported, 16);
	pair_free(p);
}

static void slow_crypto_and_slow_control(void **state)
{
	struct pair *p = start(&(struct pair_options){.seed = 5,
				       .job_ns = 80 * PAIR_MS,
				       .control_ns = 2 * PAIR_SEC,
				       .latency_ns = 150 * PAIR_MS},
		east, west);

	(void)state;
	assert_agree(p, 20 * PAIR_SEC);
	pair_free(p);
}

static void control_away_delays_first_contact(void **state)
{
	struct pair *p = start(&(struct pair_options){.seed = 6}, east, west);

	(void)state;
	p->node[0].is_control_away = p->node[1].is_control_away = true;
	pair_run(p, 20 * PAIR_SEC);
	assert_false(pair_is_agreed(p));
	p->node[0].is_control_away = p->node[1].is_control_away = false;
	assert_agree(p, 20 * PAIR_SEC);
	pair_free(p);
}

/* A good certificate that names nobody we know. */
static void stranger_is_refused(void **state)
{
	struct pair_identity *mallory = pair_identity_new("mallory", TEST_P256, NULL);
	struct pair *p = pair_new(&(struct pair_options){.seed = 7}, east, west);

	(void)state;
	pair_set_identity(p, 1, mallory);
	pair_start(p, 0);
	pair_start(p, 1);
	pair_run(p, 20 * PAIR_SEC);
	assert_int_not_equal(pair_status(p, 0).state, RK_PEER_UP);
	assert_int_not_equal(pair_status(p, 1).state, RK_PEER_UP);
	assert_true(pair_counter(p, 0, "identity-unknown") > 0);
	pair_free(p);
	pair_identity_free(mallory);
}

/* The CN is a serial number, say; a URI names the router, or others. */
static struct pair_identity *named_by_uri(const char *alt_name)
{
	struct pair_identity *id = pair_identity_new(
		"serial-4711", TEST_P256, &(struct test_cert){.alt_name = alt_name});

	strcpy(id->name, "west");
	return id;
}

static void uri_names_the_peer(void **state)
{
	static const struct {
		const char *alt_name;
		const char *refusal; /* NULL: it is the peer */
	} cases[] = {
		{"URI:urn:ssr:peering:west", NULL},
		{"URI:https://west.example/,DNS:west,URI:urn:ssr:peering:west", NULL},
		{"URI:urn:ssr:peering:wes", "identity-unknown"},
		{"URI:urn:ssr:peering:west2", "identity-unknown"},
		{"URI:urn:ssr:peering-west,DNS:west", "identity-unknown"},
		{"URI:urn:ssr:peering:east", "own-identity"},
		{"URI:urn:ssr:peering:west,URI:urn:ssr:peering:east", "own-identity"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct pair_identity *id = named_by_uri(cases[i].alt_name);
		struct pair *p = pair_new(&(struct pair_options){.seed = 20 + i}, east, west);

		pair_set_identity(p, 1, id);
		pair_start(p, 0);
		pair_start(p, 1);
		pair_run(p, 5 * PAIR_SEC);
		assert_int_equal(pair_is_agreed(p), cases[i].refusal == NULL);
		if (cases[i].refusal != NULL)
			assert_true(pair_counter(p, 0, cases[i].refusal) > 0);
		pair_free(p);
		pair_identity_free(id);
	}
}

static void untrusted_certificate_is_refused(void **state)
{
	struct pair_identity *fake = pair_identity_new("west", TEST_P256, NULL);
	struct pair *p = pair_new(&(struct pair_options){.seed = 8}, east, west);

	(void)state;
	pair_set_identity(p, 1, fake);
	/* What control says of it; west believes in itself. */
	fake->verdict.status = RK_VERDICT_UNTRUSTED;
	fake->verdict.chain_cnt = 0;
	memset(fake->verdict.chain, 0, sizeof(fake->verdict.chain));
	pair_start(p, 0);
	pair_start(p, 1);
	pair_run(p, 20 * PAIR_SEC);
	assert_int_not_equal(pair_status(p, 0).state, RK_PEER_UP);
	assert_int_equal(p->node[0].known_cnt, 0);
	/* Said once, however often it is tried. */
	assert_true(pair_has_event(p, 0, RK_PEER_INITIALIZING, "certificate-refused"));
	assert_true(pair_counter(p, 0, "certificate-untrusted") > 1);
	assert_int_equal(p->node[0].event_cnt, 1);
	pair_free(p);
	pair_identity_free(fake);
}

static void expired_certificate_is_refused(void **state)
{
	struct pair_identity *old = pair_identity_new("west", TEST_P256, NULL);
	struct pair *p = pair_new(&(struct pair_options){.seed = 9}, east, west);

	(void)state;
	pair_set_identity(p, 1, old);
	old->verdict.not_after = old->verdict.chain[0].not_after = PAIR_WALL - 10;
	pair_start(p, 0);
	pair_start(p, 1);
	pair_run(p, 20 * PAIR_SEC);
	assert_int_not_equal(pair_status(p, 0).state, RK_PEER_UP);
	assert_true(pair_counter(p, 0, "certificate-expired") > 0);
	pair_free(p);
	pair_identity_free(old);
}

static void our_own_name_is_refused(void **state)
{
	struct pair_identity *twin = pair_identity_new("east", TEST_P256, NULL);
	struct pair *p = pair_new(&(struct pair_options){.seed = 10}, east, west);

	(void)state;
	pair_set_identity(p, 1, twin);
	pair_start(p, 0);
	pair_start(p, 1);
	pair_run(p, 10 * PAIR_SEC);
	assert_int_not_equal(pair_status(p, 0).state, RK_PEER_UP);
	pair_free(p);
	pair_identity_free(twin);
}

static void nothing_goes_out_without_a_credential(void **state)
{
	struct pair *p = pair_new(&(struct pair_options){.seed = 11}, east, west);

	(void)state;
	pair_set_identity(p, 1, NULL);
	pair_start(p, 1);
	pair_run(p, 10 * PAIR_SEC);
	assert_int_equal(p->node[1].sent_cnt, 0);
	assert_int_equal(pair_status(p, 1).state, RK_PEER_INITIALIZING);
	pair_set_identity(p, 1, west); /* it comes: the peering follows by itself */
	pair_start(p, 0);
	assert_agree(p, 10 * PAIR_SEC);
	pair_free(p);
}

/* What a source that proves nothing gets is never more than it sent. */
struct flow {
	uint64_t to_spoofed, from_spoofed;
};

static bool count_spoofed(struct pair *p, struct pair_packet *packet)
{
	struct flow *f = p->filter_arg;

	if (packet->from == 0 && packet->source.local[3] == 2)
		f->to_spoofed += packet->len;
	return false; /* the spoofed one never answers, and says nothing else */
}

static struct pair_packet first_hello;

static bool keep_first(struct pair *p, struct pair_packet *packet)
{
	(void)p;
	if (first_hello.len == 0 && packet->from == 1)
		first_hello = *packet;
	return false;
}

static void no_amplification_before_proof_of_address(void **state)
{
	struct pair *p = pair_new(&(struct pair_options){.seed = 12}, east, west);
	struct flow flow = {0};

	(void)state;
	first_hello.len = 0;
	p->filter = keep_first;
	pair_start(p, 1);
	pair_run(p, 3 * PAIR_SEC);
	assert_true(first_hello.len > 0);
	p->filter = count_spoofed;
	p->filter_arg = &flow;
	flow.from_spoofed = first_hello.len;
	pair_inject(p, &first_hello, 0);
	pair_run(p, 60 * PAIR_SEC);
	assert_true(flow.to_spoofed > 0);
	assert_true(flow.to_spoofed <= flow.from_spoofed);
	pair_free(p);
}

static bool holds(const struct pair_packet *packet, const void *what, size_t len)
{
	return memmem(packet->payload, packet->len, what, len) != NULL;
}

/* P4: whoever listens sees neither name nor fingerprint nor any piece of a certificate. */
static bool see_no_identity(struct pair *p, struct pair_packet *packet)
{
	size_t i;

	(void)p;
	for (i = 0; i < 2; i++) {
		const struct pair_identity *id = i == 0 ? east : west;

		assert_false(holds(packet, id->name, strlen(id->name)));
		assert_false(holds(packet, id->verdict.fingerprint, 8));
		assert_false(holds(packet, id->der, 16));
		assert_false(holds(packet, id->der + id->der_len - 16, 16));
	}
	return true;
}

static void listener_sees_no_identity(void **state)
{
	struct pair *p = pair_new(&(struct pair_options){.seed = 13}, east, west);

	(void)state;
	p->filter = see_no_identity;
	pair_start(p, 0);
	pair_start(p, 1);
	assert_agree(p, 5 * PAIR_SEC);
	assert_true(p->node[0].validate_cnt > 0); /* certificates did travel */
	pair_free(p);
}

static int make_identities(void **state)
{
	pair_make_identities(state);
	pair_identity_free(east);
	east = pair_identity_new("east", TEST_RSA_2048, NULL);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(strangers_meet),
		cmocka_unit_test(acquaintances_do_not_ask_control),
		cmocka_unit_test(every_kind_of_certificate),
		cmocka_unit_test(every_group),
		cmocka_unit_test(any_one_packet_may_be_lost),
		cmocka_unit_test(repetition_makes_no_second_key),
		cmocka_unit_test(slow_crypto_and_slow_control),
		cmocka_unit_test(control_away_delays_first_contact),
		cmocka_unit_test(stranger_is_refused),
		cmocka_unit_test(uri_names_the_peer),
		cmocka_unit_test(untrusted_certificate_is_refused),
		cmocka_unit_test(expired_certificate_is_refused),
		cmocka_unit_test(our_own_name_is_refused),
		cmocka_unit_test(nothing_goes_out_without_a_credential),
		cmocka_unit_test(no_amplification_before_proof_of_address),
		cmocka_unit_test(listener_sees_no_identity),
	};

	return cmocka_run_group_tests(tests, make_identities, pair_free_identities);
}
