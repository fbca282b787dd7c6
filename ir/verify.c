/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The verifier: every rule that ir.h states about a unit. Trusts only the guest's tables and the
 * array bounds in struct ir_unit, so that it can look at damaged units. Linear time.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "ir/ir.h"

struct check {
	const struct ir_unit *u;
	const struct ir_block *block; /* being checked */
	ir_ref at;
	unsigned marks;               /* seen so far */
	uint64_t slots;               /* bit mask of exit slots used so far */
	uint64_t lazy;                /* globals set lazily last, in this block */
	char *msg;
	size_t msg_size;
};

static PRINTF_LIKE(2, 3) bool bad(struct check *c, const char *fmt, ...)
{
	va_list args;
	char what[120];
	va_start(args, fmt);
	vsnprintf(what, sizeof what, fmt, args);
	va_end(args);
	if (c->at != IR_NONE && c->u->insns[c->at].op < IR_OP_COUNT)
		snprintf(c->msg, c->msg_size, "v%" PRIu32 " (%s): %s", c->at, ir_ops[c->u->insns[c->at].op].name, what);
	else
		snprintf(c->msg, c->msg_size, "%s", what);
	return false;
}

/* Operand `v` is defined earlier in this block and has type `want`. */
static bool check_value(struct check *c, ir_ref v, enum ir_type want)
{
	if (v < c->block->first || v >= c->at)
		return bad(c, "operand %" PRIu32 " is not defined before it in its block", v);
	if (ir_result_type(c->u, &c->u->insns[v]) != want)
		return bad(c, "operand v%" PRIu32 " has the wrong type", v);
	const struct ir_insn *user = &c->u->insns[c->at];
	if (ir_is_noted(&c->u->insns[v]) && !ir_is_noted(user) && (user->op != IR_set || user->b != IR_SET_LAZY))
		return bad(c, "operand v%" PRIu32 " need not be there", v);
	return true;
}

static bool check_operands(struct check *c, const struct ir_insn *i)
{
	const ir_ref v[3] = { i->a, i->b, i->c };
	const struct ir_op_info *info = &ir_ops[i->op];
	for (unsigned k = 0; k < info->n_args; k++) {
		char kind = info->args[k];
		enum ir_type want = kind == 'T' ? (enum ir_type)i->type : kind == 'q' ? IR_I64 : IR_I32;
		if (!check_value(c, v[k], want))
			return false;
	}
	return true;
}

/* Nobody but a fault sees what was set lazily. */
static bool check_unseen(struct check *c, uint64_t globals)
{
	return !(c->lazy & globals) || bad(c, "sees what was set lazily");
}

static bool check_set(struct check *c, const struct ir_insn *i)
{
	if (i->b != IR_NONE && i->b - IR_SET_OPTIONAL > IR_SET_AGAIN - IR_SET_OPTIONAL)
		return bad(c, "a set is optional, lazy, again or neither, and not %u", i->b);
	uint64_t bit = UINT64_C(1) << (i->aux & 63);
	c->lazy = i->b == IR_SET_LAZY ? c->lazy | bit : c->lazy & ~bit;
	return true;
}

static bool check_global(struct check *c, const struct ir_insn *i)
{
	const struct ir_guest *g = c->u->guest;
	if (i->aux >= g->n_globals)
		return bad(c, "no global %u", i->aux);
	if (i->type != g->globals[i->aux].type)
		return bad(c, "type is not that of global %s", g->globals[i->aux].name);
	return true;
}

static bool check_memop(struct check *c, const struct ir_insn *i)
{
	unsigned size = ir_memop_size(i->aux);
	if (i->aux & 0xf000u)
		return bad(c, "reserved bits in memop %#x", i->aux);
	if (size > (i->type == IR_I64 ? 8u : 4u))
		return bad(c, "%u bytes do not fit the type", size);
	if (ir_memop_align(i->aux) == IR_ALIGN_ROTATE && size != 4)
		return bad(c, "only words rotate");
	if (ir_memop_leaves(i->aux) && ir_memop_align(i->aux) < IR_ALIGN_FORCE)
		return bad(c, "leaves, and need not");
	return true;
}

