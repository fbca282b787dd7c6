/* SPDX-License-Identifier: Apache-2.0 */
/* A compiler in the guest: functions of 40 random instructions are written into a ring of 64 KiB, made visible as the manual
 * wants it, run 40 times each, and overwritten later. */
#include "bench.h"

enum { WORDS = 16384 };

static uint32_t ring[WORDS] __attribute__((aligned(4096)));

static NOINLINE uint32_t *emit(uint32_t *p, uint32_t *seed)
{
	/* on r0 to r3 and r12: add, sub, rsb, eor, orr, and, bic; immediate, shifted register; compares with a conditional after them */
	static const uint8_t ops[8] = { 4, 2, 3, 1, 12, 0, 14, 4 };

	for (unsigned i = 0; i < 40; i++) {
		uint32_t v = next_random(seed), rd = v & 3, rn = v >> 2 & 3, rm = v >> 4 & 3, op = ops[v >> 6 & 7];

		if (v >> 9 & 1)
			*p++ = 0xe0000000 | op << 21 | rn << 16 | rd << 12 | (v >> 10 & 31) << 7 | (v >> 15 & 1) << 5 | rm;
		else if (v >> 16 & 3)
			*p++ = 0xe2000000 | op << 21 | rn << 16 | rd << 12 | (v >> 18 & 255);
		else
			*p++ = 0xe1500000 | rn << 16 | rm, *p++ = 0x82800001 | rd << 16 | rd << 12; /* cmp rn, rm; addhi rd, rd, #1 */
	}
	*p++ = 0xe0800001; /* add r0, r0, r1 */
	*p++ = 0xe12fff1e; /* bx lr */
	return p;
}

uint32_t bench(uint32_t n)
{
	uint32_t h = 1, s = 141, *at = ring;

	for (uint32_t r = 0; r < n; r++) {
		uint32_t (*fn)(uint32_t, uint32_t, uint32_t, uint32_t) = (uint32_t (*)(uint32_t, uint32_t, uint32_t, uint32_t))(uintptr_t)at;

		at = emit(at, &s);
		if (at > ring + WORDS - 128)
			at = ring;
		cp15_set_iflush(0);
		for (uint32_t i = 0; i < 40; i++)
			h = fn(h, i, s, h >> 7);
	}
	return h;
}
