/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Words that sequences do not contain, each with the reason: UNPREDICTABLE in the manual and not
 * worth agreeing on, or known to differ because our reading of the manual is the better one.
 * (Addresses that are not aligned are avoided where the generator builds them: reason in generate_arm.c.)
 */
#include "random.h"

#include <string.h>

static uint32_t f(const struct row *row, uint32_t w, char letter) { return row_field(row, w, letter); }
static bool has(const struct row *row, char letter) { return strchr(row->pattern, letter) != NULL; }

/* Any register field is r15. */
static bool uses_pc(const struct row *row, uint32_t w)
{
	for (const char *l = "ndmsa"; *l; l++)
		if (has(row, *l) && f(row, w, *l) == 15)
			return true;
	return false;
}

static bool any_pc(const struct gen *g, const struct row *row, uint32_t w)
{
	(void)g;
	return uses_pc(row, w);
}

static bool long_same(const struct gen *g, const struct row *row, uint32_t w)
{
	(void)g;
	return has(row, 'a') && f(row, w, 'd') == f(row, w, 'a');
}

static bool swp_same(const struct gen *g, const struct row *row, uint32_t w)
{
	(void)g;
	return !strncmp(row->name, "swp", 3) && (f(row, w, 'n') == f(row, w, 'd') || f(row, w, 'n') == f(row, w, 'm'));
}

static bool writes_back(const struct row *row, uint32_t w)
{
	return !bit(w, 24) || bit(w, 21) || !has(row, 'p');
}

static bool double_word(const struct row *row)
{
	return !strncmp(row->name, "ldrd", 4) || !strncmp(row->name, "strd", 4);
}

static bool base_is_data(const struct gen *g, const struct row *row, uint32_t w)
{
	uint32_t n = f(row, w, 'n'), d = f(row, w, 'd');

	(void)g;
	if (!strncmp(row->name, "pld", 3))
		return false;
	return writes_back(row, w) && (n == 15 || n == d || (double_word(row) && n == (d | 1u)));
}

static bool offset_is_base(const struct gen *g, const struct row *row, uint32_t w)
{
	(void)g;
	return has(row, 'm') && (f(row, w, 'm') == 15 || (writes_back(row, w) && f(row, w, 'm') == f(row, w, 'n')));
}

static bool narrow_pc(const struct gen *g, const struct row *row, uint32_t w)
{
	bool word = !strcmp(row->name, "ldr_imm") || !strcmp(row->name, "ldr_reg") ||
		    !strcmp(row->name, "str_imm") || !strcmp(row->name, "str_reg");

	(void)g;
	return !word && has(row, 'd') && f(row, w, 'd') == 15;
}

static bool double_odd(const struct gen *g, const struct row *row, uint32_t w)
{
	(void)g;
	return double_word(row) && ((f(row, w, 'd') & 1u) || f(row, w, 'd') == 14);
}

static bool double_offset(const struct gen *g, const struct row *row, uint32_t w)
{
	(void)g;
	return double_word(row) && has(row, 'm') && (f(row, w, 'm') & 14u) == f(row, w, 'd');
}

static bool post_indexed_w(const struct gen *g, const struct row *row, uint32_t w)
{
	(void)g;
	return !bit(w, 26) && has(row, 'p') && !bit(w, 24) && bit(w, 21);
}

static bool multi_pc_base(const struct gen *g, const struct row *row, uint32_t w)
{
	(void)g;
	return f(row, w, 'n') == 15;
}

static bool user_bank_writeback(const struct gen *g, const struct row *row, uint32_t w)
{
	(void)g;
	(void)row;
	return bit(w, 22) && bit(w, 21) && !(bit(w, 20) && bit(w, 15));
}

static bool return_by_other_op(const struct gen *g, const struct row *row, uint32_t w)
{
	(void)g;
	return has(row, 'd') && f(row, w, 'd') == 15 && bit(w, 20) && strncmp(row->name, "sub", 3) &&
	       strncmp(row->name, "mov", 3);
}

static bool user_bank_base(const struct gen *g, const struct row *row, uint32_t w)
{
	(void)g;
	return !strcmp(row->name, "ldm_user") && bit(w, f(row, w, 'n'));
}

static bool user_bank_mode(const struct gen *g, const struct row *row, uint32_t w)
{
	(void)row;
	return bit(w, 22) && !gen_banked_mode(g);
}

static bool spsr_status(const struct gen *g, const struct row *row, uint32_t w)
{
	(void)g;
	(void)row;
	return bit(w, 22) && bit(w, 18);
}

