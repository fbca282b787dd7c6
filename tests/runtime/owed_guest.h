/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The guest around random programs that test flags: timer interrupts come, accesses abort, and the handlers of both log SPSR, that of aborts
 * also what r0 to r5 are.
 *
 * Registers: r0 to r5 values, r6 data, r7 = r8 (data) or, from an interrupt to the next abort, r9 (an address that aborts),
 * r11 the device, r12 makes delays.
 */
#ifndef RHEA_TESTS_OWED_GUEST_H
#define RHEA_TESTS_OWED_GUEST_H

#include "tests/runtime/guest.h"

#define OWED_CODE 0x10000u
#define OWED_DATA 0x20000u
enum { DAT = 6, PTR = 7, GOOD = 8, BAD = 9, IO = 11 };

void owed_put_handlers(struct guest *g);
/* Part of a handler: logs a word that r0 to r5 make, by way of its sp. */
void owed_log_registers(struct guest *g);
/* Code that sets the registers at random and starts the timer; g->at is behind it. */
void owed_put_registers(struct guest *g, uint32_t *rng, uint32_t seed);
/* The same, and a jump to the program at OWED_CODE, with interrupts. */
void owed_put_start(struct guest *g, uint32_t *rng, uint32_t seed, bool thumb);

#endif
