/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Versatile board's secondary interrupt controller (ARM DUI 0225, section 4.11): ORs its
 * enabled lines onto line 31 of the VIC, and wires lines 21..30 straight to the VIC's lines of the
 * same number where PICENABLE says so. Line 0 is the software interrupt.
 */
#include <stdlib.h>

#include "hw/hw.h"

#define N_LINES 32u
#define SUMMARY_LINE 31u
#define PASS_LINES 0x7fe00000u
#define SOFT_LINE 1u

#define SIC_REGS(X)              \
	X(STATUS, 0x00, REG_R)       \
	X(RAWSTAT, 0x04, REG_R)      \
	X(ENABLE, 0x08, REG_RW)      \
	X(ENCLR, 0x0c, REG_W)        \
	X(SOFTINT, 0x10, REG_RW)     \
	X(SOFTINTCLR, 0x14, REG_W)   \
	X(PICENABLE, 0x20, REG_RW)   \
	X(PICENCLR, 0x24, REG_W)

enum sic_reg {
#define X(name, off, access) R_##name,
	SIC_REGS(X)
#undef X
	N_REGS
};

static const struct reg_row sic_rows[] = {
#define X(name, off, access) {access, #name},
	SIC_REGS(X)
#undef X
};
static const uint8_t sic_index[] = {
#define X(name, off, access) [(off) / 4] = R_##name + 1,
	SIC_REGS(X)
#undef X
};

static const struct reg_block sic_block = {"vpb_sic", REG_ROWS(sic), NULL};

struct versatile_sic {
	struct hw_context *hw;
	struct irq_line out[N_LINES]; /* the VIC's inputs by number */
	uint32_t level, enable, pass;
	uint64_t rises[IRQ_INPUTS];   /* of each input, for reports */
};

static void update(struct versatile_sic *s)
{
	irq_set(&s->out[SUMMARY_LINE], (s->level & s->enable) != 0);
	for (unsigned n = 0; n < SUMMARY_LINE; n++)
		irq_set(&s->out[n], (s->level & s->pass & (1u << n)) != 0);
}

static uint32_t read_reg(const struct versatile_sic *s, enum sic_reg reg)
{
	switch (reg) {
	case R_STATUS: return s->level & s->enable;
	case R_RAWSTAT: return s->level;
	case R_ENABLE: return s->enable;
	case R_SOFTINT: return s->level & SOFT_LINE;
	case R_PICENABLE: return s->pass;
	case R_ENCLR:
	case R_SOFTINTCLR:
	case R_PICENCLR:
	case N_REGS: break;
	}
	return 0;
}

static enum mem_result sic_read(void *dev, uint32_t off, unsigned size, uint32_t *value)
{
	struct versatile_sic *s = dev;
	int reg = hw_reg_find(s->hw, &sic_block, off, REG_R);
	*value = reg < 0 ? 0 : hw_trim(read_reg(s, (enum sic_reg)reg), size);
	return MEM_OK;
}

static void write_reg(struct versatile_sic *s, enum sic_reg reg, uint32_t value)
{
	switch (reg) {
	case R_ENABLE: s->enable |= value; break;
	case R_ENCLR: s->enable &= ~value; break;
	case R_SOFTINT: s->level |= value & SOFT_LINE; break;
	case R_SOFTINTCLR: s->level &= ~(value & SOFT_LINE); break;
	case R_PICENABLE: s->pass |= value & PASS_LINES; break;
	case R_PICENCLR: s->pass &= ~value; break;
	case R_STATUS:
	case R_RAWSTAT:
	case N_REGS: break;
	}
	update(s);
}

static enum mem_result sic_write(void *dev, uint32_t off, unsigned size, uint32_t value)
{
	struct versatile_sic *s = dev;
	int reg = hw_reg_find(s->hw, &sic_block, off, REG_W);
	if (reg >= 0)
		write_reg(s, (enum sic_reg)reg, hw_trim(value, size));
	return MEM_OK;
}

static void sic_reset(void *dev)
{
	struct versatile_sic *s = dev;
	s->enable = s->pass = 0;
	s->level &= ~SOFT_LINE; /* the rest is what the wires say */
	update(s);
}

static void sic_set_input(void *opaque, unsigned n, bool level)
{
	struct versatile_sic *s = opaque;
	uint32_t mask = 1u << (n & 31);
	if (((s->level & mask) != 0) == level)
		return;
	s->level ^= mask;
	s->rises[n & 31] += level;
	update(s);
}

struct irq_line versatile_sic_input(struct versatile_sic *sic, unsigned n)
{
	return (struct irq_line){sic_set_input, sic, n};
}

static const struct mem_ops sic_ops = {sic_read, sic_write, 1, 4};

/* ---- state ---- */

static const struct state_field sic_fields[] = {
	STATE_NOT(struct versatile_sic, hw, STATE_WIRING),
	STATE_NOT(struct versatile_sic, out, STATE_WIRING),
	STATE(struct versatile_sic, level),
	STATE(struct versatile_sic, enable),
	STATE(struct versatile_sic, pass),
	STATE_NOT(struct versatile_sic, rises, "a count for people"),
};
static const struct state_desc sic_state = {.name = "vpb-sic", .size = sizeof(struct versatile_sic), .version = 1, STATE_FIELDS(sic_fields)};

static void look(const void *dev, struct irq_view *v)
{
	const struct versatile_sic *s = dev;
	uint32_t through = s->enable | (s->pass & PASS_LINES);
	*v = (struct irq_view){s->level, through, s->level & through, 0, s->rises};
}

struct versatile_sic *versatile_sic_add(struct hw_context *hw, uint32_t base, struct pl190 *vic,
					struct rhea_error *err)
{
	struct versatile_sic *s = hw_new_device(hw, "vpb-sic", sizeof(*s), sic_reset, free);
	hw_describe(hw, s, &sic_state);
	s->hw = hw;
	hw_add_irq_controller(hw, "vpb-sic", s, look);
	s->out[SUMMARY_LINE] = pl190_input(vic, SUMMARY_LINE);
	for (unsigned n = 0; n < SUMMARY_LINE; n++)
		if (PASS_LINES & (1u << n))
			s->out[n] = pl190_input(vic, n);
	if (as_map_mmio(hw->as, GPA(base), PAGE_SIZE, &sic_ops, s, "vpb-sic", err) != RHEA_OK)
		return NULL;
	return s;
}
