/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Page-table walks over tables in a fake physical memory. Expectations: DDI 0198E chapter 3; fault
 * codes and the reserved cases as a bare-metal program saw them on QEMU 7.2's arm926.
 */
#include "core.h"

#define TTBR 0x4000u
#define COARSE 0x8000u
#define FINE 0x9000u
#define NOWHERE 0x90000000u
#define VA 0x40000000u /* the megabyte under test */

enum { DOM_CLIENT, DOM_RESERVED, DOM_MANAGER, DOM_NONE, DOM_5 = 5 };

static void poke(struct core *c, uint32_t pa, uint32_t value)
{
	c->phys[(pa - CORE_PHYS_BASE) / 4] = value;
}

static void level1(struct core *c, uint32_t desc)
{
	poke(c, TTBR + (VA >> 20) * 4, desc);
}

static void mmu_init(struct core *c)
{
	core_init(c);
	c->cpu.cp15.ttbr0 = TTBR | 0x18; /* low bits do not matter */
	c->cpu.cp15.dacr = 0x39;         /* domains: 0 client, 1 reserved, 2 manager, others none */
	c->cpu.cp15.sctlr |= SCTLR_M;
}

/* One access: 0, or the fault status. */
static uint32_t try_access(struct core *c, uint32_t va, enum mem_access access, unsigned space, struct mem_walk *out)
{
	c->cpu.exc = (struct arm_exception){ 0 };
	if (arm_mmu_walk(&c->cpu, GVA(va), access, space, out)) {
		assert_int_equal(c->cpu.exc.kind, ARM_EXC_NONE);
		return 0;
	}
	assert_int_equal(c->cpu.exc.kind, access == MEM_EXEC ? ARM_EXC_PREFETCH_ABORT : ARM_EXC_DATA_ABORT);
	if (access != MEM_EXEC)
		assert_int_equal(c->cpu.exc.far, va);
	return c->cpu.exc.fsr;
}

/* Letters: r read, w write, x fetch; upper case for the privileged space. */
static void rights_text(struct core *c, uint32_t va, uint32_t fault, char *text)
{
	static const char letters[] = "rwxRWX";
	struct mem_walk w;

	for (unsigned i = 0; i < 6; i++) {
		uint32_t fsr = try_access(c, va, (enum mem_access)(i % 3), i / 3, &w);
		if (fsr)
			assert_int_equal(fsr, fault);
		*text++ = fsr ? '-' : letters[i];
	}
	*text = 0;
}

static void check_rights(struct core *c, uint32_t va, uint32_t fault, const char *expected)
{
	char text[8];

	rights_text(c, va, fault, text);
	assert_string_equal(text, expected);
}

/* By S and R (SCTLR 9:8), then AP. */
static const char *const ap_rights[4][4] = {
	{ "------", "---RWX", "r-xRWX", "rwxRWX" },
	{ "---R-X", "---RWX", "r-xRWX", "rwxRWX" },
	{ "r-xR-X", "---RWX", "r-xRWX", "rwxRWX" },
	{ "------", "---RWX", "r-xRWX", "rwxRWX" },
};

/* Failure: user code reaches what it must not, or a legal access faults. */
static void access_permissions(void **state)
{
	struct core c;
	(void)state;

	mmu_init(&c);
	for (uint32_t rs = 0; rs < 4; rs++) {
		c.cpu.cp15.sctlr = (c.cpu.cp15.sctlr & ~0x300u) | rs << 8;
		for (uint32_t ap = 0; ap < 4; ap++) {
			level1(&c, 0x05500000 | ap << 10 | 0x12);
			check_rights(&c, VA, 0x0d, ap_rights[rs][ap]);
			level1(&c, COARSE | 0x11);
			poke(&c, COARSE, 0x05500000 | ap * 0x550 | 2);
			check_rights(&c, VA, 0x0f, ap_rights[rs][ap]);
			level1(&c, FINE | 0x13);
			poke(&c, FINE, 0x05500000 | ap << 4 | 3);
			check_rights(&c, VA, 0x0f, ap_rights[rs][ap]);
		}
	}
}

struct fault_case {
	const char *name;
	uint32_t level1, coarse, fine; /* descriptors for VA */
	uint32_t fsr;                  /* of every access, 0 = none faults */
};

