/* SPDX-License-Identifier: Apache-2.0 */
/* PL181 and SD card as a driver sees them: registers only. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/hw/fake.h"
#include "tests/hw/medium.h"

#define MCI 0x10005000u
#define MIB (UINT64_C(1) << 20)

enum { POWER = 0, CLOCK = 4, ARG = 8, CMD = 0xc, RESPCMD = 0x10, RESP = 0x14, TIMER = 0x24, LENGTH = 0x28, CTRL = 0x2c, CNT = 0x30,
       STATUS = 0x34, CLEAR = 0x38, MASK0 = 0x3c, MASK1 = 0x40, FIFOCNT = 0x48, FIFO = 0x80 };
enum { CMDCRCFAIL = 1, DATACRCFAIL = 2, CMDTIMEOUT = 4, DATATIMEOUT = 8, CMDRESPEND = 0x40, CMDSENT = 0x80, DATAEND = 0x100,
       DATABLOCKEND = 0x400, TXACTIVE = 0x1000, RXACTIVE = 0x2000 };
enum { READ_512 = 0x93, WRITE_512 = 0x91 };
enum { STBY = 3, TRAN = 4, DATA = 5, RCV = 6 };

struct bench {
	struct fake *f;
	struct medium m;
};

static void setup(struct bench *b, uint64_t size)
{
	b->f = fake_new("versatilepb");
	b->f->log.mask = 0;
	if (size)
		assert_true(medium_insert(&b->f->sd[0], &b->m, size, NULL));
}

static void teardown(struct bench *b)
{
	if (b->f->sd[0].read)
		medium_remove(&b->f->sd[0], &b->m);
	fake_free(b->f);
}

/* Issues a command that wants a short answer (long with `flags` 0xc0, none with 0); the new status bits. */
static uint32_t command(struct bench *b, unsigned index, uint32_t arg, unsigned flags)
{
	wr(b->f, MCI + CLEAR, 0x7ff);
	wr(b->f, MCI + ARG, arg);
	wr(b->f, MCI + CMD, 0x400u | flags | index);
	return rd(b->f, MCI + STATUS) & 0xc5; /* the bits of commands */
}

static uint32_t ask(struct bench *b, unsigned index, uint32_t arg)
{
	assert_int_equal(command(b, index, arg, 0x40), CMDRESPEND);
	return rd(b->f, MCI + RESP);
}

static uint32_t app(struct bench *b, unsigned index, uint32_t arg, uint32_t rca)
{
	ask(b, 55, rca << 16);
	return ask(b, index, arg);
}

/* To the transfer state, as drivers do it; the card's address. */
static uint32_t bring_up(struct bench *b)
{
	command(b, 0, 0, 0);
	command(b, 8, 0x1aa, 0x40);
	app(b, 41, 0x40300000, 0);
	command(b, 2, 0, 0xc0);
	uint32_t rca = ask(b, 3, 0) >> 16;
	ask(b, 7, rca << 16);
	assert_int_equal(ask(b, 13, rca << 16) >> 9 & 15, TRAN);
	return rca;
}

static unsigned state(struct bench *b, uint32_t rca)
{
	return ask(b, 13, rca << 16) >> 9 & 15;
}

static void start_data(struct bench *b, uint32_t n, uint32_t ctrl)
{
	wr(b->f, MCI + LENGTH, n);
	wr(b->f, MCI + CTRL, ctrl);
}

static void read_words(struct bench *b, uint32_t *to, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		to[i] = rd(b->f, MCI + FIFO + 4 * (i % 16));
}

static void write_words(struct bench *b, unsigned n, uint32_t first)
{
	for (unsigned i = 0; i < n; i++)
		wr(b->f, MCI + FIFO, first + i);
}

