/* SPDX-License-Identifier: Apache-2.0 */
/*
 * x86-64 instruction encoding (Intel SDM vol. 2, chapter 2): legacy prefixes, REX or VEX, opcode,
 * ModRM, SIB, displacement, immediate. An opcode is a number with its prefixes and map in the
 * upper bits, so that one pair of functions encodes every register and memory form.
 */
#include <assert.h>
#include <string.h>

#include "backend-x86_64/emit.h"

enum {
	OP_0F = 1 << 8,   /* two-byte opcode map */
	OP_66 = 1 << 9,   /* 16-bit operands */
	OP_F3 = 1 << 10,
	OP_W = 1 << 11,   /* REX.W */
	OP_REG8 = 1 << 12, /* the reg field names a byte register: spl..dil need a REX */
	OP_RM8 = 1 << 13,  /* the r/m field does */
};

static unsigned op_w(bool w)
{
	return w ? OP_W : 0u;
}

void emit_init(struct emit *e, uint8_t *cur, uint8_t *end)
{
	e->cur = cur;
	e->end = end;
	e->full = false;
}

static uint8_t *room(struct emit *e)
{
	if (__builtin_expect(e->end - e->cur < EMIT_MAX_INSN, 0)) {
		e->full = true;
		e->cur = e->sink;
		e->end = e->sink + sizeof e->sink;
	}
	return e->cur;
}

static uint8_t *put32(uint8_t *p, int32_t v)
{
	memcpy(p, &v, 4);
	return p + 4;
}

/* Prefixes, REX and opcode; r, x, b are the register numbers that extend by REX (0 for none). What is not wanted is overwritten: a branch
 * on it would be mispredicted. */
static uint8_t *put_opcode(uint8_t *p, unsigned op, int r, int x, int b)
{
	unsigned rex = (unsigned)((r & 8) >> 1 | (x & 8) >> 2 | (b & 8) >> 3) | (op & OP_W ? 8u : 0u);
	unsigned low = ((op & OP_REG8 ? (unsigned)r : 0u) | (op & OP_RM8 ? (unsigned)b : 0u)) & 12u;
	rex |= low ? 0x40u : 0u;
	*p = 0x66;
	p += (op & OP_66) != 0;
	*p = 0xf3;
	p += (op & OP_F3) != 0;
	*p = (uint8_t)(0x40 | rex);
	p += rex != 0;
	*p = 0x0f;
	p += (op & OP_0F) != 0;
	*p++ = (uint8_t)op;
	return p;
}

static uint8_t *put_rr(uint8_t *p, unsigned op, int reg, int rm)
{
	p = put_opcode(p, op, reg, 0, rm);
	*p++ = (uint8_t)(0xc0 | (reg & 7) << 3 | (rm & 7));
	return p;
}

static uint8_t *put_modrm_mem(uint8_t *p, int reg, struct x64_mem m)
{
	unsigned r = (unsigned)(reg & 7) << 3;
	bool sib = m.index >= 0 || m.base < 0 || (m.base & 7) == RSP;
	unsigned mod = 2;
	if (m.base < 0 || (m.disp == 0 && (m.base & 7) != RBP))
		mod = 0; /* base 5 with mod 0 would mean "disp32, no base" */
	else if (m.disp == (int8_t)m.disp)
		mod = 1;
	*p++ = (uint8_t)(mod << 6 | r | (unsigned)(sib ? RSP : m.base & 7));
	if (sib) {
		unsigned index = m.index >= 0 ? (unsigned)m.index & 7u : RSP;
		unsigned base = m.base >= 0 ? (unsigned)m.base & 7u : RBP;
		*p++ = (uint8_t)((unsigned)m.scale << 6 | index << 3 | base);
	}
	if (mod == 1)
		*p++ = (uint8_t)m.disp;
	else if (mod == 2 || m.base < 0)
		p = put32(p, m.disp);
	return p;
}

/* Off rbp, as most are. */
static inline uint8_t *put_state(uint8_t *p, unsigned op, int reg, int32_t disp)
{
	bool is_short = disp == (int8_t)disp;
	p = put_opcode(p, op, reg, 0, 0);
	*p++ = (uint8_t)((is_short ? 0x40 : 0x80) | (reg & 7) << 3 | RBP);
	put32(p, disp);
	return p + (is_short ? 1 : 4);
}

