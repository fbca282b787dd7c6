/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The optimiser: random units mean the same before and after, and the units below lose exactly
 * what they should. A failure of the first kind is a wrong translation, of the second a slow one.
 */
#include "tests/ir/util.h"

/* ---- random units mean the same -------------------------------------------------------------- */

struct outcome {
	struct random_env env;
	struct random_memory mem;
	struct ir_interp_result result;
};

static void run(const struct ir_unit *u, uint64_t seed, struct outcome *out)
{
	random_env_init(&out->env, seed);
	random_memory_init(&out->mem, seed);
	out->result = ir_interpret(u, &out->env, &(struct ir_memory){ .ctx = &out->mem, .load = random_load, .store = random_store });
}

static bool same(const struct outcome *a, const struct outcome *b)
{
	return a->result.exit == b->result.exit && a->result.slot == b->result.slot &&
	       a->result.pc_key == b->result.pc_key && a->result.marks == b->result.marks &&
	       !memcmp(&a->env, &b->env, sizeof a->env) && !memcmp(&a->mem, &b->mem, sizeof a->mem);
}

static void fail_showing(struct ir_unit *u, uint64_t seed, unsigned size)
{
	struct ir_unit before;
	ir_unit_init(&before, &random_guest, u->arena);
	random_unit(&before, &random_guest, seed, size);
	char *was = unit_text(&before), *is = unit_text(u);
	print_error("RHEA_SEED=%#llx size %u\nbefore:\n%s\nafter:\n%s", (unsigned long long)seed, size, was, is);
	free(was);
	free(is);
	fail();
}

static unsigned count_insns(const struct ir_unit *u)
{
	unsigned n = 0;
	for (ir_ref r = 0; r < u->n_insns; r++)
		n += u->insns[r].op != IR_nop;
	return n;
}

/* State, memory accesses in order, exit and faults are those of the unit as it was built. */
static void random_units_keep_their_meaning(void **state)
{
	(void)state;
	uint64_t seed = random_seed_from_env(5);
	struct arena arena = { 0 };
	struct outcome *o = calloc(2, sizeof *o);
	unsigned long before = 0, after = 0;
	for (unsigned n = 0; n < 20000; n++, seed++) {
		struct ir_unit u;
		unsigned size = 5 + (unsigned)(seed % 120);
		arena_reset(&arena);
		ir_unit_init(&u, &random_guest, &arena);
		random_unit(&u, &random_guest, seed, size);
		assert_unit_valid(&u, "generated", seed);
		run(&u, seed, &o[0]);
		before += count_insns(&u);
		ir_optimise(&u);
		after += count_insns(&u);
		assert_unit_valid(&u, "optimised", seed);
		run(&u, seed, &o[1]);
		if (!same(&o[0], &o[1]))
			fail_showing(&u, seed, size);
	}
	print_message("insns: %lu before, %lu after\n", before, after);
	assert_true(after < before * 3 / 4);
	free(o);
	arena_free(&arena);
}

/* A second round over an optimised unit is harmless. */
static void optimising_twice_is_sound(void **state)
{
	(void)state;
	uint64_t seed = random_seed_from_env(6);
	struct arena arena = { 0 };
	struct outcome *o = calloc(2, sizeof *o);
	for (unsigned n = 0; n < 2000; n++, seed++) {
		struct ir_unit u;
		arena_reset(&arena);
		ir_unit_init(&u, &random_guest, &arena);
		random_unit(&u, &random_guest, seed, 100);
		run(&u, seed, &o[0]);
		ir_optimise(&u);
		ir_optimise(&u);
		assert_unit_valid(&u, "optimised twice", seed);
		run(&u, seed, &o[1]);
		if (!same(&o[0], &o[1]))
			fail_showing(&u, seed, 100);
	}
	free(o);
	arena_free(&arena);
}

/* ---- what must go and what must stay ------------------------------------------------------------
 * Nested builder calls below have at most one argument that emits: C leaves the order open. */

#define R(n) (uint16_t)(RANDOM_G_R0 + (n))
#define FLAG(n) (uint16_t)(RANDOM_G_FLAG0 + (n))

/* Builds with `build` between a first marker and the end of the test's choice, optimises, and
 * compares the text. Blocks 0 to 3 exist; block 0 is open. */
static void expect(void (*build)(struct ir_unit *), const char *want)
{
	struct arena arena = { 0 };
	struct ir_unit u;
	ir_unit_init(&u, &random_guest, &arena);
	for (unsigned i = 0; i < 4; i++)
		ir_block_new(&u);
	ir_block_start(&u, 0);
	ir_insn(&u, 0x1000);
	build(&u);
	u.n_blocks = u.n_order;
	assert_unit_valid(&u, "built", 0);
	ir_optimise(&u);
	assert_unit_valid(&u, "optimised", 0);
	char *text = unit_text(&u);
	assert_string_equal(text, want);
	free(text);
	arena_free(&arena);
}

