/* SPDX-License-Identifier: Apache-2.0 */
/* One frame after the other; rules are looked up once for each pc and kept. */
#include <stdlib.h>
#include <string.h>

#include "debug/unwind.h"

#define CACHE_SIZE 4096u
enum { REG_R7 = 7, REG_FP = 11, REG_SP = 13, REG_LR = 14 };

enum rule_kind { RULE_EMPTY, RULE_NONE, RULE_FRAME };

struct rule {
	uint32_t pc;
	uint8_t kind; /* enum rule_kind */
	struct debug_frame frame;
};

struct unwind {
	struct debuginfo *d;
	const struct symbols *syms;
	struct rule rule[CACHE_SIZE];
};

/* The frame under examination. `pc` lies in its function: of callers, inside the call instruction. */
struct cursor {
	struct unwind *u;
	const struct vcpu *v;
	unsigned space;
	uint32_t r[15], pc;
};

struct unwind *unwind_new(struct debuginfo *d, const struct symbols *syms)
{
	struct unwind *u = calloc(1, sizeof *u);
	if (u) {
		u->d = d;
		u->syms = syms;
	}
	return u;
}

void unwind_free(struct unwind *u)
{
	free(u);
}

static bool read_memory(const struct cursor *c, uint32_t addr, void *to, uint32_t size)
{
	return softmmu_debug(c->v->mmu, GVA(addr), c->space, to, size, false) == size;
}

static bool read_word(const struct cursor *c, uint32_t addr, uint32_t *word)
{
	return !(addr & 3) && read_memory(c, addr, word, 4);
}

/* ---- return addresses ---- */

/* What the call instruction before `ra` calls: 0 when it says a register. False: there is none. */
static bool call_before(const struct cursor *c, uint32_t ra, uint32_t *target)
{
	uint32_t w[2];
	uint16_t h[2];
	*target = 0;
	if (ra & 1) {
		uint32_t at = ra - 1;
		if (!read_memory(c, at - 4, h, 4))
			return false;
		if ((h[0] & 0xf800) == 0xf000 && (h[1] & 0xe800) == 0xe800) { /* bl, blx */
			*target = at + (uint32_t)sext(h[0] & 0x7ffu, 11) * 4096u + (h[1] & 0x7ffu) * 2;
			if (!(h[1] & 0x1000))
				*target &= ~3u;
			return true;
		}
		return (h[1] & 0xff87) == 0x4780; /* blx register */
	}
	if ((ra & 2) || !read_memory(c, ra - 8, w, 8))
		return false;
	if ((w[1] & 0x0f000000) == 0x0b000000 || (w[1] & 0xfe000000) == 0xfa000000) { /* bl, blx */
		*target = ra + 4 + (uint32_t)sext(w[1] & 0xffffffu, 24) * 4;
		return true;
	}
	return (w[1] & 0x0ffffff0) == 0x012fff30 || w[0] == 0xe1a0e00f; /* blx register; mov lr, pc */
}

static uint32_t function_of(const struct cursor *c, uint32_t pc)
{
	uint32_t offset;
	return symbols_find(c->u->syms, pc, &offset) ? pc - offset : 0;
}

/* Goes on to the frame that `ra` returns to. */
static bool return_to(struct cursor *c, uint32_t ra)
{
	uint32_t target;
	if (!call_before(c, ra, &target))
		return false;
	c->pc = (ra & ~1u) - 2; /* inside the call, whatever its length */
	return true;
}

/* ---- the ways to a caller ---- */

static const struct debug_frame *frame_rule(struct cursor *c)
{
	struct rule *r = &c->u->rule[(c->pc >> 1) % CACHE_SIZE];
	if (!c->u->d)
		return NULL;
	if (r->kind == RULE_EMPTY || r->pc != c->pc) {
		r->kind = debuginfo_frame(c->u->d, c->pc, &r->frame) ? RULE_FRAME : RULE_NONE;
		r->pc = c->pc;
	}
	return r->kind == RULE_FRAME ? &r->frame : NULL;
}

static bool by_rule(struct cursor *c, const struct debug_frame *f)
{
	uint32_t cfa = c->r[f->cfa_reg] + (uint32_t)f->cfa_offset, ra = c->r[REG_LR];
	if (f->saved[REG_LR] == DEBUG_FRAME_LOST ||
	    (f->saved[REG_LR] != DEBUG_FRAME_SAME && !read_word(c, cfa + (uint32_t)f->saved[REG_LR], &ra)))
		return false;
	for (unsigned i = 0; i < REG_SP; i++)
		if (f->saved[i] > DEBUG_FRAME_LOST && !read_word(c, cfa + (uint32_t)f->saved[i], &c->r[i]))
			return false;
	c->r[REG_SP] = cfa;
	c->r[REG_LR] = ra;
	return return_to(c, ra);
}

/* A leaf, or a function that has not yet saved lr: the call before lr called this very function. */
static bool by_lr(struct cursor *c)
{
	uint32_t target, start = function_of(c, c->pc);
	return start && call_before(c, c->r[REG_LR], &target) && target == start && return_to(c, c->r[REG_LR]);
}

/* Where frame pointers point: offsets of the saved lr and of the caller's frame pointer. */
static bool by_frame_pointer(struct cursor *c)
{
	static const struct {
		uint8_t reg;
		int32_t lr, fp;
	} shapes[] = {{REG_FP, -4, -12}, {REG_FP, 0, -4}, {REG_FP, 4, 0}, {REG_R7, 4, 0}};
	for (unsigned i = 0; i < ARRAY_LEN(shapes); i++) {
		uint32_t fp = c->r[shapes[i].reg], ra, next;
		if (fp < c->r[REG_SP] || !read_word(c, fp + (uint32_t)shapes[i].lr, &ra) ||
		    !read_word(c, fp + (uint32_t)shapes[i].fp, &next) || (next && next <= fp) || !return_to(c, ra))
			continue;
		c->r[REG_SP] = fp;
		c->r[REG_LR] = ra;
		c->r[shapes[i].reg] = next;
		return true;
	}
	return false;
}

unsigned unwind_stack(struct unwind *u, const struct vcpu *v, uint32_t *pc, unsigned max)
{
	struct cursor c = {.u = u, .v = v, .space = arm_space_of(v->cpu->tb_flags), .pc = v->cpu->pc & ~1u};
	unsigned n = 0;
	memcpy(c.r, v->cpu->r, sizeof c.r);
	pc[n++] = c.pc;
	while (n < max) {
		const struct debug_frame *f = frame_rule(&c);
		uint32_t sp = c.r[REG_SP];
		if (f ? !by_rule(&c, f) : !(n == 1 && by_lr(&c)) && !by_frame_pointer(&c))
			break;
		if (n > 1 && c.r[REG_SP] <= sp) /* only the innermost frame can be empty */
			break;
		pc[n++] = c.pc;
	}
	return n;
}
