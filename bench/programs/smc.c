/* SPDX-License-Identifier: Apache-2.0 */
/* Code written and run: a constant patched before each call, and a function of 32 instructions rewritten now and then. */
#include "bench.h"

static uint32_t code[64] __attribute__((aligned(4096)));

uint32_t bench(uint32_t n)
{
	uint32_t (*volatile fn)(uint32_t) = (uint32_t (*)(uint32_t))(uintptr_t)code, h = 0;

	for (unsigned i = 0; i < 32; i++)
		code[i] = 0xe2800001; /* add r0, r0, #1 */
	code[32] = 0xe12fff1e;        /* bx lr */
	for (uint32_t i = 0; i < n; i++) {
		((volatile uint32_t *)code)[i & 15] = 0xe2800000 | (i & 255);
		if ((i & 63) == 0)
			for (unsigned j = 16; j < 32; j++)
				((volatile uint32_t *)code)[j] = 0xe2200000 | ((i + j) & 127); /* eor r0, r0, # */
		h = fn(h + i);
	}
	return h;
}
