/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

#include <openssl/rand.h>

#include "dataplane/core/kex_backend.h"
#include "dataplane/core/single.h"

#define STACK_USED 4096 /* more than those functions take: their numbers are in the work */

static const struct single_curve *curve_of(const struct kex_backend *b, const struct kex_group *g)
{
	if (b->single == NULL)
		return NULL;
	if (g->id == KEX_SECP256R1)
		return b->single->p256;
	return g->id == KEX_SECP384R1 ? b->single->p384 : NULL;
}

static bool is_x25519(const struct kex_backend *b, const struct kex_group *g)
{
	return g->id == KEX_X25519 && b->single != NULL;
}

bool kex_single_can_derive(const struct kex_vector *v, const struct kex_group *g)
{
	return curve_of(v->backend, g) != NULL || is_x25519(v->backend, g);
}

/* P-256 is made by libcrypto, which has a larger table, unless eight are made at once. */
bool kex_single_can_keygen(const struct kex_vector *v, const struct kex_group *g)
{
	return g->id != KEX_SECP256R1 && kex_single_can_derive(v, g);
}

static bool make_x25519(struct kex_vector *v, struct kex_op *op)
{
	static const uint8_t base[32] = {9};

	if (RAND_priv_bytes(op->secret, sizeof(base)) != 1)
		return false;
	v->backend->single->x25519(&v->work->single_x25519, op->secret, base, op->share);
	return true;
}

/* RFC 7748 6.1: an all-zero result is refused; looked for in constant time. */
static bool agree_x25519(struct kex_vector *v, struct kex_op *op)
{
	uint8_t any = 0;

	v->backend->single->x25519(&v->work->single_x25519, op->secret, op->peer, op->shared);
	for (size_t i = 0; i < 32; i++)
		any |= op->shared[i];
	return any != 0;
}

/* FIPS 186-4 B.4.2: random numbers outside 1 to n - 1 are not taken; others are drawn. */
static bool make_point(struct kex_vector *v, const struct kex_group *g, struct kex_op *op)
{
	const struct kex_backend *b = v->backend;
	bool is_done = false;

	while (!is_done && RAND_priv_bytes(op->secret, g->secret_len) == 1)
		is_done = b->single->share(
			curve_of(b, g), v->p384_table, &v->work->single, op->secret, op->share);
	return is_done;
}

bool kex_single_keygen(struct kex_vector *v, const struct kex_group *g, struct kex_op *op)
{
	bool is_done = is_x25519(v->backend, g) ? make_x25519(v, op) : make_point(v, g, op);

	kex_work_wipe(v->work, STACK_USED);
	return is_done;
}

bool kex_single_derive(struct kex_vector *v, const struct kex_group *g, struct kex_op *op)
{
	const struct kex_backend *b = v->backend;
	bool is_done = is_x25519(b, g) ? agree_x25519(v, op)
				       : b->single->agree(curve_of(b, g), &v->work->single,
						 op->secret, op->peer, op->shared);

	kex_work_wipe(v->work, STACK_USED);
	return is_done;
}
