/* SPDX-License-Identifier: Apache-2.0 */
/* Code written and run: a constant patched before each call, and half of a function of 32 instructions rewritten now and then. */
#include "bench.h"

#ifdef __thumb__
typedef uint16_t insn;
enum { PATCH = 0x3000, OTHER = 0x3800, RETURN = 0x4770 }; /* adds r0, #i; subs r0, #i; bx lr */
#else
typedef uint32_t insn;
enum { PATCH = (int)0xe2800000, OTHER = (int)0xe2200000, RETURN = (int)0xe12fff1e }; /* add r0, r0, #i; eor r0, r0, #i; bx lr */
#endif

static insn code[64] __attribute__((aligned(4096)));

uint32_t bench(uint32_t n)
{
	uint32_t (*volatile fn)(uint32_t) = (uint32_t (*)(uint32_t))((uintptr_t)code | (sizeof(insn) == 2)), h = 0;

	for (unsigned i = 0; i < 32; i++)
		code[i] = (insn)(PATCH | 1);
	code[32] = (insn)RETURN;
	for (uint32_t i = 0; i < n; i++) {
		((volatile insn *)code)[i & 15] = (insn)((uint32_t)PATCH | (i & 255));
		if ((i & 63) == 0)
			for (unsigned j = 16; j < 32; j++)
				((volatile insn *)code)[j] = (insn)((uint32_t)OTHER | ((i + j) & 127));
		h = fn(h + i);
	}
	return h;
}
