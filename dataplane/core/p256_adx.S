/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Numbers modulo p = 2^256 - 2^224 + 2^192 + 2^96 - 1 in four words, kept times 2^256 (Montgomery), and
 * points of P-256 with them. Nothing branches on a number or takes one for an address. points_adx.h says what is called.
 *
 * What bounds the speed is how many additions with carry are run at a time: the whole product comes first,
 * for then the reduction of its lower half ends below p, with no carry to be handed on.
 */
#include "dataplane/core/words_adx.inc"

#define NAME(name) p256_##name##_adx

	.section .rodata
	.balign 8
two_to_32:
	.quad	0x100000000
prime1:
	.quad	0xffffffff
prime3:
	.quad	0xffffffff00000001

/*
 * Adds q p, which clears the word q: -1 / p is 1 modulo 2^64. What is left of q (p + 1) lies 32 bits above
 * and, times 2^64 - 2^32 + 1, three words above; q becomes the highest word.
 */
.macro clear q, t1, t2, t3
	mov	\q, %rdx
	mulx	two_to_32(%rip), %rax, %rcx
	mulx	prime3(%rip), %rbx, \q
	add	%rax, \t1
	adc	%rcx, \t2
	adc	%rbx, \t3
	adc	$0, \q
.endm

/* rax, rcx, 0, rdx: p where rax is all ones, 0 where it is 0. */
.macro prime_where_ones
	mov	%eax, %ecx
	mov	prime3(%rip), %rdx
	and	%rax, %rdx
.endm

.macro add_prime_where_ones
	prime_where_ones
	add	%rax, %r8
	adc	%rcx, %r9
	adc	$0, %r10
	adc	%rdx, %r11
.endm

/* r8..r11: what eax:r12..r15 is modulo p. Of numbers below 2 p. */
.macro less
	mov	%r12, %r8
	mov	%r13, %r9
	mov	%r14, %r10
	mov	%r15, %r11
	sub	$-1, %r8
	sbb	prime1(%rip), %r9
	sbb	$0, %r10
	sbb	prime3(%rip), %r11
	sbb	$0, %eax
	cmovc	%r12, %r8
	cmovc	%r13, %r9
	cmovc	%r14, %r10
	cmovc	%r15, %r11
.endm

/*
 * r8..r11: r8..r15 / 2^256 modulo p. The lower half gives at most p, the upper half of a product that
 * is below 2^256 p is below p.
 */
.macro reduce
	clear	%r8, %r9, %r10, %r11
	clear	%r9, %r10, %r11, %r8
	clear	%r10, %r11, %r8, %r9
	clear	%r11, %r8, %r9, %r10
	xor	%eax, %eax
	add	%r8, %r12
	adc	%r9, %r13
	adc	%r10, %r14
	adc	%r11, %r15
	adc	$0, %eax
	less
.endm

.macro product a, b
	whole_product \a, \b
	reduce
.endm

.macro square a
	whole_square \a
	reduce
.endm

.macro subtract b
	sub	0+\b, %r8
	sbb	8+\b, %r9
	sbb	16+\b, %r10
	sbb	24+\b, %r11
	sbb	%rax, %rax
	add_prime_where_ones
.endm

.macro plus r, a, b
	mov	0+\a, %r12
	mov	8+\a, %r13
	mov	16+\a, %r14
	mov	24+\a, %r15
	xor	%eax, %eax
	add	0+\b, %r12
	adc	8+\b, %r13
	adc	16+\b, %r14
	adc	24+\b, %r15
	adc	$0, %eax
	less
	put	\r
.endm

.macro three_halves r, a
	take	\a
	mov	%r8, %rax
	and	$1, %eax
	neg	%rax
	add_prime_where_ones
	sbb	%rax, %rax
	shrd	$1, %r9, %r8
	shrd	$1, %r10, %r9
	shrd	$1, %r11, %r10
	shrd	$1, %rax, %r11
	add	0+\a, %r8
	adc	8+\a, %r9
	adc	16+\a, %r10
	adc	24+\a, %r11
	sbb	%rax, %rax
	prime_where_ones
	sub	%rax, %r8
	sbb	%rcx, %r9
	sbb	$0, %r10
	sbb	%rdx, %r11
	put	\r
.endm

#include "dataplane/core/points_adx.inc"
