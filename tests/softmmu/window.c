/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The window: what it says it serves against what the host does when the address is touched. A failure means that emitted
 * code would read or write something else than the physical map has there, or never get the fast way back.
 *
 *   RHEA_SEED=n replays the random test with seed n.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "softmmu/tlb.h"

#define MIB (1u << 20)
#define GUARD 0x10000u

struct fixture {
	struct address_space *as;
	struct tlb_tables *tables;
	struct softmmu *mmu;
	uint8_t *at, *ram;
	struct mem_ops ops;
};

/* ---- touching ------------------------------------------------------------------------------------ */

static sigjmp_buf out;

static void on_segv(int sig)
{
	siglongjmp(out, sig);
}

/* Does reading a word not trap? Then *value is what was there. (cmocka's own handler is in place at a test's start.) */
static bool reads(const struct fixture *f, uint64_t va, uint32_t *value)
{
	signal(SIGSEGV, on_segv);
	if (sigsetjmp(out, 1))
		return false;
	*value = *(volatile uint32_t *)(f->at + va);
	return true;
}

static bool writes(const struct fixture *f, uint64_t va, uint32_t value)
{
	signal(SIGSEGV, on_segv);
	if (sigsetjmp(out, 1))
		return false;
	*(volatile uint32_t *)(f->at + va) = value;
	return true;
}

/* ---- the machine's side ---------------------------------------------------------------------------- */

static bool on_walk(void *opaque, gva_t va, enum mem_access access, unsigned space, struct mem_walk *w)
{
	(void)opaque, (void)access, (void)space;
	*w = (struct mem_walk){.pa = GPA(va.v), .page_bits = 32};
	return true;
}

static void on_fault(void *opaque, enum mem_fault what, gva_t va, enum mem_access access, unsigned space)
{
	(void)opaque, (void)what, (void)va, (void)access, (void)space;
}

static bool on_code_write(void *opaque, uint8_t *host, unsigned size)
{
	(void)opaque, (void)host, (void)size;
	return true;
}

static void on_io(void *opaque)
{
	(void)opaque;
}

static enum mem_result io_read(void *dev, uint32_t off, unsigned size, uint32_t *value)
{
	(void)dev, (void)off, (void)size;
	*value = 0;
	return MEM_OK;
}

static enum mem_result io_write(void *dev, uint32_t off, unsigned size, uint32_t value)
{
	(void)dev, (void)off, (void)size, (void)value;
	return MEM_OK;
}

