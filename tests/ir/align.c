/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What opt_align knows of alignment is true. The interpreter asserts it at each access and at the entry, so a failure of the random tests is an
 * assertion of ir/interp.c, or text that is not what was expected. RHEA_SEED=n starts elsewhere.
 */
#include "tests/ir/util.h"

#define R(n) (uint16_t)(RANDOM_G_R0 + (n))
#define WORD (uint16_t)(IR_MEMOP(2, 0, IR_ALIGN_ROTATE, 0) | IR_MEMOP_LEAVES)
#define HALF (uint16_t)(IR_MEMOP(1, 0, IR_ALIGN_FORCE, 0) | IR_MEMOP_LEAVES)
#define STAYS IR_MEMOP(2, 0, IR_ALIGN_FORCE, 0)

static ir_ref k32(struct ir_unit *u, uint32_t x)
{
	return ir_const(u, IR_I32, x);
}

/* ---- what is known ------------------------------------------------------------------------------- */

/* Blocks 0 to 3 exist; block 0 is open. */
static void expect(void (*build)(struct ir_unit *), uint32_t may_assume, const char *want)
{
	struct arena arena = { 0 };
	struct ir_unit u;
	ir_unit_init(&u, &random_guest, &arena);
	for (unsigned i = 0; i < 4; i++)
		ir_block_new(&u);
	ir_block_start(&u, 0);
	ir_insn(&u, 0x1000);
	u.may_assume = may_assume;
	build(&u);
	u.n_blocks = u.n_order;
	ir_optimise(&u);
	assert_unit_valid(&u, "optimised", 0);
	char *text = unit_text(&u);
	assert_string_equal(text, want);
	free(text);
	arena_free(&arena);
}

static void sums(struct ir_unit *u)
{
	ir_ref base = ir_get(u, R(0)), by = ir_get(u, R(1));
	by = ir_shl(u, IR_I32, by, k32(u, 2));
	ir_ref at = ir_add(u, IR_I32, base, by);
	ir_set(u, R(2), ir_ld(u, IR_I32, WORD, at));
	ir_set(u, R(3), ir_ld(u, IR_I32, HALF, ir_add(u, IR_I32, base, k32(u, 6))));
	ir_set(u, R(4), ir_ld(u, IR_I32, WORD, ir_add(u, IR_I32, base, k32(u, 6))));
	ir_exit_jump(u, 0, IR_LINK_JUMP, 0x2000, 0);
}

static void an_access_shows_what_its_sum_is_made_of(void **state)
{
	(void)state;
	expect(sums, 0,
	       " ---- 00001000\n"
	       " v1 = get r0\n"
	       " v2 = get r1\n"
	       " v3 = const.i32 0x2\n"
	       " v4 = shl v2, v3\n"
	       " v5 = add v1, v4\n"
	       " v6 = ld.u32 [v5] align=rotate,leaves space=0\n"
	       " set r2, v6\n"
	       " v8 = const.i32 0x6\n"
	       " v9 = add v1, v8\n"
	       " v10 = ld.u16 [v9] align=force,leaves,known space=0\n"
	       " set r3, v10\n"
	       " v12 = const.i32 0x6\n"
	       " v13 = add v1, v12\n"
	       " v14 = ld.u32 [v13] align=rotate,leaves space=0\n"
	       " set r4, v14\n"
	       " exit_jump slot=0 pc=00002000\n");
}

static void other_access(struct ir_unit *u)
{
	ir_ref base = ir_get(u, R(0));
	ir_set(u, R(2), ir_ld(u, IR_I32, STAYS, base));
	ir_set(u, R(3), ir_ld(u, IR_I32, WORD, base));
	ir_exit_jump(u, 0, IR_LINK_JUMP, 0x2000, 0);
}

static void an_access_that_stays_shows_nothing(void **state)
{
	(void)state;
	expect(other_access, 0,
	       " ---- 00001000\n"
	       " v1 = get r0\n"
	       " v2 = ld.u32 [v1] align=force space=0\n"
	       " set r2, v2\n"
	       " v4 = ld.u32 [v1] align=rotate,leaves space=0\n"
	       " set r3, v4\n"
	       " exit_jump slot=0 pc=00002000\n");
}

static void store_zero(struct ir_unit *u, unsigned n)
{
	ir_ref at = ir_get(u, R(n));
	ir_st(u, IR_I32, WORD, at, k32(u, 0));
}

