/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Breakpoints and watchpoints on guests whose every step is known, on each way to run. A failure means that a debugger or a
 * client stops late, twice, not at all, or somewhere else; or that code pays for stops that it does not meet.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/runtime/guest.h"

#define CODE 0x10000u
#define LOOP 0x10100u
#define FUNC 0x12000u /* on another page */
#define DATA 0x20000u
#define HANDLER 0x14000u
#define TURNS 600u
#define TURN_INSNS 7u
#define LIMIT 100000u

/* r0 = TURNS; each turn calls a function that stores r0 at DATA, loads DATA + 4, and stores r0 one page further. */
static void put_loop(struct guest *g)
{
	guest_org(g, CODE);
	guest_set_pc(g, CODE);
	guest_li(g, 4, DATA);
	guest_li(g, 5, DATA + 0x1000);
	guest_put(g, a_mov(0, TURNS / 4));
	guest_put(g, a_dp(MOV, 0, 0, 0, 0x100)); /* lsl #2 */
	guest_put(g, a_b(g->at, LOOP));
	guest_org(g, FUNC);
	guest_put(g, a_str(0, 4, 0));
	guest_put(g, a_ldr(1, 4, 4));
	guest_put(g, a_str(0, 5, 0));
	guest_put(g, A32_BX_LR);
	guest_org(g, LOOP);
	guest_put(g, a_bl(g->at, FUNC));
	guest_put(g, a_subs(0, 0, 1));
	guest_put(g, a_bcond(NE, g->at, LOOP));
	guest_stop(g);
}

static void add(struct guest *g, enum rhea_stop_kind kind, uint32_t addr, uint32_t size)
{
	struct rhea_error err;
	assert_int_equal(rhea_add_stop(g->m, kind, addr, size, &err), RHEA_OK);
}

static void take_away(struct guest *g, enum rhea_stop_kind kind, uint32_t addr, uint32_t size)
{
	struct rhea_error err;
	assert_int_equal(rhea_remove_stop(g->m, kind, addr, size, &err), RHEA_OK);
}

/* Runs to the next stop, which has to be this one. */
static void expect(struct guest *g, const char *way, enum rhea_stop_kind kind, uint32_t addr, uint32_t pc)
{
	struct rhea_event ev;
	rhea_run(g->m, LIMIT, &ev);
	if (ev.kind != RHEA_EVENT_BREAK || ev.stop != kind || ev.addr != addr || guest_reg(g, 15) != pc)
		fail_msg("%s: event %d, stop %d at 0x%x, pc 0x%x; wanted stop %d at 0x%x, pc 0x%x", way, (int)ev.kind,
			 (int)ev.stop, ev.addr, guest_reg(g, 15), (int)kind, addr, pc);
}

/* ---- breakpoints ---------------------------------------------------------------------------------- */

/* A block's start, its middle, behind a call, another page, a return: each turn stops there once, 7 instructions apart. */
static void breakpoints_are_exact(void **state)
{
	static const uint32_t places[] = {LOOP, LOOP + 4, LOOP + 8, FUNC, FUNC + 4, FUNC + 12};
	(void)state;
	EACH_WAY(way)
		for (unsigned i = 0; i < ARRAY_LEN(places); i++) {
			struct guest g;
			guest_init(&g, &way->cfg);
			put_loop(&g);
			guest_step(&g, 5 * TURN_INSNS + 300); /* warm: linked, cached, compiled */
			add(&g, RHEA_STOP_EXEC, places[i], 0);
			expect(&g, way->name, RHEA_STOP_EXEC, places[i], places[i]);
			for (uint32_t left = guest_reg(&g, 0); left > TURNS / 2; left = guest_reg(&g, 0)) {
				uint64_t before = rhea_insn_count(g.m);
				expect(&g, way->name, RHEA_STOP_EXEC, places[i], places[i]);
				assert_int_equal(rhea_insn_count(g.m) - before, TURN_INSNS);
				assert_int_equal(guest_reg(&g, 0), left - 1);
			}
			take_away(&g, RHEA_STOP_EXEC, places[i], 0);
			guest_run(&g, LIMIT);
			assert_int_equal(guest_reg(&g, 0), 0);
			guest_free(&g);
		}
}

