/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Thumb (DDI 0100I A7.1): its instructions are the A32 operations with fewer operands, so
 * these functions only arrange operands. BL and BLX come in two halves (A7.1.17): the prefix
 * sets lr, the suffix jumps; when both are in one unit, the suffix knows its target.
 */
#include "frontend-arm/lower.h"

static ir_ref imm_operand(struct arm_lower *l, uint32_t x)
{
	return arm_const(l, x);
}

/* ---- data processing ----------------------------------------------------------------------------- */

static bool wants_carry(struct arm_lower *l)
{
	return !(arm_unseen(l) >> FLAG_C & 1u);
}

static bool shift_imm(struct arm_lower *l, const struct arm_args_t_shift *a, enum arm_shift type)
{
	struct arm_operand b = arm_shift_imm(l, arm_reg(l, a->rm), type, a->imm, wants_carry(l));
	return arm_dp(l, DP_MOV, true, a->rd, IR_NONE, b);
}

bool arm_lower_t_lsl_imm(struct arm_lower *l, const struct arm_args_t_shift *a) { return shift_imm(l, a, SHIFT_LSL); }
bool arm_lower_t_lsr_imm(struct arm_lower *l, const struct arm_args_t_shift *a) { return shift_imm(l, a, SHIFT_LSR); }
bool arm_lower_t_asr_imm(struct arm_lower *l, const struct arm_args_t_shift *a) { return shift_imm(l, a, SHIFT_ASR); }

static bool shift_reg(struct arm_lower *l, const struct arm_args_rr *a, enum arm_shift type)
{
	struct arm_operand b = arm_shift_reg(l, arm_reg(l, a->rd), type, arm_reg(l, a->rm), wants_carry(l));
	return arm_dp(l, DP_MOV, true, a->rd, IR_NONE, b);
}

bool arm_lower_t_lsl_reg(struct arm_lower *l, const struct arm_args_rr *a) { return shift_reg(l, a, SHIFT_LSL); }
bool arm_lower_t_lsr_reg(struct arm_lower *l, const struct arm_args_rr *a) { return shift_reg(l, a, SHIFT_LSR); }
bool arm_lower_t_asr_reg(struct arm_lower *l, const struct arm_args_rr *a) { return shift_reg(l, a, SHIFT_ASR); }
bool arm_lower_t_ror_reg(struct arm_lower *l, const struct arm_args_rr *a) { return shift_reg(l, a, SHIFT_ROR); }

/* rd = rd op rm, with flags */
static bool two(struct arm_lower *l, const struct arm_args_rr *a, enum arm_dp_op op)
{
	return arm_dp(l, op, true, a->rd, arm_reg(l, a->rd), arm_operand(arm_reg(l, a->rm)));
}

bool arm_lower_t_and(struct arm_lower *l, const struct arm_args_rr *a) { return two(l, a, DP_AND); }
bool arm_lower_t_eor(struct arm_lower *l, const struct arm_args_rr *a) { return two(l, a, DP_EOR); }
bool arm_lower_t_adc(struct arm_lower *l, const struct arm_args_rr *a) { return two(l, a, DP_ADC); }
bool arm_lower_t_sbc(struct arm_lower *l, const struct arm_args_rr *a) { return two(l, a, DP_SBC); }
bool arm_lower_t_tst(struct arm_lower *l, const struct arm_args_rr *a) { return two(l, a, DP_TST); }
bool arm_lower_t_cmp(struct arm_lower *l, const struct arm_args_rr *a) { return two(l, a, DP_CMP); }
bool arm_lower_t_cmn(struct arm_lower *l, const struct arm_args_rr *a) { return two(l, a, DP_CMN); }
bool arm_lower_t_orr(struct arm_lower *l, const struct arm_args_rr *a) { return two(l, a, DP_ORR); }
bool arm_lower_t_bic(struct arm_lower *l, const struct arm_args_rr *a) { return two(l, a, DP_BIC); }
bool arm_lower_t_mvn(struct arm_lower *l, const struct arm_args_rr *a) { return two(l, a, DP_MVN); }
bool arm_lower_t_cmp_hi(struct arm_lower *l, const struct arm_args_rr *a) { return two(l, a, DP_CMP); }

