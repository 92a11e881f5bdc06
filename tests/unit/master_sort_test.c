/* SPDX-License-Identifier: BSD-3-Clause */
/* The order of records, beside that of qsort: however they lie, however many, however long. */
#include "pki/store/master_sort.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static size_t compared; /* bytes, of compare */

static int compare(const void *a, const void *b)
{
	return memcmp(a, b, compared);
}

static uint64_t mix(uint64_t z)
{
	z += UINT64_C(0x9e3779b97f4a7c15);
	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

/* Byte at of record i, in one of several ways to lie. */
typedef uint8_t (*way)(size_t i, size_t at);

static uint8_t anyhow(size_t i, size_t at)
{
	return (uint8_t)mix(i * 64 + at);
}

static uint8_t behind_a_common_beginning(size_t i, size_t at)
{
	return at < 5 ? 16 : anyhow(i, at);
}

static uint8_t in_few_heaps(size_t i, size_t at)
{
	return at < 9 ? (uint8_t)(mix(mix(i) % 7 * 64 + at)) : anyhow(i, at);
}

static uint8_t most_in_one_heap(size_t i, size_t at)
{
	return at < 12 && i % 16 != 0 ? 0x41 : anyhow(i, at);
}

static uint8_t told_by_the_last_byte(size_t i, size_t at)
{
	return at < 8 ? 1 : (uint8_t)(at == 8 ? i : 0);
}

static uint8_t numbered(size_t i, size_t at)
{
	return at < 1 ? 4 : at < 5 ? (uint8_t)(i * 77773 >> (8 * (4 - at))) : 9;
}

static uint8_t backwards(size_t i, size_t at)
{
	return at < 8 ? (uint8_t)(~(uint64_t)i >> (8 * (7 - at))) : 0;
}

static void assert_sorted(way fill, size_t cnt, size_t stride)
{
	uint8_t *sorted = malloc(cnt * stride + 1), *wanted = malloc(cnt * stride + 1);

	assert_true(sorted != NULL && wanted != NULL);
	for (size_t i = 0; i < cnt; i++)
		for (size_t at = 0; at < stride; at++)
			sorted[i * stride + at] = fill(i, at);
	memcpy(wanted, sorted, cnt * stride);
	compared = stride;
	qsort(wanted, cnt, stride, compare);
	master_records_sort(sorted, cnt, stride);
	assert_memory_equal(sorted, wanted, cnt * stride);
	free(sorted);
	free(wanted);
}

static void records_are_sorted_however_they_lie(void **state)
{
	static const way ways[] = {anyhow, behind_a_common_beginning, in_few_heaps,
		most_in_one_heap, told_by_the_last_byte, numbered, backwards};
	static const size_t cnts[] = {0, 1, 2, 24, 25, 33, 300, 5000, 32768, 32769, 210000};
	static const size_t strides[] = {9, 24, 28};

	(void)state;
	for (size_t w = 0; w < sizeof(ways) / sizeof(ways[0]); w++)
		for (size_t c = 0; c < sizeof(cnts) / sizeof(cnts[0]); c++)
			for (size_t s = 0; s < 3; s++)
				if (cnts[c] < 32768 || (w + c + s) % 6 == 0)
					assert_sorted(ways[w], cnts[c], strides[s]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(records_are_sorted_however_they_lie),
	};

	return cmocka_run_group_tests_name("master_sort", tests, NULL, NULL);
}
