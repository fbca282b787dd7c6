/* SPDX-License-Identifier: Apache-2.0 */
/* A big state machine as generators of parsers and protocols write it: 64 states in one function of several pages, each with its
 * own tests of the next input byte, joined by jumps. */
#include "bench.h"

static uint8_t input[4096];

/* State i: counts, changes the sum, and goes to one of four states by what it reads. */
#define STATE(i, a, b, c, d) \
	s##i: \
	if (p == end) \
		return h ^ i; \
	v = *p++; \
	h = h * 5 + v + i; \
	if (v & 1u << (i & 7)) { \
		count[i & 15]++; \
		if (v > 96 + i) \
			goto s##a; \
		h ^= h >> 9; \
		goto s##b; \
	} \
	if ((h & 0x1f0) > 0x40 + (i & 3) * 0x20) { \
		count[(i + 3) & 15] += v; \
		goto s##c; \
	} \
	h += count[(i * 7) & 15]; \
	goto s##d;

static NOINLINE uint32_t machine(const uint8_t *p, const uint8_t *end, uint32_t h, uint32_t *count)
{
	uint32_t v;

	STATE(0, 29, 1, 48, 16) STATE(1, 5, 2, 17, 31) STATE(2, 51, 3, 58, 3) STATE(3, 4, 63, 24, 51)
	STATE(4, 62, 29, 2, 5) STATE(5, 6, 48, 14, 33) STATE(6, 7, 49, 48, 13) STATE(7, 43, 8, 11, 63)
	STATE(8, 18, 9, 4, 62) STATE(9, 18, 58, 10, 36) STATE(10, 54, 17, 11, 12) STATE(11, 45, 12, 25, 39)
	STATE(12, 45, 36, 13, 28) STATE(13, 31, 14, 37, 43) STATE(14, 34, 4, 54, 15) STATE(15, 16, 53, 22, 50)
	STATE(16, 21, 3, 17, 20) STATE(17, 14, 18, 48, 43) STATE(18, 55, 29, 17, 19) STATE(19, 52, 53, 20, 8)
	STATE(20, 12, 4, 21, 13) STATE(21, 19, 22, 19, 8) STATE(22, 23, 17, 43, 49) STATE(23, 24, 44, 41, 46)
	STATE(24, 63, 25, 7, 4) STATE(25, 26, 43, 55, 56) STATE(26, 10, 25, 28, 27) STATE(27, 19, 48, 15, 28)
	STATE(28, 16, 56, 11, 29) STATE(29, 46, 30, 28, 6) STATE(30, 6, 31, 14, 13) STATE(31, 32, 2, 46, 55)
	STATE(32, 25, 33, 41, 49) STATE(33, 0, 37, 34, 10) STATE(34, 51, 28, 37, 35) STATE(35, 47, 41, 36, 45)
	STATE(36, 13, 25, 62, 37) STATE(37, 39, 26, 37, 38) STATE(38, 45, 46, 54, 39) STATE(39, 10, 34, 20, 40)
	STATE(40, 34, 53, 41, 35) STATE(41, 35, 42, 35, 52) STATE(42, 46, 43, 31, 58) STATE(43, 44, 25, 47, 63)
	STATE(44, 14, 49, 10, 45) STATE(45, 5, 17, 46, 24) STATE(46, 11, 12, 47, 58) STATE(47, 11, 16, 48, 8)
	STATE(48, 49, 10, 17, 46) STATE(49, 29, 4, 50, 28) STATE(50, 45, 41, 51, 14) STATE(51, 55, 20, 20, 52)
	STATE(52, 19, 53, 8, 12) STATE(53, 10, 54, 22, 43) STATE(54, 13, 55, 7, 22) STATE(55, 56, 37, 31, 61)
	STATE(56, 10, 17, 57, 28) STATE(57, 27, 58, 22, 21) STATE(58, 56, 7, 57, 59) STATE(59, 55, 60, 62, 46)
	STATE(60, 39, 34, 61, 16) STATE(61, 63, 62, 27, 50) STATE(62, 62, 60, 15, 63) STATE(63, 4, 4, 47, 37)
}

uint32_t bench(uint32_t n)
{
	uint32_t count[16] = { 0 }, h = 1, s = 151;

	for (unsigned i = 0; i < sizeof(input); i++)
		input[i] = (uint8_t)(next_random(&s) >> 5);
	for (uint32_t r = 0; r < n; r++)
		h = machine(input, input + sizeof(input), h, count);
	return fold(h, count, sizeof(count));
}
