/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A hostile guest: any bytes become register accesses of a program that runs on a whole versatilepb, DMA programs, half-sensible
 * use of card, flash, network and display, and what comes from outside meanwhile (frames, keys, failing media, resets). Used
 * with random bytes by hostile.c and with chosen ones by fuzz_board.c. Nothing is expected but that the machine
 * survives, in bounded time.
 */
#ifndef RHEA_TEST_HOSTILE_H
#define RHEA_TEST_HOSTILE_H

#include "api/machine.h"
#include "tests/hw/medium.h"

#define HOSTILE_TABLE 256u /* accesses the guest makes between two looks from outside */

struct hostile {
	struct rhea *m;
	struct medium card[MACHINE_SD_SLOTS], flash;
	int wire; /* our end of the network cable */
	uint32_t table[HOSTILE_TABLE + 1][3];
	unsigned n;
	const uint8_t *bytes;
	size_t left;
};

/* What kinds of machine there are: bit 0 high-capacity card, 1 write-protected media, 2 interpreter, 3 user network. */
enum { HOSTILE_KINDS = 16 };

void hostile_open(struct hostile *h, unsigned kind);
void hostile_run(struct hostile *h, const uint8_t *bytes, size_t n);
void hostile_close(struct hostile *h);

#endif
