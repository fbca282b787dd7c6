/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SD memory card, version 2.00, of standard or high capacity (SD Physical Layer Simplified Specification 2.00, chapter 4).
 * SD mode only; no card lock, no write protection groups (their classes are not in the CSD). Erased
 * blocks read as zeros. What the medium refuses is a block that the card does not send (CARD_ECC_FAILED), or
 * does not accept (ERROR). A read-only medium is a card that is write-protected and has no write class.
 */
#include <stdlib.h>
#include <string.h>

#include "hw/sdcard.h"

#define BLOCK 512u
#define FIRST_RCA 0x4567u

enum sd_state { IDLE, READY, IDENT, STBY, TRAN, DATA, RCV, INACTIVE = 15 };

/* Card status (4.10.1). */
#define OUT_OF_RANGE (1u << 31)
#define BLOCK_LEN_ERROR (1u << 29)
#define ERASE_SEQ_ERROR (1u << 28)
#define ERASE_PARAM (1u << 27)
#define WP_VIOLATION (1u << 26)
#define COM_CRC_ERROR (1u << 23)
#define ILLEGAL_COMMAND (1u << 22)
#define CARD_ECC_FAILED (1u << 21)
#define CARD_ERROR (1u << 19)
#define CSD_OVERWRITE (1u << 16)
#define ERASE_RESET (1u << 13)
#define READY_FOR_DATA (1u << 8)
#define APP_CMD (1u << 5)
#define STICKY 0xfff9e008u /* cleared by an answer that shows them */

#define OCR_BUSY_DONE (1u << 31)
#define OCR_CCS (1u << 30)
#define OCR_VOLTAGES 0x00ffff00u

/* Which data are on their way. */
enum sd_transfer { BLOCKS, REGISTER_OUT, CSD_IN };

enum sd_answer_kind { NONE, R1, R2_CID, R2_CSD, R3, R6, R7 };

struct sdcard {
	struct hw_context *hw;
	struct block *medium;
	enum sd_state state;
	uint32_t status; /* without CURRENT_STATE and READY_FOR_DATA */
	uint32_t rca, ocr, echo;
	bool knows_v2;   /* CMD8 was answered: the host may ask for high capacity */
	uint32_t block_len;
	uint8_t cid[SD_CID_SIZE], csd[SD_CSD_SIZE], ssr[SD_SSR_SIZE];
	uint8_t function[6]; /* CMD6: groups 1..6 */
	uint64_t erase[2];
	unsigned erase_set;  /* bits: start, end */
	/* the transfer */
	enum sd_transfer transfer;
	bool multi;
	bool failed;         /* no more data until the next data command */
	bool told_failure;   /* sdcard_failure has said so */
	uint64_t at_byte;    /* of the medium */
	uint32_t well_written;
	uint8_t buf[BLOCK];
	unsigned pos, len;   /* pos == len: the next block is to be fetched, or begins */
};

static bool high_capacity(const struct sdcard *c)
{
	return c->medium->size > SDSC_MAX;
}

static uint64_t byte_address(const struct sdcard *c, uint32_t arg)
{
	return high_capacity(c) ? (uint64_t)arg * BLOCK : arg;
}

/* ---- data ---- */

static void begin(struct sdcard *c, enum sd_state state, enum sd_transfer what, unsigned len)
{
	c->state = state;
	c->transfer = what;
	c->multi = c->failed = c->told_failure = false;
	c->pos = 0;
	c->len = len;
}

static enum sd_answer_kind send_register(struct sdcard *c, const uint8_t *bytes, unsigned n)
{
	begin(c, DATA, REGISTER_OUT, n);
	memcpy(c->buf, bytes, n);
	return R1;
}

/* Breaks the transfer off; one of several blocks waits for CMD12 all the same. */
static void fail(struct sdcard *c, uint32_t why)
{
	c->status |= why;
	c->failed = true;
	c->told_failure = false;
	if (!c->multi)
		c->state = TRAN;
}

static bool in_card(const struct sdcard *c, uint64_t at, uint64_t n)
{
	return at <= c->medium->size && n <= c->medium->size - at;
}

