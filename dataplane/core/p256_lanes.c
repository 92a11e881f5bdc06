/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Points are Jacobian: x = X / Z^2, y = Y / Z^3; infinity has Z = 0. A scalar k is replaced by n - k
 * if that is smaller, and the result by its negative. Then the formulas of addition, which fail for
 * equal and for opposite points, are never given any, and infinity comes up only before the first
 * digit that is not zero:
 *   from the top (p256_point): 32 m P + d P with 0 <= 32 m < n / 2 + 16 and |d| <= 16. 32 m = +-d
 *   modulo n needs m = 0, for 32 m +- d is below n.
 *   from the bottom (p256_base): S + d 32^j G with |S| < 32^j, d not 0: |d 32^j| > |S|, and their
 *   sum and difference are below n up to j = 50. At j = 51, d is 0 or 1; if 1, the sum is k, which
 *   is neither 0 nor n, and the difference is k - 2^256, -n only for a k near 2^224, of which d is 0.
 */
#include "dataplane/core/p256_lanes.h"

#include "dataplane/core/p256_field.h"

/* 2^520 mod p: makes 2^260 a of a. And 2^260 and b 2^260 mod p. */
static const struct constant montgomery_square = {
	{0x300, 0xffffffff00000, 0xffffefffffffb, 0xfdfffffffffff, 0x4ffffff}};
static const struct constant montgomery_one = {
	{0x10, 0xf000000000000, 0xfffffffffffff, 0xffeffffffffff, 0xfffff}};
static const struct constant curve_b = {
	{0xdf6229c4bddfd, 0xca8843090d89c, 0x212ed6acf005c, 0x83415a220abf7, 0xc30061dd4874}};
static const struct constant order = {
	{0x9cac2fc632551, 0xada7179e84f3b, 0xfffffffbce6fa, 0xfffffffff, 0xffffffff0000}};

struct point {
	struct number x, y, z; /* tight */
};

/* ---- words and limbs ------------------------------------------------------------------------- */

static struct number unpack(const uint64_t word[4][LANES_CNT])
{
	lanes mask = lanes_set(LIMB_MASK), w[4];
	struct number r;

	for (unsigned i = 0; i < 4; i++)
		w[i] = lanes_load(word[i]);
	r.limb[0] = lanes_and(w[0], mask);
	r.limb[1] = lanes_and(lanes_or(lanes_shr(w[0], 52), lanes_shl(w[1], 12)), mask);
	r.limb[2] = lanes_and(lanes_or(lanes_shr(w[1], 40), lanes_shl(w[2], 24)), mask);
	r.limb[3] = lanes_and(lanes_or(lanes_shr(w[2], 28), lanes_shl(w[3], 36)), mask);
	r.limb[4] = lanes_shr(w[3], 16);
	return r;
}

static void pack(uint64_t word[4][LANES_CNT], const struct number *a)
{
	lanes_store(word[0], lanes_or(a->limb[0], lanes_shl(a->limb[1], 52)));
	lanes_store(word[1], lanes_or(lanes_shr(a->limb[1], 12), lanes_shl(a->limb[2], 40)));
	lanes_store(word[2], lanes_or(lanes_shr(a->limb[2], 24), lanes_shl(a->limb[3], 28)));
	lanes_store(word[3], lanes_or(lanes_shr(a->limb[3], 36), lanes_shl(a->limb[4], 16)));
}

static struct number to_montgomery(const struct number *a)
{
	struct number r2 = number_set(&montgomery_square);

	return mul(a, &r2);
}

/* Below p. */
static struct number from_montgomery(const struct number *a)
{
	static const struct constant one = {{1}};
	struct number r = number_set(&one), p = number_set(&prime), less;

	r = mul(a, &r); /* at most p, and p of 0 alone */
	less = sub(&r, &p, 0);
	less = ripple(&less);
	return choose(is_negative(&less), &r, &less);
}

/* ---- masks as lanes: all ones or zero ---------------------------------------------------------- */

/* A mask that is kept would go through other registers, where a branch could depend on it. */

LANES_INLINE lanes ones_where(lanes_mask m)
{
	return lanes_choose(m, lanes_set(UINT64_MAX), lanes_set(0));
}

