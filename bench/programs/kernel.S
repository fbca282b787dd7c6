/* SPDX-License-Identifier: Apache-2.0 */
/*
 * uint32_t user_run(struct user_context *c): goes on in user mode with the registers of c until the next SVC, saves them in c
 * and returns r7, the number of the call. user_svc is the entry for vector 2. Layout of c: kernel.h.
 */
	.syntax unified
	.arm
	.section .text.kernel, "ax"
	.global	user_run, user_svc
	.type	user_run, %function
	.type	user_svc, %function
user_run:
	push	{r4-r11, lr}
	push	{r0, r1}
	ldr	r1, [r0, #64]
	msr	spsr_cxsf, r1
	ldr	lr, [r0, #60]
	add	r1, r0, #52
	ldmia	r1, {sp, lr}^
	nop
	ldmia	r0, {r0-r12}
	movs	pc, lr

user_svc:
	str	r0, [sp, #4]
	ldr	r0, [sp]
	add	r0, r0, #4
	stmia	r0, {r1-r12}
	ldr	r1, [sp, #4]
	str	r1, [r0, #-4]
	add	r2, r0, #48
	stmia	r2, {sp, lr}^
	nop
	mrs	r1, spsr
	str	lr, [r0, #56]
	str	r1, [r0, #60]
	mov	r0, r7
	add	sp, sp, #8
	pop	{r4-r11, pc}

/* uint32_t user_call(uint32_t a, b, c, number): from user mode */
	.global	user_call
	.type	user_call, %function
user_call:
	push	{r7, lr}
	mov	r7, r3
	svc	0
	pop	{r7, pc}

/* void switch_space(uint32_t ttbr): what Linux does on this core: data cache cleaned line by line until clean, TLB emptied */
	.global	switch_space
	.type	switch_space, %function
switch_space:
	mov	r1, #0
1:	mrc	p15, 0, r15, c7, c14, 3
	bne	1b
	mcr	p15, 0, r1, c7, c5, 0
	mcr	p15, 0, r1, c7, c10, 4
	mcr	p15, 0, r0, c2, c0, 0
	mcr	p15, 0, r1, c8, c7, 0
	bx	lr
	.end
