/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Run at build time: compiles the rows of a32.def and t16.def into decode-table.h, and refuses malformed ones. A bucket is a run of
 * candidates, row numbers (A32 first, then T16), most specific first; number N_ROWS ends it. Buckets with the same candidates share a run.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "frontend-arm/decode.h"

static const struct {
	const char *name, *letters;
} args_info[ARM_ARGS_COUNT] = {
#define FIELD(letter, field) #letter
#define ARGS(name, fields) { #name, fields },
#include "frontend-arm/args.def"
#undef ARGS
#undef FIELD
};

#define ROW(row, insn_set, arg, pat) { .name = #row, .pattern = pat, .isa = insn_set, .args = ARM_ARGS_##arg },
static const struct arm_insn_row sources[] = {
#define A32(name, args, arch, text, pattern) ROW(name, ARM_A32, args, pattern)
#include "frontend-arm/a32.def"
#undef A32
#define T16(name, args, arch, text, pattern) ROW(name, ARM_T16, args, pattern)
#include "frontend-arm/t16.def"
#undef T16
};

#define N_ROWS ((unsigned)ARRAY_LEN(sources))
#define MAX_LIST 65536u

struct compiler {
	struct arm_insn_row row[N_ROWS];
	unsigned n_a32;
	uint16_t order[N_ROWS]; /* of all rows, most specific first */
	uint16_t bucket[ARM_BUCKETS], list[MAX_LIST];
	unsigned n_list;
};

static void refuse(const struct arm_insn_row *row, const char *why)
{
	fprintf(stderr, "%s \"%s\": %s\n", row->name, row->pattern, why);
	exit(1);
}

/* ---- rows ---------------------------------------------------------------------------------------- */

static unsigned run_length(const char *s)
{
	unsigned n = 1;
	while (s[n] == s[0])
		n++;
	return n;
}

/* Is the letter at `first` one of the fields of the row, in no more runs than field_of (decode.c) looks for? */
static bool is_field(const struct arm_insn_row *row, unsigned first)
{
	unsigned runs = 0;
	char c = row->pattern[first];
	for (unsigned i = 0; i <= first; i++)
		runs += row->pattern[i] == c && (!i || row->pattern[i - 1] != c);
	return strchr(args_info[row->args].letters, c) && runs <= ARM_FIELD_RUNS;
}

static void compile_row(struct arm_insn_row *row)
{
	unsigned width = row->isa == ARM_A32 ? 32 : 16;
	if (strlen(row->pattern) != width)
		refuse(row, "as many characters as the instruction has bits, please");
	row->has_cond = strstr(row->pattern, "cccc") != NULL;
	for (unsigned i = 0, n; i < width; i += n) {
		unsigned pos = width - 1 - i;
		char c = row->pattern[i];
		n = 1;
		if (c == '0' || c == '1') {
			row->mask |= 1u << pos;
			row->value |= (uint32_t)(c - '0') << pos;
			row->n_fixed++;
		} else if (c != '-') {
			n = run_length(&row->pattern[i]);
			if (!is_field(row, i))
				refuse(row, "a letter that is no field of its arguments, or in too many pieces");
		}
	}
}

static void compile_rows(struct compiler *c)
{
	memcpy(c->row, sources, sizeof sources);
	for (unsigned i = 0; i < N_ROWS; i++) {
		c->n_a32 += c->row[i].isa == ARM_A32;
		c->row[i].index = (uint16_t)(i - (c->row[i].isa == ARM_A32 ? 0 : c->n_a32));
		compile_row(&c->row[i]);
	}
}

/* Stable. */
static void sort_rows(struct compiler *c)
{
	for (unsigned i = 0; i < N_ROWS; i++) {
		unsigned j = i;
		for (; j && c->row[c->order[j - 1]].n_fixed < c->row[i].n_fixed; j--)
			c->order[j] = c->order[j - 1];
		c->order[j] = (uint16_t)i;
	}
}

/* ---- buckets ------------------------------------------------------------------------------------- */

/* Buckets with a row in them are `first` with any combination of the bits in `any`. */
static bool in_bucket(const struct arm_insn_row *row, uint32_t b)
{
	uint32_t first, any;
	if (row->isa == ARM_T16) {
		first = arm_t16_bucket(row->value);
		any = ~row->mask >> 6 & (ARM_T16_BUCKETS - 1);
	} else { /* a condition field that is fixed decides which half it is in; a free one is never 15 */
		first = arm_a32_bucket(row->has_cond ? row->value & 0x0fffffffu : row->value);
		any = arm_a32_bucket(~row->mask & 0x0fffffffu);
	}
	return (b & ~any) == first;
}

/* Where a run of these candidates is in the list. */
static unsigned place_run(struct compiler *c, const uint16_t *run, unsigned n)
{
	for (unsigned at = 0; at + n <= c->n_list; at++)
		if (!memcmp(&c->list[at], run, n * sizeof *run))
			return at;
	if (c->n_list + n > MAX_LIST) {
		fputs("more candidates than their indices can tell\n", stderr);
		exit(1);
	}
	memcpy(&c->list[c->n_list], run, n * sizeof *run);
	c->n_list += n;
	return c->n_list - n;
}

static void fill_bucket(struct compiler *c, uint32_t b)
{
	uint16_t run[N_ROWS + 1];
	unsigned n = 0;
	for (unsigned i = 0; i < N_ROWS; i++)
		if (in_bucket(&c->row[c->order[i]], b))
			run[n++] = c->order[i];
	run[n++] = N_ROWS;
	c->bucket[b] = (uint16_t)place_run(c, run, n);
}

/* ---- what comes out ------------------------------------------------------------------------------ */

static void print_numbers(const char *name, const uint16_t *x, unsigned n)
{
	printf("#define ARM_%s", name);
	for (unsigned i = 0; i < n; i++)
		printf("%s%u,", i % 24 ? " " : " \\\n\t", x[i]);
	printf("\n");
}

static void print_tables(const struct compiler *c)
{
	printf("/* Made by decode-compile. */\n");
	for (unsigned i = 0; i < N_ROWS; i++) {
		const struct arm_insn_row *r = &c->row[i];
		printf("#define ARM_FIXED_%s_%s .mask = 0x%xu, .value = 0x%xu, .n_fixed = %u, .has_cond = %d, .index = %u\n",
		       r->isa == ARM_A32 ? "A32" : "T16", r->name, r->mask, r->value, r->n_fixed, r->has_cond, r->index);
	}
	printf("#define ARM_FIXED");
	for (unsigned i = 0; i < N_ROWS; i++)
		printf(" \\\n\t{ 0x%xu, 0x%xu },", c->row[i].mask, c->row[i].value);
	printf("\n");
	print_numbers("BUCKET_STARTS", c->bucket, ARM_BUCKETS);
	printf("#define ARM_N_CANDIDATES %u\n", c->n_list);
	print_numbers("CANDIDATES", c->list, c->n_list);
}

int main(void)
{
	struct compiler *c = calloc(1, sizeof *c);
	if (!c)
		return 1;
	compile_rows(c);
	sort_rows(c);
	for (uint32_t b = 0; b < ARM_BUCKETS; b++)
		fill_bucket(c, b);
	print_tables(c);
	free(c);
	return ferror(stdout) || fflush(stdout) ? 1 : 0;
}
