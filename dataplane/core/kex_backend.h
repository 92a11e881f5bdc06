/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The inside of kex: code that does LANES_CNT agreements at once, behind kex_keygen and kex_derive.
 * What a backend has not is libcrypto's to do.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dataplane/core/kex.h"
#include "dataplane/core/x25519_lanes.h"

struct kex_backend {
	const char *name;
	bool (*is_usable)(void); /* on this processor */
	void (*x25519)(struct x25519_lanes *x);
};
extern const struct kex_backend kex_libcrypto; /* has nothing of its own */

/* Where secrets are while they are computed with: locked, of one kex_ctx, wiped after each use. */
struct kex_work {
	struct x25519_lanes x25519;
	uint8_t random[LANES_CNT][32];
};

/* How many of n operations the backend does in one go, now; 0: libcrypto does them faster. */
size_t kex_vector_keygen_cnt(
	const struct kex_backend *b, const struct kex_group *g, size_t n) RK_MUST_CHECK;
size_t kex_vector_derive_cnt(
	const struct kex_backend *b, const struct kex_group *g, size_t n) RK_MUST_CHECK;
/* So many. is_done and the outputs are as kex.h says. */
void kex_vector_keygen(const struct kex_backend *b, struct kex_work *w, const struct kex_group *g,
	struct kex_op *const *op, size_t n);
void kex_vector_derive(const struct kex_backend *b, struct kex_work *w, const struct kex_group *g,
	struct kex_op *const *op, size_t n);
