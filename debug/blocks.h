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
	/* Runs as a part of a region are counted apart where the observer has `region`: */
	uint8_t n_parts, part; /* n_parts != 0: number `part` of a region of so many, whose counters are in a row */
	uint32_t plain;        /* ... and the block that it is a copy of */
	bool branch;           /* its last instruction is a conditional branch that is counted */
};

struct disas;

struct blocks {
	struct disas *disas;         /* counts host instructions */
	struct block_record *record; /* by counter; number 0 is nobody's */
	uint32_t n, cap;
	bool branches;               /* count them, too */
	uint64_t not_counted;        /* translations that found no free counter */
	uint32_t *head;
};

struct blocks *blocks_new(void); /* NULL when the host is out of memory */
void blocks_free(struct blocks *b);

/* The observer's `counter`, `region`, `compiled` and `left`. */
uint32_t blocks_counter(struct blocks *b, const struct tb_view *tb);
uint32_t blocks_region(struct blocks *b, const struct tb_view *part, unsigned n);
void blocks_compiled(struct blocks *b, const struct tb_view *tb);
void blocks_left(struct blocks *b, uint32_t counter, uint32_t executed);

/* Guest instructions of counter i, as far as its runs were whole; of a region's first part: of all its parts. 0 of its others. */
uint64_t blocks_insns(const struct blocks *b, const uint64_t *runs, uint32_t i);

/* Calls `insn` for each instruction of r, of whose block `runs` started. */
struct block_insn {
	uint32_t pc;
	unsigned bytes;
	uint64_t count;
};
void block_each_insn(const struct block_record *r, uint64_t runs,
		     void (*insn)(void *ctx, const struct block_insn *i), void *ctx);

#endif
