/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * SHA-2 and HMAC (RFC 2104) for the many short inputs of an exchange. A key is two hash states that
 * are copied for each use, so that a MAC of a short text is a few compressions and nothing else.
 * Nothing here allocates or can fail. Any thread.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include <openssl/sha.h>

#include "dataplane/core/suite.h"
#include "pki/view/bytes.h"

size_t hash_len(enum suite_hash hash);
/* out: the hash's length. Parts are taken one after the other. */
void hash_make(enum suite_hash hash, const struct rk_span *part, size_t part_cnt, uint8_t *out);

/* One step of a hash for tables: h begins with a random key. Not for secrets. */
static inline uint64_t hash_mix(uint64_t h, uint64_t v)
{
	h = (h ^ v) * UINT64_C(0x9e3779b97f4a7c15);
	return h ^ h >> 29;
}

union hash_state {
	SHA256_CTX sha256;
	SHA512_CTX sha512; /* SHA-384 */
};

/* Secret: whoever holds it wipes it. */
struct hash_key {
	enum suite_hash hash;
	union hash_state inner;
	union hash_state outer;
};
void hash_set_key(struct hash_key *k, enum suite_hash hash, struct rk_span key);
void hash_mac(const struct hash_key *k, const struct rk_span *part, size_t part_cnt, uint8_t *out);
