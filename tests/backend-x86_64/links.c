/* SPDX-License-Identifier: Apache-2.0 */
/* What the runtime relies on between units: chaining, the budget, cross-page entries, the jump cache. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "tests/backend-x86_64/shapes.h"

static const struct shape to_next = {"chain", shape_end, 0, 0, 0};
static const struct shape tagged = {"tagged", shape_end, 77, 0, 0};

static uint64_t enter(struct harness *h, const struct x64_code *c)
{
	return harness_enter(h, c->code + c->entry);
}

/* Fails when chaining or unchaining two units goes wrong. */
static void exits_are_patched(void **state)
{
	struct harness h;
	struct guest_state g;
	struct x64_code a, b;
	(void)state;
	shape_begin(&h, &g);
	shape_compile(&h, &to_next, &a);
	shape_compile_keyed(&h, &shapes[SHAPE_TO_LOOP], KEY + 0x100, &b);
	assert_int_equal(enter(&h, &a), JUMPED(0));
	assert_int_equal(h.base->env.pc, KEY + 0x100);
	assert_int_equal(h.base->budget, 99);
	x64_patch_jump(&a, 0, b.code + b.entry, h.out.rx_delta);
	assert_int_equal(enter(&h, &a), X64_EXIT_LOOKUP);
	assert_int_equal(h.base->env.pc, KEY + 4);
	assert_int_equal(h.base->budget, 97);
	x64_patch_jump(&a, 0, 0, h.out.rx_delta);
	assert_int_equal(enter(&h, &a), JUMPED(0));
	harness_free(&h);
}

/* Fails when a conditional pair of exits goes the wrong way, patched or not. */
static void both_ways_of_a_branch_are_slots(void **state)
{
	struct harness h;
	struct guest_state g;
	struct x64_code a, b;
	(void)state;
	shape_begin(&h, &g);
	shape_compile(&h, &shapes[SHAPE_LOOP_END], &a);
	shape_compile_keyed(&h, &shapes[SHAPE_TO_LOOP], KEY + 0x200, &b);
	for (unsigned patched = 0; patched < 4; patched++)
		for (uint32_t r0 = 1; r0 <= 2; r0++) {
			unsigned way = r0 == 1; /* 1 - 1 = 0: not taken */
			for (unsigned slot = 0; slot < 2; slot++)
				x64_patch_jump(&a, slot, patched >> slot & 1 ? b.code + b.entry : 0, h.out.rx_delta);
			h.base->env.r[0] = r0;
			uint64_t want = patched >> way & 1 ? X64_EXIT_LOOKUP : JUMPED(way);
			assert_int_equal(enter(&h, &a), want);
			assert_int_equal(h.base->env.r[0], r0 - 1);
			assert_int_equal(h.base->env.flag[1], r0 == 1);
			assert_int_equal(h.base->env.flag[2], 1);
		}
	harness_free(&h);
}

/* Fails when a unit runs without budget, or not with the last of it. */
static void the_budget_is_exact(void **state)
{
	struct harness h;
	struct guest_state g;
	struct x64_code a;
	(void)state;
	shape_begin(&h, &g);
	shape_compile(&h, &to_next, &a);
	h.base->budget = 1;
	assert_int_equal(enter(&h, &a), JUMPED(0));
	assert_int_equal(h.base->budget, 0);
	h.base->env.pc = 0;
	assert_int_equal(enter(&h, &a), COOKIE | X64_EXIT_BUDGET);
	assert_int_equal(h.base->budget, 0);
	assert_int_equal(h.base->env.pc, KEY);
	x64_patch_jump(&a, 0, a.code + a.entry, h.out.rx_delta); /* a loop ends by its budget */
	h.base->budget = 1000;
	assert_int_equal(enter(&h, &a), COOKIE | X64_EXIT_BUDGET);
	assert_int_equal(h.base->budget, 0);
	harness_free(&h);
}

/* Fails when a jump across pages runs code of a page that is not mapped there any more. */
static void the_cross_entry_compares_the_tag(void **state)
{
	struct harness h;
	struct guest_state g;
	struct x64_code a;
	(void)state;
	shape_begin(&h, &g);
	shape_compile(&h, &tagged, &a);
	assert_int_not_equal(a.cross_entry, a.entry);
	assert_int_equal(harness_enter(&h, a.code + a.cross_entry), X64_EXIT_LOOKUP);
	assert_int_equal(h.base->env.pc, KEY);
	assert_int_equal(h.base->budget, 100);
	h.base->exec_tag[1][KEY >> 12] = 77;
	assert_int_equal(harness_enter(&h, a.code + a.cross_entry), JUMPED(0));
	assert_int_equal(h.base->budget, 99);
	harness_free(&h);
}

/* Fails when an indirect exit takes an entry of the cache that is not its own, or misses its own. */
static void indirect_exits_use_the_jump_cache(void **state)
{
	struct harness h;
	struct guest_state g;
	struct x64_code a, b;
	(void)state;
	shape_begin(&h, &g);
	shape_compile(&h, &shapes[SHAPE_INDIRECT], &a);
	shape_compile(&h, &to_next, &b);
	for (uint32_t key = 0; key < 0xfff00000u; key += 0x10001u * 13) {
		struct x64_jump_entry *e = &h.base->jump_cache[x64_jump_hash(key, HARNESS_CACHE_BITS)];
		h.base->env.r[0] = key;
		h.base->budget = 100;
		h.base->tb_flags = 5;
		*e = (struct x64_jump_entry){key, 5, b.code + b.entry};
		assert_int_equal(enter(&h, &a), JUMPED(0));
		assert_int_equal(h.base->budget, 98);
		e->flags = 4;
		assert_int_equal(enter(&h, &a), X64_EXIT_LOOKUP);
		assert_int_equal(h.base->env.pc, key);
		*e = (struct x64_jump_entry){key ^ 0x80000000u, 5, b.code + b.entry};
		assert_int_equal(enter(&h, &a), X64_EXIT_LOOKUP);
	}
	harness_free(&h);
}

int run_link_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(exits_are_patched),
		cmocka_unit_test(both_ways_of_a_branch_are_slots),
		cmocka_unit_test(the_budget_is_exact),
		cmocka_unit_test(the_cross_entry_compares_the_tag),
		cmocka_unit_test(indirect_exits_use_the_jump_cache),
	};
	return cmocka_run_group_tests_name("links", tests, NULL, NULL);
}
