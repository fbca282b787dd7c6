/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What `./dev bench --insns` counts: each sequence is translated by itself, and insns.txt says how many host
 * instructions it became. `arm NAME` or `thumb NAME`, the code, `end`. Data after that is not counted. A sequence need not
 * make sense as a program, it is never run; it is always at the same address, among instructions that overwrite the flags.
 */
	.syntax unified
	.text

	.macro begin name
	.type \name, %function
\name:
	.endm

	.macro arm name
	.arm
	begin arm.\name
	.macro end
	.size arm.\name, . - arm.\name
	.purgem end
	.endm
	.endm

	.macro thumb name
	.thumb
	begin thumb.\name
	.macro end
	.size thumb.\name, . - thumb.\name
	.purgem end
	.balign 4
	.endm
	.endm

	.equ near, 0x400 /* a branch on the same page */
	.equ far, 0x1400

/* ---- what a block costs --------------------------------------------------------------------------- */

arm block_branch
	b	.
end
thumb block_branch
	b	.
end

/* ---- loads and stores ----------------------------------------------------------------------------- */

arm load_word
	ldr	r0, [r1]
	ldr	r2, [r1, #4]
	ldr	r3, [r1, r4]
	ldr	r5, [r1, r4, lsl #2]
	bx	lr
end
arm load_word_writeback
	ldr	r0, [r1], #4
	ldr	r2, [r3, #8]!
	ldr	r4, [r5], r6, lsl #2
	bx	lr
end
arm load_byte_half
	ldrb	r0, [r1, #1]
	ldrsb	r2, [r1, #2]
	ldrh	r3, [r1, #4]
	ldrsh	r4, [r1, r5]
	bx	lr
end
arm load_double
	ldrd	r2, [r1, #8]
	bx	lr
end
arm load_literal
	ldr	r0, 1f
	add	r0, r0, r1
	bx	lr
end
1:	.word	0x12345678
arm addresses
	mov	r1, #0x20000
	ldrb	r0, [r1]
	mov	r1, #0x30000
	strb	r0, [r1]
	mov	r1, #0
	bx	lr
end
arm store_word
	str	r0, [r1]
	str	r2, [r1, #4]
	str	r3, [r1, r4, lsl #2]
	str	r5, [r1], #4
	bx	lr
end
arm store_byte_half
	strb	r0, [r1, #1]
	strh	r2, [r1, #2]
	strb	r3, [r1], #1
	bx	lr
end
arm store_double
	strd	r2, [r1, #8]
	bx	lr
end
arm store_constant
	mov	r0, #0
	str	r0, [r1]
	str	r0, [r1, #4]
	bx	lr
end
arm load_store_stack
	ldr	r0, [sp, #4]
	add	r0, r0, #1
	str	r0, [sp, #4]
	bx	lr
end
arm load_high_registers
	ldr	r8, [r9, #4]
	str	r10, [r11, #4]
	bx	lr
end
thumb load_store
	ldr	r0, [r1, #4]
	ldr	r2, [r1, r3]
	ldrb	r4, [r1, #1]
	ldrsh	r5, [r1, r3]
	str	r0, [r1, #8]
	strh	r4, [r1, #2]
	bx	lr
end
thumb load_store_stack
	ldr	r0, [sp, #4]
	adds	r0, #1
	str	r0, [sp, #4]
	ldr	r1, 1f
	bx	lr
	nop
end
	.balign	4
1:	.word	0x12345678

/* ---- several at once ------------------------------------------------------------------------------ */

arm push_pop_2
	push	{r4, lr}
	pop	{r4, lr}
	bx	lr
end
arm push_pop_6
	push	{r4, r5, r6, r7, r8, lr}
	pop	{r4, r5, r6, r7, r8, lr}
	bx	lr
end
arm pop_pc
	pop	{r4, r5, pc}
end
arm ldm_stm_4
	ldm	r0!, {r2, r3, r4, r5}
	stm	r1!, {r2, r3, r4, r5}
	bx	lr
end
arm ldm_stm_8
	ldm	r0, {r2, r3, r4, r5, r6, r7, r8, r12}
	stm	r1, {r2, r3, r4, r5, r6, r7, r8, r12}
	bx	lr
end
thumb push_pop
	push	{r4, r5, lr}
	add	sp, #8
	sub	sp, #8
	pop	{r4, r5, pc}
end
thumb ldm_stm
	ldm	r0!, {r2, r3, r4}
	stm	r1!, {r2, r3, r4}
	bx	lr
end

/* ---- arithmetic ----------------------------------------------------------------------------------- */

arm alu
	add	r0, r1, r2
	sub	r3, r3, #1
	and	r4, r5, #255
	orr	r0, r0, r6
	eor	r1, r1, r2
	bic	r2, r2, #3
	rsb	r3, r3, #0
	mvn	r4, r4
	bx	lr
end
arm alu_shifted
	add	r0, r1, r2, lsl #2
	sub	r0, r0, r3, lsr #8
	eor	r0, r0, r4, ror #13
	orr	r0, r0, r5, asr #31
	bx	lr
end
arm alu_high_registers
	add	r8, r9, r10
	sub	r11, r11, #1
	eor	r9, r9, r8
	bx	lr
end
arm alu_flags
	adds	r0, r1, r2
	subs	r3, r3, #1
	ands	r4, r5, #255
	bx	lr
end
arm shifts
	lsl	r0, r0, #3
	lsr	r1, r1, #5
	asr	r2, r2, #7
	ror	r3, r3, #11
	bx	lr
end
arm shifts_by_register
	lsl	r0, r0, r4
	lsr	r1, r1, r4
	asr	r2, r2, r4
	ror	r3, r3, r4
	bx	lr
end
arm shifts_flags
	lsls	r0, r0, #1
	adc	r1, r1, r1
	lsrs	r2, r2, #1
	rrx	r3, r3
	bx	lr
end
arm fields
	lsl	r0, r0, #20
	lsr	r0, r0, #24
	lsl	r1, r1, #16
	asr	r1, r1, #16
	bx	lr
end
arm long_arithmetic
	adds	r0, r0, r2
	adc	r1, r1, r3
	subs	r4, r4, r6
	sbc	r5, r5, r7
	rsbs	r0, r0, #0
	rsc	r1, r1, #0
	bx	lr
end
arm long_shift
	lsl	r1, r1, #4
	orr	r1, r1, r0, lsr #28
	lsl	r0, r0, #4
	lsrs	r3, r3, #1
	rrx	r2, r2
	bx	lr
end
arm long_compare
	cmp	r0, r2
	sbcs	r12, r1, r3
	movlt	r4, #1
	cmp	r4, r6
	sbcs	r12, r5, r7
	subcs	r4, r4, r6
	movcs	r5, r12
	orrcs	r0, r0, r2
	bx	lr
end
arm sum_compared
	adds	r0, r0, #12
	movle	r1, #3
	cmn	r2, #1
	movgt	r3, r2
	bx	lr
end
arm multiply
	mul	r12, r1, r2
	mla	r3, r4, r5, r3
	umull	r0, r1, r2, r3
	smull	r4, r5, r6, r7
	umlal	r0, r1, r6, r7
	bx	lr
end
arm multiply_dsp
	smulbb	r0, r1, r2
	smlabt	r3, r4, r5, r3
	smulwb	r6, r7, r0
	smlalbb	r4, r5, r1, r2
	bx	lr
end
arm saturate
	qadd	r0, r1, r2
	qsub	r3, r4, r5
	bx	lr
end
arm clz
	clz	r0, r1
	bx	lr
end
arm constants
	mov	r0, #0x12
	orr	r0, r0, #0x3400
	orr	r0, r0, #0x560000
	mvn	r1, #0
	bx	lr
end
thumb alu
	adds	r0, r1, r2
	subs	r3, #1
	ands	r4, r5
	eors	r0, r4
	orrs	r1, r2
	movs	r2, #7
	rsbs	r3, r3, #0
	mvns	r4, r4
	bx	lr
end
thumb shifts
	lsls	r0, r1, #2
	lsrs	r2, r3, #8
	asrs	r4, r5, #31
	lsls	r0, r2
	lsrs	r1, r3
	rors	r4, r5
	bx	lr
end
thumb long
	adds	r0, r0, r2
	adcs	r1, r3
	subs	r4, r4, r6
	sbcs	r5, r7
	bx	lr
end
thumb multiply
	muls	r0, r1, r0
	muls	r2, r3, r2
	bx	lr
end
thumb high_registers
	mov	r8, r0
	add	r0, r9
	mov	r1, r10
	cmp	r0, r8
	bx	lr
end

/* ---- conditions ----------------------------------------------------------------------------------- */

arm compare_branch
	cmp	r0, #10
	bne	. + near
	cmp	r1, r2
	bhi	. + near
	cmp	r3, r4
	bge	. + near
	bx	lr
end
arm compare_branch_back
	cmp	r0, r1
	blt	. - 4
end
arm test_branch
	tst	r0, #1
	beq	. + near
	teq	r0, r1
	bne	. + near
	cmn	r2, #1
	beq	. + near
	ands	r3, r3, #3
	beq	. + near
	bx	lr
end
arm conditional_move
	cmp	r0, r1
	movlt	r0, r1
	cmp	r2, #0
	movne	r2, #1
	cmp	r3, r4
	moveq	r3, #1
	movne	r3, #0
	bx	lr
end
arm conditional_run
	cmp	r0, #0
	addeq	r1, r1, #1
	subeq	r2, r2, #1
	ldreq	r3, [r4]
	streq	r3, [r5]
	bx	lr
end
arm conditional_mixed
	cmp	r0, r1
	addgt	r2, r2, #1
	suble	r2, r2, #1
	rsbmi	r3, r3, #0
	bx	lr
end
arm conditional_return
	cmp	r0, #0
	bxeq	lr
	add	r0, r0, #1
	bx	lr
end
arm compare_chain
	cmp	r0, #1
	cmpne	r0, #2
	cmpne	r0, #3
	beq	. + near
	bx	lr
end
arm compare_meets
	cmp	r0, r1
	cmpls	r2, r3
	lslne	r4, r4, #1
	bne	. + near
	subs	r4, r4, #1
	bx	lr
end
arm carry_comes_forward
	adds	r0, r0, r0
	asr	r4, r1, #31
	orr	r0, r0, r2, lsr #31
	adc	r1, r1, r1
	subs	r5, r5, #1
	bx	lr
end
arm carry_out
	lsrs	r0, r0, #1
	eorcs	r0, r0, r1
	bx	lr
end
thumb compare_branch
	cmp	r0, #10
	bne	1f
	cmp	r1, r2
	bhi	1f
	adds	r0, #1
	beq	1f
1:	bx	lr
end

/* ---- calls, returns, jumps ------------------------------------------------------------------------ */

arm call
	bl	. + near
end
arm call_other_page
	bl	. + far
end
arm call_register
	blx	r3
end
arm call_old
	mov	lr, pc
	bx	r3
end
arm call_interwork
	blx	. + near
end
arm return_bx
	bx	lr
end
arm return_mov
	mov	pc, lr
end
arm leaf_function
	add	r0, r0, r1
	bx	lr
end
arm frame_function
	push	{r4, lr}
	mov	r4, r0
	bl	. + near
	add	r0, r0, r4
	pop	{r4, pc}
end
arm table_jump
	cmp	r0, #8
	ldrls	pc, [pc, r0, lsl #2]
	b	. + near
end
	.rept	9
	.word	0
	.endr
arm table_add
	add	pc, pc, r0, lsl #2
end
	nop
thumb call
	bl	. + near
end
thumb frame_function
	push	{r4, lr}
	movs	r4, r0
	bl	. + near
	adds	r0, r0, r4
	pop	{r4, pc}
end
thumb table_jump
	lsls	r0, r0, #2
	adr	r1, 1f
	ldr	r0, [r1, r0]
	mov	pc, r0
end
	.balign	4
1:	.word	0

/* ---- loops ---------------------------------------------------------------------------------------- */

arm loop_count
1:	subs	r0, r0, #1
	bne	1b
end
arm loop_sum
1:	ldr	r3, [r1], #4
	subs	r2, r2, #1
	add	r0, r0, r3
	bne	1b
end
/* Behind the condition all flags are constants, so nothing is kept of r3 for an abort of the second load. */
arm sure_behind_compare
	cmp	r3, #63
	ldrgt	r3, [r0]
	ldrgt	r2, [r1]
	cmp	r2, #1
	b	.
end
arm loop_copy_bytes
1:	ldrb	r3, [r1], #1
	cmp	r3, #0
	strb	r3, [r0], #1
	bne	1b
end
arm loop_copy_words
1:	ldm	r1!, {r3, r4, r5, r6}
	subs	r2, r2, #16
	stm	r0!, {r3, r4, r5, r6}
	bgt	1b
end
arm loop_crc
1:	ldrb	r3, [r1], #1
	eor	r3, r3, r0
	and	r3, r3, #255
	ldr	r3, [r4, r3, lsl #2]
	eor	r0, r3, r0, lsr #8
	subs	r2, r2, #1
	bne	1b
end
thumb loop_count
1:	subs	r0, #1
	bne	1b
end
thumb loop_sum
1:	ldr	r3, [r1]
	adds	r1, #4
	adds	r0, r0, r3
	subs	r2, #1
	bne	1b
end
/* Flags that nothing but an abort could see. */
thumb loop_mixed
1:	ldr	r3, [r0]
	lsls	r3, r3, #2
	adds	r1, r1, r3
	ldrb	r4, [r1]
	movs	r2, #7
	ands	r4, r2
	str	r4, [r0, #4]
	subs	r5, r5, r4
	ldr	r6, [r0, #8]
	eors	r6, r5
	str	r6, [r0, #8]
	subs	r7, #1
	bne	1b
end

/* A branch over what ARM code would predicate. */
thumb skip_one
1:	lsls	r2, r1, #1
	lsls	r1, r1, #24
	bpl	2f
	eors	r2, r3
2:	lsls	r1, r2, #24
	subs	r7, #1
	bne	1b
end
thumb skip_two
1:	subs	r6, r2, #7
	cmp	r7, r0
	bcs	2f
	adds	r2, #13
	movs	r6, r2
2:	adds	r3, r3, r6
	subs	r5, #1
	bne	1b
end

arm select_two
	cmp	r0, r1
	subcs	r0, r0, r1
	orrcs	r2, r2, r3
	subs	r4, r4, #1
end

/* ---- system --------------------------------------------------------------------------------------- */

arm supervisor_call
	svc	#0
end
arm status_register
	mrs	r0, cpsr
	orr	r1, r0, #0x80
	msr	cpsr_c, r1
end
arm status_flags
	msr	cpsr_f, r0
end
arm coprocessor
	mrc	p15, 0, r0, c1, c0, 0
end
arm exception_return
	movs	pc, lr
end
