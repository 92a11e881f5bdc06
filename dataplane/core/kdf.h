/* SPDX-License-Identifier: BSD-3-Clause */
/* HKDF (RFC 5869) and the labels by which every key of the protocol is derived. Any thread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dataplane/core/suite.h"
#include "pki/view/bytes.h"

/* prk: the hash's length. */
void kdf_extract(enum suite_hash hash, struct rk_span salt, struct rk_span ikm, uint8_t *prk);
/* false, and nothing done: len is more than 255 times the hash's. */
bool kdf_expand(enum suite_hash hash, struct rk_span prk, struct rk_span info, uint8_t *out,
	size_t len) RK_MUST_CHECK;

/* One key: len bytes at out, of which the rest of a block is thrown away. */
struct kdf_output {
	const char *label; /* at most KDF_LABEL_MAX characters */
	uint8_t *out;
	size_t len;
};
#define KDF_LABEL_MAX 20
/* Expands each with info = "rekey/1 " || label || 0x00 || context; context: at most a hash. */
void kdf_expand_labels(enum suite_hash hash, struct rk_span prk, struct rk_span context,
	const struct kdf_output *output, size_t output_cnt);
