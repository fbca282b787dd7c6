/* SPDX-License-Identifier: Apache-2.0 */
/* See call_programs.h. Instructions are written for both states at once where that is shorter. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include "tests/runtime/call_programs.h"

static uint32_t below(struct program *p, uint32_t n)
{
	return agree_below(&p->rng, n);
}

/* ---- one instruction ------------------------------------------------------------------------------ */

static void half(struct program *p, uint32_t insn)
{
	uint32_t k = (p->at - CODE) / 2;
	if (k < ARRAY_LEN(p->code))
		p->code[k] = (uint16_t)insn;
	p->at += 2;
}

static void word(struct program *p, uint32_t insn)
{
	half(p, insn & 0xffff);
	half(p, insn >> 16);
}

static uint32_t insn_size(const struct program *p)
{
	return p->thumb ? 2 : 4;
}

/* An instruction that means the same everywhere. */
static void put(struct program *p, uint32_t arm, uint32_t thumb)
{
	if (p->thumb)
		half(p, thumb);
	else
		word(p, arm);
}

/* Over the next n instructions (halfwords of Thumb) on a condition. */
static void hop(struct program *p, unsigned cond, uint32_t n)
{
	put(p, (uint32_t)cond << 28 | 0x0a000000u | ((n - 1) & 0xffffffu), 0xd000u | cond << 8 | ((n - 1) & 0xff));
}

static void branch(struct program *p, unsigned cond, uint32_t to)
{
	if (!p->thumb)
		word(p, a_bcond(cond, p->at, to));
	else if (cond == AL)
		half(p, 0xe000u | ((to - p->at - 4) >> 1 & 0x7ff));
	else
		half(p, 0xd000u | cond << 8 | ((to - p->at - 4) >> 1 & 0xff));
}

static void bl(struct program *p, unsigned cond, uint32_t to)
{
	if (!p->thumb) {
		word(p, a_if(cond, a_bl(p->at, to)));
		return;
	}
	if (cond != AL)
		hop(p, cond ^ 1, 2);
	uint32_t off = to - p->at - 4;
	half(p, 0xf000u | (off >> 12 & 0x7ff));
	half(p, 0xf800u | (off >> 1 & 0x7ff));
}

static uint32_t value(struct program *p)
{
	static const uint8_t reg[] = {0, 1, 4, 5};
	return p->wild ? below(p, 4) : reg[below(p, 4)];
}

/* A load of a word beside pc: code. */
static uint32_t literal_arm(struct program *p, unsigned d)
{
	int32_t off = below(p, 4) ? (int32_t)(4 * below(p, 64)) - 128 : (int32_t)(4 * below(p, 2046)) - 4092;
	p->word[p->n_words++ % PLACES] = p->at + 8 + (uint32_t)off;
	return a_ldr(d, PC, off);
}

static uint32_t literal_thumb(struct program *p, uint32_t d)
{
	uint32_t n = below(p, below(p, 3) ? 16 : 256);
	p->word[p->n_words++ % PLACES] = ((p->at + 4) & ~3u) + 4 * n;
	return 0x4800u | d << 8 | n;
}

static uint32_t plain_arm(struct program *p)
{
	static const uint8_t op[] = {AND, EOR, SUB, RSB, ADD, ADC, SBC, TST, TEQ, CMP, CMN, ORR, MOV, BIC, SUB, CMP, CMP};
	unsigned d = value(p), n = below(p, 6), o = op[below(p, ARRAY_LEN(op))], tests = o >= TST && o <= CMN;
	unsigned cond = below(p, 4) ? AL : below(p, 14), s = tests || below(p, 2);
	switch (below(p, 12)) {
	case 0: return a_if(cond, a_ldr(d, PTR, (int32_t)(4 * below(p, 8))));
	case 1: return a_if(cond, a_str(n, PTR, (int32_t)(4 * below(p, 8))));
	case 2: return a_movr(d, below(p, 2) ? LR : PC);
	case 3: return a_ldr(d, SP, (int32_t)(4 * below(p, 3)));
	case 4: return a_add(d, PC, 4 * below(p, 16));
	case 5: return a_if(cond, literal_arm(p, d));
	default: break;
	}
	uint32_t operand = below(p, 2) ? I_BIT | below(p, 256) : below(p, 6) | (below(p, 3) ? 0 : below(p, 32) << 7 | below(p, 4) << 5);
	return a_if(cond, a_dp(o, s, tests ? 0 : d, o == MOV ? 0 : n, operand));
}

