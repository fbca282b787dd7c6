/* SPDX-License-Identifier: Apache-2.0 */
/* Blocks copied by the library, aligned and not; the block fits the host's first cache. */
#include "bench.h"

static unsigned char a[16384 + 8], b[16384 + 8];

uint32_t bench(uint32_t n)
{
	uint32_t h = 0, s = 5;

	for (unsigned i = 0; i < sizeof(a); i++)
		a[i] = (unsigned char)next_random(&s);
	for (uint32_t i = 0; i < n; i++) {
		memcpy(b + (i & 4), a, 16384);
		memmove(a + (i & 3), b, 16384);
		h = h * 31 + a[i & 16383] + b[i * 7 & 16383];
	}
	return h;
}
