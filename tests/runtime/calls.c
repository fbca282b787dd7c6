/* SPDX-License-Identifier: Apache-2.0 */
/* Calls and returns that do not pair up, or between which everything changes. A failure means that a return went where
 * some call would have it, and not where the guest said. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/runtime/guest.h"

#define CODE 0x10000u
#define FUNC 0x20000u
#define FUNC2 0x21000u
#define STACK 0x200000u
#define LIMIT 40000000u

static void start(struct guest *g, const struct guest_way *way)
{
	guest_init(g, &way->cfg);
	guest_org(g, CODE);
	guest_set_pc(g, CODE);
}

/* The oracles take a microsecond an instruction. */
static uint32_t size_for(const struct guest_way *way, uint32_t size)
{
	bool slow = way->cfg.accel != RHEA_ACCEL_JIT || way->cfg.one_insn_per_tb || way->cfg.no_chain;
	return slow ? size / 100 : size;
}

/* push {lr} and pop {pc} */
static uint32_t push_lr(void) { return 0xe52de004u; }
static uint32_t pop_pc(void) { return 0xe49df004u; }
static uint32_t a_blx(unsigned rm) { return 0xe12fff30u | rm; }

/* ---- depth --------------------------------------------------------------------------------------- */

/* FUNC calls itself r0 times. Every level but the outermost returns to one address, so none needs a stack. */
static void put_recursion(struct guest *g)
{
	guest_org(g, FUNC);
	guest_put(g, a_subs(0, 0, 1));
	guest_put(g, a_if(EQ, A32_BX_LR));
	guest_put(g, a_bl(g->at, FUNC));
	guest_put(g, a_add(1, 1, 1)); /* here */
	guest_put(g, a_dp(CMP, 1, 0, 1, 4));
	guest_put(g, a_if(EQ, a_movr(LR, 10)));
	guest_put(g, a_if(NE, a_sub(LR, PC, 20)));
	guest_put(g, A32_BX_LR);
}

static void a_million_deep(void **state)
{
	(void)state;
	EACH_WAY(way) {
		struct guest g;
		uint32_t n = size_for(way, 1000000);
		start(&g, way);
		put_recursion(&g);
		guest_org(&g, CODE);
		guest_put(&g, a_mov(1, 0));
		guest_li(&g, 0, n);
		guest_li(&g, 4, n - 1);
		guest_put(&g, a_add(10, PC, 0));
		guest_put(&g, a_bl(g.at, FUNC));
		guest_put(&g, a_add(2, 2, 1));
		guest_stop(&g);
		guest_run(&g, LIMIT);
		assert_int_equal(guest_reg(&g, 1), n - 1);
		assert_int_equal(guest_reg(&g, 2), 1);
		guest_free(&g);
	}
}

/* BL as a jump: as PIC code reads its own address, only without end. Behind it, a return far up. */
static void calls_that_never_return(void **state)
{
	(void)state;
	EACH_WAY(way) {
		struct guest g;
		uint32_t n = size_for(way, 1000000);
		start(&g, way);
		guest_org(&g, FUNC);
		guest_put(&g, a_movr(10, LR));
		guest_li(&g, 0, n);
		uint32_t loop = g.at;
		guest_put(&g, a_subs(0, 0, 1));
		guest_put(&g, a_if(EQ, a_movr(LR, 10)));
		guest_put(&g, a_if(EQ, A32_BX_LR));
		guest_put(&g, a_bl(g.at, loop));
		guest_put(&g, a_add(3, 3, 1)); /* never */
		guest_org(&g, CODE);
		guest_put(&g, a_mov(4, 3));
		uint32_t again = g.at;
		guest_put(&g, a_bl(g.at, FUNC));
		guest_put(&g, a_add(1, 1, 1));
		guest_put(&g, a_subs(4, 4, 1));
		guest_put(&g, a_bcond(NE, g.at, again));
		guest_stop(&g);
		guest_run(&g, LIMIT);
		assert_int_equal(guest_reg(&g, 1), 3);
		assert_int_equal(guest_reg(&g, 3), 0);
		guest_free(&g);
	}
}

