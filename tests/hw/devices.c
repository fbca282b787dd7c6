/* SPDX-License-Identifier: Apache-2.0 */
/* The devices one by one, with a clock moved by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/hw/fake.h"

#define SYSREG 0x10000000u
#define SIC 0x10003000u
#define UART3 0x10009000u
#define VIC 0x10140000u
#define TIMER 0x101e2000u
#define RTC 0x101e8000u
#define UART0 0x101f1000u
#define US UINT64_C(1000)

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

static void type(struct fake *f, unsigned port, const char *text)
{
	for (; *text; text++)
		chardev_receive(&f->serial[port], (const uint8_t *)text, 1);
}

/* ---- PL011 ---- */

/* Failure: output is lost, reordered or goes to the wrong port. */
static void uart_sends_bytes_at_once(void **state)
{
	struct fake *f = *state;
	wr(f, UART0, 'h');
	fake_write(f, UART0, 1, 'i');
	assert_string_equal(f->sent, "hi");
	assert_int_equal(rd(f, UART0 + 0x18), 0x90);
}

/* Failure: the FIFO overflows, drops what fits, or the flags lie about it. */
static void uart_fifo_holds_sixteen(void **state)
{
	struct fake *f = *state;
	assert_int_equal(chardev_can_receive(&f->serial[0]), 1);
	wr(f, UART0 + 0x2c, 0x10);
	assert_int_equal(chardev_can_receive(&f->serial[0]), 16);
	type(f, 0, "0123456789abcdefOVERFLOW");
	unsigned accepted = f->n_accept;
	assert_int_equal(chardev_can_receive(&f->serial[0]), 0);
	assert_int_equal(rd(f, UART0 + 0x18), 0xc0);
	for (unsigned i = 0; i < 16; i++)
		assert_int_equal(rd(f, UART0), "0123456789abcdef"[i]);
	assert_int_equal(rd(f, UART0 + 0x18), 0x90);
	assert_int_equal(f->n_accept - accepted, 16);
}

/* Failure: without the FIFO a second character would overwrite the first. */
static void uart_without_fifo_holds_one(void **state)
{
	struct fake *f = *state;
	type(f, 0, "ab");
	assert_int_equal(rd(f, UART0 + 0x18), 0xc0);
	assert_int_equal(rd(f, UART0), 'a');
	assert_int_equal(rd(f, UART0 + 0x18), 0x90);
}

/* Failure: a driver waits forever for, or drowns in, receive interrupts. */
static void uart_receive_interrupt_follows_the_fifo(void **state)
{
	struct fake *f = *state;
	wr(f, UART0 + 0x2c, 0x10);
	wr(f, UART0 + 0x38, 0x10);
	wr(f, VIC + 0x10, 1u << 12);
	assert_false(f->irq);
	type(f, 0, "ab");
	assert_true(f->irq);
	rd(f, UART0);
	assert_true(f->irq);
	rd(f, UART0);
	assert_false(f->irq);
	type(f, 0, "c");
	wr(f, UART0 + 0x44, 0x10);
	assert_false(f->irq);
}

/* Failure: a guest that waits for a break (a magic SysRq) does not see it, or sees it as a character. */
static void uart_break_is_a_character_with_a_bit(void **state)
{
	struct fake *f = *state;
	wr(f, UART0 + 0x2c, 0x10);
	wr(f, UART0 + 0x38, 0x200);
	wr(f, VIC + 0x10, 1u << 12);
	type(f, 0, "a");
	assert_false(f->irq);
	chardev_break(&f->serial[0]);
	type(f, 0, "b");
	assert_true(f->irq);
	assert_int_equal(rd(f, UART0 + 0x3c), 0x210);
	assert_int_equal(rd(f, UART0), 'a');
	assert_int_equal(rd(f, UART0 + 4), 0);
	assert_int_equal(rd(f, UART0), 0x400);
	assert_int_equal(rd(f, UART0 + 4), 4);
	assert_int_equal(rd(f, UART0), 'b');
	assert_int_equal(rd(f, UART0 + 4), 0);
	wr(f, UART0 + 0x44, 0x200);
	assert_false(f->irq);
	type(f, 0, "0123456789abcdef");
	chardev_break(&f->serial[0]); /* no room: it is lost */
	assert_int_equal(rd(f, UART0 + 0x3c), 0x10);
	for (unsigned i = 0; i < 16; i++)
		assert_int_equal(rd(f, UART0), "0123456789abcdef"[i]);
	assert_int_equal(rd(f, UART0 + 0x18), 0x90);
}