static bool fetch_block(struct sdcard *c)
{
	if (!in_card(c, c->at_byte, c->block_len))
		return fail(c, OUT_OF_RANGE), false;
	if (!c->medium->read(c->medium, c->at_byte, c->buf, c->block_len))
		return fail(c, CARD_ECC_FAILED), false;
	c->at_byte += c->block_len;
	c->pos = 0;
	c->len = c->block_len;
	return true;
}

unsigned sdcard_send(struct sdcard *c, uint8_t *buf, unsigned n)
{
	if (!block_present(c->medium) || c->state != DATA || c->failed)
		return 0;
	if (c->pos == c->len && !fetch_block(c))
		return 0;
	n = MIN(n, c->len - c->pos);
	memcpy(buf, c->buf + c->pos, n);
	c->pos += n;
	if (c->pos == c->len && !c->multi)
		c->state = TRAN;
	return n;
}

/* Only the CSD's last byte of flags may change, and the CRC must fit (5.3). */
static void program_csd(struct sdcard *c)
{
	bool same = memcmp(c->csd, c->buf, 14) == 0 && ((c->csd[14] ^ c->buf[14]) & 0x03) == 0;
	if (!same || c->medium->read_only)
		return fail(c, CSD_OVERWRITE);
	if (c->buf[15] != (sd_crc7(c->buf, 15) << 1 | 1))
		return fail(c, CARD_ERROR);
	memcpy(c->csd, c->buf, SD_CSD_SIZE);
	c->state = TRAN;
}

static void store_block(struct sdcard *c)
{
	c->pos = 0;
	if (!in_card(c, c->at_byte, c->len))
		return fail(c, OUT_OF_RANGE);
	if (!c->medium->write(c->medium, c->at_byte, c->buf, c->len))
		return fail(c, CARD_ERROR);
	c->at_byte += c->len;
	c->well_written++;
	if (!c->multi)
		c->state = TRAN;
}

unsigned sdcard_take(struct sdcard *c, const uint8_t *buf, unsigned n)
{
	if (!block_present(c->medium) || c->state != RCV || c->failed)
		return 0;
	n = MIN(n, c->len - c->pos);
	memcpy(c->buf + c->pos, buf, n);
	c->pos += n;
	if (c->pos < c->len)
		return n;
	if (c->transfer == CSD_IN)
		program_csd(c);
	else
		store_block(c);
	return n;
}

bool sdcard_failure(struct sdcard *c)
{
	bool news = c->failed && !c->told_failure;
	c->told_failure = true;
	return news;
}

/* ---- commands; each says what kind of answer it gives ---- */

static void go_idle(struct sdcard *c)
{
	c->state = IDLE;
	c->status = 0;
	c->rca = 0;
	c->ocr = OCR_VOLTAGES;
	c->knows_v2 = false;
	c->block_len = BLOCK;
	c->erase_set = 0;
	c->failed = c->multi = false;
	c->pos = c->len = 0;
	c->well_written = 0;
	memset(c->ssr, 0, sizeof c->ssr);
	memset(c->function, 0, sizeof c->function);
	if (block_present(c->medium))
		sd_make_csd(c->csd, c->medium->size, c->medium->read_only);
}

static enum sd_answer_kind go_idle_state(struct sdcard *c, uint32_t arg)
{
	(void)arg;
	go_idle(c);
	return NONE;
}

static enum sd_answer_kind all_send_cid(struct sdcard *c, uint32_t arg)
{
	(void)arg;
	c->state = IDENT;
	return R2_CID;
}

static enum sd_answer_kind send_relative_addr(struct sdcard *c, uint32_t arg)
{
	(void)arg;
	c->rca = (c->rca + FIRST_RCA) & 0xffff;
	if (!c->rca)
		c->rca = FIRST_RCA;
	return R6; /* and stand-by after it */
}

static enum sd_answer_kind set_dsr(struct sdcard *c, uint32_t arg)
{
	(void)c, (void)arg;
	return NONE;
}

