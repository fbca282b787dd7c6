/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One-line instruction tests:
 *
 *     A e0812003 ; add r2, r1, r3 ; r1=5 r3=7 => r2=c
 *
 * A (ARM) or T (Thumb) and the code, placed at 0x30000; its text, for readers; inputs; what they become. All
 * numbers are hexadecimal. Inputs: rN (otherwise N times 0x01010101), psr (otherwise System mode, no flags), mADDR = a
 * word of memory, align=1 = SCTLR.A, be=1 = SCTLR.B, l4=1 = SCTLR.L4. Data memory is 0x20000 to 0x20200, byte i being
 * 0x80 + 7 i; 0x3ff00000 to 0x40000000 reads as zero; other accesses abort. Modes other than User and System
 * start with SPSR 0x600000d0, and user-bank r13 and r14 of 0x13131313 and 0x14141414 (FIQ mode also r8 to r12 of 0x18181818
 * to 0x1c1c1c1c). Outputs: every register, PSR
 * and memory word that is not named is unchanged, pc is behind the code; exc = und, swi, pab, dab, bkpt, semi.
 */
#ifndef RHEA_TEST_LINES_H
#define RHEA_TEST_LINES_H

#include "frontend-arm/cpu.h"
#include "frontend-arm/translate.h"

#define LINE_CODE 0x30000u
#define LINE_DATA 0x20000u
#define LINE_DATA_SIZE 0x200u

struct line_memory {
	struct arm_cpu *cpu;
	uint8_t data[LINE_DATA_SIZE], code[32];
};

/* How units are run: the interpreter, or the JIT. */
struct line_executor {
	struct ir_interp_result (*run)(void *ctx, struct ir_unit *u, struct arm_cpu *cpu, const struct ir_memory *mem);
	void *ctx;
	uint32_t max_insns; /* instructions a unit */
	/* told of every instruction that was translated; may be NULL */
	void (*seen)(void *ctx, bool thumb, uint32_t insn);
};

/* Runs every line of the file; returns the number of lines that failed (each reported on stderr), -1 when it cannot be
 * read. *n_lines counts them. */
int lines_run_file(const char *path, const struct line_executor *ex, unsigned *n_lines);

#endif
