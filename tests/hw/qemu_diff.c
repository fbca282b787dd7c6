/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random register accesses, the same ones to our devices and to a stopped QEMU through its test
 * protocol (time stands still there, and here). Every value read and the core's two interrupt lines
 * must agree. Left out, because we follow the manual or because time would matter: SIC software
 * interrupt, the board reset, the RTC's count, the timers' division by 256.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/hw/fake.h"
#include "tests/hw/qemu.h"

static const char *const stopped[] = {"-S", NULL};

/* ---- what may be accessed ---- */

enum { RD = 1, WR = 2, RW = 3 };

static const struct target {
	uint32_t base;
	struct {
		uint16_t first, last;
		uint8_t how;
	} regs[8];
} targets[] = {
	{0x10000000, {{0x00, 0x3c, RW}, {0x40, 0x40, RD}, {0x44, 0xfc, RW}}},
	{0x10003000, {{0x00, 0x0c, RW}, {0x18, 0x2c, RW}}},
	{0x10140000, {{0x00, 0x3c, RW}, {0x30, 0x30, RW}, {0x100, 0x13c, RW}, {0x200, 0x23c, RW}, {0x18, 0x1c, RW},
		      {0x10, 0x14, RW}, {0x30, 0x30, RD}, {0xfe0, 0xffc, RW}}},
	{0x101e2000, {{0x00, 0x3c, RW}, {0xf00, 0xf04, RD}, {0xfe0, 0xffc, RW}, {0x08, 0x08, RW}, {0x28, 0x28, RW}}},
	{0x101e3000, {{0x00, 0x3c, RW}}},
	{0x101e8000, {{0x10, 0x1c, RW}, {0x04, 0x0c, RW}, {0xfe0, 0xffc, RW}}},
	{0x101f1000, {{0x00, 0x4c, RW}, {0x38, 0x48, RW}, {0xfe0, 0xffc, RW}}},
	{0x101f2000, {{0x00, 0x4c, RW}}},
	{0x101f3000, {{0x00, 0x4c, RW}}},
	{0x10009000, {{0x00, 0x4c, RW}}},
	{0x10002000, {{0x00, 0x04, RW}, {0x00, 0x00, RD}, {0x00, 0x04, RW}, {0x08, 0x20, RW}}},
	{0x10004000, {{0x00, 0x04, RW}, {0x14, 0x18, RW}, {0x24, 0x2c, RW}, {0x38, 0x40, RW}, {0x4c, 0x5c, RW}, {0x60, 0x64, RW},
		      {0x6c, 0x70, RW}, {0xfe0, 0xffc, RW}}},
	{0x10006000, {{0x00, 0x10, RW}, {0x04, 0x08, RD}, {0xfe0, 0xffc, RW}}},
	{0x10007000, {{0x00, 0x10, RW}, {0x04, 0x08, RD}}},
	{0x10120000, {{0x00, 0x18, RW}, {0x14, 0x20, RW}, {0x24, 0x40, RW}, {0x200, 0x3fc, RW}, {0xfe0, 0xffc, RW}}},
	{0x10130000, {{0x00, 0x1c, RW}, {0x30, 0x38, RW}, {0x100, 0x1fc, RW}, {0x100, 0x13c, RW}, {0xfe0, 0xffc, RW}}},
	{0x101e4000, {{0x00, 0x3fc, RW}, {0x3fc, 0x3fc, RW}, {0x400, 0x41c, RW}, {0x400, 0x420, RW}, {0x414, 0x418, RD},
		      {0xfe0, 0xffc, RW}}},
	{0x101e5000, {{0x00, 0x3fc, RW}, {0x400, 0x41c, RW}, {0x414, 0x418, RD}}},
	{0x101e7000, {{0x00, 0x3fc, RW}, {0x400, 0x41c, RW}, {0x414, 0x418, RD}}},
};

static uint32_t next_random(uint64_t *state)
{
	*state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)(*state >> 33);
}

