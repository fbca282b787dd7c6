/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Compiles the rows of a32.def and t16.def into lookup tables. A32: one bucket for each value of
 * bits 27:20 and 7:4, once for conditions 0 to 14 and once for condition 15; T16: one for each
 * value of bits 15:6. A bucket lists its candidate rows, most specific first.
 */
#include "frontend-arm/decode.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "frontend-arm/lower.h"

struct args_info {
	const char *name, *letters;
};

static const struct args_info args_info[ARM_ARGS_COUNT] = {
#define FIELD(letter, field) #letter
#define ARGS(name, fields) { #name, fields },
#include "frontend-arm/args.def"
#undef ARGS
#undef FIELD
};

#define ARGS(name, fields) _Static_assert(sizeof(struct arm_args_##name) <= sizeof(uint32_t) * ARM_ARGS_MAX, #name);
#include "frontend-arm/args.def"
#undef ARGS

/* ---- fields -------------------------------------------------------------------------------------- */

#define INLINE static inline __attribute__((always_inline)) /* patterns are constants there: what is left of this are shifts and masks */
#define MAX_RUNS 3 /* of one letter in a pattern */

/* Puts the bits that a run of the letter stands for behind *x; where the next run is. */
INLINE const char *join_run(const char *run, const char *letter, uint32_t insn, uint32_t *x)
{
	if (!run)
		return NULL;
	size_t n = strspn(run, letter), behind = strlen(run) - n;
	*x = *x << n | (insn >> behind & ((1u << n) - 1));
	return strchr(run + n, *letter);
}

/* The field that `letter` stands for; 0 where the pattern has none. */
INLINE uint32_t field_of(const char *pattern, const char *letter, uint32_t insn)
{
	uint32_t x = 0;
	const char *run = join_run(strchr(pattern, *letter), letter, insn, &x);
	run = join_run(run, letter, insn, &x);
	join_run(run, letter, insn, &x);
	return x;
}

#define FIELD(letter, field) a->field = field_of(pattern, #letter, insn);
#define ARGS(name, fields) \
	INLINE void extract_##name(const char *pattern, uint32_t insn, struct arm_args_##name *a) { fields }
#include "frontend-arm/args.def"
#undef ARGS
#undef FIELD

/* Two adapters a row, so that all lowerings have one type behind a pointer. */
#define A32(name, args, arch, text, pattern) \
	static void fields_##name(uint32_t insn, union arm_args *a) { extract_##args(pattern, insn, &a->args); } \
	static bool row_##name(struct arm_lower *l, uint32_t insn) \
	{ \
		struct arm_args_##args a; \
		extract_##args(pattern, insn, &a); \
		return arm_lower_##name(l, &a); \
	}
#define T16 A32
#include "frontend-arm/a32.def"
#include "frontend-arm/t16.def"
#undef T16
#undef A32

#define ROW(row, insn_set, arg, version, tmpl, pat) \
	{ .name = #row, .text = tmpl, .pattern = pat, .lower = row_##row, .extract = fields_##row, .isa = insn_set, .args = ARM_ARGS_##arg, \
	  .arch = version },
static const struct arm_insn_row a32_rows[] = {
#define A32(name, args, arch, text, pattern) ROW(name, ARM_A32, args, arch, text, pattern)
#include "frontend-arm/a32.def"
#undef A32
};
static const struct arm_insn_row t16_rows[] = {
#define T16(name, args, arch, text, pattern) ROW(name, ARM_T16, args, arch, text, pattern)
#include "frontend-arm/t16.def"
#undef T16
};

#define A32_ROWS ARRAY_LEN(a32_rows)
#define T16_ROWS ARRAY_LEN(t16_rows)
#define A32_BUCKETS 4096u
#define T16_BUCKETS 1024u
#define N_BUCKETS (2 * A32_BUCKETS + T16_BUCKETS)

#define ROWS (A32_ROWS + T16_ROWS)

