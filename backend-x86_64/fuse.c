/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which conditions can be read from the flags that an earlier insn sets anyway.
 *
 * An insn that sets the flags is the producer until an op that changes them comes by. A
 * consumer (cmp, add_c, ...) that asks about the same operation is `fused`: it costs no operand
 * use, only a condition code. An add (and what has_lea says) can be done by lea when older flags are still needed, so it
 * is a candidate beside the producer until the first consumer decides between them.
 */
#include "backend-x86_64/analyse.h"

const uint8_t gen_flag_effect[IR_OP_COUNT] = {
	[IR_nop] = FLAGS_KEEP,    [IR_const] = FLAGS_KEEP,  [IR_get] = FLAGS_KEEP,    [IR_set] = FLAGS_KEEP,
	[IR_copy] = FLAGS_KEEP,   [IR_not] = FLAGS_KEEP,    [IR_bswap] = FLAGS_KEEP,  [IR_sext8] = FLAGS_KEEP,
	[IR_sext16] = FLAGS_KEEP, [IR_zext8] = FLAGS_KEEP,  [IR_zext16] = FLAGS_KEEP, [IR_sext32] = FLAGS_KEEP,
	[IR_zext32] = FLAGS_KEEP, [IR_trunc] = FLAGS_KEEP,  [IR_insn] = FLAGS_KEEP,
	[IR_sub] = FLAGS_SUB,     [IR_add] = FLAGS_ADD,     [IR_adc] = FLAGS_ADC,     [IR_sbc] = FLAGS_SBC,
	[IR_and] = FLAGS_LOGIC,   [IR_or] = FLAGS_LOGIC,    [IR_xor] = FLAGS_LOGIC,   [IR_andn] = FLAGS_LOGIC,
	[IR_shl] = FLAGS_SHIFT,   [IR_shr] = FLAGS_SHIFT,   [IR_sar] = FLAGS_SHIFT,   [IR_ror] = FLAGS_ROTATE,
	[IR_select] = FLAGS_SELECT, [IR_stick] = FLAGS_SELECT,
	[IR_cmp] = FLAGS_ASK_CMP,
	[IR_add_c] = FLAGS_ASK_ADD, [IR_add_v] = FLAGS_ASK_ADD,
	[IR_sub_c] = FLAGS_ASK_SUB, [IR_sub_v] = FLAGS_ASK_SUB,
	[IR_shl_c] = FLAGS_ASK_SHIFT, [IR_shr_c] = FLAGS_ASK_SHIFT, [IR_sar_c] = FLAGS_ASK_SHIFT,
};

static bool same(const struct gen *g, ir_ref x, ir_ref y)
{
	return x == y || (is_const(g, x) && is_const(g, y) && insn_of(g, x)->imm == insn_of(g, y)->imm);
}

/* A carry-in that is a constant counts by its truth. */
static bool carry_is(const struct gen *g, ir_ref c, bool value)
{
	return is_const(g, c) && (insn_of(g, c)->imm != 0) == value;
}

static bool same_carry(const struct gen *g, ir_ref x, ir_ref y)
{
	return x == y || (is_const(g, x) && carry_is(g, y, insn_of(g, x)->imm != 0));
}

enum x64_cc x64_cc_of(enum ir_cc cc)
{
	static const uint8_t of[] = {
		[IR_EQ] = CC_E,   [IR_NE] = CC_NE,  [IR_LTU] = CC_B, [IR_GEU] = CC_AE, [IR_LEU] = CC_BE,
		[IR_GTU] = CC_A,  [IR_LTS] = CC_L,  [IR_GES] = CC_GE, [IR_LES] = CC_LE, [IR_GTS] = CC_G,
	};
	return (enum x64_cc)of[cc];
}

/* The condition code for `result cc 0`, or -1 when the flags do not tell. */
static int zero_cc(const struct producer *p, enum ir_cc cc)
{
	switch (cc) {
	case IR_EQ: case IR_LEU: return CC_E;
	case IR_NE: case IR_GTU: return CC_NE;
	case IR_LTS: return CC_S;
	case IR_GES: return CC_NS;
	case IR_LES: return p->what == FLAGS_LOGIC ? CC_LE : -1;
	case IR_GTS: return p->what == FLAGS_LOGIC ? CC_G : -1;
	case IR_LTU: case IR_GEU: break;
	}
	return -1;
}

/* The condition of p's flags that v was found to be, or -1. */
static int fused_cc(const struct gen *g, ir_ref v, const struct producer *p)
{
	return !is_const(g, v) && g->val[v].fuse == p->insn ? g->val[v].cc : -1;
}

