/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Flags owed to units that are not what they were (decision 008): code from a time without links that is linked now, and blocks that a region
 * stands in for; flags of what goes elsewhere than to the next instruction. A failure means that flags were seen, by a condition or in SPSR at an abort, that had not been written.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/runtime/guest.h"

/* A loop calls what the word at 0x3000 points to, and counts in r5 and r6 how that comes back with Z. */
static void put_counting_loop(struct guest *g)
{
	guest_org(g, 0x1000);
	guest_set_pc(g, 0x1000);
	guest_put(g, a_mov(0, 1));
	guest_put(g, a_mov(1, 0));
	guest_put(g, a_mov(5, 0));
	guest_put(g, a_mov(6, 0));
	guest_li(g, 7, 0x3000);
	uint32_t loop = guest_put(g, a_ldr(4, 7, 0));
	guest_put(g, 0xe12fff34); /* blx r4 */
	guest_put(g, a_if(EQ, a_add(5, 5, 1)));
	guest_put(g, a_if(NE, a_add(6, 6, 1)));
	guest_put(g, a_b(g->at, loop));
	guest_org(g, 0x2000);
	guest_put(g, a_cmp(0, 0));
	guest_put(g, a_bx(LR));
	guest_org(g, 0x2100);
	guest_put(g, a_eor(1, 1, 1));
	guest_put(g, a_cmp(1, 0));
	guest_put(g, a_bx(LR));
}

static void code_from_before_links_sees_flags(void **state)
{
	(void)state;
	struct guest g;
	guest_init(&g, &(struct rhea_config){.accel = RHEA_ACCEL_JIT, .compile_at_once = true});
	put_counting_loop(&g);
	guest_set_word(&g, 0x3000, 0x2000);
	assert_int_equal(rhea_log_items(g.m, "nochain", NULL), RHEA_OK);
	guest_step(&g, 1000);
	assert_int_equal(guest_reg(&g, 5), 0);
	assert_in_range(guest_reg(&g, 6), 120, 200);
	assert_int_equal(rhea_log_items(g.m, "none", NULL), RHEA_OK);
	guest_set_word(&g, 0x3000, 0x2100);
	guest_step(&g, 1000);
	assert_in_range(guest_reg(&g, 5), 50, 75); /* every other call comes back so */
	guest_free(&g);
}

enum { A, B, C, N_BLOCKS };

/*
 * A: cmp; bls C.  B: loads, writes N, Z and C; then C: loads, now and then by a pointer that aborts; goes to B or, by another block, to A.
 * A region of B and C overwrites all flags, B alone does not; A leads to both.
 */
static void put_blocks(struct guest *g, uint32_t *key)
{
	guest_vector(g, 0x10, 0x280);
	guest_org(g, 0x280);
	guest_put(g, 0xe14fd000u); /* mrs sp, spsr */
	guest_put(g, a_str(SP, 11, IO_LOG));
	guest_put(g, a_movr(7, 10));
	guest_put(g, 0xe25ef008u); /* subs pc, lr, #8 */
	guest_org(g, 0x1000);
	guest_set_pc(g, 0x1000);
	for (unsigned i = 0; i < 10; i++)
		guest_put(g, a_mov(i, i));
	guest_li(g, 6, 0x3000);
	guest_li(g, 7, 0x3004);
	guest_li(g, 10, 0x3004);
	guest_li(g, 11, GUEST_IO);
	guest_li(g, 12, GUEST_IO + IO_BAD);
	guest_put(g, a_mov(1, 3));
	guest_put(g, a_mov(9, 0));
	guest_li(g, 3, 0x80000000u);
	uint32_t start = g->at;
	guest_org(g, 0x1100);
	key[A] = guest_put(g, a_cmp(4, 5));
	uint32_t to_c = g->at;
	g->at += 4;
	key[B] = guest_put(g, 0xe5d60000u); /* ldrb r0, [r6] */
	guest_put(g, a_dp(MOV, 1, 2, 0, 3));
	guest_put(g, a_b(g->at, g->at + 8));
	guest_put(g, 0xe1a00000u); /* nop */
	key[C] = guest_put(g, 0xe5d75000u); /* ldrb r5, [r7] */
	guest_put(g, a_add(5, 5, 1));
	guest_put(g, 0xe5c75000u); /* strb r5, [r7] */
	guest_put(g, a_dp(AND, 0, 5, 5, 1));
	guest_put(g, a_dp(AND, 0, 8, 9, I_BIT | 3));
	guest_put(g, a_dp(CMP, 1, 0, 5, 8));
	guest_put(g, a_mov(5, 0));
	guest_put(g, a_mov(8, 0));
	guest_put(g, a_if(GE, a_b(g->at, key[B])));
	guest_put(g, a_add(4, 4, 7));
	guest_put(g, a_movr(7, 12));
	guest_put(g, a_dp(AND, 0, 4, 4, I_BIT | 31));
	guest_put(g, a_cmp(4, 9));
	guest_put(g, a_if(LS, a_b(g->at, key[B])));
	guest_put(g, a_b(g->at, key[A]));
	guest_org(g, start);
	guest_put(g, a_b(start, key[B]));
	guest_org(g, to_c);
	guest_put(g, a_if(LS, a_b(to_c, key[C])));
}