static uint32_t plain_thumb(struct program *p)
{
	static const uint8_t alu[] = {0, 1, 2, 5, 6, 8, 9, 10, 10, 11, 12, 13};
	uint32_t d = value(p), n = below(p, 6), m = below(p, 6);
	switch (below(p, 14)) {
	case 0: return 0x6800u | below(p, 8) << 6 | PTR << 3 | d;            /* ldr that may abort */
	case 1: return 0x6000u | below(p, 8) << 6 | PTR << 3 | n;            /* str that may abort */
	case 2: return (below(p, 2) ? 0x4670u : 0x4678u) | d;                /* mov d, lr; mov d, pc */
	case 3: return 0x9800u | d << 8 | below(p, 3);                       /* ldr d, [sp, #] */
	case 4: return 0xa000u | d << 8 | below(p, 16);                      /* add d, pc, # */
	case 5: return literal_thumb(p, d);
	case 6: case 7: case 8: return 0x4000u | (uint32_t)alu[below(p, ARRAY_LEN(alu))] << 6 | m << 3 | d;
	case 9: return 0x1800u | below(p, 4) << 9 | m << 6 | n << 3 | d;     /* adds, subs of three */
	case 10: return below(p, 3) << 11 | below(p, 32) << 6 | m << 3 | d;  /* lsls, lsrs, asrs */
	default: return 0x2000u | below(p, 4) << 11 | d << 8 | below(p, 256); /* movs, cmp, adds, subs */
	}
}

uint32_t program_substitute(struct program *p)
{
	switch (below(p, 10)) {
	case 0: return p->thumb ? 0x4770u : A32_BX_LR;
	case 1: return p->thumb ? 0xd000u | below(p, 14) << 8 : below(p, 14) << 28 | 0x0a000000u;
	default: return p->thumb ? plain_thumb(p) : plain_arm(p);
	}
}

static void plain(struct program *p, uint32_t n)
{
	for (; n; n--) {
		p->place[p->n_places++ % PLACES] = p->at;
		put(p, p->thumb ? 0 : plain_arm(p), p->thumb ? plain_thumb(p) : 0);
	}
}

/* One that may abort, and one that sets flags: all, or N and Z. */
static void put_access(struct program *p)
{
	uint32_t d = value(p), k = below(p, 8);
	put(p, a_ldr(d, PTR, (int32_t)(4 * k)), 0x6800u | k << 6 | PTR << 3 | d);
}

static void put_flags(struct program *p)
{
	uint32_t d = value(p), n = below(p, 256), all = below(p, 3);
	put(p, all ? a_subs(d, d, n) : a_dp(MOV, 1, d, 0, I_BIT | n), (all ? 0x3800u : 0x2000u) | d << 8 | n);
}

/* Between some interrupts: stores another instruction to a site. */
static void rewrite(struct program *p)
{
	uint32_t row = 2 * below(p, SITES);
	put(p, a_dp(TST, 1, 0, 12, I_BIT | a_imm(0x1c0)), 0x4664u); /* movs r4, r12; lsls r4, #23; lsrs r4, #29 */
	if (p->thumb) {
		half(p, 0x05e4u);
		half(p, 0x0f64u);
	}
	put(p, a_ldr(4, TABLE, (int32_t)(4 * row)), 0x6800u | row << 6 | TABLE << 3 | 4);
	put(p, a_ldr(5, TABLE, (int32_t)(4 * row + 4)), 0x6800u | (row + 1) << 6 | TABLE << 3 | 5);
	if (p->thumb)
		hop(p, NE, 1);
	put(p, a_if(EQ, a_str(5, 4, 0)), 0x8025u); /* strh r5, [r4] */
}

/* ---- functions ------------------------------------------------------------------------------------ */

/* What a function has pushed: nothing, lr, r1 and lr, r0, r1 and lr. */
enum frame { NO_FRAME, LR_ONLY, ONE_MORE, TWO_MORE };

static uint32_t list_of(enum frame frame)
{
	return frame == TWO_MORE ? 3 : frame == ONE_MORE ? 2 : 0;
}

static void prologue(struct program *p, enum frame frame)
{
	if (frame == LR_ONLY && !p->thumb && below(p, 2))
		word(p, 0xe52de004u); /* str lr, [sp, #-4]! */
	else if (frame)
		put(p, 0xe92d4000u | list_of(frame), 0xb500u | list_of(frame));
}

