/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Arithmetic, logic, extensions; lower_shift.c has the shifts, lower_mul.c the products. In the listings below `dst` is a home when the result
 * is about to be set to a homed global, else a scratch register, and a leading mov is left out when
 * its two sides are the same.
 *
 *   add   lea dst, [a + b]   or   add dst, b
 *   sub   mov dst, a; sub dst, b
 *         neg dst; add dst, a           (dst is b)
 *   and, or, xor   mov dst, a; op dst, b
 *   andn  andn dst, b, a              (BMI)           clz             lzcnt dst, a
 *         mov t, b; not t; and t, a                                   bsr dst, a; cmovz dst, 63; xor dst, 31
 *   or    mov dst, x; shld dst, y, n    (of x << n and y >> (32 - n); or mov dst, y; shrd dst, x, 32 - n)
 *   high  mov dst, a; shr dst, 32                     join            mov dst, b; shl dst, 32; or dst, a
 */
#include "backend-x86_64/gen.h"

static bool is_wide(const struct ir_insn *i)
{
	return i->type == IR_I64;
}

/* Flags are about to change; v's own are wanted if somebody reads them. */
static void result_flags(struct gen *g, ir_ref v)
{
	if (sets_flags(g, v))
		flags_set(g, v);
}

void gen_alu(struct gen *g, bool w, enum x64_alu op, int dst, const struct opnd *src)
{
	switch (src->kind) {
	case OPND_REG:
		emit_alu_rr(&g->e, w, op, dst, src->reg);
		break;
	case OPND_MEM:
		emit_alu_rm(&g->e, w, op, dst, src->mem);
		break;
	case OPND_IMM:
		emit_alu_ri(&g->e, w, op, dst, src->imm);
		break;
	}
}

static bool in_reg(const struct opnd *o, int r)
{
	return o->kind == OPND_REG && o->reg == r;
}

void gen_alu3(struct gen *g, bool w, enum x64_alu op, int dst, const struct opnd *a, const struct opnd *b)
{
	bool commutes = op != ALU_SUB && op != ALU_SBB && op != ALU_CMP;
	if (!in_reg(b, dst) || in_reg(a, dst)) {
		gen_move(g, w, dst, a);
		gen_alu(g, w, op, dst, b);
	} else if (commutes) {
		gen_alu(g, w, op, dst, a);
	} else {
		int t = ra_alloc(g);
		gen_move(g, w, t, a);
		gen_alu(g, w, op, t, b);
		emit_mov_rr(&g->e, w, dst, t);
	}
}

void gen_operands(struct gen *g, const struct ir_insn *i, struct opnd *a, struct opnd *b)
{
	ir_ref x = i->a, y = i->b;
	if (ir_ops[i->op].flags & IR_COMM && is_const(g, x)) {
		x = i->b;
		y = i->a;
	}
	*b = ra_operand(g, y);
	*a = ra_operand(g, x);
}

int gen_define(struct gen *g, ir_ref v, const struct ir_insn *i, const struct opnd *a, const struct opnd *b)
{
	int hint = a->reg;
	ra_release(g);
	if (ir_ops[i->op].flags & IR_COMM && b->kind == OPND_REG && (hint < 0 || g->owner[hint] != IR_NONE ||
								    !(g->t->scratch >> hint & 1)))
		hint = b->reg;
	return ra_def(g, v, hint);
}

static void lower_alu(struct gen *g, ir_ref v, const struct ir_insn *i, enum x64_alu op)
{
	struct opnd a, b;
	gen_operands(g, i, &a, &b);
	int dst = gen_define(g, v, i, &a, &b);
	flags_clobber(g);
	gen_alu3(g, is_wide(i), op, dst, &a, &b);
	result_flags(g, v);
	ra_bind(g, v, dst);
}

/* dst = a + b without touching the flags. */
static void add_by_lea(struct gen *g, bool w, int dst, struct opnd *a, struct opnd *b)
{
	if (a->kind == OPND_IMM && b->kind == OPND_REG) { /* a constant too wide for an immediate */
		struct opnd x = *a;
		*a = *b;
		*b = x;
	} else if (a->kind == OPND_IMM) { /* both are constants: nobody folded */
		gen_move(g, w, dst, a);
		*a = (struct opnd){.kind = OPND_REG, .reg = dst};
	} else if (a->kind == OPND_MEM) {
		int r = in_reg(b, dst) ? ra_alloc(g) : dst;
		gen_move(g, w, r, a);
		*a = (struct opnd){.kind = OPND_REG, .reg = r};
	}
	if (b->kind == OPND_MEM) {
		int r = a->reg == dst ? ra_alloc(g) : dst;
		gen_move(g, w, r, b);
		*b = (struct opnd){.kind = OPND_REG, .reg = r};
	}
	if (b->kind == OPND_IMM)
		emit_lea(&g->e, w, dst, x64_mem(a->reg, b->imm));
	else if ((a->reg & 7) == RBP) /* rbp and r13 as a base cost a displacement */
		emit_lea(&g->e, w, dst, x64_mem_index(b->reg, a->reg, 0, 0));
	else
		emit_lea(&g->e, w, dst, x64_mem_index(a->reg, b->reg, 0, 0));
}

