/* SPDX-License-Identifier: BSD-3-Clause */
/* Each form of the code for many messages, whatever this machine would choose, beside the plain one. */
#include "pki/x509/siphash.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <cmocka.h>

typedef void take_fn(const struct pki_siphash *s, const uint8_t *const data[PKI_SIPHASH_LANES],
	size_t len, uint64_t out[2][PKI_SIPHASH_LANES]);

static void assert_agrees(take_fn *take_messages)
{
	static const uint8_t key[PKI_SIPHASH_KEY_LEN] = "a key like other";
	uint8_t bytes[256], want[PKI_SIPHASH_LEN];
	const uint8_t *data[PKI_SIPHASH_LANES];
	uint64_t out[2][PKI_SIPHASH_LANES];
	struct pki_siphash s;

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i * 73);
	pki_siphash_init(&s, key);
	pki_siphash_blocks(&s, bytes, 32);
	for (size_t len = 0; len <= PKI_SIPHASH_LANE_MAX; len++) {
		for (size_t k = 0; k < PKI_SIPHASH_LANES; k++)
			data[k] = bytes + 17 * k;
		take_messages(&s, data, len, out);
		for (size_t k = 0; k < PKI_SIPHASH_LANES; k++) {
			pki_siphash_final(&s, data[k], len, want);
			assert_int_equal(out[0][k], load(want));
			assert_int_equal(out[1][k], load(want + 8));
		}
	}
}

static void plain_code_agrees(void **state)
{
	(void)state;
	assert_agrees(take_lanes);
}

static void wide_registers_agree(void **state)
{
	bool has_any = false;

	(void)state;
#if defined(__x86_64__)
	if (__builtin_cpu_supports("avx2")) {
		has_any = true;
		assert_agrees(take_lanes_avx2);
	}
	if (__builtin_cpu_supports("avx512f"))
		assert_agrees(take_lanes_avx512);
#endif
	if (!has_any)
		skip();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain_code_agrees),
		cmocka_unit_test(wide_registers_agree),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
