/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The functions of helpers.def that act on the core's state, and the table of all of them. A helper that
 * faults sets cpu->exc and returns; cpu->pc is not exact inside a helper.
 */
#include "frontend-arm/helpers.h"

#define MSR_USER (CPSR_N | CPSR_Z | CPSR_C | CPSR_V | CPSR_Q)
#define MSR_PRIV (MSR_USER | CPSR_A | CPSR_I | CPSR_F | CPSR_MODE)

void arm_helper_raise(struct arm_cpu *cpu, uint32_t kind)
{
	cpu->exc = (struct arm_exception){ .kind = kind };
}

static void changed_flags(const struct arm_cpu *cpu, uint32_t old_flags)
{
	if (cpu->tb_flags != old_flags)
		cpu->host.flags_changed(cpu->host.opaque);
}

/* After a change of the mode or the masks. */
static void changed_psr(const struct arm_cpu *cpu, uint32_t old_flags)
{
	if ((cpu->irq_line || cpu->fiq_line) && arm_pending_interrupt(cpu) != ARM_EXC_NONE)
		cpu->host.kick(cpu->host.opaque);
	changed_flags(cpu, old_flags);
}

/* For exceptions that the instruction always raises: emitted code goes on at the vector by itself. */
void arm_helper_take_exception(struct arm_cpu *cpu, uint32_t kind, uint32_t pc_key)
{
	uint32_t old_flags = cpu->tb_flags;

	cpu->exc = (struct arm_exception){ .kind = kind };
	cpu->pc = pc_key;
	arm_take_exception(cpu);
	changed_psr(cpu, old_flags);
}

/* MRS shows neither T nor J, as QEMU. */
uint32_t arm_helper_cpsr_read(struct arm_cpu *cpu)
{
	return arm_cpsr_read(cpu) & ~(CPSR_T | CPSR_J);
}

/* MSR: User mode writes flags only, and nobody writes T or J (DDI 0100I A4.1.39). */
void arm_helper_cpsr_write(struct arm_cpu *cpu, uint32_t value, uint32_t mask)
{
	uint32_t old_flags = cpu->tb_flags;

	arm_cpsr_write(cpu, value, mask & (arm_privileged(cpu) ? MSR_PRIV : MSR_USER));
	changed_psr(cpu, old_flags);
}

uint32_t arm_helper_spsr_read(struct arm_cpu *cpu)
{
	return arm_spsr_read(cpu);
}

void arm_helper_spsr_write(struct arm_cpu *cpu, uint32_t value, uint32_t mask)
{
	arm_spsr_write(cpu, value, mask);
}

void arm_helper_exception_return(struct arm_cpu *cpu, uint32_t addr)
{
	uint32_t spsr = arm_spsr_read(cpu), old_flags = cpu->tb_flags;

	arm_cpsr_write(cpu, spsr, UINT32_MAX);
	cpu->pc = spsr & CPSR_T ? addr | 1u : addr & ~3u;
	changed_psr(cpu, old_flags);
}

uint32_t arm_helper_user_reg_read(struct arm_cpu *cpu, uint32_t n)
{
	return arm_user_reg_read(cpu, n);
}

void arm_helper_user_reg_write(struct arm_cpu *cpu, uint32_t n, uint32_t value)
{
	arm_user_reg_write(cpu, n, value);
}

uint32_t arm_helper_cp15_read(struct arm_cpu *cpu, uint32_t reg, uint32_t row)
{
	uint32_t value = 0;

	if (!arm_cp15_read_row(cpu, reg, row, &value))
		arm_helper_raise(cpu, ARM_EXC_UNDEF);
	return value;
}

void arm_helper_cp15_write(struct arm_cpu *cpu, uint32_t reg, uint32_t row, uint32_t value)
{
	uint32_t old_flags = cpu->tb_flags;

	if (!arm_cp15_write_row(cpu, reg, row, value))
		arm_helper_raise(cpu, ARM_EXC_UNDEF);
	changed_flags(cpu, old_flags);
}

/* In the table's rows, V and W are IR types. */
#define V IR_VOID
#define W IR_I32
#define READS IR_HELPER_READS
#define WRITES IR_HELPER_WRITES
#define FAULT IR_HELPER_FAULT
#define PURE IR_HELPER_PURE
#define NORETURN IR_HELPER_NORETURN
#define ARG_TYPES(...) { __VA_ARGS__ }

const struct ir_helper arm_helpers[ARM_H_COUNT] = {
#define HELPER(helper_name, ret_, n, arg_types, flags_) \
	[ARM_H_##helper_name] = { .name = #helper_name, .fn = (void (*)(void))arm_helper_##helper_name, .ret = (ret_), \
				  .n_args = (n), .args = ARG_TYPES arg_types, .flags = (flags_) },
#include "frontend-arm/helpers.def"
#undef HELPER
};
