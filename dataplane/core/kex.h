/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Key agreement: one const descriptor per named group (RFC 8422 5.1.1). Raw numbers in and out,
 * N operations a call, because there is a backend that does eight at once.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pki/view/bytes.h"

#define KEX_SECRET_MAX 66  /* secp521r1 */
#define KEX_SHARE_MAX  133 /* 0x04 || X || Y of secp521r1 */
#define KEX_GROUP_CNT  5

enum kex_group_id {
	KEX_SECP256R1 = 23,
	KEX_SECP384R1 = 24,
	KEX_SECP521R1 = 25,
	KEX_X25519 = 29,
	KEX_X448 = 30,
};

struct kex_group {
	uint16_t id; /* IANA, RFC 8422 5.1.1 */
	uint8_t secret_len;
	uint8_t share_len;  /* the one legal length of a share */
	uint8_t shared_len; /* Z, leading zeros kept (5.10) */
	bool is_point;      /* uncompressed point: 0x04 first (5.4.1) */
	const char *name;
};
/* NULL: a group we do not have. */
const struct kex_group *kex_find(uint16_t id);
/* What can be told of a share without arithmetic: length and form. */
bool kex_share_is_plausible(const struct kex_group *g, struct rk_span share) RK_MUST_CHECK;

struct kex_op {
	uint8_t secret[KEX_SECRET_MAX]; /* keygen: out; derive: in */
	uint8_t share[KEX_SHARE_MAX];   /* keygen: out, ours; derive: in, ours */
	uint8_t peer[KEX_SHARE_MAX];    /* derive: in */
	uint8_t shared[KEX_SECRET_MAX]; /* derive: out; zeros on failure */
	bool is_done;                   /* out: false = refused or failed */
};

/*
 * What does the arithmetic: "ifma" does X25519 and P-256 eight at a time with AVX-512 IFMA, and what "adx"
 * does, P-256, P-384 and X25519 one by one; the rest is done by "libcrypto". "auto" is the fastest that this processor
 * can run. NULL: unknown, or it cannot.
 */
struct kex_backend;
const struct kex_backend *kex_backend_find(const char *name);
const char *kex_backend_name(const struct kex_backend *b);
/* Main, before other threads: for contexts made from then on. "auto" if never called. */
void kex_backend_use(const struct kex_backend *b);
const struct kex_backend *kex_backend_used(void);

struct kex_ctx; /* private to one thread */
int kex_ctx_new(struct kex_ctx **out) RK_MUST_CHECK;
void kex_ctx_free(struct kex_ctx *ctx);

#define KEX_BATCH_MAX 8
/* How many operations of this group take hardly longer than one: KEX_BATCH_MAX or 1. */
unsigned kex_batch_cnt(const struct kex_ctx *ctx, const struct kex_group *g);

/* Fresh key pairs from the private random generator of libcrypto. */
void kex_keygen(struct kex_ctx *ctx, const struct kex_group *g, struct kex_op *const *op, size_t n);
/*
 * Z of secret and peer. Refused (5.11): coordinates not below p, a point off the curve, infinity,
 * an all-zero result (looked for in constant time).
 */
void kex_derive(struct kex_ctx *ctx, const struct kex_group *g, struct kex_op *const *op, size_t n);
