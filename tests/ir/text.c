/* SPDX-License-Identifier: Apache-2.0 */
/* Builder and printer. A failure means that -d op shows something else than what was built. */
#include "tests/ir/util.h"

static void small_unit(struct ir_unit *u, struct arena *arena)
{
	ir_unit_init(u, &random_guest, arena);
	ir_label first = ir_block_new(u), skip = ir_block_new(u), body = ir_block_new(u);
	ir_block_start(u, first);
	ir_insn(u, 0x10000);
	ir_ref a = ir_get(u, RANDOM_G_R0), b = ir_const(u, IR_I32, (uint64_t)-4);
	ir_ref sum = ir_add(u, IR_I32, a, b);
	ir_set(u, RANDOM_G_R0 + 1, sum);
	ir_brc(u, ir_cmp(u, IR_I32, IR_LTU, sum, a), body, skip);
	ir_block_start(u, body);
	ir_insn(u, 0x10004);
	a = ir_get(u, RANDOM_G_R0);
	ir_ref x = ir_ld(u, IR_I32, IR_MEMOP(2, 0, IR_ALIGN_ROTATE, 1), a);
	ir_st(u, IR_I32, IR_MEMOP(1, 0, IR_ALIGN_FORCE, 0) | IR_MEMOP_BE, a, x);
	ir_ref wide = ir_zext32(u, IR_VOID, x);
	wide = ir_shl(u, IR_I64, wide, ir_const(u, IR_I32, 3));
	ir_set(u, RANDOM_G_WIDE, ir_call(u, RANDOM_H_WIDE, (ir_ref[]){ wide, x }));
	ir_call(u, RANDOM_H_SIGN, NULL);
	ir_nop(u);
	ir_exit_ind(u, IR_LINK_RET, x, 0);
	ir_block_start(u, skip);
	ir_exit_jump(u, 0, IR_LINK_CALL, 0x20000, 0x10008);
}

/* The text of a unit is what readers of dumps expect, blocks in code order. */
static void printed_unit_shows_every_field(void **state)
{
	(void)state;
	static const char want[] =
		" ---- 00010000\n"
		" v1 = get r0\n"
		" v2 = const.i32 0xfffffffc\n"
		" v3 = add v1, v2\n"
		" set r1, v3\n"
		" v5 = cmp.ltu v3, v1\n"
		" brc v5, L2, L1\n"
		"L2:\n"
		" ---- 00010004\n"
		" v8 = get r0\n"
		" v9 = ld.u32 [v8] align=rotate space=1\n"
		" st.16be [v8], v9 align=force space=0\n"
		" v11 = zext32 v9\n"
		" v12 = const.i32 0x3\n"
		" v13 = shl.i64 v11, v12\n"
		" v14 = call.i64 wide(v13, v9)\n"
		" set.i64 wide, v14\n"
		" call sign()\n"
		" exit_ind v9 ret\n"
		"L1:\n"
		" exit_jump slot=0 pc=00020000 call ret=00010008\n";
	struct arena arena = { 0 };
	struct ir_unit u;
	small_unit(&u, &arena);
	assert_unit_valid(&u, "built", 0);
	char *text = unit_text(&u);
	assert_string_equal(text, want);
	free(text);
	arena_free(&arena);
}

/* Units that outgrow the first arrays lose nothing. */
static void long_units_keep_every_insn(void **state)
{
	(void)state;
	struct arena arena = { 0 };
	struct ir_unit u;
	ir_unit_init(&u, &random_guest, &arena);
	enum { BLOCKS = 300 };
	for (unsigned k = 0; k <= BLOCKS; k++)
		ir_block_new(&u);
	for (unsigned k = 0; k < BLOCKS; k++) {
		ir_block_start(&u, k);
		assert_false(ir_block_ended(&u));
		ir_insn(&u, k * 4);
		ir_ref v = ir_const(&u, IR_I32, k), arg[] = { v, v };
		ir_set(&u, RANDOM_G_R0, ir_call(&u, RANDOM_H_MIX, arg));
		ir_br(&u, k + 1);
		assert_true(ir_block_ended(&u));
	}
	ir_block_start(&u, BLOCKS);
	ir_exit_loop(&u, ir_const(&u, IR_I32, 0));
	assert_unit_valid(&u, "built", 0);
	assert_int_equal(u.n_marks, BLOCKS);
	for (unsigned k = 0; k < BLOCKS; k++) {
		unsigned n;
		const struct ir_insn *i = &u.insns[u.blocks[k].first];
		assert_int_equal(i[0].imm, k * 4);
		assert_int_equal(i[1].imm, k);
		assert_int_equal(ir_call_args(&u, &i[2], &n)[1], u.blocks[k].first + 1);
		assert_int_equal(n, 2);
	}
	arena_free(&arena);
}

/* The generator that other tests rely on makes valid units, the same ones from the same seed,
 * and between them every opcode. */
static void random_units_are_valid_and_cover_every_op(void **state)
{
	(void)state;
	uint64_t seed = random_seed_from_env(3);
	bool seen[IR_OP_COUNT] = { false };
	struct arena arena = { 0 };
	for (unsigned n = 0; n < 2000; n++, seed++) {
		struct ir_unit u, again;
		arena_reset(&arena);
		ir_unit_init(&u, &random_guest, &arena);
		random_unit(&u, &random_guest, seed, 10 + n % 300);
		assert_unit_valid(&u, "generated", seed);
		ir_unit_init(&again, &random_guest, &arena);
		random_unit(&again, &random_guest, seed, 10 + n % 300);
		assert_int_equal(u.n_insns, again.n_insns);
		assert_memory_equal(u.insns, again.insns, u.n_insns * sizeof *u.insns);
		for (ir_ref r = 0; r < u.n_insns; r++)
			seen[u.insns[r].op] = true;
	}
	for (unsigned op = 0; op < IR_OP_COUNT; op++)
		if (!seen[op])
			fail_msg("no unit has %s", ir_ops[op].name);
	arena_free(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(printed_unit_shows_every_field),
		cmocka_unit_test(long_units_keep_every_insn),
		cmocka_unit_test(random_units_are_valid_and_cover_every_op),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
