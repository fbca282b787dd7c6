/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DS1338 real-time clock (Maxim 19-5660): seven BCD registers of time, a control register and 56 bytes of
 * RAM, all of them kept over a reset as the battery does. The time is the machine's time of day plus
 * what the guest has set it apart by; a transfer sees the time at its start.
 */
#include <stdlib.h>
#include <time.h>

#include "hw/i2c.h"

#define SIZE 64u

enum { REG_SEC, REG_MIN, REG_HOUR, REG_WDAY, REG_DAY, REG_MONTH, REG_YEAR, REG_CONTROL };
enum { SEC_HALT = 0x80, HOUR_12 = 0x40, HOUR_PM = 0x20, CONTROL_BITS = 0x93, CONTROL_OSF = 0x20 };

struct ds1338 {
	struct hw_context *hw;
	int64_t offset;      /* seconds ahead of the machine; the time itself while halted */
	bool halted, mode12;
	uint8_t wday_offset; /* the guest's number of the day of the week is its own */
	uint8_t time[7];     /* as the current transfer sees it */
	uint8_t control, ram[SIZE - 8];
	uint8_t address;
	bool address_next;   /* the first byte written is the address */
};

static uint8_t to_bcd(int v)
{
	return (uint8_t)(v / 10 << 4 | v % 10);
}

static int from_bcd(uint8_t v)
{
	return (v >> 4) * 10 + (v & 15);
}

static int64_t now(const struct ds1338 *d)
{
	int64_t base = d->hw->rtc_now ? d->hw->rtc_now(d->hw->opaque) : 0;
	return d->halted ? d->offset : base + d->offset;
}

static void set_now(struct ds1338 *d, int64_t t)
{
	d->offset = t;
	if (!d->halted)
		d->offset -= now(d) - d->offset;
}

static struct tm broken_down(const struct ds1338 *d)
{
	time_t t = (time_t)now(d);
	struct tm tm = {0};
	gmtime_r(&t, &tm);
	return tm;
}

static uint8_t hour_register(const struct ds1338 *d, int hour)
{
	if (!d->mode12)
		return to_bcd(hour);
	return (uint8_t)(to_bcd(hour % 12 ? hour % 12 : 12) | HOUR_12 | (hour >= 12 ? HOUR_PM : 0));
}

static void capture(struct ds1338 *d)
{
	struct tm tm = broken_down(d);
	d->time[REG_SEC] = (uint8_t)(to_bcd(tm.tm_sec) | (d->halted ? SEC_HALT : 0));
	d->time[REG_MIN] = to_bcd(tm.tm_min);
	d->time[REG_HOUR] = hour_register(d, tm.tm_hour);
	d->time[REG_WDAY] = (uint8_t)((tm.tm_wday + d->wday_offset) % 7 + 1);
	d->time[REG_DAY] = to_bcd(tm.tm_mday);
	d->time[REG_MONTH] = to_bcd(tm.tm_mon + 1);
	d->time[REG_YEAR] = to_bcd((tm.tm_year % 100 + 100) % 100); /* also before 1900 */
}

static int hour_of(uint8_t v)
{
	if (!(v & HOUR_12))
		return from_bcd(v & 0x3f);
	return from_bcd(v & 0x1f) % 12 + (v & HOUR_PM ? 12 : 0);
}

/* Digits that make no date carry over into the next field, as timegm does it. The day of the week is a counter of
 * its own: setting the date does not move it. */
static void write_time(struct ds1338 *d, unsigned reg, uint8_t v)
{
	struct tm tm = broken_down(d);
	int weekday = (tm.tm_wday + d->wday_offset) % 7;
	switch (reg) {
	case REG_SEC: tm.tm_sec = from_bcd(v & 0x7f); break;
	case REG_MIN: tm.tm_min = from_bcd(v & 0x7f); break;
	case REG_HOUR:
		d->mode12 = (v & HOUR_12) != 0;
		tm.tm_hour = hour_of(v & 0x7f);
		break;
	case REG_WDAY: weekday = (v & 7) + 6; break;
	case REG_DAY: tm.tm_mday = from_bcd(v & 0x3f); break;
	case REG_MONTH: tm.tm_mon = from_bcd(v & 0x1f) - 1; break;
	case REG_YEAR: tm.tm_year = from_bcd(v) + 100; break;
	}
	int64_t t = timegm(&tm);
	if (reg == REG_SEC)
		d->halted = (v & SEC_HALT) != 0;
	set_now(d, t);
	tm = broken_down(d);
	d->wday_offset = (uint8_t)((weekday - tm.tm_wday + 7) % 7);
}

static void ds1338_start(void *dev, bool read)
{
	struct ds1338 *d = dev;
	d->address_next = !read;
	capture(d);
}

static void advance(struct ds1338 *d)
{
	d->address = (d->address + 1) % SIZE;
	if (d->address == 0)
		capture(d);
}

static uint8_t ds1338_read(void *dev)
{
	struct ds1338 *d = dev;
	unsigned a = d->address;
	uint8_t v = a < REG_CONTROL ? d->time[a] : a == REG_CONTROL ? d->control : d->ram[a - 8];
	advance(d);
	return v;
}

static bool ds1338_write(void *dev, uint8_t byte)
{
	struct ds1338 *d = dev;
	if (d->address_next) {
		d->address = byte % SIZE;
		d->address_next = false;
		return true;
	}
	unsigned a = d->address;
	if (a < REG_CONTROL)
		write_time(d, a, byte);
	else if (a == REG_CONTROL) /* the oscillator's stop flag can only be cleared */
		d->control = (uint8_t)((byte & CONTROL_BITS) | (byte & d->control & CONTROL_OSF));
	else
		d->ram[a - 8] = byte;
	advance(d);
	return true;
}

static void ds1338_reset(void *dev)
{
	struct ds1338 *d = dev;
	d->address = 0;
	d->address_next = false;
}

/* ---- state ---- */

static const struct state_field ds1338_fields[] = {
	STATE_NOT(struct ds1338, hw, STATE_WIRING),
	STATE(struct ds1338, offset),
	STATE_BOOL(struct ds1338, halted),
	STATE_BOOL(struct ds1338, mode12),
	STATE(struct ds1338, wday_offset),
	STATE_ARRAY(struct ds1338, time, 0),
	STATE(struct ds1338, control),
	STATE_ARRAY(struct ds1338, ram, 0),
	STATE_MAX(struct ds1338, address, SIZE - 1),
	STATE_BOOL(struct ds1338, address_next),
};
static const struct state_desc ds1338_state = {.name = "ds1338", .size = sizeof(struct ds1338), .version = 1, STATE_FIELDS(ds1338_fields)};

struct i2c_slave ds1338_add(struct hw_context *hw)
{
	struct ds1338 *d = hw_new_device(hw, "ds1338", sizeof(*d), ds1338_reset, free);
	hw_describe(hw, d, &ds1338_state);
	d->hw = hw;
	return (struct i2c_slave){0x68, d, ds1338_start, ds1338_write, ds1338_read};
}