bool arm_lower_t_neg(struct arm_lower *l, const struct arm_args_rr *a)
{
	return arm_dp(l, DP_RSB, true, a->rd, arm_reg(l, a->rm), arm_operand(imm_operand(l, 0)));
}

bool arm_lower_t_mul(struct arm_lower *l, const struct arm_args_rr *a)
{
	const struct arm_args_mul m = { .s = 1, .rd = a->rd, .rm = a->rm, .rs = a->rd };
	return arm_lower_mul(l, &m);
}

bool arm_lower_t_add_hi(struct arm_lower *l, const struct arm_args_rr *a)
{
	return arm_dp(l, DP_ADD, false, a->rd, arm_reg(l, a->rd), arm_operand(arm_reg(l, a->rm)));
}

bool arm_lower_t_mov_hi(struct arm_lower *l, const struct arm_args_rr *a)
{
	const struct arm_args_dp_reg mov = { .rd = a->rd, .rm = a->rm };
	return arm_lower_mov_reg(l, &mov);
}

bool arm_lower_t_add_reg(struct arm_lower *l, const struct arm_args_rrr *a)
{
	return arm_dp(l, DP_ADD, true, a->rd, arm_reg(l, a->rn), arm_operand(arm_reg(l, a->rm)));
}

bool arm_lower_t_sub_reg(struct arm_lower *l, const struct arm_args_rrr *a)
{
	return arm_dp(l, DP_SUB, true, a->rd, arm_reg(l, a->rn), arm_operand(arm_reg(l, a->rm)));
}

static bool with_imm(struct arm_lower *l, enum arm_dp_op op, uint32_t rd, uint32_t rn, uint32_t imm)
{
	return arm_dp(l, op, true, rd, arm_reg(l, rn), arm_operand(imm_operand(l, imm)));
}

bool arm_lower_t_add_imm3(struct arm_lower *l, const struct arm_args_t_imm *a) { return with_imm(l, DP_ADD, a->rd, a->rn, a->imm); }
bool arm_lower_t_sub_imm3(struct arm_lower *l, const struct arm_args_t_imm *a) { return with_imm(l, DP_SUB, a->rd, a->rn, a->imm); }
bool arm_lower_t_add_imm8(struct arm_lower *l, const struct arm_args_t_imm *a) { return with_imm(l, DP_ADD, a->rd, a->rd, a->imm); }
bool arm_lower_t_sub_imm8(struct arm_lower *l, const struct arm_args_t_imm *a) { return with_imm(l, DP_SUB, a->rd, a->rd, a->imm); }
bool arm_lower_t_cmp_imm(struct arm_lower *l, const struct arm_args_t_imm *a) { return with_imm(l, DP_CMP, 0, a->rn, a->imm); }
bool arm_lower_t_mov_imm(struct arm_lower *l, const struct arm_args_t_imm *a) { return with_imm(l, DP_MOV, a->rd, a->rd, a->imm); }

bool arm_lower_t_adr(struct arm_lower *l, const struct arm_args_t_imm *a)
{
	arm_set_reg(l, a->rd, arm_const(l, (arm_pc_read(l) & ~3u) + 4 * a->imm));
	return true;
}

static bool add_to_sp(struct arm_lower *l, uint32_t rd, uint32_t x)
{
	arm_set_reg(l, rd, ir_add(l->u, IR_I32, arm_reg(l, 13), arm_const(l, x)));
	return true;
}

bool arm_lower_t_add_sp(struct arm_lower *l, const struct arm_args_t_imm *a) { return add_to_sp(l, a->rd, 4 * a->imm); }
bool arm_lower_t_add_sp_imm(struct arm_lower *l, const struct arm_args_t_imm *a) { return add_to_sp(l, 13, 4 * a->imm); }
bool arm_lower_t_sub_sp_imm(struct arm_lower *l, const struct arm_args_t_imm *a) { return add_to_sp(l, 13, 0u - 4 * a->imm); }

/* ---- loads and stores ---------------------------------------------------------------------------- */

static bool load(struct arm_lower *l, uint32_t rd, ir_ref addr, enum arm_mem_size size, bool sign)
{
	arm_set_reg(l, rd, arm_load(l, addr, size, sign, arm_space(l)));
	return true;
}