/* Returns; conditional ones in ARM code, in Thumb code behind a branch. */
static void epilogue(struct program *p, enum frame frame, unsigned cond)
{
	uint32_t list = list_of(frame);
	if (cond == AL && below(p, 3) == 0) /* flags that the caller may look at */
		put(p, a_cmp(below(p, 2), below(p, 8)), 0x2800u | below(p, 2) << 8 | below(p, 8));
	if (p->thumb) {
		bool by_register = frame && below(p, 3) == 0;
		if (cond != AL)
			hop(p, cond ^ 1, by_register ? (list ? 3 : 2) : 1);
		if (by_register && list)
			half(p, 0xbc00u | list);
		if (by_register) {
			half(p, 0xbc04u); /* pop {r2}; bx r2 */
			half(p, 0x4710u);
		} else {
			half(p, frame ? 0xbd00u | list : below(p, 2) ? 0x4770u : 0x46f7u); /* pop, bx lr, mov pc, lr */
		}
	} else if (!frame) {
		word(p, a_if(cond, below(p, 2) ? A32_BX_LR : a_movr(PC, LR)));
	} else if (below(p, 4) == 0) {
		word(p, a_if(cond, 0xe8bd4000u | list)); /* pop {.., lr}; bx lr */
		word(p, a_if(cond, A32_BX_LR));
	} else {
		word(p, a_if(cond, frame == LR_ONLY && below(p, 2) ? 0xe49df004u : 0xe8bd8000u | list)); /* ldr pc, [sp], #4; pop {.., pc} */
	}
}

/* To an instruction further on, or, in ARM code, the one after the next one from here. */
static void change_lr(struct program *p, unsigned cond)
{
	put(p, a_if(cond, below(p, 4) ? a_add(LR, LR, 4) : a_movr(LR, PC)), 0x4671u); /* mov r1, lr; adds r1, #4; mov lr, r1 */
	if (p->thumb) {
		half(p, 0x3104u);
		half(p, 0x468eu);
	}
}

/* The function returns a little further on, or to another function. */
static void return_elsewhere(struct program *p, enum frame frame, unsigned cond)
{
	uint32_t slot = frame == TWO_MORE ? 2 : frame == ONE_MORE;
	if (p->thumb)
		hop(p, cond ^ 1, 3);
	if (!frame) {
		change_lr(p, cond);
		return;
	}
	put(p, a_if(cond, a_ldr(1, SP, (int32_t)(4 * slot))), 0x9900u | slot);
	if (below(p, 4))
		put(p, a_if(cond, a_add(1, 1, 4)), 0x3104u);
	else
		put(p, a_if(cond, a_ldr(1, TABLE, SP_AT + 4)), 0x6800u | (SP_AT + 4) / 4 % 32 << 6 | TABLE << 3 | 1);
	put(p, a_if(cond, a_str(1, SP, (int32_t)(4 * slot))), 0x9100u | slot);
}

static void inner_loop(struct program *p)
{
	put(p, a_mov(2, 1 + below(p, 6)), 0x2200u | (1 + below(p, 6)));
	uint32_t loop = p->at;
	plain(p, 1 + below(p, 3));
	put(p, a_subs(2, 2, 1), 0x3a01u);
	branch(p, NE, loop);
}

/* Calls itself three to eight deep, once or twice each time. */
static void recursive_function(struct program *p, uint32_t self)
{
	uint32_t shift = below(p, 2) ? 15 : 4;
	put(p, 0xe92d4004u, 0xb504u); /* push {r2, lr} */
	put(p, a_dp(MOV, 1, 2, 0, 2 | shift << 7 | 1 << 5), 0x0812u | shift << 6); /* lsrs r2, # */
	for (uint32_t n = 1 + below(p, 2); n; n--) {
		plain(p, below(p, 3));
		if (p->rewrites && below(p, 4) == 0)
			rewrite(p);
		put(p, a_dp(MOV, 1, 2, 0, 2), 0x2a00u); /* movs r2, r2; cmp r2, #0 */
		bl(p, NE, self);
	}
	plain(p, below(p, 3));
	put(p, 0xe8bd8004u, 0xbd04u);
}

/* A function calls another, or by a register what the table says. */
static void nested_call(struct program *p)
{
	uint32_t slot = SP_AT + 4;
	if (below(p, 4)) {
		put_flags(p);
		bl(p, below(p, 2) ? AL : below(p, 14), p->start[below(p, p->n_functions)]);
		if (below(p, 2))
			hop(p, below(p, 14), 1);
		return;
	}
	put(p, a_ldr(1, TABLE, (int32_t)slot), 0x6800u | slot / 4 % 32 << 6 | TABLE << 3 | 1);
	put(p, 0xe12fff31u, 0x4788u); /* blx r1 */
}

