/* SPDX-License-Identifier: Apache-2.0 */
/* SHA-256 (FIPS 180-4) of messages of 0 to 1,023 bytes, padding included; a digest that differs from the standard's gives 0. */
#include "bench.h"

static const uint32_t start[8] = {
	0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
};
static const uint32_t k[64] = {
	0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
	0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
	0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
	0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
	0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
	0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
	0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
	0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

static NOINLINE void block(uint32_t v[8], const uint8_t *p)
{
	uint32_t w[64], a = v[0], b = v[1], c = v[2], d = v[3], e = v[4], f = v[5], g = v[6], h = v[7];

	for (unsigned i = 0; i < 16; i++, p += 4)
		w[i] = (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
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

static NOINLINE void digest(uint32_t v[8], const uint8_t *p, uint32_t len)
{
	uint8_t tail[128] = { 0 };
	uint32_t rest = len & 63, end = rest < 56 ? 64 : 128;

	memcpy(v, start, sizeof(start));
	for (uint32_t i = 0; i + 64 <= len; i += 64)
		block(v, p + i);
	memcpy(tail, p + (len - rest), rest);
	tail[rest] = 0x80;
	for (unsigned i = 0; i < 4; i++)
		tail[end - 1 - i] = (uint8_t)(len << 3 >> 8 * i);
	for (uint32_t i = 0; i < end; i += 64)
		block(v, tail + i);
}

static uint8_t message[1024];

uint32_t bench(uint32_t n)
{
	uint32_t v[8], h = 0, s = 3;

	digest(v, (const uint8_t *)"abc", 3);
	if (v[0] != 0xba7816bf || v[7] != 0xf20015ad)
		return 0;
	for (unsigned i = 0; i < sizeof(message); i++)
		message[i] = (uint8_t)next_random(&s);
	for (uint32_t i = 0; i < n; i++) {
		digest(v, message, i * 37 & 1023);
		message[i & 1023] = (uint8_t)v[0];
		h = h * 31 + v[7];
	}
	return h;
}
