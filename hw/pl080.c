/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PL080 DMA controller (ARM DDI 0196): eight channels between memory and, on request, peripherals, with
 * linked lists. Data moves between two guest instructions, from a timer, soon after a channel may run; what
 * a slice does not finish waits for the next, so that a list without an end holds up neither the guest nor the
 * host. Transfers may reach any register, this controller's too: each step looks at the state anew.
 * Both masters are little-endian.
 */
#include <stdlib.h>
#include <string.h>

#include "hw/hw.h"

#define N_CHANNELS 8u
#define FIRST_SLICE 16384u /* steps and bus accesses at once when something starts: enough for 4095 words */
#define LATER_SLICE 1024u
#define SLICE_NS UINT64_C(200000)
#define START_NS UINT64_C(1000)

#define PL080_REGS(X)         \
	X(INT, 0x00, REG_R)       \
	X(INT_TC, 0x04, REG_R)    \
	X(TC_CLEAR, 0x08, REG_W)  \
	X(INT_ERR, 0x0c, REG_R)   \
	X(ERR_CLEAR, 0x10, REG_W) \
	X(RAW_TC, 0x14, REG_R)    \
	X(RAW_ERR, 0x18, REG_R)   \
	X(ENABLED, 0x1c, REG_R)   \
	X(SOFT_B, 0x20, REG_RW)   \
	X(SOFT_S, 0x24, REG_RW)   \
	X(SOFT_LB, 0x28, REG_RW)  \
	X(SOFT_LS, 0x2c, REG_RW)  \
	X(CONFIG, 0x30, REG_RW)   \
	X(SYNC, 0x34, REG_RW)

/* A channel's registers, 0x20 bytes apart from 0x100. */
#define CHANNEL_REGS(X)      \
	X(SRC, 0x00, REG_RW)     \
	X(DST, 0x04, REG_RW)     \
	X(LLI, 0x08, REG_RW)     \
	X(CONTROL, 0x0c, REG_RW) \
	X(CHCONFIG, 0x10, REG_RW)

enum pl080_reg {
#define X(name, off, access) R_##name,
	PL080_REGS(X)
#undef X
	N_REGS
};

enum channel_reg {
#define X(name, off, access) C_##name,
	CHANNEL_REGS(X)
#undef X
	N_CHANNEL_REGS
};

#define X(name, off, access) {access, #name},
static const struct reg_row pl080_rows[] = {PL080_REGS(X)};
static const struct reg_row channel_rows[] = {CHANNEL_REGS(X)};
#undef X
#define X(name, off, access) [(off) / 4] = R_##name + 1,
static const uint8_t pl080_index[] = {PL080_REGS(X)};
#undef X
#define X(name, off, access) [(off) / 4] = C_##name + 1,
static const uint8_t channel_index[] = {CHANNEL_REGS(X)};
#undef X

static const uint8_t pl080_id[8] = {0x80, 0x10, 0x04, 0x0a, 0x0d, 0xf0, 0x05, 0xb1};
static const struct reg_block pl080_block = {"pl080", REG_ROWS(pl080), pl080_id};
static const struct reg_block channel_block = {"pl080_channel", REG_ROWS(channel), NULL};

enum { CONFIG_ENABLE = 1 };
enum { CH_ENABLE = 1, CH_ERR_MASK = 1 << 14, CH_TC_MASK = 1 << 15, CH_HALT = 1 << 18 };
enum { CTRL_SIZE = 0xfff, CTRL_SRC_INC = 1 << 26, CTRL_DST_INC = 1 << 27 };
#define CTRL_TC_INT 0x80000000u

struct channel {
	uint32_t reg[N_CHANNEL_REGS];
	uint32_t burst_left; /* source transfers of the current request */
};

struct pl080 {
	struct hw_context *hw;
	struct irq_line irq;
	struct vtimer timer;
	struct channel ch[N_CHANNELS];
	uint32_t raw_tc, raw_err, config, sync;
	uint32_t soft[4]; /* SOFT_B and the others */
	uint32_t lines;   /* requests of peripherals, as wired */
	bool unfinished;  /* the last slice was not enough */
	unsigned budget;  /* steps and bus accesses left in this slice */
};

/* ---- interrupts ---- */

static uint32_t masked(const struct pl080 *s, uint32_t raw, uint32_t mask_bit)
{
	uint32_t v = 0;
	for (unsigned i = 0; i < N_CHANNELS; i++)
		if (s->ch[i].reg[C_CHCONFIG] & mask_bit)
			v |= 1u << i;
	return raw & v;
}

static uint32_t int_tc(const struct pl080 *s)
{
	return masked(s, s->raw_tc, CH_TC_MASK);
}