static uint8_t *put_rm(uint8_t *p, unsigned op, int reg, struct x64_mem m)
{
	assert(m.index != RSP);
	if (m.base == RBP && m.index < 0)
		return put_state(p, op, reg, m.disp);
	p = put_opcode(p, op, reg, m.index >= 0 ? m.index : 0, m.base >= 0 ? m.base : 0);
	return put_modrm_mem(p, reg, m);
}

static void enc_rr(struct emit *e, unsigned op, int reg, int rm)
{
	e->cur = put_rr(room(e), op, reg, rm);
}

static void enc_rm(struct emit *e, unsigned op, int reg, struct x64_mem m)
{
	e->cur = put_rm(room(e), op, reg, m);
}

static void enc_byte(struct emit *e, uint8_t b)
{
	uint8_t *p = room(e);
	*p = b;
	e->cur = p + 1;
}

/* ---- moves ------------------------------------------------------------------------------------ */

void emit_mov_rr(struct emit *e, bool w, int dst, int src)
{
	enc_rr(e, 0x8b | op_w(w), dst, src);
}

void emit_mov_ri(struct emit *e, int dst, uint64_t imm)
{
	uint8_t *p = room(e);
	if (imm <= UINT32_MAX) {
		p = put_opcode(p, 0xb8u + (unsigned)(dst & 7), 0, 0, dst);
		p = put32(p, (int32_t)(uint32_t)imm);
	} else if ((int64_t)imm == (int32_t)imm) {
		p = put_rr(p, 0xc7 | OP_W, 0, dst);
		p = put32(p, (int32_t)imm);
	} else {
		p = put_opcode(p, (0xb8u + (unsigned)(dst & 7)) | OP_W, 0, 0, dst);
		memcpy(p, &imm, 8);
		p += 8;
	}
	e->cur = p;
}

void emit_mov_rm(struct emit *e, bool w, int dst, struct x64_mem m)
{
	enc_rm(e, 0x8b | op_w(w), dst, m);
}

static const uint16_t ext_op[] = {
	[EXT_Z8] = 0xb6 | OP_0F,
	[EXT_Z16] = 0xb7 | OP_0F,
	[EXT_S8] = 0xbe | OP_0F,
	[EXT_S16] = 0xbf | OP_0F,
	[EXT_S8Q] = 0xbe | OP_0F | OP_W,
	[EXT_S16Q] = 0xbf | OP_0F | OP_W,
	[EXT_S32Q] = 0x63 | OP_W,
};

void emit_ext_rr(struct emit *e, enum x64_ext ext, int dst, int src)
{
	bool byte = ext == EXT_Z8 || ext == EXT_S8 || ext == EXT_S8Q;
	enc_rr(e, ext_op[ext] | (byte ? (unsigned)OP_RM8 : 0u), dst, src);
}

void emit_ext_rm(struct emit *e, enum x64_ext ext, int dst, struct x64_mem m)
{
	enc_rm(e, ext_op[ext], dst, m);
}

void emit_store(struct emit *e, unsigned size, struct x64_mem m, int src)
{
	static const uint16_t op[9] = {[1] = 0x88 | OP_REG8, [2] = 0x89 | OP_66, [4] = 0x89, [8] = 0x89 | OP_W};
	enc_rm(e, op[size], src, m);
}

void emit_store_imm(struct emit *e, unsigned size, struct x64_mem m, int32_t imm)
{
	static const uint16_t op[9] = {[1] = 0xc6, [2] = 0xc7 | OP_66, [4] = 0xc7, [8] = 0xc7 | OP_W};
	uint8_t *p = put_rm(room(e), op[size], 0, m);
	unsigned bytes = size == 8 ? 4 : size;
	memcpy(p, &imm, 4); /* room for a whole instruction was there: the excess is overwritten */
	e->cur = p + bytes;
}

void emit_lea(struct emit *e, bool w, int dst, struct x64_mem m)
{
	enc_rm(e, 0x8d | op_w(w), dst, m);
}

