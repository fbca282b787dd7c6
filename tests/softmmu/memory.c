/* SPDX-License-Identifier: Apache-2.0 */
/* The physical address space. A failure means that a board's memory map or a device's register accesses
 * are not what the board asked for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "softmmu/memory.h"

struct recorder {
	char text[512];
	enum mem_result answer;
};

static enum mem_result rec_read(void *dev, uint32_t off, unsigned size, uint32_t *value)
{
	struct recorder *r = dev;
	size_t n = strlen(r->text);
	snprintf(r->text + n, sizeof r->text - n, "r%u@%x ", size, off);
	*value = (size == 4 ? 0x03020100u : size == 2 ? 0x0100u : 0u) + off * (size == 4 ? 0x01010101u : size == 2 ? 0x0101u : 1u);
	return r->answer;
}

static enum mem_result rec_write(void *dev, uint32_t off, unsigned size, uint32_t value)
{
	struct recorder *r = dev;
	size_t n = strlen(r->text);
	snprintf(r->text + n, sizeof r->text - n, "w%u@%x=%x ", size, off, value);
	return r->answer;
}

static const struct mem_ops any_ops = { rec_read, rec_write, 0, 0 };
static const struct mem_ops word_ops = { rec_read, rec_write, 4, 4 };
static const struct mem_ops byte_ops = { rec_read, rec_write, 1, 1 };

static void expect(struct recorder *r, const char *text)
{
	assert_string_equal(r->text, text);
	r->text[0] = 0;
}

static struct recorder any, word, byte;

/* Wider than the device: split from the low address up. Narrower: the register around it. */
static void sizes_are_split_and_widened(void **state)
{
	struct address_space *as = as_new(MEM_ERROR, NULL, NULL);
	uint32_t v;
	(void)state;
	any = word = byte = (struct recorder){ .answer = MEM_OK };
	as_map_mmio(as, GPA(0x1000), 0x100, &any_ops, &any, "any", NULL);
	as_map_mmio(as, GPA(0x2000), 0x100, &word_ops, &word, "word", NULL);
	as_map_mmio(as, GPA(0x3000), 0x100, &byte_ops, &byte, "byte", NULL);
	assert_int_equal(as_mmio_read(as_find(as, GPA(0x1004)), GPA(0x1004), 4, &v), MEM_OK);
	assert_int_equal(v, 0x07060504);
	expect(&any, "r4@4 ");
	as_mmio_read(as_find(as, GPA(0x2006)), GPA(0x2006), 2, &v);
	assert_int_equal(v, 0x0706);
	expect(&word, "r4@4 ");
	as_mmio_write(as_find(as, GPA(0x2001)), GPA(0x2001), 1, 0xffffab);
	expect(&word, "w4@0=ab00 ");
	as_mmio_read(as_find(as, GPA(0x3010)), GPA(0x3010), 4, &v);
	assert_int_equal(v, 0x13121110);
	expect(&byte, "r1@10 r1@11 r1@12 r1@13 ");
	as_mmio_write(as_find(as, GPA(0x3010)), GPA(0x3010), 2, 0xabcd);
	expect(&byte, "w1@10=cd w1@11=ab ");
	as_mmio_write(as_find(as, GPA(0x1001)), GPA(0x1001), 4, 0x44332211);
	expect(&any, "w1@1=11 w2@2=3322 w1@4=44 ");
	any.answer = MEM_ERROR;
	assert_int_equal(as_mmio_read(as_find(as, GPA(0x1000)), GPA(0x1000), 4, &v), MEM_ERROR);
	as_free(as);
}

static void later_ranges_cut_earlier_ones(void **state)
{
	struct address_space *as = as_new(MEM_OK, NULL, NULL);
	uint32_t v;
	unsigned n;
	(void)state;
	any = word = (struct recorder){ .answer = MEM_OK };
	as_map_mmio(as, GPA(0x1000), 0x1000, &any_ops, &any, "outer", NULL);
	as_map_mmio(as, GPA(0x1400), 0x100, &word_ops, &word, "inner", NULL);
	const struct mem_range *r = as_ranges(as, &n);
	assert_int_equal(n, 3);
	assert_int_equal(r[0].size, 0x400);
	assert_string_equal(r[1].name, "inner");
	assert_int_equal(r[2].base.v, 0x1500);
	/* What was cut keeps its offsets. */
	as_mmio_read(as_find(as, GPA(0x1600)), GPA(0x1600), 4, &v);
	expect(&any, "r4@600 ");
	as_unmap(as, GPA(0x1000), 0x1000);
	assert_null(as_find(as, GPA(0x1400)));
	as_ranges(as, &n);
	assert_int_equal(n, 0);
	as_free(as);
}

