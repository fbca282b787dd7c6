/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Flags that a unit owes: a unit need not write N, Z, C and V at an exit whose target overwrites them before anything
 * reads them. Since a fault or an interrupt in between must still show them, one word, arm_cpu.owed, then says how they
 * follow from registers that still hold the operands. 0 = nothing is owed. Outside of units nothing ever is: whoever ran
 * one calls arm_settle_flags.
 *
 * Where nobody knows what comes next (returns) the operands are kept in arm_cpu.owed_x and owed_y: the flags are owed by value.
 *
 *   bits 2:0 enum arm_owed_kind   3 y is a constant   7:4 which of V C Z N   11:8 register x, or ARM_KEPT: owed_x
 *   31:12 register y, or a constant (arm_pack_const). Where x is owed_x: 23:12 names the exit (arm_site), 31:24 is a signed constant, or y is owed_y
 */
#ifndef RHEA_ARM_OWED_H
#define RHEA_ARM_OWED_H

#include "frontend-arm/translate.h"

#define ARM_KEPT 15u

enum arm_owed_kind {
	OWED_NONE,
	OWED_RESULT,  /* N and Z of x */
	OWED_SUB,     /* the flags of x - y */
	OWED_SUB_TO,  /* of a - y, whose result is x */
	OWED_ADD,     /* of x + y */
	OWED_ADD_TO,  /* of a + y, whose result is x */
	OWED_AND,     /* N and Z of x & y */
	OWED_SUB_OF,  /* of x - b, whose result is register y */
};

/*
 * A constant in bits 31:12: bit 12 = 0: the other 19, sign-extended; 1: 14 bits, sign-extended and then shifted left by as many as bits
 * 17:13 say, which has most that an ARM instruction can have. 0 is 0, 1 is 1 << 13. False: it does not fit.
 */
static inline bool arm_pack_const(uint32_t x, uint32_t *packed)
{
	unsigned shift = x ? (unsigned)__builtin_ctz(x) : 0;
	int32_t rest = (int32_t)x >> shift;
	*packed = (uint32_t)((int32_t)(x << 13) >> 13) == x ? x << 13 : (uint32_t)rest << 18 | shift << 13 | 1u << 12;
	return !(*packed >> 12 & 1) || (int32_t)*packed >> 18 == rest;
}

static inline uint32_t arm_unpack_const(uint32_t packed)
{
	return packed >> 12 & 1 ? (uint32_t)((int32_t)packed >> 18) << (packed >> 13 & 31) : (uint32_t)((int32_t)packed >> 13);
}

static inline enum arm_owed_kind arm_owed_kind(uint32_t owed) { return (enum arm_owed_kind)(owed & 7); }
static inline bool arm_owed_y_is_const(uint32_t owed) { return owed >> 3 & 1; }
static inline unsigned arm_owed_mask(uint32_t owed) { return owed >> 4 & 15; } /* bit f = enum arm_flag f */
/* The same in the word's lowest byte. */
static inline uint8_t arm_owed_bits(unsigned mask) { return (uint8_t)(mask << 4); }
static inline unsigned arm_owed_x(uint32_t owed) { return owed >> 8 & 15; }
/* Of what was kept, so that no register matters. */
static inline bool arm_owed_by_value(uint32_t owed) { return owed && arm_owed_x(owed) == ARM_KEPT; }
static inline uint32_t arm_owed_site(uint32_t owed) { return owed >> 12 & (ARM_SITES - 1); }
static inline uint32_t arm_site(uint32_t pc_key) { return pc_key * 0x9e3779b1u >> 20; }
/* The number of register y, or the constant. */
static inline uint32_t arm_owed_y(uint32_t owed)
{
	if (arm_owed_by_value(owed))
		return arm_owed_y_is_const(owed) ? (uint32_t)((int32_t)owed >> 24) : ARM_KEPT;
	return arm_owed_y_is_const(owed) ? arm_unpack_const(owed) : owed >> 12 & 15;
}

/* Registers that the flags follow from, as a set. */
static inline uint32_t arm_owed_regs(uint32_t owed)
{
	uint32_t y = arm_owed_kind(owed) == OWED_RESULT || arm_owed_y_is_const(owed) ? 0 : 1u << arm_owed_y(owed);
	return owed ? (y | 1u << arm_owed_x(owed)) & ~(1u << ARM_KEPT) : 0;
}

/* Writes what is owed. */
void arm_write_owed(struct arm_cpu *cpu);
static inline void arm_settle_flags(struct arm_cpu *cpu)
{
	if (cpu->owed)
		arm_write_owed(cpu);
}

#endif
