/* SPDX-License-Identifier: Apache-2.0 */
/* AES-128 (FIPS 197): CBC over 1 KiB with one table of words, and one block in sixteen undone byte by byte. Tables are built at
 * the start; a result that differs from the standard's example gives 0. */
#include "bench.h"

static uint8_t box[256], unbox[256];
static uint32_t table[256], keys[44];

static uint8_t twice(uint8_t x) { return (uint8_t)(x << 1 ^ (x & 0x80 ? 0x1b : 0)); }

static uint8_t times(uint8_t a, unsigned b)
{
	uint8_t r = 0;

	for (; b; b >>= 1, a = twice(a))
		if (b & 1)
			r ^= a;
	return r;
}

/* p runs through the powers of 3, q through their inverses. */
static void make_tables(void)
{
	uint8_t p = 1, q = 1;

	do {
		p = (uint8_t)(p ^ twice(p));
		q = (uint8_t)(q ^ q << 1);
		q = (uint8_t)(q ^ q << 2);
		q = (uint8_t)(q ^ q << 4);
		if (q & 0x80)
			q ^= 9;
		box[p] = (uint8_t)(q ^ (q << 1 | q >> 7) ^ (q << 2 | q >> 6) ^ (q << 3 | q >> 5) ^ (q << 4 | q >> 4) ^ 0x63);
	} while (p != 1);
	box[0] = 0x63;
	for (unsigned i = 0; i < 256; i++) {
		uint32_t s = box[i], d = twice(box[i]);

		unbox[s] = (uint8_t)i;
		table[i] = d << 24 | s << 16 | s << 8 | (s ^ d);
	}
}

static uint32_t sub_word(uint32_t w)
{
	return (uint32_t)box[w >> 24] << 24 | (uint32_t)box[w >> 16 & 255] << 16 | (uint32_t)box[w >> 8 & 255] << 8 | box[w & 255];
}

static uint32_t word(const uint8_t *p) { return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3]; }

static NOINLINE void set_key(const uint8_t *k)
{
	uint8_t rcon = 1;

	for (int i = 0; i < 4; i++)
		keys[i] = word(k + 4 * i);
	for (int i = 4; i < 44; i++) {
		uint32_t t = keys[i - 1];

		if (!(i & 3)) {
			t = sub_word(rol(t, 8)) ^ (uint32_t)rcon << 24;
			rcon = twice(rcon);
		}
		keys[i] = keys[i - 4] ^ t;
	}
}

static uint32_t column(uint32_t a, uint32_t b, uint32_t c, uint32_t d)
{
	return table[a >> 24] ^ ror(table[b >> 16 & 255], 8) ^ ror(table[c >> 8 & 255], 16) ^ ror(table[d & 255], 24);
}

static uint32_t last(uint32_t a, uint32_t b, uint32_t c, uint32_t d)
{
	return sub_word((a & 0xff000000) | (b & 0xff0000) | (c & 0xff00) | (d & 0xff));
}

static NOINLINE void encrypt(uint32_t s[4])
{
	const uint32_t *k = keys + 4;
	uint32_t a = s[0] ^ keys[0], b = s[1] ^ keys[1], c = s[2] ^ keys[2], d = s[3] ^ keys[3];

	for (int r = 1; r < 10; r++, k += 4) {
		uint32_t w = column(a, b, c, d) ^ k[0], x = column(b, c, d, a) ^ k[1];
		uint32_t y = column(c, d, a, b) ^ k[2], z = column(d, a, b, c) ^ k[3];

		a = w, b = x, c = y, d = z;
	}
	s[0] = last(a, b, c, d) ^ k[0], s[1] = last(b, c, d, a) ^ k[1];
	s[2] = last(c, d, a, b) ^ k[2], s[3] = last(d, a, b, c) ^ k[3];
}

static void add_key(uint8_t s[16], const uint32_t *k)
{
	for (int i = 0; i < 16; i++)
		s[i] ^= (uint8_t)(k[i >> 2] >> (24 - 8 * (i & 3)));
}

static NOINLINE void decrypt(uint32_t words[4])
{
	uint8_t s[16] = { 0 }, t[16];

	add_key(s, words);
	add_key(s, keys + 40);
	for (int r = 9; r >= 0; r--) {
		for (int i = 0; i < 16; i++)
			t[i] = unbox[s[(i - 4 * (i & 3)) & 15]];
		add_key(t, keys + 4 * r);
		for (int i = 0; i < 16; i++) {
			const uint8_t *c = t + (i & 12);

			s[i] = r ? times(c[i & 3], 14) ^ times(c[(i + 1) & 3], 11) ^ times(c[(i + 2) & 3], 13) ^ times(c[(i + 3) & 3], 9) : t[i];
		}
	}
	for (int i = 0; i < 4; i++)
		words[i] = word(s + 4 * i);
}

static uint32_t data[256];

uint32_t bench(uint32_t n)
{
	uint8_t key[16];
	uint32_t block[4] = { 0x00112233, 0x44556677, 0x8899aabb, 0xccddeeff }, h = 0, s = 5;

	make_tables();
	for (unsigned i = 0; i < 16; i++)
		key[i] = (uint8_t)i;
	set_key(key);
	encrypt(block);
	if (block[0] != 0x69c4e0d8 || block[3] != 0x70b4c55a)
		return 0;
	decrypt(block);
	if (block[0] != 0x00112233 || block[3] != 0xccddeeff)
		return 0;
	for (unsigned i = 0; i < 256; i++)
		data[i] = next_random(&s);
	for (uint32_t r = 0; r < n; r++) {
		key[r & 15] = (uint8_t)(h + r);
		set_key(key);
		for (unsigned i = 0; i < 256; i += 4) {
			for (unsigned j = 0; j < 4; j++)
				data[i + j] = block[j] ^= data[i + j];
			encrypt(block);
		}
		for (unsigned i = 0; i < 4; i++)
			decrypt(block);
		h = h * 31 + block[0] + data[r & 255];
	}
	return h;
}
