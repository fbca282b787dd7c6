/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is known of the flags from one IR block to the next: facts, each of which says how one flag follows from registers (decision 019).
 * A block that starts with facts sets those flags again ahead of its first access, which costs nothing (ir.h, IR_SET_AGAIN); then the blocks
 * before need not write them for who looks at a fault. In a region they are written where it is left.
 *
 *   fact    bits 3:0 enum kind   4 y is a constant   5 x is the result, y what went into it beside   11:8 register x
 *           31:12 register y, or a constant (owed.h). 0 = nothing is known. Equal facts are equal words.
 */
#include "frontend-arm/lower.h"
#include "frontend-arm/owed.h"

enum kind {
	KIND_NONE,
	KIND_CONST, /* y */
	KIND_REG,   /* N, Z of x */
	KIND_SUB_OF, /* C, V of x - b, whose result is y */
	KIND_SUB, KIND_ADD, KIND_AND, KIND_XOR, KIND_OR, KIND_ANDN, KIND_SHL, KIND_SHR, KIND_SAR,
	KINDS
};

/* The ops that make the result, carry and overflow of a kind; IR_nop = it has none. */
static const struct {
	uint8_t result, carry, overflow;
} kind_ops[KINDS] = {
	[KIND_SUB_OF] = { IR_nop, IR_sub_c, IR_sub_v },
	[KIND_SUB] = { IR_sub, IR_sub_c, IR_sub_v }, [KIND_ADD] = { IR_add, IR_add_c, IR_add_v },
	[KIND_AND] = { IR_and, IR_nop, IR_nop },     [KIND_XOR] = { IR_xor, IR_nop, IR_nop },
	[KIND_OR] = { IR_or, IR_nop, IR_nop },       [KIND_ANDN] = { IR_andn, IR_nop, IR_nop },
	[KIND_SHL] = { IR_shl, IR_shl_c, IR_nop },   [KIND_SHR] = { IR_shr, IR_shr_c, IR_nop },
	[KIND_SAR] = { IR_sar, IR_sar_c, IR_nop },
};

#define Y_IS_CONST 16u
#define BACK 32u
#define NO_REG 16u
#define CONST_FACT(bit) (KIND_CONST | Y_IS_CONST | (uint32_t)(bit) << 13)

static enum kind kind_of(uint32_t fact) { return (enum kind)(fact & 15); }
static uint32_t x_of(uint32_t fact) { return fact >> 8 & 15; }
static uint32_t y_of(uint32_t fact) { return fact & Y_IS_CONST ? arm_unpack_const(fact) : fact >> 12 & 15; }
static bool has_x(uint32_t fact) { return kind_of(fact) >= KIND_REG; }
static bool has_y_reg(uint32_t fact) { return kind_of(fact) > KIND_REG && !(fact & Y_IS_CONST); }

/* ---- what a value is ----------------------------------------------------------------------------- */

static bool same_const(const struct arm_lower *l, ir_ref v, ir_ref w)
{
	const struct ir_insn *x = &l->u->insns[v], *y = &l->u->insns[w];
	return x->op == IR_const && y->op == IR_const && x->imm == y->imm;
}

/* The same operation on the same two values, as of `cmp r0, r1, lsl #1` and `lsl r1, r1, #1`. */
static bool is_twin(const struct arm_lower *l, ir_ref v, ir_ref w)
{
	const struct ir_insn *x = &l->u->insns[v], *y = &l->u->insns[w];
	return x->op == y->op && ir_ops[x->op].shape == IR_SHAPE_BINARY && x->a == y->a && (x->b == y->b || same_const(l, x->b, y->b));
}

/* A register that holds v now, or NO_REG. */
static uint32_t holder(const struct arm_lower *l, ir_ref v)
{
	for (uint32_t n = 0; n < ARRAY_LEN(l->reg); n++)
		if (l->reg[n] == v)
			return n;
	for (uint32_t n = 0; ir_ops[l->u->insns[v].op].shape == IR_SHAPE_BINARY && n < ARRAY_LEN(l->reg); n++)
		if (l->reg[n] != IR_NONE && is_twin(l, l->reg[n], v))
			return n;
	return NO_REG;
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
		if (kind_ops[k].result != i->op)
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
	for (uint32_t n = 0; n < ARRAY_LEN(l->reg); n++) {
		const struct ir_insn *i = l->reg[n] == IR_NONE ? NULL : &l->u->insns[l->reg[n]];
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
	uint32_t r = holder_of_result(l, kind_ops[kind].result, a, b);
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
		if (kind_ops[k].carry != i->op && kind_ops[k].overflow != i->op)
			continue;
		const struct ir_insn *y = &l->u->insns[i->b], *in = &l->u->insns[i->c];
		bool shift = k >= KIND_SHL, carry = kind_ops[k].carry == i->op, is_const = y->op == IR_const;
		if (shift ? !is_const || !(y->imm & 0xff) : in->op != IR_const || in->imm != (k == KIND_SUB))
			return 0;
		if (!shift && is_const && !(uint32_t)y->imm)
			return CONST_FACT(carry && k == KIND_SUB);
		return shift ? fact_of(l, (enum kind)k, holder(l, i->a), i->b, 0) : sum_fact(l, (enum kind)k, i->a, i->b);
	}
	return 0;
}

static uint32_t describe_value(const struct arm_lower *l, enum arm_flag f)
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

/* A fact that the block started with, and whose registers are as they were. */
static uint32_t kept(const struct arm_lower *l, enum arm_flag f)
{
	uint32_t fact = l->known.fact[f];
	bool x = !has_x(fact) || l->reg[x_of(fact)] == l->known_x[f], y = !has_y_reg(fact) || l->reg[y_of(fact)] == l->known_y[f];
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
			known.fact[f] = describe_value(l, (enum arm_flag)f);
		else if (l->again >> f & 1u)
			known.fact[f] = kept(l, (enum arm_flag)f);
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
		if (i->op == op && i->type == IR_I32 && i->a == a && (i->b == b || same_const(l, i->b, b)))
			return r - 1;
	}
	return ir_emit(l->u, op, IR_I32, 0, a, b, IR_NONE, 0);
}

static ir_ref result_value(struct arm_lower *l, uint32_t fact, ir_ref x, ir_ref y)
{
	if (kind_of(fact) == KIND_REG)
		return x;
	return once(l, (enum ir_op)kind_ops[kind_of(fact)].result, x, y_value(l, fact, y));
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
	uint8_t op = f == FLAG_C ? kind_ops[kind_of(fact)].carry : kind_ops[kind_of(fact)].overflow;
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
		l->known_x[f] = has_x(fact) ? arm_reg(l, x_of(fact)) : IR_NONE;
		l->known_y[f] = has_y_reg(fact) ? arm_reg(l, y_of(fact)) : IR_NONE;
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
	ir_ref r = once(l, (enum ir_op)kind_ops[kind_of(c)].result, a, y_value(l, c, y));
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
