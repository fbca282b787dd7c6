/* SPDX-License-Identifier: Apache-2.0 */
/* The Ethernet controller as a driver and as a hostile guest see it; the cable's other end is fake.h's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/hw/fake.h"

#define CARD 0x10010000u
#define SIC 0x10003000u
#define VIC 0x10140000u

enum { TCR = 0x00, EPH = 0x02, RCR = 0x04, MIR = 0x08, CONTROL = 0x1c, IA0 = 0x14, MMU = 0x20, PACKET = 0x22, RESULT = 0x23,
       FIFO = 0x24, POINTER = 0x26, DATA = 0x28, INTERRUPT = 0x2c, MASK = 0x2d, MCAST = 0x30, MGMT = 0x38 };
enum { INT_RCV = 1, INT_TX = 2, INT_TX_EMPTY = 4, INT_ALLOC = 8, INT_MD = 0x80 };
enum { ALLOCATE = 0x20, RESET_MMU = 0x40, RELEASE_RX = 0x80, RELEASE = 0xa0, ENQUEUE = 0xc0 };

/* Registers are named bank << 4 | offset. */
static uint32_t get(struct fake *f, unsigned reg, unsigned size)
{
	fake_write(f, CARD + 0xe, 2, reg >> 4);
	return fake_read(f, CARD + (reg & 15), size);
}

static void put(struct fake *f, unsigned reg, unsigned size, uint32_t v)
{
	fake_write(f, CARD + 0xe, 2, reg >> 4);
	fake_write(f, CARD + (reg & 15), size, v);
}

static int setup(void **state)
{
	struct fake *f = *state = fake_new("versatilepb");
	fake_write(f, SIC + 0x20, 4, 1u << 25);
	fake_write(f, VIC + 0x10, 4, 1u << 25);
	put(f, TCR, 2, 1);
	put(f, RCR, 2, 0x300);
	return 0;
}

static int teardown(void **state)
{
	fake_free(*state);
	return 0;
}

/* Writes a packet of n bytes into a new page; the page. */
static unsigned fill(struct fake *f, const uint8_t *bytes, unsigned n)
{
	put(f, MMU, 2, ALLOCATE);
	unsigned page = get(f, RESULT, 1);
	put(f, PACKET, 1, page);
	put(f, POINTER, 2, 0x4000);
	put(f, DATA, 4, ((n & ~1u) + 6) << 16);
	for (unsigned i = 0; i + 1 < n; i += 2)
		put(f, DATA, 2, bytes[i] | (uint32_t)bytes[i + 1] << 8);
	put(f, DATA, 2, n & 1 ? 0x2000u | bytes[n - 1] : 0);
	return page;
}

static void count_up(uint8_t *bytes, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		bytes[i] = (uint8_t)i;
}

static void arrive(struct fake *f, const uint8_t *frame, unsigned n)
{
	if (net_room(&f->net[0]) == NET_READY)
		f->net[0].receive(f->net[0].dev, frame, n);
}

/* A frame to an address; true when the receiver took it (and the packet is taken out again). */
static bool takes(struct fake *f, const uint8_t address[6])
{
	uint8_t frame[64] = {0};
	memcpy(frame, address, 6);
	arrive(f, frame, sizeof frame);
	bool got = !(get(f, FIFO, 2) & 0x8000);
	put(f, MMU, 2, RELEASE_RX);
	return got;
}

static const uint8_t own[6] = {0x52, 0x54, 0x00, 0x12, 0x34, 0x56};

/* ---- sending ---- */

