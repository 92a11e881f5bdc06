/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Points are Jacobian: x = X / Z^2, y = Y / Z^3; infinity has Z = 0. A scalar k is replaced by n - k
 * if that is smaller, and the result by its negative. Then the formulas of addition, which fail for
 * equal and for opposite points, are never given any, and infinity comes up only before the first
 * digit that is not zero:
 *   from the top (agree): 32 m P + d P with 0 <= 32 m < n / 2 + 16 and |d| <= 16. 32 m = +-d
 *   modulo n needs m = 0, for 32 m +- d is below n.
 *   from the bottom (make_share, of P-384): S + d 32^j G with |S| < 32^j, d not 0: |d 32^j| > |S|. Their
 *   sum and difference are below n, up to j = 75 because 17 32^75 is; at j = 76 d is 0 to 8, the sum is
 *   k, and the difference is at most k + 2 |S|.
 * Multiples of a share, for the table: 2 m P, or m P + P with m from 2 to 15.
 */
#include "dataplane/core/single.h"

#include <immintrin.h>
#include <pthread.h>
#include <string.h>

#include "dataplane/core/points_adx.h"

#define WINDOW_BITS  5
#define UNCOMPRESSED 4 /* the first byte of a share */

typedef unsigned __int128 wide;
typedef uint64_t vector __attribute__((vector_size(32), may_alias));
#define POINT_VECTOR_CNT (sizeof(struct single_point) / sizeof(vector))

/* Numbers modulo p are kept times 2^(64 word_cnt) (Montgomery); points_adx.h says more. */
struct single_curve {
	unsigned word_cnt;
	void (*mul)(uint64_t *r, const uint64_t *a, const uint64_t *b);
	void (*sub)(uint64_t *r, const uint64_t *a, const uint64_t *b);
	void (*square)(uint64_t *r, unsigned cnt);
	void (*twice)(uint64_t *p, unsigned cnt);
	void (*sum)(uint64_t *p, const uint64_t *q);
	void (*sum_affine)(uint64_t *p, const uint64_t *q); /* Z of q is 1, unread */
	uint64_t prime[SINGLE_WORD_MAX], order[SINGLE_WORD_MAX];
	/* Montgomery numbers: 1, the factor that makes one, the curve's 3 and b, the base point */
	uint64_t one[SINGLE_WORD_MAX], factor[SINGLE_WORD_MAX], three[SINGLE_WORD_MAX];
	uint64_t b[SINGLE_WORD_MAX], base[2][SINGLE_WORD_MAX];
};

#define FUNCTIONS(curve)                                                              \
	.mul = curve##_mul_adx, .sub = curve##_sub_adx, .square = curve##_square_adx, \
	.twice = curve##_double_adx, .sum = curve##_sum_adx, .sum_affine = curve##_sum_affine_adx

static const struct single_curve p256 = {
	.word_cnt = 4,
	FUNCTIONS(p256),
	.prime = {UINT64_MAX, 0xffffffff, 0, 0xffffffff00000001},
	.order = {0xf3b9cac2fc632551, 0xbce6faada7179e84, UINT64_MAX, 0xffffffff00000000},
	.one = {1, 0xffffffff00000000, UINT64_MAX, 0xfffffffe},
	.factor = {3, 0xfffffffbffffffff, 0xfffffffffffffffe, 0x4fffffffd},
	.three = {3, 0xfffffffd00000000, UINT64_MAX, 0x2fffffffc},
	.b = {0xd89cdf6229c4bddf, 0xacf005cd78843090, 0xe5a220abf7212ed6, 0xdc30061d04874834},
};

