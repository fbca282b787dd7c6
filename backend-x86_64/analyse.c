/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the lowering must know about the future, in one forward pass over the unit: last uses,
 * which `set` a value is computed for, and which conditions can be read from the flags that an
 * earlier insn sets anyway.
 *
 * Flags: an insn that sets them is the producer until an op that changes them comes by. A
 * consumer (cmp, add_c, ...) that asks about the same operation is `fused`: it costs no operand
 * use, only a condition code. An add (and what has_lea says) can be done by lea when older flags are still needed, so it
 * is a candidate beside the producer until the first consumer decides between them.
 */
#include <string.h>

#include "backend-x86_64/gen.h"

/* How the lowering of an op treats the flags. */
enum flag_effect {
	FLAGS_CHANGE,    /* changes them to something useless */
	FLAGS_KEEP,
	FLAGS_SUB,       /* x86: a - b, as sub or cmp sets them */
	FLAGS_ADD,       /* a + b; or keeps them, as lea */
	FLAGS_ADC,       /* a + b + cin */
	FLAGS_SBC,       /* a - b - !cin */
	FLAGS_LOGIC,     /* of the result, with carry and overflow 0 */
	FLAGS_SHIFT,     /* by a constant: of the result, with the bit that left last as the carry; BMI2 keeps them else */
	FLAGS_ROTATE,
	FLAGS_SELECT,    /* keeps them when its condition is there, else they are those of the test of it */
	FLAGS_ASK_CMP,   /* conditions: fused, or producers without a result */
	FLAGS_ASK_ADD,
	FLAGS_ASK_SUB,
	FLAGS_ASK_SHIFT,
};

