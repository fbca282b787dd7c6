/* SPDX-License-Identifier: Apache-2.0 */
/* The library's memcpy, memmove, memset and memcmp with 1 byte to 4 KiB, mostly short, at every alignment. */
#include "bench.h"

static uint8_t a[8192 + 64], b[8192 + 64];

uint32_t bench(uint32_t n)
{
	static const uint16_t sizes[16] = { 1, 3, 4, 7, 8, 12, 16, 20, 32, 48, 64, 100, 128, 256, 1000, 4096 };
	uint32_t h = 0, s = 91;

	for (unsigned i = 0; i < sizeof(a); i++)
		a[i] = (uint8_t)next_random(&s);
	for (uint32_t r = 0; r < n; r++)
		for (unsigned i = 0; i < 16; i++) {
			uint32_t v = next_random(&s), len = sizes[i], to = v & 63, from = v >> 8 & 31;

			memcpy(b + to, a + from, len);
			memset(b + (v >> 16 & 4095), (int)v, len);
			h = h * 31 + (uint32_t)(memcmp(a + from, b + to, len) == 0) + b[v >> 20];
			memmove(a + (v >> 13 & 15), a + from, len);
			a[v >> 19 & 4095] = (uint8_t)v;
		}
	return fold(h, a, sizeof(a));
}
