/* SPDX-License-Identifier: BSD-3-Clause */
#include "pki/x509/siphash.h"

#include <assert.h>
#include <endian.h>
#include <string.h>

static inline uint64_t rotate(uint64_t x, unsigned n)
{
	return x << n | x >> (64 - n);
}

static inline void round_once(uint64_t v[4])
{
	v[0] += v[1];
	v[1] = rotate(v[1], 13) ^ v[0];
	v[0] = rotate(v[0], 32);
	v[2] += v[3];
	v[3] = rotate(v[3], 16) ^ v[2];
	v[0] += v[3];
	v[3] = rotate(v[3], 21) ^ v[0];
	v[2] += v[1];
	v[1] = rotate(v[1], 17) ^ v[2];
	v[2] = rotate(v[2], 32);
}

static inline void take(uint64_t v[4], uint64_t block)
{
	v[3] ^= block;
	round_once(v);
	round_once(v);
	v[0] ^= block;
}

static inline uint64_t load(const uint8_t *p)
{
	uint64_t x;

	memcpy(&x, p, sizeof(x));
	return le64toh(x);
}

/* What is left of a message, fewer bytes than eight. */
static inline uint64_t load_last(const uint8_t *p, size_t len)
{
	uint64_t x = 0;

	for (size_t i = 0; i < len; i++)
		x |= (uint64_t)p[i] << (8 * i);
	return x;
}

void pki_siphash_init(struct pki_siphash *s, const uint8_t key[PKI_SIPHASH_KEY_LEN])
{
	uint64_t k0 = load(key), k1 = load(key + 8);

	s->v[0] = k0 ^ UINT64_C(0x736f6d6570736575);
	s->v[1] = k1 ^ UINT64_C(0x646f72616e646f6d) ^ 0xee; /* 0xee: the long output */
	s->v[2] = k0 ^ UINT64_C(0x6c7967656e657261);
	s->v[3] = k1 ^ UINT64_C(0x7465646279746573);
	s->len = 0;
}

void pki_siphash_blocks(struct pki_siphash *s, const uint8_t *data, size_t len)
{
	for (size_t i = 0; i + 8 <= len; i += 8)
		take(s->v, load(data + i));
	s->len += len;
}

void pki_siphash_final(
	const struct pki_siphash *s, const uint8_t *data, size_t len, uint8_t out[PKI_SIPHASH_LEN])
{
	uint64_t v[4] = {s->v[0], s->v[1], s->v[2], s->v[3]};
	uint64_t last = (uint64_t)(s->len + len) << 56;
	uint64_t half;
	size_t i;

	for (i = 0; i + 8 <= len; i += 8)
		take(v, load(data + i));
	take(v, last | load_last(data + i, len - i));
	v[2] ^= 0xee;
	for (i = 0; i < 4; i++)
		round_once(v);
	half = htole64(v[0] ^ v[1] ^ v[2] ^ v[3]);
	memcpy(out, &half, sizeof(half));
	v[1] ^= 0xdd;
	for (i = 0; i < 4; i++)
		round_once(v);
	half = htole64(v[0] ^ v[1] ^ v[2] ^ v[3]);
	memcpy(out + 8, &half, sizeof(half));
}

/* ---- many at once ----------------------------------------------------------------------------- */

#define ROTATE(x, n) ((x) << (n) | (x) >> (64 - (n)))
#define ROUND                             \
	do {                              \
		v0 += v1, v2 += v3;       \
		v1 = ROTATE(v1, 13) ^ v0; \
		v3 = ROTATE(v3, 16) ^ v2; \
		v0 = ROTATE(v0, 32);      \
		v2 += v1, v0 += v3;       \
		v1 = ROTATE(v1, 17) ^ v2; \
		v3 = ROTATE(v3, 21) ^ v0; \
		v2 = ROTATE(v2, 32);      \
	} while (0)

static inline uint64_t load_half(const uint8_t *p)
{
	uint32_t x;

	memcpy(&x, p, sizeof(x));
	return le32toh(x);
}

/*
 * Of each message what stands there. Loaded into a register, not by way of memory: a vector that is read
 * where its parts were just written waits until all of them are there, and all that came before.
 */
static_assert(PKI_SIPHASH_LANES == 8, "as many as are listed");
#define LANES_OF(from, at, ...)                                                            \
	((lanes){from(data[0] + (at), ##__VA_ARGS__), from(data[1] + (at), ##__VA_ARGS__), \
		from(data[2] + (at), ##__VA_ARGS__), from(data[3] + (at), ##__VA_ARGS__),  \
		from(data[4] + (at), ##__VA_ARGS__), from(data[5] + (at), ##__VA_ARGS__),  \
		from(data[6] + (at), ##__VA_ARGS__), from(data[7] + (at), ##__VA_ARGS__)})

#define FUNCTION take_lanes
#define TARGET
#include "pki/x509/siphash_lanes.h"

#if defined(__x86_64__)
#define FUNCTION take_lanes_avx2
#define TARGET   __attribute__((target("avx2")))
#include "pki/x509/siphash_lanes.h"

#define FUNCTION take_lanes_avx512
#define TARGET   __attribute__((target("avx512f")))
#include "pki/x509/siphash_lanes.h"
#endif

void pki_siphash_final_lanes(const struct pki_siphash *s,
	const uint8_t *const data[PKI_SIPHASH_LANES], size_t len,
	uint64_t out[2][PKI_SIPHASH_LANES])
{
#if defined(__x86_64__)
	if (__builtin_cpu_supports("avx512f")) {
		take_lanes_avx512(s, data, len, out);
		return;
	}
	if (__builtin_cpu_supports("avx2")) {
		take_lanes_avx2(s, data, len, out);
		return;
	}
#endif
	take_lanes(s, data, len, out);
}
