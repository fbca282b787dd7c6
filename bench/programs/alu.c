/* SPDX-License-Identifier: Apache-2.0 */
/* Straight-line integer work in registers: adds, shifts, logic, compares and a flag here and there. */
#include "bench.h"

uint32_t bench(uint32_t n)
{
	uint32_t a = 1, b = 2, c = 3, d = 4;

	for (uint32_t i = 0; i < n; i++) {
		a += b ^ (c << 7 | c >> 25);
		b = (b << 3) - a + i;
		c ^= a >> 5;
		if (c & 64)
			d += c;
		else
			d ^= b;
		a = d > b ? a + 13 : a - 7;
		b += d >> 3 & 0xff;
	}
	return a ^ b ^ c ^ d;
}
