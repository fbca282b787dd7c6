/* SPDX-License-Identifier: Apache-2.0 */
/* The opcode table, made from ops.def, and what can be asked about an insn or a condition alone. */
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

/* Constants and the rest, of 32 insns: a bit for each, 32 apart. Markers are in neither half. */
static const uint64_t classes[IR_OP_COUNT] = {
#define OP(name, shape, result, args, flags) \
	[IR_##name] = IR_##name == IR_const ? UINT64_C(1) << 32 : IR_SHAPE_##shape != IR_SHAPE_MARK,
#include "ir/ops.def"
#undef OP
};

static uint64_t sort(const struct ir_insn *i, unsigned n)
{
	uint64_t both = 0;
	for (unsigned k = 0; k < n; k++)
		both |= classes[i[k].op] << k;
	return both;
}

struct ir_sets *ir_sort(const struct ir_unit *u)
{
	size_t n_words = u->n_insns / 64 + 1;
	struct ir_sets *s = arena_alloc(u->arena, sizeof *s);
	s->rest = arena_alloc(u->arena, 3 * n_words * sizeof *s->rest);
	s->consts = s->rest + n_words;
	s->marks = s->consts + n_words;
	for (uint32_t w = 0; w < n_words; w++) {
		uint32_t n = MIN(u->n_insns - 64 * w, 64u);
		uint64_t low = sort(&u->insns[64 * w], MIN(n, 32u)), high = n > 32 ? sort(&u->insns[64 * w + 32], n - 32) : 0;
		uint64_t all = n == 64 ? UINT64_MAX : ~(UINT64_MAX << n);
		s->rest[w] = (uint32_t)low | high << 32;
		s->consts[w] = low >> 32 | (high >> 32 << 32);
		s->marks[w] = all & ~(s->rest[w] | s->consts[w]);
	}
	return s;
}
