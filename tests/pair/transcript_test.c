/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the keys are bound to (P3): the transcript, put together here from the bytes on the wire as
 * docs/protocol.md has it, with the hash called directly. Two sides that leave the same thing out agree
 * with each other, and with nobody else.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/evp.h>

#include "dataplane/core/engine_state.h"
#include "tests/pair/pair.h"

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

static void transcript_is_what_was_on_the_wire(void **state)
{
	struct seen s = {.hello.len = 0};
	const struct exchange *x;
	uint8_t expected[32];
	struct pair *p = pair_new(
		&(struct pair_options){.seed = 1, .are_verdicts_known = true, .suites = {{1}, {1}}},
		east, west);

	(void)state;
	p->filter = watch;
	p->filter_arg = &s;
	pair_start(p, 1);
	pair_run(p, 5 * PAIR_SEC);
	x = exchange_find(p->node[1].engine, p->node[1].session[0]->own_exchange);
	assert_non_null(x);
	assert_int_equal(x->state, EXCHANGE_EXPECT_ACK);
	compute(&s, expected);
	assert_memory_equal(x->base_transcript, expected, sizeof(expected)); /* T1 */
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
		cmocka_unit_test(transcript_is_what_was_on_the_wire),
	};

	return cmocka_run_group_tests(tests, make_identities, free_identities);
}