static const struct fault_case fault_cases[] = {
	{ "first-level fault, domain reported", DOM_5 << 5, 0, 0, 0x55 },
	{ "section, domain no access", 0x05500c02 | DOM_NONE << 5, 0, 0, 0x39 },
	{ "section, domain reserved", 0x05500c02 | DOM_RESERVED << 5, 0, 0, 0x19 },
	{ "section, manager overrides AP", 0x05500002 | DOM_MANAGER << 5, 0, 0, 0 },
	{ "section, no permission", 0x05500002, 0, 0, 0x0d },
	{ "coarse, second-level fault", COARSE | 1, 0, 0, 0x07 },
	{ "coarse, second-level fault, manager", COARSE | 1 | DOM_MANAGER << 5, 0, 0, 0x27 },
	{ "coarse, domain before second level", COARSE | 1 | DOM_NONE << 5, 0, 0, 0x3b },
	{ "coarse, reserved domain", COARSE | 1 | DOM_RESERVED << 5, 0x05500ff2, 0, 0x1b },
	{ "coarse, tiny page is reserved", COARSE | 1, 0x05500ff3, 0, 0x07 },
	{ "coarse, no permission", COARSE | 1, 0x05500002, 0, 0x0f },
	{ "coarse, manager overrides AP", COARSE | 1 | DOM_MANAGER << 5, 0x05500002, 0, 0 },
	{ "coarse table nowhere", NOWHERE | 1 | DOM_MANAGER << 5, 0, 0, 0x2e },
	{ "coarse table nowhere, domain first", NOWHERE | 1 | DOM_NONE << 5, 0, 0, 0x3b },
	{ "fine, second-level fault", FINE | 3, 0, 0, 0x07 },
	{ "fine, domain before second level", FINE | 3 | DOM_NONE << 5, 0, 0, 0x3b },
	{ "fine, manager, tiny page", FINE | 3 | DOM_MANAGER << 5, 0, 0x05500003, 0 },
	{ "fine, tiny, no permission", FINE | 3, 0, 0x05500003, 0x0f },
};

/* Failure: an operating system reads the wrong cause of a fault, or takes the wrong one of two. */
static void fault_codes(void **state)
{
	struct core c;
	struct mem_walk w;
	(void)state;

	for (unsigned i = 0; i < ARRAY_LEN(fault_cases); i++) {
		const struct fault_case *f = &fault_cases[i];
		mmu_init(&c);
		level1(&c, f->level1);
		poke(&c, COARSE, f->coarse);
		poke(&c, FINE, f->fine);
		for (unsigned a = 0; a < 6; a++)
			if (try_access(&c, VA, (enum mem_access)(a % 3), a / 3, &w) != f->fsr)
				fail_msg("%s, access %u: %02x, expected %02x", f->name, a, c.cpu.exc.fsr, f->fsr);
	}
	mmu_init(&c);
	c.cpu.cp15.ttbr0 = NOWHERE;
	assert_int_equal(try_access(&c, VA, MEM_READ, 1, &w), 0x0c);
}

struct size_case {
	const char *name;
	uint32_t table, desc; /* table 0: desc is the first level's */
	unsigned repeat;      /* entries of the second-level table that hold desc */
	uint32_t va, pa;
	unsigned page_bits;
};

static const struct size_case size_cases[] = {
	{ "section", 0, 0x05500c12, 1, VA + 0xabcde, 0x055abcde, 20 },
	{ "large page", COARSE, 0x05510ff1, 16, VA + 0xabcd, 0x0551abcd, 16 },
	{ "large page, first quarter", COARSE, 0x05510e71, 16, VA + 0x3bcd, 0x05513bcd, 14 },
	{ "small page", COARSE, 0x05512ff2, 1, VA + 0xbcd, 0x05512bcd, 12 },
	{ "small page, third quarter", COARSE, 0x05512eb2, 1, VA + 0xbcd, 0x05512bcd, 10 },
	{ "small page, four equal quarters", COARSE, 0x05512aa2, 1, VA, 0x05512000, 12 },
	{ "fine: large page", FINE, 0x05510ff1, 64, VA + 0xabcd, 0x0551abcd, 16 },
	{ "fine: small page", FINE, 0x05512ff2, 4, VA + 0xbcd, 0x05512bcd, 12 },
	{ "fine: tiny page", FINE, 0x05512433, 1, VA + 0x3cd, 0x055127cd, 10 },
};

/* Failure: an access lands in the wrong place, or a translation is believed for more than it covers. */
static void page_sizes(void **state)
{
	struct core c;
	struct mem_walk w;
	(void)state;

	for (unsigned i = 0; i < ARRAY_LEN(size_cases); i++) {
		const struct size_case *s = &size_cases[i];
		print_message("%s\n", s->name);
		mmu_init(&c);
		level1(&c, s->table == COARSE ? COARSE | 0x11 : s->table == FINE ? FINE | 0x13 : s->desc);
		for (unsigned k = 0; s->table && k < s->repeat; k++)
			poke(&c, s->table + 4 * k, s->desc);
		assert_int_equal(try_access(&c, s->va, MEM_READ, 0, &w), 0);
		assert_int_equal(w.pa.v, s->pa);
		assert_int_equal(w.page_bits, s->page_bits);
		assert_true(arm_mmu_probe(&c.cpu, GVA(s->va), MEM_READ, 0, &w));
		assert_int_equal(w.pa.v, s->pa);
	}
}