/* Failure: the card does not come up as the specification's flow chart says. */
static void card_is_identified(void **unused)
{
	struct bench b;
	(void)unused;
	setup(&b, 64 * MIB);
	assert_int_equal(command(&b, 0, 0, 0), CMDSENT);
	assert_int_equal(ask(&b, 8, 0x1aa), 0x1aa);
	assert_int_equal(rd(b.f, MCI + RESPCMD), 8);
	assert_int_equal(command(&b, 8, 0x2aa, 0x40), CMDTIMEOUT); /* low voltage */
	assert_int_equal(command(&b, 5, 0, 0x40), CMDTIMEOUT);     /* no SDIO */
	assert_int_equal(app(&b, 41, 0, 0), 0x00ffff00);           /* only asking: not ready */
	assert_int_equal(app(&b, 41, 0x40300000, 0), 0x80ffff00);
	assert_int_equal(command(&b, 2, 0, 0xc0), CMDRESPEND);
	assert_int_equal(rd(b.f, MCI + RESP), 0xaa585951);
	assert_int_equal(rd(b.f, MCI + RESP + 12), 0xef006218);
	assert_int_equal(ask(&b, 3, 0), 0x45670500);
	assert_int_equal(ask(&b, 7, 0x45670000), 0x700);
	assert_int_equal(state(&b, 0x4567), TRAN);
	assert_int_equal(command(&b, 13, 0x12340000, 0x40), CMDTIMEOUT); /* another card's address */
	teardown(&b);
}

static uint64_t csd_size(struct bench *b)
{
	uint32_t w[4];
	for (unsigned i = 0; i < 4; i++)
		w[i] = rd(b->f, MCI + RESP + 4 * i);
	if (w[0] >> 30 == 1)
		return ((uint64_t)((w[1] & 0x3f) << 16 | w[2] >> 16) + 1) << 19;
	uint64_t units = ((w[1] & 0x3ff) << 2 | w[2] >> 30) + 1;
	return units << ((w[2] >> 15 & 7) + 2 + (w[1] >> 16 & 15));
}

/* Failure: the CSD tells another size than the image has, or a size that no CSD can tell is accepted. */
static void csd_tells_the_size(void **unused)
{
	static const uint64_t good[] = {2048, 1 << 20, 3 << 20, 64 * MIB, 100 * MIB, 1000 * MIB, 1024 * MIB, 2048 * MIB,
					2048 * MIB + (512 << 10), 4096 * MIB, 32768 * MIB, 2048 * 1024 * MIB};
	static const uint64_t bad[] = {512, 64 * MIB + 512, 2047 * MIB + 512, 4096 * MIB + 4096, 2048 * 1024 * MIB + (512 << 10)};
	struct rhea_error err;
	struct bench b;
	(void)unused;
	for (unsigned i = 0; i < ARRAY_LEN(good); i++) {
		setup(&b, good[i]);
		command(&b, 0, 0, 0);
		ask(&b, 8, 0x1aa);
		uint32_t ocr = app(&b, 41, 0x40300000, 0);
		assert_int_equal(ocr >> 30, good[i] > 2048 * MIB ? 3 : 2);
		command(&b, 2, 0, 0xc0);
		ask(&b, 3, 0);
		assert_int_equal(command(&b, 9, 0x45670000, 0xc0), CMDRESPEND);
		if (csd_size(&b) != good[i])
			fail_msg("%llu became %llu", (unsigned long long)good[i], (unsigned long long)csd_size(&b));
		teardown(&b);
	}
	for (unsigned i = 0; i < ARRAY_LEN(bad); i++) {
		setup(&b, 0);
		assert_false(medium_insert(&b.f->sd[0], &b.m, bad[i], &err));
		assert_int_equal(err.status, RHEA_ERR_IMAGE);
		teardown(&b);
	}
}

/* Failure: a host that knows no high capacity is shown a card that it would address wrongly. */
static void high_capacity_needs_a_host_that_asks(void **unused)
{
	struct bench b;
	(void)unused;
	setup(&b, 4096 * MIB);
	command(&b, 0, 0, 0);
	assert_int_equal(app(&b, 41, 0x40300000, 0) >> 31, 0); /* no CMD8 before */
	ask(&b, 8, 0x1aa);
	assert_int_equal(app(&b, 41, 0x00300000, 0) >> 31, 0);
	assert_int_equal(app(&b, 41, 0x40300000, 0) >> 30, 3);
	teardown(&b);
}

