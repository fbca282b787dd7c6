/* SPDX-License-Identifier: Apache-2.0 */
/* Divisions, which this core calls a routine for: shifts, compares and conditional instructions. */
#include "bench.h"

uint32_t bench(uint32_t n)
{
	uint32_t a = 12345, h = 0;

	for (uint32_t i = 1; i <= n; i++) {
		a = a * 1664525u + 1013904223u;
		h += a / (i | 7) + a % ((a >> 20) + 3);
		h ^= (uint32_t)((int32_t)a / (int32_t)((a & 1023) + 1));
	}
	return h;
}
