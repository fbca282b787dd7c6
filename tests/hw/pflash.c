/* SPDX-License-Identifier: Apache-2.0 */
/* The board's flash: commands, what the medium gets, and when the range reads as memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/hw/fake.h"
#include "tests/hw/medium.h"

#define FLASH 0x34000000u
#define SIZE (64u << 20)
#define SECTOR 0x40000u

static struct fake *start(struct medium *m, bool read_only)
{
	struct fake *f = fake_new("versatilepb");
	f->pflash.read_only = read_only;
	if (m)
		assert_true(medium_insert(&f->pflash, m, SIZE, NULL));
	return f;
}

static void stop(struct fake *f, struct medium *m)
{
	if (m)
		medium_remove(&f->pflash, m);
	fake_free(f);
}

static void program(struct fake *f, uint32_t off, uint32_t value)
{
	wr(f, FLASH + off, 0x40);
	wr(f, FLASH + off, value);
}

static void erase(struct fake *f, uint32_t off)
{
	wr(f, FLASH + off, 0x20);
	wr(f, FLASH + off, 0xd0);
}

/* Failure: a probe by CFI finds no flash, or another one than QEMU's. */
static void cfi_query_and_identification(void **unused)
{
	static const uint8_t want[] = {'Q', 'R', 'Y', 1, 0, 0x31, 0, 0, 0, 0, 0, 0x45, 0x55, 0, 0, 7, 7, 10, 0, 4, 4, 4, 0, 26, 2, 0, 11, 0,
				       1, 0xff, 0, 0, 4, 'P', 'R', 'I', '1', '0'};
	struct fake *f = start(NULL, false);
	(void)unused;
	wr(f, FLASH, 0x98);
	for (unsigned i = 0; i < ARRAY_LEN(want); i++)
		assert_int_equal(rd(f, FLASH + 4 * (0x10 + i)), want[i]);
	wr(f, FLASH, 0x90);
	assert_int_equal(rd(f, FLASH + 0x40), 'Q'); /* only 0xff leaves */
	wr(f, FLASH, 0xff);
	wr(f, FLASH, 0x90);
	assert_int_equal(rd(f, FLASH), 0x8918);
	wr(f, FLASH, 0xff);
	assert_int_equal(rd(f, FLASH), 0);
	stop(f, NULL);
}

/* Failure: the array differs from the medium, before or after. */
static void programs_and_erases_through_to_the_medium(void **unused)
{
	struct medium m;
	struct fake *f = start(&m, false);
	(void)unused;
	erase(f, 3 * SECTOR + 0x123c);
	assert_int_equal(rd(f, FLASH), 0x800080);
	program(f, 3 * SECTOR, 0x12345678);
	program(f, 3 * SECTOR, 0xffff00ff); /* only clears */
	assert_int_equal(rd(f, FLASH), 0x800080);
	wr(f, FLASH + 3 * SECTOR + 8, 0x10);
	fake_write(f, FLASH + 3 * SECTOR + 9, 1, 0xa5);
	wr(f, FLASH, 0xff);
	assert_int_equal(rd(f, FLASH + 3 * SECTOR), 0x12340078);
	assert_int_equal(rd(f, FLASH + 3 * SECTOR + 8), 0xffffa5ff);
	assert_int_equal(rd(f, FLASH + 3 * SECTOR - 4), 0);
	assert_int_equal(rd(f, FLASH + 4 * SECTOR), 0);
	assert_int_equal(rd(f, FLASH + 4 * SECTOR - 4), 0xffffffff);
	assert_memory_equal(m.bytes + 3 * SECTOR, "\x78\x00\x34\x12\xff\xff\xff\xff\xff\xa5\xff\xff", 12);
	stop(f, &m);
}

/* Failure: buffered writes lose words or touch others. */
static void writes_through_the_buffer(void **unused)
{
	struct medium m;
	struct fake *f = start(&m, false);
	(void)unused;
	erase(f, 0);
	wr(f, FLASH + 0x810, 0xe8);
	wr(f, FLASH + 0x810, 3);
	for (uint32_t i = 0; i < 4; i++)
		wr(f, FLASH + 0x810 + 4 * i, i);
	assert_int_equal(rd(f, FLASH), 0x800080);
	wr(f, FLASH + 0x810, 0xd0);
	assert_int_equal(rd(f, FLASH), 0x800080);
	wr(f, FLASH, 0xff);
	for (uint32_t i = 0; i < 4; i++)
		assert_int_equal(rd(f, FLASH + 0x810 + 4 * i), i);
	assert_int_equal(rd(f, FLASH + 0x80c), 0xffffffff);
	assert_int_equal(rd(f, FLASH + 0x820), 0xffffffff);
	stop(f, &m);
}

