/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the pure opcodes mean: the one place that says so, for constant folding (eval.c) and the interpreter. Inline, so
 * that whoever knows the opcode has no second switch. Private to this room.
 */
#ifndef RHEA_IR_EVAL_H
#define RHEA_IR_EVAL_H

#include <assert.h>

#include "ir/ir.h"

/* Operand and result width of one evaluation. */
struct ir_width {
	unsigned bits;
	uint64_t mask;
};

static inline int64_t ir_eval_sign_extended(uint64_t x, unsigned bits)
{
	return (int64_t)(x << (64 - bits)) >> (64 - bits);
}

static inline uint64_t ir_eval_carry_out(struct ir_width w, uint64_t a, uint64_t b, uint64_t cin)
{
	uint64_t sum;
	bool carry = __builtin_add_overflow(a, b, &sum);
	carry |= __builtin_add_overflow(sum, cin, &sum);
	return w.bits == 64 ? carry : (sum >> w.bits) & 1u;
}

static inline uint64_t ir_eval_overflow_out(struct ir_width w, uint64_t a, uint64_t b, uint64_t cin)
{
	uint64_t sum = a + b + cin;
	return (((a ^ sum) & (b ^ sum)) >> (w.bits - 1)) & 1u;
}

static inline uint64_t ir_eval_rotated(struct ir_width w, uint64_t a, unsigned n)
{
	return n ? a >> n | a << (w.bits - n) : a;
}

static inline uint64_t ir_eval_leading_zeros(struct ir_width w, uint64_t a)
{
	return a ? (uint64_t)__builtin_clzll(a) - (64 - w.bits) : w.bits;
}

static inline uint64_t ir_eval_byte_swapped(struct ir_width w, uint64_t a)
{
	return __builtin_bswap64(a) >> (64 - w.bits);
}

static inline uint64_t ir_eval_compared(struct ir_width w, enum ir_cc cc, uint64_t a, uint64_t b)
{
	int64_t sa = ir_eval_sign_extended(a, w.bits), sb = ir_eval_sign_extended(b, w.bits);
	switch (cc) {
	case IR_EQ: return a == b;
	case IR_NE: return a != b;
	case IR_LTU: return a < b;
	case IR_GEU: return a >= b;
	case IR_LEU: return a <= b;
	case IR_GTU: return a > b;
	case IR_LTS: return sa < sb;
	case IR_GES: return sa >= sb;
	case IR_LES: return sa <= sb;
	case IR_GTS: return sa > sb;
	}
	assert(false && "condition");
	return 0;
}

/* Of 33 bits with the carry-in at the end that leaves first, the one that leaves last. */
static inline uint64_t ir_eval_shifted_out(enum ir_op op, uint64_t a, unsigned n, bool c)
{
	n = MIN(n & 0xff, 63u);
	if (op == IR_shl_c)
		return ((uint64_t)c << 32 | a) << n >> 32 & 1u;
	uint64_t x = op == IR_sar_c ? (uint64_t)(int32_t)a << 1 : a << 1;
	return (uint64_t)((int64_t)(x | c) >> n) & 1u;
}

/* Operands are masked to their widths; the result may have bits above its own. */
static inline __attribute__((always_inline)) uint64_t ir_eval_raw(enum ir_op op, struct ir_width w, uint16_t aux, uint64_t a, uint64_t b, uint64_t c)
{
	unsigned shift = (unsigned)b & (w.bits - 1);
	switch (op) {
	case IR_copy: return a;
	case IR_add: return a + b;
	case IR_sub: return a - b;
	case IR_mul: return a * b;
	case IR_mulh_u: return a * b >> 32;
	case IR_mulh_s: return (uint64_t)((int64_t)(int32_t)a * (int32_t)b) >> 32;
	case IR_and: return a & b;
	case IR_or: return a | b;
	case IR_xor: return a ^ b;
	case IR_andn: return a & ~b;
	case IR_shl: return a << shift;
	case IR_shr: return a >> shift;
	case IR_sar: return (uint64_t)(ir_eval_sign_extended(a, w.bits) >> shift);
	case IR_ror: return ir_eval_rotated(w, a, shift);
	case IR_not: return ~a;
	case IR_neg: return 0 - a;
	case IR_clz: return ir_eval_leading_zeros(w, a);
	case IR_bswap: return ir_eval_byte_swapped(w, a);
	case IR_sext8: return (uint64_t)(int8_t)a;
	case IR_sext16: return (uint64_t)(int16_t)a;
	case IR_zext8: return (uint8_t)a;
	case IR_zext16: return (uint16_t)a;
	case IR_sext32: return (uint64_t)(int32_t)a;
	case IR_zext32: return (uint32_t)a;
	case IR_trunc: return a;
	case IR_high: return a >> 32;
	case IR_join: return (uint32_t)a | b << 32;
	case IR_cmp: return ir_eval_compared(w, (enum ir_cc)aux, a, b);
	case IR_select: return a ? b : c;
	case IR_adc: return a + b + (c != 0);
	case IR_sbc: return a - b - (c == 0);
	case IR_add_c: return ir_eval_carry_out(w, a, b, c != 0);
	case IR_add_v: return ir_eval_overflow_out(w, a, b, c != 0);
	case IR_sub_c: return ir_eval_carry_out(w, a, ~b & w.mask, c != 0);
	case IR_sub_v: return ir_eval_overflow_out(w, a, ~b & w.mask, c != 0);
	case IR_shl_c: case IR_shr_c: case IR_sar_c: return ir_eval_shifted_out(op, a, (unsigned)b, c != 0);
	case IR_nop: case IR_const: case IR_get: case IR_set: case IR_stick: case IR_ld: case IR_st: case IR_call: case IR_insn:
	case IR_br: case IR_brc: case IR_exit_jump: case IR_exit_ind: case IR_exit_loop: case IR_refund: case IR_refund_by: case IR_count:
	case IR_enter: case IR_charge: case IR_exit_budget: case IR_OP_COUNT:
		break;
	}
	assert(false && "no value to compute");
	return 0;
}

static inline struct ir_width ir_width_of(uint8_t type)
{
	return type == IR_I64 ? (struct ir_width){ 64, UINT64_MAX } : (struct ir_width){ 32, UINT32_MAX };
}

#endif
