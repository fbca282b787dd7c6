/* SPDX-License-Identifier: Apache-2.0 */
/* Counts its starts in memory that no image covers; resets the board by its reset control register until the third. */
#include "system.h"

int main(void)
{
	volatile uint32_t *count = (volatile uint32_t *)0x00400000;

	++*count;
	put(0, "start ");
	put_hex(0, *count);
	put(0, "\n");
	if (*count < 3) {
		REG(SYS_LOCK) = 0xa05f;
		REG(SYS_RESETCTL) = 0x105;
	}
	put(0, "end\n");
	for (;;)
		;
}