/* "No influence" or a function that is there; the others give 0xf. */
static uint8_t switch_result(unsigned group, unsigned wanted, uint8_t now)
{
	if (wanted == 0xf)
		return now;
	return wanted == 0 || (group == 0 && wanted == 1) ? (uint8_t)wanted : 0xf; /* group 1: high speed */
}

static enum sd_answer_kind switch_function(struct sdcard *c, uint32_t arg)
{
	uint8_t st[SD_SWITCH_SIZE] = {0, 1}, result[6]; /* 1 mA */
	bool possible = true;
	for (unsigned g = 0; g < 6; g++) {
		result[g] = switch_result(g, arg >> (4 * g) & 0xf, c->function[g]);
		possible &= result[g] != 0xf;
		st[12 - 2 * g] = 0x80;
		st[13 - 2 * g] = g == 0 ? 3 : 1;
		st[16 - g / 2] |= (uint8_t)(result[g] << (4 * (g % 2)));
	}
	if (bit(arg, 31) && possible)
		memcpy(c->function, result, sizeof result);
	return send_register(c, st, sizeof st);
}

/* Addressed: to the transfer state and back; another card's address (or 0) deselects. */
static enum sd_answer_kind select_card(struct sdcard *c, uint32_t arg)
{
	bool us = arg >> 16 == c->rca && c->rca;
	if (us == (c->state == STBY)) {
		c->state = us ? TRAN : STBY;
		return us ? R1 : NONE;
	}
	if (us)
		c->status |= ILLEGAL_COMMAND;
	return NONE;
}

static enum sd_answer_kind send_if_cond(struct sdcard *c, uint32_t arg)
{
	if ((arg >> 8 & 0xf) != 1)
		return NONE; /* not our voltage */
	c->echo = arg & 0xfff;
	c->knows_v2 = true;
	return R7;
}

static enum sd_answer_kind send_csd(struct sdcard *c, uint32_t arg)
{
	(void)c, (void)arg;
	return R2_CSD;
}

static enum sd_answer_kind send_cid(struct sdcard *c, uint32_t arg)
{
	(void)c, (void)arg;
	return R2_CID;
}

static enum sd_answer_kind stop_transmission(struct sdcard *c, uint32_t arg)
{
	(void)arg;
	c->state = TRAN; /* a block of which not all came is not written */
	c->multi = c->failed = false;
	return R1;
}

static enum sd_answer_kind send_status(struct sdcard *c, uint32_t arg)
{
	(void)c, (void)arg;
	return R1;
}

static enum sd_answer_kind go_inactive(struct sdcard *c, uint32_t arg)
{
	(void)arg;
	c->state = INACTIVE;
	return NONE;
}

static enum sd_answer_kind set_blocklen(struct sdcard *c, uint32_t arg)
{
	if (arg == 0 || arg > BLOCK)
		c->status |= BLOCK_LEN_ERROR;
	else if (!high_capacity(c))
		c->block_len = arg;
	return R1;
}

static enum sd_answer_kind move_blocks(struct sdcard *c, uint32_t arg, enum sd_state direction, bool multi)
{
	uint64_t at = byte_address(c, arg);
	if (!in_card(c, at, c->block_len)) {
		c->status |= OUT_OF_RANGE;
		return R1;
	}
	if (direction == RCV && (c->medium->read_only || (c->csd[14] & 0x30))) {
		c->status |= WP_VIOLATION;
		return R1;
	}
	begin(c, direction, BLOCKS, direction == RCV ? c->block_len : 0);
	c->at_byte = at;
	c->multi = multi;
	if (direction == RCV)
		c->well_written = 0;
	return R1;
}

static enum sd_answer_kind read_single(struct sdcard *c, uint32_t arg)
{
	return move_blocks(c, arg, DATA, false);
}

static enum sd_answer_kind read_multiple(struct sdcard *c, uint32_t arg)
{
	return move_blocks(c, arg, DATA, true);
}

static enum sd_answer_kind write_single(struct sdcard *c, uint32_t arg)
{
	return move_blocks(c, arg, RCV, false);
}

static enum sd_answer_kind write_multiple(struct sdcard *c, uint32_t arg)
{
	return move_blocks(c, arg, RCV, true);
}

