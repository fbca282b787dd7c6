/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A fact (decision 019): how one flag follows from registers, in a word. Equal facts are equal words, 0 = nothing is known.
 *
 *   bits 3:0 enum kind   4 y is a constant   5 x is the result, y what went into it beside   11:8 register x, or ARM_SLOT
 *   31:12 register y, or a constant (owed.h)
 */
#ifndef RHEA_ARM_FACT_H
#define RHEA_ARM_FACT_H

#include "frontend-arm/lower.h"
#include "frontend-arm/owed.h"

enum kind {
	KIND_NONE,
	KIND_CONST, /* y */
	KIND_REG,   /* N, Z of x */
	KIND_SUB_OF, /* C, V of x - b, whose result is y */
	KIND_SUB, KIND_ADD, KIND_AND, KIND_XOR, KIND_OR, KIND_ANDN, KIND_SHL, KIND_SHR, KIND_SAR,
	KINDS
};

/* The ops that make the result, carry and overflow of a kind; IR_nop = it has none. */
struct arm_kind_ops {
	uint8_t result, carry, overflow;
};
extern const struct arm_kind_ops arm_kind_ops[KINDS];

#define Y_IS_CONST 16u
#define BACK 32u
#define NO_REG 16u
#define CONST_FACT(bit) (KIND_CONST | Y_IS_CONST | (uint32_t)(bit) << 13)

static inline enum kind kind_of(uint32_t fact) { return (enum kind)(fact & 15); }
static inline uint32_t x_of(uint32_t fact) { return fact >> 8 & 15; }
static inline uint32_t y_of(uint32_t fact) { return fact & Y_IS_CONST ? arm_unpack_const(fact) : fact >> 12 & 15; }
static inline bool has_x(uint32_t fact) { return kind_of(fact) >= KIND_REG; }
static inline bool has_y_reg(uint32_t fact) { return kind_of(fact) > KIND_REG && !(fact & Y_IS_CONST); }

/* How the value of a flag follows from registers as they are, or the slot. */
uint32_t arm_describe_flag(const struct arm_lower *l, enum arm_flag f);
/* What is in a register, or the slot; IR_NONE: nobody asked. */
static inline ir_ref fact_place(const struct arm_lower *l, uint32_t n) { return n == ARM_SLOT ? l->kept : l->reg[n]; }
static inline bool fact_in_slot(uint32_t fact)
{
	return (has_x(fact) && x_of(fact) == ARM_SLOT) || (has_y_reg(fact) && y_of(fact) == ARM_SLOT);
}
/* Is it the same constant? */
static inline bool is_same_const(const struct arm_lower *l, ir_ref v, ir_ref w)
{
	const struct ir_insn *x = &l->u->insns[v], *y = &l->u->insns[w];
	return x->op == IR_const && y->op == IR_const && x->imm == y->imm;
}

#endif