/* Failure: characters of before a switch show up after it. */
static void uart_fifo_switch_empties_it(void **state)
{
	struct fake *f = *state;
	wr(f, UART0 + 0x2c, 0x10);
	type(f, 0, "abc");
	wr(f, UART0 + 0x2c, 0x00);
	assert_int_equal(rd(f, UART0 + 0x18), 0x90);
	assert_int_equal(chardev_can_receive(&f->serial[0]), 1);
}

/* Failure: serial port numbers do not mean what -serial's order says. */
static void uarts_are_in_order(void **state)
{
	struct fake *f = *state;
	static const uint32_t base[] = {0x101f1000, 0x101f2000, 0x101f3000, 0x10009000};
	for (unsigned i = 0; i < ARRAY_LEN(base); i++) {
		const char c[2] = {(char)('0' + i), 0};
		type(f, i, c);
		assert_int_equal(rd(f, base[i]), c[0]);
	}
}

/* ---- SP804 ---- */

/* Failure: periodic interrupts drift, double or stop. */
static void timer_periodic_interrupts_do_not_drift(void **state)
{
	struct fake *f = *state;
	unsigned ticks = 0;
	wr(f, VIC + 0x10, 1u << 4);
	wr(f, TIMER, 100);
	wr(f, TIMER + 8, 0xe2);
	for (unsigned i = 0; i < 1000; i++) {
		fake_advance(f, 10 * US + 7);
		if (f->irq) {
			ticks++;
			wr(f, TIMER + 0xc, 1);
		}
	}
	assert_int_equal(ticks, 1000 * (10 * US + 7) / (100 * US));
}

/* Failure: time spent without polling the timers is lost or makes bursts. */
static void timer_catches_up_when_looked_at_late(void **state)
{
	struct fake *f = *state;
	wr(f, TIMER, 100);
	wr(f, TIMER + 8, 0xe2);
	fake_advance_late(f, 1000 * 100 * US + 30 * US);
	assert_int_equal(rd(f, TIMER + 4), 70);
	assert_int_equal(rd(f, TIMER + 0x10), 1);
	wr(f, TIMER + 0xc, 1);
	assert_int_equal(rd(f, TIMER + 0x10), 0);
	fake_advance_late(f, 70 * US);
	assert_int_equal(rd(f, TIMER + 0x10), 1);
}

/* Failure: a guest with a period of 1 us that never acknowledges stops the machine. */
static void timer_does_not_fire_while_raised(void **state)
{
	struct fake *f = *state;
	wr(f, TIMER, 1);
	wr(f, TIMER + 8, 0xe2);
	fake_advance(f, UINT64_C(3600000000000));
	assert_int_equal(f->clock.fired, 1);
	wr(f, TIMER + 8, 0xc2); /* masked: nothing to fire for */
	wr(f, TIMER + 0xc, 0);
	assert_int_equal(f->clock.n_armed, 0);
}

