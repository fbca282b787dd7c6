/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Flags that are known from one block to the next (decision 019) although what they follow from is gone: because of what the operands can be at all, and
 * of the condition that was asked. And loops through several blocks, of which the first ones leave flags alone, entered with other flags than those that
 * come round. Random programs under aborts and interrupts whose handlers log SPSR must be alike on every way to run. A failure means that a
 * fault, an interrupt or a stop saw flags that are not those of the guest. RHEA_SEED=n replays one, RHEA_COUNT=n runs so many from there.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/runtime/agree.h"
#include "tests/runtime/owed_guest.h"

#define WORDS 96u
#define STEPS 5000u

enum code { BOUNDED, ROUND, KEPT };

#define ONE_OF(x, ...) \
	(((const uint32_t[]){__VA_ARGS__})[agree_below((x), sizeof((const uint32_t[]){__VA_ARGS__}) / sizeof(uint32_t))])

#define FROM_DATA(op, d) ((op) | (uint32_t)DAT << 16 | (uint32_t)(d) << 12)

/* Something that may well be next to what it is compared with. */
static uint32_t bounded(uint32_t *x, unsigned d)
{
	unsigned m = agree_below(x, 6);
	return ONE_OF(x, FROM_DATA(0xe5d00040u, d) /* ldrb, where r7 stores to */, FROM_DATA(0xe1d004b0u, d) /* ldrh */, FROM_DATA(0xe1d004f0u, d) /* ldrsh */,
		      FROM_DATA(0xe1d004d0u, d) /* ldrsb */, a_dp(AND, 0, d, m, I_BIT | ONE_OF(x, 1, 3, 0xff, 0x47f)),
		      a_dp(MOV, 0, d, 0, m | agree_below(x, 32) << 7 | 1u << 5), a_movr(d, m), a_dp(AND, 0, d, 12, I_BIT | 0xf));
}

/* A subtraction or an addition of a constant at the edge of what flags change at. */
static uint32_t edge(uint32_t *x, unsigned n)
{
	uint32_t k = ONE_OF(x, 0, 1, 2, 3, 0x7f, 0x80, 0xff, 0x102 /* 0x80000000 */, 0xc7f /* 0x7f00 */, 0xc80, 0xb02 /* 0x800 */);
	return ONE_OF(x, a_dp(CMP, 1, 0, n, I_BIT | k), a_dp(CMP, 1, 0, n, I_BIT | k), a_dp(CMN, 1, 0, n, I_BIT | k), a_dp(SUB, 1, n, n, I_BIT | k),
		      a_dp(ADD, 1, n, n, I_BIT | k), a_dp(RSB, 1, n, n, I_BIT | k), a_dp(CMP, 1, 0, n, (n + 1) % 4));
}

static uint32_t access(uint32_t *x, unsigned d)
{
	return agree_below(x, 2) ? a_ldr(d, PTR, 0) : a_str(d, PTR, 0);
}

/* A compare of bounded values that are gone when a condition has been asked. */
static uint32_t bounded_insn(uint32_t *x, uint32_t at)
{
	unsigned loop = at / 10, a = loop & 3, b = (a + 1) & 3, d = agree_below(x, 4), cond = (loop * 5 + 8) % 14;
	switch (at % 10) {
	case 0: return bounded(x, a);
	case 1: return bounded(x, b);
	case 2: return edge(x, a);
	case 3: return a_movr(a, 4);
	case 4: return agree_below(x, 2) ? a_movr(b, 5) : a_if(cond, access(x, d));
	case 5: return (agree_below(x, 3) ? cond : agree_below(x, 14)) << 28 | 0x0a000000u | agree_below(x, 2); /* over one or two */
	case 6: return agree_below(x, 3) ? access(x, d) : a_if(agree_below(x, 14), edge(x, d));
	case 7: return ONE_OF(x, a_dp(TST, 1, 0, d, b), a_dp(MOV, 1, d, 0, b | 3 << 7), a_dp(EOR, 0, 5, 5, 12 | 20 << 7), a_dp(EOR, 0, 5, 5, 12));
	case 8: return agree_below(x, 3) ? a_str(5, PTR, 0) : a_ldr(5, PTR, 0);
	default: return (agree_below(x, 2) ? cond ^ 1 : agree_below(x, 14)) << 28 | 0x0a000000u | (0xffffffu & (0u - 11 + agree_below(x, 3)));
	}
}

