/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Few and simple instructions under one condition become selects: which way such a condition goes the host mostly cannot predict. In
 * ARM code they are a run of one condition; in Thumb code, which has no conditional instructions, a short branch skips them.
 *
 * They are lowered without writing a global; behind the last one each register and flag that they changed is selected. None of
 * them can fault or leave, so nobody sees the state in between. What a branch skipped is given back to the budget before
 * anybody can look: at once for several of them, for it is read, added to and written each time.
 * Only done where what follows overwrites the flags that the instructions set: to select flags costs more than a branch.
 */
#include <string.h>

#include "frontend-arm/lower.h"

#define NZ (1u << FLAG_N | 1u << FLAG_Z)
#define NZC (NZ | 1u << FLAG_C)
#define NZCV (NZC | 1u << FLAG_V)
#define NEVER 0xffu

/* Shifts by a register take ten host instructions and more: not to be done for nothing. */
static const uint8_t alu_flags[16] = {
	NZ, NZ, NEVER, NEVER, NEVER, NZCV, NZCV, NEVER, NZ, NZCV, NZCV, NZCV, NZ, NZ, NZ, NZ,
};

static unsigned high_register_flags(uint32_t insn)
{
	uint32_t rd = bits(insn, 2, 0) | bits(insn, 7, 7) << 3, op = bits(insn, 9, 8);
	if (op == 3 || (op != 1 && rd >= 13))
		return NEVER;
	return op == 1 ? NZCV : 0;
}

unsigned arm_skip_flags(uint32_t insn)
{
	if (insn < 0x1800)
		return insn < 0x0800 && !bits(insn, 10, 6) ? NZ : NZC;
	if (insn < 0x4000)
		return bits(insn, 15, 11) == 4 ? NZ : NZCV;
	if (insn < 0x4400)
		return alu_flags[bits(insn, 9, 6)];
	if (insn < 0x4800)
		return high_register_flags(insn);
	return bits(insn, 15, 12) == 10 ? 0 : NEVER; /* an address off pc or sp */
}

static unsigned skip_register(uint32_t insn)
{
	if (bits(insn, 15, 13) == 1 || insn >= 0x4800)
		return bits(insn, 10, 8);
	return bits(insn, 2, 0) | (insn >= 0x4400 ? bits(insn, 7, 7) << 3 : 0);
}

bool arm_skip_pays(const uint32_t *insn, unsigned n)
{
	unsigned written = 0;
	for (unsigned k = 0; k < n; k++)
		written |= 1u << skip_register(insn[k]);
	return n <= 3 || __builtin_popcount(written) <= 2;
}

void arm_skip_begin(struct arm_lower *l, enum arm_cond cond, unsigned n)
{
	struct arm_skip *s = &l->skip;
	*s = (struct arm_skip){
		.left = n, .n = n, .cond = cond, .source = l->source, .src_a = l->src_a, .src_b = l->src_b, .src_r = l->src_r,
		.source_end = l->source_end,
	};
	for (unsigned r = 0; r < ARRAY_LEN(s->reg); r++)
		s->reg[r] = l->reg[r];
	for (unsigned f = 0; f < ARM_FLAGS; f++)
		s->flag[f] = l->flag[f];
}

/* What the core is where nothing of it was done, so that the condition can be asked. */
static void as_before(struct arm_lower *l, const struct arm_skip *s)
{
	l->source = s->source;
	l->src_a = s->src_a;
	l->src_b = s->src_b;
	l->src_r = s->src_r;
	l->source_end = s->source_end;
	for (unsigned r = 0; r < ARRAY_LEN(s->reg); r++)
		if (s->wrote_regs >> r & 1u)
			l->reg[r] = s->reg[r];
	for (unsigned f = 0; f < ARM_FLAGS; f++)
		if (s->wrote_flags >> f & 1u)
			l->flag[f] = s->flag[f];
}

/* A result that no register has is better computed where it is asked for: the host's `test`. */
static void test_again(struct arm_lower *l)
{
	const struct ir_insn *i = &l->u->insns[l->src_r];
	if (l->source != FLAGS_RESULT || i->op != IR_and || arm_is_held(l, l->src_r))
		return;
	l->src_r = ir_and(l->u, IR_I32, i->a, i->b);
}

void arm_skip_end(struct arm_lower *l)
{
	struct arm_skip s = l->skip;
	ir_ref reg[15], flag[ARM_FLAGS];
	memcpy(reg, l->reg, sizeof reg);
	memcpy(flag, l->flag, sizeof flag);
	as_before(l, &s);
	l->skip.left = 0;
	test_again(l);
	ir_ref skipped = arm_condition(l, s.cond);
	for (uint32_t r = 0; r < ARRAY_LEN(reg); r++)
		if (s.wrote_regs >> r & 1u)
			arm_set_reg(l, r, ir_select(l->u, IR_I32, skipped, arm_reg(l, r), reg[r]));
	for (unsigned f = 0; f < ARM_FLAGS; f++)
		if (s.wrote_flags >> f & 1u)
			arm_set_flag(l, (enum arm_flag)f, ir_select(l->u, IR_I32, skipped, arm_flag(l, (enum arm_flag)f), flag[f]));
	if (!l->thumb)
		return; /* a condition that fails is an instruction done */
	ir_ref n = skipped;
	if (s.n > 1)
		n = s.n == 3 ? ir_mul(l->u, IR_I32, n, arm_const(l, 3)) : ir_shl(l->u, IR_I32, n, arm_const(l, s.n / 2));
	l->unspent = l->unspent ? ir_add(l->u, IR_I32, l->unspent, n) : n;
}
