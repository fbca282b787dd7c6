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
 * A `set` that nothing but faults sees before the next one is marked lazy, where it would cost something: a backend that knows at each place that
 * may fault how the value follows from others need not do it (decision 011). What only such sets use is marked, too. Most of it are flags.
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

/* Of an insn with n >= 1 value operands. Who has fewer than three names one twice: that is no branch. */
static inline void use_values(struct opt *o, const struct ir_insn *i, unsigned n)
{
	o->used[i->a] = USED_REAL;
	o->used[n > 1 ? i->b : i->a] = USED_REAL;
	o->used[n > 2 ? i->c : i->a] = USED_REAL;
}

static inline void use_operands(struct opt *o, const struct ir_insn *i)
{
	const struct ir_op_info *info = &ir_ops[i->op];
	if (info->n_args)
		use_values(o, i, info->n_args);
	else if (info->shape == IR_SHAPE_CALL)
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

/* Liveness before insn i, which stays and is no `get` or `set`, given the one after it. */
static inline struct live live_before_other(const struct opt *o, const struct ir_insn *i, struct live live)
{
	const struct ir_op_info *info = &ir_ops[i->op];
	if (info->flags & IR_FAULT)
		return (struct live){live.read, ~o->u->guest->scratch};
	if (info->shape == IR_SHAPE_GLOBAL_OR)
		return (struct live){live.read | UINT64_C(1) << (i->aux & 63), live.fault};
	if (info->shape == IR_SHAPE_CALL)
		return live_before_call(live, o->u->guest->helpers[i->aux].flags);
	return live;
}

/* The same for all that is not pure. */
static inline struct live live_before(const struct opt *o, const struct ir_insn *i, struct live live)
{
	uint64_t bit = UINT64_C(1) << (i->aux & 63);
	if (i->op == IR_get)
		return (struct live){live.read | bit, live.fault};
	if (i->op == IR_set && i->b == IR_SET_AGAIN)
		return (struct live){live.read, live.fault & ~(bit & ~live.read)};
	if (i->op == IR_set)
		return (struct live){live.read & ~bit, live.fault & ~bit};
	return live_before_other(o, i, live);
}

/* May insn r, which is not pure, a `get` or a `set`, go, given what is live after it? */
static inline bool removable(const struct opt *o, ir_ref r, struct live after)
{
	const struct ir_insn *i = &o->insns[r];
	const struct ir_op_info *info = &ir_ops[i->op];
	if (info->flags & (IR_EFFECT | IR_END))
		return false;
	if (info->shape == IR_SHAPE_GLOBAL_OR)
		return !((after.read | after.fault) >> i->aux & 1u);
	return !o->used[r] && (info->shape != IR_SHAPE_CALL || o->u->guest->helpers[i->aux].flags & IR_HELPER_PURE);
}

/* A dead `set` whose value somebody needs afterwards, and that is the result of an operation. */
static bool is_place(const struct opt *o, const struct ir_insn *i)
{
	if (!(o->used[i->a] & USED_REAL))
		return false;
	const struct ir_op_info *value = &ir_ops[o->insns[i->a].op];
	return value->n_args > 1 || value->shape == IR_SHAPE_LOAD;
}

static void note_value(struct opt *o, ir_ref v, unsigned depth)
{
	o->used[v] = (uint8_t)MAX(o->used[v], depth);
}

/* Would the write be an instruction? A constant is one, and so is what goes to memory; other values have to be somewhere, and where the global has a register
 * that is as good as any. */
static inline bool is_worth_a_note(const struct opt *o, const struct ir_insn *i)
{
	return o->u->guest->globals[i->aux].heat <= IR_COLD || o->insns[i->a].op == IR_const;
}

static inline void sweep_set(struct opt *o, struct ir_insn *i, struct live *live)
{
	uint64_t bit = UINT64_C(1) << i->aux;
	bool read = live->read & bit, again = i->b == IR_SET_AGAIN;
	if ((again && read) || !((live->read | live->fault) & bit)) {
		if (is_place(o, i))
			i->b = IR_SET_OPTIONAL;
		else
			i->op = IR_nop;
		return;
	}
	if (!read && is_worth_a_note(o, i)) { /* only faults look at it */
		i->b = IR_SET_LAZY;
		note_value(o, i->a, NOTE_DEPTH);
	} else {
		i->b = IR_NONE;
		o->used[i->a] = USED_REAL;
	}
	live->read &= ~bit;
	live->fault &= ~bit;
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
		use_values(o, i, n);
	} else if (n) {
		note_operands(o, i, used - 1);
	}
}

