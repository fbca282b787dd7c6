/* SPDX-License-Identifier: Apache-2.0 */
/* What the small programs share: registers of the Versatile board (DUI 0225D) and output without a library. */
#ifndef SYSTEM_H
#define SYSTEM_H

#include <stdint.h>

#define REG(addr) (*(volatile uint32_t *)(uintptr_t)(addr))

#define SYS_LOCK 0x10000020u
#define SYS_RESETCTL 0x10000040u
#define RTC_DR 0x101e8000u

enum { UART_DR = 0, UART_FR = 0x18, FR_RXFE = 0x10 };

static const uint32_t uart_base[4] = {0x101f1000, 0x101f2000, 0x101f3000, 0x10009000};

static inline void put(unsigned port, const char *text)
{
	while (*text)
		REG(uart_base[port] + UART_DR) = (uint8_t)*text++;
}

static inline void put_hex(unsigned port, uint32_t value)
{
	for (int shift = 28; shift >= 0; shift -= 4)
		REG(uart_base[port] + UART_DR) = (uint8_t)"0123456789abcdef"[value >> shift & 15];
}

/* Semihosting SYS_EXIT_EXTENDED; returns where semihosting is off (the SWI goes to a vector then). */
static inline void semihost_exit(uint32_t code)
{
	uint32_t block[2] = {0x20026, code};
	register uint32_t r0 __asm__("r0") = 0x20;
	register uint32_t *r1 __asm__("r1") = block;
#ifdef __thumb__
	__asm__ volatile("svc 0xab" : "+r"(r0) : "r"(r1) : "memory", "lr");
#else
	__asm__ volatile("svc 0x123456" : "+r"(r0) : "r"(r1) : "memory", "lr");
#endif
}

#endif