static const struct single_curve p384 = {
	.word_cnt = 6,
	FUNCTIONS(p384),
	.prime = {0xffffffff, 0xffffffff00000000, 0xfffffffffffffffe, UINT64_MAX, UINT64_MAX,
		UINT64_MAX},
	.order = {0xecec196accc52973, 0x581a0db248b0a77a, 0xc7634d81f4372ddf, UINT64_MAX,
		UINT64_MAX, UINT64_MAX},
	.one = {0xffffffff00000001, 0xffffffff, 1},
	.factor = {0xfffffffe00000001, 0x200000000, 0xfffffffe00000000, 0x200000000, 1},
	.three = {0xfffffffd00000003, 0x2ffffffff, 3},
	.b = {0x081188719d412dcc, 0xf729add87a4c32ec, 0x77f2209b1920022e, 0xe3374bee94938ae2,
		0xb62b21f41f022094, 0xcd08114b604fbff9},
	.base = {{0x3dd0756649c0b528, 0x20e378e2a0d6ce38, 0x879c3afc541b4d6e, 0x6454868459a30eff,
			 0x812ff723614ede2b, 0x4d3aadc2299e1513},
		{0x23043dad4b03a4fe, 0xa1bfa8bf7bb4a9ac, 0x8bade7562e83b050, 0xc6c3521968f4ffd9,
			0xdd8002263969a840, 0x2b78abc25a15c5e9}},
};

/* ---- words ----------------------------------------------------------------------------------- */

static void read_bytes(const struct single_curve *c, uint64_t *r, const uint8_t *bytes)
{
	for (unsigned i = 0; i < c->word_cnt; i++) {
		memcpy(&r[i], bytes + 8 * (c->word_cnt - 1 - i), 8);
		r[i] = __builtin_bswap64(r[i]);
	}
}

static void write_bytes(const struct single_curve *c, uint8_t *bytes, const uint64_t *a)
{
	for (unsigned i = 0; i < c->word_cnt; i++) {
		uint64_t word = __builtin_bswap64(a[i]);

		memcpy(bytes + 8 * (c->word_cnt - 1 - i), &word, 8);
	}
}

/* r = a - b; all ones where that is negative, else zero. */
static uint64_t subtract(
	const struct single_curve *c, uint64_t *r, const uint64_t *a, const uint64_t *b)
{
	uint64_t over = 0;

	for (unsigned i = 0; i < c->word_cnt; i++) {
		wide v = (wide)a[i] - b[i] - over;

		r[i] = (uint64_t)v;
		over = (uint64_t)(v >> 64) & 1;
	}
	return 0 - over;
}

/* The compiler is not to find out that a mask has but two values, and to branch on it. */
static uint64_t hide(uint64_t mask)
{
	__asm__("" : "+r"(mask));
	return mask;
}

/* One by one, as they were written: as vectors they would have to be waited for. */
static void copy(const struct single_curve *c, uint64_t *to, const uint64_t *from, unsigned cnt)
{
	for (unsigned i = 0; i < cnt * c->word_cnt; i++) {
		uint64_t word = from[i];

		__asm__("" : "+r"(word));
		to[i] = word;
	}
}

static void choose(uint64_t *r, unsigned cnt, uint64_t mask, const uint64_t *yes)
{
	mask = hide(mask);
	for (unsigned i = 0; i < cnt; i++)
		r[i] ^= (r[i] ^ yes[i]) & mask;
}

/* All ones for zero, else zero. */
static uint64_t is_zero(uint64_t v)
{
	return ((v | (0 - v)) >> 63) - 1;
}

static uint64_t any_of(const struct single_curve *c, const uint64_t *a)
{
	uint64_t any = 0;

	for (unsigned i = 0; i < c->word_cnt; i++)
		any |= a[i];
	return any;
}

/* ---- the scalar ------------------------------------------------------------------------------ */

/* Zero if it is not from 1 to n - 1: the result is thrown away then, but computed. */
static uint64_t read_scalar(
	const struct single_curve *c, struct single_work *w, const uint8_t *secret)
{
	uint64_t bad;

	read_bytes(c, w->scalar, secret);
	bad = subtract(c, w->other, c->order, w->scalar);
	bad |= is_zero(any_of(c, w->other)) | is_zero(any_of(c, w->scalar));
	w->is_negated = subtract(c, w->spare, w->other, w->scalar);
	choose(w->scalar, c->word_cnt, w->is_negated, w->other);
	return ~bad;
}

