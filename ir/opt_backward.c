/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The backward pass: removes a `set` that another one overwrites before anybody looks, and values
 * that nobody uses. Everything looks at a fault (the guest's handler would) and at an exit; at an
 * exit all but the pc global, which the exit itself writes, and what an exit_jump says is dead. Scratch globals only the unit looks at.
 * Loads stay: they may fault.
 *
 * A dead `set` of a value that is computed in this block and needed later stays, marked optional: a backend that
 * keeps the global in a register has that register free until the next `set`, and can compute the value there.
 *
 * A `set` of a cold global that nothing but faults sees before the next one is marked lazy: a backend that knows at each place that may
 * fault how the value follows from others need not do it (decision 011). What only such sets use is marked, too. Most of it are flags.
 *
 * A `set` marked again is one more chance for that: where it can be lazy it stays, and what it repeats may go; else it goes.
 *
 * Blocks go from last to first, so that a forward branch finds its target done. A unit with a
 * backward branch has its liveness computed beforehand, to a fixpoint.
 */
#include <string.h>

#include "ir/opt.h"

/* opt.used: computed for real, or how far a value may be from a lazy set that wants it, plus 1. */
#define USED_REAL 0x80u
#define NOTE_DEPTH 4u

/* What may be looked at from some place on: by anybody, or if at all, then at a fault in this block. */
struct live {
	uint64_t read, fault;
};

static void use_arguments(struct opt *o, const struct ir_insn *i)
{
	unsigned n;
	const ir_ref *args = ir_call_args(o->u, i, &n);
	for (unsigned k = 0; k < n; k++)
		o->used[args[k]] = USED_REAL;
}

static inline void use_operands(struct opt *o, const struct ir_insn *i)
{
	const struct ir_op_info *info = &ir_ops[i->op];
	if (info->n_args > 0)
		o->used[i->a] = USED_REAL;
	if (info->n_args > 1)
		o->used[i->b] = USED_REAL;
	if (info->n_args > 2)
		o->used[i->c] = USED_REAL;
	if (info->shape == IR_SHAPE_CALL)
		use_arguments(o, i);
}

static bool helper_looks(uint8_t flags)
{
	return flags & (IR_HELPER_READS | IR_HELPER_FAULT | IR_HELPER_NORETURN);
}

/* Globals that may be read from the end of block l on. */
static uint64_t live_out(const struct opt *o, ir_label l)
{
	ir_label to[2];
	const struct ir_insn *end = opt_end(o, l);
	unsigned n = opt_successors(end, to);
	if (n == 0)
		return ~(UINT64_C(1) << o->u->guest->pc_global | o->u->guest->scratch | opt_dead(end));
	return (o->live_in[to[0]] | o->live_in[to[n - 1]]) & ~opt_dead(end);
}

/* A helper may write globals behind the back of what is lazy. */
static struct live live_before_call(struct live live, uint8_t helper_flags)
{
	if (helper_flags & IR_HELPER_PURE)
		return live;
	return (struct live){helper_looks(helper_flags) ? UINT64_MAX : live.read | live.fault, 0};
}

/* Liveness before insn i, which stays and is not pure, given the one after it. */
static inline struct live live_before(const struct opt *o, const struct ir_insn *i, struct live live)
{
	const struct ir_op_info *info = &ir_ops[i->op];
	uint64_t bit = UINT64_C(1) << (i->aux & 63);
	if (info->flags & IR_FAULT)
		return (struct live){live.read, ~o->u->guest->scratch};
	if (info->shape == IR_SHAPE_GLOBAL || info->shape == IR_SHAPE_GLOBAL_OR)
		return (struct live){live.read | bit, live.fault};
	if (info->shape == IR_SHAPE_GLOBAL1 && i->b == IR_SET_AGAIN)
		return (struct live){live.read, live.fault & ~(bit & ~live.read)};
	if (info->shape == IR_SHAPE_GLOBAL1)
		return (struct live){live.read & ~bit, live.fault & ~bit};
	if (info->shape == IR_SHAPE_CALL)
		return live_before_call(live, o->u->guest->helpers[i->aux].flags);
	return live;
}

/* May insn r, which is not pure, go, given what is live after it? */
static inline bool removable(const struct opt *o, ir_ref r, struct live after)
{
	uint64_t live = after.read | after.fault;
	const struct ir_insn *i = &o->insns[r];
	const struct ir_op_info *info = &ir_ops[i->op];
	if (info->flags & (IR_EFFECT | IR_END))
		return false;
	if (info->shape == IR_SHAPE_GLOBAL1 && i->b == IR_SET_AGAIN && after.read >> i->aux & 1u)
		return true;
	if (info->shape == IR_SHAPE_GLOBAL1 || info->shape == IR_SHAPE_GLOBAL_OR)
		return !(live >> i->aux & 1u);
	if (info->shape == IR_SHAPE_CALL && !(o->u->guest->helpers[i->aux].flags & IR_HELPER_PURE))
		return false;
	return !o->used[r];
}

/* A dead `set` whose value somebody needs afterwards, and that is the result of an operation. */
static bool is_place(const struct opt *o, const struct ir_insn *i)
{
	if (i->op != IR_set || !(o->used[i->a] & USED_REAL))
		return false;
	const struct ir_op_info *value = &ir_ops[o->insns[i->a].op];
	return value->n_args > 1 || value->shape == IR_SHAPE_LOAD;
}

static void note_value(struct opt *o, ir_ref v, unsigned depth)
{
	o->used[v] = (uint8_t)MAX(o->used[v], depth);
}

/* Marks what only faults look at. */
static bool make_lazy(struct opt *o, struct ir_insn *i, struct live live)
{
	bool lazy = i->op == IR_set && !(live.read >> i->aux & 1) && o->u->guest->globals[i->aux].heat <= IR_COLD;
	if (i->op == IR_set)
		i->b = lazy ? IR_SET_LAZY : IR_NONE;
	if (lazy)
		note_value(o, i->a, NOTE_DEPTH);
	return lazy;
}

static void note_operands(struct opt *o, struct ir_insn *i, unsigned depth)
{
	const ir_ref v[] = {i->a, i->b, i->c};
	i->imm = IR_NOTED;
	for (unsigned k = 0; k < ir_ops[i->op].n_args; k++)
		note_value(o, v[k], depth);
}

static inline void sweep_pure(struct opt *o, ir_ref r, struct ir_insn *i)
{
	unsigned used = o->used[r], n = ir_ops[i->op].n_args;
	if (!used) {
		i->op = IR_nop;
	} else if (n && (used & USED_REAL || used == 1)) {
		i->imm = 0;
		use_operands(o, i);
	} else if (n) {
		note_operands(o, i, used - 1);
	}
}

static void sweep_block(struct opt *o, ir_label l)
{
	const struct ir_block b = o->u->blocks[l];
	struct live live = {live_out(o, l), 0};
	for (ir_ref r = b.end; r-- > b.first;) {
		struct ir_insn *i = &o->insns[r];
		if (ir_ops[i->op].flags & IR_PURE) {
			sweep_pure(o, r, i);
		} else if (!removable(o, r, live)) {
			if (!make_lazy(o, i, live))
				use_operands(o, i);
			live = live_before(o, i, live);
		} else if (is_place(o, i)) {
			i->b = IR_SET_OPTIONAL;
		} else {
			i->op = IR_nop;
		}
	}
	o->live_in[l] = live.read | live.fault;
}

static bool has_backward_branch(const struct opt *o)
{
	for (ir_label l = 0; l < o->u->n_blocks; l++) {
		ir_label to[2];
		unsigned n = opt_successors(opt_end(o, l), to);
		for (unsigned k = 0; k < n; k++)
			if (o->u->blocks[to[k]].first <= o->u->blocks[l].first)
				return true;
	}
	return false;
}

/* Grows live_in from nothing until it is stable. */
static void find_liveness(struct opt *o)
{
	struct ir_unit *u = o->u;
	bool changed;
	do {
		changed = false;
		for (uint32_t k = u->n_order; k-- > 0;) {
			ir_label l = u->order[k];
			struct live live = {live_out(o, l), 0};
			for (ir_ref r = u->blocks[l].end; r-- > u->blocks[l].first;)
				if (!(ir_ops[o->insns[r].op].flags & IR_PURE))
					live = live_before(o, &o->insns[r], live);
			changed |= (live.read | live.fault) != o->live_in[l];
			o->live_in[l] = live.read | live.fault;
		}
	} while (changed);
}

void opt_backward(struct opt *o)
{
	struct ir_unit *u = o->u;
	memset(o->used, 0, u->n_insns);
	memset(o->live_in, 0, u->n_blocks * sizeof *o->live_in);
	if (has_backward_branch(o))
		find_liveness(o);
	for (uint32_t k = u->n_order; k-- > 0;)
		sweep_block(o, u->order[k]);
}
