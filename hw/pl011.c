/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PL011 UART (ARM DDI 0183). Transmission takes no time: the transmit FIFO is always empty. The
 * receive interrupt is raised by every character that arrives in an empty FIFO, whatever IFLS says,
 * as QEMU does, so that nothing is left waiting for a time-out; the time-out interrupt itself
 * therefore never fires. Enables, line settings and loopback are kept and not obeyed, also as QEMU.
 */
#include <stdlib.h>

#include "hw/hw.h"

#define FIFO_DEPTH 16u

#define PL011_REGS(X)        \
	X(DR, 0x00, REG_RW)      \
	X(RSR, 0x04, REG_RW)     \
	X(FR, 0x18, REG_RW)      \
	X(ILPR, 0x20, REG_RW)    \
	X(IBRD, 0x24, REG_RW)    \
	X(FBRD, 0x28, REG_RW)    \
	X(LCR_H, 0x2c, REG_RW)   \
	X(CR, 0x30, REG_RW)      \
	X(IFLS, 0x34, REG_RW)    \
	X(IMSC, 0x38, REG_RW)    \
	X(RIS, 0x3c, REG_R)      \
	X(MIS, 0x40, REG_R)      \
	X(ICR, 0x44, REG_W)      \
	X(DMACR, 0x48, REG_RW)

enum pl011_reg {
#define X(name, off, access) R_##name,
	PL011_REGS(X)
#undef X
	N_REGS
};

static const struct reg_row pl011_rows[] = {
#define X(name, off, access) {access, #name},
	PL011_REGS(X)
#undef X
};
static const uint8_t pl011_index[] = {
#define X(name, off, access) [(off) / 4] = R_##name + 1,
	PL011_REGS(X)
#undef X
};

static const uint8_t pl011_id[8] = {0x11, 0x10, 0x14, 0x00, 0x0d, 0xf0, 0x05, 0xb1};
static const struct reg_block pl011_block = {"pl011", REG_ROWS(pl011), pl011_id};

enum { FR_RXFE = 1 << 4, FR_RXFF = 1 << 6, FR_TXFE = 1 << 7 };
enum { INT_RX = 1 << 4, INT_TX = 1 << 5, INT_BE = 1 << 9 };
enum { DR_BE = 1 << 10 }; /* a FIFO entry: character and error bits, as DR shows it */
enum { LCR_FEN = 1 << 4 };
enum { DMACR_ENABLES = 3 };

struct pl011 {
	struct hw_context *hw;
	struct chardev *chr;
	struct irq_line irq;
	uint32_t rsr, ilpr, ibrd, fbrd, lcr, cr, ifls, imsc, ris, dmacr;
	uint16_t fifo[FIFO_DEPTH];
	unsigned head, count;
	uint16_t last; /* what DR gives when the FIFO is empty: the character read last */
};

static void update_irq(struct pl011 *u)
{
	irq_set(&u->irq, (u->ris & u->imsc) != 0);
}

static unsigned fifo_depth(const struct pl011 *u)
{
	return u->lcr & LCR_FEN ? FIFO_DEPTH : 1;
}

static uint32_t flags(const struct pl011 *u)
{
	uint32_t fr = FR_TXFE;
	if (u->count == 0)
		fr |= FR_RXFE;
	if (u->count >= fifo_depth(u))
		fr |= FR_RXFF;
	return fr;
}

static unsigned uart_can_receive(void *dev)
{
	const struct pl011 *u = dev;
	unsigned depth = fifo_depth(u);
	return u->count < depth ? depth - u->count : 0;
}

static void put_fifo(struct pl011 *u, uint16_t value)
{
	u->fifo[(u->head + u->count) % FIFO_DEPTH] = value;
	if (++u->count == 1)
		u->ris |= INT_RX;
}

static void uart_receive(void *dev, const uint8_t *buf, unsigned n)
{
	struct pl011 *u = dev;
	for (unsigned i = 0; i < n && uart_can_receive(u); i++)
		put_fifo(u, buf[i]);
	update_irq(u);
}

/* DDI 0183, 3.3.1: one 0 character with BE. As in QEMU, the framing error that comes with it is not told. */
static void uart_receive_break(void *dev)
{
	struct pl011 *u = dev;
	if (uart_can_receive(u)) {
		put_fifo(u, DR_BE);
		u->ris |= INT_BE;
	}
	update_irq(u);
}

static uint32_t read_data(struct pl011 *u)
{
	if (u->count == 0)
		return u->last;
	u->last = u->fifo[u->head];
	u->head = (u->head + 1) % FIFO_DEPTH;
	if (--u->count == 0)
		u->ris &= ~(uint32_t)INT_RX;
	u->rsr = u->last >> 8;
	update_irq(u);
	chardev_accept_input(u->chr);
	return u->last;
}

static uint32_t read_reg(struct pl011 *u, enum pl011_reg reg)
{
	switch (reg) {
	case R_DR: return read_data(u);
	case R_RSR: return u->rsr;
	case R_FR: return flags(u);
	case R_ILPR: return u->ilpr;
	case R_IBRD: return u->ibrd;
	case R_FBRD: return u->fbrd;
	case R_LCR_H: return u->lcr;
	case R_CR: return u->cr;
	case R_IFLS: return u->ifls;
	case R_IMSC: return u->imsc;
	case R_RIS: return u->ris;
	case R_MIS: return u->ris & u->imsc;
	case R_DMACR: return u->dmacr;
	case R_ICR:
	case N_REGS: break;
	}
	return 0;
}