static void body_item(struct program *p, enum frame frame)
{
	switch (below(p, 11)) {
	case 0: inner_loop(p); break;
	case 9: case 10:
		if (frame)
			nested_call(p);
		break;
	case 1: epilogue(p, frame, below(p, 14)); break;
	case 2:
		if (below(p, 2))
			return_elsewhere(p, frame, below(p, 14));
		break;
	case 3: hop(p, below(p, 14), 1 + below(p, 2)); plain(p, 2); break;
	case 4:
		if (p->rewrites)
			rewrite(p);
		break;
	default: plain(p, 1 + below(p, 4)); break;
	}
}

static void function(struct program *p, uint32_t k)
{
	enum frame frame = (enum frame)below(p, 4);
	uint32_t other = p->start[below(p, p->n_functions)], kind = below(p, 16);
	if (kind == 0 || (p->nested && kind < 9)) {
		recursive_function(p, p->start[k]);
		return;
	}
	prologue(p, frame);
	if (below(p, 3) == 0) { /* what the caller owes it is seen, and no longer needed */
		put_access(p);
		put_flags(p);
	}
	for (uint32_t n = below(p, p->small ? 2 : 4); n; n--)
		body_item(p, frame);
	if (p->nested && frame)
		nested_call(p);
	if (kind == 1 && frame) {
		bl(p, AL, other);
	} else if (kind == 4 && !frame && !p->thumb) {
		word(p, 0xe51ff004u); /* ldr pc, [pc, #-4] */
		word(p, other);
	} else if (kind <= 3 && !frame) { /* another function returns for it */
		if (p->thumb && other - p->at + 0x700 > 0xe00)
			half(p, 0x4770u);
		else
			branch(p, !p->thumb && below(p, 2) ? below(p, 14) : AL, other);
	}
	epilogue(p, frame, AL);
}

/* Written once to see how long it is, so that some end where a page does, and once where it lies. */
static void place_function(struct program *p, uint32_t k, uint32_t seed)
{
	uint32_t rng = p->rng, page = CODE + 0x1000 * ((p->small ? k + 1 : below(p, PAGES)) % p->pages), at = page + 0x200 + 0x160 * k;
	bool at_end = below(p, 3) == 0;
	p->rng = seed;
	p->at = CODE + PAGES * 0x1000; /* nowhere */
	p->start[k] = p->at;
	function(p, k);
	uint32_t size = p->at - p->start[k];
	p->rng = rng;
	if (at_end) /* the last in, or over the end of, a page; two there would share instructions, which is as well */
		at = page + 0x1000 - (below(p, 2) ? size : 4 * (1 + below(p, 12)));
	p->start[k] = at;
}

/* ---- callers -------------------------------------------------------------------------------------- */

static uint32_t some_function(struct program *p)
{
	return p->start[below(p, p->n_functions)];
}

/* What a caller calls: often the next one, or some, by one of its addresses. */
static uint32_t callee(struct program *p, uint32_t k)
{
	uint32_t f = p->small ? p->start[k % p->n_functions] : some_function(p);
	return p->aliases && below(p, 4) == 0 ? f + ALIAS : f;
}

/* A loop of calls, with flags that live across them. */
static void loop_of_calls(struct program *p)
{
	uint32_t turns = 1 + below(p, p->small ? 60 : 12), k = below(p, FUNCTIONS);
	put(p, a_mov(3, turns), 0x2300u | turns);
	uint32_t loop = p->at;
	for (uint32_t n = 1 + below(p, p->small ? 6 : 3); n; n--) {
		bool flags = below(p, 2);
		plain(p, below(p, 3));
		if (flags)
			put_flags(p);
		bl(p, below(p, 3) ? AL : below(p, 14), callee(p, k++));
		if (below(p, 3) == 0)
			hop(p, below(p, 14), 1); /* by flags of the function */
		if (flags)
			put_access(p);
		else
			plain(p, 1);
		if (p->rewrites && below(p, 4) == 0)
			rewrite(p);
	}
	if (below(p, 8) == 0)
		bl(p, AL, p->at + 4); /* what comes behind it, as a function */
	put(p, a_subs(3, 3, 1), 0x3b01u);
	branch(p, NE, loop);
}

