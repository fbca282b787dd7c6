/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Programs that no machine should be asked to run, one for each name that build.sh defines. All but one run for ever. Vectors
 * are empty memory (andeq r0, r0, r0) unless a program fills them.
 */
	.syntax unified
	.arm
	.section .start, "ax"
	.global _start
_start:

	.macro fill_vectors word	@ the first 32 bytes
	mov	r0, #0
	ldr	r1, =\word
	mov	r2, #8
1:	str	r1, [r0], #4
	subs	r2, r2, #1
	bne	1b
	.endm

	.macro mmu_on table		@ every domain is manager's
	ldr	r0, =\table
	mcr	p15, 0, r0, c2, c0, 0
	mvn	r1, #0
	mcr	p15, 0, r1, c3, c0, 0
	mrc	p15, 0, r0, c1, c0, 0
	orr	r0, r0, #1
	mcr	p15, 0, r0, c1, c0, 0
	.endm

#if defined(wild_nowhere)		/* fetches from where there is neither memory nor a device */
	ldr	r0, =0x20000000
	bx	r0
#elif defined(wild_odd_nowhere)	/* the same in Thumb, at the end of the address space */
	ldr	r0, =0xffffffff
	bx	r0
#elif defined(wild_device)		/* fetches from the serial port's registers */
	ldr	r0, =0x101f1000
	bx	r0
#elif defined(wild_undefined)	/* the vector of undefined instructions is one */
	fill_vectors 0xe7f000f0
	.word	0xe7f000f0
#elif defined(wild_svc)		/* the vector of SWI is one */
	fill_vectors 0xef000000
	svc	0
#elif defined(wild_thumb_undefined)
	fill_vectors 0xe7f000f0
	adr	r0, 2f + 1
	bx	r0
	.thumb
2:	.short	0xde00
	.arm
#elif defined(wild_prefetch_abort)	/* MMU on with an empty table: no vector can be fetched either */
	mmu_on	0x00200000
	nop
#elif defined(wild_table_nowhere)	/* the page table lies where nothing is: reads as zero */
	mmu_on	0x20000000
	nop
#elif defined(wild_data_abort)	/* the code's megabyte is mapped and nothing else: the vectors are there, r0 is not */
	ldr	r0, =0x00200000
	ldr	r1, =0x00000c12
	str	r1, [r0]
	fill_vectors 0xe5910000		/* ldr r0, [r1] */
	mmu_on	0x00200000
	ldr	r1, =0x80000000
	ldr	r0, [r1]
#elif defined(wild_rom)		/* stores to flash, and fetches from it */
	ldr	r0, =0x34000000
	ldr	r1, =0x55555555
3:	str	r1, [r0]
	strb	r1, [r0, #1]
	strh	r1, [r0, #2]
	stmia	r0, {r0-r7}
	swp	r2, r1, [r0]
	b	3b
#elif defined(wild_holes)		/* loads and stores to nothing, all sizes */
	ldr	r0, =0x20000000
4:	ldr	r1, [r0]
	ldrh	r1, [r0, #2]
	ldrb	r1, [r0, #3]
	str	r1, [r0, #8]
	strh	r1, [r0, #2]
	strb	r1, [r0, #3]
	ldm	r0, {r2, r3}
	strd	r2, [r0, #16]
	ldr	r1, [r0, #1]
	b	4b
#elif defined(wild_once)	/* two loads and a store, then the end (SYS_EXIT) */
	ldr	r0, =0x20000000
	ldm	r0, {r1, r2}
	strb	r1, [r0, #8]
	mov	r0, #0x18
	ldr	r1, =0x20026
	svc	0x123456
#elif defined(wild_storm)		/* each word of the device space, read and written */
	ldr	r0, =0x10001000		/* behind what resets the board */
5:	ldr	r1, [r0]
	str	r1, [r0], #4
	b	5b
#elif defined(wild_selfstore)	/* a block that changes itself each time, across a page's end */
	ldr	r0, =0x00300ff8
	mov	r5, r0
	adr	r1, 6f
	ldm	r1, {r1-r4}
	stm	r0, {r1-r4}
	bx	r0
6:	str	r1, [r5]
	str	r2, [r5, #4]
	str	r3, [r5, #8]
	.word	0xeafffffb		/* b -5 words: the first */
#elif defined(wild_wait)		/* waits with interrupts that never come */
7:	mcr	p15, 0, r0, c7, c0, 4
	b	7b
#elif defined(wild_modes)		/* an impossible mode, and back into each by exceptions */
	fill_vectors 0xe7f000f0
	msr	cpsr_c, #0xc4
	msr	spsr_cxsf, r0
	mov	r0, #0
	mcr	p15, 7, r0, c15, c15, 7
	ldm	sp, {r0-pc}^
#elif defined(wild_stack)		/* multiple transfers that wrap around the address space */
	ldr	sp, =0xfffffff0
8:	stmia	sp!, {r0-r12, lr}
	ldmdb	sp!, {r0-r12, lr}
	mov	sp, #8
	stmdb	sp!, {r0-r12, lr}
	b	8b
#else
#error which program?
#endif
	b	.
	.ltorg