/* Random maps against an array that names the owner of every 256 bytes. */
static void random_maps_have_the_newest_on_top(void **state)
{
	uint8_t owner[256] = { 0 }, ids[256];
	struct address_space *as = as_new(MEM_OK, NULL, NULL);
	unsigned seed = getenv("RHEA_SEED") ? (unsigned)atoi(getenv("RHEA_SEED")) : 1, n;
	(void)state;
	print_message("RHEA_SEED=%u\n", seed);
	srand(seed);
	for (unsigned i = 0; i < 20000; i++) {
		unsigned first = (unsigned)rand() % 256, len = 1 + (unsigned)rand() % (256 - first), id = (unsigned)rand() & 0xff;
		if (len > 20 && rand() % 8)
			len = 1 + len % 20;
		if (id)
			as_map_mmio(as, GPA(first * 256), len * 256, &any_ops, &ids[id], "x", NULL);
		else
			as_unmap(as, GPA(first * 256), len * 256);
		memset(owner + first, (int)id, len);
		unsigned at = (unsigned)rand() & 0xffff;
		const struct mem_range *r = as_find(as, GPA(at));
		assert_int_equal(r ? (uint8_t *)r->dev - ids : 0, owner[at >> 8]);
		r = as_ranges(as, &n);
		for (unsigned k = 1; k < n; k++)
			assert_true(r[k - 1].base.v + r[k - 1].size <= r[k].base.v && r[k].size);
	}
	as_free(as);
}

static void changed(void *opaque, gpa_t base, uint64_t size)
{
	struct recorder *r = opaque;
	snprintf(r->text, sizeof r->text, "%llx+%llx", (unsigned long long)base.v, (unsigned long long)size);
}

static void written(void *opaque, const uint8_t *host, uint64_t size)
{
	snprintf(((struct recorder *)opaque)->text, 64, "%p+%llx", (const void *)host, (unsigned long long)size);
}

static void copies_cross_ranges_and_stop_at_what_fails(void **state)
{
	struct recorder map = { .text = "" }, dma = { .text = "" };
	struct address_space *as = as_new(MEM_ERROR, changed, &map);
	char buf[0x3000], want[64];
	(void)state;
	uint8_t *ram = as_map_ram(as, GPA(0x1000), 0x1000, "ram", NULL);
	expect(&map, "1000+1000");
	uint8_t *rom = as_map_rom(as, GPA(0x2000), 0x1000, "rom", NULL);
	as_on_write(as, written, &dma);
	memset(buf, 7, sizeof buf);
	assert_int_equal(as_load(as, GPA(0x1800), buf, 0x1800), MEM_OK);
	assert_int_equal(rom[0xfff], 7);
	snprintf(want, sizeof want, "%p+1000", (void *)rom);
	expect(&dma, want);
	memset(buf, 9, sizeof buf);
	assert_int_equal(as_write(as, GPA(0x1800), buf, 0x1800), MEM_OK); /* ROM ignores */
	assert_int_equal(ram[0xfff], 9);
	assert_int_equal(rom[0], 7);
	assert_int_equal(as_load(as, GPA(0x2ff0), buf, 0x20), MEM_ERROR);
	assert_int_equal(as_read(as, GPA(0x2ff0), buf, 0x20), MEM_ERROR);
	assert_int_equal(as_read(as, GPA(0), buf, 1), MEM_ERROR);
	as_free(as);

	as = as_new(MEM_OK, NULL, NULL);
	as_map_ram(as, GPA(0x1000), 0x1000, "ram", NULL);
	memset(buf, 1, sizeof buf);
	assert_int_equal(as_read(as, GPA(0x800), buf, 0x2000), MEM_OK);
	assert_int_equal(buf[0x1fff] | buf[0] | buf[0x800], 0);
	as_free(as);
}

static void wrong_places_are_refused(void **state)
{
	struct address_space *as = as_new(MEM_OK, NULL, NULL);
	struct rhea_error err;
	static uint8_t host[2 * PAGE_SIZE];
	(void)state;
	assert_null(as_map_ram(as, GPA(0x1001), 0x1000, "ram", &err));
	assert_string_equal(err.msg, "cannot map ram: base 0x1001 and size 0x1000 must be multiples of 4096");
	assert_null(as_map_ram(as, GPA(UINT64_MAX & ~0xfffull), 0x2000, "ram", &err));
	assert_null(as_map_ram(as, GPA(0), 0, "ram", &err));
	assert_int_equal(as_map_mmio(as, GPA(0), (UINT64_C(1) << 32) + 4, &any_ops, &any, "dev", &err), RHEA_ERR_USAGE);
	assert_int_equal(as_map_alias(as, GPA(0), GPA(0x5000), 0x1000, "alias", &err), RHEA_ERR_USAGE);
	uint8_t *odd = host + (((uintptr_t)host & PAGE_MASK) ? 0 : 1);
	assert_int_equal(as_map_host(as, GPA(0), 0x1000, RANGE_RAM, odd, "host", &err), RHEA_ERR_USAGE);
	as_map_ram(as, GPA(0x1000), 0x1000, "ram", NULL);
	assert_int_equal(as_map_alias(as, GPA(0), GPA(0x1000), 0x2000, "alias", &err), RHEA_ERR_USAGE);
	as_free(as);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sizes_are_split_and_widened),
		cmocka_unit_test(later_ranges_cut_earlier_ones),
		cmocka_unit_test(random_maps_have_the_newest_on_top),
		cmocka_unit_test(copies_cross_ranges_and_stop_at_what_fails),
		cmocka_unit_test(wrong_places_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
