/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Flags that blocks owe each other (frontend-arm/owed.h): random loops of flag-setting instructions, branches and loads
 * that may abort, in ARM and Thumb, under timer interrupts. The handlers log SPSR, and the run is stopped every few
 * instructions: every way to run must show the same flags each time. A failure means that a fault, an interrupt or a
 * stop saw flags that had not been written. RHEA_SEED=n replays one, RHEA_COUNT=n runs so many from there.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "tests/runtime/agree.h"
#include "tests/runtime/owed_guest.h"

#define WORDS 96u
#define STEPS 5000u

enum code { ARM, THUMB, LOOPS, CHAINS, MIXED, GUARDED, SKIPS, RUNS, DECIDED, OVERWRITES };

/* Distance to another of n instructions, in instructions; a short one most of the time. */
static int32_t away(uint32_t *x, uint32_t at, uint32_t n)
{
	uint32_t to = agree_below(x, 4) ? at + agree_below(x, 12) : agree_below(x, n);
	if (agree_below(x, 3) == 0)
		to = at - agree_below(x, 9);
	return (int32_t)(to < n ? to : 0) - (int32_t)at;
}

static uint32_t arm_insn(uint32_t *x, uint32_t at)
{
	static const uint8_t op[] = {AND, EOR, SUB, RSB, ADD, ADC, SBC, TST, TEQ, CMP, CMN, ORR, MOV, BIC, SUB, CMP, CMP};
	unsigned d = agree_below(x, 6), n = agree_below(x, 6), m = agree_below(x, 6), o = op[agree_below(x, ARRAY_LEN(op))];
	uint32_t cond = agree_below(x, 5) ? AL : agree_below(x, 14), rd = o >= TST && o <= CMN ? 0 : d, s = o >= TST && o <= CMN ? 1 : agree_below(x, 5) < 2;
	switch (agree_below(x, 12)) {
	case 0: case 1: case 2:
		return (0x0a000000u | agree_below(x, 15) << 28) | ((uint32_t)(away(x, at, WORDS) - 2) & 0xffffffu);
	case 3: case 4:
		return a_if(agree_below(x, 2) ? AL : cond, a_ldr(d, agree_below(x, 4) ? PTR : DAT, 0));
	case 5:
		return a_str(d, agree_below(x, 3) ? PTR : DAT, 0);
	case 6: case 7:
		return a_if(cond, a_dp(o, s, rd, o == MOV ? 0 : n, m | (agree_below(x, 3) ? 0 : agree_below(x, 32) << 7 | agree_below(x, 4) << 5)));
	default:
		return a_if(cond, a_dp(o, s, rd, o == MOV ? 0 : n, I_BIT | agree_below(x, 256) | (agree_below(x, 4) ? 0 : agree_below(x, 16) << 8)));
	}
}

static uint32_t thumb_insn(uint32_t *x, uint32_t at)
{
	static const uint8_t alu[] = {0, 1, 2, 5, 6, 8, 9, 10, 10, 11, 12, 13};
	uint32_t d = agree_below(x, 6), n = agree_below(x, 6), m = agree_below(x, 6);
	switch (agree_below(x, 12)) {
	case 0: case 1: case 2:
		return 0xd000u | agree_below(x, 14) << 8 | ((uint32_t)(away(x, at, 2 * WORDS) - 2) & 0xffu);
	case 3:
		return 0xe000u | ((uint32_t)(away(x, at, 2 * WORDS) - 2) & 0x7ffu);
	case 4:
		return 0x6800u | agree_below(x, 16) << 6 | DAT << 3 | d;     /* ldr */
	case 5:
		return 0x6000u | agree_below(x, 2) << 11 | PTR << 3 | d;     /* str, ldr that may abort */
	case 6: case 7:
		return 0x4000u | (uint32_t)alu[agree_below(x, ARRAY_LEN(alu))] << 6 | m << 3 | d;
	case 8:
		return 0x1800u | agree_below(x, 4) << 9 | m << 6 | n << 3 | d; /* adds, subs of three */
	case 9:
		return agree_below(x, 3) << 11 | agree_below(x, 32) << 6 | m << 3 | d; /* lsls, lsrs, asrs */
	default:
		return 0x2000u | agree_below(x, 4) << 11 | d << 8 | agree_below(x, 256); /* movs, cmp, adds, subs */
	}
}

