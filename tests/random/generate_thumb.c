/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Groups of T16 instructions; the same rules as in generate_arm.c. Branches to registers go to
 * the terminators, which are word-aligned, so that ADR can name them.
 */
#include "random.h"

#include <string.h>

static void setup(struct gen *g, uint32_t code, bool first)
{
	gen_emit(g, code, first, FIX_NONE, TARGET_GROUP, ROW_SETUP);
}

static void emit(struct gen *g, const struct row *row, uint32_t code, bool first)
{
	gen_emit(g, code, first, FIX_NONE, TARGET_GROUP, (unsigned)(row - g->opt->rows->row));
}

/* rd (low) = address of a terminator, with bit 0 for the Thumb one when `key`. */
static void setup_target(struct gen *g, uint32_t rd, enum target target, bool key, bool first)
{
	gen_emit(g, 0xa000u | rd << 8, first, FIX_ADR, target, ROW_SETUP);
	if (key && target == TARGET_PAD_THUMB)
		setup(g, 0x3001u | rd << 8, false);
}

static enum target random_pad(struct gen *g)
{
	return rng_percent(&g->rng, 50) ? TARGET_PAD_ARM : TARGET_PAD_THUMB;
}

/* rn (low) = an address in the data area. Clobbers the flags. */
static void setup_base(struct gen *g, uint32_t rn, bool unaligned)
{
	struct rng *r = &g->rng;
	uint32_t kib = g->mmu ? 0xc0 + rng_below(r, 9) : 0xc2 + rng_below(r, 4);

	setup(g, 0x2000u | rn << 8 | kib, true);          /* movs rn, #kib */
	setup(g, 0x0280u | rn << 3 | rn, false);          /* lsls rn, rn, #10 */
	if (rng_percent(r, 60))
		setup(g, 0x3000u | rn << 8 | (rng_next(r) & 0xf8u), false);
	if (unaligned)
		setup(g, 0x3000u | rn << 8 | rng_below(r, 8), false);
}

static void setup_sp(struct gen *g, uint32_t rx)
{
	setup_base(g, rx, false);
	setup(g, 0x4685u | rx << 3, false);               /* mov sp, rx */
}

static void gen_memory(struct gen *g, const struct row *row, uint32_t w)
{
	struct rng *r = &g->rng;
	uint32_t n = row_field(row, w, 'n');
	bool reg = strchr(row->pattern, 'm'), byte = strchr(row->name, 'b');
	bool unaligned = g->align && !byte && rng_percent(r, 20);

	if (reg && row_field(row, w, 'm') == n)
		w = row_set_field(row, w, 'm', n ^ 1u);
	if (g->mmu && g->align && rng_percent(r, 10)) {
		emit(g, row, w, true); /* wild */
		return;
	}
	setup_base(g, n, unaligned);
	if (reg)
		setup(g, 0x2000u | row_field(row, w, 'm') << 8 | (rng_next(r) & (byte || unaligned ? 0xffu : 0xf8u)), false);
	emit(g, row, w, false);
}

static void gen_imm(struct gen *g, const struct row *row, uint32_t w)
{
	bool memory = !strncmp(row->name, "t_ldr", 5) || !strncmp(row->name, "t_str", 5);

	if (memory && strstr(row->name, "_sp")) {
		setup_sp(g, row_field(row, w, 'd') ^ 1u);
		emit(g, row, w, false);
	} else if (memory && !strstr(row->name, "_lit")) {
		gen_memory(g, row, w);
	} else {
		emit(g, row, w, true);
	}
}

static void gen_multiple(struct gen *g, const struct row *row, uint32_t w)
{
	bool push = !strcmp(row->name, "t_push"), pop = !strcmp(row->name, "t_pop");
	uint32_t list = row_field(row, w, 'l');

	if (pop && bit(list, 8) && rng_percent(&g->rng, 60))
		w = row_set_field(row, w, 'l', list &= 0xffu);
	if (gen_excluded(g, row, w))
		return;
	if (!push && !pop) {
		setup_base(g, row_field(row, w, 'n'), false);
		emit(g, row, w, false);
		return;
	}
	setup_sp(g, rng_below(&g->rng, 8));
	if (pop && bit(list, 8)) {
		uint32_t rx = rng_below(&g->rng, 8);
		setup_target(g, rx, random_pad(g), true, false);
		setup(g, 0x9000u | rx << 8 | (uint32_t)__builtin_popcount(list & 0xffu), false); /* str rx, [sp, #] */
	}
	emit(g, row, w, false);
}

