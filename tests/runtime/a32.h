/* SPDX-License-Identifier: Apache-2.0 */
/* ARM instruction words for tests that write their guests by hand. One function a form; addresses are virtual. */
#ifndef RHEA_TESTS_A32_H
#define RHEA_TESTS_A32_H

#include <assert.h>
#include <stdint.h>

#include "base/base.h"

enum { SP = 13, LR = 14, PC = 15 };
enum { EQ, NE, CS, CC, MI, PL, VS, VC, HI, LS, GE, LT, GT, LE, AL };

#define A32_NOP 0xe1a00000u  /* mov r0, r0 */
#define A32_UNDEF 0xe7ffdefeu
#define A32_SPIN 0xeafffffeu /* b . */
#define A32_BX_LR 0xe12fff1eu
#define A32_IRQ_RETURN 0xe25ef004u /* subs pc, lr, #4 */
#define A32_SWI 0xef000000u

/* The 12 bits of a rotated immediate. */
static inline uint32_t a_imm(uint32_t value)
{
	for (unsigned rot = 0; rot < 32; rot += 2) {
		uint32_t low = ror32(value, (32 - rot) & 31);
		if (low < 256)
			return rot << 7 | low;
	}
	assert(false && "the value has no rotated form");
	return 0;
}

enum a_op { AND, EOR, SUB, RSB, ADD, ADC, SBC, RSC, TST, TEQ, CMP, CMN, ORR, MOV, BIC, MVN };

static inline uint32_t a_dp(unsigned op, unsigned s, unsigned rd, unsigned rn, uint32_t operand)
{
	return 0xe0000000u | (uint32_t)op << 21 | (uint32_t)s << 20 | (uint32_t)rn << 16 | (uint32_t)rd << 12 | operand;
}

#define I_BIT (1u << 25)
static inline uint32_t a_mov(unsigned rd, uint32_t v) { return a_dp(MOV, 0, rd, 0, I_BIT | a_imm(v)); }
static inline uint32_t a_movr(unsigned rd, unsigned rm) { return a_dp(MOV, 0, rd, 0, rm); }
static inline uint32_t a_add(unsigned rd, unsigned rn, uint32_t v) { return a_dp(ADD, 0, rd, rn, I_BIT | a_imm(v)); }
static inline uint32_t a_addr(unsigned rd, unsigned rn, unsigned rm) { return a_dp(ADD, 0, rd, rn, rm); }
static inline uint32_t a_sub(unsigned rd, unsigned rn, uint32_t v) { return a_dp(SUB, 0, rd, rn, I_BIT | a_imm(v)); }
static inline uint32_t a_subs(unsigned rd, unsigned rn, uint32_t v) { return a_dp(SUB, 1, rd, rn, I_BIT | a_imm(v)); }
static inline uint32_t a_eor(unsigned rd, unsigned rn, uint32_t v) { return a_dp(EOR, 0, rd, rn, I_BIT | a_imm(v)); }
static inline uint32_t a_orr(unsigned rd, unsigned rn, uint32_t v) { return a_dp(ORR, 0, rd, rn, I_BIT | a_imm(v)); }
static inline uint32_t a_bic(unsigned rd, unsigned rn, uint32_t v) { return a_dp(BIC, 0, rd, rn, I_BIT | a_imm(v)); }
static inline uint32_t a_cmp(unsigned rn, uint32_t v) { return a_dp(CMP, 1, 0, rn, I_BIT | a_imm(v)); }

static inline uint32_t a_mul(unsigned rd, unsigned rm, unsigned rs)
{
	return 0xe0000090u | (uint32_t)rd << 16 | (uint32_t)rs << 8 | rm;
}

static inline uint32_t a_if(unsigned cond, uint32_t insn) { return (insn & 0x0fffffffu) | (uint32_t)cond << 28; }

/* Offset addressing, |off| < 4096 (halfwords: 256). */
static inline uint32_t a_mem(uint32_t insn, unsigned rd, unsigned rn, int32_t off)
{
	uint32_t abs = (uint32_t)(off < 0 ? -off : off);
	return insn | (off < 0 ? 0 : 1u << 23) | (uint32_t)rn << 16 | (uint32_t)rd << 12 | abs;
}
static inline uint32_t a_ldr(unsigned rd, unsigned rn, int32_t off) { return a_mem(0xe5100000u, rd, rn, off); }
static inline uint32_t a_str(unsigned rd, unsigned rn, int32_t off) { return a_mem(0xe5000000u, rd, rn, off); }
static inline uint32_t a_ldrb(unsigned rd, unsigned rn, int32_t off) { return a_mem(0xe5500000u, rd, rn, off); }
static inline uint32_t a_strb(unsigned rd, unsigned rn, int32_t off) { return a_mem(0xe5400000u, rd, rn, off); }
static inline uint32_t a_ldrt(unsigned rd, unsigned rn) { return a_mem(0xe4b00000u, rd, rn, 0); }
static inline uint32_t a_stm(unsigned rn, uint32_t list) { return 0xe8800000u | (uint32_t)rn << 16 | list; }
static inline uint32_t a_ldm(unsigned rn, uint32_t list) { return 0xe8900000u | (uint32_t)rn << 16 | list; }
static inline uint32_t a_swp(unsigned rd, unsigned rm, unsigned rn)
{
	return 0xe1000090u | (uint32_t)rn << 16 | (uint32_t)rd << 12 | rm;
}

static inline uint32_t a_bcond(unsigned cond, uint32_t at, uint32_t to)
{
	return (uint32_t)cond << 28 | 0x0a000000u | ((to - at - 8) >> 2 & 0xffffffu);
}
static inline uint32_t a_b(uint32_t at, uint32_t to) { return a_bcond(AL, at, to); }
static inline uint32_t a_bl(uint32_t at, uint32_t to) { return a_bcond(AL, at, to) | 1u << 24; }
static inline uint32_t a_bx(unsigned rm) { return 0xe12fff10u | rm; }

static inline uint32_t a_cp15(bool read, unsigned rd, unsigned crn, unsigned crm, unsigned opc2)
{
	return 0xee000f10u | (uint32_t)read << 20 | (uint32_t)crn << 16 | (uint32_t)rd << 12 | (uint32_t)opc2 << 5 | crm;
}
static inline uint32_t a_mcr(unsigned rd, unsigned crn, unsigned crm, unsigned opc2)
{
	return a_cp15(false, rd, crn, crm, opc2);
}
static inline uint32_t a_mrc(unsigned rd, unsigned crn, unsigned crm, unsigned opc2)
{
	return a_cp15(true, rd, crn, crm, opc2);
}
static inline uint32_t a_wfi(unsigned rd) { return a_mcr(rd, 7, 0, 4); }
static inline uint32_t a_tlb_flush(unsigned rd) { return a_mcr(rd, 8, 7, 0); }
static inline uint32_t a_tlb_flush_mva(unsigned rd) { return a_mcr(rd, 8, 7, 1); }

static inline uint32_t a_msr_c(uint32_t v) { return 0xe321f000u | a_imm(v); } /* msr cpsr_c, #v */
static inline uint32_t a_mrs(unsigned rd) { return 0xe10f0000u | (uint32_t)rd << 12; }

#endif
