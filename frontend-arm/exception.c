/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Exception entry (DDI 0100I A2.6): one row an exception says everything that differs.
 * LR offsets are from the address of the instruction that faulted, for IRQ and FIQ from the
 * one that would run next.
 */
#include "frontend-arm/cpu.h"
#include "frontend-arm/cp15.h"

#include <assert.h>

struct entry {
	const char *name;
	uint8_t number; /* as QEMU's -d int numbers them */
	uint8_t mode, vector;
	uint8_t lr_arm, lr_thumb;
	uint32_t set; /* CPSR bits; A as QEMU sets it */
};

static const struct entry entries[] = {
	[ARM_EXC_UNDEF] = { "Undefined Instruction", 1, ARM_UND, 0x04, 4, 2, CPSR_I },
	[ARM_EXC_SWI] = { "SVC", 2, ARM_SVC, 0x08, 4, 2, CPSR_I },
	[ARM_EXC_PREFETCH_ABORT] = { "Prefetch Abort", 3, ARM_ABT, 0x0c, 4, 4, CPSR_I | CPSR_A },
	[ARM_EXC_DATA_ABORT] = { "Data Abort", 4, ARM_ABT, 0x10, 8, 8, CPSR_I | CPSR_A },
	[ARM_EXC_IRQ] = { "IRQ", 5, ARM_IRQ, 0x18, 4, 4, CPSR_I | CPSR_A },
	[ARM_EXC_FIQ] = { "FIQ", 6, ARM_FIQ, 0x1c, 4, 4, CPSR_I | CPSR_F | CPSR_A },
	[ARM_EXC_BKPT] = { "Breakpoint", 7, ARM_ABT, 0x0c, 4, 4, CPSR_I | CPSR_A },
};

/* IFSR after BKPT (DDI 0100I A2.6.5 leaves it open; QEMU reports a debug event). */
#define FSR_DEBUG 2u

/* Fault registers; returns the register to name in the log, NULL when none changed. */
static const char *record_fault(struct arm_cpu *cpu, uint32_t *fsr)
{
	switch ((enum arm_exception_kind)cpu->exc.kind) {
	case ARM_EXC_DATA_ABORT:
		cpu->cp15.far = cpu->exc.far;
		*fsr = cpu->cp15.dfsr = cpu->exc.fsr;
		return "DFSR";
	case ARM_EXC_PREFETCH_ABORT:
		*fsr = cpu->cp15.ifsr = cpu->exc.fsr;
		return "IFSR";
	case ARM_EXC_BKPT:
		*fsr = cpu->cp15.ifsr = FSR_DEBUG;
		return "IFSR";
	case ARM_EXC_NONE:
	case ARM_EXC_UNDEF:
	case ARM_EXC_SWI:
	case ARM_EXC_IRQ:
	case ARM_EXC_FIQ:
	case ARM_EXC_SEMIHOST:
		break;
	}
	return NULL;
}

static void log_entry(const struct arm_cpu *cpu, const struct entry *e, const char *fsr_name, uint32_t fsr)
{
	struct log *log = cpu->log;

	if (!log_on(log, LOG_int))
		return;
	log_printf(log, "Taking exception %u [%s] on CPU 0\n", e->number, e->name);
	log_printf(log, "...from %s %s mode, PC 0x%x\n", cpu->pc & 1u ? "Thumb" : "ARM", arm_mode_name(cpu->cpsr),
		   cpu->pc & ~1u);
	if (!fsr_name)
		return;
	if (cpu->exc.kind == ARM_EXC_DATA_ABORT)
		log_printf(log, "...with %s 0x%x FAR 0x%x\n", fsr_name, fsr, cpu->exc.far);
	else
		log_printf(log, "...with %s 0x%x\n", fsr_name, fsr);
}

static void enter(struct arm_cpu *cpu, enum arm_exception_kind kind)
{
	const struct entry *e = &entries[kind];
	uint32_t old_cpsr = arm_cpsr_read(cpu), fsr = 0;
	uint32_t lr = (cpu->pc & ~1u) + (cpu->pc & 1u ? e->lr_thumb : e->lr_arm);
	const char *fsr_name = record_fault(cpu, &fsr);

	log_entry(cpu, e, fsr_name, fsr);
	arm_cpsr_write(cpu, e->mode | e->set, CPSR_MODE | e->set | CPSR_T | CPSR_J);
	cpu->spsr[arm_mode_bank(e->mode)] = old_cpsr;
	cpu->r[14] = lr;
	cpu->pc = (cpu->cp15.sctlr & SCTLR_V ? 0xffff0000u : 0) + e->vector;
	cpu->halted = 0;
	if (log_on(cpu->log, LOG_int))
		log_printf(cpu->log, "...to %s mode, PC 0x%x, LR 0x%x\n", arm_mode_name(cpu->cpsr), cpu->pc, lr);
}

void arm_take_exception(struct arm_cpu *cpu)
{
	enum arm_exception_kind kind = (enum arm_exception_kind)cpu->exc.kind;

	assert(kind > ARM_EXC_NONE && kind <= ARM_EXC_BKPT);
	enter(cpu, kind);
	cpu->exc = (struct arm_exception){ 0 };
}

void arm_take_interrupt(struct arm_cpu *cpu, enum arm_exception_kind irq_or_fiq)
{
	assert(irq_or_fiq == ARM_EXC_IRQ || irq_or_fiq == ARM_EXC_FIQ);
	assert(cpu->exc.kind == ARM_EXC_NONE);
	enter(cpu, irq_or_fiq);
}

enum arm_exception_kind arm_pending_interrupt(const struct arm_cpu *cpu)
{
	if (cpu->fiq_line && !(cpu->cpsr & CPSR_F))
		return ARM_EXC_FIQ;
	if (cpu->irq_line && !(cpu->cpsr & CPSR_I))
		return ARM_EXC_IRQ;
	return ARM_EXC_NONE;
}

void arm_set_irq(struct arm_cpu *cpu, bool fiq, bool level)
{
	if (fiq)
		cpu->fiq_line = level;
	else
		cpu->irq_line = level;
	if (level)
		cpu->halted = 0;
}
