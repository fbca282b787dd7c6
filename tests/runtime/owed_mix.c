/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All that flags go through, mixed: two random functions, called from a loop of random code, ARM or Thumb, with conditions on anything and chains of
 * conditional compares, short branches, accesses that abort, returns that are conditional, go elsewhere, or abort with all flags owed; under interrupts. Handlers and whoever is
 * returned to look at flags, the abort's handler at registers, too. A failure means that somebody saw flags or registers that are not those of
 * the guest. RHEA_SEED=n replays one, RHEA_COUNT=n runs so many from there.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/runtime/agree.h"
#include "tests/runtime/owed_guest.h"

#define ABORT_HANDLER 0x300u
#define FUNCTION 0x10400u
#define FUNCTION_BYTES 0x200u
#define ELSEWHERE 0x10800u
#define TO_ELSEWHERE 10u /* the register */
#define POP 0xe8bd8030u  /* pop {r4, r5, pc} */

enum { THUMB = 1, POP_ABORTS = 2 }; /* kinds */

#define ONE_OF(x, ...) \
	(((const uint32_t[]){__VA_ARGS__})[agree_below((x), sizeof((const uint32_t[]){__VA_ARGS__}) / sizeof(uint32_t))])

struct mix {
	struct guest *g;
	uint32_t *x;
	bool thumb, half; /* half: the lower half of the next word is there */
	uint16_t lower;
	uint32_t cond;    /* the last one */
};

static uint32_t below(struct mix *m, uint32_t n)
{
	return agree_below(m->x, n);
}

static void put(struct mix *m, uint32_t insn)
{
	if (!m->thumb)
		guest_put(m->g, insn);
	else if (m->half)
		guest_put(m->g, m->lower | insn << 16);
	m->half = m->thumb && !m->half;
	m->lower = (uint16_t)insn;
}

static uint32_t at(const struct mix *m)
{
	return m->g->at + 2 * m->half;
}

/* One after the other often asks the same, or the opposite. */
static uint32_t condition(struct mix *m)
{
	uint32_t k = below(m, 4);
	return m->cond = k < 2 ? m->cond ^ k : below(m, 14);
}

/* ---- ARM ---- */

static uint32_t arm_operation(struct mix *m, uint32_t cond, uint32_t kind)
{
	uint32_t d = below(m, 6), n = below(m, 2) ? d : below(m, 6), s = below(m, 6);
	uint32_t k = I_BIT | ONE_OF(m->x, 0, 1, 2, 3, 5, 0x7f, 0x80, 0xff, 0x102, 0xc7f, 0xc80, 0xb02);
	uint32_t by = below(m, 3) ? k : below(m, 3) ? s : s | below(m, 32) << 7 | below(m, 4) << 5;
	uint32_t op = ONE_OF(m->x, AND, EOR, SUB, SUB, SUB, RSB, ADD, ADD, ADC, SBC, ORR, MOV, BIC);
	if (kind < 3)
		return a_if(cond, a_dp(ONE_OF(m->x, CMP, CMP, CMP, CMN, TST, TEQ), 1, 0, d, by));
	return a_if(cond, a_dp(op, kind < 5, d, op == MOV ? 0 : n, by));
}

/* Shifts 64 bits up by one, as compilers do. */
static void arm_double(struct mix *m)
{
	uint32_t low = below(m, 6), high = below(m, 6), d = below(m, 6);
	put(m, a_dp(ADD, 1, low, low, low));
	put(m, a_dp(MOV, 0, d, 0, high | 31 << 7 | 2 << 5));
	put(m, a_dp(ORR, 0, low, low, d | 31 << 7 | 1 << 5));
	put(m, a_dp(ADC, below(m, 3) == 0, high, high, high));
}

/* Compares under a condition, and what they are for: mostly where the condition failed, too. */
static void arm_chain(struct mix *m)
{
	uint32_t cond = ONE_OF(m->x, EQ, NE, below(m, 14)), then = ONE_OF(m->x, cond, cond ^ 1, cond ^ 1, NE);
	put(m, arm_operation(m, AL, 0));
	put(m, arm_operation(m, cond, 0));
	if (below(m, 3) == 0)
		put(m, arm_operation(m, cond, below(m, 5)));
	put(m, a_if(then, below(m, 2) ? a_ldr(below(m, 6), PTR, 0) : a_ldrb(below(m, 6), PTR, 1)));
	put(m, arm_operation(m, below(m, 3) ? then : condition(m), below(m, 7)));
}