/* A condition of conditions: the opposite of one; or N and V, which tell how a signed compare came out, the same or not. */
static int match_conditions(const struct gen *g, const struct ir_insn *i, const struct producer *p)
{
	int a = fused_cc(g, i->a, p), b = fused_cc(g, i->b, p);
	if (i->aux != IR_EQ && i->aux != IR_NE)
		return -1;
	if (a >= 0 && is_const_of(g, i->b, 0))
		return i->aux == IR_EQ ? a ^ 1 : a;
	if ((a == CC_S && b == CC_O) || (a == CC_O && b == CC_S))
		return i->aux == IR_EQ ? CC_GE : CC_L;
	return -1;
}

/* The first without equality. */
static int match_andn(const struct gen *g, const struct ir_insn *i, const struct producer *p)
{
	int a = fused_cc(g, i->a, p), b = fused_cc(g, i->b, p);
	if (b != CC_E)
		return -1;
	return a == CC_GE ? CC_G : a == CC_AE ? CC_A : -1;
}

static int match_cmp(const struct gen *g, const struct ir_insn *i, const struct producer *p)
{
	enum ir_cc cc = (enum ir_cc)i->aux;
	int of_conditions = match_conditions(g, i, p);
	if (of_conditions >= 0)
		return of_conditions;
	if (p->result != IR_NONE && i->a == p->result && is_const_of(g, i->b, 0))
		return zero_cc(p, cc);
	if (p->what != FLAGS_SUB)
		return -1;
	if (same(g, i->a, p->a) && same(g, i->b, p->b))
		return (int)x64_cc_of(cc);
	if (same(g, i->a, p->b) && same(g, i->b, p->a))
		return (int)x64_cc_of(ir_cc_swap(cc));
	return -1;
}

static int match_add(const struct gen *g, const struct ir_insn *i, const struct producer *p)
{
	bool carry = p->what == FLAGS_ADD ? carry_is(g, i->c, false)
					  : p->what == FLAGS_ADC && same_carry(g, i->c, p->c);
	bool operands = (same(g, i->a, p->a) && same(g, i->b, p->b)) ||
			(same(g, i->a, p->b) && same(g, i->b, p->a));
	if (!carry || !operands)
		return -1;
	return i->op == IR_add_c ? CC_B : CC_O;
}

static int match_sub(const struct gen *g, const struct ir_insn *i, const struct producer *p)
{
	bool borrow = p->what == FLAGS_SUB ? carry_is(g, i->c, true)
					   : p->what == FLAGS_SBC && same_carry(g, i->c, p->c);
	if (!borrow || !same(g, i->a, p->a) || !same(g, i->b, p->b))
		return -1;
	return i->op == IR_sub_c ? CC_AE : CC_O;
}

static int match_shift(const struct gen *g, const struct ir_insn *i, const struct producer *p)
{
	unsigned op = i->op == IR_shl_c ? IR_shl : i->op == IR_shr_c ? IR_shr : IR_sar;
	bool shift = p->what == FLAGS_SHIFT && p->result != IR_NONE && p->type == IR_I32 && insn_of(g, p->insn)->op == op;
	if (!shift || !same(g, i->a, p->a) || !is_const(g, i->b))
		return -1;
	return (insn_of(g, i->b)->imm & 0xff) == (insn_of(g, p->b)->imm & 31) ? CC_B : -1;
}

/* The condition of p's flags that is the value of insn i, or -1. */
static int match(const struct gen *g, const struct ir_insn *i, const struct producer *p)
{
	if (p->insn == IR_NONE)
		return -1;
	if (gen_flag_effect[i->op] == FLAGS_ASK_SHIFT)
		return match_shift(g, i, p);
	if (i->op == IR_andn)
		return match_andn(g, i, p);
	if (p->type != i->type)
		return -1;
	switch ((enum flag_effect)gen_flag_effect[i->op]) {
	case FLAGS_ASK_CMP: return match_cmp(g, i, p);
	case FLAGS_ASK_ADD: return match_add(g, i, p);
	case FLAGS_ASK_SUB: return match_sub(g, i, p);
	case FLAGS_CHANGE: case FLAGS_KEEP: case FLAGS_SUB: case FLAGS_ADD: case FLAGS_ADC: case FLAGS_SBC:
	case FLAGS_LOGIC: case FLAGS_SHIFT: case FLAGS_ROTATE: case FLAGS_SELECT: case FLAGS_ASK_SHIFT: break;
	}
	return -1;
}

