/* SPDX-License-Identifier: Apache-2.0 */
/* Calls and returns: the host's return stack as emitted code uses it (decision 006). */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "tests/backend-x86_64/shapes.h"

struct call_bench {
	struct harness h;
	struct guest_state g;
	struct x64_code call, ret, next; /* next: where calls come back to */
};

static uint64_t depth(const struct call_bench *b)
{
	const uint64_t *empty = b->h.base->ret + HARNESS_RET_ENTRIES - X64_RET_RESERVED;
	return ((uint64_t)(uintptr_t)empty - b->h.base->ret_sp) / 8;
}

/* A unit that calls a unit that returns to what is in r0. */
static void begin_calls(struct call_bench *b, unsigned shape)
{
	shape_begin(&b->h, &b->g);
	shape_compile(&b->h, &shapes[shape], &b->call);
	shape_compile_keyed(&b->h, &shapes[SHAPE_RETURN], KEY + 0x100, &b->ret);
	shape_compile_keyed(&b->h, &shapes[SHAPE_TO_LOOP], KEY + 4, &b->next);
	if (b->call.slot[0].jump)
		x64_patch_jump(&b->call, 0, b->ret.code + b->ret.entry, b->h.out.rx_delta);
	b->h.base->ret_sp = x64_ret_reset(&b->h.target, b->h.base->ret + HARNESS_RET_ENTRIES);
}

static uint64_t reenter(struct call_bench *b, const struct x64_code *c)
{
	b->h.base->budget = 100;
	return harness_reenter(&b->h, c->code + c->entry);
}

/* Fails when a return does not come back behind its call, patched or not. */
static void a_return_lands_behind_its_call(void **state)
{
	struct call_bench b;
	(void)state;
	for (unsigned shape = SHAPE_CALL; shape <= SHAPE_CALL_CONDITIONAL; shape += 2) {
		begin_calls(&b, shape);
		b.h.base->env.r[0] = KEY + 4;
		assert_int_equal(reenter(&b, &b.call), RETURNED);
		assert_int_equal(b.h.base->env.pc, KEY + 4);
		assert_int_equal(b.h.base->budget, 98);
		assert_int_equal(depth(&b), 0);
		x64_patch_jump(&b.call, 2, b.next.code + b.next.entry, b.h.out.rx_delta);
		assert_int_equal(reenter(&b, &b.call), X64_EXIT_LOOKUP); /* of b.next */
		assert_int_equal(b.h.base->budget, 97);
		assert_int_equal(depth(&b), 0);
		x64_patch_jump(&b.call, 2, 0, b.h.out.rx_delta);
		assert_int_equal(reenter(&b, &b.call), RETURNED);
		x64_patch_jump(&b.call, 0, 0, b.h.out.rx_delta);
		assert_int_equal(reenter(&b, &b.call), JUMPED(0));
		assert_int_equal(depth(&b), 1);
		assert_int_equal(reenter(&b, &b.ret), RETURNED); /* the call is remembered over an exit */
		harness_free(&b.h);
	}
}

/* Fails when a call that comes back into its unit is not charged there, or goes on although the page is another one or the budget is out. */
static void a_call_comes_back_into_its_unit(void **state)
{
	struct call_bench b;
	(void)state;
	begin_calls(&b, SHAPE_CALL_LANDS);
	b.h.base->env.r[0] = KEY + 4;
	assert_int_equal(reenter(&b, &b.call), RETURNED); /* that is for the runtime to say */
	assert_int_not_equal(b.call.slot[2].inside, 0);
	x64_patch_jump(&b.call, 2, b.call.code + b.call.slot[2].inside, b.h.out.rx_delta);
	assert_int_equal(reenter(&b, &b.call), X64_EXIT_LOOKUP);
	assert_int_equal(b.h.base->env.pc, KEY + 4);
	assert_int_equal(b.h.base->budget, 98);
	b.h.base->exec_tag[1][KEY >> 12] = 0x1234;
	assert_int_equal(reenter(&b, &b.call), JUMPED(1));
	assert_int_equal(b.h.base->env.pc, KEY + 8);
	assert_int_equal(b.h.base->env.r[1], 7);
	assert_int_equal(b.h.base->budget, 95);
	b.h.base->budget = 4; /* one for the call, one for the return */
	assert_int_equal(harness_reenter(&b.h, b.call.code + b.call.entry) & 7, X64_EXIT_BUDGET);
	assert_int_equal(b.h.base->env.pc, KEY + 4);
	assert_int_equal(b.h.base->budget, 2);
	assert_int_equal(depth(&b), 0);
	x64_patch_jump(&b.call, 2, 0, b.h.out.rx_delta);
	assert_int_equal(reenter(&b, &b.call), RETURNED); /* as before */
	assert_int_equal(b.h.base->budget, 98);
	harness_free(&b.h);
}

/* Fails when an indirect call forgets its landing, when its target is known or when it is not. */
static void an_indirect_call_has_a_landing(void **state)
{
	struct call_bench b;
	uint32_t key = KEY + 4; /* serves as the callee, too: the return goes to where r0 says */
	(void)state;
	begin_calls(&b, SHAPE_CALL_INDIRECT);
	b.h.base->env.r[0] = key;
	b.h.base->tb_flags = 5;
	assert_int_equal(reenter(&b, &b.call), X64_EXIT_LOOKUP);
	assert_int_equal(b.h.base->env.pc, key);
	assert_int_equal(depth(&b), 1);
	assert_int_equal(reenter(&b, &b.ret), RETURNED);
	assert_int_equal(depth(&b), 0);
	b.h.base->jump_cache[x64_jump_hash(key, HARNESS_CACHE_BITS)] =
		(struct x64_jump_entry){key, 5, b.ret.code + b.ret.entry};
	assert_int_equal(reenter(&b, &b.call), RETURNED);
	assert_int_equal(b.h.base->env.pc, key);
	assert_int_equal(depth(&b), 0);
	harness_free(&b.h);
}

