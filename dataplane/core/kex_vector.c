/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

#include <openssl/rand.h>

#include "dataplane/core/kex_backend.h"
#include "pki/view/secret.h"

/* A batch takes as long as so many single operations of libcrypto: below that they are faster. */
enum { X25519_DERIVE_MIN = 2 };

#define STACK_USED 8192 /* by the backends, at most; -fstack-usage says 3,712 */

size_t kex_vector_keygen_cnt(const struct kex_backend *b, const struct kex_group *g, size_t n)
{
	if (g->id != KEX_X25519 || b->x25519 == NULL)
		return 0;
	return n < LANES_CNT ? n : LANES_CNT;
}

size_t kex_vector_derive_cnt(const struct kex_backend *b, const struct kex_group *g, size_t n)
{
	if (g->id != KEX_X25519 || b->x25519 == NULL || n < X25519_DERIVE_MIN)
		return 0;
	return n < LANES_CNT ? n : LANES_CNT;
}

/* Registers that did not suffice went to the stack. */
static __attribute__((noinline)) void wipe_stack(void)
{
	uint8_t used[STACK_USED];

	rk_wipe(used, sizeof(used));
}

static void put(uint64_t word[4][LANES_CNT], size_t lane, const uint8_t bytes[32])
{
	uint64_t v;

	for (size_t i = 0; i < 4; i++) {
		memcpy(&v, bytes + 8 * i, 8);
		word[i][lane] = v;
	}
	rk_wipe(&v, sizeof(v));
}

static void take(const uint64_t word[4][LANES_CNT], size_t lane, uint8_t bytes[32])
{
	for (size_t i = 0; i < 4; i++)
		memcpy(bytes + 8 * i, &word[i][lane], 8);
}
#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "words are little-endian here"
#endif

/* RFC 7748 5. */
static void put_scalar(struct x25519_lanes *x, size_t lane, const uint8_t bytes[32])
{
	put(x->scalar, lane, bytes);
	x->scalar[0][lane] &= ~UINT64_C(7);
	x->scalar[3][lane] = (x->scalar[3][lane] & (UINT64_MAX >> 1)) | UINT64_C(1) << 62;
}

void kex_vector_keygen(const struct kex_backend *b, struct kex_work *w, const struct kex_group *g,
	struct kex_op *const *op, size_t n)
{
	bool is_done = RAND_priv_bytes(w->random[0], (int)(n * sizeof(w->random[0]))) == 1;

	(void)g;
	for (size_t i = 0; i < n; i++)
		op[i]->is_done = is_done;
	if (!is_done)
		return;
	w->x25519 = (struct x25519_lanes){0};
	for (size_t i = 0; i < n; i++) {
		put_scalar(&w->x25519, i, w->random[i]);
		w->x25519.u[0][i] = 9;
	}
	b->x25519(&w->x25519);
	for (size_t i = 0; i < n; i++) {
		take(w->x25519.scalar, i, op[i]->secret);
		take(w->x25519.u, i, op[i]->share);
	}
	rk_wipe(w, sizeof(*w));
	wipe_stack();
}

void kex_vector_derive(const struct kex_backend *b, struct kex_work *w, const struct kex_group *g,
	struct kex_op *const *op, size_t n)
{
	(void)g;
	w->x25519 = (struct x25519_lanes){0};
	for (size_t i = 0; i < n; i++) {
		put_scalar(&w->x25519, i, op[i]->secret);
		put(w->x25519.u, i, op[i]->peer);
	}
	b->x25519(&w->x25519);
	for (size_t i = 0; i < n; i++) {
		take(w->x25519.u, i, op[i]->shared);
		op[i]->is_done = (w->x25519.u[0][i] | w->x25519.u[1][i] | w->x25519.u[2][i] |
					 w->x25519.u[3][i]) != 0;
	}
	rk_wipe(w, sizeof(*w));
	wipe_stack();
}