static bool check_call(struct check *c, const struct ir_insn *i)
{
	const struct ir_unit *u = c->u;
	if (i->aux >= u->guest->n_helpers)
		return bad(c, "no helper %u", i->aux);
	const struct ir_helper *h = &u->guest->helpers[i->aux];
	if (i->type != h->ret)
		return bad(c, "type is not what %s returns", h->name);
	if (i->imm > u->n_args || h->n_args > u->n_args - i->imm)
		return bad(c, "arguments are out of the pool");
	for (unsigned k = 0; k < h->n_args; k++)
		if (!check_value(c, u->args[i->imm + k], (enum ir_type)h->args[k]))
			return false;
	bool looks = h->flags & (IR_HELPER_READS | IR_HELPER_FAULT | IR_HELPER_NORETURN);
	return !looks || check_unseen(c, UINT64_MAX);
}

/* The exit itself writes the pc global. */
static bool check_exit(struct check *c, uint32_t dead)
{
	return check_unseen(c, ~(UINT64_C(1) << c->u->guest->pc_global | dead));
}

static bool check_mark(struct check *c, const struct ir_insn *i)
{
	if (i->aux != c->marks++)
		return bad(c, "marker has index %u", i->aux);
	if (i->aux == 0 && i->imm != c->u->pc_key)
		return bad(c, "first marker is not at the unit's pc key");
	return i->imm <= UINT32_MAX || bad(c, "pc key is too wide");
}

static bool check_target(struct check *c, ir_label l)
{
	return l < c->u->n_blocks || bad(c, "no block %" PRIu32, l);
}

static bool check_link(struct check *c, const struct ir_insn *i, unsigned other_bits)
{
	return (i->aux & ~other_bits) >> 8 <= IR_LINK_RET || bad(c, "no such link hint");
}

static bool check_dead(struct check *c, uint64_t dead)
{
	return !(dead >> MIN(c->u->guest->n_globals, 31u)) || bad(c, "no such global is dead");
}

/* A block that calls come back to says to which address. */
static bool check_landing(struct check *c, const struct ir_insn *i, uint32_t key)
{
	const struct ir_unit *u = c->u;
	if (i->c == IR_NONE)
		return true;
	if (i->aux >> 8 != IR_LINK_CALL)
		return bad(c, "what is no call does not come back");
	if (!check_target(c, i->c))
		return false;
	ir_ref at = u->blocks[i->c].first;
	const struct ir_insn *first = &u->insns[at < u->n_insns ? at : 0];
	return (first->op == IR_enter && first->imm == key) || bad(c, "block L%" PRIu32 " is not where it comes back", i->c);
}

static bool check_exit_jump(struct check *c, const struct ir_insn *i)
{
	unsigned slot = i->aux & 0xffu;
	if (slot >= IR_MAX_SLOTS)
		return bad(c, "no exit slot %u", slot);
	if (c->slots >> slot & 1)
		return bad(c, "exit slot %u is used twice", slot);
	c->slots |= UINT64_C(1) << slot;
	uint32_t dead = i->b != IR_NONE ? i->b : 0;
	return check_dead(c, dead) && check_link(c, i, 0xffu) && check_landing(c, i, (uint32_t)(i->imm >> 32)) && check_exit(c, dead);
}

static bool check_exit_ind(struct check *c, const struct ir_insn *i)
{
	uint32_t dead = i->b != IR_NONE ? i->b : 0;
	if (i->imm > UINT32_MAX)
		return bad(c, "return key is too wide");
	if (i->aux & 0xffu)
		return bad(c, "an indirect exit has no slot");
	return check_dead(c, dead) && check_link(c, i, 0) && check_landing(c, i, (uint32_t)i->imm) && check_exit(c, dead);
}

