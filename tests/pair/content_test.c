/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Messages in perfect form, with the right keys, MACs and lengths, and content that is not allowed: each
 * is refused for the reason that it should be, changes nothing, and the genuine one still counts.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "dataplane/core/engine_state.h"
#include "tests/pair/scene.h"

#define SHARE_CURVE 1 /* after the curve type */
#define REKEY_BASE  8

static const struct content {
	uint8_t message;
	uint16_t tlv;
	uint8_t offset, len;
	uint8_t bytes[4];
	const char *reason;
	bool is_sealed, is_simultaneous, is_roaming;
	bool is_own;    /* the receiver's fingerprint instead of bytes */
	bool is_mended; /* with a confirmation that fits */
} contents[] = {
	{MSG_HELLO, MSG_TLV_SHARE, SHARE_CURVE, 2, {0, 30}, "bad-choice"},
	{MSG_REPLY, MSG_TLV_SHARE, SHARE_CURVE, 2, {0, 29}, "bad-choice"},
	{MSG_REPLY, MSG_TLV_SUITE, 0, 2, {0x7f, 0xff}, "bad-choice"},
	{MSG_REPLY, MSG_TLV_SIGNATURE, 0, 2, {0x08, 0x07}, "scheme-not-offered", true},
	{MSG_REPLY, MSG_TLV_FINGERPRINT, 0, 32, {0}, "own-identity", true, .is_own = true},
	{MSG_REPLY, MSG_TLV_CONFIRMATION, 0, 4, {1, 2, 3, 4}, "bad-confirmation", true},
	{MSG_FINISH, MSG_TLV_SIGNATURE, 0, 2, {0x08, 0x07}, "scheme-not-offered", true},
	{MSG_FINISH, MSG_TLV_SIGNATURE, 0, 2, {0x05, 0x03}, "scheme-not-offered", true, true,
		.is_mended = true},
	{MSG_FINISH, MSG_TLV_FINGERPRINT, 0, 32, {0}, "own-identity", true, .is_own = true},
	{MSG_FINISH, MSG_TLV_CONFIRMATION, 0, 4, {1, 2, 3, 4}, "bad-confirmation", true},
	{MSG_FINISH, MSG_TLV_INDEX, 0, 4, {0}, "bad-proof", true},
	{MSG_NEED_CERT, MSG_TLV_FINGERPRINT, 0, 4, {1, 2, 3, 4}, "bad-fields", true},
	{MSG_CERT_FRAGMENT, MSG_TLV_FINGERPRINT, 0, 4, {1, 2, 3, 4}, "bad-fragment", true},
	{MSG_CERT_FRAGMENT, MSG_TLV_FRAGMENT, 0, 2, {0, 0}, "bad-fragment", true},
	{MSG_CERT_FRAGMENT, MSG_TLV_FRAGMENT, 0, 2, {0x20, 0x01}, "bad-fragment", true},
	{MSG_CERT_FRAGMENT, MSG_TLV_FRAGMENT, 2, 1, {7}, "bad-fragment", true},
	{MSG_COLLISION, MSG_TLV_FLAGS, 0, 1, {1}, "bad-fields", true, true},
	{MSG_ACK, MSG_TLV_INDEX, 0, 4, {0}, "bad-fields", true},
	{MSG_KEEP_ALIVE, MSG_TLV_INDEX, 0, 4, {0}, "bad-fields", true},
	{MSG_KEEP_ALIVE, MSG_TLV_INDEX, 0, 4, {9, 9, 9, 9}, "bad-fields", true},
	{MSG_KEEP_ALIVE, MSG_TLV_FLAGS, 0, 1, {2}, "bad-fields", true},
	{MSG_REKEY_HELLO, MSG_TLV_REKEY, REKEY_BASE, 4, {9, 9, 9, 9}, "no-base-slot", true},
	{MSG_REKEY_HELLO, MSG_TLV_SHARE, SHARE_CURVE, 2, {0, 30}, "no-common-group", true},
	{MSG_REKEY_HELLO, MSG_TLV_SHARE, SHARE_CURVE, 2, {0, 29}, "bad-share", true},
	{MSG_REKEY_REPLY, MSG_TLV_REKEY, 0, 4, {9, 9, 9, 9}, "unknown-exchange", true},
	{MSG_REKEY_REPLY, MSG_TLV_REKEY, REKEY_BASE, 4, {9, 9, 9, 9}, "no-base-slot", true},
	{MSG_REKEY_REPLY, MSG_TLV_SHARE, SHARE_CURVE, 2, {0, 29}, "bad-choice", true},
	{MSG_PATH_RESPONSE, MSG_TLV_CHALLENGE, 0, 4, {1, 2, 3, 4}, "wrong-source", true,
		.is_roaming = true},
};

