/* SPDX-License-Identifier: Apache-2.0 */
/* Code mapped on demand: 48 functions in pages of their own; each first call is a prefetch abort that maps the page. */
#include "bench.h"

enum { BASE = 0x40000000, FRAMES = 0x2000000, PAGES = 48 };

static void map_code(struct trap_frame *f)
{
	uint32_t va = (f->lr - 4) & 0xfffff000u;

	mmu_page(va, FRAMES + (va - BASE), AP4(AP_KERNEL), 0);
	f->lr -= 4;
}

uint32_t bench(uint32_t n)
{
	uint32_t h = 0;

	for (uint32_t i = 0; i < PAGES; i++) {
		uint32_t *code = (uint32_t *)(uintptr_t)(FRAMES + i * 4096);

		code[0] = 0xe2800000 | i;      /* add r0, r0, #i */
		code[1] = 0xe0200280;          /* eor r0, r0, r0, lsl #5 */
		code[2] = 0xe08003a0;          /* add r0, r0, r0, lsr #7 */
		code[3] = 0xe12fff1e;          /* bx lr */
	}
	cp15_set_iflush(0);
	guest_traps[VECTOR_PABT] = map_code;
	for (uint32_t r = 0; r < n; r++) {
		for (uint32_t i = 0; i < PAGES; i++)
			mmu_unmap_page(BASE + i * 4096);
		for (uint32_t k = 0; k < 4; k++)
			for (uint32_t i = 0; i < PAGES; i++)
				h = ((uint32_t (*)(uint32_t))(uintptr_t)(BASE + i * 4096))(h + k);
	}
	return h;
}
