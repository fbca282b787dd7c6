/* SPDX-License-Identifier: Apache-2.0 */
/* One word in each of 2,000 pages, again and again, with the whole TLB flushed after each round: a small operating system's
 * process switches. */
#include "bench.h"

uint32_t bench(uint32_t n)
{
	uint32_t h = 0;

	for (uint32_t r = 0; r < n; r++) {
		for (uint32_t i = 0; i < 2000; i++) {
			volatile uint32_t *p = (volatile uint32_t *)(uintptr_t)(0x400000 + i * 4096 + (i & 63) * 4);

			*p += r;
			h = h * 3 + *p;
		}
		cp15_set_tlbflush(0);
	}
	return h;
}
