/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The forward pass: one walk over each block in code order that makes operands final, folds, and
 * tracks which value each global holds, so that a `get` of a known one becomes that value and a
 * `set` of what is there already vanishes. Faults do not disturb this: only `set` and helpers with
 * IR_HELPER_WRITES change a global.
 *
 * There is no search for common subexpressions on purpose: a value kept costs a register or a
 * spill, a value computed again one host instruction, and a compare next to its branch fuses.
 */
#include <string.h>

#include "ir/opt.h"

/* What the globals hold, by global's index. */
struct held {
	uint64_t known;               /* mask: value[] is a value of this block */
	uint64_t constant;            /* mask: imm[] is it, known from the only predecessor */
	ir_ref value[IR_MAX_GLOBALS];
	uint64_t imm[IR_MAX_GLOBALS];
};

static ir_ref resolved(const struct opt *o, ir_ref v)
{
	const struct ir_insn *d = &o->insns[v];
	return d->op == IR_copy ? d->a : v; /* copies of copies were resolved when we passed them */
}

/* Of an insn with n >= 1 of them. No branch. */
static inline void resolve_operands(const struct opt *o, struct ir_insn *i, unsigned n)
{
	ir_ref a = i->a, b = resolved(o, n > 1 ? i->b : a), c = resolved(o, n > 2 ? i->c : a);
	i->a = resolved(o, a);
	i->b = n > 1 ? b : i->b;
	i->c = n > 2 ? c : i->c;
}

static void visit_get(struct opt *o, struct held *h, ir_ref r)
{
	struct ir_insn *i = &o->insns[r];
	unsigned g = i->aux;
	uint64_t bit = UINT64_C(1) << g;
	if (h->known & bit) {
		opt_make_copy(i, (enum ir_type)i->type, h->value[g]);
		return;
	}
	if (h->constant & bit)
		opt_make_const(i, (enum ir_type)i->type, h->imm[g]);
	h->known |= bit;
	h->value[g] = r;
}

static bool holds(const struct opt *o, const struct held *h, unsigned g, ir_ref v)
{
	const struct ir_insn *new = &o->insns[v], *old;
	if (!(h->known >> g & 1u))
		return h->constant >> g & 1u && new->op == IR_const && new->imm == h->imm[g];
	old = &o->insns[h->value[g]];
	return h->value[g] == v || (new->op == IR_const && old->op == IR_const && new->imm == old->imm);
}

static void visit_set(struct opt *o, struct held *h, ir_ref r)
{
	struct ir_insn *i = &o->insns[r];
	unsigned g = i->aux;
	if (holds(o, h, g, i->a)) {
		i->op = IR_nop;
		return;
	}
	h->known |= UINT64_C(1) << g;
	h->value[g] = i->a;
}

static void visit_stick(struct opt *o, struct held *h, ir_ref r)
{
	struct ir_insn *i = &o->insns[r];
	if (opt_is_const(o, i->a) && !o->insns[i->a].imm) {
		i->op = IR_nop;
		return;
	}
	h->known &= ~(UINT64_C(1) << i->aux);
	h->constant &= ~(UINT64_C(1) << i->aux);
}

static void visit_call(struct opt *o, struct held *h, ir_ref r)
{
	const struct ir_insn *i = &o->insns[r];
	const struct ir_helper *helper = &o->u->guest->helpers[i->aux];
	ir_ref *args = &o->u->args[i->imm];
	for (unsigned k = 0; k < helper->n_args; k++)
		args[k] = resolved(o, args[k]);
	if (helper->flags & IR_HELPER_WRITES)
		h->known = h->constant = 0;
}

static void make_branch(struct opt *o, struct ir_insn *i, ir_label taken, ir_label other)
{
	o->n_preds[other]--;
	o->branch_folded = true;
	*i = (struct ir_insn){ .op = IR_br, .a = IR_NONE, .b = taken, .c = IR_NONE };
}

static void visit_branch_cond(struct opt *o, struct ir_insn *i)
{
	const struct ir_insn *cond = &o->insns[i->a];
	if (cond->op == IR_const) {
		make_branch(o, i, cond->imm ? i->b : i->c, cond->imm ? i->c : i->b);
		return;
	}
	if (i->b == i->c) {
		make_branch(o, i, i->b, i->c);
		return;
	}
	ir_ref of;
	if (opt_is_inverted(o, i->a, &of)) {
		ir_label then = i->b;
		i->a = of;
		i->b = i->c;
		i->c = then;
	}
}

static void visit_amount_of(const struct opt *o, struct ir_insn *i)
{
	if (!opt_is_const(o, i->a) || o->insns[i->a].imm > INT32_MAX)
		return;
	uint64_t n = o->insns[i->a].imm;
	*i = (struct ir_insn){ .op = n ? IR_refund : IR_nop, .a = IR_NONE, .b = IR_NONE, .c = IR_NONE, .imm = n };
}

