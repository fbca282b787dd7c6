/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PL181 MultiMedia Card Interface (ARM DDI 0205) with its SD card. Commands and transfers take no time: data move
 * whenever FIFO and card allow it, so the FIFO neither over- nor underruns. As QEMU: the enable bits
 * of commands and transfers clear themselves when they are done, FIFOCNT counts words that have not passed the
 * FIFO's card side, interrupt and pending modes, and DMA, are not there. The data timer runs while a transfer
 * waits for a card that has nothing to say; 0 stops it.
 */
#include <stdlib.h>

#include "hw/sdcard.h"

#define FIFO_WORDS 16u
#define MCLK_PERIOD_PS 41667u /* 24 MHz */

#define PL181_REGS(X)              \
	X(POWER, 0x00, 0x00, REG_RW)   \
	X(CLOCK, 0x04, 0x04, REG_RW)   \
	X(ARGUMENT, 0x08, 0x08, REG_RW) \
	X(COMMAND, 0x0c, 0x0c, REG_RW) \
	X(RESPCMD, 0x10, 0x10, REG_R)  \
	X(RESPONSE0, 0x14, 0x14, REG_R) \
	X(RESPONSE1, 0x18, 0x18, REG_R) \
	X(RESPONSE2, 0x1c, 0x1c, REG_R) \
	X(RESPONSE3, 0x20, 0x20, REG_R) \
	X(DATATIMER, 0x24, 0x24, REG_RW) \
	X(DATALENGTH, 0x28, 0x28, REG_RW) \
	X(DATACTRL, 0x2c, 0x2c, REG_RW) \
	X(DATACNT, 0x30, 0x30, REG_R)  \
	X(STATUS, 0x34, 0x34, REG_R)   \
	X(CLEAR, 0x38, 0x38, REG_W)    \
	X(MASK0, 0x3c, 0x3c, REG_RW)   \
	X(MASK1, 0x40, 0x40, REG_RW)   \
	X(FIFOCNT, 0x48, 0x48, REG_R)  \
	X(FIFO, 0x80, 0xbc, REG_RW)

enum pl181_reg {
#define X(name, off, last, access) R_##name,
	PL181_REGS(X)
#undef X
	N_REGS
};

static const struct reg_row pl181_rows[] = {
#define X(name, off, last, access) {access, #name},
	PL181_REGS(X)
#undef X
};
static const uint8_t pl181_index[] = {
#define X(name, off, last, access) [(off) / 4 ... (last) / 4] = R_##name + 1,
	PL181_REGS(X)
#undef X
};

static const uint8_t pl181_id[8] = {0x81, 0x11, 0x04, 0x00, 0x0d, 0xf0, 0x05, 0xb1};
static const struct reg_block pl181_block = {"pl181", REG_ROWS(pl181), pl181_id};

enum { CLOCK_DIVISOR = 0xff, CLOCK_BYPASS = 1 << 10 };
enum { CMD_INDEX = 0x3f, CMD_RESPONSE = 1 << 6, CMD_LONG = 1 << 7, CMD_INTERRUPT = 1 << 8, CMD_PENDING = 1 << 9, CMD_ENABLE = 1 << 10, CMD_BITS = 0x7ff };
enum { DATA_ENABLE = 1, DATA_READ = 2, DATA_STREAM = 4, DATA_DMA = 8 };

enum {
	ST_CMDCRCFAIL = 1 << 0,
	ST_DATACRCFAIL = 1 << 1,
	ST_CMDTIMEOUT = 1 << 2,
	ST_DATATIMEOUT = 1 << 3,
	ST_CMDRESPEND = 1 << 6,
	ST_CMDSENT = 1 << 7,
	ST_DATAEND = 1 << 8,
	ST_DATABLOCKEND = 1 << 10,
	ST_LATCHED = 0x7ff,
	ST_TXACTIVE = 1 << 12,
	ST_RXACTIVE = 1 << 13,
	ST_TXFIFOHALFEMPTY = 1 << 14,
	ST_RXFIFOHALFFULL = 1 << 15,
	ST_TXFIFOFULL = 1 << 16,
	ST_RXFIFOFULL = 1 << 17,
	ST_TXFIFOEMPTY = 1 << 18,
	ST_RXFIFOEMPTY = 1 << 19,
	ST_TXDATAAVLBL = 1 << 20,
	ST_RXDATAAVLBL = 1 << 21,
};

struct pl181 {
	struct hw_context *hw;
	struct sdcard *card;
	struct irq_line irq[2];
	struct vtimer timer;
	uint32_t power, clock, argument, command, respcmd, response[4];
	uint32_t datatimer, datalength, datactrl, datacnt, status, mask[2];
	uint32_t fifo[FIFO_WORDS];
	unsigned head, count;
	uint32_t part;    /* the word between FIFO and card: bytes not yet in the FIFO, or not yet with the card */
	unsigned part_len;
};

