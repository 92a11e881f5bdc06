/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Hashes, HMAC and HKDF (RFC 5869) over one kept EVP_MAC and EVP_MD context per hash: nothing is
 * fetched or allocated per call. Private to one thread. false = libcrypto failed; outputs zeroed.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dataplane/core/suite.h"
#include "pki/view/bytes.h"

struct kdf;
int kdf_new(struct kdf **out) RK_MUST_CHECK;
void kdf_free(struct kdf *k);

/* out: the hash's length. Parts are taken one after the other. */
bool kdf_hash(struct kdf *k, enum suite_hash hash, const struct rk_span *part, size_t part_cnt,
	uint8_t *out) RK_MUST_CHECK;
bool kdf_hmac(struct kdf *k, enum suite_hash hash, struct rk_span key, const struct rk_span *part,
	size_t part_cnt, uint8_t *out) RK_MUST_CHECK;
/* HKDF-Extract and HKDF-Expand; len at most 255 times the hash's. */
bool kdf_extract(struct kdf *k, enum suite_hash hash, struct rk_span salt, struct rk_span ikm,
	uint8_t *prk) RK_MUST_CHECK;
bool kdf_expand(struct kdf *k, enum suite_hash hash, struct rk_span prk, struct rk_span info,
	uint8_t *out, size_t len) RK_MUST_CHECK;
/* Expands each with info = "rekey/1 " || label || 0x00 || context: every key of the protocol. */
struct kdf_output {
	const char *label;
	uint8_t *out;
	size_t len;
};
bool kdf_expand_labels(struct kdf *k, enum suite_hash hash, struct rk_span prk,
	struct rk_span context, const struct kdf_output *output, size_t output_cnt) RK_MUST_CHECK;
size_t kdf_hash_len(enum suite_hash hash);