uint8_t *emit_lea_rip(struct emit *e, int dst)
{
	uint8_t *p = put_opcode(room(e), 0x8d | OP_W, dst, 0, 0);
	*p++ = (uint8_t)((dst & 7) << 3 | 5);
	e->cur = p + 4;
	return p;
}

/* ---- arithmetic ------------------------------------------------------------------------------- */

void emit_alu_rr(struct emit *e, bool w, enum x64_alu op, int dst, int src)
{
	enc_rr(e, ((unsigned)op << 3 | 3) | op_w(w), dst, src);
}

void emit_alu_rm(struct emit *e, bool w, enum x64_alu op, int dst, struct x64_mem m)
{
	enc_rm(e, ((unsigned)op << 3 | 3) | op_w(w), dst, m);
}

void emit_alu_mr(struct emit *e, bool w, enum x64_alu op, struct x64_mem m, int src)
{
	enc_rm(e, ((unsigned)op << 3 | 1) | op_w(w), src, m);
}

void emit_alu_ri(struct emit *e, bool w, enum x64_alu op, int dst, int32_t imm)
{
	uint8_t *p = room(e);
	if (imm == (int8_t)imm) {
		p = put_rr(p, 0x83 | op_w(w), (int)op, dst);
		*p++ = (uint8_t)imm;
	} else {
		if (dst == RAX) /* the short form without ModRM */
			p = put_opcode(p, ((unsigned)op << 3 | 5) | op_w(w), 0, 0, 0);
		else
			p = put_rr(p, 0x81 | op_w(w), (int)op, dst);
		p = put32(p, imm);
	}
	e->cur = p;
}

void emit_cmp_eax_i32(struct emit *e, int32_t imm)
{
	uint8_t *p = room(e);
	*p = 0x3d;
	e->cur = put32(p + 1, imm);
}

void emit_alu_mi(struct emit *e, bool w, enum x64_alu op, struct x64_mem m, int32_t imm)
{
	uint8_t *p = room(e);
	if (imm == (int8_t)imm) {
		p = put_rm(p, 0x83 | op_w(w), (int)op, m);
		*p++ = (uint8_t)imm;
	} else {
		p = put_rm(p, 0x81 | op_w(w), (int)op, m);
		p = put32(p, imm);
	}
	e->cur = p;
}

void emit_alu8_mi(struct emit *e, enum x64_alu op, struct x64_mem m, int8_t imm)
{
	uint8_t *p = put_rm(room(e), 0x80, (int)op, m);
	*p++ = (uint8_t)imm;
	e->cur = p;
}

void emit_test_rr(struct emit *e, bool w, int a, int b)
{
	enc_rr(e, 0x85 | op_w(w), b, a);
}

void emit_test_ri(struct emit *e, bool w, int r, int32_t imm)
{
	uint8_t *p = room(e);
	if (r == RAX)
		p = put_opcode(p, 0xa9 | op_w(w), 0, 0, 0);
	else
		p = put_rr(p, 0xf7 | op_w(w), 0, r);
	e->cur = put32(p, imm);
}

void emit_test8_mi(struct emit *e, struct x64_mem m, uint8_t imm)
{
	uint8_t *p = put_rm(room(e), 0xf6, 0, m);
	*p++ = imm;
	e->cur = p;
}

void emit_test8_ri(struct emit *e, int r, uint8_t imm)
{
	uint8_t *p = room(e);
	if (r == RAX)
		*p++ = 0xa8;
	else
		p = put_rr(p, 0xf6 | OP_RM8, 0, r);
	*p++ = imm;
	e->cur = p;
}

void emit_imul_rr(struct emit *e, bool w, int dst, int src)
{
	enc_rr(e, 0xaf | OP_0F | op_w(w), dst, src);
}

void emit_imul_rm(struct emit *e, bool w, int dst, struct x64_mem m)
{
	enc_rm(e, 0xaf | OP_0F | op_w(w), dst, m);
}

void emit_imul_rri(struct emit *e, bool w, int dst, int src, int32_t imm)
{
	uint8_t *p = room(e);
	if (imm == (int8_t)imm) {
		p = put_rr(p, 0x6b | op_w(w), dst, src);
		*p++ = (uint8_t)imm;
	} else {
		p = put_rr(p, 0x69 | op_w(w), dst, src);
		p = put32(p, imm);
	}
	e->cur = p;
}

