/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Scalar multiplication on P-256 (SEC 2, secp256r1) eight at a time. Numbers lie in four 64-bit words,
 * the lowest first, of all lanes side by side. Takes the same time whatever scalar, point and result
 * are. _ifma needs a processor with AVX-512 IFMA; _plain is the same code in plain C.
 */
#pragma once

#include <stdint.h>

#include "dataplane/core/lanes.h"

#define P256_LIMB_CNT   5
#define P256_WINDOW_CNT 52 /* of 5 bits */
#define P256_DIGIT_MAX  16 /* digits are signed */

/* multiple[j][d - 1] = d 32^j G: affine, as limbs of 52 bits times 2^260 modulo p. */
struct p256_table {
	uint64_t multiple[P256_WINDOW_CNT][P256_DIGIT_MAX][2][P256_LIMB_CNT];
};

struct p256_lanes {
	uint64_t scalar[4][LANES_CNT]; /* in: 1 to n - 1 */
	uint64_t x[4][LANES_CNT];      /* in: a point; out: the result, below p */
	uint64_t y[4][LANES_CNT];
	uint64_t is_good[LANES_CNT]; /* out: all ones, or zero: refused, the result is zero */
} __attribute__((aligned(64)));

/* The result is scalar G. Refuses no scalar but 0 and those from n on. */
void p256_base_ifma(struct p256_lanes *l, const struct p256_table *t);
void p256_base_plain(struct p256_lanes *l, const struct p256_table *t);
/* x of scalar (x, y); y becomes zero. Refuses coordinates from p on and points off the curve, too. */
void p256_point_ifma(struct p256_lanes *l);
void p256_point_plain(struct p256_lanes *l);
