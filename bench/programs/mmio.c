/* SPDX-License-Identifier: Apache-2.0 */
/* Device registers: the UART's flags, the board's LEDs written and read back. */
#include "bench.h"

uint32_t bench(uint32_t n)
{
	uint32_t h = 0;

	for (uint32_t i = 0; i < n; i++) {
		h += MMIO32(UART0 + 0x18) & 0x20;
		MMIO32(SYSREG + 8) = i & 255;
		h = h * 3 + MMIO32(SYSREG + 8) + (MMIO32(UART0 + 0x18) & 8);
	}
	return h;
}