static uint32_t pick_value(uint64_t *rng)
{
	static const uint32_t patterns[] = {0, 1, 0x20, 0xffffffff, 0x5a5a5a5a, 0xa05f, 0x3f, 0xe2, 0xc3, 0x10, 0x301};
	uint32_t r = next_random(rng);
	switch (r % 4) {
	case 0: return 1u << (next_random(rng) % 32);
	case 1: return patterns[next_random(rng) % ARRAY_LEN(patterns)];
	case 2: return next_random(rng) & 0xff;
	case 3: return next_random(rng) << 1 ^ next_random(rng);
	}
	return 0;
}

/* Commands that keyboard and mouse of both have, with arguments, so that they answer at all. */
static bool fix_ps2(uint32_t addr, uint64_t *rng, uint32_t *v)
{
	static const uint8_t keyboard[] = {0xed, 0xee, 0xf0, 0xf2, 0xf3, 0xf4, 0xf5, 0xf6, 0xff, 0x00, 0x02, 0x03, 0x01, 0x20};
	static const uint8_t mouse[] = {0xe6, 0xe7, 0xe8, 0xe9, 0xea, 0xeb, 0xf0, 0xf2, 0xf3, 0xf4, 0xf5, 0xf6, 0xff, 0xe9};
	if (addr != 0x10006008 && addr != 0x10007008)
		return false;
	*v = (addr == 0x10006008 ? keyboard : mouse)[next_random(rng) % ARRAY_LEN(mouse)];
	return true;
}

/*
 * The LCD stays dark and DMA off: what they do takes time, which stands still here.
 * RTC matches depend on the second in which they are made: keep the two registers apart. The
 * timers' division by 256 is inexact in QEMU (3906 Hz), which shows in VALUE.
 */
static uint32_t fix_value(uint32_t addr, uint32_t v, uint64_t *rng)
{
	uint32_t fixed;
	if (fix_ps2(addr, rng, &fixed))
		return fixed;
	if (addr == 0x10120018)
		return v & ~0x800u;
	if (addr == 0x10130030)
		return v & ~1u;
	bool timer = (addr & ~0x1fffu) == 0x101e2000;
	if (timer && (addr & 0xfdf) == 0x08 && (v & 0xc) == 8)
		return v & ~8u;
	if (addr == 0x101e8004)
		return v | 0x80000000u;
	if (addr == 0x101e8008)
		return v & 0x3fffffffu;
	return v;
}

struct access {
	uint32_t addr, value;
	unsigned size;
	bool write;
};

static struct access pick(uint64_t *rng)
{
	const struct target *t = &targets[next_random(rng) % ARRAY_LEN(targets)];
	unsigned n = 0;
	while (n < ARRAY_LEN(t->regs) && t->regs[n].how)
		n++;
	unsigned i = next_random(rng) % n;
	uint32_t words = (t->regs[i].last - t->regs[i].first) / 4u + 1;
	struct access a = {.addr = t->base + t->regs[i].first + next_random(rng) % words * 4, .size = 4};
	bool narrow = next_random(rng) % 8 == 0;
	a.write = t->regs[i].how == WR || (t->regs[i].how == RW && next_random(rng) % 3);
	if (narrow && t->base != 0x101e8000)
		a.size = 1u << (next_random(rng) % 2);
	a.value = fix_value(a.addr, pick_value(rng), rng);
	return a;
}

/* QEMU's mouse has its defaults only after its first reset command. */
static void reset_mice(struct qemu *q, struct fake *f)
{
	qemu_ask(q, "writel 0x10007008 0xff");
	fake_write(f, 0x10007008, 4, 0xff);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(qemu_ask(q, "readl 0x10007008"), fake_read(f, 0x10007008, 4));
}

