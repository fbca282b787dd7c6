/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Status registers and coprocessors (DDI 0100I A4.1.38 f., A3.13). What may change the mode, the masks
 * or the translation of addresses ends the unit: the next one is looked up under the new flags, and an interrupt that is
 * no longer masked is taken before it (arm_host.kick).
 */
#include "frontend-arm/lower.h"

#define PSR_FLAGS (CPSR_N | CPSR_Z | CPSR_C | CPSR_V | CPSR_Q)

bool arm_lower_mrs(struct arm_lower *l, const struct arm_args_mrs *a)
{
	if (a->spsr && !arm_priv(l))
		return false;
	arm_set_reg(l, a->rd, arm_call0(l, a->spsr ? ARM_H_spsr_read : ARM_H_cpsr_read));
	return true;
}

/* The bits that the field mask selects. */
static uint32_t field_bits(uint32_t mask)
{
	uint32_t bits = 0;
	for (unsigned i = 0; i < 4; i++)
		if (mask >> i & 1)
			bits |= 0xffu << 8 * i;
	return bits;
}

static ir_ref bit_at(struct arm_lower *l, ir_ref v, unsigned n)
{
	return ir_and(l->u, IR_I32, ir_shr(l->u, IR_I32, v, arm_const(l, n)), arm_const(l, 1));
}

static void set_nzcv(struct arm_lower *l, ir_ref v)
{
	for (unsigned f = 0; f < ARM_FLAGS; f++)
		arm_set_flag(l, (enum arm_flag)f, bit_at(l, v, 31 - f));
}

static bool msr(struct arm_lower *l, bool spsr, uint32_t fields, ir_ref v)
{
	uint32_t bits = field_bits(fields);
	if (spsr && !arm_priv(l))
		return false;
	if (spsr) {
		arm_call2(l, ARM_H_spsr_write, v, arm_const(l, bits));
		return true;
	}
	if (fields & 7 && arm_priv(l)) {
		arm_call2(l, ARM_H_cpsr_write, v, arm_const(l, bits));
		l->wrote_flags = true;
		l->leave = true;
	} else if (bits & PSR_FLAGS) {
		set_nzcv(l, v);
		ir_set(l->u, ARM_G_q, bit_at(l, v, 27));
	}
	return true;
}

/* cp15 register codes: crn << 16 | crm << 8 | opc1 << 4 | opc2 */
#define CP15_WAIT_FOR_INTERRUPT 0x70004u

static void cp15_write(struct arm_lower *l, uint32_t code, ir_ref v)
{
	ir_ref reg = arm_const(l, code), row = arm_const(l, arm_cp15_row(code));
	const ir_ref args[3] = { reg, row, v };
	arm_write_late(l);
	arm_forget_regs(l);
	ir_call(l->u, ARM_H_cp15_write, args);
	l->leave = true;
}

/* An MSR of no field does nothing. Later architectures put hints here; qemu-system-arm's arm926 knows one of
 * them, WFI, and images use it. */
static bool hint(struct arm_lower *l, uint32_t imm)
{
	if (imm == 3 && arm_priv(l))
		cp15_write(l, CP15_WAIT_FOR_INTERRUPT, arm_const(l, 0));
	return true;
}

bool arm_lower_msr_imm(struct arm_lower *l, const struct arm_args_msr_imm *a)
{
	if (!a->mask && !a->spsr)
		return hint(l, a->rot ? 0 : a->imm);
	return msr(l, a->spsr, a->mask, arm_const(l, ror32(a->imm, 2 * a->rot)));
}

bool arm_lower_msr_reg(struct arm_lower *l, const struct arm_args_msr_reg *a)
{
	return msr(l, a->spsr, a->mask, arm_reg(l, a->rm));
}

/* ---- coprocessors -------------------------------------------------------------------------------- */

/* Has the core this coprocessor? */
static bool is_there(const struct arm_args_cp_reg *a)
{
	return a->cp == 15 || a->cp == 14;
}

static uint32_t cp_code(const struct arm_args_cp_reg *a)
{
	return ARM_CP_REG(a->cp, a->crn, a->opc1, a->crm, a->opc2);
}

bool arm_lower_mcr(struct arm_lower *l, const struct arm_args_cp_reg *a)
{
	if (!is_there(a))
		return false;
	if (!arm_priv(l) || !arm_cp15_ignores(cp_code(a)))
		cp15_write(l, cp_code(a), arm_reg(l, a->rd));
	return true;
}

/* With rd = 15 the top bits go to the flags. */
bool arm_lower_mrc(struct arm_lower *l, const struct arm_args_cp_reg *a)
{
	if (!is_there(a))
		return false;
	uint32_t code = cp_code(a);
	ir_ref reg = arm_const(l, code), row = arm_const(l, arm_cp15_row(code));
	ir_ref v = arm_call2(l, ARM_H_cp15_read, reg, row);
	if (a->rd == 15)
		set_nzcv(l, v);
	else
		arm_set_reg(l, a->rd, v);
	return true;
}
