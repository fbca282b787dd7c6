/* SPDX-License-Identifier: Apache-2.0 */
/* Looks instructions up in what decode-compile.c made of a32.def and t16.def: the bucket of some of their bits, then one row after the other. */
#include "frontend-arm/decode.h"

#include <string.h>

#include "frontend-arm/decode-table.h"
#include "frontend-arm/lower.h"

#define ARGS(name, fields) _Static_assert(sizeof(struct arm_args_##name) <= sizeof(uint32_t) * ARM_ARGS_MAX, #name);
#include "frontend-arm/args.def"
#undef ARGS

/* ---- fields -------------------------------------------------------------------------------------- */

#define INLINE static inline __attribute__((always_inline)) /* patterns are constants there: what is left of this are shifts and masks */

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
	{ .name = #row, .text = tmpl, .pattern = pat, .lower = row_##row, .extract = fields_##row, .isa = ARM_##insn_set, \
	  .args = ARM_ARGS_##arg, .arch = version, ARM_FIXED_##insn_set##_##row },
#define A32(name, args, arch, text, pattern) +1
#define T16 A32
enum {
	A32_ROWS = 0
#include "frontend-arm/a32.def"
	,
	T16_ROWS = 0
#include "frontend-arm/t16.def"
	,
	ROWS = A32_ROWS + T16_ROWS
};
#undef T16
#undef A32

/* Constant, and small: what each run touches of it is read from the file. */
struct arm_decoder {
	struct arm_insn_row a32[A32_ROWS], t16[T16_ROWS];
	struct {
		uint32_t mask, value;
	} fixed[ROWS + 1]; /* the last one is of any instruction */
	uint16_t bucket[ARM_BUCKETS]; /* first candidate in `list` */
	uint16_t list[ARM_N_CANDIDATES];
};

static const struct arm_decoder decoder = {
	.a32 = {
#define A32(name, args, arch, text, pattern) ROW(name, A32, args, arch, text, pattern)
#include "frontend-arm/a32.def"
#undef A32
	},
	.t16 = {
#define T16(name, args, arch, text, pattern) ROW(name, T16, args, arch, text, pattern)
#include "frontend-arm/t16.def"
#undef T16
	},
	.fixed = { ARM_FIXED },
	.bucket = { ARM_BUCKET_STARTS },
	.list = { ARM_CANDIDATES },
};

const struct arm_decoder *arm_decoder(void)
{
	return &decoder;
}

const struct arm_insn_row *arm_decoder_rows(const struct arm_decoder *d, enum arm_isa isa, unsigned *n)
{
	*n = isa == ARM_A32 ? A32_ROWS : T16_ROWS;
	return isa == ARM_A32 ? d->a32 : d->t16;
}

static const struct arm_insn_row *row_at(const struct arm_decoder *d, unsigned number)
{
	return number < A32_ROWS ? &d->a32[number] : number < ROWS ? &d->t16[number - A32_ROWS] : NULL;
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
	return match(d, arm_a32_bucket(word), word);
}

const struct arm_insn_row *arm_decode_t16(const struct arm_decoder *d, uint32_t half)
{
	return match(d, arm_t16_bucket(half & 0xffff), half);
}
