/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From IR values to facts (fact.h): how the flags that an IR block made follow from what registers hold now. Where a register is written that alone
 * had what they follow from, a region keeps that in a slot: one store instead of one for each flag, and none where no fact asks for it.
 */
#include "frontend-arm/fact.h"

const struct arm_kind_ops arm_kind_ops[KINDS] = {
	[KIND_SUB_OF] = { IR_nop, IR_sub_c, IR_sub_v },
	[KIND_SUB] = { IR_sub, IR_sub_c, IR_sub_v }, [KIND_ADD] = { IR_add, IR_add_c, IR_add_v },
	[KIND_AND] = { IR_and, IR_nop, IR_nop },     [KIND_XOR] = { IR_xor, IR_nop, IR_nop },
	[KIND_OR] = { IR_or, IR_nop, IR_nop },       [KIND_ANDN] = { IR_andn, IR_nop, IR_nop },
	[KIND_SHL] = { IR_shl, IR_shl_c, IR_nop },   [KIND_SHR] = { IR_shr, IR_shr_c, IR_nop },
	[KIND_SAR] = { IR_sar, IR_sar_c, IR_nop },
};

/* ---- what a value is ----------------------------------------------------------------------------- */

/* The same operation on the same two values, as of `cmp r0, r1, lsl #1` and `lsl r1, r1, #1`. */
static bool is_twin(const struct arm_lower *l, ir_ref v, ir_ref w)
{
	const struct ir_insn *x = &l->u->insns[v], *y = &l->u->insns[w];
	return x->op == y->op && ir_ops[x->op].shape == IR_SHAPE_BINARY && x->a == y->a && (x->b == y->b || is_same_const(l, x->b, y->b));
}

/* A register that holds v now, or the slot, or NO_REG. */
static uint32_t holder(const struct arm_lower *l, ir_ref v)
{
	for (uint32_t n = 0; n < ARRAY_LEN(l->reg); n++)
		if (l->reg[n] == v)
			return n;
	for (uint32_t n = 0; ir_ops[l->u->insns[v].op].shape == IR_SHAPE_BINARY && n < ARRAY_LEN(l->reg); n++)
		if (l->reg[n] != IR_NONE && is_twin(l, l->reg[n], v))
			return n;
	return l->kept == v ? ARM_SLOT : NO_REG;
}

/* The fact with these operands, or 0. */
static uint32_t fact_of(const struct arm_lower *l, enum kind kind, uint32_t x, ir_ref y, uint32_t back)
{
	const struct ir_insn *i = &l->u->insns[y];
	if (x == NO_REG)
		return 0;
	uint32_t fact = kind | back | x << 8, c;
	if (i->op == IR_const)
		return arm_pack_const((uint32_t)i->imm, &c) ? fact | Y_IS_CONST | c : 0;
	uint32_t reg = holder(l, y);
	return reg == NO_REG ? 0 : fact | reg << 12;
}

static uint32_t result_fact(const struct arm_lower *l, ir_ref r)
{
	const struct ir_insn *i = &l->u->insns[r];
	uint32_t x = holder(l, r);
	if (x != NO_REG)
		return KIND_REG | x << 8;
	for (unsigned k = KIND_SUB; k < KINDS; k++) {
		if (arm_kind_ops[k].result != i->op)
			continue;
		bool nothing = l->u->insns[i->b].op == IR_const && !(uint32_t)l->u->insns[i->b].imm && (k == KIND_SUB || k == KIND_ADD);
		x = holder(l, i->a);
		return nothing && x != NO_REG ? KIND_REG | x << 8 : fact_of(l, (enum kind)k, x, i->b, 0);
	}
	return 0;
}

/* The register that holds the result of `op` on a and b, or NO_REG. */
static uint32_t holder_of_result(const struct arm_lower *l, uint8_t op, ir_ref a, ir_ref b)
{
	for (uint32_t n = 0; n <= ARM_SLOT; n++) {
		const struct ir_insn *i = fact_place(l, n) == IR_NONE ? NULL : &l->u->insns[fact_place(l, n)];
		if (i && i->op == op && i->a == a && i->b == b)
			return n;
	}
	return NO_REG;
}