/* Fails when a return without a call, or to elsewhere, does not get there, or costs others their landings. */
static void returns_that_fit_no_call_look_up(void **state)
{
	struct call_bench b;
	uint32_t key = 0x12340;
	(void)state;
	begin_calls(&b, SHAPE_CALL);
	b.h.base->tb_flags = 5;
	for (unsigned known = 0; known < 2; known++)
		for (unsigned calls = 0; calls < 6; calls++) {
			b.h.base->ret_sp = x64_ret_reset(&b.h.target, b.h.base->ret + HARNESS_RET_ENTRIES);
			x64_patch_jump(&b.call, 0, 0, b.h.out.rx_delta);
			for (unsigned k = 0; k < calls; k++)
				assert_int_equal(reenter(&b, &b.call), JUMPED(0));
			b.h.base->jump_cache[x64_jump_hash(key, HARNESS_CACHE_BITS)] =
				(struct x64_jump_entry){key, known ? 5 : ~0u, b.next.code + b.next.entry};
			for (unsigned k = 0; k < 4; k++) {
				b.h.base->env.r[0] = key;
				assert_int_equal(reenter(&b, &b.ret), X64_EXIT_LOOKUP);
				assert_int_equal(b.h.base->env.pc, known ? KEY + 4 : key);
				assert_int_equal(b.h.base->budget, known ? 98 : 99);
				assert_int_equal(depth(&b), calls);
			}
		}
	harness_free(&b.h);
}

/* Fails when frames that were left without a return (longjmp) keep the returns behind them from landing. */
static void returns_skip_calls_that_never_return(void **state)
{
	struct call_bench b;
	struct x64_code stale;
	(void)state;
	begin_calls(&b, SHAPE_CALL);
	shape_compile_keyed(&b.h, &shapes[SHAPE_CALL], KEY, &stale);
	x64_patch_jump(&b.call, 0, 0, b.h.out.rx_delta);
	for (unsigned n = 0; n < 5; n++) {
		struct ir_unit u;
		b.h.base->ret_sp = x64_ret_reset(&b.h.target, b.h.base->ret + HARNESS_RET_ENTRIES);
		assert_int_equal(reenter(&b, &b.call), JUMPED(0));
		for (unsigned k = 0; k < n; k++) { /* calls with another return key */
			arena_reset(&b.h.arena);
			ir_unit_init(&u, &random_guest, &b.h.arena);
			ir_block_start(&u, ir_block_new(&u));
			ir_insn(&u, KEY + 0x40);
			ir_exit_jump(&u, 0, IR_LINK_CALL, KEY + 0x100, KEY + 0x44);
			struct x64_compile_args args = {.cookie = COOKIE, .exit_cookie = COOKIE, .exit_size = 8, .n_slots = HARNESS_SLOTS, .first_landing = 2, .n_insns = 1};
			assert_true(x64_compile(&b.h.target, &u, &args, &b.h.out, &stale));
			assert_int_equal(reenter(&b, &stale), JUMPED(0));
		}
		b.h.base->env.r[0] = KEY + 4;
		bool near = n <= X64_RET_RESERVED;
		assert_int_equal(reenter(&b, &b.ret), near ? RETURNED : X64_EXIT_LOOKUP);
		assert_int_equal(b.h.base->env.pc, KEY + 4);
		assert_int_equal(depth(&b), near ? 0 : n + 1);
	}
	harness_free(&b.h);
}

/* Fails when an empty return stack is popped below its shape_end, whatever the key. */
static void an_empty_return_stack_stays_empty(void **state)
{
	struct call_bench b;
	uint64_t empty;
	(void)state;
	begin_calls(&b, SHAPE_CALL);
	memcpy(&empty, &b.h.base->ret[HARNESS_RET_ENTRIES - 1], 8);
	uint32_t keys[] = {0, KEY, 0xffffffff, 0};
	memcpy(&keys[3], (const uint8_t *)(uintptr_t)empty + 1, 4); /* looks like the key of the last entry */
	for (unsigned k = 0; k < 4 * ARRAY_LEN(keys); k++) {
		b.h.base->env.r[0] = keys[k % ARRAY_LEN(keys)];
		assert_int_equal(reenter(&b, &b.ret), X64_EXIT_LOOKUP);
		assert_int_equal(b.h.base->env.pc, keys[k % ARRAY_LEN(keys)]);
		assert_int_equal(depth(&b), 0);
	}
	harness_free(&b.h);
}

int run_return_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_return_lands_behind_its_call),
		cmocka_unit_test(an_indirect_call_has_a_landing),
		cmocka_unit_test(a_call_comes_back_into_its_unit),
		cmocka_unit_test(returns_that_fit_no_call_look_up),
		cmocka_unit_test(returns_skip_calls_that_never_return),
		cmocka_unit_test(an_empty_return_stack_stays_empty),
	};
	return cmocka_run_group_tests_name("returns", tests, NULL, NULL);
}