bool gen_fuse(struct analysis *an, ir_ref v, const struct ir_insn *i)
{
	struct gen *g = an->g;
	int cc = -1;
	for (unsigned k = an->n_candidates; k-- > 0 && cc < 0;)
		if ((cc = match(g, i, &an->candidate[k])) >= 0)
			an->flags = an->candidate[k];
	if (cc < 0)
		cc = match(g, i, &an->flags);
	if (cc < 0)
		return false;
	an->n_candidates = 0;
	g->val[v].fuse = g->val[v].flags_of = an->flags.insn;
	g->val[v].cc = (uint8_t)cc;
	g->val[an->flags.insn].flags_until = v;
	g->val[an->flags.insn].folded = false; /* a shift that was to be an index must be done */
	return true;
}

static void produce(struct analysis *an, ir_ref v, const struct ir_insn *i, enum flag_effect what, ir_ref result)
{
	an->flags = (struct producer){v, what, i->a, i->b, i->c, result, i->type};
	an->n_candidates = 0;
	if (result == IR_NONE)
		an->g->val[v].flags_of = v; /* a condition of its own flags */
}

static bool keeps_flags(const struct analysis *an, const struct ir_insn *i, enum flag_effect effect)
{
	const struct gen *g = an->g;
	bool by_const = ir_ops[i->op].n_args > 1 && is_const(g, i->b);
	if (effect == FLAGS_SHIFT)
		return g->t->has_bmi2 && !by_const;
	if (effect == FLAGS_ROTATE)
		return g->t->has_bmi2 && by_const;
	return effect == FLAGS_SELECT && an->flags.insn != IR_NONE && !is_const(g, i->a) &&
	       (g->val[i->a].flags_of == an->flags.insn || an->flags.result == i->a || is_tested(an, i->a));
}

/* Can insn i, which sets flags, also be done by lea, which does not? The lowering then does so. */
static bool has_lea(const struct gen *g, const struct ir_insn *i)
{
	if (i->op == IR_add)
		return true;
	if ((i->op != IR_sub && i->op != IR_shl) || i->type != IR_I32 || !is_const(g, i->b))
		return false;
	uint64_t n = insn_of(g, i->b)->imm;
	return i->op == IR_sub ? n != 0x80000000 : (n & 31) <= 3;
}

static void produce_result(struct analysis *an, ir_ref v, const struct ir_insn *i, enum flag_effect what)
{
	if (an->flags.insn == IR_NONE || !has_lea(an->g, i))
		produce(an, v, i, what, v);
	else if (an->n_candidates < MAX_CANDIDATES)
		an->candidate[an->n_candidates++] = (struct producer){v, what, i->a, i->b, i->c, v, i->type};
}

void gen_follow_flags(struct analysis *an, ir_ref v, const struct ir_insn *i)
{
	enum flag_effect effect = (enum flag_effect)gen_flag_effect[i->op];
	switch (effect) {
	case FLAGS_KEEP:
		return;
	case FLAGS_SUB: case FLAGS_LOGIC: case FLAGS_ADC: case FLAGS_SBC: case FLAGS_ADD:
		produce_result(an, v, i, effect);
		return;
	case FLAGS_ASK_CMP:
		produce(an, v, i, FLAGS_SUB, IR_NONE);
		return;
	case FLAGS_ASK_ADD:
		produce(an, v, i, carry_is(an->g, i->c, false) ? FLAGS_ADD : FLAGS_ADC, IR_NONE);
		return;
	case FLAGS_ASK_SUB:
		produce(an, v, i, carry_is(an->g, i->c, true) ? FLAGS_SUB : FLAGS_SBC, IR_NONE);
		return;
	case FLAGS_ASK_SHIFT:
		produce(an, v, i, effect, IR_NONE);
		return;
	case FLAGS_SHIFT:
		if (!is_const(an->g, i->b) || !(insn_of(an->g, i->b)->imm & (i->type == IR_I64 ? 63 : 31)))
			break;
		produce_result(an, v, i, effect);
		return;
	case FLAGS_ROTATE: case FLAGS_SELECT: case FLAGS_CHANGE:
		break;
	}
	if (keeps_flags(an, i, effect))
		return;
	forget_flags(an);
	if (effect == FLAGS_SELECT) /* the next one may be on the same condition */
		an->flags = (struct producer){v, effect, i->a, i->a, i->a, IR_NONE, i->type};
}
