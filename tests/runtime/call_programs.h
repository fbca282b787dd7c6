/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random programs of functions and callers on up to six pages (region_calls.c). A program is position-dependent code from CODE on, of which some
 * instructions, the `plain` ones, may be replaced by others at any time.
 *
 * Registers: r0, r1 values, r2 counts loops inside of functions, r3 the callers' loops, r4 and r5 what is stored to code, r6 the table, r7 = r8 (data)
 * or, from an interrupt to an abort, r9 (an address that aborts), r10 where to start again, r11 the device, r12 makes delays.
 */
#ifndef RHEA_TESTS_CALL_PROGRAMS_H
#define RHEA_TESTS_CALL_PROGRAMS_H

#include "tests/runtime/agree.h"

#define CODE 0x10000u
#define PAGES 6u
#define FUNCTIONS 10u
#define PLACES 512u
#define ALIAS 0x8000u /* with the MMU on: the code pages once more */
/* The table that r6 points to: rows of an address of code and what is stored there, then the stack and some code's address. */
#define SITES 15u
#define SP_AT (8 * SITES)

enum { TABLE = 6, PTR = 7, GOOD = 8, BAD = 9, AGAIN = 10, IO = 11 };
/* Functions and who calls them, in ARM code, with the MMU off; or with these. WILD: instructions in any order. NESTED: functions mostly call others, and
 * themselves. */
enum program_kind { THUMB = 1, WILD = 2, MMU = 4, NESTED = 8 };

struct program {
	uint16_t code[PAGES * 0x800];
	uint32_t rng, at;
	bool thumb, wild, nested, aliases; /* functions are called at ALIAS, too */
	bool rewrites;       /* its own code */
	bool small;          /* functions are, and loops call more of them, on one page after the other */
	uint32_t pages;
	uint32_t start[FUNCTIONS], n_functions;
	uint32_t place[PLACES], n_places; /* of plain instructions */
	uint32_t word[PLACES], n_words;   /* that instructions load */
	struct chunk {
		uint32_t at, n;  /* n instructions (halfwords of Thumb) from here on */
	} chunk[2 * PAGES];      /* WILD */
};

void program_make(struct program *p, uint32_t seed, unsigned kind);
/* The pc key of a function, or of any instruction. */
uint32_t program_somewhere(struct program *p);
/* The address of a plain instruction, or of a word that some instruction loads. */
uint32_t program_site(struct program *p);
/* What may stand in place of a plain instruction: another one, a return, or a branch over what comes next. */
uint32_t program_substitute(struct program *p);
/* A third of the plain instructions become others. */
void program_vary(struct program *p);

#endif
