/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Numbers modulo p = 2^255 - 19, and a step of the ladder of X25519 (RFC 7748 5) with them. Any number of
 * four words stands for what it is modulo p: what lies above 2^256 comes in below, 38 times.
 * Nothing branches on a number or takes one for an address. x25519_adx.h says what is called.
 */
#include "dataplane/core/words_adx.inc"
#define NAME(name) x25519_##name##_adx

/* r8..r11 + 38 times rax, which is below 2^58. If that has a carry, hardly anything is left. */
.macro fold
	add	%rax, %r8
	adc	$0, %r9
	adc	$0, %r10
	adc	$0, %r11
	sbb	%rax, %rax
	and	$38, %eax
	add	%rax, %r8
.endm

/* r8..r11: r8..r15 modulo p. */
.macro reduce
	mov	$38, %edx
	mulx	%r12, %rax, %rcx
	mulx	%r13, %rbx, %rbp
	add	%rbx, %rcx
	mulx	%r14, %rbx, %r12
	adc	%rbx, %rbp
	mulx	%r15, %rbx, %r13
	adc	%rbx, %r12
	adc	$0, %r13
	add	%rax, %r8
	adc	%rcx, %r9
	adc	%rbp, %r10
	adc	%r12, %r11
	adc	$0, %r13
	imul	$38, %r13, %rax
	fold
.endm

.macro product a, b
	whole_product \a, \b
	reduce
.endm

.macro square a
	whole_square \a
	reduce
.endm

.macro add_number b
	add	0+\b, %r8
	adc	8+\b, %r9
	adc	16+\b, %r10
	adc	24+\b, %r11
	sbb	%rax, %rax
	and	$38, %eax
	fold
.endm

.macro subtract b
	sub	0+\b, %r8
	sbb	8+\b, %r9
	sbb	16+\b, %r10
	sbb	24+\b, %r11
	sbb	%rax, %rax
	and	$38, %eax
	sub	%rax, %r8
	sbb	$0, %r9
	sbb	$0, %r10
	sbb	$0, %r11
	sbb	%rax, %rax
	and	$38, %eax
	sub	%rax, %r8
.endm

/* r = a + (A - 2) / 4 b, A = 486662 */
.macro add_multiple r, a, b
	mov	$121665, %edx
	mulx	0+\b, %r8, %r9
	mulx	8+\b, %rax, %r10
	add	%rax, %r9
	mulx	16+\b, %rax, %r11
	adc	%rax, %r10
	mulx	24+\b, %rax, %r12
	adc	%rax, %r11
	adc	$0, %r12
	add	0+\a, %r8
	adc	8+\a, %r9
	adc	16+\a, %r10
	adc	24+\a, %r11
	adc	$0, %r12
	imul	$38, %r12, %rax
	fold
	put	\r
.endm

.macro plus r, a, b
	take	\a
	add_number \b
	put	\r
.endm

#include "dataplane/core/numbers_adx.inc"

/* Where the zero flag is clear, the word at offset i of two pairs of numbers changes places. */
.macro swap_word i
	mov	\i(%rdi), %rax
	mov	64+\i(%rdi), %rcx
	mov	%rax, %rdx
	cmovnz	%rcx, %rax
	cmovnz	%rdx, %rcx
	mov	%rax, \i(%rdi)
	mov	%rcx, 64+\i(%rdi)
.endm

/* (ladder, swap) */
#define X2 AT(0, (%rdi))
#define Z2 AT(1, (%rdi))
#define X3 AT(2, (%rdi))
#define Z3 AT(3, (%rdi))
#define X1 AT(4, (%rdi))
#define A AT(0, (%rsp))
#define B AT(1, (%rsp))
#define C AT(2, (%rsp))
#define D AT(3, (%rsp))
#define DA AT(4, (%rsp))
#define CB AT(5, (%rsp))
begin NAME(step)
	enter	6
	test	%esi, %esi
	swap_word 0
	swap_word 8
	swap_word 16
	swap_word 24
	swap_word 32
	swap_word 40
	swap_word 48
	swap_word 56
	plus	A, X2, Z2
	minus	D, X3, Z3
	plus	C, X3, Z3
	minus	B, X2, Z2
	mul	DA, D, A
	mul	CB, C, B
	square	A
	put	A
	square	B
	put	B
	plus	C, DA, CB
	minus	D, DA, CB
	minus	DA, A, B
	add_multiple CB, A, DA
	square	D
	put	D
	square	C
	put	X3
	mul	X2, A, B
	mul	Z3, D, X1
	mul	Z2, DA, CB
	leave_with 6
end NAME(step)
