/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PL041 AC'97 controller (ARM DDI 0173) with an LM4549 codec (National) and nothing that listens: samples
 * leave the transmit FIFOs at the frame rate of 48 kHz and are gone, nothing is recorded. FIFO levels
 * are a number and the time of the last look; a timer runs only while a level could raise an
 * interrupt. What is neither FIFO nor codec is kept as written, as in QEMU.
 */
#include <stdlib.h>
#include <string.h>

#include "hw/hw.h"

#define N_CHANNELS 1u /* as many as QEMU has; the registers of others are kept */
#define FIFO_DEPTH 512u /* samples */
#define FRAME_HZ UINT64_C(48000)
#define N_WORDS 0x44u   /* registers below 0x110 */

/* Registers of a channel, 0x14 bytes apart. */
enum { CH_RXCR = 0x00, CH_TXCR = 0x04, CH_SR = 0x08, CH_ISR = 0x0c, CH_IE = 0x10, CH_STRIDE = 0x14 };
enum {
	R_SL1RX = 0x50, R_SL1TX = 0x54, R_SL2RX = 0x58, R_SL2TX = 0x5c, R_SL12RX = 0x60, R_SL12TX = 0x64, R_SLFR = 0x68,
	R_INTCLR = 0x74, R_MAINCR = 0x78, R_ALLINTS = 0x84, R_FIFO = 0x90, R_FIFO_END = R_FIFO + N_CHANNELS * 0x20, R_END = 0x110,
};

enum { CR_EN = 1, CR_SLOTS = 0x1ffe, CR_COMPACT = 1 << 15, CR_FEN = 1 << 16 };
enum { SR_RXFE = 0x01, SR_TXFE = 0x02, SR_TXHE = 0x08, SR_TXFF = 0x20, SR_TXUE = 0x200 };
enum { ISR_TXC = 0x01, ISR_TX = 0x04, ISR_UR = 0x20 };
enum { MAINCR_IE = 1 };
enum {
	SLFR_1RXVALID = 1 << 6, SLFR_1TXEMPTY = 1 << 7, SLFR_2RXVALID = 1 << 8, SLFR_2TXEMPTY = 1 << 9, SLFR_12RXVALID = 1 << 10,
	SLFR_12TXEMPTY = 1 << 11,
};
enum { SL1_READ = 1 << 19 };

static const uint8_t pl041_id[8] = {0x41, 0x10, 0x04, 0x29, 0x0d, 0xf0, 0x05, 0xb1};
static const struct reg_block pl041_block = {.name = "pl041", .id = pl041_id};

/* ---- the codec ---- */

enum { AC_RESET = 0x00, AC_POWER = 0x26, AC_EXT_ID = 0x28, AC_VENDOR1 = 0x7c, AC_VENDOR2 = 0x7e };

static const struct {
	uint8_t reg;
	uint16_t value;
} codec_reset_values[] = {
	{AC_RESET, 0x0d50}, {0x02, 0x8008}, {0x04, 0x8000}, {0x06, 0x8000}, {0x0c, 0x8008}, {0x0e, 0x8008}, {0x10, 0x8808},
	{0x12, 0x8808}, {0x14, 0x8808}, {0x16, 0x8808}, {0x18, 0x8808}, {0x1c, 0x8000}, {0x22, 0x0101}, {AC_POWER, 0x000f},
	{AC_EXT_ID, 0x0001}, {0x2c, 0xbb80}, {0x32, 0xbb80}, {AC_VENDOR1, 0x4e53}, {AC_VENDOR2, 0x4331},
};

static void codec_reset(uint16_t codec[64])
{
	memset(codec, 0, 64 * sizeof(codec[0]));
	for (unsigned i = 0; i < ARRAY_LEN(codec_reset_values); i++)
		codec[codec_reset_values[i].reg / 2] = codec_reset_values[i].value;
}

/* Registers have even numbers. */
static uint16_t codec_read(const uint16_t codec[64], unsigned reg)
{
	return reg & 1 ? 0 : codec[reg / 2];
}

static void codec_write(uint16_t codec[64], unsigned reg, uint16_t value)
{
	if (reg & 1)
		return;
	switch (reg) {
	case AC_RESET: codec_reset(codec); break;
	case AC_EXT_ID:
	case AC_VENDOR1:
	case AC_VENDOR2: break;
	case AC_POWER: codec[reg / 2] = (uint16_t)((value & ~0xf) | (codec[reg / 2] & 0xf)); break;
	default: codec[reg / 2] = value; break; /* plain storage */
	}
}

/* ---- FIFOs ---- */

struct pl041 {
	struct hw_context *hw;
	struct irq_line irq;
	struct vtimer timer;
	uint32_t word[N_WORDS];
	uint16_t codec[64];
	struct fifo {
		uint32_t level;     /* samples at the last frame that was looked at */
		bool half_empty, underrun, sent;
	} fifo[N_CHANNELS];
	uint64_t frame; /* up to where frames have been played */
};

