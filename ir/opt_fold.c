/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Folding of one pure insn: constants through ir_eval(), algebra by table, and a few rules that
 * look at the insn behind an operand. Rewrites that would need a new constant are left alone:
 * insns are never inserted.
 */
#include "ir/opt.h"

/* What is known about the operands of an insn; "ones" means all bits of the type. */
enum fact {
	A_CONST = 1, B_CONST = 2, C_CONST = 4, A_ZERO = 8, A_NONZERO = 16, A_ONES = 32, B_ZERO = 64, B_ONE = 128,
	B_ONES = 256, C_ZERO = 512, C_NONZERO = 1024, SAME_AB = 2048, SAME_BC = 4096,
};

enum action { TAKE_A = 1, TAKE_B, TAKE_C, TO_ZERO, TO_NOT_A, TO_NOT_B, TO_ADD, TO_SUB, TO_GEU };

/* When all facts of `need` hold, do `action`. A list ends with action 0. */
struct rule {
	uint16_t need;
	uint8_t action;
};

#define RULES (const struct rule[])

static const struct rule *const rules[IR_OP_COUNT] = {
	[IR_add] = RULES{ { B_ZERO, TAKE_A }, { 0, 0 } },
	[IR_sub] = RULES{ { B_ZERO, TAKE_A }, { SAME_AB, TO_ZERO }, { 0, 0 } },
	[IR_mul] = RULES{ { B_ZERO, TAKE_B }, { B_ONE, TAKE_A }, { 0, 0 } },
	[IR_mulh_u] = RULES{ { B_ZERO, TAKE_B }, { B_ONE, TO_ZERO }, { 0, 0 } },
	[IR_mulh_s] = RULES{ { B_ZERO, TAKE_B }, { 0, 0 } },
	[IR_and] = RULES{ { B_ZERO, TAKE_B }, { B_ONES, TAKE_A }, { SAME_AB, TAKE_A }, { 0, 0 } },
	[IR_or] = RULES{ { B_ZERO, TAKE_A }, { B_ONES, TAKE_B }, { SAME_AB, TAKE_A }, { 0, 0 } },
	[IR_xor] = RULES{ { B_ZERO, TAKE_A }, { SAME_AB, TO_ZERO }, { B_ONES, TO_NOT_A }, { 0, 0 } },
	[IR_andn] = RULES{ { B_ZERO, TAKE_A }, { B_ONES, TO_ZERO }, { SAME_AB, TO_ZERO }, { A_ZERO, TAKE_A },
			   { A_ONES, TO_NOT_B }, { 0, 0 } },
	[IR_shl] = RULES{ { B_ZERO, TAKE_A }, { A_ZERO, TAKE_A }, { 0, 0 } },
	[IR_shr] = RULES{ { B_ZERO, TAKE_A }, { A_ZERO, TAKE_A }, { 0, 0 } },
	[IR_sar] = RULES{ { B_ZERO, TAKE_A }, { A_ZERO, TAKE_A }, { A_ONES, TAKE_A }, { 0, 0 } },
	[IR_ror] = RULES{ { B_ZERO, TAKE_A }, { A_ZERO, TAKE_A }, { A_ONES, TAKE_A }, { 0, 0 } },
	[IR_select] = RULES{ { A_ZERO, TAKE_C }, { A_NONZERO, TAKE_B }, { SAME_BC, TAKE_B }, { 0, 0 } },
	[IR_adc] = RULES{ { C_ZERO, TO_ADD }, { 0, 0 } }, /* and fold_adc */
	[IR_sbc] = RULES{ { C_NONZERO, TO_SUB }, { 0, 0 } },
	[IR_add_c] = RULES{ { C_ZERO | B_ZERO, TO_ZERO }, { C_ZERO | A_ZERO, TO_ZERO }, { 0, 0 } },
	[IR_add_v] = RULES{ { C_ZERO | B_ZERO, TO_ZERO }, { C_ZERO | A_ZERO, TO_ZERO }, { 0, 0 } },
	[IR_sub_c] = RULES{ { C_NONZERO, TO_GEU }, { 0, 0 } },
	[IR_shl_c] = RULES{ { B_ZERO, TAKE_C }, { 0, 0 } },
	[IR_shr_c] = RULES{ { B_ZERO, TAKE_C }, { 0, 0 } },
	[IR_sar_c] = RULES{ { B_ZERO, TAKE_C }, { 0, 0 } },
	[IR_sub_v] = RULES{ { C_NONZERO | B_ZERO, TO_ZERO }, { C_NONZERO | SAME_AB, TO_ZERO }, { 0, 0 } },
};

