/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Products. Both halves of a long one come from one instruction when a mul of the same operands follows the mulh.
 *
 *   mul      mov dst, a; imul dst, b         mulh_u, mulh_s   mov eax, a; mul b; mov dst, edx
 *            imul dst, a, imm                mulh_u           mov edx, a; mulx dst, low, b        (BMI2)
 *                                            mulh_u alone     mov dst, a; imul dst, b; shr dst, 32
 */
#include "backend-x86_64/gen.h"

void lower_mul(struct gen *g, ir_ref v, const struct ir_insn *i)
{
	bool w = i->type == IR_I64;
	struct opnd a, b;
	if (g->val[v].reg >= 0 || g->val[v].global >= 0) /* made beside the high half */
		return;
	gen_operands(g, i, &a, &b);
	int dst = gen_define(g, v, i, &a, &b);
	flags_clobber(g);
	if (b.kind == OPND_IMM) {
		if (a.kind != OPND_REG) {
			gen_move(g, w, dst, &a);
			a.reg = dst;
		}
		emit_imul_rri(&g->e, w, dst, a.reg, b.imm);
	} else if (b.kind == OPND_MEM) {
		gen_move(g, w, dst, &a);
		emit_imul_rm(&g->e, w, dst, b.mem);
	} else if (b.reg != dst) {
		gen_move(g, w, dst, &a);
		emit_imul_rr(&g->e, w, dst, b.reg);
	} else if (a.kind == OPND_MEM) {
		emit_imul_rm(&g->e, w, dst, a.mem);
	} else if (a.kind == OPND_IMM) {
		emit_imul_rri(&g->e, w, dst, dst, a.imm);
	} else {
		emit_imul_rr(&g->e, w, dst, a.reg);
	}
	ra_bind(g, v, dst);
}

/* The insn right behind v that is the low half of the same product, and needed; IR_NONE if there is none. */
static ir_ref low_half(const struct gen *g, ir_ref v, const struct ir_insn *i)
{
	ir_ref low = v + 1;
	const struct ir_insn *l = insn_of(g, low); /* a block does not end in a product */
	bool same = (l->a == i->a && l->b == i->b) || (l->a == i->b && l->b == i->a);
	return l->op == IR_mul && l->type == IR_I32 && same && g->val[low].last_use ? low : IR_NONE;
}

static void high_alone(struct gen *g, ir_ref v, const struct ir_insn *i)
{
	int a = ra_use(g, i->a), b = ra_use(g, i->b);
	ra_release(g);
	int dst = ra_def(g, v, a);
	flags_clobber(g);
	if (dst != b)
		emit_mov_rr(&g->e, false, dst, a);
	emit_imul_rr(&g->e, true, dst, dst == b ? a : b);
	emit_shift_ri(&g->e, true, SH_SHR, dst, 32);
	ra_bind(g, v, dst);
}

static void multiply_long(struct gen *g, const struct ir_insn *i, bool sign)
{
	const uint16_t both = 1u << RAX | 1u << RDX;
	if (in_flags(g, i->a))
		ra_use(g, i->a);
	if (in_flags(g, i->b))
		ra_use(g, i->b);
	g->locked = 0;
	ra_take(g, RAX);
	ra_take(g, RDX);
	g->locked = both; /* what had to move may move again */
	struct opnd a = ra_operand(g, i->a);
	gen_move(g, false, RAX, &a);
	g->locked = both;
	struct opnd b = ra_operand_rm(g, i->b);
	flags_clobber(g);
	if (b.kind == OPND_MEM)
		emit_mul_m(&g->e, sign, b.mem);
	else
		emit_mul_r(&g->e, sign, b.reg);
	g->locked = both;
}

/* v is in `reg`, which is locked: there it stays, if it has no home. */
static void keep(struct gen *g, ir_ref v, int reg)
{
	int dst = ra_def(g, v, reg);
	if (dst != reg)
		emit_mov_rr(&g->e, false, dst, reg);
	ra_bind(g, v, dst);
}

/* Unsigned, each half where it belongs. */
static void multiply_to(struct gen *g, ir_ref v, ir_ref low, const struct ir_insn *i)
{
	ra_take(g, RDX);
	g->locked = 1u << RDX;
	struct opnd a = ra_operand(g, i->a);
	gen_move(g, false, RDX, &a);
	g->locked = 1u << RDX;
	int b = ra_use(g, i->b);
	g->at = low; /* its operands, and there they may die */
	ra_release(g);
	int lo = ra_def(g, low, -1), hi = ra_def(g, v, RDX);
	flags_clobber(g);
	emit_mulx(&g->e, hi, lo, b);
	ra_bind(g, v, hi);
	ra_bind(g, low, lo);
}

static void lower_high_half(struct gen *g, ir_ref v, const struct ir_insn *i, bool sign)
{
	ir_ref low = low_half(g, v, i);
	if (low == IR_NONE && !sign) {
		high_alone(g, v, i);
		return;
	}
	if (!sign && g->t->has_bmi2) {
		multiply_to(g, v, low, i);
		return;
	}
	multiply_long(g, i, sign);
	if (low != IR_NONE)
		g->at = low; /* its operands, and there they may die */
	ra_release(g);
	keep(g, v, RDX);
	if (low != IR_NONE)
		keep(g, low, RAX);
}

void lower_mulh_u(struct gen *g, ir_ref v, const struct ir_insn *i)
{
	lower_high_half(g, v, i, false);
}

void lower_mulh_s(struct gen *g, ir_ref v, const struct ir_insn *i)
{
	lower_high_half(g, v, i, true);
}