/* Failure: blocks read are not the medium's, or the FIFO's registers do not tell how far it is. */
static void blocks_are_read(void **unused)
{
	struct bench b;
	uint32_t w[256];
	(void)unused;
	setup(&b, 64 * MIB);
	uint32_t rca = bring_up(&b);
	for (unsigned i = 0; i < 4096; i++)
		b.m.bytes[i] = (uint8_t)(i * 7 + i / 256);
	start_data(&b, 512, READ_512);
	assert_int_equal(rd(b.f, MCI + STATUS) & RXACTIVE, RXACTIVE);
	ask(&b, 17, 1024);
	assert_int_equal(rd(b.f, MCI + CNT), 512 - 64);
	assert_int_equal(rd(b.f, MCI + FIFOCNT), 128 - 16);
	read_words(&b, w, 128);
	assert_memory_equal(w, b.m.bytes + 1024, 512);
	assert_int_equal(rd(b.f, MCI + STATUS) & ~(uint32_t)CMDRESPEND, DATAEND | DATABLOCKEND);
	assert_int_equal(rd(b.f, MCI + CTRL), READ_512 & ~1);
	assert_int_equal(state(&b, rca), TRAN);
	start_data(&b, 1024, READ_512);
	ask(&b, 18, 512);
	read_words(&b, w, 256);
	assert_memory_equal(w, b.m.bytes + 512, 1024);
	assert_int_equal(state(&b, rca), DATA);
	ask(&b, 12, 0);
	assert_int_equal(state(&b, rca), TRAN);
	teardown(&b);
}

/* Failure: what the guest writes does not reach the medium. */
static void blocks_are_written(void **unused)
{
	struct bench b;
	(void)unused;
	setup(&b, 4096 * MIB);
	uint32_t rca = bring_up(&b), *at = (uint32_t *)(b.m.bytes + 8 * 512);
	ask(&b, 25, 8); /* high capacity: blocks */
	start_data(&b, 1024, WRITE_512);
	write_words(&b, 256, 1000);
	assert_int_equal(rd(b.f, MCI + CNT), 0);
	assert_int_equal(rd(b.f, MCI + STATUS) & DATAEND, DATAEND);
	assert_int_equal(state(&b, rca), RCV);
	ask(&b, 12, 0);
	for (unsigned i = 0; i < 256; i++)
		assert_int_equal(at[i], 1000 + i);
	uint32_t n;
	start_data(&b, 4, 0x23);
	app(&b, 22, 0, rca);
	read_words(&b, &n, 1);
	assert_int_equal(n, 0x02000000);
	ask(&b, 24, 9);
	start_data(&b, 512, WRITE_512);
	write_words(&b, 128, 5);
	assert_int_equal(at[128], 5);
	assert_int_equal(state(&b, rca), TRAN);
	teardown(&b);
}

/* Failure: a block of which not all came is written. */
static void half_a_block_is_not_written(void **unused)
{
	struct bench b;
	(void)unused;
	setup(&b, 64 * MIB);
	bring_up(&b);
	ask(&b, 25, 0);
	start_data(&b, 512, WRITE_512);
	write_words(&b, 127, 1);
	ask(&b, 12, 0);
	assert_int_equal(b.m.writes, 0);
	teardown(&b);
}

/* Failure: a driver that waits for an interrupt waits for ever. */
static void interrupts_follow_status_and_masks(void **unused)
{
	struct bench b;
	(void)unused;
	setup(&b, 64 * MIB);
	bring_up(&b);
	wr(b.f, MCI + CLEAR, 0x7ff);
	wr(b.f, 0x10003008, 1u << 22 | 1u << 23); /* SIC, and its line of the VIC */
	wr(b.f, 0x10140010, 1u << 31);
	assert_false(b.f->irq);
	wr(b.f, MCI + MASK0, CMDRESPEND);
	command(&b, 13, 0x45670000, 0x40);
	assert_true(b.f->irq);
	wr(b.f, MCI + CLEAR, CMDRESPEND);
	assert_false(b.f->irq);
	wr(b.f, MCI + MASK1, 1u << 21); /* data in the receive FIFO; the second line is SIC 1 and 23 */
	start_data(&b, 512, READ_512);
	command(&b, 17, 0, 0x40);
	wr(b.f, MCI + CLEAR, 0x7ff);
	assert_true(b.f->irq);
	uint32_t w[128];
	read_words(&b, w, 128);
	assert_false(b.f->irq);
	teardown(&b);
}