LANES_INLINE lanes_mask where(lanes ones)
{
	return lanes_test(ones, ones);
}

/* ---- the scalar ------------------------------------------------------------------------------ */

struct scalar {
	struct number value; /* below n / 2 */
	lanes is_negated;
	lanes is_good; /* it was from 1 to n - 1 */
};

static struct scalar read_scalar(const uint64_t word[4][LANES_CNT])
{
	struct number k = unpack(word), n = number_set(&order), other, less;
	struct scalar s;
	lanes bad;

	other = sub(&n, &k, 0);
	other = ripple(&other);
	bad = lanes_or(ones_where(is_negative(&other)), ones_where(is_zero(&other)));
	bad = lanes_or(bad, ones_where(is_zero(&k)));
	s.is_good = lanes_xor(bad, lanes_set(UINT64_MAX));
	less = sub(&other, &k, 0);
	less = ripple(&less);
	s.is_negated = ones_where(is_negative(&less));
	s.value = choose(where(s.is_negated), &other, &k);
	return s;
}

/* Booth's: windows of six bits that overlap by one give digits from -16 to 16. */
struct digit {
	lanes size;
	lanes is_negative;
};

static struct digit digit_at(const struct scalar *s, unsigned window)
{
	unsigned bit = 5 * window, limb, at;
	lanes bits;
	struct digit d;

	if (bit == 0) {
		bits = lanes_shl(s->value.limb[0], 1);
	} else {
		limb = (bit - 1) / LIMB_BITS;
		at = (bit - 1) % LIMB_BITS;
		bits = lanes_shr(s->value.limb[limb], at);
		if (limb + 1 < P256_LIMB_CNT)
			bits = lanes_or(bits, lanes_shl(s->value.limb[limb + 1], LIMB_BITS - at));
	}
	bits = lanes_and(bits, lanes_set(63));
	d.is_negative = ones_where(lanes_test(bits, lanes_set(32)));
	bits = lanes_choose(where(d.is_negative), lanes_sub(lanes_set(63), bits), bits);
	d.size = lanes_shr(lanes_add(bits, lanes_set(1)), 1);
	return d;
}

/* ---- points ---------------------------------------------------------------------------------- */

/* a = -3: dbl-2001-b of the Explicit-Formulas Database. Infinity stays infinity. */
static struct point twice(const struct point *p)
{
	struct number gamma = square(&p->y), delta = square_loose(&p->z), alpha, beta, t, u;
	struct point r;

	t = sub(&p->x, &delta, 2);
	t = tighten(&t);
	u = add(&p->x, &delta);
	alpha = shift(&u, 1);
	u = add(&alpha, &u);
	u = tighten(&u);
	alpha = mul(&t, &u);
	beta = mul_loose(&p->x, &gamma);
	beta = shift(&beta, 2);
	t = square_loose(&alpha);
	u = shift(&beta, 1);
	t = sub(&t, &u, 16);
	r.x = tighten(&t);
	t = sub(&beta, &r.x, 2);
	t = tighten(&t);
	t = mul_loose(&alpha, &t);
	u = square_loose(&gamma);
	u = shift(&u, 3);
	t = sub(&t, &u, 16);
	r.y = tighten(&t);
	t = mul_loose(&p->y, &p->z);
	t = shift(&t, 1);
	r.z = tighten(&t);
	return r;
}

/* Of two points that are neither equal nor opposite, nor infinity. is_affine: q->z is 1, unread. */
LANES_INLINE struct point sum(const struct point *p, const struct point *q, int is_affine)
{
	struct number zz = square(&p->z), u1 = p->x, s1 = p->y, u2, s2, h, hh, hhh, v, t;
	struct point r;

	if (!is_affine) {
		t = square(&q->z);
		u1 = mul(&u1, &t);
		t = mul(&t, &q->z);
		s1 = mul(&s1, &t);
	}
	u2 = mul_loose(&q->x, &zz);
	t = mul(&zz, &p->z);
	s2 = mul_loose(&q->y, &t);
	h = sub(&u2, &u1, 2);
	h = tighten(&h);
	s2 = sub(&s2, &s1, 2);
	s2 = tighten(&s2);
	r.z = mul(&p->z, &h);
	if (!is_affine)
		r.z = mul(&r.z, &q->z);
	hh = square(&h);
	hhh = mul(&hh, &h);
	v = mul_loose(&u1, &hh);
	t = square_loose(&s2);
	t = sub(&t, &hhh, 2);
	t = sub(&t, &v, 2);
	t = sub(&t, &v, 2);
	r.x = tighten(&t);
	t = sub(&v, &r.x, 2);
	t = tighten(&t);
	t = mul_loose(&s2, &t);
	u2 = mul_loose(&s1, &hhh);
	t = sub(&t, &u2, 2);
	r.y = tighten(&t);
	return r;
}

