/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PL190 vectored interrupt controller (ARM DDI 0181). Slots 0..15 stand for priorities, highest
 * first; lines in no slot share priority 16 and the default vector. Reading VECTADDR starts
 * service at the pending line's priority, writing it goes back to the one before; `current` is the
 * priority being served, 17 when none is.
 *
 * As in QEMU and unlike the manual: FIQ takes what INTSELECT routes there whether INTENABLE has it
 * or not, VECTADDR picks among all asserted lines, and PROTECTION is kept but not enforced.
 */
#include <stdlib.h>

#include "hw/hw.h"

#define N_SLOTS 16u
#define PRIO_DEFAULT 16u
#define PRIO_NONE 17u

#define PL190_REGS(X)                      \
	X(IRQSTATUS, 0x000, 0x000, REG_R)      \
	X(FIQSTATUS, 0x004, 0x004, REG_R)      \
	X(RAWINTR, 0x008, 0x008, REG_R)        \
	X(INTSELECT, 0x00c, 0x00c, REG_RW)     \
	X(INTENABLE, 0x010, 0x010, REG_RW)     \
	X(INTENCLEAR, 0x014, 0x014, REG_W)     \
	X(SOFTINT, 0x018, 0x018, REG_RW)       \
	X(SOFTINTCLEAR, 0x01c, 0x01c, REG_W)   \
	X(PROTECTION, 0x020, 0x020, REG_RW)    \
	X(VECTADDR, 0x030, 0x030, REG_RW)      \
	X(DEFVECTADDR, 0x034, 0x034, REG_RW)   \
	X(VECTADDRS, 0x100, 0x13c, REG_RW)     \
	X(VECTCNTLS, 0x200, 0x23c, REG_RW)     \
	X(ITCR, 0x300, 0x300, REG_W)

enum pl190_reg {
#define X(name, off, last, access) R_##name,
	PL190_REGS(X)
#undef X
	N_REGS
};

static const struct reg_row pl190_rows[] = {
#define X(name, off, last, access) {access, #name},
	PL190_REGS(X)
#undef X
};
static const uint8_t pl190_index[] = {
#define X(name, off, last, access) [(off) / 4 ... (last) / 4] = R_##name + 1,
	PL190_REGS(X)
#undef X
};

static const uint8_t pl190_id[8] = {0x90, 0x11, 0x04, 0x00, 0x0d, 0xf0, 0x05, 0xb1};
static const struct reg_block pl190_block = {"pl190", REG_ROWS(pl190), pl190_id};

enum { CNTL_ENABLE = 0x20, CNTL_SOURCE = 0x1f };

struct pl190 {
	struct hw_context *hw;
	struct irq_line irq, fiq;
	uint32_t level, soft, enable, fiq_select;
	uint32_t protection;
	uint32_t vect_addr[N_SLOTS + 1]; /* the last is the default */
	uint8_t vect_cntl[N_SLOTS];
	uint32_t above[PRIO_NONE + 1];   /* lines of priorities above [i]: those that may interrupt it */
	uint8_t current;
	uint64_t rises[IRQ_INPUTS];      /* of each input, for reports */
	uint8_t outer[PRIO_NONE];        /* what a priority being served has interrupted */
};

static uint32_t raw(const struct pl190 *v)
{
	return v->level | v->soft;
}

static uint32_t irq_status(const struct pl190 *v)
{
	return raw(v) & v->enable & ~v->fiq_select;
}

static void update(struct pl190 *v)
{
	irq_set(&v->irq, (irq_status(v) & v->above[v->current]) != 0);
	irq_set(&v->fiq, (raw(v) & v->fiq_select) != 0);
}

static void update_slots(struct pl190 *v)
{
	uint32_t lines = 0;
	for (unsigned i = 0; i < N_SLOTS; i++) {
		v->above[i] = lines;
		if (v->vect_cntl[i] & CNTL_ENABLE)
			lines |= 1u << (v->vect_cntl[i] & CNTL_SOURCE);
	}
	v->above[PRIO_DEFAULT] = lines;
	v->above[PRIO_NONE] = UINT32_MAX;
	update(v);
}

/* The best priority with an asserted line, PRIO_NONE when there is none better than the current. */
static unsigned pending_priority(const struct pl190 *v)
{
	for (unsigned i = 0; i < v->current; i++)
		if (raw(v) & v->above[i + 1])
			return i;
	return PRIO_NONE;
}

static uint32_t begin_service(struct pl190 *v)
{
	unsigned i = pending_priority(v);
	if (i == PRIO_NONE)
		return v->vect_addr[v->current < N_SLOTS ? v->current : PRIO_DEFAULT];
	v->outer[i] = v->current;
	v->current = (uint8_t)i;
	update(v);
	return v->vect_addr[i];
}

static void end_service(struct pl190 *v)
{
	if (v->current == PRIO_NONE)
		return;
	v->current = v->outer[v->current];
	update(v);
}

static uint32_t read_reg(struct pl190 *v, enum pl190_reg reg, unsigned slot)
{
	switch (reg) {
	case R_IRQSTATUS: return irq_status(v);
	case R_FIQSTATUS: return raw(v) & v->fiq_select;
	case R_RAWINTR: return raw(v);
	case R_INTSELECT: return v->fiq_select;
	case R_INTENABLE: return v->enable;
	case R_SOFTINT: return v->soft;
	case R_PROTECTION: return v->protection;
	case R_VECTADDR: return begin_service(v);
	case R_DEFVECTADDR: return v->vect_addr[PRIO_DEFAULT];
	case R_VECTADDRS: return v->vect_addr[slot];
	case R_VECTCNTLS: return v->vect_cntl[slot];
	case R_INTENCLEAR:
	case R_SOFTINTCLEAR:
	case R_ITCR:
	case N_REGS: break;
	}
	return 0;
}

