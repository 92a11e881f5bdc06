/* SPDX-License-Identifier: BSD-3-Clause */
#include "pki/view/bytes.h"

#include <endian.h>
#include <string.h>

void rk_reader_init(struct rk_reader *r, const void *data, size_t len)
{
	r->next = data;
	r->end = len > 0 ? r->next + len : r->next;
	r->is_failed = false;
}

size_t rk_reader_left(const struct rk_reader *r)
{
	return (size_t)(r->end - r->next);
}

const uint8_t *rk_read_bytes(struct rk_reader *r, size_t len)
{
	const uint8_t *p = r->next;

	if (r->is_failed || len > rk_reader_left(r)) {
		r->is_failed = true;
		return NULL;
	}
	if (len > 0)
		r->next += len;
	return p;
}

void rk_read_copy(struct rk_reader *r, void *out, size_t len)
{
	const uint8_t *p;

	if (len == 0)
		return;
	p = rk_read_bytes(r, len);
	if (p != NULL)
		memcpy(out, p, len);
	else
		memset(out, 0, len);
}

uint8_t rk_read_u8(struct rk_reader *r)
{
	uint8_t v;

	rk_read_copy(r, &v, sizeof(v));
	return v;
}

uint16_t rk_read_u16(struct rk_reader *r)
{
	uint16_t v;

	rk_read_copy(r, &v, sizeof(v));
	return be16toh(v);
}

uint32_t rk_read_u32(struct rk_reader *r)
{
	uint32_t v;

	rk_read_copy(r, &v, sizeof(v));
	return be32toh(v);
}

uint64_t rk_read_u64(struct rk_reader *r)
{
	uint64_t v;

	rk_read_copy(r, &v, sizeof(v));
	return be64toh(v);
}

bool rk_reader_done(const struct rk_reader *r)
{
	return !r->is_failed && r->next == r->end;
}

void rk_writer_init(struct rk_writer *w, void *buf, size_t size)
{
	w->start = buf;
	w->next = buf;
	w->end = size > 0 ? w->start + size : w->start;
	w->is_failed = false;
}

uint8_t *rk_write_reserve(struct rk_writer *w, size_t len)
{
	uint8_t *p = w->next;

	if (w->is_failed || len > (size_t)(w->end - w->next)) {
		w->is_failed = true;
		return NULL;
	}
	if (len > 0)
		w->next += len;
	return p;
}

void rk_write_bytes(struct rk_writer *w, const void *data, size_t len)
{
	uint8_t *p;

	if (len == 0)
		return;
	p = rk_write_reserve(w, len);
	if (p != NULL)
		memcpy(p, data, len);
}

void rk_write_u8(struct rk_writer *w, uint8_t v)
{
	rk_write_bytes(w, &v, sizeof(v));
}

void rk_write_u16(struct rk_writer *w, uint16_t v)
{
	v = htobe16(v);
	rk_write_bytes(w, &v, sizeof(v));
}

void rk_write_u32(struct rk_writer *w, uint32_t v)
{
	v = htobe32(v);
	rk_write_bytes(w, &v, sizeof(v));
}

void rk_write_u64(struct rk_writer *w, uint64_t v)
{
	v = htobe64(v);
	rk_write_bytes(w, &v, sizeof(v));
}

size_t rk_writer_len(const struct rk_writer *w)
{
	return (size_t)(w->next - w->start);
}

bool rk_bytes_are_zero(const void *data, size_t len)
{
	const uint8_t *p = data;
	uint8_t any = 0;

	for (size_t i = 0; i < len; i++)
		any |= p[i];
	return any == 0;
}
