/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The numbers below single agreements, beside libcrypto's: words that are all ones or zero, numbers next
 * to 0, to p and to 2^(64 words), and sums and products that come out there, which points of a curve do
 * not in a lifetime. Points are any three numbers: the formulas do not ask for the curve. [ROUNDS [SEED]]
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include <openssl/bn.h>

#include "dataplane/core/kex.h"
#include "dataplane/core/points_adx.h"
#include "dataplane/core/x25519_adx.h"

#define SKIPPED   77
#define ROUND_CNT 20000
#define WORD_MAX  6

static uint64_t seed;
static unsigned long round_cnt = ROUND_CNT;
static BN_CTX *bn;

#define FUNCTIONS(curve)                                                                           \
	curve##_mul_adx, curve##_sub_adx, curve##_square_adx, curve##_double_adx, curve##_sum_adx, \
		curve##_sum_affine_adx

static const struct field {
	unsigned word_cnt;
	const char *prime;
	void (*mul)(uint64_t *r, const uint64_t *a, const uint64_t *b);
	void (*sub)(uint64_t *r, const uint64_t *a, const uint64_t *b);
	void (*square)(uint64_t *r, unsigned cnt);
	void (*twice)(uint64_t *p, unsigned cnt);
	void (*sum)(uint64_t *p, const uint64_t *q);
	void (*sum_affine)(uint64_t *p, const uint64_t *q);
} fields[] = {
	{4, "ffffffff00000001000000000000000000000000ffffffffffffffffffffffff", FUNCTIONS(p256)},
	{6,
		"fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffe"
		"ffffffff0000000000000000ffffffff",
		FUNCTIONS(p384)},
};
static const struct field *f;
static BIGNUM *prime, *unit, *per_unit, *one; /* p, 2^(64 words), 1 divided by that, and modulo p */