static uint32_t int_err(const struct pl080 *s)
{
	return masked(s, s->raw_err, CH_ERR_MASK);
}

static void update_irq(struct pl080 *s)
{
	irq_set(&s->irq, (int_tc(s) | int_err(s)) != 0);
}

static uint32_t enabled(const struct pl080 *s)
{
	uint32_t v = 0;
	for (unsigned i = 0; i < N_CHANNELS; i++)
		v |= (s->ch[i].reg[C_CHCONFIG] & CH_ENABLE) << i;
	return v;
}

/* ---- requests ---- */

enum { FLOW_M2M, FLOW_M2P, FLOW_P2M, FLOW_P2P, FLOW_P2P_DST, FLOW_M2P_PER, FLOW_P2M_PER, FLOW_P2P_SRC };

static unsigned flow(const struct channel *c)
{
	return c->reg[C_CHCONFIG] >> 11 & 7;
}

/* The request lines that a channel waits for. */
static uint32_t peripherals(const struct channel *c)
{
	static const uint8_t needs[8] = {0, 2, 1, 3, 3, 2, 1, 3}; /* 1 the source's, 2 the destination's */
	uint32_t cfg = c->reg[C_CHCONFIG], n = needs[flow(c)];
	return (n & 1 ? 1u << (cfg >> 1 & 15) : 0) | (n & 2 ? 1u << (cfg >> 6 & 15) : 0);
}

static bool peripheral_counts(const struct channel *c)
{
	return flow(c) >= FLOW_P2P_DST;
}

static bool requested(const struct pl080 *s, const struct channel *c)
{
	uint32_t want = peripherals(c), have = s->lines | s->soft[0] | s->soft[1] | s->soft[2] | s->soft[3];
	return (have & want) == want;
}

static bool may_run(const struct pl080 *s, const struct channel *c)
{
	uint32_t cfg = c->reg[C_CHCONFIG];
	if (!(s->config & CONFIG_ENABLE) || (cfg & (CH_ENABLE | CH_HALT)) != CH_ENABLE)
		return false;
	return c->burst_left || requested(s, c);
}

/* How many source transfers the request that is there asks for. */
static uint32_t burst_of(const struct pl080 *s, const struct channel *c)
{
	static const uint16_t sizes[8] = {1, 4, 8, 16, 32, 64, 128, 256};
	uint32_t want = peripherals(c);
	if ((s->lines | s->soft[0] | s->soft[2]) & want || !want)
		return sizes[c->reg[C_CONTROL] >> 12 & 7];
	return 1;
}

/* ---- transfers ---- */

static void stop(struct channel *c)
{
	c->reg[C_CHCONFIG] &= ~(uint32_t)CH_ENABLE;
	c->burst_left = 0;
}

static void fail(struct pl080 *s, unsigned i)
{
	s->raw_err |= 1u << i;
	stop(&s->ch[i]);
}

static bool bus(struct pl080 *s, unsigned i, uint32_t at, void *buf, unsigned n, bool write)
{
	enum mem_result r = write ? as_write(s->hw->as, GPA(at), buf, n) : as_read(s->hw->as, GPA(at), buf, n);
	s->budget -= s->budget > 0;
	if (r != MEM_OK)
		fail(s, i);
	return r == MEM_OK;
}

/* The count has run out: interrupt, next item of the list or end. */
static void terminal_count(struct pl080 *s, unsigned i)
{
	struct channel *c = &s->ch[i];
	uint32_t item[4], lli = c->reg[C_LLI] & ~3u;
	if (c->reg[C_CONTROL] & CTRL_TC_INT)
		s->raw_tc |= 1u << i;
	if (!lli) {
		stop(c);
		return;
	}
	if (bus(s, i, lli, item, sizeof(item), false))
		memcpy(c->reg, item, sizeof(item));
}

/* Moves one unit of the wider side; bytes are packed and unpacked between the two. */
static void move(struct pl080 *s, unsigned i)
{
	struct channel *c = &s->ch[i];
	uint32_t ctrl = c->reg[C_CONTROL], left = peripheral_counts(c) ? c->burst_left : ctrl & CTRL_SIZE;
	unsigned sw = 1u << (ctrl >> 18 & 7), dw = 1u << (ctrl >> 21 & 7);
	uint8_t buf[4];
	if (sw > 4 || dw > 4) {
		hw_guest_error(s->hw, "pl080: channel %u: reserved transfer width", i);
		fail(s, i);
		return;
	}
	unsigned units = MIN(MAX(dw / sw, 1), left), bytes = units * sw;
	for (unsigned at = 0; at < bytes; at += sw) {
		if (!bus(s, i, c->reg[C_SRC], buf + at, sw, false))
			return;
		c->reg[C_SRC] += ctrl & CTRL_SRC_INC ? sw : 0;
	}
	for (unsigned at = 0, n; at < bytes; at += n) {
		n = MIN(dw, bytes - at);
		if (!bus(s, i, c->reg[C_DST], buf + at, n, true))
			return;
		c->reg[C_DST] += ctrl & CTRL_DST_INC ? dw : 0;
	}
	if (!peripheral_counts(c))
		c->reg[C_CONTROL] = (c->reg[C_CONTROL] & ~(uint32_t)CTRL_SIZE) | (left - units);
	c->burst_left -= MIN(c->burst_left, units);
}

