/* SPDX-License-Identifier: Apache-2.0 */
/* Calls three deep to functions that do little: bl, bx lr, push and pop of some registers. */
#include "bench.h"

static NOINLINE uint32_t leaf(uint32_t a, uint32_t b) { return a + (b ^ 5); }
static NOINLINE uint32_t leaf2(uint32_t a, uint32_t b) { return a - (b >> 3); }
static NOINLINE uint32_t middle(uint32_t a, uint32_t b, uint32_t c)
{
	uint32_t x = leaf(a, b), y = leaf2(b, c);

	return leaf(x, y) + leaf2(y, a) + c;
}
static NOINLINE uint32_t outer(uint32_t a, uint32_t b)
{
	uint32_t x = middle(a, b, a ^ b), y = middle(b, a, x), z = leaf(x, y);

	return middle(x, y, z) ^ a ^ (y + z);
}

uint32_t bench(uint32_t n)
{
	uint32_t h = 1;

	for (uint32_t i = 0; i < n; i++)
		h = outer(h, i);
	return h;
}