static ir_ref k32(struct ir_unit *u, uint32_t x)
{
	return ir_const(u, IR_I32, x);
}

/* What a front end emits for `subs rd, r0, r1`. */
static void subs(struct ir_unit *u, unsigned rd)
{
	ir_ref a = ir_get(u, R(0)), b = ir_get(u, R(1)), r = ir_sub(u, IR_I32, a, b);
	ir_set(u, R(rd), r);
	ir_set(u, FLAG(0), ir_cmp(u, IR_I32, IR_LTS, r, k32(u, 0)));
	ir_set(u, FLAG(1), ir_cmp(u, IR_I32, IR_EQ, r, k32(u, 0)));
	ir_set(u, FLAG(2), ir_sub_c(u, IR_I32, a, b, k32(u, 1)));
	ir_set(u, FLAG(3), ir_sub_v(u, IR_I32, a, b, k32(u, 1)));
}

static void two_subs(struct ir_unit *u)
{
	subs(u, 2);
	subs(u, 3);
	ir_exit_jump(u, 0, IR_LINK_JUMP, 0x2000, 0);
}

static void subs_where_flags_are_dead(struct ir_unit *u)
{
	subs(u, 2);
	ir_exit_jump(u, 0, IR_LINK_JUMP, 0x2000, 0);
	ir_exit_dead(u, 1u << FLAG(0) | 1u << FLAG(1) | 1u << FLAG(3));
}

/* An exit that says so needs no flags; the others it does. */
static void what_is_dead_at_an_exit_is_not_made(void **state)
{
	(void)state;
	expect(subs_where_flags_are_dead, " ---- 00001000\n"
					  " v1 = get r0\n"
					  " v2 = get r1\n"
					  " v3 = sub v1, v2\n"
					  " set r2, v3\n"
					  " v12 = cmp.geu v1, v2\n"
					  " set f2, v12\n"
					  " exit_jump slot=0 pc=00002000 dead=f0,f1,f3\n");
}

static void flags_overwritten_unseen_are_not_made(void **state)
{
	(void)state;
	expect(two_subs, " ---- 00001000\n"
			 " v1 = get r0\n"
			 " v2 = get r1\n"
			 " v3 = sub v1, v2\n"
			 " set r2, v3\n"
			 " v19 = sub v1, v2\n"
			 " set r3, v19\n"
			 " v21 = const.i32 0x0\n"
			 " v22 = cmp.lts v19, v21\n"
			 " set f0, v22\n"
			 " v24 = const.i32 0x0\n"
			 " v25 = cmp.eq v19, v24\n"
			 " set f1, v25\n"
			 " v28 = cmp.geu v1, v2\n"
			 " set f2, v28\n"
			 " v30 = const.i32 0x1\n"
			 " v31 = sub_v v1, v2, v30\n"
			 " set f3, v31\n"
			 " exit_jump slot=0 pc=00002000\n");
}

static void set_load_set(struct ir_unit *u)
{
	ir_ref a = ir_get(u, R(0));
	ir_set(u, FLAG(1), ir_cmp(u, IR_I32, IR_EQ, a, k32(u, 4)));
	ir_ld(u, IR_I32, IR_MEMOP(2, 0, IR_ALIGN_ANY, 0), a);
	ir_set(u, FLAG(1), ir_cmp(u, IR_I32, IR_EQ, a, k32(u, 5)));
	ir_exit_jump(u, 0, IR_LINK_JUMP, 0x2000, 0);
}

/* A fault shows all globals to the guest's handler; the load itself stays though nobody uses it. */
static void sets_before_a_load_stay(void **state)
{
	(void)state;
	expect(set_load_set, " ---- 00001000\n"
			     " v1 = get r0\n"
			     " v2 = const.i32 0x4\n"
			     " v3 = ~cmp.eq v1, v2\n"
			     " set~ f1, v3\n"
			     " v5 = ld.u32 [v1] align=any space=0\n"
			     " v6 = const.i32 0x5\n"
			     " v7 = cmp.eq v1, v6\n"
			     " set f1, v7\n"
			     " exit_jump slot=0 pc=00002000\n");
}

static void diamond(struct ir_unit *u, bool both)
{
	ir_ref a = ir_get(u, R(0));
	ir_set(u, FLAG(1), ir_cmp(u, IR_I32, IR_EQ, a, k32(u, 4)));
	ir_brc(u, a, 1, 2);
	ir_block_start(u, 1);
	ir_set(u, FLAG(1), k32(u, 0));
	ir_br(u, 3);
	ir_block_start(u, 2);
	ir_set(u, both ? FLAG(1) : FLAG(2), k32(u, 1));
	ir_br(u, 3);
	ir_block_start(u, 3);
	ir_exit_jump(u, 0, IR_LINK_JUMP, 0x2000, 0);
}