/* Failure: a one-shot fires again, or its counter moves on. */
static void timer_one_shot_stops_at_zero(void **state)
{
	struct fake *f = *state;
	wr(f, TIMER + 0x20, 5);
	wr(f, TIMER + 0x28, 0xa3);
	fake_advance(f, 5 * US - 1);
	assert_int_equal(rd(f, TIMER + 0x34), 0);
	fake_advance(f, 1);
	assert_int_equal(rd(f, TIMER + 0x34), 1);
	wr(f, TIMER + 0x2c, 0);
	fake_advance(f, 1000 * US);
	assert_int_equal(rd(f, TIMER + 0x30), 0);
	assert_int_equal(rd(f, TIMER + 0x24), 0);
}

/* Failure: prescaled or 16-bit timers run at the wrong rate. */
static void timer_prescale_and_width(void **state)
{
	struct fake *f = *state;
	wr(f, TIMER + 8, 0x84);
	fake_advance(f, 16 * US * 5);
	assert_int_equal(rd(f, TIMER + 4), 0xffff - 5);
	fake_advance(f, 16 * US * (0xffff - 6));
	assert_int_equal(rd(f, TIMER + 4), 1);
	fake_advance(f, 16 * US);
	assert_int_equal(rd(f, TIMER + 4), 0xffff);
	assert_int_equal(rd(f, TIMER + 0x10), 1);
	wr(f, TIMER + 8, 0x8a);
	fake_advance(f, 256 * US);
	assert_int_equal(rd(f, TIMER + 4), 0xfffffffe);
}

/* Failure: a background load disturbs the period that is running. */
static void timer_background_load_waits_for_the_reload(void **state)
{
	struct fake *f = *state;
	wr(f, TIMER, 100);
	wr(f, TIMER + 8, 0xc2);
	fake_advance(f, 40 * US);
	wr(f, TIMER + 0x18, 10);
	assert_int_equal(rd(f, TIMER + 4), 60);
	fake_advance(f, 61 * US);
	assert_int_equal(rd(f, TIMER + 4), 9);
}

/* Failure: one interrupt line of the two timers hides the other. */
static void timer_pair_shares_a_line(void **state)
{
	struct fake *f = *state;
	wr(f, TIMER, 10);
	wr(f, TIMER + 8, 0xe3);
	wr(f, TIMER + 0x20, 20);
	wr(f, TIMER + 0x28, 0xe3);
	fake_advance(f, 30 * US);
	assert_int_equal(rd(f, VIC + 8), 1u << 4);
	wr(f, TIMER + 0xc, 0);
	assert_int_equal(rd(f, VIC + 8), 1u << 4);
	wr(f, TIMER + 0x2c, 0);
	assert_int_equal(rd(f, VIC + 8), 0);
}

/* Failure: the largest counts overflow the nanoseconds. */
static void timer_longest_period_is_exact(void **state)
{
	struct fake *f = *state;
	uint64_t all = UINT64_C(0xffffffff) * 256 * US;
	wr(f, TIMER + 8, 0xaa);
	fake_advance(f, all - 1);
	assert_int_equal(rd(f, TIMER + 0x10), 0);
	fake_advance(f, 1);
	assert_int_equal(rd(f, TIMER + 0x10), 1);
}

/* ---- PL190 and SIC ---- */

/* Failure: a worse interrupt breaks into a better one's handler, or is forgotten after it. */
static void vic_serves_by_priority(void **state)
{
	struct fake *f = *state;
	wr(f, VIC + 0x10, 0x6);
	wr(f, VIC + 0x100, 0xa);
	wr(f, VIC + 0x200, 0x22);
	wr(f, VIC + 0x104, 0xb);
	wr(f, VIC + 0x204, 0x21);
	wr(f, VIC + 0x18, 0x6);
	assert_int_equal(rd(f, VIC + 0x30), 0xa);
	assert_false(f->irq);
	wr(f, VIC + 0x1c, 0x4);
	assert_false(f->irq);
	wr(f, VIC + 0x30, 0);
	assert_true(f->irq);
	assert_int_equal(rd(f, VIC + 0x30), 0xb);
	wr(f, VIC + 0x1c, 0x2);
	wr(f, VIC + 0x30, 0);
	assert_false(f->irq);
}

