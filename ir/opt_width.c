/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Known bits, the small version: how many low bits of a value can be set. Enough to see that a
 * flag is 0 or 1 and that an extension of a narrow load does nothing. 64 stands for "unknown",
 * at either type.
 */
#include "ir/opt.h"

/* How the width of a result follows from the operands' widths; what is not listed has all bits. */
enum width_rule {
	WIDTH_UNKNOWN, WIDTH_8, WIDTH_16, WIDTH_CONST, WIDTH_A, WIDTH_LOW, WIDTH_MIN, WIDTH_MAX,
	WIDTH_CHOICE, WIDTH_SUM, WIDTH_PRODUCT, WIDTH_SHL, WIDTH_SHR, WIDTH_SAR, WIDTH_SEXT8, WIDTH_SEXT16,
	WIDTH_SEXT32, WIDTH_HIGH, WIDTH_JOIN, WIDTH_GET, WIDTH_LOAD,
	WIDTH_BOOL = OPT_WIDTH_FIXED | 1, WIDTH_CLZ = OPT_WIDTH_FIXED | 7,
};

const uint8_t opt_width_rules[IR_OP_COUNT] = {
	[IR_const] = WIDTH_CONST, [IR_get] = WIDTH_GET, [IR_ld] = WIDTH_LOAD, [IR_copy] = WIDTH_A,
	[IR_add] = WIDTH_SUM, [IR_adc] = WIDTH_SUM, [IR_mul] = WIDTH_PRODUCT, [IR_and] = WIDTH_MIN,
	[IR_or] = WIDTH_MAX, [IR_xor] = WIDTH_MAX, [IR_andn] = WIDTH_A, [IR_shl] = WIDTH_SHL,
	[IR_shr] = WIDTH_SHR, [IR_sar] = WIDTH_SAR, [IR_clz] = WIDTH_CLZ, [IR_sext8] = WIDTH_SEXT8,
	[IR_sext16] = WIDTH_SEXT16, [IR_zext8] = WIDTH_8, [IR_zext16] = WIDTH_16, [IR_sext32] = WIDTH_SEXT32,
	[IR_zext32] = WIDTH_LOW, [IR_trunc] = WIDTH_LOW, [IR_high] = WIDTH_HIGH, [IR_join] = WIDTH_JOIN,
	[IR_cmp] = WIDTH_BOOL, [IR_select] = WIDTH_CHOICE, [IR_add_c] = WIDTH_BOOL, [IR_add_v] = WIDTH_BOOL,
	[IR_sub_c] = WIDTH_BOOL, [IR_sub_v] = WIDTH_BOOL, [IR_shl_c] = WIDTH_BOOL, [IR_shr_c] = WIDTH_BOOL,
	[IR_sar_c] = WIDTH_BOOL,
};

static unsigned load_width(const struct ir_insn *i)
{
	unsigned width = 8 * ir_memop_size(i->aux);
	return ir_memop_signed(i->aux) ? 64 : width;
}

/* Sign extension of something whose sign bit, bit from - 1, is known to be clear does nothing. */
static unsigned sext_width(unsigned a, unsigned from)
{
	return a < from ? a : 64;
}

/* Width of operands of insn i. */
static unsigned width_a(const struct opt *o, const struct ir_insn *i)
{
	return o->width[i->a];
}

static unsigned width_b(const struct opt *o, const struct ir_insn *i)
{
	return o->width[i->b];
}

static unsigned max_ab(const struct opt *o, const struct ir_insn *i)
{
	return MAX(width_a(o, i), width_b(o, i));
}

static unsigned shl_width(const struct opt *o, const struct ir_insn *i)
{
	unsigned bits = i->type == IR_I64 ? 64 : 32;
	if (!opt_is_const(o, i->b))
		return 64;
	return width_a(o, i) + ((unsigned)o->insns[i->b].imm & (bits - 1));
}

/* An unknown shift count counts as 0. */
static unsigned shr_width(const struct opt *o, const struct ir_insn *i)
{
	unsigned bits = i->type == IR_I64 ? 64 : 32, a = MIN(width_a(o, i), bits);
	unsigned count = opt_is_const(o, i->b) ? (unsigned)o->insns[i->b].imm & (bits - 1) : 0;
	return a > count ? a - count : 0;
}

static unsigned sar_width(const struct opt *o, const struct ir_insn *i)
{
	return width_a(o, i) < (i->type == IR_I64 ? 64u : 32u) ? shr_width(o, i) : 64;
}

static unsigned high_width(unsigned a)
{
	return a > 32 ? a - 32 : 0;
}

/* May exceed 64. */
static unsigned compute(const struct opt *o, const struct ir_insn *i)
{
	switch ((enum width_rule)opt_width_rules[i->op]) {
	case WIDTH_UNKNOWN: return 64;
	case WIDTH_BOOL: case WIDTH_CLZ: return opt_width_rules[i->op] & ~OPT_WIDTH_FIXED;
	case WIDTH_8: return MIN(width_a(o, i), 8);
	case WIDTH_16: return MIN(width_a(o, i), 16);
	case WIDTH_CONST: return opt_bits_of(i->imm);
	case WIDTH_A: return width_a(o, i);
	case WIDTH_LOW: return MIN(width_a(o, i), 32);
	case WIDTH_MIN: return MIN(width_a(o, i), width_b(o, i));
	case WIDTH_MAX: return max_ab(o, i);
	case WIDTH_CHOICE: return MAX(width_b(o, i), o->width[i->c]);
	case WIDTH_SUM: return max_ab(o, i) + 1;
	case WIDTH_PRODUCT: return width_a(o, i) + width_b(o, i);
	case WIDTH_SHL: return shl_width(o, i);
	case WIDTH_SHR: return shr_width(o, i);
	case WIDTH_SAR: return sar_width(o, i);
	case WIDTH_SEXT8: return sext_width(width_a(o, i), 8);
	case WIDTH_SEXT16: return sext_width(width_a(o, i), 16);
	case WIDTH_SEXT32: return sext_width(width_a(o, i), 32);
	case WIDTH_HIGH: return high_width(width_a(o, i));
	case WIDTH_JOIN: return width_b(o, i) ? 32 + width_b(o, i) : MIN(width_a(o, i), 32);
	case WIDTH_GET: return o->u->guest->globals[i->aux].mem_bytes == 1 ? 1 : 64;
	case WIDTH_LOAD: return load_width(i);
	}
	return 64;
}

unsigned opt_known_width(const struct opt *o, const struct ir_insn *i)
{
	unsigned width = compute(o, i);
	return MIN(width, 64);
}