static bool store(struct arm_lower *l, uint32_t rd, ir_ref addr, enum arm_mem_size size)
{
	arm_store(l, addr, arm_reg(l, rd), size, arm_space(l));
	return true;
}

static ir_ref sum(struct arm_lower *l, const struct arm_args_rrr *a)
{
	return ir_add(l->u, IR_I32, arm_reg(l, a->rn), arm_reg(l, a->rm));
}

bool arm_lower_t_str_reg(struct arm_lower *l, const struct arm_args_rrr *a) { return store(l, a->rd, sum(l, a), MEM_WORD); }
bool arm_lower_t_strh_reg(struct arm_lower *l, const struct arm_args_rrr *a) { return store(l, a->rd, sum(l, a), MEM_HALF); }
bool arm_lower_t_strb_reg(struct arm_lower *l, const struct arm_args_rrr *a) { return store(l, a->rd, sum(l, a), MEM_BYTE); }
bool arm_lower_t_ldr_reg(struct arm_lower *l, const struct arm_args_rrr *a) { return load(l, a->rd, sum(l, a), MEM_WORD, false); }
bool arm_lower_t_ldrh_reg(struct arm_lower *l, const struct arm_args_rrr *a) { return load(l, a->rd, sum(l, a), MEM_HALF, false); }
bool arm_lower_t_ldrb_reg(struct arm_lower *l, const struct arm_args_rrr *a) { return load(l, a->rd, sum(l, a), MEM_BYTE, false); }
bool arm_lower_t_ldrsb_reg(struct arm_lower *l, const struct arm_args_rrr *a) { return load(l, a->rd, sum(l, a), MEM_BYTE, true); }
bool arm_lower_t_ldrsh_reg(struct arm_lower *l, const struct arm_args_rrr *a) { return load(l, a->rd, sum(l, a), MEM_HALF, true); }

/* rn plus the immediate times the size of the access */
static ir_ref scaled(struct arm_lower *l, uint32_t rn, uint32_t imm, enum arm_mem_size size)
{
	return ir_add(l->u, IR_I32, arm_reg(l, rn), arm_const(l, imm << size));
}

static bool load_imm(struct arm_lower *l, const struct arm_args_t_imm *a, uint32_t rn, enum arm_mem_size size)
{
	return load(l, a->rd, scaled(l, rn, a->imm, size), size, false);
}

static bool store_imm(struct arm_lower *l, const struct arm_args_t_imm *a, uint32_t rn, enum arm_mem_size size)
{
	return store(l, a->rd, scaled(l, rn, a->imm, size), size);
}

bool arm_lower_t_str_imm(struct arm_lower *l, const struct arm_args_t_imm *a) { return store_imm(l, a, a->rn, MEM_WORD); }
bool arm_lower_t_strh_imm(struct arm_lower *l, const struct arm_args_t_imm *a) { return store_imm(l, a, a->rn, MEM_HALF); }
bool arm_lower_t_strb_imm(struct arm_lower *l, const struct arm_args_t_imm *a) { return store_imm(l, a, a->rn, MEM_BYTE); }
bool arm_lower_t_ldr_imm(struct arm_lower *l, const struct arm_args_t_imm *a) { return load_imm(l, a, a->rn, MEM_WORD); }
bool arm_lower_t_ldrh_imm(struct arm_lower *l, const struct arm_args_t_imm *a) { return load_imm(l, a, a->rn, MEM_HALF); }
bool arm_lower_t_ldrb_imm(struct arm_lower *l, const struct arm_args_t_imm *a) { return load_imm(l, a, a->rn, MEM_BYTE); }
bool arm_lower_t_str_sp(struct arm_lower *l, const struct arm_args_t_imm *a) { return store_imm(l, a, 13, MEM_WORD); }
bool arm_lower_t_ldr_sp(struct arm_lower *l, const struct arm_args_t_imm *a) { return load_imm(l, a, 13, MEM_WORD); }

bool arm_lower_t_ldr_lit(struct arm_lower *l, const struct arm_args_t_imm *a)
{
	uint32_t addr = (arm_pc_read(l) & ~3u) + 4 * a->imm;
	ir_ref literal = arm_literal(l, addr);
	if (literal == IR_NONE)
		return load(l, a->rd, arm_const(l, addr), MEM_WORD, false);
	arm_set_reg(l, a->rd, literal);
	return true;
}