static void diamond_both(struct ir_unit *u)
{
	diamond(u, true);
}

static void diamond_one(struct ir_unit *u)
{
	diamond(u, false);
}

static void liveness_crosses_blocks(void **state)
{
	(void)state;
	expect(diamond_both, " ---- 00001000\n"
			     " v1 = get r0\n"
			     " brc v1, L1, L2\n"
			     "L1:\n"
			     " v6 = const.i32 0x0\n"
			     " set f1, v6\n"
			     " br L3\n"
			     "L2:\n"
			     " v9 = const.i32 0x1\n"
			     " set f1, v9\n"
			     " br L3\n"
			     "L3:\n"
			     " exit_jump slot=0 pc=00002000\n");
	expect(diamond_one, " ---- 00001000\n"
			    " v1 = get r0\n"
			    " v2 = const.i32 0x4\n"
			    " v3 = cmp.eq v1, v2\n"
			    " set f1, v3\n"
			    " brc v1, L1, L2\n"
			    "L1:\n"
			    " v6 = const.i32 0x0\n"
			    " set f1, v6\n"
			    " br L3\n"
			    "L2:\n"
			    " v9 = const.i32 0x1\n"
			    " set f2, v9\n"
			    " br L3\n"
			    "L3:\n"
			    " exit_jump slot=0 pc=00002000\n");
}

static void set_again(struct ir_unit *u, unsigned flag, ir_ref a, uint32_t k)
{
	ir_set_again(u, FLAG(flag), ir_cmp(u, IR_I32, IR_EQ, a, k32(u, k)));
}

static void repeated(struct ir_unit *u)
{
	ir_ref a = ir_get(u, R(0));
	ir_set(u, FLAG(1), ir_cmp(u, IR_I32, IR_EQ, a, k32(u, 4)));
	ir_set(u, FLAG(2), ir_cmp(u, IR_I32, IR_EQ, a, k32(u, 5)));
	ir_brc(u, a, 1, 2);
	ir_block_start(u, 1);
	a = ir_get(u, R(0));
	set_again(u, 1, a, 4);
	set_again(u, 2, a, 5);
	ir_ld(u, IR_I32, IR_MEMOP(2, 0, IR_ALIGN_ANY, 0), a);
	ir_set(u, FLAG(1), k32(u, 0));
	ir_br(u, 2);
	ir_block_start(u, 2);
	ir_set(u, FLAG(1), k32(u, 1));
	ir_exit_jump(u, 0, IR_LINK_JUMP, 0x2000, 0);
}

/* f1 is seen by the fault of the load only, where it is set again; f2 by the exit, too. */
static void what_is_set_again_for_faults_need_not_be_set_before(void **state)
{
	(void)state;
	expect(repeated, " ---- 00001000\n"
			 " v1 = get r0\n"
			 " v5 = const.i32 0x5\n"
			 " v6 = cmp.eq v1, v5\n"
			 " set f2, v6\n"
			 " brc v1, L1, L2\n"
			 "L1:\n"
			 " v9 = get r0\n"
			 " v10 = const.i32 0x4\n"
			 " v11 = ~cmp.eq v9, v10\n"
			 " set~ f1, v11\n"
			 " v16 = ld.u32 [v9] align=any space=0\n"
			 " br L2\n"
			 "L2:\n"
			 " v20 = const.i32 0x1\n"
			 " set f1, v20\n"
			 " exit_jump slot=0 pc=00002000\n");
}

static void repeated_in_loop(struct ir_unit *u)
{
	ir_br(u, 1);
	ir_block_start(u, 1);
	ir_ref a = ir_get(u, R(0));
	set_again(u, 1, a, 4);
	ir_ld(u, IR_I32, IR_MEMOP(2, 0, IR_ALIGN_ANY, 0), a);
	ir_brc(u, a, 2, 3);
	ir_block_start(u, 2);
	a = ir_get(u, R(0));
	ir_set(u, FLAG(1), ir_cmp(u, IR_I32, IR_EQ, a, k32(u, 4)));
	ir_br(u, 1);
	ir_block_start(u, 3);
	ir_exit_jump(u, 0, IR_LINK_JUMP, 0x2000, 0);
}

/* The exit looks at f1, too: what goes is the set that repeats, also where it is come to from behind. */
static void what_is_set_again_for_others_is_set_before(void **state)
{
	(void)state;
	expect(repeated_in_loop, " ---- 00001000\n"
				 " br L1\n"
				 "L1:\n"
				 " v2 = get r0\n"
				 " v6 = ld.u32 [v2] align=any space=0\n"
				 " brc v2, L2, L3\n"
				 "L2:\n"
				 " v8 = get r0\n"
				 " v9 = const.i32 0x4\n"
				 " v10 = cmp.eq v8, v9\n"
				 " set f1, v10\n"
				 " br L1\n"
				 "L3:\n"
				 " exit_jump slot=0 pc=00002000\n");
}

