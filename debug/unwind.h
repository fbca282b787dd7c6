/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who called the code that runs: the chain of return addresses, found as a debugger finds it (call frame rules of the
 * images), or by frame pointers (APCS, and what gcc and clang make of r11 and r7), or for a leaf by lr alone. Only what stands behind a
 * call instruction counts as a return address, so that a wrong guess ends the chain instead of inventing callers.
 */
#ifndef RHEA_UNWIND_H
#define RHEA_UNWIND_H

#include "debug/debuginfo.h"
#include "debug/symbols.h"
#include "runtime/vcpu.h"

struct unwind;

/* Both outlive it; `d` may be NULL. NULL when the host is out of memory. */
struct unwind *unwind_new(struct debuginfo *d, const struct symbols *syms);
void unwind_free(struct unwind *u);

/* pc[0] is where the vCPU stands, pc[1] where that returns to ..., at most max (>= 1). Returns how many; reads memory only. */
unsigned unwind_stack(struct unwind *u, const struct vcpu *v, uint32_t *pc, unsigned max);

#endif
