/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The encoder: each function appends one x86-64 instruction (Intel SDM vol. 2). `w` = 64-bit
 * operands, else 32-bit; register operands are numbers of enum x64_reg. Running out of room is
 * sticky: `full` is set and what follows goes to a sink, so callers test once a unit.
 */
#ifndef RHEA_X64_EMIT_H
#define RHEA_X64_EMIT_H

#include <stdbool.h>
#include <stdint.h>

enum x64_reg { RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI, R8, R9, R10, R11, R12, R13, R14, R15 };

/* Condition codes as jcc, setcc and cmovcc encode them; x ^ 1 negates. */
enum x64_cc {
	CC_O, CC_NO, CC_B, CC_AE, CC_E, CC_NE, CC_BE, CC_A, CC_S, CC_NS, CC_P, CC_NP, CC_L, CC_GE,
	CC_LE, CC_G,
};

enum x64_alu { ALU_ADD, ALU_OR, ALU_ADC, ALU_SBB, ALU_AND, ALU_SUB, ALU_XOR, ALU_CMP };
enum x64_shift { SH_ROL = 0, SH_ROR = 1, SH_SHL = 4, SH_SHR = 5, SH_SAR = 7 };

/* Widening moves: from 8, 16 or 32 bits to 32 (…) or 64 (…Q). */
enum x64_ext { EXT_Z8, EXT_Z16, EXT_S8, EXT_S16, EXT_S8Q, EXT_S16Q, EXT_S32Q };

/* [base + (index << scale) + disp]; -1 = no such register. */
struct x64_mem {
	int8_t base, index;
	uint8_t scale;
	int32_t disp;
};

static inline struct x64_mem x64_mem(int base, int32_t disp)
{
	return (struct x64_mem){(int8_t)base, -1, 0, disp};
}

static inline struct x64_mem x64_mem_index(int base, int index, unsigned scale, int32_t disp)
{
	return (struct x64_mem){(int8_t)base, (int8_t)index, (uint8_t)scale, disp};
}

#define EMIT_MAX_INSN 16

struct emit {
	uint8_t *cur, *end;
	bool full;
	uint8_t sink[2 * EMIT_MAX_INSN];
};

void emit_init(struct emit *e, uint8_t *cur, uint8_t *end);

/* Moves. emit_mov_ri takes the shortest form and leaves the flags alone. */
void emit_mov_rr(struct emit *e, bool w, int dst, int src);
void emit_mov_ri(struct emit *e, int dst, uint64_t imm);
void emit_mov_rm(struct emit *e, bool w, int dst, struct x64_mem m);
void emit_ext_rr(struct emit *e, enum x64_ext ext, int dst, int src);
void emit_ext_rm(struct emit *e, enum x64_ext ext, int dst, struct x64_mem m);
/* Stores of 1, 2, 4 or 8 bytes; an 8-byte immediate is sign-extended. */
void emit_store(struct emit *e, unsigned size, struct x64_mem m, int src);
void emit_store_imm(struct emit *e, unsigned size, struct x64_mem m, int32_t imm);
void emit_lea(struct emit *e, bool w, int dst, struct x64_mem m);
uint8_t *emit_lea_rip(struct emit *e, int dst); /* of an address that emit_link gives it */

/* Arithmetic. */
void emit_alu_rr(struct emit *e, bool w, enum x64_alu op, int dst, int src);
void emit_alu_rm(struct emit *e, bool w, enum x64_alu op, int dst, struct x64_mem m);
void emit_alu_mr(struct emit *e, bool w, enum x64_alu op, struct x64_mem m, int src);
void emit_alu_ri(struct emit *e, bool w, enum x64_alu op, int dst, int32_t imm);
void emit_cmp_eax_i32(struct emit *e, int32_t imm); /* always the form with the immediate at byte 1 */
void emit_alu_mi(struct emit *e, bool w, enum x64_alu op, struct x64_mem m, int32_t imm);
void emit_alu8_mi(struct emit *e, enum x64_alu op, struct x64_mem m, int8_t imm);
void emit_test_rr(struct emit *e, bool w, int a, int b);
void emit_test_ri(struct emit *e, bool w, int r, int32_t imm);
void emit_test8_ri(struct emit *e, int r, uint8_t imm);
void emit_test8_mi(struct emit *e, struct x64_mem m, uint8_t imm);
void emit_imul_rr(struct emit *e, bool w, int dst, int src);
void emit_imul_rm(struct emit *e, bool w, int dst, struct x64_mem m);
void emit_imul_rri(struct emit *e, bool w, int dst, int src, int32_t imm);
void emit_mul_r(struct emit *e, bool sign, int src); /* edx:eax = eax * src */
void emit_mul_m(struct emit *e, bool sign, struct x64_mem src);
void emit_not(struct emit *e, bool w, int r);
void emit_neg(struct emit *e, bool w, int r);
void emit_bswap(struct emit *e, bool w, int r);
void emit_rol16_8(struct emit *e, int r); /* swaps the two low bytes */
void emit_shift_ri(struct emit *e, bool w, enum x64_shift op, int r, unsigned count);
void emit_shift_cl(struct emit *e, bool w, enum x64_shift op, int r);
/* dst shifted by `count`, filled up from src: shld to the left, shrd to the right. */
void emit_shld(struct emit *e, int dst, int src, unsigned count);
void emit_shrd(struct emit *e, int dst, int src, unsigned count);
/* CF = bit n of r; of the index only as many bits count as r has bits. */
void emit_bt_ri(struct emit *e, bool w, int r, unsigned n);
void emit_bt_rr(struct emit *e, bool w, int r, int n);
void emit_bsr(struct emit *e, bool w, int dst, int src);
void emit_lzcnt(struct emit *e, bool w, int dst, int src);

/* BMI1 and BMI2: three operands; all but andn leave the flags alone. */
void emit_shiftx(struct emit *e, bool w, enum x64_shift op, int dst, int src, int count); /* SHL SHR SAR */
void emit_rorx(struct emit *e, bool w, int dst, int src, unsigned count);
void emit_mulx(struct emit *e, int hi, int lo, int src); /* 32 bits: hi:lo = edx * src */
void emit_andn(struct emit *e, bool w, int dst, int inverted, int other);

/* Conditions. */
void emit_setcc_r(struct emit *e, enum x64_cc cc, int dst); /* low byte only */
void emit_setcc_m(struct emit *e, enum x64_cc cc, struct x64_mem m);
void emit_cmov_rr(struct emit *e, bool w, enum x64_cc cc, int dst, int src);
void emit_cmov_rm(struct emit *e, bool w, enum x64_cc cc, int dst, struct x64_mem m);
void emit_cmc(struct emit *e);
void emit_stc(struct emit *e);
void emit_clc(struct emit *e);

/* Control. The relative ones return the place of their rel32 for emit_link. */
uint8_t *emit_jmp(struct emit *e);
uint8_t *emit_jcc(struct emit *e, enum x64_cc cc);
uint8_t *emit_call(struct emit *e);
void emit_link(uint8_t *rel32, const uint8_t *target);
void emit_jmp_r(struct emit *e, int r);
void emit_jmp_m(struct emit *e, struct x64_mem m);
void emit_call_r(struct emit *e, int r);
void emit_call_m(struct emit *e, struct x64_mem m);
void emit_ret(struct emit *e);
void emit_push(struct emit *e, int r);
void emit_pop(struct emit *e, int r);
void emit_nop(struct emit *e, unsigned bytes); /* 0 to 9 */

#endif
