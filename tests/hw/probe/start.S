/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Entry of the probe programs: vectors at 0, a stack for each mode, cleared .bss, main, then a
 * semihosting exit. Data aborts are counted in `aborts` and skipped; IRQ and FIQ call C functions
 * that programs may define.
 */
	.section .text.start, "ax"
	.global _start
_start:
	ldr	r0, =vectors
	mov	r1, #0
	ldmia	r0!, {r2-r9}
	stmia	r1!, {r2-r9}
	ldmia	r0!, {r2-r9}
	stmia	r1!, {r2-r9}
	msr	cpsr_c, #0xd1		@ FIQ
	ldr	sp, =0x240000
	msr	cpsr_c, #0xd2		@ IRQ
	ldr	sp, =0x230000
	msr	cpsr_c, #0xd7		@ abort
	ldr	sp, =0x220000
	msr	cpsr_c, #0xdb		@ undefined
	ldr	sp, =0x210000
	msr	cpsr_c, #0xd3		@ supervisor
	ldr	sp, =0x200000
	ldr	r0, =__bss_start
	ldr	r1, =__bss_end
	mov	r2, #0
1:	cmp	r0, r1
	strlo	r2, [r0], #4
	blo	1b
	bl	probe_main
	mov	r0, #0x18		@ SYS_EXIT
	ldr	r1, =0x20026		@ ADP_Stopped_ApplicationExit
	svc	0x123456
	b	.

vectors:
	.rept	8
	ldr	pc, [pc, #24]
	.endr
	.word	stop, stop, stop, stop, data_abort, stop, irq_entry, fiq_entry
stop:
	b	stop

data_abort:
	stmfd	sp!, {r0, r1}
	ldr	r0, =aborts
	ldr	r1, [r0]
	add	r1, r1, #1
	str	r1, [r0]
	ldmfd	sp!, {r0, r1}
	subs	pc, lr, #4

irq_entry:
	sub	lr, lr, #4
	stmfd	sp!, {r0-r3, r12, lr}
	bl	on_irq
	ldmfd	sp!, {r0-r3, r12, pc}^

fiq_entry:
	sub	lr, lr, #4
	stmfd	sp!, {r0-r3, r12, lr}
	bl	on_fiq
	ldmfd	sp!, {r0-r3, r12, pc}^

	.weak	on_irq, on_fiq
on_irq:
on_fiq:
	b	stop
	.bss
	.align	2
	.global	aborts
aborts:
	.space	4
