/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Functions that a region followed and that now and then return elsewhere (decision 020): they set flags of registers, pop these, and have changed
 * the return address on the stack before. Where they come to looks at the flags, where they mostly come to does not. A failure means that the way out of
 * the region made flags of what the pop had overwritten, or of something else than was kept for it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "tests/runtime/agree.h"

#define CALLER 0x10000u
#define FUNCTION 0x10200u
#define ELSEWHERE 0x10400u
#define STACK 0x30000u
#define STEPS 4000u
#define COUNT 40u

/* Flags of r4 and r5, and of r7, which is not popped. */
static uint32_t setter(uint32_t *x)
{
	uint32_t imm = I_BIT | agree_below(x, 256), dn = 4 + agree_below(x, 2), m = 4 + agree_below(x, 2), s = agree_below(x, 8) != 0;
	static const uint8_t op[] = {SUB, SUB, ADD, ADD, RSB, AND, ORR, EOR, MOV};
	static const uint8_t test[] = {CMP, CMP, CMN, TST, TEQ};
	if (agree_below(x, 2))
		return a_dp(test[agree_below(x, ARRAY_LEN(test))], 1, 0, agree_below(x, 3) ? dn : 7, agree_below(x, 2) ? imm : m);
	return a_dp(op[agree_below(x, ARRAY_LEN(op))], s, dn, m, agree_below(x, 2) ? imm : dn);
}

/* r6: where it returns to instead of where it was called, each few times. */
static void put_function(struct guest *g, uint32_t *x)
{
	guest_org(g, FUNCTION);
	guest_put(g, 0xe92d4030u); /* push {r4, r5, lr} */
	guest_put(g, a_dp(TST, 1, 0, 7, I_BIT | ((2u << agree_below(x, 3)) - 1)));
	guest_put(g, a_if(EQ, a_str(6, SP, 8)));
	guest_put(g, a_dp(ADD, 0, 4, 4, 7));
	for (uint32_t n = 1 + agree_below(x, 3); n; n--)
		guest_put(g, setter(x));
	if (agree_below(x, 2))
		guest_put(g, a_if(agree_below(x, 14), 0xe8bd8030u)); /* pop {r4, r5, pc} */
	if (agree_below(x, 3) == 0)
		guest_put(g, setter(x));
	guest_put(g, 0xe8bd8030u);
}

static void put_caller(struct guest *g, uint32_t *x)
{
	guest_org(g, CALLER);
	guest_set_pc(g, CALLER);
	guest_li(g, SP, STACK);
	for (unsigned n = 0; n < 8; n++)
		guest_li(g, n, agree_below(x, 2) ? n << 28 | agree_below(x, 99) : n);
	guest_li(g, 6, ELSEWHERE);
	uint32_t loop = g->at;
	guest_put(g, a_add(7, 7, 1));
	guest_put(g, a_bl(g->at, FUNCTION));
	guest_put(g, agree_below(x, 4) ? a_subs(4, 4, agree_below(x, 256)) : a_dp(MOV, 1, 4, 0, 7));
	guest_put(g, a_dp(ADC, 0, 5, 5, 7));
	guest_put(g, a_b(g->at, loop));
	guest_org(g, ELSEWHERE);
	guest_put(g, a_mrs(0));
	guest_put(g, a_dp(EOR, 0, 3, 0, 3 | 1 << 7)); /* r3 = r0 ^ r3 << 1 */
	guest_put(g, a_if(agree_below(x, 14), a_eor(5, 5, 0x80)));
	guest_put(g, a_b(g->at, loop));
}

static void put_guest(struct guest *g, uint32_t seed, unsigned kind)
{
	uint32_t x = seed * 2654435761u + 1;
	(void)kind;
	put_function(g, &x);
	put_caller(g, &x);
}

static void flags_are_seen_where_a_return_goes_elsewhere(void **state)
{
	(void)state;
	agree_check(&(struct agree){.put = put_guest, .count = COUNT, .steps = STEPS, .piece = {4000, 211, 61}, .regions = true});
}

/* f: push {r4, r5, lr}; tst r7, #1; streq r6, [sp, #8]; add r4, r4, r7; cmp r4, r5; pop {r4, r5, pc}. Elsewhere: adc. */
static void put_often_elsewhere(struct guest *g)
{
	guest_org(g, FUNCTION);
	guest_put(g, 0xe92d4030u);
	guest_put(g, a_dp(TST, 1, 0, 7, I_BIT | 1));
	guest_put(g, a_if(EQ, a_str(6, SP, 8)));
	guest_put(g, a_dp(ADD, 0, 4, 4, 7));
	guest_put(g, a_dp(CMP, 1, 0, 4, 5));
	guest_put(g, 0xe8bd8030u);
	guest_org(g, CALLER);
	guest_set_pc(g, CALLER);
	guest_li(g, SP, STACK);
	guest_li(g, 6, ELSEWHERE);
	uint32_t loop = g->at;
	guest_put(g, a_add(7, 7, 1));
	guest_put(g, a_bl(g->at, FUNCTION));
	guest_put(g, a_subs(8, 8, 1));
	guest_put(g, a_b(g->at, loop));
	guest_org(g, ELSEWHERE);
	guest_put(g, a_dp(ADC, 0, 9, 9, I_BIT));
	guest_put(g, a_subs(8, 8, 1));
	guest_put(g, a_b(g->at, loop));
}

static uint32_t guards_fired(const struct guest *g)
{
	uint32_t n = 0;
	for (unsigned k = 0; k < ARRAY_LEN(g->m->vcpu->values.written); k++)
		n += g->m->vcpu->values.written[k];
	return n;
}

/* Failure: where a return often goes where flags are looked at, they are owed for ever, and a call writes them each time. */
static void what_is_looked_at_often_is_not_owed(void **state)
{
	static const struct rhea_config cfg = {.compile_at_once = true, .regions_at_once = true};
	struct guest g;
	(void)state;
	guest_init(&g, &cfg);
	put_often_elsewhere(&g);
	uint32_t most = 0;
	for (unsigned k = 0; k < 20; k++) {
		guest_step(&g, 1000);
		most = MAX(most, guards_fired(&g));
	}
	assert_true(most > 0); /* it is owed at first */
	guest_step(&g, 100000);
	uint32_t before = guards_fired(&g);
	guest_step(&g, 1000);
	assert_in_range(guards_fired(&g) - before, 0, 3); /* of fifty rounds that come there; where a slice ends blocks owe, too */
	guest_free(&g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(flags_are_seen_where_a_return_goes_elsewhere),
		cmocka_unit_test(what_is_looked_at_often_is_not_owed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
