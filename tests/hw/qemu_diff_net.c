/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Ethernet controller against QEMU's: random commands, packets of random size built with accesses of random width, frames
 * that come in. Values read, the interrupt line and the frames sent must agree. QEMU runs a guest that only waits (a stopped
 * one drops frames); its network is one end of a socket pair.
 *
 * Left out, because we follow the manual and QEMU does not: address filter, padding (short frames), the CRC, MIR, RPCR,
 * the PHY, base, address and multicast registers, the allocation result before the first allocation, packets that wait for TXENA.
 */
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/hw/fake.h"
#include "tests/hw/qemu.h"

#define BASE 0x10010000u
#define MEMORY_INFO 8u

struct pair {
	struct fake *f;
	struct qemu q;
	int net; /* our end of QEMU's cable */
	uint64_t rng;
	unsigned long seed, step;
	unsigned n_frames;  /* that ours sent and that were compared */
	unsigned ptr_size;  /* bytes left of the packet at the pointer */
	unsigned received, sent;
};

static uint32_t rnd(struct pair *p, uint32_t n)
{
	p->rng = p->rng * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)(p->rng >> 33) % n;
}

static void differs(const struct pair *p, const char *what, uint32_t theirs, uint32_t ours)
{
	fail_msg("RHEA_TEST_SEED=%lu, step %lu: %s: QEMU %#x, rhea %#x", p->seed, p->step, what, theirs, ours);
}

static void same_line(const struct pair *p, const char *what)
{
	if (p->q.line[0] != p->f->irq)
		differs(p, what, p->q.line[0], p->f->irq);
}

static bool read_all(int fd, void *buf, size_t n)
{
	struct pollfd ready = {.fd = fd, .events = POLLIN};
	for (size_t at = 0; at < n;) {
		ssize_t r = poll(&ready, 1, 2000) > 0 ? read(fd, (char *)buf + at, n - at) : 0;
		if (r <= 0)
			return false;
		at += (size_t)r;
	}
	return true;
}

/* Every frame that ours sent came out of QEMU too. */
static void same_frames(struct pair *p)
{
	uint8_t head[4], frame[4096];
	if (p->f->n_frames == p->n_frames)
		return;
	assert_int_equal(p->f->n_frames, p->n_frames + 1); /* one command sends at most one here */
	p->n_frames++;
	p->sent++;
	if (!read_all(p->net, head, 4))
		differs(p, "frame sent", 0, 1);
	unsigned n = (unsigned)head[2] << 8 | head[3];
	if (n != p->f->frame_len || !read_all(p->net, frame, n) || memcmp(frame, p->f->frame, n) != 0)
		differs(p, "frame sent, length", n, p->f->frame_len);
}

static uint32_t both_read(struct pair *p, uint32_t off, unsigned size, uint32_t mask)
{
	char what[64];
	uint32_t theirs = qemu_read(&p->q, BASE + off, size) & mask, ours = fake_read(p->f, BASE + off, size) & mask;
	snprintf(what, sizeof what, "read of %#x, size %u", off, size);
	if (theirs != ours)
		differs(p, what, theirs, ours);
	return ours;
}

static void both_write_quietly(struct pair *p, uint32_t off, unsigned size, uint32_t value)
{
	qemu_write(&p->q, BASE + off, size, value);
	fake_write(p->f, BASE + off, size, value);
}

static void both_write(struct pair *p, uint32_t off, unsigned size, uint32_t value)
{
	char what[64];
	both_write_quietly(p, off, size, value);
	same_frames(p);
	snprintf(what, sizeof what, "IRQ after write of %#x, size %u, to %#x", value, size, off);
	same_line(p, what);
}

static void bank(struct pair *p, unsigned n)
{
	both_write(p, 0xe, 1u << rnd(p, 2), n);
}

static void command(struct pair *p, unsigned c)
{
	bank(p, 2);
	both_write(p, 0, 1u << rnd(p, 2), c << 5);
}

/* The allocation bits are not the same before the first allocation: allocate at once. */
static void settle_reset(struct pair *p)
{
	both_write_quietly(p, 0xe, 2, 1);
	both_write_quietly(p, 0x0, 2, 0xa0b1); /* it survives our software reset only */
	both_write_quietly(p, 0xe, 2, 2);
	both_write_quietly(p, 0x0, 2, 0x20);
	both_write_quietly(p, 0xe, 2, 0);
	both_write_quietly(p, 0x0, 2, 1);
	both_write_quietly(p, 0xe, 2, 2);
	both_write(p, 0xc, 2, 0);
}

