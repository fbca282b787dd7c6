/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every device after reset: all words that are not 0 (not ffffffff for the I2C port), counters left out. So is the Ethernet
 * controller's MIR, whose free memory QEMU counts the other way round.
 */
#include "probe.h"

static const u32 bases[] = {
	0x10000000, 0x10001000, 0x10003000, 0x10004000, 0x10005000, 0x10006000, 0x10007000, 0x10009000, 0x1000b000,
	0x10120000, 0x10130000, 0x10140000, 0x101e2000, 0x101e3000, 0x101e4000, 0x101e5000, 0x101e6000, 0x101e7000,
	0x101e8000, 0x101f2000, 0x101f3000,
};

static int is_counter(u32 a)
{
	return a == SYSREG + 0x24 || a == SYSREG + 0x5c || a == RTC;
}

static int is_mir(u32 a)
{
	return (a & ~3u) == 0x10010008;
}

int main(void)
{
	for (u32 i = 0; i < sizeof(bases) / sizeof(bases[0]); i++) {
		line1("device", bases[i]);
		for (u32 a = bases[i]; a < bases[i] + 0x1000; a += 4)
			if (!is_counter(a) && rd(a))
				show(a);
	}
	for (u32 a = 0x10010000; a < 0x10010010; a += 4)
		if (!is_mir(a))
			show(a);
	for (u32 a = 0x10010000; a < 0x10010010; a += 2)
		if (!is_mir(a))
			line2(a, rd16(a));
	for (u32 a = 0x10010000; a < 0x10010010; a++)
		if (!is_mir(a))
			line2(a, rd8(a));
	show_all(0x10002000, 0, 8);
	show_all(0x34000000, 0, 8);
	show_all(0x37fffff4, 0, 8);
	line1("narrow", rd8(UART1 + 0x18) | rd16(UART1 + 0xfe0) << 16);
	return 0;
}
