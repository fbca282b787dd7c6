/* SPDX-License-Identifier: Apache-2.0 */
/* MD5 (RFC 1321) of messages of 0 to 1,023 bytes, its steps written out four at a time; a digest that differs from the RFC's
 * gives 0. */
#include "bench.h"

static const uint32_t k[64] = {
	0xd76aa478, 0xe8c7b756, 0x242070db, 0xc1bdceee, 0xf57c0faf, 0x4787c62a, 0xa8304613, 0xfd469501,
	0x698098d8, 0x8b44f7af, 0xffff5bb1, 0x895cd7be, 0x6b901122, 0xfd987193, 0xa679438e, 0x49b40821,
	0xf61e2562, 0xc040b340, 0x265e5a51, 0xe9b6c7aa, 0xd62f105d, 0x02441453, 0xd8a1e681, 0xe7d3fbc8,
	0x21e1cde6, 0xc33707d6, 0xf4d50d87, 0x455a14ed, 0xa9e3e905, 0xfcefa3f8, 0x676f02d9, 0x8d2a4c8a,
	0xfffa3942, 0x8771f681, 0x6d9d6122, 0xfde5380c, 0xa4beea44, 0x4bdecfa9, 0xf6bb4b60, 0xbebfbc70,
	0x289b7ec6, 0xeaa127fa, 0xd4ef3085, 0x04881d05, 0xd9d4d039, 0xe6db99e5, 0x1fa27cf8, 0xc4ac5665,
	0xf4292244, 0x432aff97, 0xab9423a7, 0xfc93a039, 0x655b59c3, 0x8f0ccc92, 0xffeff47d, 0x85845dd1,
	0x6fa87e4f, 0xfe2ce6e0, 0xa3014314, 0x4e0811a1, 0xf7537e82, 0xbd3af235, 0x2ad7d2bb, 0xeb86d391,
};

static uint32_t f1(uint32_t x, uint32_t y, uint32_t z) { return (x & y) | (~x & z); }
static uint32_t f2(uint32_t x, uint32_t y, uint32_t z) { return (x & z) | (y & ~z); }
static uint32_t f3(uint32_t x, uint32_t y, uint32_t z) { return x ^ y ^ z; }
static uint32_t f4(uint32_t x, uint32_t y, uint32_t z) { return y ^ (x | ~z); }

#define STEP(f, a, b, c, d, at, i, n) (a = b + rol(a + f(b, c, d) + w[(at) & 15] + k[i], n))

static NOINLINE void block(uint32_t v[4], const uint8_t *p)
{
	uint32_t w[16], a = v[0], b = v[1], c = v[2], d = v[3];

	for (unsigned i = 0; i < 16; i++, p += 4)
		w[i] = (uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[1] << 8 | p[0];
	for (unsigned i = 0; i < 16; i += 4) {
		STEP(f1, a, b, c, d, i, i, 7);
		STEP(f1, d, a, b, c, i + 1, i + 1, 12);
		STEP(f1, c, d, a, b, i + 2, i + 2, 17);
		STEP(f1, b, c, d, a, i + 3, i + 3, 22);
	}
	for (unsigned i = 0; i < 16; i += 4) {
		STEP(f2, a, b, c, d, 5 * i + 1, i + 16, 5);
		STEP(f2, d, a, b, c, 5 * i + 6, i + 17, 9);
		STEP(f2, c, d, a, b, 5 * i + 11, i + 18, 14);
		STEP(f2, b, c, d, a, 5 * i + 16, i + 19, 20);
	}
	for (unsigned i = 0; i < 16; i += 4) {
		STEP(f3, a, b, c, d, 3 * i + 5, i + 32, 4);
		STEP(f3, d, a, b, c, 3 * i + 8, i + 33, 11);
		STEP(f3, c, d, a, b, 3 * i + 11, i + 34, 16);
		STEP(f3, b, c, d, a, 3 * i + 14, i + 35, 23);
	}
	for (unsigned i = 0; i < 16; i += 4) {
		STEP(f4, a, b, c, d, 7 * i, i + 48, 6);
		STEP(f4, d, a, b, c, 7 * i + 7, i + 49, 10);
		STEP(f4, c, d, a, b, 7 * i + 14, i + 50, 15);
		STEP(f4, b, c, d, a, 7 * i + 21, i + 51, 21);
	}
	v[0] += a, v[1] += b, v[2] += c, v[3] += d;
}

static NOINLINE void digest(uint32_t v[4], const uint8_t *p, uint32_t len)
{
	uint8_t tail[128] = { 0 };
	uint32_t rest = len & 63, end = rest < 56 ? 64 : 128;

	v[0] = 0x67452301, v[1] = 0xefcdab89, v[2] = 0x98badcfe, v[3] = 0x10325476;
	for (uint32_t i = 0; i + 64 <= len; i += 64)
		block(v, p + i);
	memcpy(tail, p + (len - rest), rest);
	tail[rest] = 0x80;
	for (unsigned i = 0; i < 4; i++)
		tail[end - 8 + i] = (uint8_t)(len << 3 >> 8 * i);
	for (uint32_t i = 0; i < end; i += 64)
		block(v, tail + i);
}

static uint8_t message[1024];

uint32_t bench(uint32_t n)
{
	uint32_t v[4], h = 0, s = 3;

	digest(v, (const uint8_t *)"abc", 3);
	if (v[0] != 0x98500190 || v[3] != 0x727fe128)
		return 0;
	for (unsigned i = 0; i < sizeof(message); i++)
		message[i] = (uint8_t)next_random(&s);
	for (uint32_t i = 0; i < n; i++) {
		digest(v, message, i * 37 & 1023);
		message[i & 1023] = (uint8_t)v[0];
		h = h * 31 + v[3];
	}
	return h;
}
