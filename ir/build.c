/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The builder: appends insns to arrays that double inside the unit's arena. On the hot path of
 * every translation, so it checks nothing that ir_verify() checks, but for the order of calls.
 */
#include <assert.h>
#include <string.h>

#include "ir/ir.h"

#define FIRST_INSNS 512u
#define FIRST_BLOCKS 16u
#define FIRST_ARGS 32u

/* A copy of `old` with room for `cap` elements; the old array dies with the arena. */
static void *grown(struct arena *arena, const void *old, uint32_t used, uint32_t cap, size_t size)
{
	void *p = arena_alloc(arena, (size_t)cap * size);
	if (used)
		memcpy(p, old, (size_t)used * size);
	return p;
}

void ir_unit_init(struct ir_unit *u, const struct ir_guest *guest, struct arena *arena)
{
	assert(guest->n_globals <= IR_MAX_GLOBALS);
	*u = (struct ir_unit){
		.guest = guest,
		.arena = arena,
		.insns = arena_alloc(arena, FIRST_INSNS * sizeof *u->insns),
		.blocks = arena_alloc(arena, FIRST_BLOCKS * sizeof *u->blocks),
		.order = arena_alloc(arena, FIRST_BLOCKS * sizeof *u->order),
		.args = arena_alloc(arena, FIRST_ARGS * sizeof *u->args),
		.cap_insns = FIRST_INSNS,
		.cap_blocks = FIRST_BLOCKS,
		.cap_args = FIRST_ARGS,
		.cur = IR_NONE,
	};
}

ir_label ir_block_new(struct ir_unit *u)
{
	if (u->n_blocks == u->cap_blocks) {
		u->cap_blocks *= 2;
		u->blocks = grown(u->arena, u->blocks, u->n_blocks, u->cap_blocks, sizeof *u->blocks);
		u->order = grown(u->arena, u->order, u->n_order, u->cap_blocks, sizeof *u->order);
	}
	u->blocks[u->n_blocks] = (struct ir_block){ IR_NONE, IR_NONE };
	return u->n_blocks++;
}

void ir_block_start(struct ir_unit *u, ir_label l)
{
	assert(u->cur == IR_NONE);
	assert(l < u->n_blocks && u->blocks[l].first == IR_NONE);
	u->blocks[l].first = u->n_insns;
	u->order[u->n_order++] = l;
	u->cur = l;
}

bool ir_block_ended(const struct ir_unit *u)
{
	return u->cur == IR_NONE;
}

/* The last thing ir_append does, so that its short way needs no stack frame: room for one more insn
 * is always there. Returns r. */
static __attribute__((noinline)) ir_ref grow_insns(struct ir_unit *u, ir_ref r)
{
	u->cap_insns *= 2;
	u->insns = grown(u->arena, u->insns, u->n_insns, u->cap_insns, sizeof *u->insns);
	return r;
}

static inline ir_ref append(struct ir_unit *u, struct ir_head head, ir_ref a, ir_ref b, ir_ref c, uint64_t imm)
{
	assert(u->cur != IR_NONE);
	ir_ref r = u->n_insns++;
	u->insns[r] = (struct ir_insn){ head.op, head.type, head.aux, a, b, c, imm };
	return u->n_insns == u->cap_insns ? grow_insns(u, r) : r;
}

ir_ref ir_append(struct ir_unit *u, struct ir_head head, ir_ref a, ir_ref b, ir_ref c, uint64_t imm)
{
	return append(u, head, a, b, c, imm);
}

ir_ref ir_append_mark(struct ir_unit *u, struct ir_head head, uint64_t pc_key)
{
	assert(u->n_marks <= UINT16_MAX);
	if (u->n_marks == 0)
		u->pc_key = pc_key;
	head.aux = (uint16_t)u->n_marks++;
	return append(u, head, IR_NONE, IR_NONE, IR_NONE, pc_key);
}

ir_ref ir_append_end(struct ir_unit *u, struct ir_head head, ir_ref a, ir_ref b, ir_ref c, uint64_t imm)
{
	ir_ref r = append(u, head, a, b, c, imm);
	u->blocks[u->cur].end = r + 1;
	u->cur = IR_NONE;
	return r;
}

ir_ref ir_emit(struct ir_unit *u, enum ir_op op, enum ir_type type, uint16_t aux, ir_ref a, ir_ref b,
	       ir_ref c, uint64_t imm)
{
	const struct ir_op_info *info = &ir_ops[op];
	struct ir_head head = { (uint8_t)op, (uint8_t)type, aux };
	if (info->shape == IR_SHAPE_MARK)
		return ir_append_mark(u, head, imm);
	if (info->flags & IR_END)
		return ir_append_end(u, head, a, b, c, imm);
	if (info->shape == IR_SHAPE_IMM && type == IR_I32)
		imm = (uint32_t)imm; /* callers pass negative numbers */
	return ir_append(u, head, a, b, c, imm);
}

void ir_exit_dead(struct ir_unit *u, uint32_t dead)
{
	struct ir_insn *end = &u->insns[u->n_insns - 1];
	assert(end->op == IR_exit_jump || end->op == IR_exit_ind || end->op == IR_br || end->op == IR_charge);
	if (end->op == IR_exit_jump || end->op == IR_exit_ind)
		end->b = dead;
	else
		end->imm = dead;
}

void ir_exit_lands(struct ir_unit *u, ir_label l)
{
	struct ir_insn *end = &u->insns[u->n_insns - 1];
	assert((end->op == IR_exit_jump || end->op == IR_exit_ind) && end->aux >> 8 == IR_LINK_CALL);
	end->c = l;
}

void ir_set_again(struct ir_unit *u, uint16_t global, ir_ref v)
{
	ir_append(u, (struct ir_head){ IR_set, u->guest->globals[global].type, global }, v, IR_SET_AGAIN, IR_NONE, 0);
}

ir_ref ir_emit_call(struct ir_unit *u, uint16_t helper, const ir_ref *args)
{
	const struct ir_helper *h = &u->guest->helpers[helper];
	uint32_t first = u->n_args, n = h->n_args;
	if (first + n > u->cap_args) {
		u->cap_args *= 2;
		u->args = grown(u->arena, u->args, first, u->cap_args, sizeof *u->args);
	}
	for (uint32_t i = 0; i < n; i++)
		u->args[first + i] = args[i];
	u->n_args += n;
	return ir_emit(u, IR_call, (enum ir_type)h->ret, helper, IR_NONE, IR_NONE, IR_NONE, first);
}
