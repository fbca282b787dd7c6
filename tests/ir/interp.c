/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The interpreter on hand-made units: exits, faults, markers, memory and helpers. A failure means
 * that the oracle of all differential tests is wrong.
 */
#include "tests/ir/util.h"

struct run {
	struct arena arena;
	struct ir_unit u;
	struct random_env env;
	struct random_memory mem;
	struct ir_interp_result result;
};

static struct run *run_new(void)
{
	struct run *r = calloc(1, sizeof *r);
	assert_non_null(r);
	ir_unit_init(&r->u, &random_guest, &r->arena);
	for (unsigned i = 0; i < 4; i++)
		ir_block_new(&r->u);
	return r;
}

static void run(struct run *r)
{
	r->u.n_blocks = r->u.n_order; /* those that the test did not need */
	assert_unit_valid(&r->u, "built", 0);
	r->result = ir_interpret(&r->u, &r->env, &(struct ir_memory){ .ctx = &r->mem, .load = random_load, .store = random_store });
}

static void run_free(struct run *r)
{
	arena_free(&r->arena);
	free(r);
}

/* Each exit reports its kind and slot and leaves its pc key in the pc global. */
static void exits_report_where_to_go(void **state)
{
	(void)state;
	for (unsigned kind = 0; kind < 3; kind++) {
		struct run *r = run_new();
		struct ir_unit *u = &r->u;
		ir_block_start(u, 0);
		ir_insn(u, 0x10);
		ir_ref v = ir_const(u, IR_I32, 0xfffffff1);
		if (kind == 0)
			ir_exit_jump(u, 1, IR_LINK_CALL, 0xfffffff1, 0x14);
		else if (kind == 1)
			ir_exit_ind(u, IR_LINK_RET, v, 0);
		else
			ir_exit_loop(u, v);
		run(r);
		static const enum ir_exit want[] = { IR_EXIT_JUMP, IR_EXIT_IND, IR_EXIT_LOOP };
		assert_int_equal(r->result.exit, want[kind]);
		assert_int_equal(r->result.slot, kind == 0);
		assert_int_equal(r->result.pc_key, 0xfffffff1);
		assert_int_equal(r->result.marks, 1);
		assert_int_equal(r->env.pc, 0xfffffff1);
		run_free(r);
	}
}

/* Marks count markers in code order, also those that a branch jumped over, and a fault leaves the
 * state of just before it. */
static void fault_names_its_instruction(void **state)
{
	(void)state;
	struct run *r = run_new();
	struct ir_unit *u = &r->u;
	ir_block_start(u, 0);
	ir_insn(u, 0x10);
	ir_set(u, RANDOM_G_R0, ir_const(u, IR_I32, 5));
	ir_brc(u, ir_get(u, RANDOM_G_FLAG0), 1, 2);
	ir_block_start(u, 1);
	ir_insn(u, 0x14);
	ir_insn(u, 0x18);
	ir_br(u, 2);
	ir_block_start(u, 2); /* goes on without a marker of its own */
	ir_ref v = ir_ld(u, IR_I32, IR_MEMOP(2, 0, IR_ALIGN_FAULT, 0), ir_const(u, IR_I32, RANDOM_MEM_BASE + 2));
	ir_set(u, RANDOM_G_R0, v);
	ir_exit_loop(u, v);
	r->env.pc = 0x1234;
	run(r);
	assert_int_equal(r->result.exit, IR_EXIT_FAULT);
	assert_int_equal(r->result.marks, 3);
	assert_int_equal(r->mem.fault_mark, 2);
	assert_int_equal(r->env.r[0], 5);
	assert_int_equal(r->env.pc, 0x1234);
	run_free(r);
}

/* Helpers get all argument types, return both, and leave the unit by the fault flag alone. */
static void helpers_are_called_by_their_rows(void **state)
{
	(void)state;
	struct run *r = run_new();
	struct ir_unit *u = &r->u;
	ir_block_start(u, 0);
	ir_insn(u, 0x10);
	ir_ref one = ir_const(u, IR_I32, 1), wide = ir_const(u, IR_I64, UINT64_C(0x500000003));
	ir_set(u, RANDOM_G_WIDE, ir_call(u, RANDOM_H_WIDE, (ir_ref[]){ wide, one }));
	ir_call(u, RANDOM_H_COUNT, (ir_ref[]){ one, wide, one, one });
	ir_set(u, RANDOM_G_R0, ir_call(u, RANDOM_H_CHECK, (ir_ref[]){ one }));
	ir_set(u, RANDOM_G_R0 + 1, ir_call(u, RANDOM_H_CHECK, (ir_ref[]){ ir_const(u, IR_I32, 16) }));
	ir_exit_loop(u, one);
	run(r);
	assert_int_equal(r->env.wide, UINT64_C(0x500000003) * UINT64_C(0x9e3779b97f4a7c15) + 1);
	assert_int_equal(r->env.calls, 1 + 1 + 3 + 5 * 5 + 7 + 11);
	assert_int_equal(r->env.r[0], 2);
	assert_int_equal(r->env.r[1], 0);
	assert_int_equal(r->env.fault, 0x110);
	assert_int_equal(r->result.exit, IR_EXIT_FAULT);
	run_free(r);
}

