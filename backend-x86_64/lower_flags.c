/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Conditions and the ops that make them. A condition stays in the host's flags for as long as
 * they last; `set` of a one-byte global then is one setcc to memory, a branch one jcc.
 *
 *   cmp a, b          cmp a, b                  add_c, add_v      mov t, a; add t, b   (cin = 0)
 *   cmp a, 0          test a, a                                   [cin]; mov t, a; adc t, b
 *   sub_c, sub_v      cmp a, b    (cin = 1)     sub_c, sub_v      [cin]; mov t, a; sbb t, b
 *   shl_c             bt a, 32 - n              shr_c, sar_c      bt a, n - 1
 *   adc a, k          [cin]; mov t, a; adc t, k         when cin is there the other way round: mov t, a; sbb t, ~k; of sbc: adc t, ~k
 *
 * and nothing at all when analyse.c fused them with an earlier insn.
 */
#include "backend-x86_64/gen.h"

/* ---- state of the flags ------------------------------------------------------------------------- */

void flags_to_reg(struct gen *g, enum x64_cc cc, int reg)
{
	emit_setcc_r(&g->e, cc, reg);
	emit_ext_rr(&g->e, EXT_Z8, reg, reg);
}

void flags_clobber(struct gen *g)
{
	for (unsigned k = 0; k < g->n_pending; k++) {
		ir_ref v = g->pending[k];
		const struct value *val = &g->val[v];
		if (!in_flags(g, v) || val->reg >= 0 || val->slot >= 0 || val->global >= 0)
			continue;
		if (!lives_on(g, v) && !(is_noted(g, v) && notes_lose(g, v)))
			continue;
		uint16_t locked = g->locked;
		ra_save_flag(g, v);
		g->locked = locked;
	}
	g->flags = IR_NONE;
	g->n_pending = 0;
}

void flags_set(struct gen *g, ir_ref v)
{
	assert(g->flags == IR_NONE);
	g->flags = v;
}

/* Is a one-byte global waiting for v? Then setcc writes it now. */
static bool store_early(struct gen *g, ir_ref v, enum x64_cc cc)
{
	int target = g->val[v].target;
	if (target < 0 || g->t->guest->globals[target].mem_bytes != 1)
		return false;
	ra_detach(g, (unsigned)target);
	emit_setcc_m(&g->e, cc, global_mem(g->t, (unsigned)target));
	ra_alias(g, v, (unsigned)target);
	g->holds[target] = v;
	return true;
}

void flags_define(struct gen *g, ir_ref v, enum x64_cc cc)
{
	struct value *val = &g->val[v];
	assert(g->flags != IR_NONE);
	g->locked = 0; /* the operands are done with */
	val->cc = (uint8_t)cc;
	val->flags_of = g->flags;
	if (!val->last_use || store_early(g, v, cc))
		return;
	if (val->target >= 0 && home_of(g, (unsigned)val->target) >= 0) {
		int r = ra_def(g, v, -1);
		flags_to_reg(g, cc, r);
		ra_bind(g, v, r);
	} else if (g->n_pending < GEN_MAX_PENDING) {
		g->pending[g->n_pending++] = v;
	} else {
		ra_use(g, v);
	}
}

/* ---- making flags ------------------------------------------------------------------------------- */

/* v is only in a one-byte global. */
static bool in_byte(const struct gen *g, ir_ref v)
{
	const struct value *val = &g->val[v];
	return val->reg < 0 && val->slot < 0 && val->global >= 0 && !is_const(g, v) &&
	       g->t->guest->globals[val->global].mem_bytes == 1;
}

static struct x64_mem byte_mem(const struct gen *g, ir_ref v)
{
	return global_mem(g->t, (unsigned)g->val[v].global);
}

void flags_compare(struct gen *g, ir_ref a, ir_ref b, bool w)
{
	if (in_byte(g, a) && !in_flags(g, a) && is_const(g, b) && insn_of(g, b)->imm <= INT8_MAX) {
		flags_clobber(g);
		emit_alu8_mi(&g->e, ALU_CMP, byte_mem(g, a), (int8_t)insn_of(g, b)->imm);
		return;
	}
	struct opnd ob = ra_operand(g, b);
	struct opnd oa = ob.kind == OPND_MEM ? (struct opnd){.reg = ra_use(g, a)} : ra_operand_rm(g, a);
	flags_clobber(g);
	if (oa.kind == OPND_MEM && ob.kind == OPND_IMM)
		emit_alu_mi(&g->e, w, ALU_CMP, oa.mem, ob.imm);
	else if (oa.kind == OPND_MEM)
		emit_alu_mr(&g->e, w, ALU_CMP, oa.mem, ob.reg);
	else if (ob.kind == OPND_IMM && ob.imm == 0)
		emit_test_rr(&g->e, w, oa.reg, oa.reg);
	else
		gen_alu(g, w, ALU_CMP, oa.reg, &ob);
}

