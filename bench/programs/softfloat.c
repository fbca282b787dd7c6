/* SPDX-License-Identifier: Apache-2.0 */
/* Double arithmetic; on this core all of it in library routines: long calls, CLZ, 64-bit shifts. */
#include "bench.h"

uint32_t bench(uint32_t n)
{
	double x = 0.5, y = 1.25, s = 0;

	for (uint32_t i = 1; i <= n; i++) {
		x = x * 1.000001 + y / (double)i;
		y = x > 2 ? y - 0.5 * x : y + 0.125;
		s += x * y;
		if (s > 1e6)
			s -= 1e6;
	}
	return (uint32_t)(int32_t)(s * 1000) ^ (uint32_t)(int32_t)(x * 100000);
}