static const uint8_t flag_effect[IR_OP_COUNT] = {
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

struct producer {
	ir_ref insn;              /* IR_NONE = none */
	enum flag_effect what;
	ir_ref a, b, c, result;   /* result IR_NONE: only the flags */
	uint8_t type;
};

#define MAX_CANDIDATES 4u

struct analysis {
	struct gen *g;
	struct producer flags;
	struct producer candidate[MAX_CANDIDATES]; /* behind `flags`, all to be done by lea when that is asked */
	unsigned n_candidates;
	ir_ref barrier;           /* last insn that may show the globals to somebody */
	ir_ref touched[IR_MAX_GLOBALS]; /* last get or set of each global */
	ir_ref site;              /* last access */
	uint64_t lazy;            /* globals whose last set, lazy_set, was lazy */
	uint32_t run;             /* the first one that is not over */
	ir_ref lazy_set[IR_MAX_GLOBALS];
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
	if (flag_effect[i->op] == FLAGS_ASK_SHIFT)
		return match_shift(g, i, p);
	if (i->op == IR_andn)
		return match_andn(g, i, p);
	if (p->type != i->type)
		return -1;
	switch ((enum flag_effect)flag_effect[i->op]) {
	case FLAGS_ASK_CMP: return match_cmp(g, i, p);
	case FLAGS_ASK_ADD: return match_add(g, i, p);
	case FLAGS_ASK_SUB: return match_sub(g, i, p);
	case FLAGS_CHANGE: case FLAGS_KEEP: case FLAGS_SUB: case FLAGS_ADD: case FLAGS_ADC: case FLAGS_SBC:
	case FLAGS_LOGIC: case FLAGS_SHIFT: case FLAGS_ROTATE: case FLAGS_SELECT: case FLAGS_ASK_SHIFT: break;
	}
	return -1;
}

/* Tries to take consumer v from existing flags. */
static bool fuse(struct analysis *an, ir_ref v, const struct ir_insn *i)
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

static void forget_flags(struct analysis *an)
{
	an->flags.insn = IR_NONE;
	an->n_candidates = 0;
}

/* Did a select test v, and are the flags still those of the test? */
static bool is_tested(const struct analysis *an, ir_ref v)
{
	return an->flags.insn != IR_NONE && an->flags.what == FLAGS_SELECT && an->flags.a == v;
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

/* Follows the flags over insn v, which was not fused. */
static void follow_flags(struct analysis *an, ir_ref v, const struct ir_insn *i)
{
	enum flag_effect effect = (enum flag_effect)flag_effect[i->op];
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

/* A condition that is used while its flags are still there is best taken from them. */
static void use(struct analysis *an, ir_ref a, ir_ref v)
{
	struct value *val = an->g->val;
	val[a].last_use = v;
	val[a].folded = false;
	if (val[a].flags_of == an->flags.insn && an->flags.insn != IR_NONE) {
		val[an->flags.insn].flags_until = v;
		an->n_candidates = 0;
	}
}

/* A number that is asked whether it is 0, which the flags that it was made with tell. */
static void use_truth(struct analysis *an, ir_ref a, ir_ref v)
{
	struct value *val = &an->g->val[a];
	for (unsigned k = 0; k < an->n_candidates; k++)
		if (an->candidate[k].insn == a)
			an->flags = an->candidate[k];
	if (is_tested(an, a)) {
		an->g->val[an->flags.insn].flags_until = v;
		an->n_candidates = 0;
	}
	if (an->flags.insn != a || an->flags.result != a) {
		use(an, a, v);
		return;
	}
	val->flags_until = v;
	val->folded = false;
	an->n_candidates = 0;
}

/* Notes which run the access belongs to. */
static bool use_run(struct analysis *an, ir_ref v)
{
	struct gen *g = an->g;
	while (an->run < g->n_runs && g->run[an->run].last < v)
		an->run++;
	if (an->run >= MIN(g->n_runs, UINT16_MAX) || g->run[an->run].first > v)
		return false;
	g->val[v].run = (uint16_t)(an->run + 1);
	return true;
}

/* An address that is base + constant and has no use but accesses to the window, or in runs: becomes their displacement. */
static void use_address(struct analysis *an, ir_ref a, ir_ref v, const struct ir_insn *i)
{
	struct gen *g = an->g;
	struct value *val = &g->val[a];
	ir_ref base;
	int32_t disp;
	bool first = !val->last_use && !val->flags_until && !val->note_until;
	bool takes_disp = in_window(g, i->aux) || use_run(an, v);
	if (takes_disp && (first || val->folded) && window_address(g, a, ir_memop_size(i->aux), &base, &disp)) {
		use(an, base, v);
		val->folded = true;
		val->fold_into = IR_NONE;
		val->last_use = v;
	} else {
		use(an, a, v);
	}
}

/* a + (x << 1..3) can be one lea. */
static void use_index(struct analysis *an, ir_ref b, ir_ref v)
{
	struct gen *g = an->g;
	const struct ir_insn *shl = insn_of(g, b);
	bool first = !g->val[b].last_use && !g->val[b].flags_until && !g->val[b].note_until;
	bool scale = shl->op == IR_shl && !is_const(g, shl->a) && is_const(g, shl->b) && insn_of(g, shl->b)->imm - 1 < 3;
	use(an, b, v);
	if (!first || !scale || insn_of(g, v)->a == b)
		return;
	use(an, shl->a, v);
	g->val[b].folded = true;
	g->val[b].fold_into = v;
}

static bool is_unused(const struct gen *g, ir_ref v)
{
	const struct value *val = &g->val[v];
	return !val->last_use && !val->flags_until && !val->note_until;
}

/* So can (x << 1..3) + constant. */
static void use_scaled(struct analysis *an, ir_ref a, ir_ref v)
{
	struct gen *g = an->g;
	const struct ir_insn *shl = insn_of(g, a);
	bool first = is_unused(g, a);
	bool scale = shl->op == IR_shl && shl->type == IR_I32 && !is_const(g, shl->a) && is_const(g, shl->b) && insn_of(g, shl->b)->imm - 1 < 3;
	use(an, a, v);
	if (!first || !scale)
		return;
	use(an, shl->a, v);
	g->val[a].folded = true;
	g->val[a].fold_into = v;
}

/* x << n | y >> (32 - n) is one double shift, or a rotation. */
static void use_halves(struct analysis *an, ir_ref v, const struct ir_insn *i)
{
	struct gen *g = an->g;
	bool first = is_unused(g, i->a) && is_unused(g, i->b);
	ir_ref up, down;
	unsigned count;
	use(an, i->a, v);
	use(an, i->b, v);
	if (!first || !gen_halves(g, i, &up, &down, &count))
		return;
	use(an, up, v);
	use(an, down, v);
	g->val[i->a].folded = g->val[i->b].folded = true;
	g->val[i->a].fold_into = g->val[i->b].fold_into = v;
}

static void count_uses(struct analysis *an, ir_ref v, const struct ir_insn *i)
{
	unsigned n = ir_ops[i->op].n_args;
	if (i->op == IR_or) {
		use_halves(an, v, i);
		return;
	}
	if (i->op == IR_add && is_const(an->g, i->b)) {
		an->g->val[i->a].parent = v;
		use_scaled(an, i->a, v);
		use(an, i->b, v);
		return;
	}
	if (ir_ops[i->op].shape == IR_SHAPE_LOAD || ir_ops[i->op].shape == IR_SHAPE_STORE)
		use_address(an, i->a, v, i);
	else if (i->op == IR_brc || i->op == IR_select || i->op == IR_stick)
		use_truth(an, i->a, v);
	else if (n > 0)
		use(an, i->a, v);
	if (i->op == IR_add || i->op == IR_sub || i->op == IR_xor)
		an->g->val[i->a].parent = an->g->val[i->b].parent = v;
	if (i->op == IR_add)
		use_index(an, i->b, v);
	else if (n > 1)
		use(an, i->b, v);
	if (n > 2)
		use(an, i->c, v);
}

/* An operand that a two-operand instruction may destroy: computed here, and for nothing else so far. */
static bool is_intermediate(const struct analysis *an, ir_ref a, ir_ref user, unsigned global)
{
	const struct value *val = &an->g->val[a];
	const struct ir_insn *i = insn_of(an->g, a);
	bool computed = ir_ops[i->op].n_args > 0 && flag_effect[i->op] < FLAGS_ASK_CMP && i->op != IR_copy;
	return computed && val->last_use == user && val->target < 0 && !val->folded && !val->wide &&
	       an->touched[global] <= a && an->barrier <= a;
}

/* The value that the global has before the `set` that is looked at; IR_NONE = not known in this block. */
static ir_ref held(const struct analysis *an, unsigned global)
{
	ir_ref at = an->touched[global];
	const struct ir_insn *i = insn_of(an->g, at);
	return i->op == IR_get ? at : i->op == IR_set ? i->a : IR_NONE;
}

/* What goes to a global's home is best begun there, unless what is in the home is the other operand. */
static void begin_there(struct analysis *an, ir_ref v, unsigned global)
{
	const struct gen *g = an->g;
	for (unsigned depth = 0; depth < 3; depth++) {
		const struct ir_insn *i = insn_of(g, v);
		if (ir_ops[i->op].shape != IR_SHAPE_BINARY || i->op == IR_join)
			return;
		ir_ref from = i->a, other = i->b;
		if (ir_ops[i->op].flags & IR_COMM && !is_intermediate(an, from, v, global)) {
			from = i->b;
			other = i->a;
		}
		if (other == held(an, global) || from == other || !is_intermediate(an, from, v, global))
			return;
		g->val[from].target = (int8_t)global;
		g->val[from].soft_target = true;
		v = from;
	}
}

/* v may be computed straight into the global's home when nobody can see the difference. */
static void aim_at_set(struct analysis *an, ir_ref v, const struct ir_insn *i)
{
	struct value *a = &an->g->val[i->a];
	bool optional = i->b == IR_SET_OPTIONAL;
	if (optional && home_of(an->g, i->aux) < 0)
		return;
	bool free = a->target < 0 || (a->soft_target && !optional);
	if (free && !is_const(an->g, i->a) && an->touched[i->aux] <= i->a && an->barrier <= i->a) {
		a->target = (int8_t)i->aux;
		a->soft_target = optional;
		if (home_of(an->g, i->aux) >= 0)
			begin_there(an, i->a, i->aux);
	}
	an->touched[i->aux] = v;
}

/* The lazy set that global last had is noted by the sites up to here. */
static void end_lazy(struct analysis *an, unsigned global)
{
	if (an->lazy >> global & 1)
		notes_plan(an->g, an->lazy_set[global], an->site);
	an->lazy &= ~(UINT64_C(1) << global);
}

static void visit_set(struct analysis *an, ir_ref v, const struct ir_insn *i)
{
	end_lazy(an, i->aux);
	if (!is_lazy(an->g, i)) {
		aim_at_set(an, v, i);
		return;
	}
	an->lazy |= UINT64_C(1) << i->aux;
	an->lazy_set[i->aux] = v;
}

static void visit_call(struct analysis *an, ir_ref v, const struct ir_insn *i)
{
	unsigned n;
	const ir_ref *args = ir_call_args(an->g->u, i, &n);
	for (unsigned k = 0; k < n; k++) {
		an->g->val[args[k]].last_use = v;
		an->g->val[args[k]].folded = false;
	}
	if (!(an->g->u->guest->helpers[i->aux].flags & IR_HELPER_PURE))
		an->barrier = v;
	an->g->n_calls++;
}

static void visit(struct analysis *an, ir_ref v, const struct ir_insn *i)
{
	struct gen *g = an->g;
	const struct ir_op_info *info = &ir_ops[i->op];
	if (i->op == IR_get) { /* the most frequent ones first, which keep the flags */
		an->touched[i->aux] = v;
		return;
	}
	if (i->op == IR_set) {
		if (i->b != IR_SET_OPTIONAL && !is_lazy(g, i))
			use(an, i->a, v);
		visit_set(an, v, i);
		return;
	}
	if (is_for_notes(g, i))
		return;
	if ((flag_effect[i->op] >= FLAGS_ASK_CMP || i->op == IR_andn) && fuse(an, v, i))
		return;
	count_uses(an, v, i);
	follow_flags(an, v, i);
	if (info->flags & IR_PURE)
		return;
	switch ((enum ir_shape)info->shape) {
	case IR_SHAPE_GLOBAL_OR:
		an->touched[i->aux] = v;
		g->n_exits++;
		break;
	case IR_SHAPE_LOAD: case IR_SHAPE_STORE:
		an->barrier = an->site = v;
		g->n_mem++;
		break;
	case IR_SHAPE_CALL:
		visit_call(an, v, i);
		break;
	case IR_SHAPE_BRANCH:
		g->preds[i->b]++;
		break;
	case IR_SHAPE_BRANCH_COND: case IR_SHAPE_CHARGE:
		g->preds[i->b]++;
		g->preds[i->c]++;
		break;
	case IR_SHAPE_EXIT_JUMP: case IR_SHAPE_EXIT_IND: case IR_SHAPE_EXIT_LOOP:
		g->n_exits += 2; /* a call has a landing beside it */
		if (i->c != IR_NONE)
			g->preds[i->c]++;
		break;
	case IR_SHAPE_KEY:
		g->n_exits += 2; /* another page, and the guard */
		break;
	case IR_SHAPE_NULLARY: case IR_SHAPE_IMM: case IR_SHAPE_GLOBAL: case IR_SHAPE_GLOBAL1: case IR_SHAPE_UNARY: case IR_SHAPE_BINARY:
	case IR_SHAPE_TERNARY: case IR_SHAPE_COMPARE: case IR_SHAPE_MARK: case IR_SHAPE_AMOUNT: case IR_SHAPE_AMOUNT_OF: case IR_SHAPE_EXIT_BUDGET:
		break;
	}
}

/* Ops with a result of 64 bits, always or when that is the insn's type. */
#define OP(name, shape, result, args, flags) | (uint64_t)(result##_WIDE) << IR_##name
#define NONE_WIDE 0
#define I32_WIDE 0
#define I64_WIDE 1
#define T_WIDE 0
static const uint64_t always_wide = 0
#include "ir/ops.def"
;
#undef I64_WIDE
#undef T_WIDE
#define I64_WIDE 0
#define T_WIDE 1
static const uint64_t wide_by_type = 0
#include "ir/ops.def"
;
#undef OP

/* Begins all values, and the sets of insns. */
static void begin(struct gen *g)
{
	static const struct value none = {.fuse = IR_NONE, .target = -1, .reg = -1, .global = -1, .slot = -1, .flags_of = IR_NONE};
	const uint64_t removed = IR_SET_OF(nop) | IR_SET_OF(const);
	const struct ir_insn *i = g->u->insns;
	for (ir_ref v = 0; v < g->u->n_insns; v += 64) {
		uint64_t works = 0, marks = 0;
		unsigned n = MIN(g->u->n_insns - v, 64u);
		for (unsigned k = 0; k < n; k++, i++) {
			uint64_t wide = always_wide | (i->type == IR_I64 ? wide_by_type : 0);
			g->val[v + k] = none;
			g->val[v + k].wide = wide >> i->op & 1;
			works |= (uint64_t)!(removed >> i->op & 1) << k;
			marks |= (uint64_t)(i->op == IR_insn) << k;
		}
		g->steps[v / 64] = works;
		g->works[v / 64] = works & ~marks;
	}
}

void gen_analyse(struct gen *g)
{
	struct analysis an;
	memset(&an, 0, offsetof(struct analysis, lazy_set));
	an.g = g;
	begin(g);
	for (uint32_t k = 0; k < g->u->n_order; k++) {
		const struct ir_block *b = &g->u->blocks[g->u->order[k]];
		forget_flags(&an);
		for (ir_ref w = b->first / 64; w * 64 < b->end; w++)
			for (uint64_t left = gen_in_block(g->works, b, w); left; left &= left - 1) {
				ir_ref v = w * 64 + (ir_ref)__builtin_ctzll(left);
				visit(&an, v, insn_of(g, v));
			}
		for (uint64_t left = an.lazy; left; left &= left - 1)
			end_lazy(&an, (unsigned)__builtin_ctzll(left));
	}
}