/* The block at `key` is met as often as the head of a region. */
static void make_region(struct guest *g, uint32_t key)
{
	struct tb_store *s = &g->m->vcpu->tbs;
	for (uint32_t i = 0; i < s->n_by_host; i++) {
		struct tb *tb = s->by_host[i];
		if (tb->pc_key != key || !tb->valid || tb->region)
			continue;
		tb->samples = UINT16_MAX - 1;
		tb->region_tries = 0;
		vcpu_sample(g->m->vcpu, tb);
		assert_non_null(tb->over);
		return;
	}
	fail_msg("no block at %08x", key);
}

static void step_both(struct guest g[2], uint64_t n)
{
	guest_step(&g[0], n);
	guest_step(&g[1], n);
}

static void what_a_region_takes_is_not_what_its_head_takes(void **state)
{
	(void)state;
	struct guest g[2];
	uint32_t key[N_BLOCKS];
	guest_init(&g[0], &(struct rhea_config){.accel = RHEA_ACCEL_JIT, .compile_at_once = true, .tier2_thread = RHEA_TIER2_THREAD_OFF, .icount = true});
	guest_init(&g[1], &(struct rhea_config){.accel = RHEA_ACCEL_INTERP, .icount = true});
	for (unsigned i = 0; i < 2; i++)
		put_blocks(&g[i], key);
	step_both(g, 600);
	make_region(&g[0], key[B]);
	step_both(g, 600);
	for (unsigned i = 0; i < 2; i++)
		assert_int_equal(rhea_write_reg(g[i].m, 9, 2), RHEA_OK);
	step_both(g, 20600);
	make_region(&g[0], key[A]);
	step_both(g, 600);
	for (unsigned k = 0; k < 3000; k++) {
		step_both(g, 50 + k % 61);
		for (unsigned r = 0; r < 17; r++)
			assert_int_equal(guest_reg(&g[0], r), guest_reg(&g[1], r));
	}
	assert_int_equal(g[0].n_log, g[1].n_log);
	for (unsigned k = 0; k < g[0].n_log; k++)
		assert_int_equal(g[0].log[k], g[1].log[k]);
	guest_free(&g[0]);
	guest_free(&g[1]);
}

/* What sets flags and writes the program counter: the compare behind it never runs. r4 counts the carries at the target. */
static void flags_of_a_jump_are_not_those_of_what_is_behind_it(void **state)
{
	(void)state;
	EACH_WAY(way) {
		struct guest g;
		guest_init(&g, &way->cfg);
		guest_org(&g, 0x1000);
		guest_set_pc(&g, 0x1000);
		guest_li(&g, 4, 0);
		guest_li(&g, 7, 50);
		uint32_t loop = g.at;
		guest_li(&g, 0, 0x2000 - 1);
		guest_li(&g, 1, 0);
		guest_put(&g, 0xe1500000); /* cmp r0, r0: C */
		guest_put(&g, 0xe0b0f211); /* adcs pc, r0, r1, lsl r2: no C */
		guest_put(&g, 0xe1500000);
		guest_org(&g, 0x2000);
		guest_put(&g, 0xe2a44000); /* adc r4, r4, #0 */
		guest_put(&g, a_subs(7, 7, 1));
		guest_put(&g, a_bcond(NE, g.at, loop));
		guest_stop(&g);
		guest_run(&g, 10000);
		if (guest_reg(&g, 4))
			fail_msg("%s: %u carries", way->name, guest_reg(&g, 4));
		guest_free(&g);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(code_from_before_links_sees_flags),
		cmocka_unit_test(what_a_region_takes_is_not_what_its_head_takes),
		cmocka_unit_test(flags_of_a_jump_are_not_those_of_what_is_behind_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