static inline void sweep_other(struct opt *o, ir_ref r, struct ir_insn *i, struct live *live)
{
	if (removable(o, r, *live)) {
		i->op = IR_nop;
		return;
	}
	use_operands(o, i);
	*live = live_before_other(o, i, *live);
}

static inline void sweep(struct opt *o, ir_ref r, struct ir_insn *i, struct live *live)
{
	if (ir_pure_ops >> i->op & 1)
		sweep_pure(o, r, i);
	else if (i->op == IR_set)
		sweep_set(o, i, live);
	else if (i->op != IR_get)
		sweep_other(o, r, i, live);
	else if (o->used[r])
		live->read |= UINT64_C(1) << i->aux;
	else
		i->op = IR_nop;
}

/* Those of word w. What became a constant on the way is one from here on. */
static void sweep_word(struct opt *o, const struct ir_block *b, ir_ref w, struct live *live)
{
	uint64_t gone = 0, consts = 0;
	for (uint64_t left = ir_in_block(o->sets->rest, b, w), bit; left; left ^= bit) {
		unsigned k = 63 - (unsigned)__builtin_clzll(left);
		struct ir_insn *i = &o->insns[w * 64 + k];
		bit = UINT64_C(1) << k;
		sweep(o, w * 64 + k, i, live);
		gone |= i->op == IR_nop ? bit : 0;
		consts |= i->op == IR_const ? bit : 0;
	}
	o->sets->rest[w] &= ~(gone | consts);
	o->sets->consts[w] |= consts;
}

/* Once all that may use them was seen. */
static void sweep_consts(struct opt *o, const struct ir_block *b, ir_ref w)
{
	uint64_t gone = 0;
	for (uint64_t left = ir_in_block(o->sets->consts, b, w); left; left &= left - 1) {
		ir_ref r = w * 64 + (ir_ref)__builtin_ctzll(left);
		o->insns[r].op = o->used[r] ? IR_const : IR_nop;
		gone |= o->used[r] ? 0 : left & -left;
	}
	o->sets->consts[w] &= ~gone;
}

static void sweep_block(struct opt *o, ir_label l)
{
	const struct ir_block b = o->u->blocks[l];
	struct live live = {live_out(o, l), 0};
	for (ir_ref w = (b.end - 1) / 64 + 1; w-- > b.first / 64;)
		sweep_word(o, &b, w, &live);
	for (ir_ref w = b.first / 64; w * 64 < b.end; w++)
		sweep_consts(o, &b, w);
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

/* Globals that are live at a block's start, when none is behind it, and when all are. */
struct passage {
	uint64_t none, all;
};

/* Nothing is removed. */
static struct passage walk(const struct opt *o, ir_label l)
{
	const struct ir_block b = o->u->blocks[l];
	struct live none = {0, 0}, all = {UINT64_MAX, 0};
	for (ir_ref w = (b.end - 1) / 64 + 1; w-- > b.first / 64;)
		for (uint64_t left = ir_in_block(o->sets->rest, &b, w), bit; left; left ^= bit) {
			unsigned k = 63 - (unsigned)__builtin_clzll(left);
			const struct ir_insn *i = &o->insns[w * 64 + k];
			bit = UINT64_C(1) << k;
			if (ir_pure_ops >> i->op & 1)
				continue;
			none = live_before(o, i, none);
			all = live_before(o, i, all);
		}
	return (struct passage){none.read | none.fault, all.read | all.fault};
}

/* Grows live_in from nothing until it is stable. Each global goes through a block by itself, so one walk tells what the block makes of any set. */
static void find_liveness(struct opt *o)
{
	struct ir_unit *u = o->u;
	struct passage *through = arena_alloc(u->arena, u->n_blocks * sizeof *through);
	bool changed = true;
	for (ir_label l = 0; l < u->n_blocks; l++)
		through[l] = walk(o, l);
	while (changed) {
		changed = false;
		for (uint32_t k = u->n_order; k-- > 0;) {
			ir_label l = u->order[k];
			uint64_t out = live_out(o, l), live = (out & through[l].all) | (~out & through[l].none);
			changed |= live != o->live_in[l];
			o->live_in[l] = live;
		}
	}
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
