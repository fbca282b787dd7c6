/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Data processing and its shifter (DDI 0100I A4.1, A5.1). One function does all sixteen
 * operations; the rows differ in where the second operand comes from.
 */
#include "frontend-arm/lower.h"

/* ---- the shifter --------------------------------------------------------------------------------- */

/* As a comparison, which N is as well. */
static ir_ref top_bit(struct arm_lower *l, ir_ref v)
{
	return ir_cmp(l->u, IR_I32, IR_LTS, v, arm_const(l, 0));
}

static struct arm_operand rrx(struct arm_lower *l, ir_ref m, bool carry)
{
	struct ir_unit *u = l->u;
	ir_ref top = ir_shl(u, IR_I32, arm_flag(l, FLAG_C), arm_const(l, 31));
	ir_ref v = ir_or(u, IR_I32, ir_shr(u, IR_I32, m, arm_const(l, 1)), top);
	return (struct arm_operand){ v, carry ? ir_and(u, IR_I32, m, arm_const(l, 1)) : IR_NONE };
}

/* `amount` is the field of the instruction: 0 means 32 for LSR and ASR, RRX for ROR. */
struct arm_operand arm_shift_imm(struct arm_lower *l, ir_ref m, enum arm_shift type, uint32_t amount, bool carry)
{
	struct ir_unit *u = l->u;
	ir_ref n = arm_const(l, amount ? amount : 32), zero = arm_const(l, 0), v = IR_NONE, c = IR_NONE;
	switch (type) {
	case SHIFT_LSL:
		if (!amount)
			return arm_operand(m);
		v = ir_shl(u, IR_I32, m, n);
		c = carry ? ir_shl_c(u, IR_VOID, m, n, zero) : IR_NONE;
		break;
	case SHIFT_LSR:
		v = amount ? ir_shr(u, IR_I32, m, n) : zero;
		c = carry ? ir_shr_c(u, IR_VOID, m, n, zero) : IR_NONE;
		break;
	case SHIFT_ASR:
		v = ir_sar(u, IR_I32, m, amount ? n : arm_const(l, 31));
		c = carry ? ir_sar_c(u, IR_VOID, m, n, zero) : IR_NONE;
		break;
	case SHIFT_ROR:
		if (!amount)
			return rrx(l, m, carry);
		v = ir_ror(u, IR_I32, m, n);
		c = carry ? top_bit(l, v) : IR_NONE;
		break;
	}
	return (struct arm_operand){ v, c };
}

/* Only the low byte of rs counts. Counts of 32 and more shift all out; for those below, ROR and the IR alike look at
 * five bits and no more. */
static ir_ref shift_reg_value(struct arm_lower *l, ir_ref m, enum arm_shift type, ir_ref rs)
{
	struct ir_unit *u = l->u;
	if (type == SHIFT_ROR)
		return ir_ror(u, IR_I32, m, rs);
	ir_ref zero = arm_const(l, 0);
	ir_ref small = ir_cmp(u, IR_I32, IR_EQ, ir_and(u, IR_I32, rs, arm_const(l, 0xe0)), zero);
	switch (type) {
	case SHIFT_LSL: return ir_select(u, IR_I32, small, ir_shl(u, IR_I32, m, rs), zero);
	case SHIFT_LSR: return ir_select(u, IR_I32, small, ir_shr(u, IR_I32, m, rs), zero);
	case SHIFT_ASR: return ir_sar(u, IR_I32, m, ir_select(u, IR_I32, small, rs, arm_const(l, 31)));
	case SHIFT_ROR: break;
	}
	return IR_NONE;
}

static ir_ref shift_reg_carry(struct arm_lower *l, ir_ref m, enum arm_shift type, ir_ref rs, ir_ref v)
{
	struct ir_unit *u = l->u;
	ir_ref c = arm_flag(l, FLAG_C);
	switch (type) {
	case SHIFT_LSL: return ir_shl_c(u, IR_VOID, m, rs, c);
	case SHIFT_LSR: return ir_shr_c(u, IR_VOID, m, rs, c);
	case SHIFT_ASR: return ir_sar_c(u, IR_VOID, m, rs, c);
	case SHIFT_ROR: break;
	}
	ir_ref some = ir_and(u, IR_I32, rs, arm_const(l, 0xff));
	return ir_select(u, IR_I32, some, top_bit(l, v), c);
}

