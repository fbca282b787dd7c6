/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shifts. By a constant they set the flags where somebody asks: carry is the bit that left last.
 *
 *   shl, shr, sar   mov dst, a; shl dst, n                 ror   rorx dst, a, n      (BMI2)
 *                   shlx dst, a, n        (BMI2)                 mov ecx, n; mov dst, a; ror dst, cl
 *                   mov ecx, n; mov dst, a; shl dst, cl
 *                   lea dst, [a * 2, 4 or 8]   where the flags must stay
 */
#include "backend-x86_64/gen.h"

static bool is_wide(const struct ir_insn *i)
{
	return i->type == IR_I64;
}

/* Rotations that keep the flags. */
static void rotate_by_const(struct gen *g, bool w, int dst, const struct opnd *a, unsigned n)
{
	if (n && a->kind == OPND_REG) {
		emit_rorx(&g->e, w, dst, a->reg, n);
		return;
	}
	gen_move(g, w, dst, a);
	if (n)
		emit_rorx(&g->e, w, dst, dst, n);
}

/* Is a << n one lea, and the better for it? Flags that somebody waits for stay. */
static bool by_lea(const struct gen *g, ir_ref v, unsigned n, int dst, const struct opnd *a)
{
	bool saves_move = n == 1 && a->kind == OPND_REG && a->reg != dst;
	return n - 1 < 3 && !sets_flags(g, v) && (saves_move || must_keep_flags(g));
}

static void shift_by_lea(struct gen *g, bool w, int dst, const struct opnd *a, unsigned n)
{
	int r = a->kind == OPND_REG ? a->reg : dst;
	gen_move(g, w, r, a);
	emit_lea(&g->e, w, dst, n == 1 ? x64_mem_index(r, r, 0, 0) : x64_mem_index(-1, r, n, 0));
}

static void shift_by_const(struct gen *g, ir_ref v, const struct ir_insn *i, enum x64_shift op, unsigned n)
{
	bool w = is_wide(i);
	struct opnd a = ra_operand(g, i->a);
	ra_release(g);
	int dst = ra_def(g, v, a.reg);
	if (op == SH_ROR && g->t->has_bmi2) {
		rotate_by_const(g, w, dst, &a, n);
	} else if (op == SH_SHL && by_lea(g, v, n, dst, &a)) {
		shift_by_lea(g, w, dst, &a, n);
	} else {
		flags_clobber(g);
		gen_move(g, w, dst, &a);
		if (n)
			emit_shift_ri(&g->e, w, op, dst, n);
		if (sets_flags(g, v))
			flags_set(g, v);
	}
	ra_bind(g, v, dst);
}

static void shift_by_cl(struct gen *g, ir_ref v, const struct ir_insn *i, enum x64_shift op)
{
	bool w = is_wide(i);
	if (in_flags(g, i->a))
		ra_use(g, i->a);
	g->locked = 0;
	if (ra_reg(g, i->b) != RCX) {
		ra_use(g, i->b);
		ra_take(g, RCX);
		emit_mov_rr(&g->e, false, RCX, ra_use(g, i->b));
		g->locked = 1u << RCX; /* the count's own register may go */
	}
	g->locked |= 1u << RCX;
	struct opnd a = ra_operand(g, i->a);
	ra_release(g);
	int dst = ra_def(g, v, a.reg == RCX ? -1 : a.reg);
	flags_clobber(g);
	gen_move(g, w, dst, &a);
	emit_shift_cl(&g->e, w, op, dst);
	ra_bind(g, v, dst);
}

static void lower_shift(struct gen *g, ir_ref v, const struct ir_insn *i, enum x64_shift op)
{
	bool w = is_wide(i);
	if (is_const(g, i->b)) {
		shift_by_const(g, v, i, op, (unsigned)insn_of(g, i->b)->imm & (w ? 63u : 31u));
	} else if (g->t->has_bmi2 && op != SH_ROR) {
		int count = ra_use(g, i->b), a = ra_use(g, i->a);
		ra_release(g);
		int dst = ra_def(g, v, a);
		emit_shiftx(&g->e, w, op, dst, a, count);
		ra_bind(g, v, dst);
	} else {
		shift_by_cl(g, v, i, op);
	}
}

void lower_shl(struct gen *g, ir_ref v, const struct ir_insn *i)
{
	lower_shift(g, v, i, SH_SHL);
}

void lower_shr(struct gen *g, ir_ref v, const struct ir_insn *i)
{
	lower_shift(g, v, i, SH_SHR);
}

void lower_sar(struct gen *g, ir_ref v, const struct ir_insn *i)
{
	lower_shift(g, v, i, SH_SAR);
}

void lower_ror(struct gen *g, ir_ref v, const struct ir_insn *i)
{
	lower_shift(g, v, i, SH_ROR);
}
