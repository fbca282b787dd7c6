/* SPDX-License-Identifier: Apache-2.0 */
/* 64-bit arithmetic on a 32-bit machine: multiplication modulo 2^61 - 1, powers, shifts, compares, fixed point of 32.32. */
#include "bench.h"

static const uint64_t prime = (1ull << 61) - 1;

static NOINLINE uint64_t multiply(uint64_t a, uint64_t b)
{
	uint64_t al = (uint32_t)a, ah = a >> 32, bl = (uint32_t)b, bh = b >> 32;
	uint64_t low = al * bl, middle = al * bh + ah * bl, high = ah * bh;
	uint64_t sum = (low & prime) + (low >> 61) + ((middle << 32) & prime) + (middle >> 29) + (high << 3);

	sum = (sum & prime) + (sum >> 61);
	return sum >= prime ? sum - prime : sum;
}

static NOINLINE uint64_t power(uint64_t a, uint64_t e)
{
	uint64_t r = 1;

	for (; e; e >>= 1, a = multiply(a, a))
		if (e & 1)
			r = multiply(r, a);
	return r;
}

/* The square root of a number in 32.32, bit by bit. */
static NOINLINE uint64_t root(uint64_t x)
{
	uint64_t r = 0;

	for (uint64_t bit = 1ull << 62; bit; bit >>= 2) {
		if (x >= r + bit) {
			x -= r + bit;
			r = (r >> 1) + bit;
		} else {
			r >>= 1;
		}
	}
	return r << 16;
}

uint32_t bench(uint32_t n)
{
	uint64_t h = 1, x = 88172645463325252ull;

	for (uint32_t i = 0; i < n; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		h = multiply(h ^ (x & prime), power(3, x & 0xffff));
		h += root(x) ^ (x >> (i & 63));
		h = (h & prime) + (h >> 61);
	}
	return (uint32_t)(h ^ h >> 32);
}