LANES_INLINE void negate(struct number *y, lanes ones)
{
	static const struct constant zero;
	struct number t = number_set(&zero);

	t = sub(&t, y, 2);
	t = tighten(&t);
	*y = choose(where(ones), &t, y);
}

LANES_INLINE struct point choose_point(
	lanes_mask m, const struct point *yes, const struct point *no)
{
	struct point r;

	r.x = choose(m, &yes->x, &no->x);
	r.y = choose(m, &yes->y, &no->y);
	r.z = choose(m, &yes->z, &no->z);
	return r;
}

/* *acc += q, which is infinity where the digit is zero. */
struct sum_so_far {
	struct point point;
	lanes is_begun; /* it is not infinity */
};

LANES_INLINE void accumulate(
	struct sum_so_far *acc, const struct digit *d, const struct point *q, int is_affine)
{
	struct point r = sum(&acc->point, q, is_affine);

	r = choose_point(lanes_equal(acc->is_begun, lanes_set(0)), q, &r);
	acc->point = choose_point(where(d->size), &r, &acc->point);
	acc->is_begun = lanes_or(acc->is_begun, ones_where(where(d->size)));
}

/* ---- results --------------------------------------------------------------------------------- */

static struct number square_times(const struct number *a, unsigned n)
{
	struct number r = *a;

	while (n-- > 0)
		r = square(&r);
	return r;
}

/* a^(2^n) b */
static struct number chain(const struct number *a, unsigned n, const struct number *b)
{
	struct number r = square_times(a, n);

	return mul(&r, b);
}

/* a^(p - 2): the inverse, and 0 of 0. */
static struct number invert(const struct number *a)
{
	struct number e2 = chain(a, 1, a); /* eN = a^(2^N - 1) */
	struct number e3 = chain(&e2, 1, a);
	struct number e6 = chain(&e3, 3, &e3);
	struct number e12 = chain(&e6, 6, &e6);
	struct number e15 = chain(&e12, 3, &e3);
	struct number e30 = chain(&e15, 15, &e15);
	struct number e32 = chain(&e30, 2, &e2);
	struct number r = chain(&e32, 32, a);

	r = chain(&r, 128, &e32);
	r = chain(&r, 32, &e32);
	r = chain(&r, 30, &e30);
	return chain(&r, 2, a);
}

/* Where it is not good: zero. */
static void put(uint64_t word[4][LANES_CNT], const struct number *a, lanes is_good)
{
	struct number r = from_montgomery(a);

	LIMBS(i) r.limb[i] = lanes_and(r.limb[i], is_good);
	pack(word, &r);
}

/* y^2 = x^3 - 3 x + b */
static lanes_mask is_on_curve(const struct number *x, const struct number *y)
{
	struct number b = number_set(&curve_b), t = square(x), u = square_loose(y);

	t = mul_loose(&t, x);
	t = sub(&t, &u, 2);
	t = add(&t, &b);
	for (unsigned i = 0; i < 3; i++)
		t = sub(&t, x, 2);
	t = tighten(&t);
	t = from_montgomery(&t);
	return is_zero(&t);
}

static lanes is_below_p(const struct number *a)
{
	struct number p = number_set(&prime), t = sub(a, &p, 0);

	t = ripple(&t);
	return ones_where(is_negative(&t));
}

/* ---- what is called -------------------------------------------------------------------------- */

