/* SPDX-License-Identifier: Apache-2.0 */
/* MD5 (RFC 1321), SHA-256 (FIPS 180-4), CRC-32 and Adler-32; failure: shifts, rotates, carries or byte order. */
#include <math.h>
#include <string.h>

#include "guest.h"

static uint32_t rol(uint32_t x, unsigned n) { return x << n | x >> (32 - n); }
static uint32_t ror(uint32_t x, unsigned n) { return x >> n | x << (32 - n); }

static uint32_t be32(const uint8_t *p) { return (uint32_t)p[0] << 24 | p[1] << 16 | p[2] << 8 | p[3]; }
static uint32_t le32(const uint8_t *p) { return (uint32_t)p[3] << 24 | p[2] << 16 | p[1] << 8 | p[0]; }

/* Both hashes pad alike, but for the order of the length's bytes. */
static void digest(const char *msg, size_t len, bool big, uint32_t *state, void (*block)(uint32_t *, const uint8_t *))
{
	uint8_t buf[128] = { 0 };
	size_t tail = len & 63, total = tail < 56 ? 64 : 128;

	for (size_t i = 0; i + 64 <= len; i += 64)
		block(state, (const uint8_t *)msg + i);
	memcpy(buf, msg + len - tail, tail);
	buf[tail] = 0x80;
	for (unsigned i = 0; i < 8; i++)
		buf[total - 8 + i] = (uint8_t)((uint64_t)len * 8 >> (big ? 56 - 8 * i : 8 * i));
	for (size_t i = 0; i < total; i += 64)
		block(state, buf + i);
}

static uint32_t md5_k[64], sha_k[64], sha_h[8];

/* Both standards define their constants by a formula, so there is no table to mistype. */
static void make_constants(void)
{
	unsigned n = 0;

	for (unsigned i = 0; i < 64; i++)
		md5_k[i] = (uint32_t)(int64_t)floor(fabs(sin(i + 1.0)) * 4294967296.0);
	for (unsigned p = 2; n < 64; p++) {
		bool prime = true;

		for (unsigned d = 2; d * d <= p; d++)
			prime &= p % d != 0;
		if (!prime)
			continue;
		sha_k[n] = (uint32_t)((cbrt(p) - floor(cbrt(p))) * 4294967296.0);
		if (n < 8)
			sha_h[n] = (uint32_t)((sqrt(p) - floor(sqrt(p))) * 4294967296.0);
		n++;
	}
}

static void md5_block(uint32_t *s, const uint8_t *p)
{
	static const uint8_t shift[16] = { 7, 12, 17, 22, 5, 9, 14, 20, 4, 11, 16, 23, 6, 10, 15, 21 };
	uint32_t a = s[0], b = s[1], c = s[2], d = s[3];

	for (unsigned i = 0; i < 64; i++) {
		uint32_t f, t;
		unsigned g;

		switch (i >> 4) {
		case 0: f = (b & c) | (~b & d), g = i; break;
		case 1: f = (d & b) | (~d & c), g = (5 * i + 1) & 15; break;
		case 2: f = b ^ c ^ d, g = (3 * i + 5) & 15; break;
		default: f = c ^ (b | ~d), g = 7 * i & 15; break;
		}
		t = d, d = c, c = b;
		b += rol(a + f + md5_k[i] + le32(p + 4 * g), shift[(i >> 4) * 4 + (i & 3)]);
		a = t;
	}
	s[0] += a, s[1] += b, s[2] += c, s[3] += d;
}

static void sha_block(uint32_t *s, const uint8_t *p)
{
	uint32_t w[64], v[8];

	for (unsigned i = 0; i < 16; i++)
		w[i] = be32(p + 4 * i);
	for (unsigned i = 16; i < 64; i++)
		w[i] = w[i - 16] + w[i - 7] + (ror(w[i - 15], 7) ^ ror(w[i - 15], 18) ^ w[i - 15] >> 3) +
		       (ror(w[i - 2], 17) ^ ror(w[i - 2], 19) ^ w[i - 2] >> 10);
	memcpy(v, s, sizeof(v));
	for (unsigned i = 0; i < 64; i++) {
		uint32_t t1 = v[7] + (ror(v[4], 6) ^ ror(v[4], 11) ^ ror(v[4], 25)) + ((v[4] & v[5]) ^ (~v[4] & v[6])) + sha_k[i] + w[i];
		uint32_t t2 = (ror(v[0], 2) ^ ror(v[0], 13) ^ ror(v[0], 22)) + ((v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]));

		memmove(v + 1, v, 28);
		v[4] += t1;
		v[0] = t1 + t2;
	}
	for (unsigned i = 0; i < 8; i++)
		s[i] += v[i];
}

static uint32_t crc32(const void *p, size_t n)
{
	const uint8_t *b = p;
	uint32_t c = ~0u;

	while (n--) {
		c ^= *b++;
		for (unsigned i = 0; i < 8; i++)
			c = c >> 1 ^ (0xedb88320u & -(c & 1));
	}
	return ~c;
}

static uint32_t adler32(const void *p, size_t n)
{
	const uint8_t *b = p;
	uint32_t x = 1, y = 0;

	while (n--) {
		x = (x + *b++) % 65521;
		y = (y + x) % 65521;
	}
	return y << 16 | x;
}

static void show(const char *msg, size_t len)
{
	uint32_t m[4] = { 0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476 }, s[8];

	memcpy(s, sha_h, sizeof(s));
	digest(msg, len, false, m, md5_block);
	digest(msg, len, true, s, sha_block);
	printf("%u bytes\n  md5    ", (unsigned)len);
	for (unsigned i = 0; i < 16; i++)
		printf("%02x", (unsigned)(m[i / 4] >> (i % 4 * 8) & 255));
	printf("\n  sha256 ");
	for (unsigned i = 0; i < 8; i++)
		printf("%08lx", (unsigned long)s[i]);
	printf("\n  crc32  %08lx\n  adler  %08lx\n", (unsigned long)crc32(msg, len), (unsigned long)adler32(msg, len));
}

int main(void)
{
	static char text[1000];

	make_constants();
	for (unsigned i = 0; i < sizeof(text); i++)
		text[i] = (char)('a' + i % 26);
	show("", 0);
	show("abc", 3);
	show("message digest", 14);
	show(text, 55);
	show(text, 56);
	show(text, 64);
	show(text, 1000);
	return 0;
}
