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

bool kex_single_can_derive(const struct kex_vector *v, const struct kex_group *g)
{
	return curve_of(v->backend, g) != NULL;
}

/* P-256 is made by libcrypto, which has a larger table, unless eight are made at once. */
bool kex_single_can_keygen(const struct kex_vector *v, const struct kex_group *g)
{
	return g->id == KEX_SECP384R1 && kex_single_can_derive(v, g);
}

/* FIPS 186-4 B.4.2: random numbers outside 1 to n - 1 are not taken; others are drawn. */
bool kex_single_keygen(struct kex_vector *v, const struct kex_group *g, struct kex_op *op)
{
	const struct single_code *code = v->backend->single;
	const struct single_curve *c = curve_of(v->backend, g);
	bool is_done = false;

	while (!is_done && RAND_priv_bytes(op->secret, g->secret_len) == 1)
		is_done = code->share(c, v->p384_table, &v->work->single, op->secret, op->share);
	kex_work_wipe(v->work, STACK_USED);
	return is_done;
}

bool kex_single_derive(struct kex_vector *v, const struct kex_group *g, struct kex_op *op)
{
	const struct single_code *code = v->backend->single;
	const struct single_curve *c = curve_of(v->backend, g);
	bool is_done = code->agree(c, &v->work->single, op->secret, op->peer, op->shared);

	kex_work_wipe(v->work, STACK_USED);
	return is_done;
}
