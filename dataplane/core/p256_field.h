/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Numbers modulo p = 2^256 - 2^224 + 2^192 + 2^96 - 1 in eight lanes: five limbs of 52 bits, by weight
 * 2^(52 i), kept times 2^260 (Montgomery). Of a number it is known by its place what it may be:
 *   tight  limbs below 2^52, less than 1.2 p: can be multiplied;
 *   loose  limbs below 2^57, as a product leaves it, less than 1.2 p.
 * Sums, differences and small multiples of both go through tighten(). The bound of a product: of
 * tight numbers it is below (1.2 p)^2 / 2^260 + p < 1.1 p.
 */
#pragma once

#include "dataplane/core/lanes.h"
#include "dataplane/core/p256_lanes.h"

#define LIMB_BITS 52
#define LIMB_MASK ((UINT64_C(1) << LIMB_BITS) - 1)

#define LIMBS(i) LANES_UNROLLED for (unsigned i = 0; i < P256_LIMB_CNT; i++)

struct number {
	lanes limb[P256_LIMB_CNT];
};

struct constant {
	uint64_t limb[P256_LIMB_CNT];
};
static const struct constant prime = {
	{LIMB_MASK, LIMB_MASK >> 8, 0, UINT64_C(1) << 36, (UINT64_C(1) << 48) - (1 << 16)}};

LANES_INLINE struct number number_set(const struct constant *c)
{
	struct number r;

	LIMBS(i) r.limb[i] = lanes_set(c->limb[i]);
	return r;
}

LANES_INLINE struct number add(const struct number *a, const struct number *b)
{
	struct number r;

	LIMBS(i) r.limb[i] = lanes_add(a->limb[i], b->limb[i]);
	return r;
}

/* a - b + n p: of b < n p. Limbs may be negative: tighten() or ripple() comes next. */
LANES_INLINE struct number sub(const struct number *a, const struct number *b, unsigned n)
{
	struct number r;

	LIMBS(i)
	r.limb[i] = lanes_sub(lanes_add(a->limb[i], lanes_set(n * prime.limb[i])), b->limb[i]);
	return r;
}

LANES_INLINE struct number shift(const struct number *a, unsigned bits)
{
	struct number r;

	LIMBS(i) r.limb[i] = lanes_shl(a->limb[i], bits);
	return r;
}

/* Limbs of 52 bits each, but the last, which keeps all: negative if the number is. */
LANES_INLINE struct number ripple(const struct number *a)
{
	lanes mask = lanes_set(LIMB_MASK), over = lanes_set(0);
	struct number r;

	LIMBS(i)
	{
		lanes v = lanes_add(a->limb[i], over);

		over = lanes_sar(v, LIMB_BITS);
		r.limb[i] = i + 1 < P256_LIMB_CNT ? lanes_and(v, mask) : v;
	}
	return r;
}

/*
 * Of a number from 0 to 2^9 p: what lies above 2^256 comes in below, as 2^224 - 2^192 - 2^96 + 1. The
 * result is below 2^256 + 2^233 < 1.001 p.
 */
LANES_INLINE struct number tighten(const struct number *a)
{
	struct number r = *a;
	lanes top = lanes_sar(a->limb[4], 48);

	r.limb[0] = lanes_add(r.limb[0], top);
	r.limb[1] = lanes_sub(r.limb[1], lanes_shl(top, 44));
	r.limb[3] = lanes_sub(r.limb[3], lanes_shl(top, 36));
	r.limb[4] = lanes_and(r.limb[4], lanes_set((UINT64_C(1) << 48) - 1));
	r.limb[4] = lanes_add(r.limb[4], lanes_shl(top, 16));
	return ripple(&r);
}

/*
 * Montgomery's reduction: -1 / p is 1 modulo 2^52, so the lowest limb q is itself the factor of p
 * that clears it. q p = q 2^256 - q 2^224 + q 2^192 + q 2^96 - q: the last term is the clearing.
 */
