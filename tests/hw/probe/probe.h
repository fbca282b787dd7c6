/* SPDX-License-Identifier: Apache-2.0 */
/* What the probe programs share: register access and printing on UART0. */
#ifndef PROBE_H
#define PROBE_H

typedef unsigned u32;

#define SYSREG 0x10000000u
#define SIC 0x10003000u
#define VIC 0x10140000u
#define TIMER0 0x101e2000u
#define TIMER2 0x101e3000u
#define RTC 0x101e8000u
#define UART0 0x101f1000u
#define UART1 0x101f2000u

extern volatile u32 aborts;

#ifdef PROBE_ON_HOST /* tests/hw/probe_host.c runs the programs against the devices alone */
#define rd probe_rd /* fake.h has functions of these names */
#define wr probe_wr
u32 rd(u32 a);
u32 rd16(u32 a);
u32 rd8(u32 a);
void wr(u32 a, u32 v);
#else
static inline u32 rd(u32 a)
{
	return *(volatile u32 *)a;
}

static inline void wr(u32 a, u32 v)
{
	*(volatile u32 *)a = v;
}

static inline u32 rd16(u32 a)
{
	return *(volatile unsigned short *)a;
}

static inline u32 rd8(u32 a)
{
	return *(volatile unsigned char *)a;
}
#endif

static inline void put(const char *s)
{
	while (*s)
		wr(UART0, (u32)*s++);
}

static inline void hex(u32 v)
{
	for (int i = 28; i >= 0; i -= 4)
		wr(UART0, (u32)"0123456789abcdef"[(v >> i) & 15]);
}

/* One line: a name, then up to two numbers. */
static inline void line1(const char *name, u32 v)
{
	put(name);
	put(" ");
	hex(v);
	put("\n");
}

static inline void line2(u32 a, u32 v)
{
	hex(a);
	put(" ");
	hex(v);
	put("\n");
}

static inline void show(u32 a)
{
	line2(a, rd(a));
}

static inline void show_all(u32 base, u32 first, u32 last)
{
	for (u32 off = first; off <= last; off += 4)
		show(base + off);
}

#ifdef __arm__
static inline void irq_enable(void)
{
	__asm__ volatile("mrs r0, cpsr\n bic r0, r0, #0xc0\n msr cpsr_c, r0" ::: "r0", "memory");
}

static inline void irq_disable(void)
{
	__asm__ volatile("mrs r0, cpsr\n orr r0, r0, #0xc0\n msr cpsr_c, r0" ::: "r0", "memory");
}
#endif

int probe_main(void);
#define main probe_main
void on_irq(void);
void on_fiq(void);

#endif
