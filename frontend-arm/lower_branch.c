/* SPDX-License-Identifier: Apache-2.0 */
/* Branches of A32, and the instructions that raise exceptions (DDI 0100I A4.1.5 ff., A4.1.107). */
#include "frontend-arm/lower.h"

static uint32_t target(const struct arm_lower *l, const struct arm_args_branch *a)
{
	return arm_pc_read(l) + ((uint32_t)sext(a->imm, 24) << 2);
}

bool arm_lower_b(struct arm_lower *l, const struct arm_args_branch *a)
{
	arm_jump(l, target(l, a), IR_LINK_JUMP);
	return true;
}

static void set_link(struct arm_lower *l)
{
	arm_set_reg(l, 14, arm_const(l, arm_next_key(l)));
}

bool arm_lower_bl(struct arm_lower *l, const struct arm_args_branch *a)
{
	set_link(l);
	arm_jump(l, target(l, a), IR_LINK_CALL);
	return true;
}

bool arm_lower_blx_imm(struct arm_lower *l, const struct arm_args_branch *a)
{
	set_link(l);
	arm_jump(l, (target(l, a) + 2 * a->h) | 1, IR_LINK_CALL);
	return true;
}

/* BX LR; or POP {rm}, BX rm, as ARMv4T has to. */
static bool is_return(const struct arm_lower *l, uint32_t rm)
{
	return rm == 14 || (l->popped_at == l->pc && l->popped >> rm & 1);
}

bool arm_lower_bx(struct arm_lower *l, const struct arm_args_rr *a)
{
	if (a->rm == 15)
		arm_jump(l, arm_pc_read(l), IR_LINK_JUMP); /* bit 0 is clear: to ARM */
	else
		arm_branch_key(l, arm_reg(l, a->rm), is_return(l, a->rm) ? IR_LINK_RET : IR_LINK_JUMP);
	return true;
}

/* Without a Jazelle implementation that is switched on, BXJ is BX. */
bool arm_lower_bxj(struct arm_lower *l, const struct arm_args_rr *a)
{
	return arm_lower_bx(l, a);
}

bool arm_lower_blx_reg(struct arm_lower *l, const struct arm_args_rr *a)
{
	ir_ref to = arm_reg(l, a->rm);
	set_link(l);
	arm_branch_key(l, to, IR_LINK_CALL);
	return true;
}

/* ---- exceptions ---------------------------------------------------------------------------------- */

static bool semihosting_allowed(const struct arm_lower *l)
{
	switch ((enum arm_semihosting)l->req->semihosting) {
	case ARM_SEMIHOST_OFF: return false;
	case ARM_SEMIHOST_PRIV: return arm_priv(l);
	case ARM_SEMIHOST_ALL: return true;
	}
	return false;
}

bool arm_lower_swi(struct arm_lower *l, const struct arm_args_branch *a)
{
	bool semihosting = a->imm == (l->thumb ? 0xabu : 0x123456u) && semihosting_allowed(l);
	arm_raise(l, semihosting ? ARM_EXC_SEMIHOST : ARM_EXC_SWI);
	return true;
}

bool arm_lower_bkpt(struct arm_lower *l, const struct arm_args_branch *a)
{
	(void)a; /* a debugger's number; semihosting by BKPT is for M-profile cores only */
	arm_raise(l, ARM_EXC_BKPT);
	return true;
}
