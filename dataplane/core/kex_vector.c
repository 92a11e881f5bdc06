/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <string.h>

#include <openssl/ec.h>
#include <openssl/rand.h>

#include "dataplane/core/kex_backend.h"
#include "dataplane/core/p256_table.h"
#include "pki/view/secret.h"

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "words are little-endian here"
#endif

/* A batch takes longer than one operation by itself, and less time than two; three of ours on P-256. */
enum { DERIVE_MIN = 2, DERIVE_MIN_BESIDE_SINGLE = 3 };

#define STACK_USED 32768 /* more than a backend takes: registers that do not suffice go there */
#define STACK_STEP 4096

int kex_vector_init(struct kex_vector *v, const struct kex_backend *backend)
{
	*v = (struct kex_vector){.backend = backend, .work = rk_secret_new(sizeof(*v->work))};
	if (v->work == NULL)
		return -ENOMEM;
	if (backend->p256_base != NULL)
		v->table = p256_table_get();
	if (backend->single != NULL)
		v->p384_table = backend->single->p384_table();
	return (backend->p256_base != NULL && v->table == NULL) ||
			       (backend->single != NULL && v->p384_table == NULL)
		       ? -ENOMEM
		       : 0;
}

void kex_vector_fini(struct kex_vector *v)
{
	rk_secret_free(v->work, sizeof(*v->work));
}

static bool has(const struct kex_backend *b, const struct kex_group *g)
{
	return (g->id == KEX_X25519 && b->x25519 != NULL) ||
	       (g->id == KEX_SECP256R1 && b->p256_base != NULL);
}

size_t kex_vector_keygen_cnt(const struct kex_vector *v, const struct kex_group *g, size_t n)
{
	if (!has(v->backend, g))
		return 0;
	return n < LANES_CNT ? n : LANES_CNT;
}

size_t kex_vector_derive_cnt(const struct kex_vector *v, const struct kex_group *g, size_t n)
{
	bool is_beside = g->id == KEX_SECP256R1 && kex_single_can_derive(v, g);
	size_t min = is_beside ? DERIVE_MIN_BESIDE_SINGLE : DERIVE_MIN;

	return n < min ? 0 : kex_vector_keygen_cnt(v, g, n);
}

static __attribute__((noinline)) void wipe_stack(size_t len)
{
	uint8_t used[STACK_STEP];

	rk_wipe(used, sizeof(used));
	if (len > sizeof(used))
		wipe_stack(len - sizeof(used));
	rk_wipe(used, 1); /* not a tail call: the frames are to lie below each other */
}

void kex_work_wipe(struct kex_work *w, size_t stack_len)
{
	rk_wipe(w, sizeof(*w));
	wipe_stack(stack_len);
}

/* ---- X25519: little-endian ------------------------------------------------------------------- */

static void put(uint64_t word[4][LANES_CNT], size_t lane, const uint8_t bytes[32])
{
	for (size_t i = 0; i < 4; i++)
		memcpy(&word[i][lane], bytes + 8 * i, 8);
}

static void take(const uint64_t word[4][LANES_CNT], size_t lane, uint8_t bytes[32])
{
	for (size_t i = 0; i < 4; i++)
		memcpy(bytes + 8 * i, &word[i][lane], 8);
}

/* RFC 7748 5. */
static void put_clamped(uint64_t word[4][LANES_CNT], size_t lane, const uint8_t bytes[32])
{
	put(word, lane, bytes);
	word[0][lane] &= ~UINT64_C(7);
	word[3][lane] = (word[3][lane] & (UINT64_MAX >> 1)) | UINT64_C(1) << 62;
}

static void x25519_keygen(struct kex_vector *v, struct kex_op *const *op, size_t n)
{
	struct x25519_lanes *x = &v->work->x25519;

	for (size_t i = 0; i < n; i++) {
		put_clamped(x->scalar, i, v->work->random[i]);
		x->u[0][i] = 9;
	}
	v->backend->x25519(x);
	for (size_t i = 0; i < n; i++) {
		take(x->scalar, i, op[i]->secret);
		take(x->u, i, op[i]->share);
		op[i]->is_done = true;
	}
}