static bool msr_hint(const struct gen *g, const struct row *row, uint32_t w)
{
	(void)g;
	(void)row;
	return !bit(w, 22) && bits(w, 19, 16) == 0;
}

static bool multi_empty(const struct gen *g, const struct row *row, uint32_t w)
{
	(void)g;
	return !(f(row, w, 'l') | (bit(w, 15) && bit(w, 22)));
}

static bool multi_base_in_list(const struct gen *g, const struct row *row, uint32_t w)
{
	(void)g;
	return bit(w, 21) && bit(w, f(row, w, 'n'));
}

static bool spsr_rd_pc(const struct gen *g, const struct row *row, uint32_t w)
{
	(void)g;
	return has(row, 'd') && f(row, w, 'd') == 15;
}

static bool msr_pc(const struct gen *g, const struct row *row, uint32_t w)
{
	(void)g;
	return f(row, w, 'm') == 15;
}

static bool vfp(const struct gen *g, const struct row *row, uint32_t w)
{
	uint32_t cp = bits(w, 11, 8);
	(void)g;
	(void)row;
	return cp == 10 || cp == 11;
}

static bool tlb_lockdown_read(const struct gen *g, const struct row *row, uint32_t w)
{
	(void)g;
	(void)row;
	return bits(w, 11, 8) == 15 && bits(w, 19, 16) == 10;
}

static bool semihosting(const struct gen *g, const struct row *row, uint32_t w)
{
	(void)g;
	if (row->isa == ARM_A32)
		return !strcmp(row->name, "swi") && bits(w, 23, 0) == 0x123456;
	return (!strcmp(row->name, "t_swi") || !strcmp(row->name, "t_bkpt")) && bits(w, 7, 0) == 0xab;
}

static bool thumb_multi_empty(const struct gen *g, const struct row *row, uint32_t w)
{
	(void)g;
	return f(row, w, 'l') == 0;
}

static bool thumb_stm_base(const struct gen *g, const struct row *row, uint32_t w)
{
	uint32_t n = f(row, w, 'n');
	(void)g;
	return !strcmp(row->name, "t_stm") && bit(w, n) && (w & ((1u << n) - 1) & 0xffu);
}

static bool thumb_hi_low(const struct gen *g, const struct row *row, uint32_t w)
{
	(void)g;
	return !strcmp(row->name, "t_cmp_hi") && (f(row, w, 'd') == 15 || (f(row, w, 'd') < 8 && f(row, w, 'm') < 8));
}