static void arm_any(struct mix *m, bool branches)
{
	uint32_t kind = below(m, branches ? 14 : 10), d = below(m, 6), cond = below(m, 5) ? AL : condition(m);
	if (kind == 6 && below(m, 2))
		arm_chain(m);
	else if (kind < 7)
		put(m, arm_operation(m, cond, kind));
	else if (kind == 7)
		put(m, a_if(below(m, 2) ? AL : cond, below(m, 2) ? a_ldr(d, PTR, 0) : a_ldrb(d, PTR, 1)));
	else if (kind == 8)
		put(m, below(m, 2) ? a_ldrb(d, DAT, 2) : a_str(d, DAT, 128 + 4 * (int)below(m, 3)));
	else if (kind == 9 && below(m, 3) == 0)
		arm_double(m);
	else if (kind == 9)
		put(m, ONE_OF(m->x, 0xe1d000b0u /* ldrh */, 0xe1d000f0u, 0xe1d000d0u) | DAT << 16 | d << 12);
	else if (kind == 10)
		put(m, 0xeaffffffu); /* to what comes next */
	else
		put(m, condition(m) << 28 | 0x0a000000u | below(m, 3));
}

/* ---- Thumb ---- */

static uint32_t thumb_any(struct mix *m, bool branches)
{
	uint32_t d = below(m, 6), n = below(m, 6), s = below(m, 2) ? d : below(m, 6), k = ONE_OF(m->x, 0, 1, 2, 3, 5, 0x7f, 0x80, 0xff);
	uint32_t high = below(m, 2) ? 12u : n;
	switch (below(m, branches ? 14 : 12)) {
	case 0: case 1: return 0x2800u | d << 8 | k; /* cmp */
	case 2: case 3: case 4: return ONE_OF(m->x, 0x2000u, 0x3000u, 0x3800u) | d << 8 | k; /* mov, add, sub */
	case 5: return 0x1800u | below(m, 4) << 9 | s << 6 | n << 3 | d;
	case 6: return below(m, 3) << 11 | below(m, 32) << 6 | n << 3 | d; /* shift */
	case 7: case 8: return 0x4000u | ONE_OF(m->x, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 10, 11, 12, 13, 14, 15) << 6 | n << 3 | d;
	case 9: return 0x4280u | n << 3 | d; /* cmp */
	case 10: return ONE_OF(m->x, 0x4600u, 0x4400u) | high << 3 | d;
	case 11: return ONE_OF(m->x, 0x6800u | PTR << 3, 0x7800u | PTR << 3, 0x7800u | DAT << 3, 0x8800u | DAT << 3, 0x6000u | DAT << 3 | 31 << 6) | d;
	case 12: return 0xe7ffu; /* to what comes next */
	default: return 0xd000u | condition(m) << 8 | below(m, 4);
	}
}

/* ---- both ---- */

static void any(struct mix *m, uint32_t most, bool branches)
{
	for (uint32_t n = below(m, most + 1); n; n--) {
		if (m->thumb)
			put(m, thumb_any(m, branches));
		else
			arm_any(m, branches);
	}
	for (uint32_t n = 0; n < 4 && branches; n++)
		put(m, m->thumb ? 0x46c0u : A32_NOP);
}

static void branch_back(struct mix *m, uint32_t top)
{
	if (m->thumb)
		put(m, 0xd000u | condition(m) << 8 | ((top - at(m) - 4) >> 1 & 0xffu));
	else
		put(m, a_if(condition(m), a_b(at(m), top)));
}

/* Sometimes the return address is another one. */
static void replace_return(struct mix *m)
{
	uint32_t bits = ONE_OF(m->x, 3, 7, 14, 28);
	if (m->thumb) {
		put(m, 0x2100u | bits);                 /* movs r1 */
		put(m, 0x4208u | (below(m, 2) ? 2 : 1)); /* tst r0 or r2, r1 */
		put(m, 0xd000u | condition(m) << 8 | 1u);
		put(m, 0x4601u | TO_ELSEWHERE << 3);
		put(m, 0x9102u); /* str r1, [sp, #8] */
	} else {
		put(m, a_dp(TST, 1, 0, below(m, 2) ? 12 : 0, I_BIT | bits));
		put(m, a_if(condition(m), a_str(TO_ELSEWHERE, GOOD, 8)));
	}
}

static void put_function(struct mix *m, uint32_t start, bool pop_aborts)
{
	guest_org(m->g, start);
	m->half = false;
	put(m, m->thumb ? 0x46c5u : a_add(SP, GOOD, 12)); /* mov sp, r8; add sp, #12 */
	if (m->thumb)
		put(m, 0xb003u);
	put(m, m->thumb ? 0xb530u : 0xe92d4030u); /* push {r4, r5, lr} */
	uint32_t top = at(m);
	if (below(m, 2))
		replace_return(m);
	any(m, 8, true);
	if (below(m, 3) == 0)
		branch_back(m, top);
	if (pop_aborts)
		put(m, m->thumb ? 0x46bdu : a_movr(SP, PTR));
	any(m, 4, false);
	if (!m->thumb && below(m, 3) == 0)
		put(m, a_if(condition(m), POP));
	if (below(m, 3) == 0)
		any(m, 1, false);
	put(m, m->thumb ? 0xbd30u : POP);
	if (m->half)
		put(m, 0x46c0u);
}

