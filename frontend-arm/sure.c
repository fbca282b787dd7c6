/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is sure of the flags whatever becomes of the operands (decision 019): constants that follow from the operation that set the flags, from what
 * its operands can be at all, and from the condition that was asked. `cmp r3, #63; bgt`: all four are known behind it.
 *
 * The 16 values that N Z C V can have are a set, bit by bit; an operation leaves some of them, and a condition some of these.
 */
#include "frontend-arm/lower.h"

/* Values from `from` to from + n, modulo 2^32. */
struct span {
	uint32_t from, n;
};
#define ANY_VALUE ((struct span){ 0, ~0u })

static struct span span_of_load(uint16_t memop)
{
	uint32_t n = (uint32_t)((UINT64_C(1) << 8 * ir_memop_size(memop)) - 1);
	return (struct span){ ir_memop_signed(memop) ? ~(n >> 1) : 0, n };
}

/* What a value of this IR block can be. */
static struct span span_of(const struct arm_lower *l, ir_ref v)
{
	const struct ir_insn *i = &l->u->insns[v];
	uint32_t by = ir_ops[i->op].n_args == 2 && l->u->insns[i->b].op == IR_const ? (uint32_t)l->u->insns[i->b].imm : 0;
	switch (i->op) {
	case IR_const: return (struct span){ (uint32_t)i->imm, 0 };
	case IR_ld: return span_of_load(i->aux);
	case IR_and: return (struct span){ 0, by ? by : ~0u };
	case IR_shr: return (struct span){ 0, ~0u >> (by & 31) };
	case IR_zext8: return (struct span){ 0, 0xff };
	case IR_zext16: return (struct span){ 0, 0xffff };
	default: return ANY_VALUE;
	}
}

/* N Z C V of a + b + carry, as a set of one. */
static unsigned flags_of_sum(uint32_t a, uint32_t b, uint32_t carry)
{
	uint32_t r = a + b + carry;
	unsigned c = ((uint64_t)a + b + carry) >> 32 & 1u, v = (~(a ^ b) & (a ^ r)) >> 31;
	return 1u << ((r >> 31) << 3 | (unsigned)(r == 0) << 2 | c << 1 | v);
}

/* Of x + b + carry for any such x. The flags change where the result gets 0, above 0, or another sign, and where x gets another sign. */
static unsigned flags_of_sums(struct span x, uint32_t b, uint32_t carry)
{
	uint32_t zero = 0u - b - carry;
	const uint32_t where[] = { 0, zero, zero + 1, 1u << 31, zero + (1u << 31) };
	unsigned set = flags_of_sum(x.from, b, carry);
	for (unsigned k = 0; k < ARRAY_LEN(where); k++)
		if (where[k] - x.from <= x.n)
			set |= flags_of_sum(where[k], b, carry);
	return set;
}

#define POSITIVE(s) (!((s).from >> 31) && (s).n < (1u << 31) - (s).from)
#define BELOW_OR_EQUAL_OR_ABOVE (1u << 8 | 1u << 6 | 1u << 2) /* a subtraction without overflow of what has the same sign */

static unsigned flags_of_operation(const struct arm_lower *l)
{
	struct span a = span_of(l, l->src_a), b = span_of(l, l->src_b);
	if (l->source == FLAGS_SUB && !b.n)
		return flags_of_sums(a, ~b.from, 1);
	if (l->source == FLAGS_ADD && !b.n)
		return flags_of_sums(a, b.from, 0);
	return l->source == FLAGS_SUB && POSITIVE(a) && POSITIVE(b) ? BELOW_OR_EQUAL_OR_ABOVE : 0xffff;
}

/* The values in which a flag is 1, by enum arm_flag. */
static const uint16_t ones[ARM_FLAGS] = { 0xff00, 0xf0f0, 0xcccc, 0xaaaa };
#define ONES_N 0xff00u
#define ONES_Z 0xf0f0u

unsigned arm_nzcv_from(enum arm_flag_source source)
{
	switch (source) {
	case FLAGS_SUB: return (0xffff & ~ONES_Z) | 1u << 6; /* equal: no borrow, no overflow */
	case FLAGS_ADD: case FLAGS_RESULT: return 0xffff & ~(ONES_Z & ONES_N);
	case FLAGS_UNKNOWN: break;
	}
	return 0xffff;
}

/* What the flags as they are can be. */
static unsigned possible(const struct arm_lower *l)
{
	unsigned set = arm_nzcv_from(l->source);
	if (l->source == FLAGS_SUB || l->source == FLAGS_ADD)
		set &= flags_of_operation(l);
	for (unsigned f = 0; l->sure.flags >> f; f++)
		if (bit(l->sure.flags, f))
			set &= bit(l->sure.values, f) ? ones[f] : ~(unsigned)ones[f];
	return set;
}

unsigned arm_nzcv_where(enum arm_cond cond)
{
	static const uint16_t even[] = { 0xf0f0, 0xcccc, 0xff00, 0xaaaa, 0x0c0c, 0xaa55, 0x0a05, 0xffff };
	return cond & 1u ? 0xffffu ^ even[cond >> 1] : even[cond >> 1];
}

static struct arm_sure sure_of(unsigned set)
{
	struct arm_sure sure = { 0, 0 };
	for (unsigned f = 0; f < ARM_FLAGS; f++) {
		sure.flags |= (uint8_t)((unsigned)(!(set & ones[f]) || !(set & ~(unsigned)ones[f])) << f);
		sure.values |= (uint8_t)((unsigned)((set & ones[f]) != 0) << f);
	}
	return sure;
}

struct arm_sure arm_sure_flags(const struct arm_lower *l)
{
	return sure_of(possible(l));
}

struct arm_sure arm_sure_where(const struct arm_lower *l, enum arm_cond cond)
{
	return sure_of(possible(l) & arm_nzcv_where(cond));
}