/* Loops of short blocks, most of which set no flags or some of them, and write what the flags follow from or do not. */
static uint32_t round_insn(uint32_t *x, uint32_t at)
{
	unsigned d = agree_below(x, 4), n = agree_below(x, 4), cond = agree_below(x, 14);
	switch (at % 12) {
	case 1: case 4: case 6: return agree_below(x, 3) ? 0xeaffffffu : cond << 28 | 0x0a000000u | agree_below(x, 2); /* to what comes next */
	case 8: return a_dp(CMP, 1, 0, n, d);
	case 9: return agree_below(x, 2) ? a_add(4, 4, 1) : a_movr(d, 4);
	case 10: return cond << 28 | 0x0a000000u;
	case 11: return (agree_below(x, 14)) << 28 | 0x0a000000u | (0xffffffu & (0u - 13 + agree_below(x, 5)));
	default: return ONE_OF(x, access(x, d), access(x, 5), a_add(4, 5, 1), a_movr(5, d), a_dp(EOR, 0, d, n, 4), a_dp(TST, 1, 0, d, n), edge(x, n),
			       a_if(cond, access(x, d)));
	}
}

/* Blocks that set all flags or some, overwrite what they follow from, and go on to others that do, so that more than one operand would have to be kept. */
static uint32_t kept_insn(uint32_t *x, uint32_t at)
{
	unsigned loop = at / 10, a = loop & 3, b = (a + 1) & 3, d = agree_below(x, 4), cond = agree_below(x, 14);
	if (agree_below(x, 8) == 0)
		return round_insn(x, at);
	switch (at % 10) {
	case 0: return edge(x, a);
	case 1: return ONE_OF(x, a_movr(a, 4), a_add(a, a, 1), a_dp(EOR, 0, a, b, 4));
	case 2: case 5: return agree_below(x, 2) ? 0xeaffffffu : cond << 28 | 0x0a000000u;
	case 3: return ONE_OF(x, a_dp(TST, 1, 0, b, 5), a_dp(TEQ, 1, 0, b, a), a_dp(MOV, 1, b, 0, 5), a_dp(ORR, 1, b, b, d));
	case 4: return ONE_OF(x, a_movr(b, 5), a_add(b, b, 1));
	case 6: return ONE_OF(x, access(x, d), a_if(cond, access(x, d)));
	case 7: return ONE_OF(x, a_dp(EOR, 0, 5, 5, 12 | 20 << 7), a_dp(EOR, 0, 5, 5, 12), a_add(4, 4, 1));
	case 8: return agree_below(x, 3) ? a_str(5, PTR, 0) : a_ldr(5, PTR, 0);
	default: return cond << 28 | 0x0a000000u | (0xffffffu & (0u - 11 + agree_below(x, 3)));
	}
}

static uint32_t code_word(uint32_t *x, enum code code, uint32_t at)
{
	switch (code) {
	case BOUNDED: return bounded_insn(x, at);
	case ROUND: return round_insn(x, at);
	case KEPT: break;
	}
	return kept_insn(x, at);
}

static void put_guest(struct guest *g, uint32_t seed, unsigned kind)
{
	uint32_t rng = seed * 2654435761u + 1;
	owed_put_handlers(g);
	guest_org(g, OWED_CODE);
	for (uint32_t k = 0; k < WORDS; k++)
		guest_put(g, code_word(&rng, (enum code)kind, k));
	guest_put(g, 0xea000000u | ((0u - WORDS - 2) & 0xffffffu)); /* back */
	owed_put_start(g, &rng, seed, false);
}

static void check(enum code code)
{
	agree_check(&(struct agree){.put = put_guest, .kind = code, .count = 40, .steps = STEPS, .piece = {1000000, 61, 3}});
}

static void flags_of_what_is_bounded_are_known(void **state)
{
	(void)state;
	check(BOUNDED);
}

static void flags_that_come_round_are_known(void **state)
{
	(void)state;
	check(ROUND);
}

static void flags_whose_operands_are_gone_are_known(void **state)
{
	(void)state;
	check(KEPT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(flags_of_what_is_bounded_are_known),
		cmocka_unit_test(flags_that_come_round_are_known),
		cmocka_unit_test(flags_whose_operands_are_gone_are_known),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
