/* SPDX-License-Identifier: Apache-2.0 */
/* A byte-code interpreter: one indirect jump an instruction, through a table. */
#include "bench.h"

static uint8_t code[4096];

uint32_t bench(uint32_t n)
{
	uint32_t s = 9, acc = 1, x = 2, y = 3, stack[16] = { 0 }, sp = 0;

	for (unsigned i = 0; i < sizeof(code); i++)
		code[i] = (uint8_t)(next_random(&s) % 14);
	for (uint32_t r = 0; r < n; r++)
		for (unsigned pc = 0; pc < sizeof(code); pc++) {
			switch (code[pc]) {
			case 0: acc += x; break;
			case 1: acc ^= y; break;
			case 2: x = x * 3 + 1; break;
			case 3: y -= acc; break;
			case 4: stack[sp++ & 15] = acc; break;
			case 5: acc += stack[--sp & 15]; break;
			case 6: acc = acc << 5 | acc >> 27; break;
			case 7: x ^= pc; break;
			case 8: if (acc & 1) pc++; break;
			case 9: y += x >> 2; break;
			case 10: acc -= y; break;
			case 11: x = y ^ acc; break;
			case 12: acc = ~acc; break;
			case 13: y = y << 1 | y >> 31; break;
			}
		}
	return acc ^ x ^ y;
}