static void loop(struct ir_unit *u)
{
	ir_br(u, 1);
	ir_block_start(u, 1);
	ir_set(u, FLAG(1), ir_get(u, FLAG(0)));
	ir_br(u, 2);
	ir_block_start(u, 2);
	ir_ref n = ir_get(u, R(0));
	n = ir_sub(u, IR_I32, n, k32(u, 1));
	ir_set(u, R(0), n);
	ir_set(u, FLAG(0), ir_cmp(u, IR_I32, IR_EQ, n, k32(u, 9)));
	ir_set(u, FLAG(1), ir_cmp(u, IR_I32, IR_EQ, n, k32(u, 0)));
	ir_brc(u, n, 1, 3);
	ir_block_start(u, 3);
	ir_set(u, FLAG(1), k32(u, 0));
	ir_exit_jump(u, 0, IR_LINK_JUMP, 0x2000, 0);
}

/* f0 is read in the next round of the loop, f1 is overwritten on both ways on. */
static void liveness_goes_around_loops(void **state)
{
	(void)state;
	expect(loop, " ---- 00001000\n"
		     " br L1\n"
		     "L1:\n"
		     " br L2\n"
		     "L2:\n"
		     " v5 = get r0\n"
		     " v6 = const.i32 0x1\n"
		     " v7 = sub v5, v6\n"
		     " set r0, v7\n"
		     " v9 = const.i32 0x9\n"
		     " v10 = cmp.eq v7, v9\n"
		     " set f0, v10\n"
		     " brc v7, L1, L3\n"
		     "L3:\n"
		     " v16 = const.i32 0x0\n"
		     " set f1, v16\n"
		     " exit_jump slot=0 pc=00002000\n");
}

static void calls(struct ir_unit *u)
{
	ir_ref one = k32(u, 1), wide = ir_const(u, IR_I64, 1);
	ir_set(u, R(0), one);
	ir_call(u, RANDOM_H_MIX, (ir_ref[]){ one, one });               /* pure, unused: goes */
	ir_call(u, RANDOM_H_COUNT, (ir_ref[]){ one, wide, one, one }); /* sees no globals */
	ir_set(u, R(0), k32(u, 2));
	ir_call(u, RANDOM_H_SIGN, NULL); /* reads */
	ir_set(u, R(0), k32(u, 3));
	ir_call(u, RANDOM_H_CHECK, (ir_ref[]){ one }); /* may fault */
	ir_set(u, R(0), k32(u, 4));
	ir_call(u, RANDOM_H_TOUCH, (ir_ref[]){ one }); /* writes: r0 is not known after it */
	ir_set(u, R(1), ir_get(u, R(0)));
	ir_exit_jump(u, 0, IR_LINK_JUMP, 0x2000, 0);
}

static void helpers_have_the_effects_of_their_rows(void **state)
{
	(void)state;
	expect(calls, " ---- 00001000\n"
		      " v1 = const.i32 0x1\n"
		      " v2 = const.i64 0x1\n"
		      " call count(v1, v2, v1, v1)\n"
		      " v6 = const.i32 0x2\n"
		      " set r0, v6\n"
		      " call sign()\n"
		      " v9 = const.i32 0x3\n"
		      " set r0, v9\n"
		      " v11 = call check(v1)\n"
		      " v12 = const.i32 0x4\n"
		      " set r0, v12\n"
		      " v14 = call touch(v1)\n"
		      " v15 = get r0\n"
		      " set r1, v15\n"
		      " exit_jump slot=0 pc=00002000\n");
}

static void constants(struct ir_unit *u)
{
	ir_set(u, R(0), k32(u, 40));
	ir_ref x = ir_get(u, R(0));
	ir_set(u, R(0), ir_add(u, IR_I32, x, k32(u, 2)));
	x = ir_get(u, R(0));
	ir_brc(u, ir_cmp(u, IR_I32, IR_EQ, x, k32(u, 42)), 1, 2);
	ir_block_start(u, 2);
	ir_insn(u, 0x1004);
	ir_set(u, R(1), ir_get(u, R(2)));
	ir_exit_jump(u, 0, IR_LINK_JUMP, 0x2000, 0);
	ir_block_start(u, 1);
	ir_exit_ind(u, IR_LINK_RET, ir_get(u, R(3)), 0);
}

/* A decided branch goes one way; the other block keeps its marker and does nothing. */
static void known_branches_are_decided(void **state)
{
	(void)state;
	expect(constants, " ---- 00001000\n"
			  " v5 = const.i32 0x2a\n"
			  " set r0, v5\n"
			  " br L1\n"
			  "L2:\n"
			  " ---- 00001004\n"
			  " br L2\n"
			  "L1:\n"
			  " v15 = get r3\n"
			  " exit_ind v15 ret\n");
}

