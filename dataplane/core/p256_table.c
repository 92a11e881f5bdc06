/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/core/p256_table.h"

#include <assert.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>

#include <openssl/ec.h>
#include <openssl/obj_mac.h>

#define LIMB_BITS       52
#define MONTGOMERY_BITS (LIMB_BITS * P256_LIMB_CNT)

/* Scratch of libcrypto's. */
struct curve {
	EC_GROUP *group;
	EC_POINT *base; /* 32^j G */
	EC_POINT *multiple;
	BIGNUM *prime, *x, *y;
	BN_CTX *bn;
};

static struct p256_table table;
static bool is_filled;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static bool open_curve(struct curve *c)
{
	c->group = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
	c->bn = BN_CTX_new();
	c->prime = BN_new();
	c->x = BN_new();
	c->y = BN_new();
	if (c->group == NULL || c->bn == NULL || c->prime == NULL || c->x == NULL || c->y == NULL)
		return false;
	c->base = EC_POINT_dup(EC_GROUP_get0_generator(c->group), c->group);
	c->multiple = EC_POINT_new(c->group);
	return c->base != NULL && c->multiple != NULL &&
	       EC_GROUP_get_curve(c->group, c->prime, NULL, NULL, c->bn) == 1;
}

static void close_curve(struct curve *c)
{
	EC_POINT_free(c->base);
	EC_POINT_free(c->multiple);
	EC_GROUP_free(c->group);
	BN_free(c->prime);
	BN_free(c->x);
	BN_free(c->y);
	BN_CTX_free(c->bn);
}

static bool put(struct curve *c, BIGNUM *v, uint64_t limb[P256_LIMB_CNT])
{
	uint8_t bytes[MONTGOMERY_BITS / 8 + sizeof(uint64_t)];
	uint64_t word;

	if (BN_mod_lshift(v, v, MONTGOMERY_BITS, c->prime, c->bn) != 1 ||
		BN_bn2lebinpad(v, bytes, sizeof(bytes)) < 0)
		return false;
	for (unsigned i = 0; i < P256_LIMB_CNT; i++) {
		memcpy(&word, bytes + LIMB_BITS * i / 8, sizeof(word));
		limb[i] = word >> LIMB_BITS * i % 8 & ((UINT64_C(1) << LIMB_BITS) - 1);
	}
	return true;
}

static bool fill_window(struct curve *c, unsigned window)
{
	if (EC_POINT_copy(c->multiple, c->base) != 1)
		return false;
	for (unsigned i = 0; i < P256_DIGIT_MAX; i++) {
		uint64_t(*xy)[P256_LIMB_CNT] = table.multiple[window][i];

		if (EC_POINT_get_affine_coordinates(c->group, c->multiple, c->x, c->y, c->bn) !=
				1 ||
			!put(c, c->x, xy[0]) || !put(c, c->y, xy[1]))
			return false;
		if (i + 1 < P256_DIGIT_MAX &&
			EC_POINT_add(c->group, c->multiple, c->multiple, c->base, c->bn) != 1)
			return false;
	}
	/* 16 times the base: twice that is the next one */
	return EC_POINT_dbl(c->group, c->base, c->multiple, c->bn) == 1;
}
static_assert(P256_DIGIT_MAX == 16, "half of what a window of five bits weighs");

static void fill(void)
{
	struct curve c = {0};

	is_filled = open_curve(&c);
	for (unsigned i = 0; is_filled && i < P256_WINDOW_CNT; i++)
		is_filled = fill_window(&c, i);
	close_curve(&c);
}

const struct p256_table *p256_table_get(void)
{
	return pthread_once(&once, fill) == 0 && is_filled ? &table : NULL;
}
