/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs insns.txt (recorded on qemu-system-arm) and insns-manual.txt (from the manual) on the interpreter, optimiser
 * off and on, in whole units and one instruction a unit. A failure means that decoder or lowering (or, with the
 * optimiser only, the optimiser) gives an instruction another meaning.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "lines.h"

static struct ir_interp_result interpret(void *ctx, struct ir_unit *u, struct arm_cpu *cpu, const struct ir_memory *mem)
{
	char msg[200];
	if (*(const bool *)ctx) {
		ir_optimise(u);
		if (!ir_verify(u, msg, sizeof(msg)))
			fprintf(stderr, "malformed after the optimiser: %s\n", msg);
	}
	return ir_interpret(u, cpu, mem);
}

static void run_all(bool optimise, uint32_t max_insns)
{
	static const char *const files[] = { "insns.txt", "insns-manual.txt" };
	struct line_executor ex = { interpret, &optimise, max_insns, NULL };
	for (unsigned i = 0; i < ARRAY_LEN(files); i++) {
		char path[1000];
		unsigned n = 0;
		snprintf(path, sizeof(path), "%s/%s", getenv("RHEA_TEST_DIR") ? getenv("RHEA_TEST_DIR") : ".", files[i]);
		assert_int_equal(lines_run_file(path, &ex, &n), 0);
		assert_true(n > 0);
	}
}

static void lines_agree(void **state) { (void)state; run_all(false, 32); }
static void lines_agree_one_insn_units(void **state) { (void)state; run_all(false, 1); }
static void lines_agree_optimised(void **state) { (void)state; run_all(true, 32); }
static void lines_agree_optimised_one_insn_units(void **state) { (void)state; run_all(true, 1); }

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_agree),
		cmocka_unit_test(lines_agree_one_insn_units),
		cmocka_unit_test(lines_agree_optimised),
		cmocka_unit_test(lines_agree_optimised_one_insn_units),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
