/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the test programs share: console, exit, exceptions, interrupts, page tables of a versatilepb.
 * printf goes to the first UART; main's return value becomes the emulator's exit status (semihosting).
 * A program's output must not depend on how it was compiled: no addresses, no timings.
 */
#ifndef GUEST_H
#define GUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif

#define MMIO32(addr) (*(volatile uint32_t *)(uintptr_t)(addr))
#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

enum { UART0 = 0x101f1000, UART1 = 0x101f2000, VIC = 0x10140000, SIC = 0x10003000, TIMER01 = 0x101e2000, TIMER23 = 0x101e3000, SYSREG = 0x10000000 };

/* ---- start.S ---- */
enum { VECTOR_UND = 1, VECTOR_SVC, VECTOR_PABT, VECTOR_DABT, VECTOR_IRQ = 6, VECTOR_FIQ };

struct trap_frame {
	uint32_t r[13];
	uint32_t usr_sp, usr_lr;
	uint32_t lr;   /* as the exception left it: the handler adjusts it */
	uint32_t spsr;
	uint32_t vector;
	uint32_t pad[2];
};

void guest_set_vector(unsigned n, void (*entry)(void));
uint32_t guest_semihost(uint32_t op, void *arg);
void guest_irq_enable(void);
void guest_irq_disable(void);
uint32_t guest_cpsr(void);
void guest_set_cpsr_c(uint32_t cpsr);
void guest_wfi(void);

#define CP15(name) uint32_t cp15_get_##name(void); void cp15_set_##name(uint32_t value)
CP15(midr); CP15(ctr); CP15(sctlr); CP15(ttbr); CP15(dacr); CP15(dfsr); CP15(ifsr); CP15(far); CP15(fcse);
CP15(iflush); CP15(tlbflush); CP15(tlbflush_va);
#undef CP15

/* ---- sys.c ---- */
/* The handler of each vector; may change the frame. The one set at first prints the frame and exits with 99. */
extern void (*guest_traps[8])(struct trap_frame *f);
extern void (*guest_irq_handler)(void);
extern void (*guest_fiq_handler)(void);
void guest_trap(struct trap_frame *f);
void guest_putc(int c);
void guest_puts(const char *s);
void guest_exit(int code) __attribute__((noreturn));

/* A generator that every run repeats (xorshift32). */
struct guest_rng { uint32_t s; };
static inline uint32_t guest_random(struct guest_rng *g)
{
	g->s ^= g->s << 13;
	g->s ^= g->s >> 17;
	g->s ^= g->s << 5;
	return g->s;
}
uint32_t guest_fnv(const void *p, size_t n);

/* ---- mmu.c: first-level table at 16 KiB alignment, second-level tables from a small pool ---- */
enum { AP_NONE, AP_KERNEL, AP_USER_READ, AP_USER_WRITE };
void mmu_init(void);   /* identity sections for 128 MiB of RAM and the devices, domain 0 as client; not switched on */
void mmu_on(void);
void mmu_off(void);
void mmu_section(uint32_t va, uint32_t pa, unsigned ap, unsigned domain);
void mmu_unmap_section(uint32_t va);
/* Small page (4 KiB): ap4 gives two bits for each 1 KiB subpage, lowest address in the lowest bits. */
void mmu_page(uint32_t va, uint32_t pa, unsigned ap4, unsigned domain);
void mmu_large_page(uint32_t va, uint32_t pa, unsigned ap4, unsigned domain);
void mmu_tiny_page(uint32_t va, uint32_t pa, unsigned ap, unsigned domain);
void mmu_unmap_page(uint32_t va);
#define AP4(ap) ((ap) * 0x55u)

#ifdef __cplusplus
}
#endif
#endif
