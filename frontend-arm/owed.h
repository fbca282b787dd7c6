/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Flags that a unit owes: a unit need not write N, Z, C and V at an exit whose target overwrites them before anything
 * reads them. Since a fault or an interrupt in between must still show them, one word, arm_cpu.owed, then says how they
 * follow from registers that still hold the operands. 0 = nothing is owed. Outside of units nothing ever is: whoever ran
 * one calls arm_settle_flags.
 *
 *   bits 2:0 enum arm_owed_kind   3 y is a constant   7:4 which of V C Z N   11:8 register x
 *   31:12 register y, or a short constant
 *
 * Short constants have 20 bits. Bit 19 clear: 19 bits, sign-extended; set: as instructions have them, bits 7:0 rotated right by twice bits 11:8,
 * and inverted where bit 12 is set. Each value has one code.
 */
#ifndef RHEA_ARM_OWED_H
#define RHEA_ARM_OWED_H

#include "frontend-arm/cpu.h"

enum arm_owed_kind {
	OWED_NONE,
	OWED_RESULT,  /* N and Z of x */
	OWED_SUB,     /* the flags of x - y */
	OWED_SUB_TO,  /* of a - y, whose result is x */
	OWED_ADD,     /* of x + y */
	OWED_ADD_TO,  /* of a + y, whose result is x */
	OWED_AND,     /* N and Z of x & y */
};

static inline enum arm_owed_kind arm_owed_kind(uint32_t owed) { return (enum arm_owed_kind)(owed & 7); }
static inline bool arm_owed_y_is_const(uint32_t owed) { return owed >> 3 & 1; }
static inline unsigned arm_owed_mask(uint32_t owed) { return owed >> 4 & 15; } /* bit f = enum arm_flag f */
static inline unsigned arm_owed_x(uint32_t owed) { return owed >> 8 & 15; }

static inline uint32_t arm_short_value(uint32_t code)
{
	uint32_t x = ror32(code & 0xff, code >> 7 & 30);
	return code >> 19 & 1 ? code >> 12 & 1 ? ~x : x : (uint32_t)((int32_t)(code << 13) >> 13);
}

/* The code of x, or UINT32_MAX. */
uint32_t arm_short_code(uint32_t x);

static inline uint32_t arm_owed_y(uint32_t owed) { return arm_owed_y_is_const(owed) ? arm_short_value(owed >> 12) : owed >> 12; }

/* Registers that the flags follow from, as a set. */
static inline uint32_t arm_owed_regs(uint32_t owed)
{
	uint32_t y = arm_owed_kind(owed) == OWED_RESULT || arm_owed_y_is_const(owed) ? 0 : 1u << arm_owed_y(owed);
	return owed ? y | 1u << arm_owed_x(owed) : 0;
}

/* Writes what is owed. */
void arm_write_owed(struct arm_cpu *cpu);
static inline void arm_settle_flags(struct arm_cpu *cpu)
{
	if (cpu->owed)
		arm_write_owed(cpu);
}

#endif
