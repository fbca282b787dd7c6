/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is known of the flags from one IR block to the next: facts, each of which says how one flag follows from registers (fact.h, decision 019).
 * A block that starts with facts sets those flags again ahead of its first access, which costs nothing (ir.h, IR_SET_AGAIN); then the blocks
 * before need not write them for who looks at a fault. In a region they are written where it is left.
 */
#include "frontend-arm/fact.h"

/* ---- what is known ------------------------------------------------------------------------------- */

/* A fact that the block started with, and whose registers are as they were. */
static uint32_t kept(const struct arm_lower *l, enum arm_flag f)
{
	uint32_t fact = l->known.fact[f];
	bool x = !has_x(fact) || fact_place(l, x_of(fact)) == l->known_x[f], y = !has_y_reg(fact) || fact_place(l, y_of(fact)) == l->known_y[f];
	return x && y ? fact : 0;
}

/* What follows from registers stays so, since others may know the same of these flags; else what is sure is known. And constants are sure. */
static void know_sure(struct arm_known *known)
{
	for (unsigned f = 0; f < ARM_FLAGS; f++) {
		if (!known->fact[f] && known->sure.flags >> f & 1u)
			known->fact[f] = CONST_FACT(known->sure.values >> f & 1u);
		if (kind_of(known->fact[f]) != KIND_CONST)
			continue;
		known->sure.flags |= (uint8_t)(1u << f);
		known->sure.values = (uint8_t)((known->sure.values & ~(1u << f)) | y_of(known->fact[f]) << f);
	}
}

static struct arm_known known_flags(const struct arm_lower *l, struct arm_sure sure)
{
	struct arm_known known = { { 0 }, sure };
	for (unsigned f = 0; f < ARM_FLAGS; f++) {
		if (l->flag[f] != IR_NONE)
			known.fact[f] = arm_describe_flag(l, (enum arm_flag)f);
		else if (l->again >> f & 1u)
			known.fact[f] = kept(l, (enum arm_flag)f);
		if (fact_in_slot(known.fact[f]) && sure.flags >> f & 1u)
			known.fact[f] = 0; /* a constant needs no slot */
	}
	know_sure(&known);
	return known;
}

struct arm_flow arm_flow(const struct arm_lower *l)
{
	return (struct arm_flow){ known_flags(l, arm_sure_flags(l)), arm_debt(l) };
}

struct arm_flow arm_flow_where(const struct arm_lower *l, enum arm_cond cond)
{
	return (struct arm_flow){ known_flags(l, arm_sure_where(l, cond)), arm_debt(l) };
}

struct arm_flow arm_common_flow(const struct arm_flow *a, const struct arm_flow *b)
{
	return (struct arm_flow){ arm_common_known(&a->known, &b->known), a->debt == b->debt ? a->debt : 0 };
}

struct arm_known arm_common_known(const struct arm_known *a, const struct arm_known *b)
{
	struct arm_known both = { { 0 }, { (uint8_t)(a->sure.flags & b->sure.flags & ~(a->sure.values ^ b->sure.values)), a->sure.values } };
	for (unsigned f = 0; f < ARM_FLAGS; f++)
		both.fact[f] = a->fact[f] == b->fact[f] ? a->fact[f] : 0;
	know_sure(&both);
	return both;
}

/* Does it follow from none of these registers? */
static bool outlives(uint32_t fact, uint16_t written)
{
	return !(written >> x_of(fact) & 1u) && !(has_y_reg(fact) && written >> y_of(fact) & 1u);
}

struct arm_known arm_known_behind(const struct arm_known *known, const struct arm_region_way *way)
{
	struct arm_known there = way->own;
	unsigned sure = known->sure.flags & way->alone & ~there.sure.flags;
	there.sure.flags |= (uint8_t)sure;
	there.sure.values = (uint8_t)((there.sure.values & ~sure) | (known->sure.values & sure));
	for (unsigned f = 0; f < ARM_FLAGS; f++)
		if (way->alone >> f & 1u && has_x(known->fact[f]) && outlives(known->fact[f], way->written))
			there.fact[f] = known->fact[f];
	know_sure(&there); /* constants, too */
	return there;
}