/* RFC 7748 6.1: an all-zero result is refused. */
static void x25519_derive(struct kex_vector *v, struct kex_op *const *op, size_t n)
{
	struct x25519_lanes *x = &v->work->x25519;

	for (size_t i = 0; i < n; i++) {
		put_clamped(x->scalar, i, op[i]->secret);
		put(x->u, i, op[i]->peer);
	}
	v->backend->x25519(x);
	for (size_t i = 0; i < n; i++) {
		take(x->u, i, op[i]->shared);
		op[i]->is_done = (x->u[0][i] | x->u[1][i] | x->u[2][i] | x->u[3][i]) != 0;
	}
}

/* ---- P-256: big-endian ----------------------------------------------------------------------- */

static void put_big(uint64_t word[4][LANES_CNT], size_t lane, const uint8_t bytes[32])
{
	for (size_t i = 0; i < 4; i++) {
		memcpy(&word[i][lane], bytes + 24 - 8 * i, 8);
		word[i][lane] = __builtin_bswap64(word[i][lane]);
	}
}

static void take_big(uint64_t word[4][LANES_CNT], size_t lane, uint8_t bytes[32])
{
	for (size_t i = 0; i < 4; i++) {
		word[i][lane] = __builtin_bswap64(word[i][lane]);
		memcpy(bytes + 24 - 8 * i, &word[i][lane], 8);
	}
}

/* FIPS 186-4 B.4.2: random numbers outside 1 to n - 1, one of 2^32, are not taken; others are drawn. */
static bool p256_try(struct kex_vector *v, struct kex_op *const *op, size_t n)
{
	struct p256_lanes *l = &v->work->p256;
	bool is_good = true;

	for (size_t i = 0; i < n; i++)
		put_big(l->scalar, i, v->work->random[i]);
	v->backend->p256_base(l, v->table);
	for (size_t i = 0; i < n; i++) {
		memcpy(op[i]->secret, v->work->random[i], sizeof(v->work->random[i]));
		op[i]->share[0] = POINT_CONVERSION_UNCOMPRESSED;
		take_big(l->x, i, op[i]->share + 1);
		take_big(l->y, i, op[i]->share + 33);
		is_good &= l->is_good[i] != 0;
	}
	return is_good;
}

static bool draw(struct kex_vector *v, size_t n)
{
	return RAND_priv_bytes(v->work->random[0], (int)(n * sizeof(v->work->random[0]))) == 1;
}

static void p256_keygen(struct kex_vector *v, struct kex_op *const *op, size_t n)
{
	bool is_done = p256_try(v, op, n);

	while (!is_done && draw(v, n))
		is_done = p256_try(v, op, n);
	for (size_t i = 0; i < n; i++)
		op[i]->is_done = is_done;
}

/* RFC 8422 5.11: the backend refuses coordinates from p on and points off the curve. */
static void p256_derive(struct kex_vector *v, struct kex_op *const *op, size_t n)
{
	struct p256_lanes *l = &v->work->p256;

	for (size_t i = 0; i < n; i++) {
		put_big(l->scalar, i, op[i]->secret);
		put_big(l->x, i, op[i]->peer + 1);
		put_big(l->y, i, op[i]->peer + 33);
	}
	v->backend->p256_point(l);
	for (size_t i = 0; i < n; i++) {
		take_big(l->x, i, op[i]->shared);
		op[i]->is_done =
			l->is_good[i] != 0 && op[i]->peer[0] == POINT_CONVERSION_UNCOMPRESSED;
	}
}

/* ---------------------------------------------------------------------------------------------- */

void kex_vector_keygen(
	struct kex_vector *v, const struct kex_group *g, struct kex_op *const *op, size_t n)
{
	for (size_t i = 0; i < n; i++)
		op[i]->is_done = false;
	if (draw(v, n))
		(g->id == KEX_X25519 ? x25519_keygen : p256_keygen)(v, op, n);
	kex_work_wipe(v->work, STACK_USED);
}

void kex_vector_derive(
	struct kex_vector *v, const struct kex_group *g, struct kex_op *const *op, size_t n)
{
	(g->id == KEX_X25519 ? x25519_derive : p256_derive)(v, op, n);
	kex_work_wipe(v->work, STACK_USED);
}
