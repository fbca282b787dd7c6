/* SPDX-License-Identifier: Apache-2.0 */
/* When interrupts are taken (DDI 0100I A2.6) and what waiting for them does. A failure means one that is lost, late by
 * more than a block, taken twice or taken while masked. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/runtime/guest.h"

#define CODE 0x1000u
#define IRQ_HANDLER 0x200u
#define FIQ_HANDLER 0x280u
#define LIMIT 20000000u
#define FIQ_MARK 0x80000000u

/* Logs where it came from (plus `mark` for the FIQ), lowers its line, returns. Leaves registers alone. */
static void put_handler(struct guest *g, uint32_t at, uint32_t vector, uint32_t mark, enum guest_reg ack)
{
	guest_vector(g, vector, at);
	guest_org(g, at);
	guest_put(g, a_str(10, SP, -4));
	guest_put(g, a_str(11, SP, -8));
	guest_put(g, a_mov(11, GUEST_IO));
	guest_put(g, a_sub(10, LR, 4));
	guest_put(g, a_orr(10, 10, mark));
	guest_put(g, a_str(10, 11, IO_LOG));
	guest_put(g, a_mov(10, 0));
	guest_put(g, a_str(10, 11, (int32_t)ack));
	guest_put(g, a_ldr(10, SP, -4));
	guest_put(g, a_ldr(11, SP, -8));
	guest_put(g, A32_IRQ_RETURN);
}

/* Handlers, stacks, r11 = the device, r12 = 1; SVC mode with both interrupts masked. Code goes on at g->at. */
static void start(struct guest *g, const struct rhea_config *cfg)
{
	guest_init(g, cfg);
	put_handler(g, IRQ_HANDLER, 0x18, 0, IO_ACK);
	put_handler(g, FIQ_HANDLER, 0x1c, FIQ_MARK, IO_FIQ);
	guest_org(g, CODE);
	guest_set_pc(g, CODE);
	guest_put(g, a_msr_c(0xd1));
	guest_put(g, a_mov(SP, 0x8000));
	guest_put(g, a_msr_c(0xd2));
	guest_put(g, a_mov(SP, 0x9000));
	guest_put(g, a_msr_c(0xd3));
	guest_put(g, a_mov(11, GUEST_IO));
	guest_put(g, a_mov(12, 1));
}

/* Each time round a store (or, `by_load`, a load) raises the line in the middle of a block of a chained loop. */
static void raised_in_a_chained_loop(const struct rhea_config *cfg, bool by_load)
{
	struct guest g;
	start(&g, cfg);
	guest_put(&g, a_mov(1, 1000));
	guest_put(&g, a_msr_c(0x13));
	uint32_t loop = guest_put(&g, a_add(0, 0, 1));
	uint32_t raise = guest_put(&g, by_load ? a_ldr(2, 11, IO_IRQ1) : a_str(12, 11, IO_IRQ));
	for (unsigned i = 0; i < 4; i++)
		guest_put(&g, a_add(3, 3, 1));
	guest_put(&g, a_b(g.at, g.at + 8));
	guest_put(&g, A32_UNDEF);
	uint32_t second = guest_put(&g, a_add(4, 4, 1));
	guest_put(&g, a_subs(1, 1, 1));
	guest_put(&g, a_bcond(NE, g.at, loop));
	guest_stop(&g);
	guest_run(&g, LIMIT);
	assert_int_equal(guest_reg(&g, 0), 1000);
	assert_int_equal(guest_reg(&g, 3), 4000);
	assert_int_equal(guest_reg(&g, 4), 1000);
	assert_int_equal(g.n_log, 1000);
	for (uint32_t i = 0; i < g.n_log; i++)
		if (cfg->icount)
			assert_int_equal(g.log[i], raise + 4);
		else
			assert_in_range(g.log[i], raise + 4, second);
	guest_free(&g);
}

static void latency_is_within_a_block(void **state)
{
	(void)state;
	EACH_CALM_WAY(way)
		for (unsigned by_load = 0; by_load < 2; by_load++)
			raised_in_a_chained_loop(&way->cfg, by_load);
}

