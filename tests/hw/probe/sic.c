/* SPDX-License-Identifier: Apache-2.0 */
/* Secondary controller: masks, pass-through enables, and the UART that comes through it. */
#include "probe.h"

#define UART3 0x10009000u

static void state(const char *title)
{
	put(title);
	put("\n");
	show_all(SIC, 0, 8);
	show(SIC + 0x20);
	line1("vic raw", rd(VIC + 8) & ~(1u << 12));
}

int main(void)
{
	state("reset");
	wr(SIC + 0x08, 0xfffffffe);
	wr(SIC + 0x20, 0xffffffff);
	state("all on");
	wr(SIC + 0x0c, 0x5a5a5a5a);
	wr(SIC + 0x24, 0x5a5a5a5a);
	state("some off");
	wr(SIC + 0x0c, 0xffffffff);
	wr(SIC + 0x24, 0xffffffff);
	wr(UART3, 'x');
	state("uart3 raised, masked there");
	wr(UART3 + 0x38, 0x20);
	state("uart3 unmasked");
	wr(SIC + 0x08, 1u << 6);
	state("enabled");
	wr(UART3 + 0x44, 0x20);
	state("cleared");
	wr(UART3, 'x');
	state("raised");
	wr(SIC + 0x0c, 1u << 6);
	state("disabled");
	return 0;
}