/* Failure: an empty slot answers, or does not come back to life when a card is put in. */
static void empty_slot_is_silent(void **unused)
{
	struct bench b;
	(void)unused;
	setup(&b, 0);
	assert_int_equal(rd(b.f, 0x10000048), 0);
	assert_int_equal(command(&b, 0, 0, 0), CMDSENT);
	assert_int_equal(command(&b, 8, 0x1aa, 0x40), CMDTIMEOUT);
	assert_true(medium_insert(&b.f->sd[0], &b.m, 64 * MIB, NULL));
	assert_int_equal(rd(b.f, 0x10000048), 1);
	bring_up(&b);
	teardown(&b);
}

/* Failure: a host disk that fails goes unnoticed, or leaves the controller stuck. */
static void failures_of_the_medium_are_seen(void **unused)
{
	struct bench b;
	(void)unused;
	setup(&b, 64 * MIB);
	uint32_t rca = bring_up(&b);
	b.m.fail_read = true;
	start_data(&b, 512, READ_512);
	ask(&b, 17, 0);
	assert_int_equal(rd(b.f, MCI + STATUS) & (DATATIMEOUT | DATAEND | RXACTIVE), DATATIMEOUT);
	assert_int_equal(ask(&b, 13, rca << 16), 1u << 21 | 0x900); /* CARD_ECC_FAILED, once */
	assert_int_equal(ask(&b, 13, rca << 16), 0x900);
	b.m.fail_read = false;
	start_data(&b, 512, READ_512); /* as Linux: before the command. No memory of the failure */
	assert_int_equal(rd(b.f, MCI + STATUS) & (DATATIMEOUT | RXACTIVE), RXACTIVE);
	ask(&b, 17, 0);
	uint32_t w[128];
	read_words(&b, w, 128);
	assert_int_equal(rd(b.f, MCI + STATUS) & DATAEND, DATAEND);
	b.m.fail_write = true;
	ask(&b, 25, 0);
	start_data(&b, 1024, WRITE_512);
	write_words(&b, 128, 0);
	assert_int_equal(rd(b.f, MCI + STATUS) & (DATACRCFAIL | DATAEND | TXACTIVE), DATACRCFAIL);
	assert_int_equal(ask(&b, 12, 0) & 1u << 19, 1u << 19);
	assert_int_equal(state(&b, rca), TRAN);
	teardown(&b);
}

/* Failure: a driver hangs where the card has nothing to say, or time runs out although data flow. */
static void data_timer_ends_the_wait(void **unused)
{
	struct bench b;
	(void)unused;
	setup(&b, 64 * MIB);
	bring_up(&b);
	wr(b.f, MCI + CLEAR, 0x7ff);
	wr(b.f, MCI + CLOCK, 0x400); /* 24 MHz */
	wr(b.f, MCI + TIMER, 24000);
	start_data(&b, 512, READ_512);
	fake_advance(b.f, 900000);
	assert_int_equal(rd(b.f, MCI + STATUS) & DATATIMEOUT, 0);
	fake_advance(b.f, 200000);
	assert_int_equal(rd(b.f, MCI + STATUS) & (DATATIMEOUT | RXACTIVE), DATATIMEOUT);
	wr(b.f, MCI + CLEAR, 0x7ff);
	start_data(&b, 512, READ_512);
	command(&b, 17, 0, 0x40);
	fake_advance(b.f, 10000000); /* the FIFO is full: it is the host's turn */
	assert_int_equal(rd(b.f, MCI + STATUS) & (DATATIMEOUT | RXACTIVE), RXACTIVE);
	wr(b.f, MCI + CTRL, 0);
	teardown(&b);
}