/* The second operand is a shift that was left to this. */
static void add_scaled(struct gen *g, ir_ref v, const struct ir_insn *i)
{
	const struct ir_insn *shl = insn_of(g, i->b);
	int base = ra_use(g, i->a), index = ra_use(g, shl->a);
	ra_release(g);
	ra_release_value(g, shl->a);
	int dst = ra_def(g, v, base);
	emit_lea(&g->e, is_wide(i), dst, x64_mem_index(base, index, (unsigned)insn_of(g, shl->b)->imm, 0));
	ra_bind(g, v, dst);
}

/* The first operand is such a shift, the second a constant. */
static void add_to_scaled(struct gen *g, ir_ref v, const struct ir_insn *i)
{
	const struct ir_insn *shl = insn_of(g, i->a);
	unsigned n = (unsigned)insn_of(g, shl->b)->imm;
	int32_t disp = (int32_t)insn_of(g, i->b)->imm;
	int index = ra_use(g, shl->a);
	ra_release(g);
	ra_release_value(g, shl->a);
	int dst = ra_def(g, v, index);
	emit_lea(&g->e, false, dst, n == 1 ? x64_mem_index(index, index, 0, disp) : x64_mem_index(-1, index, n, disp));
	ra_bind(g, v, dst);
}

void lower_add(struct gen *g, ir_ref v, const struct ir_insn *i)
{
	if (sets_flags(g, v)) {
		lower_alu(g, v, i, ALU_ADD);
		return;
	}
	if (!is_const(g, i->b) && is_folded(g, i->b)) {
		add_scaled(g, v, i);
		return;
	}
	if (is_const(g, i->b) && !is_const(g, i->a) && is_folded(g, i->a)) {
		add_to_scaled(g, v, i);
		return;
	}
	struct opnd a, b;
	gen_operands(g, i, &a, &b);
	int dst = gen_define(g, v, i, &a, &b);
	bool three = a.kind == OPND_REG && a.reg != dst && b.kind != OPND_MEM && !in_reg(&b, dst);
	if (three || must_keep_flags(g)) {
		add_by_lea(g, is_wide(i), dst, &a, &b);
	} else {
		flags_clobber(g);
		gen_alu3(g, is_wide(i), ALU_ADD, dst, &a, &b);
	}
	ra_bind(g, v, dst);
}

void lower_sub(struct gen *g, ir_ref v, const struct ir_insn *i)
{
	bool w = is_wide(i);
	if (sets_flags(g, v) && !g->val[v].last_use) {
		flags_compare(g, i->a, i->b, w);
		flags_set(g, v);
		return;
	}
	struct opnd a, b;
	gen_operands(g, i, &a, &b);
	int dst = gen_define(g, v, i, &a, &b);
	bool by_lea = must_keep_flags(g) || (a.kind == OPND_REG && a.reg != dst);
	if (!sets_flags(g, v) && b.kind == OPND_IMM && b.imm != INT32_MIN && by_lea) {
		int r = a.kind == OPND_REG ? a.reg : dst;
		gen_move(g, w, r, &a);
		emit_lea(&g->e, w, dst, x64_mem(r, -b.imm));
	} else if (a.kind == OPND_IMM && !a.imm && b.kind != OPND_IMM) {
		flags_clobber(g);
		gen_move(g, w, dst, &b);
		emit_neg(&g->e, w, dst);
		result_flags(g, v);
	} else if (!sets_flags(g, v) && in_reg(&b, dst) && !in_reg(&a, dst)) {
		flags_clobber(g);
		emit_neg(&g->e, w, dst);
		gen_alu(g, w, ALU_ADD, dst, &a);
	} else {
		flags_clobber(g);
		gen_alu3(g, w, ALU_SUB, dst, &a, &b);
		result_flags(g, v);
	}
	ra_bind(g, v, dst);
}

/* Only the flags of a & b are wanted: test a, b. */
static void lower_test(struct gen *g, ir_ref v, const struct ir_insn *i)
{
	ir_ref x = is_const(g, i->a) ? i->b : i->a, y = is_const(g, i->a) ? i->a : i->b;
	int a = ra_use(g, x);
	struct opnd b = ra_operand(g, y);
	if (b.kind == OPND_MEM)
		b = (struct opnd){.kind = OPND_REG, .reg = ra_use(g, y)};
	flags_clobber(g);
	if (b.kind == OPND_IMM && b.imm >= 0 && b.imm < 0x80) /* the sign of the byte is that of the word: 0 */
		emit_test8_ri(&g->e, a, (uint8_t)b.imm);
	else if (b.kind == OPND_IMM)
		emit_test_ri(&g->e, is_wide(i), a, b.imm);
	else
		emit_test_rr(&g->e, is_wide(i), a, b.reg);
	flags_set(g, v);
}

