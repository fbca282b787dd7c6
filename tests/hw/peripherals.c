/* SPDX-License-Identifier: Apache-2.0 */
/* The board's small devices: GPIO, watchdog, clock on the I2C bus, AC'97. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/hw/fake.h"

#define I2C 0x10002000u
#define SIC_RAW 0x10003004u
#define AACI 0x10004000u
#define VIC_RAW 0x10140008u
#define WDOG 0x101e1000u
#define GPIO0 0x101e4000u
#define S UINT64_C(1000000000)

static int setup(void **state)
{
	*state = fake_new("versatilepb");
	return 0;
}

static int teardown(void **state)
{
	fake_free(*state);
	return 0;
}

/* ---- PL061 ---- */

/* Failure: a driver reads other pins than it has driven, or changes pins that it masked. */
static void gpio_keeps_what_is_driven(void **state)
{
	struct fake *f = *state;
	wr(f, GPIO0 + 0x3fc, 0xff); /* inputs */
	assert_int_equal(rd(f, GPIO0 + 0x3fc), 0);
	wr(f, GPIO0 + 0x400, 0x0f);
	wr(f, GPIO0 + (0x05 << 2), 0xff);
	assert_int_equal(rd(f, GPIO0 + 0x3fc), 0x05);
	assert_int_equal(rd(f, GPIO0 + (0x04 << 2)), 0x04);
	wr(f, GPIO0 + (0x04 << 2), 0);
	assert_int_equal(rd(f, GPIO0 + 0x3fc), 0x01);
}

/* Failure: the four of them share a line, or have another one than the board. */
static void gpio_interrupts_on_its_own_line(void **state)
{
	struct fake *f = *state;
	for (unsigned i = 0; i < 4; i++) {
		uint32_t base = GPIO0 + i * 0x1000;
		wr(f, base + 0x404, 1); /* level, low */
		wr(f, base + 0x410, 1);
		assert_int_equal(rd(f, VIC_RAW), 1u << (6 + i));
		assert_int_equal(rd(f, base + 0x418), 1);
		wr(f, base + 0x404, 0);
		wr(f, base + 0x41c, 1);
		assert_int_equal(rd(f, VIC_RAW), 0);
	}
}

/* ---- SP805 ---- */

/* Failure: the watchdog bites a guest that feeds it, or does not bite one that hangs. */
static void watchdog_interrupts_then_resets(void **state)
{
	struct fake *f = *state;
	assert_int_equal(rd(f, WDOG + 4), 0xffffffff);
	wr(f, WDOG + 0xc00, 0x1acce551);
	wr(f, WDOG, 24000000 - 1);
	wr(f, WDOG + 8, 3);
	wr(f, WDOG + 0xc00, 0);
	wr(f, WDOG + 8, 0); /* locked */
	fake_advance(f, S / 2);
	assert_in_range(rd(f, WDOG + 4), 11999990, 12000000);
	assert_int_equal(rd(f, VIC_RAW), 0);
	fake_advance(f, S / 2);
	assert_int_equal(rd(f, VIC_RAW), 1);
	wr(f, WDOG + 0xc00, 0x1acce551);
	wr(f, WDOG + 0xc, 1);
	assert_int_equal(rd(f, VIC_RAW), 0);
	fake_advance(f, S + S / 2);
	assert_int_equal(f->resets, 0);
	fake_advance(f, S / 2);
	assert_int_equal(f->resets, 1);
}

/* Failure: a watchdog that only interrupts resets the board, or costs time after its interrupt. */
static void watchdog_without_reset_only_interrupts(void **state)
{
	struct fake *f = *state;
	wr(f, WDOG, 0);
	wr(f, WDOG + 8, 1);
	fake_advance(f, 100 * S);
	assert_int_equal(f->resets, 0);
	assert_int_equal(f->clock.fired, 1);
	assert_int_equal(rd(f, WDOG + 0x10), 1);
	wr(f, WDOG + 8, 0);
	assert_int_equal(rd(f, WDOG + 0x14), 0);
	assert_int_equal(rd(f, WDOG + 0x10), 1);
}

/* ---- I2C and DS1338 ---- */

static void scl(struct fake *f, bool level)
{
	wr(f, I2C + (level ? 0 : 4), 1);
}

static void sda(struct fake *f, bool level)
{
	wr(f, I2C + (level ? 0 : 4), 2);
}

static bool clock_bit(struct fake *f, bool out)
{
	sda(f, out);
	scl(f, true);
	bool in = rd(f, I2C) >> 1 & 1;
	scl(f, false);
	return in;
}

static void i2c_start(struct fake *f)
{
	sda(f, true);
	scl(f, true);
	sda(f, false);
	scl(f, false);
}

static void i2c_stop(struct fake *f)
{
	sda(f, false);
	scl(f, true);
	sda(f, true);
}

