/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Numbers modulo p = 2^255 - 19 are five limbs of 51 bits, by weight 2^(51 i). Of a limb it is known
 * by its place how large it may be:
 *   tight  below 2^51 + 2^18, so that it can be multiplied (the processor takes 52 bits);
 *   loose  below 2^61, as a product leaves it; two of them can be added or subtracted.
 * carry() makes a tight number of a loose one or of such a sum.
 */
#include "dataplane/core/x25519_lanes.h"

#include "dataplane/core/lanes.h"

#define LIMB_CNT  5
#define LIMB_BITS 51
#define LIMB_MASK ((UINT64_C(1) << LIMB_BITS) - 1)

struct number {
	lanes limb[LIMB_CNT];
};

/* 1024 p: no limb of it is below one of a loose number. */
LANES_INLINE lanes bias(unsigned i)
{
	return lanes_set((LIMB_MASK - (i == 0 ? 18 : 0)) << 10);
}

LANES_INLINE struct number add(const struct number *a, const struct number *b)
{
	struct number r;

	LANES_UNROLLED
	for (unsigned i = 0; i < LIMB_CNT; i++)
		r.limb[i] = lanes_add(a->limb[i], b->limb[i]);
	return r;
}

LANES_INLINE struct number sub(const struct number *a, const struct number *b)
{
	struct number r;

	LANES_UNROLLED
	for (unsigned i = 0; i < LIMB_CNT; i++)
		r.limb[i] = lanes_sub(lanes_add(a->limb[i], bias(i)), b->limb[i]);
	return r;
}

/* 2^255 = 19: what leaves at the top comes in at the bottom. Limbs below 2^63. */
LANES_INLINE struct number carry(const struct number *a)
{
	lanes mask = lanes_set(LIMB_MASK), over[LIMB_CNT];
	struct number r;

	LANES_UNROLLED
	for (unsigned i = 0; i < LIMB_CNT; i++) {
		over[i] = lanes_shr(a->limb[i], LIMB_BITS);
		r.limb[i] = lanes_and(a->limb[i], mask);
	}
	r.limb[0] = lanes_mul_low(r.limb[0], over[LIMB_CNT - 1], lanes_set(19));
	LANES_UNROLLED
	for (unsigned i = 1; i < LIMB_CNT; i++)
		r.limb[i] = lanes_add(r.limb[i], over[i - 1]);
	return r;
}

/* Columns 5 to 9 weigh 2^255 times what 0 to 4 do. Each is below 2^56. */
LANES_INLINE struct number fold(const lanes column[2 * LIMB_CNT])
{
	struct number r;

	LANES_UNROLLED
	for (unsigned i = 0; i < LIMB_CNT; i++) {
		lanes high = column[i + LIMB_CNT];
		lanes sum = lanes_add(column[i], lanes_shl(high, 4));

		r.limb[i] = lanes_add(lanes_add(sum, high), lanes_add(high, high));
	}
	return r;
}

/*
 * Upper halves weigh 2^52: twice as much as the next column. They are summed up first, so that the
 * lower halves can be added to them doubled. Tight numbers in, a loose one out.
 */
LANES_INLINE struct number mul(const struct number *a, const struct number *b)
{
	lanes column[2 * LIMB_CNT];

	LANES_UNROLLED
	for (unsigned k = 0; k < 2 * LIMB_CNT; k++) {
		lanes sum = lanes_set(0);

		LANES_UNROLLED
		for (unsigned i = 0; i < LIMB_CNT; i++)
			if (i < k && k - 1 - i < LIMB_CNT)
				sum = lanes_mul_high(sum, a->limb[i], b->limb[k - 1 - i]);
		sum = lanes_add(sum, sum);
		LANES_UNROLLED
		for (unsigned i = 0; i < LIMB_CNT; i++)
			if (i <= k && k - i < LIMB_CNT)
				sum = lanes_mul_low(sum, a->limb[i], b->limb[k - i]);
		column[k] = sum;
	}
	return fold(column);
}

