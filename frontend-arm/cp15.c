/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Coprocessor registers: look-up by encoding in the rows of cp15.def and what accesses do.
 * DDI 0198E 2.3.
 */
#include "frontend-arm/cp15.h"

#include "frontend-arm/cpu.h"

enum { PR = 1, PW = 2, UR = 4 };

typedef uint32_t read_fn(struct arm_cpu *cpu);
typedef void write_fn(struct arm_cpu *cpu, uint32_t value);
typedef void changed_fn(struct arm_cpu *cpu, uint32_t old);

struct row {
	uint32_t code, code_mask; /* as ARM_CP_REG */
	const char *name;
	uint8_t rights;
	bool state;               /* kept at `offset` of arm_cpu */
	uint16_t offset;
	uint32_t reset, write_mask;
	changed_fn *changed;
	read_fn *read;
	write_fn *write;
};

static uint32_t read_midr(struct arm_cpu *cpu) { return cpu->model->midr; }
static uint32_t read_ctr(struct arm_cpu *cpu) { return cpu->model->ctr; }
static uint32_t read_tcmtr(struct arm_cpu *cpu) { return cpu->model->tcmtr; }

static uint32_t read_zero(struct arm_cpu *cpu)
{
	(void)cpu;
	return 0;
}

static uint32_t read_clean(struct arm_cpu *cpu)
{
	(void)cpu;
	return CPSR_Z;
}

static void write_ignored(struct arm_cpu *cpu, uint32_t value)
{
	(void)cpu;
	(void)value;
}

static void write_wfi(struct arm_cpu *cpu, uint32_t value)
{
	(void)value;
	cpu->halted = !cpu->irq_line && !cpu->fiq_line;
	if (cpu->halted)
		cpu->host.kick(cpu->host.opaque);
}

static void write_tlb_all(struct arm_cpu *cpu, uint32_t value)
{
	(void)value;
	arm_tlb_flush_all(cpu);
}

static void write_tlb_mva(struct arm_cpu *cpu, uint32_t value)
{
	arm_tlb_flush_mva(cpu, value);
}

static void changed_nothing(struct arm_cpu *cpu, uint32_t old)
{
	(void)cpu;
	(void)old;
}

/* Back to the other of two values: what was translated under it still holds. */
static void changed_dacr(struct arm_cpu *cpu, uint32_t old)
{
	struct arm_cp15 *cp = &cpu->cp15;

	(void)old;
	cp->dacr_set ^= 1;
	arm_update_tb_flags(cpu);
	if (cp->dacr_of[cp->dacr_set] != cp->dacr) {
		cp->dacr_of[cp->dacr_set] = cp->dacr;
		arm_tlb_flush_all(cpu);
	}
}

static void changed_fcse(struct arm_cpu *cpu, uint32_t old)
{
	if ((cpu->cp15.fcse_pid ^ old) >> 25)
		arm_tlb_flush_all(cpu);
	arm_update_tb_flags(cpu);
}

static void changed_sctlr(struct arm_cpu *cpu, uint32_t old)
{
	uint32_t diff = cpu->cp15.sctlr ^ old;

	if (diff & (SCTLR_M | SCTLR_S | SCTLR_R))
		arm_tlb_flush_all(cpu);
	if ((diff & SCTLR_M) && log_on(cpu->log, LOG_mmu))
		log_printf(cpu->log, "MMU: turned %s, TTBR 0x%08x DACR 0x%08x\n",
			   cpu->cp15.sctlr & SCTLR_M ? "on" : "off", cpu->cp15.ttbr0, cpu->cp15.dacr);
	arm_update_tb_flags(cpu);
}

/* A field of an encoding and its mask; ANY matches everything. */
#define ANY 0x100
#define FIELD(x, shift) ((x) == ANY ? 0u : (uint32_t)(x) << (shift))
#define FIELD_MASK(x, shift) ((x) == ANY ? 0u : 15u << (shift))
#define CODE(cp, crn, opc1, crm, opc2) \
	.code = ((cp) ^ 15u) << 24 | FIELD(crn, 16) | FIELD(crm, 8) | FIELD(opc1, 4) | FIELD(opc2, 0), \
	.code_mask = 0xff000000u | FIELD_MASK(crn, 16) | FIELD_MASK(crm, 8) | FIELD_MASK(opc1, 4) | FIELD_MASK(opc2, 0)