static enum mem_result pl011_read(void *dev, uint32_t off, unsigned size, uint32_t *value)
{
	struct pl011 *u = dev;
	uint32_t v = 0;
	if (!hw_reg_id(&pl011_block, off, &v)) {
		int reg = hw_reg_find(u->hw, &pl011_block, off, REG_R);
		if (reg >= 0)
			v = read_reg(u, (enum pl011_reg)reg);
	}
	*value = hw_trim(v, size);
	return MEM_OK;
}

static void write_data(struct pl011 *u, uint32_t value)
{
	uint8_t c = (uint8_t)value;
	chardev_write(u->chr, &c, 1);
	u->ris |= INT_TX;
	update_irq(u);
}

static void write_lcr(struct pl011 *u, uint32_t value)
{
	bool fifo_switched = ((u->lcr ^ value) & LCR_FEN) != 0;
	u->lcr = value;
	if (!fifo_switched)
		return;
	u->head = u->count = 0;
	chardev_accept_input(u->chr);
}

static void write_dmacr(struct pl011 *u, uint32_t value)
{
	u->dmacr = value;
	if ((value & DMACR_ENABLES) && log_on(u->hw->log, LOG_unimp))
		log_printf(u->hw->log, "pl011: DMA not implemented\n");
}

static void write_reg(struct pl011 *u, enum pl011_reg reg, uint32_t value)
{
	switch (reg) {
	case R_DR: write_data(u, value); break;
	case R_RSR: u->rsr = 0; break;
	case R_ILPR: u->ilpr = value; break;
	case R_IBRD: u->ibrd = value; break;
	case R_FBRD: u->fbrd = value; break;
	case R_LCR_H: write_lcr(u, value); break;
	case R_CR: u->cr = value; break;
	case R_IFLS: u->ifls = value; break;
	case R_IMSC: u->imsc = value; update_irq(u); break;
	case R_ICR: u->ris &= ~value; update_irq(u); break;
	case R_DMACR: write_dmacr(u, value); break;
	case R_FR: /* ignored, and common in drivers: not worth a complaint */
	case R_RIS:
	case R_MIS:
	case N_REGS: break;
	}
}

static enum mem_result pl011_write(void *dev, uint32_t off, unsigned size, uint32_t value)
{
	struct pl011 *u = dev;
	int reg = hw_reg_find(u->hw, &pl011_block, off, REG_W);
	if (reg >= 0)
		write_reg(u, (enum pl011_reg)reg, hw_trim(value, size));
	return MEM_OK;
}

static void pl011_reset(void *dev)
{
	struct pl011 *u = dev;
	u->rsr = u->ilpr = u->ibrd = u->fbrd = u->lcr = u->imsc = u->ris = u->dmacr = 0;
	u->cr = 0x300;
	u->ifls = 0x12;
	u->head = u->count = 0;
	u->last = 0;
	update_irq(u);
	chardev_accept_input(u->chr);
}

static void pl011_destroy(void *dev)
{
	struct pl011 *u = dev;
	if (u->chr && u->chr->dev == u) {
		u->chr->can_receive = NULL;
		u->chr->receive = NULL;
		u->chr->receive_break = NULL;
		u->chr->dev = NULL;
	}
	free(u);
}

static const struct mem_ops pl011_ops = {pl011_read, pl011_write, 1, 4};

/* ---- state ---- */

static const struct state_field pl011_fields[] = {
	STATE_NOT(struct pl011, hw, STATE_WIRING),
	STATE_NOT(struct pl011, chr, STATE_WIRING),
	STATE_NOT(struct pl011, irq, STATE_WIRING),
	STATE(struct pl011, rsr),
	STATE(struct pl011, ilpr),
	STATE(struct pl011, ibrd),
	STATE(struct pl011, fbrd),
	STATE(struct pl011, lcr),
	STATE(struct pl011, cr),
	STATE(struct pl011, ifls),
	STATE(struct pl011, imsc),
	STATE(struct pl011, ris),
	STATE(struct pl011, dmacr),
	STATE_ARRAY(struct pl011, fifo, 0),
	STATE_MAX(struct pl011, head, FIFO_DEPTH - 1),
	STATE_MAX(struct pl011, count, FIFO_DEPTH),
	STATE(struct pl011, last),
};
static const struct state_desc pl011_state = {.name = "pl011", .size = sizeof(struct pl011), .version = 1, STATE_FIELDS(pl011_fields)};

bool pl011_add(struct hw_context *hw, uint32_t base, struct chardev *chr, struct irq_line irq, struct rhea_error *err)
{
	struct pl011 *u = hw_new_device(hw, "pl011", sizeof(*u), pl011_reset, pl011_destroy);
	hw_describe(hw, u, &pl011_state);
	u->hw = hw;
	u->irq = irq;
	pl011_reset(u);
	u->chr = chr;
	if (chr) {
		chr->can_receive = uart_can_receive;
		chr->receive = uart_receive;
		chr->receive_break = uart_receive_break;
		chr->dev = u;
	}
	return as_map_mmio(hw->as, GPA(base), PAGE_SIZE, &pl011_ops, u, "pl011", err) == RHEA_OK;
}
