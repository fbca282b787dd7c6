/* SPDX-License-Identifier: Apache-2.0 */
/* Tight loops with unforeseeable branches: a sieve in bits, greatest common divisors by subtraction and shift, Collatz chains,
 * bits counted and reversed. */
#include "bench.h"

static uint32_t sieve[1024];

static NOINLINE uint32_t primes(void)
{
	uint32_t count = 0;

	memset(sieve, 0xff, sizeof(sieve));
	for (uint32_t i = 2; i < 32768; i++) {
		if (!(sieve[i >> 5] >> (i & 31) & 1))
			continue;
		count++;
		for (uint32_t j = i * 2; j < 32768; j += i)
			sieve[j >> 5] &= ~(1u << (j & 31));
	}
	return count;
}

static NOINLINE uint32_t gcd(uint32_t a, uint32_t b)
{
	unsigned shift = 0;

	while (a != b) {
		if (!((a | b) & 1))
			a >>= 1, b >>= 1, shift++;
		else if (!(a & 1))
			a >>= 1;
		else if (!(b & 1))
			b >>= 1;
		else if (a > b)
			a -= b;
		else
			b -= a;
	}
	return a << shift;
}

static NOINLINE uint32_t collatz(uint32_t x)
{
	uint32_t len = 0;

	for (; x != 1; len++)
		x = x & 1 ? 3 * x + 1 : x >> 1;
	return len;
}

static NOINLINE uint32_t reverse(uint32_t x)
{
	uint32_t r = 0;

	for (int i = 0; i < 32; i++, x >>= 1)
		r = r << 1 | (x & 1);
	return r;
}

uint32_t bench(uint32_t n)
{
	uint32_t h = 0, s = 81;

	for (uint32_t i = 0; i < n; i++) {
		h = h * 31 + primes();
		for (int j = 0; j < 500; j++) {
			uint32_t v = next_random(&s);

			h += gcd((v & 0xffff) + 1, (v >> 16) + 1) + collatz((v & 1023) + 1);
			h ^= reverse(v);
		}
	}
	return h;
}