static enum sd_answer_kind program_csd_command(struct sdcard *c, uint32_t arg)
{
	(void)arg;
	begin(c, RCV, CSD_IN, SD_CSD_SIZE);
	return R1;
}

static enum sd_answer_kind erase_limit(struct sdcard *c, uint32_t arg, unsigned which)
{
	uint64_t block = byte_address(c, arg) / BLOCK;
	if (!in_card(c, block * BLOCK, BLOCK)) {
		c->status |= OUT_OF_RANGE;
		return R1;
	}
	c->erase[which] = block;
	c->erase_set |= 1u << which;
	return R1;
}

static enum sd_answer_kind erase_start(struct sdcard *c, uint32_t arg)
{
	return erase_limit(c, arg, 0);
}

static enum sd_answer_kind erase_end(struct sdcard *c, uint32_t arg)
{
	return erase_limit(c, arg, 1);
}

static enum sd_answer_kind erase(struct sdcard *c, uint32_t arg)
{
	uint64_t first = c->erase[0], last = c->erase[1];
	(void)arg;
	if (c->erase_set != 3)
		c->status |= ERASE_SEQ_ERROR;
	else if (last < first)
		c->status |= ERASE_PARAM;
	else if (c->medium->read_only || (c->csd[14] & 0x30))
		c->status |= WP_VIOLATION;
	else if (!c->medium->zero(c->medium, first * BLOCK, (last - first + 1) * BLOCK))
		c->status |= CARD_ERROR;
	c->erase_set = 0;
	return R1;
}

static enum sd_answer_kind app_cmd(struct sdcard *c, uint32_t arg)
{
	(void)arg;
	c->status |= APP_CMD;
	return R1;
}

static enum sd_answer_kind set_bus_width(struct sdcard *c, uint32_t arg)
{
	c->ssr[0] = (uint8_t)((c->ssr[0] & 0x3f) | (arg & 3) << 6);
	return R1;
}

static enum sd_answer_kind sd_status(struct sdcard *c, uint32_t arg)
{
	(void)arg;
	return send_register(c, c->ssr, sizeof c->ssr);
}

static enum sd_answer_kind send_num_wr_blocks(struct sdcard *c, uint32_t arg)
{
	uint32_t n = __builtin_bswap32(c->well_written);
	(void)arg;
	return send_register(c, (const uint8_t *)&n, sizeof n);
}

/* Accepted and not needed: erase counts, the pull-up of the card detect line. */
static enum sd_answer_kind accept(struct sdcard *c, uint32_t arg)
{
	(void)c, (void)arg;
	return R1;
}

/* Voltages of 0 ask only. A host that cannot address a high-capacity card never sees it ready. */
static enum sd_answer_kind send_op_cond(struct sdcard *c, uint32_t arg)
{
	bool hcs = bit(arg, 30) && c->knows_v2;
	if (!(arg & OCR_VOLTAGES) || (high_capacity(c) && !hcs))
		return R3;
	c->ocr |= OCR_BUSY_DONE | (high_capacity(c) ? OCR_CCS : 0);
	c->state = READY;
	return R3;
}

static enum sd_answer_kind send_scr(struct sdcard *c, uint32_t arg)
{
	/* version 2.00; erased is 0; security 2.00; 1 and 4 data lines */
	static const uint8_t scr[SD_SCR_SIZE] = {0x02, 0x25};
	(void)arg;
	return send_register(c, scr, sizeof scr);
}

/* ---- the table (4.8) ---- */

#define IN(state) (1u << (state))
#define ADDRESSED 1
#define ANY_BUT_INACTIVE (IN(IDLE) | IN(READY) | IN(IDENT) | IN(STBY) | IN(TRAN) | IN(DATA) | IN(RCV))
#define SELECTABLE (IN(STBY) | IN(TRAN) | IN(DATA) | IN(RCV))

