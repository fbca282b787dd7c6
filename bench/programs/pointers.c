/* SPDX-License-Identifier: Apache-2.0 */
/* Calls through pointers: sixteen small functions in random order, and objects with methods. */
#include "bench.h"

typedef uint32_t fn(uint32_t, uint32_t);
#define F(name, expr) static NOINLINE uint32_t name(uint32_t a, uint32_t b) { return expr; }
F(f0, a + b) F(f1, a - b) F(f2, a ^ b) F(f3, a | b) F(f4, a & ~b) F(f5, a + (b << 3)) F(f6, a ^ b >> 5) F(f7, a * 3 + b)
F(f8, b - a) F(f9, (a << 7 | a >> 25) + b) F(f10, ~a + b) F(f11, a + b * 5) F(f12, a ^ (b << 9)) F(f13, a > b ? a : b + 1) F(f14, a - (b & 255)) F(f15, a + (b | 17))

uint32_t bench(uint32_t n)
{
	static fn *const table[16] = { f0, f1, f2, f3, f4, f5, f6, f7, f8, f9, f10, f11, f12, f13, f14, f15 };
	static fn *order[1024];
	uint32_t s = 31, h = 1;

	for (unsigned i = 0; i < 1024; i++)
		order[i] = table[next_random(&s) & 15];
	for (uint32_t r = 0; r < n; r++)
		for (unsigned i = 0; i < 1024; i++)
			h = order[i](h, i + r);
	return h;
}
