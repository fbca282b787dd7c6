/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random instruction sequences against another emulator: what the parts of random-vs-qemu share.
 * A sequence depends on (seed, index, options) only, so that a report replays from those.
 */
#ifndef RHEA_RANDOM_H
#define RHEA_RANDOM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "frontend-arm/decode.h"

/* ---- random numbers ---- */

struct rng {
	uint64_t state;
};

static inline uint32_t rng_next(struct rng *r)
{
	uint64_t z = (r->state += 0x9e3779b97f4a7c15u);
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return (uint32_t)(z >> 32);
}

static inline uint32_t rng_below(struct rng *r, uint32_t n) { return (uint32_t)(((uint64_t)rng_next(r) * n) >> 32); }
static inline bool rng_percent(struct rng *r, uint32_t p) { return rng_below(r, 100) < p; }

/* ---- instruction rows (rows.c) ---- */

struct row {
	const char *name, *pattern;
	uint8_t isa;  /* enum arm_isa */
	uint8_t args; /* enum arm_args_id */
	uint32_t mask, value;
};

#define ROWS_MAX 256
struct row_set {
	struct row row[ROWS_MAX];
	unsigned n, first_t16; /* A32 rows, then T16 rows */
};

void rows_init(struct row_set *rows);
/* A word of this row: letters random, '-' bits zero. */
uint32_t row_random(const struct row *row, struct rng *r);
/* Sets the letter's bits, most significant first. */
uint32_t row_set_field(const struct row *row, uint32_t word, char letter, uint32_t value);
uint32_t row_field(const struct row *row, uint32_t word, char letter);
/* True when some row has this encoding. */
bool rows_match(const struct row_set *rows, enum arm_isa isa, uint32_t word);

/* ---- sequences (generate*.c) ---- */

enum fix {
	FIX_NONE,
	FIX_BRANCH,     /* A32: 24-bit offset to a later group; T16: 11 or 8 bits, or a BL pair */
	FIX_ADR,        /* add rX, pc, #offset of the target */
	FIX_PAD_THUMB,  /* A32 BLX: the Thumb terminator */
	FIX_PAD_ARM,    /* T16 BLX pair: the ARM terminator */
};

/* Where a fix points: a later group, or a terminator. */
enum target { TARGET_GROUP, TARGET_PAD_ARM, TARGET_PAD_THUMB };

struct unit {
	uint32_t code;
	uint8_t fix, target;
	bool group_start; /* branches go to starts of groups only: what a group sets up is never skipped */
	uint16_t row;     /* index in row_set, ROW_SETUP for what the generator added */
};
#define ROW_SETUP 0xffff

#define UNITS_MAX 96
#define CODE_BYTES_MAX (UNITS_MAX * 4 + 16)

/* As the runner reads it (runner.S, E_*), followed by the code. */
struct entry {
	uint32_t size, flags, cpsr, spsr, sctlr, dacr, pte[2], alias, seed, regs[15], code_bytes;
};
#define ENTRY_COPY 1u /* run from the slot it is copied to: code that was just written */
#define ENTRY_IRQ 2u  /* the interrupt line is asserted: taken when the mask allows */
#define ENTRY_FIQ 4u

struct sequence {
	struct entry entry;
	uint8_t isa;
	struct unit unit[UNITS_MAX];
	unsigned n_units;
};

struct gen_options {
	bool arm, thumb;
	bool unpredictable; /* generate what is excluded for being UNPREDICTABLE */
	int mode; /* -1 = all, else the CPSR mode to start in */
	int mmu;  /* -1 = both */
	const struct row_set *rows;
};

struct gen {
	struct rng rng;
	const struct gen_options *opt;
	struct sequence *seq;
	bool mmu, align;
	uint32_t cond;   /* of the last conditional instruction; 0 at first (EQ) */
	bool mode_known; /* no instruction so far could have left the mode that the sequence starts in */
};

/* True when the mode certainly has an SPSR and a bank of its own. */
static inline bool gen_banked_mode(const struct gen *g)
{
	uint32_t mode = g->seq->entry.cpsr & CPSR_MODE;
	return g->mode_known && mode != ARM_USR && mode != ARM_SYS;
}

/* Fills *seq; entry.size and code_bytes are set by sequence_code. */
void sequence_generate(struct sequence *seq, uint64_t seed, uint32_t index, const struct gen_options *opt);
/* Lays the units out with their terminators and resolves branches; returns the bytes written. */
uint32_t sequence_code(const struct sequence *seq, uint8_t code[CODE_BYTES_MAX]);

void gen_emit(struct gen *g, uint32_t code, bool group_start, enum fix fix, enum target target, unsigned row);
void gen_arm(struct gen *g);   /* one group of A32 instructions */
void gen_thumb(struct gen *g); /* one group of T16 instructions */

/* Words that are not generated, and why (exclusions.c). */
struct exclusion {
	uint8_t isa;
	int args; /* enum arm_args_id, -1 = any */
	bool (*applies)(const struct gen *g, const struct row *row, uint32_t word);
	const char *reason;
};
extern const struct exclusion exclusions[];
extern const unsigned n_exclusions;
bool gen_excluded(const struct gen *g, const struct row *row, uint32_t word);

/* ---- running (run.c) ---- */

#define RESULT_WORDS 26 /* index, kind, then the words of the runner's save page */

struct result {
	bool there;
	uint32_t word[RESULT_WORDS];
};

/* Writes runner and sequences as one raw image. False with a message on stderr. */
bool image_write(const char *path, const char *runner_path, const struct sequence *seqs, unsigned n);

/* Runs `command` (split at blanks) with the board's options and the image; fills results[0..n). Returns false when
 * the program could not be run. What it printed beside results goes to *noise (for reports). */
bool run_image(const char *command, const char *image, unsigned timeout_s, struct result *results, unsigned n,
	       char *noise, size_t noise_size);

#endif