/* Failure: acknowledging more often than serving corrupts the stack of priorities. */
static void vic_survives_unbalanced_acknowledges(void **state)
{
	struct fake *f = *state;
	for (unsigned i = 0; i < 100; i++)
		wr(f, VIC + 0x30, 0);
	for (unsigned i = 0; i < 100; i++)
		rd(f, VIC + 0x30);
	wr(f, VIC + 0x10, 1);
	wr(f, VIC + 0x18, 1);
	for (unsigned i = 0; i < 100; i++)
		rd(f, VIC + 0x30);
	assert_false(f->irq);
	wr(f, VIC + 0x30, 0);
	assert_true(f->irq);
}

/* Failure: FIQ and IRQ are mixed up. */
static void vic_routes_to_fiq(void **state)
{
	struct fake *f = *state;
	wr(f, VIC + 0x10, 1);
	wr(f, VIC + 0x18, 1);
	assert_true(f->irq && !f->fiq);
	wr(f, VIC + 0x0c, 1);
	assert_true(!f->irq && f->fiq);
	assert_int_equal(rd(f, VIC + 4), 1);
}

/* Failure: the fourth UART or the card cannot interrupt. */
static void sic_summary_and_pass_through(void **state)
{
	struct fake *f = *state;
	wr(f, UART3 + 0x38, 0x20);
	wr(f, UART3, 'x');
	assert_int_equal(rd(f, SIC + 4), 1u << 6);
	assert_int_equal(rd(f, VIC + 8), 0);
	wr(f, SIC + 8, 1u << 6);
	assert_int_equal(rd(f, SIC), 1u << 6);
	assert_int_equal(rd(f, VIC + 8), 1u << 31);
	wr(f, SIC + 0x20, 0xffffffff);
	assert_int_equal(rd(f, SIC + 0x20), 0x7fe00000);
	assert_int_equal(rd(f, VIC + 8), 1u << 31);
}

/* Failure: the software interrupt of the secondary controller does nothing. */
static void sic_software_interrupt(void **state)
{
	struct fake *f = *state;
	wr(f, SIC + 8, 1);
	wr(f, SIC + 0x10, 1);
	assert_int_equal(rd(f, SIC + 0x10), 1);
	assert_int_equal(rd(f, VIC + 8), 1u << 31);
	wr(f, SIC + 0x14, 1);
	assert_int_equal(rd(f, VIC + 8), 0);
}

/* ---- PL031 ---- */

/* Failure: the clock does not follow the time of day or the guest's setting of it. */
static void rtc_counts_from_what_was_loaded(void **state)
{
	struct fake *f = *state;
	f->rtc = 1000000;
	assert_int_equal(rd(f, RTC), 1000000);
	wr(f, RTC + 8, 50);
	f->rtc += 7;
	assert_int_equal(rd(f, RTC), 57);
	hw_reset_devices(&f->hw);
	assert_int_equal(rd(f, RTC), 57);
}

/* Failure: alarms come early, late, or survive their cancelling. */
static void rtc_alarm(void **state)
{
	struct fake *f = *state;
	f->rtc = 100;
	wr(f, RTC + 0x10, 1);
	wr(f, RTC + 4, 103);
	fake_advance(f, UINT64_C(2999999999));
	assert_int_equal(rd(f, VIC + 8), 0);
	fake_advance(f, 1);
	assert_int_equal(rd(f, VIC + 8), 1u << 10);
	wr(f, RTC + 0x1c, 1);
	assert_int_equal(rd(f, VIC + 8), 0);
	wr(f, RTC + 4, 100);
	assert_int_equal(rd(f, VIC + 8), 1u << 10);
}

/* ---- system registers ---- */

