/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Numbers modulo p = 2^384 - 2^128 - 2^96 + 2^32 - 1 in six words, kept times 2^384 (Montgomery), and points
 * of P-384 with them: two sums go on at the same time, one by each of the two carries that adcx and adox
 * have. Nothing branches on a number or takes one for an address. points_adx.h says what is called.
 */
#define NUMBER_LEN 48
#define NAME(name) p384_##name##_adx

	.section .rodata
	.balign 8
prime0:
	.quad	0xffffffff
prime1:
	.quad	0xffffffff00000000

/* Where a result is. */
#define V0 %r14
#define V1 %r15
#define V2 %r8
#define V3 %r9
#define V4 %r10
#define V5 %r11

/* t7:t6..t0 += the word b of rbp times the number at rbx; t7 is new. */
.macro row b, t0, t1, t2, t3, t4, t5, t6, t7
	mov	\b(%rbp), %rdx
	xor	\t7, \t7
	mulx	0(%rbx), %rax, %rcx
	adcx	%rax, \t0
	adox	%rcx, \t1
	mulx	8(%rbx), %rax, %rcx
	adcx	%rax, \t1
	adox	%rcx, \t2
	mulx	16(%rbx), %rax, %rcx
	adcx	%rax, \t2
	adox	%rcx, \t3
	mulx	24(%rbx), %rax, %rcx
	adcx	%rax, \t3
	adox	%rcx, \t4
	mulx	32(%rbx), %rax, %rcx
	adcx	%rax, \t4
	adox	%rcx, \t5
	mulx	40(%rbx), %rax, %rcx
	adcx	%rax, \t5
	adox	%rcx, \t6
	adcx	\t7, \t6
	adox	\t7, \t7
	adc	$0, \t7
.endm

/*
 * Adds q p, which clears t0: q = t0 + 2^32 t0, for -1 / p is 2^32 + 1 modulo 2^64. q p = 2^384 q - e, e =
 * (2^128 + 2^96 - 2^32 + 1) q, whose lowest word is t0. e is zero if q is; so none of the borrows
 * that are taken off q is too much.
 */
.macro clear t0, t1, t2, t3, t4, t5, t6, t7
	mov	\t0, %rax
	shl	$32, %rax
	add	%rax, \t0
	rorx	$32, \t0, %rcx
	mov	%ecx, %ecx
	mov	\t0, %rdx
	sbb	%rcx, %rax
	sbb	$0, %rdx
	add	%rcx, %rdx
	mov	$0, %ecx
	adc	$0, %ecx
	sub	%rax, \t1
	sbb	%rdx, \t2
	sbb	%rcx, \t3
	sbb	$0, \t4
	sbb	$0, \t5
	sbb	$0, \t0
	add	\t0, \t6
	adc	$0, \t7
.endm

/* What eax:V5..V0 is modulo p. Of numbers below 2 p. */
.macro less
	mov	V0, %rcx
	mov	V1, %rdx
	mov	V2, %rbx
	mov	V3, %rbp
	mov	V4, %r12
	mov	V5, %r13
	sub	prime0(%rip), %rcx
	sbb	prime1(%rip), %rdx
	sbb	$-2, %rbx
	sbb	$-1, %rbp
	sbb	$-1, %r12
	sbb	$-1, %r13
	sbb	$0, %eax
	cmovnc	%rcx, V0
	cmovnc	%rdx, V1
	cmovnc	%rbx, V2
	cmovnc	%rbp, V3
	cmovnc	%r12, V4
	cmovnc	%r13, V5
.endm

	.text
	.balign	64
/* Of the numbers at rbx and rbp. */
product_of_two:
	xor	%r8d, %r8d
	xor	%r9d, %r9d
	xor	%r10d, %r10d
	xor	%r11d, %r11d
	xor	%r12d, %r12d
	xor	%r13d, %r13d
	xor	%r14d, %r14d
	row	0, %r8, %r9, %r10, %r11, %r12, %r13, %r14, %r15
	clear	%r8, %r9, %r10, %r11, %r12, %r13, %r14, %r15
	row	8, %r9, %r10, %r11, %r12, %r13, %r14, %r15, %r8
	clear	%r9, %r10, %r11, %r12, %r13, %r14, %r15, %r8
	row	16, %r10, %r11, %r12, %r13, %r14, %r15, %r8, %r9
	clear	%r10, %r11, %r12, %r13, %r14, %r15, %r8, %r9
	row	24, %r11, %r12, %r13, %r14, %r15, %r8, %r9, %r10
	clear	%r11, %r12, %r13, %r14, %r15, %r8, %r9, %r10
	row	32, %r12, %r13, %r14, %r15, %r8, %r9, %r10, %r11
	clear	%r12, %r13, %r14, %r15, %r8, %r9, %r10, %r11
	row	40, %r13, %r14, %r15, %r8, %r9, %r10, %r11, %r12
	clear	%r13, %r14, %r15, %r8, %r9, %r10, %r11, %r12
	mov	%r12d, %eax
	less
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
	product	\a, \a
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