static uint32_t thumb_pair(uint32_t *x, uint32_t at)
{
	uint32_t low = thumb_insn(x, 2 * at);
	return low | thumb_insn(x, 2 * at + 1) << 16;
}

/* Loops of eight instructions, one behind the other. */
static uint32_t loop_insn(uint32_t *x, uint32_t at)
{
	unsigned d = agree_below(x, 4), n = agree_below(x, 4), m = agree_below(x, 4);
	if (at % 8 == 7)
		return (0x0a000000u | agree_below(x, 14) << 28) | (0xffffffu & (0u - 9 + agree_below(x, 3)));
	switch (agree_below(x, 10)) {
	case 0: return a_cmp(n, agree_below(x, 16));
	case 1: return a_dp(CMP, 1, 0, n, m);
	case 2: return a_subs(d, n, agree_below(x, 4));
	case 3: return a_dp(ADD, 1, d, n, m);
	case 4: return a_dp(agree_below(x, 2) ? TST : CMN, 1, 0, n, m);
	case 5: return a_dp(agree_below(x, 2) ? ADC : AND, 1, d, n, m);
	case 6: return a_add(d, n, agree_below(x, 9));
	case 7: return a_if(agree_below(x, 15), a_movr(d, m));
	default: return a_ldr(d, PTR, 0);
	}
}

/* A comparison with a constant, of any width. */
static uint32_t compare_const(uint32_t *x, unsigned n)
{
	if (agree_below(x, 3))
		return a_cmp(n, agree_below(x, 16));
	return agree_below(x, 2) ? a_cmp(n, 0x80000000u) : a_dp(CMP, 1, 0, n, I_BIT | agree_below(x, 16) << 8 | agree_below(x, 256));
}

/* Loops that end in a chain of conditional compares, now and then with an if and else before it, or with other conditions in it. */
static uint32_t chain_insn(uint32_t *x, uint32_t at)
{
	unsigned d = agree_below(x, 4), n = agree_below(x, 4), m = agree_below(x, 4), cond = (at / 8 * 5 + 1) % 14, last = agree_below(x, 3) ? cond : agree_below(x, 14);
	switch (at % 8) {
	case 0: return agree_below(x, 2) ? a_str(d, PTR, 0) : a_ldr(5, PTR, 0); /* aborts while the flags are owed */
	case 1: return agree_below(x, 2) ? compare_const(x, n) : a_subs(d, n, agree_below(x, 4));
	case 2: return a_if(cond ^ 1, agree_below(x, 2) ? a_ldr(d, PTR, 0) : a_str(d, PTR, 0));
	case 3: return a_if(cond, agree_below(x, 2) ? a_str(n, PTR, 0) : a_dp(ADD, agree_below(x, 2), d, n, m));
	case 4: return compare_const(x, n);
	case 5: return a_if(cond, agree_below(x, 2) ? a_dp(agree_below(x, 2) ? CMP : ADC, 1, 0, n, m) : a_cmp(d, agree_below(x, 8)));
	case 6: return a_if(agree_below(x, 4) ? last : AL, agree_below(x, 3) ? a_dp(CMP, 1, 0, d, m) : a_subs(d, n, 1));
	default: return (agree_below(x, 2) ? cond : agree_below(x, 14)) << 28 | 0x0a000000u | (0xffffffu & (0u - 9 + agree_below(x, 3)));
	}
}

/* Thumb loops with an access that may abort, often to a register that the flags follow from, behind nearly every instruction
 * that sets flags. */
static uint32_t mixed_insn(uint32_t *x, uint32_t at)
{
	uint32_t d = agree_below(x, 5), n = agree_below(x, 5), m = agree_below(x, 5);
	if (at % 16 == 15)
		return 0xd000u | agree_below(x, 14) << 8 | (0xffu & (0u - 17 + agree_below(x, 3)));
	switch (agree_below(x, 12)) {
	case 0: case 1: case 2:
		return 0x6800u | PTR << 3 | d;                             /* ldr that may abort */
	case 3:
		return 0x6000u | PTR << 3 | d;                             /* str that may abort */
	case 4:
		return agree_below(x, 2) ? 0x46aau : 0x4600u | n << 3 | d;       /* mov r10, r5; mov */
	case 5: case 6:
		return 0x4000u | agree_below(x, 16) << 6 | m << 3 | d;           /* ands, eors, ..., mvns */
	case 7: case 8:
		return 0x1800u | agree_below(x, 4) << 9 | m << 6 | n << 3 | d;   /* adds, subs of three */
	case 9:
		return agree_below(x, 3) << 11 | agree_below(x, 32) << 6 | m << 3 | d; /* lsls, lsrs, asrs */
	case 10:
		return 0x4280u | m << 3 | d;                               /* cmp */
	default:
		return 0x2000u | agree_below(x, 4) << 11 | d << 8 | agree_below(x, 256); /* movs, cmp, adds, subs */
	}
}

