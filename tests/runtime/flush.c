/* SPDX-License-Identifier: Apache-2.0 */
/* More code than the buffer holds: everything is translated again and again. A failure means that something of before a
 * flush (a link, a jump cache entry, a tag, a dropped block) was used after it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/runtime/guest.h"

#define CODE 0x10000u
#define FUNCS 0x20000u
#define N_FUNCS 6000u /* of 64 bytes */
#define FUNC_BYTES 64u
#define ROUNDS 7u /* a block is compiled behind TB_COLD_RUNS, then in every second one at most */

static const struct rhea_config cfgs[] = {
	{.tb_size = 1 << 20},
	{.tb_size = 1 << 20, .no_chain = true},
	{.tb_size = 1 << 20, .compile_at_once = true},
	{.tb_size = 1 << 20, .codegen_seed = 3},
	{.tb_size = 1 << 20, .accel = RHEA_ACCEL_LOCKSTEP},
	{.tb_size = 1 << 20, .icount = true, .icount_shift = 3},
};

/* Function i: r0 = r0 * 3 + i, by adds, then on to its successor, or back by lr when it is the last one. */
static void put_func(struct guest *g, uint32_t i, uint32_t next)
{
	guest_org(g, FUNCS + FUNC_BYTES * i);
	guest_put(g, a_dp(ADD, 0, 0, 0, 0u | 1u << 7)); /* add r0, r0, r0, lsl #1 */
	guest_put(g, a_add(0, 0, i & 0xff));
	guest_put(g, a_add(0, 0, i & 0xff00));
	guest_put(g, a_cmp(0, 0));
	guest_put(g, a_if(MI, a_eor(1, 1, 1)));
	guest_put(g, a_str(0, 9, 0));
	guest_put(g, a_add(2, 2, 1));
	guest_put(g, next ? a_b(g->at, FUNCS + FUNC_BYTES * next) : A32_BX_LR);
	assert_true(g->at <= FUNCS + FUNC_BYTES * (i + 1));
}

static uint32_t shuffled(uint32_t i)
{
	return 1 + (i * 3671u + 11) % (N_FUNCS - 1);
}

/* Goes through function 0 and all others in a shuffled order, ROUNDS times. Returns what r0 becomes. */
static uint32_t put_chain(struct guest *g)
{
	uint32_t r0 = 0, order = 0;
	for (uint32_t k = 0; k < N_FUNCS; k++) {
		uint32_t next = k + 1 < N_FUNCS ? shuffled(k) : 0;
		put_func(g, order, next);
		order = next;
	}
	for (unsigned round = 0; round < ROUNDS; round++)
		for (uint32_t k = 0; k < N_FUNCS; k++)
			r0 = r0 * 3 + (k ? shuffled(k - 1) : 0);
	guest_org(g, CODE);
	guest_set_pc(g, CODE);
	guest_put(g, a_mov(9, 0x8000));
	guest_put(g, a_mov(3, ROUNDS));
	uint32_t loop = g->at;
	guest_put(g, a_bl(g->at, FUNCS));
	guest_put(g, a_subs(3, 3, 1));
	guest_put(g, a_bcond(NE, g->at, loop));
	return r0;
}

static void direct_jumps(void **state)
{
	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(cfgs); i++)
		for (unsigned mmu = 0; mmu < 2; mmu++) {
			struct guest g;
			guest_init(&g, &cfgs[i]);
			uint32_t want = put_chain(&g);
			guest_stop(&g);
			if (mmu)
				guest_mmu_on(&g);
			uint64_t flushes = g.m->vcpu->stats.code_flushes;
			guest_run(&g, 4000000);
			assert_int_equal(guest_reg(&g, 0), want);
			assert_int_equal(guest_reg(&g, 2), ROUNDS * N_FUNCS);
			assert_true(g.m->vcpu->stats.code_flushes > flushes + 1);
			guest_free(&g);
		}
}

/* As above, function by function through a table of addresses, while a timer interrupts and code is patched. */
static void calls_with_interrupts_and_patches(void **state)
{
	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(cfgs); i++) {
		struct guest g;
		uint32_t r0 = 0;
		guest_init(&g, &cfgs[i]);
		for (uint32_t k = 0; k < N_FUNCS; k++)
			put_func(&g, k, 0);
		for (uint32_t k = 0; k < N_FUNCS; k++) /* the patch: 5 for the low byte */
			r0 = r0 * 3 + ((k & 0xff00) | 5);
		guest_org(&g, 0x200); /* the handler counts in r8_irq's place: memory */
		guest_put(&g, a_str(10, SP, -4));
		guest_put(&g, a_mov(10, GUEST_IO));
		guest_put(&g, a_str(10, 10, IO_ACK));
		guest_put(&g, a_ldr(10, SP, -4));
		guest_put(&g, A32_IRQ_RETURN);
		guest_vector(&g, 0x18, 0x200);
		guest_org(&g, CODE);
		guest_set_pc(&g, CODE);
		guest_put(&g, a_msr_c(0xd2));
		guest_put(&g, a_mov(SP, 0x9000));
		guest_put(&g, a_msr_c(0x53));
		guest_put(&g, a_mov(9, 0x8000));
		guest_put(&g, a_mov(4, FUNCS));
		guest_put(&g, a_mov(7, 5));
		guest_put(&g, a_mov(11, GUEST_IO));
		guest_li(&g, 3, N_FUNCS);
		uint32_t loop = g.at;
		guest_put(&g, a_strb(7, 4, 4));
		guest_put(&g, a_movr(LR, PC));
		guest_put(&g, a_movr(PC, 4));
		guest_put(&g, a_add(4, 4, FUNC_BYTES));
		guest_put(&g, a_dp(TST, 1, 0, 4, I_BIT | a_imm(0x3c0)));
		guest_put(&g, a_if(EQ, a_str(4, 11, IO_IRQ)));
		guest_put(&g, a_subs(3, 3, 1));
		guest_put(&g, a_bcond(NE, g.at, loop));
		guest_stop(&g);
		guest_run(&g, 4000000);
		assert_int_equal(guest_reg(&g, 0), r0);
		assert_int_equal(guest_reg(&g, 2), N_FUNCS);
		guest_free(&g);
	}
}

/* Blocks as long as they get, each instruction expensive: the buffer still holds one. */
static void longest_blocks_fit(void **state)
{
	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(cfgs); i++) {
		struct guest g;
		guest_init(&g, &cfgs[i]);
		guest_org(&g, FUNCS);
		while (g.at < FUNCS + 0x80000) { /* stmia r9, {r0-r14}: fifteen stores */
			guest_put(&g, a_stm(9, 0x7fff));
			guest_put(&g, a_if(NE, a_ldm(9, 0x1c0f)));
		}
		guest_put(&g, a_add(8, 8, 1));
		guest_put(&g, a_cmp(8, 5));
		guest_put(&g, a_bcond(NE, g.at, FUNCS));
		guest_stop(&g);
		guest_org(&g, CODE);
		guest_set_pc(&g, CODE);
		guest_put(&g, a_mov(9, 0x8000));
		guest_put(&g, a_b(g.at, FUNCS));
		uint64_t flushes = g.m->vcpu->stats.code_flushes;
		guest_run(&g, 4000000);
		assert_int_equal(guest_reg(&g, 8), 5);
		assert_true(g.m->vcpu->stats.code_flushes > flushes);
		guest_free(&g);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(direct_jumps),
		cmocka_unit_test(calls_with_interrupts_and_patches),
		cmocka_unit_test(longest_blocks_fit),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
