/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SP804 dual timer (ARM DDI 0271) on a 1 MHz clock. Nothing ticks: a running counter is a start
 * value and a start time, and every access first catches up with virtual time, so that reads are
 * exact. A host timer is armed only while an expiry would change the interrupt output; a guest that
 * sets a period of 1 µs and never acknowledges costs nothing.
 *
 * As in QEMU and unlike the manual: a write of CONTROL with the enable bit reloads the counter,
 * LOAD does not restart a one-shot that has expired, LOAD of a free-running timer restarts it at
 * its maximum, and the counter stands at 0 after reset.
 */
#include <stdlib.h>

#include "hw/hw.h"

#define TICK_NS UINT64_C(1000)

/* Registers of one of the two timers, 0x20 bytes apart. */
#define SP804_REGS(X)          \
	X(LOAD, 0x00, REG_RW)      \
	X(VALUE, 0x04, REG_RW)     \
	X(CONTROL, 0x08, REG_RW)   \
	X(INTCLR, 0x0c, REG_W)     \
	X(RIS, 0x10, REG_R)        \
	X(MIS, 0x14, REG_R)        \
	X(BGLOAD, 0x18, REG_RW)

enum sp804_reg {
#define X(name, off, access) R_##name,
	SP804_REGS(X)
#undef X
	N_REGS
};

static const struct reg_row sp804_rows[] = {
#define X(name, off, access) {access, #name},
	SP804_REGS(X)
#undef X
};
static const uint8_t sp804_index[] = {
#define X(name, off, access) [(off) / 4] = R_##name + 1,
	SP804_REGS(X)
#undef X
};

static const uint8_t sp804_id[8] = {0x04, 0x18, 0x14, 0x00, 0x0d, 0xf0, 0x05, 0xb1};
static const struct reg_block sp804_block = {.name = "sp804", .id = sp804_id};
static const struct reg_block sp804_timer_block = {"sp804_timer", REG_ROWS(sp804), NULL};

enum { CTRL_ONESHOT = 1, CTRL_32BIT = 2, CTRL_IE = 0x20, CTRL_PERIODIC = 0x40, CTRL_ENABLE = 0x80 };

struct sp804;

struct sp804_timer {
	struct sp804 *owner;
	struct vtimer timer;
	uint32_t load, control;
	uint32_t limit;   /* what the next reload takes: load, or the maximum when free-running */
	uint32_t count;   /* counter at `start`; the counter itself while stopped */
	uint64_t start;   /* ns */
	uint64_t tick;    /* ns per count */
	bool running, oneshot, raised;
};

struct sp804 {
	struct hw_context *hw;
	struct irq_line irq;
	struct sp804_timer t[2];
};

static bool masked_int(const struct sp804_timer *t)
{
	return t->raised && (t->control & CTRL_IE);
}

static uint64_t deadline(const struct sp804_timer *t)
{
	return t->start + t->count * t->tick;
}

/* The counter has reached zero `now` or earlier; whole periods that were missed are skipped. */
static void expire(struct sp804_timer *t, uint64_t now)
{
	t->raised = true;
	t->start = deadline(t);
	t->count = t->oneshot ? 0 : t->limit;
	if (t->count == 0) {
		t->running = false;
		return;
	}
	uint64_t period = t->count * t->tick;
	if (now > t->start)
		t->start += (now - t->start) / period * period;
}

/* A zero counter expires at once, so that it can never be waited for. */
static void catch_up(struct sp804_timer *t)
{
	if (!t->running)
		return;
	uint64_t now = vclock_now(t->owner->hw->clock);
	if (now >= deadline(t))
		expire(t, now);
}

static void update(struct sp804_timer *t)
{
	const struct sp804 *s = t->owner;
	uint64_t end = deadline(t);
	if (!t->running || t->raised || !(t->control & CTRL_IE))
		vtimer_cancel(&t->timer);
	else if (!t->timer.armed || t->timer.deadline != end)
		vtimer_arm(&t->timer, end);
	irq_set(&s->irq, masked_int(&s->t[0]) || masked_int(&s->t[1]));
}

static void timer_fire(void *opaque)
{
	struct sp804_timer *t = opaque;
	catch_up(t);
	update(t);
}

/* Rounds down what is left, as hardware that has begun a count shows the smaller value. */
static uint32_t counter(const struct sp804_timer *t)
{
	if (!t->running)
		return t->count;
	uint64_t now = vclock_now(t->owner->hw->clock), end = deadline(t);
	return now < end ? (uint32_t)((end - now) / t->tick) : 0;
}

static void restart_at(struct sp804_timer *t, uint32_t count)
{
	t->count = count;
	t->start = vclock_now(t->owner->hw->clock);
}

static void set_limit(struct sp804_timer *t, bool reload)
{
	if (t->control & (CTRL_PERIODIC | CTRL_ONESHOT))
		t->limit = t->load;
	else
		t->limit = t->control & CTRL_32BIT ? UINT32_MAX : 0xffff;
	if (reload)
		restart_at(t, t->limit);
	catch_up(t);
}

