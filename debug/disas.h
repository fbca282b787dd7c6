/* SPDX-License-Identifier: Apache-2.0 */
/* Guest (Capstone) and host (Zydis) code as text, in the columns that readers of QEMU's logs know. */
#ifndef RHEA_DISAS_H
#define RHEA_DISAS_H

#include "base/base.h"

/* The longest line that the functions below make, with its NUL. */
#define DISAS_LINE 256

/* Each library is loaded with the first instruction that it is to print; what a library would say is missing without it. */
struct disas;

struct disas *disas_new(void); /* NULL when the host is out of memory */
void disas_free(struct disas *d);

/*
 * One guest instruction: "0x00010000:  e3a00001  mov      r0, #1" without a newline. Returns how
 * many bytes it has (<= n; n >= 1).
 */
unsigned disas_arm(struct disas *d, bool thumb, uint32_t pc, const uint8_t *code, uint32_t n, char line[DISAS_LINE]);

/* Where host code stands. With `relative`, addresses count from the block's start and what depends on the
 * host's addresses is masked ("..", "<host>"): the text is the same in every run. */
struct disas_x64_block {
	const uint8_t *bytes; /* of the whole block */
	uint32_t size;
	uint64_t address;     /* where bytes[0] runs */
	bool relative;
};

/* One host instruction at offset `at`, possibly as two lines (more than eight bytes), each with its newline. Returns
 * its length. */
unsigned disas_x64(struct disas *d, const struct disas_x64_block *b, uint32_t at, char text[2 * DISAS_LINE]);

/* Length of the host instruction at `bytes`, of which `n` (>= 1) can be read; 1 when it is none, 0 without a library. */
unsigned disas_x64_length(struct disas *d, const uint8_t *bytes, uint32_t n);

#endif