/* Thumb loops with short branches, mostly over instructions that are better done for nothing, all of which an interrupt may
 * part and a stop count. */
static uint32_t skipping_insn(uint32_t *x, uint32_t at)
{
	uint32_t d = agree_below(x, 6), m = agree_below(x, 6);
	if (at % 16 < 12 && agree_below(x, 4) == 0)
		return 0xd000u | agree_below(x, 14) << 8 | agree_below(x, 4);          /* over one to four */
	switch (agree_below(x, 8)) {
	case 0: case 1:
		return 0x4600u | (agree_below(x, 2) ? 0x80u | d << 3 | 2 : 0x50u | d); /* mov r10, d; mov d, r10 */
	case 2: case 3:
		return 0x1800u | agree_below(x, 4) << 9 | m << 6 | agree_below(x, 6) << 3 | d;
	case 4:
		return 0x2000u | agree_below(x, 4) << 11 | d << 8 | agree_below(x, 256);
	default:
		return mixed_insn(x, at);
	}
}

static uint32_t skipping_pair(uint32_t *x, uint32_t at)
{
	uint32_t low = skipping_insn(x, 2 * at);
	return low | skipping_insn(x, 2 * at + 1) << 16;
}

static uint32_t mixed_pair(uint32_t *x, uint32_t at)
{
	uint32_t low = mixed_insn(x, 2 * at);
	return low | mixed_insn(x, 2 * at + 1) << 16;
}

#define POST_4 0x00000004u        /* [rn], #4 */
#define PRE_UP_4 0x01200004u       /* [rn, #4]! */

/* ldr, str, ldrh or strh; some move the base, which may be what the flags follow from. */
static uint32_t moving_access(uint32_t *x, uint32_t d)
{
	static const uint32_t op[] = {0xe4900000u, 0xe4800000u, 0xe0d000b0u, 0xe0c000b0u}; /* post-indexed, upwards */
	uint32_t word = op[agree_below(x, 4)] | (uint32_t)PTR << 16 | d << 12;
	switch (agree_below(x, 4)) {
	case 0: return word | POST_4;
	case 1: return word | PRE_UP_4;
	default: return word | 0x01000000u; /* [rn] */
	}
}

/* Loops of eight in which accesses are conditional or move their base, between instructions that set all or some flags. */
static uint32_t guarded_insn(uint32_t *x, uint32_t at)
{
	unsigned d = agree_below(x, 4), n = agree_below(x, 4), m = agree_below(x, 4), cond = agree_below(x, 14);
	if (at % 8 == 7)
		return (0x0a000000u | agree_below(x, 14) << 28) | (0xffffffu & (0u - 9 + (agree_below(x, 3) ? 0 : agree_below(x, 6))));
	switch (agree_below(x, 12)) {
	case 0: return compare_const(x, n);
	case 1: return a_dp(CMP, 1, 0, agree_below(x, 4) ? n : PTR, agree_below(x, 4) ? m : 6);
	case 2: return agree_below(x, 2) ? a_subs(d, n, agree_below(x, 4)) : a_dp(SUB, 1, d, n, m);
	case 3: return agree_below(x, 2) ? a_dp(TST, 1, 0, n, m) : a_dp(ORR, 1, d, n, m);
	case 4: return a_dp(agree_below(x, 2) ? ADD : EOR, 1, d, n, m | agree_below(x, 2) << 7);
	case 5: return a_if(cond, a_dp(ADD, agree_below(x, 4) == 0, d, n, m));
	case 6: return a_dp(MOV, agree_below(x, 2), d, 0, m | agree_below(x, 32) << 7 | agree_below(x, 4) << 5);
	case 7: return moving_access(x, d);
	case 8: case 9: return a_if(cond, moving_access(x, d));
	default: return a_if(cond, agree_below(x, 2) ? a_ldr(d, PTR, 0) : a_str(d, PTR, 0));
	}
}

