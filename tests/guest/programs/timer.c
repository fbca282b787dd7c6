/* SPDX-License-Identifier: Apache-2.0 */
/* Interrupts from SP804 timers and from software through the PL190: counts and order only, never times. Failure:
 * timers, interrupt controller, masking, FIQ banks or waking from WFI. Manuals: DDI 0271D, DDI 0181E. */
#include "guest.h"

enum { LOAD = 0, VALUE = 4, CONTROL = 8, INTCLR = 12, RIS = 16, MIS = 20, BGLOAD = 24 };
enum { ENABLE = 0x80, PERIODIC = 0x40, INTEN = 0x20, WIDE = 2, ONESHOT = 1 };
enum { IRQSTATUS = 0, FIQSTATUS = 4, RAWINTR = 8, INTSELECT = 12, INTENABLE = 16, INTENCLEAR = 20, SOFTINT = 24, SOFTINTCLEAR = 28, VECTADDR = 0x30, DEFVECTADDR = 0x34, VECTADDR0 = 0x100, VECTCNTL0 = 0x200 };

static volatile unsigned ticks[4], fiqs, softs;
static volatile uint32_t order;
static const uint32_t timer_base[4] = { TIMER01, TIMER01 + 0x20, TIMER23, TIMER23 + 0x20 };

static void any_timer(void)
{
	for (unsigned i = 0; i < 4; i++)
		if (MMIO32(timer_base[i] + MIS)) {
			MMIO32(timer_base[i] + INTCLR) = 1;
			ticks[i]++;
		}
}

static void soft_fiq(void)
{
	fiqs++;
	order = order * 10 + 9;
	MMIO32(VIC + SOFTINTCLEAR) = 1u << 2;
}

/* Vectored handling as the PL190's manual describes it: read the address, call it, write to end. */
static void vectored(void)
{
	void (*handler)(void) = (void (*)(void))(uintptr_t)MMIO32(VIC + VECTADDR);

	handler();
	MMIO32(VIC + VECTADDR) = 0;
}

static void soft_first(void) { order = order * 10 + 1; softs++; MMIO32(VIC + SOFTINTCLEAR) = 1u << 20; }
static void soft_second(void) { order = order * 10 + 2; softs++; MMIO32(VIC + SOFTINTCLEAR) = 1u << 1; }
static void soft_default(void) { order = order * 10 + 3; softs++; MMIO32(VIC + SOFTINTCLEAR) = 1u << 7; }

static void set_vector(unsigned slot, unsigned line, void (*handler)(void))
{
	MMIO32(VIC + VECTADDR0 + 4 * slot) = (uint32_t)(uintptr_t)handler;
	MMIO32(VIC + VECTCNTL0 + 4 * slot) = 0x20 | line;
}

int main(void)
{
	guest_irq_handler = any_timer;
	guest_fiq_handler = soft_fiq;
	MMIO32(VIC + INTENABLE) = 1u << 4 | 1u << 5;

	/* periodic, waiting in WFI */
	MMIO32(TIMER01 + LOAD) = 500;
	MMIO32(TIMER01 + CONTROL) = ENABLE | PERIODIC | INTEN | WIDE;
	guest_irq_enable();
	while (ticks[0] < 10)
		guest_wfi();
	MMIO32(TIMER01 + CONTROL) = 0;
	printf("periodic: ten ticks by waiting\n");

	/* two timers, busy */
	ticks[0] = 0;
	MMIO32(timer_base[1] + LOAD) = 300;
	MMIO32(timer_base[2] + LOAD) = 700;
	MMIO32(timer_base[1] + CONTROL) = ENABLE | PERIODIC | INTEN | WIDE;
	MMIO32(timer_base[2] + CONTROL) = ENABLE | PERIODIC | INTEN;
	while (ticks[1] < 5 || ticks[2] < 5)
		;
	MMIO32(timer_base[1] + CONTROL) = MMIO32(timer_base[2] + CONTROL) = 0;
	printf("two at once: %s, the idle ones %u %u\n", ticks[1] >= 5 && ticks[2] >= 5 ? "both came" : "MISSING", ticks[0], ticks[3]);

	/* one shot fires once */
	MMIO32(timer_base[3] + LOAD) = 100;
	MMIO32(timer_base[3] + CONTROL) = ENABLE | INTEN | WIDE | ONESHOT;
	ticks[0] = 0;
	MMIO32(TIMER01 + LOAD) = 1000;
	MMIO32(TIMER01 + CONTROL) = ENABLE | PERIODIC | INTEN | WIDE;
	while (ticks[0] < 3)
		guest_wfi();
	MMIO32(TIMER01 + CONTROL) = 0;
	printf("one shot: %u, value %lu\n", ticks[3], (unsigned long)MMIO32(timer_base[3] + VALUE));

	/* raw status without the interrupt enabled */
	ticks[3] = 0;
	MMIO32(timer_base[3] + LOAD) = 50;
	MMIO32(timer_base[3] + CONTROL) = ENABLE | WIDE | ONESHOT;
	while (!MMIO32(timer_base[3] + RIS))
		;
	printf("raw: ris %lu mis %lu ticks %u\n", (unsigned long)MMIO32(timer_base[3] + RIS), (unsigned long)MMIO32(timer_base[3] + MIS), ticks[3]);
	MMIO32(timer_base[3] + INTCLR) = 0;
	printf("cleared: ris %lu\n", (unsigned long)MMIO32(timer_base[3] + RIS));

	/* WFI returns with the interrupt still masked */
	guest_irq_disable();
	MMIO32(TIMER01 + LOAD) = 200;
	MMIO32(TIMER01 + CONTROL) = ENABLE | INTEN | WIDE | ONESHOT;
	ticks[0] = 0;
	guest_wfi();
	printf("masked: taken %u, vic %lx\n", ticks[0], (unsigned long)MMIO32(VIC + IRQSTATUS));
	guest_irq_enable();
	__asm__ volatile("nop");
	guest_irq_disable();
	printf("unmasked: taken %u, vic %lx\n", ticks[0], (unsigned long)MMIO32(VIC + IRQSTATUS));

	/* software interrupts: FIQ before IRQ, vectored by slot, then the default */
	guest_irq_handler = vectored;
	set_vector(0, 20, soft_first);
	set_vector(1, 1, soft_second);
	MMIO32(VIC + DEFVECTADDR) = (uint32_t)(uintptr_t)soft_default;
	MMIO32(VIC + INTSELECT) = 1u << 2;
	MMIO32(VIC + INTENCLEAR) = ~0u;
	MMIO32(VIC + INTENABLE) = 1u << 1 | 1u << 2 | 1u << 7 | 1u << 20;
	MMIO32(VIC + SOFTINT) = 1u << 1 | 1u << 2 | 1u << 7 | 1u << 20;
	printf("pending: irq %08lx fiq %08lx raw %08lx\n", (unsigned long)MMIO32(VIC + IRQSTATUS), (unsigned long)MMIO32(VIC + FIQSTATUS),
	       (unsigned long)MMIO32(VIC + RAWINTR));
	guest_set_cpsr_c(0x13);
	__asm__ volatile("nop\n\tnop");
	guest_set_cpsr_c(0xd3);
	printf("order %lu, fiqs %u, softs %u, left %08lx\n", (unsigned long)order, fiqs, softs, (unsigned long)MMIO32(VIC + RAWINTR));
	return 0;
}