/* The flags say whether v != 0, if somebody still asks the same. */
static void truth_tested(struct gen *g)
{
	if (sets_flags(g, g->at))
		flags_set(g, g->at);
}

/* Are they those of an earlier test of v? */
static bool is_tested(const struct gen *g, ir_ref v)
{
	if (g->flags == IR_NONE)
		return false;
	const struct ir_insn *by = insn_of(g, g->flags);
	return (by->op == IR_select || by->op == IR_stick) && by->a == v;
}

enum x64_cc flags_truth(struct gen *g, ir_ref v)
{
	if (in_flags(g, v))
		return (enum x64_cc)g->val[v].cc;
	if (g->flags == v || is_tested(g, v)) /* of the instruction that made it; or asked before */
		return CC_NE;
	if (in_byte(g, v)) {
		flags_clobber(g);
		emit_alu8_mi(&g->e, ALU_CMP, byte_mem(g, v), 0);
		truth_tested(g);
		return CC_NE;
	}
	uint16_t locked = g->locked;
	struct opnd o = ra_operand_rm(g, v);
	g->locked = locked; /* tested and done with */
	flags_clobber(g);
	if (o.kind == OPND_MEM)
		emit_alu_mi(&g->e, false, ALU_CMP, o.mem, 0);
	else
		emit_test_rr(&g->e, false, o.reg, o.reg);
	truth_tested(g);
	return CC_NE;
}

/* CF = the 0 or 1 that is c, or its opposite. A byte is not read as a part of more: that would wait for its store. True: CF is the other way round. */
static bool carry_from(struct gen *g, ir_ref c, bool inverted)
{
	uint16_t locked = g->locked;
	bool byte = in_byte(g, c);
	struct opnd o = {.kind = OPND_MEM};
	if (!byte)
		o = ra_operand_rm(g, c);
	g->locked = locked;
	flags_clobber(g);
	if (o.kind == OPND_REG && !inverted) {
		emit_bt_ri(&g->e, false, o.reg, 0);
		return false;
	}
	if (byte)
		emit_alu8_mi(&g->e, ALU_CMP, byte_mem(g, c), 1);
	else if (o.kind == OPND_MEM)
		emit_alu_mi(&g->e, false, ALU_CMP, o.mem, 1);
	else
		emit_alu_ri(&g->e, false, ALU_CMP, o.reg, 1);
	return !inverted;
}

/* The same, of any c. */
static bool bring_carry(struct gen *g, ir_ref c, bool inverted)
{
	if (is_const(g, c)) {
		flags_clobber(g);
		if ((insn_of(g, c)->imm != 0) != inverted)
			emit_stc(&g->e);
		else
			emit_clc(&g->e);
		return false;
	}
	if (in_flags(g, c) && (g->val[c].cc == CC_B || g->val[c].cc == CC_AE)) {
		bool cf_is_inverse = g->val[c].cc == CC_AE;
		flags_clobber(g);
		return cf_is_inverse != inverted;
	}
	return carry_from(g, c, inverted);
}

void flags_carry_in(struct gen *g, ir_ref c, bool inverted)
{
	if (bring_carry(g, c, inverted))
		emit_cmc(&g->e);
}

/* ---- cmp, add_c, add_v, sub_c, sub_v ------------------------------------------------------------ */

bool flags_fused(struct gen *g, ir_ref v)
{
	if (g->val[v].fuse == IR_NONE)
		return false;
	assert(g->flags == g->val[v].fuse && "analyse.c thought that the flags would last");
	flags_define(g, v, (enum x64_cc)g->val[v].cc);
	return true;
}