/* All but a constant, a marker, a `get` or a `set`. */
static void visit_other(struct opt *o, struct held *h, ir_ref r)
{
	struct ir_insn *i = &o->insns[r];
	const struct ir_op_info *info = &ir_ops[i->op];
	if (info->n_args)
		resolve_operands(o, i, info->n_args);
	if (info->flags & IR_PURE) {
		opt_fold(o, r);
		return;
	}
	switch ((enum ir_shape)info->shape) {
	case IR_SHAPE_AMOUNT_OF:
		visit_amount_of(o, i);
		break;
	case IR_SHAPE_GLOBAL_OR:
		visit_stick(o, h, r);
		break;
	case IR_SHAPE_CALL:
		visit_call(o, h, r);
		break;
	case IR_SHAPE_BRANCH_COND:
		visit_branch_cond(o, i);
		break;
	case IR_SHAPE_LOAD: case IR_SHAPE_STORE:
		o->tested |= i->aux & 3u;
		opt_width(o, r);
		break;
	case IR_SHAPE_NULLARY: case IR_SHAPE_IMM: case IR_SHAPE_GLOBAL: case IR_SHAPE_GLOBAL1: case IR_SHAPE_UNARY: case IR_SHAPE_BINARY:
	case IR_SHAPE_TERNARY: case IR_SHAPE_COMPARE: case IR_SHAPE_MARK: case IR_SHAPE_BRANCH:
	case IR_SHAPE_EXIT_JUMP: case IR_SHAPE_EXIT_IND: case IR_SHAPE_EXIT_LOOP:
	case IR_SHAPE_EXIT_BUDGET: case IR_SHAPE_CHARGE: case IR_SHAPE_AMOUNT: case IR_SHAPE_KEY:
		break;
	}
}

static inline void visit(struct opt *o, struct held *h, ir_ref r)
{
	struct ir_insn *i = &o->insns[r];
	if (i->op == IR_set) {
		i->a = resolved(o, i->a);
		visit_set(o, h, r);
	} else if (i->op == IR_get) {
		visit_get(o, h, r);
		opt_width(o, r);
	} else {
		visit_other(o, h, r);
	}
}

/* The width of constants, and of all else that it is not known yet. */
static void begin_widths(const struct opt *o)
{
	const struct ir_unit *u = o->u;
	memset(o->width, 64, u->n_insns);
	for (ir_ref w = 0; w * 64 < u->n_insns; w++)
		for (uint64_t left = o->sets->consts[w]; left; left &= left - 1) {
			ir_ref r = w * 64 + (ir_ref)__builtin_ctzll(left);
			o->width[r] = (uint8_t)opt_bits_of(o->insns[r].imm);
		}
}

/* Values end with their block; of what they held only constants go on. What is dead on the way may never have been set. */
static void keep_constants(const struct opt *o, struct held *h, uint64_t dead)
{
	h->known &= ~dead;
	h->constant &= ~dead;
	for (uint64_t left = h->known; left; left &= left - 1) {
		unsigned g = (unsigned)__builtin_ctzll(left);
		const struct ir_insn *v = &o->insns[h->value[g]];
		h->constant &= ~(UINT64_C(1) << g);
		if (v->op == IR_const) {
			h->constant |= UINT64_C(1) << g;
			h->imm[g] = v->imm;
		}
	}
	h->known = 0;
}

/* Is the block before `l` in the code the only way into it? */
static bool inherits(const struct opt *o, ir_label before, ir_label l)
{
	ir_label to[2];
	unsigned n = opt_successors(opt_end(o, before), to);
	return l != 0 && o->n_preds[l] == 1 && ((n > 0 && to[0] == l) || (n > 1 && to[1] == l));
}

void opt_forward(struct opt *o)
{
	struct ir_unit *u = o->u;
	struct held h;
	h.known = h.constant = 0;
	begin_widths(o);
	for (uint32_t k = 0; k < u->n_order; k++) {
		ir_label l = u->order[k];
		if (k > 0 && inherits(o, u->order[k - 1], l))
			keep_constants(o, &h, opt_dead(opt_end(o, u->order[k - 1])));
		else
			h.known = h.constant = 0;
		const struct ir_block b = u->blocks[l];
		for (ir_ref w = b.first / 64; w * 64 < b.end; w++)
			for (uint64_t left = ir_in_block(o->sets->rest, &b, w); left; left &= left - 1)
				visit(o, &h, w * 64 + (ir_ref)__builtin_ctzll(left));
	}
}