/* Failure: addresses behind the card's end reach the medium (which asserts), or the guest is not told. */
static void the_end_of_the_card_holds(void **unused)
{
	struct bench b;
	uint32_t w[256];
	(void)unused;
	setup(&b, 64 * MIB);
	uint32_t rca = bring_up(&b);
	assert_int_equal(ask(&b, 17, 64 << 20) >> 31, 1);
	assert_int_equal(ask(&b, 24, 0xfffffe00) >> 31, 1);
	assert_int_equal(ask(&b, 32, 64 << 20) >> 31, 1);
	assert_int_equal(state(&b, rca), TRAN);
	start_data(&b, 1024, READ_512);
	ask(&b, 18, (64 << 20) - 512);
	read_words(&b, w, 128);
	assert_int_equal(rd(b.f, MCI + STATUS) & DATATIMEOUT, DATATIMEOUT);
	assert_int_equal(ask(&b, 12, 0) >> 31, 1);
	ask(&b, 25, (64 << 20) - 512);
	start_data(&b, 1024, WRITE_512);
	write_words(&b, 256, 0);
	assert_int_equal(rd(b.f, MCI + STATUS) & DATACRCFAIL, DATACRCFAIL);
	assert_int_equal(ask(&b, 12, 0) >> 31, 1);
	teardown(&b);
}

/* Failure: a read-only image is written, or the guest cannot know that it is one. */
static void read_only_medium_is_write_protected(void **unused)
{
	struct bench b;
	(void)unused;
	setup(&b, 0);
	b.f->sd[0].read_only = true;
	assert_true(medium_insert(&b.f->sd[0], &b.m, 64 * MIB, NULL));
	assert_int_equal(rd(b.f, 0x10000048), 5);
	uint32_t rca = bring_up(&b);
	assert_int_equal(ask(&b, 24, 0) & 1u << 26, 1u << 26);
	ask(&b, 32, 0);
	ask(&b, 33, 512);
	assert_int_equal(ask(&b, 38, 0) & 1u << 26, 1u << 26);
	assert_int_equal(state(&b, rca), TRAN);
	command(&b, 7, 0, 0);
	assert_int_equal(command(&b, 9, rca << 16, 0xc0), CMDRESPEND);
	assert_int_equal(rd(b.f, MCI + RESP + 4) >> 24 & 1, 0); /* no write class */
	teardown(&b);
}

/* Failure: erased blocks keep their bytes, others lose them, or a sequence out of order erases. */
static void erase_clears_exactly_its_blocks(void **unused)
{
	struct bench b;
	(void)unused;
	setup(&b, 64 * MIB);
	bring_up(&b);
	memset(b.m.bytes, 0x55, 4096);
	ask(&b, 38, 0);
	assert_int_equal(ask(&b, 13, 0x45670000) & 1u << 28, 0); /* told by CMD38's own answer */
	ask(&b, 32, 1024);
	ask(&b, 33, 512);
	assert_int_equal(ask(&b, 38, 0) & 1u << 27, 1u << 27);
	ask(&b, 32, 512);
	ask(&b, 33, 1024);
	ask(&b, 38, 0);
	for (unsigned i = 0; i < 4096; i++)
		assert_int_equal(b.m.bytes[i], i >= 512 && i < 1536 ? 0 : 0x55);
	teardown(&b);
}