/* With icount, where an interrupt is taken must not depend on how code is cut into blocks. */
static void latency_is_nothing_under_icount(void **state)
{
	(void)state;
	EACH_WAY(way)
		for (unsigned by_load = 0; by_load < 2; by_load++) {
			struct rhea_config cfg = way->cfg;
			print_message("%s, by %s\n", way->name, by_load ? "load" : "store");
			cfg.icount = true;
			raised_in_a_chained_loop(&cfg, by_load);
		}
}

/* A timer of host time against a loop that never leaves emitted code by itself. */
static void timer_ends_an_endless_loop(void **state)
{
	(void)state;
	EACH_WAY(way) {
		struct guest g;
		start(&g, &way->cfg);
		guest_li(&g, 0, 2000000); /* 2 ms */
		guest_put(&g, a_str(0, 11, IO_TIMER));
		guest_put(&g, a_msr_c(0x13));
		uint32_t spin = guest_put(&g, A32_SPIN);
		guest_set_word(&g, IRQ_HANDLER + 7 * 4, a_str(10, 11, IO_STOP));
		guest_run(&g, 0);
		assert_int_equal(g.n_log, 1);
		assert_int_equal(g.log[0], spin);
		guest_free(&g);
	}
}

/* Raised while masked, seen by a few blocks, then unmasked: taken right behind the unmasking. */
static void masked_then_unmasked(void **state)
{
	(void)state;
	EACH_WAY(way)
		for (unsigned how = 0; how < 3; how++) {
			struct guest g;
			start(&g, &way->cfg);
			guest_put(&g, a_str(12, 11, IO_IRQ));
			guest_put(&g, a_mov(1, 100));
			uint32_t loop = guest_put(&g, a_add(0, 0, 1));
			guest_put(&g, a_subs(1, 1, 1));
			guest_put(&g, a_bcond(NE, g.at, loop));
			if (how == 0) {
				guest_put(&g, a_msr_c(0x13));
			} else { /* an exception return with I clear in the SPSR: movs, or ldm with ^ */
				guest_put(&g, a_mov(2, 0x13));
				guest_put(&g, 0xe169f002u); /* msr spsr_cf, r2 */
				guest_put(&g, a_mov(6, 0x4000));
				guest_put(&g, a_add(LR, PC, how == 1 ? 0 : 4));
				if (how == 2)
					guest_put(&g, a_str(LR, 6, 0));
				guest_put(&g, how == 1 ? a_dp(MOV, 1, PC, 0, LR) : a_ldm(6, 1u << PC) | 1u << 22);
			}
			uint32_t here = guest_put(&g, a_add(5, 5, 1));
			guest_stop(&g);
			guest_run(&g, LIMIT);
			assert_int_equal(guest_reg(&g, 0), 100);
			assert_int_equal(guest_reg(&g, 5), 1);
			assert_int_equal(g.n_log, 1);
			assert_int_equal(g.log[0], here);
			guest_free(&g);
		}
}

/* Raised and lowered while masked: nothing. */
static void lowered_in_time(void **state)
{
	(void)state;
	EACH_WAY(way) {
		struct guest g;
		start(&g, &way->cfg);
		guest_put(&g, a_str(12, 11, IO_IRQ));
		guest_put(&g, a_str(12, 11, IO_FIQ));
		guest_put(&g, a_add(0, 0, 1));
		guest_put(&g, a_str(12, 11, IO_ACK));
		guest_put(&g, a_mov(2, 0));
		guest_put(&g, a_str(2, 11, IO_FIQ));
		guest_put(&g, a_msr_c(0x13));
		guest_put(&g, a_add(0, 0, 1));
		guest_stop(&g);
		guest_run(&g, LIMIT);
		assert_int_equal(g.n_log, 0);
		assert_int_equal(guest_reg(&g, 0), 2);
		guest_free(&g);
	}
}

/* Both at once: FIQ first, IRQ behind it at the same instruction; r8 to r12 are what they were. */
static void fiq_goes_before_irq(void **state)
{
	(void)state;
	EACH_WAY(way) {
		struct guest g;
		start(&g, &way->cfg);
		guest_put(&g, a_mov(8, 88));
		guest_put(&g, a_mov(10, 10));
		guest_put(&g, a_str(12, 11, IO_IRQ));
		guest_put(&g, a_str(12, 11, IO_FIQ));
		guest_put(&g, a_msr_c(0x13));
		uint32_t here = guest_put(&g, a_add(5, 5, 1));
		guest_stop(&g);
		guest_run(&g, LIMIT);
		assert_int_equal(g.n_log, 2);
		assert_int_equal(g.log[0], here | FIQ_MARK);
		assert_int_equal(g.log[1], here);
		assert_int_equal(guest_reg(&g, 8), 88);
		assert_int_equal(guest_reg(&g, 10), 10);
		guest_free(&g);
	}
}