/* A product of two different limbs comes twice. */
LANES_INLINE struct number square(const struct number *a)
{
	lanes column[2 * LIMB_CNT];

	LANES_UNROLLED
	for (unsigned k = 0; k < 2 * LIMB_CNT; k++) {
		lanes sum = lanes_set(0);

		LANES_UNROLLED
		for (unsigned i = 0; i < LIMB_CNT; i++)
			if (2 * i + 1 < k && k - 1 - i < LIMB_CNT)
				sum = lanes_mul_high(sum, a->limb[i], a->limb[k - 1 - i]);
		sum = lanes_add(sum, sum);
		if (k % 2 == 1)
			sum = lanes_mul_high(sum, a->limb[k / 2], a->limb[k / 2]);
		LANES_UNROLLED
		for (unsigned i = 0; i < LIMB_CNT; i++)
			if (2 * i < k && k - i < LIMB_CNT)
				sum = lanes_mul_low(sum, a->limb[i], a->limb[k - i]);
		sum = lanes_add(sum, sum);
		if (k % 2 == 0 && k / 2 < LIMB_CNT)
			sum = lanes_mul_low(sum, a->limb[k / 2], a->limb[k / 2]);
		column[k] = sum;
	}
	return fold(column);
}

LANES_INLINE struct number mul_tight(const struct number *a, const struct number *b)
{
	struct number r = mul(a, b);

	return carry(&r);
}

/* a24 = (486662 - 2) / 4. */
LANES_INLINE struct number mul_a24(const struct number *a)
{
	lanes a24 = lanes_set(121665), zero = lanes_set(0), high[LIMB_CNT];
	struct number r;

	LANES_UNROLLED
	for (unsigned i = 0; i < LIMB_CNT; i++) {
		high[i] = lanes_mul_high(zero, a->limb[i], a24);
		high[i] = lanes_add(high[i], high[i]);
	}
	r.limb[0] = lanes_mul_low(zero, high[LIMB_CNT - 1], lanes_set(19));
	LANES_UNROLLED
	for (unsigned i = 1; i < LIMB_CNT; i++)
		r.limb[i] = high[i - 1];
	LANES_UNROLLED
	for (unsigned i = 0; i < LIMB_CNT; i++)
		r.limb[i] = lanes_mul_low(r.limb[i], a->limb[i], a24);
	return r;
}

static struct number square_times(const struct number *a, unsigned n)
{
	struct number r = *a;

	while (n-- > 0) {
		r = square(&r);
		r = carry(&r);
	}
	return r;
}

/* a^(p - 2): the inverse, and 0 of 0. */
static struct number invert(const struct number *a)
{
	struct number a2 = square_times(a, 1);
	struct number t = square_times(&a2, 2); /* a^8 */
	struct number a9 = mul_tight(&t, a);
	struct number a11 = mul_tight(&a9, &a2);
	struct number e5, e10, e20, e50, e100; /* eN = a^(2^N - 1) */

	t = square_times(&a11, 1);
	e5 = mul_tight(&t, &a9);
	t = square_times(&e5, 5);
	e10 = mul_tight(&t, &e5);
	t = square_times(&e10, 10);
	e20 = mul_tight(&t, &e10);
	t = square_times(&e20, 20);
	t = mul_tight(&t, &e20);
	t = square_times(&t, 10);
	e50 = mul_tight(&t, &e10);
	t = square_times(&e50, 50);
	e100 = mul_tight(&t, &e50);
	t = square_times(&e100, 100);
	t = mul_tight(&t, &e100);
	t = square_times(&t, 50);
	t = mul_tight(&t, &e50);
	t = square_times(&t, 5);
	return mul_tight(&t, &a11);
}

LANES_INLINE void swap(lanes_mask m, struct number *a, struct number *b)
{
	LANES_UNROLLED
	for (unsigned i = 0; i < LIMB_CNT; i++) {
		lanes t = a->limb[i];

		a->limb[i] = lanes_choose(m, b->limb[i], t);
		b->limb[i] = lanes_choose(m, t, b->limb[i]);
	}
}

struct ladder {
	struct number x1;             /* tight */
	struct number x2, z2, x3, z3; /* loose */
};

/* RFC 7748 5, with its names: AA, BB, E, DA and CB. */
LANES_INLINE void step(struct ladder *l, lanes_mask is_swapped)
{
	struct number a, b, aa, bb, e, c, d, da, cb, t;

	swap(is_swapped, &l->x2, &l->x3);
	swap(is_swapped, &l->z2, &l->z3);
	t = add(&l->x2, &l->z2);
	a = carry(&t);
	t = sub(&l->x2, &l->z2);
	b = carry(&t);
	t = add(&l->x3, &l->z3);
	c = carry(&t);
	t = sub(&l->x3, &l->z3);
	d = carry(&t);
	da = mul(&d, &a);
	cb = mul(&c, &b);
	t = add(&da, &cb);
	t = carry(&t);
	l->x3 = square(&t);
	t = sub(&da, &cb);
	t = carry(&t);
	t = square(&t);
	t = carry(&t);
	l->z3 = mul(&l->x1, &t);
	t = square(&a);
	aa = carry(&t);
	t = square(&b);
	bb = carry(&t);
	l->x2 = mul(&aa, &bb);
	t = sub(&aa, &bb);
	e = carry(&t);
	t = mul_a24(&e);
	t = add(&aa, &t);
	t = carry(&t);
	l->z2 = mul(&e, &t);
}

