/* SPDX-License-Identifier: Apache-2.0 */
/* Holes in the map: what a read gives after a write, and how many data aborts that made. */
#include "probe.h"

static const u32 holes[] = {
	0x08000000, 0x0ffffffc, 0x10008000, 0x1000a000, 0x10100000, 0x10110000, 0x10150000, 0x101f4000, 0x10200000,
	0x20000000, 0x30000000, 0x38000000, 0x43000000, 0x44000000, 0x50000000, 0x60000000, 0x80000000, 0xc0000000,
	0xfffffff0,
};

int main(void)
{
	for (u32 i = 0; i < sizeof(holes) / sizeof(holes[0]); i++) {
		u32 before = aborts;
		wr(holes[i], 0x12345678);
		show(holes[i]);
		line1("bytes", rd8(holes[i] + 1) | rd16(holes[i] + 2) << 8);
		line1("aborts", aborts - before);
	}
	return 0;
}
