/* SPDX-License-Identifier: Apache-2.0 */
/* Multiplies, the enhanced DSP instructions and CLZ (DDI 0100I A3.4, A10.2, A4.1.12). */
#include "frontend-arm/lower.h"

static void mul_flags(struct arm_lower *l, bool s, ir_ref r)
{
	if (s)
		arm_flags_result(l, r); /* C stays: meaningless on ARMv4, kept on ARMv5 */
}

bool arm_lower_mul(struct arm_lower *l, const struct arm_args_mul *a)
{
	ir_ref r = ir_mul(l->u, IR_I32, arm_reg(l, a->rm), arm_reg(l, a->rs));
	mul_flags(l, a->s, r);
	arm_set_reg(l, a->rd, r);
	return true;
}

bool arm_lower_mla(struct arm_lower *l, const struct arm_args_mul *a)
{
	ir_ref p = ir_mul(l->u, IR_I32, arm_reg(l, a->rm), arm_reg(l, a->rs));
	ir_ref r = ir_add(l->u, IR_I32, p, arm_reg(l, a->rn));
	mul_flags(l, a->s, r);
	arm_set_reg(l, a->rd, r);
	return true;
}

static void set_long(struct arm_lower *l, const struct arm_args_mul *a, ir_ref lo, ir_ref hi)
{
	if (a->s) {
		ir_ref zero = arm_const(l, 0);
		arm_set_flag(l, FLAG_N, ir_cmp(l->u, IR_I32, IR_LTS, hi, zero));
		arm_set_flag(l, FLAG_Z, ir_cmp(l->u, IR_I32, IR_EQ, ir_or(l->u, IR_I32, lo, hi), zero));
	}
	arm_set_reg(l, a->rdlo, lo);
	arm_set_reg(l, a->rd, hi);
}

/* lo and hi are added to the accumulator. */
static void accumulate_long(struct arm_lower *l, const struct arm_args_mul *a, ir_ref lo, ir_ref hi)
{
	struct ir_unit *u = l->u;
	ir_ref acc = arm_reg(l, a->rdlo), acc_hi = arm_reg(l, a->rd);
	ir_ref sum = ir_add(u, IR_I32, acc, lo);
	ir_ref carry = ir_add_c(u, IR_I32, acc, lo, arm_const(l, 0));
	set_long(l, a, sum, ir_adc(u, IR_I32, acc_hi, hi, carry));
}

static bool mul_long(struct arm_lower *l, const struct arm_args_mul *a, bool sign, bool accumulate)
{
	struct ir_unit *u = l->u;
	ir_ref m = arm_reg(l, a->rm), s = arm_reg(l, a->rs);
	ir_ref hi = sign ? ir_mulh_s(u, IR_VOID, m, s) : ir_mulh_u(u, IR_VOID, m, s);
	ir_ref lo = ir_mul(u, IR_I32, m, s);
	if (accumulate)
		accumulate_long(l, a, lo, hi);
	else
		set_long(l, a, lo, hi);
	return true;
}

bool arm_lower_umull(struct arm_lower *l, const struct arm_args_mul *a) { return mul_long(l, a, false, false); }
bool arm_lower_umlal(struct arm_lower *l, const struct arm_args_mul *a) { return mul_long(l, a, false, true); }
bool arm_lower_smull(struct arm_lower *l, const struct arm_args_mul *a) { return mul_long(l, a, true, false); }
bool arm_lower_smlal(struct arm_lower *l, const struct arm_args_mul *a) { return mul_long(l, a, true, true); }

/* ---- 16-bit factors ------------------------------------------------------------------------------ */

static ir_ref half(struct arm_lower *l, uint32_t reg, uint32_t top)
{
	ir_ref v = arm_reg(l, reg);
	return top ? ir_sar(l->u, IR_I32, v, arm_const(l, 16)) : ir_sext16(l->u, IR_VOID, v);
}

static ir_ref product_xy(struct arm_lower *l, const struct arm_args_mul *a)
{
	return ir_mul(l->u, IR_I32, half(l, a->rm, a->x), half(l, a->rs, a->y));
}

