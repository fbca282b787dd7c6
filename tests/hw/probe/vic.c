/* SPDX-License-Identifier: Apache-2.0 */
/* PL190 polled: registers under patterns, vectors and priorities with software interrupts. */
#include "probe.h"

static void clean(void)
{
	wr(VIC + 0x14, 0xffffffff);
	wr(VIC + 0x1c, 0xffffffff);
	wr(VIC + 0x0c, 0);
	for (u32 i = 0; i < 16; i++) {
		wr(VIC + 0x100 + 4 * i, 0x1000 + i);
		wr(VIC + 0x200 + 4 * i, 0);
		wr(VIC + 0x30, 0);
	}
	wr(VIC + 0x34, 0xdef);
}

static void vectors(const char *title)
{
	put(title);
	put("\n");
	for (u32 i = 0; i < 3; i++)
		show(VIC + 0x30);
	for (u32 i = 0; i < 2; i++) {
		wr(VIC + 0x30, 0);
		show(VIC + 0x30);
	}
	show_all(VIC, 0, 0x10);
}

static void patterns(u32 v)
{
	line1("pattern", v);
	for (u32 off = 0; off <= 0x34; off += 4)
		wr(VIC + off, v);
	for (u32 i = 0; i < 16; i++) {
		wr(VIC + 0x100 + 4 * i, v);
		wr(VIC + 0x200 + 4 * i, v);
	}
	show_all(VIC, 0, 0x20);
	show(VIC + 0x34);
	show_all(VIC, 0x100, 0x13c);
	show_all(VIC, 0x200, 0x23c);
}

int main(void)
{
	patterns(0xffffffff);
	patterns(0x5a5a5a5a);
	clean();
	vectors("nothing");
	wr(VIC + 0x18, 8);
	vectors("disabled");
	wr(VIC + 0x10, 8);
	vectors("default");
	wr(VIC + 0x204, 0x23);
	vectors("slot 1");
	clean();
	wr(VIC + 0x10, 0xf0);
	for (u32 i = 4; i < 8; i++)
		wr(VIC + 0x200 + 4 * i, 0x20 | (11 - i));
	wr(VIC + 0x18, 0xf0);
	vectors("four lines");
	wr(VIC + 0x1c, 0x80);
	vectors("three lines");
	wr(VIC + 0x0c, 0x10);
	vectors("one to FIQ");
	return 0;
}