struct arm_region_way arm_region_way(const struct arm_lower *l, const struct arm_known *known, const struct arm_known *assumed)
{
	struct arm_region_way way = { *known, *known, (uint8_t)(ARM_NZCV & ~l->set_flags), l->set_regs, true };
	way.own.sure.flags &= (uint8_t)~(way.alone & assumed->sure.flags);
	for (unsigned f = 0; f < ARM_FLAGS; f++)
		if (way.alone >> f & 1u)
			way.own.fact[f] = 0;
	return way;
}

struct arm_flow arm_flow_of_all(const struct arm_ways *ways, struct arm_flow flow)
{
	for (unsigned k = 0; k < ways->n; k++)
		flow = arm_common_flow(&flow, &ways->way[k].flow);
	return flow;
}

unsigned arm_known_mask(const struct arm_known *known)
{
	unsigned mask = 0;
	for (unsigned f = 0; f < ARM_FLAGS; f++)
		mask |= (unsigned)(known->fact[f] != 0) << f;
	return mask;
}

/* ---- from facts to values ------------------------------------------------------------------------ */

static ir_ref value_of(struct arm_lower *l, uint32_t n)
{
	if (n == ARM_SLOT && l->kept == IR_NONE)
		l->kept = ir_get(l->u, ARM_G_kept);
	return n == ARM_SLOT ? l->kept : arm_reg(l, n);
}

static ir_ref y_value(struct arm_lower *l, uint32_t fact, ir_ref y)
{
	return fact & Y_IS_CONST ? arm_const(l, y_of(fact)) : y;
}

/* Flags that follow from one operation ask for it one after the other: once is enough, and all of them are those of one host instruction. */
static ir_ref once(struct arm_lower *l, enum ir_op op, ir_ref a, ir_ref b)
{
	const struct ir_unit *u = l->u;
	ir_ref first = u->blocks[u->cur].first;
	for (ir_ref r = u->n_insns; r > first && u->n_insns - r < 16; r--) {
		const struct ir_insn *i = &u->insns[r - 1];
		if (i->op == op && i->type == IR_I32 && i->a == a && (i->b == b || is_same_const(l, i->b, b)))
			return r - 1;
	}
	return ir_emit(l->u, op, IR_I32, 0, a, b, IR_NONE, 0);
}

static ir_ref result_value(struct arm_lower *l, uint32_t fact, ir_ref x, ir_ref y)
{
	if (kind_of(fact) == KIND_REG)
		return x;
	return once(l, (enum ir_op)arm_kind_ops[kind_of(fact)].result, x, y_value(l, fact, y));
}

static ir_ref second_operand(struct arm_lower *l, uint32_t fact, ir_ref x, ir_ref y)
{
	return kind_of(fact) == KIND_SUB_OF ? ir_sub(l->u, IR_I32, x, y) : y_value(l, fact, y);
}

/* What went in beside y. */
static ir_ref first_operand(struct arm_lower *l, uint32_t fact, ir_ref x, ir_ref y)
{
	if (!(fact & BACK))
		return x;
	y = y_value(l, fact, y);
	return once(l, kind_of(fact) == KIND_SUB ? IR_add : IR_sub, x, y);
}

static ir_ref flag_value(struct arm_lower *l, enum arm_flag f, uint32_t fact, ir_ref x, ir_ref y)
{
	if (kind_of(fact) == KIND_CONST)
		return arm_const(l, y_of(fact));
	if (f == FLAG_N || f == FLAG_Z)
		return ir_cmp(l->u, IR_I32, f == FLAG_N ? IR_LTS : IR_EQ, result_value(l, fact, x, y), arm_const(l, 0));
	bool shift = kind_of(fact) >= KIND_SHL;
	uint8_t op = f == FLAG_C ? arm_kind_ops[kind_of(fact)].carry : arm_kind_ops[kind_of(fact)].overflow;
	ir_ref a = first_operand(l, fact, x, y), b = second_operand(l, fact, x, y), in = arm_const(l, kind_of(fact) <= KIND_SUB);
	return ir_emit(l->u, (enum ir_op)op, shift ? IR_VOID : IR_I32, 0, a, b, in, 0);
}

ir_ref arm_known_value(struct arm_lower *l, enum arm_flag f)
{
	return flag_value(l, f, l->known.fact[f], l->known_x[f], l->known_y[f]);
}