static void inherited(struct ir_unit *u)
{
	ir_set(u, R(0), k32(u, 7));
	ir_set(u, R(1), ir_get(u, R(2)));
	ir_brc(u, ir_get(u, FLAG(0)), 1, 2);
	ir_block_start(u, 1);
	ir_ref x = ir_get(u, R(0));
	ir_set(u, R(3), ir_add(u, IR_I32, x, k32(u, 1)));
	ir_set(u, R(0), k32(u, 7));
	ir_br(u, 2);
	ir_block_start(u, 2);
	ir_set(u, R(4), ir_get(u, R(0)));
	ir_exit_jump(u, 0, IR_LINK_JUMP, 0x2000, 0);
}

static void constants_pass_into_the_next_block(void **state)
{
	(void)state;
	expect(inherited, " ---- 00001000\n"
			  " v1 = const.i32 0x7\n"
			  " set r0, v1\n"
			  " v3 = get r2\n"
			  " set r1, v3\n"
			  " v5 = get f0\n"
			  " brc v5, L1, L2\n"
			  "L1:\n"
			  " v9 = const.i32 0x8\n"
			  " set r3, v9\n"
			  " br L2\n"
			  "L2:\n"
			  " v14 = get r0\n"
			  " set r4, v14\n"
			  " exit_jump slot=0 pc=00002000\n");
}

/* Two compares with constants, of which both clear and set the same flags. */
static void dead_on_the_way(struct ir_unit *u)
{
	ir_set(u, FLAG(0), k32(u, 1));
	ir_set(u, FLAG(1), k32(u, 1));
	ir_br(u, 1);
	ir_exit_dead(u, 1u << FLAG(0));
	ir_block_start(u, 1);
	ir_set(u, FLAG(0), k32(u, 1));
	ir_set(u, FLAG(1), k32(u, 1));
	ir_exit_jump(u, 0, IR_LINK_JUMP, 0x2000, 0);
}

/* What is dead on the way into a block is not set before it, so the block must do it. */
static void dead_constants_do_not_pass(void **state)
{
	(void)state;
	expect(dead_on_the_way, " ---- 00001000\n"
				" v3 = const.i32 0x1\n"
				" set f1, v3\n"
				" br L1 dead=f0\n"
				"L1:\n"
				" v6 = const.i32 0x1\n"
				" set f0, v6\n"
				" exit_jump slot=0 pc=00002000\n");
}

static void conditions(struct ir_unit *u)
{
	ir_ref z = ir_get(u, FLAG(1)), zero = k32(u, 0), one = k32(u, 1);
	ir_set(u, R(0), ir_select(u, IR_I32, z, one, zero));              /* is z */
	ir_set(u, R(1), ir_select(u, IR_I32, z, zero, one));              /* is z ^ 1 */
	ir_ref a = ir_get(u, R(4)), b = ir_get(u, R(5)), lt = ir_cmp(u, IR_I32, IR_LTU, a, b);
	ir_set(u, R(2), ir_cmp(u, IR_I32, IR_EQ, lt, zero));              /* is >= */
	ir_set(u, R(3), ir_zext8(u, IR_I32, ir_cmp(u, IR_I32, IR_NE, z, zero))); /* is z */
	ir_brc(u, ir_cmp(u, IR_I32, IR_EQ, z, zero), 1, 2);               /* is a branch on z */
	ir_block_start(u, 1);
	ir_exit_jump(u, 0, IR_LINK_JUMP, 0x2000, 0);
	ir_block_start(u, 2);
	ir_exit_jump(u, 1, IR_LINK_JUMP, 0x2000, 0);
}

static void tests_of_conditions_vanish(void **state)
{
	(void)state;
	expect(conditions, " ---- 00001000\n"
			   " v1 = get f1\n"
			   " v3 = const.i32 0x1\n"
			   " set r0, v1\n"
			   " v6 = xor v1, v3\n"
			   " set r1, v6\n"
			   " v8 = get r4\n"
			   " v9 = get r5\n"
			   " v11 = cmp.geu v8, v9\n"
			   " set r2, v11\n"
			   " set r3, v1\n"
			   " brc v1, L2, L1\n"
			   "L1:\n"
			   " exit_jump slot=0 pc=00002000\n"
			   "L2:\n"
			   " exit_jump slot=1 pc=00002000\n");
}

static void nothing_changes(struct ir_unit *u)
{
	ir_ref a = ir_get(u, R(0));
	ir_set(u, R(0), a);
	ir_set(u, R(1), ir_get(u, R(1)));
	ir_set(u, RANDOM_G_PC, a);
	ir_exit_jump(u, 0, IR_LINK_JUMP, 0x2000, 0);
}

/* Setting what is there is nothing, and the exit itself writes the pc. */
static void sets_without_effect_go(void **state)
{
	(void)state;
	expect(nothing_changes, " ---- 00001000\n"
				" exit_jump slot=0 pc=00002000\n");
}

