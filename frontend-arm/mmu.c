/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ARMv5 MMU's page-table walk (DDI 0198E chapter 3): sections, coarse and fine tables, large,
 * small and tiny pages, domains, access permissions with the S and R bits, fault codes.
 * Faults carry the order of the manual's figure 3-12: first-level descriptor, domain, second-level descriptor,
 * permission; alignment was checked before by the softmmu.
 */
#include <string.h>

#include "frontend-arm/cpu.h"
#include "frontend-arm/cp15.h"

/* Fault status (DDI 0198E table 3-9). The codes of a page are those of a section + 2. */
enum fsr {
	FSR_ALIGN = 0x1,
	FSR_EXTERNAL = 0x8,
	FSR_WALK_1 = 0xc, FSR_WALK_2 = 0xe,
	FSR_TRANSLATION = 0x5, FSR_DOMAIN = 0x9, FSR_PERMISSION = 0xd,
	FSR_PAGE = 0x2,
};

enum level1_type { L1_FAULT, L1_COARSE, L1_SECTION, L1_FINE };
enum level2_type { L2_FAULT, L2_LARGE, L2_SMALL, L2_TINY };
enum domain_access { DOMAIN_NONE, DOMAIN_CLIENT, DOMAIN_RESERVED, DOMAIN_MANAGER };

/* One walk under way. */
struct walk {
	const struct arm_cpu *cpu;
	uint32_t mva;
	enum mem_access access;
	bool priv;
	uint32_t domain, dacr_field;
	uint32_t fsr; /* not 0: what went wrong */
};

static bool fail(struct walk *w, uint32_t fsr)
{
	w->fsr = fsr | w->domain << 4;
	return false;
}

static inline bool read_descriptor(const struct walk *w, uint32_t pa, uint32_t *desc)
{
	const struct arm_host *host = &w->cpu->host;
	const struct arm_tables *tables = host->tables;
	if (tables && pa - tables->base < tables->size && tables->size - (pa - tables->base) >= sizeof *desc) {
		memcpy(desc, tables->host + (pa - tables->base), sizeof *desc);
		return true;
	}
	return host->read_phys(host->opaque, GPA(pa), desc) == MEM_OK;
}

/* DDI 0198E table 3-8: what an AP field allows, as bits 1 << (priv * 2 + write). S and R matter for
 * AP 0 only; both set is reserved and allows nothing, as on QEMU. */
_Static_assert(MEM_READ == 0 && MEM_WRITE == 1, "the bits below are 1 << enum mem_access");
#define USER_R 1u
#define USER_W 2u
#define PRIV_R 4u
#define PRIV_W 8u

/* The rights of the walk's privilege, as bits 1 << MEM_READ and 1 << MEM_WRITE; fetches need reading. */
static uint8_t rights_of(const struct walk *w, uint32_t ap)
{
	static const uint8_t by_ap[4] = {
		0, PRIV_R | PRIV_W, PRIV_R | PRIV_W | USER_R, PRIV_R | PRIV_W | USER_R | USER_W,
	};
	static const uint8_t ap0_by_rs[4] = { 0, PRIV_R, PRIV_R | USER_R, 0 };
	uint32_t rights = ap ? by_ap[ap] : ap0_by_rs[bits(w->cpu->cp15.sctlr, 9, 8)];

	if (w->dacr_field == DOMAIN_MANAGER)
		return USER_R | USER_W;
	return (uint8_t)(w->priv ? rights >> 2 : rights & 3u);
}

static bool domain_allows(const struct walk *w)
{
	return w->dacr_field == DOMAIN_CLIENT || w->dacr_field == DOMAIN_MANAGER;
}

static inline bool finish(struct walk *w, struct mem_walk *out, uint32_t base, unsigned size_bits, unsigned valid_bits,
		   uint32_t ap, uint32_t page)
{
	out->rights = rights_of(w, ap);
	if (!bit(out->rights, w->access == MEM_WRITE ? MEM_WRITE : MEM_READ))
		return fail(w, FSR_PERMISSION + page);
	out->pa = GPA(base | (w->mva & ((1u << size_bits) - 1)));
	out->page_bits = (uint8_t)valid_bits;
	return true;
}

/* A page of 2^size_bits bytes with four AP fields, one a quarter: valid as a whole when they agree. */
static inline bool finish_quarters(struct walk *w, struct mem_walk *out, uint32_t desc, unsigned size_bits)
{
	uint32_t quarter = bits(w->mva, size_bits - 1, size_bits - 2);
	uint32_t ap = bits(desc, 5 + 2 * quarter, 4 + 2 * quarter);
	bool whole = w->dacr_field == DOMAIN_MANAGER || bits(desc, 11, 4) == ap * 0x55u;

	return finish(w, out, desc & ~((1u << size_bits) - 1), size_bits, whole ? size_bits : size_bits - 2, ap,
		      FSR_PAGE);
}

static inline bool walk_page(struct walk *w, struct mem_walk *out, uint32_t level1, bool fine)
{
	uint32_t table = fine ? level1 & 0xfffff000u : level1 & 0xfffffc00u;
	uint32_t index = fine ? bits(w->mva, 19, 10) : bits(w->mva, 19, 12);
	uint32_t desc;

	if (!read_descriptor(w, table | index << 2, &desc))
		return fail(w, FSR_WALK_2);
	switch ((enum level2_type)(desc & 3u)) {
	case L2_FAULT:
		break;
	case L2_LARGE:
		return finish_quarters(w, out, desc, 16);
	case L2_SMALL:
		return finish_quarters(w, out, desc, 12);
	case L2_TINY:
		if (fine)
			return finish(w, out, desc & 0xfffffc00u, 10, 10, bits(desc, 5, 4), FSR_PAGE);
		break; /* reserved in a coarse table: a fault, as on QEMU */
	}
	return fail(w, FSR_TRANSLATION + FSR_PAGE);
}

