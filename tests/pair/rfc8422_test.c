/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * RFC 8422 section by section, in the order of the table in docs/protocol.md: one test each, over
 * the wire between two engines where the section is about messages. What the arithmetic does with
 * each bad point is in unit-kex and the vectors; the codecs against OpenSSL's in
 * unit-server_key_exchange.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "dataplane/core/engine_state.h"
#include "pki/x509/algorithm.h"
#include "tests/pair/identities.h"
#include "tests/pair/stranger.h"

static struct pair *meet(const struct pair_identity *first, const struct pair_identity *second,
	const struct pair_options *o)
{
	struct pair *p = pair_new(o, first, second);

	pair_start(p, 0);
	pair_start(p, 1);
	return p;
}

static void assert_meet(const struct pair_identity *first, const struct pair_identity *second,
	const struct pair_options *o)
{
	struct pair *p = meet(first, second, o);

	assert_true(pair_run_until(p, pair_is_agreed, 10 * PAIR_SEC));
	pair_free(p);
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

/* 2.1, 2.2: ECDHE_ECDSA and ECDHE_RSA, mixed as well. */
static void section_2_ecdhe_with_ecdsa_and_rsa(void **state)
{
	struct pair_identity *rsa_east = pair_identity_new("east", TEST_RSA_2048, NULL);
	struct pair_identity *rsa_west = pair_identity_new("west", TEST_RSA_2048, NULL);
	const struct pair_options o = {.seed = 1};

	(void)state;
	assert_meet(east, west, &o);
	assert_meet(rsa_east, west, &o);
	assert_meet(rsa_east, rsa_west, &o);
	pair_identity_free(rsa_east);
	pair_identity_free(rsa_west);
}

/* 5.1.1: 23, 24, 25, 29, 30 and nothing else: each of the 65,536 numbers. */
static void section_5_1_1_named_curves(void **state)
{
	static const uint16_t ours[] = {23, 24, 25, 29, 30};
	struct pair *p = pair_new(&(struct pair_options){.seed = 2}, east, west);
	struct stranger_hello h = stranger_usual;
	unsigned cnt = 0;

	(void)state;
	for (unsigned id = 0; id < 65536; id++)
		cnt += kex_find((uint16_t)id) != NULL;
	assert_int_equal(cnt, 5);
	for (size_t i = 0; i < 5; i++)
		assert_meet(east, west, &(struct pair_options){.seed = i, .groups = {ours[i]}});
	/* explicit curves, and one that is unassigned: our own group is asked for instead */
	for (size_t i = 0; i < 3; i++) {
		h.group = ((const uint16_t[]){0xff01, 0xff02, 26})[i];
		h.id = 10 + i;
		assert_int_equal(growth(p, &h, "retry-sent"), 1);
	}
	assert_int_equal(p->node[0].job_cnt, 0);
	pair_free(p);
}

static uint8_t form_to_set;

static bool set_form(struct pair *p, struct pair_packet *packet)
{
	struct wire_packet w;
	struct wire_hello m;

	(void)p;
	if (wire_parse_packet(&w, packet->payload, packet->len) != REASON_ACCEPTED ||
		w.type != MSG_HELLO || wire_parse_hello(&m, &w) != REASON_ACCEPTED)
		return true;
	packet->payload[m.share.point.data - packet->payload] = form_to_set;
	must(guard_make_mac1(p->node[packet->to].identity->name, 4, packet->payload, m.maced.len,
		packet->payload + m.maced.len));
	return true;
}

/* 5.1.2, 5.4.1: the first byte of a point is 4. */
static void section_5_1_2_uncompressed_points_only(void **state)
{
	static const uint8_t forms[] = {0, 2, 3, 5, 6, 7, 0xff};

	(void)state;
	for (size_t i = 0; i < sizeof(forms); i++) {
		struct pair *p =
			pair_new(&(struct pair_options){.seed = i, .groups = {23}}, east, west);

		form_to_set = forms[i];
		p->filter = set_form;
		pair_start(p, 0);
		pair_start(p, 1);
		pair_run(p, 3 * PAIR_SEC);
		assert_true(pair_counter(p, 0, "bad-share") > 0);
		assert_true(pair_counter(p, 1, "bad-share") > 0);
		assert_int_equal(p->node[0].known_cnt, 0);
		pair_free(p);
	}
}

/* 5.1.3: only what was offered, and is ours, is signed with: PKCS#1 v1.5 and SHA-1 are not. */
static void section_5_1_3_signature_schemes(void **state)
{
	static const uint16_t foreign[] = {0x0201, 0x0203, 0x0401, 0x0501, 0x0601, 0x0808, 0xfefe};
	struct pair *p = pair_new(&(struct pair_options){.seed = 4}, east, west);
	struct stranger_hello h = stranger_usual;
	struct wire_list ours;

	(void)state;
	sign_list_schemes(&ours, true);
	for (size_t i = 0; i < sizeof(foreign) / sizeof(foreign[0]); i++) {
		assert_false(wire_list_has(&ours, foreign[i]));
		h.scheme = foreign[i];
		h.id = 1 + i;
		assert_int_equal(growth(p, &h, "no-common-scheme"), 1);
	}
	assert_int_equal(p->node[0].job_cnt, 0);
	pair_free(p);
}

/* 5.2, 5.3: a P-256 certificate is of no use to who offers schemes of other curves or RSA alone. */
static void section_5_2_certificate_fits_the_offer(void **state)
{
	static const uint16_t others[] = {0x0503, 0x0603, 0x0804, 0x0806, 0x0809, 0x0807};
	struct pair *p = pair_new(&(struct pair_options){.seed = 5}, east, west);
	struct stranger_hello h = stranger_usual;

	(void)state;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		h.scheme = others[i];
		h.id = 1 + i;
		assert_int_equal(growth(p, &h, "no-common-scheme"), 1);
	}
	h.scheme = 0x0403;
	assert_int_equal(growth(p, &h, "packets-accepted"), 1);
	pair_free(p);
}

