/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A small driver for the LAN91C111 with interrupts, on the user-mode network: takes a DHCP offer, finds the router by ARP and
 * pings it with packets of many sizes. Failure: the card's registers or its interrupt, or the network behind it.
 */
#include <string.h>

#include "guest.h"

enum { CARD = 0x10010000, BANK = 14, TCR = 0, RCR = 4, IA = 4, CONTROL = 12, MMU = 0, PACKET = 2, RESULT = 3, FIFO = 4, POINTER = 6,
       DATA = 8, INTERRUPT = 12, MASK = 13, REVISION = 10 };
enum { INT_RCV = 1, INT_ALLOC = 8, ALLOCATE = 0x20, RELEASE_RX = 0x80, ENQUEUE = 0xc0 };

#define REG8(off) (*(volatile uint8_t *)(CARD + (off)))
#define REG16(off) (*(volatile uint16_t *)(CARD + (off)))
#define REG32(off) (*(volatile uint32_t *)(CARD + (off)))

static uint8_t mac[6], router[6], frame[1600], got[2048];
static const uint8_t everyone[6] = {255, 255, 255, 255, 255, 255}, own_ip[4] = {10, 0, 2, 15}, router_ip[4] = {10, 0, 2, 2};
static volatile unsigned got_len, interrupts;

/* Words of 32 and 16 bits by turns, so that both are used. */
static void take_packet(void)
{
	REG16(POINTER) = 0xe000;
	uint32_t head = REG32(DATA);
	unsigned n = (head >> 16 & 0x7ff) - 4, at = 0;

	for (; n - at >= 6; at += 6) {
		uint32_t word = REG32(DATA);
		uint16_t half = REG16(DATA);

		memcpy(got + at, &word, 4);
		memcpy(got + at + 4, &half, 2);
	}
	for (; at < n; at++)
		got[at] = REG8(DATA);
	got_len = n - 2 + (got[n - 1] >> 5 & 1);
}

static void card_irq(void)
{
	interrupts++;
	if (!(REG8(INTERRUPT) & REG8(MASK) & INT_RCV))
		return;
	if (!got_len)
		take_packet();
	REG16(MMU) = RELEASE_RX;
}

static void card_init(void)
{
	REG16(BANK) = 0;
	REG16(RCR) = 0x8000;
	REG16(RCR) = 0;
	REG16(TCR) = 1;
	REG16(BANK) = 1;
	for (unsigned i = 0; i < 6; i++)
		mac[i] = REG8(IA + i);
	REG16(CONTROL) = REG16(CONTROL) | 0x800;
	REG16(BANK) = 3;
	printf("revision %04x, address %02x:%02x:%02x:%02x:%02x:%02x\n", REG16(REVISION), mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]);
	REG16(BANK) = 0;
	REG16(RCR) = 0x300;
	REG16(BANK) = 2;
	REG8(MASK) = INT_RCV;
	guest_irq_handler = card_irq;
	MMIO32(SIC + 0x20) = 1u << 25;
	MMIO32(VIC + 0x10) = 1u << 25;
}

static void send(unsigned n)
{
	guest_irq_disable();
	REG16(MMU) = ALLOCATE;
	while (!(REG8(INTERRUPT) & INT_ALLOC))
		;
	REG8(PACKET) = REG8(RESULT);
	REG16(POINTER) = 0x4000;
	REG32(DATA) = ((n & ~1u) + 6) << 16;
	for (unsigned i = 0; i + 1 < n; i += 2)
		REG16(DATA) = (uint16_t)(frame[i] | frame[i + 1] << 8);
	REG16(DATA) = n & 1 ? (uint16_t)(0x2000 | frame[n - 1]) : 0;
	REG16(MMU) = ENQUEUE;
	guest_irq_enable();
}

static unsigned get16(const uint8_t *p)
{
	return (unsigned)p[0] << 8 | p[1];
}

