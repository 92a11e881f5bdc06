/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/core/fragments.h"

#include <string.h>

void fragments_init(struct fragments *f)
{
	f->total_len = 0;
	f->missing = 0;
}

size_t fragment_span(uint16_t total_len, uint8_t index, size_t *offset)
{
	size_t start = (size_t)index * FRAGMENT_LEN;

	if (total_len > RK_CERT_DER_MAX || start >= total_len)
		return 0;
	*offset = start;
	return total_len - start < FRAGMENT_LEN ? total_len - start : FRAGMENT_LEN;
}

static uint16_t all_pieces(uint16_t total_len)
{
	unsigned cnt = (total_len + FRAGMENT_LEN - 1u) / FRAGMENT_LEN;

	return (uint16_t)((1u << cnt) - 1);
}

enum fragment_result fragments_add(
	struct fragments *f, uint16_t total_len, uint8_t index, const uint8_t *data, size_t len)
{
	size_t offset, want = fragment_span(total_len, index, &offset);
	uint16_t bit;

	if (want == 0 || len != want || (f->total_len != 0 && f->total_len != total_len))
		return FRAGMENT_REFUSED;
	if (f->total_len == 0) {
		f->total_len = total_len;
		f->missing = all_pieces(total_len);
	}
	bit = (uint16_t)(1u << index);
	if (!(f->missing & bit))
		return FRAGMENT_REPEATED;
	memcpy(f->data + offset, data, len);
	f->missing = (uint16_t)(f->missing & ~bit);
	return f->missing == 0 ? FRAGMENT_COMPLETE : FRAGMENT_ADDED;
}

uint16_t fragments_missing(const struct fragments *f)
{
	return f->total_len == 0 ? all_pieces(RK_CERT_DER_MAX) : f->missing;
}