static bool spoil_curve_type(struct pair *p, struct pair_packet *packet)
{
	struct wire_packet w;
	struct wire_reply m;

	(void)p;
	if (wire_parse_packet(&w, packet->payload, packet->len) == REASON_ACCEPTED &&
		w.type == MSG_REPLY && wire_parse_reply(&m, &w) == REASON_ACCEPTED)
		packet->payload[m.share.point.data - packet->payload - MSG_SHARE_HEAD_LEN] =
			form_to_set;
	return true;
}

/* 5.4: explicit_prime (1) and explicit_char2 (2) are refused, and all that is not named_curve. */
static void section_5_4_named_curve_only(void **state)
{
	(void)state;
	for (unsigned type = 0; type < 5; type++) {
		struct pair *p = pair_new(&(struct pair_options){.seed = type}, east, west);

		form_to_set = (uint8_t)type;
		p->filter = spoil_curve_type;
		pair_start(p, 0);
		pair_start(p, 1);
		pair_run(p, 3 * PAIR_SEC);
		assert_int_equal(pair_is_agreed(p), type == MSG_CURVE_TYPE_NAMED);
		assert_int_equal(
			pair_counter(p, 0, "bad-fields") + pair_counter(p, 1, "bad-fields") > 0,
			type != MSG_CURVE_TYPE_NAMED);
		pair_free(p);
	}
}

/* 5.4: the group of a share is one that its sender offered. */
static void section_5_4_share_of_an_offered_group(void **state)
{
	struct pair *p = pair_new(&(struct pair_options){.seed = 7}, east, west);
	struct pair_packet packet;
	struct wire_packet w;
	struct wire_hello m;
	uint8_t *groups;

	(void)state;
	packet = stranger_hello(&stranger_usual); /* offers x25519 twice */
	must(wire_parse_packet(&w, packet.payload, packet.len) == REASON_ACCEPTED &&
		wire_parse_hello(&m, &w) == REASON_ACCEPTED);
	groups = packet.payload + (m.random + MSG_RANDOM_LEN + MSG_TLV_LEN - packet.payload);
	groups[1] = groups[3] = 23; /* now secp256r1 twice, with a share of x25519 */
	must(guard_make_mac1("east", 4, packet.payload, m.maced.len, packet.payload + m.maced.len));
	pair_inject(p, &packet, 0);
	pair_run(p, PAIR_MS);
	assert_int_equal(pair_counter(p, 0, "bad-choice"), 1);
	assert_int_equal(p->node[0].job_cnt, 0);
	pair_free(p);
}

/* 5.4.1: one length for each group. */
static void section_5_4_1_length_of_a_point(void **state)
{
	static const struct {
		uint16_t id;
		uint8_t len;
	} points[] = {{23, 65}, {24, 97}, {25, 133}, {29, 32}, {30, 56}};
	static const uint8_t share[256] = {4};

	(void)state;
	for (size_t i = 0; i < 5; i++)
		for (size_t len = 1; len < 256; len++)
			assert_int_equal(kex_share_is_plausible(kex_find(points[i].id),
						 (struct rk_span){share, len}),
				len == points[i].len);
}

/* 5.5, 5.6, 5.8: no side is anonymous: without a certificate nothing is begun or answered. */
static void section_5_5_client_is_authenticated(void **state)
{
	struct pair *p = pair_new(&(struct pair_options){.seed = 8}, east, west);

	(void)state;
	pair_set_identity(p, 1, NULL);
	pair_start(p, 0);
	pair_start(p, 1);
	pair_run(p, 5 * PAIR_SEC);
	assert_int_equal(pair_counter(p, 1, "exchanges-started"), 0);
	assert_true(pair_counter(p, 1, "no-credential") + pair_counter(p, 1, "not-configured") > 0);
	assert_int_equal(p->node[0].known_cnt, 0);
	pair_free(p);
}

