/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The digest of a part, by its version: SHA-256 of all its bytes, or, of a set of millions of
 * entries, of a tag for each chunk of it. A tag is GMAC under a key that is no secret: it tells
 * damage, and one set from another, since whoever chooses what is revoked does not choose the bytes
 * of a set, which are keyed hashes. It takes a sixth of the time, and chunks can be tagged as they
 * are made, by several threads. For pki/view/ and pki/store/part_writer.c.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pki/view/snapshot.h"

#define RK_PART_CHUNK   ((size_t)1 << 16)
#define RK_PART_TAG_LEN 16

/* The part's version is the one with tags. */
bool rk_part_is_chunked(const struct rk_part_header *header);
/* Chunks that tags are taken of. */
size_t rk_part_chunk_cnt(size_t part_len);
/* Of chunk i; the header is in none. 0 or -EIO. Any thread. */
int rk_part_chunk_tag(
	const uint8_t *part, size_t part_len, size_t i, uint8_t tag[RK_PART_TAG_LEN]) RK_MUST_CHECK;
/*
 * The digest from what follows the header: the tags of all chunks, one after the other, or the part's
 * own bytes. 0, -ENOMEM, -EIO.
 */
int rk_part_digest_rest(const struct rk_part_header *header, const uint8_t *rest, size_t rest_len,
	uint8_t out[RK_DIGEST_LEN]) RK_MUST_CHECK;