/* Bit 255 is not looked at; a number from p on is one as good as any (RFC 7748 5). */
static struct number unpack(const uint64_t word[4][LANES_CNT])
{
	lanes mask = lanes_set(LIMB_MASK), w[4];
	struct number r;

	LANES_UNROLLED
	for (unsigned i = 0; i < 4; i++)
		w[i] = lanes_load(word[i]);
	r.limb[0] = lanes_and(w[0], mask);
	r.limb[1] = lanes_and(lanes_or(lanes_shr(w[0], 51), lanes_shl(w[1], 13)), mask);
	r.limb[2] = lanes_and(lanes_or(lanes_shr(w[1], 38), lanes_shl(w[2], 26)), mask);
	r.limb[3] = lanes_and(lanes_or(lanes_shr(w[2], 25), lanes_shl(w[3], 39)), mask);
	r.limb[4] = lanes_and(lanes_shr(w[3], 12), mask);
	return r;
}

/* Limbs of 51 bits each; adds n at the bottom; what leaves at the top is returned. */
static lanes ripple(struct number *a, lanes n)
{
	lanes mask = lanes_set(LIMB_MASK);

	LANES_UNROLLED
	for (unsigned i = 0; i < LIMB_CNT; i++) {
		lanes v = lanes_add(a->limb[i], n);

		a->limb[i] = lanes_and(v, mask);
		n = lanes_shr(v, LIMB_BITS);
	}
	return n;
}

/* Below p. Of a < 2p it takes p away once if a + 19 reaches 2^255. */
static void pack(uint64_t word[4][LANES_CNT], struct number a)
{
	lanes nineteen = lanes_set(19), over = ripple(&a, lanes_set(0));
	struct number t;

	over = ripple(&a, lanes_mul_low(lanes_set(0), over, nineteen));
	t = a;
	over = ripple(&t, nineteen);
	(void)ripple(&a, lanes_mul_low(lanes_set(0), over, nineteen));
	lanes_store(word[0], lanes_or(a.limb[0], lanes_shl(a.limb[1], 51)));
	lanes_store(word[1], lanes_or(lanes_shr(a.limb[1], 13), lanes_shl(a.limb[2], 38)));
	lanes_store(word[2], lanes_or(lanes_shr(a.limb[2], 26), lanes_shl(a.limb[3], 25)));
	lanes_store(word[3], lanes_or(lanes_shr(a.limb[3], 39), lanes_shl(a.limb[4], 12)));
}

void LANES_NAME(x25519_lanes)(struct x25519_lanes *x)
{
	lanes scalar[4], zero = lanes_set(0), above = zero;
	struct ladder l = {.x1 = unpack(x->u)};
	struct number t;

	/* Bits where it changes: there the two points change places (RFC 7748 5: swap ^= k_t). */
	LANES_UNROLLED
	for (unsigned i = 4; i-- > 0;) {
		lanes w = lanes_load(x->scalar[i]);

		scalar[i] = lanes_xor(w, lanes_or(lanes_shr(w, 1), lanes_shl(above, 63)));
		above = w;
	}
	LANES_UNROLLED
	for (unsigned i = 0; i < LIMB_CNT; i++)
		l.x2.limb[i] = l.z2.limb[i] = l.z3.limb[i] = zero;
	l.x2.limb[0] = l.z3.limb[0] = lanes_set(1);
	l.x3 = l.x1;
	for (unsigned bit = 255; bit-- > 0;)
		step(&l, lanes_test(scalar[bit / 64], lanes_set(UINT64_C(1) << bit % 64)));
	/* The lowest bit of a scalar is 0: they stand where they belong. */
	t = carry(&l.z2);
	t = invert(&t);
	l.x2 = carry(&l.x2);
	t = mul(&l.x2, &t);
	pack(x->u, carry(&t));
	lanes_forget();
}
