/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Numbers modulo p = 2^384 - 2^128 - 2^96 + 2^32 - 1 in six words, kept times 2^384 (Montgomery), and points
 * of P-384 with them: two sums go on at the same time, one by each of the two carries that adcx and adox
 * have. The whole product comes first, as in p256_adx.S. Nothing branches on a number or takes one for an
 * address. points_adx.h says what is called.
 */
#define NUMBER_LEN 48
#define NAME(name) p384_##name##_adx

	.section .rodata
	.balign 8
prime0:
	.quad	0xffffffff
prime1:
	.quad	0xffffffff00000000

/* Where a number is that is computed with. */
#define V0 %r8
#define V1 %r9
#define V2 %r10
#define V3 %r11
#define V4 %r12
#define V5 %r13

/* t1:t0 += the word at a times rdx. */
.macro add_product a, t0, t1
	mulx	\a(%rbx), %rax, %rcx
	adcx	%rax, \t0
	adox	%rcx, \t1
.endm

/* t6..t0 += the word b of rbp times the number at rbx; t6 is new. t0 goes to the stack. */
.macro row b, t0, t1, t2, t3, t4, t5, t6
	mov	\b(%rbp), %rdx
	xor	\t6, \t6
	add_product 0, \t0, \t1
	add_product 8, \t1, \t2
	add_product 16, \t2, \t3
	add_product 24, \t3, \t4
	add_product 32, \t4, \t5
	add_product 40, \t5, \t6
	adc	$0, \t6
	mov	\t0, \b(%rsp)
.endm

/*
 * Adds q p, which clears t0: q = t0 + 2^32 t0, for -1 / p is 2^32 + 1 modulo 2^64. q p = 2^384 q - e with e =
 * (2^128 + 2^96 - 2^32 + 1) q, whose lowest word is t0; q becomes the highest word. It is zero only if e
 * is. rax: what the last one has borrowed, of t3.
 */
.macro clear t0, t1, t2, t3
	mov	\t0, %rdx
	shl	$32, %rdx
	add	%rdx, \t0
	rorx	$32, \t0, %rcx
	mov	%ecx, %r14d
	mov	\t0, %rbx
	sbb	%r14, %rdx
	sbb	$0, %rbx
	add	%r14, %rbx
	adc	$0, %rax
	sub	%rdx, \t1
	sbb	%rbx, \t2
	sbb	%rax, \t3
	mov	$0, %eax
	adc	$0, %eax
.endm

/* What eax:V5..V0 is modulo p. Of numbers below 2 p. */
.macro less
	mov	V0, %rcx
	mov	V1, %rdx
	mov	V2, %rbx
	mov	V3, %rbp
	mov	V4, %r14
	mov	V5, %r15
	sub	prime0(%rip), %rcx
	sbb	prime1(%rip), %rdx
	sbb	$-2, %rbx
	sbb	$-1, %rbp
	sbb	$-1, %r14
	sbb	$-1, %r15
	sbb	$0, %eax
	cmovnc	%rcx, V0
	cmovnc	%rdx, V1
	cmovnc	%rbx, V2
	cmovnc	%rbp, V3
	cmovnc	%r14, V4
	cmovnc	%r15, V5
.endm

/*
 * V5..V0: the twelve words, of which the upper six are on the stack, divided by 2^384, modulo p. The lower
 * half gives at most p, the upper half of a product that is below 2^384 p is below p.
 */
.macro reduce
	xor	%eax, %eax
	clear	V0, V1, V2, V3
	clear	V1, V2, V3, V4
	clear	V2, V3, V4, V5
	clear	V3, V4, V5, V0
	clear	V4, V5, V0, V1
	clear	V5, V0, V1, V2
	sub	%rax, V3
	sbb	$0, V4
	sbb	$0, V5
	xor	%eax, %eax
	add	48(%rsp), V0
	adc	56(%rsp), V1
	adc	64(%rsp), V2
	adc	72(%rsp), V3
	adc	80(%rsp), V4
	adc	88(%rsp), V5
	adc	$0, %eax
	less
.endm

	.text
	.balign	64
/* Of the numbers at rbx and rbp. */
product_of_two:
	sub	$96, %rsp
	mov	0(%rbp), %rdx
	mulx	0(%rbx), %r8, %r9
	mulx	8(%rbx), %rax, %r10
	add	%rax, %r9
	mulx	16(%rbx), %rax, %r11
	adc	%rax, %r10
	mulx	24(%rbx), %rax, %r12
	adc	%rax, %r11
	mulx	32(%rbx), %rax, %r13
	adc	%rax, %r12
	mulx	40(%rbx), %rax, %r14
	adc	%rax, %r13
	adc	$0, %r14
	mov	%r8, 0(%rsp)
	row	8, %r9, %r10, %r11, %r12, %r13, %r14, %r8
	row	16, %r10, %r11, %r12, %r13, %r14, %r8, %r9
	row	24, %r11, %r12, %r13, %r14, %r8, %r9, %r10
	row	32, %r12, %r13, %r14, %r8, %r9, %r10, %r11
	row	40, %r13, %r14, %r8, %r9, %r10, %r11, %r12
	mov	%r14, 48(%rsp)
	mov	%r8, 56(%rsp)
	mov	%r9, 64(%rsp)
	mov	%r10, 72(%rsp)
	mov	%r11, 80(%rsp)
	mov	%r12, 88(%rsp)
	mov	0(%rsp), V0
	mov	8(%rsp), V1
	mov	16(%rsp), V2
	mov	24(%rsp), V3
	mov	32(%rsp), V4
	reduce
	add	$96, %rsp
	ret

	.balign	64
