/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An SD memory card as its host controller sees it: commands with their answers, and the data lines.
 * Everything takes no time: the card is never busy. An empty slot answers nothing.
 */
#ifndef RHEA_SDCARD_H
#define RHEA_SDCARD_H

#include "hw/hw.h"

struct sdcard;

/* The card in slot `medium` (which may be empty, now and later), reset with the machine. */
struct sdcard *sdcard_add(struct hw_context *hw, struct block *medium);

struct sd_answer {
	unsigned words;  /* 0: none; 1: 48 bits; 4: 136 bits */
	uint8_t index;   /* command index the answer carries; 0x3f where it carries none */
	uint32_t word[4];
};

void sdcard_command(struct sdcard *c, unsigned index, uint32_t arg, struct sd_answer *answer);

/* Up to n bytes that the card sends, or takes. How many it was: 0 when the card is not in that state. */
unsigned sdcard_send(struct sdcard *c, uint8_t *buf, unsigned n);
unsigned sdcard_take(struct sdcard *c, const uint8_t *buf, unsigned n);

/* True once when a transfer broke off: a block could not be sent, or was not accepted. */
bool sdcard_failure(struct sdcard *c);

/* Power was switched off and on. */
void sdcard_power_up(struct sdcard *c);

/* ---- registers (sdcard_regs.c); most significant byte first, as they go over the bus ---- */

enum { SD_CSD_SIZE = 16, SD_CID_SIZE = 16, SD_SCR_SIZE = 8, SD_SSR_SIZE = 64, SD_SWITCH_SIZE = 64 };

/* Cards above this are of high capacity: their addresses count blocks. */
#define SDSC_MAX (UINT64_C(2) << 30)

/* False, and *err names a size that would do, when no CSD says exactly this size. */
bool sd_size_check(uint64_t size, struct rhea_error *err);
void sd_make_csd(uint8_t csd[SD_CSD_SIZE], uint64_t size, bool read_only);
void sd_make_cid(uint8_t cid[SD_CID_SIZE]);
uint8_t sd_crc7(const uint8_t *bytes, unsigned n);

#endif