static void call(struct mix *m, uint32_t to)
{
	uint32_t off = to - (at(m) + 4);
	if (m->thumb) {
		put(m, 0xf000u | (off >> 12 & 0x7ffu));
		put(m, 0xf800u | (off >> 1 & 0x7ffu));
	} else {
		put(m, a_if(below(m, 6) ? AL : condition(m), a_bl(at(m), to)));
	}
}

static void put_loop(struct mix *m)
{
	guest_org(m->g, OWED_CODE);
	m->half = false;
	for (unsigned k = 0; k < 3; k++) {
		any(m, 4, true);
		call(m, FUNCTION + below(m, 2) * FUNCTION_BYTES);
		any(m, 1, false);
	}
	if (m->thumb)
		put(m, 0xe000u | ((OWED_CODE - at(m) - 4) >> 1 & 0x7ffu));
	else
		put(m, a_b(at(m), OWED_CODE));
	if (m->half)
		put(m, 0x46c0u);
}

/* Shows the flags, and goes on in the loop. */
static void put_elsewhere(struct mix *m)
{
	guest_org(m->g, ELSEWHERE);
	guest_put(m->g, a_mrs(1));
	guest_put(m->g, a_dp(EOR, 0, 3, 1, 3 | 1 << 7));
	guest_put(m->g, a_if(below(m, 14), a_eor(5, 5, 0x80)));
	guest_li(m->g, 1, OWED_CODE | m->thumb);
	guest_put(m->g, a_bx(1));
}

/* Does the access once more, where there is memory. */
static void put_abort_handler(struct guest *g)
{
	guest_vector(g, 0x10, ABORT_HANDLER);
	guest_org(g, ABORT_HANDLER);
	guest_put(g, a_str(LR, IO, IO_LOG));
	owed_log_registers(g);
	guest_put(g, a_movr(PTR, GOOD));
	guest_put(g, a_dp(EOR, 0, 2, 2, 12));
	guest_put(g, a_dp(EOR, 0, 3, 3, 12 | 25 << 7));
	guest_put(g, 0xe14fd000u); /* mrs sp, spsr */
	guest_put(g, a_str(SP, IO, IO_LOG));
	guest_put(g, a_msr_c(0xd3));
	guest_put(g, a_movr(SP, GOOD));
	guest_put(g, a_msr_c(0xd7));
	guest_put(g, 0xe25ef008u); /* subs pc, lr, #8 */
}

static void put_guest(struct guest *g, uint32_t seed, unsigned kind)
{
	uint32_t rng = seed * 2654435761u + 1;
	struct mix m = {.g = g, .x = &rng, .thumb = kind & THUMB};
	owed_put_handlers(g);
	put_abort_handler(g);
	put_function(&m, FUNCTION, kind & POP_ABORTS);
	put_function(&m, FUNCTION + FUNCTION_BYTES, kind & POP_ABORTS);
	put_loop(&m);
	put_elsewhere(&m);
	owed_put_registers(g, &rng, seed);
	guest_li(g, BAD, GUEST_IO + IO_BAD - (kind & POP_ABORTS ? 4 * below(&m, 3) : 0)); /* at any of the three */
	guest_li(g, TO_ELSEWHERE, ELSEWHERE);
	guest_put(g, a_msr_c(0x53));
	guest_put(g, a_movr(SP, GOOD));
	guest_li(g, LR, OWED_CODE | m.thumb);
	guest_put(g, a_bx(LR));
}

static void check(unsigned kind)
{
	agree_check(&(struct agree){.put = put_guest, .kind = kind, .count = 30, .steps = 4000, .piece = {4000, 211, 61}});
}

static void arm_code_agrees(void **state)
{
	(void)state;
	check(0);
}

static void thumb_code_agrees(void **state)
{
	(void)state;
	check(THUMB);
}

static void arm_code_agrees_where_returns_abort(void **state)
{
	(void)state;
	check(POP_ABORTS);
}

static void thumb_code_agrees_where_returns_abort(void **state)
{
	(void)state;
	check(THUMB | POP_ABORTS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(arm_code_agrees),
		cmocka_unit_test(thumb_code_agrees),
		cmocka_unit_test(arm_code_agrees_where_returns_abort),
		cmocka_unit_test(thumb_code_agrees_where_returns_abort),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
