/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The LAN91C111's packet memory: pages and queues of them, frames that come in and go out. A page holds status, byte count,
 * the frame, and a control byte that says whether its length is odd.
 */
#include <string.h>

#include "hw/smc91c111.h"

static void queue_push(struct queue *q, unsigned page)
{
	if (q->n < N_PAGES)
		q->page[q->n++] = (uint8_t)page;
}

/* ---- receiving ---- */

static uint32_t crc32_ethernet(uint32_t crc, const uint8_t *p, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		crc ^= p[i];
		for (unsigned bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
	}
	return crc;
}

/* The six highest bits of an address's CRC: three choose the byte of the table, three the bit. */
static unsigned multicast_hash(const uint8_t *address)
{
	uint32_t crc = crc32_ethernet(~0u, address, 6);
	unsigned hash = 0;
	for (unsigned i = 0; i < 6; i++)
		hash = hash << 1 | (crc >> i & 1);
	return hash;
}

static bool is_own_address(const struct smc *s, const uint8_t *address)
{
	for (unsigned i = 0; i < 6; i++)
		if (address[i] != (uint8_t)(s->reg[R_IA0 + i / 2] >> 8 * (i % 2)))
			return false;
	return true;
}

/* Does the receiver want a frame to that address? Then *status has the bits that say why. */
static bool filter(const struct smc *s, const uint8_t *address, unsigned *status)
{
	static const uint8_t broadcast[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
	bool everything = (s->reg[R_RCR] & RCR_PROMISCUOUS) != 0;
	*status = 0;
	if (memcmp(address, broadcast, 6) == 0) {
		*status = RX_BROADCAST;
		return true;
	}
	if (!(address[0] & 1))
		return everything || is_own_address(s, address);
	unsigned hash = multicast_hash(address), byte = hash >> 3;
	*status = RX_MULTICAST | hash << 1;
	if (everything || (s->reg[R_RCR] & RCR_ALL_MULTICAST))
		return true;
	return s->reg[R_MCAST0 + byte / 2] >> (8 * (byte % 2) + hash % 8) & 1;
}

static void put16(uint8_t *at, unsigned v)
{
	at[0] = (uint8_t)v;
	at[1] = (uint8_t)(v >> 8);
}

#define MIN_FRAME 60u   /* shorter ones are padded on the wire */
#define MAX_FRAME 1514u /* longer ones are marked */
#define HEADER_BYTES 4u /* status, byte count */
#define CRC_BYTES 4u

/* Writes the packet that stands for a frame; false when it does not fit. */
static bool store(uint8_t *mem, const uint8_t *frame, unsigned n, unsigned status, bool crc)
{
	unsigned body = MAX(n, MIN_FRAME), wire = body + (crc ? CRC_BYTES : 0);
	unsigned count = HEADER_BYTES + (wire & ~1u) + 2;
	if (count > POINTER_BYTE)
		return false;
	uint8_t *at = mem + HEADER_BYTES;
	memcpy(at, frame, n);
	memset(at + n, 0, body - n);
	if (crc) {
		uint32_t v = ~crc32_ethernet(~0u, at, body);
		put16(at + body, v & 0xffff);
		put16(at + body + 2, v >> 16);
	}
	if (wire & 1)
		status |= RX_ODD;
	else
		mem[count - 2] = 0;
	mem[count - 1] = LAST_ALWAYS | (wire & 1 ? LAST_ODD : 0);
	put16(mem, status | (body > MAX_FRAME ? RX_TOO_LONG : 0));
	put16(mem + 2, count);
	return true;
}

static bool receiver_on(const struct smc *s)
{
	return (s->reg[R_RCR] & RCR_RXEN) != 0;
}

enum net_room smc_room(void *dev)
{
	const struct smc *s = dev;
	if (!receiver_on(s))
		return NET_CLOSED;
	return s->allocated == (1u << N_PAGES) - 1 || s->rx.n == N_PAGES ? NET_FULL : NET_READY;
}

static unsigned free_page(const struct smc *s)
{
	unsigned page = 0;
	while (page < N_PAGES && s->allocated >> page & 1)
		page++;
	return page;
}

void smc_receive(void *dev, const uint8_t *frame, unsigned n)
{
	struct smc *s = dev;
	unsigned status, page = free_page(s);
	bool crc = !(s->reg[R_RCR] & RCR_STRIP_CRC);
	if (smc_room(s) != NET_READY || n < 14 || !filter(s, frame, &status))
		return;
	if (!store(s->mem[page], frame, n, status, crc))
		return;
	s->allocated |= (uint8_t)(1u << page);
	queue_push(&s->rx, page);
	smc_update_irq(s);
}

/* ---- pages ---- */

static void allocate(struct smc *s)
{
	unsigned page = free_page(s);
	s->alloc_waits = page == N_PAGES;
	s->result = NONE;
	if (s->alloc_waits)
		return;
	s->allocated |= (uint8_t)(1u << page);
	s->result = (uint8_t)page;
}

static void release(struct smc *s, unsigned page)
{
	s->allocated &= (uint8_t)~(1u << page);
	if (s->alloc_waits)
		allocate(s);
}

void smc_reset_queues(struct smc *s)
{
	s->tx.n = s->done.n = s->rx.n = 0;
	s->allocated = 0;
	s->result = NONE;
	s->alloc_waits = false;
	s->latched = INT_TX_EMPTY;
}

/* ---- sending ---- */

/* The frame in a page: NULL when the packet's byte count makes no sense. */
static const uint8_t *frame_of(const uint8_t *mem, unsigned *n)
{
	unsigned count = (mem[2] | (unsigned)mem[3] << 8) & POINTER_BYTE & ~1u;
	if (count < HEADER_BYTES + 2)
		return NULL;
	*n = count - HEADER_BYTES - (mem[count - 1] & LAST_ODD ? 1 : 2);
	return *n ? mem + HEADER_BYTES : NULL;
}

static void send_frame(struct smc *s, const uint8_t *mem)
{
	uint8_t frame[PAGE_BYTES];
	unsigned n, tcr = s->reg[R_TCR];
	const uint8_t *body = frame_of(mem, &n);
	if (!body) {
		hw_guest_error(s->hw, "smc91c111: packet to send has byte count 0x%x", mem[2] | (unsigned)mem[3] << 8);
		return;
	}
	memcpy(frame, body, n);
	if ((tcr & TCR_PAD) && n < MIN_FRAME) {
		memset(frame + n, 0, MIN_FRAME - n);
		n = MIN_FRAME;
	}
	if ((tcr & TCR_EPH_LOOP) || mii_phy_loopback(&s->phy))
		smc_receive(s, frame, n);
	else
		net_send(s->net, frame, n); /* an answer may come before it returns: only the receive side changes then */
}

void smc_transmit(struct smc *s)
{
	while (s->tx.n && (s->reg[R_TCR] & TCR_TXENA)) {
		unsigned page = queue_head(&s->tx);
		queue_drop(&s->tx);
		send_frame(s, s->mem[page]);
		s->tx_status = EPH_TX_OK;
		put16(s->mem[page], s->tx_status | smc_link_bit(s));
		if (s->reg[R_CONTROL] & CONTROL_AUTO_RELEASE)
			release(s, page);
		else
			queue_push(&s->done, page);
		if (!s->tx.n)
			s->latched |= INT_TX_EMPTY;
	}
}

static void mmu_release_rx(struct smc *s)
{
	unsigned page = queue_head(&s->rx);
	queue_drop(&s->rx);
	if (page != NONE)
		release(s, page);
}

static void mmu_on_page(struct smc *s, enum mmu_command c)
{
	unsigned page = s->reg[R_PACKET];
	if (page >= N_PAGES || !(s->allocated >> page & 1)) {
		hw_guest_error(s->hw, "smc91c111: %s of packet %u, which is not allocated",
			       c == MMU_RELEASE ? "release" : "sending", page);
		return;
	}
	if (c == MMU_RELEASE) {
		release(s, page);
		return;
	}
	queue_push(&s->tx, page);
	smc_transmit(s);
}

void smc_mmu_command(struct smc *s, enum mmu_command c)
{
	switch (c) {
	case MMU_NOTHING: break;
	case MMU_ALLOCATE: allocate(s); break;
	case MMU_RESET: smc_reset_queues(s); break;
	case MMU_REMOVE_RX: queue_drop(&s->rx); break;
	case MMU_RELEASE_RX: mmu_release_rx(s); break;
	case MMU_RELEASE:
	case MMU_ENQUEUE: mmu_on_page(s, c); break;
	case MMU_RESET_TX: s->tx.n = s->done.n = 0; s->latched |= INT_TX_EMPTY; break;
	}
	net_accept_input(s->net);
}
