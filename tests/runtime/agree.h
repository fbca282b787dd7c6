/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random guest programs that must do the same on every way to run (guest.h), stopped every few instructions: what differs is the seed's first
 * instruction of difference, found by halving. RHEA_SEED=n replays one program, RHEA_COUNT=n runs so many from there.
 */
#ifndef RHEA_TESTS_AGREE_H
#define RHEA_TESTS_AGREE_H

#include "tests/runtime/guest.h"

struct agree {
	void (*put)(struct guest *g, uint32_t seed, unsigned kind); /* writes the program and sets the pc */
	unsigned kind;
	uint32_t count;     /* programs, when nobody says how many */
	uint64_t steps;     /* instructions of each */
	uint64_t piece[3];  /* it is run in pieces of so many, to the end for each of the three */
	bool regions;       /* only those ways to run that make regions are compared, and each program is run in pieces of one size */
	void (*done)(const struct guest *g, const struct guest_way *way); /* NULL, or: looks at the machine when it has run */
};

/* Fails the test at the first program whose ways to run differ in a register at a stop or in what it wrote to LOG. */
void agree_check(const struct agree *a);

/* 0 to n - 1 */
uint32_t agree_below(uint32_t *rng, uint32_t n);

#endif