/* ---- pairs that are none ------------------------------------------------------------------------- */

/* BX LR and POP {PC} as jumps, to four places in turn, with calls that pair up in between. */
static void returns_without_calls(void **state)
{
	(void)state;
	EACH_WAY(way) {
		struct guest g;
		uint32_t n = size_for(way, 50000), place[4];
		start(&g, way);
		guest_org(&g, FUNC);
		guest_put(&g, a_add(6, 6, 1));
		guest_put(&g, A32_BX_LR);
		guest_org(&g, FUNC2);
		for (unsigned i = 0; i < 4; i++) {
			place[i] = g.at;
			guest_put(&g, a_add(i, i, 1));
			if (i & 1)
				guest_put(&g, a_bl(g.at, FUNC));
			guest_put(&g, a_subs(5, 5, 1));
			guest_put(&g, a_bcond(EQ, g.at, 0x30000));
			guest_li(&g, LR, FUNC2 + 0x100 * ((i + 1) & 3));
			guest_put(&g, i & 2 ? a_bx(LR) : push_lr());
			if (!(i & 2))
				guest_put(&g, pop_pc());
			guest_org(&g, FUNC2 + 0x100 * (i + 1));
		}
		guest_org(&g, 0x30000);
		guest_stop(&g);
		guest_org(&g, CODE);
		guest_li(&g, SP, STACK);
		guest_li(&g, 5, n);
		guest_put(&g, a_b(g.at, place[0]));
		guest_run(&g, LIMIT);
		for (unsigned i = 0; i < 4; i++)
			assert_int_equal(guest_reg(&g, i), n / 4);
		assert_int_equal(guest_reg(&g, 6), n / 2);
		guest_free(&g);
	}
}

/* The callee adds r7 to its return address: 0, 4, 8 or 12 instructions are left out. */
static void returns_to_elsewhere(void **state)
{
	(void)state;
	EACH_WAY(way) {
		struct guest g;
		uint32_t n = size_for(way, 40000), want = 0;
		start(&g, way);
		guest_org(&g, FUNC);
		guest_put(&g, a_dp(AND, 0, 7, 5, I_BIT | 3));
		guest_put(&g, a_dp(ADD, 0, LR, LR, 7u | 2u << 7)); /* add lr, lr, r7, lsl #2 */
		guest_put(&g, A32_BX_LR);
		guest_org(&g, CODE);
		guest_li(&g, 5, n);
		uint32_t loop = g.at;
		guest_put(&g, a_bl(g.at, FUNC));
		for (unsigned i = 0; i < 4; i++)
			guest_put(&g, a_add(1, 1, 1u << i));
		guest_put(&g, a_subs(5, 5, 1));
		guest_put(&g, a_bcond(NE, g.at, loop));
		guest_stop(&g);
		for (uint32_t k = n; k > 0; k--)
			want += 16 - (1u << (k & 3));
		guest_run(&g, LIMIT);
		assert_int_equal(guest_reg(&g, 1), want);
		guest_free(&g);
	}
}

/* r8 levels down, then straight back to the top (longjmp), over and over; the function that does it returns in order. */
static void frames_are_left_behind(void **state)
{
	(void)state;
	EACH_WAY(way)
		for (uint32_t depth = 1; depth < 40; depth += 7) {
			struct guest g;
			uint32_t n = size_for(way, 3000);
			start(&g, way);
			guest_org(&g, FUNC2); /* down: to r9 from level 0 */
			guest_put(&g, push_lr());
			guest_put(&g, a_subs(8, 8, 1));
			guest_put(&g, a_if(EQ, a_movr(SP, 10)));
			guest_put(&g, a_if(EQ, a_bx(9)));
			guest_put(&g, a_bl(g.at, FUNC2));
			guest_put(&g, a_add(3, 3, 1)); /* never */
			guest_put(&g, pop_pc());
			guest_org(&g, FUNC);
			guest_put(&g, push_lr());
			guest_put(&g, a_movr(10, SP));
			guest_put(&g, a_mov(8, depth));
			guest_put(&g, a_add(9, PC, 0));
			guest_put(&g, a_bl(g.at, FUNC2));
			guest_put(&g, a_add(1, 1, 1));
			guest_put(&g, pop_pc());
			guest_org(&g, CODE);
			guest_li(&g, SP, STACK);
			guest_li(&g, 5, n);
			uint32_t loop = g.at;
			guest_put(&g, a_bl(g.at, FUNC));
			guest_put(&g, a_add(2, 2, 1));
			guest_put(&g, a_subs(5, 5, 1));
			guest_put(&g, a_bcond(NE, g.at, loop));
			guest_stop(&g);
			guest_run(&g, LIMIT);
			assert_int_equal(guest_reg(&g, 1), n);
			assert_int_equal(guest_reg(&g, 2), n);
			assert_int_equal(guest_reg(&g, 3), 0);
			guest_free(&g);
		}
}