static bool first_shares_differ(struct pair *p, struct pair_packet *packet)
{
	static uint8_t last[32];
	struct wire_packet w;
	struct wire_hello m;

	(void)p;
	if (wire_parse_packet(&w, packet->payload, packet->len) != REASON_ACCEPTED ||
		w.type != MSG_HELLO || wire_parse_hello(&m, &w) != REASON_ACCEPTED)
		return true;
	assert_memory_not_equal(m.share.point.data, last, sizeof(last));
	memcpy(last, m.share.point.data, sizeof(last));
	return true;
}

/* 5.7: I's share is fresh in each exchange. */
static void section_5_7_share_is_fresh(void **state)
{
	struct pair *p = pair_new(&(struct pair_options){.seed = 9, .groups = {29}}, east, west);

	(void)state;
	p->filter = first_shares_differ;
	pair_start(p, 0);
	pair_start(p, 1);
	for (unsigned i = 0; i < 5; i++) {
		assert_true(pair_run_until(p, pair_is_agreed, 10 * PAIR_SEC));
		pair_crash(p, 1);
		pair_start(p, 1);
		pair_run(p, 100 * PAIR_MS);
	}
	pair_free(p);
}

/* 5.9: a certificate's key on a curve that is spelled out is no key. */
static void section_5_9_named_curves_in_certificates(void **state)
{
	EVP_PKEY *explicit_key = test_key_new(TEST_P256_EXPLICIT);
	X509 *cert = test_cert_new(&(struct test_cert){.key = explicit_key});
	const struct pki_problem *problem = pki_cert_key_problem(cert, false, false);

	(void)state;
	assert_non_null(problem);
	assert_string_equal(problem->code, "explicit-ec-parameters");
	assert_null(pki_cert_key_problem(east->cert, false, false));
	X509_free(cert);
	EVP_PKEY_free(explicit_key);
}

/* 5.10: Z is X with its leading zeros: about one in 256 has one, and both sides agree on it. */
static void section_5_10_leading_zeros_are_kept(void **state)
{
	const struct kex_group *g = kex_find(KEX_SECP256R1);
	struct kex_ctx *ctx;
	unsigned cnt = 0;

	(void)state;
	assert_int_equal(kex_ctx_new(&ctx), 0);
	for (unsigned i = 0; i < 3000 && cnt < 2; i++) {
		struct kex_op a = {0}, b = {0}, *both[2] = {&a, &b};

		kex_keygen(ctx, g, both, 2);
		memcpy(a.peer, b.share, g->share_len);
		memcpy(b.peer, a.share, g->share_len);
		kex_derive(ctx, g, both, 2);
		assert_true(a.is_done && b.is_done);
		assert_memory_equal(a.shared, b.shared, g->shared_len);
		cnt += a.shared[0] == 0;
	}
	assert_int_equal(cnt, 2);
	kex_ctx_free(ctx);
}

static bool zero_the_share(struct pair *p, struct pair_packet *packet)
{
	struct wire_packet w;
	struct wire_reply m;

	(void)p;
	if (wire_parse_packet(&w, packet->payload, packet->len) == REASON_ACCEPTED &&
		w.type == MSG_REPLY && wire_parse_reply(&m, &w) == REASON_ACCEPTED)
		memset(packet->payload + (m.share.point.data - packet->payload) +
				(m.share.group < KEX_X25519),
			0, m.share.point.len - (m.share.group < KEX_X25519));
	return true;
}

/* 5.11: (0, 0) is off the curve; u = 0 gives all zeros: counted, and no key comes of it. */
static void section_5_11_bad_shares_give_no_key(void **state)
{
	static const uint16_t groups[] = {23, 24, 25, 29, 30};

	(void)state;
	for (size_t i = 0; i < 5; i++) {
		struct pair *p = pair_new(
			&(struct pair_options){.seed = i, .groups = {groups[i]}}, east, west);

		p->filter = zero_the_share;
		pair_start(p, 0);
		pair_start(p, 1);
		pair_run(p, 3 * PAIR_SEC);
		assert_true(pair_counter(p, 0, "bad-point") + pair_counter(p, 1, "bad-point") > 0);
		assert_int_equal(p->node[0].known_cnt + p->node[1].known_cnt, 0);
		pair_free(p);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(section_2_ecdhe_with_ecdsa_and_rsa),
		cmocka_unit_test(section_5_1_1_named_curves),
		cmocka_unit_test(section_5_1_2_uncompressed_points_only),
		cmocka_unit_test(section_5_1_3_signature_schemes),
		cmocka_unit_test(section_5_2_certificate_fits_the_offer),
		cmocka_unit_test(section_5_4_named_curve_only),
		cmocka_unit_test(section_5_4_share_of_an_offered_group),
		cmocka_unit_test(section_5_4_1_length_of_a_point),
		cmocka_unit_test(section_5_5_client_is_authenticated),
		cmocka_unit_test(section_5_7_share_is_fresh),
		cmocka_unit_test(section_5_9_named_curves_in_certificates),
		cmocka_unit_test(section_5_10_leading_zeros_are_kept),
		cmocka_unit_test(section_5_11_bad_shares_give_no_key),
	};

	return cmocka_run_group_tests(tests, pair_make_identities, pair_free_identities);
}