static void put16(uint8_t *p, unsigned v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

/* Waits for a frame that `wanted` wants; others are dropped. */
static void wait_for(bool (*wanted)(void))
{
	for (;;) {
		guest_irq_disable();
		while (!got_len) {
			guest_wfi();
			guest_irq_enable();
			guest_irq_disable();
		}
		guest_irq_enable();
		if (wanted())
			return;
		got_len = 0;
	}
}

static unsigned checksum(const uint8_t *p, unsigned n)
{
	unsigned sum = 0;

	for (unsigned i = 0; i < n; i += 2)
		sum += i + 1 < n ? get16(p + i) : (unsigned)p[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return ~sum & 0xffff;
}

static void ethernet(const uint8_t *to, unsigned type)
{
	memset(frame, 0, sizeof(frame));
	memcpy(frame, to, 6);
	memcpy(frame + 6, mac, 6);
	put16(frame + 12, type);
}

static void ipv4(const uint8_t *from, const uint8_t *to, unsigned protocol, unsigned n)
{
	uint8_t *p = frame + 14;

	p[0] = 0x45;
	put16(p + 2, 20 + n);
	p[8] = 64;
	p[9] = (uint8_t)protocol;
	memcpy(p + 12, from, 4);
	memcpy(p + 16, to, 4);
	put16(p + 10, checksum(p, 20));
}

static bool is_offer(void)
{
	return got_len >= 14 + 28 + 240 && get16(got + 12) == 0x0800 && got[23] == 17 && get16(got + 36) == 68;
}

static void dhcp(void)
{
	static const uint8_t nobody[4];
	uint8_t *p = frame + 14 + 20 + 8;

	ethernet(everyone, 0x0800);
	ipv4(nobody, everyone, 17, 8 + 300);
	put16(frame + 34, 68);
	put16(frame + 36, 67);
	put16(frame + 38, 8 + 300);
	p[0] = p[1] = 1;
	p[2] = 6;
	memcpy(p + 28, mac, 6);
	memcpy(p + 236, "\x63\x82\x53\x63\x35\x01\x01\xff", 8);
	send(14 + 28 + 300);
	wait_for(is_offer);
	p = got + 42;
	printf("offer: %u.%u.%u.%u from %u.%u.%u.%u, message %u\n", p[16], p[17], p[18], p[19], got[26], got[27], got[28], got[29], p[242]);
	got_len = 0;
}

static bool is_arp_reply(void)
{
	return got_len >= 42 && get16(got + 12) == 0x0806 && get16(got + 20) == 2 && memcmp(got + 28, router_ip, 4) == 0;
}

static void arp(void)
{
	static const uint8_t head[8] = {0, 1, 8, 0, 6, 4, 0, 1};

	ethernet(everyone, 0x0806);
	memcpy(frame + 14, head, 8);
	memcpy(frame + 22, mac, 6);
	memcpy(frame + 28, own_ip, 4);
	memcpy(frame + 38, router_ip, 4);
	send(42);
	wait_for(is_arp_reply);
	memcpy(router, got + 22, 6);
	printf("router: %02x:%02x:%02x:%02x:%02x:%02x\n", router[0], router[1], router[2], router[3], router[4], router[5]);
	got_len = 0;
}

static bool is_echo_reply(void)
{
	return got_len >= 42 && get16(got + 12) == 0x0800 && got[23] == 1 && got[34] == 0;
}

/* The answer to an echo request with n bytes has the same bytes. */
static unsigned ping(unsigned n, unsigned sequence)
{
	struct guest_rng rng = {n + 1};
	uint8_t *p = frame + 34;

	ethernet(router, 0x0800);
	ipv4(own_ip, router_ip, 1, 8 + n);
	p[0] = 8;
	put16(p + 6, sequence);
	for (unsigned i = 0; i < n; i++)
		p[8 + i] = (uint8_t)guest_random(&rng);
	put16(p + 2, checksum(p, 8 + n));
	send(42 + n);
	wait_for(is_echo_reply);
	unsigned bad = memcmp(got + 42, frame + 42, n) != 0 || get16(got + 40) != sequence || got_len < 42 + n;
	got_len = 0;
	return bad;
}

int main(void)
{
	unsigned bad = 0, pings = 0;

	card_init();
	guest_irq_enable();
	dhcp();
	arp();
	for (unsigned n = 0; n <= 1472; n += n < 60 ? 1 : 53)
		bad += ping(n, ++pings);
	printf("%u pings, %u bad, interrupts came: %s\n", pings, bad, interrupts ? "yes" : "no");
	return 5;
}
