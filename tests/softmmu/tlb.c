/* SPDX-License-Identifier: Apache-2.0 */
/* The tables that emitted code reads. A failure means a stale translation, or a store to translated
 * code that bypasses the slow path. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "ir/ir.h"
#include "softmmu/tlb.h"

/* va -> pa is "va modulo RAM_SIZE, plus base"; the tests move the base. */
#define RAM_SIZE (1u << 20)
#define WORD IR_MEMOP(2, 0, IR_ALIGN_FAULT, 0)

struct fixture {
	struct address_space *as;
	struct tlb_tables *tables;
	void *mem; /* of the tables, which start off a page boundary as in a machine's big object */
	size_t mem_size;
	struct softmmu *mmu;
	uint8_t *ram;
	uint32_t base;
	uint8_t page_bits;
	unsigned walks, asked, faults, ios;
};

static bool on_walk(void *opaque, gva_t va, enum mem_access access, unsigned space, struct mem_walk *out)
{
	struct fixture *f = opaque;
	(void)access;
	(void)space;
	f->walks++;
	*out = (struct mem_walk){ .pa = GPA(f->base + va.v % RAM_SIZE), .page_bits = f->page_bits };
	return true;
}

static void on_fault(void *opaque, enum mem_fault what, gva_t va, enum mem_access access, unsigned space)
{
	(void)what, (void)va, (void)access, (void)space;
	((struct fixture *)opaque)->faults++;
}

static bool on_code_write(void *opaque, uint8_t *host, unsigned size)
{
	(void)host, (void)size;
	((struct fixture *)opaque)->asked++;
	return true;
}