/* r0 is shown on both ways to the last block, r1 on one. */
static void joined(struct ir_unit *u)
{
	ir_ref base = ir_get(u, R(0));
	ir_st(u, IR_I32, WORD, base, base);
	ir_brc(u, ir_get(u, R(5)), 1, 2);
	ir_block_start(u, 1);
	store_zero(u, 1);
	ir_br(u, 3);
	ir_block_start(u, 2);
	base = ir_get(u, R(0));
	ir_set(u, R(0), ir_add(u, IR_I32, base, k32(u, 8)));
	ir_br(u, 3);
	ir_block_start(u, 3);
	store_zero(u, 0);
	store_zero(u, 1);
	ir_exit_jump(u, 0, IR_LINK_JUMP, 0x2000, 0);
}

static void what_all_ways_know_is_known(void **state)
{
	(void)state;
	expect(joined, 0,
	       " ---- 00001000\n"
	       " v1 = get r0\n"
	       " st.32 [v1], v1 align=rotate,leaves space=0\n"
	       " v3 = get r5\n"
	       " brc v3, L1, L2\n"
	       "L1:\n"
	       " v5 = get r1\n"
	       " v6 = const.i32 0x0\n"
	       " st.32 [v5], v6 align=rotate,leaves space=0\n"
	       " br L3\n"
	       "L2:\n"
	       " v9 = get r0\n"
	       " v10 = const.i32 0x8\n"
	       " v11 = add v9, v10\n"
	       " set r0, v11\n"
	       " br L3\n"
	       "L3:\n"
	       " v14 = get r0\n"
	       " v15 = const.i32 0x0\n"
	       " st.32 [v14], v15 align=rotate,leaves,known space=0\n"
	       " v17 = get r1\n"
	       " v18 = const.i32 0x0\n"
	       " st.32 [v17], v18 align=rotate,leaves space=0\n"
	       " exit_jump slot=0 pc=00002000\n");
}

/* r0 goes by words, r1 by halfwords, r2 by what r3 holds. */
static void loop(struct ir_unit *u)
{
	ir_br(u, 1);
	ir_block_start(u, 1);
	ir_ref a = ir_get(u, R(0)), b = ir_get(u, R(1)), c = ir_get(u, R(2));
	ir_set(u, R(4), ir_ld(u, IR_I32, WORD, a));
	ir_set(u, R(5), ir_ld(u, IR_I32, HALF, b));
	ir_set(u, R(6), ir_ld(u, IR_I32, HALF, c));
	ir_set(u, R(0), ir_add(u, IR_I32, a, k32(u, 4)));
	ir_set(u, R(1), ir_add(u, IR_I32, b, k32(u, 2)));
	ir_set(u, R(2), ir_add(u, IR_I32, c, ir_get(u, R(3))));
	ir_charge(u, 1, 1, 2);
	ir_block_start(u, 2);
	ir_exit_budget(u, 1, 0x1000);
}

#define LOOP(known_a, known_b, known_c) \
	" ---- 00001000\n" \
	" br L1\n" \
	"L1:\n" \
	" v2 = get r0\n" \
	" v3 = get r1\n" \
	" v4 = get r2\n" \
	" v5 = ld.u32 [v2] align=rotate,leaves" known_a " space=0\n" \
	" set r4, v5\n" \
	" v7 = ld.u16 [v3] align=force,leaves" known_b " space=0\n" \
	" set r5, v7\n" \
	" v9 = ld.u16 [v4] align=force,leaves" known_c " space=0\n" \
	" set r6, v9\n" \
	" v11 = const.i32 0x4\n" \
	" v12 = add v2, v11\n" \
	" set r0, v12\n" \
	" v14 = const.i32 0x2\n" \
	" v15 = add v3, v14\n" \
	" set r1, v15\n" \
	" v17 = get r3\n" \
	" v18 = add v4, v17\n" \
	" set r2, v18\n" \
	" charge 1, L1, L2\n" \
	"L2:\n" \
	" exit_budget 1 pc=00001000\n"

static void loops_assume_what_they_need(void **state)
{
	(void)state;
	expect(loop, 0, LOOP("", "", ""));
	expect(loop, UINT32_MAX, " assumes r0&3 r1&1 r2&1 r3&1\n" LOOP(",known", ",known", ",known"));
	expect(loop, ~(1u << 0 | 1u << (16 + 3)), " assumes r1&1\n" LOOP("", ",known", ""));
}

