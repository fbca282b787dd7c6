/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Loops that use registers which live in memory more than others, so that regions give them other homes (decision 024): random loops of arithmetic,
 * loads, stores, calls and reads of the flags, on registers that the seed chooses, with accesses that abort, devices and interrupts between.
 * Handlers log what they find. A failure means that somebody saw a register where it was not: at a fault, in a slow path, behind an exit,
 * in a helper or after a call came back. RHEA_SEED=n replays one, RHEA_COUNT=n runs so many from there.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "tests/runtime/agree.h"

#define CODE 0x10000u
#define WORDS 80u
#define LEAF 0x11000u
#define CALLER 0x11100u
#define DATA 0x100000u
#define IRQ_HANDLER 0x200u
#define ABORT_HANDLER 0x280u
#define STEPS 4000u

/* What registers are for; which they are is up to the seed. MAY_ABORT is as GOOD or, from an interrupt to the next abort, an address that aborts. */
enum role { VALUE, PTR = 4, MAY_ABORT = 6, GOOD, IO, BACK, DELAY, N_ROLES };

struct program {
	uint32_t x;
	uint8_t reg[13];
};

static unsigned value(struct program *p)
{
	return p->reg[VALUE + agree_below(&p->x, 4)];
}

static unsigned pointer(struct program *p)
{
	static const uint8_t role[] = {PTR, PTR, PTR + 1, PTR + 1, GOOD, MAY_ABORT};
	return p->reg[role[agree_below(&p->x, ARRAY_LEN(role))]];
}

/* In half of the programs what has a home anyway is used least. */
static void choose_registers(struct program *p)
{
	for (unsigned k = 0; k < 13; k++)
		p->reg[k] = (uint8_t)(12 - k);
	for (unsigned n = agree_below(&p->x, 2) ? 5 : 13, k = n; k > 1; k--) {
		unsigned other = agree_below(&p->x, k);
		uint8_t r = p->reg[k - 1];
		p->reg[k - 1] = p->reg[other];
		p->reg[other] = r;
	}
}

static uint32_t arithmetic(struct program *p)
{
	static const uint8_t op[] = {ADD, EOR, SUB, ADC, SBC, ORR, RSB, BIC};
	unsigned rotated = agree_below(&p->x, 3) ? 0 : agree_below(&p->x, 32) << 7;
	return a_dp(op[agree_below(&p->x, ARRAY_LEN(op))], agree_below(&p->x, 3) == 0, value(p), value(p), value(p) | rotated);
}

static uint32_t access(struct program *p)
{
	uint32_t offset = 4 * agree_below(&p->x, 8);
	unsigned to = p->reg[PTR + agree_below(&p->x, 2)];
	switch (agree_below(&p->x, 12)) {
	case 0: return a_ldr(value(p), p->reg[IO], IO_NOW);
	case 1: return a_str(value(p), p->reg[IO], IO_LOG);
	case 2: return a_add(to, p->reg[GOOD], offset);
	case 3: return a_add(to, to, agree_below(&p->x, 5) ? 4 : 2);
	case 4: return a_strb(value(p), pointer(p), (int32_t)offset);
	case 5: return a_ldrb(value(p), pointer(p), (int32_t)offset);
	case 6: case 7: case 8: return a_str(value(p), pointer(p), (int32_t)offset);
	default: return a_ldr(value(p), pointer(p), (int32_t)offset);
	}
}

static uint32_t insn(struct program *p, uint32_t at, uint32_t k)
{
	uint32_t cond = agree_below(&p->x, 6) ? AL : agree_below(&p->x, 14);
	if (k % 8 == 7)
		return a_bcond(agree_below(&p->x, 14), at, at - 4 * (k > 8 && !agree_below(&p->x, 3) ? 15u : 7u));
	if (agree_below(&p->x, 12) == 0)
		return a_bcond(agree_below(&p->x, 14), at, at + 8 + 4 * agree_below(&p->x, 3));
	switch (agree_below(&p->x, 20)) {
	case 0: return a_bl(at, LEAF);
	case 1: return a_bl(at, CALLER);
	case 2: return 0xe10f0000u | value(p) << 12;  /* mrs rd, cpsr */
	case 3: return 0xe128f000u | value(p);        /* msr cpsr_f, rn */
	case 4: return a_subs(value(p), value(p), agree_below(&p->x, 4));
	case 5: return a_cmp(value(p), agree_below(&p->x, 200));
	case 6: return 0xe1000050u | value(p) << 16 | value(p) << 12 | value(p); /* qadd */
	case 7: case 8: case 9: case 10: case 11: case 12: return a_if(cond, access(p));
	default: return a_if(cond, arithmetic(p));
	}
}