struct arm_operand arm_shift_reg(struct arm_lower *l, ir_ref m, enum arm_shift type, ir_ref rs, bool carry)
{
	ir_ref v = shift_reg_value(l, m, type, rs);
	return (struct arm_operand){ v, carry ? shift_reg_carry(l, m, type, rs, v) : IR_NONE };
}

/* ---- the operations ------------------------------------------------------------------------------ */

enum { LOGICAL = 1, TEST = 2, UNARY = 4 };
static const uint8_t dp_kind[16] = {
	[DP_AND] = LOGICAL, [DP_EOR] = LOGICAL, [DP_TST] = LOGICAL | TEST, [DP_TEQ] = LOGICAL | TEST, [DP_CMP] = TEST,
	[DP_CMN] = TEST, [DP_ORR] = LOGICAL, [DP_MOV] = LOGICAL | UNARY, [DP_BIC] = LOGICAL, [DP_MVN] = LOGICAL | UNARY,
};

static ir_ref dp_result(struct arm_lower *l, enum arm_dp_op op, ir_ref a, ir_ref b)
{
	struct ir_unit *u = l->u;
	switch (op) {
	case DP_AND: case DP_TST: return ir_and(u, IR_I32, a, b);
	case DP_EOR: case DP_TEQ: return ir_xor(u, IR_I32, a, b);
	case DP_SUB: case DP_CMP: return ir_sub(u, IR_I32, a, b);
	case DP_RSB: return ir_sub(u, IR_I32, b, a);
	case DP_ADD: case DP_CMN: return ir_add(u, IR_I32, a, b);
	case DP_ADC: return ir_adc(u, IR_I32, a, b, arm_flag(l, FLAG_C));
	case DP_SBC: return ir_sbc(u, IR_I32, a, b, arm_flag(l, FLAG_C));
	case DP_RSC: return ir_sbc(u, IR_I32, b, a, arm_flag(l, FLAG_C));
	case DP_ORR: return ir_or(u, IR_I32, a, b);
	case DP_MOV: return b;
	case DP_BIC: return ir_andn(u, IR_I32, a, b);
	case DP_MVN: return ir_not(u, IR_I32, b);
	}
	return IR_NONE;
}

static void dp_flags(struct arm_lower *l, enum arm_dp_op op, ir_ref a, ir_ref b, ir_ref r, ir_ref carry)
{
	switch (op) {
	case DP_SUB: case DP_CMP: arm_flags_sub(l, a, b, r); return;
	case DP_RSB: arm_flags_sub(l, b, a, r); return;
	case DP_ADD: case DP_CMN: arm_flags_add(l, a, b, r); return;
	case DP_ADC: arm_flags_adc(l, a, b, arm_flag(l, FLAG_C), r); return;
	case DP_SBC: arm_flags_sbc(l, a, b, arm_flag(l, FLAG_C), r); return;
	case DP_RSC: arm_flags_sbc(l, b, a, arm_flag(l, FLAG_C), r); return;
	case DP_AND: case DP_EOR: case DP_TST: case DP_TEQ: case DP_ORR: case DP_MOV: case DP_BIC: case DP_MVN:
		break;
	}
	if (carry != IR_NONE)
		arm_set_flag(l, FLAG_C, carry);
	arm_flags_result(l, r);
}

/*
 * All flags of a + x are those of a - -x, but for 0 and the number that has no opposite. All conditions compare what was subtracted.
 * Not in Thumb code, where additions set flags that nobody asks for, and sums of what is narrow are known to be narrow.
 */
static void subtract_instead(struct arm_lower *l, enum arm_dp_op *op, struct arm_operand *b)
{
	const struct ir_insn *x = &l->u->insns[b->value];
	if (l->thumb || (*op != DP_ADD && *op != DP_CMN) || x->op != IR_const || !(x->imm & INT32_MAX))
		return;
	*op = *op == DP_ADD ? DP_SUB : DP_CMP;
	b->value = arm_const(l, 0u - (uint32_t)x->imm);
}

