/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Groups of A32 instructions: one instruction of a random row, preceded by what makes it harmless.
 *
 * Memory operands: the base register is loaded with an address in or at the edge of the data area just
 * before. With the MMU on some are left random: what they hit is unmapped or read-only. Unless SCTLR.A
 * is set every address is aligned, because an ARM926 rotates words and forces alignment of the
 * rest (DDI 0100I A2.7) where QEMU 7.2 does unaligned accesses; doublewords are always aligned, because QEMU checks
 * them as words. Branches go forward, to a target built just before.
 */
#include "random.h"

#include <string.h>

#define COND_AL 0xe0000000u

static void setup(struct gen *g, uint32_t code, bool first)
{
	gen_emit(g, code, first, FIX_NONE, TARGET_GROUP, ROW_SETUP);
}

static void emit(struct gen *g, const struct row *row, uint32_t code, bool first)
{
	gen_emit(g, code, first, FIX_NONE, TARGET_GROUP, (unsigned)(row - g->opt->rows->row));
}

/* rd = address of a later group or a terminator, with bit 0 for the Thumb one. */
static void setup_target(struct gen *g, uint32_t rd, enum target target, bool first)
{
	gen_emit(g, 0xe20f0000u | rd << 12, first, FIX_ADR, target, ROW_SETUP);
	if (target == TARGET_PAD_THUMB)
		setup(g, 0xe2800001u | rd << 16 | rd << 12, false);
}

static enum target random_target(struct gen *g, bool interworking)
{
	return interworking && rng_percent(&g->rng, 25) ? TARGET_PAD_THUMB : TARGET_GROUP;
}

/* rn = an address in the data area, or at one of its edges or another view of it with the MMU on. */
static void setup_base(struct gen *g, uint32_t rn, bool unaligned)
{
	struct rng *r = &g->rng;
	uint32_t kib = g->mmu ? 0xc0 + rng_below(r, 9) : 0xc2 + rng_below(r, 4);

	setup(g, 0xe3a00b00u | rn << 12 | kib, true); /* mov rn, #kib << 10 */
	if (g->mmu && rng_percent(r, 15))
		setup(g, 0xe3800600u | rn << 16 | rn << 12 | (rng_percent(r, 50) ? 0xf : 0xe), false); /* 0x00f00000 */
	if (rng_percent(r, 60))
		setup(g, 0xe2800000u | rn << 16 | rn << 12 | (rng_next(r) & 0xf8u), false);
	if (unaligned)
		setup(g, 0xe2800000u | rn << 16 | rn << 12 | rng_below(r, 8), false);
}

/* Leaves rn as it is but for the low bits: a wild access, only with the MMU on. */
static void setup_wild(struct gen *g, uint32_t rn)
{
	setup(g, 0xe3c00007u | rn << 16 | rn << 12, true); /* bic rn, rn, #7 */
}

static bool is_double(const struct row *row)
{
	return !strncmp(row->name, "ldrd", 4) || !strncmp(row->name, "strd", 4);
}

static unsigned access_size(const struct row *row)
{
	if (is_double(row))
		return 8;
	if (strchr(row->name + 3, 'h'))
		return 2;
	return strchr(row->name + 3, 'b') ? 1 : 4;
}

/* The offset register, small, and its shift. */
static uint32_t setup_offset(struct gen *g, const struct row *row, uint32_t w, bool aligned)
{
	struct rng *r = &g->rng;
	uint32_t rm = row_field(row, w, 'm');

	setup(g, 0xe3a00000u | rm << 12 | (rng_next(r) & (aligned ? 0xf8u : 0xffu)), false);
	if (!strchr(row->pattern, 'h'))
		return w;
	if (rng_percent(r, 60))
		return row_set_field(row, row_set_field(row, w, 't', 0), 'h', rng_below(r, 3));
	w = row_set_field(row, w, 't', 1 + rng_below(r, 2));
	return aligned ? row_set_field(row, w, 'h', 0) : w;
}