static void put_functions(struct guest *g, struct program *p)
{
	guest_org(g, LEAF);
	guest_put(g, arithmetic(p));
	guest_put(g, access(p));
	guest_put(g, A32_BX_LR);
	guest_org(g, CALLER);
	guest_put(g, a_movr(p->reg[BACK], LR));
	guest_put(g, a_bl(g->at, LEAF));
	guest_put(g, arithmetic(p));
	guest_put(g, a_movr(PC, p->reg[BACK]));
}

static void put_handlers(struct guest *g, const struct program *p)
{
	unsigned delay = p->reg[DELAY];
	guest_vector(g, 0x18, IRQ_HANDLER);
	guest_org(g, IRQ_HANDLER);
	guest_put(g, a_str(LR, p->reg[IO], IO_LOG));
	guest_put(g, a_str(SP, p->reg[IO], IO_ACK));
	guest_put(g, a_add(p->reg[MAY_ABORT], p->reg[IO], IO_BAD));
	guest_put(g, a_dp(ADD, 0, delay, delay, delay | 2 << 7)); /* the next one comes after 15 to 142 instructions */
	guest_put(g, a_add(delay, delay, 1));
	guest_put(g, a_dp(AND, 0, SP, delay, I_BIT | 127));
	guest_put(g, a_add(SP, SP, 15));
	guest_put(g, a_str(SP, p->reg[IO], IO_TIMER));
	guest_put(g, A32_IRQ_RETURN);
	guest_vector(g, 0x10, ABORT_HANDLER);
	guest_org(g, ABORT_HANDLER);
	guest_put(g, a_str(LR, p->reg[IO], IO_LOG));
	guest_put(g, 0xe14fd000u); /* mrs sp, spsr */
	guest_put(g, a_str(SP, p->reg[IO], IO_LOG));
	for (unsigned n = 0; n < 13; n++)
		guest_put(g, a_str(n, p->reg[IO], IO_LOG));
	guest_put(g, a_movr(p->reg[MAY_ABORT], p->reg[GOOD]));
	guest_put(g, A32_IRQ_RETURN);
}

static void put_guest(struct guest *g, uint32_t seed, unsigned kind)
{
	struct program p = {.x = seed * 2654435761u + 1};
	(void)kind;
	choose_registers(&p);
	put_handlers(g, &p);
	put_functions(g, &p);
	guest_org(g, DATA);
	for (unsigned k = 0; k < 64; k++)
		guest_put(g, agree_below(&p.x, 1u << 16) << 16 | agree_below(&p.x, 1u << 16));
	guest_org(g, CODE);
	for (uint32_t k = 0; k < WORDS; k++)
		guest_put(g, insn(&p, g->at, k));
	guest_put(g, a_b(g->at, CODE));
	guest_org(g, 0x1000);
	guest_set_pc(g, 0x1000);
	for (unsigned n = 0; n < 13; n++)
		guest_li(g, n, agree_below(&p.x, 1000));
	for (unsigned n = PTR; n <= GOOD; n++)
		guest_li(g, p.reg[n], DATA + 64);
	guest_put(g, a_mov(p.reg[IO], GUEST_IO));
	guest_put(g, a_mov(LR, 100));
	guest_put(g, a_str(LR, p.reg[IO], IO_TIMER));
	guest_put(g, a_msr_c(0x53));
	guest_put(g, a_mov(LR, CODE));
	guest_put(g, a_bx(LR));
}

static void every_way_agrees(void **state)
{
	(void)state;
	agree_check(&(struct agree){.put = put_guest, .count = 30, .steps = STEPS, .piece = {1000000, 61, 3}});
}

static void regions_agree(void **state)
{
	(void)state;
	agree_check(&(struct agree){.put = put_guest, .count = 100, .steps = STEPS, .piece = {1000000, 61, 7}, .regions = true});
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_way_agrees),
		cmocka_unit_test(regions_agree),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
