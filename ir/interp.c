/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The interpreter: executes a unit insn by insn, as the oracle for optimiser and backend. Slow by
 * design; it has no code of its own for any pure opcode (ir_eval) and knows helpers only by their
 * table rows.
 */
#include <assert.h>
#include <ffi.h>
#include <stdlib.h>
#include <string.h>

#include "ir/ir.h"

#define VALUES_ON_STACK 2048u

struct frame {
	const struct ir_unit *u;
	uint8_t *env;
	const struct ir_memory *mem;
	uint64_t *value; /* by ir_ref; i32 values are zero-extended */
	unsigned marks;  /* 1 + index of the last marker before the insn, in code order */
	struct ir_interp_result result;
};

static uint64_t global_read(const struct frame *f, unsigned g)
{
	const struct ir_global *info = &f->u->guest->globals[g];
	const uint8_t *p = f->env + info->offset;
	uint32_t word;
	uint64_t wide;
	switch (info->mem_bytes) {
	case 1:
		return *p;
	case 4:
		memcpy(&word, p, sizeof word);
		return word;
	}
	memcpy(&wide, p, sizeof wide);
	return wide;
}

static void global_write(const struct frame *f, unsigned g, uint64_t x)
{
	const struct ir_global *info = &f->u->guest->globals[g];
	memcpy(f->env + info->offset, &x, info->mem_bytes);
}

/* Width of a value in memory, as the memop says, and nothing above the type. */
static uint64_t extended(uint64_t x, uint16_t memop, enum ir_type type)
{
	unsigned spare = 64 - 8 * ir_memop_size(memop);
	x = ir_memop_signed(memop) ? (uint64_t)((int64_t)(x << spare) >> spare) : x << spare >> spare;
	return type == IR_I64 ? x : (uint32_t)x;
}

static ffi_type *foreign_type(uint8_t type)
{
	return type == IR_VOID ? &ffi_type_void : type == IR_I64 ? &ffi_type_uint64 : &ffi_type_uint32;
}

/* Calls the helper of insn `i`; false when it faulted. */
static bool call(struct frame *f, const struct ir_insn *i, uint64_t *result)
{
	const struct ir_helper *h = &f->u->guest->helpers[i->aux];
	ffi_type *types[1 + IR_HELPER_MAX_ARGS] = { &ffi_type_pointer };
	void *env = f->env, *values[1 + IR_HELPER_MAX_ARGS] = { &env };
	uint64_t args[IR_HELPER_MAX_ARGS];
	unsigned n;
	const ir_ref *refs = ir_call_args(f->u, i, &n);
	for (unsigned k = 0; k < n; k++) {
		args[k] = f->value[refs[k]];
		types[k + 1] = foreign_type(h->args[k]);
		values[k + 1] = &args[k];
	}
	ffi_cif cif;
	union { ffi_arg word; uint64_t wide; } ret = { .wide = 0 };
	ffi_status ok = ffi_prep_cif(&cif, FFI_DEFAULT_ABI, n + 1, foreign_type(h->ret), types);
	assert(ok == FFI_OK);
	(void)ok;
	ffi_call(&cif, h->fn, &ret, values);
	*result = h->ret == IR_I32 ? (uint32_t)ret.word : ret.wide;
	if (!(h->flags & IR_HELPER_FAULT))
		return true;
	uint32_t fault;
	memcpy(&fault, f->env + f->u->guest->fault_flag_offset, sizeof fault);
	return fault == 0 && !(h->flags & IR_HELPER_NORETURN);
}

/* Index of the first insn of block l; the marker count follows the code, not the path taken. */
static ir_ref enter_block(struct frame *f, ir_label l)
{
	ir_ref first = f->u->blocks[l].first;
	f->marks = 0;
	for (ir_ref r = first; r-- > 0;)
		if (ir_ops[f->u->insns[r].op].shape == IR_SHAPE_MARK) {
			f->marks = f->u->insns[r].aux + 1u;
			break;
		}
	return first;
}

