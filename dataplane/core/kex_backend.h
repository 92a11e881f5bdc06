/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The inside of kex: code of our own behind kex_keygen and kex_derive, which does LANES_CNT agreements at
 * once (kex_vector.c) or a single one (kex_single.c). What a backend has not is libcrypto's to do.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dataplane/core/kex.h"
#include "dataplane/core/p256_lanes.h"
#include "dataplane/core/single.h"
#include "dataplane/core/x25519_lanes.h"

struct kex_backend {
	const char *name;
	bool (*is_usable)(void); /* on this processor */
	void (*x25519)(struct x25519_lanes *x);
	void (*p256_base)(struct p256_lanes *l, const struct p256_table *t);
	void (*p256_point)(struct p256_lanes *l);
	const struct single_code *single;
};
extern const struct kex_backend kex_libcrypto; /* has nothing of its own */

/* Where secrets are while they are computed with: in locked memory, wiped after each use. */
struct kex_work {
	union {
		struct x25519_lanes x25519;
		struct p256_lanes p256;
		struct single_work single;
		struct x25519_work single_x25519;
	};
	uint8_t random[LANES_CNT][32];
};

/* Of one kex_ctx. */
struct kex_vector {
	const struct kex_backend *backend;
	const struct p256_table *table;
	const struct single_table *p384_table;
	struct kex_work *work;
};
int kex_vector_init(struct kex_vector *v, const struct kex_backend *backend) RK_MUST_CHECK;
void kex_vector_fini(struct kex_vector *v);
/* What was computed with, and what is left on the stack below the caller. */
void kex_work_wipe(struct kex_work *w, size_t stack_len);

/* How many of n operations are done in one go, now; 0: libcrypto does them faster. */
size_t kex_vector_keygen_cnt(
	const struct kex_vector *v, const struct kex_group *g, size_t n) RK_MUST_CHECK;
size_t kex_vector_derive_cnt(
	const struct kex_vector *v, const struct kex_group *g, size_t n) RK_MUST_CHECK;
/* So many. is_done and the outputs are as kex.h says. */
void kex_vector_keygen(
	struct kex_vector *v, const struct kex_group *g, struct kex_op *const *op, size_t n);
void kex_vector_derive(
	struct kex_vector *v, const struct kex_group *g, struct kex_op *const *op, size_t n);

/* One operation. What it returns is is_done. */
bool kex_single_can_keygen(const struct kex_vector *v, const struct kex_group *g) RK_MUST_CHECK;
bool kex_single_can_derive(const struct kex_vector *v, const struct kex_group *g) RK_MUST_CHECK;
bool kex_single_keygen(
	struct kex_vector *v, const struct kex_group *g, struct kex_op *op) RK_MUST_CHECK;
bool kex_single_derive(
	struct kex_vector *v, const struct kex_group *g, struct kex_op *op) RK_MUST_CHECK;