/* The carry or overflow of a sum or difference: of its operands, or of one and the result. */
static uint32_t sum_fact(const struct arm_lower *l, enum kind kind, ir_ref a, ir_ref b)
{
	uint32_t x = holder(l, a), fact = fact_of(l, kind, x, b, 0);
	if (fact)
		return fact;
	uint32_t r = holder_of_result(l, arm_kind_ops[kind].result, a, b);
	if ((fact = fact_of(l, kind, r, b, BACK)) != 0)
		return fact;
	if (kind == KIND_SUB)
		return x == NO_REG || r == NO_REG ? 0 : KIND_SUB_OF | x << 8 | r << 12;
	fact = fact_of(l, kind, holder(l, b), a, 0);
	return fact ? fact : fact_of(l, kind, r, a, BACK);
}

/* A carry or overflow. */
static uint32_t carry_fact(const struct arm_lower *l, const struct ir_insn *i)
{
	for (unsigned k = KIND_SUB; k < KINDS && i->op != IR_nop; k++) {
		if (arm_kind_ops[k].carry != i->op && arm_kind_ops[k].overflow != i->op)
			continue;
		const struct ir_insn *y = &l->u->insns[i->b], *in = &l->u->insns[i->c];
		bool shift = k >= KIND_SHL, carry = arm_kind_ops[k].carry == i->op, is_const = y->op == IR_const;
		if (shift ? !is_const || !(y->imm & 0xff) : in->op != IR_const || in->imm != (k == KIND_SUB))
			return 0;
		if (!shift && is_const && !(uint32_t)y->imm)
			return CONST_FACT(carry && k == KIND_SUB);
		return shift ? fact_of(l, (enum kind)k, holder(l, i->a), i->b, 0) : sum_fact(l, (enum kind)k, i->a, i->b);
	}
	return 0;
}

uint32_t arm_describe_flag(const struct arm_lower *l, enum arm_flag f)
{
	const struct ir_insn *i = &l->u->insns[l->flag[f]];
	if (i->op == IR_const)
		return CONST_FACT(i->imm & 1);
	if (f == FLAG_C || f == FLAG_V)
		return carry_fact(l, i);
	if (i->op != IR_cmp || i->aux != (f == FLAG_N ? IR_LTS : IR_EQ))
		return 0;
	const struct ir_insn *r = &l->u->insns[i->a], *zero = &l->u->insns[i->b];
	if (zero->op != IR_const || zero->imm)
		return 0;
	if (r->op == IR_const)
		return CONST_FACT(f == FLAG_N ? (uint32_t)r->imm >> 31 : (uint32_t)r->imm == 0);
	return result_fact(l, i->a);
}

/* ---- what is kept -------------------------------------------------------------------------------- */

/* Does flag f follow from v, as an operand or as the result? */
static bool is_term(const struct arm_lower *l, enum arm_flag f, ir_ref v)
{
	const struct ir_insn *i = &l->u->insns[l->flag[f]], *r = &l->u->insns[v];
	if (i->op == IR_cmp)
		return i->a == v || l->u->insns[i->a].a == v || l->u->insns[i->a].b == v;
	return i->a == v || i->b == v || (r->a == i->a && r->b == i->b);
}

/* Does flag f follow from v as it will be, only if that is in the slot? */
static bool needs_slot(struct arm_lower *l, enum arm_flag f, uint32_t n)
{
	ir_ref v = l->reg[n], before = l->kept;
	if (l->flag[f] == IR_NONE)
		return false;
	l->reg[n] = IR_NONE;
	bool lost = !arm_describe_flag(l, f);
	l->kept = v;
	bool found = lost && arm_describe_flag(l, f);
	l->kept = before;
	l->reg[n] = v;
	return found;
}

void arm_keep_operand(struct arm_lower *l, uint32_t n)
{
	unsigned terms = 0, wanted = 0;
	for (enum arm_flag f = FLAG_N; f <= FLAG_C; f += 2)
		terms |= (unsigned)(l->flag[f] != IR_NONE && is_term(l, f, l->reg[n])) << f;
	if (!terms)
		return;
	terms &= ~(unsigned)arm_sure_flags(l).flags;
	for (enum arm_flag f = FLAG_N; f <= FLAG_C; f += 2) {
		if (l->flag[f] != IR_NONE && l->kept != IR_NONE && fact_in_slot(arm_describe_flag(l, f)))
			return;
		wanted |= terms >> f & (unsigned)needs_slot(l, f, n);
	}
	if (!wanted)
		return;
	ir_set(l->u, ARM_G_kept, l->reg[n]);
	l->kept = l->reg[n];
	l->set_regs |= 1u << ARM_SLOT;
}