static bool leave(struct frame *f, enum ir_exit exit, unsigned slot, uint64_t pc_key)
{
	f->result = (struct ir_interp_result){ exit, slot, (uint32_t)pc_key, f->marks };
	if (exit != IR_EXIT_FAULT)
		global_write(f, f->u->guest->pc_global, (uint32_t)pc_key);
	return false;
}

/* Executes insn *at and moves *at on; false when the unit was left. */
static bool step(struct frame *f, ir_ref *at)
{
	const struct ir_insn *i = &f->u->insns[*at];
	uint64_t *value = f->value, *to = &value[*at];
	unsigned mark = f->marks - 1;
	++*at;
	switch ((enum ir_shape)ir_ops[i->op].shape) {
	case IR_SHAPE_NULLARY:
		return true;
	case IR_SHAPE_IMM:
		*to = i->imm;
		return true;
	case IR_SHAPE_GLOBAL:
		*to = global_read(f, i->aux);
		return true;
	case IR_SHAPE_GLOBAL1:
		global_write(f, i->aux, value[i->a]);
		return true;
	case IR_SHAPE_UNARY:
		*to = ir_eval((enum ir_op)i->op, (enum ir_type)i->type, i->aux, value[i->a], 0, 0);
		return true;
	case IR_SHAPE_BINARY: case IR_SHAPE_COMPARE:
		*to = ir_eval((enum ir_op)i->op, (enum ir_type)i->type, i->aux, value[i->a], value[i->b], 0);
		return true;
	case IR_SHAPE_TERNARY:
		*to = ir_eval((enum ir_op)i->op, (enum ir_type)i->type, i->aux, value[i->a], value[i->b],
			      value[i->c]);
		return true;
	case IR_SHAPE_LOAD:
		if (!f->mem->load(f->mem->ctx, (uint32_t)value[i->a], i->aux, mark, to))
			return leave(f, IR_EXIT_FAULT, 0, 0);
		*to = extended(*to, i->aux, (enum ir_type)i->type);
		return true;
	case IR_SHAPE_STORE:
		return f->mem->store(f->mem->ctx, (uint32_t)value[i->a], i->aux, mark, value[i->b]) ||
		       leave(f, IR_EXIT_FAULT, 0, 0);
	case IR_SHAPE_CALL:
		return call(f, i, to) || leave(f, IR_EXIT_FAULT, 0, 0);
	case IR_SHAPE_MARK:
		f->marks = i->aux + 1u;
		return true;
	case IR_SHAPE_BRANCH:
		*at = enter_block(f, i->b);
		return true;
	case IR_SHAPE_BRANCH_COND:
		*at = enter_block(f, value[i->a] ? i->b : i->c);
		return true;
	case IR_SHAPE_EXIT_JUMP:
		return leave(f, IR_EXIT_JUMP, i->aux & 0xffu, i->imm);
	case IR_SHAPE_EXIT_IND:
		return leave(f, IR_EXIT_IND, 0, value[i->a]);
	case IR_SHAPE_EXIT_LOOP:
		return leave(f, IR_EXIT_LOOP, 0, value[i->a]);
	}
	assert(false && "shape");
	return false;
}

struct ir_interp_result ir_interpret(const struct ir_unit *u, void *env, const struct ir_memory *mem)
{
	uint64_t on_stack[VALUES_ON_STACK], *heap = NULL;
	if (u->n_insns > VALUES_ON_STACK) {
		heap = malloc(u->n_insns * sizeof *heap);
		if (!heap)
			abort(); /* as the arena does: out of host memory */
	}
	struct frame f = { .u = u, .env = env, .mem = mem, .value = heap ? heap : on_stack };
	ir_ref at = enter_block(&f, 0);
	while (step(&f, &at))
		;
	free(heap);
	return f.result;
}
