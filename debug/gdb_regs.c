/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Registers by GDB's numbers, and the documents that describe the target. 0 to 15 and 25 (cpsr) are GDB's own for ARM, 16
 * to 24 were the FPA's; the banked registers of gdb_regs.def follow, then CP15's of frontend-arm/cp15.def.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "debug/gdb_parts.h"

#define REG_CPSR 25u
#define REG_BANKED 26u
#define SPSR 16

static const struct {
	const char *name;
	uint8_t bank, reg;
} banked[] = {
#define BANKED(name, bank, reg) {#name, BANK_##bank, reg},
#include "debug/gdb_regs.def"
#undef BANKED
};

/* Registers that are state; what is read-only follows. */
static const struct {
	const char *name;
	uint16_t offset; /* in struct arm_cpu */
	uint32_t reg;    /* ARM_CP_REG */
} cp15[] = {
#define ANY 0
#define CP_STATE(field, crn, opc1, crm, opc2, reset, mask, changed) \
	{#field, offsetof(struct arm_cpu, cp15.field), ARM_CP_REG(15, crn, opc1, crm, opc2)},
#define CP_FUNC(name, cp, crn, opc1, crm, opc2, rights, read, write)
#include "frontend-arm/cp15.def"
#undef CP_STATE
#undef CP_FUNC
#undef ANY
};

static const struct {
	const char *name;
	uint16_t offset; /* in struct arm_model */
} model_regs[] = {
	{"midr", offsetof(struct arm_model, midr)},
	{"ctr", offsetof(struct arm_model, ctr)},
	{"tcmtr", offsetof(struct arm_model, tcmtr)},
};

#define REG_CP15 (REG_BANKED + (uint32_t)ARRAY_LEN(banked))
#define REG_MODEL (REG_CP15 + (uint32_t)ARRAY_LEN(cp15))
#define REG_END (REG_MODEL + (uint32_t)ARRAY_LEN(model_regs))

/* Where register `reg` of a bank is kept while the current mode is what it is. */
static uint32_t *banked_at(struct arm_cpu *cpu, enum arm_bank bank, unsigned reg)
{
	enum arm_bank now = arm_mode_bank(cpu->cpsr);
	if (reg == SPSR)
		return &cpu->spsr[bank];
	if (reg >= 13)
		return bank == now ? &cpu->r[reg] : reg == 13 ? &cpu->bank_r13[bank] : &cpu->bank_r14[bank];
	if ((bank == BANK_FIQ) == (now == BANK_FIQ))
		return &cpu->r[reg];
	return bank == BANK_FIQ ? &cpu->fiq_r8[reg - 8] : &cpu->usr_r8[reg - 8];
}

static uint32_t value_of(struct arm_cpu *cpu, uint32_t n)
{
	if (n < 15)
		return cpu->r[n];
	if (n == 15)
		return cpu->pc & ~1u;
	if (n == REG_CPSR)
		return arm_cpsr_read(cpu);
	if (n < REG_CP15)
		return *banked_at(cpu, (enum arm_bank)banked[n - REG_BANKED].bank, banked[n - REG_BANKED].reg);
	uint32_t v;
	if (n < REG_MODEL)
		memcpy(&v, (const char *)cpu + cp15[n - REG_CP15].offset, sizeof v);
	else
		memcpy(&v, (const char *)cpu->model + model_regs[n - REG_MODEL].offset, sizeof v);
	return v;
}

unsigned gdb_reg_read(struct gdb *g, uint32_t n, uint8_t buf[16])
{
	memset(buf, 0, 16);
	if (n >= 16 && n < REG_CPSR)
		return n < 24 ? 12 : 4; /* the FPA that no ARM9 has */
	if (n >= REG_END)
		return 0;
	uint32_t v = value_of(g->t.vcpu->cpu, n);
	for (unsigned i = 0; i < 4; i++)
		buf[i] = (uint8_t)(v >> (8 * i));
	return 4;
}

/* Debuggers send an address with or without the bit for Thumb, which is cpsr's to say. A core that waits goes on there. */
static void write_pc(struct arm_cpu *cpu, uint32_t value)
{
	cpu->pc = (value & ~1u) | (cpu->pc & 1u);
	cpu->halted = 0;
}

void gdb_set_reg(struct arm_cpu *cpu, uint32_t n, uint32_t value)
{
	if (n < 15)
		cpu->r[n] = value;
	else if (n == 15)
		write_pc(cpu, value);
	else if (n == REG_CPSR)
		arm_cpsr_write(cpu, value, ~0u);
	else if (n >= REG_BANKED && n < REG_CP15)
		*banked_at(cpu, (enum arm_bank)banked[n - REG_BANKED].bank, banked[n - REG_BANKED].reg) = value;
	else if (n >= REG_CP15 && n < REG_MODEL)
		arm_cp15_debug_write(cpu, cp15[n - REG_CP15].reg, value);
}

/* Clients write back what they have read: nothing was done then, and nobody need know. */
bool gdb_reg_write(struct gdb *g, uint32_t n, uint32_t value)
{
	struct arm_cpu *cpu = g->t.vcpu->cpu;
	const struct gdb_poke p = {.kind = GDB_POKE_REG, .where = n, .size = 4};
	if (n >= 16 && n < REG_CPSR)
		return true;
	if (n >= REG_END)
		return false;
	uint32_t now = value_of(cpu, n), wanted = n == 15 ? value & ~1u : value;
	if (now == wanted && !(n == 15 && cpu->halted))
		return true;
	if (n >= REG_MODEL || !g->t.poke(g->t.opaque, &p, &value))
		return false;
	gdb_set_reg(cpu, n, value);
	g->t.poked(g->t.opaque, &p);
	return true;
}

/* ---- documents ---- */

static void put_reg(FILE *f, const char *name, uint32_t n, const char *type, const char *group)
{
	fprintf(f, "<reg name=\"%s\" bitsize=\"32\" regnum=\"%u\" type=\"%s\"%s%s%s/>\n", name, n, type, group ? " group=\"" : "",
		group ? group : "", group ? "\"" : "");
}

static void put_core(FILE *f)
{
	fputs("<feature name=\"org.gnu.gdb.arm.core\">\n", f);
	for (uint32_t n = 0; n < 13; n++) {
		char name[4];
		snprintf(name, sizeof name, "r%u", n);
		put_reg(f, name, n, "uint32", NULL);
	}
	put_reg(f, "sp", 13, "data_ptr", NULL);
	put_reg(f, "lr", 14, "int", NULL);
	put_reg(f, "pc", 15, "code_ptr", NULL);
	put_reg(f, "cpsr", REG_CPSR, "int", NULL);
	fputs("</feature>\n", f);
}

char *gdb_target_xml(void)
{
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);
	if (!f)
		return NULL;
	fputs("<?xml version=\"1.0\"?>\n<!DOCTYPE target SYSTEM \"gdb-target.dtd\">\n<target version=\"1.0\">\n"
	      "<architecture>arm</architecture>\n", f);
	put_core(f);
	fputs("<feature name=\"org.rhea.arm.banked\">\n", f);
	for (uint32_t i = 0; i < ARRAY_LEN(banked); i++)
		put_reg(f, banked[i].name, REG_BANKED + i, "uint32", "banked");
	fputs("</feature>\n<feature name=\"org.rhea.arm.cp15\">\n", f);
	for (uint32_t i = 0; i < ARRAY_LEN(cp15); i++)
		put_reg(f, cp15[i].name, REG_CP15 + i, "uint32", "cp15");
	for (uint32_t i = 0; i < ARRAY_LEN(model_regs); i++)
		put_reg(f, model_regs[i].name, REG_MODEL + i, "uint32", "cp15");
	fputs("</feature>\n</target>\n", f);
	return fclose(f) ? NULL : text;
}

