/* SPDX-License-Identifier: Apache-2.0 */
/* Four programs in user mode, each with page tables of its own and the same addresses, that take turns: registers, caches, table
 * and TLB change at each switch, as a small operating system does it on this core. */
#include "kernel.h"

enum { TASKS = 4, PAGES = 16, VA = 0x40000000, PA = 0x2000000 };

static uint32_t level1[TASKS][4096] __attribute__((aligned(16384)));
static uint32_t level2[TASKS][256] __attribute__((aligned(1024)));
static struct user_context tasks[TASKS];

static void program(uint32_t rounds)
{
	uint32_t h = rounds;

	while (rounds--) {
		for (uint32_t i = 0; i < 8; i++) {
			volatile uint32_t *p = (volatile uint32_t *)(uintptr_t)(VA + (h + i) % PAGES * 4096 + (h & 63) * 4);

			for (uint32_t j = 0; j < 4; j++)
				h = h * 5 + p[j];
			p[i & 3] = h;
		}
		user_call(h, 0, 0, 1);
	}
	user_call(h, 0, 0, 0);
}

static void make_space(uint32_t t)
{
	const uint32_t *mine = (const uint32_t *)(uintptr_t)(cp15_get_ttbr() & 0xffffc000u);

	memcpy(level1[t], mine, sizeof(level1[t]));
	for (uint32_t i = 0; i < PAGES; i++) {
		uint32_t pa = PA + (t * PAGES + i) * 4096;

		level2[t][i] = pa | AP4(AP_USER_WRITE) << 4 | 2;
		for (uint32_t j = 0; j < 1024; j++)
			((uint32_t *)(uintptr_t)pa)[j] = t * 77 + i + j;
	}
	level1[t][VA >> 20] = (uint32_t)(uintptr_t)level2[t] | 0x11;
}

uint32_t bench(uint32_t n)
{
	uint32_t h = 0, alive = TASKS;

	for (uint32_t mb = 0; mb < 2; mb++)
		mmu_section(mb << 20, mb << 20, AP_USER_WRITE, 0);
	guest_set_vector(VECTOR_SVC, user_svc);
	for (uint32_t t = 0; t < TASKS; t++) {
		make_space(t);
		user_start(&tasks[t], program, n + t, VA + PAGES * 4096);
	}
	for (uint32_t t = 0; alive; t = (t + 1) % TASKS) {
		if (!tasks[t].pc)
			continue;
		switch_space((uint32_t)(uintptr_t)level1[t]);
		if (!user_run(&tasks[t])) {
			tasks[t].pc = 0;
			alive--;
		}
		h = h * 31 + tasks[t].r[0];
	}
	return h;
}
