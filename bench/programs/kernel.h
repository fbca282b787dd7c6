/* SPDX-License-Identifier: Apache-2.0 */
/* User mode for benchmarks: a program runs until its next supervisor call (kernel.S). */
#ifndef KERNEL_H
#define KERNEL_H

#include "bench.h"

/* kernel.S knows the offsets. */
struct user_context { uint32_t r[13], sp, lr, pc, psr; };
_Static_assert(offsetof(struct user_context, sp) == 52 && offsetof(struct user_context, pc) == 60, "kernel.S");

uint32_t user_run(struct user_context *c);
void user_svc(void);
uint32_t user_call(uint32_t a, uint32_t b, uint32_t c, uint32_t number);
void switch_space(uint32_t ttbr);

/* A context that starts at fn(arg). */
static inline void user_start(struct user_context *c, void (*fn)(uint32_t), uint32_t arg, uint32_t sp)
{
	uint32_t pc = (uint32_t)(uintptr_t)fn;

	*c = (struct user_context){ .r = { arg }, .sp = sp, .pc = pc & ~1u, .psr = 0x10 | (pc & 1 ? 0x20 : 0) };
}

#endif
