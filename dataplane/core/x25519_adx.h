/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * X25519 (RFC 7748 5) one at a time, by code of our own for x86-64 with ADX and BMI2. Takes the same time
 * whatever scalar and point are, and leaves what it computed on the stack: who calls wipes.
 */
#pragma once

#include <stdint.h>

/* Secret: to be in locked memory, and to be wiped after each call. */
struct x25519_work {
	uint64_t x2[4], z2[4], x3[4], z3[4], x1[4]; /* in this order: the ladder of the steps */
	uint64_t power[4][4];
	uint8_t scalar[32];
};

/* Any scalar, it is clamped here; any u, as bytes. An all-zero result is not refused. */
void x25519_adx(struct x25519_work *w, const uint8_t *scalar, const uint8_t *u, uint8_t *result);

/* Numbers of four words modulo 2^255 - 19; r may be an operand, and is any such number. */
void x25519_mul_adx(uint64_t *r, const uint64_t *a, const uint64_t *b);
void x25519_square_adx(uint64_t *r, unsigned cnt); /* squared as often, not 0 */
/* A step of the ladder, which begins at x2. swap: not 0 if the two points change places before. */
void x25519_step_adx(uint64_t *ladder, unsigned swap);
