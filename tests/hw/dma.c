/* SPDX-License-Identifier: Apache-2.0 */
/* The DMA controller: what it moves, when it says so, and that no program of it holds up the machine. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "hw/hw.h"
#include "tests/hw/fake.h"

#define DMA 0x10130000u
#define TC (DMA + 0x04)
#define TC_CLEAR (DMA + 0x08)
#define ERR (DMA + 0x0c)
#define ERR_CLEAR (DMA + 0x10)
#define ENABLED (DMA + 0x1c)
#define SOFT_B (DMA + 0x20)
#define SOFT_S (DMA + 0x24)
#define CONFIG (DMA + 0x30)
#define VIC_RAW 0x10140008u
#define SRC 0x1000u
#define DST 0x2000u
#define US UINT64_C(1000)

enum { ENABLE = 1, MASKS = 0xc000, M2P = 1 << 11, P2M = 2 << 11, HALT = 1 << 18 };
enum { SI = 1 << 26, DI = 1 << 27 };
#define TCI 0x80000000u

static uint32_t width(unsigned src, unsigned dst)
{
	return src << 18 | dst << 21;
}

static uint32_t channel(unsigned n, unsigned off)
{
	return DMA + 0x100 + n * 0x20 + off;
}

static void program(struct fake *f, unsigned n, uint32_t src, uint32_t dst, uint32_t lli, uint32_t control,
		    uint32_t config)
{
	wr(f, channel(n, 0x00), src);
	wr(f, channel(n, 0x04), dst);
	wr(f, channel(n, 0x08), lli);
	wr(f, channel(n, 0x0c), control);
	wr(f, channel(n, 0x10), config);
}

static int setup(void **state)
{
	struct fake *f = fake_new("versatilepb");
	for (unsigned i = 0; i < 0x400; i++)
		fake_write(f, SRC + i, 1, i * 7 + (i >> 8));
	wr(f, CONFIG, 1);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	fake_free(*state);
	return 0;
}

static void same_bytes(struct fake *f, uint32_t a, uint32_t b, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		assert_int_equal(fake_read(f, a + i, 1), fake_read(f, b + i, 1));
}

/* Failure: a copy is wrong, ends in the wrong state, or is not reported. */
static void memory_is_copied_and_the_end_reported(void **state)
{
	struct fake *f = *state;
	program(f, 3, SRC, DST, 0, TCI | SI | DI | width(2, 2) | 16, ENABLE | MASKS);
	assert_int_equal(rd(f, ENABLED), 8);
	fake_advance(f, 2 * US);
	same_bytes(f, SRC, DST, 64);
	assert_int_equal(rd(f, DST + 64), 0);
	assert_int_equal(rd(f, ENABLED), 0);
	assert_int_equal(rd(f, channel(3, 0x00)), SRC + 64);
	assert_int_equal(rd(f, channel(3, 0x04)), DST + 64);
	assert_int_equal(rd(f, channel(3, 0x0c)) & 0xfff, 0);
	assert_int_equal(rd(f, channel(3, 0x10)), MASKS);
	assert_int_equal(rd(f, TC), 8);
	assert_int_equal(rd(f, VIC_RAW), 1u << 17);
	wr(f, TC_CLEAR, 8);
	assert_int_equal(rd(f, VIC_RAW), 0);
}

/* Failure: bytes get lost or doubled between ports of different widths. */
static void widths_are_packed_and_unpacked(void **state)
{
	struct fake *f = *state;
	for (unsigned s = 0; s < 3; s++) {
		for (unsigned d = 0; d < 3; d++) {
			program(f, 0, SRC, DST + 0x100, 0, SI | DI | width(s, d) | 32u >> s, ENABLE | MASKS);
			fake_advance(f, 2 * US);
			same_bytes(f, SRC, DST + 0x100, 32);
			assert_int_equal(rd(f, DST + 0x120), 0);
		}
	}
	program(f, 0, SRC, DST + 0x200, 0, SI | DI | width(0, 2) | 5, ENABLE | MASKS);
	fake_advance(f, 2 * US);
	same_bytes(f, SRC, DST + 0x200, 5);
	assert_int_equal(fake_read(f, DST + 0x205, 1), 0);
	program(f, 0, SRC, DST + 0x300, 0, SI | width(2, 2) | 3, ENABLE | MASKS); /* a register as the destination */
	fake_advance(f, 2 * US);
	assert_int_equal(rd(f, DST + 0x300), rd(f, SRC + 8));
	assert_int_equal(rd(f, DST + 0x304), 0);
}

