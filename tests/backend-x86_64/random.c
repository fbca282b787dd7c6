/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random units: the interpreter and the compiled code must agree on env, memory, exit and fault,
 * with the register allocator's choices shuffled, with few homes and many, before and after the
 * optimiser, on hosts with and without BMI2 and LZCNT, TLB full, empty and mixed; with the window
 * for none, one or both spaces, its pages there or not, its sites as compiled or patched.
 *
 *   RHEA_SEED=n replays unit n; RHEA_UNITS=n sets how many.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/log.h"
#include "tests/backend-x86_64/harness.h"

#define COOKIE UINT64_C(0x7f1234567890)

struct run {
	uint64_t seed;
	unsigned n_insns, n_homes;
	uint32_t shuffle, tlb;
	uint8_t window;         /* spaces that have it */
	uint32_t pages, patch;  /* harness_open_window; a bit for each site modulo 32 */
	bool optimise, bmi2, lzcnt;
	int32_t budget;         /* beside what is charged at the entry */
};

static struct run run_from_seed(uint64_t seed)
{
	static const uint8_t homes[] = {0, 3, 8, X64_MAX_HOMES, X64_MAX_HOMES};
	struct random_source r = {seed ^ 0x783634};
	struct run run = {.seed = seed, .n_insns = 8 + random_below(&r, random_below(&r, 4) ? 60 : 300)};
	run.n_homes = homes[random_below(&r, ARRAY_LEN(homes))];
	run.shuffle = random_below(&r, 3) ? random_u32(&r) | 1u : 0;
	unsigned tlb = random_below(&r, 3);
	run.tlb = tlb == 0 ? 0 : tlb == 1 ? ~0u : random_u32(&r);
	run.optimise = random_below(&r, 2);
	run.bmi2 = random_below(&r, 3);
	run.lzcnt = random_below(&r, 3);
	run.window = (uint8_t)random_below(&r, 4);
	run.pages = random_below(&r, 4) ? random_u32(&r) & 15u : 0;
	run.budget = (int32_t)(random_below(&r, 3) ? 1000 : random_below(&r, 40));
	run.patch = random_below(&r, 2) ? 0 : random_below(&r, 2) ? ~0u : random_u32(&r);
	return run;
}

static void build(struct harness *h, const struct run *run, struct ir_unit *u, bool optimise)
{
	arena_reset(&h->arena);
	ir_unit_init(u, &random_guest, &h->arena);
	random_unit(u, &random_guest, run->seed, run->n_insns);
	if (optimise)
		ir_optimise(u);
}

static void init_state(struct guest_state *g, struct random_env *env, uint64_t seed)
{
	memset(g, 0, sizeof *g);
	g->env = env;
	random_env_init(env, seed);
	random_memory_init(&g->memory, seed);
}

/* What the run loop would conclude from enter's result. */
static struct ir_interp_result compiled_result(const struct harness *h, const struct guest_state *g, uint64_t rax)
{
	struct ir_interp_result r = {.pc_key = h->base->env.pc};
	switch ((enum x64_exit)(rax & 7)) {
	case X64_EXIT_JUMP:
		r.exit = IR_EXIT_JUMP;
		r.slot = (unsigned)((rax - COOKIE) / 8);
		break;
	case X64_EXIT_LOOKUP:
		assert_int_equal(rax, X64_EXIT_LOOKUP);
		r.exit = IR_EXIT_IND;
		break;
	case X64_EXIT_FAULT:
		assert_int_equal(rax, X64_EXIT_FAULT);
		r.exit = IR_EXIT_FAULT;
		r.marks = harness_mark_of(g->code, h->base->host_pc) + 1;
		harness_recover(g, h->base, h->base->host_pc, &h->base->env);
		break;
	case X64_EXIT_RETURN:
		fail_msg("a return landed on an empty stack");
		break;
	case X64_EXIT_BUDGET:
		r.exit = IR_EXIT_BUDGET;
	}
	return r;
}

static bool same_result(const struct ir_interp_result *want, const struct ir_interp_result *got)
{
	enum ir_exit exit = want->exit == IR_EXIT_LOOP ? IR_EXIT_IND : want->exit; /* both are LOOKUP */
	if (exit != got->exit)
		return false;
	if (exit == IR_EXIT_FAULT)
		return want->marks == got->marks;
	return want->pc_key == got->pc_key && (exit != IR_EXIT_JUMP || want->slot == got->slot);
}

/* Does every access come to the slow path, so that it is in the log? */
static bool all_slow(const struct run *run)
{
	return (run->tlb == 0 || run->window == 3) && (run->window == 0 || (run->pages & 10u) == 0 || run->patch == ~0u);
}

static const char *difference(const struct run *run, const struct guest_state *want, const struct guest_state *got,
			      const struct ir_interp_result *wr, const struct ir_interp_result *gr)
{
	if (!same_result(wr, gr))
		return "exit";
	if (memcmp(want->env, got->env, sizeof *want->env) != 0)
		return "env";
	if (memcmp(want->memory.bytes, got->memory.bytes, sizeof want->memory.bytes) != 0)
		return "memory";
	if (all_slow(run) && want->memory.log != got->memory.log)
		return "accesses";
	if (all_slow(run) && want->env_log != got->env_log)
		return "env during an access";
	return NULL;
}