/* Failure: what leaves is not what the driver wrote, at one of the sizes. */
static void frames_leave_as_written(void **state)
{
	struct fake *f = *state;
	uint8_t bytes[1514];
	count_up(bytes, sizeof bytes);
	for (unsigned n = 14; n <= sizeof bytes; n += n < 70 ? 1 : 361) {
		unsigned page = fill(f, bytes, n);
		put(f, MMU, 2, ENQUEUE);
		assert_int_equal(f->frame_len, n);
		assert_memory_equal(f->frame, bytes, n);
		assert_int_equal(get(f, FIFO, 1), page);
		put(f, POINTER, 2, 0x6000);
		assert_int_equal(get(f, DATA, 2), 0x4001); /* sent, link up */
		put(f, INTERRUPT, 1, INT_TX);
		put(f, MMU, 2, RELEASE);
		assert_int_equal(get(f, MIR, 2), 0x0404);
	}
}

/* Failure: a driver that waits for the end of sending waits for ever, or is told too often. */
static void sending_interrupts(void **state)
{
	struct fake *f = *state;
	uint8_t bytes[20] = {0};
	put(f, MASK, 1, INT_TX);
	assert_false(f->irq);
	fill(f, bytes, sizeof bytes);
	put(f, MMU, 2, ENQUEUE);
	fill(f, bytes, sizeof bytes);
	put(f, MMU, 2, ENQUEUE);
	assert_true(f->irq);
	put(f, INTERRUPT, 1, INT_TX);
	assert_true(f->irq); /* the second */
	put(f, INTERRUPT, 1, INT_TX);
	assert_false(f->irq);
	put(f, MASK, 1, INT_TX_EMPTY);
	assert_true(f->irq);
}

/* Failure: drivers that let the card free packets run out of memory. */
static void auto_release_frees_packets(void **state)
{
	struct fake *f = *state;
	uint8_t bytes[20] = {0};
	put(f, CONTROL, 2, 0x1a10);
	for (unsigned i = 0; i < 20; i++) {
		fill(f, bytes, sizeof bytes);
		put(f, MMU, 2, ENQUEUE);
	}
	assert_int_equal(f->n_frames, 20);
	assert_int_equal(get(f, FIFO, 1), 0x80);
	assert_int_equal(get(f, INTERRUPT, 1) & INT_TX, 0);
}

/* Failure: short frames are not padded, or are when the driver forbids it. */
static void padding_is_the_drivers_choice(void **state)
{
	struct fake *f = *state;
	uint8_t bytes[21], zero[39] = {0};
	count_up(bytes, sizeof bytes);
	put(f, TCR, 2, 0x81);
	fill(f, bytes, sizeof bytes);
	put(f, MMU, 2, ENQUEUE);
	assert_int_equal(f->frame_len, 60);
	assert_memory_equal(f->frame, bytes, 21);
	assert_memory_equal(f->frame + 21, zero, 39);
}

/* Failure: packets queued while the transmitter is off are lost, or leave at once; or a flood of them overruns the queue. */
static void packets_wait_for_the_transmitter(void **state)
{
	struct fake *f = *state;
	uint8_t bytes[20] = {0};
	put(f, TCR, 2, 0);
	fill(f, bytes, sizeof bytes);
	for (unsigned i = 0; i < 50; i++)
		put(f, MMU, 2, ENQUEUE);
	put(f, INTERRUPT, 1, INT_TX_EMPTY);
	assert_int_equal(get(f, INTERRUPT, 1) & INT_TX_EMPTY, 0);
	assert_int_equal(f->n_frames, 0);
	put(f, TCR, 2, 1);
	assert_int_equal(f->n_frames, 4);
	assert_int_equal(get(f, INTERRUPT, 1) & INT_TX_EMPTY, INT_TX_EMPTY);
}

/* Failure: a driver that finds no memory is not told when there is some. */
static void allocation_waits_for_a_release(void **state)
{
	struct fake *f = *state;
	for (unsigned i = 0; i < 4; i++) {
		put(f, MMU, 2, ALLOCATE);
		assert_int_equal(get(f, RESULT, 1), i);
	}
	put(f, MASK, 1, INT_ALLOC);
	put(f, MMU, 2, ALLOCATE);
	assert_int_equal(get(f, RESULT, 1), 0x80);
	assert_int_equal(get(f, MIR, 2), 0x0004);
	assert_false(f->irq);
	put(f, PACKET, 1, 2);
	put(f, MMU, 2, RELEASE);
	assert_int_equal(get(f, RESULT, 1), 2);
	assert_true(f->irq);
}