/* One at every word: each instruction stops; so do those that the guest jumps to only once. */
static void any_number_of_breakpoints(void **state)
{
	(void)state;
	EACH_WAY(way) {
		struct guest g;
		guest_init(&g, &way->cfg);
		put_loop(&g);
		for (uint32_t addr = 0; addr < 0x4000; addr += 4)
			add(&g, RHEA_STOP_EXEC, CODE + addr, 0);
		uint64_t before = rhea_insn_count(g.m);
		struct rhea_event ev;
		for (unsigned n = 0; n < 200; n++) {
			rhea_run(g.m, LIMIT, &ev);
			assert_int_equal(ev.kind, RHEA_EVENT_BREAK);
			assert_int_equal(ev.addr, guest_reg(&g, 15));
		}
		assert_int_equal(rhea_insn_count(g.m) - before, 199);
		for (uint32_t addr = 0; addr < 0x4000; addr += 4)
			take_away(&g, RHEA_STOP_EXEC, CODE + addr, 0);
		guest_run(&g, LIMIT);
		guest_free(&g);
	}
}

/* An instruction budget that ends at a breakpoint is a budget; then the breakpoint comes first. A step goes past it. */
static void budgets_and_steps(void **state)
{
	(void)state;
	EACH_WAY(way) {
		struct guest g;
		struct rhea_event ev;
		guest_init(&g, &way->cfg);
		put_loop(&g);
		add(&g, RHEA_STOP_EXEC, FUNC, 0);
		expect(&g, way->name, RHEA_STOP_EXEC, FUNC, FUNC);
		rhea_run(g.m, 1, &ev);
		assert_true(ev.kind == RHEA_EVENT_BUDGET && guest_reg(&g, 15) == FUNC + 4);
		rhea_run(g.m, TURN_INSNS - 1, &ev);
		assert_true(ev.kind == RHEA_EVENT_BUDGET && guest_reg(&g, 15) == FUNC);
		rhea_run(g.m, TURN_INSNS, &ev);
		assert_true(ev.kind == RHEA_EVENT_BREAK && ev.insns == 0);
		guest_free(&g);
	}
}

/* Code that the guest replaces at a breakpoint, and one that is set where nothing can be fetched. */
static void code_changes_and_faults(void **state)
{
	(void)state;
	EACH_WAY(way) {
		struct guest g;
		guest_init(&g, &way->cfg);
		put_loop(&g);
		guest_vector(&g, 0x0c, HANDLER);
		guest_org(&g, HANDLER);
		guest_stop(&g);
		guest_step(&g, 300);
		add(&g, RHEA_STOP_EXEC, FUNC + 4, 0);
		add(&g, RHEA_STOP_EXEC, 0x08000000, 0);
		expect(&g, way->name, RHEA_STOP_EXEC, FUNC + 4, FUNC + 4);
		guest_set_word(&g, FUNC + 4, a_mov(7, 0x55));
		expect(&g, way->name, RHEA_STOP_EXEC, FUNC + 4, FUNC + 4);
		assert_int_equal(guest_reg(&g, 7), 0x55);
		guest_set_word(&g, FUNC + 4, a_mov(PC, 0x08000000));
		expect(&g, way->name, RHEA_STOP_EXEC, 0x08000000, 0x08000000);
		guest_run(&g, LIMIT);
		guest_free(&g);
	}
}

