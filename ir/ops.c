/* SPDX-License-Identifier: Apache-2.0 */
/* The opcode table, made from ops.def, and what can be asked about an insn or a condition alone. */
#include <string.h>

#include "ir/ir.h"

#define COMM IR_COMM
#define PURE IR_PURE
#define FAULT IR_FAULT
#define EFFECT IR_EFFECT
#define END IR_END
#define NONE '-'
#define T 'T'
#define I32 'w'
#define I64 'q'
#define N_ARGS(s) ((uint8_t)(((s)[0] != '-') + ((s)[1] != '-') + ((s)[2] != '-')))

const struct ir_op_info ir_ops[IR_OP_COUNT] = {
#define OP(name, shape, result, args, flags) \
	[IR_##name] = { #name, IR_SHAPE_##shape, result, args, flags, N_ARGS(args) },
#include "ir/ops.def"
#undef OP
};

#undef COMM
#undef PURE
#undef FAULT
#undef EFFECT
#undef END
#undef NONE
#undef T
#undef I32
#undef I64

enum ir_cc ir_cc_negate(enum ir_cc cc)
{
	static const uint8_t negated[] = {
		[IR_EQ] = IR_NE,   [IR_NE] = IR_EQ,   [IR_LTU] = IR_GEU, [IR_GEU] = IR_LTU,
		[IR_LEU] = IR_GTU, [IR_GTU] = IR_LEU, [IR_LTS] = IR_GES, [IR_GES] = IR_LTS,
		[IR_LES] = IR_GTS, [IR_GTS] = IR_LES,
	};
	return (enum ir_cc)negated[cc];
}

enum ir_cc ir_cc_swap(enum ir_cc cc)
{
	static const uint8_t swapped[] = {
		[IR_EQ] = IR_EQ,   [IR_NE] = IR_NE,   [IR_LTU] = IR_GTU, [IR_GEU] = IR_LEU,
		[IR_LEU] = IR_GEU, [IR_GTU] = IR_LTU, [IR_LTS] = IR_GTS, [IR_GES] = IR_LES,
		[IR_LES] = IR_GES, [IR_GTS] = IR_LTS,
	};
	return (enum ir_cc)swapped[cc];
}

enum ir_type ir_result_type(const struct ir_unit *u, const struct ir_insn *i)
{
	char result = ir_ops[i->op].result;
	if (ir_ops[i->op].shape == IR_SHAPE_CALL)
		return (enum ir_type)u->guest->helpers[i->aux].ret;
	if (result == 'T')
		return (enum ir_type)i->type;
	return result == 'w' ? IR_I32 : result == 'q' ? IR_I64 : IR_VOID;
}

const ir_ref *ir_call_args(const struct ir_unit *u, const struct ir_insn *i, unsigned *n)
{
	*n = u->guest->helpers[i->aux].n_args;
	return &u->args[i->imm];
}

/* The rest, constants and accesses, of 16 insns: a bit for each, 16 apart. Markers are in none. */
enum { CONSTS = 16, ACCESSES = 32 };
#define IS_ACCESS(shape) (IR_SHAPE_##shape == IR_SHAPE_LOAD || IR_SHAPE_##shape == IR_SHAPE_STORE || IR_SHAPE_##shape == IR_SHAPE_CALL)
static const uint64_t classes[IR_OP_COUNT] = {
#define OP(name, shape, result, args, flags) \
	[IR_##name] = IR_##name == IR_const ? UINT64_C(1) << CONSTS : \
		      (uint64_t)(IR_SHAPE_##shape != IR_SHAPE_MARK) | (uint64_t)IS_ACCESS(shape) << ACCESSES,
#include "ir/ops.def"
#undef OP
};

static void sort(struct ir_sets *s, ir_ref r, const struct ir_insn *i, unsigned n)
{
	uint64_t all = 0;
	for (unsigned k = 0; k < n; k++)
		all |= classes[i[k].op] << k;
	s->rest[r / 64] |= (all & 0xffff) << r % 64;
	s->consts[r / 64] |= (all >> CONSTS & 0xffff) << r % 64;
	s->accesses[r / 64] |= (all >> ACCESSES & 0xffff) << r % 64;
	s->marks[r / 64] |= (~(all | all >> CONSTS) & (UINT64_C(0xffff) >> (16 - n))) << r % 64;
}

struct ir_sets *ir_sort(const struct ir_unit *u)
{
	size_t n_words = u->n_insns / 64 + 1;
	struct ir_sets *s = arena_alloc(u->arena, sizeof *s);
	s->rest = arena_alloc(u->arena, 4 * n_words * sizeof *s->rest);
	memset(s->rest, 0, 4 * n_words * sizeof *s->rest);
	s->consts = s->rest + n_words;
	s->marks = s->consts + n_words;
	s->accesses = s->marks + n_words;
	for (ir_ref r = 0; r < u->n_insns; r += 16)
		sort(s, r, &u->insns[r], MIN(u->n_insns - r, 16u));
	return s;
}
