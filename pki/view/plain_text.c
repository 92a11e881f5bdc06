/* SPDX-License-Identifier: BSD-3-Clause */
#include "pki/view/plain_text.h"

#include <stdbool.h>
#include <string.h>

static bool is_between(unsigned char c, unsigned char low, unsigned char high)
{
	return c >= low && c <= high;
}

/* Bytes of the character here if it may not stay; 0: it may. */
static size_t unwanted_len(const unsigned char *p, size_t left, const char *keep)
{
	if (p[0] < 0x20 || p[0] == 0x7f)
		return p[0] != '\0' && strchr(keep, p[0]) != NULL ? 0 : 1;
	if (left >= 2 && p[0] == 0xc2 && is_between(p[1], 0x80, 0x9f))
		return 2;
	if (left >= 3 && p[0] == 0xe2 &&
		((p[1] == 0x80 && is_between(p[2], 0xa8, 0xae)) ||
			(p[1] == 0x81 && is_between(p[2], 0xa6, 0xa9))))
		return 3;
	return 0;
}

void rk_make_plain(char *text, size_t len, const char *keep)
{
	size_t i = 0, cnt;

	while (i < len) {
		cnt = unwanted_len((const unsigned char *)text + i, len - i, keep);
		memset(text + i, '?', cnt);
		i += cnt > 0 ? cnt : 1;
	}
}
