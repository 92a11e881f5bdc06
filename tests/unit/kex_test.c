/* SPDX-License-Identifier: BSD-3-Clause */
/* RFC 8422 5.1.1, 5.1.2, 5.4.1, 5.10, 5.11 for every group. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/kex_backends.h"

static const uint16_t ids[] = {23, 24, 25, 29, 30};
static const struct kex_backend *backend;
static struct kex_ctx *ctx;

static bool derive(const struct kex_group *g, const struct kex_op *own, const uint8_t *peer,
	struct kex_op *out)
{
	*out = *own;
	memcpy(out->peer, peer, g->share_len);
	memset(out->shared, 0xee, sizeof(out->shared));
	kex_backends_derive(ctx, g, out);
	return out->is_done;
}

static void both_sides_get_the_same(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
		const struct kex_group *g = kex_find(ids[i]);
		struct kex_op a = {0}, b = {0}, x, y, *both[2] = {&a, &b};

		assert_non_null(g);
		kex_keygen(ctx, g, both, 2);
		assert_true(a.is_done && b.is_done);
		assert_memory_not_equal(a.share, b.share, g->share_len);
		assert_true(derive(g, &a, b.share, &x) && derive(g, &b, a.share, &y));
		assert_memory_equal(x.shared, y.shared, g->shared_len);
	}
}

/* 5.1.1: what is not ours, explicit curves among it. */
static void other_groups_do_not_exist(void **state)
{
	static const uint16_t others[] = {0, 1, 19, 21, 22, 26, 28, 31, 256, 0xff01, 0xff02};

	(void)state;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		assert_null(kex_find(others[i]));
}

/* 5.1.2, 5.4.1: the one form and the one length. */
static void other_forms_are_refused(void **state)
{
	static const uint8_t forms[] = {0, 1, 2, 3, 5, 6, 7, 0xff};

	(void)state;
	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
		const struct kex_group *g = kex_find(ids[i]);
		struct kex_op a = {0}, x, *op = &a;

		kex_keygen(ctx, g, &op, 1);
		assert_true(kex_share_is_plausible(g, (struct rk_span){a.share, g->share_len}));
		for (size_t len = 1; len < sizeof(a.share); len++)
			assert_int_equal(kex_share_is_plausible(g, (struct rk_span){a.share, len}),
				len == g->share_len);
		for (size_t f = 0; g->is_point && f < sizeof(forms); f++) {
			uint8_t share[KEX_SHARE_MAX];

			memcpy(share, a.share, sizeof(share));
			share[0] = forms[f];
			assert_false(
				kex_share_is_plausible(g, (struct rk_span){share, g->share_len}));
			assert_false(derive(g, &a, share, &x));
		}
	}
}

/* 5.11: off the curve, coordinates not below p, the neutral element. */
static void bad_points_are_refused_and_leave_nothing(void **state)
{
	static const uint8_t zeros[KEX_SECRET_MAX];

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		const struct kex_group *g = kex_find(ids[i]);
		struct kex_op a = {0}, b = {0}, x, *both[2] = {&a, &b};
		uint8_t share[KEX_SHARE_MAX];

		kex_keygen(ctx, g, both, 2);
		for (size_t at = 1; at < g->share_len; at += 7) {
			memcpy(share, b.share, sizeof(share));
			share[at] ^= 0x40;
			assert_false(derive(g, &a, share, &x));
			assert_memory_equal(x.shared, zeros, g->shared_len);
		}
		memset(share + 1, 0xff, g->share_len - 1u); /* beyond p */
		assert_false(derive(g, &a, share, &x));
		memset(share + 1, 0, g->share_len - 1u);
		assert_false(derive(g, &a, share, &x));
	}
}

/* 5.11: points of small order give an all-zero result, which is refused. */
static void small_order_is_refused(void **state)
{
	static const uint8_t low[][32] = {
		{0},
		{1},
		{0xe0, 0xeb, 0x7a, 0x7c, 0x3b, 0x41, 0xb8, 0xae, 0x16, 0x56, 0xe3, 0xfa, 0xf1, 0x9f,
			0xc4, 0x6a, 0xda, 0x09, 0x8d, 0xeb, 0x9c, 0x32, 0xb1, 0xfd, 0x86, 0x62,
			0x05, 0x16, 0x5f, 0x49, 0xb8, 0x00},
	};
	static const uint8_t zeros[KEX_SECRET_MAX];

	(void)state;
	for (size_t i = 3; i < 5; i++) {
		const struct kex_group *g = kex_find(ids[i]);
		struct kex_op a = {0}, x, *op = &a;
		uint8_t share[KEX_SHARE_MAX] = {0};

		kex_keygen(ctx, g, &op, 1);
		for (size_t n = 0; n < (ids[i] == KEX_X25519 ? 3 : 2); n++) {
			memcpy(share, low[n], sizeof(low[n]));
			assert_false(derive(g, &a, share, &x));
			assert_memory_equal(x.shared, zeros, sizeof(x.shared));
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_sides_get_the_same),
		cmocka_unit_test(other_groups_do_not_exist),
		cmocka_unit_test(other_forms_are_refused),
		cmocka_unit_test(bad_points_are_refused_and_leave_nothing),
		cmocka_unit_test(small_order_is_refused),
	};

	const struct kex_backend *all[KEX_BACKENDS_MAX];
	size_t cnt = kex_backends(all);
	int failed_cnt = 0;

	for (size_t i = 0; i < cnt; i++) {
		backend = all[i];
		failed_cnt += cmocka_run_group_tests_name(
			kex_backend_name(backend), tests, set_up, tear_down);
	}
	return failed_cnt;
}