/* An FIQ raised inside the IRQ handler interrupts it; an IRQ raised inside the FIQ handler waits for its end. */
static void fiq_interrupts_the_irq_handler(void **state)
{
	(void)state;
	EACH_WAY(way) {
		struct guest g;
		start(&g, &way->cfg);
		guest_set_word(&g, IRQ_HANDLER + 6 * 4, a_str(11, 11, IO_FIQ));
		guest_put(&g, a_msr_c(0x13));
		uint32_t raise = guest_put(&g, a_str(12, 11, IO_IRQ));
		guest_put(&g, a_b(g.at, g.at + 4));
		guest_put(&g, a_add(5, 5, 1));
		guest_stop(&g);
		guest_run(&g, LIMIT);
		assert_int_equal(g.n_log, 2);
		assert_in_range(g.log[0], raise + 4, raise + 8);
		/* in the handler, or at the block behind its return */
		assert_in_range(g.log[1] & ~FIQ_MARK, IRQ_HANDLER + 7 * 4, raise + 8);
		assert_int_equal(guest_reg(&g, 5), 1);
		guest_free(&g);
	}
}

/* A line that stays up is taken again and again without one instruction between. */
static void level_is_a_level(void **state)
{
	(void)state;
	EACH_WAY(way) {
		struct guest g;
		start(&g, &way->cfg);
		/* the handler acknowledges when r7 has counted to 5 */
		guest_org(&g, IRQ_HANDLER);
		guest_put(&g, a_add(7, 7, 1));
		guest_put(&g, a_cmp(7, 5));
		guest_put(&g, a_if(EQ, a_str(7, 11, IO_ACK)));
		guest_put(&g, a_str(0, 11, IO_LOG));
		guest_put(&g, A32_IRQ_RETURN);
		guest_org(&g, CODE + 7 * 4);
		guest_put(&g, a_str(12, 11, IO_IRQ));
		guest_put(&g, a_msr_c(0x13));
		for (unsigned i = 0; i < 10; i++)
			guest_put(&g, a_add(0, 0, 1));
		guest_stop(&g);
		guest_run(&g, LIMIT);
		assert_int_equal(g.n_log, 5);
		for (unsigned i = 0; i < 5; i++)
			assert_int_equal(g.log[i], 0);
		assert_int_equal(guest_reg(&g, 0), 10);
		guest_free(&g);
	}
}

/* Thumb code is interrupted in ARM state and goes on in Thumb state. */
static void interrupts_thumb(void **state)
{
	static const uint16_t code[] = {
		0x3001, /* loop: adds r0, #1 */
		0x609c, /* str r4, [r3, #8]: IRQ */
		0x3201, /* adds r2, #1 */
		0x3901, /* subs r1, #1 */
		0xd1fa, /* bne loop */
		0x605c, /* str r4, [r3, #4]: STOP */
		0xe7fe, /* b . */
	};
	(void)state;
	EACH_CALM_WAY(way) {
		struct guest g;
		start(&g, &way->cfg);
		guest_put(&g, a_mov(3, GUEST_IO));
		guest_put(&g, a_mov(4, 1));
		guest_put(&g, a_mov(1, 200));
		guest_put(&g, a_msr_c(0x13));
		guest_put(&g, a_mov(6, 0x3000));
		guest_put(&g, a_add(6, 6, 1));
		guest_put(&g, a_bx(6));
		assert_int_equal(rhea_write_phys(g.m, 0x3000, code, sizeof code), RHEA_OK);
		guest_run(&g, LIMIT);
		assert_int_equal(guest_reg(&g, 0), 200);
		assert_int_equal(guest_reg(&g, 2), 200);
		assert_int_equal(g.n_log, 200);
		guest_free(&g);
	}
}

/* ---- WFI ----------------------------------------------------------------------------------------- */