/* The ninth bit of the list is lr for PUSH, pc for POP. */
bool arm_lower_t_push(struct arm_lower *l, const struct arm_args_t_multi *a)
{
	const struct arm_args_mem_multi m = { .p = 1, .w = 1, .rn = 13, .list = (a->list & 0xff) | (a->list >> 8) << 14 };
	return arm_lower_stm(l, &m);
}

bool arm_lower_t_pop(struct arm_lower *l, const struct arm_args_t_multi *a)
{
	const struct arm_args_mem_multi m = { .u = 1, .w = 1, .rn = 13, .list = (a->list & 0xff) | (a->list >> 8) << 15 };
	l->popped = a->list & 0xff;
	l->popped_at = l->next;
	return arm_lower_ldm(l, &m);
}

bool arm_lower_t_stm(struct arm_lower *l, const struct arm_args_t_multi *a)
{
	const struct arm_args_mem_multi m = { .u = 1, .w = 1, .rn = a->rn, .list = a->list };
	return arm_lower_stm(l, &m);
}

bool arm_lower_t_ldm(struct arm_lower *l, const struct arm_args_t_multi *a)
{
	const struct arm_args_mem_multi m = { .u = 1, .w = 1, .rn = a->rn, .list = a->list };
	return arm_lower_ldm(l, &m);
}

/* ---- branches and exceptions --------------------------------------------------------------------- */

bool arm_lower_t_bx(struct arm_lower *l, const struct arm_args_rr *a) { return arm_lower_bx(l, a); }
bool arm_lower_t_blx_reg(struct arm_lower *l, const struct arm_args_rr *a) { return arm_lower_blx_reg(l, a); }
bool arm_lower_t_swi(struct arm_lower *l, const struct arm_args_branch *a) { return arm_lower_swi(l, a); }
bool arm_lower_t_bkpt(struct arm_lower *l, const struct arm_args_branch *a) { return arm_lower_bkpt(l, a); }

static bool branch(struct arm_lower *l, const struct arm_args_branch *a, unsigned width)
{
	arm_jump(l, (arm_pc_read(l) + ((uint32_t)sext(a->imm, width) << 1)) | 1, IR_LINK_JUMP);
	return true;
}

bool arm_lower_t_bcond(struct arm_lower *l, const struct arm_args_branch *a) { return branch(l, a, 8); }
bool arm_lower_t_b(struct arm_lower *l, const struct arm_args_branch *a) { return branch(l, a, 11); }

bool arm_lower_t_undef(struct arm_lower *l, const struct arm_args_branch *a)
{
	(void)l, (void)a;
	return false;
}

bool arm_lower_t_bl_prefix(struct arm_lower *l, const struct arm_args_branch *a)
{
	l->bl_base = arm_pc_read(l) + ((uint32_t)sext(a->imm, 11) << 12);
	l->bl_known = true;
	arm_set_reg(l, 14, arm_const(l, l->bl_base));
	return true;
}

static bool bl_suffix(struct arm_lower *l, const struct arm_args_branch *a, bool to_arm)
{
	struct ir_unit *u = l->u;
	uint32_t offset = a->imm << (to_arm ? 2 : 1);
	ir_ref to = IR_NONE;
	if (!l->bl_known) {
		to = ir_add(u, IR_I32, arm_reg(l, 14), arm_const(l, offset));
		to = to_arm ? ir_and(u, IR_I32, to, arm_const(l, ~3u)) : ir_or(u, IR_I32, to, arm_const(l, 1));
	}
	arm_set_reg(l, 14, arm_const(l, arm_next_key(l)));
	if (!l->bl_known)
		arm_branch_key(l, to, IR_LINK_CALL);
	else
		arm_jump(l, to_arm ? (l->bl_base + offset) & ~3u : (l->bl_base + offset) | 1, IR_LINK_CALL);
	return true;
}

bool arm_lower_t_bl(struct arm_lower *l, const struct arm_args_branch *a) { return bl_suffix(l, a, false); }
bool arm_lower_t_blx(struct arm_lower *l, const struct arm_args_branch *a) { return bl_suffix(l, a, true); }