#define none NULL
static const struct row rows[] = {
#define CP_STATE(field, crn, opc1, crm, opc2, reset_value, mask, on_change) \
	{ CODE(15u, crn, opc1, crm, opc2), .name = #field, .rights = PR | PW, .state = true, \
	  .offset = offsetof(struct arm_cpu, cp15.field), .reset = (reset_value), .write_mask = (mask), \
	  .changed = (on_change) },
#define CP_FUNC(row_name, cp, crn, opc1, crm, opc2, rights_, on_read, on_write) \
	{ CODE(cp##u, crn, opc1, crm, opc2), .name = #row_name, .rights = (rights_), .read = (on_read), .write = (on_write) },
#include "frontend-arm/cp15.def"
#undef CP_STATE
#undef CP_FUNC
};
#undef none

static uint32_t *state_of(struct arm_cpu *cpu, const struct row *row)
{
	return (uint32_t *)(void *)((char *)cpu + row->offset);
}

unsigned arm_cp15_row(uint32_t reg)
{
	unsigned i = 0;
	while (i < ARRAY_LEN(rows) && (reg & rows[i].code_mask) != rows[i].code)
		i++;
	return i;
}

bool arm_cp15_ignores(uint32_t reg)
{
	unsigned i = arm_cp15_row(reg);
	return i < ARRAY_LEN(rows) && rows[i].write == write_ignored;
}

static const struct row *refuse(const struct arm_cpu *cpu, uint32_t reg, const struct row *row, bool write)
{
	if (row && log_on(cpu->log, LOG_guest_errors))
		log_printf(cpu->log, "%s of coprocessor register %s is not allowed in %s mode\n",
			   write ? "write" : "read", row->name, arm_mode_name(cpu->cpsr));
	if (!row && log_on(cpu->log, LOG_unimp))
		log_printf(cpu->log, "%s access to unsupported system register cp:%u opc1:%u crn:%u crm:%u opc2:%u\n",
			   write ? "write" : "read", bits(reg, 27, 24) ^ 15u, bits(reg, 7, 4), bits(reg, 19, 16),
			   bits(reg, 11, 8), bits(reg, 3, 0));
	return NULL;
}

/* The row of an encoding when the current mode has the right, else NULL, logged. */
static const struct row *allowed(const struct arm_cpu *cpu, uint32_t reg, unsigned i, bool write)
{
	bool priv = arm_privileged(cpu);
	uint8_t wanted = (uint8_t)(write ? PW : priv ? PR : UR);

	if (i >= ARRAY_LEN(rows))
		return refuse(cpu, reg, NULL, write);
	if ((rows[i].rights & wanted) && (!write || priv))
		return &rows[i];
	return refuse(cpu, reg, &rows[i], write);
}

bool arm_cp15_read_row(struct arm_cpu *cpu, uint32_t reg, unsigned i, uint32_t *value)
{
	const struct row *row = allowed(cpu, reg, i, false);

	if (!row)
		return false;
	*value = row->state ? *state_of(cpu, row) : row->read(cpu);
	return true;
}

static void write_state(struct arm_cpu *cpu, const struct row *row, uint32_t value)
{
	uint32_t *state = state_of(cpu, row), old = *state;

	*state = (old & ~row->write_mask) | (value & row->write_mask);
	if (*state != old)
		row->changed(cpu, old);
}

bool arm_cp15_write_row(struct arm_cpu *cpu, uint32_t reg, unsigned i, uint32_t value)
{
	const struct row *row = allowed(cpu, reg, i, true);

	if (!row)
		return false;
	if (row->state)
		write_state(cpu, row, value);
	else
		row->write(cpu, value);
	return true;
}

bool arm_cp15_debug_write(struct arm_cpu *cpu, uint32_t reg, uint32_t value)
{
	unsigned i = arm_cp15_row(reg);

	if (i >= ARRAY_LEN(rows) || !rows[i].state)
		return false;
	write_state(cpu, &rows[i], value);
	return true;
}

bool arm_cp15_read(struct arm_cpu *cpu, uint32_t reg, uint32_t *value)
{
	return arm_cp15_read_row(cpu, reg, arm_cp15_row(reg), value);
}

bool arm_cp15_write(struct arm_cpu *cpu, uint32_t reg, uint32_t value)
{
	return arm_cp15_write_row(cpu, reg, arm_cp15_row(reg), value);
}

void arm_cp15_reset(struct arm_cpu *cpu)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (rows[i].state)
			*state_of(cpu, &rows[i]) = rows[i].reset;
	cpu->cp15.sctlr = cpu->model->reset_sctlr;
	cpu->cp15.dacr_of[0] = cpu->cp15.dacr_of[1] = cpu->cp15.dacr;
	cpu->cp15.dacr_set = 0;
}
