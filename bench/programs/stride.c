/* SPDX-License-Identifier: Apache-2.0 */
/* Loads and stores of words, halfwords and bytes with several strides over 256 KiB. */
#include "bench.h"

static uint32_t mem[65536];

uint32_t bench(uint32_t n)
{
	uint16_t *half = (uint16_t *)mem;
	uint8_t *byte = (uint8_t *)mem;
	uint32_t h = 1;

	for (uint32_t r = 0; r < n; r++) {
		for (uint32_t i = 0; i < 65536; i += 3)
			mem[i] += h ^ i;
		for (uint32_t i = 0; i < 131072; i += 17)
			h += half[i];
		for (uint32_t i = 0; i < 262144; i += 61)
			byte[i] = (uint8_t)(byte[i] + h);
		for (uint32_t i = 0; i < 65536; i += 1031)
			h = h * 5 + mem[i];
	}
	return h;
}
