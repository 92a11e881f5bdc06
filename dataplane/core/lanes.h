/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Eight 64-bit lanes, with the multiplication of AVX-512 IFMA: 52 by 52 bits, the lower or the upper
 * half of the product added to a lane. A file that is written on these is compiled twice: for such
 * a processor, and as plain C, which is what sanitizers, valgrind and other processors can run.
 *
 * No operation takes longer for one value than for another; none moves a lane where a branch or an
 * address could depend on it. Masks choose between lanes, they are not looked at.
 */
#pragma once

#include <stdint.h>

#define LANES_CNT 8

#ifdef __AVX512IFMA__
#include <immintrin.h>

#define LANES_NAME(name) name##_ifma

/* Nothing is left of loops over limbs, and numbers stay in registers. */
#define LANES_INLINE   static inline __attribute__((always_inline))
#define LANES_UNROLLED _Pragma("GCC unroll 16")

typedef __m512i lanes;
typedef __mmask8 lanes_mask;

static inline lanes lanes_load(const uint64_t v[LANES_CNT])
{
	return _mm512_loadu_si512(v);
}

static inline void lanes_store(uint64_t v[LANES_CNT], lanes a)
{
	_mm512_storeu_si512(v, a);
}

static inline lanes lanes_set(uint64_t v)
{
	return _mm512_set1_epi64((long long)v);
}

static inline lanes lanes_add(lanes a, lanes b)
{
	return _mm512_add_epi64(a, b);
}

static inline lanes lanes_sub(lanes a, lanes b)
{
	return _mm512_sub_epi64(a, b);
}

static inline lanes lanes_and(lanes a, lanes b)
{
	return _mm512_and_si512(a, b);
}

static inline lanes lanes_or(lanes a, lanes b)
{
	return _mm512_or_si512(a, b);
}

static inline lanes lanes_xor(lanes a, lanes b)
{
	return _mm512_xor_si512(a, b);
}

static inline lanes lanes_shl(lanes a, unsigned n)
{
	return _mm512_slli_epi64(a, n);
}

static inline lanes lanes_shr(lanes a, unsigned n)
{
	return _mm512_srli_epi64(a, n);
}

/* Arithmetic: the sign stays. */
static inline lanes lanes_sar(lanes a, unsigned n)
{
	return _mm512_srai_epi64(a, n);
}

/* sum + the lower 52 bits of a * b; of a and b the lower 52 bits count. */
static inline lanes lanes_mul_low(lanes sum, lanes a, lanes b)
{
	return _mm512_madd52lo_epu64(sum, a, b);
}

/* sum + (a * b >> 52) */
static inline lanes lanes_mul_high(lanes sum, lanes a, lanes b)
{
	return _mm512_madd52hi_epu64(sum, a, b);
}

/* Lanes where a and b have a bit in common. */
static inline lanes_mask lanes_test(lanes a, lanes b)
{
	return _mm512_test_epi64_mask(a, b);
}

static inline lanes_mask lanes_equal(lanes a, lanes b)
{
	return _mm512_cmpeq_epi64_mask(a, b);
}

/* yes where the mask is set, else no. */
static inline lanes lanes_choose(lanes_mask m, lanes yes, lanes no)
{
	return _mm512_mask_blend_epi64(m, no, yes);
}

/* Registers keep what was computed until somebody else needs them. */
static inline void lanes_forget(void)
{
	_mm256_zeroall();
	__asm__ volatile("vpxord %%zmm16,%%zmm16,%%zmm16\n\tvpxord %%zmm17,%%zmm17,%%zmm17\n\t"
			 "vpxord %%zmm18,%%zmm18,%%zmm18\n\tvpxord %%zmm19,%%zmm19,%%zmm19\n\t"
			 "vpxord %%zmm20,%%zmm20,%%zmm20\n\tvpxord %%zmm21,%%zmm21,%%zmm21\n\t"
			 "vpxord %%zmm22,%%zmm22,%%zmm22\n\tvpxord %%zmm23,%%zmm23,%%zmm23\n\t"
			 "vpxord %%zmm24,%%zmm24,%%zmm24\n\tvpxord %%zmm25,%%zmm25,%%zmm25\n\t"
			 "vpxord %%zmm26,%%zmm26,%%zmm26\n\tvpxord %%zmm27,%%zmm27,%%zmm27\n\t"
			 "vpxord %%zmm28,%%zmm28,%%zmm28\n\tvpxord %%zmm29,%%zmm29,%%zmm29\n\t"
			 "vpxord %%zmm30,%%zmm30,%%zmm30\n\tvpxord %%zmm31,%%zmm31,%%zmm31" ::
				 : "xmm16", "xmm17", "xmm18", "xmm19", "xmm20", "xmm21", "xmm22",
			 "xmm23", "xmm24", "xmm25", "xmm26", "xmm27", "xmm28", "xmm29", "xmm30",
			 "xmm31");
}