/* A timer interrupts the loop all the time; no stop is lost and none comes twice. */
static void interrupts_between(void **state)
{
	(void)state;
	EACH_WAY(way) {
		struct rhea_config cfg = way->cfg;
		struct guest g;
		cfg.icount = true;
		guest_init(&g, &cfg);
		guest_vector(&g, 0x18, HANDLER);
		guest_org(&g, HANDLER);
		guest_li(&g, 11, GUEST_IO);
		guest_put(&g, a_str(11, 11, IO_ACK));
		guest_li(&g, 10, 23);
		guest_put(&g, a_str(10, 11, IO_TIMER));
		guest_put(&g, A32_IRQ_RETURN);
		put_loop(&g);
		guest_org(&g, 0x10800);
		guest_set_pc(&g, 0x10800);
		guest_put(&g, a_msr_c(0xd2));
		guest_li(&g, 10, 17);
		guest_li(&g, 11, GUEST_IO);
		guest_put(&g, a_str(10, 11, IO_TIMER));
		guest_put(&g, a_msr_c(0x53));
		guest_put(&g, a_b(g.at, CODE));
		add(&g, RHEA_STOP_EXEC, FUNC + 4, 0);
		add(&g, RHEA_STOP_READ, DATA + 4, 4);
		for (unsigned turn = 0; turn < TURNS; turn++) {
			expect(&g, way->name, RHEA_STOP_EXEC, FUNC + 4, FUNC + 4);
			assert_int_equal(guest_reg(&g, 0), TURNS - turn);
			expect(&g, way->name, RHEA_STOP_READ, DATA + 4, FUNC + 4);
		}
		assert_true(g.fired > 20);
		guest_run(&g, LIMIT);
		guest_free(&g);
	}
}

/* ---- watchpoints ---------------------------------------------------------------------------------- */

struct watch_case {
	enum rhea_stop_kind kind;
	uint32_t addr, size;
	uint32_t at[3], pc[3]; /* what one turn meets; pc 0 = nothing more */
};

static const struct watch_case watch_cases[] = {
	{RHEA_STOP_WRITE, DATA, 4, {DATA}, {FUNC}},
	{RHEA_STOP_WRITE, DATA + 3, 1, {DATA + 3}, {FUNC}},
	{RHEA_STOP_READ, DATA, 8, {DATA + 4}, {FUNC + 4}},
	{RHEA_STOP_ACCESS, DATA + 2, 3, {DATA + 2, DATA + 4}, {FUNC, FUNC + 4}},
	{RHEA_STOP_ACCESS, DATA - 0x5000, 0x10000, {DATA, DATA + 4, DATA + 0x1000}, {FUNC, FUNC + 4, FUNC + 8}},
	{RHEA_STOP_WRITE, DATA, 0x1001, {DATA, DATA + 0x1000}, {FUNC, FUNC + 8}},
	{RHEA_STOP_ACCESS, 1, UINT32_MAX, {DATA, DATA + 4, DATA + 0x1000}, {FUNC, FUNC + 4, FUNC + 8}},
};

static uint32_t flags(const struct guest *g)
{
	uint32_t cpsr = 0;
	rhea_read_reg(g->m, RHEA_REG_CPSR, &cpsr);
	return cpsr >> 28;
}

static void watch_turns(struct guest *g, const char *way, const struct watch_case *c)
{
	uint32_t first = guest_reg(g, 0);
	for (uint32_t left = first; left > first - 40; left--)
		for (unsigned i = 0; i < 3 && c->pc[i]; i++) {
			expect(g, way, c->kind, c->at[i], c->pc[i]);
			assert_int_equal(guest_reg(g, 0), left);
			assert_int_equal(flags(g), 0x2); /* C, of the subtraction that counts */
			if (i == 0 && c->pc[0] == FUNC)
				assert_int_equal(guest_word(g, DATA), left + 1); /* before the access */
		}
}

static void watchpoints_are_exact(void **state)
{
	(void)state;
	EACH_WAY(way)
		for (unsigned i = 0; i < 2 * ARRAY_LEN(watch_cases); i++) {
			const struct watch_case *c = &watch_cases[i / 2];
			struct guest g;
			guest_init(&g, &way->cfg);
			put_loop(&g);
			if (i % 2)
				guest_mmu_on(&g);
			add(&g, RHEA_STOP_EXEC, LOOP + 4, 0);
			for (unsigned k = 0; k < 100; k++)
				expect(&g, way->name, RHEA_STOP_EXEC, LOOP + 4, LOOP + 4);
			take_away(&g, RHEA_STOP_EXEC, LOOP + 4, 0);
			guest_step(&g, 2); /* at LOOP */
			add(&g, c->kind, c->addr, c->size);
			watch_turns(&g, way->name, c);
			take_away(&g, c->kind, c->addr, c->size);
			guest_run(&g, LIMIT);
			assert_int_equal(guest_word(&g, DATA), 1);
			guest_free(&g);
		}
}

