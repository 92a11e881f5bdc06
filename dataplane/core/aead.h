/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * AEAD with contexts that belong to the thread and keys that belong to the peer. The nonce is the
 * key's IV xor the 64-bit counter (as RFC 8446 5.3); a caller never seals twice under one counter.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dataplane/core/suite.h"
#include "pki/view/bytes.h"

/* One direction's key. Secret. */
struct secret_aead {
	uint8_t key[SUITE_KEY_LEN];
	uint8_t iv[SUITE_IV_LEN];
};

struct aead;
int aead_new(struct aead **out) RK_MUST_CHECK;
void aead_free(struct aead *a);
/* The key that was used last leaves the contexts. Once a round: it costs as much as setting one. */
void aead_forget(struct aead *a);

/* out: plain.len + MSG_TAG_LEN bytes, not overlapping plain. */
bool aead_seal(struct aead *a, enum suite_aead alg, const struct secret_aead *key, uint64_t counter,
	struct rk_span aad, struct rk_span plain, uint8_t *out) RK_MUST_CHECK;
/* out: sealed.len - MSG_TAG_LEN bytes; zeros when it does not open. */
bool aead_open(struct aead *a, enum suite_aead alg, const struct secret_aead *key, uint64_t counter,
	struct rk_span aad, struct rk_span sealed, uint8_t *out) RK_MUST_CHECK;
