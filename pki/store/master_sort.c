/* SPDX-License-Identifier: BSD-3-Clause */
/* The order of the master list's records: by digits of one byte from the front, in place. */
#include <string.h>

#include "pki/store/beside.h"
#include "pki/store/master_source.h"

#define DIGITS     256
#define INSERT_MAX 24 /* a run this short is sorted by insertion */
#define STRIDE_MAX (8 + MASTER_SERIAL_MAX)

/* Serials of 16 and of 20 bytes: a copy of known length is a few moves, and not a call. */
static inline void copy_record(uint8_t *to, const uint8_t *from, size_t stride)
{
	if (stride == 24)
		memcpy(to, from, 24);
	else if (stride == 28)
		memcpy(to, from, 28);
	else
		memcpy(to, from, stride);
}

static void sort_by_insertion(uint8_t *r, size_t cnt, size_t stride, size_t at)
{
	uint8_t moved[STRIDE_MAX];

	for (size_t i = 1; i < cnt; i++) {
		size_t to = i;

		while (to > 0 &&
			memcmp(r + (to - 1) * stride + at, r + i * stride + at, stride - at) > 0)
			to--;
		if (to == i)
			continue;
		copy_record(moved, r + i * stride, stride);
		memmove(r + (to + 1) * stride, r + to * stride, (i - to) * stride);
		copy_record(r + to * stride, moved, stride);
	}
}

/* How many records have each value of byte at; the runs' ends. True: they all have the same. */
static bool count_digits(const uint8_t *r, size_t cnt, size_t stride, size_t at, size_t end[DIGITS])
{
	size_t sum = 0;

	memset(end, 0, DIGITS * sizeof(end[0]));
	for (size_t i = 0; i < cnt; i++)
		end[r[i * stride + at]]++;
	if (end[r[at]] == cnt)
		return true;
	for (unsigned d = 0; d < DIGITS; d++) {
		sum += end[d];
		end[d] = sum;
	}
	return false;
}

/* Moves each record to the run of its digit. */
static void spread(uint8_t *r, size_t stride, size_t at, const size_t end[DIGITS])
{
	uint8_t moved[STRIDE_MAX], displaced[STRIDE_MAX];
	size_t next[DIGITS];

	next[0] = 0;
	for (unsigned d = 1; d < DIGITS; d++)
		next[d] = end[d - 1];
	for (unsigned d = 0; d < DIGITS; d++) {
		for (; next[d] < end[d]; next[d]++) {
			uint8_t *place = r + next[d] * stride;
			unsigned to = place[at];

			if (to == d)
				continue;
			copy_record(moved, place, stride);
			for (; to != d; to = moved[at]) {
				uint8_t *there = r + next[to]++ * stride;

				copy_record(displaced, there, stride);
				copy_record(there, moved, stride);
				copy_record(moved, displaced, stride);
			}
			copy_record(place, moved, stride);
		}
	}
}

/* By the bytes from at on: what is before is equal in all. At most one level a byte. */
static void sort_from(uint8_t *r, size_t cnt, size_t stride, size_t at)
{
	size_t end[DIGITS];
	size_t begin = 0;

	while (cnt > INSERT_MAX && count_digits(r, cnt, stride, at, end)) {
		if (++at == stride)
			return;
	}
	if (cnt <= INSERT_MAX) {
		sort_by_insertion(r, cnt, stride, at);
		return;
	}
	spread(r, stride, at, end);
	for (unsigned d = 0; d < DIGITS; d++) {
		if (at + 1 < stride)
			sort_from(r + begin * stride, end[d] - begin, stride, at + 1);
		begin = end[d];
	}
}

/* ---- by two threads --------------------------------------------------------------------------- */

#define SHARE_RECORDS 200000 /* so many are worth a second thread */

/* Runs [first, last) of the digits of byte at. */
struct share {
	uint8_t *records;
	size_t stride;
	size_t at;
	const size_t *end; /* of all runs */
	unsigned first;
	unsigned last;
};

static void sort_share(void *arg)
{
	const struct share *s = arg;

	for (unsigned d = s->first; d < s->last; d++) {
		size_t begin = d > 0 ? s->end[d - 1] : 0;

		sort_from(s->records + begin * s->stride, s->end[d] - begin, s->stride, s->at + 1);
	}
}

void master_records_sort(uint8_t *records, size_t cnt, size_t stride)
{
	size_t end[DIGITS], at = 0;
	struct share low = {records, stride, 0, end, 0, 0}, high;
	struct beside other;

	if (cnt < SHARE_RECORDS) {
		sort_from(records, cnt, stride, 0);
		return;
	}
	while (count_digits(records, cnt, stride, at, end)) {
		if (++at + 1 >= stride) {
			sort_from(records, cnt, stride, at);
			return;
		}
	}
	spread(records, stride, at, end);
	low.at = at;
	while (low.last < DIGITS && end[low.last] < cnt / 2)
		low.last++;
	low.last++; /* the half is within this run */
	high = low;
	high.first = low.last;
	high.last = DIGITS;
	beside_begin(&other, sort_share, &high);
	sort_share(&low);
	beside_end(&other);
}
