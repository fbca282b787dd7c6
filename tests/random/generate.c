/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A sequence: start state, translation, 8 to 24 groups of instructions, terminators. What is
 * common to both instruction sets; the instructions come from generate_arm.c and generate_thumb.c.
 */
#include "random.h"

#include <assert.h>
#include <string.h>

#define ARM_END 0xef000f00u   /* swi */
#define THUMB_END 0xdf55u     /* swi */
#define THUMB_NOP 0x46c0u

void gen_emit(struct gen *g, uint32_t code, bool group_start, enum fix fix, enum target target, unsigned row)
{
	struct sequence *s = g->seq;

	assert(s->n_units < UNITS_MAX);
	s->unit[s->n_units++] = (struct unit){ .code = code, .fix = (uint8_t)fix, .target = (uint8_t)target,
					       .group_start = group_start, .row = (uint16_t)row };
}

static uint32_t random_mode(struct rng *r)
{
	static const uint8_t modes[] = { ARM_USR, ARM_USR, ARM_USR, ARM_USR, ARM_SVC, ARM_SVC, ARM_SYS, ARM_SYS,
					 ARM_FIQ, ARM_IRQ, ARM_ABT, ARM_UND };
	return modes[rng_below(r, ARRAY_LEN(modes))];
}

/* Values at which carries, overflows and shifts change their minds, and plain ones. */
static uint32_t random_value(struct rng *r)
{
	static const uint32_t edges[] = { 0, 1, 31, 32, 33, 0x7fff, 0x8000, 0xffff, 0x7fffffff, 0x80000000,
					  0x80000001, 0xffffffff, 0xfffffffe, 0x10000 };
	switch (rng_below(r, 4)) {
	case 0:
		return edges[rng_below(r, ARRAY_LEN(edges))];
	case 1:
		return rng_below(r, 256);
	default:
		return rng_next(r);
	}
}

static uint32_t random_pte(struct rng *r, uint32_t pa)
{
	uint32_t ap = rng_percent(r, 60) ? 0xff : rng_next(r) & 0xff;

	if (rng_percent(r, 8))
		return 0;
	if (rng_percent(r, 10))
		return (pa & 0xffff0000u) | ap << 4 | 1;
	return pa | ap << 4 | 2;
}

/* SCTLR.R makes AP 0 read-only, which is what protects the runner (runner.S). */
static void random_state(struct gen *g)
{
	struct entry *e = &g->seq->entry;
	struct rng *r = &g->rng;
	uint32_t mode = g->opt->mode < 0 ? random_mode(r) : (uint32_t)g->opt->mode;

	e->flags = rng_percent(r, 15) ? ENTRY_COPY : 0;
	if (rng_percent(r, 12))
		e->flags |= rng_next(r) & (ENTRY_IRQ | ENTRY_FIQ);
	e->cpsr = (rng_next(r) & 0xf8000000u) | (rng_percent(r, 80) ? 0x1c0 : rng_next(r) & 0x1c0u) | mode;
	e->spsr = (rng_next(r) & 0xf80001c0u) | random_mode(r);
	g->mmu = g->opt->mmu < 0 ? rng_percent(r, 60) : g->opt->mmu;
	g->align = rng_percent(r, 30);
	e->sctlr = 0x00090078u | (g->align ? SCTLR_A : 0);
	if (g->mmu)
		e->sctlr |= SCTLR_M | SCTLR_R | (rng_percent(r, 15) ? SCTLR_V : 0) |
			    (rng_next(r) & (SCTLR_C | SCTLR_I));
	e->dacr = 1u | (rng_next(r) & 0xf0u);
	e->pte[0] = random_pte(r, 0x30000);
	e->pte[1] = random_pte(r, 0x31000);
	e->alias = rng_percent(r, 90) ? 2u << 5 | 0x12u | (rng_next(r) & 0xc00u) : 0;
	e->seed = rng_next(r);
	for (unsigned i = 0; i < 15; i++)
		e->regs[i] = random_value(r);
}

void sequence_generate(struct sequence *seq, uint64_t seed, uint32_t index, const struct gen_options *opt)
{
	struct gen g = { .rng = { seed * 0x2545f4914f6cdd1du + (uint64_t)index * 0xd1342543de82ef95u }, .opt = opt,
			 .seq = seq, .mode_known = true };
	unsigned groups;

	memset(seq, 0, sizeof(*seq));
	random_state(&g);
	seq->isa = !opt->thumb || (opt->arm && rng_percent(&g.rng, 65)) ? ARM_A32 : ARM_T16;
	if (seq->isa == ARM_T16)
		seq->entry.cpsr |= CPSR_T;
	groups = 6 + rng_below(&g.rng, 12);
	for (unsigned i = 0; i < groups && seq->n_units < UNITS_MAX - 16; i++) {
		if (seq->isa == ARM_A32)
			gen_arm(&g);
		else
			gen_thumb(&g);
	}
}