/* Failure: a command in a wrong state has an effect, or is not reported by the next answer. */
static void illegal_commands_are_told_once(void **unused)
{
	struct bench b;
	(void)unused;
	setup(&b, 64 * MIB);
	assert_int_equal(command(&b, 17, 0, 0x40), CMDTIMEOUT);
	uint32_t rca = bring_up(&b);
	assert_int_equal(command(&b, 2, 0, 0xc0), CMDTIMEOUT);
	assert_int_equal(ask(&b, 13, rca << 16), 1u << 22 | 0x900);
	assert_int_equal(ask(&b, 13, rca << 16), 0x900);
	assert_int_equal(command(&b, 62, 0, 0x40), CMDTIMEOUT);
	assert_int_equal(ask(&b, 55, rca << 16), 1u << 22 | 0x920);
	assert_int_equal(ask(&b, 16, 0x201) & 1u << 29, 1u << 29);
	command(&b, 15, rca << 16, 0);
	assert_int_equal(command(&b, 13, rca << 16, 0x40), CMDTIMEOUT);
	wr(b.f, MCI + POWER, 3);
	wr(b.f, MCI + POWER, 0); /* only this wakes an inactive card */
	bring_up(&b);
	teardown(&b);
}

static uint32_t next_random(uint64_t *state)
{
	*state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)(*state >> 33);
}

/* Failure: registers written at random crash the model or make it leave the medium (which asserts). */
static void random_accesses_do_no_harm(void **unused)
{
	static const uint8_t indexes[] = {0, 2, 3, 6, 7, 8, 9, 10, 12, 12, 13, 16, 17, 18, 18, 24, 25, 25, 27, 32, 33, 38, 55, 55, 55,
					  41, 51, 22, 23, 42};
	static const uint64_t sizes[] = {64 * MIB, 2048, 4096 * MIB};
	const char *text = getenv("RHEA_TEST_SEED");
	unsigned long seed = text ? strtoul(text, NULL, 0) : 1;
	(void)unused;
	for (unsigned round = 0; round < 24; round++) {
		uint64_t rng = seed + round;
		struct bench b;
		print_message("RHEA_TEST_SEED=%lu\n", seed + round);
		setup(&b, sizes[round % 3]);
		bring_up(&b);
		for (unsigned i = 0; i < 20000; i++) {
			uint32_t r = next_random(&rng), v = next_random(&rng) << 1 ^ next_random(&rng);
			uint32_t off = r % 3 == 0 ? FIFO : r / 8 % 0x1000 & 0xfff;
			unsigned size = r / 64 % 16 ? 4 : 1u << (r / 1024 % 2);
			b.m.fail_read = next_random(&rng) % 64 == 0;
			b.m.fail_write = next_random(&rng) % 64 == 0;
			switch (r / 3 % 6) {
			case 0: wr(b.f, MCI + ARG, v % 4 ? v % 0x10000 : v % 8 < 4 ? 0x45670000 : v); break;
			case 1: wr(b.f, MCI + CMD, 0x400u | (v & 0x3c0) | indexes[v / 1024 % ARRAY_LEN(indexes)]); break;
			case 2: wr(b.f, MCI + LENGTH, v % 2 ? v % 2048 : 512); break;
			case 3: wr(b.f, MCI + CTRL, v % 8 ? (v % 2 ? READ_512 : WRITE_512) : v); break;
			case 4: fake_write(b.f, MCI + (off & (0xffcu | (size - 1))), size, v); break;
			case 5: fake_read(b.f, MCI + (off & (0xffcu | (size - 1))), size); break;
			}
			if (r % 512 == 0)
				fake_advance(b.f, v);
		}
		hw_reset_devices(&b.f->hw);
		bring_up(&b);
		teardown(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(card_is_identified),
		cmocka_unit_test(csd_tells_the_size),
		cmocka_unit_test(high_capacity_needs_a_host_that_asks),
		cmocka_unit_test(blocks_are_read),
		cmocka_unit_test(blocks_are_written),
		cmocka_unit_test(half_a_block_is_not_written),
		cmocka_unit_test(interrupts_follow_status_and_masks),
		cmocka_unit_test(empty_slot_is_silent),
		cmocka_unit_test(failures_of_the_medium_are_seen),
		cmocka_unit_test(data_timer_ends_the_wait),
		cmocka_unit_test(the_end_of_the_card_holds),
		cmocka_unit_test(read_only_medium_is_write_protected),
		cmocka_unit_test(erase_clears_exactly_its_blocks),
		cmocka_unit_test(illegal_commands_are_told_once),
		cmocka_unit_test(random_accesses_do_no_harm),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
