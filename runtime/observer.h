/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who wants to watch translation and execution (the -d dumps, -perfmap, -coverage, ...). The runtime calls what is not
 * NULL; with no observer it pays one test per translation and nothing per executed block.
 */
#ifndef RHEA_OBSERVER_H
#define RHEA_OBSERVER_H

#include "backend-x86_64/x64.h"
#include "frontend-arm/cpu.h"
#include "ir/ir.h"

/* One translated block as an observer sees it. Valid during the call only. */
struct tb_view {
	uint32_t pc_key, tb_flags;
	const uint8_t *guest_code; /* guest_bytes bytes, as in guest memory */
	uint32_t guest_bytes, n_insns;
	const struct ir_unit *unit;    /* not in `exec` */
	const struct x64_code *host;   /* in `compiled`, NULL before */
	const uint8_t *host_code;      /* readable bytes of host->code */
	uint32_t counter;              /* what `counter` gave, or `region` for its first part */
	unsigned n_parts;              /* not 0: a region of so many; the rest is of its first part, but for unit and host */
};

/* A guest load or store that was done. `value` as the guest has it, sign-extended or rotated. */
struct access_view {
	uint32_t pc, addr;
	uint16_t memop;
	bool store;
	uint64_t value;
};

struct observer {
	void *opaque;
	void (*translated)(void *opaque, const struct tb_view *tb); /* unit as lowered */
	void (*optimised)(void *opaque, const struct tb_view *tb);  /* unit after the optimiser */
	void (*compiled)(void *opaque, const struct tb_view *tb);
	void (*exec)(void *opaque, const struct tb_view *tb, const struct arm_cpu *cpu); /* about to run */
	/* A block that is not there yet: which of vcpu_base.tb_count shall count its runs, 0 for none. Who begins to ask
	 * drops the code that there is. */
	uint32_t (*counter)(void *opaque, const struct tb_view *tb);
	/* Conditional branches are counted, too: see VCPU_TAKEN. The unit of a block that ends with one has a `count` of counter 0, until
	 * that is known. */
	bool branches;
	/* As `counter`, for each of the n parts of a region that is about to be compiled: the first of n counters in a row, or 0
	 * for those that the blocks have. */
	uint32_t (*region)(void *opaque, const struct tb_view *part, unsigned n);
	/* The run of the block with this counter that is counted last ended before its instruction number `executed`. */
	void (*left)(void *opaque, uint32_t counter, uint32_t executed);
	/* Between two blocks, after every sample_period (at least VCPU_SAMPLE_MIN) guest instructions: the core stands at the block
	 * that this instruction falls into. */
	void (*sample)(void *opaque);
	uint64_t sample_period;
	/* An access went through the slow path (all do after softmmu_slow; device accesses always). One that is begun again, being part
	 * of an instruction that has to run alone, may come twice. */
	void (*access)(void *opaque, const struct access_view *a);
	void (*flushed)(void *opaque); /* all compiled code is gone; its addresses will be used again */
};

#endif
