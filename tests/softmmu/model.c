/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random guest accesses, map changes, flushes and code marks against a model that does everything byte
 * by byte and remembers nothing. A failure means that the softmmu gave a guest the wrong bytes,
 * permissions or faults, or let a store to translated code go unseen.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "ir/ir.h"
#include "softmmu/tlb.h"

/* Physical frames, from PHYS_BASE on. */
#define PHYS_BASE 0x10000u
#define RAM_FRAMES 8u   /* frames 0-7 */
#define ALIAS_FRAME 8u  /* 8-9 show frames 2-3 */
#define ROM_FRAME 10u
#define MMIO_FRAME 11u
#define NOTHING_FRAME 12u
#define MIXED_FRAME 13u /* RAM whose first 0x202 bytes are a device */
#define MIXED_MMIO 0x202u
#define FRAMES 14u

#define VPAGES 16u

enum { PERM_R = 1, PERM_W = 2 };

struct sub {
	uint8_t frame, perm[TLB_SPACES];
};

struct model {
	uint64_t rng;
	struct address_space *as;
	struct tlb_tables *tables;
	struct softmmu *mmu;
	uint8_t *ram, *rom, *mixed;           /* the real bytes */
	uint8_t m_ram[RAM_FRAMES * PAGE_SIZE]; /* the model's bytes */
	uint8_t m_rom[PAGE_SIZE], m_mixed[PAGE_SIZE];
	uint8_t dev[PAGE_SIZE], m_dev[PAGE_SIZE];
	uint8_t mixed_dev[MIXED_MMIO], m_mixed_dev[MIXED_MMIO];
	struct sub map[VPAGES][4];
	bool split[VPAGES];                   /* 1 KiB subpages */
	bool code[FRAMES];                    /* by frame whose host page is marked; aliases use 2-3 */
	bool retry;
	unsigned asked;
	int fault_kind;                       /* -1 none, 0 walk, 1 alignment, 2 bus */
	uint32_t fault_va;
};

static uint32_t rnd(struct model *m)
{
	m->rng ^= m->rng << 13;
	m->rng ^= m->rng >> 7;
	m->rng ^= m->rng << 17;
	return (uint32_t)(m->rng >> 16);
}

/* Virtual page i: eight in the middle of the address space, eight around its end and start. */
static uint32_t vpage_va(unsigned i)
{
	return i < 8 ? 0x40000000u + i * PAGE_SIZE : 0xffffc000u + (i - 8) * PAGE_SIZE;
}

static int vpage_of(uint32_t va)
{
	for (unsigned i = 0; i < VPAGES; i++)
		if ((va & ~PAGE_MASK) == vpage_va(i))
			return (int)i;
	return -1;
}

static bool translate(const struct model *m, uint32_t va, enum mem_access access, unsigned space, uint32_t *pa)
{
	int i = vpage_of(va);
	if (i < 0)
		return false;
	const struct sub *s = &m->map[i][(va & PAGE_MASK) >> 10];
	if (!(s->perm[space] & (access == MEM_WRITE ? PERM_W : PERM_R)))
		return false;
	*pa = PHYS_BASE + s->frame * PAGE_SIZE + (va & PAGE_MASK);
	return true;
}

static bool on_walk(void *opaque, gva_t va, enum mem_access access, unsigned space, struct mem_walk *out)
{
	struct model *m = opaque;
	uint32_t pa = 0;
	if (!translate(m, va.v, access, space, &pa)) {
		m->fault_kind = 0;
		m->fault_va = va.v;
		return false;
	}
	*out = (struct mem_walk){ .pa = GPA(pa), .page_bits = m->split[vpage_of(va.v)] ? 10 : 12 };
	return true;
}

static bool on_probe(void *opaque, gva_t va, enum mem_access access, unsigned space, struct mem_walk *out)
{
	struct model *m = opaque;
	uint32_t pa = 0;
	if (!translate(m, va.v, access, space, &pa))
		return false;
	*out = (struct mem_walk){ .pa = GPA(pa), .page_bits = 10 };
	return true;
}