static void report(struct harness *h, const struct run *run, const struct x64_code *code, const char *what,
		   const struct guest_state *want, const struct guest_state *got, const struct ir_interp_result *wr,
		   const struct ir_interp_result *gr)
{
	struct ir_unit u;
	struct log log = {.mask = ~0u, .out = stderr};
	char *text = harness_disassemble(h, code->code, code->code + code->size);
	fprintf(stderr, "%s", text);
	free(text);
	build(h, run, &u, run->optimise);
	ir_print(&u, &log);
	fprintf(stderr, "homes %u shuffle %u tlb %#x window %u pages %#x patch %#x optimise %d bmi2 %d lzcnt %d\n", run->n_homes,
		run->shuffle, run->tlb, run->window, run->pages, run->patch, run->optimise, run->bmi2, run->lzcnt);
	fprintf(stderr, "exit %d/%d slot %u/%u pc %#x/%#x marks %u/%u\n", wr->exit, gr->exit, wr->slot, gr->slot,
		wr->pc_key, gr->pc_key, wr->marks, gr->marks);
	for (unsigned i = 0; i < sizeof(struct random_env) / 4; i++) {
		uint32_t a = ((const uint32_t *)want->env)[i], b = ((const uint32_t *)got->env)[i];
		if (a != b)
			fprintf(stderr, "env + %u: %#x, compiled %#x\n", i * 4, a, b);
	}
	fail_msg("seed %" PRIu64 " (RHEA_SEED replays it): %s differs", run->seed, what);
}

/* Patches the sites that are to be; the others are patched and given back, which must leave no trace. */
static void patch_sites(const struct harness *h, const struct run *run, const struct x64_code *code)
{
	for (uint32_t i = 0; i < code->n_sites; i++) {
		const struct x64_site *site = &code->site[i];
		uint8_t saved[X64_ACCESS_BYTES], before[16];
		if (!site->access)
			continue;
		assert_true(site->access < site->stub && site->stub < site->offset && site->offset <= code->size);
		uint8_t *at = (uint8_t *)(uintptr_t)(code->code + site->access - (uint64_t)h->out.rx_delta);
		memcpy(before, at, sizeof before);
		x64_patch_access(code, site, saved, h->out.rx_delta);
		assert_memory_equal(saved, before, sizeof saved);
		if (run->patch >> i % 32 & 1)
			continue;
		x64_unpatch_access(code, site, saved, h->out.rx_delta);
		assert_memory_equal(at, before, sizeof before);
	}
}

static struct guest_state want, got;
static uint64_t total_traps, total_notes, total_without;

static void check_one(struct harness *h, uint64_t seed)
{
	struct run run = run_from_seed(seed);
	struct random_env env;
	struct ir_unit u;
	struct x64_code code;
	build(h, &run, &u, false);
	init_state(&want, &env, seed);
	want.budget = run.budget;
	struct ir_memory mem = {
		.ctx = &want, .load = harness_load, .store = harness_store, .charge = harness_charge, .count = harness_count,
	};
	struct ir_interp_result wr = ir_interpret(&u, &env, &mem);
	build(h, &run, &u, run.optimise);

	harness_target(h, run.shuffle, run.n_homes);
	h->target.has_bmi2 &= run.bmi2;
	h->target.has_lzcnt &= run.lzcnt;
	struct x64_compile_args args = {.cookie = COOKIE, .exit_cookie = COOKIE, .exit_size = 8, .n_slots = HARNESS_SLOTS, .first_landing = 2, .n_insns = u.n_marks, .window = run.window,
					.counters = HARNESS_COUNTERS};
	assert_true(x64_compile(&h->target, &u, &args, &h->out, &code));
	init_state(&got, &h->base->env, seed);
	got.code = &code;
	got.target = &h->target;
	total_notes += code.n_notes > 0;
	total_without += code.without_notes;
	h->base->state = &got;
	h->base->budget = run.budget + (int32_t)u.n_marks;
	memset(h->base->count, 0, sizeof h->base->count);
	if (run.window)
		harness_open_window(h, &got, run.pages);
	harness_fill_tlb(h, &got, run.tlb);
	patch_sites(h, &run, &code);
	uint64_t rax = harness_enter(h, code.code + code.entry);
	if (run.window)
		harness_close_window(&got);
	struct ir_interp_result gr = compiled_result(h, &got, rax);
	if (h->base->budget != want.budget || memcmp(h->base->count, want.count, sizeof want.count) != 0)
		fail_msg("RHEA_SEED=%" PRIu64 ": budget %d instead of %d, or a counter differs", seed, h->base->budget, want.budget);
	total_traps += got.traps;
	const char *what = difference(&run, &want, &got, &wr, &gr);
	if (what)
		report(h, &run, &code, what, &want, &got, &wr, &gr);
}

/* An assertion in the backend or a wild access in emitted code shall name its seed too. */
static volatile uint64_t current_seed;

static void on_crash(int sig)
{
	fprintf(stderr, "RHEA_SEED=%" PRIu64 " crashes\n", current_seed);
	signal(sig, SIG_DFL);
	raise(sig);
}

/* Fails when compiled code computes something else than the IR, as it was before the optimiser, means. */
static void compiled_code_agrees_with_the_interpreter(void **state)
{
	struct harness h;
	const char *count = getenv("RHEA_UNITS");
	uint64_t first = random_seed_from_env(1), n = getenv("RHEA_SEED") ? 1 : count ? strtoull(count, NULL, 0) : 40000;
	(void)state;
	harness_init(&h);
	signal(SIGABRT, on_crash);
	harness_catch_traps(&got, on_crash);
	for (uint64_t seed = first; seed < first + n && (current_seed = seed); seed++)
		check_one(&h, seed);
	assert_true(n < 1000 || total_traps > n / 10); /* the window is there */
	assert_true(n < 1000 || total_notes > n / 10);
	assert_true(total_without <= n / 5000); /* it is for units of another kind, or its size, than nearly all of these */
	harness_free(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(compiled_code_agrees_with_the_interpreter),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
