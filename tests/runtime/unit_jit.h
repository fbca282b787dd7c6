/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Compiles one ARM unit and enters it, with memory that the test provides: the backend without the runtime. Every access
 * takes the slow path: the TLB stays empty, the window has nothing in it. Aborts the process when a unit does what the contract of
 * backend-x86_64/x64.h forbids.
 */
#ifndef RHEA_TESTS_UNIT_JIT_H
#define RHEA_TESTS_UNIT_JIT_H

#include "frontend-arm/translate.h"
#include "runtime/codebuf.h"
#include "runtime/trap.h"

struct unit_jit_base;

/* How accesses come to the slow path. */
enum unit_jit_mode { UNIT_JIT_TLB, UNIT_JIT_TRAPS, UNIT_JIT_PATCHED, UNIT_JIT_MODES };

struct unit_jit {
	enum unit_jit_mode mode; /* the test's choice; UNIT_JIT_TLB after unit_jit_init */
	struct trap trap;
	struct unit_jit_base *base;
	struct codebuf code;
	struct x64_layout layout;
	struct x64_target target;
	/* the unit that runs */
	const struct x64_code *unit;
	const struct ir_memory *mem;
	struct arm_cpu *cpu; /* the caller's: where mem records its aborts */
	unsigned long entered, faults, traps;
};

void unit_jit_init(struct unit_jit *j, uint32_t shuffle_seed, unsigned n_homes);
void unit_jit_free(struct unit_jit *j);
/* As ir_interpret, on a struct arm_cpu. Exits by lookup are all IR_EXIT_IND. */
struct ir_interp_result unit_jit_run(struct unit_jit *j, const struct ir_unit *u, struct arm_cpu *cpu,
				     const struct ir_memory *mem);

#endif