/* The same in ARM code: runs of one condition. */
static uint32_t run_insn(uint32_t *x, uint32_t at)
{
	static const uint8_t op[] = {AND, EOR, SUB, RSB, ADD, ADC, ORR, MOV, BIC};
	unsigned d = agree_below(x, 6), n = agree_below(x, 6), o = op[agree_below(x, ARRAY_LEN(op))], cond = (at / 5 * 7 + 3) % 14;
	if (at % 5 == 0 || agree_below(x, 8) == 0)
		return loop_insn(x, at);
	return a_if(cond, a_dp(o, agree_below(x, 12) == 0, d, o == MOV ? 0 : n, agree_below(x, 2) ? agree_below(x, 6) : I_BIT | agree_below(x, 256)));
}

/* Loops in which flags are known from the condition of a branch or of a run alone: what they follow from is gone before it. */
static uint32_t decided_insn(uint32_t *x, uint32_t at)
{
	static const uint8_t setter[] = {CMP, CMP, ADD, ADD, SUB, CMN, TST, EOR, ADC, SBC}, conds[] = {EQ, CS, NE, EQ, CC, LT, GT, HI, CC, MI};
	unsigned loop = at / 9, a = loop & 3, b = (loop + 1) & 3, d = agree_below(x, 4), o = setter[agree_below(x, ARRAY_LEN(setter))], cond = conds[loop % 10];
	switch (at % 9) {
	case 0: return a_dp(AND, 0, agree_below(x, 2) ? a : b, 12, I_BIT | 3); /* it changes with each interrupt */
	case 1: return a_dp(o, 1, o == CMP || o == CMN || o == TST ? 0 : agree_below(x, 2) ? a : b, a, b);
	case 2: return a_movr(a, 4);
	case 3: return agree_below(x, 2) ? a_movr(b, 4) : a_add(b, a, 1);
	case 4: return agree_below(x, 2) ? a_if(cond, a_ldr(d, PTR, 0)) : a_if(cond, agree_below(x, 2) ? a_dp(ADD, 1, d, a, b) : a_str(d, PTR, 0));
	case 5: return (agree_below(x, 3) ? cond : agree_below(x, 14)) << 28 | 0x0a000000u | agree_below(x, 2); /* over one or two */
	case 6: return agree_below(x, 2) ? a_str(d, PTR, 0) : a_if(agree_below(x, 14), a_dp(agree_below(x, 2) ? ADD : ORR, 1, d, a, b));
	case 7: return agree_below(x, 2) ? a_ldr(5, PTR, 0) : a_add(d, d, 1);
	default: return (agree_below(x, 2) ? cond ^ 1 : agree_below(x, 14)) << 28 | 0x0a000000u | (0xffffffu & (0u - 10 + agree_below(x, 3)));
	}
}

static bool is_thumb(enum code code)
{
	return code == THUMB || code == MIXED || code == SKIPS;
}

/* Loops whose flags follow from a register that the next turn changes before it aborts. */
static uint32_t overwriting_insn(uint32_t at)
{
	const uint32_t loop[] = {
		a_add(1, 1, 1), a_ldr(2, PTR, 0), a_cmp(3, 0), a_cmp(1, 5), a_if(NE, 0xea000000u | (0xffffffu & (0u - 6))),
		a_movr(1, 0), a_add(0, 0, 3), a_str(2, PTR, 0), a_subs(3, 3, 1), a_dp(CMP, 1, 0, 0, 1),
		a_if(LT, 0xea000000u | (0xffffffu & (0u - 7))), a_mov(1, 0),
	};
	return loop[at % ARRAY_LEN(loop)];
}

static uint32_t code_word(uint32_t *x, enum code code, uint32_t at)
{
	switch (code) {
	case ARM: return arm_insn(x, at);
	case THUMB: return thumb_pair(x, at);
	case LOOPS: return loop_insn(x, at);
	case CHAINS: return chain_insn(x, at);
	case MIXED: return mixed_pair(x, at);
	case GUARDED: return guarded_insn(x, at);
	case SKIPS: return skipping_pair(x, at);
	case RUNS: return run_insn(x, at);
	case DECIDED: return decided_insn(x, at);
	case OVERWRITES: break;
	}
	return overwriting_insn(at);
}

