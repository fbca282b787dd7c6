/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the lowering must know about the future, in one forward pass over the unit: last uses,
 * which `set` a value is computed for, and which conditions can be read from the flags that an
 * earlier insn sets anyway (fuse.c).
 */
#include <string.h>

#include "backend-x86_64/analyse.h"

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
	bool computed = ir_ops[i->op].n_args > 0 && gen_flag_effect[i->op] < FLAGS_ASK_CMP && i->op != IR_copy;
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
	if ((gen_flag_effect[i->op] >= FLAGS_ASK_CMP || i->op == IR_andn) && gen_fuse(an, v, i))
		return;
	count_uses(an, v, i);
	gen_follow_flags(an, v, i);
	if (ir_pure_ops >> i->op & 1)
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

static void begin_values(struct gen *g, const uint64_t *set)
{
	static const struct value none = {.fuse = IR_NONE, .target = -1, .reg = -1, .global = -1, .slot = -1, .flags_of = IR_NONE};
	for (ir_ref w = 0; w * 64 < g->u->n_insns; w++)
		for (uint64_t left = set[w]; left; left &= left - 1) {
			ir_ref v = w * 64 + (ir_ref)__builtin_ctzll(left);
			const struct ir_insn *i = insn_of(g, v);
			uint64_t wide = always_wide | (i->type == IR_I64 ? wide_by_type : 0);
			g->val[v] = none;
			g->val[v].wide = wide >> i->op & 1;
		}
}

void gen_analyse(struct gen *g)
{
	struct analysis an;
	memset(&an, 0, offsetof(struct analysis, lazy_set));
	an.g = g;
	begin_values(g, g->sets->rest);
	begin_values(g, g->sets->consts);
	for (uint32_t k = 0; k < g->u->n_order; k++) {
		const struct ir_block *b = &g->u->blocks[g->u->order[k]];
		forget_flags(&an);
		for (ir_ref w = b->first / 64; w * 64 < b->end; w++)
			for (uint64_t left = ir_in_block(g->sets->rest, b, w); left; left &= left - 1) {
				ir_ref v = w * 64 + (ir_ref)__builtin_ctzll(left);
				visit(&an, v, insn_of(g, v));
			}
		for (uint64_t left = an.lazy; left; left &= left - 1)
			end_lazy(&an, (unsigned)__builtin_ctzll(left));
	}
}