static const struct sd_row {
	uint8_t index;
	bool app, addressed;
	uint16_t states;
	enum sd_answer_kind (*run)(struct sdcard *c, uint32_t arg);
} rows[] = {
	{0, false, false, ANY_BUT_INACTIVE, go_idle_state},
	{2, false, false, IN(READY), all_send_cid},
	{3, false, false, IN(IDENT) | IN(STBY), send_relative_addr},
	{4, false, false, IN(STBY), set_dsr},
	{6, false, false, IN(TRAN), switch_function},
	{7, false, false, IN(STBY) | IN(TRAN) | IN(DATA), select_card},
	{8, false, false, IN(IDLE), send_if_cond},
	{9, false, true, IN(STBY), send_csd},
	{10, false, true, IN(STBY), send_cid},
	{12, false, false, IN(DATA) | IN(RCV), stop_transmission},
	{13, false, true, SELECTABLE, send_status},
	{15, false, true, SELECTABLE, go_inactive},
	{16, false, false, IN(TRAN), set_blocklen},
	{17, false, false, IN(TRAN), read_single},
	{18, false, false, IN(TRAN), read_multiple},
	{24, false, false, IN(TRAN), write_single},
	{25, false, false, IN(TRAN), write_multiple},
	{27, false, false, IN(TRAN), program_csd_command},
	{32, false, false, IN(TRAN), erase_start},
	{33, false, false, IN(TRAN), erase_end},
	{38, false, false, IN(TRAN), erase},
	{55, false, true, IN(IDLE) | SELECTABLE, app_cmd},
	{6, true, false, IN(TRAN), set_bus_width},
	{13, true, false, IN(TRAN), sd_status},
	{22, true, false, IN(TRAN), send_num_wr_blocks},
	{23, true, false, IN(TRAN), accept},
	{41, true, false, IN(IDLE), send_op_cond},
	{42, true, false, IN(TRAN), accept},
	{51, true, false, IN(TRAN), send_scr},
};

/* An index that is no application command stands for the ordinary one. */
static const struct sd_row *find_row(unsigned index, bool app)
{
	const struct sd_row *plain = NULL;
	for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
		if (rows[i].index != index)
			continue;
		if (rows[i].app && app)
			return &rows[i];
		if (!rows[i].app)
			plain = &rows[i];
	}
	return plain;
}

/* Answer R1 shows the state in which the command found the card, and is what clears errors. */
static uint32_t take_status(struct sdcard *c, enum sd_state found)
{
	uint32_t st = c->status | (uint32_t)found << 9 | READY_FOR_DATA;
	c->status &= ~STICKY;
	return st;
}

static void answer_long(struct sd_answer *a, const uint8_t *reg)
{
	a->words = 4;
	a->index = 0x3f;
	for (unsigned i = 0; i < 16; i++)
		a->word[i / 4] = a->word[i / 4] << 8 | reg[i];
}

static void make_answer(struct sdcard *c, enum sd_answer_kind kind, enum sd_state found, struct sd_answer *a)
{
	a->words = kind != NONE;
	switch (kind) {
	case NONE: break;
	case R1: a->word[0] = take_status(c, found); break;
	case R2_CID: answer_long(a, c->cid); break;
	case R2_CSD: answer_long(a, c->csd); break;
	case R3:
		a->word[0] = c->ocr;
		a->index = 0x3f;
		break;
	case R6: {
		uint32_t st = take_status(c, found);
		a->word[0] = c->rca << 16 | (st >> 8 & 0xc000) | (st >> 6 & 0x2000) | (st & 0x1fff);
		c->state = STBY;
		break;
	}
	case R7: a->word[0] = c->echo; break;
	}
}

/* A command that is not part of an erase sequence ends it. */
static void check_erase(struct sdcard *c, unsigned index)
{
	if (!c->erase_set || index == 13 || index == 32 || index == 33 || index == 38)
		return;
	c->erase_set = 0;
	c->status |= ERASE_RESET;
}