/* Failure: scatter-gather drivers hang or write to the wrong places. */
static void lists_are_followed(void **state)
{
	struct fake *f = *state;
	static const uint32_t item[2][4] = {{SRC + 0x10, DST + 0x40, 0x3010, SI | DI | (2u << 18) | (2u << 21) | TCI | 2},
					    {SRC + 0x20, DST + 0x80, 0, SI | DI | (2u << 18) | (2u << 21) | TCI | 1}};
	for (unsigned i = 0; i < 8; i++)
		wr(f, 0x3000 + 4 * i, item[i / 4][i % 4]);
	program(f, 7, SRC, DST, 0x3000 | 1, SI | DI | width(2, 2) | 4, ENABLE | MASKS);
	fake_advance(f, 2 * US);
	same_bytes(f, SRC, DST, 16);
	same_bytes(f, SRC + 0x10, DST + 0x40, 8);
	same_bytes(f, SRC + 0x20, DST + 0x80, 4);
	assert_int_equal(rd(f, DST + 0x10) | rd(f, DST + 0x48) | rd(f, DST + 0x84), 0);
	assert_int_equal(rd(f, TC), 0x80);
	assert_int_equal(rd(f, ENABLED), 0);
}

static void request(struct fake *f, unsigned n, bool level)
{
	const struct mem_range *r = fake_range(f, DMA);
	struct irq_line l = pl080_request(r->dev, n);
	irq_set(&l, level);
}

/* Failure: data moves before the peripheral asks for it, or not when it does. */
static void peripherals_are_served_on_request(void **state)
{
	struct fake *f = *state;
	program(f, 1, SRC, DST, 0, TCI | SI | DI | width(2, 2) | 1u << 12 | 10, ENABLE | MASKS | P2M | 5u << 1);
	fake_advance(f, 1000 * US);
	assert_int_equal(rd(f, channel(1, 0x0c)) & 0xfff, 10);
	wr(f, SOFT_S, 1u << 5); /* a single transfer */
	fake_advance(f, 1000 * US);
	assert_int_equal(rd(f, channel(1, 0x0c)) & 0xfff, 9);
	assert_int_equal(rd(f, SOFT_S), 0);
	wr(f, SOFT_B, 1u << 5); /* a burst of four */
	fake_advance(f, 1000 * US);
	assert_int_equal(rd(f, channel(1, 0x0c)) & 0xfff, 5);
	wr(f, SOFT_B, 1u << 4); /* somebody else */
	fake_advance(f, 1000 * US);
	assert_int_equal(rd(f, channel(1, 0x0c)) & 0xfff, 5);
	request(f, 5, true);
	fake_advance(f, 1000 * US);
	request(f, 5, false);
	assert_int_equal(rd(f, TC), 2);
	same_bytes(f, SRC, DST, 40);
}

/* Failure: a halted or stopped channel moves data, or a resumed one does not. */
static void halt_and_global_enable_stop_channels(void **state)
{
	struct fake *f = *state;
	program(f, 0, SRC, DST, 0, SI | DI | width(2, 2) | 4, ENABLE | HALT);
	fake_advance(f, 1000 * US);
	assert_int_equal(rd(f, DST), 0);
	wr(f, CONFIG, 0);
	wr(f, channel(0, 0x10), ENABLE);
	fake_advance(f, 1000 * US);
	assert_int_equal(rd(f, DST), 0);
	wr(f, CONFIG, 1);
	fake_advance(f, 1000 * US);
	same_bytes(f, SRC, DST, 16);
}

