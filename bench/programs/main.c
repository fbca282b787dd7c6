/* SPDX-License-Identifier: Apache-2.0 */
/* main of every benchmark. MMU=1 runs it under 1 MiB sections, MMU=2 under 4 KiB pages, both mapping each address to itself. */
#include "bench.h"

#ifndef MMU
#define MMU 0
#endif

/* Natively the work is over in milliseconds: done several times, it can be measured. The first result counts. */
#ifndef REPEAT
#define REPEAT 1
#endif

static volatile uint32_t count = N;

int main(void)
{
#if MMU
	mmu_init();
	for (uint32_t at = 0; MMU == 2 && at < 14u << 20; at += 4096)
		mmu_page(at, at, AP4(AP_KERNEL), 0);
	mmu_on();
#endif
	printf("check %08lx\n", (unsigned long)bench(count));
	for (int i = 1; i < REPEAT; i++)
		bench(count);
	return 0;
}
