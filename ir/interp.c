/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The interpreter: executes a unit insn by insn, as the oracle for optimiser and backend. Slow by
 * design; it has no code of its own for any pure opcode (eval.h) and knows helpers only by their
 * table rows.
 */
#include <assert.h>
#include <ffi.h>
#include <stdlib.h>
#include <string.h>

#include "ir/eval.h"

#define VALUES_ON_STACK 2048u

struct frame {
	const struct ir_unit *u;
	const struct ir_global *globals;
	uint8_t *env;
	const struct ir_memory *mem;
	uint64_t *value; /* by ir_ref; i32 values are zero-extended */
	unsigned marks;  /* 1 + index of the last marker before the insn, in code order */
	struct ir_interp_result result;
};

static inline uint64_t env_read(const struct ir_global *globals, const uint8_t *env, unsigned g)
{
	const struct ir_global *info = &globals[g];
	const uint8_t *p = env + info->offset;
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

static uint64_t global_read(const struct frame *f, unsigned g)
{
	return env_read(f->globals, f->env, g);
}

static void global_write(const struct frame *f, unsigned g, uint64_t x)
{
	const struct ir_global *info = &f->globals[g];
	uint8_t *p = f->env + info->offset;
	uint32_t word = (uint32_t)x;
	switch (info->mem_bytes) {
	case 1:
		*p = (uint8_t)x;
		return;
	case 4:
		memcpy(p, &word, sizeof word);
		return;
	}
	memcpy(p, &x, sizeof x);
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

/* The insn that comes next, and where its value goes. */
struct place {
	const struct ir_insn *insn;
	uint64_t *value;
};

/* The start of block l; the marker count follows the code, not the path taken. */
static struct place enter_block(struct frame *f, ir_label l)
{
	ir_ref first = f->u->blocks[l].first;
	f->marks = 0;
	for (ir_ref r = first; r-- > 0;)
		if (ir_ops[f->u->insns[r].op].shape == IR_SHAPE_MARK) {
			f->marks = f->u->insns[r].aux + 1u;
			break;
		}
	return (struct place){ f->u->insns + first, f->value + first };
}

static bool leave(struct frame *f, enum ir_exit exit, unsigned slot, uint64_t pc_key)
{
	f->result = (struct ir_interp_result){ exit, slot, (uint32_t)pc_key, f->marks };
	if (exit != IR_EXIT_FAULT)
		global_write(f, f->u->guest->pc_global, (uint32_t)pc_key);
	return false;
}

/* ---- one function a shape: executes insn i, whose value goes to *to; false when the unit was left ---- */

/* IMM and the pure ones: `wide` results keep all 64 bits. Operands are as wide as they should be (ir_verify). */
static inline uint64_t narrowed(bool wide, uint64_t x)
{
	return wide ? x : (uint32_t)x;
}

/* The memop as memory is to see it. What the optimiser knows of alignment is true. */
static uint16_t memop(const struct ir_insn *i, uint32_t addr)
{
	assert(!ir_memop_aligned(i->aux) || !(addr & (ir_memop_size(i->aux) - 1)));
	(void)addr;
	return (uint16_t)(i->aux & ~IR_MEMOP_ALIGNED);
}

static bool load(struct frame *f, const struct ir_insn *i, uint64_t *to)
{
	uint32_t addr = (uint32_t)f->value[i->a];
	if (!f->mem->load(f->mem->ctx, addr, memop(i, addr), f->marks - 1, to))
		return leave(f, IR_EXIT_FAULT, 0, 0);
	*to = extended(*to, i->aux, (enum ir_type)i->type);
	return true;
}

static bool store(struct frame *f, const struct ir_insn *i)
{
	uint32_t addr = (uint32_t)f->value[i->a];
	return f->mem->store(f->mem->ctx, addr, memop(i, addr), f->marks - 1, f->value[i->b]) ||
	       leave(f, IR_EXIT_FAULT, 0, 0);
}

static bool charge(const struct frame *f, int32_t n)
{
	return !f->mem->charge || f->mem->charge(f->mem->ctx, n);
}

static bool exit_budget(struct frame *f, const struct ir_insn *i)
{
	charge(f, -(int32_t)i->aux);
	return leave(f, IR_EXIT_BUDGET, 0, i->imm);
}

/* refund and count */
static bool amount(const struct frame *f, const struct ir_insn *i)
{
	if (i->op == IR_refund)
		charge(f, -(int32_t)i->imm);
	else if (f->mem->count)
		f->mem->count(f->mem->ctx, (uint32_t)i->imm);
	return true;
}

static bool refund_by(const struct frame *f, uint64_t n)
{
	charge(f, -(int32_t)n);
	return true;
}

/* A case of `step` for each row of ops.def. */
#define WIDE_NONE true
#define WIDE_T (i->type == IR_I64)
#define WIDE_I32 false
#define WIDE_I64 true
#define PURE(name, result, a, b, c) \
	*to = narrowed(WIDE_##result, ir_eval_raw(IR_##name, ir_width_of(i->type), i->aux, a, b, c)); \
	return true;
#define STEP_NULLARY(name, result) return true;
#define STEP_IMM(name, result) *to = i->imm; return true;
#define STEP_GLOBAL(name, result) *to = global_read(f, i->aux); return true;
#define STEP_GLOBAL1(name, result) global_write(f, i->aux, value[i->a]); return true;
#define STEP_GLOBAL_OR(name, result) if (value[i->a]) global_write(f, i->aux, 1); return true;
#define STEP_UNARY(name, result) PURE(name, result, value[i->a], 0, 0)
#define STEP_BINARY(name, result) PURE(name, result, value[i->a], value[i->b], 0)
#define STEP_COMPARE STEP_BINARY
#define STEP_TERNARY(name, result) PURE(name, result, value[i->a], value[i->b], value[i->c])
#define STEP_LOAD(name, result) return load(f, i, to);
#define STEP_STORE(name, result) return store(f, i);
#define STEP_CALL(name, result) return call(f, i, to) || leave(f, IR_EXIT_FAULT, 0, 0);
#define STEP_MARK(name, result) f->marks = i->aux + 1u; return true;
#define STEP_BRANCH(name, result) *at = enter_block(f, i->b); return true;
#define STEP_BRANCH_COND(name, result) *at = enter_block(f, value[i->a] ? i->b : i->c); return true;
#define STEP_EXIT_JUMP(name, result) return leave(f, IR_EXIT_JUMP, i->aux & 0xffu, i->imm);
#define STEP_EXIT_IND(name, result) return leave(f, IR_EXIT_IND, 0, value[i->a]);
#define STEP_EXIT_LOOP(name, result) return leave(f, IR_EXIT_LOOP, 0, value[i->a]);
#define STEP_EXIT_BUDGET(name, result) return exit_budget(f, i);
#define STEP_CHARGE(name, result) *at = enter_block(f, charge(f, i->aux) ? i->b : i->c); return true;
#define STEP_AMOUNT(name, result) return amount(f, i);
#define STEP_KEY(name, result) return true;
#define STEP_AMOUNT_OF(name, result) return refund_by(f, value[i->a]);

/* Executes the insn at *at and moves *at on; false when the unit was left. `value` is f's own: nothing that is written
 * here can make the compiler fetch its address again. */
static inline __attribute__((always_inline)) bool step(struct frame *f, uint64_t *value, struct place *at)
{
	const struct ir_insn *i = at->insn++;
	uint64_t *to = at->value++;
	switch ((enum ir_op)i->op) {
#define OP(name, shape, result, args, flags) case IR_##name: STEP_##shape(name, result)
#include "ir/ops.def"
#undef OP
	case IR_OP_COUNT:
		break;
	}
	assert(false && "opcode");
	return false;
}

uint32_t ir_unmet(const struct ir_guest *guest, const void *env, uint32_t assumes)
{
	uint32_t unmet = 0;
	for (uint32_t left = assumes; left; left &= left - 1) {
		unsigned bit = (unsigned)__builtin_ctz(left), mask = bit < IR_ASSUMED_GLOBALS ? 3 : 1;
		if (env_read(guest->globals, env, bit % IR_ASSUMED_GLOBALS) & mask)
			unmet |= 1u << bit;
	}
	return unmet;
}

struct ir_interp_result ir_interpret(const struct ir_unit *u, void *env, const struct ir_memory *mem)
{
	uint64_t on_stack[VALUES_ON_STACK], *heap = NULL;
	assert(!ir_unmet(u->guest, env, u->assumes));
	if (u->n_insns > VALUES_ON_STACK) {
		heap = malloc(u->n_insns * sizeof *heap);
		if (!heap)
			abort(); /* as the arena does: out of host memory */
	}
	struct frame f = { .u = u, .globals = u->guest->globals, .env = env, .mem = mem, .value = heap ? heap : on_stack };
	uint64_t *value = f.value;
	struct place at = enter_block(&f, 0);
	while (step(&f, value, &at))
		;
	free(heap);
	return f.result;
}
