/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The LAN91C111's registers and state, shared by smc91c111.c (registers, reset) and smc91c111_packets.c (memory, receiver,
 * transmitter).
 */
#ifndef RHEA_SMC91C111_H
#define RHEA_SMC91C111_H

#include "hw/hw.h"
#include "hw/mii_phy.h"

#define N_PAGES 4u
#define PAGE_BYTES 2048u
#define N_BANKS 8u
#define BANK_SELECT 0xeu
#define DATA_FIRST 0x8u /* in bank 2, four bytes */

/* X(name, bank, offset, writable bits, value after reset) */
#define SMC_REGS(X)                        \
	X(TCR, 0, 0x0, 0xffff, 0x0000)     \
	X(EPH_STATUS, 0, 0x2, 0, 0x0000)   \
	X(RCR, 0, 0x4, 0x7fff, 0x0000)     \
	X(COUNTER, 0, 0x6, 0, 0x0000)      \
	X(MIR, 0, 0x8, 0, 0x0000)          \
	X(RPCR, 0, 0xa, 0x38fc, 0x0000)    \
	X(CONFIG, 1, 0x0, 0xffff, 0xa0b1)  \
	X(BASE, 1, 0x2, 0xffff, 0x0000)    \
	X(IA0, 1, 0x4, 0xffff, 0x0000)     \
	X(IA2, 1, 0x6, 0xffff, 0x0000)     \
	X(IA4, 1, 0x8, 0xffff, 0x0000)     \
	X(GENERAL, 1, 0xa, 0xffff, 0x0000) \
	X(CONTROL, 1, 0xc, 0xfffc, 0x1210) \
	X(MMU, 2, 0x0, 0, 0x0000)          \
	X(PACKET, 2, 0x2, 0x003f, 0x0000)  \
	X(FIFO, 2, 0x4, 0, 0x0000)         \
	X(POINTER, 2, 0x6, 0xf7ff, 0x0000) \
	X(INTERRUPT, 2, 0xc, 0xff00, 0)    \
	X(MCAST0, 3, 0x0, 0xffff, 0x0000)  \
	X(MCAST2, 3, 0x2, 0xffff, 0x0000)  \
	X(MCAST4, 3, 0x4, 0xffff, 0x0000)  \
	X(MCAST6, 3, 0x6, 0xffff, 0x0000)  \
	X(MGMT, 3, 0x8, 0x400d, 0x3330)    \
	X(REVISION, 3, 0xa, 0, 0x3391)     \
	X(ERCV, 3, 0xc, 0x001f, 0x001f)

enum smc_reg {
#define X(name, bank, off, writable, reset) R_##name,
	SMC_REGS(X)
#undef X
	N_REGS
};

enum { TCR_EPH_LOOP = 0x2000, TCR_NOCRC = 0x0100, TCR_PAD = 0x0080, TCR_TXENA = 0x0001 };
enum { RCR_SOFT_RESET = 0x8000, RCR_STRIP_CRC = 0x0200, RCR_RXEN = 0x0100, RCR_ALL_MULTICAST = 4, RCR_PROMISCUOUS = 2 };
enum { CONTROL_AUTO_RELEASE = 0x0800, CONTROL_RELOAD = 0x0002 };
enum { EPH_LINK_OK = 0x4000, EPH_TX_OK = 0x0001 };
enum { POINTER_RCV = 0x8000, POINTER_INCREMENT = 0x4000, POINTER_BYTE = 0x07ff };
enum { MGMT_OUTPUT = 8, MGMT_CLOCK = 4, MGMT_IN = 2, MGMT_OUT = 1 };
enum { INT_RCV = 0x01, INT_TX = 0x02, INT_TX_EMPTY = 0x04, INT_ALLOC = 0x08, INT_MD = 0x80 };
enum { RX_BROADCAST = 0x4000, RX_ODD = 0x1000, RX_TOO_LONG = 0x0800, RX_MULTICAST = 0x0001 };
enum { LAST_ODD = 0x20, LAST_ALWAYS = 0x40, LAST_CRC = 0x10 }; /* the control byte at the end of a packet */
enum { NONE = 0x80 };                        /* in page numbers that the guest reads: there is none */

/* Commands to the memory management unit: bits 7 to 5. */
enum mmu_command { MMU_NOTHING, MMU_ALLOCATE, MMU_RESET, MMU_REMOVE_RX, MMU_RELEASE_RX, MMU_RELEASE, MMU_ENQUEUE,
		   MMU_RESET_TX };

struct queue {
	uint8_t n, page[N_PAGES]; /* page[0] is next */
};

struct smc {
	struct hw_context *hw;
	struct netdev *net;
	struct irq_line irq;
	struct mii_phy phy;
	uint8_t eeprom[6];    /* the back end's address when we looked last */
	uint16_t reg[N_REGS]; /* what was written; computed ones are not here */
	uint16_t bank;
	uint8_t allocated;    /* a bit a page */
	uint8_t result;       /* page allocated last, or NONE */
	bool alloc_waits;     /* an allocation that found no page is done when one is released */
	uint8_t latched;      /* interrupts that stay until acknowledged */
	uint16_t tx_status;   /* of the frame sent last */
	struct queue tx, done, rx;
	uint8_t mem[N_PAGES][PAGE_BYTES];
};

static inline unsigned queue_head(const struct queue *q)
{
	return q->n ? q->page[0] : NONE;
}

static inline void queue_drop(struct queue *q)
{
	if (!q->n)
		return;
	q->n--;
	for (unsigned i = 0; i < q->n; i++)
		q->page[i] = q->page[i + 1];
}

/* The link bit of statuses. */
static inline uint16_t smc_link_bit(const struct smc *s)
{
	return mii_phy_link(&s->phy) ? EPH_LINK_OK : 0;
}

/* smc91c111.c */
void smc_update_irq(struct smc *s);

/* smc91c111_packets.c: of the network's side as struct netdev; then the chip's own doings */
enum net_room smc_room(void *dev);
void smc_receive(void *dev, const uint8_t *frame, unsigned n);
void smc_transmit(struct smc *s); /* what is queued, if the transmitter is on */
void smc_mmu_command(struct smc *s, enum mmu_command c);
void smc_reset_queues(struct smc *s);

#endif
