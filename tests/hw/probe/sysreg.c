/* SPDX-License-Identifier: Apache-2.0 */
/* System registers under patterns, locked and unlocked; the counters only as far as they move. */
#include "probe.h"

static void dump(const char *title)
{
	put(title);
	put("\n");
	for (u32 off = 0; off < 0x100; off += 4)
		if (off != 0x24 && off != 0x5c)
			if (rd(SYSREG + off))
				show(SYSREG + off);
}

static void write_all(u32 v)
{
	for (u32 off = 0; off < 0x100; off += 4)
		if (off != 0x20 && off != 0x40)
			wr(SYSREG + off, v);
}

/* The 24 MHz counter against a timer of 1 MHz; loose, the program may be slow. */
static void counters(void)
{
	wr(TIMER0, 10000);
	wr(TIMER0 + 8, 0xc3);
	u32 fast = rd(SYSREG + 0x5c);
	while (!rd(TIMER0 + 0x10))
		;
	line1("24MHz moves at least", rd(SYSREG + 0x5c) - fast >= 239000);
	line1("24MHz moves at most", rd(SYSREG + 0x5c) - fast < 24000000);
}

int main(void)
{
	dump("reset");
	write_all(0xffffffff);
	dump("ones");
	write_all(0x5a5a5a5a);
	dump("5a");
	wr(SYSREG + 0x20, 0xffff);
	show(SYSREG + 0x20);
	wr(SYSREG + 0x40, 0x07);
	show(SYSREG + 0x40);
	wr(SYSREG + 0x20, 0xa05f);
	show(SYSREG + 0x20);
	wr(SYSREG + 0x40, 0x03);
	show(SYSREG + 0x40);
	wr(SYSREG + 0x30, 0x0f0f0f0f);
	show(SYSREG + 0x30);
	wr(SYSREG + 0x34, 0x03030303);
	show(SYSREG + 0x30);
	counters();
	return 0;
}
