/* SPDX-License-Identifier: Apache-2.0 */
/* Copy on write: 64 pages shared read-only; each first write is a permission fault that copies the page and maps the copy. */
#include "bench.h"

enum { BASE = 0x40000000, SHARED = 0x2000000, COPIES = 0x2400000, PAGES = 64 };

static uint32_t used;

static void copy_page(struct trap_frame *f)
{
	uint32_t va = cp15_get_far() & 0xfffff000u, pa = COPIES + used++ * 4096;

	if ((cp15_get_dfsr() & 15) != 15)
		guest_exit(95);
	memcpy((void *)(uintptr_t)pa, (void *)(uintptr_t)(SHARED + (va - BASE)), 4096);
	mmu_page(va, pa, AP4(AP_USER_WRITE), 0);
	cp15_set_tlbflush_va(va);
	f->lr -= 8;
}

/* Privileged code obeys read-only pages through the S and R bits: AP 0 with R is read-only for everybody. */
static void share(void)
{
	for (uint32_t i = 0; i < PAGES; i++)
		mmu_page(BASE + i * 4096, SHARED + i * 4096, AP4(AP_NONE), 0);
	cp15_set_tlbflush(0);
	used = 0;
}

uint32_t bench(uint32_t n)
{
	uint32_t h = 0;

	for (uint32_t i = 0; i < PAGES * 1024; i++)
		((uint32_t *)(uintptr_t)SHARED)[i] = i * 2654435761u;
	cp15_set_sctlr((cp15_get_sctlr() & ~0x100u) | 0x200);
	guest_traps[VECTOR_DABT] = copy_page;
	for (uint32_t r = 0; r < n; r++) {
		share();
		for (uint32_t i = 0; i < PAGES; i++) {
			volatile uint32_t *p = (volatile uint32_t *)(uintptr_t)(BASE + i * 4096);

			h = h * 31 + p[r & 1023];
			if ((i + r) & 3)
				p[h & 1023] = h;
			h += p[h & 1023] + p[(h + i) & 1023];
		}
	}
	return h;
}