static void callers(struct program *p)
{
	p->at = CODE;
	put(p, a_ldr(1, TABLE, SP_AT), 0x6800u | SP_AT / 4 % 32 << 6 | TABLE << 3 | 1);
	put(p, a_movr(SP, 1), 0x468du);
	for (uint32_t n = 1 + below(p, 3); n; n--) {
		loop_of_calls(p);
		if (p->rewrites && below(p, 4))
			rewrite(p);
	}
	put(p, a_bx(AGAIN), 0x4700u | AGAIN << 3);
}

static void put_functions(struct program *p)
{
	uint32_t x = p->rng;
	p->n_functions = 2 + below(p, FUNCTIONS - 2);
	for (uint32_t k = 0; k < p->n_functions; k++)
		place_function(p, k, x + 77 * k);
	p->n_places = p->n_words = 0;
	for (uint32_t k = 0; k < p->n_functions; k++) {
		uint32_t y = p->rng;
		p->rng = x + 77 * k;
		p->at = p->start[k];
		function(p, k);
		p->rng = y;
	}
	callers(p);
}

/* ---- any code ------------------------------------------------------------------------------------- */

static uint32_t somewhere(struct program *p)
{
	const struct chunk *c = &p->chunk[below(p, 2 * p->pages)];
	return c->at + insn_size(p) * below(p, c->n);
}

static void wild_return(struct program *p)
{
	unsigned cond = below(p, 2) ? AL : below(p, 14);
	if (!p->thumb && below(p, 4) == 0)
		word(p, a_if(cond, 0xe49df004u));
	else
		epilogue(p, (enum frame)below(p, 3), cond);
}

/* Branches go a little back or on, calls anywhere, and sometimes to what comes behind them. */
static void wild_insn(struct program *p)
{
	unsigned cond = below(p, 2) ? AL : below(p, 14);
	switch (below(p, 20)) {
	case 0: case 1: case 2: bl(p, cond, below(p, 8) ? somewhere(p) : p->at + 4 * below(p, 3)); break;
	case 3: case 4: wild_return(p); break;
	case 5: prologue(p, (enum frame)below(p, 3)); break;
	case 6: case 7: branch(p, below(p, 14), p->at + insn_size(p) * (below(p, 16) - 8)); break;
	case 8: change_lr(p, cond); break;
	case 9:
		if (p->rewrites)
			rewrite(p);
		break;
	default: plain(p, 1); break;
	}
}

static void put_wild(struct program *p)
{
	for (uint32_t k = 0; k < 2 * p->pages; k++) {
		uint32_t page = CODE + 0x1000 * (k / 2), n = 8 + below(p, 32);
		p->chunk[k] = (struct chunk){k % 2 ? page + 0x1000 - n * insn_size(p) : k ? page : CODE, n};
	}
	for (uint32_t k = 0; k < 2 * p->pages; k++)
		for (p->at = p->chunk[k].at; p->at < p->chunk[k].at + p->chunk[k].n * insn_size(p);)
			wild_insn(p);
}

/* ---- a program ------------------------------------------------------------------------------------ */

uint32_t program_somewhere(struct program *p)
{
	return (p->wild ? somewhere(p) : some_function(p)) | p->thumb;
}

uint32_t program_site(struct program *p)
{
	if (p->n_words && below(p, 3) == 0) {
		uint32_t at = p->word[below(p, p->n_words)];
		if (at - CODE < sizeof p->code)
			return at;
	}
	return p->place[below(p, MAX(p->n_places, 1u))];
}

void program_vary(struct program *p)
{
	for (uint32_t k = 0; k < p->n_places; k++)
		if (below(p, 3) == 0) {
			uint32_t insn = program_substitute(p);
			p->at = p->place[k];
			put(p, insn, insn);
		}
}

void program_make(struct program *p, uint32_t seed, unsigned kind)
{
	*p = (struct program){.rng = seed * 2654435761u + 1, .thumb = kind & THUMB, .wild = kind & WILD, .nested = kind & NESTED, .aliases = kind & MMU};
	p->rewrites = below(p, 5) < (p->nested ? 4 : 3);
	p->small = below(p, 2);
	p->pages = p->small ? 2 + below(p, PAGES - 1) : 1 + below(p, PAGES);
	for (uint32_t k = 0; k < ARRAY_LEN(p->code); k++) /* what is nothing else starts again */
		p->code[k] = p->thumb ? 0x4700u | AGAIN << 3 : (uint16_t)(a_bx(AGAIN) >> 16 * (k & 1));
	if (p->wild)
		put_wild(p);
	else
		put_functions(p);
	p->n_places = MIN(p->n_places, PLACES);
	p->n_words = MIN(p->n_words, PLACES);
}
