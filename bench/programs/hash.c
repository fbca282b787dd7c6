/* SPDX-License-Identifier: Apache-2.0 */
/* SHA-256's inner loop (FIPS 180-4) with constants of its own making: rotates, adds and a table. */
#include "bench.h"

static uint32_t ror(uint32_t x, unsigned n) { return x >> n | x << (32 - n); }

uint32_t bench(uint32_t n)
{
	static uint32_t k[64], w[64];
	uint32_t v[8] = { 1, 2, 3, 4, 5, 6, 7, 8 }, s = 1;

	for (int i = 0; i < 64; i++)
		k[i] = next_random(&s);
	for (uint32_t r = 0; r < n; r++) {
		uint32_t a = v[0], b = v[1], c = v[2], d = v[3], e = v[4], f = v[5], g = v[6], h = v[7];

		for (unsigned i = 0; i < 16; i++)
			w[i] = v[i & 7] + i * r;
		for (unsigned i = 16; i < 64; i++)
			w[i] = w[i - 16] + w[i - 7] + (ror(w[i - 15], 7) ^ ror(w[i - 15], 18) ^ w[i - 15] >> 3) +
			       (ror(w[i - 2], 17) ^ ror(w[i - 2], 19) ^ w[i - 2] >> 10);
		for (unsigned i = 0; i < 64; i++) {
			uint32_t t1 = h + (ror(e, 6) ^ ror(e, 11) ^ ror(e, 25)) + ((e & f) ^ (~e & g)) + k[i] + w[i];
			uint32_t t2 = (ror(a, 2) ^ ror(a, 13) ^ ror(a, 22)) + ((a & b) ^ (a & c) ^ (b & c));

			h = g, g = f, f = e, e = d + t1, d = c, c = b, b = a, a = t1 + t2;
		}
		v[0] += a, v[1] += b, v[2] += c, v[3] += d, v[4] += e, v[5] += f, v[6] += g, v[7] += h;
	}
	return v[0] ^ v[3] ^ v[7];
}