/* Booth's: windows of six bits that overlap by one give digits from -16 to 16. */
struct digit {
	uint64_t size;
	uint64_t is_negative;
};

static unsigned window_cnt(const struct single_curve *c)
{
	return 64 * c->word_cnt / WINDOW_BITS + 1;
}

static struct digit digit_at(
	const struct single_curve *c, const struct single_work *w, unsigned window)
{
	unsigned bit = WINDOW_BITS * window - 1, at = bit / 64;
	struct digit d;
	uint64_t bits;

	if (window == 0) {
		bits = w->scalar[0] << 1;
	} else {
		bits = w->scalar[at] >> bit % 64;
		if (bit % 64 != 0 && at + 1 < c->word_cnt)
			bits |= w->scalar[at + 1] << (64 - bit % 64);
	}
	bits &= 63;
	d.is_negative = 0 - (bits >> 5);
	bits ^= hide(d.is_negative) & 63;
	d.size = (bits + 1) >> 1;
	return d;
}

/* ---- points ---------------------------------------------------------------------------------- */

/* Where the mask is set. */
static void negate(const struct single_curve *c, uint64_t *y, uint64_t mask)
{
	uint64_t other[SINGLE_WORD_MAX] = {0};

	c->sub(other, other, y);
	choose(y, c->word_cnt, mask, other);
}

/* Z of a point, and with it Z^2, is 1. */
static void set_affine(const struct single_curve *c, uint64_t *point)
{
	copy(c, point + 2 * c->word_cnt, c->one, 1);
	copy(c, point + 3 * c->word_cnt, c->one, 1);
}

/* Reads all the multiples. cnt: vectors of each; a constant, for the sum is to stay in registers. */
static inline __attribute__((always_inline)) void pick(
	vector *sum, const vector *multiple, size_t stride, size_t cnt, uint64_t size)
{
	vector wanted = {size, size, size, size}, n = {0};

	for (unsigned i = 0; i < SINGLE_DIGIT_MAX; i++, multiple += stride) {
		vector mask = (vector)(wanted == (n += 1));

#pragma GCC unroll 5
		for (size_t j = 0; j < cnt; j++)
			sum[j] |= multiple[j] & mask;
	}
}

/* alone = d times what multiple begins with; of 0, nothing but zeros. cnt: vectors of each. */
static void choose_multiple(const struct single_curve *c, struct single_work *w,
	const vector *multiple, size_t stride, size_t cnt, const struct digit *d)
{
	vector sum[POINT_VECTOR_CNT] = {0};

	if (cnt == 3)
		pick(sum, multiple, stride, 3, d->size);
	else if (cnt == 4)
		pick(sum, multiple, stride, 4, d->size);
	else
		pick(sum, multiple, stride, 6, d->size);
	memcpy(&w->alone, sum, sizeof(w->alone));
	negate(c, w->alone.word + c->word_cnt, d->is_negative);
}

/* sum += alone, which is added, where the digit is not zero. */
static void accumulate(const struct single_curve *c, struct single_work *w, const struct digit *d,
	const uint64_t *added)
{
	uint64_t is_digit = hide(~is_zero(d->size)), is_begun = hide(w->is_begun);
	uint64_t *sum = w->sum.word, *alone = w->alone.word;

	for (unsigned i = 0; i < 4 * c->word_cnt; i++) {
		uint64_t next = alone[i] ^ ((alone[i] ^ added[i]) & is_begun);

		sum[i] ^= (sum[i] ^ next) & is_digit;
	}
	w->is_begun |= is_digit;
}

/* r to the power 2^(2^i), and times r: power[i] is a to the power 2^(2^i) - 1. */
static void make_powers(const struct single_curve *c, struct single_work *w, const uint64_t *a)
{
	memcpy(w->power[0], a, 8 * c->word_cnt);
	for (unsigned i = 1; i < 6; i++) {
		memcpy(w->power[i], w->power[i - 1], 8 * c->word_cnt);
		c->square(w->power[i], 1u << (i - 1));
		c->mul(w->power[i], w->power[i], w->power[i - 1]);
	}
}