/* Failure: programs that measure time with them are wrong. */
static void sysreg_counters_follow_virtual_time(void **state)
{
	struct fake *f = *state;
	fake_advance(f, UINT64_C(1500000000));
	assert_int_equal(rd(f, SYSREG + 0x24), 150);
	assert_int_equal(rd(f, SYSREG + 0x5c), 36000000);
	f->clock.now = UINT64_C(1) << 62; /* 146 years */
	assert_int_equal(rd(f, SYSREG + 0x24), (uint32_t)(((UINT64_C(1) << 62) / 10000000)));
}

/* Failure: a stray write resets the machine, or a proper one does not. */
static void sysreg_reset_needs_the_lock_open(void **state)
{
	struct fake *f = *state;
	wr(f, SYSREG + 0x40, 0x100);
	wr(f, SYSREG + 0x20, 0xa05e);
	wr(f, SYSREG + 0x40, 0x100);
	assert_int_equal(f->resets, 0);
	wr(f, SYSREG + 0x20, 0xa05f);
	wr(f, SYSREG + 0x40, 0xff);
	assert_int_equal(f->resets, 0);
	wr(f, SYSREG + 0x40, 0x100);
	assert_int_equal(f->resets, 1);
}

/* Failure: a reset forgets the non-volatile flags, or remembers the others. */
static void sysreg_reset_keeps_nvflags(void **state)
{
	struct fake *f = *state;
	wr(f, SYSREG + 0x30, 3);
	wr(f, SYSREG + 0x38, 5);
	hw_reset_devices(&f->hw);
	assert_int_equal(rd(f, SYSREG + 0x30), 0);
	assert_int_equal(rd(f, SYSREG + 0x38), 5);
}

/* ---- the whole board ---- */

/* Failure: a reset leaves an interrupt on, a timer running or input in a FIFO. */
static void reset_silences_everything(void **state)
{
	struct fake *f = *state;
	wr(f, VIC + 0x10, 0xffffffff);
	wr(f, UART0 + 0x38, 0x30);
	type(f, 0, "x");
	wr(f, UART0, 'x');
	wr(f, TIMER, 10);
	wr(f, TIMER + 8, 0xe2);
	fake_advance(f, 100 * US);
	wr(f, TIMER + 0x2c, 0);
	wr(f, RTC + 4, 5);
	assert_true(f->irq);
	hw_reset_devices(&f->hw);
	assert_false(f->irq || f->fiq);
	assert_int_equal(f->clock.n_armed, 0);
	assert_int_equal(rd(f, VIC + 8), 0);
	assert_int_equal(rd(f, UART0 + 0x18), 0x90);
}

/* Failure: -d guest_errors and unimp are silent or do not name the device. */
static void complaints_name_device_and_offset(void **state)
{
	struct fake *f = *state;
	fake_log(f);
	rd(f, UART0 + 0x4c);
	assert_string_equal(fake_log(f), "pl011_read: Bad offset 0x4c\n");
	wr(f, VIC + 0x50, 1);
	assert_string_equal(fake_log(f), "pl190_write: Bad offset 0x50\n");
	wr(f, RTC, 1);
	assert_string_equal(fake_log(f), "pl031_write: write of read-only register DR at offset 0x0\n");
	rd(f, 0x10001fe0);
	assert_string_equal(fake_log(f), "pci-vpb-regs: unimplemented device read (size 4, offset 0xfe0)\n");
	fake_write(f, 0x10001004, 2, 7);
	assert_string_equal(fake_log(f), "pci-vpb-regs: unimplemented device write (size 2, offset 0x4, value 0x7)\n");
	f->log.mask = 0;
	rd(f, UART0 + 0x4c);
	assert_string_equal(fake_log(f), "");
}

