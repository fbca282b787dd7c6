/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SP804: state that does not depend on how fast the program runs. Long periods are looked at before
 * they can end, short ones are waited for.
 */
#include "probe.h"

static void regs(const char *title, u32 t, int with_value)
{
	put(title);
	put("\n");
	show(t);
	if (with_value)
		show(t + 0x04);
	show(t + 0x08);
	show_all(t, 0x10, 0x18);
	line1("vic", rd(VIC + 8) & 0x30);
}

static void wait_fired(u32 t)
{
	while (!rd(t + 0x10))
		;
}

static void one_shot(u32 t)
{
	wr(t, 50);
	wr(t + 8, 0xa3);
	wait_fired(t);
	regs("one-shot expired", t, 1);
	wr(t + 0xc, 0);
	regs("acknowledged", t, 1);
	wr(t, 77);
	regs("loaded again", t, 1);
	wr(t + 8, 0xa3);
	wait_fired(t);
	regs("enabled again", t, 1);
	wr(t + 8, 0x23);
	wr(t + 0xc, 0);
	regs("stopped", t, 1);
}

static void periodic(u32 t)
{
	wr(t, 1000);
	wr(t + 8, 0xc2);
	for (u32 i = 0; i < 3; i++) {
		wait_fired(t);
		wr(t + 0xc, 0);
	}
	regs("periodic, masked", t, 0);
	line1("in range", rd(t + 4) <= 1000);
	wait_fired(t);
	wr(t + 8, 0xe2);
	wait_fired(t);
	regs("unmasked", t, 0);
	wr(t + 8, 0);
	wr(t + 0xc, 0);
}

static void free_running(u32 t)
{
	wr(t, 5);
	wr(t + 8, 0x86);
	line1("32 bits, prescaled", rd(t + 4) > 0xfff00000);
	wr(t + 8, 0x84);
	line1("16 bits, prescaled", rd(t + 4) - 1 < 0xffff);
	wr(t + 8, 0);
	wr(t, 5);
	regs("free-running, stopped", t, 1);
}

static void background_load(u32 t)
{
	wr(t + 8, 0x62);
	wr(t, 0x9000);
	regs("loaded", t, 1);
	wr(t + 0x18, 0x20);
	regs("background load", t, 1);
	wr(t + 8, 0xe2);
	wait_fired(t);
	regs("expired", t, 0);
	wr(t + 8, 0);
	wr(t + 0xc, 0);
	wr(t, 0);
	wr(t + 8, 0xe2);
	regs("zero load", t, 1);
	wr(t + 8, 0);
	wr(t + 0xc, 0);
}

/* Ten periods of 1 ms against the 24 MHz counter; loose, both run on the same clock. */
static void rate(u32 t)
{
	wr(t, 1000);
	wr(t + 8, 0xc2);
	u32 start = rd(SYSREG + 0x5c);
	for (u32 i = 0; i < 10; i++) {
		wait_fired(t);
		wr(t + 0xc, 0);
	}
	line1("not early", rd(SYSREG + 0x5c) - start >= 239000);
	wr(t + 8, 0);
}

int main(void)
{
	static const u32 timers[] = {TIMER0, TIMER0 + 0x20, TIMER2, TIMER2 + 0x20};
	for (u32 i = 0; i < 4; i++) {
		line1("timer", timers[i]);
		regs("reset", timers[i], 1);
		one_shot(timers[i]);
		periodic(timers[i]);
		free_running(timers[i]);
		background_load(timers[i]);
		rate(timers[i]);
	}
	return 0;
}