/* The tables are small, since each machine makes and touches them: a candidate is a row's number, A32 first. Number ROWS, which any
 * instruction matches, ends a bucket's run. */
struct arm_decoder {
	struct arm_insn_row a32[A32_ROWS], t16[T16_ROWS];
	struct fixed_bits {
		uint32_t mask, value;
	} fixed[ROWS + 1];
	uint16_t bucket[N_BUCKETS]; /* first candidate in `list` */
	uint16_t *list;
};

/* ---- rows ---------------------------------------------------------------------------------------- */

static unsigned run_length(const char *s)
{
	unsigned n = 1;
	while (s[n] == s[0])
		n++;
	return n;
}

/* Is the letter at `first` one of the fields of the row, in no more runs than field_of looks for? */
static bool is_field(const struct arm_insn_row *row, unsigned first)
{
	unsigned runs = 0;
	char c = row->pattern[first];
	for (unsigned i = 0; i <= first; i++)
		runs += row->pattern[i] == c && (!i || row->pattern[i - 1] != c);
	return strchr(args_info[row->args].letters, c) && runs <= MAX_RUNS;
}

bool arm_compile_row(struct arm_insn_row *row, char *msg, size_t msg_size)
{
	unsigned width = row->isa == ARM_A32 ? 32 : 16;
	if (strlen(row->pattern) != width) {
		snprintf(msg, msg_size, "%s: pattern has %zu characters, not %u", row->name, strlen(row->pattern), width);
		return false;
	}
	row->mask = row->value = 0;
	row->n_fixed = 0;
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
			if (!is_field(row, i)) {
				snprintf(msg, msg_size, "%s: letter '%c' is no field of %s, or in too many pieces", row->name, c,
					 args_info[row->args].name);
				return false;
			}
		}
	}
	return true;
}

/* ---- buckets ------------------------------------------------------------------------------------- */

static uint32_t a32_bucket(uint32_t word)
{
	uint32_t b = (word >> 16 & 0xff0) | (word >> 4 & 0xf);
	return word >> 28 == 15 ? A32_BUCKETS + b : b;
}

static uint32_t t16_bucket(uint32_t half)
{
	return 2 * A32_BUCKETS + (half >> 6);
}

/* The buckets that a row is in: `first` with any combination of the bits in `any`. */
struct span {
	uint32_t first, any;
};

static struct span row_span(const struct arm_insn_row *row)
{
	if (row->isa == ARM_T16)
		return (struct span){ t16_bucket(row->value), ~row->mask >> 6 & (T16_BUCKETS - 1) };
	/* A condition field that is fixed decides which half it is in; a free one is never 15. */
	uint32_t first = a32_bucket(row->has_cond ? row->value & 0x0fffffffu : row->value);
	return (struct span){ first, a32_bucket(~row->mask & 0x0fffffffu) };
}

static const struct arm_insn_row *row_at(const struct arm_decoder *d, unsigned number)
{
	return number < A32_ROWS ? &d->a32[number] : number < ROWS ? &d->t16[number - A32_ROWS] : NULL;
}

/* Row indices sorted by specificity, most specific first; stable. */
static void sort_rows(const struct arm_insn_row *rows, unsigned n, uint16_t *order)
{
	for (unsigned i = 0; i < n; i++) {
		unsigned j = i;
		for (; j && rows[order[j - 1]].n_fixed < rows[i].n_fixed; j--)
			order[j] = order[j - 1];
		order[j] = (uint16_t)i;
	}
}

/* Adds 1 to n[b] of each bucket b of a row; in `list`, when there is one, the row goes there. */
static void enter_row(uint16_t *n, uint16_t *list, const struct arm_insn_row *row)
{
	struct span s = row_span(row);
	uint32_t part = 0;
	uint16_t number = (uint16_t)(row->isa == ARM_A32 ? row->index : A32_ROWS + row->index);
	do {
		uint16_t *at = &n[s.first | part];
		if (list)
			list[*at] = number;
		++*at;
		part = (part - s.any) & s.any; /* the next combination of these bits */
	} while (part);
}

