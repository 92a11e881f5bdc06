/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What p256_adx.S and p384_adx.S have: numbers modulo p of four or six words, the lowest first, and points
 * X, Y, Z of such side by side. Results are below p; a result may be an operand. Takes the same time
 * whatever the numbers are, and leaves what it computed on the stack: who calls wipes.
 */
#pragma once

#include <stdint.h>

#define POINTS_ADX(curve)                                                              \
	/* a b / 2^(64 words). One of the two is below p, the other is any number. */  \
	void curve##_mul_adx(uint64_t *r, const uint64_t *a, const uint64_t *b);       \
	void curve##_sub_adx(uint64_t *r, const uint64_t *a, const uint64_t *b);       \
	/* cnt squarings in the same sense, not 0 */                                   \
	void curve##_square_adx(uint64_t *r, unsigned cnt);                            \
	/* cnt doublings, not 0. Infinity (Z = 0) stays infinity. */                   \
	void curve##_double_adx(uint64_t *p, unsigned cnt);                            \
	/* p + q in p, of points that are neither equal nor opposite, nor infinity. */ \
	void curve##_sum_adx(uint64_t *p, const uint64_t *q);                          \
	/* Z of q is 1 (2^(64 words) modulo p, that is); only X and Y are read. */     \
	void curve##_sum_affine_adx(uint64_t *p, const uint64_t *q)
POINTS_ADX(p256);
POINTS_ADX(p384);