/* Bits 47:16 of Rm times a half of Rs. */
static ir_ref product_w(struct arm_lower *l, const struct arm_args_mul *a)
{
	struct ir_unit *u = l->u;
	ir_ref m = ir_sext32(u, IR_VOID, arm_reg(l, a->rm)), s = ir_sext32(u, IR_VOID, half(l, a->rs, a->y));
	return ir_trunc(u, IR_VOID, ir_sar(u, IR_I64, ir_mul(u, IR_I64, m, s), arm_const(l, 16)));
}

static bool accumulate_q(struct arm_lower *l, const struct arm_args_mul *a, ir_ref p)
{
	ir_ref n = arm_reg(l, a->rn);
	ir_ref r = ir_add(l->u, IR_I32, p, n); /* first: its flags have the overflow */
	arm_set_q(l, ir_add_v(l->u, IR_I32, p, n, arm_const(l, 0)));
	arm_set_reg(l, a->rd, r);
	return true;
}

bool arm_lower_smla_xy(struct arm_lower *l, const struct arm_args_mul *a)
{
	return accumulate_q(l, a, product_xy(l, a));
}

bool arm_lower_smlaw_y(struct arm_lower *l, const struct arm_args_mul *a)
{
	return accumulate_q(l, a, product_w(l, a));
}

bool arm_lower_smul_xy(struct arm_lower *l, const struct arm_args_mul *a)
{
	arm_set_reg(l, a->rd, product_xy(l, a));
	return true;
}

bool arm_lower_smulw_y(struct arm_lower *l, const struct arm_args_mul *a)
{
	arm_set_reg(l, a->rd, product_w(l, a));
	return true;
}

bool arm_lower_smlal_xy(struct arm_lower *l, const struct arm_args_mul *a)
{
	ir_ref p = product_xy(l, a);
	accumulate_long(l, a, p, ir_sar(l->u, IR_I32, p, arm_const(l, 31)));
	return true;
}

/* ---- saturating arithmetic ----------------------------------------------------------------------- */

/* a + b or a - b, saturated to 32 bits; sets Q when it was. An overflow goes a's way. */
static ir_ref saturated(struct arm_lower *l, ir_ref a, ir_ref b, bool subtract)
{
	struct ir_unit *u = l->u;
	ir_ref limit = ir_xor(u, IR_I32, ir_sar(u, IR_I32, a, arm_const(l, 31)), arm_const(l, 0x7fffffff));
	ir_ref r = subtract ? ir_sub(u, IR_I32, a, b) : ir_add(u, IR_I32, a, b);
	ir_ref v = subtract ? ir_sub_v(u, IR_I32, a, b, arm_const(l, 1)) : ir_add_v(u, IR_I32, a, b, arm_const(l, 0));
	arm_set_q(l, v);
	return ir_select(u, IR_I32, v, limit, r);
}

static bool saturating(struct arm_lower *l, const struct arm_args_rrr *a, bool subtract, bool twice)
{
	ir_ref m = arm_reg(l, a->rm), n = arm_reg(l, a->rn);
	if (twice)
		n = saturated(l, n, n, false);
	arm_set_reg(l, a->rd, saturated(l, m, n, subtract));
	return true;
}

bool arm_lower_qadd(struct arm_lower *l, const struct arm_args_rrr *a) { return saturating(l, a, false, false); }
bool arm_lower_qsub(struct arm_lower *l, const struct arm_args_rrr *a) { return saturating(l, a, true, false); }
bool arm_lower_qdadd(struct arm_lower *l, const struct arm_args_rrr *a) { return saturating(l, a, false, true); }
bool arm_lower_qdsub(struct arm_lower *l, const struct arm_args_rrr *a) { return saturating(l, a, true, true); }

bool arm_lower_clz(struct arm_lower *l, const struct arm_args_rr *a)
{
	arm_set_reg(l, a->rd, ir_clz(l->u, IR_I32, arm_reg(l, a->rm)));
	return true;
}