void emit_not(struct emit *e, bool w, int r)
{
	enc_rr(e, 0xf7 | op_w(w), 2, r);
}

void emit_neg(struct emit *e, bool w, int r)
{
	enc_rr(e, 0xf7 | op_w(w), 3, r);
}

void emit_bswap(struct emit *e, bool w, int r)
{
	e->cur = put_opcode(room(e), (0xc8u + (unsigned)(r & 7)) | OP_0F | op_w(w), 0, 0, r);
}

void emit_rol16_8(struct emit *e, int r)
{
	uint8_t *p = put_rr(room(e), 0xc1 | OP_66, SH_ROL, r);
	*p++ = 8;
	e->cur = p;
}

void emit_shift_ri(struct emit *e, bool w, enum x64_shift op, int r, unsigned count)
{
	uint8_t *p = room(e);
	if (count == 1) {
		p = put_rr(p, 0xd1 | op_w(w), (int)op, r);
	} else {
		p = put_rr(p, 0xc1 | op_w(w), (int)op, r);
		*p++ = (uint8_t)count;
	}
	e->cur = p;
}

void emit_shift_cl(struct emit *e, bool w, enum x64_shift op, int r)
{
	enc_rr(e, 0xd3 | op_w(w), (int)op, r);
}

void emit_bsr(struct emit *e, bool w, int dst, int src)
{
	enc_rr(e, 0xbd | OP_0F | op_w(w), dst, src);
}

void emit_mul_r(struct emit *e, bool sign, int src)
{
	enc_rr(e, 0xf7, sign ? 5 : 4, src);
}

void emit_mul_m(struct emit *e, bool sign, struct x64_mem src)
{
	enc_rm(e, 0xf7, sign ? 5 : 4, src);
}

static void shift_double(struct emit *e, uint32_t op, int dst, int src, unsigned count)
{
	uint8_t *p = put_rr(room(e), op | OP_0F, src, dst);
	*p++ = (uint8_t)count;
	e->cur = p;
}

void emit_shld(struct emit *e, int dst, int src, unsigned count)
{
	shift_double(e, 0xa4, dst, src, count);
}

void emit_shrd(struct emit *e, int dst, int src, unsigned count)
{
	shift_double(e, 0xac, dst, src, count);
}

void emit_bt_ri(struct emit *e, bool w, int r, unsigned n)
{
	uint8_t *p = put_rr(room(e), 0xba | OP_0F | op_w(w), 4, r);
	*p++ = (uint8_t)n;
	e->cur = p;
}

void emit_bt_rr(struct emit *e, bool w, int r, int n)
{
	enc_rr(e, 0xa3 | OP_0F | op_w(w), n, r);
}

void emit_lzcnt(struct emit *e, bool w, int dst, int src)
{
	enc_rr(e, 0xbd | OP_0F | OP_F3 | op_w(w), dst, src);
}

/* Three-byte VEX, L = 0 (SDM 2.3.5). map 2 = 0F38, 3 = 0F3A; pp 1 = 66, 2 = F3, 3 = F2. */
static uint8_t *put_vex(uint8_t *p, unsigned map, unsigned pp, bool w, uint8_t op, int reg, int vvvv, int rm)
{
	*p++ = 0xc4;
	*p++ = (uint8_t)((~(unsigned)reg & 8) << 4 | 0x40 | (~(unsigned)rm & 8) << 2 | map);
	*p++ = (uint8_t)((w ? 0x80u : 0u) | (~(unsigned)vvvv & 15) << 3 | pp);
	*p++ = op;
	*p++ = (uint8_t)(0xc0 | (reg & 7) << 3 | (rm & 7));
	return p;
}

void emit_shiftx(struct emit *e, bool w, enum x64_shift op, int dst, int src, int count)
{
	unsigned pp = op == SH_SHL ? 1u : op == SH_SAR ? 2u : 3u;
	e->cur = put_vex(room(e), 2, pp, w, 0xf7, dst, count, src);
}

void emit_rorx(struct emit *e, bool w, int dst, int src, unsigned count)
{
	uint8_t *p = put_vex(room(e), 3, 3, w, 0xf0, dst, 0, src);
	*p++ = (uint8_t)count;
	e->cur = p;
}

