/* SPDX-License-Identifier: Apache-2.0 */
/*
 * N, Z, C, V as globals of 0 or 1, and the conditions (DDI 0100I A3.2). Within an IR block the operation that
 * set the flags is remembered, so that a condition compares its operands directly; the sets of flags that nobody
 * reads are the optimiser's to remove. The shapes emitted here are those that the backend
 * recognises as one flag-setting host instruction.
 */
#include <assert.h>

#include "frontend-arm/lower.h"

_Static_assert(IR_add_v == IR_add_c + 1 && IR_sub_v == IR_sub_c + 1, "arm_lower.late_cv");

void arm_forget_regs(struct arm_lower *l)
{
	for (unsigned n = 0; n < ARRAY_LEN(l->reg); n++)
		l->reg[n] = IR_NONE;
	l->kept = IR_NONE;
}

void arm_forget_values(struct arm_lower *l)
{
	assert(!l->late);
	arm_forget_regs(l);
	l->source = FLAGS_UNKNOWN;
	l->again = 0;
	l->sure.flags = 0;
	for (unsigned f = 0; f < ARM_FLAGS; f++)
		l->flag[f] = IR_NONE;
	l->small[0] = l->small[1] = IR_NONE;
	l->lr_known = false;
}

/* A flag of l->late that nobody has asked for. */
static ir_ref late_value(struct arm_lower *l, enum arm_flag f)
{
	if (f == FLAG_N || f == FLAG_Z)
		return ir_cmp(l->u, IR_I32, f == FLAG_N ? IR_LTS : IR_EQ, l->late_r, arm_const(l, 0));
	struct ir_head head = { (uint8_t)(l->late_cv + (f == FLAG_V)), IR_I32, 0 };
	return ir_append(l->u, head, l->late_a, l->late_b, l->late_cin, 0);
}

ir_ref arm_flag(struct arm_lower *l, enum arm_flag f)
{
	if (l->flag[f] == IR_NONE && l->late >> f & 1u)
		l->flag[f] = late_value(l, f);
	if (l->flag[f] == IR_NONE)
		l->flag[f] = l->again >> f & 1u ? arm_known_value(l, f) : ir_get(l->u, (uint16_t)(ARM_G_n + f));
	return l->flag[f];
}

void arm_set_flag(struct arm_lower *l, enum arm_flag f, ir_ref v)
{
	if (l->skip.left)
		l->skip.wrote_flags |= (uint8_t)(1u << f);
	else if (l->req->once)
		l->late |= (uint8_t)(1u << f);
	else
		ir_set(l->u, (uint16_t)(ARM_G_n + f), v);
	l->late &= (uint8_t)~((unsigned)!l->req->once << f);
	l->flag[f] = v;
	l->set_flags |= (uint8_t)(1u << f);
	l->again &= ~(1u << f);
	l->sure.flags &= (uint8_t)~(1u << f);
	l->wrote_flags = true;
	l->source = FLAGS_UNKNOWN;
}

static void write_late(struct arm_lower *l)
{
	for (unsigned f = 0; f < ARM_FLAGS; f++)
		if (l->late >> f & 1u)
			ir_set(l->u, (uint16_t)(ARM_G_n + f), arm_flag(l, (enum arm_flag)f));
	l->late = 0;
}

void arm_write_late(struct arm_lower *l)
{
	if (l->late)
		write_late(l);
}

/* Two flags are written, later. */
static void be_late(struct arm_lower *l, enum arm_flag f, enum arm_flag g)
{
	l->flag[f] = l->flag[g] = IR_NONE;
	l->late |= (uint8_t)(1u << f | 1u << g);
	l->set_flags |= (uint8_t)(1u << f | 1u << g);
	l->again &= ~(1u << f | 1u << g);
	l->sure.flags &= (uint8_t)~(1u << f | 1u << g);
	l->wrote_flags = l->touched = true;
}

