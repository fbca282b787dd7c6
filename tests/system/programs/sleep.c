/* SPDX-License-Identifier: Apache-2.0 */
/* Three times lets the microseconds at 0x00500000 go by and prints the board's 24 MHz counter: waiting for a timer's interrupt
 * (which stays masked: it wakes and is not taken), or, with 1 at 0x00500004, looking at the counter. */
#include "system.h"

#define SYS_24MHZ REG(0x1000005c)
#define VIC_INTENABLE REG(0x10140010)
#define TIMER 0x101e2000u

enum { LOAD = 0, CONTROL = 8, INTCLR = 12, RIS = 16 };
enum { ONE_SHOT_32_BITS_INTERRUPT = 0xa3 };

static void wait(uint32_t us)
{
	REG(TIMER + LOAD) = us;
	REG(TIMER + CONTROL) = ONE_SHOT_32_BITS_INTERRUPT;
	while (!(REG(TIMER + RIS) & 1))
		__asm__ volatile("mcr p15, 0, %0, c7, c0, 4" : : "r"(0) : "memory");
	REG(TIMER + INTCLR) = 1;
}

static void look(uint32_t us)
{
	uint32_t start = SYS_24MHZ;
	while (SYS_24MHZ - start < us * 24)
		;
}

int main(void)
{
	VIC_INTENABLE = 1 << 4;
	for (unsigned i = 0; i < 3; i++) {
		(REG(0x500004) ? look : wait)(REG(0x500000));
		put_hex(0, SYS_24MHZ);
		put(0, "\n");
	}
	semihost_exit(0);
	return 0;
}
