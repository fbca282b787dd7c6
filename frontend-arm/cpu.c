/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The core's registers: models, reset, PSRs and their banks (DDI 0100I A2.2 to A2.5).
 * Invariant: arm_cpu.cpsr always names a mode that exists, r[] holds that mode's bank, and tb_flags
 * follow mode and SCTLR.
 */
#include "frontend-arm/cpu.h"
#include "frontend-arm/cp15.h"

#include <stdio.h>
#include <string.h>

#define CPSR_FLAGS (CPSR_N | CPSR_Z | CPSR_C | CPSR_V | CPSR_Q)
#define CPSR_KEPT (CPSR_MODE | CPSR_F | CPSR_I | CPSR_A | CPSR_J)
#define SPSR_BITS (CPSR_FLAGS | CPSR_KEPT | CPSR_T)

static const struct arm_model models[] = {
	{ .name = "arm926", .help = "ARM926EJ-S (ARMv5TEJ, MMU)", .midr = 0x41069265, .ctr = 0x01dd20d2, .tcmtr = 0,
	  .reset_sctlr = 0x00090078, .arch = 5 },
};

const struct arm_model *arm_models(unsigned *n)
{
	*n = ARRAY_LEN(models);
	return models;
}

const struct arm_model *arm_model_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(models); i++)
		if (!strcmp(models[i].name, name))
			return &models[i];
	return NULL;
}

static const struct {
	const char *name; /* NULL: no such mode */
	uint8_t bank, tb_flags;
} modes[32] = {
	[ARM_USR] = { "usr", BANK_USR, 0 },
	[ARM_FIQ] = { "fiq", BANK_FIQ, ARM_TB_PRIV | ARM_TB_HAS_SPSR },
	[ARM_IRQ] = { "irq", BANK_IRQ, ARM_TB_PRIV | ARM_TB_HAS_SPSR },
	[ARM_SVC] = { "svc", BANK_SVC, ARM_TB_PRIV | ARM_TB_HAS_SPSR },
	[ARM_ABT] = { "abt", BANK_ABT, ARM_TB_PRIV | ARM_TB_HAS_SPSR },
	[ARM_UND] = { "und", BANK_UND, ARM_TB_PRIV | ARM_TB_HAS_SPSR },
	[ARM_SYS] = { "sys", BANK_USR, ARM_TB_PRIV },
};

enum arm_bank arm_mode_bank(uint32_t mode)
{
	return (enum arm_bank)modes[mode & CPSR_MODE].bank;
}

bool arm_mode_exists(uint32_t mode)
{
	return modes[mode & CPSR_MODE].name != NULL;
}

const char *arm_mode_name(uint32_t mode)
{
	const char *name = modes[mode & CPSR_MODE].name;
	return name ? name : "???";
}

static void reset_state(struct arm_cpu *cpu)
{
	memset(cpu->r, 0, sizeof(cpu->r));
	memset(cpu->spsr, 0, sizeof(cpu->spsr));
	memset(cpu->bank_r13, 0, sizeof(cpu->bank_r13));
	memset(cpu->bank_r14, 0, sizeof(cpu->bank_r14));
	memset(cpu->usr_r8, 0, sizeof(cpu->usr_r8));
	memset(cpu->fiq_r8, 0, sizeof(cpu->fiq_r8));
	cpu->n = cpu->c = cpu->v = cpu->q = 0;
	cpu->z = 1; /* as QEMU starts; undefined in the manual */
	cpu->halted = 0;
	cpu->exc = (struct arm_exception){ 0 };
	cpu->cpsr = ARM_SVC | CPSR_I | CPSR_F | CPSR_A;
	cpu->large_first = UINT32_MAX;
	cpu->large_last = 0;
	arm_cp15_reset(cpu);
	cpu->pc = cpu->cp15.sctlr & SCTLR_V ? 0xffff0000u : 0;
	arm_update_tb_flags(cpu);
}

/* Calls nothing of the host: the machine around the core may not stand yet. */
void arm_cpu_init(struct arm_cpu *cpu, const struct arm_model *model, const struct arm_host *host, struct log *log)
{
	memset(cpu, 0, sizeof(*cpu));
	cpu->model = model;
	cpu->host = *host;
	cpu->log = log;
	reset_state(cpu);
}

static void log_line(void *ctx, const char *line)
{
	log_printf(ctx, "%s\n", line);
}

void arm_cpu_reset(struct arm_cpu *cpu)
{
	if (log_on(cpu->log, LOG_cpu_reset)) {
		log_printf(cpu->log, "CPU Reset (CPU 0)\n");
		arm_print_regs(cpu, log_line, cpu->log);
	}
	reset_state(cpu);
	arm_tlb_flush_all(cpu);
}

void arm_update_tb_flags(struct arm_cpu *cpu)
{
	static const struct {
		uint32_t sctlr, flag;
	} map[] = {
		{ SCTLR_M, ARM_TB_MMU }, { SCTLR_A, ARM_TB_ALIGN }, { SCTLR_B, ARM_TB_BE32 }, { SCTLR_L4, ARM_TB_L4 },
	};
	uint32_t flags = modes[cpu->cpsr & CPSR_MODE].tb_flags;

	for (size_t i = 0; i < ARRAY_LEN(map); i++)
		if (cpu->cp15.sctlr & map[i].sctlr)
			flags |= map[i].flag;
	if (cpu->cp15.dacr_set)
		flags |= ARM_TB_DACR;
	if (cpu->cp15.fcse_pid >> 25)
		flags |= ARM_TB_MMU; /* moves addresses with the MMU off, too */
	cpu->tb_flags = flags | cpu->owner_flags;
}

