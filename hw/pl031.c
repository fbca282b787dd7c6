/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PL031 real-time clock (ARM DDI 0224). Counts seconds of the guest's time of day; LR moves the
 * offset between the two. The match interrupt comes when DR reaches MR, measured in virtual time.
 */
#include <stdlib.h>

#include "hw/hw.h"

#define SECOND_NS UINT64_C(1000000000)

#define PL031_REGS(X)        \
	X(DR, 0x00, REG_R)       \
	X(MR, 0x04, REG_RW)      \
	X(LR, 0x08, REG_RW)      \
	X(CR, 0x0c, REG_RW)      \
	X(IMSC, 0x10, REG_RW)    \
	X(RIS, 0x14, REG_R)      \
	X(MIS, 0x18, REG_R)      \
	X(ICR, 0x1c, REG_W)

enum pl031_reg {
#define X(name, off, access) R_##name,
	PL031_REGS(X)
#undef X
	N_REGS
};

static const struct reg_row pl031_rows[] = {
#define X(name, off, access) {access, #name},
	PL031_REGS(X)
#undef X
};
static const uint8_t pl031_index[] = {
#define X(name, off, access) [(off) / 4] = R_##name + 1,
	PL031_REGS(X)
#undef X
};

static const uint8_t pl031_id[8] = {0x31, 0x10, 0x14, 0x00, 0x0d, 0xf0, 0x05, 0xb1};
static const struct reg_block pl031_block = {"pl031", REG_ROWS(pl031), pl031_id};

struct pl031 {
	struct hw_context *hw;
	struct irq_line irq;
	struct vtimer alarm;
	uint32_t offset; /* DR minus the time of day; survives a reset as the battery would have it */
	uint32_t mr, lr, imsc, ris;
};

static uint32_t count(const struct pl031 *s)
{
	const struct hw_context *hw = s->hw;
	uint64_t now = hw->rtc_now ? (uint64_t)hw->rtc_now(hw->opaque) : vclock_now(hw->clock) / SECOND_NS;
	return (uint32_t)now + s->offset;
}

static void update_irq(struct pl031 *s)
{
	irq_set(&s->irq, (s->ris & s->imsc) != 0);
}

static void match(void *opaque)
{
	struct pl031 *s = opaque;
	s->ris = 1;
	update_irq(s);
}

static void set_alarm(struct pl031 *s)
{
	uint32_t seconds = s->mr - count(s);
	if (seconds == 0) {
		vtimer_cancel(&s->alarm);
		match(s);
	} else {
		vtimer_arm(&s->alarm, vclock_now(s->hw->clock) + seconds * SECOND_NS);
	}
}

static uint32_t read_reg(const struct pl031 *s, enum pl031_reg reg)
{
	switch (reg) {
	case R_DR: return count(s);
	case R_MR: return s->mr;
	case R_LR: return s->lr;
	case R_CR: return 1; /* cannot be stopped */
	case R_IMSC: return s->imsc;
	case R_RIS: return s->ris;
	case R_MIS: return s->ris & s->imsc;
	case R_ICR:
	case N_REGS: break;
	}
	return 0;
}

static enum mem_result pl031_read(void *dev, uint32_t off, unsigned size, uint32_t *value)
{
	struct pl031 *s = dev;
	uint32_t v = 0;
	if (!hw_reg_id(&pl031_block, off, &v)) {
		int reg = hw_reg_find(s->hw, &pl031_block, off, REG_R);
		if (reg >= 0)
			v = read_reg(s, (enum pl031_reg)reg);
	}
	*value = hw_trim(v, size);
	return MEM_OK;
}

static void write_reg(struct pl031 *s, enum pl031_reg reg, uint32_t value)
{
	switch (reg) {
	case R_MR:
		s->mr = value;
		set_alarm(s);
		break;
	case R_LR:
		s->lr = value;
		s->offset += value - count(s);
		set_alarm(s);
		break;
	case R_IMSC:
		s->imsc = value & 1;
		update_irq(s);
		break;
	case R_ICR:
		s->ris &= ~value;
		update_irq(s);
		break;
	case R_CR:
	case R_DR:
	case R_RIS:
	case R_MIS:
	case N_REGS: break;
	}
}

static enum mem_result pl031_write(void *dev, uint32_t off, unsigned size, uint32_t value)
{
	struct pl031 *s = dev;
	int reg = hw_reg_find(s->hw, &pl031_block, off, REG_W);
	if (reg >= 0)
		write_reg(s, (enum pl031_reg)reg, hw_trim(value, size));
	return MEM_OK;
}

static void pl031_reset(void *dev)
{
	struct pl031 *s = dev;
	s->mr = s->lr = s->imsc = s->ris = 0;
	vtimer_cancel(&s->alarm);
	update_irq(s);
}

static void pl031_destroy(void *dev)
{
	struct pl031 *s = dev;
	vtimer_cancel(&s->alarm);
	free(s);
}

static const struct mem_ops pl031_ops = {pl031_read, pl031_write, 1, 4};

/* ---- state ---- */

static const struct state_field pl031_fields[] = {
	STATE_NOT(struct pl031, hw, STATE_WIRING),
	STATE_NOT(struct pl031, irq, STATE_WIRING),
	STATE_TIMER(struct pl031, alarm),
	STATE(struct pl031, offset),
	STATE(struct pl031, mr),
	STATE(struct pl031, lr),
	STATE(struct pl031, imsc),
	STATE(struct pl031, ris),
};
static const struct state_desc pl031_state = {.name = "pl031", .size = sizeof(struct pl031), .version = 1, STATE_FIELDS(pl031_fields)};

bool pl031_add(struct hw_context *hw, uint32_t base, struct irq_line irq, struct rhea_error *err)
{
	struct pl031 *s = hw_new_device(hw, "pl031", sizeof(*s), pl031_reset, pl031_destroy);
	hw_describe(hw, s, &pl031_state);
	s->hw = hw;
	s->irq = irq;
	vtimer_init(&s->alarm, hw->clock, match, s);
	return as_map_mmio(hw->as, GPA(base), PAGE_SIZE, &pl031_ops, s, "pl031", err) == RHEA_OK;
}