static void on_fault(void *opaque, enum mem_fault what, gva_t va, enum mem_access access, unsigned space)
{
	struct model *m = opaque;
	(void)access;
	(void)space;
	m->fault_kind = what == MEM_FAULT_ALIGN ? 1 : 2;
	m->fault_va = va.v;
}

static bool on_code_write(void *opaque, uint8_t *host, unsigned size)
{
	struct model *m = opaque;
	assert_true(size >= 1 && size <= 8);
	m->asked++;
	if (m->retry)
		return false;
	/* Half of the time the last block of the page went. */
	if (rnd(m) & 1) {
		for (unsigned f = 0; f < RAM_FRAMES; f++)
			if (host >= m->ram + f * PAGE_SIZE && host < m->ram + (f + 1) * PAGE_SIZE)
				m->code[f] = false;
		if (host >= m->mixed && host < m->mixed + PAGE_SIZE)
			m->code[MIXED_FRAME] = false;
		softmmu_unprotect_code(m->mmu, host);
	}
	return true;
}

static void on_io(void *opaque)
{
	(void)opaque;
}

static enum mem_result dev_read(void *dev, uint32_t off, unsigned size, uint32_t *value)
{
	*value = 0;
	memcpy(value, (uint8_t *)dev + off, size);
	return MEM_OK;
}

static enum mem_result dev_write(void *dev, uint32_t off, unsigned size, uint32_t value)
{
	memcpy((uint8_t *)dev + off, &value, size);
	return MEM_OK;
}

static const struct mem_ops dev_ops = { dev_read, dev_write, 1, 4 };

/* ---- the model's own memory ---- */

/* The byte at pa, NULL where nothing is. */
static uint8_t *model_byte(struct model *m, uint32_t pa, bool *rom)
{
	uint32_t frame = (pa - PHYS_BASE) / PAGE_SIZE, off = pa & PAGE_MASK;
	*rom = frame == ROM_FRAME;
	if (frame < RAM_FRAMES)
		return &m->m_ram[frame * PAGE_SIZE + off];
	if (frame < ROM_FRAME)
		return &m->m_ram[(frame - ALIAS_FRAME + 2) * PAGE_SIZE + off];
	switch (frame) {
	case ROM_FRAME:
		return &m->m_rom[off];
	case MMIO_FRAME:
		return &m->m_dev[off];
	case MIXED_FRAME:
		return off < MIXED_MMIO ? &m->m_mixed_dev[off] : &m->m_mixed[off];
	}
	return NULL;
}

static bool model_is_code(const struct model *m, uint32_t pa)
{
	uint32_t frame = (pa - PHYS_BASE) / PAGE_SIZE;
	if (frame == ALIAS_FRAME || frame == ALIAS_FRAME + 1)
		frame = frame - ALIAS_FRAME + 2;
	return m->code[frame];
}

static bool is_mixed_device(uint32_t pa)
{
	return (pa - PHYS_BASE) / PAGE_SIZE == MIXED_FRAME && (pa & PAGE_MASK) < MIXED_MMIO;
}

struct outcome {
	enum mem_status status;
	int fault_kind;
	uint64_t value;
	bool asks;
};

/* Translates all bytes; in an access over two subpages the fault is at the start of the part. */
static bool model_translate(struct model *m, uint32_t va, unsigned size, enum mem_access access, unsigned space,
			    uint32_t *pa)
{
	for (unsigned i = 0; i < size; i++)
		if (!translate(m, va + i, access, space, &pa[i]))
			return false;
	return true;
}

static uint64_t swap_bytes(uint64_t v, unsigned size)
{
	uint64_t r = 0;
	for (unsigned i = 0; i < size; i++)
		r |= (v >> (8 * i) & 0xff) << (8 * (size - 1 - i));
	return r;
}