/* The flags of an addition or subtraction whose result nobody wants. */
static void flags_only(struct gen *g, const struct ir_insn *i, enum x64_alu op)
{
	bool w = i->type == IR_I64;
	struct opnd b = ra_operand(g, i->b), a = ra_operand(g, i->a);
	int t = ra_alloc(g);
	if (g->flags != IR_NONE)
		flags_clobber(g);
	gen_alu3(g, w, op, t, &a, &b);
}

/* Operands that are conditions of the flags come to safety before a carry-in destroys them. */
static void rescue_operands(struct gen *g, const struct ir_insn *i)
{
	uint16_t locked = g->locked;
	if (in_flags(g, i->a))
		ra_use(g, i->a);
	if (in_flags(g, i->b))
		ra_use(g, i->b);
	g->locked = locked;
}

static void sum_condition(struct gen *g, ir_ref v, const struct ir_insn *i, enum x64_cc cc)
{
	if (flags_fused(g, v))
		return;
	if (is_const(g, i->c) && insn_of(g, i->c)->imm == 0) {
		flags_only(g, i, ALU_ADD);
	} else {
		rescue_operands(g, i);
		flags_carry_in(g, i->c, false);
		flags_only(g, i, ALU_ADC);
	}
	flags_set(g, v);
	flags_define(g, v, cc);
}

static void difference_condition(struct gen *g, ir_ref v, const struct ir_insn *i, enum x64_cc cc)
{
	if (flags_fused(g, v))
		return;
	if (is_const(g, i->c) && insn_of(g, i->c)->imm != 0) {
		flags_compare(g, i->a, i->b, i->type == IR_I64);
	} else {
		rescue_operands(g, i);
		flags_carry_in(g, i->c, true);
		flags_only(g, i, ALU_SBB);
	}
	flags_set(g, v);
	flags_define(g, v, cc);
}

void lower_cmp(struct gen *g, ir_ref v, const struct ir_insn *i)
{
	if (flags_fused(g, v))
		return;
	flags_compare(g, i->a, i->b, i->type == IR_I64);
	flags_set(g, v);
	flags_define(g, v, x64_cc_of((enum ir_cc)i->aux));
}

void lower_add_c(struct gen *g, ir_ref v, const struct ir_insn *i)
{
	sum_condition(g, v, i, CC_B);
}

void lower_add_v(struct gen *g, ir_ref v, const struct ir_insn *i)
{
	sum_condition(g, v, i, CC_O);
}

void lower_sub_c(struct gen *g, ir_ref v, const struct ir_insn *i)
{
	difference_condition(g, v, i, CC_AE);
}

void lower_sub_v(struct gen *g, ir_ref v, const struct ir_insn *i)
{
	difference_condition(g, v, i, CC_O);
}

/* ---- shl_c, shr_c, sar_c ------------------------------------------------------------------------ */

/* t = the low byte of the count; those that shift everything out end as 63. */
static void clamped_count(struct gen *g, int t, const struct opnd *count)
{
	if (count->kind == OPND_MEM)
		emit_ext_rm(&g->e, EXT_Z8, t, count->mem);
	else
		emit_ext_rr(&g->e, EXT_Z8, t, count->reg);
	emit_test8_ri(&g->e, t, 0xc0);
	uint8_t *small = emit_jcc(&g->e, CC_E);
	emit_mov_ri(&g->e, t, 63);
	emit_link(small, g->e.cur);
}

/* x, which is the carry-in, becomes 33 bits with it at the end that leaves first. */
static void append_carry(struct gen *g, enum ir_op op, int x, ir_ref a)
{
	int r = ra_use(g, a);
	if (op == IR_shl_c) {
		emit_shift_ri(&g->e, true, SH_SHL, x, 32);
		emit_alu_rr(&g->e, true, ALU_OR, x, r);
		return;
	}
	if (op == IR_sar_c) {
		int t = ra_alloc(g);
		emit_ext_rr(&g->e, EXT_S32Q, t, r);
		r = t;
	}
	emit_lea(&g->e, true, x, x64_mem_index(x, r, 1, 0));
}

/*
 * By a variable count: x holds the 33 bits, t says which one leaves last.
 *
 *   mov x, c; [x with a]; movzx t, b; test t, 0xc0; je 1f; mov t, 63
 *   1: bt x, t                           shl_c: neg t; add t, 32; bt x, t
 */