/* ---- layout ---- */

static uint32_t unit_size(const struct sequence *s)
{
	return s->isa == ARM_A32 ? 4 : 2;
}

struct layout {
	uint32_t pad_arm, pad_thumb, bytes;
};

/* Both terminators on a word boundary, in the order in which falling through meets its own kind. */
static struct layout layout_of(const struct sequence *s)
{
	uint32_t end = s->n_units * unit_size(s);

	if (s->isa == ARM_A32)
		return (struct layout){ end, end + 4, end + 8 };
	end = (end + 3) & ~3u;
	return (struct layout){ end + 4, end, end + 8 };
}

/* Offset that unit i's fix points to: a start of a group after the next instruction, or a terminator. */
static uint32_t target_of(const struct sequence *s, const struct layout *l, unsigned i)
{
	const struct unit *u = &s->unit[i];
	unsigned hop = (i * 7 + u->code) % 5; /* groups to skip: any choice will do, the same in every layout */

	if (u->target == TARGET_PAD_ARM)
		return l->pad_arm;
	if (u->target == TARGET_PAD_THUMB)
		return l->pad_thumb;
	for (unsigned k = i + 1; k < s->n_units; k++)
		if (s->unit[k].group_start && hop-- == 0)
			return k * unit_size(s);
	return s->isa == ARM_A32 ? l->pad_arm : l->pad_thumb;
}

static uint32_t fixed_arm(const struct unit *u, uint32_t at, uint32_t to)
{
	uint32_t offset = to - (at + 8);

	switch ((enum fix)u->fix) {
	case FIX_NONE:
	case FIX_PAD_ARM:
		break;
	case FIX_BRANCH:
		return (u->code & 0xff000000u) | (offset >> 2 & 0x00ffffffu);
	case FIX_PAD_THUMB:
		return (u->code & 0xfe000000u) | (offset & 2u) << 23 | (offset >> 2 & 0x00ffffffu);
	case FIX_ADR: /* may point at the next instruction: at + 8 - 4 */
		return (int32_t)offset >= 0 ? u->code | 0x00800000u | 0xf00u | offset >> 2
					    : u->code | 0x00400000u | 0xf00u | (0u - offset) >> 2;
	}
	return u->code;
}

/* The first half of a BL pair is in `prev`. */
static uint32_t fixed_thumb(const struct unit *u, uint32_t at, uint32_t to, uint8_t *prev)
{
	uint32_t offset = to - (at + 4);

	switch ((enum fix)u->fix) {
	case FIX_NONE:
	case FIX_PAD_THUMB:
		break;
	case FIX_BRANCH:
		if ((u->code & 0xf000u) == 0xd000u)
			return (u->code & 0xff00u) | (offset >> 1 & 0xffu);
		if ((u->code & 0xf800u) == 0xe000u)
			return 0xe000u | (offset >> 1 & 0x7ffu);
		prev[0] = 0;
		prev[1] = 0xf0;
		return 0xf800u | ((to - (at + 2)) >> 1 & 0x7ffu);
	case FIX_PAD_ARM:
		prev[0] = 0;
		prev[1] = 0xf0;
		return 0xe800u | ((to - ((at + 2) & ~3u)) >> 1 & 0x7feu);
	case FIX_ADR:
		return u->code | (to - ((at + 4) & ~3u)) >> 2;
	}
	return u->code;
}

static void put(uint8_t *p, uint32_t value, unsigned size)
{
	for (unsigned i = 0; i < size; i++)
		p[i] = (uint8_t)(value >> 8 * i);
}

uint32_t sequence_code(const struct sequence *s, uint8_t code[CODE_BYTES_MAX])
{
	struct layout l = layout_of(s);
	uint32_t size = unit_size(s);

	memset(code, 0, CODE_BYTES_MAX);
	if (s->isa == ARM_T16 && (s->n_units & 1u))
		put(code + s->n_units * size, THUMB_NOP, 2);
	for (unsigned i = 0; i < s->n_units; i++) {
		uint32_t at = i * size, to = target_of(s, &l, i);
		uint32_t word = s->isa == ARM_A32 ? fixed_arm(&s->unit[i], at, to)
						  : fixed_thumb(&s->unit[i], at, to, code + at - (i ? 2 : 0));
		put(code + at, word, size);
	}
	put(code + l.pad_arm, ARM_END, 4);
	put(code + l.pad_thumb, THUMB_END, 2);
	put(code + l.pad_thumb + 2, THUMB_NOP, 2);
	return l.bytes;
}
