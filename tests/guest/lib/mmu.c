/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Page tables of the ARM926EJ-S: sections, and second-level tables (coarse for 64 and 4 KiB pages, fine for 1 KiB
 * pages) taken from a pool. Manual: DDI 0198E ch. 3, DDI 0100I B4.7.
 */
#include <string.h>

#include "guest.h"

static uint32_t level1[4096] __attribute__((aligned(16384)));
static uint32_t coarse[16][256] __attribute__((aligned(1024)));
static uint32_t fine[4][1024] __attribute__((aligned(4096)));
static unsigned coarse_used, fine_used;

void mmu_section(uint32_t va, uint32_t pa, unsigned ap, unsigned domain)
{
	level1[va >> 20] = (pa & 0xfff00000u) | ap << 10 | domain << 5 | 0x12;
}

void mmu_unmap_section(uint32_t va)
{
	level1[va >> 20] = 0;
	cp15_set_tlbflush(0);
}

void mmu_init(void)
{
	memset(level1, 0, sizeof(level1));
	coarse_used = fine_used = 0;
	for (uint32_t mb = 0; mb < 128; mb++)
		mmu_section(mb << 20, mb << 20, AP_KERNEL, 0);
	mmu_section(0x10000000, 0x10000000, AP_KERNEL, 0);
	mmu_section(0x10100000, 0x10100000, AP_KERNEL, 0);
	cp15_set_ttbr((uint32_t)(uintptr_t)level1);
	cp15_set_dacr(1);
	cp15_set_tlbflush(0);
}

void mmu_on(void)
{
	cp15_set_sctlr(cp15_get_sctlr() | 1);
}

void mmu_off(void)
{
	cp15_set_sctlr(cp15_get_sctlr() & ~1u);
}

static uint32_t *coarse_table(uint32_t va, unsigned domain)
{
	uint32_t *l1 = &level1[va >> 20];

	if ((*l1 & 3) != 1) {
		if (coarse_used == ARRAY_LEN(coarse))
			guest_exit(96);
		memset(coarse[coarse_used], 0, sizeof(coarse[0]));
		*l1 = (uint32_t)(uintptr_t)coarse[coarse_used++] | domain << 5 | 0x11;
	}
	return (uint32_t *)(uintptr_t)(*l1 & 0xfffffc00u);
}

static uint32_t *fine_table(uint32_t va, unsigned domain)
{
	uint32_t *l1 = &level1[va >> 20];

	if ((*l1 & 3) != 3) {
		if (fine_used == ARRAY_LEN(fine))
			guest_exit(96);
		memset(fine[fine_used], 0, sizeof(fine[0]));
		*l1 = (uint32_t)(uintptr_t)fine[fine_used++] | domain << 5 | 0x13;
	}
	return (uint32_t *)(uintptr_t)(*l1 & 0xfffff000u);
}

void mmu_page(uint32_t va, uint32_t pa, unsigned ap4, unsigned domain)
{
	coarse_table(va, domain)[va >> 12 & 255] = (pa & 0xfffff000u) | ap4 << 4 | 2;
}

void mmu_large_page(uint32_t va, uint32_t pa, unsigned ap4, unsigned domain)
{
	uint32_t *t = coarse_table(va, domain);

	for (unsigned i = 0; i < 16; i++)
		t[(va >> 12 & 0xf0) + i] = (pa & 0xffff0000u) | ap4 << 4 | 1;
}

void mmu_tiny_page(uint32_t va, uint32_t pa, unsigned ap, unsigned domain)
{
	fine_table(va, domain)[va >> 10 & 1023] = (pa & 0xfffffc00u) | ap << 4 | 3;
}

void mmu_unmap_page(uint32_t va)
{
	coarse_table(va, 0)[va >> 12 & 255] = 0;
	cp15_set_tlbflush_va(va & 0xfffff000u);
}
