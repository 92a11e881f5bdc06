/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * X25519 (RFC 7748 5) eight at a time, each lane a scalar and a point of its own. Numbers lie in
 * four 64-bit words, the lowest first, of all lanes side by side. Takes the same time whatever the
 * numbers are. _ifma needs a processor with AVX-512 IFMA; _plain is the same code in plain C.
 */
#pragma once

#include <stdint.h>

#include "dataplane/core/lanes.h"

struct x25519_lanes {
	uint64_t scalar[4][LANES_CNT]; /* in, clamped */
	uint64_t u[4][LANES_CNT]; /* in: any; out: the result, below p. All zero is not refused */
} __attribute__((aligned(64)));

void x25519_lanes_ifma(struct x25519_lanes *x);
void x25519_lanes_plain(struct x25519_lanes *x);