/* May the flags of this instruction be late? What is given back to the budget first would change the host's. */
static bool may_be_late(struct arm_lower *l)
{
	if (l->req->once)
		return true;
	return !l->region && !l->unspent && !arm_unseen(l) && l->may_wait;
}

/* Nobody will see it. */
static void not_set(struct arm_lower *l, enum arm_flag f)
{
	l->flag[f] = IR_NONE;
	l->again &= ~(1u << f);
	l->sure.flags &= (uint8_t)~(1u << f);
	l->arrival.overwritten |= (uint8_t)(1u << f);
	l->wrote_flags = l->touched = true;
}

static void set_nz(struct arm_lower *l, ir_ref r)
{
	if (may_be_late(l)) {
		be_late(l, FLAG_N, FLAG_Z);
		l->late_r = r;
		return;
	}
	unsigned unseen = arm_unseen(l);
	if (unseen >> FLAG_N & 1u)
		not_set(l, FLAG_N);
	else
		arm_set_flag(l, FLAG_N, ir_cmp(l->u, IR_I32, IR_LTS, r, arm_const(l, 0)));
	if (unseen >> FLAG_Z & 1u)
		not_set(l, FLAG_Z);
	else
		arm_set_flag(l, FLAG_Z, ir_cmp(l->u, IR_I32, IR_EQ, r, arm_const(l, 0)));
}

/* Carry and overflow of an operation, by the opcode of its carry. */
static void set_cv(struct arm_lower *l, enum ir_op carry, ir_ref a, ir_ref b, ir_ref cin)
{
	if (may_be_late(l)) {
		be_late(l, FLAG_C, FLAG_V);
		l->late_cv = carry;
		l->late_a = a;
		l->late_b = b;
		l->late_cin = cin;
		return;
	}
	unsigned unseen = arm_unseen(l);
	if (unseen >> FLAG_C & 1u)
		not_set(l, FLAG_C);
	else
		arm_set_flag(l, FLAG_C, ir_append(l->u, (struct ir_head){ (uint8_t)carry, IR_I32, 0 }, a, b, cin, 0));
	if (unseen >> FLAG_V & 1u)
		not_set(l, FLAG_V);
	else
		arm_set_flag(l, FLAG_V, ir_append(l->u, (struct ir_head){ (uint8_t)(carry + 1), IR_I32, 0 }, a, b, cin, 0));
}

static void set_source(struct arm_lower *l, enum arm_flag_source source, ir_ref a, ir_ref b, ir_ref r)
{
	l->source = source;
	l->source_end = l->u->n_insns;
	l->src_a = a;
	l->src_b = b;
	l->src_r = r;
}

void arm_flags_result(struct arm_lower *l, ir_ref r)
{
	set_nz(l, r);
	set_source(l, FLAGS_RESULT, IR_NONE, IR_NONE, r);
}

void arm_flags_adc(struct arm_lower *l, ir_ref a, ir_ref b, ir_ref cin, ir_ref r)
{
	set_nz(l, r);
	set_cv(l, IR_add_c, a, b, cin);
	set_source(l, FLAGS_RESULT, IR_NONE, IR_NONE, r);
}

void arm_flags_sbc(struct arm_lower *l, ir_ref a, ir_ref b, ir_ref cin, ir_ref r)
{
	set_nz(l, r);
	set_cv(l, IR_sub_c, a, b, cin);
	set_source(l, FLAGS_RESULT, IR_NONE, IR_NONE, r);
}

void arm_flags_add(struct arm_lower *l, ir_ref a, ir_ref b, ir_ref r)
{
	arm_flags_adc(l, a, b, arm_const(l, 0), r);
	set_source(l, FLAGS_ADD, a, b, r);
}

void arm_flags_sub(struct arm_lower *l, ir_ref a, ir_ref b, ir_ref r)
{
	arm_flags_sbc(l, a, b, arm_const(l, 1), r);
	set_source(l, FLAGS_SUB, a, b, r);
}