/* Failure: a device of ours answers or interrupts otherwise than QEMU's. */
static void same_registers_and_lines_as_qemu(void **state)
{
	(void)state;
	const char *text = getenv("RHEA_TEST_SEED"), *count = getenv("RHEA_TEST_COUNT");
	unsigned long seed = text ? strtoul(text, NULL, 0) : 1, n = count ? strtoul(count, NULL, 0) : 20000;
	static const char width[5] = {0, 'b', 'w', 0, 'l'};
	uint64_t rng = seed;
	struct fake *f = fake_new("versatilepb");
	struct qemu q;
	qemu_start(&q, stopped, -1);
	f->log.mask = 0;
	reset_mice(&q, f);
	for (unsigned long i = 0; i < n; i++) {
		struct access a = pick(&rng);
		uint32_t theirs = 0, ours = 0, v = a.size == 4 ? a.value : a.value & ((1u << 8 * a.size) - 1);
		if (a.write) {
			qemu_ask(&q, "write%c %#x %#x", width[a.size], a.addr, v);
			fake_write(f, a.addr, a.size, v);
		} else {
			theirs = (uint32_t)qemu_ask(&q, "read%c %#x", width[a.size], a.addr);
			ours = fake_read(f, a.addr, a.size);
		}
		if (theirs != ours || q.line[0] != f->irq || q.line[1] != f->fiq)
			fail_msg("RHEA_TEST_SEED=%lu, access %lu: %s %#x size %u value %#x: QEMU %#x irq %d fiq %d, "
				 "rhea %#x irq %d fiq %d", seed, i, a.write ? "write" : "read", a.addr, a.size, v, theirs,
				 q.line[0], q.line[1], ours, f->irq, f->fiq);
	}
	qemu_stop(&q);
	fake_free(f);
}

/* Failure: a device that is only identified answers otherwise than QEMU's after reset. */
static void same_reset_values_as_qemu(void **state)
{
	(void)state;
	static const struct {
		uint32_t base, size;
		unsigned step;
	} areas[] = {
		{0x10000000, 0x1000, 4}, {0x10001000, 0x1000, 4}, {0x10002000, 0x1000, 4}, {0x10003000, 0x1000, 4},
		{0x10004000, 0x1000, 4}, {0x10005000, 0x1000, 4}, {0x10006000, 0x1000, 4}, {0x10007000, 0x1000, 4},
		{0x10008000, 0x1000, 4}, {0x10009000, 0x1000, 4}, {0x1000b000, 0x1000, 4}, {0x10120000, 0x1000, 4}, {0x10130000, 0x1000, 4},
		{0x10140000, 0x1000, 4}, {0x101e2000, 0x1000, 4}, {0x101e3000, 0x1000, 4}, {0x101e4000, 0x1000, 4},
		{0x101e5000, 0x1000, 4}, {0x101e6000, 0x1000, 4}, {0x101e7000, 0x1000, 4}, {0x101e8004, 0xffc, 4},
		{0x101f1000, 0x1000, 4}, {0x101f2000, 0x1000, 4}, {0x101f3000, 0x1000, 4}, {0x41005800, 0x100, 4},
		{0x41006000, 0x100, 1},  {0x42005800, 0x100, 2},  {0x42006000, 0x100, 4},  {0x42000000, 0x100, 4},
		{0x10000000, 0x100, 1},  {0x10140fc0, 0x40, 1},   {0x101f1fc0, 0x40, 2},   {0x10005fc0, 0x40, 1},
	};
	static const char width[5] = {0, 'b', 'w', 0, 'l'};
	struct fake *f = fake_new("versatilepb");
	struct qemu q;
	qemu_start(&q, stopped, -1);
	f->log.mask = 0;
	for (unsigned i = 0; i < ARRAY_LEN(areas); i++) {
		for (uint32_t off = 0; off < areas[i].size; off += areas[i].step) {
			uint32_t addr = areas[i].base + off;
			uint32_t theirs = (uint32_t)qemu_ask(&q, "read%c %#x", width[areas[i].step], addr);
			uint32_t ours = fake_read(f, addr, areas[i].step);
			if (theirs != ours)
				fail_msg("%#x size %u: QEMU %#x, rhea %#x", addr, areas[i].step, theirs, ours);
		}
	}
	qemu_stop(&q);
	fake_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(same_reset_values_as_qemu),
		cmocka_unit_test(same_registers_and_lines_as_qemu),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