void sdcard_command(struct sdcard *c, unsigned index, uint32_t arg, struct sd_answer *a)
{
	*a = (struct sd_answer){.index = (uint8_t)index};
	if (!block_present(c->medium) || c->state == INACTIVE)
		return;
	const struct sd_row *row = find_row(index, (c->status & APP_CMD) != 0);
	enum sd_state found = c->state;
	if (!row || !(row->states & IN(found))) {
		hw_guest_error(c->hw, "sdcard: CMD%u %s", index, row ? "in a wrong state" : "is not known");
		c->status = (c->status | ILLEGAL_COMMAND) & ~APP_CMD;
		return;
	}
	if (row->addressed && arg >> 16 != c->rca)
		return;
	check_erase(c, index);
	enum sd_answer_kind kind = row->run(c, arg);
	make_answer(c, kind, found, a);
	if (index != 55)
		c->status &= ~APP_CMD;
}

/* ---- coming and going ---- */

void sdcard_power_up(struct sdcard *c)
{
	go_idle(c);
}

static void sdcard_reset(void *dev)
{
	go_idle(dev);
}

static bool sdcard_inserted(void *dev, struct rhea_error *err)
{
	struct sdcard *c = dev;
	if (!sd_size_check(c->medium->size, err))
		return false;
	go_idle(c);
	return true;
}

static void sdcard_destroy(void *dev)
{
	struct sdcard *c = dev;
	if (c->medium && c->medium->dev == c) {
		c->medium->inserted = NULL;
		c->medium->dev = NULL;
	}
	free(c);
}

/* ---- state ---- */

/* Positions lie in the block, erase marks in the card. An empty slot has neither. */
static bool sdcard_valid(const void *dev)
{
	const struct sdcard *c = dev;
	bool present = block_present(c->medium);
	bool erases = !c->erase_set || (present && in_card(c, c->erase[0] * BLOCK, BLOCK) && in_card(c, c->erase[1] * BLOCK, BLOCK));
	bool known = c->state <= RCV || c->state == INACTIVE;
	return known && c->pos <= c->len && (c->state != RCV || c->pos < c->len) && c->block_len &&
	       c->erase[0] < UINT64_MAX / BLOCK && c->erase[1] < UINT64_MAX / BLOCK && erases;
}

static const struct state_field sdcard_fields[] = {
	STATE_NOT(struct sdcard, hw, STATE_WIRING),
	STATE_NOT(struct sdcard, medium, STATE_WIRING),
	STATE_MAX(struct sdcard, state, INACTIVE),
	STATE(struct sdcard, status),
	STATE(struct sdcard, rca),
	STATE(struct sdcard, ocr),
	STATE(struct sdcard, echo),
	STATE_BOOL(struct sdcard, knows_v2),
	STATE_MAX(struct sdcard, block_len, BLOCK),
	STATE_NOT(struct sdcard, cid, STATE_FIXED),
	STATE_ARRAY(struct sdcard, csd, 0),
	STATE_ARRAY(struct sdcard, ssr, 0),
	STATE_ARRAY(struct sdcard, function, 15),
	STATE_ARRAY(struct sdcard, erase, 0),
	STATE_MAX(struct sdcard, erase_set, 3),
	STATE_MAX(struct sdcard, transfer, CSD_IN),
	STATE_BOOL(struct sdcard, multi),
	STATE_BOOL(struct sdcard, failed),
	STATE_BOOL(struct sdcard, told_failure),
	STATE(struct sdcard, at_byte),
	STATE(struct sdcard, well_written),
	STATE_ARRAY(struct sdcard, buf, 0),
	STATE_MAX(struct sdcard, pos, BLOCK),
	STATE_MAX(struct sdcard, len, BLOCK),
};
static const struct state_desc sdcard_state = {.name = "sdcard", .size = sizeof(struct sdcard), .version = 1, STATE_FIELDS(sdcard_fields), .valid = sdcard_valid};

struct sdcard *sdcard_add(struct hw_context *hw, struct block *medium)
{
	struct sdcard *c = hw_new_device(hw, "sdcard", sizeof(*c), sdcard_reset, sdcard_destroy);
	hw_describe(hw, c, &sdcard_state);
	c->hw = hw;
	c->medium = medium;
	sd_make_cid(c->cid);
	if (medium) {
		medium->inserted = sdcard_inserted;
		medium->dev = c;
	}
	go_idle(c);
	return c;
}