/* Two threads, each `depth` calls deep, that switch to each other at the bottom: sp and lr change hands there. */
static void threads_switch_in_the_middle(void **state)
{
	(void)state;
	EACH_WAY(way)
		for (uint32_t depth = 1; depth < 24; depth += 5) {
			struct guest g;
			uint32_t n = size_for(way, 2000), other = STACK + 0x10000;
			start(&g, way);
			guest_org(&g, 0x30000); /* yield: swaps sp with the word at r9 */
			guest_put(&g, push_lr());
			guest_put(&g, a_movr(3, SP));
			guest_put(&g, a_ldr(SP, 9, 0));
			guest_put(&g, a_str(3, 9, 0));
			guest_put(&g, pop_pc());
			guest_org(&g, FUNC2); /* down r8 levels */
			guest_put(&g, push_lr());
			guest_put(&g, a_subs(8, 8, 1));
			guest_put(&g, a_if(NE, a_bl(g.at, FUNC2)));
			guest_put(&g, a_if(EQ, a_bl(g.at, 0x30000)));
			guest_put(&g, a_add(1, 1, 1));
			guest_put(&g, a_cmp(9, 0)); /* NE for the caller */
			guest_put(&g, pop_pc());
			guest_org(&g, FUNC); /* what both threads do, without end */
			guest_put(&g, a_mov(8, depth));
			guest_put(&g, a_bl(g.at, FUNC2));
			guest_put(&g, a_subs(5, 5, 1));
			guest_put(&g, a_bcond(NE, g.at, FUNC));
			guest_stop(&g);
			guest_org(&g, CODE);
			guest_li(&g, SP, STACK);
			guest_li(&g, 9, 0x8000);
			guest_li(&g, 0, other);
			guest_put(&g, a_str(0, 9, 0));
			guest_li(&g, 0, FUNC); /* where the other thread starts: popped from its stack */
			guest_li(&g, 3, other);
			guest_put(&g, a_str(0, 3, 0));
			guest_li(&g, 5, n);
			guest_put(&g, a_b(g.at, FUNC));
			guest_run(&g, LIMIT);
			assert_int_equal(guest_reg(&g, 1), n * depth);
			guest_free(&g);
		}
}

/* ---- code that changes between call and return ---------------------------------------------------- */

/* The callee patches the instruction that it returns to, the call itself, or both. */
static void the_callee_patches_its_caller(void **state)
{
	(void)state;
	EACH_WAY(way)
		for (unsigned what = 1; what < 4; what++) {
			struct guest g;
			uint32_t n = MAX(size_for(way, 3000), 20u);
			start(&g, way);
			for (unsigned i = 0; i < 2; i++) {
				guest_org(&g, i ? FUNC2 : FUNC);
				guest_put(&g, a_add(6, 6, i ? 16 : 1));
				if (what & 1)
					guest_put(&g, a_strb(5, LR, 0)); /* add r1, r1, #imm: imm = low byte of r5 */
				if (what & 2) { /* the call: to the other function next time */
					guest_put(&g, a_ldr(0, LR, -4));
					guest_put(&g, a_dp(EOR, 0, 0, 0, 7));
					guest_put(&g, a_str(0, LR, -4));
				}
				guest_put(&g, A32_BX_LR);
			}
			guest_org(&g, CODE);
			guest_li(&g, 5, n);
			uint32_t loop = g.at + 16, first = a_bl(loop, FUNC), second = a_bl(loop, FUNC2);
			guest_li(&g, 7, first ^ second);
			while (g.at < loop)
				guest_put(&g, A32_NOP);
			assert_int_equal(g.at, loop);
			guest_put(&g, a_bl(g.at, FUNC));
			guest_put(&g, a_add(1, 1, 1));
			guest_put(&g, a_subs(5, 5, 1));
			guest_put(&g, a_bcond(NE, g.at, loop));
			guest_stop(&g);
			guest_run(&g, LIMIT);
			uint32_t sum = 0;
			for (uint32_t k = 1; k <= n; k++)
				sum += what & 1 ? k & 0xff : 1;
			assert_int_equal(guest_reg(&g, 1), sum);
			assert_int_equal(guest_reg(&g, 6), what & 2 ? 16 * (n / 2) + (n + 1) / 2 : n);
			guest_free(&g);
		}
}

