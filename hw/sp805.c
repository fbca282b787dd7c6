/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SP805 watchdog (ARM DDI 0270). The counter is a value and the time it was loaded; when it reaches
 * zero the interrupt rises and it starts again, when it does so a second time the board is reset, if
 * RESEN allows. INTEN stops and starts it. QEMU's Versatile has nothing here; the board does.
 */
#include <stdlib.h>

#include "hw/hw.h"

#define WDOG_HZ UINT64_C(24000000) /* the peripheral clock, which the board's device tree names for it */
#define UNLOCK_VALUE 0x1acce551u

#define SP805_REGS(X)        \
	X(LOAD, 0x000, REG_RW)   \
	X(VALUE, 0x004, REG_R)   \
	X(CONTROL, 0x008, REG_RW)\
	X(INTCLR, 0x00c, REG_W)  \
	X(RIS, 0x010, REG_R)     \
	X(MIS, 0x014, REG_R)     \
	X(LOCK, 0xc00, REG_RW)   \
	X(ITCR, 0xf00, REG_RW)   \
	X(ITOP, 0xf04, REG_W)

enum sp805_reg {
#define X(name, off, access) R_##name,
	SP805_REGS(X)
#undef X
	N_REGS
};

static const struct reg_row sp805_rows[] = {
#define X(name, off, access) {access, #name},
	SP805_REGS(X)
#undef X
};
static const uint8_t sp805_index[] = {
#define X(name, off, access) [(off) / 4] = R_##name + 1,
	SP805_REGS(X)
#undef X
};

static const uint8_t sp805_id[8] = {0x05, 0x18, 0x14, 0x00, 0x0d, 0xf0, 0x05, 0xb1};
static const struct reg_block sp805_block = {"sp805", REG_ROWS(sp805), sp805_id};

enum { CTRL_INTEN = 1, CTRL_RESEN = 2 };

struct sp805 {
	struct hw_context *hw;
	struct irq_line irq;
	struct vtimer timer;
	uint32_t load, control, itcr;
	uint32_t count; /* at `start` while counting; the counter itself while not */
	uint64_t start; /* ns */
	bool raised, locked;
};

static bool counting(const struct sp805 *w)
{
	return (w->control & CTRL_INTEN) != 0;
}

/* Rounded up: the counter has reached zero when the time has come. */
static uint64_t ticks_ns(uint32_t ticks)
{
	uint64_t t = ticks;
	return (t * 1000 + WDOG_HZ / 1000000 - 1) / (WDOG_HZ / 1000000);
}

/* An expiry that changes nothing needs no timer, so some may have been missed. */
static uint32_t counter(const struct sp805 *w)
{
	if (!counting(w))
		return w->count;
	uint64_t gone = (vclock_now(w->hw->clock) - w->start) * (WDOG_HZ / 1000000) / 1000;
	if (gone < w->count)
		return w->count - (uint32_t)gone;
	return w->load ? w->load - (uint32_t)((gone - w->count) % w->load) : 0;
}

static void update_irq(struct sp805 *w)
{
	irq_set(&w->irq, w->raised && counting(w));
}

/* Starts from LOAD. A period of nothing would never let the guest go on: it lasts a microsecond at least. */
static void restart(struct sp805 *w)
{
	w->count = w->load;
	w->start = vclock_now(w->hw->clock);
	if (counting(w))
		vtimer_arm(&w->timer, w->start + MAX(ticks_ns(w->load), 1000));
}

static void timer_fire(void *opaque)
{
	struct sp805 *w = opaque;
	if (w->raised && (w->control & CTRL_RESEN)) {
		if (w->hw->request)
			w->hw->request(w->hw->opaque, MACHINE_REQUEST_RESET);
		return;
	}
	w->raised = true;
	w->count = w->load;
	w->start = vclock_now(w->hw->clock);
	if (w->control & CTRL_RESEN)
		vtimer_arm(&w->timer, w->start + MAX(ticks_ns(w->load), 1000));
	update_irq(w);
}