static void on_io(void *opaque)
{
	((struct fixture *)opaque)->ios++;
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	struct softmmu_owner owner = { f, on_walk, on_walk, on_fault, on_code_write, on_io };
	f->mem_size = sizeof *f->tables + PAGE_SIZE;
	f->mem = mmap(NULL, f->mem_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	f->tables = (struct tlb_tables *)((uint8_t *)f->mem + 64);
	f->as = as_new(MEM_ERROR, NULL, NULL);
	f->ram = as_map_ram(f->as, GPA(0), 4 * RAM_SIZE, "ram", NULL);
	f->page_bits = 12;
	f->mmu = softmmu_new(f->as, f->tables, &owner, NULL);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	softmmu_free(f->mmu);
	as_free(f->as);
	munmap(f->mem, f->mem_size);
	free(f);
	return 0;
}

static uint64_t addend(const struct fixture *f, enum mem_access access, uint32_t va)
{
	return f->tables->addend[0][access][va >> 12];
}

static void store(struct fixture *f, uint32_t va)
{
	assert_int_equal(softmmu_store(f->mmu, GVA(va), WORD, va), MEM_DONE);
}

static void descriptors_are_the_same_as_the_ir_s(void **state)
{
	(void)state;
	for (unsigned m = 0; m < 0x10000; m++) {
		assert_int_equal(memop_size((uint16_t)m), ir_memop_size((uint16_t)m));
		assert_int_equal(memop_signed((uint16_t)m), ir_memop_signed((uint16_t)m));
		assert_int_equal(memop_be((uint16_t)m), ir_memop_be((uint16_t)m));
		assert_int_equal((int)memop_align((uint16_t)m), (int)ir_memop_align((uint16_t)m));
		assert_int_equal(memop_space((uint16_t)m), ir_memop_space((uint16_t)m));
	}
}

static void an_access_fills_its_own_kind_and_space(void **state)
{
	struct fixture *f = *state;
	uint64_t v;
	store(f, 0x80001234);
	assert_true(addend(f, MEM_WRITE, 0x80001000) + 0x80001234 == (uintptr_t)f->ram + 0x1234);
	assert_int_equal(addend(f, MEM_READ, 0x80001000), 0);
	assert_int_equal(f->tables->addend[1][MEM_WRITE][0x80001], 0);
	softmmu_load(f->mmu, GVA(0x80001234), WORD, &v);
	assert_int_equal(v, 0x80001234);
	assert_int_equal(addend(f, MEM_READ, 0x80001000), addend(f, MEM_WRITE, 0x80001000));
	softmmu_flush_page(f->mmu, GVA(0x80001fff));
	assert_int_equal(addend(f, MEM_READ, 0x80001000) | addend(f, MEM_WRITE, 0x80001000), 0);
}

static void flush_forgets_more_than_the_journal_holds(void **state)
{
	struct fixture *f = *state;
	uint64_t v;
	for (uint32_t page = 0; page < 40000; page++) {
		store(f, page << 12);
		softmmu_load(f->mmu, GVA(page << 12), WORD, &v);
		softmmu_set_exec_tag(f->mmu, 1, GVA(page << 12), page + 1);
	}
	assert_int_equal(tlb_exec_tag(f->tables, 1, GVA(39999u << 12)), 40000);
	softmmu_flush(f->mmu);
	for (uint32_t page = 0; page < 40000; page++)
		assert_int_equal(addend(f, MEM_READ, page << 12) | addend(f, MEM_WRITE, page << 12) |
				 f->tables->exec_tag[1][page], 0);
	/* and goes on working */
	store(f, 0);
	assert_true(addend(f, MEM_WRITE, 0) != 0);
	softmmu_flush(f->mmu);
	assert_int_equal(addend(f, MEM_WRITE, 0), 0);
}

static void code_pages_lose_the_write_addends_of_every_alias(void **state)
{
	struct fixture *f = *state;
	for (unsigned overflow = 0; overflow < 2; overflow++) {
		for (uint32_t alias = 0; alias < (overflow ? 300 : 3); alias++)
			for (uint32_t page = 0; page < 256; page++)
				store(f, alias * RAM_SIZE + page * PAGE_SIZE);
		softmmu_protect_code(f->mmu, f->ram + 0x5678);
		for (uint32_t alias = 0; alias < 300; alias++)
			assert_int_equal(addend(f, MEM_WRITE, alias * RAM_SIZE + 0x5000), 0);
		if (!overflow)
			assert_true(addend(f, MEM_WRITE, 0x6000) != 0);
		f->asked = 0;
		store(f, 2 * RAM_SIZE + 0x5000);
		assert_int_equal(f->asked, 1);
		assert_int_equal(addend(f, MEM_WRITE, 2 * RAM_SIZE + 0x5000), 0);
		softmmu_unprotect_code(f->mmu, f->ram + 0x5000);
		store(f, 2 * RAM_SIZE + 0x5000);
		assert_int_equal(f->asked, 1);
		assert_true(addend(f, MEM_WRITE, 2 * RAM_SIZE + 0x5000) != 0);
	}
}

static void many_code_pages_come_and_go(void **state)
{
	struct fixture *f = *state;
	bool marked[1024] = { false };
	srand(1);
	for (unsigned i = 0; i < 100000; i++) {
		unsigned page = (unsigned)rand() % 1024;
		f->asked = 0;
		store(f, 0x10000000 + (page % 256) * PAGE_SIZE);
		assert_int_equal(f->asked, marked[page % 256]);
		marked[page] = rand() & 1;
		if (marked[page])
			softmmu_protect_code(f->mmu, f->ram + page * PAGE_SIZE);
		else
			softmmu_unprotect_code(f->mmu, f->ram + page * PAGE_SIZE);
	}
}

/* Failure: a store goes to where the page was before, or past a watchpoint. */
static void stores_beside_code_are_forgotten_with_their_page(void **state)
{
	static const uint8_t sizes[] = { 12, 20 };
	struct fixture *f = *state;
	for (unsigned i = 0; i < ARRAY_LEN(sizes); i++) {
		f->page_bits = sizes[i];
		softmmu_protect_code(f->mmu, f->ram + 0x5000);
		assert_null(softmmu_beside_code(f->mmu, GVA(0x5010), WORD));
		store(f, 0x5000);
		assert_ptr_equal(softmmu_beside_code(f->mmu, GVA(0x5010), WORD), f->ram + 0x5010);
		assert_null(softmmu_beside_code(f->mmu, GVA(0x5011), WORD));
		assert_null(softmmu_beside_code(f->mmu, GVA(0x5010), WORD | IR_MEMOP_BE));
		assert_null(softmmu_beside_code(f->mmu, GVA(0x5010), WORD | 1u << 8));
		assert_null(softmmu_beside_code(f->mmu, GVA(0x5010 + RAM_SIZE), WORD));
		softmmu_flush_page(f->mmu, GVA(sizes[i] == 12 ? 0x5ffc : 0x8000));
		assert_null(softmmu_beside_code(f->mmu, GVA(0x5010), WORD));
		store(f, 0x5000);
		assert_non_null(softmmu_beside_code(f->mmu, GVA(0x5010), WORD));
		softmmu_flush(f->mmu);
		assert_null(softmmu_beside_code(f->mmu, GVA(0x5010), WORD));
		store(f, 0x5000);
		softmmu_watch(f->mmu, &(struct gva_span){0x5800, 0x5803}, 1);
		assert_null(softmmu_beside_code(f->mmu, GVA(0x5010), WORD));
		store(f, 0x5000);
		assert_null(softmmu_beside_code(f->mmu, GVA(0x5010), WORD));
		softmmu_watch(f->mmu, NULL, 0);
		softmmu_unprotect_code(f->mmu, f->ram + 0x5000);
	}
	softmmu_slow(f->mmu, true);
	softmmu_protect_code(f->mmu, f->ram + 0x5000);
	store(f, 0x5000);
	assert_null(softmmu_beside_code(f->mmu, GVA(0x5010), WORD));
}

/* A section goes as a whole when any address in it is flushed. */
static void flush_page_drops_the_whole_large_page(void **state)
{
	static const uint8_t sizes[] = { 16, 20, 32 };
	struct fixture *f = *state;
	for (unsigned i = 0; i < ARRAY_LEN(sizes); i++) {
		f->page_bits = sizes[i];
		store(f, 0x40000000);
		store(f, 0x40008000);
		softmmu_set_exec_tag(f->mmu, 0, GVA(0x40008000), 5);
		softmmu_flush_page(f->mmu, GVA(0x40000123));
		assert_int_equal(addend(f, MEM_WRITE, 0x40008000), 0);
		assert_int_equal(tlb_exec_tag(f->tables, 0, GVA(0x40008000)), 0);
		softmmu_flush(f->mmu);
	}
}

static void stale_walks_end_with_a_flush(void **state)
{
	struct fixture *f = *state;
	uint64_t v;
	struct mem_fetch fetch;
	f->page_bits = 10; /* never in the tables */
	f->ram[0] = 1;
	f->ram[RAM_SIZE] = 2;
	softmmu_load(f->mmu, GVA(0), IR_MEMOP(0, 0, IR_ALIGN_ANY, 0), &v);
	assert_int_equal(v, 1);
	f->walks = 0;
	softmmu_load(f->mmu, GVA(0), IR_MEMOP(0, 0, IR_ALIGN_ANY, 0), &v);
	assert_int_equal(f->walks, 0); /* device loops do not walk each time */
	f->base = RAM_SIZE;
	softmmu_flush_page(f->mmu, GVA(0x400));
	softmmu_load(f->mmu, GVA(0), IR_MEMOP(0, 0, IR_ALIGN_ANY, 0), &v);
	assert_int_equal(v, 2);
	assert_int_equal(softmmu_fetch(f->mmu, GVA(0x404), 0, &fetch), MEM_DONE);
	assert_ptr_equal(fetch.host, f->ram + RAM_SIZE + 0x404);
	assert_int_equal(fetch.valid, 0x3fc);
	assert_false(fetch.whole_page);
}

static void values_come_as_the_descriptor_says(void **state)
{
	static const struct {
		uint16_t memop;
		uint32_t va;
		uint64_t value;
	} rows[] = {
		{ IR_MEMOP(0, 0, IR_ALIGN_ANY, 0), 7, 0x88 },
		{ IR_MEMOP(0, 1, IR_ALIGN_ANY, 0), 7, 0xffffffffffffff88 },
		{ IR_MEMOP(1, 1, IR_ALIGN_ANY, 0), 6, 0xffffffffffff8877 },
		{ IR_MEMOP(1, 1, IR_ALIGN_ANY, 0) | IR_MEMOP_BE, 6, 0x7788 },
		{ IR_MEMOP(2, 0, IR_ALIGN_ANY, 0), 1, 0x55443322 },
		{ IR_MEMOP(2, 0, IR_ALIGN_FORCE, 0), 3, 0x44332211 },
		{ IR_MEMOP(2, 0, IR_ALIGN_ROTATE, 0), 1, 0x11443322 },
		{ IR_MEMOP(2, 0, IR_ALIGN_ROTATE, 0), 3, 0x33221144 },
		{ IR_MEMOP(2, 1, IR_ALIGN_ANY, 0), 4, 0xffffffff88776655 },
		{ IR_MEMOP(3, 0, IR_ALIGN_ANY, 0), 0, 0x8877665544332211 },
		{ IR_MEMOP(3, 0, IR_ALIGN_ANY, 0) | IR_MEMOP_BE, 0, 0x1122334455667788 },
	};
	struct fixture *f = *state;
	uint64_t v;
	for (unsigned i = 0; i < 8; i++)
		f->ram[i] = (uint8_t)(0x11 * (i + 1));
	for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
		assert_int_equal(softmmu_load(f->mmu, GVA(rows[i].va), rows[i].memop, &v), MEM_DONE);
		assert_true(v == rows[i].value);
	}
	assert_int_equal(softmmu_load(f->mmu, GVA(2), WORD, &v), MEM_FAULT);
	assert_int_equal(f->faults, 1);
	assert_int_equal(f->ios, 0);
	f->base = 0x1000000; /* nothing there */
	softmmu_flush(f->mmu);
	assert_int_equal(softmmu_load(f->mmu, GVA(0), WORD, &v), MEM_FAULT);
	assert_int_equal(softmmu_store(f->mmu, GVA(0), WORD, 0), MEM_FAULT);
	assert_int_equal(f->faults, 3);
}