/* What a condition may compare, when all flags follow from one operation. */
static void find_source(struct arm_lower *l)
{
	const uint32_t *fact = l->known.fact, n = fact[FLAG_N], c = fact[FLAG_C];
	ir_ref x = l->known_x[FLAG_C], y = l->known_y[FLAG_C];
	bool by_zero = kind_of(n) == KIND_REG && c == CONST_FACT(1) && fact[FLAG_V] == CONST_FACT(0);
	bool sub = kind_of(c) == KIND_SUB || kind_of(c) == KIND_SUB_OF, one = (sub || kind_of(c) == KIND_ADD) && c == fact[FLAG_V];
	if (c & BACK)
		one &= n == (KIND_REG | x_of(c) << 8);
	else
		one &= n == (kind_of(c) == KIND_SUB_OF ? KIND_REG | y_of(c) << 8 : c);
	if (!n || n != fact[FLAG_Z] || kind_of(n) == KIND_CONST)
		return;
	l->source_end = l->u->n_insns;
	l->src_r = result_value(l, n, l->known_x[FLAG_N], l->known_y[FLAG_N]);
	l->source = FLAGS_RESULT;
	if (!one && !by_zero)
		return;
	l->source = by_zero || sub ? FLAGS_SUB : FLAGS_ADD;
	l->src_a = by_zero ? l->src_r : first_operand(l, c, x, y);
	l->src_b = by_zero ? arm_const(l, 0) : second_operand(l, c, x, y);
}

void arm_assume_known(struct arm_lower *l, const struct arm_known *known)
{
	l->known = *known;
	l->sure = known->sure;
	l->again = arm_known_mask(known);
	for (unsigned f = 0; f < ARM_FLAGS; f++) {
		uint32_t fact = known->fact[f];
		l->known_x[f] = has_x(fact) ? value_of(l, x_of(fact)) : IR_NONE;
		l->known_y[f] = has_y_reg(fact) ? value_of(l, y_of(fact)) : IR_NONE;
	}
	find_source(l);
}

/* ---- looking at them ----------------------------------------------------------------------------- */

void arm_set_again(struct arm_lower *l)
{
	for (unsigned f = 0; f < ARM_FLAGS; f++)
		if (l->again >> f & 1u)
			ir_set_again(l->u, (uint16_t)(ARM_G_n + f), arm_flag(l, (enum arm_flag)f));
	l->again = 0;
}

/* N or Z of a register, where the carry of the operation that gave it is to be written, too: all flags of that operation done again. */
static ir_ref sign_or_zero_again(struct arm_lower *l, enum arm_flag f)
{
	uint32_t c = l->known.fact[FLAG_C];
	ir_ref y = l->known_y[FLAG_C], a = first_operand(l, c, l->known_x[FLAG_C], y);
	ir_ref r = once(l, (enum ir_op)arm_kind_ops[kind_of(c)].result, a, y_value(l, c, y));
	return ir_cmp(l->u, IR_I32, f == FLAG_N ? IR_LTS : IR_EQ, r, arm_const(l, 0));
}

static ir_ref value_to_pay(struct arm_lower *l, enum arm_flag f, unsigned paid)
{
	uint32_t c = l->known.fact[FLAG_C];
	bool with_carry = (f == FLAG_N || f == FLAG_Z) && paid >> FLAG_C & 1u && c & BACK;
	if (with_carry && l->flag[f] == IR_NONE && l->known.fact[f] == (KIND_REG | x_of(c) << 8))
		return sign_or_zero_again(l, f);
	return arm_flag(l, f);
}

void arm_write_again(struct arm_lower *l, unsigned mask)
{
	unsigned paid = l->again & mask;
	for (unsigned f = 0; f < ARM_FLAGS; f++)
		if (paid >> f & 1u)
			ir_set(l->u, (uint16_t)(ARM_G_n + f), value_to_pay(l, (enum arm_flag)f, paid));
	l->again &= ~mask;
}

void arm_pay_again(struct arm_lower *l, unsigned mask)
{
	if (l->region)
		arm_write_again(l, mask);
}

void arm_pay_known(struct arm_lower *l, const struct arm_known *known, unsigned mask)
{
	arm_assume_known(l, known);
	arm_pay_again(l, mask);
}