/* Everything but the value operands. */
static bool check_fields(struct check *c, const struct ir_insn *i)
{
	switch ((enum ir_shape)ir_ops[i->op].shape) {
	case IR_SHAPE_NULLARY: case IR_SHAPE_UNARY: case IR_SHAPE_BINARY: case IR_SHAPE_TERNARY: case IR_SHAPE_AMOUNT_OF:
		return true;
	case IR_SHAPE_EXIT_LOOP:
		return check_exit(c, 0);
	case IR_SHAPE_IMM:
		return i->type == IR_I64 || i->imm <= UINT32_MAX || bad(c, "immediate is wider than the type");
	case IR_SHAPE_GLOBAL1:
		return check_global(c, i) && check_set(c, i);
	case IR_SHAPE_GLOBAL_OR:
		if (i->aux < c->u->guest->n_globals && c->u->guest->globals[i->aux].mem_bytes != 1)
			return bad(c, "global %u is not of one byte", i->aux);
		return check_global(c, i) && check_unseen(c, UINT64_C(1) << i->aux);
	case IR_SHAPE_GLOBAL:
		return check_global(c, i) && check_unseen(c, UINT64_C(1) << i->aux);
	case IR_SHAPE_COMPARE:
		return i->aux <= IR_GTS || bad(c, "no condition %u", i->aux);
	case IR_SHAPE_LOAD: case IR_SHAPE_STORE:
		return check_memop(c, i);
	case IR_SHAPE_CALL:
		return check_call(c, i);
	case IR_SHAPE_MARK:
		return check_mark(c, i);
	case IR_SHAPE_BRANCH:
		return check_target(c, i->b) && check_dead(c, i->imm);
	case IR_SHAPE_BRANCH_COND:
		return check_target(c, i->b) && check_target(c, i->c);
	case IR_SHAPE_CHARGE:
		return check_target(c, i->b) && check_target(c, i->c) && check_dead(c, i->imm);
	case IR_SHAPE_EXIT_BUDGET:
		return i->imm <= UINT32_MAX ? check_exit(c, 0) : bad(c, "pc key is too wide");
	case IR_SHAPE_KEY:
		if (i->aux > 1)
			return bad(c, "a guard is looked at or not");
		return i->imm <= UINT32_MAX || bad(c, "pc key is too wide");
	case IR_SHAPE_AMOUNT:
		return i->imm <= INT32_MAX || bad(c, "too many");
	case IR_SHAPE_EXIT_JUMP:
		return check_exit_jump(c, i);
	case IR_SHAPE_EXIT_IND:
		return check_exit_ind(c, i);
	}
	return bad(c, "unknown shape");
}

/* Does the row speak of 'T' anywhere, so that the type field matters? */
static bool has_type(const struct ir_op_info *info)
{
	bool t = info->result == 'T';
	for (unsigned k = 0; k < info->n_args; k++)
		t |= info->args[k] == 'T';
	return t;
}

static bool check_insn(struct check *c)
{
	const struct ir_insn *i = &c->u->insns[c->at];
	if (i->op >= IR_OP_COUNT)
		return bad(c, "v%" PRIu32 ": no opcode %u", c->at, i->op);
	const struct ir_op_info *info = &ir_ops[i->op];
	bool ends = info->flags & IR_END, last = c->at + 1 == c->block->end;
	if (ends != last)
		return bad(c, last ? "block does not end here" : "block goes on after it");
	if (has_type(info) && info->shape != IR_SHAPE_CALL && i->type != IR_I32 && i->type != IR_I64)
		return bad(c, "type %u", i->type);
	return check_fields(c, i) && check_operands(c, i);
}

static bool check_block(struct check *c, ir_label l, ir_ref expected_first)
{
	c->at = IR_NONE;
	if (l >= c->u->n_blocks)
		return bad(c, "no block %" PRIu32 " to place", l);
	c->block = &c->u->blocks[l];
	if (c->block->first != expected_first)
		return bad(c, "block L%" PRIu32 " does not start where the previous one ends", l);
	if (c->block->end <= c->block->first || c->block->end > c->u->n_insns)
		return bad(c, "block L%" PRIu32 " has not ended", l);
	c->lazy = 0;
	for (c->at = c->block->first; c->at < c->block->end; c->at++)
		if (!check_insn(c))
			return false;
	c->at = IR_NONE;
	return true;
}

/* Ahead of the first marker there is no instruction to name: nothing there may fault, call or leave. */
static bool starts_with_marker(const struct ir_unit *u)
{
	ir_ref r = 0;
	while (r < u->n_insns && (ir_ops[u->insns[r].op].flags & IR_PURE || u->insns[r].op == IR_set || u->insns[r].op == IR_br || u->insns[r].op == IR_nop))
		r++;
	return r < u->n_insns && u->insns[r].op == IR_insn;
}

bool ir_verify(const struct ir_unit *u, char *msg, size_t msg_size)
{
	struct check c = { .u = u, .at = IR_NONE, .msg = msg, .msg_size = msg_size };
	ir_ref next = 0;
	if (u->n_blocks == 0 || u->n_order != u->n_blocks)
		return bad(&c, "%" PRIu32 " of %" PRIu32 " blocks placed", u->n_order, u->n_blocks);
	if (u->order[0] != 0)
		return bad(&c, "block L0 does not come first");
	for (uint32_t k = 0; k < u->n_order; k++) {
		if (!check_block(&c, u->order[k], next))
			return false;
		next = c.block->end;
	}
	if (next != u->n_insns)
		return bad(&c, "insns after the last block");
	if (!starts_with_marker(u))
		return bad(&c, "something may leave the unit before its first marker");
	if (c.marks != u->n_marks)
		return bad(&c, "%u markers, not %" PRIu32, c.marks, u->n_marks);
	return true;
}
