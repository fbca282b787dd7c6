/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A place to run emitted code: a base region as the runtime would lay it out, sparse TLB tables, a
 * dual-mapped code buffer (RW and RX, never both), and slow paths that work on the random guest's
 * memory (tests/ir/random_unit.h). Behind the base lies a window, whose pages are there, read-only, or trap.
 */
#ifndef RHEA_TESTS_X64_HARNESS_H
#define RHEA_TESTS_X64_HARNESS_H

#include "backend-x86_64/x64.h"
#include "tests/ir/random_unit.h"

#define HARNESS_CACHE_BITS 6u
#define HARNESS_TAG_SPACES 2u
#define HARNESS_RET_ENTRIES 4096 /* of the return stack; a signal's frame lies below it */
#define HARNESS_FRAME_ROOM 8192 /* mapped in front of struct base, for struct x64_frame */

/* One guest's state: memory and a digest of the env at every access (homes must be exact there). */
struct guest_state {
	struct random_env *env;
	struct random_memory memory;
	uint64_t env_log;
	const struct x64_code *code; /* compiled side: to find the mark of a site */
	const struct x64_target *target;
	int32_t budget;              /* the interpreter's */
	uint64_t count[RANDOM_COUNTERS];
	uint8_t *shared;             /* compiled side, with the window: the memory while code runs; else NULL */
	unsigned traps;
};

struct base {
	uint8_t reserved[0x100]; /* so that fields are at both short and long offsets */
	struct random_env env;
	int32_t budget;
	uint32_t tb_flags;
	uint64_t host_pc, host_sp, ret_sp;
	uint64_t ret[HARNESS_RET_ENTRIES];
	struct guest_state *state;
	uint64_t count[RANDOM_COUNTERS];
	struct x64_jump_entry jump_cache[1 << HARNESS_CACHE_BITS];
	_Alignas(4096) uint64_t addend[2][2][1 << 20];
	uint32_t exec_tag[HARNESS_TAG_SPACES][1 << 20];
};

#define HARNESS_SLOTS 32
#define JUMPED(slot) ((COOKIE + 8 * (slot)) | X64_EXIT_JUMP)
#define RETURNED ((COOKIE + 8 * 2) | X64_EXIT_RETURN)

struct harness {
	struct base *base;
	uint8_t *shared; /* the window's memory, always writable here */
	uint8_t *rw, *rx;
	size_t size;
	struct x64_out out;
	struct x64_layout layout;
	struct x64_target target;
	struct arena arena;
	struct x64_slot slots[8][HARNESS_SLOTS]; /* of the units compiled last, which outlive the arena */
	unsigned n_compiled;
};

void harness_init(struct harness *h);
void harness_free(struct harness *h);

/* Starts the code buffer over, with the thunks of a target for these choices. */
void harness_target(struct harness *h, uint32_t shuffle_seed, unsigned n_homes);

/* Fills the TLB with what `which` has bits set for: one bit a page and kind of access. 0 empties it. */
void harness_fill_tlb(struct harness *h, struct guest_state *g, uint32_t which);

/* Enters code at an RX address, with an empty return stack or with what the last run left. */
uint64_t harness_enter(struct harness *h, uint64_t code);
uint64_t harness_reenter(struct harness *h, uint64_t code);
/* From here on g's memory is the window's, each page as two bits of `pages` say: 0 and 1 trap, 2 read-only, 3 there. */
void harness_open_window(struct harness *h, struct guest_state *g, uint32_t pages);
/* Puts it back into g->memory. */
void harness_close_window(struct guest_state *g);
/* Traps in g's code continue at their stubs; what is not a site's access goes to `crash`. */
void harness_catch_traps(struct guest_state *g, void (*crash)(int sig));

/* Memory, budget and counters for the interpreter; ctx is a struct guest_state. */
bool harness_charge(void *ctx, int32_t n);
void harness_count(void *ctx, uint32_t counter);
/* From the base register. */
#define HARNESS_COUNTERS ((int32_t)offsetof(struct base, count))
bool harness_load(void *ctx, uint32_t addr, uint16_t memop, unsigned mark, uint64_t *value);
bool harness_store(void *ctx, uint32_t addr, uint16_t memop, unsigned mark, uint64_t value);

/* Writes to *env what code left or interrupted at host_pc did not; g->target and g->code are set. */
void harness_recover(const struct guest_state *g, const struct base *base, uint64_t host_pc, struct random_env *env);

/* Mark of the site that host_pc names; fails the test when there is no such site. */
unsigned harness_mark_of(const struct x64_code *code, uint64_t host_pc);

/* Disassembles [from, to) into malloc'ed text, addresses relative to `from`. */
char *harness_disassemble(const struct harness *h, uint64_t from, uint64_t to);

#endif
