/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PL110 colour LCD controller (ARM DDI 0161) as the Versatile boards wire it: CONTROL and IMSC have changed
 * places (ARM DUI 0225, section 4.6), and 16-bit pixels pass through a multiplexer that the system registers
 * set. Nothing is drawn until somebody asks for the picture. There are 60 frames a second whatever the
 * timing registers say; a host timer runs only while a frame's interrupt could be seen.
 */
#include <stdlib.h>
#include <string.h>

#include "hw/hw.h"

#define FRAME_NS (UINT64_C(1000000000) / 60)
#define PALETTE_WORDS 128u
#define MAX_LINE (1024u * 4u) /* bytes: 1024 pixels of a word each */

#define PL110_REGS(X)                \
	X(TIMING0, 0x00, 0x00, REG_RW)   \
	X(TIMING1, 0x04, 0x04, REG_RW)   \
	X(TIMING2, 0x08, 0x08, REG_RW)   \
	X(TIMING3, 0x0c, 0x0c, REG_RW)   \
	X(UPBASE, 0x10, 0x10, REG_RW)    \
	X(LPBASE, 0x14, 0x14, REG_RW)    \
	X(CONTROL, 0x18, 0x18, REG_RW)   \
	X(IMSC, 0x1c, 0x1c, REG_RW)      \
	X(RIS, 0x20, 0x20, REG_R)        \
	X(MIS, 0x24, 0x24, REG_R)        \
	X(ICR, 0x28, 0x28, REG_W)        \
	X(UPCURR, 0x2c, 0x2c, REG_R)     \
	X(LPCURR, 0x30, 0x30, REG_R)     \
	X(PALETTE, 0x200, 0x3fc, REG_RW)

enum pl110_reg {
#define X(name, off, last, access) R_##name,
	PL110_REGS(X)
#undef X
	N_REGS
};

static const struct reg_row pl110_rows[] = {
#define X(name, off, last, access) {access, #name},
	PL110_REGS(X)
#undef X
};
static const uint8_t pl110_index[] = {
#define X(name, off, last, access) [(off) / 4 ... (last) / 4] = R_##name + 1,
	PL110_REGS(X)
#undef X
};

static const uint8_t pl110_id[8] = {0x10, 0x11, 0x04, 0x00, 0x0d, 0xf0, 0x05, 0xb1};
static const struct reg_block pl110_block = {"pl110", REG_ROWS(pl110), pl110_id};

enum { CR_EN = 0x001, CR_BGR = 0x100, CR_BEBO = 0x200, CR_BEPO = 0x400, CR_PWR = 0x800 };
enum { INT_FRAME = 0x0c }; /* next base address taken, vertical compare: both at the start of a frame */
enum { MUX_5551 = 1, MUX_565_RED_HIGH = 3 };

struct pl110 {
	struct hw_context *hw;
	struct irq_line irq;
	struct vtimer timer;
	uint32_t timing[4], upbase, lpbase, control, imsc, ris;
	uint32_t palette[PALETTE_WORDS];
	uint64_t next_frame; /* ns; while on */
	unsigned mux;        /* bits 1:0 of the board's SYS_CLCD */
};

static bool is_on(const struct pl110 *l)
{
	return (l->control & (CR_EN | CR_PWR)) == (CR_EN | CR_PWR);
}

/* ---- frames ---- */

/* Notes frames that have begun since the last look. */
static void catch_up(struct pl110 *l)
{
	uint64_t now = vclock_now(l->hw->clock);
	if (!is_on(l) || now < l->next_frame)
		return;
	l->ris |= INT_FRAME;
	l->next_frame += ((now - l->next_frame) / FRAME_NS + 1) * FRAME_NS;
}

static void update(struct pl110 *l)
{
	if (is_on(l) && (l->imsc & ~l->ris & INT_FRAME))
		vtimer_arm(&l->timer, l->next_frame);
	else
		vtimer_cancel(&l->timer);
	irq_set(&l->irq, (l->ris & l->imsc) != 0);
}

static void timer_fire(void *opaque)
{
	struct pl110 *l = opaque;
	catch_up(l);
	update(l);
}

/* ---- registers ---- */

static uint32_t read_reg(const struct pl110 *l, enum pl110_reg reg, uint32_t off)
{
	switch (reg) {
	case R_TIMING0:
	case R_TIMING1:
	case R_TIMING2:
	case R_TIMING3: return l->timing[reg - R_TIMING0];
	case R_UPBASE:
	case R_UPCURR: return l->upbase;
	case R_LPBASE:
	case R_LPCURR: return l->lpbase;
	case R_CONTROL: return l->control;
	case R_IMSC: return l->imsc;
	case R_RIS: return l->ris;
	case R_MIS: return l->ris & l->imsc;
	case R_PALETTE: return l->palette[(off >> 2) % PALETTE_WORDS];
	case R_ICR:
	case N_REGS: break;
	}
	return 0;
}