static void put_guest(struct guest *g, uint32_t seed, unsigned kind)
{
	enum code code = (enum code)kind;
	uint32_t x = seed * 2654435761u + 1;
	owed_put_handlers(g);
	guest_org(g, OWED_CODE);
	for (uint32_t k = 0; k < WORDS; k++)
		guest_put(g, code_word(&x, code, k));
	guest_put(g, is_thumb(code) ? 0xe700e700u : 0xea000000u | ((0u - WORDS - 2) & 0xffffffu)); /* back */
	owed_put_start(g, &x, seed, is_thumb(code));
}

static void check(enum code code)
{
	uint32_t count = code == OVERWRITES ? 5 : code == ARM || code == THUMB ? 25 : 40;
	agree_check(&(struct agree){.put = put_guest, .kind = code, .count = count, .steps = STEPS, .piece = {1000000, 61, 3}});
}

static void flags_are_there_when_arm_code_is_left(void **state)
{
	(void)state;
	check(ARM);
}

static void flags_are_there_when_thumb_code_is_left(void **state)
{
	(void)state;
	check(THUMB);
}

static void flags_are_there_when_loops_are_left(void **state)
{
	(void)state;
	check(LOOPS);
}

static void flags_are_there_when_chains_are_left(void **state)
{
	(void)state;
	check(CHAINS);
}

static void flags_that_only_aborts_see_are_there(void **state)
{
	(void)state;
	check(MIXED);
}

static void flags_are_there_when_conditional_accesses_abort(void **state)
{
	(void)state;
	check(GUARDED);
}

static void what_is_skipped_is_not_done_and_not_counted(void **state)
{
	(void)state;
	check(SKIPS);
}

static void runs_of_a_condition_are_done_or_not(void **state)
{
	(void)state;
	check(RUNS);
}

static void flags_that_a_condition_tells_are_there(void **state)
{
	(void)state;
	check(DECIDED);
}

static void flags_outlive_their_operands(void **state)
{
	(void)state;
	check(OVERWRITES);
}

/* A shift by a register whose low byte is 0 leaves C as it was, also where a condition behind it has it written on one way only. */
static void a_shift_by_none_keeps_the_carry(void **state)
{
	(void)state;
	EACH_WAY(way) {
		struct guest g;
		guest_init(&g, &way->cfg);
		guest_org(&g, OWED_CODE);
		guest_set_pc(&g, OWED_CODE);
		guest_li(&g, 5, OWED_DATA);
		guest_put(&g, a_mov(8, 0xda));
		guest_put(&g, 0xe328f202); /* msr cpsr_f, #0x20000000: C */
		guest_put(&g, a_b(g.at, g.at + 4));
		guest_put(&g, 0xe3a0bbc2); /* mov r11, #0x30800 */
		guest_put(&g, a_str(8, 5, 0));
		guest_put(&g, 0xe198bb38); /* orrs r11, r8, r8, lsr r11 */
		guest_put(&g, 0x305075ab); /* sublos r7, r0, r11, lsr #11 */
		guest_put(&g, 0xe10f1000); /* mrs r1, cpsr */
		guest_stop(&g);
		guest_run(&g, 100);
		assert_int_equal(guest_reg(&g, 1) >> 28, 2);
		guest_free(&g);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(flags_are_there_when_arm_code_is_left),
		cmocka_unit_test(flags_are_there_when_thumb_code_is_left),
		cmocka_unit_test(flags_are_there_when_loops_are_left),
		cmocka_unit_test(flags_are_there_when_chains_are_left),
		cmocka_unit_test(flags_that_only_aborts_see_are_there),
		cmocka_unit_test(flags_are_there_when_conditional_accesses_abort),
		cmocka_unit_test(what_is_skipped_is_not_done_and_not_counted),
		cmocka_unit_test(runs_of_a_condition_are_done_or_not),
		cmocka_unit_test(flags_that_a_condition_tells_are_there),
		cmocka_unit_test(flags_outlive_their_operands),
		cmocka_unit_test(a_shift_by_none_keeps_the_carry),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