static bool i2c_write(struct fake *f, uint8_t byte)
{
	for (unsigned i = 0; i < 8; i++)
		clock_bit(f, byte >> (7 - i) & 1);
	return !clock_bit(f, true);
}

static uint8_t i2c_read(struct fake *f, bool ack)
{
	unsigned v = 0;
	for (unsigned i = 0; i < 8; i++)
		v = v << 1 | clock_bit(f, true);
	clock_bit(f, !ack);
	return (uint8_t)v;
}

static void rtc_read(struct fake *f, uint8_t reg, uint8_t *buf, unsigned n)
{
	i2c_start(f);
	assert_true(i2c_write(f, 0xd0));
	assert_true(i2c_write(f, reg));
	i2c_start(f);
	assert_true(i2c_write(f, 0xd1));
	for (unsigned i = 0; i < n; i++)
		buf[i] = i2c_read(f, i + 1 < n);
	i2c_stop(f);
}

static void rtc_write(struct fake *f, uint8_t reg, const uint8_t *buf, unsigned n)
{
	i2c_start(f);
	assert_true(i2c_write(f, 0xd0));
	assert_true(i2c_write(f, reg));
	for (unsigned i = 0; i < n; i++)
		assert_true(i2c_write(f, buf[i]));
	i2c_stop(f);
}

static void time_is(struct fake *f, const char *want)
{
	uint8_t t[7];
	char text[32];
	rtc_read(f, 0, t, 7);
	snprintf(text, sizeof(text), "%02x-%02x-%02x %x %02x:%02x:%02x", t[6], t[5], t[4], t[3], t[2], t[1], t[0]);
	assert_string_equal(text, want);
}

/* Failure: hwclock shows another time than the machine's, or what was set is forgotten. */
static void clock_tells_and_keeps_time(void **state)
{
	struct fake *f = *state;
	static const uint8_t set[] = {0x58, 0x59, 0x23, 0x03, 0x31, 0x12, 0x24};
	f->rtc = 1141214706; /* 2006-03-01, a Wednesday */
	time_is(f, "06-03-01 4 12:05:06");
	rtc_write(f, 0, set, sizeof(set));
	time_is(f, "24-12-31 3 23:59:58");
	f->rtc += 3;
	time_is(f, "25-01-01 4 00:00:01");
	hw_reset_devices(&f->hw);
	time_is(f, "25-01-01 4 00:00:01");
}

/* Failure: -rtc base= long ago gives the clock digits that are none (and the sanitizers a negative shift). */
static void clock_shows_other_centuries(void **state)
{
	struct fake *f = *state;
	f->rtc = -INT64_C(3786825600);
	time_is(f, "50-01-01 3 00:00:00"); /* 1850 */
}

/* Failure: a guest that uses the clock's other modes is half a day off, or cannot stop it. */
static void clock_has_twelve_hours_and_can_stand_still(void **state)
{
	struct fake *f = *state;
	uint8_t v = 0x71; /* 11 PM */
	rtc_write(f, 2, &v, 1);
	time_is(f, "70-01-01 5 71:00:00");
	f->rtc += 3600;
	time_is(f, "70-01-02 6 52:00:00");
	v = 0x80;
	rtc_write(f, 0, &v, 1);
	f->rtc += 100;
	time_is(f, "70-01-02 6 52:00:80");
	v = 0;
	rtc_write(f, 0, &v, 1);
	f->rtc += 1;
	time_is(f, "70-01-02 6 52:00:01");
}

/* Failure: the clock's RAM loses bytes, or its control register invents bits. */
static void clock_has_ram_and_control(void **state)
{
	struct fake *f = *state;
	uint8_t out[58], in[58];
	for (unsigned i = 0; i < 58; i++)
		out[i] = (uint8_t)(i * 37 + 1);
	rtc_write(f, 8, out, 56);
	rtc_read(f, 8, in, 56);
	assert_memory_equal(in, out, 56);
	out[0] = 0xff;
	rtc_write(f, 7, out, 1);
	rtc_read(f, 7, in, 1);
	assert_int_equal(in[0], 0x93);
	out[0] = 0x55;
	rtc_write(f, 0x47, out, 1); /* 0x07 again: six bits of address */
	rtc_read(f, 7, in, 1);
	assert_int_equal(in[0], 0x11);
}

/* Failure: an absent chip acknowledges, or garbage on the wires confuses the bus for good. */
static void bus_ignores_others_and_survives_garbage(void **state)
{
	struct fake *f = *state;
	const char *text = getenv("RHEA_TEST_SEED");
	unsigned long seed = text ? strtoul(text, NULL, 0) : 1;
	uint64_t rng = seed;
	print_message("RHEA_TEST_SEED=%lu\n", seed);
	i2c_start(f);
	assert_false(i2c_write(f, 0xa0));
	i2c_stop(f);
	for (unsigned i = 0; i < 200000; i++) {
		rng = rng * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
		wr(f, I2C + (rng >> 40 & 4), (uint32_t)(rng >> 33 & 3));
	}
	i2c_stop(f);
	uint8_t out = 0xa5, in;
	rtc_write(f, 9, &out, 1);
	rtc_read(f, 9, &in, 1);
	assert_int_equal(in, 0xa5);
}