/* What lies beside, on the same page, or is accessed the other way, does not stop. */
static void watchpoints_nobody_meets(void **state)
{
	static const struct watch_case cases[] = {
		{RHEA_STOP_ACCESS, DATA + 8, 0xff8, {0}, {0}}, {RHEA_STOP_READ, DATA, 4, {0}, {0}},
		{RHEA_STOP_WRITE, DATA + 4, 4, {0}, {0}}, {RHEA_STOP_ACCESS, DATA - 4, 4, {0}, {0}},
		{RHEA_STOP_WRITE, FUNC, 16, {0}, {0}}, {RHEA_STOP_READ, CODE, 0x3000, {0}, {0}},
	};
	(void)state;
	EACH_WAY(way) {
		struct guest g;
		guest_init(&g, &way->cfg);
		put_loop(&g);
		for (unsigned i = 0; i < ARRAY_LEN(cases); i++)
			add(&g, cases[i].kind, cases[i].addr, cases[i].size);
		guest_run(&g, LIMIT);
		assert_int_equal(guest_word(&g, DATA + 0x1000), 1);
		guest_free(&g);
	}
}

/* LDM, STM and SWP: the instruction has not happened at the stop, and happens once after it. */
static void several_accesses(void **state)
{
	(void)state;
	EACH_WAY(way) {
		struct guest g;
		guest_init(&g, &way->cfg);
		guest_org(&g, CODE);
		guest_set_pc(&g, CODE);
		guest_li(&g, 5, DATA);
		guest_li(&g, 8, 0x88);
		guest_put(&g, a_ldm(5, 1u << 5 | 1u << 6 | 1u << 7)); /* CODE + n */
		guest_li(&g, 9, DATA + 4);
		guest_put(&g, a_swp(8, 8, 9));
		guest_stop(&g);
		for (unsigned i = 0; i < 3; i++)
			guest_set_word(&g, DATA + 4 * i, 0x100 + i);
		add(&g, RHEA_STOP_READ, DATA + 4, 4);
		add(&g, RHEA_STOP_WRITE, DATA + 4, 4);
		struct rhea_event ev;
		rhea_run(g.m, LIMIT, &ev);
		assert_true(ev.kind == RHEA_EVENT_BREAK && ev.stop == RHEA_STOP_READ && ev.addr == DATA + 4);
		assert_int_equal(guest_reg(&g, 5), DATA);
		rhea_run(g.m, 1, &ev);
		for (unsigned i = 0; i < 3; i++)
			assert_int_equal(guest_reg(&g, 5 + i), 0x100 + i);
		rhea_run(g.m, LIMIT, &ev);
		assert_true(ev.kind == RHEA_EVENT_BREAK && ev.stop == RHEA_STOP_READ);
		assert_int_equal(guest_word(&g, DATA + 4), 0x101);
		guest_run(&g, LIMIT);
		assert_int_equal(guest_word(&g, DATA + 4), 0x88);
		assert_int_equal(guest_reg(&g, 8), 0x101);
		guest_free(&g);
	}
}

/* A device's register. */
static void devices_are_watched(void **state)
{
	(void)state;
	EACH_WAY(way) {
		struct guest g;
		guest_init(&g, &way->cfg);
		guest_org(&g, CODE);
		guest_set_pc(&g, CODE);
		guest_li(&g, 11, GUEST_IO);
		for (unsigned i = 0; i < 20; i++)
			guest_put(&g, a_str(11, 11, IO_LOG));
		guest_stop(&g);
		guest_step(&g, 8);
		uint32_t done = g.n_log;
		add(&g, RHEA_STOP_WRITE, GUEST_IO + IO_LOG, 4);
		for (unsigned i = done; i < 20; i++) {
			struct rhea_event ev;
			rhea_run(g.m, LIMIT, &ev);
			assert_true(ev.kind == RHEA_EVENT_BREAK && ev.addr == GUEST_IO + IO_LOG);
			assert_int_equal(g.n_log, i);
		}
		guest_run(&g, LIMIT);
		assert_int_equal(g.n_log, 20);
		guest_free(&g);
	}
}

