/* SPDX-License-Identifier: Apache-2.0 */
/* Lets the network card listen (SMC91C111: RCR, bank 0) for 50 ms. */
#include "system.h"

#define REG16(addr) (*(volatile uint16_t *)(uintptr_t)(addr))
#define SYS_24MHZ REG(0x1000005c)
#define CARD 0x10010000u

enum { RCR = 4, BANK = 14, RXEN = 0x100 };

int main(void)
{
	uint32_t start = SYS_24MHZ;
	REG16(CARD + BANK) = 0;
	REG16(CARD + RCR) = RXEN;
	while (SYS_24MHZ - start < 50 * 24000)
		;
	semihost_exit(0);
	return 0;
}
