/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the keys are bound to (P3) and made of (P2): transcript and key schedule, put together here from
 * the bytes on the wire as docs/protocol.md has it ("Secrets"), with hash, HMAC and X25519 called directly. Two
 * sides that leave the same thing out agree with each other, and with nobody else.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "dataplane/core/engine_state.h"
#include "tests/pair/host.h"

#define ENVELOPE 12

static struct pair_identity *east, *west; /* RSA, so that its REPLY needs a COOKIE; P-256 */

struct seen {
	struct pair_packet hello, reply;
};

static bool watch(struct pair *p, struct pair_packet *packet)
{
	struct seen *s = p->filter_arg;
	uint8_t type = packet->payload[ENVELOPE + 5];

	if (type == MSG_HELLO && packet->from == 1)
		s->hello = *packet; /* the last one has the cookie */
	else if (type == MSG_REPLY && packet->from == 0)
		s->reply = *packet;
	return type != MSG_FINISH;
}

static size_t find(const struct pair_packet *packet, unsigned type)
{
	size_t at = ENVELOPE;

	while ((packet->payload[at] << 8 | packet->payload[at + 1]) != (int)type) {
		at += 4u + (size_t)(packet->payload[at + 2] << 8 | packet->payload[at + 3]);
		assert_true(at < packet->len);
	}
	return at;
}

static size_t value_len(const struct pair_packet *packet, size_t at)
{
	return (size_t)(packet->payload[at + 2] << 8 | packet->payload[at + 3]);
}

static void add_len(EVP_MD_CTX *ctx, size_t len)
{
	const uint8_t bytes[2] = {(uint8_t)(len >> 8), (uint8_t)len};

	assert_int_equal(EVP_DigestUpdate(ctx, bytes, 2), 1);
}

/* H("rekey/1 full exchange" 00, len(core), len(cookie), len(clear), core, cookie, clear) */
static void compute(const struct seen *s, uint8_t out[32])
{
	size_t share = find(&s->hello, 0xfb07), cookie = find(&s->hello, 0xfb08);
	size_t core_len = share + 4 + value_len(&s->hello, share) - ENVELOPE;
	size_t cookie_len = value_len(&s->hello, cookie);
	size_t clear_len = find(&s->reply, 0xfb07) - ENVELOPE;
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();

	clear_len += 4 + value_len(&s->reply, clear_len + ENVELOPE);
	assert_int_equal(cookie_len, 50);
	assert_non_null(ctx);
	assert_int_equal(EVP_DigestInit_ex(ctx, EVP_sha256(), NULL), 1);
	assert_int_equal(EVP_DigestUpdate(ctx, "rekey/1 full exchange", 22), 1);
	add_len(ctx, core_len);
	add_len(ctx, cookie_len);
	add_len(ctx, clear_len);
	assert_int_equal(EVP_DigestUpdate(ctx, s->hello.payload + ENVELOPE, core_len), 1);
	assert_int_equal(EVP_DigestUpdate(ctx, s->hello.payload + cookie + 4, cookie_len), 1);
	assert_int_equal(EVP_DigestUpdate(ctx, s->reply.payload + ENVELOPE, clear_len), 1);
	assert_int_equal(EVP_DigestFinal_ex(ctx, out, NULL), 1);
	EVP_MD_CTX_free(ctx);
}

/* ---- HKDF (RFC 5869) and X25519, of SHA-256 and 32 bytes ----------------------------------------- */

static void hmac(
	const uint8_t *key, size_t key_len, const uint8_t *data, size_t len, uint8_t out[32])
{
	assert_non_null(HMAC(EVP_sha256(), key, (int)key_len, data, len, out, NULL));
}

/* info = "rekey/1 " label 00 T; at most two blocks */
static void expand(const uint8_t prk[32], const char *label, const uint8_t *t, size_t t_len,
	uint8_t *out, size_t len)
{
	uint8_t info[128], block[2][32];
	size_t at = 32;

	at += (size_t)snprintf((char *)info + at, 64, "rekey/1 %s", label) + 1;
	memcpy(info + at, t, t_len);
	info[at + t_len] = 1;
	hmac(prk, 32, info + 32, at + t_len + 1 - 32, block[0]);
	memcpy(info, block[0], 32);
	info[at + t_len] = 2;
	hmac(prk, 32, info, at + t_len + 1, block[1]);
	memcpy(out, block, len);
}