/* ---- algebra: each identity leaves the operand, a constant, or one simpler insn -------------------- */

struct algebra {
	enum ir_op op;
	enum ir_type type;
	/* operands: 'x', 'y' = unknown values of the operand's type; '0', '1', '-' = constants 0, 1, -1 */
	const char *operands;
	const char *want; /* what r0 or wide is set to: "x", "y", "0", "1", "-", or an opcode's name */
};

static const struct algebra algebra[] = {
	{ IR_add, IR_I32, "x0", "x" }, { IR_add, IR_I32, "0x", "x" }, { IR_add, IR_I64, "x0", "x" },
	{ IR_sub, IR_I32, "x0", "x" }, { IR_sub, IR_I32, "xx", "0" }, { IR_sub, IR_I32, "0x", "sub" },
	{ IR_mul, IR_I32, "x0", "0" }, { IR_mul, IR_I32, "1x", "x" }, { IR_mul, IR_I64, "x0", "0" },
	{ IR_and, IR_I32, "x-", "x" }, { IR_and, IR_I64, "-x", "x" }, { IR_and, IR_I32, "x0", "0" },
	{ IR_and, IR_I32, "xx", "x" }, { IR_or, IR_I32, "x0", "x" }, { IR_or, IR_I32, "x-", "-" },
	{ IR_or, IR_I32, "xx", "x" }, { IR_xor, IR_I32, "xx", "0" }, { IR_xor, IR_I32, "x0", "x" },
	{ IR_xor, IR_I32, "x-", "not" }, { IR_andn, IR_I32, "x0", "x" }, { IR_andn, IR_I32, "x-", "0" },
	{ IR_andn, IR_I32, "xx", "0" }, { IR_andn, IR_I32, "-x", "not" }, { IR_andn, IR_I32, "0x", "0" },
	{ IR_shl, IR_I32, "x0", "x" }, { IR_shr, IR_I32, "x0", "x" }, { IR_sar, IR_I64, "x0", "x" },
	{ IR_ror, IR_I32, "x0", "x" }, { IR_ror, IR_I32, "-x", "-" }, { IR_shl, IR_I32, "0x", "0" },
	{ IR_adc, IR_I32, "xy0", "add" }, { IR_adc, IR_I32, "x00", "x" }, { IR_sbc, IR_I32, "xy1", "sub" },
	{ IR_sbc, IR_I32, "x01", "x" }, { IR_sbc, IR_I32, "xx1", "0" }, { IR_add_c, IR_I32, "x00", "0" },
	{ IR_add_v, IR_I32, "0x0", "0" }, { IR_add_c, IR_I32, "xy0", "add_c" }, { IR_sub_c, IR_I32, "xy1", "cmp" },
	{ IR_sub_c, IR_I32, "x01", "1" }, { IR_sub_v, IR_I32, "x01", "0" }, { IR_sub_v, IR_I32, "xx1", "0" },
	{ IR_sub_v, IR_I32, "xy1", "sub_v" }, { IR_select, IR_I32, "1xy", "x" }, { IR_select, IR_I32, "0xy", "y" },
	{ IR_select, IR_I32, "xyy", "y" }, { IR_copy, IR_I32, "x", "x" }, { IR_not, IR_I32, "0", "-" },
};

static ir_ref operand(struct ir_unit *u, char kind, enum ir_type t, const ir_ref unknown[2][2])
{
	bool q = t == IR_I64;
	if (kind == 'x' || kind == 'y')
		return unknown[q][kind - 'x'];
	return ir_const(u, t, kind == '-' ? (q ? UINT64_MAX : UINT32_MAX) : (uint64_t)(kind - '0'));
}

static void check_algebra(struct ir_unit *u, const struct algebra *a)
{
	ir_ref v[3] = { IR_NONE, IR_NONE, IR_NONE }, unknown[2][2];
	ir_block_new(u);
	ir_block_start(u, 0);
	ir_insn(u, 0);
	for (unsigned k = 0; k < 2; k++) {
		unknown[0][k] = ir_get(u, R(k + 1));
		ir_ref low = ir_get(u, R(k + 3)), high = ir_get(u, R(k + 5));
		unknown[1][k] = ir_join(u, IR_VOID, low, high);
	}
	for (unsigned k = 0; k < ir_ops[a->op].n_args; k++)
		v[k] = operand(u, a->operands[k], ir_ops[a->op].args[k] == 'T' ? a->type : IR_I32, unknown);
	ir_ref r = ir_emit(u, a->op, a->type, 0, v[0], v[1], v[2], 0);
	bool q = ir_result_type(u, &u->insns[r]) == IR_I64;
	ir_ref set = ir_set(u, q ? RANDOM_G_WIDE : R(0), r);
	ir_exit_loop(u, ir_const(u, IR_I32, 0));
	assert_unit_valid(u, "built", 0);
	ir_optimise(u);
	const struct ir_insn *got = &u->insns[u->insns[set].a];
	bool ok;
	if (a->want[0] == 'x' && !a->want[1])
		ok = u->insns[set].a == unknown[q][0];
	else if (a->want[0] == 'y' && !a->want[1])
		ok = u->insns[set].a == unknown[q][1];
	else if (!a->want[1])
		ok = got->op == IR_const &&
		     got->imm == (a->want[0] != '-' ? (uint64_t)(a->want[0] - '0') : q ? UINT64_MAX : UINT32_MAX);
	else
		ok = !strcmp(ir_ops[got->op].name, a->want);
	if (!ok) {
		char *text = unit_text(u);
		print_error("%s %s: expected %s\n%s", ir_ops[a->op].name, a->operands, a->want, text);
		free(text);
		fail();
	}
}