/* Failure: a card in loopback talks to the network, or not to itself. */
static void loopback_stays_inside(void **state)
{
	struct fake *f = *state;
	uint8_t bytes[64] = {0};
	memcpy(bytes, own, 6);
	put(f, TCR, 2, 0x2001);
	fill(f, bytes, sizeof bytes);
	put(f, MMU, 2, ENQUEUE);
	assert_int_equal(f->n_frames, 0);
	assert_int_equal(get(f, FIFO, 2) & 0x8000, 0);
}

/* ---- receiving ---- */

/* Failure: a driver finds other bytes, or another length, than arrived. */
static void frames_arrive_as_sent(void **state)
{
	struct fake *f = *state;
	uint8_t frame[1514];
	count_up(frame, sizeof frame);
	memcpy(frame, own, 6);
	put(f, MASK, 1, INT_RCV);
	for (unsigned n = 14; n <= sizeof frame; n += n < 70 ? 1 : 361) {
		unsigned body = n < 60 ? 60 : n;
		arrive(f, frame, n);
		assert_true(f->irq);
		put(f, POINTER, 2, 0xe000);
		assert_int_equal(get(f, DATA, 2), n > 60 && n & 1 ? 0x1000 : 0);
		assert_int_equal(get(f, DATA, 2), (body & ~1u) + 6);
		for (unsigned i = 0; i < body; i++)
			assert_int_equal(get(f, DATA, 1), i < n ? frame[i] : 0);
		if (!(body & 1))
			get(f, DATA, 1);
		assert_int_equal(get(f, DATA, 1), body & 1 ? 0x60 : 0x40);
		put(f, MMU, 2, RELEASE_RX);
		assert_false(f->irq);
	}
}

/* Failure: the CRC that the driver asked for is missing or wrong. */
static void crc_is_kept_when_asked_for(void **state)
{
	struct fake *f = *state;
	uint8_t frame[64];
	static const uint8_t crc[4] = {0x8e, 0x42, 0x35, 0xf6}; /* of the bytes below, by another implementation */
	count_up(frame, sizeof frame);
	memcpy(frame, own, 6);
	put(f, RCR, 2, 0x100);
	arrive(f, frame, sizeof frame);
	put(f, POINTER, 2, 0xe002);
	assert_int_equal(get(f, DATA, 2), 64 + 4 + 6);
	put(f, POINTER, 2, 0xe000 + 4 + 64);
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(get(f, DATA, 1), crc[i]);
}

/* Failure: the guest hears others' frames, or not its own. */
static void address_filter(void **state)
{
	struct fake *f = *state;
	static const uint8_t other[6] = {0x52, 0x54, 0, 0x12, 0x34, 0x57}, everyone[6] = {255, 255, 255, 255, 255, 255};
	static const uint8_t group[6] = {0x01, 0x00, 0x5e, 0x00, 0x00, 0x01};
	assert_true(takes(f, own) && takes(f, everyone));
	assert_false(takes(f, other) || takes(f, group));
	put(f, RCR, 2, 0x304); /* all multicast */
	assert_true(takes(f, group));
	assert_false(takes(f, other));
	put(f, RCR, 2, 0x302); /* promiscuous */
	assert_true(takes(f, group) && takes(f, other));
	put(f, IA0, 4, 0x12005452);
	put(f, IA0 + 4, 2, 0x5734);
	put(f, RCR, 2, 0x300);
	assert_true(takes(f, other));
	assert_false(takes(f, own));
}