const struct exclusion exclusions[] = {
	{ ARM_A32, ARM_ARGS_mul, any_pc, "multiplies with r15: UNPREDICTABLE (DDI 0100I A4.1.40 and others)" },
	{ ARM_A32, ARM_ARGS_mul, long_same, "long multiplies with RdHi = RdLo: UNPREDICTABLE (DDI 0100I A4.1.109)" },
	{ ARM_A32, ARM_ARGS_rrr, any_pc, "QADD, SWP with r15: UNPREDICTABLE (DDI 0100I A4.1.45, A4.1.108)" },
	{ ARM_A32, ARM_ARGS_rrr, swp_same, "SWP with Rn = Rd or Rm: UNPREDICTABLE (DDI 0100I A4.1.108)" },
	{ ARM_A32, ARM_ARGS_dp_rsr, any_pc, "shift by register with r15: UNPREDICTABLE (DDI 0100I A5.1.6)" },
	{ ARM_A32, ARM_ARGS_dp_imm, return_by_other_op, "S forms that write r15, other than SUBS and MOVS: every one returns from "
	  "the exception (DDI 0100I A4.1.2 and others), on QEMU only these two" },
	{ ARM_A32, ARM_ARGS_mem_imm, base_is_data, "writeback with Rn = Rd or r15: UNPREDICTABLE (DDI 0100I A5.2.5)" },
	{ ARM_A32, ARM_ARGS_mem_reg, base_is_data, "writeback with Rn = Rd or r15: UNPREDICTABLE (DDI 0100I A5.2.6)" },
	{ ARM_A32, ARM_ARGS_mem_reg, offset_is_base, "offset r15, or the base with writeback: UNPREDICTABLE (A5.2.6)" },
	{ ARM_A32, ARM_ARGS_mem_imm, narrow_pc, "r15 in byte, halfword, user and doubleword transfers: UNPREDICTABLE" },
	{ ARM_A32, ARM_ARGS_mem_reg, narrow_pc, "r15 in byte, halfword, user and doubleword transfers: UNPREDICTABLE" },
	{ ARM_A32, ARM_ARGS_mem_imm, double_odd, "LDRD/STRD of an odd register or r14: UNPREDICTABLE (A4.1.26)" },
	{ ARM_A32, ARM_ARGS_mem_reg, double_odd, "LDRD/STRD of an odd register or r14: UNPREDICTABLE (A4.1.26)" },
	{ ARM_A32, ARM_ARGS_mem_reg, double_offset, "LDRD/STRD with the offset among the data: UNPREDICTABLE (A4.1.26)" },
	{ ARM_A32, ARM_ARGS_mem_imm, post_indexed_w, "P = 0, W = 1 of the halfword group: UNPREDICTABLE (A5.3.4)" },
	{ ARM_A32, ARM_ARGS_mem_reg, post_indexed_w, "P = 0, W = 1 of the halfword group: UNPREDICTABLE (A5.3.5)" },
	{ ARM_A32, ARM_ARGS_mem_multi, multi_pc_base, "LDM/STM with base r15: UNPREDICTABLE (A4.1.20)" },
	{ ARM_A32, ARM_ARGS_mem_multi, multi_empty, "empty register list: UNPREDICTABLE (A4.1.20); tested by hand" },
	{ ARM_A32, ARM_ARGS_mem_multi, multi_base_in_list, "writeback with the base in the list: UNPREDICTABLE or "
	  "dependent on order (A4.1.20, A4.1.97); tested by hand" },
	{ ARM_A32, ARM_ARGS_mem_multi, user_bank_writeback, "user bank with writeback: UNPREDICTABLE (A4.1.21)" },
	{ ARM_A32, ARM_ARGS_mem_multi, user_bank_mode, "user bank or exception return in User or System mode: UNPREDICTABLE "
	  "(A4.1.21, A4.1.22, A4.1.98)" },
	{ ARM_A32, ARM_ARGS_mem_multi, user_bank_base, "user bank with the base in the list: an abort leaves the base as it was (DDI 0198E "
	  "2.1), on QEMU not" },
	{ ARM_A32, ARM_ARGS_msr_imm, msr_hint, "MSR of no field: nothing on ARMv5 (A4.1.39), WFI and other hints on QEMU" },
	{ ARM_A32, ARM_ARGS_msr_imm, spsr_status, "SPSR bits 23:16: QEMU keeps ARMv8's IL there, ARMv5 reserves them (A2.5)" },
	{ ARM_A32, ARM_ARGS_msr_reg, spsr_status, "SPSR bits 23:16: QEMU keeps ARMv8's IL there, ARMv5 reserves them (A2.5)" },
	{ ARM_A32, ARM_ARGS_mrs, spsr_rd_pc, "MRS to r15: UNPREDICTABLE (A4.1.38)" },
	{ ARM_A32, ARM_ARGS_msr_reg, msr_pc, "MSR of r15: UNPREDICTABLE (A4.1.39)" },
	{ ARM_A32, ARM_ARGS_cp_reg, vfp, "coprocessors 10 and 11: QEMU's arm926 has a VFP, ours not yet" },
	{ ARM_A32, ARM_ARGS_cp_reg, tlb_lockdown_read, "CP15 c10: QEMU has no TLB lockdown register (DDI 0198E 2.3.11)" },
	{ ARM_A32, -1, semihosting, "semihosting calls reach the host" },
	{ ARM_T16, -1, semihosting, "semihosting calls reach the host" },
	{ ARM_T16, ARM_ARGS_t_multi, thumb_multi_empty, "empty register list: UNPREDICTABLE (A7.1.28)" },
	{ ARM_T16, ARM_ARGS_t_multi, thumb_stm_base, "STMIA with the base not first in the list: UNPREDICTABLE (A7.1.58)" },
	{ ARM_T16, ARM_ARGS_rr, thumb_hi_low, "CMP of r15, or of two low registers in the high form: UNPREDICTABLE (A7.1.22)" },
};
const unsigned n_exclusions = ARRAY_LEN(exclusions);

bool gen_excluded(const struct gen *g, const struct row *row, uint32_t word)
{
	for (unsigned i = 0; i < n_exclusions; i++) {
		const struct exclusion *x = &exclusions[i];
		if (g->opt->unpredictable && strstr(x->reason, "UNPREDICTABLE"))
			continue;
		if (x->isa == row->isa && (x->args < 0 || x->args == row->args) && x->applies(g, row, word))
			return true;
	}
	return false;
}