static void x25519(const uint8_t *secret, const uint8_t *peer, uint8_t z[32])
{
	EVP_PKEY *own = EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, NULL, secret, 32);
	EVP_PKEY *other = EVP_PKEY_new_raw_public_key(EVP_PKEY_X25519, NULL, peer, 32);
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(own, NULL);
	size_t len = 32;

	assert_int_equal(EVP_PKEY_derive_init(ctx), 1);
	assert_int_equal(EVP_PKEY_derive_set_peer(ctx, other), 1);
	assert_int_equal(EVP_PKEY_derive(ctx, z, &len), 1);
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(own);
	EVP_PKEY_free(other);
}

/* Key and IV of that name. */
static void assert_key(const struct secret_aead *key, const uint8_t prk[32], const char *label,
	const uint8_t *t, size_t t_len)
{
	uint8_t expected[44];

	expand(prk, label, t, t_len, expected, sizeof(expected));
	assert_memory_equal(key->key, expected, 32);
	assert_memory_equal(key->iv, expected + 32, 12);
}

/* A slot as its initiator has it. */
static void assert_slot(const struct keyslot *slot, const uint8_t prk[32], const uint8_t t[32])
{
	uint8_t expected[32];

	assert_key(&slot->send, prk, "session initiator", t, 32);
	assert_key(&slot->receive, prk, "session responder", t, 32);
	expand(prk, "chain", t, 32, expected, 32);
	assert_memory_equal(slot->chain, expected, 32);
	expand(prk, "exporter", t, 32, expected, 16);
	assert_memory_equal(slot->exported, expected, 16);
}

/* ---- */

static struct pair *meet(struct seen *s)
{
	struct pair *p = pair_new(&(struct pair_options){.seed = 1,
					  .are_verdicts_known = true,
					  .groups = {29},
					  .hold_ns = 100 * PAIR_MS,
					  .suites = {{1}, {1}}},
		east, west);

	p->filter = watch;
	p->filter_arg = s;
	pair_start(p, 1);
	return p;
}

static void full_exchange_is_bound_to_the_wire(void **state)
{
	struct seen s = {.hello.len = 0};
	const struct exchange *x;
	uint8_t t1[32], z[32], prk[32];
	struct pair *p = meet(&s);

	(void)state;
	pair_run(p, 5 * PAIR_SEC);
	x = exchange_find(p->node[1].engine, p->node[1].session[0]->own_exchange);
	assert_non_null(x);
	assert_int_equal(x->state, EXCHANGE_EXPECT_ACK);
	compute(&s, t1);
	assert_memory_equal(x->base_transcript, t1, sizeof(t1));
	x25519(x->kex_secret, x->peer_share, z);
	hmac(t1, 32, z, 32, prk);
	assert_key(&x->send, prk, "handshake initiator", t1, 32);
	assert_key(&x->receive, prk, "handshake responder", t1, 32);
	assert_slot(p->node[1].session[0]->keys.slot[KEYRING_NEXT], prk, x->transcript); /* T6 */
	pair_free(p);
}

static bool drop_rekey_reply(struct pair *p, struct pair_packet *packet)
{
	(void)p;
	return packet->payload[ENVELOPE + 5] != MSG_REKEY_REPLY;
}

/* T = H("rekey/1 fast rekey" 00, both plaintexts); the base slot's chain is the salt. */
static void rekey_mixes_the_chain_and_a_fresh_secret(void **state)
{
	struct pair *p = pair_new(&(struct pair_options){.seed = 2,
					  .are_verdicts_known = true,
					  .groups = {29},
					  .hold_ns = 100 * PAIR_MS,
					  .suites = {{1}, {1}}},
		east, west);
	const struct exchange *own, *answer;
	const struct exchange_cache *sent, *answered;
	struct session *s;
	uint8_t text[1024], t[32], z[32], prk[32], chain[32];
	size_t len = sizeof("rekey/1 fast rekey");

	(void)state;
	pair_start(p, 0);
	pair_start(p, 1);
	assert_true(pair_run_until(p, pair_is_agreed, 10 * PAIR_SEC));
	pair_run(p, 5 * PAIR_SEC);
	p->filter = drop_rekey_reply;
	s = p->node[0].session[0];
	session_rotate(p->node[0].engine, s, false);
	pair_run(p, 100 * PAIR_MS);
	own = exchange_find(p->node[0].engine, s->own_rekey);
	answer = exchange_find(p->node[1].engine, p->node[1].session[0]->peer_rekey);
	assert_non_null(own);
	assert_non_null(answer);
	sent = exchange_cache_of(p->node[0].engine, own);
	answered = exchange_cache_of(p->node[1].engine, answer);
	memcpy(text, "rekey/1 fast rekey", len);
	memcpy(text + len, sent->core, sent->core_len);
	len += sent->core_len;
	memcpy(text + len, answered->plain, answered->plain_len);
	len += answered->plain_len;
	assert_int_equal(EVP_Digest(text, len, t, NULL, EVP_sha256(), NULL), 1);
	x25519(own->kex_secret, answer->share, z);
	memcpy(chain, s->keys.slot[KEYRING_CURRENT]->chain, 32);
	hmac(chain, 32, z, 32, prk);
	p->filter = NULL;
	pair_run(p, PAIR_SEC);
	assert_true(pair_is_agreed(p));
	assert_int_equal(s->rekey_cnt, 1);
	assert_slot(s->keys.slot[KEYRING_CURRENT], prk, t);
	pair_free(p);
}

