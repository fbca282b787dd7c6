/* SPDX-License-Identifier: Apache-2.0 */
/* Recursion: Fibonacci and Ackermann, deep and shallow. */
#include "bench.h"

static NOINLINE uint32_t fib(uint32_t n) { uint32_t a; return n < 2 ? n : (a = fib(n - 1), a + fib(n - 2)); }
static NOINLINE uint32_t ack(uint32_t m, uint32_t n) { return !m ? n + 1 : !n ? ack(m - 1, 1) : ack(m - 1, ack(m, n - 1)); }

uint32_t bench(uint32_t n)
{
	uint32_t h = 0;

	for (uint32_t i = 0; i < n; i++)
		h = h * 31 + fib(20 + (i & 1)) + ack(2, 60 + (i & 3));
	return h;
}
