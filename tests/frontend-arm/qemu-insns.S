/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bare-metal runner behind insns.py: runs each record of the table appended to this image and prints
 * what it did as one line of hexadecimal words on the first PL011: r0-r14, CPSR, LR of the exception
 * that ended it, its number (1 undef, 2 SWI, 3 prefetch, 4 data abort), then address and value of every data byte
 * that changed. Ends by semihosting. Every word behind the code is undefined in both instruction sets.
 *
 * Record (32 words): r0-r14, CPSR, 8 words of code, SCTLR bits to set, 0, three pairs of address and word.
 */
	.syntax unified
	.arm
	.global _start
	.equ CODE, 0x30000
	.equ DATA, 0x20000
	.equ SAVE, 0x1000
	.equ TABLE, 0x4000
	.equ UART, 0x101f1000
_start:
	adr	r0, vectors
	mov	r1, #0
	ldmia	r0!, {r2-r9}
	stmia	r1!, {r2-r9}
	ldmia	r0!, {r2-r9}
	stmia	r1!, {r2-r9}
	msr	cpsr_c, #0xd3
	/* MMU: 1 MiB sections, identity, no checks; 0x3ff00000 shows address 0, 0x40000000 aborts */
	ldr	r0, =TABLE
	ldr	r1, =0xc02
	mov	r2, #4096
0:	str	r1, [r0], #4
	add	r1, r1, #0x100000
	subs	r2, r2, #1
	bne	0b
	ldr	r0, =TABLE + 0x3ff * 4
	ldr	r1, =0xc02
	mov	r2, #0
	stmia	r0, {r1, r2}
	ldr	r0, =TABLE
	mcr	p15, 0, r0, c2, c0, 0
	mvn	r0, #0
	mcr	p15, 0, r0, c3, c0, 0
	mrc	p15, 0, r4, c1, c0, 0
	orr	r4, r4, #1
	mcr	p15, 0, r4, c1, c0, 0
	ldr	r11, =table
	ldr	r12, [r11], #4
	ldr	r9, =SAVE
	str	r12, [r9, #0x100]
	str	r11, [r9, #0x104]
next:
	msr	cpsr_c, #0xd3
	ldr	r9, =SAVE
	ldr	r12, [r9, #0x100]
	ldr	r11, [r9, #0x104]
	subs	r12, r12, #1
	bmi	done
	str	r12, [r9, #0x100]
	add	r0, r11, #(32 * 4)
	str	r0, [r9, #0x104]
	ldr	r0, =CODE - 0x200
	ldr	r1, =0xe7ffdefe
	ldr	r2, =CODE + 0x400
1:	str	r1, [r0], #4
	cmp	r0, r2
	blo	1b
	ldr	r0, =DATA
	mov	r1, #0
	mov	r3, #0x80
2:	strb	r3, [r0, r1]
	add	r3, r3, #7
	add	r1, r1, #1
	cmp	r1, #0x200
	blo	2b
	ldr	r0, =CODE
	add	r1, r11, #64
	mov	r2, #8
3:	ldr	r3, [r1], #4
	cmp	r3, #0
	strne	r3, [r0]
	add	r0, r0, #4
	subs	r2, r2, #1
	bne	3b
	add	r1, r11, #(26 * 4)
	mov	r2, #3
4:	ldmia	r1!, {r3, r4}
	cmp	r3, #0
	strne	r4, [r3]
	subs	r2, r2, #1
	bne	4b
	ldr	r3, [r11, #(24 * 4)]
	mrc	p15, 0, r4, c1, c0, 0
	orr	r4, r4, r3
	mcr	p15, 0, r4, c1, c0, 0
	/* registers 13 and 14 of User mode, then those of the test's mode */
	mrs	r4, cpsr
	orr	r3, r4, #0x1f
	msr	cpsr_c, r3
	ldr	r13, =0x13131313
	ldr	r14, =0x14141414
	msr	cpsr_c, r4
	ldr	r0, [r11, #60]
	ldr	r5, [r11, #52]
	ldr	r6, [r11, #56]
	and	r1, r0, #0x1f
	cmp	r1, #0x10
	moveq	r1, #0x1f
	bic	r3, r4, #0x1f
	orr	r3, r3, r1
	msr	cpsr_c, r3
	mov	r13, r5
	mov	r14, r6
	ldr	r7, =0x600000d0
	cmp	r1, #0x1f
	msrne	spsr_fsxc, r7
	/* enter through Undefined mode, whose own registers no test uses */
	bic	r3, r4, #0x1f
	orr	r3, r3, #0x1b
	msr	cpsr_c, r3
	msr	spsr_fsxc, r0
	ldr	r14, =CODE
	mov	r13, r11
	ldmia	r13, {r0-r12}
	movs	pc, r14
done:
	mov	r0, #0x18
	ldr	r1, =0x20026
	svc	0x123456
	b	.

vectors:
	b	.
	ldr	pc, [pc, #24]
	ldr	pc, [pc, #24]
	ldr	pc, [pc, #24]
	ldr	pc, [pc, #24]
	b	.
	b	.
	b	.
	.word	0, on_undef, on_swi, on_prefetch, on_data, 0, 0, 0
on_undef:
	ldr	r13, =SAVE
	stmia	r13, {r0-r12}
	mov	r0, #1
	b	record
on_swi:
	ldr	r13, =SAVE
	stmia	r13, {r0-r12}
	mov	r0, #2
	b	record
on_prefetch:
	ldr	r13, =SAVE
	stmia	r13, {r0-r12}
	mov	r0, #3
	b	record
on_data:
	ldr	r13, =SAVE
	stmia	r13, {r0-r12}
	mov	r0, #4
record:
	mov	r9, r13
	str	r14, [r9, #64]
	str	r0, [r9, #68]
	mrs	r1, spsr
	str	r1, [r9, #60]
	mrc	p15, 0, r4, c1, c0, 0
	bic	r4, r4, #2
	mcr	p15, 0, r4, c1, c0, 0
	mrs	r4, cpsr
	and	r2, r1, #0x1f
	cmp	r2, #0x10
	moveq	r2, #0x1f
	bic	r3, r4, #0x1f
	orr	r3, r3, r2
	msr	cpsr_c, r3
	str	r13, [r9, #52]
	str	r14, [r9, #56]
	msr	cpsr_c, r4
	mov	r5, r9
	mov	r6, #18
	ldr	r8, =UART
5:	ldr	r0, [r5], #4
	bl	hex
	subs	r6, r6, #1
	bne	5b
	ldr	r5, =DATA
	ldr	r6, =DATA + 0x200
6:	ldrb	r0, [r5]
	sub	r1, r5, #DATA
	rsb	r2, r1, r1, lsl #3
	add	r2, r2, #0x80
	and	r2, r2, #0xff
	cmp	r0, r2
	beq	7f
	mov	r7, r0
	mov	r0, r5
	bl	hex
	mov	r0, r7
	bl	hex
7:	add	r5, r5, #1
	cmp	r5, r6
	blo	6b
	mov	r0, #'\n'
	str	r0, [r8]
	b	next
hex:
	mov	r2, #8
8:	mov	r1, r0, lsr #28
	cmp	r1, #10
	addlo	r1, r1, #'0'
	addhs	r1, r1, #('a' - 10)
	str	r1, [r8]
	mov	r0, r0, lsl #4
	subs	r2, r2, #1
	bne	8b
	mov	r1, #' '
	str	r1, [r8]
	bx	lr
	.ltorg
	.align	2
table:
