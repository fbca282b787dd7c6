/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Accesses that go to the window (runtime/window.c), and what must make them leave it: devices, pages with code, tables
 * that map otherwise, maps that change. A failure means that a guest sees the window: wrong memory, a device access that did
 * not happen, rights that are not those of the tables, or time that runs otherwise.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/runtime/guest.h"

#define CODE 0x1000u
#define DATA 0x200000u
#define HOOK 0x20000000u /* a device of the test's own */
#define LIMIT 4000000u

static void start(struct guest *g, const struct guest_way *way)
{
	guest_init(g, &way->cfg);
	guest_org(g, CODE);
	guest_set_pc(g, CODE);
}

static const struct vcpu *vcpu(const struct guest *g)
{
	return g->m->vcpu;
}

/* One privileged space: that of the DACR of the moment. */
static bool is_privileged(unsigned spaces)
{
	return spaces == 2 || spaces == 8;
}

static unsigned spaces(const struct guest *g)
{
	return vcpu(g)->cpu->owner_flags >> VCPU_WINDOW_SHIFT;
}

static bool has_window(const struct guest_way *way)
{
	return way->cfg.accel == RHEA_ACCEL_JIT && !way->cfg.no_window;
}

/* subs reg, reg, #1; bne to */
static void put_loop(struct guest *g, unsigned reg, uint32_t to)
{
	guest_put(g, a_subs(reg, reg, 1));
	guest_put(g, a_bcond(NE, g->at, to));
}

/* ---- devices and memory by the same instruction -------------------------------------------------------- */

/* r0: rounds; each: r5 stores to the device, then r6 to memory, by one `str` and one `ldr`, called with the address in r8. */
static void put_flipping(struct guest *g, uint32_t rounds, uint32_t to_device, uint32_t to_memory)
{
	uint32_t sub = 0x3000, at = g->at;
	guest_org(g, sub); /* [r8] = r4; r7 += [r8]; r4++ */
	guest_put(g, a_str(4, 8, 0));
	guest_put(g, a_ldr(3, 8, 0));
	guest_put(g, a_addr(7, 7, 3));
	guest_put(g, a_add(4, 4, 1));
	guest_put(g, A32_BX_LR);
	guest_org(g, at);
	guest_li(g, 0, rounds);
	uint32_t round = g->at;
	guest_li(g, 8, GUEST_IO + IO_LOG);
	guest_li(g, 5, to_device);
	uint32_t loop = g->at;
	guest_put(g, a_bl(g->at, sub));
	put_loop(g, 5, loop);
	guest_li(g, 8, DATA);
	guest_li(g, 6, to_memory);
	loop = g->at;
	guest_put(g, a_bl(g->at, sub));
	guest_put(g, a_add(8, 8, 4));
	put_loop(g, 6, loop);
	put_loop(g, 0, round);
}

static void sites_flip_between_device_and_memory(void **state)
{
	(void)state;
	EACH_CALM_WAY(way) {
		const uint32_t rounds = 100, io = 40, mem = 300;
		struct guest g;
		start(&g, way);
		put_flipping(&g, rounds, io, mem);
		guest_stop(&g);
		guest_run(&g, LIMIT);
		uint32_t value = 0, sum = 0, n = 0;
		for (uint32_t r = 0; r < rounds; r++) {
			for (uint32_t i = 0; i < io; i++, n++) {
				assert_int_equal(g.log[n], value++);
				sum += n + 1; /* reads give the number of writes so far */
			}
			for (uint32_t i = 0; i < mem; i++) {
				assert_true(r < rounds - 1 || guest_word(&g, DATA + 4 * i) == value);
				sum += value++;
			}
		}
		assert_int_equal(g.n_log, rounds * io);
		assert_int_equal(guest_reg(&g, 7), sum);
		/* They are patched, are given back after ever more accesses to memory, and stay patched in the end. */
		uint64_t traps = vcpu(&g)->stats.window_traps;
		if (has_window(way) ? traps < 10 || traps > 400 : traps != 0)
			fail_msg("%s: %llu traps", way->name, (unsigned long long)traps);
		guest_free(&g);
	}
}

/* Blocks dropped all at once while sites are patched: nothing may be kept of them. */
static void code_flushed_while_sites_are_patched(void **state)
{
	(void)state;
	EACH_WAY(way) {
		struct guest g;
		start(&g, way);
		put_flipping(&g, 3, 40, 10);
		guest_stop(&g);
		for (unsigned i = 0; i < 6; i++) {
			guest_set_pc(&g, CODE);
			guest_run(&g, LIMIT);
			if (i & 1)
				vcpu_flush_code(g.m->vcpu);
		}
		assert_int_equal(g.n_log, 6 * 120);
		for (uint32_t i = 0; i < g.n_log; i++)
			assert_int_equal(g.log[i], i + i / 40 * 10);
		guest_free(&g);
	}
}

/* ---- the end of the address space ------------------------------------------------------------------------ */

/* Memory that goes on above 4 GiB: addresses wrap all the same, with displacements, in blocks, and for stores. */
static void addresses_wrap_below_memory_above(void **state)
{
	(void)state;
	EACH_WAY(way) {
		struct guest g;
		struct rhea_error err;
		start(&g, way);
		if (rhea_map_ram(g.m, 0x80000000u, UINT64_C(3) << 30, &err)) /* 1 GiB of it above */
			fail_msg("%s", err.msg);
		const uint32_t words[] = {0x11, 0x22, 0x33, 0x44}, above[] = {0xbad, 0xbad, 0xbad, 0xbad};
		assert_int_equal(rhea_write_phys(g.m, 0xfffffff0u, words, sizeof words), RHEA_OK);
		assert_int_equal(rhea_write_phys(g.m, UINT64_C(1) << 32, above, sizeof above), RHEA_OK);
		guest_li(&g, 8, 0xfffffff8u);
		guest_put(&g, a_mov(9, 0x40));
		guest_li(&g, 0, 20);
		uint32_t loop = g.at;
		guest_put(&g, a_ldr(1, 8, 4));
		guest_put(&g, a_addr(4, 4, 1));
		guest_put(&g, a_str(4, 8, 0x48));             /* to 0x40 */
		guest_put(&g, a_ldr(1, 9, -0x44));            /* from 0xfffffffc */
		guest_put(&g, a_addr(5, 5, 1));
		guest_put(&g, a_str(5, 9, -0x50));            /* to 0xfffffff0 */
		guest_put(&g, a_ldm(8, 1 << 1 | 1 << 2 | 1 << 3 | 1 << 6)); /* ..f8, ..fc, 0, 4 */
		guest_put(&g, a_addr(7, 7, 6));
		put_loop(&g, 0, loop);
		guest_stop(&g);
		guest_run(&g, LIMIT);
		uint32_t end;
		assert_int_equal(rhea_read_phys(g.m, 0xfffffff0u, &end, 4), RHEA_OK);
		assert_int_equal(guest_reg(&g, 4), 20 * 0x44);
		assert_int_equal(guest_word(&g, 0x40), 20 * 0x44);
		assert_int_equal(end, 20 * 0x44);
		assert_int_equal(guest_reg(&g, 1), 0x33);
		assert_int_equal(guest_reg(&g, 2), 0x44);
		assert_int_equal(guest_reg(&g, 3), guest_word(&g, 0));
		assert_int_equal(guest_reg(&g, 7), 20 * guest_word(&g, 4));
		guest_free(&g);
	}
}

/* ---- pages with code ------------------------------------------------------------------------------------- */

/* A function with its data in its own page; then the function is overwritten, and in the end never called again. */
static void data_beside_code(void **state)
{
	(void)state;
	EACH_CALM_WAY(way) {
		struct guest g;
		start(&g, way);
		guest_org(&g, 0x20000);
		guest_put(&g, a_ldr(1, 8, 0x100));
		guest_put(&g, a_add(1, 1, 1));
		guest_put(&g, a_str(1, 8, 0x100));
		guest_put(&g, A32_BX_LR);
		guest_org(&g, CODE);
		guest_li(&g, 8, 0x20000);
		for (uint32_t step = 1; step <= 3; step++) {
			guest_li(&g, 0, 500);
			uint32_t loop = g.at;
			guest_put(&g, a_bl(g.at, 0x20000));
			put_loop(&g, 0, loop);
			guest_li(&g, 2, a_add(1, 1, 1 + step));
			guest_put(&g, a_str(2, 8, 4));
		}
		guest_li(&g, 0, 2000); /* the page has no code any more */
		uint32_t loop = g.at;
		guest_put(&g, a_ldr(1, 8, 0x104));
		guest_put(&g, a_add(1, 1, 1));
		guest_put(&g, a_str(1, 8, 0x104));
		put_loop(&g, 0, loop);
		guest_stop(&g);
		guest_run(&g, LIMIT);
		assert_int_equal(guest_word(&g, 0x20100), 500 * (1 + 2 + 3));
		assert_int_equal(guest_word(&g, 0x20104), 2000);
		if (has_window(way))
			assert_in_range(vcpu(&g)->stats.window_traps, 1, 60);
		guest_free(&g);
	}
}

/* ---- the map changes inside a block ------------------------------------------------------------------------ */

static bool remap_read(void *opaque, uint32_t off, unsigned size, uint32_t *value)
{
	(void)opaque, (void)off, (void)size;
	*value = 0;
	return true;
}

/* A write puts new memory over DATA, with the value written in its first word. */
static bool remap_write(void *opaque, uint32_t off, unsigned size, uint32_t value)
{
	struct guest *g = opaque;
	(void)off, (void)size;
	assert_int_equal(rhea_map_ram(g->m, DATA, PAGE_SIZE, NULL), RHEA_OK);
	uint8_t *host = as_find(g->m->as, GPA(DATA))->host;
	memcpy(host, &value, 4);
	return true;
}

static const struct rhea_mmio remapper = {remap_read, remap_write};

static void remapped_by_a_device(const struct guest_way *way, bool mmu, uint32_t misplaced)
{
	struct guest g;
	static uint8_t client[PAGE_SIZE] __attribute__((aligned(4096)));
	start(&g, way);
	assert_int_equal(rhea_map_mmio(g.m, HOOK, 0x1000, &remapper, &g, NULL), RHEA_OK);
	assert_int_equal(rhea_map_host(g.m, GUEST_RAM, PAGE_SIZE, client, false, NULL), RHEA_OK);
	if (mmu) {
		guest_mmu_on(&g);
		guest_map_section(&g, HOOK, HOOK, AP_USER);
		guest_map_section(&g, GUEST_RAM, GUEST_RAM, AP_USER);
	}
	guest_li(&g, 0, 60);
	guest_li(&g, 8, DATA);
	guest_li(&g, 9, HOOK);
	guest_li(&g, 10, GUEST_RAM);
	uint32_t loop = g.at;
	guest_put(&g, a_ldr(1, 8, 0));
	guest_put(&g, a_addr(4, 4, 1));
	for (uint32_t i = 0; i < misplaced; i++) /* memory that the window cannot show: it is given up some time */
		guest_put(&g, a_ldr(2, 10, (int32_t)i * 4));
	guest_put(&g, a_str(0, 9, 0));
	guest_put(&g, a_ldr(1, 8, 0)); /* the new memory, already in this block */
	guest_put(&g, a_addr(5, 5, 1));
	guest_put(&g, a_add(1, 1, 0x100));
	guest_put(&g, a_str(1, 8, 0));
	guest_put(&g, a_ldr(1, 8, 0));
	guest_put(&g, a_addr(6, 6, 1));
	put_loop(&g, 0, loop);
	guest_stop(&g);
	guest_run(&g, LIMIT);
	const uint32_t sum = 60 * 61 / 2;
	assert_int_equal(guest_reg(&g, 5), sum);
	assert_int_equal(guest_reg(&g, 6), sum + 60 * 0x100);
	assert_int_equal(guest_reg(&g, 4), sum - 1 + 59 * 0x100);
	assert_int_equal(guest_word(&g, DATA), 1 + 0x100);
	if (way->cfg.compile_at_once && !mmu) /* all code goes each time: elsewhere it is never run often enough to be compiled */
		assert_int_equal(spaces(&g), misplaced ? 0 : VCPU_ALL_SPACES);
	guest_free(&g);
}

static void map_changes_inside_a_block(void **state)
{
	(void)state;
	EACH_CALM_WAY(way)
		for (unsigned mmu = 0; mmu < 2 && way->cfg.accel != RHEA_ACCEL_LOCKSTEP; mmu++) /* its two runs share the memory */
			for (uint32_t misplaced = 0; misplaced <= 30; misplaced += 15)
				remapped_by_a_device(way, mmu, misplaced);
}

/* ---- tables ------------------------------------------------------------------------------------------------ */

/* r4 collects what DATA's section shows while the tables map it to itself and to the next MiB in turn. */
static void section_moves(const struct guest_way *way, uint32_t rounds, bool by_address)
{
	struct guest g;
	start(&g, way);
	guest_mmu_on(&g);
	guest_set_word(&g, DATA + 0x5678, 1);
	guest_set_word(&g, DATA - 0x100000 + 0x5678, 0x1000);
	guest_li(&g, 8, DATA + 0x5000);
	guest_li(&g, 9, GUEST_L1 + (DATA >> 20) * 4);
	guest_li(&g, 6, DATA | AP_USER << 10 | 0x12);
	guest_li(&g, 7, (DATA - 0x100000) | AP_USER << 10 | 0x12);
	guest_li(&g, 0, rounds);
	uint32_t loop = g.at;
	for (unsigned turn = 0; turn < 2; turn++) {
		guest_put(&g, a_str(turn ? 7 : 6, 9, 0));
		if (way->cfg.accel != RHEA_ACCEL_LOCKSTEP) /* old or new: both are right, but lockstep wants the same twice */
			guest_put(&g, a_ldr(1, 8, 0x678));
		guest_put(&g, by_address ? a_tlb_flush_mva(8) : a_tlb_flush(0));
		for (unsigned i = 0; i < 3; i++) {
			guest_put(&g, a_ldr(1, 8, 0x678));
			guest_put(&g, a_addr(4, 4, 1));
			guest_put(&g, a_add(1, 1, 1));
			guest_put(&g, a_str(1, 8, 0x678));
		}
	}
	put_loop(&g, 0, loop);
	guest_stop(&g);
	guest_run(&g, LIMIT);
	const uint32_t n = 3 * rounds, sum = n * (n - 1) / 2;
	assert_int_equal(guest_reg(&g, 4), n * 0x1001 + 2 * sum);
	assert_int_equal(guest_word(&g, DATA + 0x5678), 1 + n);
	assert_int_equal(guest_word(&g, DATA - 0x100000 + 0x5678), 0x1000 + n);
	if (has_window(way)) { /* given up after many flushes, not before; a machine that starts again has it again */
		assert_true(rounds > 10 ? spaces(&g) == 0 : is_privileged(spaces(&g)));
		rhea_reset(g.m);
		assert_int_equal(spaces(&g), VCPU_ALL_SPACES);
		guest_mmu_on(&g);
		assert_true(is_privileged(spaces(&g)));
	}
	guest_free(&g);
}

static void sections_change(void **state)
{
	(void)state;
	EACH_CALM_WAY(way)
		for (unsigned by_address = 0; by_address < 2; by_address++) {
			section_moves(way, 4, by_address);
			section_moves(way, 40, by_address);
		}
}

/* Pages of 4 KiB, not all of them mapped to themselves: not the window's, which is given up with the MMU on. Off again, it is back. */
static void small_pages_are_left_alone(void **state)
{
	(void)state;
	EACH_CALM_WAY(way) {
		struct guest g;
		start(&g, way);
		guest_mmu_on(&g);
		guest_map_table(&g, DATA, 0, false);
		for (uint32_t page = 0; page < 256; page++) {
			unsigned ap = page == 7 ? AP_SR : AP_USER;
			uint32_t pa = DATA + (page == 9 ? 0x80000 : page << 12);
			guest_set_word(&g, guest_pte(DATA + (page << 12), 0, false), guest_small(pa, ap, ap, ap, ap));
		}
		guest_set_word(&g, DATA + 0x9010, 0xbad);
		guest_set_word(&g, DATA + 0x80010, 3);
		guest_li(&g, 8, DATA + 0x9000);
		guest_li(&g, 9, DATA + 0x8000);
		guest_li(&g, 0, 1000);
		uint32_t loop = g.at;
		guest_put(&g, a_ldr(1, 8, 0x10));
		guest_put(&g, a_addr(4, 4, 1));
		guest_put(&g, a_str(4, 9, 0x20));
		put_loop(&g, 0, loop);
		guest_stop(&g);
		guest_run(&g, LIMIT);
		assert_int_equal(guest_reg(&g, 4), 3000);
		assert_int_equal(guest_word(&g, DATA + 0x8020), 3000);
		assert_int_equal(guest_word(&g, DATA + 0x9010), 0xbad);
		assert_int_equal(spaces(&g), 0);
		arm_cp15_write(vcpu(&g)->cpu, ARM_CP_REG(15, 1, 0, 0, 0), vcpu(&g)->cpu->cp15.sctlr & ~SCTLR_M);
		assert_int_equal(spaces(&g), has_window(way) ? VCPU_ALL_SPACES : 0);
		guest_org(&g, CODE);
		guest_put(&g, a_ldr(4, 8, 0x10));
		guest_stop(&g);
		guest_set_pc(&g, CODE);
		guest_run(&g, LIMIT);
		assert_int_equal(guest_reg(&g, 4), 0xbad);
		guest_free(&g);
	}
}

/* A MiB of small pages, all mapped to themselves, opens as a section does; one page that moves closes it. */
static void a_flat_mib_of_small_pages(void **state)
{
	(void)state;
	EACH_CALM_WAY(way)
		for (unsigned by_address = 0; by_address < 2; by_address++) {
			struct guest g;
			start(&g, way);
			guest_mmu_on(&g);
			guest_map_table(&g, DATA, 0, false);
			for (uint32_t page = DATA; page < DATA + 0x100000; page += PAGE_SIZE)
				guest_set_word(&g, guest_pte(page, 0, false), guest_small(page, AP_USER, AP_USER, AP_USER, AP_USER));
			guest_set_word(&g, DATA + 0x9010, 5);
			guest_set_word(&g, DATA + 0x80010, 7);
			guest_li(&g, 8, DATA + 0x9000);
			guest_li(&g, 9, guest_pte(DATA + 0x9000, 0, false));
			guest_li(&g, 6, guest_small(DATA + 0x9000, AP_USER, AP_USER, AP_USER, AP_USER));
			guest_li(&g, 7, guest_small(DATA + 0x80000, AP_USER, AP_USER, AP_USER, AP_USER));
			guest_li(&g, 0, 4);
			uint32_t round = g.at;
			for (unsigned turn = 0; turn < 2; turn++) {
				guest_put(&g, a_str(turn ? 7 : 6, 9, 0));
				guest_put(&g, by_address ? a_tlb_flush_mva(8) : a_tlb_flush(0));
				guest_li(&g, 2, 200);
				uint32_t loop = g.at;
				guest_put(&g, a_ldr(1, 8, 0x10));
				guest_put(&g, a_addr(4, 4, 1));
				guest_put(&g, a_str(1, 8, 0x14));
				put_loop(&g, 2, loop);
			}
			put_loop(&g, 0, round);
			guest_stop(&g);
			guest_run(&g, LIMIT);
			assert_int_equal(guest_reg(&g, 4), 4 * 200 * (5 + 7));
			assert_int_equal(guest_word(&g, DATA + 0x9014), 5);
			assert_int_equal(guest_word(&g, DATA + 0x80014), 7);
			guest_free(&g);
		}
}

/* ---- rights ------------------------------------------------------------------------------------------------ */

/* At 0x6000: a data abort counts in r10, its address goes to r3, and the instruction is skipped. */
static void put_abort_handler(struct guest *g)
{
	guest_vector(g, 0x10, 0x6000);
	guest_org(g, 0x6000);
	guest_put(g, a_add(10, 10, 1));
	guest_put(g, a_mrc(3, 6, 0, 0));
	guest_put(g, A32_IRQ_RETURN); /* lr_abt is the instruction + 8 */
}

/* Memory of the privileged: user code, also when it runs the same instructions, and LDRT get an abort each time. */
static void user_code_has_no_part_in_it(void **state)
{
	(void)state;
	EACH_CALM_WAY(way) {
		struct guest g;
		start(&g, way);
		guest_mmu_on(&g);
		guest_map_section(&g, DATA, DATA, AP_PRIV);
		guest_map_section(&g, DATA - 0x100000, DATA - 0x100000, AP_USER_R);
		put_abort_handler(&g);
		guest_org(&g, 0x5000); /* both sections: read and write */
		guest_put(&g, a_ldr(1, 8, 4));
		guest_put(&g, a_addr(4, 4, 1));
		guest_put(&g, a_str(5, 8, 8));
		guest_put(&g, a_ldr(1, 9, 4));
		guest_put(&g, a_addr(4, 4, 1));
		guest_put(&g, a_str(5, 9, 8));
		guest_put(&g, A32_BX_LR);
		guest_set_word(&g, DATA + 4, 1);
		guest_set_word(&g, DATA - 0x100000 + 4, 0x100);
		guest_org(&g, CODE);
		guest_li(&g, 8, DATA);
		guest_li(&g, 9, DATA - 0x100000);
		guest_li(&g, 0, 50);
		uint32_t loop = g.at;
		guest_put(&g, a_add(5, 5, 1));
		guest_put(&g, a_mov(1, 0));
		guest_put(&g, a_bl(g.at, 0x5000));
		guest_put(&g, a_mov(1, 0));
		guest_put(&g, a_ldrt(1, 8)); /* abort */
		guest_put(&g, a_ldrt(2, 9));
		guest_put(&g, a_addr(4, 4, 1));
		put_loop(&g, 0, loop);
		guest_li(&g, 0, 30);
		guest_put(&g, a_msr_c(0x10)); /* to user mode, for good */
		guest_put(&g, a_mov(5, 0x77));
		loop = g.at;
		guest_put(&g, a_mov(1, 0));
		guest_put(&g, a_bl(g.at, 0x5000)); /* three aborts, one read */
		put_loop(&g, 0, loop);
		guest_stop(&g);
		guest_run(&g, LIMIT);
		assert_int_equal(guest_reg(&g, 4), 50 * 0x101 + 30 * 0x100);
		assert_int_equal(guest_reg(&g, 10), 50 + 3 * 30);
		assert_int_equal(guest_reg(&g, 3), DATA - 0x100000 + 8);
		assert_int_equal(guest_word(&g, DATA + 8), 50);
		assert_int_equal(guest_word(&g, DATA - 0x100000 + 8), 50);
		guest_free(&g);
	}
}