/* Failure: a bus error or a reserved width is not reported, or crashes. */
static void errors_stop_the_channel(void **state)
{
	struct fake *f = *state;
	fake_absent(f, MEM_ERROR);
	program(f, 2, 0x10300000, DST, 0, SI | DI | width(2, 2) | 4, ENABLE | MASKS);
	fake_advance(f, 10 * US);
	assert_int_equal(rd(f, ERR), 4);
	assert_int_equal(rd(f, ENABLED), 0);
	assert_int_equal(rd(f, VIC_RAW), 1u << 17);
	wr(f, ERR_CLEAR, 0xff);
	assert_int_equal(rd(f, VIC_RAW), 0);
	for (unsigned w = 3; w < 8; w++) {
		program(f, 2, SRC, DST, 0, width(w, 2) | 4, ENABLE | MASKS);
		fake_advance(f, 10 * US);
		assert_int_equal(rd(f, ERR), 4);
		wr(f, ERR_CLEAR, 4);
	}
	program(f, 2, SRC, DST, 0x10300000, SI | DI | width(2, 2) | 4, ENABLE | MASKS);
	fake_advance(f, 10 * US);
	assert_int_equal(rd(f, ERR), 4);
}

/* Failure: a list that leads to itself hangs the host, or cannot be stopped by the guest. */
static void endless_lists_leave_time_for_others(void **state)
{
	struct fake *f = *state;
	static const uint32_t loop[4] = {SRC, DST, 0x3000, 0}; /* nothing to move, for ever */
	for (unsigned i = 0; i < 4; i++)
		wr(f, 0x3000 + 4 * i, loop[i]);
	program(f, 0, SRC, DST, 0x3000, 0, ENABLE);
	fake_advance(f, 100000 * US);
	assert_true(f->clock.fired < 2000);
	assert_int_equal(rd(f, ENABLED), 1);
	program(f, 1, SRC, DST, 0, SI | DI | width(2, 2) | 1, ENABLE); /* starved by the higher priority, but harmless */
	wr(f, channel(0, 0x10), 0);
	fake_advance(f, 1000 * US);
	assert_int_equal(rd(f, ENABLED), 0);
	same_bytes(f, SRC, DST, 4);
}

/* Failure: a program that makes the controller write to itself or to other devices crashes it (run it under
 * the sanitizers). */
static void hostile_programs_are_harmless(void **state)
{
	struct fake *f = *state;
	const char *text = getenv("RHEA_TEST_SEED");
	unsigned long seed = text ? strtoul(text, NULL, 0) : 1;
	uint64_t rng = seed;
	static const uint32_t places[] = {0x3000, 0x3000, SRC, DMA + 0x100, DMA, 0x10120000, 0x101f1000, 0x10006000, 0x101e1000,
					  0xfffffff0, 0x34000000, 0x10000040};
	print_message("RHEA_TEST_SEED=%lu\n", seed);
	f->log.mask = 0;
	for (unsigned i = 0; i < 20000; i++) {
		uint32_t v[8];
		for (unsigned k = 0; k < 8; k++) {
			rng = rng * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
			v[k] = (uint32_t)(rng >> 29);
		}
		uint32_t src = places[v[0] % ARRAY_LEN(places)] + (v[0] >> 20), dst = places[v[1] % ARRAY_LEN(places)] + (v[1] >> 22);
		uint32_t lli = v[2] & 1 ? 0 : places[v[2] % ARRAY_LEN(places)] + (v[2] >> 20);
		uint32_t ctrl = (v[3] & ~(36u << 18)) | (v[6] & 7 ? 0 : 36u << 18);
		wr(f, 0x3000 + (v[4] & 0xffc), v[4] & 0x10000 ? dst : v[5]);
		program(f, v[6] % 8, src & ~3u, dst & ~3u, lli, ctrl, (v[7] & 0x3ffff) | ENABLE);
		wr(f, SOFT_B + (v[7] >> 20 & 12), v[6]);
		wr(f, CONFIG, 1);
		fake_advance(f, v[5] % 300 * US);
		f->n_sent = 0;
	}
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(memory_is_copied_and_the_end_reported),
		T(widths_are_packed_and_unpacked),
		T(lists_are_followed),
		T(peripherals_are_served_on_request),
		T(halt_and_global_enable_stop_channels),
		T(errors_stop_the_channel),
		T(endless_lists_leave_time_for_others),
		T(hostile_programs_are_harmless),
	};
#undef T
	return cmocka_run_group_tests(tests, NULL, NULL);
}