/* Failure: a multicast group that was joined is not heard. The table's bit is the one the manual gives. */
static void multicast_table(void **state)
{
	struct fake *f = *state;
	static const uint8_t groups[][6] = {
		{0x01, 0x00, 0x5e, 0x00, 0x00, 0x01}, {0x33, 0x33, 0x00, 0x00, 0x00, 0x01},
		{0x01, 0x80, 0xc2, 0x00, 0x00, 0x00}, {0x33, 0x33, 0xff, 0x12, 0x34, 0x56},
	};
	for (unsigned i = 0; i < ARRAY_LEN(groups); i++) {
		/* The CRC's highest bit first, in the order of the wire: a register that shifts left. */
		uint32_t crc = ~0u;
		for (unsigned n = 0; n < 48; n++) {
			uint32_t in = groups[i][n / 8] >> n % 8 & 1;
			crc = crc << 1 ^ (crc >> 31 ^ in ? 0x04c11db7u : 0);
		}
		unsigned byte = crc >> 29, bit = crc >> 26 & 7;
		assert_false(takes(f, groups[i]));
		put(f, MCAST + byte, 1, 1u << bit);
		assert_true(takes(f, groups[i]));
		put(f, MCAST + byte, 1, 0);
	}
}

/* Failure: frames are lost while the guest has no room, or wait while its receiver is off; or nobody asks for them again. */
static void room_for_frames(void **state)
{
	struct fake *f = *state;
	uint8_t frame[64] = {0};
	memcpy(frame, own, 6);
	for (unsigned i = 0; i < 4; i++) {
		assert_int_equal(net_room(&f->net[0]), NET_READY);
		arrive(f, frame, sizeof frame);
	}
	assert_int_equal(net_room(&f->net[0]), NET_FULL);
	f->n_net_accept = 0;
	put(f, MMU, 2, RELEASE_RX);
	assert_true(f->n_net_accept > 0);
	assert_int_equal(net_room(&f->net[0]), NET_READY);
	f->n_net_accept = 0;
	put(f, RCR, 2, 0);
	assert_int_equal(net_room(&f->net[0]), NET_CLOSED);
	assert_true(f->n_net_accept > 0);
}

/* Failure: frames of impossible size damage something or stop the receiver. */
static void odd_sized_frames(void **state)
{
	struct fake *f = *state;
	static uint8_t frame[NET_FRAME_MAX];
	memcpy(frame, own, 6);
	for (unsigned n = 1; n < 14; n++)
		arrive(f, frame, n);
	for (unsigned n = 2042; n < 2100; n++)
		arrive(f, frame, n);
	arrive(f, frame, sizeof frame);
	assert_int_equal(get(f, FIFO, 2), 0x8080);
	assert_int_equal(get(f, MIR, 2), 0x0404);
	arrive(f, frame, 2041);
	put(f, POINTER, 2, 0xe000);
	assert_int_equal(get(f, DATA, 4), 0x07fe1800);
}

/* ---- the PHY ---- */

static void clock_bit(struct fake *f, unsigned drive, unsigned bit)
{
	put(f, MGMT, 2, drive | bit);
	put(f, MGMT, 2, drive | bit | 4);
}

static void send_bits(struct fake *f, uint32_t v, unsigned n)
{
	while (n--)
		clock_bit(f, 8, v >> n & 1);
}

static uint32_t phy_read(struct fake *f, unsigned phy, unsigned reg)
{
	uint32_t v = 0;
	send_bits(f, ~0u, 32);
	send_bits(f, 6u << 10 | phy << 5 | reg, 14);
	for (unsigned i = 0; i < 18; i++) {
		v = v << 1 | (get(f, MGMT, 2) >> 1 & 1);
		clock_bit(f, 0, 0);
	}
	return v & 0xffff;
}

static void phy_write(struct fake *f, unsigned reg, uint32_t v)
{
	send_bits(f, ~0u, 32);
	send_bits(f, 5u << 28 | reg << 18 | 2u << 16 | v, 32);
}