#else

#define LANES_NAME(name) name##_plain
#define LANES_INLINE     static inline
#define LANES_UNROLLED

typedef struct {
	uint64_t lane[LANES_CNT];
} lanes;
typedef struct {
	uint64_t lane[LANES_CNT]; /* all ones or zero */
} lanes_mask;

#define LANES_EACH(i) for (unsigned i = 0; i < LANES_CNT; i++)
#define LANES_BINARY(name, expression)             \
	static inline lanes name(lanes a, lanes b) \
	{                                          \
		lanes r;                           \
		LANES_EACH(i)                      \
		{                                  \
			uint64_t x = a.lane[i];    \
			uint64_t y = b.lane[i];    \
			r.lane[i] = expression;    \
		}                                  \
		return r;                          \
	}

LANES_BINARY(lanes_add, x + y)
LANES_BINARY(lanes_sub, x - y)
LANES_BINARY(lanes_and, x &y)
LANES_BINARY(lanes_or, x | y)
LANES_BINARY(lanes_xor, x ^ y)
#undef LANES_BINARY

static inline lanes lanes_load(const uint64_t v[LANES_CNT])
{
	lanes r;

	LANES_EACH(i) r.lane[i] = v[i];
	return r;
}

static inline void lanes_store(uint64_t v[LANES_CNT], lanes a)
{
	LANES_EACH(i) v[i] = a.lane[i];
}

static inline lanes lanes_set(uint64_t v)
{
	lanes r;

	LANES_EACH(i) r.lane[i] = v;
	return r;
}

static inline lanes lanes_shl(lanes a, unsigned n)
{
	LANES_EACH(i) a.lane[i] <<= n;
	return a;
}

static inline lanes lanes_shr(lanes a, unsigned n)
{
	LANES_EACH(i) a.lane[i] >>= n;
	return a;
}

static inline lanes lanes_sar(lanes a, unsigned n)
{
	LANES_EACH(i) a.lane[i] = (uint64_t)((int64_t)a.lane[i] >> n);
	return a;
}

static inline unsigned __int128 lanes_product(uint64_t a, uint64_t b)
{
	const uint64_t low52 = (UINT64_C(1) << 52) - 1;

	return (unsigned __int128)(a & low52) * (b & low52);
}

static inline lanes lanes_mul_low(lanes sum, lanes a, lanes b)
{
	LANES_EACH(i)
	{
		sum.lane[i] +=
			(uint64_t)lanes_product(a.lane[i], b.lane[i]) & ((UINT64_C(1) << 52) - 1);
	}
	return sum;
}

static inline lanes lanes_mul_high(lanes sum, lanes a, lanes b)
{
	LANES_EACH(i) sum.lane[i] += (uint64_t)(lanes_product(a.lane[i], b.lane[i]) >> 52);
	return sum;
}

/* All ones for zero. The compiler is not to find out that there are but two values, and to branch on it. */
static inline uint64_t lanes_is_zero(uint64_t v)
{
	uint64_t mask = ((v | (0 - v)) >> 63) - 1;

	__asm__("" : "+r"(mask));
	return mask;
}

static inline lanes_mask lanes_test(lanes a, lanes b)
{
	lanes_mask m;

	LANES_EACH(i) m.lane[i] = ~lanes_is_zero(a.lane[i] & b.lane[i]);
	return m;
}

static inline lanes_mask lanes_equal(lanes a, lanes b)
{
	lanes_mask m;

	LANES_EACH(i) m.lane[i] = lanes_is_zero(a.lane[i] ^ b.lane[i]);
	return m;
}

static inline lanes lanes_choose(lanes_mask m, lanes yes, lanes no)
{
	lanes r;

	LANES_EACH(i) r.lane[i] = (yes.lane[i] & m.lane[i]) | (no.lane[i] & ~m.lane[i]);
	return r;
}

static inline void lanes_forget(void)
{
}
#undef LANES_EACH
#endif