LANES_INLINE struct number reduce(lanes column[2 * P256_LIMB_CNT])
{
	lanes p1 = lanes_set(UINT64_C(1) << 44), p3 = lanes_set(prime.limb[3]);
	lanes p4 = lanes_set(prime.limb[4]);
	struct number r;

	LIMBS(i)
	{
		lanes q = column[i];

		column[i + 1] = lanes_add(column[i + 1], lanes_shr(q, LIMB_BITS));
		column[i + 1] = lanes_mul_low(column[i + 1], q, p1);
		column[i + 2] = lanes_mul_high(column[i + 2], q, p1);
		column[i + 3] = lanes_mul_low(column[i + 3], q, p3);
		column[i + 4] = lanes_mul_high(column[i + 4], q, p3);
		column[i + 4] = lanes_mul_low(column[i + 4], q, p4);
		column[i + 5] = lanes_mul_high(column[i + 5], q, p4);
	}
	LIMBS(i) r.limb[i] = column[i + P256_LIMB_CNT];
	return r;
}

/* Tight numbers in, a loose one out. */
LANES_INLINE struct number mul_loose(const struct number *a, const struct number *b)
{
	lanes column[2 * P256_LIMB_CNT];

	LANES_UNROLLED
	for (unsigned k = 0; k < 2 * P256_LIMB_CNT; k++) {
		lanes sum = lanes_set(0);

		LIMBS(i)
		{
			if (i <= k && k - i < P256_LIMB_CNT)
				sum = lanes_mul_low(sum, a->limb[i], b->limb[k - i]);
			if (i < k && k - 1 - i < P256_LIMB_CNT)
				sum = lanes_mul_high(sum, a->limb[i], b->limb[k - 1 - i]);
		}
		column[k] = sum;
	}
	return reduce(column);
}

/* A product of two different limbs comes twice. */
LANES_INLINE struct number square_loose(const struct number *a)
{
	lanes column[2 * P256_LIMB_CNT];

	LANES_UNROLLED
	for (unsigned k = 0; k < 2 * P256_LIMB_CNT; k++) {
		lanes sum = lanes_set(0);

		LIMBS(i)
		{
			if (2 * i < k && k - i < P256_LIMB_CNT)
				sum = lanes_mul_low(sum, a->limb[i], a->limb[k - i]);
			if (2 * i + 1 < k && k - 1 - i < P256_LIMB_CNT)
				sum = lanes_mul_high(sum, a->limb[i], a->limb[k - 1 - i]);
		}
		sum = lanes_add(sum, sum);
		if (k % 2 == 0 && k / 2 < P256_LIMB_CNT)
			sum = lanes_mul_low(sum, a->limb[k / 2], a->limb[k / 2]);
		if (k % 2 == 1)
			sum = lanes_mul_high(sum, a->limb[k / 2], a->limb[k / 2]);
		column[k] = sum;
	}
	return reduce(column);
}

LANES_INLINE struct number mul(const struct number *a, const struct number *b)
{
	struct number r = mul_loose(a, b);

	return ripple(&r);
}

LANES_INLINE struct number square(const struct number *a)
{
	struct number r = square_loose(a);

	return ripple(&r);
}

LANES_INLINE struct number choose(lanes_mask m, const struct number *yes, const struct number *no)
{
	struct number r;

	LIMBS(i) r.limb[i] = lanes_choose(m, yes->limb[i], no->limb[i]);
	return r;
}

/* Of limbs that are not negative: all zero? */
LANES_INLINE lanes_mask is_zero(const struct number *a)
{
	lanes any = a->limb[0];

	for (unsigned i = 1; i < P256_LIMB_CNT; i++)
		any = lanes_or(any, a->limb[i]);
	return lanes_equal(any, lanes_set(0));
}

/* After ripple(). */
LANES_INLINE lanes_mask is_negative(const struct number *a)
{
	return lanes_test(a->limb[P256_LIMB_CNT - 1], lanes_set(UINT64_C(1) << 63));
}