void emit_mulx(struct emit *e, int hi, int lo, int src)
{
	e->cur = put_vex(room(e), 2, 3, false, 0xf6, hi, lo, src);
}

void emit_andn(struct emit *e, bool w, int dst, int inverted, int other)
{
	e->cur = put_vex(room(e), 2, 0, w, 0xf2, dst, inverted, other);
}

/* ---- conditions ------------------------------------------------------------------------------- */

void emit_setcc_r(struct emit *e, enum x64_cc cc, int dst)
{
	enc_rr(e, (0x90u + (unsigned)cc) | OP_0F | OP_RM8, 0, dst);
}

void emit_setcc_m(struct emit *e, enum x64_cc cc, struct x64_mem m)
{
	enc_rm(e, (0x90u + (unsigned)cc) | OP_0F, 0, m);
}

void emit_cmov_rr(struct emit *e, bool w, enum x64_cc cc, int dst, int src)
{
	enc_rr(e, (0x40u + (unsigned)cc) | OP_0F | op_w(w), dst, src);
}

void emit_cmov_rm(struct emit *e, bool w, enum x64_cc cc, int dst, struct x64_mem m)
{
	enc_rm(e, (0x40u + (unsigned)cc) | OP_0F | op_w(w), dst, m);
}

void emit_cmc(struct emit *e)
{
	enc_byte(e, 0xf5);
}

void emit_stc(struct emit *e)
{
	enc_byte(e, 0xf9);
}

void emit_clc(struct emit *e)
{
	enc_byte(e, 0xf8);
}

/* ---- control ---------------------------------------------------------------------------------- */

static uint8_t *enc_rel32(struct emit *e, unsigned op)
{
	uint8_t *p = put_opcode(room(e), op, 0, 0, 0);
	e->cur = put32(p, 0);
	return p;
}

uint8_t *emit_jmp(struct emit *e)
{
	return enc_rel32(e, 0xe9);
}

uint8_t *emit_jcc(struct emit *e, enum x64_cc cc)
{
	return enc_rel32(e, (0x80u + (unsigned)cc) | OP_0F);
}

uint8_t *emit_call(struct emit *e)
{
	return enc_rel32(e, 0xe8);
}

void emit_link(uint8_t *rel32, const uint8_t *target)
{
	put32(rel32, (int32_t)((intptr_t)target - (intptr_t)rel32 - 4));
}

void emit_jmp_r(struct emit *e, int r)
{
	enc_rr(e, 0xff, 4, r);
}

void emit_jmp_m(struct emit *e, struct x64_mem m)
{
	enc_rm(e, 0xff, 4, m);
}

void emit_call_r(struct emit *e, int r)
{
	enc_rr(e, 0xff, 2, r);
}

void emit_call_m(struct emit *e, struct x64_mem m)
{
	enc_rm(e, 0xff, 2, m);
}

void emit_ret(struct emit *e)
{
	enc_byte(e, 0xc3);
}

void emit_push(struct emit *e, int r)
{
	e->cur = put_opcode(room(e), 0x50u + (unsigned)(r & 7), 0, 0, r);
}

void emit_pop(struct emit *e, int r)
{
	e->cur = put_opcode(room(e), 0x58u + (unsigned)(r & 7), 0, 0, r);
}

void emit_nop(struct emit *e, unsigned bytes)
{
	/* The sequences that the SDM recommends under NOP. */
	static const uint8_t nops[10][9] = {
		{0},
		{0x90},
		{0x66, 0x90},
		{0x0f, 0x1f, 0x00},
		{0x0f, 0x1f, 0x40, 0x00},
		{0x0f, 0x1f, 0x44, 0x00, 0x00},
		{0x66, 0x0f, 0x1f, 0x44, 0x00, 0x00},
		{0x0f, 0x1f, 0x80, 0x00, 0x00, 0x00, 0x00},
		{0x0f, 0x1f, 0x84, 0x00, 0x00, 0x00, 0x00, 0x00},
		{0x66, 0x0f, 0x1f, 0x84, 0x00, 0x00, 0x00, 0x00, 0x00},
	};
	uint8_t *p = room(e);
	memcpy(p, nops[bytes], bytes);
	e->cur = p + bytes;
}
