/* SPDX-License-Identifier: Apache-2.0 */
/* Starts, says so, and then only waits for a timer's interrupt, a hundred times a second: what an idle system costs. It never
 * ends and is not in the table. */
#include "bench.h"

static void tick(void)
{
	MMIO32(TIMER01 + 0xc) = 1;
}

uint32_t bench(uint32_t n)
{
	guest_irq_handler = tick;
	MMIO32(TIMER01) = 10000;       /* at 1 MHz */
	MMIO32(TIMER01 + 8) = 0xe2;    /* on, periodic, with interrupt, 32 bits */
	MMIO32(VIC + 0x10) = 1u << 4;
	guest_irq_enable();
	printf("check %08lx\n", (unsigned long)n);
	fflush(stdout);
	for (;;)
		guest_wfi();
}