/* A load narrower than its type is extended as its memop says, also when the callback did not. */
static bool load_ones(void *ctx, uint32_t addr, uint16_t memop, unsigned mark, uint64_t *value)
{
	(void)ctx, (void)addr, (void)memop, (void)mark;
	*value = UINT64_MAX;
	return true;
}

static void narrow_loads_are_extended(void **state)
{
	(void)state;
	static const struct {
		enum ir_type type;
		uint16_t memop;
		uint64_t want;
	} cases[] = {
		{ IR_I32, IR_MEMOP(0, 0, 0, 0), 0xff },
		{ IR_I32, IR_MEMOP(1, 1, 0, 0), 0xffffffff },
		{ IR_I32, IR_MEMOP(2, 1, 0, 0), 0xffffffff },
		{ IR_I64, IR_MEMOP(2, 0, 0, 0), 0xffffffff },
		{ IR_I64, IR_MEMOP(2, 1, 0, 0), UINT64_MAX },
		{ IR_I64, IR_MEMOP(3, 0, 0, 0), UINT64_MAX },
	};
	for (unsigned k = 0; k < ARRAY_LEN(cases); k++) {
		struct run *r = run_new();
		struct ir_unit *u = &r->u;
		ir_block_start(u, 0);
		ir_insn(u, 0x10);
		ir_ref v = ir_ld(u, cases[k].type, cases[k].memop, ir_const(u, IR_I32, 0));
		ir_set(u, RANDOM_G_WIDE, cases[k].type == IR_I64 ? v : ir_zext32(u, IR_VOID, v));
		ir_exit_loop(u, ir_const(u, IR_I32, 0));
		u->n_blocks = 1;
		ir_interpret(u, &r->env, &(struct ir_memory){ .ctx = NULL, .load = load_ones, .store = random_store });
		assert_int_equal(r->env.wide, cases[k].want);
		run_free(r);
	}
}

/* A one-byte global takes one byte of env and no more; loops run until their condition ends. */
static void globals_and_loops(void **state)
{
	(void)state;
	struct run *r = run_new();
	struct ir_unit *u = &r->u;
	ir_block_start(u, 0);
	ir_insn(u, 0x10);
	ir_set(u, RANDOM_G_FLAG0 + 1, ir_const(u, IR_I32, 1));
	ir_br(u, 1);
	ir_block_start(u, 1);
	ir_ref n = ir_get(u, RANDOM_G_R0);
	n = ir_sub(u, IR_I32, n, ir_const(u, IR_I32, 1));
	ir_set(u, RANDOM_G_R0, n);
	ir_set(u, RANDOM_G_R0 + 1, ir_add(u, IR_I32, ir_get(u, RANDOM_G_R0 + 1), n));
	ir_brc(u, n, 1, 2);
	ir_block_start(u, 2);
	ir_exit_loop(u, ir_const(u, IR_I32, 0));
	r->env.r[0] = 10;
	run(r);
	assert_int_equal(r->env.r[1], 45);
	assert_int_equal(r->env.flag[0], 0);
	assert_int_equal(r->env.flag[1], 1);
	assert_int_equal(r->env.flag[2], 0);
	run_free(r);
}

/* Units with more values than the interpreter keeps on its stack run as well. */
static void very_long_units_run(void **state)
{
	(void)state;
	struct run *r = run_new();
	struct ir_unit *u = &r->u;
	ir_block_start(u, 0);
	ir_insn(u, 0x10);
	ir_ref v = ir_const(u, IR_I32, 0), one = ir_const(u, IR_I32, 1);
	for (unsigned k = 0; k < 10000; k++)
		v = ir_add(u, IR_I32, v, one);
	ir_set(u, RANDOM_G_R0, v);
	ir_exit_loop(u, v);
	run(r);
	assert_int_equal(r->env.r[0], 10000);
	run_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(exits_report_where_to_go),
		cmocka_unit_test(fault_names_its_instruction),
		cmocka_unit_test(helpers_are_called_by_their_rows),
		cmocka_unit_test(narrow_loads_are_extended),
		cmocka_unit_test(globals_and_loops),
		cmocka_unit_test(very_long_units_run),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