static void enter_rows(uint16_t *n, uint16_t *list, const struct arm_insn_row *rows, const uint16_t *order, unsigned n_rows)
{
	for (unsigned i = 0; i < n_rows; i++)
		enter_row(n, list, &rows[order[i]]);
}

static void enter_all(struct arm_decoder *d, uint16_t *n, uint16_t *list)
{
	uint16_t a32_order[A32_ROWS], t16_order[T16_ROWS];
	sort_rows(d->a32, A32_ROWS, a32_order);
	sort_rows(d->t16, T16_ROWS, t16_order);
	enter_rows(n, list, d->a32, a32_order, A32_ROWS);
	enter_rows(n, list, d->t16, t16_order, T16_ROWS);
}

/* Turns the counts in bucket[] into where each run starts; returns the length of all. Entry 0 is the run of all empty buckets. */
static uint32_t place_runs(struct arm_decoder *d)
{
	uint32_t n = 1;
	for (uint32_t b = 0; b < N_BUCKETS; b++) {
		uint32_t run = d->bucket[b];
		d->bucket[b] = run ? (uint16_t)n : 0;
		n += run ? run + 1 : 0;
	}
	return n;
}

static bool fill_buckets(struct arm_decoder *d)
{
	uint16_t at[N_BUCKETS];
	enter_all(d, d->bucket, NULL);
	uint32_t n = place_runs(d);
	if (n > UINT16_MAX || !(d->list = malloc(n * sizeof *d->list))) /* indices must fit */
		return false;
	for (uint32_t i = 0; i < n; i++)
		d->list[i] = ROWS;
	memcpy(at, d->bucket, sizeof at);
	enter_all(d, at, d->list);
	return true;
}

struct arm_decoder *arm_decoder_new(void)
{
	struct arm_decoder *d = calloc(1, sizeof(*d));
	char msg[100];
	if (!d)
		return NULL;
	memcpy(d->a32, a32_rows, sizeof(a32_rows));
	memcpy(d->t16, t16_rows, sizeof(t16_rows));
	bool ok = true;
	for (unsigned i = 0; i < A32_ROWS; i++) {
		d->a32[i].index = (uint16_t)i;
		ok &= arm_compile_row(&d->a32[i], msg, sizeof(msg));
	}
	for (unsigned i = 0; i < T16_ROWS; i++) {
		d->t16[i].index = (uint16_t)i;
		ok &= arm_compile_row(&d->t16[i], msg, sizeof(msg));
	}
	for (unsigned i = 0; i < ROWS; i++) {
		const struct arm_insn_row *row = row_at(d, i);
		d->fixed[i] = (struct fixed_bits){ row->mask, row->value };
	}
	if (!ok || !fill_buckets(d)) {
		arm_decoder_free(d);
		return NULL;
	}
	return d;
}

void arm_decoder_free(struct arm_decoder *d)
{
	if (d)
		free(d->list);
	free(d);
}

const struct arm_insn_row *arm_decoder_rows(const struct arm_decoder *d, enum arm_isa isa, unsigned *n)
{
	*n = isa == ARM_A32 ? A32_ROWS : T16_ROWS;
	return isa == ARM_A32 ? d->a32 : d->t16;
}

static inline const struct arm_insn_row *match(const struct arm_decoder *d, uint32_t bucket, uint32_t insn)
{
	const uint16_t *c = &d->list[d->bucket[bucket]];
	while ((insn & d->fixed[*c].mask) != d->fixed[*c].value)
		c++;
	return row_at(d, *c);
}

const struct arm_insn_row *arm_decode_a32(const struct arm_decoder *d, uint32_t word)
{
	return match(d, a32_bucket(word), word);
}

const struct arm_insn_row *arm_decode_t16(const struct arm_decoder *d, uint32_t half)
{
	return match(d, t16_bucket(half & 0xffff), half);
}