static struct outcome model_access(struct model *m, uint32_t va, uint16_t memop, bool store, uint64_t value)
{
	unsigned size = memop_size(memop), low = va & (size - 1), space = memop_space(memop);
	struct outcome o = { MEM_FAULT, -1, 0, false };
	uint32_t pa[8];
	if (low && memop_align(memop) == MEMOP_FAULT)
		return o.fault_kind = 1, o;
	if (low && memop_align(memop) != MEMOP_ANY)
		va -= low;
	if (!model_translate(m, va, size, store ? MEM_WRITE : MEM_READ, space, pa))
		return o.fault_kind = 0, o;
	/* A store that begins in a device and ends in RAM is reported by the address space instead. */
	for (unsigned i = 0; store && i < size; i++)
		o.asks |= model_is_code(m, pa[i]) && !is_mixed_device(pa[0]) && !is_mixed_device(pa[i]);
	if (o.asks && m->retry)
		return o.status = MEM_RETRY, o;
	uint64_t raw = memop_be(memop) ? swap_bytes(value, size) : value, got = 0;
	for (unsigned i = 0; i < size; i++) {
		bool rom;
		uint8_t *b = model_byte(m, pa[i], &rom);
		if (!b)
			return o.fault_kind = 2, o;
		if (store && !rom)
			*b = (uint8_t)(raw >> (8 * i));
		got |= (uint64_t)*b << (8 * i);
	}
	if (memop_be(memop))
		got = swap_bytes(got, size);
	for (; memop_align(memop) == MEMOP_ROTATE && low; low--)
		got = got >> 8 | (got & 0xff) << (8 * (size - 1));
	if (memop_signed(memop) && size < 8 && got >> (8 * size - 1))
		got |= ~UINT64_C(0) << (8 * size);
	o.status = MEM_DONE;
	o.value = got;
	return o;
}

/* ---- operations ---- */

static uint32_t some_va(struct model *m)
{
	uint32_t va = vpage_va(rnd(m) % VPAGES);
	switch (rnd(m) % 4) {
	case 0:
		return va + (rnd(m) & PAGE_MASK);
	case 1:
		return va + (rnd(m) % 4) * 1024 + (rnd(m) % 16) - 8; /* around a subpage's start */
	case 2:
		return va + MIXED_MMIO - 8 + rnd(m) % 16;
	}
	return va + (rnd(m) & PAGE_MASK & ~7u);
}

static void do_access(struct model *m)
{
	bool store = rnd(m) & 1;
	unsigned log2 = rnd(m) % 4, space = rnd(m) % TLB_SPACES;
	uint16_t memop = (uint16_t)(IR_MEMOP(log2, rnd(m) & 1, rnd(m) & 3, space) | (rnd(m) & 1 ? IR_MEMOP_BE : 0));
	uint32_t va = some_va(m);
	uint64_t value = (uint64_t)rnd(m) << 32 | rnd(m), got = 0;
	m->retry = rnd(m) % 4 == 0;
	struct outcome want = model_access(m, va, memop, store, value);
	m->fault_kind = -1;
	m->asked = 0;
	enum mem_status st;
	uint64_t addend = m->tables->addend[space][store ? MEM_WRITE : MEM_READ][va >> 12];
	if (addend && !(va & (memop_size(memop) - 1)) && !memop_be(memop) && !memop_signed(memop)) {
		/* What emitted code does. */
		if (store)
			memcpy((uint8_t *)(uintptr_t)(addend + va), &value, memop_size(memop));
		else
			memcpy(&got, (uint8_t *)(uintptr_t)(addend + va), memop_size(memop));
		st = MEM_DONE;
	} else {
		st = store ? softmmu_store(m->mmu, GVA(va), memop, value)
			   : softmmu_load(m->mmu, GVA(va), memop, &got);
	}
	assert_int_equal(st, want.status);
	assert_int_equal(m->fault_kind, want.fault_kind);
	if (want.status != MEM_FAULT || want.fault_kind == 2)
		assert_int_equal(m->asked > 0, want.asks);
	if (!store && st == MEM_DONE)
		assert_true(got == want.value);
}