static void algebraic_identities_are_used(void **state)
{
	(void)state;
	struct arena arena = { 0 };
	for (unsigned k = 0; k < ARRAY_LEN(algebra); k++) {
		struct ir_unit u;
		arena_reset(&arena);
		ir_unit_init(&u, &random_guest, &arena);
		check_algebra(&u, &algebra[k]);
	}
	arena_free(&arena);
}

static void shifts_back(struct ir_unit *u)
{
	ir_ref x = ir_get(u, R(0)), up = ir_shl(u, IR_I32, x, k32(u, 24)), half = ir_shl(u, IR_I32, x, k32(u, 16));
	ir_set(u, R(1), ir_sar(u, IR_I32, up, k32(u, 24)));
	ir_set(u, R(2), ir_shr(u, IR_I32, half, k32(u, 16)));
	ir_set(u, R(3), ir_shr(u, IR_I32, half, k32(u, 17)));                                     /* something else */
	ir_set(u, R(4), ir_shl(u, IR_I32, ir_sar(u, IR_I32, up, k32(u, 24)), k32(u, 25)));        /* looks at x */
	ir_set(u, R(5), ir_shl(u, IR_I32, ir_and(u, IR_I32, x, k32(u, 0x7f)), k32(u, 25)));       /* looks at x */
	ir_set(u, R(6), ir_shl(u, IR_I32, ir_and(u, IR_I32, x, k32(u, 0x7f)), k32(u, 24)));       /* the mask clears a bit */
	ir_set(u, R(7), ir_adc(u, IR_I32, k32(u, 0), k32(u, 0), ir_cmp(u, IR_I32, IR_LTU, x, up))); /* is the carry */
	ir_exit_jump(u, 0, IR_LINK_JUMP, 0x2000, 0);
}

static void shifts_up_and_down_are_extensions(void **state)
{
	(void)state;
	expect(shifts_back, " ---- 00001000\n"
			    " v1 = get r0\n"
			    " v2 = const.i32 0x18\n"
			    " v3 = shl v1, v2\n"
			    " v4 = const.i32 0x10\n"
			    " v5 = shl v1, v4\n"
			    " v7 = sext8 v1\n"
			    " set r1, v7\n"
			    " v10 = zext16 v1\n"
			    " set r2, v10\n"
			    " v12 = const.i32 0x11\n"
			    " v13 = shr v5, v12\n"
			    " set r3, v13\n"
			    " v15 = const.i32 0x19\n"
			    " v18 = shl v1, v15\n"
			    " set r4, v18\n"
			    " v20 = const.i32 0x19\n"
			    " v23 = shl v1, v20\n"
			    " set r5, v23\n"
			    " v25 = const.i32 0x18\n"
			    " v26 = const.i32 0x7f\n"
			    " v27 = and v1, v26\n"
			    " v28 = shl v27, v25\n"
			    " set r6, v28\n"
			    " v30 = cmp.ltu v1, v3\n"
			    " set r7, v30\n"
			    " exit_jump slot=0 pc=00002000\n");
}

static void conversions(struct ir_unit *u)
{
	ir_ref x = ir_get(u, R(0)), byte = ir_ld(u, IR_I32, IR_MEMOP(0, 0, IR_ALIGN_ANY, 0), x);
	ir_set(u, R(1), ir_zext16(u, IR_VOID, ir_zext8(u, IR_VOID, byte)));    /* the load did it */
	ir_set(u, R(2), ir_sext8(u, IR_VOID, ir_zext16(u, IR_VOID, x)));       /* looks at x */
	ir_set(u, R(3), ir_trunc(u, IR_VOID, ir_sext32(u, IR_VOID, x)));       /* is x */
	ir_set(u, R(4), ir_high(u, IR_VOID, ir_zext32(u, IR_VOID, x)));        /* is 0 */
	ir_set(u, R(5), ir_high(u, IR_VOID, ir_join(u, IR_VOID, byte, x)));    /* is x */
	ir_set(u, R(6), ir_not(u, IR_I32, ir_not(u, IR_I32, x)));              /* is x */
	ir_set(u, R(7), ir_and(u, IR_I32, byte, k32(u, 0x1ff)));               /* clears nothing */
	ir_set(u, R(8), ir_shr(u, IR_I32, byte, k32(u, 8)));                   /* is 0 */
	ir_exit_jump(u, 0, IR_LINK_JUMP, 0x2000, 0);
}

