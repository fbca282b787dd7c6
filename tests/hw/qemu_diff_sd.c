/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random commands and transfers, the same ones to our PL181 with its card and to QEMU's: answers, data, counters and status
 * must agree. Left out, because we follow the manuals: the CSD, RESPCMD, CMD6's choice, which error an address behind the
 * end is, what erased blocks hold (QEMU: ones), states after CMD7, DATAEND without data and TXDATAAVLBL.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/hw/fake.h"
#include "tests/hw/medium.h"
#include "tests/hw/qemu.h"

#define MCI 0x10005000u
#define CARD_SIZE (UINT64_C(1) << 20)
#define STATUS_COMPARED (~0x100500u) /* without TXDATAAVLBL, DATAEND and DATABLOCKEND */
#define DATAEND 0x100u

enum { ARG = 8, CMD = 0xc, RESP = 0x14, TIMER = 0x24, LENGTH = 0x28, CTRL = 0x2c, CNT = 0x30, STATUS = 0x34, CLEAR = 0x38, FIFOCNT = 0x48,
       FIFO = 0x80 };

struct pair {
	struct fake *f;
	struct qemu q;
	struct medium m;
	uint64_t rng;
	unsigned long seed, step;
};

static uint32_t next_random(struct pair *p)
{
	p->rng = p->rng * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)(p->rng >> 33);
}

static void put(struct pair *p, uint32_t off, uint32_t v)
{
	wr(p->f, MCI + off, v);
	qemu_write(&p->q, MCI + off, 4, v);
}

static uint32_t same(struct pair *p, uint32_t off, uint32_t mask, const char *what, unsigned index)
{
	uint32_t ours = rd(p->f, MCI + off), theirs = qemu_read(&p->q, MCI + off, 4);
	if ((ours ^ theirs) & mask)
		fail_msg("RHEA_TEST_SEED=%lu, step %lu, %s %u: register %#x: QEMU %#x, rhea %#x", p->seed, p->step, what, index, off, theirs,
			 ours);
	return ours;
}

/* QEMU moves no data between a read of the FIFO and the next read of the status. */
static void compare(struct pair *p, const char *what, unsigned index)
{
	same(p, STATUS, 0, what, index);
	same(p, STATUS, STATUS_COMPARED, what, index);
	same(p, CNT, ~0u, what, index);
	same(p, FIFOCNT, ~0u, what, index);
	same(p, CTRL, ~0u, what, index);
	for (unsigned i = 0; i < 4; i++)
		same(p, RESP + 4 * i, ~0u, what, index);
}

static void command(struct pair *p, unsigned index, uint32_t arg, unsigned flags)
{
	put(p, CLEAR, 0x7ff);
	put(p, ARG, arg);
	put(p, CMD, 0x400u | flags | index);
	compare(p, "command", index);
}

static void app(struct pair *p, unsigned index, uint32_t arg)
{
	command(p, 55, 0x45670000, 0x40);
	command(p, index, arg, 0x40);
}

static void bring_up(struct pair *p)
{
	command(p, 0, 0, 0);
	command(p, 8, 0x1aa, 0x40);
	command(p, 55, 0, 0x40);
	command(p, 41, 0x40300000, 0x40);
	command(p, 2, 0, 0xc0);
	command(p, 3, 0, 0x40);
	command(p, 10, 0x45670000, 0xc0);
	command(p, 7, 0x45670000, 0x40);
	command(p, 16, 512, 0x40);
}

static void data(struct pair *p, uint32_t n, bool read)
{
	put(p, LENGTH, n);
	put(p, CTRL, read ? 0x93 : 0x91);
}

/* Both sides to their end, and on again. */
static void take_all(struct pair *p, uint32_t n)
{
	for (uint32_t i = 0; i < n / 4; i++) {
		if (i % 8 == 0)
			same(p, STATUS, 0, "word", i);
		same(p, FIFO, ~0u, "word", i);
		if (next_random(p) % 64 == 0)
			compare(p, "word", i);
	}
	compare(p, "read of", n);
}

static void give_all(struct pair *p, uint32_t n)
{
	for (uint32_t i = 0; i < n / 4; i++) {
		put(p, FIFO, next_random(p));
		if (next_random(p) % 64 == 0)
			compare(p, "word", i);
	}
	compare(p, "write of", n);
}

static void transfer(struct pair *p)
{
	bool read = next_random(p) % 2, multi = next_random(p) % 2;
	uint32_t n = multi ? 512 * (1 + next_random(p) % 4) : 512;
	uint32_t at = next_random(p) % (uint32_t)(CARD_SIZE / 512 - 4) * 512;
	if (read)
		data(p, n, true);
	command(p, (read ? 17u : 24u) + multi, at, 0x40);
	if (!read)
		data(p, n, false);
	if (read)
		take_all(p, n);
	else
		give_all(p, n);
	command(p, 13, 0x45670000, 0x40);
	if (multi)
		command(p, 12, 0, 0x40);
}

static void registers(struct pair *p, unsigned index, uint32_t n)
{
	put(p, LENGTH, n);
	put(p, CTRL, 0x33);
	app(p, index, 0);
	take_all(p, n);
}

static void step(struct pair *p)
{
	static const uint8_t unknown[] = {1, 5, 14, 21, 31, 37, 39, 50, 52, 57, 60, 63};
	switch (next_random(p) % 12) {
	case 0: registers(p, 51, 8); break;
	case 1: registers(p, 13, 64); break;
	case 2: app(p, 6, next_random(p) % 2 * 2); break;
	case 3: app(p, 42, 0); break;
	case 4: command(p, unknown[next_random(p) % ARRAY_LEN(unknown)], next_random(p), 0x40); break;
	case 5: command(p, 12, 0, 0x40); break; /* no transfer: illegal */
	case 6: command(p, 13, 0x45670000, next_random(p) % 2 ? 0x40 : 0); break;
	case 7: bring_up(p); break;
	default: transfer(p);
	}
}

static void make_image(const char *path, struct pair *p)
{
	FILE *f = fopen(path, "wb");
	assert_non_null(f);
	for (uint64_t i = 0; i < CARD_SIZE; i++)
		p->m.bytes[i] = (uint8_t)(i * 31 + i / 512);
	assert_int_equal(fwrite(p->m.bytes, 1, CARD_SIZE, f), CARD_SIZE);
	fclose(f);
}

/* Failure: our card or its controller answers otherwise than QEMU's. */
static void same_transfers_as_qemu(void **unused)
{
	const char *text = getenv("RHEA_TEST_SEED"), *count = getenv("RHEA_TEST_COUNT");
	unsigned long n = count ? strtoul(count, NULL, 0) : 150;
	char path[] = "/tmp/rhea-sd-XXXXXX", drive[96];
	const char *const extra[] = {"-S", "-drive", drive, NULL};
	struct pair p = {.seed = text ? strtoul(text, NULL, 0) : 1};
	(void)unused;
	close(mkstemp(path));
	snprintf(drive, sizeof drive, "if=sd,format=raw,snapshot=on,file=%s", path);
	p.rng = p.seed;
	p.f = fake_new("versatilepb");
	p.f->log.mask = 0;
	assert_true(medium_insert(&p.f->sd[0], &p.m, CARD_SIZE, NULL));
	make_image(path, &p);
	qemu_start(&p.q, extra, -1);
	put(&p, TIMER, 0xffffffff);
	bring_up(&p);
	for (p.step = 0; p.step < n; p.step++)
		step(&p);
	qemu_stop(&p.q);
	unlink(path);
	medium_remove(&p.f->sd[0], &p.m);
	fake_free(p.f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(same_transfers_as_qemu)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