static void assert_zero(const void *data, size_t len)
{
	for (size_t i = 0; i < len; i++)
		assert_int_equal(((const uint8_t *)data)[i], 0);
}

static bool is_no_keep_alive(struct pair *p, struct pair_packet *packet)
{
	(void)p;
	return packet->payload[ENVELOPE + 5] != MSG_KEEP_ALIVE;
}

/* P2: while the last answer of an exchange is kept, what its keys were made of is not. */
static void answers_are_kept_without_secrets(void **state)
{
	const size_t first = offsetof(struct exchange, secret);
	struct seen s = {.hello.len = 0};
	struct pair *p = meet(&s);
	unsigned answered_cnt = 0;

	(void)state;
	p->filter = NULL;
	pair_start(p, 0);
	assert_true(pair_run_until(p, pair_is_agreed, 10 * PAIR_SEC));
	pair_run(p, PAIR_SEC);
	p->filter = is_no_keep_alive; /* one would end the answered rekey */
	pair_begin(&p->node[1]);
	session_rotate(p->node[1].engine, p->node[1].session[0], false);
	pair_run(p, PAIR_SEC);
	for (unsigned n = 0; n < 2; n++) {
		const struct engine *e = p->node[n].engine;

		for (uint32_t i = 0; i < e->config.exchange_cnt; i++) {
			const struct exchange *x = &e->exchanges[i];

			if (x->state != EXCHANGE_ANSWERED)
				continue;
			answered_cnt++;
			assert_zero((const uint8_t *)x + first, sizeof(*x) - first);
		}
	}
	assert_int_equal(answered_cnt, 2);
	pair_free(p);
}

/* P2: no secret of what is over stays in memory: not of exchanges, not of jobs, not of old slots. */
static void nothing_of_what_is_over_is_left(void **state)
{
	struct seen s = {.hello.len = 0};
	struct pair *p = meet(&s);

	(void)state;
	p->filter = NULL;
	pair_start(p, 0);
	assert_true(pair_run_until(p, pair_is_agreed, 10 * PAIR_SEC));
	pair_run(p, 15 * PAIR_SEC); /* answers are kept for ten */
	for (unsigned n = 0; n < 2; n++) {
		const struct engine *e = p->node[n].engine;

		assert_int_equal(e->used_cnt, 0);
		assert_int_equal(e->job_cnt, 0);
		for (uint32_t i = 0; i < e->config.exchange_cnt; i++) {
			const struct exchange *x = &e->exchanges[i];
			const struct crypto_job *job = &e->jobs[i];

			assert_zero(&x->id,
				offsetof(struct exchange, entry) - offsetof(struct exchange, id));
			assert_zero(x->random, sizeof(*x) - offsetof(struct exchange, random));
			assert_zero(&job->exchange,
				sizeof(*job) - offsetof(struct crypto_job, exchange));
		}
	}
	pair_free(p);
}

static int make_identities(void **state)
{
	(void)state;
	east = pair_identity_new("east", TEST_RSA_2048, NULL);
	west = pair_identity_new("west", TEST_P256, NULL);
	return 0;
}

static int free_identities(void **state)
{
	(void)state;
	pair_identity_free(east);
	pair_identity_free(west);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(full_exchange_is_bound_to_the_wire),
		cmocka_unit_test(rekey_mixes_the_chain_and_a_fresh_secret),
		cmocka_unit_test(answers_are_kept_without_secrets),
		cmocka_unit_test(nothing_of_what_is_over_is_left),
	};

	return cmocka_run_group_tests(tests, make_identities, free_identities);
}