void lower_and(struct gen *g, ir_ref v, const struct ir_insn *i)
{
	bool masks = is_const_of(g, i->b, 0xff) || is_const_of(g, i->b, 0xffff);
	if (sets_flags(g, v) && !g->val[v].last_use) {
		lower_test(g, v, i);
	} else if (!sets_flags(g, v) && masks) {
		int a = ra_use(g, i->a);
		ra_release(g);
		int dst = ra_def(g, v, a);
		flags_clobber(g); /* as analyse.c expects of `and` */
		emit_ext_rr(&g->e, insn_of(g, i->b)->imm == 0xff ? EXT_Z8 : EXT_Z16, dst, a);
		ra_bind(g, v, dst);
	} else {
		lower_alu(g, v, i, ALU_AND);
	}
}

bool gen_halves(const struct gen *g, const struct ir_insn *i, ir_ref *up, ir_ref *down, unsigned *count)
{
	const struct ir_insn *l = insn_of(g, i->a), *r = insn_of(g, i->b);
	if (l->op == IR_shr) {
		l = r;
		r = insn_of(g, i->a);
	}
	if (i->type != IR_I32 || l->op != IR_shl || r->op != IR_shr || !is_const(g, l->b) || !is_const(g, r->b))
		return false;
	*up = l->a;
	*down = r->a;
	*count = (unsigned)insn_of(g, l->b)->imm & 31;
	return *count && *count + (insn_of(g, r->b)->imm & 31) == 32 && !is_const(g, *up) && !is_const(g, *down);
}

static void double_shift(struct gen *g, ir_ref v, ir_ref up, ir_ref down, unsigned count)
{
	int u = ra_use(g, up), d = ra_use(g, down);
	ra_release(g);
	ra_release_value(g, up);
	ra_release_value(g, down);
	int dst = ra_def(g, v, u);
	flags_clobber(g);
	if (dst == d && dst != u) {
		emit_shrd(&g->e, d, u, 32 - count);
	} else {
		if (dst != u)
			emit_mov_rr(&g->e, false, dst, u);
		emit_shld(&g->e, dst, d == u ? dst : d, count);
	}
	ra_bind(g, v, dst);
}

void lower_or(struct gen *g, ir_ref v, const struct ir_insn *i)
{
	ir_ref up, down;
	unsigned count;
	bool folded = (!is_const(g, i->a) && is_folded(g, i->a)) || (!is_const(g, i->b) && is_folded(g, i->b));
	if (folded && gen_halves(g, i, &up, &down, &count))
		double_shift(g, v, up, down, count);
	else
		lower_alu(g, v, i, ALU_OR);
}

void lower_xor(struct gen *g, ir_ref v, const struct ir_insn *i)
{
	lower_alu(g, v, i, ALU_XOR);
}

/* a & ~b, also for the flags of the result. */
void lower_andn(struct gen *g, ir_ref v, const struct ir_insn *i)
{
	bool w = is_wide(i);
	if (flags_fused(g, v))
		return;
	struct opnd b = ra_operand(g, i->b);
	if (b.kind == OPND_IMM) {
		struct opnd a = ra_operand(g, i->a), mask = b;
		ra_release(g);
		int dst = ra_def(g, v, a.reg);
		mask.imm = ~b.imm;
		flags_clobber(g);
		gen_alu3(g, w, ALU_AND, dst, &a, &mask);
		result_flags(g, v);
		ra_bind(g, v, dst);
		return;
	}
	int rb = b.kind == OPND_REG ? b.reg : ra_use(g, i->b), ra = ra_use(g, i->a);
	ra_release(g);
	int dst = ra_def(g, v, ra);
	flags_clobber(g);
	if (g->t->has_bmi2) {
		emit_andn(&g->e, w, dst, rb, ra);
	} else {
		int t = dst == ra ? ra_alloc(g) : dst;
		struct opnd from = {.kind = OPND_REG, .reg = rb};
		gen_move(g, w, t, &from);
		emit_not(&g->e, w, t);
		emit_alu_rr(&g->e, w, ALU_AND, dst, t == dst ? ra : t);
	}
	result_flags(g, v);
	ra_bind(g, v, dst);
}

/* ---- one operand -------------------------------------------------------------------------------- */