/* An LDR or LDM to pc: store the target where it will be loaded from. `at` is STR's encoding of that
 * place without register and base. */
static void store_target(struct gen *g, uint32_t rn, uint32_t at, uint32_t avoid)
{
	uint32_t rx = 0;

	while (rx == rn || bit(avoid, rx))
		rx++;
	setup_target(g, rx, random_target(g, true), false);
	setup(g, 0xe5000000u | at | rn << 16 | rx << 12, false);
}

static void gen_load_pc(struct gen *g, const struct row *row, uint32_t w)
{
	uint32_t rn = row_field(row, w, 'n'), at, avoid = 0;

	if (strchr(row->pattern, 'm'))
		avoid = 1u << row_field(row, w, 'm');
	/* post-indexed: [rn]; else the same offset without writeback */
	at = bit(w, 24) ? w & 0x02800fffu : 0x00800000u;
	store_target(g, rn, at, avoid);
}

static void gen_memory(struct gen *g, const struct row *row, uint32_t w)
{
	struct rng *r = &g->rng;
	uint32_t rn = row_field(row, w, 'n');
	bool load = !strncmp(row->name, "ldr", 3), pld = !strncmp(row->name, "pld", 3);
	bool aligned = is_double(row) || (!g->align && access_size(row) > 1), reg = strchr(row->pattern, 'm');
	bool wild = g->mmu && rng_percent(r, 10);
	bool to_pc = load && row_field(row, w, 'd') == 15;

	if (aligned || to_pc)
		w &= ~(reg ? 0u : 7u);
	if (!g->mmu && !reg && access_size(row) == 4)
		w &= ~0x800u; /* the offset stays near */
	if (rn == 15 && (!load || reg || to_pc))
		w = row_set_field(row, w, 'n', rn = 14);
	if (pld) {
		emit(g, row, w, true);
		return;
	}
	if (rn == 15 && is_double(row) && g->align)
		return; /* pc + 8 may be aligned to words only */
	if (gen_excluded(g, row, w) || (reg && row_field(row, w, 'm') == rn))
		return; /* an offset that is the base would leave the data area */
	if (rn == 15) {
		emit(g, row, w, true); /* a literal: reads the image */
		return;
	}
	if (wild && !to_pc) {
		setup_wild(g, rn);
		if (reg && aligned)
			w = row_set_field(row, row_set_field(row, w, 't', 0), 'h', rng_below(r, 4));
		if (reg && aligned)
			setup(g, 0xe3c00007u | row_field(row, w, 'm') * 0x11000u, false);
	} else {
		setup_base(g, rn, !aligned && !to_pc && g->align && rng_percent(r, 20));
		if (reg)
			w = setup_offset(g, row, w, aligned || to_pc);
	}
	if (to_pc)
		gen_load_pc(g, row, w);
	emit(g, row, w, false);
}

/* Where LDM loads pc from: the highest word of the block. */
static uint32_t pc_slot(uint32_t w)
{
	int count = __builtin_popcount(w & 0xffffu);
	int offset = bit(w, 23) ? 4 * (count - 1) + (bit(w, 24) ? 4 : 0) : bit(w, 24) ? -4 : 0;

	return 0x01000000u | (offset < 0 ? (uint32_t)-offset : 0x00800000u | (uint32_t)offset);
}

static void setup_spsr(struct gen *g, bool thumb, bool first)
{
	static const uint8_t modes[] = { ARM_USR, ARM_USR, ARM_FIQ, ARM_IRQ, ARM_SVC, ARM_ABT, ARM_UND, ARM_SYS };
	uint32_t c = modes[rng_below(&g->rng, ARRAY_LEN(modes))] | (rng_next(&g->rng) & 0xc0u) | (thumb ? CPSR_T : 0);

	setup(g, 0xe361f000u | c, first); /* msr spsr_c, #c */
	g->mode_known = false;
}