/* Failure: a driver finds no PHY, or another one, or cannot set it up. */
static void phy_answers_its_bus(void **state)
{
	struct fake *f = *state;
	assert_int_equal(phy_read(f, 0, 2), 0x0016);
	assert_int_equal(phy_read(f, 0, 3), 0xf840);
	for (unsigned other = 1; other < 32; other++)
		assert_int_equal(phy_read(f, other, 2), 0);
	phy_write(f, 4, 0x0061);
	assert_int_equal(phy_read(f, 0, 4), 0x0061);
	phy_write(f, 0, 0x8000);
	assert_int_equal(phy_read(f, 0, 0), 0x3000);
	assert_int_equal(phy_read(f, 0, 4), 0x01e1);
	assert_int_equal(phy_read(f, 0, 1), 0x782d);
	assert_int_equal(phy_read(f, 0, 5), 0x41e1);
	assert_int_equal(phy_read(f, 0, 18) & 0xc0, 0xc0);
}

static void plug(struct fake *f, bool in)
{
	f->net[0].link = in;
	f->net[0].changed(f->net[0].dev);
}

/* Failure: a guest is not told that the cable was pulled, or is told for ever. */
static void cable_interrupts(void **state)
{
	struct fake *f = *state;
	phy_write(f, 19, 0x3f00);
	put(f, MASK, 1, INT_MD);
	assert_false(f->irq);
	plug(f, false);
	assert_true(f->irq);
	assert_int_equal(phy_read(f, 0, 18) & 0xc000, 0xc000);
	assert_int_equal(phy_read(f, 0, 18) & 0xc000, 0x4000);
	assert_int_equal(phy_read(f, 0, 1) & 0x24, 0);
	put(f, INTERRUPT, 1, INT_MD);
	assert_false(f->irq);
	assert_int_equal(get(f, EPH, 2) & 0x4000, 0);
	plug(f, true);
	assert_true(f->irq);
	assert_int_equal(phy_read(f, 0, 1) & 4, 0); /* it fell since it was read */
	assert_int_equal(phy_read(f, 0, 1) & 4, 4);
}

/* Failure: a network that comes back gives the card another address than the guest has set. */
static void address_outlives_a_pulled_cable(void **state)
{
	struct fake *f = *state;
	put(f, IA0, 2, 0x0202);
	plug(f, false);
	plug(f, true);
	assert_int_equal(get(f, IA0, 2), 0x0202);
	f->net[0].mac[0] = 0x56; /* another card's EEPROM */
	plug(f, true);
	assert_int_equal(get(f, IA0, 2), 0x5456);
}

/* ---- reset, nonsense ---- */

/* Failure: a reset leaves something behind, or forgets the card's address. */
static void resets(void **state)
{
	struct fake *f = *state;
	uint8_t frame[64] = {0};
	memcpy(frame, own, 6);
	put(f, IA0, 2, 0x1234);
	arrive(f, frame, sizeof frame);
	put(f, MASK, 1, 0xff);
	put(f, RCR, 2, 0x8000);
	assert_false(f->irq);
	assert_int_equal(get(f, IA0, 2), 0x1234);
	assert_int_equal(get(f, RCR, 2), 0);
	assert_int_equal(get(f, FIFO, 2), 0x8080);
	assert_int_equal(get(f, MIR, 2), 0x0404);
	put(f, CONTROL, 2, 0x1212); /* reload */
	assert_int_equal(get(f, IA0, 2), 0x5452);
	put(f, IA0, 2, 0x1234);
	hw_reset_devices(&f->hw);
	assert_int_equal(get(f, IA0, 2), 0x5452);
}