/* The domain of an open section is closed and opened by DACR, with no flush of the guest's. */
static void domains_close_it(void **state)
{
	(void)state;
	EACH_CALM_WAY(way) {
		struct guest g;
		start(&g, way);
		guest_mmu_on(&g);
		put_abort_handler(&g);
		guest_set_word(&g, GUEST_L1 + (DATA >> 20) * 4, DATA | AP_USER << 10 | 1u << 5 | 0x12); /* domain 1 */
		guest_set_word(&g, DATA + 4, 5);
		guest_org(&g, CODE);
		guest_li(&g, 8, DATA);
		guest_li(&g, 0, 5);
		guest_put(&g, a_mov(6, 0xd));
		guest_put(&g, a_mov(7, 0x1));
		uint32_t loop = g.at;
		guest_put(&g, a_mcr(6, 3, 0, 0));
		for (unsigned i = 0; i < 3; i++) {
			guest_put(&g, a_ldr(1, 8, 4));
			guest_put(&g, a_addr(4, 4, 1));
		}
		guest_put(&g, a_mcr(7, 3, 0, 0));
		guest_put(&g, a_ldr(1, 8, 4));
		guest_put(&g, a_str(0, 8, 4));
		put_loop(&g, 0, loop);
		guest_stop(&g);
		guest_run(&g, LIMIT);
		assert_int_equal(guest_reg(&g, 4), 5 * 3 * 5);
		assert_int_equal(guest_reg(&g, 10), 10);
		assert_int_equal(guest_reg(&g, 3), DATA + 4);
		assert_int_equal(guest_word(&g, DATA + 4), 5);
		guest_free(&g);
	}
}

/* ---- time -------------------------------------------------------------------------------------------------- */

/* With icount the window must not show: device times, interrupts and the count are the same with it and without. */
static void icount_is_the_same_without(void **state)
{
	(void)state;
	struct guest g[2];
	uint64_t insns[2];
	for (unsigned i = 0; i < 2; i++) {
		struct guest_way way = {"icount", {.icount = true, .icount_shift = 2, .no_window = i}};
		start(&g[i], &way);
		guest_vector(&g[i], 0x18, 0x5000);
		guest_org(&g[i], 0x5000);
		guest_put(&g[i], a_mov(11, GUEST_IO));
		guest_put(&g[i], a_ldr(12, 11, IO_NOW));
		guest_put(&g[i], a_str(12, 11, IO_LOG));
		guest_put(&g[i], a_str(4, 11, IO_LOG));
		guest_put(&g[i], a_str(12, 11, IO_ACK));
		guest_li(&g[i], 12, 7777);
		guest_put(&g[i], a_str(12, 11, IO_TIMER));
		guest_put(&g[i], A32_IRQ_RETURN);
		guest_org(&g[i], CODE);
		guest_li(&g[i], 12, 5000);
		guest_put(&g[i], a_mov(11, GUEST_IO));
		guest_put(&g[i], a_str(12, 11, IO_TIMER));
		guest_put(&g[i], a_msr_c(0x53)); /* IRQ on */
		put_flipping(&g[i], 40, 20, 60);
		guest_stop(&g[i]);
		guest_run(&g[i], LIMIT);
		insns[i] = rhea_insn_count(g[i].m);
	}
	assert_true(vcpu(&g[0])->stats.window_traps > 0 && vcpu(&g[1])->stats.window_traps == 0);
	assert_true(g[0].fired > 5);
	assert_int_equal(insns[0], insns[1]);
	assert_int_equal(g[0].n_log, g[1].n_log);
	assert_memory_equal(g[0].log, g[1].log, sizeof g[0].log);
	for (unsigned r = 0; r < 16; r++)
		assert_int_equal(guest_reg(&g[0], r), guest_reg(&g[1], r));
	guest_free(&g[0]);
	guest_free(&g[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sites_flip_between_device_and_memory), cmocka_unit_test(code_flushed_while_sites_are_patched),
		cmocka_unit_test(data_beside_code), cmocka_unit_test(addresses_wrap_below_memory_above),
		cmocka_unit_test(map_changes_inside_a_block),
		cmocka_unit_test(sections_change), cmocka_unit_test(small_pages_are_left_alone),
		cmocka_unit_test(a_flat_mib_of_small_pages),
		cmocka_unit_test(user_code_has_no_part_in_it), cmocka_unit_test(domains_close_it),
		cmocka_unit_test(icount_is_the_same_without),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