static void do_map(struct model *m)
{
	unsigned i = rnd(m) % VPAGES;
	m->split[i] = rnd(m) % 4 == 0;
	struct sub s = { .frame = (uint8_t)(rnd(m) % FRAMES) };
	for (unsigned k = 0; k < 4; k++) {
		if (k == 0 || m->split[i])
			for (unsigned sp = 0; sp < TLB_SPACES; sp++)
				s.perm[sp] = rnd(m) & 3 ? 3 : (uint8_t)(rnd(m) & 3);
		m->map[i][k] = s;
	}
	if (rnd(m) & 3)
		softmmu_flush_page(m->mmu, GVA(vpage_va(i) + (rnd(m) & PAGE_MASK)));
	else
		softmmu_flush(m->mmu);
}

static void do_code(struct model *m)
{
	static const uint8_t frames[] = { 0, 1, 2, 3, MIXED_FRAME };
	unsigned f = frames[rnd(m) % ARRAY_LEN(frames)];
	const uint8_t *host = (f == MIXED_FRAME ? m->mixed : m->ram + f * PAGE_SIZE) + (rnd(m) & PAGE_MASK);
	m->code[f] = rnd(m) % 4;
	if (m->code[f])
		softmmu_protect_code(m->mmu, host);
	else
		softmmu_unprotect_code(m->mmu, host);
}

static void do_fetch(struct model *m)
{
	uint32_t va = some_va(m) & ~1u, pa = 0;
	unsigned space = rnd(m) % TLB_SPACES;
	struct mem_fetch f;
	m->fault_kind = -1;
	enum mem_status st = softmmu_fetch(m->mmu, GVA(va), space, &f);
	bool rom, ok = translate(m, va, MEM_EXEC, space, &pa);
	assert_int_equal(st == MEM_DONE, ok && model_byte(m, pa, &rom) != NULL);
	if (st != MEM_DONE)
		return;
	assert_true(f.valid >= 2 && (va & PAGE_MASK) + f.valid <= PAGE_SIZE);
	for (unsigned i = 0; i < f.valid; i++) {
		assert_true(translate(m, va + i, MEM_EXEC, space, &pa));
		assert_int_equal(f.host ? f.host[i] : (f.device_word >> (8 * i)) & 0xff, *model_byte(m, pa, &rom));
	}
}

/* DMA, and a debugger's read of the same bytes. */
static void do_phys(struct model *m)
{
	uint8_t buf[64], back[64];
	uint32_t pa = PHYS_BASE + rnd(m) % (FRAMES * PAGE_SIZE - 64), n = 1 + rnd(m) % 64;
	bool write = rnd(m) & 1, rom;
	for (unsigned i = 0; i < n; i++)
		buf[i] = (uint8_t)rnd(m);
	enum mem_result want = MEM_OK, got = write ? as_write(m->as, GPA(pa), buf, n) : as_read(m->as, GPA(pa), back, n);
	for (unsigned i = 0; i < n && want == MEM_OK; i++) {
		uint8_t *b = model_byte(m, pa + i, &rom);
		if (!b)
			want = MEM_ERROR;
		else if (write && !rom)
			*b = buf[i];
		else if (!write)
			assert_int_equal(back[i], *b);
	}
	assert_int_equal(got, want);
}

static void do_debug(struct model *m)
{
	uint8_t buf[3000];
	uint32_t va = some_va(m), n = rnd(m) % sizeof buf, done, pa = 0;
	unsigned space = rnd(m) % TLB_SPACES;
	bool rom;
	m->fault_kind = -1;
	done = softmmu_debug(m->mmu, GVA(va), space, buf, n, false);
	assert_int_equal(m->fault_kind, -1);
	for (unsigned i = 0; i < done; i++) {
		assert_true(translate(m, va + i, MEM_READ, space, &pa) || translate(m, va + i, MEM_READ, TLB_SPACES - 1, &pa));
		assert_int_equal(buf[i], *model_byte(m, pa, &rom));
	}
}

