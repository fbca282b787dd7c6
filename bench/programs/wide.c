/* SPDX-License-Identifier: Apache-2.0 */
/* A working set of 64 MiB: 16,384 pages visited in an order that no TLB holds, one line of each, so that the host's caches hold
 * the data and the look-up of the page is what costs. With MMU the pages are mapped one by one. */
#include "paging.h"

enum { BIG_PAGES = BIG_SIZE / 4096 };

uint32_t bench(uint32_t n)
{
	uint32_t base = cp15_get_sctlr() & 1 ? BIG_VA : BIG_PA, page = 0, h = 1;

	if (base == BIG_VA)
		map_big();
	while (n--) {
		volatile uint32_t *p = (volatile uint32_t *)(uintptr_t)(base + page * 4096 + (page & 63) * 64);

		h = h * 3 + p[0] + p[5] + page;
		p[1] = h ^ page;
		h += p[9] - p[14];
		p[h & 15] = h;
		/* every page once before the first comes again: the multiplier is 1 modulo 4, the increment odd */
		page = (page * 4093 + 7919) & (BIG_PAGES - 1);
	}
	return h;
}