static uint32_t read_reg(const struct sp805 *w, enum sp805_reg reg)
{
	switch (reg) {
	case R_LOAD: return w->load;
	case R_VALUE: return counter(w);
	case R_CONTROL: return w->control;
	case R_RIS: return w->raised;
	case R_MIS: return w->raised && counting(w);
	case R_LOCK: return w->locked;
	case R_ITCR: return w->itcr;
	case R_INTCLR:
	case R_ITOP:
	case N_REGS: break;
	}
	return 0;
}

static enum mem_result sp805_read(void *dev, uint32_t off, unsigned size, uint32_t *value)
{
	struct sp805 *w = dev;
	uint32_t v = 0;
	if (!hw_reg_id(&sp805_block, off, &v)) {
		int reg = hw_reg_find(w->hw, &sp805_block, off, REG_R);
		if (reg >= 0)
			v = read_reg(w, (enum sp805_reg)reg);
	}
	*value = hw_trim(v, size);
	return MEM_OK;
}

static void write_control(struct sp805 *w, uint32_t value)
{
	uint32_t old = w->control, now = counter(w);
	w->control = value & (CTRL_INTEN | CTRL_RESEN);
	if (!counting(w)) {
		w->count = now;
		vtimer_cancel(&w->timer);
	} else if (!(old & CTRL_INTEN)) {
		restart(w);
	} else if (!w->timer.armed) {
		restart(w); /* RESEN came after expiries that nobody waited for */
	}
	update_irq(w);
}

static void write_reg(struct sp805 *w, enum sp805_reg reg, uint32_t value)
{
	if (w->locked && reg != R_LOCK) {
		hw_guest_error(w->hw, "sp805_write: %s is locked", sp805_rows[reg].name);
		return;
	}
	switch (reg) {
	case R_LOAD:
		w->load = value;
		restart(w);
		break;
	case R_CONTROL: write_control(w, value); break;
	case R_INTCLR:
		w->raised = false;
		restart(w);
		update_irq(w);
		break;
	case R_LOCK: w->locked = value != UNLOCK_VALUE; break;
	case R_ITCR: w->itcr = value & 1; break;
	case R_VALUE:
	case R_RIS:
	case R_MIS:
	case R_ITOP:
	case N_REGS: break;
	}
}

static enum mem_result sp805_write(void *dev, uint32_t off, unsigned size, uint32_t value)
{
	struct sp805 *w = dev;
	int reg = hw_reg_find(w->hw, &sp805_block, off, REG_W);
	if (reg >= 0)
		write_reg(w, (enum sp805_reg)reg, hw_trim(value, size));
	return MEM_OK;
}

static void sp805_reset(void *dev)
{
	struct sp805 *w = dev;
	vtimer_cancel(&w->timer);
	w->load = w->count = UINT32_MAX;
	w->control = w->itcr = 0;
	w->raised = w->locked = false;
	update_irq(w);
}

static void sp805_destroy(void *dev)
{
	struct sp805 *w = dev;
	vtimer_cancel(&w->timer);
	free(w);
}

static const struct mem_ops sp805_ops = {sp805_read, sp805_write, 1, 4};

/* ---- state ---- */

static const struct state_field sp805_fields[] = {
	STATE_NOT(struct sp805, hw, STATE_WIRING),
	STATE_NOT(struct sp805, irq, STATE_WIRING),
	STATE_TIMER(struct sp805, timer),
	STATE(struct sp805, load),
	STATE(struct sp805, control),
	STATE(struct sp805, itcr),
	STATE(struct sp805, count),
	STATE(struct sp805, start),
	STATE_BOOL(struct sp805, raised),
	STATE_BOOL(struct sp805, locked),
};
static const struct state_desc sp805_state = {.name = "sp805", .size = sizeof(struct sp805), .version = 1, STATE_FIELDS(sp805_fields)};

bool sp805_add(struct hw_context *hw, uint32_t base, struct irq_line irq, struct rhea_error *err)
{
	struct sp805 *w = hw_new_device(hw, "sp805", sizeof(*w), sp805_reset, sp805_destroy);
	hw_describe(hw, w, &sp805_state);
	w->hw = hw;
	w->irq = irq;
	vtimer_init(&w->timer, hw->clock, timer_fire, w);
	return as_map_mmio(hw->as, GPA(base), PAGE_SIZE, &sp805_ops, w, "sp805", err) == RHEA_OK;
}
