/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * libcrypto's SHA functions of old are called here, and only here, though EVP is to be preferred:
 * through a kept EVP_MAC an HMAC costs three times as much on inputs of this size (an exchange
 * makes some forty), allocates at each call and leaves keys on libcrypto's heap. The code that
 * runs inside is the same.
 */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "dataplane/core/hash.h"

#include <string.h>

#include "dataplane/core/messages.h"
#include "pki/view/secret.h"

size_t hash_len(enum suite_hash hash)
{
	return hash == SUITE_SHA256 ? SHA256_DIGEST_LENGTH : SHA384_DIGEST_LENGTH;
}
static_assert(SHA384_DIGEST_LENGTH == MSG_HASH_MAX, "the longest");

static size_t block_len(enum suite_hash hash)
{
	return hash == SUITE_SHA256 ? SHA256_CBLOCK : SHA512_CBLOCK;
}

static void start(union hash_state *s, enum suite_hash hash)
{
	if (hash == SUITE_SHA256)
		SHA256_Init(&s->sha256);
	else
		SHA384_Init(&s->sha512);
}

static void add(union hash_state *s, enum suite_hash hash, const void *data, size_t len)
{
	if (len == 0)
		return;
	if (hash == SUITE_SHA256)
		SHA256_Update(&s->sha256, data, len);
	else
		SHA384_Update(&s->sha512, data, len);
}

static void end(union hash_state *s, enum suite_hash hash, uint8_t *out)
{
	if (hash == SUITE_SHA256)
		SHA256_Final(out, &s->sha256);
	else
		SHA384_Final(out, &s->sha512);
}

void hash_make(enum suite_hash hash, const struct rk_span *part, size_t part_cnt, uint8_t *out)
{
	union hash_state s;

	start(&s, hash);
	for (size_t i = 0; i < part_cnt; i++)
		add(&s, hash, part[i].data, part[i].len);
	end(&s, hash, out);
	rk_wipe(&s, sizeof(s));
}

static void start_padded(union hash_state *s, enum suite_hash hash, struct rk_span key, uint8_t pad)
{
	uint8_t block[SHA512_CBLOCK];
	size_t len = block_len(hash);

	memset(block, pad, len);
	for (size_t i = 0; i < key.len; i++)
		block[i] ^= key.data[i];
	start(s, hash);
	add(s, hash, block, len);
	rk_wipe(block, len);
}

void hash_set_key(struct hash_key *k, enum suite_hash hash, struct rk_span key)
{
	uint8_t hashed[MSG_HASH_MAX];

	k->hash = hash;
	if (key.len > block_len(hash)) {
		hash_make(hash, &key, 1, hashed);
		key = (struct rk_span){hashed, hash_len(hash)};
	}
	start_padded(&k->inner, hash, key, 0x36);
	start_padded(&k->outer, hash, key, 0x5c);
	rk_wipe(hashed, sizeof(hashed));
}

void hash_mac(const struct hash_key *k, const struct rk_span *part, size_t part_cnt, uint8_t *out)
{
	union hash_state s = k->inner;

	for (size_t i = 0; i < part_cnt; i++)
		add(&s, k->hash, part[i].data, part[i].len);
	end(&s, k->hash, out);
	s = k->outer;
	add(&s, k->hash, out, hash_len(k->hash));
	end(&s, k->hash, out);
	rk_wipe(&s, sizeof(s));
}