/* Splitmix64: a run can be repeated. */
static uint64_t next(void)
{
	uint64_t z = seed += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

static BIGNUM *big(const uint64_t *a)
{
	BIGNUM *v = BN_lebin2bn((const uint8_t *)a, (int)(8 * f->word_cnt), NULL);

	assert_non_null(v);
	return v;
}

static void put(uint64_t *r, const BIGNUM *v)
{
	assert_int_equal(
		BN_bn2lebinpad(v, (uint8_t *)r, (int)(8 * f->word_cnt)), (int)(8 * f->word_cnt));
}

static void fill_any(uint64_t *r)
{
	for (unsigned i = 0; i < f->word_cnt; i++) {
		unsigned kind = (unsigned)(next() % 6);

		r[i] = kind < 2 ? 0 - (uint64_t)kind : next();
		if (kind == 2)
			r[i] = next() % 2 == 0 ? next() % 3 : 0 - next() % 3;
		if (kind == 3)
			r[i] = r[i] << 32 | (next() % 2 == 0 ? 0 : 0xffffffff);
	}
}

/* Below p; next to its ends once in four. */
static void fill(uint64_t *r)
{
	BIGNUM *v;

	fill_any(r);
	v = big(r);
	assert_int_equal(BN_nnmod(v, v, prime, bn), 1);
	if (next() % 4 == 0) {
		assert_int_equal(BN_set_word(v, 1 + next() % 4), 1);
		assert_int_equal(next() % 2 == 0 ? BN_sub_word(v, 1) : BN_sub(v, prime, v), 1);
	}
	put(r, v);
	BN_free(v);
}

/* ---- the same by libcrypto ------------------------------------------------------------------- */

typedef uint64_t number[WORD_MAX];

typedef int operation(
	BIGNUM *r, const BIGNUM *a, const BIGNUM *b, const BIGNUM *prime, BN_CTX *scratch);

static void expect(operation *op, uint64_t *r, const uint64_t *a, const uint64_t *b)
{
	BIGNUM *x = big(a), *y = big(b);

	assert_int_equal(op(x, x, y, prime, bn), 1);
	put(r, x);
	BN_free(x);
	BN_free(y);
}

static void expect_mul(uint64_t *r, const uint64_t *a, const uint64_t *b)
{
	number t;

	put(t, per_unit);
	expect(BN_mod_mul, r, a, b);
	expect(BN_mod_mul, r, r, t);
}

static void expect_sub(uint64_t *r, const uint64_t *a, const uint64_t *b)
{
	expect(BN_mod_sub, r, a, b);
}

static void expect_add(uint64_t *r, const uint64_t *a, const uint64_t *b)
{
	expect(BN_mod_add, r, a, b);
}

/* b with a b = r in the sense of mul; a is not 0. */
static void expect_quotient(uint64_t *b, const uint64_t *r, const uint64_t *a)
{
	BIGNUM *x = big(a), *y = big(r);

	assert_non_null(BN_mod_inverse(x, x, prime, bn));
	assert_int_equal(BN_mod_mul(x, x, y, prime, bn), 1);
	assert_int_equal(BN_mod_mul(x, x, unit, prime, bn), 1);
	put(b, x);
	BN_free(x);
	BN_free(y);
}

static void expect_half(uint64_t *r, const uint64_t *a)
{
	BIGNUM *x = big(a);

	if (BN_is_odd(x))
		assert_int_equal(BN_add(x, x, prime), 1);
	assert_int_equal(BN_rshift1(x, x), 1);
	put(r, x);
	BN_free(x);
}

static bool is_same(const uint64_t *a, const uint64_t *b)
{
	return memcmp(a, b, 8 * f->word_cnt) == 0;
}

/* ---- numbers --------------------------------------------------------------------------------- */

static void products_agree(void **state)
{
	number a, b, wanted, got;

	(void)state;
	for (unsigned long n = 0; n < round_cnt; n++) {
		fill_any(a);
		fill(b);
		expect_mul(wanted, a, b);
		f->mul(got, a, b);
		assert_true(is_same(got, wanted));
		f->mul(got, b, a);
		assert_true(is_same(got, wanted));
		expect_mul(wanted, b, b);
		f->square(b, 1);
		assert_true(is_same(b, wanted));
	}
}

/* Before the last subtraction a product may be next to p, or above: half of these are. */
static void products_next_to_p_agree(void **state)
{
	number a, b, wanted, got;

	(void)state;
	for (unsigned long n = 0; n < round_cnt; n++) {
		do
			fill(a);
		while (a[0] == 0);
		fill(wanted);
		expect_quotient(b, wanted, a);
		f->mul(got, a, b);
		assert_true(is_same(got, wanted));
	}
}

static void differences_agree(void **state)
{
	number a, b, wanted, got;

	(void)state;
	for (unsigned long n = 0; n < round_cnt; n++) {
		fill(a);
		fill(b);
		if (next() % 4 == 0)
			memcpy(b, a, sizeof(b));
		expect_sub(wanted, a, b);
		f->sub(got, a, b);
		assert_true(is_same(got, wanted));
	}
}

/* ---- points ---------------------------------------------------------------------------------- */

struct triple {
	number x, y, z;
};

static void pack(uint64_t *words, const struct triple *t)
{
	memcpy(words, t->x, 8 * f->word_cnt);
	memcpy(words + f->word_cnt, t->y, 8 * f->word_cnt);
	memcpy(words + 2 * f->word_cnt, t->z, 8 * f->word_cnt);
	expect_mul(words + 3 * f->word_cnt, t->z, t->z);
}

static void check(const uint64_t *words, const struct triple *wanted)
{
	number zz;

	assert_true(is_same(words, wanted->x));
	assert_true(is_same(words + f->word_cnt, wanted->y));
	assert_true(is_same(words + 2 * f->word_cnt, wanted->z));
	expect_mul(zz, wanted->z, wanted->z);
	assert_true(is_same(words + 3 * f->word_cnt, zz));
}

static void expect_twice(struct triple *r, const struct triple *p)
{
	number delta, gamma, alpha, beta, t;

	expect_mul(delta, p->z, p->z);
	expect_mul(gamma, p->y, p->y);
	expect_mul(beta, p->x, gamma);
	expect_add(t, p->x, delta);
	expect_sub(delta, p->x, delta);
	expect_half(alpha, t);
	expect_add(t, t, alpha);
	expect_mul(alpha, t, delta);
	expect_mul(r->z, p->y, p->z);
	expect_mul(t, alpha, alpha);
	expect_sub(t, t, beta);
	expect_sub(r->x, t, beta);
	expect_sub(beta, beta, r->x);
	expect_mul(alpha, alpha, beta);
	expect_mul(gamma, gamma, gamma);
	expect_sub(r->y, alpha, gamma);
}

/* Sums of X and Z^2 that are next to 0 and to p. */
static void doublings_agree(void **state)
{
	struct triple p, wanted;
	uint64_t words[4 * WORD_MAX];
	number t, zz;

	(void)state;
	for (unsigned long n = 0; n < round_cnt / 4; n++) {
		fill(p.x);
		fill(p.y);
		fill(p.z);
		if (n % 2 == 0) {
			fill(t);
			expect_mul(zz, p.z, p.z);
			expect_sub(p.x, t, zz);
		}
		pack(words, &p);
		f->twice(words, 1);
		expect_twice(&wanted, &p);
		check(words, &wanted);
		f->twice(words, 2);
		expect_twice(&p, &wanted);
		expect_twice(&wanted, &p);
		check(words, &wanted);
	}
}

static void expect_sum(struct triple *r, const struct triple *p, const struct triple *q)
{
	number zz, u1, u2, s1, s2, t, h, hh, hhh;

	expect_mul(zz, q->z, q->z);
	expect_mul(u1, p->x, zz);
	expect_mul(s1, p->y, zz);
	expect_mul(s1, s1, q->z);
	expect_mul(zz, p->z, p->z);
	expect_mul(u2, q->x, zz);
	expect_mul(s2, q->y, zz);
	expect_mul(s2, s2, p->z);
	expect_sub(h, u2, u1);
	expect_sub(s2, s2, s1);
	expect_mul(t, p->z, q->z);
	expect_mul(r->z, t, h);
	expect_mul(hh, h, h);
	expect_mul(hhh, hh, h);
	expect_mul(u1, u1, hh);
	expect_mul(t, s2, s2);
	expect_sub(t, t, hhh);
	expect_sub(t, t, u1);
	expect_sub(r->x, t, u1);
	expect_sub(t, u1, r->x);
	expect_mul(t, t, s2);
	expect_mul(u1, s1, hhh);
	expect_sub(r->y, t, u1);
}

static void sums_agree(void **state)
{
	struct triple p, q, wanted;
	uint64_t words[4 * WORD_MAX], others[4 * WORD_MAX];

	(void)state;
	for (unsigned long n = 0; n < round_cnt / 4; n++) {
		fill(p.x);
		fill(p.y);
		fill(p.z);
		fill(q.x);
		fill(q.y);
		fill(q.z);
		pack(words, &p);
		pack(others, &q);
		f->sum(words, others);
		expect_sum(&wanted, &p, &q);
		check(words, &wanted);
		pack(words, &p);
		f->sum_affine(words, others); /* of a Z that it does not read */
		put(q.z, one);
		expect_sum(&wanted, &p, &q);
		check(words, &wanted);
	}
}

/* ---- X25519: numbers need not be below p, unit is 1 ------------------------------------------- */

static void fill_near_ends(uint64_t *r)
{
	fill_any(r);
	if (next() % 3 == 0) { /* 2^256 - 1 and down, p and 2 p among them; or up from 0 and p */
		memset(r, next() % 2 == 0 ? 0xff : 0, 32);
		r[3] ^= next() % 2 << 63;
		r[0] = next() % 2 == 0 ? next() % 80 : 0 - next() % 80;
	}
}

static void check_low(uint64_t *got, const uint64_t *wanted)
{
	static const number zero;

	expect_sub(got, got, zero);
	assert_true(is_same(got, wanted));
}

static void x25519_products_agree(void **state)
{
	number a, b, wanted, got;

	(void)state;
	for (unsigned long n = 0; n < round_cnt; n++) {
		fill_near_ends(a);
		fill_near_ends(b);
		expect_mul(wanted, a, b);
		x25519_mul_adx(got, a, b);
		check_low(got, wanted);
		expect_mul(wanted, a, a);
		x25519_square_adx(a, 1);
		check_low(a, wanted);
	}
}

/* RFC 7748 5, with its names. */
static void expect_step(uint64_t wanted[4][WORD_MAX], const uint64_t l[5][4], unsigned swap)
{
	const uint64_t *x2 = l[2 * swap], *z2 = l[2 * swap + 1];
	const uint64_t *x3 = l[2 - 2 * swap], *z3 = l[3 - 2 * swap];
	static const uint64_t a24[4] = {121665};
	number a, aa, b, bb, e, da, cb, t;

	expect_add(a, x2, z2);
	expect_sub(b, x2, z2);
	expect_add(t, x3, z3);
	expect_mul(cb, t, b);
	expect_sub(t, x3, z3);
	expect_mul(da, t, a);
	expect_mul(aa, a, a);
	expect_mul(bb, b, b);
	expect_sub(e, aa, bb);
	expect_add(t, da, cb);
	expect_mul(wanted[2], t, t);
	expect_sub(t, da, cb);
	expect_mul(t, t, t);
	expect_mul(wanted[3], t, l[4]);
	expect_mul(wanted[0], aa, bb);
	expect_mul(t, e, a24);
	expect_add(t, aa, t);
	expect_mul(wanted[1], e, t);
}

static void x25519_steps_agree(void **state)
{
	uint64_t ladder[5][4], wanted[4][WORD_MAX];
	unsigned swap;

	(void)state;
	for (unsigned long n = 0; n < round_cnt / 4; n++) {
		for (unsigned i = 0; i < 5; i++)
			fill_near_ends(ladder[i]);
		if (next() % 4 == 0)
			memcpy(ladder[1], ladder[0], sizeof(ladder[0]));
		swap = next() % 2;
		expect_step(wanted, ladder, swap);
		x25519_step_adx(ladder[0], swap);
		for (unsigned i = 0; i < 4; i++)
			check_low(ladder[i], wanted[i]);
	}
}

static const struct field x25519_field = {
	.word_cnt = 4, .prime = "7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffed"};

static int set_up(void **state)
{
	(void)state;
	bn = BN_CTX_new();
	unit = BN_new();
	per_unit = BN_new();
	one = BN_new();
	return BN_hex2bn(&prime, f->prime) == 0 ||
	       BN_set_bit(unit, f->mul == NULL ? 0 : (int)(64 * f->word_cnt)) != 1 ||
	       BN_mod_inverse(per_unit, unit, prime, bn) == NULL ||
	       BN_nnmod(one, unit, prime, bn) != 1;
}

static int tear_down(void **state)
{
	(void)state;
	BN_free(prime);
	BN_free(unit);
	BN_free(per_unit);
	BN_free(one);
	BN_CTX_free(bn);
	prime = NULL;
	return 0;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(products_agree),
		cmocka_unit_test(products_next_to_p_agree),
		cmocka_unit_test(differences_agree),
		cmocka_unit_test(doublings_agree),
		cmocka_unit_test(sums_agree),
	};
	const struct CMUnitTest ladder_tests[] = {
		cmocka_unit_test(x25519_products_agree),
		cmocka_unit_test(x25519_steps_agree),
	};
	int failed_cnt = 0;

	if (kex_backend_find("adx") == NULL) {
		printf("skipped: not on this processor\n");
		return SKIPPED;
	}
	if (argc > 1)
		round_cnt = strtoul(argv[1], NULL, 10);
	seed = argc > 2 ? strtoull(argv[2], NULL, 10) : (uint64_t)time(NULL);
	printf("seed %llu\n", (unsigned long long)seed);
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		f = &fields[i];
		failed_cnt += cmocka_run_group_tests_name(
			f->word_cnt == 4 ? "P-256" : "P-384", tests, set_up, tear_down);
	}
	f = &x25519_field;
	failed_cnt += cmocka_run_group_tests_name("X25519", ladder_tests, set_up, tear_down);
	return failed_cnt;
}