/* A request is served: software's requests end with it, a peripheral's last one ends the transfer. */
static void burst_done(struct pl080 *s, unsigned i)
{
	struct channel *c = &s->ch[i];
	uint32_t who = peripherals(c), last = (s->soft[2] | s->soft[3]) & who;
	for (unsigned k = 0; k < ARRAY_LEN(s->soft); k++)
		s->soft[k] &= ~who;
	if (peripheral_counts(c) && last)
		terminal_count(s, i);
}

static void step(struct pl080 *s, unsigned i)
{
	struct channel *c = &s->ch[i];
	if (!peripheral_counts(c) && !(c->reg[C_CONTROL] & CTRL_SIZE)) {
		terminal_count(s, i);
		return;
	}
	if (!c->burst_left)
		c->burst_left = burst_of(s, c);
	move(s, i);
	if (!(c->reg[C_CHCONFIG] & CH_ENABLE))
		return;
	if (!peripheral_counts(c) && !(c->reg[C_CONTROL] & CTRL_SIZE)) {
		c->burst_left = 0;
		burst_done(s, i);
		terminal_count(s, i);
	} else if (!c->burst_left) {
		burst_done(s, i);
	}
}

/* The busy channel of the highest priority, N_CHANNELS when there is none. */
static unsigned next_channel(const struct pl080 *s)
{
	unsigned i = 0;
	while (i < N_CHANNELS && !may_run(s, &s->ch[i]))
		i++;
	return i;
}

/* Something has changed that may let a channel go on. A slice that waits for its time is not brought forward. */
static void kick(struct pl080 *s)
{
	if (!s->timer.armed && next_channel(s) < N_CHANNELS)
		vtimer_arm(&s->timer, vclock_now(s->hw->clock) + START_NS);
	update_irq(s);
}

static void timer_fire(void *opaque)
{
	struct pl080 *s = opaque;
	unsigned i = 0;
	s->budget = s->unfinished ? LATER_SLICE : FIRST_SLICE;
	while (s->budget && (i = next_channel(s)) < N_CHANNELS) {
		s->budget--; /* each step costs something, also the one that moves nothing */
		step(s, i);
	}
	s->unfinished = next_channel(s) < N_CHANNELS;
	if (s->unfinished)
		vtimer_arm(&s->timer, vclock_now(s->hw->clock) + SLICE_NS);
	update_irq(s);
}

static void set_request(void *opaque, unsigned n, bool level)
{
	struct pl080 *s = opaque;
	s->lines = (s->lines & ~(1u << n)) | (uint32_t)level << n;
	if (level)
		kick(s);
}

struct irq_line pl080_request(struct pl080 *dma, unsigned n)
{
	return (struct irq_line){set_request, dma, n & 15};
}

/* ---- registers ---- */

static uint32_t read_reg(const struct pl080 *s, enum pl080_reg reg)
{
	switch (reg) {
	case R_INT: return int_tc(s) | int_err(s);
	case R_INT_TC: return int_tc(s);
	case R_INT_ERR: return int_err(s);
	case R_RAW_TC: return s->raw_tc;
	case R_RAW_ERR: return s->raw_err;
	case R_ENABLED: return enabled(s);
	case R_SOFT_B:
	case R_SOFT_S:
	case R_SOFT_LB:
	case R_SOFT_LS: return s->soft[reg - R_SOFT_B];
	case R_CONFIG: return s->config;
	case R_SYNC: return s->sync;
	case R_TC_CLEAR:
	case R_ERR_CLEAR:
	case N_REGS: break;
	}
	return 0;
}