static uint32_t *reg(struct pl041 *s, uint32_t off)
{
	return &s->word[off / 4];
}

static uint32_t channel_reg(const struct pl041 *s, unsigned c, unsigned off)
{
	return s->word[(c * CH_STRIDE + off) / 4];
}

/* Samples that a frame takes from channel c. */
static unsigned slots(const struct pl041 *s, unsigned c)
{
	uint32_t cr = channel_reg(s, c, CH_TXCR);
	if (!(s->word[R_MAINCR / 4] & MAINCR_IE) || !(cr & CR_EN))
		return 0;
	return (unsigned)__builtin_popcount(cr & CR_SLOTS);
}

static void play(struct pl041 *s, unsigned c, uint64_t frames)
{
	struct fifo *f = &s->fifo[c];
	uint64_t want = frames * slots(s, c);
	if (!want || !f->level)
		return;
	if (want >= f->level) {
		f->level = 0;
		f->underrun = f->sent = true;
	} else {
		f->level -= (uint32_t)want;
	}
}

static uint64_t frame_now(const struct pl041 *s)
{
	uint64_t now = vclock_now(s->hw->clock), second = UINT64_C(1000000000);
	return now / second * FRAME_HZ + now % second * FRAME_HZ / second;
}

static uint64_t frame_ns(uint64_t frame)
{
	return frame / FRAME_HZ * UINT64_C(1000000000) + (frame % FRAME_HZ * UINT64_C(1000000000) + FRAME_HZ - 1) / FRAME_HZ;
}

static void catch_up(struct pl041 *s)
{
	uint64_t now = frame_now(s);
	for (unsigned c = 0; c < N_CHANNELS; c++)
		play(s, c, now - s->frame);
	s->frame = now;
}

static uint32_t status(const struct pl041 *s, unsigned c)
{
	const struct fifo *f = &s->fifo[c];
	uint32_t v = SR_RXFE;
	v |= f->level == 0 ? SR_TXFE : 0;
	v |= f->level <= FIFO_DEPTH / 2 ? SR_TXHE : 0;
	v |= f->level >= FIFO_DEPTH ? SR_TXFF : 0;
	return v | (f->underrun ? SR_TXUE : 0);
}

static uint32_t interrupts(const struct pl041 *s, unsigned c)
{
	const struct fifo *f = &s->fifo[c];
	uint32_t v = f->underrun ? ISR_UR : 0;
	if (!(channel_reg(s, c, CH_TXCR) & CR_EN))
		return v;
	v |= f->level == 0 ? ISR_TXC : 0;
	return v | (f->level <= FIFO_DEPTH / 2 ? ISR_TX : 0);
}

static uint32_t all_interrupts(const struct pl041 *s)
{
	uint32_t v = 0;
	for (unsigned c = 0; c < N_CHANNELS; c++)
		v |= (interrupts(s, c) & channel_reg(s, c, CH_IE) & 0x7f) << (7 * c);
	return v;
}

/* Frames until a level passes one half, or zero; 0 = never. */
static uint64_t frames_left(const struct pl041 *s, unsigned c)
{
	uint32_t level = s->fifo[c].level, n = slots(s, c);
	if (!n || !level || !(channel_reg(s, c, CH_IE) & (ISR_TXC | ISR_TX | ISR_UR)))
		return 0;
	uint32_t way = level > FIFO_DEPTH / 2 ? level - FIFO_DEPTH / 2 : level;
	return (way + n - 1) / n;
}

static void update(struct pl041 *s)
{
	uint64_t next = 0;
	for (unsigned c = 0; c < N_CHANNELS; c++) {
		uint64_t n = frames_left(s, c);
		if (n && (!next || n < next))
			next = n;
	}
	if (next)
		vtimer_arm(&s->timer, frame_ns(s->frame + next));
	else
		vtimer_cancel(&s->timer);
	irq_set(&s->irq, all_interrupts(s) != 0);
}

static void timer_fire(void *opaque)
{
	struct pl041 *s = opaque;
	catch_up(s);
	update(s);
}

static void push(struct pl041 *s, unsigned c)
{
	struct fifo *f = &s->fifo[c];
	uint32_t cr = channel_reg(s, c, CH_TXCR);
	if (cr & CR_FEN)
		f->level = MIN(f->level + (cr & CR_COMPACT ? 2u : 1u), FIFO_DEPTH);
}

/* ---- registers ---- */

static uint32_t read_reg(struct pl041 *s, uint32_t off)
{
	if (off >= R_FIFO && off < R_FIFO_END)
		return 0; /* nothing was recorded */
	for (unsigned c = 0; c < N_CHANNELS; c++) {
		if (off == c * CH_STRIDE + CH_SR)
			return status(s, c);
		if (off == c * CH_STRIDE + CH_ISR)
			return interrupts(s, c);
	}
	if (off == R_ALLINTS)
		return all_interrupts(s);
	uint32_t v = *reg(s, off);
	if (off == R_SL1RX)
		*reg(s, R_SLFR) &= ~(uint32_t)SLFR_1RXVALID;
	if (off == R_SL2RX)
		*reg(s, R_SLFR) &= ~(uint32_t)SLFR_2RXVALID;
	return v;
}