/* Failure: some offset, size or value crashes a device (run it under the sanitizers). */
static void every_access_to_every_device_is_harmless(void **state)
{
	struct fake *f = *state;
	unsigned long seed = getenv("RHEA_TEST_SEED") ? strtoul(getenv("RHEA_TEST_SEED"), NULL, 0) : 1;
	uint64_t rng = seed;
	f->log.mask = 0;
	print_message("RHEA_TEST_SEED=%lu\n", seed);
	for (unsigned i = 0; i < 300000; i++) {
		rng = rng * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
		uint32_t r = (uint32_t)(rng >> 32);
		static const uint32_t pages[] = {0x10000000, 0x10002000, 0x10003000, 0x10009000, 0x10140000, 0x101e2000,
						 0x101e8000, 0x101f1000, 0x42005000, 0x10006000, 0x10010000,
						 0x10004000, 0x10007000, 0x10120000, 0x10130000, 0x101e1000, 0x101e4000};
		uint32_t page = pages[r % ARRAY_LEN(pages)];
		unsigned size = 1u << (r >> 8) % 3;
		uint32_t off = (r >> 12) % (page == 0x10010000 ? 16 : r & 1 ? 0x1000 : 0x60) & ~(size - 1);
		if (r >> 31)
			fake_write(f, page + off, size, (uint32_t)(rng >> 7));
		else
			fake_read(f, page + off, size);
		if (i % 64 == 0)
			type(f, i / 64 % 4, "z");
		f->n_sent = 0;
		fake_advance(f, (r >> 5) % 5000);
	}
}

/* Failure: an address of the map moved. */
static void map_has_ram_alias_and_flash(void **state)
{
	struct fake *f = *state;
	assert_int_equal(fake_range(f, 0)->size, 128u << 20);
	assert_int_equal(fake_range(f, 0x70000000)->size, 128u << 20);
	assert_int_equal(fake_range(f, 0x34000000)->kind, RANGE_ROM);
	assert_int_equal(fake_range(f, 0x34000000)->size, 64u << 20);
	assert_null(fake_range(f, 0x08000000));
	assert_null(fake_range(f, 0x10008000));
}

/* Failure: -M finds the wrong board, or its numbers differ from what kernels expect. */
static void boards_are_found_by_name(void **state)
{
	(void)state;
	unsigned n;
	boards_all(&n);
	assert_int_equal(n, 3);
	assert_int_equal(board_find("versatilepb")->machine_id, 0x183);
	assert_int_equal(board_find("versatileab")->machine_id, 0x25e);
	assert_int_equal(board_find("none")->default_ram, 0);
	assert_null(board_find("versatile"));
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(uart_sends_bytes_at_once),
		T(uart_fifo_holds_sixteen),
		T(uart_without_fifo_holds_one),
		T(uart_receive_interrupt_follows_the_fifo),
		T(uart_break_is_a_character_with_a_bit),
		T(uart_fifo_switch_empties_it),
		T(uarts_are_in_order),
		T(timer_periodic_interrupts_do_not_drift),
		T(timer_catches_up_when_looked_at_late),
		T(timer_does_not_fire_while_raised),
		T(timer_one_shot_stops_at_zero),
		T(timer_prescale_and_width),
		T(timer_background_load_waits_for_the_reload),
		T(timer_pair_shares_a_line),
		T(timer_longest_period_is_exact),
		T(vic_serves_by_priority),
		T(vic_survives_unbalanced_acknowledges),
		T(vic_routes_to_fiq),
		T(sic_summary_and_pass_through),
		T(sic_software_interrupt),
		T(rtc_counts_from_what_was_loaded),
		T(rtc_alarm),
		T(sysreg_counters_follow_virtual_time),
		T(sysreg_reset_needs_the_lock_open),
		T(sysreg_reset_keeps_nvflags),
		T(reset_silences_everything),
		T(complaints_name_device_and_offset),
		T(every_access_to_every_device_is_harmless),
		T(map_has_ram_alias_and_flash),
		cmocka_unit_test(boards_are_found_by_name),
	};
#undef T
	return cmocka_run_group_tests(tests, NULL, NULL);
}
