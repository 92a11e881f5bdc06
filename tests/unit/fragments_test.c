/* SPDX-License-Identifier: BSD-3-Clause */
/* Reassembly: any order, repeats, and everything that does not fit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dataplane/core/fragments.h"

static uint8_t cert[RK_CERT_DER_MAX];

static enum fragment_result add(struct fragments *f, uint16_t total, uint8_t index)
{
	size_t offset = 0, len = fragment_span(total, index, &offset);

	return fragments_add(f, total, index, cert + offset, len);
}

static unsigned piece_cnt(uint16_t total)
{
	size_t offset;
	unsigned cnt = 0;

	while (cnt < 255 && fragment_span(total, (uint8_t)cnt, &offset) > 0)
		cnt++;
	return cnt;
}

static void every_length_in_any_order(void **state)
{
	static const uint16_t totals[] = {1, 2, 1023, 1024, 1025, 2048, 5000, 8191, 8192};
	struct fragments f;
	size_t t;
	unsigned i, n;

	(void)state;
	for (t = 0; t < sizeof(totals) / sizeof(totals[0]); t++) {
		n = piece_cnt(totals[t]);
		memset(&f, 0xee, sizeof(f));
		fragments_init(&f);
		assert_int_equal(fragments_missing(&f), 0xff);
		for (i = 0; i + 1 < n; i++) {
			/* 5 is coprime to every piece count up to 8 but 5 itself */
			uint8_t index = (uint8_t)(n == 5 ? n - 1 - i : (i * 5 + 1) % n);

			assert_int_equal(add(&f, totals[t], index), FRAGMENT_ADDED);
			assert_int_equal(add(&f, totals[t], index), FRAGMENT_REPEATED);
			assert_int_equal(fragments_missing(&f) >> index & 1, 0);
		}
		for (i = 0; i < n; i++) {
			if (fragments_missing(&f) >> i & 1)
				assert_int_equal(add(&f, totals[t], (uint8_t)i), FRAGMENT_COMPLETE);
		}
		assert_int_equal(fragments_missing(&f), 0);
		assert_memory_equal(f.data, cert, totals[t]);
	}
}

static void what_does_not_fit_changes_nothing(void **state)
{
	struct fragments f, before;

	(void)state;
	fragments_init(&f);
	assert_int_equal(fragments_add(&f, 0, 0, cert, 0), FRAGMENT_REFUSED);
	assert_int_equal(fragments_add(&f, RK_CERT_DER_MAX + 1, 0, cert, 1024), FRAGMENT_REFUSED);
	assert_int_equal(fragments_add(&f, 65535, 63, cert, 1023), FRAGMENT_REFUSED);
	assert_int_equal(add(&f, 3000, 1), FRAGMENT_ADDED);
	before = f;
	assert_int_equal(fragments_add(&f, 3000, 0, cert, 1023), FRAGMENT_REFUSED);
	assert_int_equal(fragments_add(&f, 3000, 0, cert, 1025), FRAGMENT_REFUSED);
	assert_int_equal(fragments_add(&f, 3000, 2, cert, 1024), FRAGMENT_REFUSED);
	assert_int_equal(fragments_add(&f, 3000, 3, cert, 1024), FRAGMENT_REFUSED);
	assert_int_equal(fragments_add(&f, 3000, 255, cert, 1024), FRAGMENT_REFUSED);
	assert_int_equal(fragments_add(&f, 3001, 0, cert, 1024), FRAGMENT_REFUSED);
	assert_memory_equal(&f, &before, sizeof(f));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_length_in_any_order),
		cmocka_unit_test(what_does_not_fit_changes_nothing),
	};
	size_t i;

	for (i = 0; i < sizeof(cert); i++)
		cert[i] = (uint8_t)(i * 7 + i / 251);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