/* Failure: a subpage takes its neighbour's permission. */
static void subpages_have_their_own_permissions(void **state)
{
	struct core c;
	(void)state;

	mmu_init(&c);
	for (int fine = 0; fine < 2; fine++) {
		uint32_t table = fine ? FINE : COARSE;
		level1(&c, table | (fine ? 0x13 : 0x11));
		for (unsigned k = 0; k < 64; k++)
			poke(&c, table + 4 * k, 0x05500e42); /* AP 3 2 1 0 */
		for (uint32_t q = 0; q < 4; q++)
			check_rights(&c, VA + q * 0x400, 0x0f, ap_rights[0][q]);
		for (unsigned k = 0; k < 64; k++)
			poke(&c, table + 4 * k, 0x05500e41);
		for (uint32_t q = 0; q < 4; q++)
			check_rights(&c, VA + q * 0x4000, 0x0f, ap_rights[0][q]);
	}
}

/* Failure: the low 32 MB of a process land in another's, with the MMU on or off; or FAR is not
 * the modified address. */
static void fcse_moves_the_low_32_megabytes(void **state)
{
	struct core c;
	struct mem_walk w;
	(void)state;

	mmu_init(&c);
	c.cpu.cp15.sctlr &= ~SCTLR_M;
	assert_true(arm_mmu_walk(&c.cpu, GVA(0x01234567), MEM_READ, 0, &w));
	assert_int_equal(w.pa.v, 0x01234567);
	assert_int_equal(w.page_bits, 32);
	c.cpu.cp15.fcse_pid = 0x40000000;
	assert_true(arm_mmu_walk(&c.cpu, GVA(0x01234567), MEM_READ, 0, &w));
	assert_int_equal(w.pa.v, 0x41234567);
	assert_int_equal(w.page_bits, 25);
	assert_true(arm_mmu_walk(&c.cpu, GVA(0x02345678), MEM_READ, 0, &w));
	assert_int_equal(w.pa.v, 0x02345678);
	c.cpu.cp15.sctlr |= SCTLR_M;
	level1(&c, 0x05500c12);
	assert_true(arm_mmu_walk(&c.cpu, GVA(0x00012345), MEM_WRITE, 0, &w));
	assert_int_equal(w.pa.v, 0x05512345);
	assert_false(arm_mmu_walk(&c.cpu, GVA(0x00112345), MEM_WRITE, 0, &w));
	assert_int_equal(c.cpu.exc.far, 0x40112345);
}

/* Failure: a debugger's look changes the guest. */
static void probes_leave_no_trace(void **state)
{
	struct core c;
	struct arm_cpu before;
	struct mem_walk w;
	(void)state;

	mmu_init(&c);
	level1(&c, 0x05500c12);
	before = c.cpu;
	assert_true(arm_mmu_probe(&c.cpu, GVA(VA), MEM_READ, 0, &w));
	assert_false(arm_mmu_probe(&c.cpu, GVA(VA + 0x100000), MEM_READ, 0, &w));
	assert_memory_equal(&before, &c.cpu, sizeof(before));
}

/* Failure: after invalidating one address of a section, the rest of it stays translated. */
static void invalidating_inside_a_large_mapping_flushes_it_all(void **state)
{
	struct core c;
	struct mem_walk w;
	uint32_t tlb_mva = ARM_CP_REG(15, 8, 0, 7, 1);
	(void)state;

	mmu_init(&c);
	level1(&c, 0x05500c12);
	assert_true(arm_mmu_walk(&c.cpu, GVA(VA + 0x1000), MEM_READ, 0, &w));
	assert_true(arm_cp15_write(&c.cpu, tlb_mva, VA + 0x100000));
	assert_int_equal(c.page_flushes, 1);
	assert_int_equal(c.flushes, 0);
	assert_true(arm_cp15_write(&c.cpu, tlb_mva, VA + 0xff000));
	assert_int_equal(c.flushes, 1);
	assert_true(arm_cp15_write(&c.cpu, tlb_mva, VA + 0xff000));
	assert_int_equal(c.flushes, 1);
	assert_int_equal(c.page_flushes, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(access_permissions),
		cmocka_unit_test(fault_codes),
		cmocka_unit_test(page_sizes),
		cmocka_unit_test(subpages_have_their_own_permissions),
		cmocka_unit_test(fcse_moves_the_low_32_megabytes),
		cmocka_unit_test(probes_leave_no_trace),
		cmocka_unit_test(invalidating_inside_a_large_mapping_flushes_it_all),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