uint32_t arm_cpsr_read(const struct arm_cpu *cpu)
{
	return cpu->cpsr | (uint32_t)cpu->n << 31 | (uint32_t)cpu->z << 30 | (uint32_t)cpu->c << 29 |
	       (uint32_t)cpu->v << 28 | (uint32_t)cpu->q << 27 | (cpu->pc & 1u) << 5;
}

/* Exchanges r8-r12 when FIQ mode is entered or left: `out` receives the set that stops being current. */
static void swap_fiq_regs(struct arm_cpu *cpu, uint32_t *out, const uint32_t *in)
{
	memcpy(out, &cpu->r[8], 5 * sizeof(uint32_t));
	memcpy(&cpu->r[8], in, 5 * sizeof(uint32_t));
}

static void switch_bank(struct arm_cpu *cpu, enum arm_bank from, enum arm_bank to)
{
	if (from == to)
		return;
	if (from == BANK_FIQ)
		swap_fiq_regs(cpu, cpu->fiq_r8, cpu->usr_r8);
	else if (to == BANK_FIQ)
		swap_fiq_regs(cpu, cpu->usr_r8, cpu->fiq_r8);
	cpu->bank_r13[from] = cpu->r[13];
	cpu->bank_r14[from] = cpu->r[14];
	cpu->r[13] = cpu->bank_r13[to];
	cpu->r[14] = cpu->bank_r14[to];
}

/* The mode to change to: a mode that does not exist leaves the mode as it is, as QEMU does. */
static uint32_t checked_mode(const struct arm_cpu *cpu, uint32_t mode)
{
	uint32_t old = cpu->cpsr & CPSR_MODE;

	if (modes[mode].name)
		return mode;
	if (log_on(cpu->log, LOG_guest_errors))
		log_printf(cpu->log, "Illegal mode switch attempt from %s to mode 0x%x\n", arm_mode_name(old), mode);
	return old;
}

void arm_cpsr_write(struct arm_cpu *cpu, uint32_t value, uint32_t mask)
{
	if (mask & CPSR_N)
		cpu->n = (uint8_t)bit(value, 31);
	if (mask & CPSR_Z)
		cpu->z = (uint8_t)bit(value, 30);
	if (mask & CPSR_C)
		cpu->c = (uint8_t)bit(value, 29);
	if (mask & CPSR_V)
		cpu->v = (uint8_t)bit(value, 28);
	if (mask & CPSR_Q)
		cpu->q = (uint8_t)bit(value, 27);
	if (mask & CPSR_T)
		cpu->pc = (cpu->pc & ~1u) | bit(value, 5);
	if (mask & CPSR_MODE) {
		uint32_t wanted = (cpu->cpsr & ~mask) | (value & mask);
		uint32_t mode = checked_mode(cpu, wanted & CPSR_MODE);
		switch_bank(cpu, arm_mode_bank(cpu->cpsr), arm_mode_bank(mode));
		cpu->cpsr = (cpu->cpsr & ~CPSR_MODE) | mode;
		cpu->tb_flags = (cpu->tb_flags & ~(uint32_t)(ARM_TB_PRIV | ARM_TB_HAS_SPSR)) | modes[mode].tb_flags;
	}
	mask &= CPSR_KEPT & ~CPSR_MODE;
	cpu->cpsr = (cpu->cpsr & ~mask) | (value & mask);
}

uint32_t arm_spsr_read(const struct arm_cpu *cpu)
{
	return cpu->spsr[arm_mode_bank(cpu->cpsr)];
}

void arm_spsr_write(struct arm_cpu *cpu, uint32_t value, uint32_t mask)
{
	uint32_t *spsr = &cpu->spsr[arm_mode_bank(cpu->cpsr)];

	mask &= SPSR_BITS;
	*spsr = (*spsr & ~mask) | (value & mask);
}

/* Where User mode's register n is kept while the current mode is what it is. */
static uint32_t *user_reg(struct arm_cpu *cpu, unsigned n)
{
	enum arm_bank bank = arm_mode_bank(cpu->cpsr);

	if (n >= 8 && n <= 12 && bank == BANK_FIQ)
		return &cpu->usr_r8[n - 8];
	if (n == 13 && bank != BANK_USR)
		return &cpu->bank_r13[BANK_USR];
	if (n == 14 && bank != BANK_USR)
		return &cpu->bank_r14[BANK_USR];
	return &cpu->r[n];
}

uint32_t arm_user_reg_read(const struct arm_cpu *cpu, unsigned n)
{
	return *user_reg((struct arm_cpu *)(uintptr_t)cpu, n); /* user_reg does not write */
}

void arm_user_reg_write(struct arm_cpu *cpu, unsigned n, uint32_t value)
{
	*user_reg(cpu, n) = value;
}

void arm_print_regs(const struct arm_cpu *cpu, void (*print)(void *ctx, const char *line), void *ctx)
{
	char line[128];
	uint32_t psr = arm_cpsr_read(cpu), r[16];

	memcpy(r, cpu->r, sizeof(cpu->r));
	r[15] = cpu->pc & ~1u;
	for (unsigned i = 0; i < 16; i += 4) {
		snprintf(line, sizeof(line), "R%02u=%08x R%02u=%08x R%02u=%08x R%02u=%08x", i, r[i], i + 1, r[i + 1],
			 i + 2, r[i + 2], i + 3, r[i + 3]);
		print(ctx, line);
	}
	snprintf(line, sizeof(line), "PSR=%08x %c%c%c%c %c %s32", psr, psr & CPSR_N ? 'N' : '-',
		 psr & CPSR_Z ? 'Z' : '-', psr & CPSR_C ? 'C' : '-', psr & CPSR_V ? 'V' : '-',
		 psr & CPSR_T ? 'T' : 'A', arm_mode_name(psr));
	print(ctx, line);
}