static void check_bytes(const struct model *m)
{
	assert_memory_equal(m->ram, m->m_ram, sizeof m->m_ram);
	assert_memory_equal(m->rom, m->m_rom, sizeof m->m_rom);
	assert_memory_equal(m->mixed + MIXED_MMIO, m->m_mixed + MIXED_MMIO, PAGE_SIZE - MIXED_MMIO);
	assert_memory_equal(m->dev, m->m_dev, sizeof m->m_dev);
	assert_memory_equal(m->mixed_dev, m->m_mixed_dev, sizeof m->m_mixed_dev);
}

static struct model *model_new(uint64_t seed)
{
	struct model *m = calloc(1, sizeof *m);
	struct softmmu_owner owner = { m, on_walk, on_probe, on_fault, on_code_write, on_io };
	m->rng = seed * 0x9e3779b97f4a7c15u + 1;
	m->as = as_new(MEM_ERROR, NULL, NULL);
	m->ram = as_map_ram(m->as, GPA(PHYS_BASE), RAM_FRAMES * PAGE_SIZE, "ram", NULL);
	assert_int_equal(as_map_alias(m->as, GPA(PHYS_BASE + ALIAS_FRAME * PAGE_SIZE), GPA(PHYS_BASE + 2 * PAGE_SIZE),
				      2 * PAGE_SIZE, "alias", NULL), 0);
	m->rom = as_map_rom(m->as, GPA(PHYS_BASE + ROM_FRAME * PAGE_SIZE), PAGE_SIZE, "rom", NULL);
	assert_int_equal(as_map_mmio(m->as, GPA(PHYS_BASE + MMIO_FRAME * PAGE_SIZE), PAGE_SIZE, &dev_ops, m->dev, "dev",
				     NULL), 0);
	m->mixed = as_map_ram(m->as, GPA(PHYS_BASE + MIXED_FRAME * PAGE_SIZE), PAGE_SIZE, "mixed", NULL);
	assert_int_equal(as_map_mmio(m->as, GPA(PHYS_BASE + MIXED_FRAME * PAGE_SIZE), MIXED_MMIO, &dev_ops,
				     m->mixed_dev, "mixed-dev", NULL), 0);
	m->tables = mmap(NULL, sizeof *m->tables, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
			 -1, 0);
	m->mmu = softmmu_new(m->as, m->tables, &owner, NULL);
	for (unsigned i = 0; i < PAGE_SIZE; i++)
		m->m_rom[i] = (uint8_t)rnd(m);
	assert_int_equal(as_load(m->as, GPA(PHYS_BASE + ROM_FRAME * PAGE_SIZE), m->m_rom, PAGE_SIZE), MEM_OK);
	for (unsigned i = 0; i < 4 * VPAGES; i++)
		do_map(m);
	return m;
}

static void model_free(struct model *m)
{
	softmmu_free(m->mmu);
	as_free(m->as);
	munmap(m->tables, sizeof *m->tables);
	free(m);
}

static void run_seed(uint64_t seed)
{
	struct model *m = model_new(seed);
	for (unsigned i = 0; i < 20000; i++) {
		uint32_t what = rnd(m) % 256;
		if (what < 230)
			do_access(m);
		else if (what < 236)
			do_fetch(m);
		else if (what < 240)
			do_map(m);
		else if (what < 248)
			do_code(m);
		else if (what < 253)
			do_phys(m);
		else
			do_debug(m);
		if (i % 512 == 0)
			check_bytes(m);
	}
	check_bytes(m);
	model_free(m);
}

static void softmmu_agrees_with_the_model(void **state)
{
	(void)state;
	const char *one = getenv("RHEA_SEED"), *runs = getenv("RHEA_RUNS");
	uint64_t first = one ? strtoull(one, NULL, 0) : 1, n = one ? 1 : runs ? strtoull(runs, NULL, 0) : 40;
	for (uint64_t seed = first; seed < first + n; seed++) {
		print_message("RHEA_SEED=%llu\n", (unsigned long long)seed);
		run_seed(seed);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(softmmu_agrees_with_the_model) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