static void gen_multiple(struct gen *g, const struct row *row, uint32_t w)
{
	struct rng *r = &g->rng;
	uint32_t rn;
	bool load = bit(w, 20), to_pc;

	if (rng_percent(r, 50)) /* short lists */
		w &= 0xffff0000u | rng_next(r);
	if (load && strcmp(row->name, "ldm_eret") && rng_percent(r, 80))
		w &= ~0x8000u;
	w |= row->value;
	if (gen_excluded(g, row, w))
		return;
	rn = row_field(row, w, 'n');
	to_pc = load && bit(w, 15);
	if (to_pc && (bit(w, rn) || (w & 0x7fffu) == 0x7fffu))
		return;
	if (g->mmu && !to_pc && rng_percent(r, 10))
		setup_wild(g, rn);
	else
		setup_base(g, rn, g->align && rng_percent(r, 10));
	if (to_pc && bit(w, 22)) {
		bool thumb = rng_percent(r, 20);
		uint32_t rx = rn == 0;
		setup_spsr(g, thumb, false);
		setup_target(g, rx, thumb ? TARGET_PAD_THUMB : TARGET_GROUP, false);
		setup(g, 0xe4000000u | pc_slot(w) | rn << 16 | rx << 12, false);
	} else if (to_pc) {
		store_target(g, rn, pc_slot(w) & ~0x01000000u, 0);
	}
	emit(g, row, w, false);
}

/* BX, BLX, BXJ of a register. */
static void gen_branch_reg(struct gen *g, const struct row *row, uint32_t w)
{
	uint32_t rm = row_field(row, w, 'm');

	if (rm == 15)
		w = row_set_field(row, w, 'm', rm = 14);
	setup_target(g, rm, random_target(g, true), true);
	emit(g, row, w, false);
}

/* A data-processing write to pc: op pc, rm, #0 and its like; with S an exception return. */
static void gen_alu_pc(struct gen *g, const struct row *row, uint32_t w)
{
	uint32_t rx = rng_below(&g->rng, 15);
	bool s = bit(w, 20), thumb = s && rng_percent(&g->rng, 20);
	bool move = !strncmp(row->name, "mov_reg", 7);
	static const char *const identity[] = { "eor_imm", "sub_imm", "add_imm", "orr_imm", "bic_imm" };
	bool usable = move;

	if (s && !gen_banked_mode(g))
		return; /* UNPREDICTABLE: DDI 0100I A4.1.35 and others */
	for (unsigned i = 0; i < ARRAY_LEN(identity); i++)
		usable |= !strcmp(row->name, identity[i]);
	if (!usable)
		return;
	w = row_set_field(row, w, 'd', 15);
	if (gen_excluded(g, row, w))
		return;
	if (move)
		w = row_set_field(row, row_set_field(row, row_set_field(row, w, 'm', rx), 'h', 0), 't', 0);
	else
		w = row_set_field(row, row_set_field(row, w, 'n', rx), 'i', 0);
	if (s)
		setup_spsr(g, thumb, true);
	setup_target(g, rx, thumb ? TARGET_PAD_THUMB : TARGET_GROUP, !s);
	emit(g, row, w, false);
}

static void gen_alu(struct gen *g, const struct row *row, uint32_t w)
{
	if (strchr(row->pattern, 'd') && row_field(row, w, 'd') == 15) {
		gen_alu_pc(g, row, w);
		return;
	}
	if (!gen_excluded(g, row, w))
		emit(g, row, w, true);
}

