/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Agreement on a prime curve and X25519, one at a time, by code of our own for x86-64 with ADX, BMI2 and AVX2: for
 * who cannot wait until there are eight. Takes the same time whatever the secret is; shares are public,
 * and a bad one is refused early.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "dataplane/core/x25519_adx.h"
#include "pki/view/bytes.h"

#define SINGLE_WORD_MAX  6  /* of 64 bits: a number of P-384 */
#define SINGLE_DIGIT_MAX 16 /* windows of five bits, digits are signed */

/* X, Y, Z, Z^2 side by side, in as many words as the curve's numbers have. */
struct single_point {
	uint64_t word[4 * SINGLE_WORD_MAX];
} __attribute__((aligned(32)));

/* Secret: to be in locked memory, and to be wiped after each call. */
struct single_work {
	struct single_point multiple[SINGLE_DIGIT_MAX];
	struct single_point sum, alone, added;
	uint64_t scalar[SINGLE_WORD_MAX], other[SINGLE_WORD_MAX], spare[SINGLE_WORD_MAX];
	uint64_t power[6][SINGLE_WORD_MAX];
	uint64_t is_negated, is_begun;
};

struct single_curve;
struct single_table; /* multiples of a base point */

struct single_code {
	const struct single_curve *p256, *p384;
	/* Of P-384, computed at the first call: some 20 ms. Any thread; for as long as the process lives. */
	const struct single_table *(*p384_table)(void);
	/*
	 * x of secret times the peer's point, as bytes, the highest first. false: the secret is not from 1
	 * to n - 1, or the share no uncompressed point of the curve with coordinates below p.
	 */
	bool (*agree)(const struct single_curve *c, struct single_work *w, const uint8_t *secret,
		const uint8_t *share, uint8_t *shared) RK_MUST_CHECK;
	/* The share of a secret; the table is the curve's. false: the secret is not from 1 to n - 1. */
	bool (*share)(const struct single_curve *c, const struct single_table *t,
		struct single_work *w, const uint8_t *secret, uint8_t *share) RK_MUST_CHECK;
	/* As x25519_adx.h says. */
	void (*x25519)(
		struct x25519_work *w, const uint8_t *scalar, const uint8_t *u, uint8_t *result);
};
extern const struct single_code single_adx;