/* Placed behind what it leads back to, and no loop. */
static void aside(struct ir_unit *u)
{
	ir_ref which = ir_get(u, R(5));
	ir_brc(u, which, 1, 2);
	ir_block_start(u, 1);
	store_zero(u, 0);
	ir_exit_jump(u, 0, IR_LINK_JUMP, 0x2000, 0);
	ir_block_start(u, 2);
	ir_set(u, R(1), k32(u, 0));
	ir_br(u, 1);
}

static void a_jump_backwards_is_no_loop(void **state)
{
	(void)state;
	expect(aside, UINT32_MAX,
	       " ---- 00001000\n"
	       " v1 = get r5\n"
	       " brc v1, L1, L2\n"
	       "L1:\n"
	       " v3 = get r0\n"
	       " v4 = const.i32 0x0\n"
	       " st.32 [v3], v4 align=rotate,leaves space=0\n"
	       " exit_jump slot=0 pc=00002000\n"
	       "L2:\n"
	       " v7 = const.i32 0x0\n"
	       " set r1, v7\n"
	       " br L1\n");
}

/* Where a call comes back, others have been at the registers; nothing that was assumed at the entry was looked at, either. */
static void call_and_come_back(struct ir_unit *u)
{
	ir_set(u, R(1), k32(u, 0));
	store_zero(u, 0);
	ir_exit_jump(u, 0, IR_LINK_CALL, 0x2000, 0x1004);
	ir_exit_lands(u, 1);
	ir_block_start(u, 1);
	ir_enter(u, 0x1004, false);
	ir_insn(u, 0x1004);
	ir_br(u, 2);
	ir_block_start(u, 2);
	store_zero(u, 0);
	store_zero(u, 1);
	ir_br(u, 2);
}

static void where_a_call_comes_back_nothing_is_known(void **state)
{
	(void)state;
	expect(call_and_come_back, UINT32_MAX,
	       " ---- 00001000\n"
	       " v1 = const.i32 0x0\n"
	       " set r1, v1\n"
	       " v3 = get r0\n"
	       " v4 = const.i32 0x0\n"
	       " st.32 [v3], v4 align=rotate,leaves space=0\n"
	       " exit_jump slot=0 pc=00002000 call ret=00001004 lands=L1\n"
	       "L1:\n"
	       " enter pc=00001004\n"
	       " ---- 00001004\n"
	       " br L2\n"
	       "L2:\n"
	       " v10 = get r0\n"
	       " v11 = const.i32 0x0\n"
	       " st.32 [v10], v11 align=rotate,leaves space=0\n"
	       " v13 = get r1\n"
	       " v14 = const.i32 0x0\n"
	       " st.32 [v13], v14 align=rotate,leaves space=0\n"
	       " br L2\n");
}

/* ---- random loops -------------------------------------------------------------------------------- */

#define BLOCKS 7u /* and one behind them. Those of even numbers look at the budget, and all jumps backwards go there */
#define TURNS 60

struct world {
	int32_t budget;
	uint64_t state;
};

static bool load(void *ctx, uint32_t addr, uint16_t memop, unsigned mark, uint64_t *value)
{
	struct world *w = ctx;
	bool odd = addr & (ir_memop_size(memop) - 1);
	struct random_source r = { w->state++ };
	(void)mark;
	*value = random_u32(&r) & (random_below(&r, 2) ? ~3u : ~0u);
	return !odd || !(ir_memop_leaves(memop) || ir_memop_align(memop) == IR_ALIGN_FAULT);
}

static bool store(void *ctx, uint32_t addr, uint16_t memop, unsigned mark, uint64_t value)
{
	uint64_t ignored;
	(void)value;
	return load(ctx, addr, memop, mark, &ignored);
}

static bool charge(void *ctx, int32_t n)
{
	struct world *w = ctx;
	w->budget -= n;
	return w->budget >= 0;
}

static ir_ref random_sum(struct ir_unit *u, struct random_source *r)
{
	static const uint32_t by[] = { 0, 4, 8, 4, 2, 1, 0xfffffffc, 6 };
	ir_ref a = ir_get(u, random_below(r, 20) ? R(random_below(r, 5)) : RANDOM_G_FLAG0);
	switch (random_below(r, 8)) {
	case 0: return ir_shl(u, IR_I32, a, k32(u, random_below(r, 4)));
	case 1: return ir_and(u, IR_I32, a, k32(u, ~random_below(r, 4)));
	case 2: return ir_sub(u, IR_I32, a, ir_get(u, R(random_below(r, 5))));
	case 3: return ir_select(u, IR_I32, a, a, ir_get(u, R(random_below(r, 5))));
	case 4: return a;
	default: return ir_add(u, IR_I32, a, k32(u, by[random_below(r, ARRAY_LEN(by))]));
	}
}