static void put_span(FILE *f, const char *type, uint64_t from, uint64_t end)
{
	if (from < end)
		fprintf(f, "<memory type=\"%s\" start=\"0x%llx\" length=\"0x%llx\"/>\n", type, (unsigned long long)from,
			(unsigned long long)(end - from));
}

/*
 * Clients refuse what the map does not show, so all of the 4 GiB is there: devices are accessed like memory. ROM is shown
 * while addresses are physical; once they are translated, the map that the client keeps says less.
 */
char *gdb_memory_map(const struct gdb *g)
{
	char *text = NULL;
	size_t size;
	unsigned n;
	uint64_t at = 0;
	const struct mem_range *r = as_ranges(g->t.as, &n);
	bool flat = !(g->t.vcpu->cpu->tb_flags & ARM_TB_MMU);
	FILE *f = open_memstream(&text, &size);
	if (!f)
		return NULL;
	fputs("<?xml version=\"1.0\"?>\n<!DOCTYPE memory-map PUBLIC \"+//IDN gnu.org//DTD GDB Memory Map V1.0//EN\" "
	      "\"http://sourceware.org/gdb/gdb-memory-map.dtd\">\n<memory-map>\n", f);
	for (unsigned i = 0; i < n && flat; i++) {
		if (r[i].kind != RANGE_ROM || r[i].base.v + r[i].size > UINT64_C(1) << 32)
			continue;
		put_span(f, "ram", at, r[i].base.v);
		put_span(f, "rom", r[i].base.v, r[i].base.v + r[i].size);
		at = r[i].base.v + r[i].size;
	}
	put_span(f, "ram", at, UINT64_C(1) << 32);
	fputs("</memory-map>\n", f);
	return fclose(f) ? NULL : text;
}
