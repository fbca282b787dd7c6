/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The decoder: rows of a32.def and t16.def, compiled when rhea is built (decode-compile.c) into masks and a bucket
 * table, so that decoding is one table index and (mostly) one compare. Rows are tried in the
 * order of how many bits they fix. Private to the frontend, its tests and generators of instructions.
 */
#ifndef RHEA_ARM_DECODE_H
#define RHEA_ARM_DECODE_H

#include "frontend-arm/translate.h"

struct arm_lower;

enum arm_args_id {
#define ARGS(name, fields) ARM_ARGS_##name,
#include "frontend-arm/args.def"
#undef ARGS
	ARM_ARGS_COUNT
};

#define FIELD(letter, field) uint32_t field;
#define ARGS(name, fields) struct arm_args_##name { fields };
#include "frontend-arm/args.def"
#undef ARGS
#undef FIELD

/* Every argument struct is an array of uint32_t fields, in the order of its ARGS row. */
#define ARM_ARGS_MAX 10
union arm_args {
	uint32_t field[ARM_ARGS_MAX];
#define ARGS(name, fields) struct arm_args_##name name;
#include "frontend-arm/args.def"
#undef ARGS
};

enum arm_isa { ARM_A32, ARM_T16 };

struct arm_insn_row {
	const char *name, *text, *pattern; /* text: the assembly template */
	bool (*lower)(struct arm_lower *l, uint32_t insn); /* its fields are compiled into it */
	void (*extract)(uint32_t insn, union arm_args *a);
	uint32_t mask, value;  /* fixed bits */
	uint16_t index;        /* position in its .def file */
	uint8_t isa;           /* enum arm_isa */
	uint8_t args;          /* enum arm_args_id */
	uint8_t arch;          /* first architecture version */
	uint8_t n_fixed;       /* number of fixed bits: the row's specificity */
	bool has_cond;         /* cccc: never condition 1111 */
};

/* The row that matches, or NULL: an undefined instruction. */
const struct arm_insn_row *arm_decode_a32(const struct arm_decoder *d, uint32_t word);
const struct arm_insn_row *arm_decode_t16(const struct arm_decoder *d, uint32_t half);

/* All rows of one instruction set, in the order of the .def file. */
const struct arm_insn_row *arm_decoder_rows(const struct arm_decoder *d, enum arm_isa isa, unsigned *n);

/* Buckets. A32: one for each value of bits 27:20 and 7:4, once for conditions 0 to 14 and once for condition 15; T16: one for each value of
 * bits 15:6. */
#define ARM_A32_BUCKETS 4096u
#define ARM_T16_BUCKETS 1024u
#define ARM_BUCKETS (2 * ARM_A32_BUCKETS + ARM_T16_BUCKETS)
#define ARM_FIELD_RUNS 3 /* at most so many pieces has one letter in a pattern */

static inline uint32_t arm_a32_bucket(uint32_t word)
{
	uint32_t b = (word >> 16 & 0xff0) | (word >> 4 & 0xf);
	return word >> 28 == 15 ? ARM_A32_BUCKETS + b : b;
}

static inline uint32_t arm_t16_bucket(uint32_t half)
{
	return 2 * ARM_A32_BUCKETS + (half >> 6);
}

/* True when `insn` belongs to the row, leaving aside more specific rows. */
static inline bool arm_row_matches(const struct arm_insn_row *row, uint32_t insn)
{
	return (insn & row->mask) == row->value && !(row->has_cond && row->isa == ARM_A32 && insn >> 28 == 15);
}

#endif