/* Is there a fact at all? Mostly there is none, and this is one branch. */
static inline bool any_facts(const struct opt *o, const struct ir_insn *i, unsigned n)
{
	ir_ref a = i->a, b = n > 1 ? i->b : a, c = n > 2 ? i->c : a;
	unsigned consts = (o->insns[a].op == IR_const) | (o->insns[b].op == IR_const) | (o->insns[c].op == IR_const);
	return consts | ((n > 1) & (a == b)) | ((n > 2) & (b == c));
}

static unsigned find_facts(const struct opt *o, const struct ir_insn *i, unsigned n)
{
	const struct ir_insn *def = o->insns;
	unsigned facts = 0;
	if (def[i->a].op == IR_const) {
		uint64_t ones = def[i->a].type == IR_I64 ? UINT64_MAX : UINT32_MAX, x = def[i->a].imm;
		facts |= A_CONST | (x == 0 ? A_ZERO : x == ones ? A_NONZERO | A_ONES : A_NONZERO);
	}
	if (n < 2)
		return facts;
	if (def[i->b].op == IR_const) {
		uint64_t ones = def[i->b].type == IR_I64 ? UINT64_MAX : UINT32_MAX, x = def[i->b].imm;
		facts |= B_CONST | (x == 0 ? B_ZERO : x == 1 ? B_ONE : x == ones ? B_ONES : 0);
	}
	if (i->a == i->b)
		facts |= SAME_AB;
	if (n < 3)
		return facts;
	if (def[i->c].op == IR_const)
		facts |= C_CONST | (def[i->c].imm == 0 ? C_ZERO : C_NONZERO);
	if (i->b == i->c)
		facts |= SAME_BC;
	return facts;
}

static void become(struct ir_insn *i, enum ir_op op, ir_ref a, ir_ref b)
{
	*i = (struct ir_insn){ .op = (uint8_t)op, .type = i->type, .a = a, .b = b, .c = IR_NONE };
}

static void apply(const struct opt *o, struct ir_insn *i, enum action action)
{
	enum ir_type result = ir_result_type(o->u, i);
	switch (action) {
	case TAKE_A: opt_make_copy(i, result, i->a); break;
	case TAKE_B: opt_make_copy(i, result, i->b); break;
	case TAKE_C: opt_make_copy(i, result, i->c); break;
	case TO_ZERO: opt_make_const(i, result, 0); break;
	case TO_NOT_A: become(i, IR_not, i->a, IR_NONE); break;
	case TO_NOT_B: become(i, IR_not, i->b, IR_NONE); break;
	case TO_ADD: become(i, IR_add, i->a, i->b); break;
	case TO_SUB: become(i, IR_sub, i->a, i->b); break;
	case TO_GEU:
		become(i, IR_cmp, i->a, i->b);
		i->aux = IR_GEU;
		break;
	}
}

/* ---- rules that look behind an operand: each returns true when it changed the insn ------------- */

static bool is_bool(const struct opt *o, ir_ref v)
{
	return o->width[v] <= 1;
}

static bool is_const_value(const struct opt *o, ir_ref v, uint64_t x)
{
	return opt_is_const(o, v) && o->insns[v].imm == x;
}

/* Insn i becomes the opposite of the `cmp` that defines v. */
static bool negate_compare(const struct opt *o, struct ir_insn *i, ir_ref v)
{
	const struct ir_insn *cmp = &o->insns[v];
	if (cmp->op != IR_cmp)
		return false;
	*i = *cmp;
	i->aux = (uint16_t)ir_cc_negate((enum ir_cc)cmp->aux);
	return true;
}

