/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Transcript signatures (RFC 8422 5.4, RFC 8446 4.2.3): one const row per scheme. ECDSA with the
 * hash of its curve; RSA keys sign with PSS only, PKCS#1 v1.5 never.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dataplane/core/credential.h"
#include "dataplane/core/messages.h"
#include "dataplane/core/wire.h"
#include "pki/view/verdict.h"

/* 64 x 0x20, "rekey/1 responder" or "rekey/1 initiator", 0x00, transcript hash. */
#define SIGN_ROLE_LEN  17
#define SIGN_INPUT_MAX (64 + SIGN_ROLE_LEN + 1 + MSG_HASH_MAX)

size_t sign_build_input(uint8_t out[SIGN_INPUT_MAX], bool is_initiator, struct rk_span transcript);

/* Ours, in order of preference; Ed25519 only where the setting allows it. */
void sign_list_schemes(struct wire_list *out, bool is_ed25519_allowed);
/* A scheme that fits a key of this type and is in the other side's list; 0: none. */
uint16_t sign_choose(enum rk_key_type type, unsigned pss_hash, const struct wire_list *offered);
/* The scheme is one of ours and fits the key: type, size, and parameters of an RSA-PSS key. */
bool sign_fits(uint16_t scheme, const struct rk_public_key *key) RK_MUST_CHECK;
/* The longest signature a key of this type makes. */
size_t sign_len_max(enum rk_key_type type);
/* Strict DER of Ecdsa-Sig-Value: minimal lengths, two positive minimal integers, no rest. */
bool sign_is_strict_ecdsa(struct rk_span signature) RK_MUST_CHECK;

struct sign_ctx; /* private to one thread */
int sign_ctx_new(struct sign_ctx **out) RK_MUST_CHECK;
void sign_ctx_free(struct sign_ctx *ctx);
/* Wipes the private key that is kept between calls if it is another credential's; 0: whosever. */
void sign_keep_key(struct sign_ctx *ctx, uint64_t credential_id);

/* *len: room in, length out. */
bool sign_make(struct sign_ctx *ctx, const struct credential *c, uint16_t scheme,
	struct rk_span input, uint8_t *out, size_t *len) RK_MUST_CHECK;
bool sign_verify(struct sign_ctx *ctx, const struct rk_public_key *key, uint16_t scheme,
	struct rk_span input, struct rk_span signature) RK_MUST_CHECK;