static void write_reg(struct pl080 *s, enum pl080_reg reg, uint32_t value)
{
	switch (reg) {
	case R_TC_CLEAR: s->raw_tc &= ~value; break;
	case R_ERR_CLEAR: s->raw_err &= ~value; break;
	case R_SOFT_B:
	case R_SOFT_S:
	case R_SOFT_LB:
	case R_SOFT_LS: s->soft[reg - R_SOFT_B] |= value & 0xffff; break;
	case R_CONFIG: s->config = value; break;
	case R_SYNC: s->sync = value; break;
	case R_INT:
	case R_INT_TC:
	case R_INT_ERR:
	case R_RAW_TC:
	case R_RAW_ERR:
	case R_ENABLED:
	case N_REGS: break;
	}
	kick(s);
}

static bool is_channel(uint32_t off)
{
	return off >= 0x100 && off < 0x100 + N_CHANNELS * 0x20;
}

static enum mem_result pl080_read(void *dev, uint32_t off, unsigned size, uint32_t *value)
{
	struct pl080 *s = dev;
	uint32_t v = 0;
	if (is_channel(off)) {
		int reg = hw_reg_find(s->hw, &channel_block, off & 0x1f, REG_R);
		if (reg >= 0)
			v = s->ch[(off - 0x100) / 0x20].reg[reg];
	} else if (!hw_reg_id(&pl080_block, off, &v)) {
		int reg = hw_reg_find(s->hw, &pl080_block, off, REG_R);
		if (reg >= 0)
			v = read_reg(s, (enum pl080_reg)reg);
	}
	*value = hw_trim(v, size);
	return MEM_OK;
}

static void write_channel(struct pl080 *s, unsigned i, enum channel_reg reg, uint32_t value)
{
	struct channel *c = &s->ch[i];
	c->reg[reg] = value;
	if (reg != C_CHCONFIG)
		return;
	c->burst_left = 0;
	kick(s);
}

static enum mem_result pl080_write(void *dev, uint32_t off, unsigned size, uint32_t value)
{
	struct pl080 *s = dev;
	uint32_t v = hw_trim(value, size);
	if (is_channel(off)) {
		int reg = hw_reg_find(s->hw, &channel_block, off & 0x1f, REG_W);
		if (reg >= 0)
			write_channel(s, (off - 0x100) / 0x20, (enum channel_reg)reg, v);
		return MEM_OK;
	}
	int reg = hw_reg_find(s->hw, &pl080_block, off, REG_W);
	if (reg >= 0)
		write_reg(s, (enum pl080_reg)reg, v);
	return MEM_OK;
}

static void pl080_reset(void *dev)
{
	struct pl080 *s = dev;
	vtimer_cancel(&s->timer);
	memset(s->ch, 0, sizeof(s->ch));
	memset(s->soft, 0, sizeof(s->soft));
	s->raw_tc = s->raw_err = s->config = s->sync = 0;
	s->unfinished = false;
	update_irq(s);
}

static void pl080_destroy(void *dev)
{
	struct pl080 *s = dev;
	vtimer_cancel(&s->timer);
	free(s);
}

static const struct mem_ops pl080_ops = {pl080_read, pl080_write, 1, 4};

/* ---- state ---- */

static const struct state_field pl080_fields[] = {
	STATE_NOT(struct pl080, hw, STATE_WIRING),
	STATE_NOT(struct pl080, irq, STATE_WIRING),
	STATE_TIMER(struct pl080, timer),
	{.name = "ch.reg", .offset = offsetof(struct pl080, ch[0].reg), .size = STATE_SIZEOF(struct pl080, ch[0].reg), .count = N_CHANNELS,
	 .stride = sizeof(struct channel), .width = 4, .since = 1},
	STATE_EACH(struct pl080, ch, burst_left, 256),
	STATE(struct pl080, raw_tc),
	STATE(struct pl080, raw_err),
	STATE(struct pl080, config),
	STATE(struct pl080, sync),
	STATE_ARRAY(struct pl080, soft, 0),
	STATE(struct pl080, lines),
	STATE_BOOL(struct pl080, unfinished),
	STATE_NOT(struct pl080, budget, "used up within one slice"),
};
static const struct state_desc pl080_state = {.name = "pl080", .size = sizeof(struct pl080), .version = 1, STATE_FIELDS(pl080_fields)};

struct pl080 *pl080_add(struct hw_context *hw, uint32_t base, struct irq_line irq, struct rhea_error *err)
{
	struct pl080 *s = hw_new_device(hw, "pl080", sizeof(*s), pl080_reset, pl080_destroy);
	hw_describe(hw, s, &pl080_state);
	s->hw = hw;
	s->irq = irq;
	vtimer_init(&s->timer, hw->clock, timer_fire, s);
	if (as_map_mmio(hw->as, GPA(base), PAGE_SIZE, &pl080_ops, s, "pl080", err) != RHEA_OK)
		return NULL;
	return s;
}
