/* SPDX-License-Identifier: Apache-2.0 */
/* How often each guest instruction ran, by address: the sum over the blocks that it stands in. */
#ifndef RHEA_COUNTS_H
#define RHEA_COUNTS_H

#include "debug/blocks.h"

struct insn_counts {
	struct block_insn *insn; /* by pc, each once */
	uint32_t n;
};

/* `runs`: of each counter. False when the host is out of memory. */
bool counts_make(struct insn_counts *c, const struct blocks *b, const uint64_t *runs);
void counts_free(struct insn_counts *c);

uint64_t counts_at(const struct insn_counts *c, uint32_t pc);
/* The count of the instruction in [start, end) that ran most often. */
uint64_t counts_most(const struct insn_counts *c, uint32_t start, uint32_t end);

#endif
