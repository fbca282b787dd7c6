/* SPDX-License-Identifier: Apache-2.0 */
/* Lint of a32.def and t16.def (decode-compile.c refuses malformed patterns). A failure names the row that is ambiguous or never decoded. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "disasm.h"

static bool overlap(const struct arm_insn_row *a, const struct arm_insn_row *b)
{
	bool a_uncond = a->isa == ARM_A32 && !a->has_cond && a->value >> 28 == 15;
	bool b_uncond = b->isa == ARM_A32 && !b->has_cond && b->value >> 28 == 15;
	if ((a->has_cond && b_uncond) || (b->has_cond && a_uncond))
		return false;
	return ((a->value ^ b->value) & a->mask & b->mask) == 0;
}

static uint32_t next_random(uint32_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 17;
	return *state ^= *state << 5;
}

static bool reachable(const struct arm_decoder *d, const struct arm_insn_row *row)
{
	uint32_t state = 1;
	for (unsigned i = 0; i < 2000; i++) {
		uint32_t insn = (next_random(&state) & ~row->mask) | row->value;
		if (row->isa == ARM_A32 ? arm_decode_a32(d, insn) == row : arm_decode_t16(d, insn & 0xffff) == row)
			return true;
	}
	return false;
}

static void check_row(const struct arm_decoder *d, const struct arm_insn_row *rows, unsigned n, unsigned i)
{
	struct arm_insn_row row = rows[i];
	char text[200];
	if (row.arch < 4 || row.arch > 5)
		fail_msg("%s: architecture %u", row.name, row.arch);
	if (!disasm(&row, row.value, 0, text, sizeof(text)))
		fail_msg("%s: unknown placeholder in \"%s\"", row.name, row.text);
	if (!reachable(d, &rows[i]))
		fail_msg("%s: more specific rows hide it", row.name);
	for (unsigned k = 0; k < i; k++)
		if (rows[k].n_fixed == row.n_fixed && overlap(&rows[k], &row))
			fail_msg("%s and %s overlap and are equally specific", rows[k].name, row.name);
	(void)n;
}

static void rows_are_sound(void **state)
{
	const struct arm_decoder *d = arm_decoder();
	(void)state;
	assert_non_null(d);
	for (unsigned isa = ARM_A32; isa <= ARM_T16; isa++) {
		unsigned n;
		const struct arm_insn_row *rows = arm_decoder_rows(d, (enum arm_isa)isa, &n);
		for (unsigned i = 0; i < n; i++)
			check_row(d, rows, n, i);
	}
}

/* The bucket tables must give what trying every row, most specific first, gives. */
static const struct arm_insn_row *slow_decode(const struct arm_insn_row *rows, unsigned n, uint32_t insn)
{
	const struct arm_insn_row *best = NULL;
	for (unsigned i = 0; i < n; i++)
		if (arm_row_matches(&rows[i], insn) && (!best || rows[i].n_fixed > best->n_fixed))
			best = &rows[i];
	return best;
}

static void buckets_agree_with_linear_search(void **state)
{
	const struct arm_decoder *d = arm_decoder();
	uint32_t seed = 0x2545f491;
	unsigned n;
	(void)state;
	const struct arm_insn_row *rows = arm_decoder_rows(d, ARM_A32, &n);
	for (unsigned i = 0; i < 200000; i++) {
		uint32_t word = next_random(&seed);
		if (i & 1) /* near a row */
			word = (word & ~rows[i % n].mask) | rows[i % n].value;
		assert_ptr_equal(arm_decode_a32(d, word), slow_decode(rows, n, word));
	}
	rows = arm_decoder_rows(d, ARM_T16, &n);
	for (uint32_t half = 0; half < 0x10000; half++)
		assert_ptr_equal(arm_decode_t16(d, half), slow_decode(rows, n, half));
}

static void fields_are_extracted(void **state)
{
	const struct arm_decoder *d = arm_decoder();
	union arm_args a;
	(void)state;
	const struct arm_insn_row *row = arm_decode_a32(d, 0xe1d120be); /* ldrh r2, [r1, #14] */
	assert_string_equal(row->name, "ldrh_imm");
	row->extract(0xe1d12fbe, &a);
	assert_int_equal(a.mem_imm.imm, 0xfe);
	assert_int_equal(a.mem_imm.rn, 1);
	assert_int_equal(a.mem_imm.rd, 2);
	assert_int_equal(a.mem_imm.p, 1);
	assert_int_equal(a.mem_imm.u, 1);
	assert_int_equal(a.mem_imm.w, 0);
}

/* Failure: what is compiled into a row is not what its pattern says. */
static void fields_are_those_of_the_patterns(void **state)
{
	static const char *const letters[ARM_ARGS_COUNT] = {
#define FIELD(letter, field) #letter
#define ARGS(name, fields) fields,
#include "frontend-arm/args.def"
#undef ARGS
#undef FIELD
	};
	const struct arm_decoder *d = arm_decoder();
	uint32_t seed = 0x1234567;
	(void)state;
	for (unsigned isa = ARM_A32, n; isa <= ARM_T16; isa++) {
		const struct arm_insn_row *rows = arm_decoder_rows(d, (enum arm_isa)isa, &n);
		for (unsigned i = 0; i < 100 * n; i++) {
			const struct arm_insn_row *row = &rows[i % n];
			uint32_t insn = next_random(&seed), width = (uint32_t)strlen(row->pattern);
			union arm_args got, want = { { 0 } };
			for (uint32_t k = 0; k < width; k++) {
				const char *at = strchr(letters[row->args], row->pattern[k]);
				uint32_t *field = at ? &want.field[at - letters[row->args]] : NULL;
				if (field)
					*field = *field << 1 | (insn >> (width - 1 - k) & 1);
			}
			row->extract(insn, &got);
			assert_memory_equal(&got, &want, strlen(letters[row->args]) * sizeof(uint32_t));
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_are_sound),
		cmocka_unit_test(buckets_agree_with_linear_search),
		cmocka_unit_test(fields_are_extracted),
		cmocka_unit_test(fields_are_those_of_the_patterns),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