static struct tlvs *field(struct parts *parts, bool is_sealed, uint16_t type, size_t *at)
{
	struct tlvs *t = is_sealed ? &parts->plain : &parts->clear;

	for (*at = 0; *at < t->len; *at += MSG_TLV_LEN + (t->data[*at + 2] << 8 | t->data[*at + 3]))
		if ((t->data[*at] << 8 | t->data[*at + 1]) == type)
			return t;
	fail_msg("no field %04x", type);
	return NULL;
}

static struct rk_span whole(const struct tlvs *t, size_t at)
{
	return (struct rk_span){
		t->data + at, MSG_TLV_LEN + ((size_t)t->data[at + 2] << 8 | t->data[at + 3])};
}

/* FINISH's confirmation, as its sender would have made it for what it says now. */
static void mend_confirmation(struct pair *p, const struct scene *s, struct parts *parts)
{
	const struct engine *receiver = p->node[s->genuine.to].engine;
	size_t at;
	struct tlvs *t = field(parts, true, MSG_TLV_FINGERPRINT, &at);
	const uint8_t *fingerprint = t->data + at + MSG_TLV_LEN;
	uint8_t mac[MSG_HASH_MAX];

	for (uint32_t i = 0; i < receiver->config.exchange_cnt; i++) {
		struct exchange x = receiver->exchanges[i];

		if (x.state != EXCHANGE_EXPECT_FINISH)
			continue;
		memcpy(x.transcript, x.base_transcript, sizeof(x.transcript));
		secrets_add(&x, whole(t, at));
		(void)field(parts, true, MSG_TLV_SIGNATURE, &at);
		secrets_add(&x, whole(t, at));
		secrets_confirmation(&x, true, fingerprint, mac);
		(void)field(parts, true, MSG_TLV_CONFIRMATION, &at);
		memcpy(t->data + at + MSG_TLV_LEN, mac, x.suite->hash_len);
		return;
	}
	fail_msg("nobody waits for FINISH");
}

static struct pair_packet spoil_content(
	struct pair *p, const struct scene *s, const struct content *c)
{
	struct parts parts;
	struct tlvs *t;
	size_t at;

	scene_take_apart(p, &s->genuine, &parts);
	t = field(&parts, c->is_sealed, c->tlv, &at);
	memcpy(t->data + at + MSG_TLV_LEN + c->offset,
		c->is_own ? p->node[s->genuine.to].identity->verdict.fingerprint : c->bytes,
		c->len);
	if (c->is_mended)
		mend_confirmation(p, s, &parts);
	return scene_put_together(p, &s->genuine, &parts);
}