/* Failure: a mistake of the guest does more than a line in its log. */
static void nonsense_is_reported(void **state)
{
	struct fake *f = *state;
	uint8_t bytes[20] = {0};
	fake_log(f);
	put(f, PACKET, 1, 9);
	put(f, MMU, 2, RELEASE);
	assert_non_null(strstr(fake_log(f), "release of packet 9, which is not allocated"));
	put(f, MMU, 2, ENQUEUE);
	assert_non_null(strstr(fake_log(f), "sending of packet 9, which is not allocated"));
	put(f, DATA, 4, 0);
	assert_int_equal(get(f, DATA, 4), 0);
	assert_non_null(strstr(fake_log(f), "data access without a packet"));
	put(f, POINTER, 2, 0xe000);
	assert_int_equal(get(f, DATA, 4), 0);
	assert_non_null(strstr(fake_log(f), "data access without a packet"));
	for (unsigned count = 0; count < 8; count++) {
		fill(f, bytes, sizeof bytes);
		put(f, POINTER, 2, 0x4002);
		put(f, DATA, 2, count);
		put(f, MMU, 2, ENQUEUE);
		put(f, MMU, 2, RESET_MMU);
	}
	assert_non_null(strstr(fake_log(f), "packet to send has byte count 0x5"));
	assert_int_equal(f->n_frames, 0);
	put(f, 0x40, 2, 1);
	assert_non_null(strstr(fake_log(f), "smc91c111_write: Bad offset 0x0 in bank 4"));
	put(f, EPH, 2, 1);
	assert_non_null(strstr(fake_log(f), "read-only register EPH_STATUS"));
}

static uint32_t rnd(uint64_t *state)
{
	*state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)(*state >> 33);
}

/* Failure: some order of accesses and frames leads out of the card's memory (look at it under a sanitizer). */
static void random_accesses_do_no_harm(void **state)
{
	struct fake *f = *state;
	const char *text = getenv("RHEA_TEST_SEED");
	uint64_t rng = text ? strtoul(text, NULL, 0) : 1;
	uint8_t frame[2100];
	print_message("RHEA_TEST_SEED=%llu\n", (unsigned long long)rng);
	f->log.mask = 0;
	count_up(frame, sizeof frame);
	for (unsigned i = 0; i < 300000; i++) {
		unsigned size = 1u << rnd(&rng) % 3, off = rnd(&rng) % 16 & ~(size - 1);
		if (rnd(&rng) % 4 == 0)
			fake_write(f, CARD + 0xe, 2, rnd(&rng) % 16 ? 2 : rnd(&rng));
		if (rnd(&rng) % 16 == 0) {
			put(f, RCR, 2, 0x302);
			put(f, TCR, 2, 1);
			put(f, MMU, 1, ALLOCATE);
			put(f, PACKET, 1, rnd(&rng) % 5);
			put(f, MMU, 1, ENQUEUE);
		}
		if (rnd(&rng) % 3 == 0)
			fake_read(f, CARD + off, size);
		else
			fake_write(f, CARD + off, size, rnd(&rng) << (rnd(&rng) % 2 ? 0 : 5));
		if (rnd(&rng) % 8 == 0)
			arrive(f, frame, 1 + rnd(&rng) % sizeof frame);
		if (rnd(&rng) % 1000 == 0)
			plug(f, rnd(&rng) & 1);
	}
	assert_true(f->n_frames > 100);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
int main(void)
{
	const struct CMUnitTest tests[] = {
		T(frames_leave_as_written), T(sending_interrupts), T(auto_release_frees_packets), T(padding_is_the_drivers_choice),
		T(packets_wait_for_the_transmitter), T(allocation_waits_for_a_release), T(loopback_stays_inside),
		T(frames_arrive_as_sent), T(crc_is_kept_when_asked_for), T(address_filter), T(multicast_table), T(room_for_frames),
		T(odd_sized_frames), T(phy_answers_its_bus), T(cable_interrupts),
		T(address_outlives_a_pulled_cable), T(resets), T(nonsense_is_reported),
		T(random_accesses_do_no_harm),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