static void needless_conversions_vanish(void **state)
{
	(void)state;
	expect(conversions, " ---- 00001000\n"
			    " v1 = get r0\n"
			    " v2 = ld.u8 [v1] align=any space=0\n"
			    " set r1, v2\n"
			    " v7 = sext8 v1\n"
			    " set r2, v7\n"
			    " set r3, v1\n"
			    " v13 = const.i32 0x0\n"
			    " set r4, v13\n"
			    " set r5, v1\n"
			    " set r6, v1\n"
			    " set r7, v2\n"
			    " v25 = const.i32 0x0\n"
			    " set r8, v25\n"
			    " exit_jump slot=0 pc=00002000\n");
}

/* The host has the condition in its flags where it is asked for, and the difference makes them. */
static void between(struct ir_unit *u)
{
	ir_ref a = ir_get(u, R(0)), b = ir_get(u, R(1)), less = ir_cmp(u, IR_I32, IR_LTU, a, b);
	ir_set(u, FLAG(0), less);
	ir_ref d = ir_sub(u, IR_I32, a, b), c = ir_get(u, R(2)), e = ir_or(u, IR_I32, c, b);
	ir_set(u, R(3), ir_select(u, IR_I32, less, d, a));
	ir_set(u, R(4), ir_select(u, IR_I32, less, e, c));
	ir_exit_jump(u, 0, IR_LINK_JUMP, 0x2000, 0);
}

static void arithmetic_moves_out_from_between(void **state)
{
	(void)state;
	expect(between, " ---- 00001000\n"
			" v1 = get r0\n"
			" v2 = get r1\n"
			" v3 = get r2\n"
			" v4 = or v3, v2\n"
			" v5 = sub v1, v2\n"
			" v6 = cmp.ltu v1, v2\n"
			" set f0, v6\n"
			" v8 = select v6, v5, v1\n"
			" set r3, v8\n"
			" v10 = select v6, v4, v3\n"
			" set r4, v10\n"
			" exit_jump slot=0 pc=00002000\n");
}

/* The difference is what is asked for, and what is made of it cannot go ahead of it. */
static void not_movable(struct ir_unit *u)
{
	ir_ref a = ir_get(u, R(0)), b = ir_get(u, R(1)), r = ir_sub(u, IR_I32, a, b), zero = k32(u, 0);
	ir_ref equal = ir_cmp(u, IR_I32, IR_EQ, r, zero);
	ir_set(u, FLAG(0), equal);
	ir_ref e = ir_or(u, IR_I32, r, b);
	ir_set(u, R(3), ir_select(u, IR_I32, equal, e, a));
	ir_exit_jump(u, 0, IR_LINK_JUMP, 0x2000, 0);
}

static void users_of_what_makes_the_condition_stay(void **state)
{
	(void)state;
	expect(not_movable, " ---- 00001000\n"
			    " v1 = get r0\n"
			    " v2 = get r1\n"
			    " v3 = sub v1, v2\n"
			    " v4 = const.i32 0x0\n"
			    " v5 = cmp.eq v3, v4\n"
			    " set f0, v5\n"
			    " v7 = or v3, v2\n"
			    " v8 = select v5, v7, v1\n"
			    " set r3, v8\n"
			    " exit_jump slot=0 pc=00002000\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_units_keep_their_meaning),
		cmocka_unit_test(optimising_twice_is_sound),
		cmocka_unit_test(flags_overwritten_unseen_are_not_made),
		cmocka_unit_test(what_is_dead_at_an_exit_is_not_made),
		cmocka_unit_test(sets_before_a_load_stay),
		cmocka_unit_test(liveness_crosses_blocks),
		cmocka_unit_test(what_is_set_again_for_faults_need_not_be_set_before),
		cmocka_unit_test(what_is_set_again_for_others_is_set_before),
		cmocka_unit_test(liveness_goes_around_loops),
		cmocka_unit_test(helpers_have_the_effects_of_their_rows),
		cmocka_unit_test(known_branches_are_decided),
		cmocka_unit_test(constants_pass_into_the_next_block),
		cmocka_unit_test(dead_constants_do_not_pass),
		cmocka_unit_test(tests_of_conditions_vanish),
		cmocka_unit_test(sets_without_effect_go),
		cmocka_unit_test(algebraic_identities_are_used),
		cmocka_unit_test(shifts_up_and_down_are_extensions),
		cmocka_unit_test(needless_conversions_vanish),
		cmocka_unit_test(arithmetic_moves_out_from_between),
		cmocka_unit_test(users_of_what_makes_the_condition_stay),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