static void content_is_refused_for_its_reason(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(contents) / sizeof(contents[0]); i++) {
		const struct content *c = &contents[i];
		struct scene s = {.type = c->message,
			.is_simultaneous = c->is_simultaneous,
			.is_roaming = c->is_roaming};
		struct pair *p = scene_play(&s);
		struct pair_packet spoiled = spoil_content(p, &s, c);
		uint64_t before = pair_counter(p, s.genuine.to, c->reason);
		char what[80];

		snprintf(what, sizeof(what), "%zu: message %u, %s", i, c->message, c->reason);
		scene_assert_no_effect(p, &s.genuine, &spoiled, what);
		if (pair_counter(p, s.genuine.to, c->reason) != before + 1)
			fail_msg("%s: refused for another reason", what);
		pair_inject(p, &s.genuine, 0);
		assert_true(pair_run_until(p, pair_is_agreed, 10 * PAIR_SEC));
		pair_free(p);
	}
}

/* ---- the same again, under the next counter or the same ----------------------------------------- */

static void inject(struct pair *p, const struct pair_packet *packet)
{
	pair_inject(p, packet, 0);
	while (pair_step(p, p->now_ns))
		;
}

static void again(struct pair *p, const struct scene *s, uint64_t later)
{
	struct parts parts;
	struct pair_packet packet;

	scene_take_apart(p, &s->genuine, &parts);
	parts.later = later;
	packet = scene_put_together(p, &s->genuine, &parts);
	inject(p, &packet);
}

/* An exchange is between two: what names another sender, under its very key, is none of it. */
static void sender_is_the_one_it_was(void **state)
{
	static struct scene scenes[] = {{.type = MSG_FINISH}, {.type = MSG_NEED_CERT},
		{.type = MSG_CERT_FRAGMENT}, {.type = MSG_PENDING},
		{.type = MSG_COLLISION, .is_simultaneous = true}};

	(void)state;
	for (size_t i = 0; i < sizeof(scenes) / sizeof(scenes[0]); i++) {
		struct scene *s = &scenes[i];
		struct pair *p = scene_play(s);
		struct pair_packet packet;
		struct parts parts;
		uint64_t before = pair_counter(p, s->genuine.to, "unknown-exchange");

		scene_take_apart(p, &s->genuine, &parts);
		parts.impostor = 1;
		packet = scene_put_together(p, &s->genuine, &parts);
		scene_assert_no_effect(p, &s->genuine, &packet, "another sender");
		assert_int_equal(pair_counter(p, s->genuine.to, "unknown-exchange"), before + 1);
		pair_inject(p, &s->genuine, 0);
		assert_true(pair_run_until(p, pair_is_agreed, 10 * PAIR_SEC));
		pair_free(p);
	}
}

/* E5: three requests for a certificate are answered; a replayed one is none. */
static void need_cert_is_answered_three_times(void **state)
{
	struct scene s = {.type = MSG_NEED_CERT};
	struct pair *p = scene_play(&s);
	unsigned to = s.genuine.to;
	uint64_t sent;

	(void)state;
	for (unsigned i = 0; i < 5; i++) {
		sent = p->node[to].sent_cnt;
		again(p, &s, i);
		assert_int_equal(p->node[to].sent_cnt, i < 3 ? sent + 1 : sent);
		assert_int_equal(pair_counter(p, to, "work-limit"), i < 3 ? 0 : i - 2);
		sent = p->node[to].sent_cnt;
		again(p, &s, i < 3 ? i : 2);
		assert_int_equal(p->node[to].sent_cnt, sent);
		assert_int_equal(pair_counter(p, to, "replayed"), i + 1);
	}
	assert_true(pair_run_until(p, pair_is_agreed, 20 * PAIR_SEC));
	pair_free(p);
}

static const struct exchange *own_exchange(const struct pair *p, unsigned node)
{
	return exchange_find(p->node[node].engine, p->node[node].session[0]->own_exchange);
}