static unsigned ones_from(const uint64_t *e, unsigned bit)
{
	unsigned cnt = 0;

	while (cnt <= bit && cnt < 32 && (e[(bit - cnt) / 64] >> (bit - cnt) % 64 & 1) != 0)
		cnt++;
	return cnt;
}

/* r = 1 / a: a to the power p - 2 (Fermat), which is made of long runs of ones. 0 of 0. */
static void invert(
	const struct single_curve *c, struct single_work *w, uint64_t *r, const uint64_t *a)
{
	uint64_t e[SINGLE_WORD_MAX];
	unsigned step;

	memcpy(e, c->prime, sizeof(e));
	e[0] -= 2;
	make_powers(c, w, a);
	memcpy(r, w->power[5], 8 * c->word_cnt); /* the first 32 bits */
	for (unsigned left = 64 * c->word_cnt - 32; left > 0; left -= step) {
		unsigned cnt = ones_from(e, left - 1);
		unsigned i = cnt > 0 ? 31 - (unsigned)__builtin_clz(cnt) : 0;

		step = 1u << i;
		c->square(r, step);
		if (cnt > 0)
			c->mul(r, r, w->power[i]);
	}
}

/* a is no Montgomery number then, and below p. */
static void put(const struct single_curve *c, uint8_t *bytes, uint64_t *a)
{
	static const uint64_t one[SINGLE_WORD_MAX] = {1};

	c->mul(a, a, one);
	write_bytes(c, bytes, a);
}

/* ---- agreement ------------------------------------------------------------------------------- */

/* y^2 - x (x^2 - 3) = b */
static bool is_on_curve(
	const struct single_curve *c, struct single_work *w, const uint64_t *x, const uint64_t *y)
{
	uint64_t *t = w->spare, *u = w->other;

	c->mul(t, x, x);
	c->sub(t, t, c->three);
	c->mul(t, t, x);
	c->mul(u, y, y);
	c->sub(t, u, t);
	return memcmp(t, c->b, 8 * c->word_cnt) == 0;
}

static bool read_share(
	const struct single_curve *c, struct single_work *w, const uint8_t *share, uint64_t *point)
{
	uint64_t *x = point, *y = point + c->word_cnt;

	read_bytes(c, x, share + 1);
	read_bytes(c, y, share + 1 + 8 * c->word_cnt);
	if (share[0] != UNCOMPRESSED || subtract(c, w->spare, x, c->prime) == 0 ||
		subtract(c, w->spare, y, c->prime) == 0)
		return false;
	c->mul(x, x, c->factor);
	c->mul(y, y, c->factor);
	set_affine(c, point);
	return is_on_curve(c, w, x, y);
}

/* Of multiple[0], the others; its Z is 1. */
static void make_multiples(const struct single_curve *c, struct single_point *multiple)
{
	for (unsigned n = 2; n <= SINGLE_DIGIT_MAX; n++) {
		struct single_point *p = &multiple[n - 1];

		if (n % 2 == 0) {
			*p = multiple[n / 2 - 1];
			c->twice(p->word, 1);
		} else {
			*p = multiple[n - 2];
			c->sum_affine(p->word, multiple[0].word);
		}
	}
}

static void start(struct single_work *w)
{
	memset(&w->sum, 0, sizeof(w->sum));
	w->is_begun = 0;
}

