/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How many one-line tests reach each instruction row. A failure names a row that no line tests.
 * RHEA_COVERAGE=1 prints the whole table.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "frontend-arm/decode.h"
#include "lines.h"

#define MAX_ROWS 400

struct coverage {
	const struct arm_decoder *d;
	unsigned hits[2][MAX_ROWS];
};

static void seen(void *ctx, bool thumb, uint32_t insn)
{
	struct coverage *c = ctx;
	const struct arm_insn_row *row = thumb ? arm_decode_t16(c->d, insn) : arm_decode_a32(c->d, insn);
	if (row)
		c->hits[row->isa][row->index]++;
}

static struct ir_interp_result interpret(void *ctx, struct ir_unit *u, struct arm_cpu *cpu, const struct ir_memory *mem)
{
	(void)ctx;
	return ir_interpret(u, cpu, mem);
}

static unsigned report(const struct coverage *c, enum arm_isa isa)
{
	unsigned n, missing = 0;
	const struct arm_insn_row *rows = arm_decoder_rows(c->d, isa, &n);
	assert_in_range(n, 1, MAX_ROWS);
	for (unsigned i = 0; i < n; i++) {
		if (getenv("RHEA_COVERAGE"))
			printf("%-16s %6u  %s\n", rows[i].name, c->hits[isa][i], rows[i].text);
		if (!c->hits[isa][i]) {
			missing++;
			fprintf(stderr, "no line tests %s (%s)\n", rows[i].name, rows[i].text);
		}
	}
	return missing;
}

static void every_row_has_a_line(void **state)
{
	static const char *const files[] = { "insns.txt", "insns-manual.txt" };
	struct coverage c = { arm_decoder(), { { 0 } } };
	struct line_executor ex = { interpret, &c, 32, seen };
	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(files); i++) {
		char path[1000];
		unsigned n = 0;
		snprintf(path, sizeof(path), "%s/%s", getenv("RHEA_TEST_DIR") ? getenv("RHEA_TEST_DIR") : ".", files[i]);
		assert_true(lines_run_file(path, &ex, &n) >= 0);
	}
	unsigned missing = report(&c, ARM_A32) + report(&c, ARM_T16);
	assert_int_equal(missing, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(every_row_has_a_line) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