/* 200 levels down, more code than the buffer holds runs; then 200 levels up. */
static void the_buffer_is_flushed_below_the_calls(void **state)
{
	struct rhea_config small = {.tb_size = 1 << 20};
	(void)state;
	for (unsigned way = 0; way < 4; way++) {
		struct guest g;
		uint32_t filler = 0x100000, n = 9000, rounds = 6; /* a block runs cold before it is compiled */
		small.compile_at_once = way & 1;
		small.icount = way & 2;
		guest_init(&g, &small);
		guest_set_pc(&g, CODE);
		guest_org(&g, filler); /* n functions of 64 bytes in a chain */
		for (uint32_t k = 0; k < n; k++) {
			guest_org(&g, filler + 64 * k);
			for (unsigned i = 0; i < 6; i++)
				guest_put(&g, a_add(2, 2, i));
			guest_put(&g, k + 1 < n ? a_b(g.at, filler + 64 * (k + 1)) : A32_BX_LR);
		}
		guest_org(&g, FUNC);
		guest_put(&g, push_lr());
		guest_put(&g, a_subs(0, 0, 1));
		guest_put(&g, a_if(NE, a_bl(g.at, FUNC)));
		guest_put(&g, a_if(EQ, a_bl(g.at, filler)));
		guest_put(&g, a_add(1, 1, 1));
		guest_put(&g, a_cmp(1, 0)); /* NE for the caller */
		guest_put(&g, pop_pc());
		guest_org(&g, CODE);
		guest_li(&g, SP, 0xf000);
		guest_put(&g, a_mov(4, rounds));
		uint32_t loop = g.at;
		guest_put(&g, a_mov(0, 200));
		guest_put(&g, a_bl(g.at, FUNC));
		guest_put(&g, a_subs(4, 4, 1));
		guest_put(&g, a_bcond(NE, g.at, loop));
		guest_stop(&g);
		uint64_t flushes = g.m->vcpu->stats.code_flushes;
		guest_run(&g, LIMIT);
		assert_int_equal(guest_reg(&g, 1), 200 * rounds);
		assert_int_equal(guest_reg(&g, 2), rounds * n * 15);
		assert_true(g.m->vcpu->stats.code_flushes >= flushes + 3);
		guest_free(&g);
	}
}

/* ---- the world changes between call and return ----------------------------------------------------- */

