/* SPDX-License-Identifier: Apache-2.0 */
/* Calls each generated function (bench.py writes them) once. */
#include "bench.h"

uint32_t cold_all(uint32_t seed, uint32_t *scratch);

uint32_t bench(uint32_t n)
{
	static uint32_t scratch[256];
	uint32_t h = cold_all(n, scratch);

	for (unsigned i = 0; i < 256; i++)
		h = h * 31 + scratch[i];
	return h;
}