/* Failure: a kernel that drops one page forgets all, or keeps what it dropped. */
static void flush_page_leaves_the_others(void **state)
{
	struct fixture *f = *state;
	uint64_t v;
	f->page_bits = 10;
	softmmu_load(f->mmu, GVA(0x2000), WORD, &v);
	f->walks = 0;
	assert_false(softmmu_flush_page(f->mmu, GVA(0x1000)));
	softmmu_load(f->mmu, GVA(0x2000), WORD, &v);
	assert_int_equal(f->walks, 0);
	softmmu_set_exec_tag(f->mmu, 1, GVA(0x2000), 5);
	assert_false(softmmu_flush_page(f->mmu, GVA(0x1000)));
	assert_true(softmmu_flush_page(f->mmu, GVA(0x2abc)));
	assert_false(softmmu_flush_page(f->mmu, GVA(0x2abc)));
	softmmu_load(f->mmu, GVA(0x2000), WORD, &v);
	assert_int_equal(f->walks, 1);
}

/* ---- devices: what is called with which offset and size ---- */

struct device {
	uint32_t off, value;
	unsigned size, calls;
	bool fails;
};

static enum mem_result device_read(void *dev, uint32_t off, unsigned size, uint32_t *value)
{
	struct device *d = dev;
	*d = (struct device){ .off = off, .size = size, .calls = d->calls + 1, .value = d->value, .fails = d->fails };
	*value = d->value;
	return d->fails ? MEM_ERROR : MEM_OK;
}

