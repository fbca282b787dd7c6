/* SPDX-License-Identifier: Apache-2.0 */
/* Multiplies of each kind: low word, long unsigned and signed, with accumulation. */
#include "bench.h"

uint32_t bench(uint32_t n)
{
	uint32_t a = 12345, b = 1;
	uint64_t sum = 0;

	for (uint32_t i = 1; i <= n; i++) {
		a = a * 1664525u + 1013904223u;
		sum += (uint64_t)a * (b | 1);
		sum ^= (uint64_t)((int64_t)(int32_t)a * (int32_t)i);
		b = b * i + (uint32_t)(sum >> 40);
	}
	return (uint32_t)(sum ^ sum >> 32) + b;
}
