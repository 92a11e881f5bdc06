/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Reading and writing bytes that somebody else chose.
 *
 * Both cursors have a sticky error: after the first access that does not fit, every later one
 * reads zeros (or writes nothing) and one check at the end tells. All integers are big-endian.
 * No allocation, no global state; any thread, one cursor a thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define RK_MUST_CHECK __attribute__((warn_unused_result))

/* A borrowed run of bytes. */
struct rk_span {
	const uint8_t *data;
	size_t len;
};

static inline bool rk_span_equal(struct rk_span a, struct rk_span b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

struct rk_reader {
	const uint8_t *next;
	const uint8_t *end;
	bool is_failed;
};

void rk_reader_init(struct rk_reader *r, const void *data, size_t len);
size_t rk_reader_left(const struct rk_reader *r);
uint8_t rk_read_u8(struct rk_reader *r);
uint16_t rk_read_u16(struct rk_reader *r);
uint32_t rk_read_u32(struct rk_reader *r);
uint64_t rk_read_u64(struct rk_reader *r);
/* Borrows the next len bytes; NULL (and failed) when fewer are left. */
const uint8_t *rk_read_bytes(struct rk_reader *r, size_t len);
/* Copies the next len bytes out; zeros them on failure. */
void rk_read_copy(struct rk_reader *r, void *out, size_t len);
/* True when nothing failed and nothing is left: trailing bytes are an error. */
bool rk_reader_done(const struct rk_reader *r) RK_MUST_CHECK;

struct rk_writer {
	uint8_t *start;
	uint8_t *next;
	uint8_t *end;
	bool is_failed;
};

void rk_writer_init(struct rk_writer *w, void *buf, size_t size);
void rk_write_u8(struct rk_writer *w, uint8_t v);
void rk_write_u16(struct rk_writer *w, uint16_t v);
void rk_write_u32(struct rk_writer *w, uint32_t v);
void rk_write_u64(struct rk_writer *w, uint64_t v);
void rk_write_bytes(struct rk_writer *w, const void *data, size_t len);
/* Reserves len bytes to be filled later; NULL (and failed) when they do not fit. */
uint8_t *rk_write_reserve(struct rk_writer *w, size_t len);
size_t rk_writer_len(const struct rk_writer *w);

/* True for len 0. Not for secrets: takes as long as it takes. */
bool rk_bytes_are_zero(const void *data, size_t len) RK_MUST_CHECK;