/* ---- steps ---- */

static void step_register(struct pair *p)
{
	static const struct {
		uint8_t bank, off;
		uint16_t set, random;
	} regs[] = {
		{0, 0x0, 0x0001, 0xd85e}, {0, 0x4, 0x0300, 0x00f6}, {0, 0x4, 0x0200, 0x01f6},
		{1, 0x0, 0x0000, 0xffff}, {1, 0xa, 0x0000, 0xffff}, {1, 0xc, 0x0000, 0xfffc}, {3, 0xc, 0x0000, 0x001f},
		{2, 0x2, 0x0000, 0x0003}, {2, 0x6, 0x0000, 0xf7fc}, {2, 0xc, 0x0000, 0xff04},
	};
	unsigned i = rnd(p, ARRAY_LEN(regs));
	bank(p, regs[i].bank);
	both_write(p, regs[i].off, 2, regs[i].set | (rnd(p, 0x10000) & regs[i].random));
	if (regs[i].bank != 2 || regs[i].off != 0xc)
		both_read(p, regs[i].off, 2, regs[i].bank == 2 && regs[i].off == 2 ? 0xff3f : 0xffff);
}

static void step_read(struct pair *p)
{
	static const struct {
		uint8_t bank, off, size;
	} reads[] = {
		{0, 0x0, 1}, {0, 0x1, 1}, {0, 0x4, 2}, {0, 0xc, 4}, {1, 0x0, 2}, {1, 0x4, 4}, {1, 0x8, 2}, {1, 0xc, 4}, {2, 0x0, 2},
		{2, 0x2, 2}, {2, 0x3, 1}, {2, 0x4, 2}, {2, 0x5, 1}, {2, 0x4, 4}, {2, 0xc, 2}, {2, 0xd, 1}, {2, 0xc, 4}, {3, 0xa, 2},
		{3, 0xc, 4}, {4, 0x0, 4}, {7, 0xc, 4},
	};
	unsigned i = rnd(p, ARRAY_LEN(reads));
	bank(p, reads[i].bank);
	both_read(p, reads[i].off, reads[i].size, ~0u);
}

/* One access of random width to the data register: n bytes or fewer. */
static unsigned width_upto(struct pair *p, unsigned n)
{
	unsigned size = 1u << rnd(p, 3);
	while (size > n)
		size /= 2;
	return size;
}

static unsigned data_offset(struct pair *p, unsigned size)
{
	return 8 + rnd(p, 4 / size) * size;
}

/* Allocates, fills and enqueues a packet, as a driver does. */
static void step_send(struct pair *p)
{
	unsigned n = 14 + rnd(p, rnd(p, 4) ? 60 : 1500), count = (n & ~1u) + 6;
	uint8_t packet[2048];
	command(p, 1);
	if (both_read(p, 3, 1, ~0u) & 0x80)
		return;
	both_write(p, 2, 1, fake_read(p->f, BASE + 3, 1));
	both_write(p, 6, 2, 0x4000);
	packet[0] = packet[1] = 0;
	packet[2] = (uint8_t)count;
	packet[3] = (uint8_t)(count >> 8);
	for (unsigned i = 4; i < count; i++)
		packet[i] = (uint8_t)rnd(p, 256);
	packet[count - 1] = n & 1 ? 0x20 : 0;
	for (unsigned at = 0, size; at < count; at += size) {
		uint32_t v = 0;
		size = width_upto(p, count - at);
		memcpy(&v, packet + at, size);
		both_write(p, data_offset(p, size), size, v);
	}
	both_read(p, 6, 2, ~0u);
	both_write(p, 0, 2, 0xc0);
}

static void step_receive(struct pair *p)
{
	uint8_t packet[4 + 1514];
	unsigned n = 64 + rnd(p, rnd(p, 4) ? 60 : 1500);
	struct netdev *d = &p->f->net[0];
	bank(p, 0);
	n = MIN(n, 1514u);
	if (net_room(d) != NET_READY)
		return;
	for (unsigned i = 4; i < sizeof packet; i++)
		packet[i] = (uint8_t)rnd(p, 256);
	memcpy(packet + 4, d->mac, 6);
	packet[0] = packet[1] = 0;
	packet[2] = (uint8_t)(n >> 8);
	packet[3] = (uint8_t)n;
	/* QEMU shows in MIR how many pages are in use: that is when it has got the frame. */
	uint32_t before = qemu_read(&p->q, BASE + MEMORY_INFO, 2);
	assert_int_equal(write(p->net, packet, 4 + n), 4 + n);
	for (unsigned i = 0; i < 2000 && qemu_read(&p->q, BASE + MEMORY_INFO, 2) == before; i++)
		usleep(500);
	d->receive(d->dev, packet + 4, n);
	p->received++;
	same_line(p, "IRQ after a frame came in");
}

