/* SPDX-License-Identifier: Apache-2.0 */
/* PL011 without input: registers under patterns, transmit interrupt as the VIC sees it. */
#include "probe.h"

static void dump(const char *title)
{
	put(title);
	put("\n");
	for (u32 off = 0; off <= 0x48; off += 4)
		show(UART1 + off);
	line1("vic", rd(VIC + 8) & 1u << 13);
}

static void patterns(u32 v)
{
	for (u32 off = 4; off <= 0x40; off += 4)
		wr(UART1 + off, v);
	wr(UART1 + 0x44, v);
	dump("pattern");
}

int main(void)
{
	dump("reset");
	patterns(0xffffffff);
	patterns(0x5a5a5a5a);
	patterns(0);
	wr(UART1, 'x');
	dump("sent");
	wr(UART1 + 0x38, 0x7ff);
	dump("unmasked");
	wr(UART1 + 0x44, 0x20);
	dump("cleared");
	wr(UART1 + 0x2c, 0x70);
	wr(UART1 + 0x30, 0x381);
	wr(UART1, 'y');
	dump("fifo, loopback");
	show_all(UART1, 0xfe0, 0xffc);
	return 0;
}
