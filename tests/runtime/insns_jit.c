/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one-line instruction tests (tests/frontend-arm/lines.h) on the JIT: every unit is compiled and entered, under
 * several register plans, its accesses by TLB, by traps in the window or by patched sites in turn, optimiser off and on, in whole units and one instruction a unit. A failure that
 * tests/frontend-arm/insns.c does not show as well is the backend's.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/frontend-arm/lines.h"
#include "tests/runtime/unit_jit.h"

struct run {
	struct unit_jit jit;
	bool optimise;
};

static struct ir_interp_result compile_and_run(void *ctx, struct ir_unit *u, struct arm_cpu *cpu, const struct ir_memory *mem)
{
	struct run *r = ctx;
	char msg[200];
	if (r->optimise)
		ir_optimise(u);
	if (!ir_verify(u, msg, sizeof msg))
		fail_msg("malformed after the optimiser: %s", msg);
	return unit_jit_run(&r->jit, u, cpu, mem);
}

static void run_files(struct run *r, uint32_t max_insns)
{
	static const char *const files[] = {"insns.txt", "insns-manual.txt"};
	struct line_executor ex = {compile_and_run, r, max_insns, NULL};
	const char *dir = getenv("RHEA_TEST_DIR");
	for (unsigned i = 0; i < ARRAY_LEN(files); i++) {
		char path[1000];
		unsigned n = 0;
		snprintf(path, sizeof path, "%s/%s", dir ? dir : ".", files[i]);
		assert_int_equal(lines_run_file(path, &ex, &n), 0);
		assert_true(n > 0);
	}
}

static void lines_agree(void **state)
{
	static const struct {
		uint32_t seed;
		unsigned n_homes;
	} plans[] = {{0, X64_MAX_HOMES}, {0, 0}, {1, 1}, {2, 5}, {3, 8}, {4, X64_MAX_HOMES}, {5, X64_MAX_HOMES}};
	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(plans); i++) {
		struct run r;
		unit_jit_init(&r.jit, plans[i].seed, plans[i].n_homes);
		for (unsigned how = 0; how < 4; how++) {
			static const char *const modes[] = {"TLB", "traps", "patched"};
			r.optimise = how & 1;
			r.jit.mode = (enum unit_jit_mode)((i + how) % UNIT_JIT_MODES);
			print_message("shuffle_seed %u, n_homes %u, optimiser %s, %s, %s\n", plans[i].seed, plans[i].n_homes,
				      r.optimise ? "on" : "off", how & 2 ? "one instruction a unit" : "whole units",
				      modes[r.jit.mode]);
			run_files(&r, how & 2 ? 1 : 32);
		}
		print_message("%lu units entered, %lu left by a fault, %lu traps\n", r.jit.entered, r.jit.faults, r.jit.traps);
		assert_true(r.jit.faults > 0 && r.jit.traps > 0);
		unit_jit_free(&r.jit);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_agree),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
