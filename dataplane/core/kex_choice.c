/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

#include "dataplane/core/kex_backend.h"

static bool is_always_usable(void)
{
	return true;
}

const struct kex_backend kex_libcrypto = {.name = "libcrypto", .is_usable = is_always_usable};

#ifdef REKEY_KEX_ADX
#include <cpuid.h>

/* The compiler's own check asks whether the system saves those registers, too; clang 14's knows no ADX. */
static bool has_adx(void)
{
	unsigned a, b, c, d;

	return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi2") &&
	       __get_cpuid_count(7, 0, &a, &b, &c, &d) != 0 && (b & bit_ADX) != 0;
}

static const struct kex_backend adx = {
	.name = "adx",
	.is_usable = has_adx,
	.single = &single_adx,
};
#endif

#ifdef REKEY_KEX_IFMA
static bool has_ifma(void)
{
	return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
	       __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512ifma") &&
	       has_adx();
}

static const struct kex_backend ifma = {
	.name = "ifma",
	.is_usable = has_ifma,
	.x25519 = x25519_lanes_ifma,
	.p256_base = p256_base_ifma,
	.p256_point = p256_point_ifma,
	.single = &single_adx,
};
#endif

/* The fastest comes first. */
static const struct kex_backend *const backends[] = {
#ifdef REKEY_KEX_IFMA
	&ifma,
#endif
#ifdef REKEY_KEX_ADX
	&adx,
#endif
	&kex_libcrypto,
};

static const struct kex_backend *chosen; /* before the first context */

const struct kex_backend *kex_backend_find(const char *name)
{
	for (size_t i = 0; i < sizeof(backends) / sizeof(backends[0]); i++)
		if ((strcmp(name, "auto") == 0 || strcmp(name, backends[i]->name) == 0) &&
			backends[i]->is_usable())
			return backends[i];
	return NULL;
}

void kex_backend_use(const struct kex_backend *b)
{
	chosen = b;
}

const struct kex_backend *kex_backend_used(void)
{
	return chosen != NULL ? chosen : kex_backend_find("auto");
}

const char *kex_backend_name(const struct kex_backend *b)
{
	return b->name;
}