static bool agree(const struct single_curve *c, struct single_work *w, const uint8_t *secret,
	const uint8_t *share, uint8_t *shared)
{
	uint64_t *z = w->sum.word + 2 * c->word_cnt, is_good;

	memset(w->multiple[0].word, 0, sizeof(w->multiple[0].word));
	if (!read_share(c, w, share, w->multiple[0].word))
		return false;
	is_good = read_scalar(c, w, secret);
	make_multiples(c, w->multiple);
	start(w);
	for (unsigned window = window_cnt(c); window-- > 0;) {
		struct digit d = digit_at(c, w, window);

		choose_multiple(
			c, w, (const vector *)w->multiple, POINT_VECTOR_CNT, c->word_cnt, &d);
		c->twice(w->sum.word, WINDOW_BITS);
		copy(c, w->added.word, w->alone.word, 4);
		c->sum(w->added.word, w->sum.word);
		accumulate(c, w, &d, w->added.word);
	}
	invert(c, w, w->other, z);
	c->square(w->other, 1);
	c->mul(w->other, w->other, w->sum.word);
	put(c, shared, w->other);
	_mm256_zeroall(); /* registers keep what was computed until somebody else needs them */
	return is_good != 0;
}

/* x and y of a point. power[0] is 1 / Z then. */
static void make_affine(const struct single_curve *c, struct single_work *w, uint64_t *x,
	uint64_t *y, const uint64_t *point)
{
	uint64_t *zz = w->other;

	invert(c, w, w->spare, point + 2 * c->word_cnt);
	c->mul(zz, w->spare, w->spare);
	c->mul(x, zz, point);
	c->mul(zz, zz, w->spare);
	c->mul(y, zz, point + c->word_cnt);
}

/* ---- multiples of the base point ------------------------------------------------------------- */

/* multiple[j][d - 1] = d 32^j G: X and Y of P-384, Z is 1. */
#define TABLE_WINDOW_CNT 77
struct single_table {
	uint64_t multiple[TABLE_WINDOW_CNT][SINGLE_DIGIT_MAX][2 * SINGLE_WORD_MAX];
} __attribute__((aligned(32)));

static struct single_table p384_table;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void fill_table(void)
{
	const struct single_curve *c = &p384;
	static struct single_work w;
	uint64_t *first = w.multiple[0].word;

	memcpy(first, c->base, sizeof(c->base));
	set_affine(c, first);
	for (unsigned j = 0; j < TABLE_WINDOW_CNT; j++) {
		make_multiples(c, w.multiple);
		for (unsigned i = 0; i < SINGLE_DIGIT_MAX; i++) {
			uint64_t *x = p384_table.multiple[j][i];

			make_affine(c, &w, x, x + c->word_cnt, w.multiple[i].word);
		}
		w.sum = w.multiple[SINGLE_DIGIT_MAX - 1];
		c->twice(w.sum.word, 1);
		make_affine(c, &w, first, first + c->word_cnt, w.sum.word);
	}
}

static const struct single_table *get_p384_table(void)
{
	return pthread_once(&once, fill_table) == 0 ? &p384_table : NULL;
}

static bool make_share(const struct single_curve *c, const struct single_table *t,
	struct single_work *w, const uint8_t *secret, uint8_t *share)
{
	uint64_t *x = w->sum.word, *y = x + c->word_cnt;
	uint64_t is_good = read_scalar(c, w, secret);

	start(w);
	for (unsigned window = 0; window < window_cnt(c); window++) {
		struct digit d = digit_at(c, w, window);

		choose_multiple(c, w, (const vector *)t->multiple[window], 3, 3, &d);
		set_affine(c, w->alone.word);
		copy(c, w->added.word, w->sum.word, 4);
		c->sum_affine(w->added.word, w->alone.word);
		accumulate(c, w, &d, w->added.word);
	}
	make_affine(c, w, x, y, w->sum.word);
	negate(c, y, w->is_negated);
	share[0] = UNCOMPRESSED;
	put(c, share + 1, x);
	put(c, share + 1 + 8 * c->word_cnt, y);
	_mm256_zeroall();
	return is_good != 0;
}

const struct single_code single_adx = {
	.p256 = &p256,
	.p384 = &p384,
	.p384_table = get_p384_table,
	.agree = agree,
	.share = make_share,
	.x25519 = x25519_adx,
};