static enum mem_result pl110_read(void *dev, uint32_t off, unsigned size, uint32_t *value)
{
	struct pl110 *l = dev;
	uint32_t v = 0;
	if (!hw_reg_id(&pl110_block, off, &v)) {
		int reg = hw_reg_find(l->hw, &pl110_block, off, REG_R);
		catch_up(l);
		if (reg >= 0)
			v = read_reg(l, (enum pl110_reg)reg, off);
		update(l);
	}
	*value = hw_trim(v, size);
	return MEM_OK;
}

static void write_control(struct pl110 *l, uint32_t value)
{
	bool was_on = is_on(l);
	l->control = value;
	if (!was_on && is_on(l))
		l->next_frame = vclock_now(l->hw->clock) + FRAME_NS;
}

static void write_reg(struct pl110 *l, enum pl110_reg reg, uint32_t off, uint32_t value)
{
	switch (reg) {
	case R_TIMING0:
	case R_TIMING1:
	case R_TIMING2:
	case R_TIMING3: l->timing[reg - R_TIMING0] = value; break;
	case R_UPBASE: l->upbase = value; break;
	case R_LPBASE: l->lpbase = value; break;
	case R_CONTROL: write_control(l, value); break;
	case R_IMSC: l->imsc = value; break;
	case R_ICR: l->ris &= ~value; break;
	case R_PALETTE: l->palette[(off >> 2) % PALETTE_WORDS] = value; break;
	case R_RIS:
	case R_MIS:
	case R_UPCURR:
	case R_LPCURR:
	case N_REGS: break;
	}
}

static enum mem_result pl110_write(void *dev, uint32_t off, unsigned size, uint32_t value)
{
	struct pl110 *l = dev;
	int reg = hw_reg_find(l->hw, &pl110_block, off, REG_W);
	catch_up(l);
	if (reg >= 0)
		write_reg(l, (enum pl110_reg)reg, off, hw_trim(value, size));
	update(l);
	return MEM_OK;
}

/* ---- the picture ---- */

/* How many bits of a 16-bit pixel the low, middle and high colours have, and on which side red is. */
struct layout {
	uint8_t low, middle, high;
	bool red_high;
};

static struct layout pixel_layout(const struct pl110 *l, unsigned mode)
{
	struct layout p = {5, 6, 5, (l->control & CR_BGR) != 0};
	if (mode == 7)
		p.low = p.middle = p.high = 4;
	else if (mode == 4 && l->mux == MUX_5551)
		p.middle = 5;
	else if (mode == 4 && l->mux == MUX_565_RED_HIGH)
		p.red_high = true;
	return p;
}

/* Widened with zeros, as QEMU does: pictures can be compared. */
static void put_colours(uint32_t v, struct layout p, uint8_t rgb[3])
{
	uint8_t low = (uint8_t)(v << (8 - p.low)), high = (uint8_t)(v >> (p.low + p.middle) << (8 - p.high));
	rgb[0] = p.red_high ? high : low;
	rgb[1] = (uint8_t)(v >> p.low << (8 - p.middle));
	rgb[2] = p.red_high ? low : high;
}

/* Pixels smaller than a byte: number i of a line. Big-endian bytes have little-endian pixels, whatever CR_BEPO says, as
 * in QEMU. */
static unsigned palette_index(const struct pl110 *l, const uint8_t *line, unsigned i, unsigned depth)
{
	unsigned per_byte = 8 / depth, n = i % per_byte;
	if ((l->control & (CR_BEPO | CR_BEBO)) == CR_BEPO)
		n = per_byte - 1 - n;
	return (uint32_t)line[i / per_byte] >> (n * depth) & ((1u << depth) - 1);
}

static void put_pixel(const struct pl110 *l, const uint8_t *line, unsigned i, unsigned mode, uint8_t rgb[3])
{
	static const struct layout entry = {5, 5, 5, false};
	struct layout p = pixel_layout(l, mode);
	if (mode < 4) {
		unsigned n = palette_index(l, line, i, 1u << mode);
		put_colours(l->palette[n / 2] >> (16 * (n & 1)), entry, rgb);
	} else if (mode == 5) {
		const uint8_t *b = line + 4 * i;
		rgb[0] = b[p.red_high ? 2 : 0];
		rgb[1] = b[1];
		rgb[2] = b[p.red_high ? 0 : 2];
	} else {
		put_colours(line[2 * i] | (uint32_t)line[2 * i + 1] << 8, p, rgb);
	}
}

