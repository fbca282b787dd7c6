/* SPDX-License-Identifier: Apache-2.0 */
/* Vectors at 0, a stack, main; then everything again. */
	.syntax unified
	.arm
	.global _start
	.section .start, "ax"
_start:
	adr	r0, vectors
	mov	r1, #0
	ldm	r0, {r2-r5}
	stm	r1, {r2-r5}
	ldr	r2, =on_svc
	str	r2, [r1, #0x28]
	ldr	sp, =0x80000
	mov	r0, r0
	mov	r0, r0
	msr	cpsr_c, #0xdf           /* System mode: SVC's lr is not ours */
	ldr	sp, =0x60000
	bl	main
	b	_start
vectors:
	b	.
	b	.
	ldr	pc, [pc, #0x18]
	b	.
on_svc:
	push	{r0, r1}
	ldr	r0, =seen_svc
	ldr	r1, [r0]
	add	r1, r1, #1
	str	r1, [r0]
	pop	{r0, r1}
	movs	pc, lr
	.ltorg