static enum mem_result device_write(void *dev, uint32_t off, unsigned size, uint32_t value)
{
	struct device *d = dev;
	*d = (struct device){ .off = off, .size = size, .calls = d->calls + 1, .value = value, .fails = d->fails };
	return d->fails ? MEM_ERROR : MEM_OK;
}

/* Failure: the short way to a device differs from the long one. Each access is made twice: the first takes the long way. */
static void devices_answer_the_same_the_short_way(void **state)
{
	static const struct mem_ops any = { device_read, device_write, 1, 4 }, words = { device_read, device_write, 4, 4 };
	static const struct {
		bool wide;
		uint16_t memop;
		uint32_t va, off;
		unsigned size;
		uint64_t loaded, stored;
	} rows[] = {
		{ false, WORD, 0x1010, 0x10, 4, 0x81828384, 0x11223344 },
		{ false, IR_MEMOP(1, 0, IR_ALIGN_ANY, 0), 0x1012, 0x12, 2, 0x8384, 0x3344 },
		{ false, IR_MEMOP(1, 1, IR_ALIGN_ANY, 0), 0x1012, 0x12, 2, 0xffffffffffff8384, 0x3344 },
		{ false, IR_MEMOP(0, 0, IR_ALIGN_ANY, 0), 0x1013, 0x13, 1, 0x84, 0x44 },
		{ false, IR_MEMOP(2, 0, IR_ALIGN_ANY, 0) | IR_MEMOP_BE, 0x1010, 0x10, 4, 0x84838281, 0x44332211 },
		{ true, WORD, 0x1014, 0x14, 4, 0x81828384, 0x11223344 },
		{ true, IR_MEMOP(0, 0, IR_ALIGN_ANY, 0), 0x1015, 0x14, 4, 0x83, 0x4400 },
	};
	struct fixture *f = *state;
	uint64_t v;
	for (unsigned i = 0; i < ARRAY_LEN(rows) * 2; i++) {
		struct device d = { .value = 0x81828384 };
		if (i % 2 == 0)
			as_map_mmio(f->as, GPA(0x1000), 0x1000, rows[i / 2].wide ? &words : &any, &d, "device", NULL);
		else
			as_map_mmio(f->as, GPA(0x0800), 0x2000, rows[i / 2].wide ? &words : &any, &d, "device", NULL);
		uint32_t off = rows[i / 2].off + (i % 2 ? 0x800 : 0);
		softmmu_flush(f->mmu); /* as the owner does after a change of the map */
		for (unsigned turn = 1; turn <= 2; turn++) {
			assert_int_equal(softmmu_load(f->mmu, GVA(rows[i / 2].va), rows[i / 2].memop, &v), MEM_DONE);
			assert_true(v == rows[i / 2].loaded);
			assert_int_equal(d.calls, turn);
			assert_int_equal(d.off, off);
			assert_int_equal(d.size, rows[i / 2].size);
		}
		for (unsigned turn = 3; turn <= 4; turn++) {
			assert_int_equal(softmmu_store(f->mmu, GVA(rows[i / 2].va), rows[i / 2].memop, 0x11223344), MEM_DONE);
			assert_true(d.value == rows[i / 2].stored);
			assert_int_equal(d.calls, turn);
			assert_int_equal(d.off, off);
			assert_int_equal(d.size, rows[i / 2].size);
		}
		assert_int_equal(f->ios, 4 * (i + 1));
		assert_int_equal(f->faults, 2 * i);
		d.fails = true;
		assert_int_equal(softmmu_load(f->mmu, GVA(rows[i / 2].va), rows[i / 2].memop, &v), MEM_FAULT);
		assert_int_equal(softmmu_store(f->mmu, GVA(rows[i / 2].va), rows[i / 2].memop, 0), MEM_FAULT);
		f->ios -= 2;
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(descriptors_are_the_same_as_the_ir_s),
		TEST(an_access_fills_its_own_kind_and_space),
		TEST(flush_forgets_more_than_the_journal_holds),
		TEST(code_pages_lose_the_write_addends_of_every_alias),
		TEST(many_code_pages_come_and_go),
		TEST(stores_beside_code_are_forgotten_with_their_page),
		TEST(flush_page_drops_the_whole_large_page),
		TEST(stale_walks_end_with_a_flush),
		TEST(values_come_as_the_descriptor_says),
		TEST(flush_page_leaves_the_others),
		TEST(devices_answer_the_same_the_short_way),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
