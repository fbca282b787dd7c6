/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SIGSEGV in emitted code. A signal handler belongs to the process: ours is there only while some vCPU runs, and hands on
 * what is not ours to the one that it replaced, which is put back afterwards.
 */
#ifndef RHEA_TRAP_H
#define RHEA_TRAP_H

#include "base/base.h"

/* Emitted code that may trap. `redirect` is called in the signal handler with the address of the instruction, and says
 * where to go on; 0 = not ours. */
struct trap {
	uint64_t code, size;
	uint64_t (*redirect)(void *opaque, uint64_t host_pc);
	void *opaque;
	const struct trap *outer; /* of the vCPU in whose callback this one runs */
	bool was_blocked;         /* the thread's signal mask had SIGSEGV */
};

/* This thread is about to run t's code; it has ended. Calls nest. false: the host refuses a handler. */
bool trap_begin(struct trap *t);
void trap_end(struct trap *t);

#endif