/* ---- status ---- */

static bool receiving(const struct pl181 *m)
{
	return (m->datactrl & (DATA_ENABLE | DATA_READ)) == (DATA_ENABLE | DATA_READ);
}

static bool sending(const struct pl181 *m)
{
	return (m->datactrl & (DATA_ENABLE | DATA_READ)) == DATA_ENABLE;
}

/* The FIFO's flags are those of the direction that is active; none otherwise. */
static uint32_t status(const struct pl181 *m)
{
	uint32_t st = m->status;
	bool full = m->count == FIFO_WORDS;
	if (receiving(m))
		st |= ST_RXACTIVE | (m->count ? ST_RXDATAAVLBL : ST_RXFIFOEMPTY) | (full ? ST_RXFIFOFULL : 0) |
		      (m->count >= FIFO_WORDS / 2 ? ST_RXFIFOHALFFULL : 0);
	if (sending(m))
		st |= ST_TXACTIVE | (m->count ? ST_TXDATAAVLBL : ST_TXFIFOEMPTY) | (full ? ST_TXFIFOFULL : 0) |
		      (m->count <= FIFO_WORDS / 2 ? ST_TXFIFOHALFEMPTY : 0);
	return st;
}

static void update_irq(const struct pl181 *m)
{
	uint32_t st = status(m);
	irq_set(&m->irq[0], (st & m->mask[0]) != 0);
	irq_set(&m->irq[1], (st & m->mask[1]) != 0);
}

/* ---- FIFO ---- */

static void fifo_push(struct pl181 *m, uint32_t word)
{
	m->fifo[(m->head + m->count++) % FIFO_WORDS] = word;
}

static uint32_t fifo_pop(struct pl181 *m)
{
	uint32_t word = m->fifo[m->head];
	m->head = (m->head + 1) % FIFO_WORDS;
	m->count--;
	return word;
}

static void fifo_clear(struct pl181 *m)
{
	m->head = m->count = m->part_len = 0;
	m->part = 0;
}

/* ---- the data path ---- */

static void stop_data(struct pl181 *m, uint32_t why)
{
	m->status |= why;
	m->datactrl &= ~(uint32_t)DATA_ENABLE;
	vtimer_cancel(&m->timer);
}

/* Counts n bytes that passed between card and part. */
static void count_bytes(struct pl181 *m, unsigned n)
{
	uint32_t block = UINT32_C(1) << (m->datactrl >> 4 & 0xf), done;
	m->datacnt -= n;
	done = m->datalength - m->datacnt;
	if (m->datacnt == 0)
		m->status |= ST_DATAEND | ST_DATABLOCKEND;
	else if (!(m->datactrl & DATA_STREAM) && done % block < n && done >= block)
		m->status |= ST_DATABLOCKEND;
}

/* One word from the card; false: it has nothing. */
static bool receive_word(struct pl181 *m)
{
	uint8_t bytes[4];
	unsigned got = sdcard_send(m->card, bytes, MIN(4 - m->part_len, m->datacnt));
	if (!got)
		return false;
	for (unsigned i = 0; i < got; i++)
		m->part |= (uint32_t)bytes[i] << (8 * m->part_len++);
	count_bytes(m, got);
	if (m->part_len == 4 || m->datacnt == 0) {
		fifo_push(m, m->part);
		m->part = m->part_len = 0;
	}
	return true;
}

/* One word to the card; false: it does not listen. */
static bool send_word(struct pl181 *m)
{
	uint8_t bytes[4];
	if (m->part_len == 0) {
		m->part = fifo_pop(m);
		m->part_len = 4;
	}
	unsigned n = MIN(m->part_len, m->datacnt);
	for (unsigned i = 0; i < n; i++)
		bytes[i] = (uint8_t)(m->part >> (8 * i));
	unsigned taken = sdcard_take(m->card, bytes, n);
	m->part = taken == 4 ? 0 : m->part >> (8 * taken);
	m->part_len -= taken;
	if (taken)
		count_bytes(m, taken);
	return taken != 0;
}

/* The card is silent: it has until the data timer runs out. */
static void wait_for_card(struct pl181 *m)
{
	uint64_t period = m->clock & CLOCK_BYPASS ? MCLK_PERIOD_PS : MCLK_PERIOD_PS * 2u * ((m->clock & CLOCK_DIVISOR) + 1u);
	if (m->datatimer && !m->timer.armed)
		vtimer_arm(&m->timer, vclock_now(m->hw->clock) + (uint64_t)m->datatimer * period / 1000);
}