static void bit_by_register(struct gen *g, const struct ir_insn *i)
{
	rescue_operands(g, i);
	int c = ra_use(g, i->c), x = ra_alloc(g);
	emit_mov_rr(&g->e, false, x, c);
	g->locked = (uint16_t)(1u << x);
	flags_clobber(g);
	append_carry(g, (enum ir_op)i->op, x, i->a);
	g->locked = (uint16_t)(1u << x);
	struct opnd count = ra_operand_rm(g, i->b);
	int t = ra_alloc(g);
	clamped_count(g, t, &count);
	if (i->op == IR_shl_c) {
		emit_neg(&g->e, false, t);
		emit_alu_ri(&g->e, false, ALU_ADD, t, 32);
	}
	emit_bt_rr(&g->e, true, x, t);
}

static void shifted_out(struct gen *g, ir_ref v, const struct ir_insn *i)
{
	if (flags_fused(g, v))
		return;
	uint32_t n = is_const(g, i->b) ? insn_of(g, i->b)->imm & 0xff : 0;
	if (n > 0 && n <= 32) {
		int a = ra_use(g, i->a);
		flags_clobber(g);
		emit_bt_ri(&g->e, false, a, i->op == IR_shl_c ? 32 - n : n - 1);
	} else {
		bit_by_register(g, i);
	}
	flags_set(g, v);
	flags_define(g, v, CC_B);
}

void lower_shl_c(struct gen *g, ir_ref v, const struct ir_insn *i)
{
	shifted_out(g, v, i);
}

void lower_shr_c(struct gen *g, ir_ref v, const struct ir_insn *i)
{
	shifted_out(g, v, i);
}

void lower_sar_c(struct gen *g, ir_ref v, const struct ir_insn *i)
{
	shifted_out(g, v, i);
}

/* ---- adc, sbc: the carry-in first, then moves and one instruction ---------------------------------- */

/* With the opposite carry, a + b + c is a - ~b - CF, and a - b - !c is a + ~b + CF. */
static void with_carry(struct gen *g, ir_ref v, const struct ir_insn *i, enum x64_alu op, bool inverted)
{
	bool w = i->type == IR_I64;
	rescue_operands(g, i);
	bool opposite = bring_carry(g, i->c, inverted);
	struct opnd b = ra_operand(g, i->b);
	if (opposite && b.kind == OPND_IMM && !sets_flags(g, v)) {
		b.imm = ~b.imm;
		op = op == ALU_ADC ? ALU_SBB : ALU_ADC;
	} else if (opposite) {
		emit_cmc(&g->e);
	}
	struct opnd a = ra_operand(g, i->a);
	ra_release(g);
	int dst = ra_def(g, v, a.reg);
	gen_alu3(g, w, op, dst, &a, &b);
	if (sets_flags(g, v))
		flags_set(g, v);
	ra_bind(g, v, dst);
}

void lower_adc(struct gen *g, ir_ref v, const struct ir_insn *i)
{
	with_carry(g, v, i, ALU_ADC, false);
}

void lower_sbc(struct gen *g, ir_ref v, const struct ir_insn *i)
{
	with_carry(g, v, i, ALU_SBB, true);
}

/*
 * select:  [flags of a]; mov dst, c; cmovcc dst, b        (dst is not b's register)
 *                        cmov!cc dst, c                   (it is)
 */
void lower_select(struct gen *g, ir_ref v, const struct ir_insn *i)
{
	bool w = i->type == IR_I64;
	struct opnd b = ra_operand_rm(g, i->b), c = ra_operand(g, i->c);
	enum x64_cc cc = flags_truth(g, i->a);
	ra_release(g);
	int dst = ra_def(g, v, c.reg);
	if (b.kind == OPND_REG && b.reg == dst) {
		if (c.kind == OPND_IMM) {
			int t = ra_alloc(g);
			gen_move(g, w, t, &c);
			emit_cmov_rr(&g->e, w, cc ^ 1, dst, t);
		} else if (c.kind == OPND_MEM) {
			emit_cmov_rm(&g->e, w, cc ^ 1, dst, c.mem);
		} else if (c.reg != dst) {
			emit_cmov_rr(&g->e, w, cc ^ 1, dst, c.reg);
		}
	} else {
		gen_move(g, w, dst, &c);
		if (b.kind == OPND_MEM)
			emit_cmov_rm(&g->e, w, cc, dst, b.mem);
		else
			emit_cmov_rr(&g->e, w, cc, dst, b.reg);
	}
	ra_bind(g, v, dst);
}
