/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random IR for differential tests: a made-up guest (random_guest, struct random_env), its memory
 * with the callbacks an interpreter or a slow path needs, and units that always end.
 * One seed gives the same unit everywhere.
 */
#ifndef RHEA_TESTS_RANDOM_UNIT_H
#define RHEA_TESTS_RANDOM_UNIT_H

#include "ir/ir.h"

/* ---- a small generator of numbers, for tests of any kind --------------------------------------- */

struct random_source {
	uint64_t state;
};

static inline uint64_t random_u64(struct random_source *r)
{
	uint64_t z = r->state += UINT64_C(0x9e3779b97f4a7c15);
	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

static inline uint32_t random_u32(struct random_source *r)
{
	return (uint32_t)(random_u64(r) >> 32);
}

/* 0 <= result < n; n > 0. */
static inline unsigned random_below(struct random_source *r, unsigned n)
{
	return (unsigned)(((uint64_t)random_u32(r) * n) >> 32);
}

/* Values that arithmetic gets wrong first, mixed with plain random ones. */
uint64_t random_interesting(struct random_source *r);

/* Seed of the test run: environment variable RHEA_SEED (decimal or 0x...), else `fallback`. */
uint64_t random_seed_from_env(uint64_t fallback);

/* ---- the guest ----------------------------------------------------------------------------- */

#define RANDOM_REGS 14

/* What the globals live in. `calls` and `trace` are no globals: helpers count and sign there. */
struct random_env {
	uint32_t r[RANDOM_REGS];
	uint32_t pc;
	uint32_t fault;  /* the guest's fault flag */
	uint64_t wide;
	uint8_t flag[4]; /* always 0 or 1 */
	uint32_t calls;
	uint64_t trace;
	uint8_t reserved[256 - RANDOM_REGS * 4 - 8 - 8 - 8 - 8];
};
_Static_assert(sizeof(struct random_env) == 256, "room for a fixed layout");

enum random_global {
	RANDOM_G_R0,
	RANDOM_G_FLAG0 = RANDOM_G_R0 + RANDOM_REGS,
	RANDOM_G_WIDE = RANDOM_G_FLAG0 + 4,
	RANDOM_G_PC,
	RANDOM_GLOBALS,
};

enum random_helper {
	RANDOM_H_MIX,   /* i32(i32, i32), pure */
	RANDOM_H_WIDE,  /* i64(i64, i32), pure */
	RANDOM_H_TOUCH, /* i32(i32), reads and writes globals */
	RANDOM_H_SIGN,  /* void(), reads all globals into env.trace */
	RANDOM_H_COUNT, /* void(i32, i64, i32, i32), no globals, counts in env.calls */
	RANDOM_H_CHECK, /* i32(i32), faults when the argument's low three bits are 0 */
	RANDOM_H_RAISE, /* void(i32), always faults */
	RANDOM_HELPERS,
};

extern const struct ir_guest random_guest;

/* Fills *env from the seed; fault and pc are 0. */
void random_env_init(struct random_env *env, uint64_t seed);

/* ---- its memory ---------------------------------------------------------------------------- */

/* Units access [BASE, BASE + SIZE) only. The last page faults on every access, and so does an
 * access that reaches into it. */
#define RANDOM_MEM_BASE 0x00040000u
#define RANDOM_MEM_GOOD 0x2000u
#define RANDOM_MEM_SIZE 0x3000u

struct random_memory {
	uint8_t bytes[RANDOM_MEM_SIZE];
	uint64_t log;         /* digest of all accesses in order: address, memop, mark, stored value */
	uint64_t store_log;   /* digest of the successful stores only, without marks */
	unsigned n_accesses;
	unsigned fault_mark;  /* mark of the access that faulted last */
};

void random_memory_init(struct random_memory *m, uint64_t seed);

/* The meaning of ld and st on it, as memop says; ctx is a struct random_memory. Fit struct
 * ir_memory. A slow path of compiled code that does not know its mark passes 0 for all. */
bool random_load(void *ctx, uint32_t addr, uint16_t memop, unsigned mark, uint64_t *value);
bool random_store(void *ctx, uint32_t addr, uint16_t memop, unsigned mark, uint64_t value);

/* ---- units --------------------------------------------------------------------------------- */

/*
 * Builds a valid unit of about n_insns insns into *u (initialised by the caller with
 * &random_guest): every op, several blocks with labels out of order, branches forward only, all
 * kinds of exit, markers in some blocks and none in others. `g` must be &random_guest.
 */
#define RANDOM_COUNTERS 4u
void random_unit(struct ir_unit *u, const struct ir_guest *g, uint64_t seed, unsigned n_insns);

#endif