/* CP15 registers that a sequence may touch without losing the ground under its feet. */
static const struct {
	uint8_t crn, crm, opc2;
	bool write;
} cp15_regs[] = {
	{ 0, 0, 0, false }, { 0, 0, 1, false }, { 0, 0, 2, false }, { 0, 3, 1, false }, { 1, 0, 0, false },
	{ 2, 0, 0, false }, { 3, 0, 0, false }, { 5, 0, 0, true }, { 5, 0, 1, true }, { 6, 0, 0, true },
	{ 7, 5, 0, true }, { 7, 5, 1, true }, { 7, 6, 1, true }, { 7, 7, 0, true }, { 7, 10, 1, true },
	{ 7, 10, 3, false }, { 7, 10, 4, true }, { 7, 14, 3, false }, { 8, 5, 0, true }, { 8, 6, 1, true },
	{ 8, 7, 0, true }, { 8, 7, 1, true }, { 9, 0, 0, true }, { 13, 0, 1, true },
	/* undefined ones */
	{ 4, 0, 0, true }, { 6, 0, 1, true }, { 11, 3, 2, true }, { 12, 0, 0, true }, { 14, 1, 0, true },
};

static void gen_coprocessor(struct gen *g, const struct row *row, uint32_t w)
{
	static const uint8_t others[] = { 0, 1, 2, 3, 4, 5, 6, 7, 14 };
	struct rng *r = &g->rng;
	bool write = !bit(w, 20);
	unsigned i = rng_below(r, ARRAY_LEN(cp15_regs));

	w &= ~0x00ef0fefu | 0x00100000u;
	if (rng_percent(r, 85)) {
		w |= 0xf00u;
		if (write && !cp15_regs[i].write)
			return;
		w |= (uint32_t)cp15_regs[i].crn << 16 | cp15_regs[i].crm | (uint32_t)cp15_regs[i].opc2 << 5;
	} else {
		w |= (uint32_t)others[rng_below(r, ARRAY_LEN(others))] << 8 | (rng_next(r) & 0x00ef00efu);
	}
	if (!gen_excluded(g, row, w))
		emit(g, row, w, true);
}

static void gen_branch(struct gen *g, const struct row *row, uint32_t w)
{
	unsigned index = (unsigned)(row - g->opt->rows->row);

	if (!strcmp(row->name, "blx_imm")) {
		gen_emit(g, w, true, FIX_PAD_THUMB, TARGET_PAD_THUMB, index);
	} else if (row->name[0] == 'b' && strcmp(row->name, "bkpt")) {
		gen_emit(g, w, true, FIX_BRANCH, TARGET_GROUP, index);
	} else if (rng_percent(&g->rng, 30) && !gen_excluded(g, row, w)) {
		emit(g, row, w, true); /* SWI and BKPT end the sequence: not too often */
	}
}

/* A word that no row describes must trap. Coprocessor space is left to its rows. */
static void gen_undefined(struct gen *g)
{
	for (unsigned tries = 0; tries < 50; tries++) {
		uint32_t w = rng_next(&g->rng);
		if (bits(w, 27, 26) == 3 || rows_match(g->opt->rows, ARM_A32, w))
			continue;
		gen_emit(g, w, true, FIX_NONE, TARGET_GROUP, ROW_SETUP);
		return;
	}
}

/*
 * Self-modifying code (MMU off, where code is writable): builds `mov rz, #n` in ry and stores it over an
 * instruction just ahead, without cache maintenance. The branch is for QEMU, which finishes the block that it is in as it
 * was; here the next instruction would see the store.
 */
static void gen_self_modify(struct gen *g)
{
	struct rng *r = &g->rng;
	uint32_t ry = rng_below(r, 13), rz = rng_below(r, 13), distance = rng_below(r, 3);

	setup(g, 0xe3a00000u | ry << 12 | 0x4e3u, true);                     /* mov ry, #0xe3000000 */
	setup(g, 0xe3800000u | ry << 16 | ry << 12 | 0x8a0u, false);         /* orr ry, ry, #0xa00000 */
	setup(g, 0xe3800000u | ry << 16 | ry << 12 | 0xa00u | rz, false);    /* orr ry, ry, #rz << 12 */
	setup(g, 0xe3800000u | ry << 16 | ry << 12 | rng_below(r, 256), false);
	setup(g, 0xe58f0000u | ry << 12 | 4 * distance, false);              /* str ry, [pc, #] */
	setup(g, 0xeaffffffu, false);                                        /* b to the next */
	for (unsigned i = 0; i <= distance; i++)
		setup(g, 0xe2800001u | rz << 16 | rz << 12, false);          /* add rz, rz, #1 */
}

