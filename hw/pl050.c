/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PL050 keyboard and mouse interface (ARM DDI 0143): a PS/2 port. Bytes take no time on the wire and the
 * transmitter is always empty. Parity is shown as QEMU does: of the byte read last. The port works
 * whatever its enable bit says, and the line status bits stand still, as there too.
 */
#include <stdlib.h>

#include "hw/ps2.h"

#define PL050_REGS(X)        \
	X(CR, 0x00, REG_RW)      \
	X(STAT, 0x04, REG_R)     \
	X(DATA, 0x08, REG_RW)    \
	X(CLKDIV, 0x0c, REG_RW)  \
	X(IR, 0x10, REG_R)

enum pl050_reg {
#define X(name, off, access) R_##name,
	PL050_REGS(X)
#undef X
	N_REGS
};

static const struct reg_row pl050_rows[] = {
#define X(name, off, access) {access, #name},
	PL050_REGS(X)
#undef X
};
static const uint8_t pl050_index[] = {
#define X(name, off, access) [(off) / 4] = R_##name + 1,
	PL050_REGS(X)
#undef X
};

static const uint8_t pl050_id[8] = {0x50, 0x10, 0x04, 0x00, 0x0d, 0xf0, 0x05, 0xb1};
static const struct reg_block pl050_block = {"pl050", REG_ROWS(pl050), pl050_id};

enum { STAT_RXPARITY = 0x04, STAT_RXFULL = 0x10, STAT_TXEMPTY = 0x40 };
enum { IR_RX = 1, IR_TX = 2 };
enum { CR_TXIE = 0x08, CR_RXIE = 0x10 };

struct pl050 {
	struct hw_context *hw;
	struct irq_line irq;
	struct ps2 *ps2;
	uint32_t cr, clkdiv;
	bool full;
};

static void update(struct pl050 *k)
{
	irq_set(&k->irq, (k->full && (k->cr & CR_RXIE)) || (k->cr & CR_TXIE));
}

static void set_ready(void *opaque, unsigned n, bool level)
{
	struct pl050 *k = opaque;
	(void)n;
	k->full = level;
	update(k);
}

static uint32_t status(const struct pl050 *k)
{
	uint32_t v = STAT_TXEMPTY;
	if (k->full)
		v |= STAT_RXFULL;
	if (__builtin_parity(k->ps2->last))
		v |= STAT_RXPARITY;
	return v;
}

static uint32_t read_reg(struct pl050 *k, enum pl050_reg reg)
{
	switch (reg) {
	case R_CR: return k->cr;
	case R_STAT: return status(k);
	case R_DATA: return ps2_get(k->ps2);
	case R_CLKDIV: return k->clkdiv;
	case R_IR: return IR_TX | (k->full ? IR_RX : 0u);
	case N_REGS: break;
	}
	return 0;
}

static enum mem_result pl050_read(void *dev, uint32_t off, unsigned size, uint32_t *value)
{
	struct pl050 *k = dev;
	uint32_t v = 0;
	if (!hw_reg_id(&pl050_block, off, &v)) {
		int reg = hw_reg_find(k->hw, &pl050_block, off, REG_R);
		if (reg >= 0)
			v = read_reg(k, (enum pl050_reg)reg);
	}
	*value = hw_trim(v, size);
	return MEM_OK;
}

static enum mem_result pl050_write(void *dev, uint32_t off, unsigned size, uint32_t value)
{
	struct pl050 *k = dev;
	int reg = hw_reg_find(k->hw, &pl050_block, off, REG_W);
	uint32_t v = hw_trim(value, size);
	if (reg == R_CR) {
		k->cr = v;
		update(k);
	} else if (reg == R_DATA) {
		k->ps2->write(k->ps2, (uint8_t)v);
	} else if (reg == R_CLKDIV) {
		k->clkdiv = v;
	}
	return MEM_OK;
}

static void pl050_reset(void *dev)
{
	struct pl050 *k = dev;
	k->cr = k->clkdiv = 0;
	update(k);
}

static const struct mem_ops pl050_ops = {pl050_read, pl050_write, 1, 4};

/* ---- state ---- */

static const struct state_field pl050_fields[] = {
	STATE_NOT(struct pl050, hw, STATE_WIRING),
	STATE_NOT(struct pl050, irq, STATE_WIRING),
	STATE_NOT(struct pl050, ps2, STATE_WIRING),
	STATE(struct pl050, cr),
	STATE(struct pl050, clkdiv),
	STATE_BOOL(struct pl050, full),
};
static const struct state_desc pl050_state = {.name = "pl050", .size = sizeof(struct pl050), .version = 1, STATE_FIELDS(pl050_fields)};

bool pl050_add(struct hw_context *hw, uint32_t base, bool mouse, struct irq_line irq, struct rhea_error *err)
{
	const char *name = mouse ? "pl050-mouse" : "pl050-keyboard";
	struct pl050 *k = hw_new_device(hw, name, sizeof(*k), pl050_reset, free);
	hw_describe(hw, k, &pl050_state);
	k->hw = hw;
	k->irq = irq;
	k->ps2 = mouse ? ps2_mouse_add(hw) : ps2_kbd_add(hw);
	k->ps2->ready = (struct irq_line){set_ready, k, 0};
	return as_map_mmio(hw->as, GPA(base), PAGE_SIZE, &pl050_ops, k, name, err) == RHEA_OK;
}