/* ---- cost ----------------------------------------------------------------------------------------- */

/* Once a watchpoint is gone the window shows its page again; one on another page takes nothing from this one. */
static void window_comes_back(void **state)
{
	struct rhea_config cfg = {.compile_at_once = true};
	struct guest g;
	(void)state;
	guest_init(&g, &cfg);
	put_loop(&g);
	guest_step(&g, 300);
	if (!g.m->vcpu->window) {
		guest_free(&g);
		skip();
	}
	uint64_t traps = g.m->vcpu->stats.window_traps;
	add(&g, RHEA_STOP_WRITE, DATA + 0x2000, 4);
	guest_step(&g, 100 * TURN_INSNS);
	assert_int_equal(g.m->vcpu->stats.window_traps, traps);
	add(&g, RHEA_STOP_WRITE, DATA + 0x100, 4);
	guest_step(&g, 100 * TURN_INSNS);
	assert_true(g.m->vcpu->stats.window_traps > traps);
	take_away(&g, RHEA_STOP_WRITE, DATA + 0x100, 4);
	guest_step(&g, 100 * TURN_INSNS);
	traps = g.m->vcpu->stats.window_traps;
	guest_step(&g, 200 * TURN_INSNS);
	assert_int_equal(g.m->vcpu->stats.window_traps, traps);
	guest_free(&g);
}

/* Taking breakpoints out and putting them back between two runs costs no translation. */
static void a_debugger_at_each_stop(void **state)
{
	struct rhea_config cfg = {.compile_at_once = true};
	struct guest g;
	(void)state;
	guest_init(&g, &cfg);
	put_loop(&g);
	add(&g, RHEA_STOP_EXEC, FUNC + 4, 0);
	for (unsigned turn = 0; turn < 5; turn++)
		expect(&g, "jit", RHEA_STOP_EXEC, FUNC + 4, FUNC + 4);
	uint64_t blocks = g.m->vcpu->stats.translated_blocks, passed = g.m->vcpu->stats.retries;
	for (unsigned turn = 0; turn < 100; turn++) {
		take_away(&g, RHEA_STOP_EXEC, FUNC + 4, 0);
		add(&g, RHEA_STOP_EXEC, FUNC + 4, 0);
		expect(&g, "jit", RHEA_STOP_EXEC, FUNC + 4, FUNC + 4);
	}
	assert_int_equal(g.m->vcpu->stats.translated_blocks - blocks, g.m->vcpu->stats.retries - passed);
	guest_free(&g);
}

static void wrong_requests(void **state)
{
	struct guest g;
	struct rhea_error err;
	(void)state;
	guest_init(&g, &guest_ways[0].cfg);
	assert_int_equal(rhea_add_stop(g.m, RHEA_STOP_WRITE, 0, 0, &err), RHEA_ERR_USAGE);
	assert_int_equal(rhea_add_stop(g.m, RHEA_STOP_WRITE, 0xfffffffc, 5, &err), RHEA_ERR_USAGE);
	assert_int_equal(rhea_add_stop(g.m, (enum rhea_stop_kind)9, 0, 4, &err), RHEA_ERR_USAGE);
	assert_int_equal(rhea_remove_stop(g.m, RHEA_STOP_EXEC, 0x100, 0, &err), RHEA_ERR_USAGE);
	add(&g, RHEA_STOP_EXEC, 0x101, 77);
	take_away(&g, RHEA_STOP_EXEC, 0x100, 0);
	guest_free(&g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(breakpoints_are_exact), cmocka_unit_test(any_number_of_breakpoints),
		cmocka_unit_test(budgets_and_steps), cmocka_unit_test(code_changes_and_faults),
		cmocka_unit_test(interrupts_between), cmocka_unit_test(watchpoints_are_exact),
		cmocka_unit_test(watchpoints_nobody_meets), cmocka_unit_test(several_accesses),
		cmocka_unit_test(devices_are_watched), cmocka_unit_test(window_comes_back),
		cmocka_unit_test(a_debugger_at_each_stop), cmocka_unit_test(wrong_requests),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
