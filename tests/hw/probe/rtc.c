/* SPDX-License-Identifier: Apache-2.0 */
/* PL031: everything but the time of day itself. */
#include "probe.h"

static void dump(const char *title)
{
	put(title);
	put("\n");
	show_all(RTC, 0x04, 0x1c);
	line1("vic", rd(VIC + 8) & 1u << 10);
}

int main(void)
{
	dump("reset");
	line1("set", rd(RTC) > 0x50000000);
	wr(RTC + 0x08, 1000);
	line1("load", rd(RTC) - 1000 < 5);
	wr(RTC + 0x04, 0xf0000000);
	wr(RTC + 0x10, 0xffffffff);
	wr(RTC + 0x0c, 0);
	dump("match far ahead");
	wr(RTC + 0x08, 0xf0000000);
	dump("matched");
	wr(RTC + 0x10, 0);
	dump("masked");
	wr(RTC + 0x1c, 2);
	dump("not cleared");
	wr(RTC + 0x1c, 1);
	dump("cleared");
	wr(RTC + 0x10, 1);
	wr(RTC + 0x08, 2000);
	wr(RTC + 0x04, 2001);
	while (!rd(RTC + 0x14))
		;
	line1("alarm", rd(RTC) - 2001 < 5);
	dump("after the alarm");
	return 0;
}