bool opt_is_inverted(const struct opt *o, ir_ref v, ir_ref *of)
{
	const struct ir_insn *d = &o->insns[v];
	bool zero_test = d->op == IR_cmp && d->type == IR_I32 && d->aux == IR_EQ && is_const_value(o, d->b, 0);
	bool flip = d->op == IR_xor && d->type == IR_I32 && is_const_value(o, d->b, 1);
	if (!(zero_test || flip) || !is_bool(o, d->a))
		return false;
	*of = d->a;
	return true;
}

/* f(f(x)) = x */
static bool fold_involution(const struct opt *o, struct ir_insn *i)
{
	const struct ir_insn *inner = &o->insns[i->a];
	if (inner->op != i->op)
		return false;
	opt_make_copy(i, (enum ir_type)i->type, inner->a);
	return true;
}

/* Bits that an 8- or 16-bit extension looks at; 0 for every other op. */
static unsigned extension_bits(unsigned op)
{
	return op == IR_zext8 || op == IR_sext8 ? 8 : op == IR_zext16 || op == IR_sext16 ? 16 : 0;
}

static bool fold_extension(const struct opt *o, struct ir_insn *i)
{
	const struct ir_insn *inner = &o->insns[i->a];
	unsigned bits = extension_bits(i->op);
	bool changed = false, sign = i->op == IR_sext8 || i->op == IR_sext16;
	if (extension_bits(inner->op) >= bits) {
		bool same = inner->op == i->op;
		if (same) {
			opt_make_copy(i, IR_I32, i->a);
			return true;
		}
		i->a = inner->a;
		changed = true;
	}
	if (o->width[i->a] > bits - sign)
		return changed;
	opt_make_copy(i, IR_I32, i->a);
	return true;
}

/* A shift up and down again by 24 or 16 is an extension: what compilers write for cores without one. */
static bool fold_shift_back(const struct opt *o, struct ir_insn *i)
{
	const struct ir_insn *inner = &o->insns[i->a];
	if (i->type != IR_I32 || inner->op != IR_shl || !opt_is_const(o, i->b) || !opt_is_const(o, inner->b))
		return false;
	uint64_t n = o->insns[i->b].imm & 31;
	if (n != (o->insns[inner->b].imm & 31) || (n != 24 && n != 16))
		return false;
	bool byte = n == 24, sign = i->op == IR_sar;
	become(i, sign ? byte ? IR_sext8 : IR_sext16 : byte ? IR_zext8 : IR_zext16, inner->a, IR_NONE);
	return true;
}

/* The lowest bit, where only that is looked at, is what a shift right by one shifts out (RRX behind LSRS #1). */
static bool is_low_bit(const struct opt *o, const struct ir_insn *i)
{
	return (i->op == IR_shr_c || i->op == IR_sar_c) && is_const_value(o, i->b, 1);
}

/* What is shifted out need not be cleared or extended before. */
static bool fold_shl(const struct opt *o, struct ir_insn *i)
{
	const struct ir_insn *inner = &o->insns[i->a];
	if (i->type != IR_I32 || !opt_is_const(o, i->b))
		return false;
	unsigned left = 32 - (unsigned)(o->insns[i->b].imm & 31);
	uint64_t mask = UINT32_MAX >> (32 - left);
	bool masked = inner->op == IR_and && opt_is_const(o, inner->b) && (o->insns[inner->b].imm & mask) == mask;
	bool extended = extension_bits(inner->op) && extension_bits(inner->op) >= left;
	if (!masked && !extended && !(left == 1 && is_low_bit(o, inner)))
		return false;
	i->a = inner->a;
	return true;
}

/* Carries and overflows of numbers that are too short for any. */
static bool fold_carry(const struct opt *o, struct ir_insn *i)
{
	unsigned most = i->op == IR_add_v ? 30 : 31;
	if (i->type != IR_I32 || o->width[i->a] > most || o->width[i->b] > most)
		return false;
	opt_make_const(i, IR_I32, 0);
	return true;
}

static bool fold_shl_c(const struct opt *o, struct ir_insn *i)
{
	uint64_t n = o->insns[i->b].imm & 0xff;
	if (!opt_is_const(o, i->b) || !n || o->width[i->a] + n > 32)
		return false;
	opt_make_const(i, IR_I32, 0);
	return true;
}

