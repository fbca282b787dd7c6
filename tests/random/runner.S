/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bare-metal runner of random sequences, linked raw at 0x10000 (Versatile's kernel address). Walks the table
 * of entries at TABLE (layout: random.h, struct entry), runs each until its first exception, ROUNDS times
 * from the same state so that code gets warm, and prints one line of the last state through semihosting. MMU off
 * while it prints.
 *
 * Memory: 0 vectors, 0x10000 this, 0x20000 page tables, 0x30000 data (8 KiB), 0x40000 table.
 * With the MMU on everything is read-only (AP 0 with SCTLR.R) but the save page and what the
 * entry's descriptors allow.
 */
	.syntax unified
	.arm
	.cpu arm926ej-s

	.equ SAVE,   0x11000
	.equ L1,     0x20000
	.equ L2_LOW, 0x24000   /* first megabyte, coarse */
	.equ L2_TOP, 0x24400   /* last megabyte: high vectors, coarse */
	.equ FINE,   0x25000   /* 0x00e00000: tiny pages over the data */
	.equ DATA,   0x30000
	.equ DATA_BYTES, 0x2000
	.equ TABLE,  0x40000
	.equ SLOT,   0x2c000   /* where entries that ask for it are copied to */

	.equ ROUNDS, 3

	.equ VIC, 0x10140000
	.equ VIC_SELECT, 0x0c
	.equ VIC_ENABLE, 0x10
	.equ VIC_SOFT, 0x18
	.equ VIC_SOFT_CLEAR, 0x1c

	/* struct entry */
	.equ E_SIZE, 0
	.equ E_FLAGS, 4
	.equ E_CPSR, 8
	.equ E_SPSR, 12
	.equ E_SCTLR, 16
	.equ E_DACR, 20
	.equ E_PTE0, 24
	.equ E_ALIAS, 32
	.equ E_SEED, 36
	.equ E_REGS, 40
	.equ E_CODE_BYTES, 100
	.equ E_CODE, 104

	/* the save page */
	.equ S_REGS, 0         /* r0-r14 */
	.equ S_CPSR, 60
	.equ S_SPSR, 64
	.equ S_LR, 68
	.equ S_EXC_CPSR, 72
	.equ S_DFSR, 76
	.equ S_IFSR, 80
	.equ S_FAR, 84
	.equ S_SCTLR, 88
	.equ S_SUM, 92
	.equ S_WORDS, 24
	.equ S_KIND, 96
	.equ S_CUR, 100
	.equ S_INDEX, 104
	.equ S_ROUND, 108
	.equ S_JUMP, 128       /* r0-r12, pc for the jump into the sequence */
	.equ S_TEXT, 512

	.global _start
_start:
	msr	cpsr_c, #0xd3
	ldr	sp, =SAVE + 0x1000
	adr	r0, vectors
	mov	r1, #0
	ldmia	r0!, {r2-r9}
	stmia	r1!, {r2-r9}
	ldmia	r0!, {r2-r9}
	stmia	r1!, {r2-r9}
	bl	build_tables
	ldr	r4, =SAVE
	ldr	r0, =TABLE
	str	r0, [r4, #S_CUR]
	mov	r0, #0
	str	r0, [r4, #S_INDEX]
	str	r0, [r4, #S_ROUND]
	b	next_entry

vectors:
	.rept	8
	ldr	pc, [pc, #24]
	.endr
	.word	on_undef, on_undef, on_swi, on_pabt, on_dabt, on_undef, on_irq, on_fiq

build_tables:
	ldr	r0, =L1
	mov	r1, #0
	mov	r2, #4096
1:	str	r1, [r0], #4
	subs	r2, r2, #1
	bne	1b
	/* first megabyte: small pages, read-only */
	ldr	r0, =L2_LOW
	mov	r1, #0
	ldr	r3, =0x002
2:	orr	r2, r3, r1, lsl #12
	str	r2, [r0, r1, lsl #2]
	add	r1, r1, #1
	cmp	r1, #256
	bne	2b
	ldr	r1, =SAVE
	ldr	r2, =0x552         /* AP 1: privileged read and write */
	orr	r2, r2, r1
	str	r2, [r0, r1, lsr #10]
	mov	r2, #0             /* nothing on either side of the data */
	ldr	r1, =DATA
	add	r1, r0, r1, lsr #10
	str	r2, [r1, #-4]
	str	r2, [r1, #8]
	ldr	r1, =L1
	orr	r2, r0, #0x11      /* domain 0 */
	str	r2, [r1]
	/* megabytes 1 to 3 (a long table): sections, read-only */
	ldr	r2, =0x00100012
	str	r2, [r1, #4]
	add	r2, r2, #0x100000
	str	r2, [r1, #8]
	add	r2, r2, #0x100000
	str	r2, [r1, #12]
	/* high vectors */
	ldr	r0, =L2_TOP
	mov	r2, #0x002
	str	r2, [r0, #0xf0 * 4]
	orr	r2, r0, #0x11
	ldr	r3, =0xfff * 4
	str	r2, [r1, r3]
	/* tiny pages of every AP over the data, domain 3 */
	ldr	r0, =FINE
	ldr	r3, =DATA
	add	r0, r0, r3, lsr #8
	mov	r2, #0
3:	and	r12, r2, #3
	orr	r12, r3, r12, lsl #4
	orr	r12, r12, #3
	str	r12, [r0], #4
	add	r3, r3, #0x400
	add	r2, r2, #1
	cmp	r2, #DATA_BYTES / 0x400
	bne	3b
	ldr	r0, =FINE
	orr	r2, r0, #0x73
	str	r2, [r1, #0xe * 4]
	bx	lr

next_entry:
	ldr	r4, =SAVE
	ldr	r5, [r4, #S_CUR]
	ldr	r0, [r5, #E_SIZE]
	cmp	r0, #0
	beq	finish

	/* data */
	ldr	r0, =DATA
	ldr	r1, [r5, #E_SEED]
	ldr	r2, =1664525
	ldr	r3, =1013904223
	mov	r6, #DATA_BYTES
1:	mla	r1, r2, r1, r3
	str	r1, [r0], #4
	subs	r6, r6, #4
	bne	1b

	/* translation */
	ldr	r0, =L2_LOW
	ldr	r1, =DATA
	add	r0, r0, r1, lsr #10
	ldr	r1, [r5, #E_PTE0]
	str	r1, [r0]
	ldr	r1, [r5, #E_PTE0 + 4]
	str	r1, [r0, #4]
	ldr	r0, =L1
	ldr	r1, [r5, #E_ALIAS]
	str	r1, [r0, #0xf * 4]
	mcr	p15, 0, r0, c2, c0, 0
	mov	r0, #0
	mcr	p15, 0, r0, c8, c7, 0
	mcr	p15, 0, r0, c7, c7, 0
	mcr	p15, 0, r0, c5, c0, 0
	mcr	p15, 0, r0, c5, c0, 1
	mcr	p15, 0, r0, c6, c0, 0

	/* interrupt lines, through the VIC's software interrupts: 0 is an IRQ, 1 an FIQ */
	ldr	r1, =VIC
	mov	r0, #2
	str	r0, [r1, #VIC_SELECT]
	mov	r0, #3
	str	r0, [r1, #VIC_ENABLE]
	str	r0, [r1, #VIC_SOFT_CLEAR]
	ldr	r0, [r5, #E_FLAGS]
	mov	r0, r0, lsr #1
	and	r0, r0, #3
	str	r0, [r1, #VIC_SOFT]

	/* where it runs */
	add	r7, r5, #E_CODE
	ldr	r0, [r5, #E_FLAGS]
	tst	r0, #1
	beq	3f
	ldr	r0, =SLOT
	ldr	r1, [r5, #E_CODE_BYTES]
2:	ldr	r2, [r7], #4
	str	r2, [r0], #4
	subs	r1, r1, #4
	bne	2b
	ldr	r7, =SLOT
	mcr	p15, 0, r1, c7, c5, 0
3:	str	r7, [r4, #S_JUMP + 13 * 4]

	/* registers: r0-r12 from the jump block, r8-r12 of FIQ, r13, r14 and SPSR in their own mode */
	add	r0, r5, #E_REGS
	add	r1, r4, #S_JUMP
	mov	r2, #13
4:	ldr	r3, [r0], #4
	str	r3, [r1], #4
	subs	r2, r2, #1
	bne	4b
	mov	r0, r5
	ldr	r1, [r0, #E_CPSR]
	ldr	r2, [r0, #E_SPSR]
	and	r3, r1, #0x1f
	cmp	r3, #0x10
	orreq	r3, r3, #0x0f          /* User's registers are System's */
	orr	r3, r3, #0xc0
	msr	cpsr_c, r3
	msr	spsr_fsxc, r2
	add	r3, r0, #E_REGS + 8 * 4
	ldmia	r3, {r8-r14}

	/* from Undefined mode into the sequence (from Abort mode when it runs in Undefined mode) */
	and	r3, r1, #0x1f
	cmp	r3, #0x1b
	mov	r3, #0xdb
	moveq	r3, #0xd7
	msr	cpsr_c, r3
	msr	spsr_fsxc, r1
	ldr	sp, =SAVE + S_JUMP
	ldr	r2, [r0, #E_DACR]
	mcr	p15, 0, r2, c3, c0, 0
	ldr	r2, [r0, #E_SCTLR]
	mcr	p15, 0, r2, c1, c0, 0
	nop
	nop
	ldmia	sp, {r0-r12, pc}^
	.ltorg

	/* Exceptions: the save page is within reach of a store relative to pc. */
	.macro	handler name kind
\name:	str	r0, [pc, #SAVE + S_REGS + 0 - (. - _start + 0x10000) - 8]
	str	r1, [pc, #SAVE + S_REGS + 4 - (. - _start + 0x10000) - 8]
	mov	r0, #\kind
	b	record
	.endm
	handler	on_undef 1
	handler	on_swi 2
	handler	on_pabt 3
	handler	on_dabt 4
	handler	on_irq 5
	handler	on_fiq 6

record:
	mrc	p15, 0, r1, c1, c0, 0
	str	r1, [pc, #SAVE + S_SCTLR - (. - _start + 0x10000) - 8]
	ldr	r1, sctlr_off
	mcr	p15, 0, r1, c1, c0, 0
	nop
	nop
	ldr	r1, save_page
	str	r0, [r1, #S_KIND]
	str	lr, [r1, #S_LR]
	mrs	r0, cpsr
	str	r0, [r1, #S_EXC_CPSR]
	mrc	p15, 0, r0, c5, c0, 0
	str	r0, [r1, #S_DFSR]
	mrc	p15, 0, r0, c5, c0, 1
	str	r0, [r1, #S_IFSR]
	mrc	p15, 0, r0, c6, c0, 0
	str	r0, [r1, #S_FAR]
	mrs	r0, spsr
	str	r0, [r1, #S_CPSR]
	/* look at the rest from the mode that was interrupted */
	and	r0, r0, #0x1f
	cmp	r0, #0x10
	orreq	r0, r0, #0x0f
	orr	r0, r0, #0xc0
	msr	cpsr_c, r0
	add	r0, r1, #S_REGS + 8
	stmia	r0!, {r2-r14}
	ldr	r2, vic
	mov	r3, #3
	str	r3, [r2, #VIC_SOFT_CLEAR]
	mov	r2, #0
	mrs	r3, cpsr
	and	r3, r3, #0x1f
	cmp	r3, #0x1f
	mrsne	r2, spsr
	str	r2, [r1, #S_SPSR]
	msr	cpsr_c, #0xd3
	ldr	sp, =SAVE + 0x1000

	/* checksum of the data */
	ldr	r0, =DATA
	mov	r2, #DATA_BYTES
	mov	r3, #0
1:	ldmia	r0!, {r4-r11}
	add	r3, r4, r3, ror #7
	add	r3, r5, r3, ror #7
	add	r3, r6, r3, ror #7
	add	r3, r7, r3, ror #7
	add	r3, r8, r3, ror #7
	add	r3, r9, r3, ror #7
	add	r3, r10, r3, ror #7
	add	r3, r11, r3, ror #7
	subs	r2, r2, #32
	bne	1b
	str	r3, [r1, #S_SUM]

	/* once more? */
	mov	r4, r1
	ldr	r0, [r4, #S_ROUND]
	add	r0, r0, #1
	cmp	r0, #ROUNDS
	moveq	r0, #0
	str	r0, [r4, #S_ROUND]
	bne	next_entry

	/* the line: "S index kind words..." */
	add	r5, r4, #S_TEXT
	mov	r0, #'S'
	strb	r0, [r5], #1
	ldr	r0, [r4, #S_INDEX]
	bl	hex
	ldr	r0, [r4, #S_KIND]
	bl	hex
	mov	r6, #0
2:	ldr	r0, [r4, r6, lsl #2]
	bl	hex
	add	r6, r6, #1
	cmp	r6, #S_WORDS
	bne	2b
	mov	r0, #10
	strb	r0, [r5], #1
	mov	r0, #0
	strb	r0, [r5]
	mov	r0, #4                 /* SYS_WRITE0 */
	add	r1, r4, #S_TEXT
	svc	0x123456
	ldr	r0, [r4, #S_INDEX]
	add	r0, r0, #1
	str	r0, [r4, #S_INDEX]
	ldr	r0, [r4, #S_CUR]
	ldr	r1, [r0, #E_SIZE]
	add	r0, r0, r1
	str	r0, [r4, #S_CUR]
	b	next_entry

hex:	/* r0 as " xxxxxxxx" at r5 */
	mov	r1, #' '
	strb	r1, [r5], #1
	mov	r2, #8
1:	mov	r0, r0, ror #28
	and	r1, r0, #15
	cmp	r1, #10
	addlo	r1, r1, #'0'
	addhs	r1, r1, #'a' - 10
	strb	r1, [r5], #1
	subs	r2, r2, #1
	bne	1b
	bx	lr

finish:
	mov	r0, #0x18              /* SYS_EXIT, ADP_Stopped_ApplicationExit */
	ldr	r1, =0x20026
	svc	0x123456
	b	.
sctlr_off: .word 0x00090078
save_page: .word SAVE
vic:	.word VIC
	.ltorg
	.org	_start + 0x1000 - 16   /* refuses a runner that reaches into its save page */
	.word	0
