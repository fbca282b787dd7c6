/* SPDX-License-Identifier: Apache-2.0 */
/* Interrupts raised by software through the interrupt controller, each taken, acknowledged and returned from. */
#include "bench.h"

static volatile uint32_t taken;

static void handler(void)
{
	MMIO32(VIC + 0x1c) = 2;
	taken++;
}

uint32_t bench(uint32_t n)
{
	guest_irq_handler = handler;
	MMIO32(VIC + 0x10) = 2;
	guest_irq_enable();
	for (uint32_t i = 0; i < n; i++) {
		MMIO32(VIC + 0x18) = 2;
		while (taken == i)
			;
	}
	guest_irq_disable();
	return taken;
}