/* 0 + 0 + carry */
static bool fold_adc(const struct opt *o, struct ir_insn *i)
{
	if (i->type != IR_I32 || !is_const_value(o, i->a, 0) || !is_const_value(o, i->b, 0) || !is_bool(o, i->c))
		return false;
	opt_make_copy(i, IR_I32, i->c);
	return true;
}

static bool fold_zext32(const struct opt *o, struct ir_insn *i)
{
	const struct ir_insn *inner = &o->insns[i->a];
	if (inner->op != IR_trunc || o->width[inner->a] > 32)
		return false;
	opt_make_copy(i, IR_I64, inner->a);
	return true;
}

static bool fold_trunc(const struct opt *o, struct ir_insn *i)
{
	const struct ir_insn *inner = &o->insns[i->a];
	if (inner->op != IR_zext32 && inner->op != IR_sext32 && inner->op != IR_join)
		return false;
	opt_make_copy(i, IR_I32, inner->a);
	return true;
}

static bool fold_high(const struct opt *o, struct ir_insn *i)
{
	const struct ir_insn *inner = &o->insns[i->a];
	if (inner->op != IR_join)
		return false;
	opt_make_copy(i, IR_I32, inner->b);
	return true;
}

/* A mask that clears nothing, or all there is. */
static bool fold_and(const struct opt *o, struct ir_insn *i)
{
	unsigned width = o->width[i->a];
	if (!opt_is_const(o, i->b) || width == 64)
		return false;
	uint64_t mask = (UINT64_C(1) << width) - 1, kept = o->insns[i->b].imm & mask;
	if (!kept) {
		opt_make_const(i, (enum ir_type)i->type, 0);
		return true;
	}
	if (kept != mask)
		return false;
	opt_make_copy(i, (enum ir_type)i->type, i->a);
	return true;
}

/* !compare, written as an exclusive or. */
static bool fold_xor(const struct opt *o, struct ir_insn *i)
{
	return is_const_value(o, i->b, 1) && i->type == IR_I32 && negate_compare(o, i, i->a);
}

/* A compare with 0 whose outcome is clear from the operand's width. */
static bool fold_sign_test(const struct opt *o, struct ir_insn *i)
{
	bool positive = o->width[i->a] < (i->type == IR_I64 ? 64 : 32);
	bool never = i->aux == IR_LTU || (i->aux == IR_LTS && positive);
	bool always = i->aux == IR_GEU || (i->aux == IR_GES && positive);
	if (!never && !always)
		return false;
	opt_make_const(i, IR_I32, always);
	return true;
}

static bool fold_compare(const struct opt *o, struct ir_insn *i)
{
	if (i->a == i->b) {
		opt_make_const(i, IR_I32, ir_eval(IR_cmp, IR_I32, i->aux, 0, 0, 0));
		return true;
	}
	if (opt_is_const(o, i->a)) {
		ir_ref a = i->a;
		i->a = i->b;
		i->b = a;
		i->aux = (uint16_t)ir_cc_swap((enum ir_cc)i->aux);
	}
	if (is_const_value(o, i->b, 0) && fold_sign_test(o, i))
		return true;
	if (i->type != IR_I32 || !is_bool(o, i->a))
		return false;
	bool zero = is_const_value(o, i->b, 0), one = is_const_value(o, i->b, 1);
	if ((zero && (i->aux == IR_NE || i->aux == IR_GTU)) || (one && (i->aux == IR_EQ || i->aux == IR_GEU))) {
		opt_make_copy(i, IR_I32, i->a);
		return true;
	}
	if ((zero && (i->aux == IR_EQ || i->aux == IR_LEU)) || (one && (i->aux == IR_NE || i->aux == IR_LTU)))
		return negate_compare(o, i, i->a);
	return false;
}