static void gen_registers(struct gen *g, const struct row *row, uint32_t w)
{
	bool bx = !strcmp(row->name, "t_bx"), blx = !strcmp(row->name, "t_blx_reg");
	uint32_t m = row_field(row, w, 'm');

	if (bx || blx) {
		w = row_set_field(row, w, 'm', m &= 7u);
		setup_target(g, m, random_pad(g), true, true);
		emit(g, row, w, false);
		return;
	}
	if ((!strcmp(row->name, "t_mov_hi") || !strcmp(row->name, "t_add_hi")) && row_field(row, w, 'd') == 15) {
		if (row->name[2] == 'a')
			return;
		w = row_set_field(row, w, 'm', m &= 7u);
		setup_target(g, m, TARGET_PAD_THUMB, rng_percent(&g->rng, 50), true);
		emit(g, row, w, false);
		return;
	}
	if (!gen_excluded(g, row, w))
		emit(g, row, w, true);
}

static uint32_t random_alu(struct rng *r)
{
	switch (rng_below(r, 5)) {
	case 0: return rng_next(r) & 0x1fffu;                               /* shifts, adds, subs */
	case 1: return 0x2000u | (rng_next(r) & 0x1fffu);                   /* movs, cmp, adds, subs */
	case 2: return 0x4600u | (rng_next(r) & 0xbfu & ~0x7u) | rng_below(r, 5); /* mov to a low register, or r8 to r12 */
	default: return 0x4000u | (rng_next(r) & 0x3ffu);
	}
}

/* A branch over a few register instructions, and others that overwrite what flags they set. */
static void gen_skip(struct gen *g, uint32_t cond, unsigned index)
{
	unsigned n = 1 + rng_below(&g->rng, 4);
	gen_emit(g, 0xd000u | cond << 8 | (n - 1), true, FIX_NONE, TARGET_GROUP, index);
	for (unsigned k = n + rng_below(&g->rng, 4); k > 0; k--)
		setup(g, random_alu(&g->rng), false);
}

static void gen_branch(struct gen *g, const struct row *row, uint32_t w)
{
	unsigned index = (unsigned)(row - g->opt->rows->row);

	if (!strcmp(row->name, "t_bl_prefix")) {
		/* alone it only sets lr (DDI 0100I A7.1.18), but QEMU knows BL as one instruction of 32 bits */
		setup(g, 0xf000u, true);
		gen_emit(g, 0xf800u, false, FIX_BRANCH, TARGET_GROUP, index);
	} else if (!strcmp(row->name, "t_bl")) {
		setup(g, 0xf000u, true);
		gen_emit(g, w, false, FIX_BRANCH, TARGET_GROUP, index);
	} else if (!strcmp(row->name, "t_blx")) {
		setup(g, 0xf000u, true);
		gen_emit(g, w, false, FIX_PAD_ARM, TARGET_PAD_ARM, index);
	} else if (!strcmp(row->name, "t_b")) {
		gen_emit(g, w, true, FIX_BRANCH, TARGET_GROUP, index);
	} else if (!strcmp(row->name, "t_bcond")) {
		if (bits(w, 11, 8) < 14 && rng_percent(&g->rng, 50))
			gen_skip(g, bits(w, 11, 8), index);
		else if (bits(w, 11, 8) < 14)
			gen_emit(g, w, true, FIX_BRANCH, TARGET_GROUP, index);
	} else if (rng_percent(&g->rng, 15) && !gen_excluded(g, row, w)) {
		emit(g, row, w, true);
	}
}

/*
 * QEMU gives its ARMv5 cores some instructions that they do not have (undefined: DDI 0100I A6.2, A7.1.18). Found by
 * trying every halfword that no row describes.
 */
static bool qemu_executes(uint32_t w)
{
	return (w & 0xf801u) == 0xe801u || /* BLX suffix with bit 0 set: branches */
	       (w & 0xf500u) == 0xb100u || /* CBZ, CBNZ */
	       (w & 0xff00u) == 0xbf00u || /* IT */
	       w == 0xbabcu;               /* HLT for semihosting */
}

static void gen_undefined(struct gen *g)
{
	for (unsigned tries = 0; tries < 200; tries++) {
		uint32_t w = rng_next(&g->rng) & 0xffffu;
		if (qemu_executes(w) || rows_match(g->opt->rows, ARM_T16, w))
			continue;
		gen_emit(g, w, true, FIX_NONE, TARGET_GROUP, ROW_SETUP);
		return;
	}
}

void gen_thumb(struct gen *g)
{
	const struct row_set *rows = g->opt->rows;
	struct rng *r = &g->rng;
	const struct row *row = &rows->row[rows->first_t16 + rng_below(r, rows->n - rows->first_t16)];
	uint32_t w = row_random(row, r);

	if (rng_percent(r, 1))
		gen_undefined(g);
	else if (row->args == ARM_ARGS_t_multi)
		gen_multiple(g, row, w);
	else if (row->args == ARM_ARGS_t_imm)
		gen_imm(g, row, w);
	else if (row->args == ARM_ARGS_rrr && strcmp(row->name, "t_add_reg") && strcmp(row->name, "t_sub_reg"))
		gen_memory(g, row, w);
	else if (row->args == ARM_ARGS_rr)
		gen_registers(g, row, w);
	else if (row->args == ARM_ARGS_branch)
		gen_branch(g, row, w);
	else
		emit(g, row, w, true);
}
