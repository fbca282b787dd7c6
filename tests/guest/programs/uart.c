/* SPDX-License-Identifier: Apache-2.0 */
/* Receives through the PL011's FIFO and interrupts, answers in capitals, sends by transmit interrupts. Failure: UART
 * registers, its line to the interrupt controller, or input lost. Manual: DDI 0183F. Input ends with a full stop. */
#include "guest.h"

enum { DR = 0, FR = 0x18, IBRD = 0x24, FBRD = 0x28, LCR_H = 0x2c, CR = 0x30, IFLS = 0x34, IMSC = 0x38, RIS = 0x3c, MIS = 0x40, ICR = 0x44 };
enum { RXI = 0x10, TXI = 0x20, RTI = 0x40 };

static char ring[512], line[512];
static volatile unsigned head, tail, received, interrupts, tx_interrupts;
static volatile bool ended;

static void uart_irq(void)
{
	uint32_t mis = MMIO32(UART0 + MIS);

	interrupts++;
	if (mis & (RXI | RTI)) {
		/* cleared before the FIFO is emptied: what comes afterwards raises it again */
		MMIO32(UART0 + ICR) = RXI | RTI;
		while (!(MMIO32(UART0 + FR) & 0x10)) {
			char c = (char)MMIO32(UART0 + DR);

			if (!ended && received < sizeof(line) - 2)
				line[received++] = c;
			if (c == '.')
				ended = true;
		}
	}
	if (mis & TXI) {
		tx_interrupts++;
		MMIO32(UART0 + ICR) = TXI;
		if (tail != head)
			MMIO32(UART0 + DR) = (unsigned char)ring[tail++ % sizeof(ring)];
		else
			MMIO32(UART0 + IMSC) &= ~(uint32_t)TXI;
	}
}

static void send(const char *s)
{
	guest_irq_disable();
	while (*s)
		ring[head++ % sizeof(ring)] = *s++;
	MMIO32(UART0 + DR) = (unsigned char)ring[tail++ % sizeof(ring)];
	MMIO32(UART0 + IMSC) |= TXI;
	guest_irq_enable();
	while (tail != head)
		;
	guest_irq_disable();
	MMIO32(UART0 + IMSC) &= ~(uint32_t)TXI;
}

int main(void)
{
	MMIO32(UART0 + CR) = 0x301;
	MMIO32(UART0 + IBRD) = 13;
	MMIO32(UART0 + FBRD) = 1;
	MMIO32(UART0 + LCR_H) = 0x70;
	guest_irq_handler = uart_irq;
	MMIO32(VIC + 0x10) = 1u << 12;
	MMIO32(UART0 + IMSC) = RXI | RTI;
	/* the first output tells run.sh that the receiver is ready */
	printf("reset: fr %02lx cr %04lx ifls %02lx ris %03lx\n", (unsigned long)MMIO32(UART1 + FR), (unsigned long)MMIO32(UART1 + CR),
	       (unsigned long)MMIO32(UART1 + IFLS), (unsigned long)MMIO32(UART1 + RIS));
	guest_irq_enable();
	while (!ended)
		guest_wfi();
	guest_irq_disable();
	MMIO32(UART0 + IMSC) = 0;
	for (unsigned i = 0; i < received; i++)
		if (line[i] >= 'a' && line[i] <= 'z')
			line[i] = (char)(line[i] - 32);
	line[received] = '\n';
	line[received + 1] = 0;
	send(line);
	printf("received %u, interrupts came: %s %s\n", received, interrupts ? "yes" : "no", tx_interrupts ? "yes" : "no");
	for (unsigned i = 0; i < 8; i++)
		printf("%02lx ", (unsigned long)MMIO32(UART0 + 0xfe0 + 4 * i));
	printf("\n");
	return 3;
}