/* Moves what can be moved. */
static void run_data(struct pl181 *m)
{
	bool silent = false;
	while (receiving(m) && m->datacnt && m->count < FIFO_WORDS && !silent)
		silent = !receive_word(m);
	while (sending(m) && m->datacnt && (m->count || m->part_len) && !silent)
		silent = !send_word(m);
	if (!silent)
		vtimer_cancel(&m->timer);
	if (sdcard_failure(m->card) && (m->datactrl & DATA_ENABLE))
		stop_data(m, receiving(m) ? ST_DATATIMEOUT : ST_DATACRCFAIL);
	else if (silent)
		wait_for_card(m);
	else if ((m->datactrl & DATA_ENABLE) && m->datacnt == 0 && (sending(m) || m->count == 0))
		stop_data(m, 0);
}

static void data_timeout(void *opaque)
{
	struct pl181 *m = opaque;
	stop_data(m, ST_DATATIMEOUT);
	update_irq(m);
}

static void write_datactrl(struct pl181 *m, uint32_t value)
{
	vtimer_cancel(&m->timer);
	m->datactrl = value & 0xff;
	fifo_clear(m);
	if (!(value & DATA_ENABLE))
		return;
	if ((value & DATA_DMA) && log_on(m->hw->log, LOG_unimp))
		log_printf(m->hw->log, "pl181: DMA not implemented\n");
	m->datacnt = m->datalength;
	if (m->datacnt == 0)
		m->status |= ST_DATAEND | ST_DATABLOCKEND;
	(void)sdcard_failure(m->card); /* of an earlier transfer */
	run_data(m);
}

static uint32_t read_fifo(struct pl181 *m)
{
	if (!receiving(m) || m->count == 0) {
		hw_guest_error(m->hw, "pl181: Unexpected FIFO read");
		return 0;
	}
	uint32_t word = fifo_pop(m);
	run_data(m);
	return word;
}

static void write_fifo(struct pl181 *m, uint32_t value)
{
	if (!sending(m) || m->count == FIFO_WORDS) {
		hw_guest_error(m->hw, "pl181: Unexpected FIFO write");
		return;
	}
	fifo_push(m, value);
	run_data(m);
}

/* ---- commands ---- */

static uint32_t take_answer(struct pl181 *m, const struct sd_answer *a)
{
	bool wants_long = (m->command & CMD_LONG) != 0;
	if (!a->words)
		return ST_CMDTIMEOUT;
	if (wants_long != (a->words == 4))
		return ST_CMDCRCFAIL;
	m->respcmd = a->index;
	for (unsigned i = 0; i < 4; i++)
		m->response[i] = i < a->words ? a->word[i] : 0;
	m->response[3] &= ~1u;
	return ST_CMDRESPEND;
}

static void write_command(struct pl181 *m, uint32_t value)
{
	struct sd_answer answer;
	m->command = value & CMD_BITS;
	if (!(value & CMD_ENABLE))
		return;
	if ((value & (CMD_INTERRUPT | CMD_PENDING)) && log_on(m->hw->log, LOG_unimp))
		log_printf(m->hw->log, "pl181: interrupt and pending modes not implemented\n");
	sdcard_command(m->card, value & CMD_INDEX, m->argument, &answer);
	m->status |= value & CMD_RESPONSE ? take_answer(m, &answer) : ST_CMDSENT;
	m->command &= ~(uint32_t)CMD_ENABLE;
	run_data(m);
}

/* ---- registers ---- */

static uint32_t read_reg(struct pl181 *m, enum pl181_reg reg)
{
	switch (reg) {
	case R_POWER: return m->power;
	case R_CLOCK: return m->clock;
	case R_ARGUMENT: return m->argument;
	case R_COMMAND: return m->command;
	case R_RESPCMD: return m->respcmd;
	case R_RESPONSE0: return m->response[0];
	case R_RESPONSE1: return m->response[1];
	case R_RESPONSE2: return m->response[2];
	case R_RESPONSE3: return m->response[3];
	case R_DATATIMER: return m->datatimer;
	case R_DATALENGTH: return m->datalength;
	case R_DATACTRL: return m->datactrl;
	case R_DATACNT: return m->datacnt;
	case R_STATUS: return status(m);
	case R_MASK0: return m->mask[0];
	case R_MASK1: return m->mask[1];
	case R_FIFOCNT: return (m->datacnt + 3) / 4;
	case R_FIFO: return read_fifo(m);
	case R_CLEAR:
	case N_REGS: break;
	}
	return 0;
}

/* Switching the power off resets the card. */
static void write_power(struct pl181 *m, uint32_t value)
{
	bool was_on = (m->power & 3) != 0;
	m->power = value & 0xff;
	if (was_on && !(value & 3))
		sdcard_power_up(m->card);
}