static void write_control(struct sp804_timer *t, uint32_t value)
{
	static const uint16_t prescale[4] = {1, 16, 256, 1};
	if (t->running)
		restart_at(t, counter(t));
	t->control = value;
	t->tick = TICK_NS * prescale[(value >> 2) & 3];
	t->running = (value & CTRL_ENABLE) != 0;
	t->oneshot = (value & CTRL_ONESHOT) != 0;
	set_limit(t, t->running);
}

static uint32_t read_reg(const struct sp804_timer *t, enum sp804_reg reg)
{
	switch (reg) {
	case R_LOAD:
	case R_BGLOAD: return t->load;
	case R_VALUE: return counter(t);
	case R_CONTROL: return t->control;
	case R_RIS: return t->raised;
	case R_MIS: return masked_int(t);
	case R_INTCLR:
	case N_REGS: break;
	}
	return 0;
}

static void write_reg(struct sp804_timer *t, enum sp804_reg reg, uint32_t value)
{
	switch (reg) {
	case R_LOAD:
	case R_BGLOAD:
		t->load = value;
		set_limit(t, reg == R_LOAD);
		break;
	case R_CONTROL: write_control(t, value); break;
	case R_INTCLR: t->raised = false; break;
	case R_VALUE: /* Linux writes it: not worth a complaint */
	case R_RIS:
	case R_MIS:
	case N_REGS: break;
	}
}

static enum mem_result sp804_read(void *dev, uint32_t off, unsigned size, uint32_t *value)
{
	struct sp804 *s = dev;
	uint32_t v = 0;
	if (off < 0x40) {
		struct sp804_timer *t = &s->t[off / 0x20];
		int reg = hw_reg_find(s->hw, &sp804_timer_block, off % 0x20, REG_R);
		catch_up(t);
		if (reg >= 0)
			v = read_reg(t, (enum sp804_reg)reg);
		update(t);
	} else if (!hw_reg_id(&sp804_block, off, &v)) {
		hw_reg_find(s->hw, &sp804_block, off, REG_R);
	}
	*value = hw_trim(v, size);
	return MEM_OK;
}

static enum mem_result sp804_write(void *dev, uint32_t off, unsigned size, uint32_t value)
{
	struct sp804 *s = dev;
	if (off >= 0x40) {
		hw_reg_find(s->hw, &sp804_block, off, REG_W);
		return MEM_OK;
	}
	struct sp804_timer *t = &s->t[off / 0x20];
	int reg = hw_reg_find(s->hw, &sp804_timer_block, off % 0x20, REG_W);
	catch_up(t);
	if (reg >= 0)
		write_reg(t, (enum sp804_reg)reg, hw_trim(value, size));
	update(t);
	return MEM_OK;
}

static void sp804_reset(void *dev)
{
	struct sp804 *s = dev;
	for (unsigned i = 0; i < 2; i++) {
		struct sp804_timer *t = &s->t[i];
		t->load = t->limit = t->count = 0;
		t->control = CTRL_IE;
		t->tick = TICK_NS;
		t->running = t->oneshot = t->raised = false;
		update(t);
	}
}

static void sp804_destroy(void *dev)
{
	struct sp804 *s = dev;
	vtimer_cancel(&s->t[0].timer);
	vtimer_cancel(&s->t[1].timer);
	free(s);
}

static const struct mem_ops sp804_ops = {sp804_read, sp804_write, 1, 4};

/* ---- state ---- */

/* The counter is divided by its tick. */
static bool sp804_valid(const void *dev)
{
	const struct sp804 *s = dev;
	return s->t[0].tick && s->t[1].tick;
}

static const struct state_field sp804_fields[] = {
	STATE_NOT(struct sp804, hw, STATE_WIRING),
	STATE_NOT(struct sp804, irq, STATE_WIRING),
	STATE_NOT_EACH(struct sp804, t, owner, STATE_WIRING),
	STATE_EACH_TIMER(struct sp804, t, timer),
	STATE_EACH(struct sp804, t, load, 0),
	STATE_EACH(struct sp804, t, control, 0),
	STATE_EACH(struct sp804, t, limit, 0),
	STATE_EACH(struct sp804, t, count, 0),
	STATE_EACH(struct sp804, t, start, 0),
	STATE_EACH(struct sp804, t, tick, UINT32_MAX),
	STATE_EACH(struct sp804, t, running, 1),
	STATE_EACH(struct sp804, t, oneshot, 1),
	STATE_EACH(struct sp804, t, raised, 1),
};
static const struct state_desc sp804_state = {.name = "sp804", .size = sizeof(struct sp804), .version = 1, STATE_FIELDS(sp804_fields), .valid = sp804_valid};

bool sp804_add(struct hw_context *hw, uint32_t base, struct irq_line irq, struct rhea_error *err)
{
	struct sp804 *s = hw_new_device(hw, "sp804", sizeof(*s), sp804_reset, sp804_destroy);
	hw_describe(hw, s, &sp804_state);
	s->hw = hw;
	s->irq = irq;
	for (unsigned i = 0; i < 2; i++) {
		s->t[i].owner = s;
		vtimer_init(&s->t[i].timer, hw->clock, timer_fire, &s->t[i]);
	}
	sp804_reset(s);
	return as_map_mmio(hw->as, GPA(base), PAGE_SIZE, &sp804_ops, s, "sp804", err) == RHEA_OK;
}