/* Of the number at rbx. Products of two different words come twice. */
square_of_one:
	sub	$96, %rsp
	mov	0(%rbx), %rdx
	mulx	8(%rbx), %r9, %r10
	mulx	16(%rbx), %rax, %r11
	add	%rax, %r10
	mulx	24(%rbx), %rax, %r12
	adc	%rax, %r11
	mulx	32(%rbx), %rax, %r13
	adc	%rax, %r12
	mulx	40(%rbx), %rax, %r14
	adc	%rax, %r13
	adc	$0, %r14
	mov	8(%rbx), %rdx
	xor	%r15, %r15
	add_product 16, %r11, %r12
	add_product 24, %r12, %r13
	add_product 32, %r13, %r14
	add_product 40, %r14, %r15
	adc	$0, %r15
	mov	16(%rbx), %rdx
	xor	%rbp, %rbp
	add_product 24, %r13, %r14
	add_product 32, %r14, %r15
	add_product 40, %r15, %rbp
	adc	$0, %rbp
	mov	24(%rbx), %rdx
	xor	%r8, %r8
	add_product 32, %r15, %rbp
	add_product 40, %rbp, %r8
	adc	$0, %r8
	mov	32(%rbx), %rdx
	mulx	40(%rbx), %rax, %rcx
	add	%rax, %r8
	adc	$0, %rcx
	mov	%rcx, %rax
	shr	$63, %rax
	mov	%rax, 88(%rsp)
	shld	$1, %r8, %rcx
	shld	$1, %rbp, %r8
	shld	$1, %r15, %rbp
	shld	$1, %r14, %r15
	shld	$1, %r13, %r14
	shld	$1, %r12, %r13
	shld	$1, %r11, %r12
	shld	$1, %r10, %r11
	shld	$1, %r9, %r10
	add	%r9, %r9
	mov	0(%rbx), %rdx
	mulx	%rdx, %rax, %rdx
	mov	%rax, 0(%rsp)
	add	%rdx, %r9
	mov	8(%rbx), %rdx
	mulx	%rdx, %rax, %rdx
	adc	%rax, %r10
	adc	%rdx, %r11
	mov	16(%rbx), %rdx
	mulx	%rdx, %rax, %rdx
	adc	%rax, %r12
	adc	%rdx, %r13
	mov	24(%rbx), %rdx
	mulx	%rdx, %rax, %rdx
	adc	%rax, %r14
	adc	%rdx, %r15
	mov	32(%rbx), %rdx
	mulx	%rdx, %rax, %rdx
	adc	%rax, %rbp
	adc	%rdx, %r8
	mov	40(%rbx), %rdx
	mulx	%rdx, %rax, %rdx
	adc	%rax, %rcx
	adc	%rdx, 88(%rsp)
	mov	%r14, 48(%rsp)
	mov	%r15, 56(%rsp)
	mov	%rbp, 64(%rsp)
	mov	%r8, 72(%rsp)
	mov	%rcx, 80(%rsp)
	mov	0(%rsp), V0
	reduce
	add	$96, %rsp
	ret

.macro put r
	mov	V0, 0+\r
	mov	V1, 8+\r
	mov	V2, 16+\r
	mov	V3, 24+\r
	mov	V4, 32+\r
	mov	V5, 40+\r
.endm

.macro take a
	mov	0+\a, V0
	mov	8+\a, V1
	mov	16+\a, V2
	mov	24+\a, V3
	mov	32+\a, V4
	mov	40+\a, V5
.endm

.macro product a, b
	lea	\a, %rbx
	lea	\b, %rbp
	call	product_of_two
.endm

.macro square a
	lea	\a, %rbx
	call	square_of_one
.endm

/* rcx, rdx, rbx, and rax three times: p where rax is all ones, 0 where it is 0. */
.macro prime_where_ones
	mov	%eax, %ecx
	mov	%rax, %rdx
	xor	%rcx, %rdx
	lea	(%rax,%rax), %rbx
.endm

.macro add_prime_where_ones
	prime_where_ones
	add	%rcx, V0
	adc	%rdx, V1
	adc	%rbx, V2
	adc	%rax, V3
	adc	%rax, V4
	adc	%rax, V5
.endm

.macro subtract b
	sub	0+\b, V0
	sbb	8+\b, V1
	sbb	16+\b, V2
	sbb	24+\b, V3
	sbb	32+\b, V4
	sbb	40+\b, V5
	sbb	%rax, %rax
	add_prime_where_ones
.endm

/* eax: the carry */
.macro add_number a
	xor	%eax, %eax
	add	0+\a, V0
	adc	8+\a, V1
	adc	16+\a, V2
	adc	24+\a, V3
	adc	32+\a, V4
	adc	40+\a, V5
	adc	$0, %eax
.endm

.macro plus r, a, b
	take	\a
	add_number \b
	less
	put	\r
.endm

.macro three_halves r, a
	take	\a
	mov	V0, %rax
	and	$1, %eax
	neg	%rax
	add_prime_where_ones
	sbb	%rax, %rax
	shrd	$1, V1, V0
	shrd	$1, V2, V1
	shrd	$1, V3, V2
	shrd	$1, V4, V3
	shrd	$1, V5, V4
	shrd	$1, %rax, V5
	add_number \a
	neg	%rax
	prime_where_ones
	sub	%rcx, V0
	sbb	%rdx, V1
	sbb	%rbx, V2
	sbb	%rax, V3
	sbb	%rax, V4
	sbb	%rax, V5
	put	\r
.endm

#include "dataplane/core/points_adx.inc"