static void write_reg(struct pl181 *m, enum pl181_reg reg, uint32_t value)
{
	switch (reg) {
	case R_POWER: write_power(m, value); break;
	case R_CLOCK: m->clock = value & 0xfff; break;
	case R_ARGUMENT: m->argument = value; break;
	case R_COMMAND: write_command(m, value); break;
	case R_DATATIMER: m->datatimer = value; break;
	case R_DATALENGTH: m->datalength = value & 0xffff; break;
	case R_DATACTRL: write_datactrl(m, value); break;
	case R_CLEAR: m->status &= ~(value & ST_LATCHED); break;
	case R_MASK0: m->mask[0] = value; break;
	case R_MASK1: m->mask[1] = value; break;
	case R_FIFO: write_fifo(m, value); break;
	case R_RESPCMD:
	case R_RESPONSE0:
	case R_RESPONSE1:
	case R_RESPONSE2:
	case R_RESPONSE3:
	case R_DATACNT:
	case R_STATUS:
	case R_FIFOCNT:
	case N_REGS: break;
	}
}

/* The row of a word-aligned `off`; -1 after a complaint. */
static int find(struct pl181 *m, uint32_t off, enum reg_access access)
{
	if ((off & 3) == 0)
		return hw_reg_find(m->hw, &pl181_block, off, access);
	hw_guest_error(m->hw, "pl181_%s: Bad offset 0x%x", access == REG_R ? "read" : "write", off);
	return -1;
}

static enum mem_result pl181_read(void *dev, uint32_t off, unsigned size, uint32_t *value)
{
	struct pl181 *m = dev;
	uint32_t v = 0;
	if (!hw_reg_id(&pl181_block, off, &v)) {
		int reg = find(m, off, REG_R);
		if (reg >= 0)
			v = read_reg(m, (enum pl181_reg)reg);
		if (reg == R_FIFO)
			update_irq(m);
	}
	*value = hw_trim(v, size);
	return MEM_OK;
}

static enum mem_result pl181_write(void *dev, uint32_t off, unsigned size, uint32_t value)
{
	struct pl181 *m = dev;
	int reg = find(m, off, REG_W);
	if (reg >= 0)
		write_reg(m, (enum pl181_reg)reg, hw_trim(value, size));
	update_irq(m);
	return MEM_OK;
}

static void pl181_reset(void *dev)
{
	struct pl181 *m = dev;
	m->power = m->clock = m->argument = m->command = m->respcmd = 0;
	for (unsigned i = 0; i < 4; i++)
		m->response[i] = 0;
	m->datatimer = m->datalength = m->datactrl = m->datacnt = m->status = m->mask[0] = m->mask[1] = 0;
	fifo_clear(m);
	vtimer_cancel(&m->timer);
	update_irq(m);
}

static void pl181_destroy(void *dev)
{
	struct pl181 *m = dev;
	vtimer_cancel(&m->timer);
	free(m);
}

static const struct mem_ops pl181_ops = {pl181_read, pl181_write, 1, 4};

/* ---- state ---- */

static const struct state_field pl181_fields[] = {
	STATE_NOT(struct pl181, hw, STATE_WIRING),
	STATE_NOT(struct pl181, card, STATE_WIRING),
	STATE_NOT(struct pl181, irq, STATE_WIRING),
	STATE_TIMER(struct pl181, timer),
	STATE(struct pl181, power),
	STATE(struct pl181, clock),
	STATE(struct pl181, argument),
	STATE(struct pl181, command),
	STATE(struct pl181, respcmd),
	STATE_ARRAY(struct pl181, response, 0),
	STATE(struct pl181, datatimer),
	STATE(struct pl181, datalength),
	STATE(struct pl181, datactrl),
	STATE(struct pl181, datacnt),
	STATE(struct pl181, status),
	STATE_ARRAY(struct pl181, mask, 0),
	STATE_ARRAY(struct pl181, fifo, 0),
	STATE_MAX(struct pl181, head, FIFO_WORDS - 1),
	STATE_MAX(struct pl181, count, FIFO_WORDS),
	STATE(struct pl181, part),
	STATE_MAX(struct pl181, part_len, 4),
};
static const struct state_desc pl181_state = {.name = "pl181", .size = sizeof(struct pl181), .version = 1, STATE_FIELDS(pl181_fields)};

bool pl181_add(struct hw_context *hw, uint32_t base, struct block *medium, struct irq_line irq0, struct irq_line irq1,
	       struct rhea_error *err)
{
	struct sdcard *card = sdcard_add(hw, medium);
	struct pl181 *m = hw_new_device(hw, "pl181", sizeof(*m), pl181_reset, pl181_destroy);
	hw_describe(hw, m, &pl181_state);
	m->hw = hw;
	m->card = card;
	m->irq[0] = irq0;
	m->irq[1] = irq1;
	vtimer_init(&m->timer, hw->clock, data_timeout, m);
	return as_map_mmio(hw->as, GPA(base), PAGE_SIZE, &pl181_ops, m, "pl181", err) == RHEA_OK;
}
