/* SPDX-License-Identifier: BSD-3-Clause */
/* Suites: a hash for HKDF and transcript, and an AEAD. One const row each. */
#pragma once

#include <stdint.h>

#include "dataplane/core/wire.h"

enum suite_hash { SUITE_SHA256, SUITE_SHA384, SUITE_HASH_CNT };
enum suite_aead { SUITE_AES_256_GCM, SUITE_CHACHA20_POLY1305, SUITE_AEAD_CNT };

#define SUITE_KEY_LEN 32 /* of both AEADs */
#define SUITE_IV_LEN  12

struct suite {
	uint16_t id; /* ours: on the wire */
	uint8_t hash;
	uint8_t aead;
	uint8_t hash_len;
};
const struct suite *suite_find(uint16_t id); /* NULL: none */
/* All of ours, in order of preference. */
const struct wire_list *suite_list(void);
/* The first of ours that is offered; NULL: none in common. */
const struct suite *suite_choose(const struct wire_list *ours, const struct wire_list *offered);
