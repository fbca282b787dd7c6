/* SPDX-License-Identifier: Apache-2.0 */
/* A Petri net as generated code: 120 transitions in a row, each firing when its places hold enough tokens; long code, many short
 * branches, loads and compares. */
#include "bench.h"

static int32_t place[32];

/* Takes from a and b when there is enough, gives to c and d while these are not full. */
#define FIRE(a, b, need, c, d) \
	if (place[a] > need && place[b] > 0 && place[c] < 20) { \
		place[a] -= need; \
		place[b]--; \
		place[c] += need; \
		place[d]++; \
		fired++; \
	}

static NOINLINE uint32_t step(void)
{
	uint32_t fired = 0;

	FIRE(30, 17, 2, 22, 9) FIRE(0, 23, 3, 30, 17) FIRE(29, 14, 2, 0, 9) FIRE(23, 10, 1, 21, 13) FIRE(12, 4, 1, 21, 25)
	FIRE(1, 3, 2, 14, 5) FIRE(28, 7, 3, 27, 8) FIRE(20, 10, 2, 3, 5) FIRE(26, 30, 3, 24, 1) FIRE(5, 12, 2, 16, 22)
	FIRE(24, 19, 1, 7, 16) FIRE(21, 23, 2, 11, 1) FIRE(27, 2, 3, 1, 14) FIRE(27, 2, 3, 24, 13) FIRE(6, 14, 3, 11, 4)
	FIRE(17, 2, 2, 27, 31) FIRE(3, 29, 2, 23, 13) FIRE(18, 29, 1, 30, 15) FIRE(29, 23, 3, 11, 12) FIRE(14, 0, 1, 17, 21)
	FIRE(15, 0, 2, 2, 7) FIRE(9, 1, 3, 20, 17) FIRE(7, 14, 3, 30, 31) FIRE(22, 16, 2, 28, 10) FIRE(18, 2, 3, 17, 21)
	FIRE(28, 13, 1, 18, 16) FIRE(0, 1, 2, 8, 17) FIRE(8, 15, 2, 12, 27) FIRE(3, 16, 2, 2, 26) FIRE(5, 25, 2, 12, 22)
	FIRE(24, 10, 1, 1, 9) FIRE(2, 4, 2, 26, 12) FIRE(6, 22, 2, 12, 19) FIRE(31, 7, 3, 13, 25) FIRE(15, 4, 2, 26, 22)
	FIRE(5, 21, 2, 9, 19) FIRE(11, 27, 1, 23, 1) FIRE(31, 28, 3, 11, 3) FIRE(21, 29, 1, 15, 20) FIRE(14, 0, 1, 23, 17)
	FIRE(27, 18, 3, 14, 9) FIRE(21, 10, 3, 29, 24) FIRE(15, 29, 2, 3, 14) FIRE(25, 28, 3, 3, 6) FIRE(19, 22, 2, 1, 20)
	FIRE(23, 19, 2, 10, 8) FIRE(14, 8, 1, 16, 31) FIRE(27, 23, 3, 18, 26) FIRE(18, 24, 1, 20, 9) FIRE(16, 2, 2, 24, 26)
	FIRE(16, 21, 2, 26, 24) FIRE(24, 25, 1, 11, 10) FIRE(16, 7, 3, 17, 3) FIRE(22, 19, 3, 8, 13) FIRE(1, 19, 1, 2, 0)
	FIRE(12, 10, 2, 18, 11) FIRE(1, 6, 3, 23, 31) FIRE(12, 28, 3, 6, 0) FIRE(8, 25, 2, 31, 18) FIRE(22, 24, 3, 26, 1)
	FIRE(17, 1, 2, 9, 31) FIRE(6, 27, 1, 25, 23) FIRE(8, 22, 1, 3, 14) FIRE(27, 5, 1, 3, 0) FIRE(1, 7, 3, 14, 30)
	FIRE(13, 29, 3, 21, 27) FIRE(20, 15, 3, 25, 5) FIRE(21, 3, 2, 23, 9) FIRE(7, 31, 1, 8, 17) FIRE(12, 14, 2, 7, 30)
	FIRE(21, 25, 2, 20, 24) FIRE(21, 12, 1, 23, 4) FIRE(21, 24, 3, 17, 8) FIRE(28, 17, 2, 16, 21) FIRE(6, 7, 2, 31, 11)
	FIRE(9, 17, 2, 24, 21) FIRE(23, 22, 1, 21, 29) FIRE(11, 25, 3, 13, 20) FIRE(23, 22, 2, 9, 18) FIRE(21, 25, 3, 2, 4)
	FIRE(6, 16, 1, 10, 31) FIRE(19, 10, 2, 28, 14) FIRE(4, 14, 3, 12, 17) FIRE(7, 13, 3, 11, 30) FIRE(19, 29, 2, 8, 30)
	FIRE(28, 29, 2, 24, 23) FIRE(12, 15, 2, 31, 21) FIRE(25, 19, 1, 8, 1) FIRE(18, 24, 3, 30, 9) FIRE(26, 20, 2, 11, 16)
	FIRE(26, 3, 1, 9, 28) FIRE(19, 15, 1, 10, 13) FIRE(24, 31, 1, 19, 5) FIRE(9, 14, 3, 24, 16) FIRE(23, 12, 3, 8, 13)
	FIRE(6, 15, 3, 16, 2) FIRE(28, 6, 3, 31, 11) FIRE(3, 27, 2, 19, 1) FIRE(24, 22, 1, 25, 5) FIRE(29, 25, 2, 0, 23)
	FIRE(9, 1, 3, 21, 4) FIRE(17, 19, 2, 14, 26) FIRE(25, 5, 3, 2, 18) FIRE(23, 18, 3, 22, 5) FIRE(7, 2, 3, 9, 4)
	FIRE(9, 8, 3, 10, 11) FIRE(22, 14, 3, 25, 1) FIRE(9, 18, 1, 29, 20) FIRE(16, 0, 2, 18, 27) FIRE(13, 10, 2, 1, 22)
	FIRE(18, 6, 2, 31, 23) FIRE(22, 20, 3, 2, 19) FIRE(0, 19, 1, 20, 8) FIRE(20, 15, 1, 13, 7) FIRE(4, 11, 2, 27, 21)
	FIRE(2, 27, 2, 14, 23) FIRE(21, 3, 1, 20, 30) FIRE(14, 4, 2, 6, 30) FIRE(10, 12, 3, 29, 24) FIRE(21, 12, 3, 8, 10)
	return fired;
}

uint32_t bench(uint32_t n)
{
	uint32_t h = 0, s = 161;

	for (uint32_t r = 0; r < n; r++) {
		uint32_t v = next_random(&s);

		if (!(r & 63))
			for (int i = 0; i < 32; i++)
				place[i] = (int32_t)(v >> (i & 15) & 7);
		place[v & 31] = (int32_t)(v >> 5 & 7);
		h = h * 31 + step() + (uint32_t)place[v >> 9 & 31];
	}
	return h;
}