static bool dp(struct arm_lower *l, enum arm_dp_op op, bool s, uint32_t rd, ir_ref a, struct arm_operand b)
{
	bool test = dp_kind[op] & TEST;
	if (s || test)
		subtract_instead(l, &op, &b);
	ir_ref r = dp_result(l, op, a, b.value);
	if (s || test)
		dp_flags(l, op, a, b.value, r, b.carry);
	if (!test)
		arm_set_reg(l, rd, r);
	return true;
}

/* `a` is ignored by MOV and MVN. With s and rd = 15: exception return, undefined in User mode. */
bool arm_dp(struct arm_lower *l, enum arm_dp_op op, bool s, uint32_t rd, ir_ref a, struct arm_operand b)
{
	if (!s || rd != 15 || dp_kind[op] & TEST)
		return dp(l, op, s, rd, a, b);
	if (!arm_priv(l))
		return false;
	arm_exception_return(l, dp_result(l, op, a, b.value));
	return true;
}

static bool wants_carry(struct arm_lower *l, enum arm_dp_op op, bool s)
{
	return (s || dp_kind[op] & TEST) && dp_kind[op] & LOGICAL && !(arm_unseen(l) >> FLAG_C & 1u);
}

static ir_ref first_operand(struct arm_lower *l, enum arm_dp_op op, uint32_t rn)
{
	return dp_kind[op] & UNARY ? IR_NONE : arm_reg(l, rn);
}

static bool dp_imm(struct arm_lower *l, enum arm_dp_op op, const struct arm_args_dp_imm *a)
{
	uint32_t imm = ror32(a->imm, 2 * a->rot);
	struct arm_operand b = arm_operand(arm_const(l, imm));
	if (a->rot && wants_carry(l, op, a->s))
		b.carry = arm_const(l, imm >> 31);
	return arm_dp(l, op, a->s, a->rd, first_operand(l, op, a->rn), b);
}

static bool dp_reg(struct arm_lower *l, enum arm_dp_op op, const struct arm_args_dp_reg *a)
{
	bool carry = wants_carry(l, op, a->s);
	ir_ref first = first_operand(l, op, a->rn);
	struct arm_operand b = arm_shift_imm(l, arm_reg(l, a->rm), (enum arm_shift)a->type, a->amount, carry);
	if (!arm_dp(l, op, a->s, a->rd, first, b))
		return false;
	if (op == DP_MOV && a->rm == 14 && l->pc_write != IR_NONE)
		l->link = IR_LINK_RET;
	return true;
}

/* With rd = 15 no exception return: unpredictable in the manual, and what qemu-system-arm does. */
static bool dp_rsr(struct arm_lower *l, enum arm_dp_op op, const struct arm_args_dp_rsr *a)
{
	bool carry = wants_carry(l, op, a->s);
	ir_ref first = first_operand(l, op, a->rn), m = arm_reg(l, a->rm);
	struct arm_operand b = arm_shift_reg(l, m, (enum arm_shift)a->type, arm_reg(l, a->rs), carry);
	return dp(l, op, a->s, a->rd, first, b);
}

#define DP(name, op) \
	bool arm_lower_##name##_imm(struct arm_lower *l, const struct arm_args_dp_imm *a) { return dp_imm(l, op, a); } \
	bool arm_lower_##name##_reg(struct arm_lower *l, const struct arm_args_dp_reg *a) { return dp_reg(l, op, a); } \
	bool arm_lower_##name##_rsr(struct arm_lower *l, const struct arm_args_dp_rsr *a) { return dp_rsr(l, op, a); }
DP(and, DP_AND)
DP(eor, DP_EOR)
DP(sub, DP_SUB)
DP(rsb, DP_RSB)
DP(add, DP_ADD)
DP(adc, DP_ADC)
DP(sbc, DP_SBC)
DP(rsc, DP_RSC)
DP(tst, DP_TST)
DP(teq, DP_TEQ)
DP(cmp, DP_CMP)
DP(cmn, DP_CMN)
DP(orr, DP_ORR)
DP(mov, DP_MOV)
DP(bic, DP_BIC)
DP(mvn, DP_MVN)