static void on_changed(void *opaque, gpa_t base, uint64_t size)
{
	struct fixture *f = opaque;
	if (f->mmu)
		softmmu_window_changed(f->mmu, base, size);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	struct softmmu_owner owner = {f, on_walk, on_walk, on_fault, on_code_write, on_io};
	f->ops = (struct mem_ops){.read = io_read, .write = io_write};
	f->tables = mmap(NULL, sizeof *f->tables, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	uint8_t *p = mmap(NULL, WINDOW_SIZE + 2 * GUARD, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	assert_true(p != MAP_FAILED);
	f->at = p + GUARD;
	f->as = as_new(MEM_ERROR, on_changed, f);
	f->ram = as_map_ram(f->as, GPA(0), 4 * MIB, "ram", NULL);
	f->mmu = softmmu_new(f->as, f->tables, &owner, NULL);
	assert_true(softmmu_use_window(f->mmu, f->at));
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	softmmu_free(f->mmu);
	as_free(f->as);
	munmap(f->at - GUARD, WINDOW_SIZE + 2 * GUARD);
	munmap(f->tables, sizeof *f->tables);
	free(f);
	signal(SIGSEGV, SIG_DFL);
	return 0;
}

static void open_wanted(const struct fixture *f)
{
	struct window_mask mask;
	softmmu_window_wanted(f->mmu, &mask);
	assert_true(softmmu_window_set(f->mmu, &mask));
}

/* What a page is, found without the window's own arithmetic: memory that one range has whole. */
static const struct mem_range *memory_at(const struct fixture *f, uint32_t page)
{
	const struct mem_range *r = as_find(f->as, GPA(page));
	return r && r->kind != RANGE_MMIO && r == as_find(f->as, GPA(page + PAGE_MASK)) ? r : NULL;
}

static void check_word(const struct fixture *f, uint32_t va)
{
	const struct mem_range *r = memory_at(f, va & ~PAGE_MASK);
	uint32_t seen = 0, stamp = va * 2654435761u + 1, old;
	bool read = softmmu_window_serves(f->mmu, GVA(va), false), write = softmmu_window_serves(f->mmu, GVA(va), true);
	if (reads(f, va, &seen) != read)
		fail_msg("0x%08x: a read is %sserved", va, read ? "not " : "");
	if (!read) {
		if (write || writes(f, va, 0))
			fail_msg("0x%08x: a write is served, a read is not", va);
		return;
	}
	assert_non_null(r);
	uint8_t *host = r->host + (va - r->base.v);
	memcpy(&old, host, 4);
	assert_int_equal(seen, old);
	if (write) {
		softmmu_window_reopen(f->mmu, GVA(va));
		assert_int_equal(r->kind, RANGE_RAM);
	}
	if (writes(f, va, stamp) != write)
		fail_msg("0x%08x: a write is %sserved", va, write ? "not " : "");
	if (write) {
		assert_memory_equal(host, &stamp, 4);
		memcpy(host, &old, 4);
	}
}

static void check(const struct fixture *f, uint32_t va, bool read, bool write)
{
	if (softmmu_window_serves(f->mmu, GVA(va), false) != read || softmmu_window_serves(f->mmu, GVA(va), true) != write)
		fail_msg("0x%08x: reads %d, writes %d; expected %d, %d", va, softmmu_window_serves(f->mmu, GVA(va), false),
			 softmmu_window_serves(f->mmu, GVA(va), true), read, write);
	check_word(f, va);
}

/* ---- MiB ------------------------------------------------------------------------------------------- */

static void starts_closed(void **state)
{
	const struct fixture *f = *state;
	check(f, 0, false, false);
	check(f, 0xfffffffc, false, false);
}

static void opens_and_closes_by_mib(void **state)
{
	const struct fixture *f = *state;
	assert_true(softmmu_window_open(f->mmu, GVA(MIB + 0x1234)));
	assert_true(softmmu_window_is_open(f->mmu, GVA(MIB)));
	check(f, MIB - 4, false, false);
	check(f, MIB, true, true);
	check(f, 2 * MIB - 4, true, true);
	check(f, 2 * MIB, false, false);
	struct window_mask mask = {.mib = {1u << 0 | 1u << 3}};
	assert_true(softmmu_window_set(f->mmu, &mask));
	check(f, 0, true, true);
	check(f, MIB, false, false);
	check(f, 4 * MIB - 4, true, true);
	check(f, 4 * MIB, false, false);
}

static void wants_every_mib_with_memory(void **state)
{
	const struct fixture *f = *state;
	struct window_mask mask;
	static uint8_t client[PAGE_SIZE] __attribute__((aligned(4096)));
	as_map_ram(f->as, GPA(0xfffff000), PAGE_SIZE, "top", NULL);
	as_map_rom(f->as, GPA(5 * MIB - PAGE_SIZE), 2 * PAGE_SIZE, "rom", NULL);
	as_map_host(f->as, GPA(9 * MIB), PAGE_SIZE, RANGE_RAM, client, "client", NULL);
	as_map_mmio(f->as, GPA(10 * MIB), PAGE_SIZE, &f->ops, NULL, "dev", NULL);
	as_map_ram(f->as, GPA(WINDOW_SIZE), MIB, "beyond", NULL);
	softmmu_window_wanted(f->mmu, &mask);
	assert_int_equal(mask.mib[0], 0x3f);
	assert_int_equal(mask.mib[127], 1u << 31);
	assert_true(softmmu_window_set(f->mmu, &mask));
	check(f, 0xfffff000, true, true);
	check(f, 0xfffffffc, true, true);
	check(f, 0xffffeffc, false, false);
	check(f, 5 * MIB, true, false);
	check(f, 5 * MIB + PAGE_SIZE, false, false);
}

/* A range that goes on above 4 GiB: the window ends there, and what lies above has no part in it. */
static void ends_at_4_gib(void **state)
{
	const struct fixture *f = *state;
	uint32_t word;
	as_map_ram(f->as, GPA(WINDOW_SIZE - MIB), 2 * MIB, "across", NULL);
	open_wanted(f);
	check(f, 0xfff00000, true, true);
	check(f, 0xfffffffc, true, true);
	assert_false(reads(f, WINDOW_SIZE, &word));
	as_unmap(f->as, GPA(WINDOW_SIZE), MIB);
	check(f, 0xfffffffc, true, true);
	as_map_ram(f->as, GPA(WINDOW_SIZE + 2 * MIB), MIB, "above", NULL);
	check(f, 2 * MIB, true, true);
}

/* ---- pages with code --------------------------------------------------------------------------------- */

static void code_is_read_only_at_every_alias(void **state)
{
	struct fixture *f = *state;
	as_map_alias(f->as, GPA(8 * MIB), GPA(MIB), MIB, "alias", NULL);
	as_map_alias(f->as, GPA(10 * MIB), GPA(MIB + 2 * PAGE_SIZE), PAGE_SIZE, "page", NULL);
	open_wanted(f);
	softmmu_protect_code(f->mmu, f->ram + MIB + 2 * PAGE_SIZE + 0x123);
	const uint32_t where[] = {MIB + 2 * PAGE_SIZE, 8 * MIB + 2 * PAGE_SIZE, 10 * MIB};
	for (unsigned i = 0; i < ARRAY_LEN(where); i++) {
		check(f, where[i], true, false);
		check(f, where[i] + PAGE_MASK - 3, true, false);
	}
	check(f, MIB + PAGE_SIZE, true, true);
	check(f, 8 * MIB + 3 * PAGE_SIZE, true, true);
	softmmu_unprotect_code(f->mmu, f->ram + MIB + 2 * PAGE_SIZE);
	for (unsigned i = 0; i < ARRAY_LEN(where); i++)
		check(f, where[i], true, true);
}

/* Writable again only when asked for; protected again at once. */
static void reopening_is_lazy(void **state)
{
	const struct fixture *f = *state;
	open_wanted(f);
	for (unsigned i = 0; i < 3; i++) {
		softmmu_protect_code(f->mmu, f->ram);
		assert_false(writes(f, 0, 0));
		softmmu_unprotect_code(f->mmu, f->ram);
		assert_false(writes(f, 0, 0));
		if (i == 1)
			continue; /* protected once more without ever having been writable */
		softmmu_window_reopen(f->mmu, GVA(0xffc));
		assert_true(writes(f, 0, 0));
		assert_true(writes(f, 0xffc, 0));
	}
}

/* Code that was there before its MiB opened, and code in a MiB that closes and opens. */
static void code_stays_read_only_when_its_mib_opens(void **state)
{
	const struct fixture *f = *state;
	softmmu_protect_code(f->mmu, f->ram + MIB);
	softmmu_window_open(f->mmu, GVA(MIB));
	check(f, MIB, true, false);
	static const struct window_mask none;
	softmmu_window_set(f->mmu, &none);
	softmmu_protect_code(f->mmu, f->ram + MIB + PAGE_SIZE);
	softmmu_unprotect_code(f->mmu, f->ram + MIB);
	softmmu_window_open(f->mmu, GVA(MIB));
	assert_true(writes(f, MIB, 1));
	check(f, MIB + PAGE_SIZE, true, false);
}

/* ---- the map changes ----------------------------------------------------------------------------------- */

static void follows_the_map(void **state)
{
	struct fixture *f = *state;
	static uint8_t client[2 * PAGE_SIZE] __attribute__((aligned(4096)));
	open_wanted(f);
	softmmu_protect_code(f->mmu, f->ram + 5 * PAGE_SIZE);
	as_unmap(f->as, GPA(4 * PAGE_SIZE), 4 * PAGE_SIZE);
	check(f, 4 * PAGE_SIZE - 4, true, true);
	check(f, 4 * PAGE_SIZE, false, false);
	check(f, 8 * PAGE_SIZE, true, true);
	as_map_alias(f->as, GPA(4 * PAGE_SIZE), GPA(2 * MIB), PAGE_SIZE, "alias", NULL);
	as_map_ram(f->as, GPA(5 * PAGE_SIZE), PAGE_SIZE, "other", NULL); /* the old page's code is not this one's */
	check(f, 4 * PAGE_SIZE, true, true);
	check(f, 5 * PAGE_SIZE, true, true);
	as_map_host(f->as, GPA(6 * PAGE_SIZE), 2 * PAGE_SIZE, RANGE_RAM, client, "client", NULL);
	check(f, 6 * PAGE_SIZE, false, false);
	uint8_t *rom = as_map_rom(f->as, GPA(16 * PAGE_SIZE), 4 * PAGE_SIZE, "rom", NULL);
	check(f, 16 * PAGE_SIZE, true, false);
	as_map_rom_device(f->as, GPA(16 * PAGE_SIZE), PAGE_SIZE, rom, &f->ops, NULL, "flash", NULL);
	check(f, 16 * PAGE_SIZE, true, false);
	as_map_mmio(f->as, GPA(16 * PAGE_SIZE), PAGE_SIZE, &f->ops, NULL, "flash", NULL);
	check(f, 16 * PAGE_SIZE, false, false);
	check(f, 17 * PAGE_SIZE, true, false);
}

/* A device of a few bytes in the middle of RAM takes its pages away, no more; what is left on both sides is whole. */
static void odd_sizes(void **state)
{
	struct fixture *f = *state;
	open_wanted(f);
	as_map_mmio(f->as, GPA(MIB + 0xff0), 0x30, &f->ops, NULL, "dev", NULL);
	check(f, MIB - 4, true, true);
	check(f, MIB, false, false);
	check(f, MIB + PAGE_SIZE + 0x800, false, false);
	check(f, MIB + 2 * PAGE_SIZE, true, true);
	check(f, 2 * MIB, true, true);
	softmmu_protect_code(f->mmu, f->ram + MIB + 2 * PAGE_SIZE);
	check(f, MIB + 2 * PAGE_SIZE, true, false);
	softmmu_unprotect_code(f->mmu, f->ram + MIB + 2 * PAGE_SIZE);
	check(f, MIB + 2 * PAGE_SIZE, true, true);
	as_unmap(f->as, GPA(3 * MIB + 0x10), 4);
	check(f, 3 * MIB, false, false);
	check(f, 3 * MIB + PAGE_SIZE, true, true);
}

/* Memory of ours and of a client's at once: only what a file is behind can be shown. */
static void host_memory_that_outgrows_its_file(void **state)
{
	struct fixture *f = *state;
	uint8_t *rom = as_map_rom(f->as, GPA(8 * MIB), PAGE_SIZE, "rom", NULL);
	as_map_host(f->as, GPA(9 * MIB), PAGE_SIZE, RANGE_RAM, rom, "again", NULL);
	as_map_host(f->as, GPA(10 * MIB), 2 * PAGE_SIZE, RANGE_RAM, rom, "too long", NULL);
	open_wanted(f);
	check(f, 8 * MIB, true, false);
	check(f, 9 * MIB, true, true);
	assert_false(softmmu_window_serves(f->mmu, GVA(10 * MIB + PAGE_SIZE), false));
}

/* ---- everything at random -------------------------------------------------------------------------------- */

static uint32_t next(uint64_t *seed)
{
	*seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)(*seed >> 33);
}

static void change(struct fixture *f, uint64_t *s, uint8_t *client)
{
	uint32_t base = next(s) % 1600 * PAGE_SIZE, size = (1 + next(s) % 40) * PAGE_SIZE;
	uint32_t odd = next(s) % 4 ? 0 : next(s) % PAGE_SIZE & ~3u;
	struct window_mask mask;
	switch (next(s) % 12) {
	case 0: as_map_ram(f->as, GPA(base), size, "ram", NULL); break;
	case 1: as_map_rom(f->as, GPA(base), size, "rom", NULL); break;
	case 2: as_map_alias(f->as, GPA(base), GPA(next(s) % 1024 * PAGE_SIZE), size, "alias", NULL); break;
	case 3: as_map_mmio(f->as, GPA(base + odd), size / 8 + odd + 4, &f->ops, NULL, "dev", NULL); break;
	case 4: as_unmap(f->as, GPA(base + odd), size / 4 + odd); break;
	case 5: as_map_host(f->as, GPA(base), 4 * PAGE_SIZE, RANGE_RAM, client, "client", NULL); break;
	case 6: case 7: case 8: softmmu_protect_code(f->mmu, f->ram + next(s) % (4 * MIB)); break;
	case 9: softmmu_unprotect_code(f->mmu, f->ram + next(s) % (4 * MIB)); break;
	case 10: assert_true(softmmu_window_open(f->mmu, GVA(base))); break;
	case 11:
		softmmu_window_wanted(f->mmu, &mask);
		mask.mib[0] &= next(s) | next(s);
		assert_true(softmmu_window_set(f->mmu, &mask));
		break;
	}
}

static void any_sequence_of_changes(void **state)
{
	struct fixture *f = *state;
	static uint8_t client[4 * PAGE_SIZE] __attribute__((aligned(4096)));
	const char *env = getenv("RHEA_SEED");
	uint64_t seed = env ? strtoull(env, NULL, 0) : 1;
	print_message("RHEA_SEED=%llu\n", (unsigned long long)seed);
	for (uint32_t page = 0; page < 1024; page++)
		memcpy(f->ram + page * PAGE_SIZE, &page, 4);
	for (unsigned round = 0; round < 400; round++) {
		change(f, &seed, client);
		for (unsigned i = 0; i < 60; i++)
			check_word(f, next(&seed) % (1800 * PAGE_SIZE) & ~3u);
	}
	for (uint32_t page = 0; page < 1800; page++)
		check_word(f, page * PAGE_SIZE + 0xffc);
}

/* ---- a host that refuses --------------------------------------------------------------------------------- */

/* Every other page with code makes two mappings of each pair; the host has a limit. The window closes then, for good. */
static void too_many_mappings(void **state)
{
	struct fixture *f = *state;
	FILE *limit = fopen("/proc/sys/vm/max_map_count", "r");
	unsigned long max = 0, n = 0;
	assert_true(limit && fscanf(limit, "%lu", &max) == 1);
	fclose(limit);
	if (max > 300000)
		skip();
	open_wanted(f);
	uint8_t **ballast = calloc(max + 1, sizeof *ballast);
	for (; n < max; n++) { /* neighbours of different rights are never one mapping */
		ballast[n] = mmap(NULL, PAGE_SIZE, n & 1 ? PROT_READ : PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
		if (ballast[n] == MAP_FAILED)
			break;
	}
	softmmu_protect_code(f->mmu, f->ram + 0x10000);
	softmmu_protect_code(f->mmu, f->ram + 0x80000);
	bool closed = !softmmu_window_is_open(f->mmu, GVA(0x10000)), traps = !writes(f, 0x10000, 0) && !writes(f, 0x200000, 0);
	bool opens = softmmu_window_open(f->mmu, GVA(0));
	while (n--)
		munmap(ballast[n], PAGE_SIZE);
	free(ballast);
	assert_true(closed);
	assert_true(traps);
	assert_false(opens);
}

/* A limit on the size of files must not end the process: such a host gets memory without a window. */
static void file_size_limit(void **state)
{
	(void)state;
	pid_t pid = fork();
	if (pid == 0) {
		struct rlimit small;
		getrlimit(RLIMIT_FSIZE, &small);
		small.rlim_cur = PAGE_SIZE;
		struct address_space *as = setrlimit(RLIMIT_FSIZE, &small) ? NULL : as_new(MEM_ERROR, NULL, NULL);
		uint8_t *ram = as ? as_map_ram(as, GPA(0), MIB, "ram", NULL) : NULL;
		if (ram)
			ram[MIB - 1] = 1;
		_exit(ram ? 0 : 1);
	}
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(starts_closed), TEST(opens_and_closes_by_mib), TEST(wants_every_mib_with_memory), TEST(ends_at_4_gib),
		TEST(code_is_read_only_at_every_alias), TEST(reopening_is_lazy), TEST(code_stays_read_only_when_its_mib_opens),
		TEST(follows_the_map), TEST(odd_sizes), TEST(host_memory_that_outgrows_its_file), TEST(any_sequence_of_changes),
		TEST(too_many_mappings), TEST(file_size_limit),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