/* PENDING holds repetition back for five seconds at most, whatever it says; a replayed one says nothing. */
static void pending_is_bounded(void **state)
{
	struct scene s = {.type = MSG_PENDING};
	struct pair *p = scene_play(&s);
	unsigned to = s.genuine.to;
	struct parts parts;
	struct pair_packet packet;
	uint64_t until;
	size_t at;

	(void)state;
	scene_take_apart(p, &s.genuine, &parts);
	memset(field(&parts, true, MSG_TLV_PENDING, &at)->data + MSG_TLV_LEN, 0xff, 2);
	packet = scene_put_together(p, &s.genuine, &parts);
	inject(p, &packet);
	until = own_exchange(p, to)->retransmit_at_ns;
	assert_int_equal(until, p->now_ns + 5 * PAIR_SEC);
	pair_run(p, PAIR_MS);
	inject(p, &packet);
	assert_int_equal(pair_counter(p, to, "replayed"), 1);
	assert_int_equal(own_exchange(p, to)->retransmit_at_ns, until);
	assert_true(pair_run_until(p, pair_is_agreed, 20 * PAIR_SEC));
	pair_free(p);
}

/* E6: what is not the certificate of that fingerprint is not shown to control. */
static void other_certificate_is_not_asked_about(void **state)
{
	struct scene s = {.type = MSG_CERT_FRAGMENT};
	struct pair *p = scene_play(&s);
	unsigned to = s.genuine.to;
	struct pair_packet packet;
	struct parts parts;
	struct tlvs *t;
	size_t at;

	(void)state;
	scene_take_apart(p, &s.genuine, &parts);
	t = field(&parts, true, MSG_TLV_FRAGMENT, &at);
	t->data[at + MSG_TLV_LEN + MSG_FRAGMENT_HEAD + 100] ^= 1;
	packet = scene_put_together(p, &s.genuine, &parts);
	inject(p, &packet);
	assert_int_equal(pair_counter(p, to, "certificate-malformed"), 1);
	assert_int_equal(p->node[to].validate_cnt, 0);
	assert_true(pair_run_until(p, pair_is_agreed, 30 * PAIR_SEC));
	pair_free(p);
}

/* E5: who signs wrongly is asked for the certificate once, as if it were not known; then silence. */
static void bad_signature_is_answered_as_an_unknown_certificate(void **state)
{
	struct scene s = {.type = MSG_FINISH, .is_simultaneous = true};
	struct pair *p = scene_play(&s);
	unsigned to = s.genuine.to;
	struct pair_packet packet;
	struct parts parts;
	struct tlvs *t;
	size_t at;

	(void)state;
	scene_take_apart(p, &s.genuine, &parts);
	t = field(&parts, true, MSG_TLV_SIGNATURE, &at);
	t->data[at + whole(t, at).len - 1] ^= 1;
	mend_confirmation(p, &s, &parts);
	packet = scene_put_together(p, &s.genuine, &parts);
	inject(p, &packet);
	assert_int_equal(pair_counter(p, to, "bad-signature"), 1);
	assert_int_equal(pair_counter(p, to, "need-certs-sent"), 1);
	pair_run(p, 100 * PAIR_MS); /* it comes, and it is no better signed */
	assert_int_equal(pair_counter(p, to, "bad-signature"), 2);
	assert_int_equal(pair_counter(p, to, "need-certs-sent"), 1);
	assert_int_equal(p->node[to].validate_cnt, 0);
	assert_true(pair_run_until(p, pair_is_agreed, 20 * PAIR_SEC));
	pair_free(p);
}

/* E1: the same wrong answer again costs no work again. */
static void wrong_reply_is_worked_on_once(void **state)
{
	struct scene s = {.type = MSG_REPLY};
	struct pair *p = scene_play(&s);
	unsigned to = s.genuine.to;
	struct pair_packet packet;
	struct parts parts;
	uint64_t jobs;
	size_t at;

	(void)state;
	scene_take_apart(p, &s.genuine, &parts);
	field(&parts, true, MSG_TLV_CONFIRMATION, &at)->data[at + MSG_TLV_LEN] ^= 1;
	packet = scene_put_together(p, &s.genuine, &parts);
	inject(p, &packet);
	assert_int_equal(pair_counter(p, to, "bad-confirmation"), 1);
	jobs = p->node[to].job_cnt;
	for (unsigned i = 1; i <= 3; i++) {
		inject(p, &packet);
		assert_int_equal(pair_counter(p, to, "packets-duplicate"), i);
	}
	assert_int_equal(p->node[to].job_cnt, jobs);
	pair_inject(p, &s.genuine, 0);
	assert_true(pair_run_until(p, pair_is_agreed, 10 * PAIR_SEC));
	pair_free(p);
}