/* Half of the time that of the instruction before, or its opposite: chains and if-else. */
static uint32_t random_condition(struct gen *g)
{
	struct rng *r = &g->rng;

	if (rng_percent(r, 55))
		return COND_AL;
	if (rng_percent(r, 50))
		g->cond = rng_below(r, 14);
	else if (rng_percent(r, 30))
		g->cond ^= 1u;
	return g->cond << 28;
}

/* A few simple instructions of one condition. */
static void gen_predicated(struct gen *g)
{
	static const uint8_t op[] = {0, 1, 2, 3, 4, 5, 6, 7, 12, 13, 14, 15};
	struct rng *r = &g->rng;
	uint32_t cond = rng_below(r, 14);

	for (unsigned n = 2 + rng_below(r, 4), k = 0; k < n; k++) {
		uint32_t w = cond << 28 | (uint32_t)op[rng_below(r, ARRAY_LEN(op))] << 21 | rng_below(r, 15) << 16 | rng_below(r, 13) << 12;
		w |= rng_percent(r, 50) ? 1u << 25 | (rng_next(r) & 0xfffu) : (rng_next(r) & 0xfe0u) | rng_below(r, 15);
		setup(g, rng_percent(r, 10) ? w | 1u << 20 : w, k == 0);
	}
}

void gen_arm(struct gen *g)
{
	const struct row_set *rows = g->opt->rows;
	struct rng *r = &g->rng;
	const struct row *row = &rows->row[rng_below(r, rows->first_t16)];
	uint32_t w = row_random(row, r);

	if (rng_percent(r, 1)) {
		gen_undefined(g);
		return;
	}
	if (rng_percent(r, 3)) {
		gen_predicated(g);
		return;
	}
	if (!g->mmu && rng_percent(r, 1)) {
		gen_self_modify(g);
		return;
	}
	if (row->pattern[0] == 'c')
		w = (w & 0x0fffffffu) | random_condition(g);
	switch ((enum arm_args_id)row->args) {
	case ARM_ARGS_dp_imm:
	case ARM_ARGS_dp_reg:
	case ARM_ARGS_dp_rsr:
		gen_alu(g, row, w);
		return;
	case ARM_ARGS_rrr:
		if (gen_excluded(g, row, w))
			return;
		if (!strncmp(row->name, "swp", 3)) {
			setup_base(g, row_field(row, w, 'n'), row->name[3] == 'b');
			emit(g, row, w, false);
			return;
		}
		emit(g, row, w, true);
		return;
	case ARM_ARGS_rr:
		if (row->name[0] == 'b')
			gen_branch_reg(g, row, w);
		else if (row_field(row, w, 'd') != 15 && row_field(row, w, 'm') != 15)
			emit(g, row, w, true);
		return;
	case ARM_ARGS_mem_imm:
	case ARM_ARGS_mem_reg:
		gen_memory(g, row, w);
		return;
	case ARM_ARGS_mem_multi:
		gen_multiple(g, row, w);
		return;
	case ARM_ARGS_branch:
		gen_branch(g, row, w);
		return;
	case ARM_ARGS_cp_reg:
		gen_coprocessor(g, row, w);
		return;
	case ARM_ARGS_mul:
	case ARM_ARGS_mrs:
	case ARM_ARGS_msr_imm:
	case ARM_ARGS_msr_reg:
		if (gen_excluded(g, row, w))
			return;
		if (!strncmp(row->name, "msr", 3) && bit(w, 16) && !bit(w, 22))
			g->mode_known = false;
		emit(g, row, w, true);
		return;
	case ARM_ARGS_t_shift:
	case ARM_ARGS_t_imm:
	case ARM_ARGS_t_multi:
	case ARM_ARGS_COUNT:
		return;
	}
}
