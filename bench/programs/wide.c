/* SPDX-License-Identifier: Apache-2.0 */
/* A working set of 64 MiB, 16,384 pages visited in an order that no TLB holds; with MMU the pages are mapped one by one. */
#include "paging.h"

uint32_t bench(uint32_t n)
{
	uint32_t base = cp15_get_sctlr() & 1 ? BIG_VA : BIG_PA, at = 0, h = 0;

	if (base == BIG_VA)
		map_big();
	while (n--) {
		volatile uint32_t *p = (volatile uint32_t *)(uintptr_t)(base + at);
		uint32_t v = p[0];

		h = h * 3 + v + p[5];
		p[0] = v + h;
		/* a full period over the words of the set: the multiplier is 1 modulo 4, the increment odd */
		at = (at * 20021 + 4 * 12347) & (BIG_SIZE - 64);
		at |= (h & 7) << 2;
	}
	return h;
}