/* The callee raises exceptions of two kinds; the handlers make calls of their own. */
static void exceptions_inside_the_callee(void **state)
{
	(void)state;
	EACH_WAY(way) {
		struct guest g;
		uint32_t n = size_for(way, 5000);
		start(&g, way);
		guest_org(&g, 0x30000); /* the handlers' function */
		guest_put(&g, a_add(4, 4, 1));
		guest_put(&g, A32_BX_LR);
		guest_org(&g, 0x31000); /* SVC and UNDEF: both return behind the instruction */
		guest_put(&g, push_lr());
		guest_put(&g, a_bl(g.at, 0x30000));
		guest_put(&g, 0xe8fd8000u); /* ldm sp!, {pc}^ */
		guest_vector(&g, 0x04, 0x31000);
		guest_vector(&g, 0x08, 0x31000);
		guest_org(&g, FUNC);
		guest_put(&g, push_lr());
		guest_put(&g, A32_SWI);
		guest_put(&g, A32_UNDEF);
		guest_put(&g, a_bl(g.at, FUNC2));
		guest_put(&g, pop_pc());
		guest_org(&g, FUNC2);
		guest_put(&g, A32_SWI);
		guest_put(&g, A32_BX_LR);
		guest_org(&g, CODE);
		guest_put(&g, a_msr_c(0xdb));
		guest_li(&g, SP, STACK + 0x1000);
		guest_put(&g, a_msr_c(0xd3));
		guest_li(&g, SP, STACK + 0x2000);
		guest_put(&g, a_msr_c(0xd0)); /* user */
		guest_li(&g, SP, STACK);
		guest_li(&g, 5, n);
		uint32_t loop = g.at;
		guest_put(&g, a_bl(g.at, FUNC));
		guest_put(&g, a_add(1, 1, 1));
		guest_put(&g, a_subs(5, 5, 1));
		guest_put(&g, a_bcond(NE, g.at, loop));
		guest_stop(&g);
		guest_run(&g, LIMIT);
		assert_int_equal(guest_reg(&g, 1), n);
		assert_int_equal(guest_reg(&g, 4), 3 * n);
		guest_free(&g);
	}
}

/* The callee remaps the page that it was called from, or does not: it returns to other code at the same address. */
static void the_caller_is_remapped(void **state)
{
	const uint32_t va = 0x100000, pa[2] = {0x110000, 0x111000};
	(void)state;
	EACH_WAY(way) {
		struct guest g;
		uint32_t n = MAX(size_for(way, 5000), 20u);
		start(&g, way);
		for (unsigned i = 0; i < 2; i++) {
			guest_org(&g, pa[i]);
			guest_put(&g, a_bl(va, FUNC));
			guest_put(&g, a_add(i, i, 1));
			guest_put(&g, a_subs(5, 5, 1));
			guest_put(&g, a_bcond(NE, va + 12, va));
			guest_put(&g, a_b(va + 16, 0x30000));
		}
		guest_org(&g, FUNC); /* three times of four exchanges the descriptor in r6 for the one in r7 */
		guest_put(&g, a_dp(TST, 1, 0, 5, I_BIT | 3));
		guest_put(&g, a_if(EQ, A32_BX_LR));
		guest_put(&g, a_str(7, 8, 0));
		guest_put(&g, a_dp(EOR, 0, 7, 7, 6));
		guest_put(&g, a_dp(EOR, 0, 6, 6, 7));
		guest_put(&g, a_dp(EOR, 0, 7, 7, 6));
		guest_put(&g, a_dp(TST, 1, 0, 5, I_BIT | 4));
		guest_put(&g, a_if(EQ, a_tlb_flush(0)));
		guest_put(&g, a_movr(2, LR));
		guest_put(&g, a_if(NE, a_tlb_flush_mva(2)));
		guest_put(&g, A32_BX_LR);
		guest_org(&g, 0x30000);
		guest_stop(&g);
		guest_org(&g, CODE);
		guest_li(&g, 5, n);
		guest_li(&g, 6, guest_small(pa[0], AP_USER, AP_USER, AP_USER, AP_USER));
		guest_li(&g, 7, guest_small(pa[1], AP_USER, AP_USER, AP_USER, AP_USER));
		guest_li(&g, 8, guest_pte(va, 0, false));
		guest_put(&g, a_b(g.at, va));
		guest_mmu_on(&g);
		guest_map_table(&g, va, 0, false);
		for (uint32_t k = 0; k < 0x100; k++)
			guest_set_word(&g, guest_pte(va + 0x1000 * k, 0, false),
				       guest_small(k ? va + 0x1000 * k : pa[0], AP_USER, AP_USER, AP_USER, AP_USER));
		guest_run(&g, LIMIT);
		uint32_t came_back[2] = {0}, page = 0;
		for (uint32_t k = n; k > 0; k--) {
			page ^= (k & 3) != 0;
			came_back[page]++;
		}
		assert_int_equal(guest_reg(&g, 0), came_back[0]);
		assert_int_equal(guest_reg(&g, 1), came_back[1]);
		guest_free(&g);
	}
}

