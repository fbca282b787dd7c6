/* SPDX-License-Identifier: Apache-2.0 */
/* A program in user mode that calls its kernel, under MMU: registers saved, a C function found in a table, registers restored. */
#include "kernel.h"

static uint32_t stack[1024], file[64], sum;

static void program(uint32_t n)
{
	uint32_t h = n;

	for (uint32_t i = 0; i < n; i++) {
		h = h * 3 + user_call(0, 0, 0, 1);
		h ^= user_call(i & 63, h, 0, 2);
		h += user_call(i >> 1 & 63, 1, 2, 3);
	}
	user_call(h, 0, 0, 0);
}

typedef uint32_t call_fn(const uint32_t *r);
static NOINLINE uint32_t get_id(const uint32_t *r) { (void)r; return sum & 255; }
static NOINLINE uint32_t put(const uint32_t *r) { uint32_t old = file[r[0] & 63]; file[r[0] & 63] = r[1]; return old; }
static NOINLINE uint32_t get(const uint32_t *r) { sum += r[1] + r[2]; return file[r[0] & 63]; }

uint32_t bench(uint32_t n)
{
	static call_fn *const table[4] = { NULL, get_id, put, get };
	struct user_context c;
	uint32_t number;

	for (uint32_t mb = 0; mb < 2; mb++)
		mmu_section(mb << 20, mb << 20, AP_USER_WRITE, 0);
	cp15_set_tlbflush(0);
	guest_set_vector(VECTOR_SVC, user_svc);
	user_start(&c, program, n, (uint32_t)(uintptr_t)(stack + 1024));
	while ((number = user_run(&c)) != 0)
		c.r[0] = table[number & 3](c.r);
	return c.r[0] ^ sum;
}