static void random_op(struct ir_unit *u, struct random_source *r)
{
	static const uint16_t memops[] = { WORD, WORD, WORD, HALF, HALF, STAYS, IR_MEMOP(2, 0, IR_ALIGN_FAULT, 0), IR_MEMOP(1, 0, IR_ALIGN_FAULT, 0) };
	uint16_t memop = memops[random_below(r, ARRAY_LEN(memops))], to = R(random_below(r, 5));
	ir_ref v = random_sum(u, r);
	switch (random_below(r, 12)) {
	case 0: case 1: case 2: ir_st(u, IR_I32, memop, v, v); break;
	case 3: case 4: ir_set(u, R(random_below(r, 3) ? 8 : to), ir_ld(u, IR_I32, memop, v)); break;
	case 5: ir_set(u, RANDOM_G_FLAG0, ir_cmp(u, IR_I32, IR_LTU, v, ir_get(u, R(6)))); break;
	case 6:
		if (random_below(r, 6) == 0)
			ir_call(u, RANDOM_H_TOUCH, &v);
		else
			ir_stick(u, RANDOM_G_FLAG0, v);
		break;
	default: ir_set(u, to, v); break;
	}
}

static ir_label looking(struct random_source *r)
{
	return 2 * random_below(r, (BLOCKS + 1) / 2);
}

static void random_loops(struct ir_unit *u, uint64_t seed)
{
	struct random_source r = { seed };
	for (unsigned l = 0; l <= BLOCKS; l++)
		ir_block_new(u);
	for (unsigned l = 0; l < BLOCKS; l++) {
		ir_block_start(u, l);
		if (l == 0)
			ir_insn(u, 0x1000);
		for (unsigned n = random_below(&r, 5); n--;)
			random_op(u, &r);
		ir_label a = random_below(&r, 3) ? l + 1 : looking(&r), b = looking(&r);
		if (l % 2 == 0)
			ir_charge(u, 1, a, BLOCKS);
		else
			ir_brc(u, ir_get(u, RANDOM_G_FLAG0), a, b);
	}
	ir_block_start(u, BLOCKS);
	ir_exit_budget(u, 1, 0x1000);
}

static unsigned count_known(const struct ir_unit *u)
{
	unsigned n = 0;
	for (ir_ref r = 0; r < u->n_insns; r++)
		n += (u->insns[r].op == IR_ld || u->insns[r].op == IR_st) && ir_memop_aligned(u->insns[r].aux);
	return n;
}

static void what_is_known_in_random_loops_is_true(void **state)
{
	(void)state;
	uint64_t seed = random_seed_from_env(1);
	struct arena arena = { 0 };
	unsigned known = 0, assumed = 0;
	for (unsigned n = 0; n < 20000; n++, seed++) {
		struct random_source r = { seed ^ 0x616c69676e };
		struct random_env env;
		struct ir_unit u;
		arena_reset(&arena);
		ir_unit_init(&u, &random_guest, &arena);
		random_loops(&u, seed);
		u.may_assume = random_below(&r, 2) ? UINT32_MAX : random_u32(&r);
		ir_optimise(&u);
		assert_unit_valid(&u, "optimised", seed);
		known += count_known(&u);
		assumed += u.assumes != 0;
		for (unsigned k = 0; k < 4; k++) {
			struct world w = { .budget = TURNS, .state = seed };
			struct ir_memory mem = { .ctx = &w, .load = load, .store = store, .charge = charge };
			random_env_init(&env, seed + k);
			for (unsigned g = 0; g < 5; g++)
				env.r[g] = random_u32(&r) & (random_below(&r, 8) ? ~3u : ~random_below(&r, 4));
			if (!ir_unmet(u.guest, &env, u.assumes))
				ir_interpret(&u, &env, &mem);
		}
	}
	print_message("%u accesses known, %u units assume something\n", known, assumed);
	assert_true(known > 20000 && assumed > 2000);
	arena_free(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_access_shows_what_its_sum_is_made_of),
		cmocka_unit_test(an_access_that_stays_shows_nothing),
		cmocka_unit_test(what_all_ways_know_is_known),
		cmocka_unit_test(loops_assume_what_they_need),
		cmocka_unit_test(a_jump_backwards_is_no_loop),
		cmocka_unit_test(where_a_call_comes_back_nothing_is_known),
		cmocka_unit_test(what_is_known_in_random_loops_is_true),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