/* The callee switches alignment faults on or off, or leaves them: what it returns to has to be other code. */
static void the_callee_changes_the_rules(void **state)
{
	(void)state;
	EACH_WAY(way) {
		struct guest g;
		uint32_t n = MAX(size_for(way, 3000), 20u);
		start(&g, way);
		guest_org(&g, 0x31000); /* data abort: counts, goes on behind the load */
		guest_put(&g, a_add(4, 4, 1));
		guest_put(&g, 0xe25ef004u); /* subs pc, lr, #4 */
		guest_vector(&g, 0x10, 0x31000);
		guest_org(&g, FUNC);
		guest_put(&g, a_dp(TST, 1, 0, 5, I_BIT | 3));
		guest_put(&g, a_if(EQ, A32_BX_LR));
		guest_put(&g, a_mrc(0, 1, 0, 0));
		guest_put(&g, a_eor(0, 0, 2));
		guest_put(&g, a_mcr(0, 1, 0, 0));
		guest_put(&g, A32_BX_LR);
		guest_org(&g, CODE);
		guest_li(&g, 5, n);
		guest_li(&g, 6, 0x8001);
		uint32_t loop = g.at;
		guest_put(&g, a_bl(g.at, FUNC));
		guest_put(&g, a_ldr(7, 6, 0));
		guest_put(&g, a_subs(5, 5, 1));
		guest_put(&g, a_bcond(NE, g.at, loop));
		guest_stop(&g);
		guest_run(&g, LIMIT);
		uint32_t aborts = 0, on = 0;
		for (uint32_t k = n; k > 0; k--)
			aborts += on ^= (k & 3) != 0;
		assert_int_equal(guest_reg(&g, 4), aborts);
		guest_free(&g);
	}
}

/* ---- time ---------------------------------------------------------------------------------------- */

static void put_nest(struct guest *g)
{
	guest_org(g, FUNC);
	guest_put(g, push_lr());
	guest_put(g, a_add(1, 1, 1));
	guest_put(g, a_bl(g->at, FUNC2));
	guest_put(g, a_mov(0, FUNC2));
	guest_put(g, a_blx(0));
	guest_put(g, pop_pc());
	guest_org(g, FUNC2);
	guest_put(g, a_add(2, 2, 1));
	guest_put(g, A32_BX_LR);
	guest_org(g, CODE);
	guest_li(g, SP, STACK);
	guest_li(g, 5, 40);
	uint32_t loop = g->at;
	guest_put(g, a_bl(g->at, FUNC));
	guest_put(g, a_subs(5, 5, 1));
	guest_put(g, a_bcond(NE, g->at, loop));
	guest_put(g, A32_SPIN);
}

/* Failure: a slice that ends between call and return loses one of them, or an instruction. */
static void slices_end_everywhere(void **state)
{
	(void)state;
	EACH_WAY(way)
		for (unsigned step = 1; step < 30; step++) {
			struct guest g;
			start(&g, way);
			put_nest(&g);
			for (unsigned done = 0; done < 700; done += step)
				guest_step(&g, step);
			assert_int_equal(guest_reg(&g, 1), 40);
			assert_int_equal(guest_reg(&g, 2), 80);
			guest_free(&g);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_million_deep),
		cmocka_unit_test(calls_that_never_return),
		cmocka_unit_test(returns_without_calls),
		cmocka_unit_test(returns_to_elsewhere),
		cmocka_unit_test(frames_are_left_behind),
		cmocka_unit_test(threads_switch_in_the_middle),
		cmocka_unit_test(the_callee_patches_its_caller),
		cmocka_unit_test(the_buffer_is_flushed_below_the_calls),
		cmocka_unit_test(exceptions_inside_the_callee),
		cmocka_unit_test(the_caller_is_remapped),
		cmocka_unit_test(the_callee_changes_the_rules),
		cmocka_unit_test(slices_end_everywhere),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
