/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/core/x25519_adx.h"

#include <stddef.h>
#include <string.h>

typedef unsigned __int128 wide;

/* RFC 7748 5: the highest bit of u is not looked at. */
static void begin(struct x25519_work *w, const uint8_t *scalar, const uint8_t *u)
{
	memset(w, 0, sizeof(*w));
	memcpy(w->scalar, scalar, sizeof(w->scalar));
	w->scalar[0] &= 0xf8;
	w->scalar[31] = (w->scalar[31] & 0x7f) | 0x40;
	memcpy(w->x1, u, sizeof(w->x1));
	w->x1[3] &= UINT64_MAX >> 1;
	w->x2[0] = 1;
	memcpy(w->x3, w->x1, sizeof(w->x3));
	w->z3[0] = 1;
}

/* The last bit of a clamped scalar is 0: what a last swap would be for is in place. */
static void climb(struct x25519_work *w)
{
	unsigned before = 0;

	for (unsigned bit = 255; bit-- > 0;) {
		unsigned now = w->scalar[bit / 8] >> bit % 8 & 1;

		x25519_step_adx(w->x2, now ^ before);
		before = now;
	}
}

/* r = a^(2^cnt) b */
static void chain(uint64_t *r, const uint64_t *a, unsigned cnt, const uint64_t *b)
{
	uint64_t t[4];

	memcpy(t, a, sizeof(t));
	x25519_square_adx(t, cnt);
	x25519_mul_adx(r, t, b);
}

/* r = 1 / a: a^(p - 2), p - 2 = 2^255 - 21. Of 0 it is 0. eN = a^(2^N - 1) */
static void invert(struct x25519_work *w, uint64_t *r, const uint64_t *a)
{
	uint64_t *a11 = w->power[0], *e10 = w->power[1], *e50 = w->power[2], *e = w->power[3];

	chain(e10, a, 3, a); /* a^9 */
	x25519_mul_adx(a11, e10, a);
	x25519_mul_adx(a11, a11, a);
	chain(e, a11, 1, e10); /* e5: 22 + 9 */
	chain(e10, e, 5, e);
	chain(e, e10, 10, e10); /* e20 */
	chain(e, e, 20, e);     /* e40 */
	chain(e50, e, 10, e10);
	chain(e, e50, 50, e50); /* e100 */
	chain(e, e, 100, e);    /* e200 */
	chain(e, e, 50, e50);   /* e250 */
	chain(r, e, 5, a11);
}

/* Below p: 2^255 comes in below, 19 times; then p is taken off if it can be. */
static void reduce(uint64_t *a)
{
	uint64_t less[4], top = a[3] >> 63, mask;
	wide sum = (wide)a[0] + 19 * top;

	a[3] &= UINT64_MAX >> 1;
	for (unsigned i = 0; i < 4; i++) {
		a[i] = (uint64_t)sum;
		sum = (sum >> 64) + (i < 3 ? a[i + 1] : 0);
	}
	sum = (wide)a[0] + 19;
	for (unsigned i = 0; i < 4; i++) {
		less[i] = (uint64_t)sum;
		sum = (sum >> 64) + (i < 3 ? a[i + 1] : 0);
	}
	mask = 0 - (less[3] >> 63);
	__asm__("" : "+r"(mask)); /* the compiler is not to branch on it */
	less[3] &= UINT64_MAX >> 1;
	for (unsigned i = 0; i < 4; i++)
		a[i] ^= (a[i] ^ less[i]) & mask;
}

void x25519_adx(struct x25519_work *w, const uint8_t *scalar, const uint8_t *u, uint8_t *result)
{
	begin(w, scalar, u);
	climb(w);
	invert(w, w->z2, w->z2);
	x25519_mul_adx(w->x2, w->x2, w->z2);
	reduce(w->x2);
	memcpy(result, w->x2, sizeof(w->x2));
}