static bool fold_select(const struct opt *o, struct ir_insn *i)
{
	ir_ref of;
	bool changed = opt_is_inverted(o, i->a, &of);
	if (changed) {
		ir_ref b = i->b;
		i->a = of;
		i->b = i->c;
		i->c = b;
	}
	if (i->type != IR_I32 || !is_bool(o, i->a))
		return changed;
	if (is_const_value(o, i->b, 1) && is_const_value(o, i->c, 0)) {
		opt_make_copy(i, IR_I32, i->a);
		return true;
	}
	if (is_const_value(o, i->b, 0) && is_const_value(o, i->c, 1)) {
		if (!negate_compare(o, i, i->a))
			become(i, IR_xor, i->a, i->c);
		return true;
	}
	return changed;
}

static bool (*const looks[IR_OP_COUNT])(const struct opt *, struct ir_insn *) = {
	[IR_not] = fold_involution, [IR_neg] = fold_involution, [IR_bswap] = fold_involution,
	[IR_sext8] = fold_extension, [IR_sext16] = fold_extension, [IR_zext8] = fold_extension,
	[IR_zext16] = fold_extension, [IR_zext32] = fold_zext32, [IR_trunc] = fold_trunc, [IR_high] = fold_high,
	[IR_shl] = fold_shl, [IR_shr] = fold_shift_back, [IR_sar] = fold_shift_back,
	[IR_add_c] = fold_carry, [IR_add_v] = fold_carry, [IR_sub_v] = fold_carry, [IR_shl_c] = fold_shl_c,
	[IR_adc] = fold_adc, [IR_and] = fold_and, [IR_xor] = fold_xor, [IR_cmp] = fold_compare, [IR_select] = fold_select,
};

/* ---- the driver ------------------------------------------------------------------------------ */

static void fold_constants(const struct opt *o, struct ir_insn *i)
{
	const struct ir_insn *def = o->insns;
	const ir_ref v[3] = { i->a, i->b, i->c };
	uint64_t x[3] = { 0, 0, 0 };
	for (unsigned k = 0; k < ir_ops[i->op].n_args; k++)
		x[k] = def[v[k]].imm;
	uint64_t value = ir_eval((enum ir_op)i->op, (enum ir_type)i->type, i->aux, x[0], x[1], x[2]);
	opt_make_const(i, ir_result_type(o->u, i), value);
}

static bool fold_by_table(const struct opt *o, struct ir_insn *i, unsigned facts)
{
	for (const struct rule *rule = rules[i->op]; rule->action; rule++)
		if ((facts & rule->need) == rule->need) {
			apply(o, i, (enum action)rule->action);
			return true;
		}
	return false;
}

/* Constants of commutative ops belong into b. */
static void swap_operands(struct ir_insn *i)
{
	ir_ref a = i->a;
	i->a = i->b;
	i->b = a;
}

/* Returns true when the insn changed and may be simplified further. */
static bool fold_once(const struct opt *o, struct ir_insn *i)
{
	static const uint8_t all_const[] = { 0, A_CONST, A_CONST | B_CONST, A_CONST | B_CONST | C_CONST };
	const struct ir_op_info *info = &ir_ops[i->op];
	if (info->n_args == 0 || i->op == IR_copy)
		return false;
	if (!any_facts(o, i, info->n_args))
		return looks[i->op] && looks[i->op](o, i);
	unsigned facts = find_facts(o, i, info->n_args);
	if ((facts & all_const[3]) == all_const[info->n_args]) {
		fold_constants(o, i);
		return false;
	}
	if (facts & A_CONST && info->flags & IR_COMM) {
		swap_operands(i);
		facts = find_facts(o, i, info->n_args);
	}
	if (facts && rules[i->op] && fold_by_table(o, i, facts))
		return true;
	return looks[i->op] && looks[i->op](o, i);
}

void opt_fold(struct opt *o, ir_ref r)
{
	struct ir_insn *i = &o->insns[r];
	unsigned n_args = ir_ops[i->op].n_args;
	if (n_args) {
		/* Every change makes the insn simpler; three in a row is the longest chain there is. */
		for (unsigned n = 0; n < 4 && fold_once(o, i); n++)
			;
	}
	opt_width(o, r);
	if (o->width[r] == 0 && i->op != IR_const) /* no bit can be set */
		opt_make_const(i, ir_result_type(o->u, i), 0);
}