/* Failure: what cannot be done looks as if it were. */
static void errors_are_in_the_status(void **unused)
{
	struct medium m;
	struct fake *f = start(&m, false);
	(void)unused;
	erase(f, 0);
	m.fail_write = true;
	program(f, 0, 0);
	assert_int_equal(rd(f, FLASH), 0x900090);
	wr(f, FLASH, 0x50);
	erase(f, 0);
	assert_int_equal(rd(f, FLASH), 0xa000a0);
	wr(f, FLASH, 0x50);
	assert_int_equal(rd(f, FLASH), 0xffffffff); /* unchanged, as on the medium */
	m.fail_write = false;
	wr(f, FLASH, 0x20);
	wr(f, FLASH, 0x11); /* not confirmed */
	assert_int_equal(rd(f, FLASH), 0xb000b0);
	wr(f, FLASH, 0x50);
	wr(f, FLASH, 0xe8);
	wr(f, FLASH, 512); /* too long for the buffer */
	assert_int_equal(rd(f, FLASH), 0xb000b0);
	wr(f, FLASH, 0x50);
	wr(f, FLASH, 0xe8);
	wr(f, FLASH, 1);
	wr(f, FLASH, 0);
	wr(f, FLASH + 0x800, 0); /* another block */
	assert_int_equal(rd(f, FLASH), 0xb000b0);
	wr(f, FLASH, 0xff);
	assert_int_equal(rd(f, FLASH), 0xffffffff);
	stop(f, &m);
}

/* Failure: a read-only image is written, or the guest takes it for a broken flash. */
static void read_only_medium_is_locked(void **unused)
{
	struct medium m;
	struct fake *f = start(&m, true);
	(void)unused;
	program(f, 0, 0);
	assert_int_equal(rd(f, FLASH), 0x920092);
	wr(f, FLASH, 0x50);
	erase(f, 0);
	assert_int_equal(rd(f, FLASH), 0xa200a2);
	assert_int_equal(m.writes, 0);
	stop(f, &m);
}

/* Failure: code in flash crawls, or reads see the array where they should see registers. */
static void array_is_memory_again_after_a_while(void **unused)
{
	struct fake *f = start(NULL, false);
	(void)unused;
	assert_int_equal(fake_range(f, FLASH)->kind, RANGE_ROM);
	wr(f, FLASH, 0x70);
	assert_int_equal(fake_range(f, FLASH)->kind, RANGE_MMIO);
	fake_advance(f, 1000000);
	assert_int_equal(fake_range(f, FLASH)->kind, RANGE_MMIO);
	wr(f, FLASH, 0xff);
	assert_int_equal(rd(f, FLASH), 0);
	fake_advance(f, 1000000);
	assert_int_equal(fake_range(f, FLASH)->kind, RANGE_ROM);
	wr(f, FLASH, 0x40);
	hw_reset_devices(&f->hw);
	assert_int_equal(fake_range(f, FLASH)->kind, RANGE_ROM);
	wr(f, FLASH, 0x70); /* a command again, not data */
	assert_int_equal(rd(f, FLASH), 0x800080);
	stop(f, NULL);
}

/* Failure: an image of another size is half a flash. */
static void only_an_image_of_its_size_fits(void **unused)
{
	struct medium m;
	struct rhea_error err;
	struct fake *f = start(NULL, false);
	(void)unused;
	assert_false(medium_insert(&f->pflash, &m, SIZE / 2, &err));
	medium_remove(&f->pflash, &m);
	assert_false(medium_insert(&f->pflash, &m, SIZE + 512, &err));
	medium_remove(&f->pflash, &m);
	stop(f, NULL);
}

static uint32_t next_random(uint64_t *state)
{
	*state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)(*state >> 33);
}

/* Failure: accesses at random crash the model, or array and medium part. */
static void random_accesses_do_no_harm(void **unused)
{
	static const uint8_t commands[] = {0xff, 0x10, 0x40, 0x20, 0x50, 0x60, 0x70, 0x90, 0x98, 0xb0, 0xd0, 0xd0, 0xd0, 0xe8, 0xf0, 3};
	const char *text = getenv("RHEA_TEST_SEED");
	unsigned long seed = text ? strtoul(text, NULL, 0) : 1;
	uint64_t rng = seed;
	struct medium m;
	struct fake *f = start(&m, false);
	(void)unused;
	print_message("RHEA_TEST_SEED=%lu\n", seed);
	f->log.mask = 0;
	for (unsigned i = 0; i < 100000; i++) {
		unsigned size = 1u << (next_random(&rng) % 3);
		uint32_t r = next_random(&rng), off = (r % 2 ? r / 2 % 0x2000 : r * 2 % SIZE) & ~(size - 1);
		m.fail_write = next_random(&rng) % 16 == 0;
		if (r / 4 % 8 == 0)
			fake_read(f, FLASH + off, size);
		else
			fake_write(f, FLASH + off, size, r / 32 % 4 ? commands[r / 128 % ARRAY_LEN(commands)] : next_random(&rng) << 1);
		if (r / 256 % 128 == 0)
			fake_advance(f, r);
	}
	hw_reset_devices(&f->hw);
	assert_memory_equal(fake_range(f, FLASH)->host, m.bytes, SIZE);
	stop(f, &m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cfi_query_and_identification),
		cmocka_unit_test(programs_and_erases_through_to_the_medium),
		cmocka_unit_test(writes_through_the_buffer),
		cmocka_unit_test(errors_are_in_the_status),
		cmocka_unit_test(read_only_medium_is_locked),
		cmocka_unit_test(array_is_memory_again_after_a_while),
		cmocka_unit_test(only_an_image_of_its_size_fits),
		cmocka_unit_test(random_accesses_do_no_harm),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