/* mov dst, a: for what is then changed in place. */
static int copy_to_def(struct gen *g, ir_ref v, const struct ir_insn *i, bool w)
{
	struct opnd a = ra_operand(g, i->a);
	ra_release(g);
	int dst = ra_def(g, v, a.reg);
	gen_move(g, w, dst, &a);
	return dst;
}

void lower_not(struct gen *g, ir_ref v, const struct ir_insn *i)
{
	int dst = copy_to_def(g, v, i, is_wide(i));
	emit_not(&g->e, is_wide(i), dst);
	ra_bind(g, v, dst);
}

void lower_neg(struct gen *g, ir_ref v, const struct ir_insn *i)
{
	int dst = copy_to_def(g, v, i, is_wide(i));
	flags_clobber(g);
	emit_neg(&g->e, is_wide(i), dst);
	ra_bind(g, v, dst);
}

void lower_bswap(struct gen *g, ir_ref v, const struct ir_insn *i)
{
	int dst = copy_to_def(g, v, i, is_wide(i));
	emit_bswap(&g->e, is_wide(i), dst);
	ra_bind(g, v, dst);
}

/* bsr leaves 0's result undefined: 63 (127) xor 31 (63) is the width. */
static void clz_by_bsr(struct gen *g, bool w, int dst, int a)
{
	int t = ra_alloc(g);
	emit_mov_ri(&g->e, t, w ? 127 : 63);
	emit_bsr(&g->e, w, dst, a);
	emit_cmov_rr(&g->e, w, CC_E, dst, t);
	emit_alu_ri(&g->e, w, ALU_XOR, dst, w ? 63 : 31);
}

void lower_clz(struct gen *g, ir_ref v, const struct ir_insn *i)
{
	int a = ra_use(g, i->a);
	ra_release(g);
	int dst = ra_def(g, v, a);
	flags_clobber(g);
	if (g->t->has_lzcnt)
		emit_lzcnt(&g->e, is_wide(i), dst, a);
	else
		clz_by_bsr(g, is_wide(i), dst, a);
	ra_bind(g, v, dst);
}

static void lower_ext(struct gen *g, ir_ref v, const struct ir_insn *i, enum x64_ext ext)
{
	struct opnd a = ra_operand_rm(g, i->a);
	ra_release(g);
	int dst = ra_def(g, v, a.reg);
	if (a.kind == OPND_MEM)
		emit_ext_rm(&g->e, ext, dst, a.mem);
	else
		emit_ext_rr(&g->e, ext, dst, a.reg);
	ra_bind(g, v, dst);
}

void lower_sext8(struct gen *g, ir_ref v, const struct ir_insn *i)
{
	lower_ext(g, v, i, EXT_S8);
}

void lower_sext16(struct gen *g, ir_ref v, const struct ir_insn *i)
{
	lower_ext(g, v, i, EXT_S16);
}

void lower_zext8(struct gen *g, ir_ref v, const struct ir_insn *i)
{
	lower_ext(g, v, i, EXT_Z8);
}

void lower_zext16(struct gen *g, ir_ref v, const struct ir_insn *i)
{
	lower_ext(g, v, i, EXT_Z16);
}

void lower_sext32(struct gen *g, ir_ref v, const struct ir_insn *i)
{
	lower_ext(g, v, i, EXT_S32Q);
}

/* Low half of an i64: always a real 32-bit mov, which clears the upper half. */
void lower_trunc(struct gen *g, ir_ref v, const struct ir_insn *i)
{
	struct opnd a = ra_operand_rm(g, i->a);
	ra_release(g);
	int dst = ra_def(g, v, a.reg);
	if (a.kind == OPND_MEM)
		emit_mov_rm(&g->e, false, dst, a.mem);
	else
		emit_mov_rr(&g->e, false, dst, a.reg);
	ra_bind(g, v, dst);
}

void lower_high(struct gen *g, ir_ref v, const struct ir_insn *i)
{
	struct opnd a = ra_operand_rm(g, i->a);
	ra_release(g);
	int dst = ra_def(g, v, a.reg);
	flags_clobber(g);
	if (a.kind == OPND_MEM) {
		a.mem.disp += 4;
		emit_mov_rm(&g->e, false, dst, a.mem);
	} else {
		gen_move(g, true, dst, &a);
		emit_shift_ri(&g->e, true, SH_SHR, dst, 32);
	}
	ra_bind(g, v, dst);
}

void lower_join(struct gen *g, ir_ref v, const struct ir_insn *i)
{
	int low = ra_use(g, i->a);
	struct opnd high = ra_operand(g, i->b);
	ra_release(g);
	int dst = ra_def(g, v, high.reg == low ? -1 : high.reg);
	flags_clobber(g);
	gen_move(g, false, dst, &high);
	emit_shift_ri(&g->e, true, SH_SHL, dst, 32);
	emit_alu_rr(&g->e, true, ALU_OR, dst, low);
	ra_bind(g, v, dst);
}