/* Failure: any digits written as a date crash or freeze the clock. */
static void clock_takes_any_date(void **state)
{
	struct fake *f = *state;
	uint64_t rng = 1;
	for (unsigned i = 0; i < 20000; i++) {
		rng = rng * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
		uint8_t v = (uint8_t)(rng >> 40), t[7];
		rtc_write(f, (uint8_t)(rng >> 50) % 7, &v, 1);
		rtc_read(f, 0, t, 7);
		assert_in_range(t[5], 0x01, 0x12);
		assert_in_range(t[4], 0x01, 0x31);
		assert_in_range(t[1], 0x00, 0x59);
	}
}

/* ---- PL041 ---- */

static uint32_t codec(struct fake *f, unsigned reg)
{
	wr(f, AACI + 0x54, 1u << 19 | reg << 12);
	assert_int_equal(rd(f, AACI + 0x68) & 0x140, 0x140);
	assert_int_equal(rd(f, AACI + 0x50) >> 12, reg);
	return rd(f, AACI + 0x58) >> 4;
}

/* Failure: Linux finds no codec, or another one. */
static void codec_identifies_itself(void **state)
{
	struct fake *f = *state;
	assert_int_equal(codec(f, 0x7c), 0x4e53);
	assert_int_equal(codec(f, 0x7e), 0x4331);
	assert_int_equal(codec(f, 0x02), 0x8008);
	wr(f, AACI + 0x5c, 0x1234u << 4);
	wr(f, AACI + 0x54, 0x02u << 12);
	assert_int_equal(codec(f, 0x02), 0x1234);
	wr(f, AACI + 0x54, 0);
	assert_int_equal(codec(f, 0x02), 0x8008);
}

/* Failure: Linux measures another FIFO than QEMU's ("FIFO 512 entries"). */
static void fifo_has_512_entries(void **state)
{
	struct fake *f = *state;
	unsigned n = 0;
	wr(f, AACI + 0x78, 1);
	wr(f, AACI + 0x04, 1u << 16 | 1);
	for (; !(rd(f, AACI + 0x08) & 0x20) && n < 4096; n++)
		wr(f, AACI + 0x90, 0);
	assert_int_equal(n, 512);
	wr(f, AACI + 0x78, 0);
	assert_int_equal(rd(f, AACI + 0x08), 0x0b);
}

/* Failure: sound plays at the wrong speed, stalls, or its interrupt never ends. */
static void samples_leave_at_the_frame_rate(void **state)
{
	struct fake *f = *state;
	wr(f, AACI + 0x78, 1);
	wr(f, AACI + 0x04, 1u << 16 | 1u << 15 | 3u << 3 | 1); /* two slots, two samples a word */
	for (unsigned i = 0; i < 256; i++)
		wr(f, AACI + 0x90, 0);
	wr(f, AACI + 0x10, 4);
	assert_int_equal(rd(f, SIC_RAW), 0);
	fake_advance(f, 127 * S / 48000);
	assert_int_equal(rd(f, SIC_RAW), 0);
	fake_advance(f, 2 * S / 48000);
	assert_int_equal(rd(f, SIC_RAW), 1u << 24);
	assert_int_equal(rd(f, AACI + 0x0c) & 4, 4);
	for (unsigned i = 0; i < 100; i++)
		wr(f, AACI + 0x90, 0);
	assert_int_equal(rd(f, SIC_RAW), 0);
	fake_advance(f, S);
	assert_int_equal(rd(f, AACI + 0x08), 0x20b);
	wr(f, AACI + 0x74, 0xffffffff);
	assert_int_equal(rd(f, AACI + 0x08), 0x0b);
	unsigned fired = f->clock.fired;
	fake_advance(f, 100 * S);
	assert_int_equal(f->clock.fired, fired);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(gpio_keeps_what_is_driven),
		T(gpio_interrupts_on_its_own_line),
		T(watchdog_interrupts_then_resets),
		T(watchdog_without_reset_only_interrupts),
		T(clock_tells_and_keeps_time),
		T(clock_shows_other_centuries),
		T(clock_has_twelve_hours_and_can_stand_still),
		T(clock_has_ram_and_control),
		T(bus_ignores_others_and_survives_garbage),
		T(clock_takes_any_date),
		T(codec_identifies_itself),
		T(fifo_has_512_entries),
		T(samples_leave_at_the_frame_rate),
	};
#undef T
	return cmocka_run_group_tests(tests, NULL, NULL);
}