static enum mem_result pl190_read(void *dev, uint32_t off, unsigned size, uint32_t *value)
{
	struct pl190 *v = dev;
	uint32_t x = 0;
	if (!hw_reg_id(&pl190_block, off, &x)) {
		int reg = hw_reg_find(v->hw, &pl190_block, off, REG_R);
		if (reg >= 0)
			x = read_reg(v, (enum pl190_reg)reg, (off >> 2) % N_SLOTS);
	}
	*value = hw_trim(x, size);
	return MEM_OK;
}

static void write_itcr(struct pl190 *v, uint32_t value)
{
	if (value && log_on(v->hw->log, LOG_unimp))
		log_printf(v->hw->log, "pl190: Test mode not implemented\n");
}

static void write_reg(struct pl190 *v, enum pl190_reg reg, unsigned slot, uint32_t value)
{
	switch (reg) {
	case R_INTSELECT: v->fiq_select = value; break;
	case R_INTENABLE: v->enable |= value; break;
	case R_INTENCLEAR: v->enable &= ~value; break;
	case R_SOFTINT: v->soft |= value; break;
	case R_SOFTINTCLEAR: v->soft &= ~value; break;
	case R_PROTECTION: v->protection = value & 1; return;
	case R_VECTADDR: end_service(v); return;
	case R_DEFVECTADDR: v->vect_addr[PRIO_DEFAULT] = value; return;
	case R_VECTADDRS: v->vect_addr[slot] = value; return;
	case R_VECTCNTLS:
		v->vect_cntl[slot] = (uint8_t)value;
		update_slots(v);
		return;
	case R_ITCR: write_itcr(v, value); return;
	case R_IRQSTATUS:
	case R_FIQSTATUS:
	case R_RAWINTR:
	case N_REGS: return;
	}
	update(v);
}

static enum mem_result pl190_write(void *dev, uint32_t off, unsigned size, uint32_t value)
{
	struct pl190 *v = dev;
	int reg = hw_reg_find(v->hw, &pl190_block, off, REG_W);
	if (reg >= 0)
		write_reg(v, (enum pl190_reg)reg, (off >> 2) % N_SLOTS, hw_trim(value, size));
	return MEM_OK;
}

static void pl190_reset(void *dev)
{
	struct pl190 *v = dev;
	v->soft = v->enable = v->fiq_select = v->protection = 0; /* level is what the wires say */
	for (unsigned i = 0; i < N_SLOTS; i++) {
		v->vect_addr[i] = 0;
		v->vect_cntl[i] = 0;
	}
	v->vect_addr[PRIO_DEFAULT] = 0;
	v->current = PRIO_NONE;
	update_slots(v);
}

static void pl190_set_input(void *opaque, unsigned n, bool level)
{
	struct pl190 *v = opaque;
	uint32_t mask = 1u << (n & 31);
	if (((v->level & mask) != 0) == level)
		return;
	v->level ^= mask;
	v->rises[n & 31] += level;
	update(v);
}

struct irq_line pl190_input(struct pl190 *vic, unsigned n)
{
	return (struct irq_line){pl190_set_input, vic, n};
}

static const struct mem_ops pl190_ops = {pl190_read, pl190_write, 1, 4};

/* ---- state ---- */

static const struct state_field pl190_fields[] = {
	STATE_NOT(struct pl190, hw, STATE_WIRING),
	STATE_NOT(struct pl190, irq, STATE_WIRING),
	STATE_NOT(struct pl190, fiq, STATE_WIRING),
	STATE(struct pl190, level),
	STATE(struct pl190, soft),
	STATE(struct pl190, enable),
	STATE(struct pl190, fiq_select),
	STATE(struct pl190, protection),
	STATE_ARRAY(struct pl190, vect_addr, 0),
	STATE_ARRAY(struct pl190, vect_cntl, 0),
	STATE_ARRAY(struct pl190, above, 0),
	STATE_MAX(struct pl190, current, PRIO_NONE),
	STATE_NOT(struct pl190, rises, "a count for people"),
	STATE_ARRAY(struct pl190, outer, PRIO_NONE),
};
static const struct state_desc pl190_state = {.name = "pl190", .size = sizeof(struct pl190), .version = 1, STATE_FIELDS(pl190_fields)};

static void look(const void *dev, struct irq_view *out)
{
	const struct pl190 *v = dev;
	*out = (struct irq_view){raw(v), v->enable, irq_status(v) | (raw(v) & v->fiq_select), v->fiq_select, v->rises};
}

struct pl190 *pl190_add(struct hw_context *hw, uint32_t base, struct irq_line irq, struct irq_line fiq,
			struct rhea_error *err)
{
	struct pl190 *v = hw_new_device(hw, "pl190", sizeof(*v), pl190_reset, free);
	hw_describe(hw, v, &pl190_state);
	v->hw = hw;
	v->irq = irq;
	v->fiq = fiq;
	pl190_reset(v);
	hw_add_irq_controller(hw, "pl190", v, look);
	if (as_map_mmio(hw->as, GPA(base), PAGE_SIZE, &pl190_ops, v, "pl190", err) != RHEA_OK)
		return NULL;
	return v;
}