void arm_set_q(struct arm_lower *l, ir_ref v)
{
	ir_stick(l->u, ARM_G_q, v);
}

/* ---- conditions ---------------------------------------------------------------------------------- */

static ir_ref not(struct arm_lower *l, ir_ref flag)
{
	return ir_cmp(l->u, IR_I32, IR_EQ, flag, arm_const(l, 0));
}

/* The even condition of each pair, from the flags themselves. */
static ir_ref from_flags(struct arm_lower *l, enum arm_cond even)
{
	struct ir_unit *u = l->u;
	switch (even) {
	case ARM_EQ: return arm_flag(l, FLAG_Z);
	case ARM_CS: return arm_flag(l, FLAG_C);
	case ARM_MI: return arm_flag(l, FLAG_N);
	case ARM_VS: return arm_flag(l, FLAG_V);
	case ARM_HI: return ir_andn(u, IR_I32, arm_flag(l, FLAG_C), arm_flag(l, FLAG_Z));
	case ARM_GE: return ir_cmp(u, IR_I32, IR_EQ, arm_flag(l, FLAG_N), arm_flag(l, FLAG_V));
	case ARM_GT: return ir_andn(u, IR_I32, ir_cmp(u, IR_I32, IR_EQ, arm_flag(l, FLAG_N), arm_flag(l, FLAG_V)),
				    arm_flag(l, FLAG_Z));
	case ARM_NE: case ARM_CC: case ARM_PL: case ARM_VC: case ARM_LS: case ARM_LT: case ARM_LE: case ARM_AL:
		break;
	}
	return IR_NONE;
}

/* How a condition compares the operands of a subtraction; MI, PL, VS and VC are not of this kind. */
static const struct {
	uint8_t direct, cc;
} sub_cc[ARM_AL] = {
	[ARM_EQ] = { 1, IR_EQ }, [ARM_NE] = { 1, IR_NE }, [ARM_CS] = { 1, IR_GEU }, [ARM_CC] = { 1, IR_LTU },
	[ARM_HI] = { 1, IR_GTU }, [ARM_LS] = { 1, IR_LEU }, [ARM_GE] = { 1, IR_GES }, [ARM_LT] = { 1, IR_LTS },
	[ARM_GT] = { 1, IR_GTS }, [ARM_LE] = { 1, IR_LES },
};

/* How a condition compares any result with zero. */
static const struct {
	uint8_t direct, cc;
} result_cc[ARM_AL] = {
	[ARM_EQ] = { 1, IR_EQ }, [ARM_NE] = { 1, IR_NE }, [ARM_MI] = { 1, IR_LTS }, [ARM_PL] = { 1, IR_GES },
};

bool arm_is_held(const struct arm_lower *l, ir_ref v)
{
	for (unsigned n = 0; n < ARRAY_LEN(l->reg); n++)
		if (l->reg[n] == v)
			return true;
	return false;
}

ir_ref arm_condition(struct arm_lower *l, enum arm_cond cond)
{
	if (l->source == FLAGS_SUB && cond <= ARM_NE && arm_is_held(l, l->src_r)) /* what to ask when the flags are lost */
		return ir_cmp(l->u, IR_I32, (enum ir_cc)result_cc[cond].cc, l->src_r, arm_const(l, 0));
	if (l->source == FLAGS_SUB && sub_cc[cond].direct)
		return ir_cmp(l->u, IR_I32, (enum ir_cc)sub_cc[cond].cc, l->src_a, l->src_b);
	if (l->source != FLAGS_UNKNOWN && result_cc[cond].direct)
		return ir_cmp(l->u, IR_I32, (enum ir_cc)result_cc[cond].cc, l->src_r, arm_const(l, 0));
	ir_ref even = from_flags(l, (enum arm_cond)(cond & ~1u));
	return cond & 1u ? not(l, even) : even;
}
