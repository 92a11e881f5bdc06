/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A certificate in pieces. Every piece but the last has FRAGMENT_LEN bytes, so index and total
 * length say exactly where a piece lies and how long it is: pieces cannot overlap, and one that
 * does not fit is refused. Bounded: RK_CERT_DER_MAX bytes, no allocation. One engine's thread.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "pki/view/bytes.h"
#include "pki/view/verdict.h"

#define FRAGMENT_LEN     1024 /* with every header inside a 1200-byte datagram */
#define FRAGMENT_CNT_MAX ((RK_CERT_DER_MAX + FRAGMENT_LEN - 1) / FRAGMENT_LEN)
static_assert(FRAGMENT_CNT_MAX <= 16, "the map of missing pieces is a u16");

struct fragments {
	uint16_t total_len; /* 0 = nothing has arrived */
	uint16_t missing;   /* bit i = piece i; meaningless before total_len is known */
	uint8_t data[RK_CERT_DER_MAX];
};

enum fragment_result {
	FRAGMENT_ADDED,
	FRAGMENT_REPEATED, /* had it: nothing changed */
	FRAGMENT_COMPLETE, /* that was the last one */
	FRAGMENT_REFUSED,  /* wrong total, index or length: nothing changed */
};

void fragments_init(struct fragments *f);
enum fragment_result fragments_add(struct fragments *f, uint16_t total_len, uint8_t index,
	const uint8_t *data, size_t len) RK_MUST_CHECK;
/* The map to ask for: every piece as long as nothing has arrived, 0 when complete. */
uint16_t fragments_missing(const struct fragments *f);

/* For the sender: where piece index of total_len bytes lies. Length 0 = there is no such piece. */
size_t fragment_span(uint16_t total_len, uint8_t index, size_t *offset);
