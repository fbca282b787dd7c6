/* SPDX-License-Identifier: Apache-2.0 */
/* Code spread out: 48 functions with branches, each in a 4 KiB page of its own, that call each other: nearly every call and return
 * leaves its page. */
#include "bench.h"

#define FAR_AWAY __attribute__((aligned(4096)))
#define DECLARE(i) static uint32_t f##i(uint32_t x, uint32_t depth);
/* f_i calls f_a always and f_b or f_c by a bit of x, three deep at most. */
#define DEFINE(i, a, b, c) \
	static NOINLINE FAR_AWAY uint32_t f##i(uint32_t x, uint32_t depth) \
	{ \
		if (x & 1) \
			x = (x >> 1) ^ (0x9e3779b9u + i * 17); \
		else \
			x += x << (1 + i % 7); \
		if (!depth) \
			return x > 0x80000000u ? x - i : x ^ (i * 3); \
		x ^= f##a(x + i, depth - 1); \
		if (x & 0x40) \
			return f##b(x, depth - 1) + i; \
		return f##c(x ^ 5, depth - 1) - x; \
	}
#define ALL(M) M(0) M(1) M(2) M(3) M(4) M(5) M(6) M(7) M(8) M(9) M(10) M(11) M(12) M(13) M(14) M(15) M(16) M(17) M(18) M(19) M(20) M(21) M(22) M(23) \
	M(24) M(25) M(26) M(27) M(28) M(29) M(30) M(31) M(32) M(33) M(34) M(35) M(36) M(37) M(38) M(39) M(40) M(41) M(42) M(43) M(44) M(45) M(46) M(47)

ALL(DECLARE)
DEFINE(0, 15, 19, 6) DEFINE(1, 46, 25, 30) DEFINE(2, 9, 5, 4) DEFINE(3, 1, 25, 35) DEFINE(4, 18, 3, 14) DEFINE(5, 33, 34, 23)
DEFINE(6, 17, 11, 6) DEFINE(7, 16, 13, 1) DEFINE(8, 41, 16, 17) DEFINE(9, 12, 10, 19) DEFINE(10, 18, 40, 46) DEFINE(11, 23, 5, 38)
DEFINE(12, 21, 42, 24) DEFINE(13, 32, 15, 11) DEFINE(14, 15, 30, 17) DEFINE(15, 5, 35, 19) DEFINE(16, 0, 18, 36) DEFINE(17, 45, 19, 32)
DEFINE(18, 12, 26, 27) DEFINE(19, 38, 18, 27) DEFINE(20, 28, 10, 14) DEFINE(21, 19, 16, 2) DEFINE(22, 5, 2, 29) DEFINE(23, 40, 17, 33)
DEFINE(24, 34, 41, 30) DEFINE(25, 44, 21, 9) DEFINE(26, 43, 12, 4) DEFINE(27, 26, 12, 40) DEFINE(28, 40, 28, 17) DEFINE(29, 11, 22, 27)
DEFINE(30, 47, 37, 20) DEFINE(31, 40, 35, 12) DEFINE(32, 20, 6, 3) DEFINE(33, 45, 14, 17) DEFINE(34, 37, 39, 15) DEFINE(35, 7, 21, 11)
DEFINE(36, 18, 29, 1) DEFINE(37, 2, 22, 44) DEFINE(38, 5, 18, 47) DEFINE(39, 43, 20, 1) DEFINE(40, 20, 18, 20) DEFINE(41, 9, 41, 26)
DEFINE(42, 39, 43, 4) DEFINE(43, 18, 39, 12) DEFINE(44, 28, 18, 8) DEFINE(45, 16, 24, 38) DEFINE(46, 10, 21, 36) DEFINE(47, 0, 23, 2)

uint32_t bench(uint32_t n)
{
	uint32_t h = 1;

	for (uint32_t r = 0; r < n; r++) {
#define CALL(i) h = f##i(h + r, i & 3);
		ALL(CALL)
	}
	return h;
}