/* Arms the timer, waits, logs the time before and behind; masked, so no handler runs. */
static void put_wait(struct guest *g, uint32_t ns)
{
	guest_li(g, 0, ns);
	guest_put(g, a_ldr(1, 11, IO_NOW));
	guest_put(g, a_str(0, 11, IO_TIMER));
	guest_put(g, a_wfi(2));
	guest_put(g, a_ldr(2, 11, IO_NOW));
	guest_put(g, a_str(12, 11, IO_ACK));
	guest_put(g, a_dp(SUB, 0, 3, 2, 1));
	guest_put(g, a_str(3, 11, IO_LOG));
}

static const struct rhea_config clocks[] = {
	{.icount = false},
	{.icount = true, .icount_shift = 2},
	{.icount = true, .icount_shift = 2, .icount_no_sleep = true},
};

static void waits_for_the_timer(void **state)
{
	(void)state;
	EACH_WAY(way)
		for (unsigned c = 0; c < ARRAY_LEN(clocks); c++) {
			struct guest g;
			struct rhea_config cfg = way->cfg;
			cfg.icount = clocks[c].icount;
			cfg.icount_shift = clocks[c].icount_shift;
			cfg.icount_no_sleep = clocks[c].icount_no_sleep;
			start(&g, &cfg);
			for (unsigned i = 0; i < 3; i++)
				put_wait(&g, 3000000);
			guest_stop(&g);
			uint64_t from = host_monotonic_ns();
			guest_run(&g, LIMIT);
			uint64_t took = host_monotonic_ns() - from;
			assert_int_equal(g.n_log, 3);
			for (unsigned i = 0; i < 3; i++)
				assert_true(g.log[i] >= 3000000 && g.log[i] < (cfg.icount ? 3000100u : 2000000000u));
			if (!cfg.icount_no_sleep)
				assert_true(took >= 9000000);
			guest_free(&g);
		}
}

/* Ten seconds of waiting cost nothing when told not to sleep. */
static void time_jumps_when_it_may(void **state)
{
	struct guest g;
	(void)state;
	start(&g, &(struct rhea_config){.icount = true, .icount_no_sleep = true});
	for (unsigned i = 0; i < 5; i++)
		put_wait(&g, 2000000000);
	guest_stop(&g);
	uint64_t from = host_monotonic_ns();
	guest_run(&g, LIMIT);
	assert_true(host_monotonic_ns() - from < 5000000000u);
	assert_true(rhea_virtual_ns(g.m) >= 10000000000u);
	guest_free(&g);
}

/* The line is up already: WFI does not wait. Unmasked: the handler returns behind the WFI. */
static void wait_ends_at_once_or_behind(void **state)
{
	(void)state;
	EACH_WAY(way) {
		struct guest g;
		start(&g, &way->cfg);
		guest_put(&g, a_str(12, 11, IO_IRQ));
		guest_put(&g, a_wfi(2));
		guest_put(&g, a_add(5, 5, 1));
		guest_put(&g, a_str(12, 11, IO_ACK));
		guest_put(&g, a_msr_c(0x13));
		guest_li(&g, 0, 1000000);
		guest_put(&g, a_str(0, 11, IO_TIMER));
		uint32_t wfi = guest_put(&g, a_wfi(2));
		guest_put(&g, a_add(5, 5, 1));
		guest_stop(&g);
		guest_run(&g, LIMIT);
		assert_int_equal(guest_reg(&g, 5), 2);
		assert_int_equal(g.n_log, 1);
		assert_int_equal(g.log[0], wfi + 4);
		guest_free(&g);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(latency_is_within_a_block),
		cmocka_unit_test(latency_is_nothing_under_icount),
		cmocka_unit_test(timer_ends_an_endless_loop),
		cmocka_unit_test(masked_then_unmasked),
		cmocka_unit_test(lowered_in_time),
		cmocka_unit_test(fiq_goes_before_irq),
		cmocka_unit_test(fiq_interrupts_the_irq_handler),
		cmocka_unit_test(level_is_a_level),
		cmocka_unit_test(interrupts_thumb),
		cmocka_unit_test(waits_for_the_timer),
		cmocka_unit_test(time_jumps_when_it_may),
		cmocka_unit_test(wait_ends_at_once_or_behind),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
