/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/unit/kex_backends.h"

#include <stdlib.h>
#include <string.h>

static bool is_always_usable(void)
{
	return true;
}

static const struct kex_backend plain = {
	.name = "plain",
	.is_usable = is_always_usable,
	.x25519 = x25519_lanes_plain,
	.p256_base = p256_base_plain,
	.p256_point = p256_point_plain,
};

size_t kex_backends(const struct kex_backend *out[KEX_BACKENDS_MAX])
{
	static const char *const own[] = {"adx", "ifma"};
	size_t n = 0;

	out[n++] = &kex_libcrypto;
	out[n++] = &plain;
	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		if (kex_backend_find(own[i]) != NULL)
			out[n++] = kex_backend_find(own[i]);
	return n;
}

struct kex_ctx *kex_backends_open(const struct kex_backend *b)
{
	struct kex_ctx *ctx;

	kex_backend_use(b);
	if (kex_ctx_new(&ctx) < 0)
		abort();
	return ctx;
}

void kex_backends_derive(struct kex_ctx *ctx, const struct kex_group *g, struct kex_op *op)
{
	static unsigned turn;
	struct kex_op all[KEX_BATCH_MAX], *list[KEX_BATCH_MAX];
	unsigned cnt = kex_batch_cnt(ctx, g) == 1 ? 1 : 1 + turn % KEX_BATCH_MAX;
	unsigned place = turn / KEX_BATCH_MAX % cnt;

	turn++;
	for (unsigned i = 0; i < cnt; i++) {
		all[i] = *op;
		all[i].secret[g->secret_len / 2] ^= (uint8_t)(i ^ place);
		list[i] = &all[i];
	}
	kex_derive(ctx, g, list, cnt);
	*op = all[place];
}
