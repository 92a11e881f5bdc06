/* SPDX-License-Identifier: BSD-3-Clause */
#include "pki/x509/pem.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

static const char begin_mark[] = "-----BEGIN ";
static const char end_mark[] = "-----END ";
static const char dashes[] = "-----";

static const char *find(const char *text, const char *end, const char *what)
{
	if (text == end) /* of nothing: text may be NULL */
		return NULL;
	return memmem(text, (size_t)(end - text), what, strlen(what));
}

/* The label that starts at text and ends at five dashes; NULL when there is none. */
static const char *read_label(const char *text, const char *end, char out[PKI_PEM_LABEL_MAX])
{
	const char *stop = find(text, end, dashes);
	size_t len;

	if (stop == NULL)
		return NULL;
	len = (size_t)(stop - text);
	if (len == 0 || len >= PKI_PEM_LABEL_MAX || memchr(text, '\n', len) != NULL)
		return NULL;
	memcpy(out, text, len);
	out[len] = '\0';
	return stop + strlen(dashes);
}

enum pki_pem_result pki_pem_next(const char **text, const char *end, struct pki_pem_block *out)
{
	char end_label[PKI_PEM_LABEL_MAX];
	const char *begin = find(*text, end, begin_mark);
	const char *stop;

	if (begin == NULL)
		return PKI_PEM_END;
	*text = begin + strlen(begin_mark);
	out->start = begin;
	out->body = read_label(*text, end, out->label);
	if (out->body == NULL)
		return PKI_PEM_DAMAGED;
	stop = find(out->body, end, dashes);
	if (stop == NULL || (size_t)(end - stop) < strlen(end_mark) ||
		memcmp(stop, end_mark, strlen(end_mark)) != 0)
		return PKI_PEM_DAMAGED;
	out->body_len = (size_t)(stop - out->body);
	out->end = read_label(stop + strlen(end_mark), end, end_label);
	if (out->end == NULL || strcmp(out->label, end_label) != 0)
		return PKI_PEM_DAMAGED;
	*text = out->end;
	return PKI_PEM_BLOCK;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

bool pki_text_is_blank(const char *text, size_t len)
{
	static const char bom[] = "\xef\xbb\xbf";
	size_t i = 0;

	if (len >= strlen(bom) && memcmp(text, bom, strlen(bom)) == 0)
		i = strlen(bom);
	while (i < len && is_blank(text[i]))
		i++;
	return i == len;
}

int pki_base64_value(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == '+' || c == '-')
		return 62;
	if (c == '/' || c == '_')
		return 63;
	return -1;
}

int pki_base64_decode(const char *text, size_t len, uint8_t *out, size_t size, size_t *out_len)
{
	uint32_t bits = 0;
	unsigned char_cnt = 0, pad_cnt = 0;
	size_t done = 0, i;

	for (i = 0; i < len; i++) {
		int value = pki_base64_value(text[i]);

		if (is_blank(text[i]))
			continue;
		if (text[i] == '=') {
			pad_cnt++;
			continue;
		}
		if (value < 0 || text[i] == '-' || text[i] == '_' || pad_cnt > 0)
			return -EBADMSG;
		bits = bits << 6 | (uint32_t)value;
		if (++char_cnt % 4 == 0) {
			if (size - done < 3)
				return -EFBIG;
			out[done++] = (uint8_t)(bits >> 16);
			out[done++] = (uint8_t)(bits >> 8);
			out[done++] = (uint8_t)bits;
		}
	}
	if ((char_cnt + pad_cnt) % 4 != 0 || pad_cnt > 2 || (pad_cnt > 0 && char_cnt % 4 < 2))
		return -EBADMSG;
	if (pad_cnt > 0) {
		/* The bits that padding cuts off are zero: one text, one value. */
		if ((bits & (pad_cnt == 2 ? 0xfu : 0x3u)) != 0)
			return -EBADMSG;
		if (size - done < 3 - pad_cnt)
			return -EFBIG;
		out[done++] = (uint8_t)(pad_cnt == 2 ? bits >> 4 : bits >> 10);
		if (pad_cnt == 1)
			out[done++] = (uint8_t)(bits >> 2);
	}
	*out_len = done;
	return 0;
}

#define LINE_BYTES 48 /* 64 characters */

size_t pki_pem_size(const char *label, size_t der_len)
{
	size_t line_cnt = (der_len + LINE_BYTES - 1) / LINE_BYTES;

	return strlen("-----BEGIN -----\n-----END -----\n") + 2 * strlen(label) +
	       (der_len + 2) / 3 * 4 + line_cnt + 1;
}

static char *write_group(char *p, const uint8_t *in, size_t len)
{
	static const char alphabet[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	uint32_t bits = (uint32_t)in[0] << 16 | (len > 1 ? (uint32_t)in[1] << 8 : 0) |
			(len > 2 ? in[2] : 0);

	*p++ = alphabet[bits >> 18];
	*p++ = alphabet[bits >> 12 & 63];
	*p++ = len > 1 ? alphabet[bits >> 6 & 63] : '=';
	*p++ = len > 2 ? alphabet[bits & 63] : '=';
	return p;
}

void pki_pem_write(const char *label, const uint8_t *der, size_t der_len, char *out, size_t size)
{
	char *p = out;
	size_t i;

	assert(size >= pki_pem_size(label, der_len));
	p += sprintf(p, "-----BEGIN %s-----\n", label);
	for (i = 0; i < der_len; i += 3) {
		p = write_group(p, der + i, der_len - i);
		if (i % LINE_BYTES == LINE_BYTES - 3 || i + 3 >= der_len)
			*p++ = '\n';
	}
	p += sprintf(p, "-----END %s-----\n", label);
}
