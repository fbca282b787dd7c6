/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the optimiser's passes share. Each pass is one file and one function below, works in place
 * and leaves a unit that verifies; values keep their index, removed insns become nop.
 */
#ifndef RHEA_IR_OPT_H
#define RHEA_IR_OPT_H

#include "ir/ir.h"

/* What the passes know about one unit; arrays from the unit's arena. */
struct opt {
	struct ir_unit *u;
	struct ir_insn *insns; /* u->insns, which never moves here */
	struct ir_sets *sets;  /* as lowered; from opt_backward on, of what is left, which a pass that moves or removes something sees to */
	uint8_t *width;     /* by ir_ref: bits from this one on are known to be 0; 64 = unknown */
	uint8_t *used;      /* by ir_ref: who needs the value, see opt_backward.c; 0 = nobody */
	uint32_t *n_preds;  /* by label */
	uint64_t *live_in;  /* by label: globals that may be read before they are set */
	bool branch_folded; /* some block may have become unreachable */
	bool tested;        /* there are accesses that ask for alignment */
};

/* opt_forward.c: folding, copies, common subexpressions, redundant get and set; constant brc. */
void opt_forward(struct opt *o);
/* opt_unreachable.c: empties blocks that no path from the entry reaches. */
void opt_unreachable(struct opt *o);
/* opt_backward.c: dead sets across blocks, dead values. */
void opt_backward(struct opt *o);
/* opt_align.c: which accesses are known to be aligned. */
void opt_align(struct opt *o);
/* opt_order.c: moves arithmetic out from between conditions and who asks for them. */
void opt_order(struct opt *o);

/* opt_fold.c: simplifies the pure insn r, whose operands are final, and fills its width. What
 * turns out to be another value becomes a `copy` of it. Never looks at globals. */
void opt_fold(struct opt *o, ir_ref r);
/* Is v, as a condition, the opposite of another value that is 0 or 1? Then *of is that value. */
bool opt_is_inverted(const struct opt *o, ir_ref v, ir_ref *of);
/* opt_width.c: known width of the result of the final insn i, whose rule is not 0. */
unsigned opt_known_width(const struct opt *o, const struct ir_insn *i);
extern const uint8_t opt_width_rules[IR_OP_COUNT] __attribute__((visibility("hidden"))); /* 0: nothing is known about results of the op */
#define OPT_WIDTH_FIXED 0x80u /* the rest is the width itself */

/* Successors of the block that ends with `end`: the first n of `to`; returns n, 0 to 2. */
static inline unsigned opt_successors(const struct ir_insn *end, ir_label to[2])
{
	to[0] = end->b;
	to[1] = end->c;
	return end->op == IR_brc || end->op == IR_charge ? 2 : end->op == IR_br;
}

/* The block at which the call that ends a block with `end` comes back, or IR_NONE. It is reached from outside of the unit. */
static inline ir_label opt_landing(const struct ir_insn *end)
{
	return end->op == IR_exit_jump || end->op == IR_exit_ind ? end->c : IR_NONE;
}

/* How many low bits of x there are up to the last that is set. */
static inline unsigned opt_bits_of(uint64_t x)
{
	return 64u - (unsigned)__builtin_clzll(x | 1) - !x;
}

/* Fills o->width[r] from the final form of insn r. */
static inline void opt_width(struct opt *o, ir_ref r)
{
	const struct ir_insn *i = &o->insns[r];
	unsigned rule = opt_width_rules[i->op];
	o->width[r] = (uint8_t)(rule & OPT_WIDTH_FIXED ? rule & ~OPT_WIDTH_FIXED : rule ? opt_known_width(o, i) : 64);
}

static inline struct ir_insn *opt_end(const struct opt *o, ir_label l)
{
	return &o->insns[o->u->blocks[l].end - 1];
}

/* Globals that the end of a block says nobody looks at behind it. */
static inline uint64_t opt_dead(const struct ir_insn *end)
{
	if (end->op == IR_exit_jump || end->op == IR_exit_ind)
		return end->b != IR_NONE ? end->b : 0;
	return end->op == IR_br || end->op == IR_charge ? end->imm : 0;
}

static inline bool opt_is_const(const struct opt *o, ir_ref v)
{
	return o->insns[v].op == IR_const;
}

static inline void opt_make_copy(struct ir_insn *i, enum ir_type t, ir_ref of)
{
	*i = (struct ir_insn){ .op = IR_copy, .type = (uint8_t)t, .a = of, .b = IR_NONE, .c = IR_NONE };
}

static inline void opt_make_const(struct ir_insn *i, enum ir_type t, uint64_t x)
{
	*i = (struct ir_insn){ .op = IR_const, .type = (uint8_t)t, .a = IR_NONE, .b = IR_NONE, .c = IR_NONE, .imm = x };
}

#endif