/* What a driver does with a frame: reads it all and releases it. */
static void step_take(struct pair *p)
{
	bank(p, 2);
	if (both_read(p, 4, 2, ~0u) & 0x8000)
		return;
	both_write(p, 6, 2, 0xe000);
	unsigned left = 4;
	uint32_t head = both_read(p, 8, 4, ~0u);
	left = (head >> 16) - 4;
	while (left) {
		unsigned size = width_upto(p, left);
		both_read(p, data_offset(p, size), size, ~0u);
		left -= size;
	}
	command(p, 4);
}

/* Without auto-increment the address bits select the byte. */
static void step_peek(struct pair *p)
{
	bank(p, 2);
	if (both_read(p, 4, 2, ~0u) & 0x8000)
		return;
	both_write(p, 6, 2, 0xa000 | rnd(p, 16) * 4);
	unsigned size = 1u << rnd(p, 3);
	both_read(p, data_offset(p, size), size, ~0u);
}

static void step_tx_done(struct pair *p)
{
	bank(p, 2);
	uint32_t page = both_read(p, 4, 1, ~0u);
	if (page & 0x80)
		return;
	both_write(p, 2, 1, page);
	both_write(p, 6, 2, 0x6000);
	both_read(p, 8, 4, ~0u);
	both_write(p, 0xc, 1, 2);
	both_write(p, 0, 2, 0xa0);
}

static void step_reset(struct pair *p)
{
	bank(p, 2);
	/* QEMU keeps the interrupts of what a reset of the MMU forgets. */
	if (rnd(p, 2) && both_read(p, 4, 2, ~0u) == 0x8080) {
		both_write_quietly(p, 0x0, 2, 0x40);
	} else {
		bank(p, 0);
		both_write_quietly(p, 4, 2, 0x8000);
	}
	both_write_quietly(p, 0xe, 2, 0);
	both_write_quietly(p, 4, 2, 0x0300);
	settle_reset(p);
}

static void (*const steps[])(struct pair *p) = {
	step_register, step_register, step_read, step_read, step_send, step_send, step_receive, step_receive, step_take,
	step_take, step_peek, step_tx_done, step_tx_done,
};

static void open_pair(struct pair *p)
{
	int ends[2];
	char dev[64];
	const char *args[] = {"-device", "loader,addr=0,data=0xee070f90,data-len=4", "-device", /* wait for interrupt ... */
			      "loader,addr=4,data=0xeafffffd,data-len=4", "-netdev", dev, "-net", "nic,netdev=n", NULL}; /* ... again */
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	snprintf(dev, sizeof dev, "socket,id=n,fd=%d", ends[1]);
	p->f = fake_new("versatilepb");
	p->f->log.mask = 0;
	qemu_start(&p->q, args, ends[1]);
	close(ends[1]);
	p->net = ends[0];
	/* The interrupt of the card to the core, through both controllers. */
	qemu_write(&p->q, 0x10003020, 4, 1u << 25);
	fake_write(p->f, 0x10003020, 4, 1u << 25);
	qemu_write(&p->q, 0x10140010, 4, 1u << 25);
	fake_write(p->f, 0x10140010, 4, 1u << 25);
	settle_reset(p);
}

/* Failure: a driver sees another card than on QEMU. */
static void same_card_as_qemu(void **state)
{
	(void)state;
	const char *text = getenv("RHEA_TEST_SEED"), *count = getenv("RHEA_TEST_COUNT");
	unsigned long n = count ? strtoul(count, NULL, 0) : 1500;
	struct pair p = {.seed = text ? strtoul(text, NULL, 0) : 1};
	p.rng = p.seed;
	open_pair(&p);
	for (p.step = 0; p.step < n; p.step++) {
		if (rnd(&p, 100) == 0)
			step_reset(&p);
		else
			steps[rnd(&p, ARRAY_LEN(steps))](&p);
	}
	print_message("%u frames sent, %u received\n", p.sent, p.received);
	assert_true(p.sent > n / 100 && p.received > n / 100);
	close(p.net);
	qemu_stop(&p.q);
	fake_free(p.f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(same_card_as_qemu)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