/* Reads them all, whichever it wants. */
static struct point choose_multiple(
	const struct p256_table *t, unsigned window, const struct digit *d)
{
	struct point r = {.z = number_set(&montgomery_one)};

	LIMBS(i) r.x.limb[i] = r.y.limb[i] = lanes_set(0);
	for (unsigned n = 0; n < P256_DIGIT_MAX; n++) {
		lanes_mask m = lanes_equal(d->size, lanes_set(n + 1));
		const uint64_t(*xy)[P256_LIMB_CNT] = t->multiple[window][n];

		LIMBS(i)
		{
			r.x.limb[i] = lanes_choose(m, lanes_set(xy[0][i]), r.x.limb[i]);
			r.y.limb[i] = lanes_choose(m, lanes_set(xy[1][i]), r.y.limb[i]);
		}
	}
	negate(&r.y, d->is_negative);
	return r;
}

void LANES_NAME(p256_base)(struct p256_lanes *l, const struct p256_table *t)
{
	struct scalar s = read_scalar(l->scalar);
	struct sum_so_far acc = {.is_begun = lanes_set(0)};
	struct number z, zz;

	LIMBS(i) acc.point.x.limb[i] = acc.point.y.limb[i] = acc.point.z.limb[i] = lanes_set(0);
	for (unsigned window = 0; window < P256_WINDOW_CNT; window++) {
		struct digit d = digit_at(&s, window);
		struct point q = choose_multiple(t, window, &d);

		accumulate(&acc, &d, &q, 1);
	}
	z = invert(&acc.point.z);
	zz = square(&z);
	z = mul(&z, &zz);
	acc.point.x = mul(&acc.point.x, &zz);
	acc.point.y = mul(&acc.point.y, &z);
	negate(&acc.point.y, s.is_negated);
	put(l->x, &acc.point.x, s.is_good);
	put(l->y, &acc.point.y, s.is_good);
	lanes_store(l->is_good, s.is_good);
	lanes_forget();
}

/* All of them, too; multiples of the peer's point are no secret, which of them is. */
static struct point choose_of(const struct point multiple[P256_DIGIT_MAX], const struct digit *d)
{
	struct point r = multiple[0];

	for (unsigned n = 1; n < P256_DIGIT_MAX; n++) {
		lanes_mask m = lanes_equal(d->size, lanes_set(n + 1));

		r = choose_point(m, &multiple[n], &r);
	}
	negate(&r.y, d->is_negative);
	return r;
}

static void make_multiples(struct point multiple[P256_DIGIT_MAX])
{
	for (unsigned n = 2; n <= P256_DIGIT_MAX; n++)
		multiple[n - 1] = n % 2 == 0 ? twice(&multiple[n / 2 - 1])
					     : sum(&multiple[n - 2], &multiple[0], 1);
}

void LANES_NAME(p256_point)(struct p256_lanes *l)
{
	struct scalar s = read_scalar(l->scalar);
	struct sum_so_far acc = {.is_begun = lanes_set(0)};
	struct point multiple[P256_DIGIT_MAX];
	struct number x = unpack(l->x), y = unpack(l->y), zz;
	lanes is_good = lanes_and(s.is_good, lanes_and(is_below_p(&x), is_below_p(&y)));

	x = to_montgomery(&x);
	y = to_montgomery(&y);
	is_good = lanes_and(is_good, ones_where(is_on_curve(&x, &y)));
	multiple[0] = (struct point){x, y, number_set(&montgomery_one)};
	make_multiples(multiple);
	LIMBS(i) acc.point.x.limb[i] = acc.point.y.limb[i] = acc.point.z.limb[i] = lanes_set(0);
	for (unsigned window = P256_WINDOW_CNT; window-- > 0;) {
		struct digit d = digit_at(&s, window);
		struct point q = choose_of(multiple, &d);

		for (unsigned i = 0; i < 5; i++)
			acc.point = twice(&acc.point);
		accumulate(&acc, &d, &q, 0);
	}
	zz = invert(&acc.point.z);
	zz = square(&zz);
	x = mul(&acc.point.x, &zz);
	put(l->x, &x, is_good);
	LIMBS(i) y.limb[i] = lanes_set(0);
	pack(l->y, &y);
	lanes_store(l->is_good, is_good);
	lanes_forget();
}
