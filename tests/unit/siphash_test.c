/* SPDX-License-Identifier: BSD-3-Clause */
/* Each form of the code for many messages, whatever this machine would choose, beside the plain one. */
#include "pki/x509/siphash.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <cmocka.h>

typedef void take_fn(const struct pki_siphash *s, const uint64_t word[][PKI_SIPHASH_LANES],
	size_t word_cnt, uint64_t out[2][PKI_SIPHASH_LANES]);

static void assert_agrees(take_fn *take_words)
{
	static const uint8_t key[PKI_SIPHASH_KEY_LEN] = "a key like other";
	uint8_t bytes[256], want[PKI_SIPHASH_LEN];
	uint64_t word[WORD_MAX][PKI_SIPHASH_LANES], out[2][PKI_SIPHASH_LANES];
	struct pki_siphash s;

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i * 73);
	pki_siphash_init(&s, key);
	pki_siphash_blocks(&s, bytes, 32);
	for (size_t len = 0; len <= PKI_SIPHASH_LANE_MAX; len++) {
		for (size_t k = 0; k < PKI_SIPHASH_LANES; k++) {
			const uint8_t *data = bytes + 17 * k;

			for (size_t i = 0; i < len / 8; i++)
				word[i][k] = load(data + 8 * i);
			word[len / 8][k] =
				last_word(data + len / 8 * 8, len % 8, (uint64_t)(32 + len) << 56);
		}
		take_words(&s, (const uint64_t(*)[PKI_SIPHASH_LANES])word, len / 8 + 1, out);
		for (size_t k = 0; k < PKI_SIPHASH_LANES; k++) {
			pki_siphash_final(&s, bytes + 17 * k, len, want);
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
