/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PL061 GPIO (ARM DDI 0190): eight pins, of which the board wires none, so inputs read as what the
 * pin was last driven to. DATA is 256 registers, whose offset is the mask of the pins meant. As in
 * QEMU, a level-sensitive pin latches its interrupt whenever something about the pins changes, output
 * pins included, until it is cleared.
 */
#include <stdlib.h>

#include "hw/hw.h"

#define PL061_REGS(X)               \
	X(DATA, 0x000, 0x3fc, REG_RW)   \
	X(DIR, 0x400, 0x400, REG_RW)    \
	X(IS, 0x404, 0x404, REG_RW)     \
	X(IBE, 0x408, 0x408, REG_RW)    \
	X(IEV, 0x40c, 0x40c, REG_RW)    \
	X(IE, 0x410, 0x410, REG_RW)     \
	X(RIS, 0x414, 0x414, REG_R)     \
	X(MIS, 0x418, 0x418, REG_R)     \
	X(IC, 0x41c, 0x41c, REG_W)      \
	X(AFSEL, 0x420, 0x420, REG_RW)

enum pl061_reg {
#define X(name, off, last, access) R_##name,
	PL061_REGS(X)
#undef X
	N_REGS
};

static const struct reg_row pl061_rows[] = {
#define X(name, off, last, access) {access, #name},
	PL061_REGS(X)
#undef X
};
static const uint8_t pl061_index[] = {
#define X(name, off, last, access) [(off) / 4 ... (last) / 4] = R_##name + 1,
	PL061_REGS(X)
#undef X
};

static const uint8_t pl061_id[8] = {0x61, 0x10, 0x04, 0x00, 0x0d, 0xf0, 0x05, 0xb1};
static const struct reg_block pl061_block = {"pl061", REG_ROWS(pl061), pl061_id};

struct pl061 {
	struct hw_context *hw;
	struct irq_line irq;
	uint8_t data, seen; /* pins now, and when edges were last looked for */
	uint8_t dir, is, ibe, iev, ie, ris, afsel;
};

/* Outputs make no edges, but their last value counts when they become inputs: QEMU's way, from observing it. */
static void update(struct pl061 *g)
{
	uint8_t changed = (uint8_t)((g->data ^ g->seen) & ~g->dir);
	if (changed)
		g->seen = g->data;
	g->ris |= (uint8_t)(changed & ~g->is & (g->ibe | ~(g->data ^ g->iev)));
	g->ris |= (uint8_t)(~(g->data ^ g->iev) & g->is);
	irq_set(&g->irq, (g->ris & g->ie) != 0);
}

static uint32_t read_reg(const struct pl061 *g, enum pl061_reg reg, uint32_t off)
{
	switch (reg) {
	case R_DATA: return g->data & (off >> 2);
	case R_DIR: return g->dir;
	case R_IS: return g->is;
	case R_IBE: return g->ibe;
	case R_IEV: return g->iev;
	case R_IE: return g->ie;
	case R_RIS: return g->ris;
	case R_MIS: return g->ris & g->ie;
	case R_AFSEL: return g->afsel;
	case R_IC:
	case N_REGS: break;
	}
	return 0;
}

static enum mem_result pl061_read(void *dev, uint32_t off, unsigned size, uint32_t *value)
{
	struct pl061 *g = dev;
	uint32_t v = 0;
	if (!hw_reg_id(&pl061_block, off, &v)) {
		int reg = hw_reg_find(g->hw, &pl061_block, off, REG_R);
		if (reg >= 0)
			v = read_reg(g, (enum pl061_reg)reg, off);
	}
	*value = hw_trim(v, size);
	return MEM_OK;
}

static void write_data(struct pl061 *g, uint32_t off, uint8_t value)
{
	uint8_t mask = (uint8_t)((off >> 2) & g->dir);
	g->data = (uint8_t)((g->data & ~mask) | (value & mask));
}

static void write_reg(struct pl061 *g, enum pl061_reg reg, uint32_t off, uint8_t value)
{
	switch (reg) {
	case R_DATA: write_data(g, off, value); break;
	case R_DIR: g->dir = value; break;
	case R_IS: g->is = value; break;
	case R_IBE: g->ibe = value; break;
	case R_IEV: g->iev = value; break;
	case R_IE: g->ie = value; break;
	case R_IC: g->ris &= (uint8_t)~value; break;
	case R_AFSEL: g->afsel = value; break;
	case R_RIS:
	case R_MIS:
	case N_REGS: break;
	}
	update(g);
}

static enum mem_result pl061_write(void *dev, uint32_t off, unsigned size, uint32_t value)
{
	struct pl061 *g = dev;
	int reg = hw_reg_find(g->hw, &pl061_block, off, REG_W);
	(void)size;
	if (reg >= 0)
		write_reg(g, (enum pl061_reg)reg, off, (uint8_t)value);
	return MEM_OK;
}

static void pl061_reset(void *dev)
{
	struct pl061 *g = dev;
	g->data = g->seen = g->dir = g->is = g->ibe = g->iev = g->ie = g->ris = g->afsel = 0;
	irq_set(&g->irq, false);
}

static const struct mem_ops pl061_ops = {pl061_read, pl061_write, 1, 4};

/* ---- state ---- */

static const struct state_field pl061_fields[] = {
	STATE_NOT(struct pl061, hw, STATE_WIRING),
	STATE_NOT(struct pl061, irq, STATE_WIRING),
	STATE(struct pl061, data),
	STATE(struct pl061, seen),
	STATE(struct pl061, dir),
	STATE(struct pl061, is),
	STATE(struct pl061, ibe),
	STATE(struct pl061, iev),
	STATE(struct pl061, ie),
	STATE(struct pl061, ris),
	STATE(struct pl061, afsel),
};
static const struct state_desc pl061_state = {.name = "pl061", .size = sizeof(struct pl061), .version = 1, STATE_FIELDS(pl061_fields)};

bool pl061_add(struct hw_context *hw, uint32_t base, struct irq_line irq, struct rhea_error *err)
{
	struct pl061 *g = hw_new_device(hw, "pl061", sizeof(*g), pl061_reset, free);
	hw_describe(hw, g, &pl061_state);
	g->hw = hw;
	g->irq = irq;
	return as_map_mmio(hw->as, GPA(base), PAGE_SIZE, &pl061_ops, g, "pl061", err) == RHEA_OK;
}