/* S2: a counter of 2^60 is neither used nor taken. */
static void counters_have_an_end(void **state)
{
	struct scene s = {.type = MSG_KEEP_ALIVE};
	struct pair *p = scene_play(&s);
	struct pair_node *from = &p->node[s.genuine.from];
	struct keyslot *slot = from->session[0]->keys.slot[KEYRING_CURRENT];
	struct pair_packet packet;
	struct parts parts;
	uint64_t sent;

	(void)state;
	scene_take_apart(p, &s.genuine, &parts);
	slot->send_counter = KEYRING_COUNTER_MAX;
	packet = scene_put_together(p, &s.genuine, &parts);
	scene_assert_no_effect(p, &s.genuine, &packet, "counter 2^60");
	assert_int_equal(pair_counter(p, s.genuine.to, "counter-exhausted"), 1);
	slot->send_counter = slot->rekey_send_counter = KEYRING_COUNTER_MAX - 1;
	for (unsigned i = 0; i < 3; i++) {
		sent = from->sent_cnt;
		traffic_keep_alive(from->engine, from->session[0], false);
		assert_int_equal(from->sent_cnt - sent, i == 0 ? 1 : 0);
	}
	slot->rekey_send_counter = KEYRING_COUNTER_MAX;
	sent = from->sent_cnt;
	session_rotate(from->engine, from->session[0], false);
	while (pair_counter(p, s.genuine.from, "rekeys-started") == 0)
		assert_true(pair_step(p, p->now_ns + 5 * PAIR_SEC));
	while (pair_step(p, p->now_ns))
		;
	assert_int_equal(from->sent_cnt, sent);
	assert_int_equal(pair_counter(p, s.genuine.from, "internal-error"), 1);
	pair_free(p);
}

/* D4: a COOKIE for a HELLO that has its REPLY comes too late, and changes nothing. */
static void cookie_after_the_reply_is_late(void **state)
{
	struct scene s = {.type = MSG_COOKIE};
	struct pair *p = scene_play(&s);
	unsigned to = s.genuine.to;

	(void)state;
	inject(p, &s.genuine);
	while (own_exchange(p, to)->state == EXCHANGE_EXPECT_REPLY)
		assert_true(pair_step(p, p->now_ns + PAIR_SEC));
	for (unsigned i = 1; own_exchange(p, to) != NULL; i++) {
		inject(p, &s.genuine);
		assert_int_equal(pair_counter(p, to, "unexpected-message"), i);
		assert_true(pair_step(p, p->now_ns + PAIR_SEC));
	}
	assert_true(pair_run_until(p, pair_is_agreed, PAIR_SEC));
	pair_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(content_is_refused_for_its_reason),
		cmocka_unit_test(sender_is_the_one_it_was),
		cmocka_unit_test(need_cert_is_answered_three_times),
		cmocka_unit_test(pending_is_bounded),
		cmocka_unit_test(other_certificate_is_not_asked_about),
		cmocka_unit_test(bad_signature_is_answered_as_an_unknown_certificate),
		cmocka_unit_test(wrong_reply_is_worked_on_once),
		cmocka_unit_test(counters_have_an_end),
		cmocka_unit_test(cookie_after_the_reply_is_late),
	};

	return cmocka_run_group_tests(tests, scene_make_identities, scene_free_identities);
}
