/* SPDX-License-Identifier: Apache-2.0 */
/* Long multiplication, division and modular powers on arrays; failure: UMULL, UMLAL, ADC, SBC or the division helpers. */
#include <string.h>

#include "guest.h"

#define W 8

static uint32_t add(uint32_t *r, const uint32_t *a, const uint32_t *b)
{
	uint64_t c = 0;

	for (int i = 0; i < W; i++) {
		c += (uint64_t)a[i] + b[i];
		r[i] = (uint32_t)c;
		c >>= 32;
	}
	return (uint32_t)c;
}

static uint32_t sub(uint32_t *r, const uint32_t *a, const uint32_t *b)
{
	int64_t c = 0;

	for (int i = 0; i < W; i++) {
		c += (int64_t)a[i] - b[i];
		r[i] = (uint32_t)c;
		c >>= 32;
	}
	return (uint32_t)-c;
}

static void mulmod(uint32_t *r, const uint32_t *a, const uint32_t *b, const uint32_t *m)
{
	uint32_t p[2 * W + 1] = { 0 }, acc[W] = { 0 };

	for (int i = 0; i < W; i++) {
		uint64_t c = 0;

		for (int j = 0; j < W; j++) {
			c += (uint64_t)a[i] * b[j] + p[i + j];
			p[i + j] = (uint32_t)c;
			c >>= 32;
		}
		p[i + W] = (uint32_t)c;
	}
	for (int bit = 64 * W - 1; bit >= 0; bit--) {
		uint32_t top = acc[W - 1] >> 31;

		add(acc, acc, acc);
		acc[0] |= p[bit / 32] >> (bit % 32) & 1;
		uint32_t t[W];
		if (!sub(t, acc, m) || top)
			memcpy(acc, t, sizeof(t));
	}
	memcpy(r, acc, sizeof(acc));
}

static void show(const char *what, const uint32_t *a)
{
	printf("%s ", what);
	for (int i = W; i-- > 0;)
		printf("%08lx", (unsigned long)a[i]);
	printf("\n");
}

static void digits_of_e(void)
{
	static uint32_t a[80];

	for (unsigned i = 0; i < 80; i++)
		a[i] = 1;
	printf("e = 2.");
	for (int d = 0; d < 60; d++) {
		uint32_t q = 0;

		for (unsigned i = 79; i-- > 0;) {
			uint32_t x = 10 * a[i] + q;
			a[i] = x % (i + 2);
			q = x / (i + 2);
		}
		printf("%lu", (unsigned long)q);
	}
	printf("\n");
}

int main(void)
{
	static const uint32_t m[W] = { 0xffffffed, ~0u, ~0u, ~0u, ~0u, ~0u, ~0u, 0x7fffffff };
	uint32_t base[W] = { 9 }, r[W] = { 1 }, e = 0x10001;
	struct guest_rng g = { 4 };
	uint64_t sum = 0;
	int64_t ssum = 0;

	digits_of_e();
	for (; e; e >>= 1) {
		if (e & 1)
			mulmod(r, r, base, m);
		mulmod(base, base, base, m);
	}
	show("9^65537 mod p", r);
	for (int i = 0; i < 300; i++) {
		uint64_t a = (uint64_t)guest_random(&g) << 32 | guest_random(&g), b = guest_random(&g) >> (i & 31) | 1;
		int64_t sa = (int64_t)a, sb = (int64_t)b * (i & 1 ? -1 : 1);
		int32_t x = (int32_t)a, y = (int32_t)(b >> 1) | 1;

		sum += a / b + a % b + a * b + (a << (b & 63)) + (a >> (b & 63));
		ssum += sa / sb + sa % sb + (sa >> (b & 63)) + x / y + x % y + (int64_t)x * y;
		sum += (uint32_t)a / (uint32_t)b + (uint32_t)a % (uint32_t)b;
		sum ^= (uint64_t)__builtin_clzll(a | 1) << 5 ^ (uint64_t)__builtin_popcountll(a) ^ __builtin_bswap64(b);
	}
	printf("sums %08lx%08lx %08lx%08lx\n", (unsigned long)(sum >> 32), (unsigned long)sum, (unsigned long)((uint64_t)ssum >> 32), (unsigned long)ssum);
	return 0;
}
