/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Start-up of every test program, exception entries that C can use, and the semihosting call.
 * ARM code whatever the rest of the program is built for. Leaves main in SVC mode with IRQ and FIQ masked.
 * Exception layout: ARM Architecture Reference Manual (DDI 0100I) A2.6.
 */
	.syntax unified
	.arm

	.section .text.start, "ax"
	.global _start
_start:
	msr	cpsr_c, #0xd1
	ldr	sp, =stack_fiq
	msr	cpsr_c, #0xd2
	ldr	sp, =stack_irq
	msr	cpsr_c, #0xd7
	ldr	sp, =stack_abt
	msr	cpsr_c, #0xdb
	ldr	sp, =stack_und
	msr	cpsr_c, #0xdf
	ldr	sp, =stack_usr
	msr	cpsr_c, #0xd3
	ldr	sp, =stack_svc

	adr	r0, vectors
	mov	r1, #0
	ldmia	r0!, {r2-r9}
	stmia	r1!, {r2-r9}
	ldmia	r0!, {r2-r9}
	stmia	r1!, {r2-r9}

	ldr	r0, =__bss_begin
	ldr	r1, =__bss_finish
	mov	r2, #0
1:	cmp	r0, r1
	strlo	r2, [r0], #4
	blo	1b

	ldr	r4, =__init_array_begin
	ldr	r5, =__init_array_finish
2:	cmp	r4, r5
	bhs	3f
	ldr	r6, [r4], #4
	blx	r6
	b	2b
3:	mov	r0, #0
	mov	r1, #0
	bl	main
	bl	exit
	b	.
	.ltorg

vectors:
	.rept	8
	ldr	pc, [pc, #24]
	.endr
	.word	_start, trap_und, trap_svc, trap_pabt, trap_dabt, _start, entry_irq, entry_fiq

/* void guest_set_vector(unsigned n, void (*entry)(void)): entry is raw, not a C function. */
	.global guest_set_vector
	.type	guest_set_vector, %function
guest_set_vector:
	mov	r2, #32
	str	r1, [r2, r0, lsl #2]
	bx	lr

/*
 * One struct trap_frame on the stack of the exception's mode, then guest_trap(frame). Whatever the C handler
 * left in the frame is what the interrupted program continues with.
 */
	.macro	trap name, number
trap_\name:
	sub	sp, sp, #80
	stmia	sp, {r0-r12}
	add	r0, sp, #52
	stmia	r0, {sp, lr}^
	nop
	mrs	r1, spsr
	mov	r2, #\number
	str	lr, [sp, #60]
	str	r1, [sp, #64]
	str	r2, [sp, #68]
	mov	r0, sp
	bl	guest_trap
	ldr	r1, [sp, #64]
	msr	spsr_cxsf, r1
	ldr	lr, [sp, #60]
	ldmia	sp, {r0-r12}
	add	sp, sp, #80
	movs	pc, lr
	.endm

	.text
	trap	und, 1
	trap	svc, 2
	trap	pabt, 3
	trap	dabt, 4

entry_irq:
	sub	lr, lr, #4
	push	{r0-r3, r12, lr}
	ldr	r0, =guest_irq_handler
	ldr	r0, [r0]
	blx	r0
	ldmia	sp!, {r0-r3, r12, pc}^

entry_fiq:
	sub	lr, lr, #4
	push	{r0-r3, r12, lr}
	ldr	r0, =guest_fiq_handler
	ldr	r0, [r0]
	blx	r0
	ldmia	sp!, {r0-r3, r12, pc}^

/* uint32_t guest_semihost(uint32_t op, void *arg): from a privileged mode. */
	.global guest_semihost
	.type	guest_semihost, %function
guest_semihost:
	push	{r4, lr}
	svc	0x123456
	pop	{r4, pc}

/* void guest_irq_enable(void), guest_irq_disable(void) */
	.global guest_irq_enable, guest_irq_disable
	.type	guest_irq_enable, %function
	.type	guest_irq_disable, %function
guest_irq_enable:
	mrs	r0, cpsr
	bic	r0, r0, #0x80
	msr	cpsr_c, r0
	bx	lr
guest_irq_disable:
	mrs	r0, cpsr
	orr	r0, r0, #0x80
	msr	cpsr_c, r0
	bx	lr

/* uint32_t guest_cpsr(void); void guest_set_cpsr_c(uint32_t); void guest_wfi(void) */
	.global guest_cpsr, guest_set_cpsr_c, guest_wfi
	.type	guest_cpsr, %function
	.type	guest_set_cpsr_c, %function
	.type	guest_wfi, %function
guest_cpsr:
	mrs	r0, cpsr
	bx	lr
/* The return address travels in r1: lr may be another bank's afterwards. */
guest_set_cpsr_c:
	mov	r1, lr
	msr	cpsr_c, r0
	bx	r1
guest_wfi:
	mov	r0, #0
	mcr	p15, 0, r0, c7, c0, 4
	bx	lr

/* CP15 (DDI 0198E ch. 2): one reader and one writer per register used. */
	.macro	cp15 name, crn, crm, op2
	.global	cp15_get_\name, cp15_set_\name
	.type	cp15_get_\name, %function
	.type	cp15_set_\name, %function
cp15_get_\name:
	mrc	p15, 0, r0, \crn, \crm, \op2
	bx	lr
cp15_set_\name:
	mcr	p15, 0, r0, \crn, \crm, \op2
	nop
	bx	lr
	.endm
	cp15	midr, c0, c0, 0
	cp15	ctr, c0, c0, 1
	cp15	sctlr, c1, c0, 0
	cp15	ttbr, c2, c0, 0
	cp15	dacr, c3, c0, 0
	cp15	dfsr, c5, c0, 0
	cp15	ifsr, c5, c0, 1
	cp15	far, c6, c0, 0
	cp15	fcse, c13, c0, 0
	cp15	iflush, c7, c5, 0
	cp15	tlbflush, c8, c7, 0
	cp15	tlbflush_va, c8, c7, 1
	.end