/* From memory only: looking at the screen must not touch devices. False when it is not all there. */
static bool fetch_line(const struct pl110 *l, uint64_t pa, uint8_t *line, unsigned n)
{
	const struct mem_range *r = as_find(l->hw->as, GPA(pa));
	if (!r || r->kind == RANGE_MMIO || r->base.v + r->size - pa < n)
		return false;
	if (as_read(l->hw->as, GPA(pa), line, n) != MEM_OK)
		return false;
	for (unsigned i = 0; (l->control & CR_BEBO) && i < n; i += 4) {
		uint8_t w[4] = {line[i + 3], line[i + 2], line[i + 1], line[i]};
		memcpy(line + i, w, 4);
	}
	return true;
}

static unsigned line_bytes(unsigned mode, unsigned width)
{
	static const uint8_t bits_of[8] = {1, 2, 4, 8, 16, 32, 16, 16};
	return width * bits_of[mode] / 8; /* width is a multiple of 16 */
}

/* A screen that is off, and what of it lies outside memory, is black. */
static uint8_t *pl110_draw(void *dev, unsigned *width, unsigned *height)
{
	const struct pl110 *l = dev;
	uint8_t line[MAX_LINE];
	unsigned mode = l->control >> 1 & 7;
	bool on = is_on(l);
	*width = on ? ((l->timing[0] >> 2 & 0x3f) + 1) * 16 : 640;
	*height = on ? (l->timing[1] & 0x3ff) + 1 : 480;
	uint8_t *rgb = calloc((size_t)*width * *height, 3);
	unsigned stride = line_bytes(mode, *width);
	for (unsigned y = 0; rgb && on && y < *height; y++) {
		uint64_t at = (l->upbase & ~3u) + (uint64_t)y * stride;
		if (!fetch_line(l, at, line, (stride + 3) & ~3u)) /* whole words, as the controller */
			continue;
		for (unsigned x = 0; x < *width; x++)
			put_pixel(l, line, x, mode, rgb + 3 * ((size_t)y * *width + x));
	}
	return rgb;
}

/* ---- board ---- */

static void set_mux(void *opaque, unsigned n, bool level)
{
	struct pl110 *l = opaque;
	l->mux = (l->mux & ~(1u << n)) | (unsigned)level << n;
}

struct irq_line pl110_mux(struct pl110 *l, unsigned n)
{
	return (struct irq_line){set_mux, l, n & 1};
}

static void pl110_reset(void *dev)
{
	struct pl110 *l = dev;
	memset(l->timing, 0, sizeof(l->timing));
	memset(l->palette, 0, sizeof(l->palette));
	l->upbase = l->lpbase = l->control = l->imsc = l->ris = 0;
	update(l);
}

static void pl110_destroy(void *dev)
{
	struct pl110 *l = dev;
	vtimer_cancel(&l->timer);
	free(l);
}

static const struct mem_ops pl110_ops = {pl110_read, pl110_write, 1, 4};

/* ---- state ---- */

static const struct state_field pl110_fields[] = {
	STATE_NOT(struct pl110, hw, STATE_WIRING),
	STATE_NOT(struct pl110, irq, STATE_WIRING),
	STATE_TIMER(struct pl110, timer),
	STATE_ARRAY(struct pl110, timing, 0),
	STATE(struct pl110, upbase),
	STATE(struct pl110, lpbase),
	STATE(struct pl110, control),
	STATE(struct pl110, imsc),
	STATE(struct pl110, ris),
	STATE_ARRAY(struct pl110, palette, 0),
	STATE(struct pl110, next_frame),
	STATE_MAX(struct pl110, mux, 3),
};
static const struct state_desc pl110_state = {.name = "pl110", .size = sizeof(struct pl110), .version = 1, STATE_FIELDS(pl110_fields)};

struct pl110 *pl110_add(struct hw_context *hw, uint32_t base, struct irq_line irq, struct rhea_error *err)
{
	struct pl110 *l = hw_new_device(hw, "pl110", sizeof(*l), pl110_reset, pl110_destroy);
	hw_describe(hw, l, &pl110_state);
	l->hw = hw;
	l->irq = irq;
	vtimer_init(&l->timer, hw->clock, timer_fire, l);
	hw->screen.draw = pl110_draw;
	hw->screen.dev = l;
	if (as_map_mmio(hw->as, GPA(base), PAGE_SIZE, &pl110_ops, l, "pl110", err) != RHEA_OK)
		return NULL;
	return l;
}