static enum mem_result pl041_read(void *dev, uint32_t off, unsigned size, uint32_t *value)
{
	struct pl041 *s = dev;
	uint32_t v = 0;
	if (off < R_END) {
		catch_up(s);
		v = read_reg(s, off & ~3u);
		update(s);
	} else if (!hw_reg_id(&pl041_block, off, &v)) {
		hw_reg_find(s->hw, &pl041_block, off, REG_R);
	}
	*value = hw_trim(v, size);
	return MEM_OK;
}

/* A command to the codec: bit 19 reads, otherwise what SL2TX holds is written. */
static void write_slot1(struct pl041 *s, uint32_t value)
{
	unsigned r = value >> 12 & 0x7f;
	*reg(s, R_SL1TX) = value;
	if (!(value & SL1_READ)) {
		codec_write(s->codec, r, (uint16_t)(*reg(s, R_SL2TX) >> 4));
		return;
	}
	*reg(s, R_SL1RX) = value & ~(uint32_t)SL1_READ;
	*reg(s, R_SL2RX) = (uint32_t)codec_read(s->codec, r) << 4;
	*reg(s, R_SLFR) |= SLFR_1RXVALID | SLFR_2RXVALID;
}

static void write_maincr(struct pl041 *s, uint32_t value)
{
	*reg(s, R_MAINCR) = value;
	if (!(value & MAINCR_IE))
		memset(s->fifo, 0, sizeof(s->fifo));
}

static void write_reg(struct pl041 *s, uint32_t off, uint32_t value)
{
	for (unsigned c = 0; c < N_CHANNELS; c++) {
		if (off == c * CH_STRIDE + CH_SR || off == c * CH_STRIDE + CH_ISR)
			return;
	}
	if (off >= R_FIFO && off < R_FIFO_END)
		push(s, (off - R_FIFO) / 0x20);
	else if (off == R_SL1TX)
		write_slot1(s, value);
	else if (off == R_MAINCR)
		write_maincr(s, value);
	else if (off == R_INTCLR)
		for (unsigned c = 0; c < N_CHANNELS; c++)
			s->fifo[c].underrun = false;
	else if (off != R_SLFR && off != R_ALLINTS)
		*reg(s, off) = value;
}

static enum mem_result pl041_write(void *dev, uint32_t off, unsigned size, uint32_t value)
{
	struct pl041 *s = dev;
	if (off >= R_END) {
		hw_reg_find(s->hw, &pl041_block, off, REG_W);
		return MEM_OK;
	}
	catch_up(s);
	write_reg(s, off & ~3u, hw_trim(value, size));
	update(s);
	return MEM_OK;
}

static void pl041_reset(void *dev)
{
	struct pl041 *s = dev;
	memset(s->word, 0, sizeof(s->word));
	memset(s->fifo, 0, sizeof(s->fifo));
	*reg(s, R_SLFR) = SLFR_1TXEMPTY | SLFR_2TXEMPTY | SLFR_12TXEMPTY;
	codec_reset(s->codec);
	update(s);
}

static void pl041_destroy(void *dev)
{
	struct pl041 *s = dev;
	vtimer_cancel(&s->timer);
	free(s);
}

static const struct mem_ops pl041_ops = {pl041_read, pl041_write, 1, 4};

/* ---- state ---- */

static const struct state_field pl041_fields[] = {
	STATE_NOT(struct pl041, hw, STATE_WIRING),
	STATE_NOT(struct pl041, irq, STATE_WIRING),
	STATE_TIMER(struct pl041, timer),
	STATE_ARRAY(struct pl041, word, 0),
	STATE_ARRAY(struct pl041, codec, 0),
	STATE_EACH(struct pl041, fifo, level, FIFO_DEPTH),
	STATE_EACH(struct pl041, fifo, half_empty, 1),
	STATE_EACH(struct pl041, fifo, underrun, 1),
	STATE_EACH(struct pl041, fifo, sent, 1),
	STATE(struct pl041, frame),
};
static const struct state_desc pl041_state = {.name = "pl041", .size = sizeof(struct pl041), .version = 1, STATE_FIELDS(pl041_fields)};

bool pl041_add(struct hw_context *hw, uint32_t base, struct irq_line irq, struct rhea_error *err)
{
	struct pl041 *s = hw_new_device(hw, "pl041", sizeof(*s), pl041_reset, pl041_destroy);
	hw_describe(hw, s, &pl041_state);
	s->hw = hw;
	s->irq = irq;
	vtimer_init(&s->timer, hw->clock, timer_fire, s);
	codec_reset(s->codec);
	return as_map_mmio(hw->as, GPA(base), PAGE_SIZE, &pl041_ops, s, "pl041", err) == RHEA_OK;
}
