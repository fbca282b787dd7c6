/* SPDX-License-Identifier: Apache-2.0 */
/* The core's state between two instructions, for snapshots. The TLB is none: a restored core starts with an empty one. */
#include "base/state.h"
#include "frontend-arm/cpu.h"

#define NOT_BETWEEN "nothing of the kind is pending between two instructions"

static const struct state_field cpu_fields[] = {
	STATE_ARRAY(struct arm_cpu, r, 0),
	STATE(struct arm_cpu, pc),
	STATE_BOOL(struct arm_cpu, n),
	STATE_BOOL(struct arm_cpu, z),
	STATE_BOOL(struct arm_cpu, c),
	STATE_BOOL(struct arm_cpu, v),
	STATE_BOOL(struct arm_cpu, q),
	STATE_BOOL(struct arm_cpu, halted),
	STATE_BOOL(struct arm_cpu, irq_line),
	STATE_BOOL(struct arm_cpu, fiq_line),
	STATE_NOT(struct arm_cpu, owed, NOT_BETWEEN),
	STATE_NOT(struct arm_cpu, owed_x, NOT_BETWEEN),
	STATE_NOT(struct arm_cpu, owed_y, NOT_BETWEEN),
	STATE_NOT(struct arm_cpu, tb_flags, "follows from the rest"),
	STATE_NOT(struct arm_cpu, exc, NOT_BETWEEN),
	STATE_NOT(struct arm_cpu, kept, NOT_BETWEEN),
	STATE_NOT(struct arm_cpu, owner_flags, "how the host does it"),
	STATE(struct arm_cpu, cpsr),
	STATE_ARRAY(struct arm_cpu, spsr, 0),
	STATE_ARRAY(struct arm_cpu, bank_r13, 0),
	STATE_ARRAY(struct arm_cpu, bank_r14, 0),
	STATE_ARRAY(struct arm_cpu, usr_r8, 0),
	STATE_ARRAY(struct arm_cpu, fiq_r8, 0),
	STATE(struct arm_cpu, cp15.sctlr),
	STATE(struct arm_cpu, cp15.ttbr0),
	STATE(struct arm_cpu, cp15.dacr),
	STATE(struct arm_cpu, cp15.dfsr),
	STATE(struct arm_cpu, cp15.ifsr),
	STATE(struct arm_cpu, cp15.far),
	STATE(struct arm_cpu, cp15.fcse_pid),
	STATE(struct arm_cpu, cp15.context_id),
	STATE(struct arm_cpu, cp15.dcache_lockdown),
	STATE(struct arm_cpu, cp15.icache_lockdown),
	STATE(struct arm_cpu, cp15.tlb_lockdown),
	STATE_ARRAY(struct arm_cpu, cp15.dacr_of, 0),
	STATE_MAX(struct arm_cpu, cp15.dacr_set, 1),
	STATE(struct arm_cpu, cp15.ttbr1),
	STATE(struct arm_cpu, cp15.ttbcr),
	STATE_NOT(struct arm_cpu, large_first, "what is in the TLB, which is none"),
	STATE_NOT(struct arm_cpu, large_last, "what is in the TLB, which is none"),
	STATE_NOT(struct arm_cpu, model, "what the machine was made with"),
	STATE_NOT(struct arm_cpu, host, "what the machine was made with"),
	STATE_NOT(struct arm_cpu, log, "what the machine was made with"),
};

/* As arm_cpsr_write leaves it. Any pc can be branched to. */
static bool cpu_valid(const void *s)
{
	const struct arm_cpu *cpu = s;
	const uint32_t kept = CPSR_MODE | CPSR_F | CPSR_I | CPSR_A | CPSR_J;
	if (cpu->cpsr & ~kept || !arm_mode_exists(cpu->cpsr))
		return false;
	return cpu->cp15.dacr_of[cpu->cp15.dacr_set] == cpu->cp15.dacr;
}

const struct state_desc arm_cpu_state = {
	.name = "cpu", .size = sizeof(struct arm_cpu), .version = 1, STATE_FIELDS(cpu_fields), .valid = cpu_valid,
};
