/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The backends of our own beside libcrypto: the same result, and the same refusals, for whatever
 * comes, by batches and one by one. unit-kex_lanes [BATCHES [SEED]]: without, some thousand batches, of another seed each time,
 * which is printed.
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

#include <openssl/ec.h>
#include <openssl/obj_mac.h>

#include "dataplane/core/p256_table.h"
#include "tests/unit/kex_backends.h"

#define BATCH_CNT       2500
#define PLAIN_BATCH_CNT 100

static uint64_t seed;
static unsigned long batch_cnt = BATCH_CNT;
static const struct kex_backend *backend;
static struct kex_ctx *ctx, *libcrypto;
static BN_CTX *bn;

/* Splitmix64: a run can be repeated. */
static uint64_t next(void)
{
	uint64_t z = seed += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

static void fill(uint8_t *out, size_t len)
{
	for (size_t i = 0; i < len; i++)
		out[i] = (uint8_t)next();
}

/* 0, 1, p - 1, p, p + 1, the points of small order, the largest; bit 255 set and not. */
static void fill_edge(uint8_t out[32])
{
	static const uint8_t order8[2][32] = {
		{0xe0, 0xeb, 0x7a, 0x7c, 0x3b, 0x41, 0xb8, 0xae, 0x16, 0x56, 0xe3, 0xfa, 0xf1, 0x9f,
			0xc4, 0x6a, 0xda, 0x09, 0x8d, 0xeb, 0x9c, 0x32, 0xb1, 0xfd, 0x86, 0x62,
			0x05, 0x16, 0x5f, 0x49, 0xb8, 0x00},
		{0x5f, 0x9c, 0x95, 0xbc, 0xa3, 0x50, 0x8c, 0x24, 0xb1, 0xd0, 0xb1, 0x55, 0x9c, 0x83,
			0xef, 0x5b, 0x04, 0x44, 0x5c, 0xc4, 0x58, 0x1c, 0x8e, 0x86, 0xd8, 0x22,
			0x4e, 0xdd, 0xd0, 0x9f, 0x11, 0x57},
	};
	unsigned kind = (unsigned)(next() % 5);

	if (kind < 2) {
		memcpy(out, order8[kind], 32);
	} else if (kind == 2) {
		memset(out, 0, 32);
		out[0] = (uint8_t)(next() % 3);
	} else if (kind == 3) { /* p - 3 to 2^255 - 1, among them 2^255 */
		memset(out, 0xff, 32);
		out[0] = (uint8_t)(0xea + next() % 22);
		out[31] = 0x7f;
	} else {
		memset(out, (int)(next() & 0xff), 32);
	}
	out[31] |= (uint8_t)(next() % 2 << 7);
}

/* Carries run through all limbs where bits are equal for long. */
static void fill_long_runs(uint8_t *out, size_t len)
{
	fill(out, len);
	memset(out + next() % len, next() % 2 == 0 ? 0 : 0xff, 1);
	for (size_t i = 1; i < len; i++)
		if (next() % 4 != 0)
			out[i] = out[i - 1];
}

static void fill_some(uint8_t out[32])
{
	switch (next() % 4) {
	case 0:
		fill_edge(out);
		break;
	case 1:
		fill_long_runs(out, 32);
		break;
	default:
		fill(out, 32);
	}
}

static void compare(const struct kex_group *g, const struct kex_op *op, size_t cnt)
{
	for (size_t i = 0; i < cnt; i++) {
		struct kex_op one = op[i], *list = &one;

		memset(one.shared, 0xee, sizeof(one.shared));
		kex_derive(libcrypto, g, &list, 1);
		assert_int_equal(one.is_done, op[i].is_done);
		assert_memory_equal(one.shared, op[i].shared, g->shared_len);
	}
}

static unsigned long rounds(void)
{
	return strcmp(kex_backend_name(backend), "plain") == 0 ? PLAIN_BATCH_CNT : batch_cnt;
}

static void x25519_agrees_with_libcrypto(void **state)
{
	const struct kex_group *g = kex_find(KEX_X25519);

	(void)state;
	for (unsigned long n = 0; n < rounds(); n++) {
		struct kex_op op[KEX_BATCH_MAX] = {0}, *list[KEX_BATCH_MAX];
		size_t cnt = 1 + next() % KEX_BATCH_MAX;

		for (size_t i = 0; i < cnt; i++) {
			fill_some(op[i].secret);
			fill_some(op[i].peer);
			memset(op[i].shared, 0xdd, sizeof(op[i].shared));
			list[i] = &op[i];
		}
		kex_derive(ctx, g, list, cnt);
		compare(g, op, cnt);
	}
}

/* ---- prime curves ---------------------------------------------------------------------------- */

static struct {
	const struct kex_group *group;
	EC_GROUP *libcrypto;
	size_t len; /* of a number */
} curve;

static void use_curve(uint16_t id, int nid)
{
	EC_GROUP_free(curve.libcrypto);
	curve.group = kex_find(id);
	curve.libcrypto = EC_GROUP_new_by_curve_name(nid);
	curve.len = curve.group->secret_len;
	assert_non_null(curve.libcrypto);
}

static BIGNUM *big(const uint8_t *bytes)
{
	BIGNUM *v = BN_bin2bn(bytes, (int)curve.len, NULL);

	assert_non_null(v);
	return v;
}

static void share_of(const uint8_t *secret, uint8_t *share)
{
	EC_POINT *p = EC_POINT_new(curve.libcrypto);
	BIGNUM *k = big(secret);

	assert_int_equal(EC_POINT_mul(curve.libcrypto, p, k, NULL, NULL, NULL), 1);
	assert_int_equal(EC_POINT_point2oct(curve.libcrypto, p, POINT_CONVERSION_UNCOMPRESSED,
				 share, curve.group->share_len, NULL),
		curve.group->share_len);
	BN_free(k);
	EC_POINT_free(p);
}

/*
 * n - v and n / 2 +- v, too: there a scalar changes its sign; what is left from n on is refused. And at the
 * borders of windows, where digits are the largest, and zero in long runs.
 */
static void fill_scalar(uint8_t *out)
{
	BIGNUM *n = BN_dup(EC_GROUP_get0_order(curve.libcrypto)), *v = BN_new();
	unsigned kind = (unsigned)(next() % 8);

	assert_int_equal(BN_set_word(v, 1 + next() % 40), 1);
	if (kind == 1)
		assert_int_equal(BN_sub(v, n, v), 1);
	if (kind == 2 || kind == 3)
		assert_int_equal(BN_rshift1(n, n), 1);
	if (kind == 2)
		assert_int_equal(BN_sub(v, n, v), 1);
	if (kind == 3)
		assert_int_equal(BN_add(v, n, v), 1);
	if (kind >= 6) {
		assert_int_equal(BN_lshift(v, v, (int)(next() % (8 * curve.len))), 1);
		assert_int_equal(kind == 6 ? BN_add_word(v, next() % 40) : BN_sub_word(v, 1), 1);
		assert_int_equal(BN_nnmod(v, v, n, bn), 1);
		if (BN_is_zero(v)) /* no share is of it */
			assert_int_equal(BN_one(v), 1);
	}
	if (kind == 4) {
		fill_long_runs(out, curve.len);
		BN_bin2bn(out, (int)curve.len, v);
		if (BN_is_zero(v)) /* one run of zeros: likewise */
			out[curve.len - 1] = 1;
	} else if (kind == 5)
		fill(out, curve.len);
	else
		assert_int_equal(BN_bn2binpad(v, out, (int)curve.len), (int)curve.len);
	BN_free(n);
	BN_free(v);
}

/* x is small, or just below p: where there is such a point. */
static void fill_share_near_p(uint8_t *out)
{
	EC_POINT *p = EC_POINT_new(curve.libcrypto);
	BIGNUM *x = BN_new();

	assert_int_equal(EC_GROUP_get_curve(curve.libcrypto, x, NULL, NULL, NULL), 1);
	assert_int_equal(
		next() % 2 == 0 ? BN_sub_word(x, 1 + next() % 64) : BN_set_word(x, next() % 64), 1);
	if (EC_POINT_set_compressed_coordinates(curve.libcrypto, p, x, next() % 2, NULL) == 1)
		(void)EC_POINT_point2oct(curve.libcrypto, p, POINT_CONVERSION_UNCOMPRESSED, out,
			curve.group->share_len, NULL);
	BN_free(x);
	EC_POINT_free(p);
}

/* Mostly a share of somebody's; else spoiled, or coordinates that may be anything. */
static void fill_share(uint8_t *out)
{
	uint8_t secret[KEX_SECRET_MAX];

	fill_scalar(secret);
	share_of(secret, out);
	switch (next() % 16) {
	case 0:
		out[1 + next() % (2 * curve.len)] ^= (uint8_t)(1 << next() % 8);
		break;
	case 1:
		fill_long_runs(out + 1, curve.len);
		fill_long_runs(out + 1 + curve.len, curve.len);
		break;
	case 2:
		memset(out + 1, 0xff, curve.len);
		break;
	case 3:
		memset(out + 1 + curve.len, 0xff, curve.len);
		break;
	case 4:
		fill_share_near_p(out);
		break;
	default:
		break;
	}
}

static bool is_in_range(const uint8_t *secret)
{
	BIGNUM *k = big(secret);
	bool is = !BN_is_zero(k) && BN_cmp(k, EC_GROUP_get0_order(curve.libcrypto)) < 0;

	BN_free(k);
	return is;
}

/* libcrypto takes secrets that are out of range; ours refuse them. */
static bool is_own(const struct kex_group *g, size_t cnt)
{
	return (g->id == KEX_SECP256R1 && backend->p256_base != NULL && cnt > 2) ||
	       backend->single != NULL;
}

static void agree_with_libcrypto(unsigned long round_cnt)
{
	const struct kex_group *g = curve.group;
	static const uint8_t zeros[KEX_SECRET_MAX];
	unsigned long done_cnt = 0, refused_cnt = 0;

	for (unsigned long n = 0; n < round_cnt; n++) {
		struct kex_op op[KEX_BATCH_MAX] = {0}, *list[KEX_BATCH_MAX];
		size_t cnt = 1 + next() % KEX_BATCH_MAX;

		for (size_t i = 0; i < cnt; i++) {
			do
				fill_scalar(op[i].secret);
			while (!is_own(g, cnt) && !is_in_range(op[i].secret));
			fill_share(op[i].peer);
			memset(op[i].shared, 0xdd, sizeof(op[i].shared));
			list[i] = &op[i];
		}
		kex_derive(ctx, g, list, cnt);
		for (size_t i = 0; i < cnt; i++) {
			if (is_in_range(op[i].secret)) {
				compare(g, &op[i], 1);
			} else {
				assert_false(op[i].is_done);
				assert_memory_equal(op[i].shared, zeros, curve.len);
			}
			done_cnt += op[i].is_done;
			refused_cnt += !op[i].is_done;
		}
	}
	assert_true(done_cnt > round_cnt && refused_cnt > round_cnt / 10);
}

static void p256_agrees_with_libcrypto(void **state)
{
	(void)state;
	use_curve(KEX_SECP256R1, NID_X9_62_prime256v1);
	agree_with_libcrypto(rounds() / 2);
}

/* Beside vectors there is the same code as without, and libcrypto takes long here. */
static bool is_first_with_single(void)
{
	return backend->single != NULL && backend->p256_base == NULL;
}

static void p384_agrees_with_libcrypto(void **state)
{
	(void)state;
	if (!is_first_with_single())
		return;
	use_curve(KEX_SECP384R1, NID_secp384r1);
	agree_with_libcrypto(rounds() / 40);
}

/* What makes a share below kex_keygen, with scalars of ours. */
static void p384_share_agrees_with_libcrypto(void **state)
{
	const struct single_code *code = backend->single;
	static struct single_work w;

	(void)state;
	if (!is_first_with_single())
		return;
	use_curve(KEX_SECP384R1, NID_secp384r1);
	for (unsigned long n = 0; n < rounds() / 5; n++) {
		uint8_t secret[48], share[97], got[97];
		bool is_good;

		fill_scalar(secret);
		is_good = code->share(code->p384, code->p384_table(), &w, secret, got);
		assert_int_equal(is_good, is_in_range(secret));
		if (!is_good)
			continue;
		share_of(secret, share);
		assert_memory_equal(got, share, sizeof(share));
	}
}

/* The function below kex_keygen, with scalars of ours. */
static void p256_base_agrees_with_libcrypto(void **state)
{
	static struct p256_lanes l;

	(void)state;
	if (backend->p256_base == NULL)
		return;
	use_curve(KEX_SECP256R1, NID_X9_62_prime256v1);
	for (unsigned long n = 0; n < rounds() / 2; n++) {
		uint8_t secret[LANES_CNT][32], share[65], got[64];

		for (size_t i = 0; i < LANES_CNT; i++) {
			fill_scalar(secret[i]);
			for (size_t w = 0; w < 32; w++)
				((uint8_t *)&l.scalar[w / 8][i])[w % 8] = secret[i][31 - w];
		}
		backend->p256_base(&l, p256_table_get());
		for (size_t i = 0; i < LANES_CNT; i++) {
			assert_int_equal(l.is_good[i] != 0, is_in_range(secret[i]));
			if (l.is_good[i] == 0)
				continue;
			share_of(secret[i], share);
			for (size_t w = 0; w < 32; w++) {
				got[31 - w] = ((uint8_t *)&l.x[w / 8][i])[w % 8];
				got[63 - w] = ((uint8_t *)&l.y[w / 8][i])[w % 8];
			}
			assert_memory_equal(got, share + 1, 64);
		}
	}
}

static void check_made_points(void)
{
	struct kex_op op[20], *list[20];
	uint8_t share[KEX_SHARE_MAX];

	for (size_t cnt = 1; cnt <= 20; cnt++) {
		for (size_t i = 0; i < cnt; i++)
			list[i] = &op[i];
		kex_keygen(ctx, curve.group, list, cnt);
		for (size_t i = 0; i < cnt; i++) {
			assert_true(op[i].is_done && is_in_range(op[i].secret));
			share_of(op[i].secret, share);
			assert_memory_equal(op[i].share, share, curve.group->share_len);
		}
	}
}

static void made_points_are_multiples(void **state)
{
	(void)state;
	use_curve(KEX_SECP256R1, NID_X9_62_prime256v1);
	check_made_points();
	if (backend->single != NULL) {
		use_curve(KEX_SECP384R1, NID_secp384r1);
		check_made_points();
	}
}

/* ---------------------------------------------------------------------------------------------- */

/* By any number: batches and what is left over. */
static void made_pairs_are_pairs(void **state)
{
	static struct kex_op op[20], *list[20];

	(void)state;
	for (size_t cnt = 1; cnt <= 20; cnt++) {
		const struct kex_group *g = kex_find(KEX_X25519);

		for (size_t i = 0; i < cnt; i++)
			list[i] = &op[i];
		kex_keygen(ctx, g, list, cnt);
		for (size_t i = 0; i < cnt; i++) {
			struct kex_op base = op[i], *one = &base;

			assert_true(op[i].is_done);
			memset(base.peer, 0, sizeof(base.peer));
			base.peer[0] = 9;
			kex_derive(libcrypto, g, &one, 1);
			assert_memory_equal(base.shared, op[i].share, g->share_len);
			for (size_t j = 0; j < i; j++)
				assert_memory_not_equal(op[i].secret, op[j].secret, g->secret_len);
		}
	}
}

static int set_up(void **state)
{
	(void)state;
	ctx = kex_backends_open(backend);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	kex_ctx_free(ctx);
	return 0;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(x25519_agrees_with_libcrypto),
		cmocka_unit_test(made_pairs_are_pairs),
		cmocka_unit_test(p256_agrees_with_libcrypto),
		cmocka_unit_test(p384_agrees_with_libcrypto),
		cmocka_unit_test(p256_base_agrees_with_libcrypto),
		cmocka_unit_test(p384_share_agrees_with_libcrypto),
		cmocka_unit_test(made_points_are_multiples),
	};
	const struct kex_backend *all[KEX_BACKENDS_MAX];
	size_t cnt = kex_backends(all);
	int failed_cnt = 0;

	if (argc > 1)
		batch_cnt = strtoul(argv[1], NULL, 10);
	seed = argc > 2 ? strtoull(argv[2], NULL, 10) : (uint64_t)time(NULL);
	printf("seed %llu\n", (unsigned long long)seed);
	libcrypto = kex_backends_open(&kex_libcrypto);
	bn = BN_CTX_new();
	for (size_t i = 1; i < cnt; i++) {
		backend = all[i];
		failed_cnt += cmocka_run_group_tests_name(
			kex_backend_name(backend), tests, set_up, tear_down);
	}
	kex_ctx_free(libcrypto);
	BN_CTX_free(bn);
	EC_GROUP_free(curve.libcrypto);
	return failed_cnt;
}
