/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Interrupts as they reach the core: a periodic timer through a vector, a software interrupt inside
 * another by priority, one by FIQ, and the secondary controller's summary line.
 */
#include "probe.h"

#define UART3 0x10009000u

static volatile u32 ticks, depth, log_n, fiqs;
static volatile u32 log_at[16];

static void note(u32 v)
{
	if (log_n < 16)
		log_at[log_n++] = v;
}

static void on_timer(void)
{
	wr(TIMER0 + 0x0c, 0);
	if (++ticks == 5)
		wr(TIMER0 + 0x08, 0);
}

static void on_low(void)
{
	note(0x100 + depth);
	wr(VIC + 0x1c, 1u << 2);
	wr(VIC + 0x18, 1u << 1); /* better: shows on the IRQ line again at once */
	note(0x200 | (rd(VIC) & 0xff));
	wr(VIC + 0x18, 1u << 3); /* worse: waits */
	note(0x300 | (rd(VIC + 0x30) & 0xff));
}

static void on_sic(void)
{
	note(0x400);
	note(rd(SIC));
	wr(UART3 + 0x44, 0x20);
}

void on_irq(void)
{
	u32 vector = rd(VIC + 0x30);
	depth++;
	switch (vector) {
	case 1: on_timer(); break;
	case 2: on_low(); wr(VIC + 0x30, 0); break;
	case 3: note(0x500 + depth); wr(VIC + 0x1c, 1u << 3); break;
	case 4: note(0x600 + depth); wr(VIC + 0x1c, 1u << 1); break;
	case 5: on_sic(); break;
	default: note(0xbad0000 | vector); wr(VIC + 0x14, 0xffffffff); break;
	}
	depth--;
	wr(VIC + 0x30, 0);
}

void on_fiq(void)
{
	fiqs++;
	wr(VIC + 0x1c, 1u << 20);
}

static void slot(u32 n, u32 line, u32 vector)
{
	wr(VIC + 0x100 + 4 * n, vector);
	wr(VIC + 0x200 + 4 * n, 0x20 | line);
	wr(VIC + 0x10, 1u << line);
}

int main(void)
{
	slot(0, 4, 1);
	slot(3, 1, 4);
	slot(5, 2, 2);
	slot(9, 3, 3);
	slot(10, 31, 5);
	wr(TIMER0, 500);
	wr(TIMER0 + 0x08, 0xe2);
	irq_enable();
	while (ticks < 5)
		;
	line1("ticks", ticks);
	wr(VIC + 0x18, 1u << 2);
	while (log_n < 5)
		;
	wr(SIC + 0x08, 1u << 6);
	wr(UART3 + 0x38, 0x20);
	wr(UART3, 'x');
	while (log_n < 7)
		;
	wr(VIC + 0x10, 1u << 20);
	wr(VIC + 0x0c, 1u << 20);
	wr(VIC + 0x18, 1u << 20);
	while (!fiqs)
		;
	irq_disable();
	line1("fiqs", fiqs);
	for (u32 i = 0; i < log_n; i++)
		line1("log", log_at[i]);
	show_all(VIC, 0, 0x18);
	return 0;
}
