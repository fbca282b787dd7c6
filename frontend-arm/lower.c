/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What all lowerings share: registers with their pc rules (DDI 0100I A2.4.3), helper calls,
 * exceptions, jumps.
 */
#include "frontend-arm/lower.h"

ir_ref arm_const(struct arm_lower *l, uint32_t x)
{
	if (x >= ARRAY_LEN(l->small))
		return ir_const(l->u, IR_I32, x);
	if (l->small[x] == IR_NONE)
		l->small[x] = ir_const(l->u, IR_I32, x);
	return l->small[x];
}

ir_ref arm_reg_first(struct arm_lower *l, uint32_t n)
{
	if (n == 15)
		return arm_const(l, arm_pc_read(l));
	return l->reg[n] = ir_get(l->u, (uint16_t)(ARM_G_r0 + n));
}

static void write_reg(struct arm_lower *l, uint32_t n, ir_ref v)
{
	if (l->pred != ARM_AL)
		v = ir_select(l->u, IR_I32, arm_condition(l, l->pred), v, arm_reg(l, n));
	l->set_regs |= (uint16_t)(1u << n);
	if (l->region && !l->skip.left && l->reg[n] != IR_NONE)
		arm_keep_operand(l, n);
	if (l->skip.left)
		l->skip.wrote_regs |= (uint16_t)(1u << n);
	else
		ir_set(l->u, (uint16_t)(ARM_G_r0 + n), v);
	l->reg[n] = v;
}

/* mov lr, pc; then a jump: before ARMv5 the only way to call through a register. */
static enum ir_link jump_or_call(const struct arm_lower *l, enum ir_link link)
{
	return link == IR_LINK_JUMP && l->lr_known && l->lr_key == arm_next_key(l) ? IR_LINK_CALL : link;
}

void arm_branch_key(struct arm_lower *l, ir_ref v, enum ir_link link)
{
	l->pc_write = v;
	l->link = jump_or_call(l, link);
}

static void note_lr(struct arm_lower *l, ir_ref v)
{
	const struct ir_insn *i = &l->u->insns[v];
	l->lr_known = l->pred == ARM_AL && !l->skip.left && i->op == IR_const;
	l->lr_key = (uint32_t)i->imm;
}

void arm_set_reg(struct arm_lower *l, uint32_t n, ir_ref v)
{
	if (n == 14)
		note_lr(l, v);
	if (n != 15)
		write_reg(l, n, v);
	else if (l->thumb)
		arm_branch_key(l, ir_or(l->u, IR_I32, v, arm_const(l, 1)), IR_LINK_JUMP);
	else
		arm_branch_key(l, ir_and(l->u, IR_I32, v, arm_const(l, ~3u)), IR_LINK_JUMP);
}

void arm_set_loaded(struct arm_lower *l, uint32_t n, ir_ref v)
{
	if (n != 15 || l->req->tb_flags & ARM_TB_L4)
		arm_set_reg(l, n, v);
	else
		arm_branch_key(l, v, IR_LINK_JUMP);
}

void arm_count_taken(struct arm_lower *l)
{
	if (l->req->count_taken)
		ir_count(l->u, l->region ? l->region->part[l->region->at].taken : 0);
}

void arm_jump(struct arm_lower *l, uint32_t key, enum ir_link link)
{
	if (l->guarded)
		arm_count_taken(l);
	link = jump_or_call(l, link);
	arm_pass_on(l);
	arm_plan_exit(l, key);
	arm_exit(l, 0, link, key, link == IR_LINK_CALL ? arm_next_key(l) : 0);
	l->ended = true;
}

/* A helper may write any register. */
static ir_ref call(struct arm_lower *l, enum arm_helper h, const ir_ref *args)
{
	arm_write_late(l);
	arm_pay_again(l, ~0u);
	arm_forget_regs(l);
	l->again = 0;
	l->sure.flags = 0;
	l->set_flags = ARM_NZCV;
	l->set_regs = 0xffff;
	arm_owe_nothing(l);
	return ir_call(l->u, (uint16_t)h, args);
}

ir_ref arm_call0(struct arm_lower *l, enum arm_helper h)
{
	return call(l, h, NULL);
}

ir_ref arm_call1(struct arm_lower *l, enum arm_helper h, ir_ref a)
{
	return call(l, h, &a);
}

ir_ref arm_call2(struct arm_lower *l, enum arm_helper h, ir_ref a, ir_ref b)
{
	const ir_ref args[2] = { a, b };
	return call(l, h, args);
}

void arm_raise(struct arm_lower *l, enum arm_exception_kind kind)
{
	ir_ref what = arm_const(l, kind), at = arm_const(l, arm_pc_key(l));
	l->fixed = true;
	if (kind == ARM_EXC_SEMIHOST) {
		arm_call1(l, ARM_H_raise, what);
		ir_exit_loop(l->u, at); /* not reached: a block has an end */
	} else {
		arm_call2(l, ARM_H_take_exception, what, at);
		ir_exit_ind(l->u, IR_LINK_JUMP, ir_get(l->u, ARM_G_pc), 0);
	}
	l->ended = true;
}

void arm_exception_return(struct arm_lower *l, ir_ref v)
{
	arm_call1(l, ARM_H_exception_return, v);
	l->fixed = true;
	ir_exit_ind(l->u, IR_LINK_JUMP, ir_get(l->u, ARM_G_pc), 0);
	l->ended = true;
}