static bool walk_tables(struct walk *w, struct mem_walk *out)
{
	uint32_t desc;

	if (!read_descriptor(w, (w->cpu->cp15.ttbr0 & 0xffffc000u) | bits(w->mva, 31, 20) << 2, &desc))
		return fail(w, FSR_WALK_1);
	w->domain = bits(desc, 8, 5);
	w->dacr_field = bits(w->cpu->cp15.dacr, w->domain * 2 + 1, w->domain * 2);
	switch ((enum level1_type)(desc & 3u)) {
	case L1_FAULT:
		break;
	case L1_SECTION:
		if (!domain_allows(w))
			return fail(w, FSR_DOMAIN);
		return finish(w, out, desc & 0xfff00000u, 20, 20, bits(desc, 11, 10), 0);
	case L1_COARSE:
	case L1_FINE:
		if (!domain_allows(w))
			return fail(w, FSR_DOMAIN + FSR_PAGE);
		return walk_page(w, out, desc, (desc & 3u) == L1_FINE);
	}
	return fail(w, FSR_TRANSLATION);
}

/* Returns 0, or the fault status. */
static uint32_t walk(const struct arm_cpu *cpu, gva_t va, enum mem_access access, unsigned space,
		     struct mem_walk *out)
{
	struct walk w = { .cpu = cpu, .mva = arm_fcse_mva(cpu, va), .access = access, .priv = space & 1u };
	bool moved = (cpu->cp15.fcse_pid >> 25) != 0;

	if (!(cpu->cp15.sctlr & SCTLR_M)) {
		*out = (struct mem_walk){ .pa = GPA(w.mva), .page_bits = moved ? 25 : 32,
					 .rights = 1u << MEM_READ | 1u << MEM_WRITE };
		return 0;
	}
	walk_tables(&w, out);
	return w.fsr;
}

static void record(struct arm_cpu *cpu, uint32_t fsr, gva_t va, enum mem_access access)
{
	cpu->exc.fsr = fsr;
	if (access == MEM_EXEC) {
		cpu->exc.kind = ARM_EXC_PREFETCH_ABORT;
	} else {
		cpu->exc.kind = ARM_EXC_DATA_ABORT;
		cpu->exc.far = arm_fcse_mva(cpu, va);
	}
}

/* The block of addresses a large mapping covers joins the interval that page invalidations must respect. */
static void note_large(struct arm_cpu *cpu, gva_t va, unsigned page_bits)
{
	uint32_t mask = (1u << page_bits) - 1;

	if (cpu->large_first > (va.v & ~mask))
		cpu->large_first = va.v & ~mask;
	if (cpu->large_last < (va.v | mask))
		cpu->large_last = va.v | mask;
}

bool arm_mmu_walk(struct arm_cpu *cpu, gva_t va, enum mem_access access, unsigned space, struct mem_walk *out)
{
	static const char *const what[] = { [MEM_READ] = "read", [MEM_WRITE] = "write", [MEM_EXEC] = "fetch" };
	uint32_t fsr = walk(cpu, va, access, space, out);

	if (!fsr) {
		if ((cpu->cp15.sctlr & SCTLR_M) && out->page_bits > PAGE_BITS)
			note_large(cpu, va, out->page_bits);
		return true;
	}
	if (log_on(cpu->log, LOG_mmu))
		log_printf(cpu->log, "MMU: %s %s at 0x%08x failed: fault status 0x%02x\n",
			   space & 1u ? "privileged" : "user", what[access], va.v, fsr);
	record(cpu, fsr, va, access);
	return false;
}

bool arm_mmu_probe(const struct arm_cpu *cpu, gva_t va, enum mem_access access, unsigned space, struct mem_walk *out)
{
	return walk(cpu, va, access, space, out) == 0;
}

void arm_mem_fault(struct arm_cpu *cpu, enum mem_fault what, gva_t va, enum mem_access access, unsigned space)
{
	(void)space;
	switch (what) {
	case MEM_FAULT_ALIGN:
		record(cpu, FSR_ALIGN, va, access);
		return;
	case MEM_FAULT_BUS:
		record(cpu, FSR_EXTERNAL, va, access);
		return;
	}
}

void arm_tlb_flush_all(struct arm_cpu *cpu)
{
	cpu->large_first = UINT32_MAX;
	cpu->large_last = 0;
	cpu->host.tlb_flush(cpu->host.opaque);
}

static void flush_va(struct arm_cpu *cpu, uint32_t va)
{
	if (va >= cpu->large_first && va <= cpu->large_last)
		arm_tlb_flush_all(cpu);
	else
		cpu->host.tlb_flush_page(cpu->host.opaque, GVA(va));
}

void arm_tlb_flush_mva(struct arm_cpu *cpu, uint32_t mva)
{
	uint32_t pid = cpu->cp15.fcse_pid & 0xfe000000u;

	flush_va(cpu, mva);
	if (pid && (mva & 0xfe000000u) == pid)
		flush_va(cpu, mva & 0x01ffffffu);
}
