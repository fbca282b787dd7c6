/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which blocks run how often: what -d tb-stats, -coverage and -explore are made of. A block that is translated gets a
 * counter (struct vcpu_base.tb_count), which its code adds one to each time it starts; so counts are exact and cost one
 * instruction a block. Blocks are told apart by their place in host memory (aliases are one block), pc, flags and size: what
 * is translated again counts on. Runs that an exception cut short are noted, so that instructions are counted exactly too.
 */
#ifndef RHEA_BLOCKS_H
#define RHEA_BLOCKS_H

#include "runtime/observer.h"

struct block_record {
	/* which block */
	const uint8_t *code; /* compare only: what lies there may have changed */
	uint32_t pc_key, flags;
	uint16_t bytes, n_insns;
	uint64_t wide;       /* Thumb: bit i, instruction i has four bytes */
	/* its host code, as last compiled */
	uint32_t host_insns, host_bytes, compiled;
	uint32_t *cut;       /* NULL, or of n_insns: [i] runs ended before instruction i, 0 < i */
	uint32_t next;       /* of the same hash; 0 = none */
};

struct blocks {
	struct block_record *record; /* by counter; number 0 is nobody's */
	uint32_t n, cap;
	uint64_t not_counted;        /* translations that found no free counter */
	uint32_t *head;
};

struct blocks *blocks_new(void); /* NULL when the host is out of memory */
void blocks_free(struct blocks *b);

/* The observer's `counter`, `compiled` and `left`. */
uint32_t blocks_counter(struct blocks *b, const struct tb_view *tb);
void blocks_compiled(struct blocks *b, const struct tb_view *tb);
void blocks_left(struct blocks *b, uint32_t counter, uint32_t executed);

/* Calls `insn` for each instruction of r, of whose block `runs` started. */
struct block_insn {
	uint32_t pc;
	unsigned bytes;
	uint64_t count;
};
void block_each_insn(const struct block_record *r, uint64_t runs,
		     void (*insn)(void *ctx, const struct block_insn *i), void *ctx);

#endif
