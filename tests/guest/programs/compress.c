/* SPDX-License-Identifier: Apache-2.0 */
/* LZ77 with hash chains and a canonical Huffman code over the result: packs, unpacks, compares. Failure: byte
 * loads and stores, shifts by register, or tables. */
#include <string.h>

#include "guest.h"

#define N 6000
static uint8_t in[N], lz[2 * N], back[2 * N], out[N];

static uint32_t put_bits, put_count, put_pos;
static uint8_t *put_buf;

static void put(uint32_t bits, unsigned n)
{
	while (n--) {
		put_bits = put_bits << 1 | (bits >> n & 1);
		if (++put_count == 8) {
			put_buf[put_pos++] = (uint8_t)put_bits;
			put_count = put_bits = 0;
		}
	}
}

/* Tokens: 0x00..0x7f literal run of that length + 1, 0x80 | (length - 3) then a 16 bit distance. */
static unsigned lz_pack(const uint8_t *src, unsigned n, uint8_t *dst)
{
	static uint16_t head[1024], prev[N];
	unsigned o = 0, lit = 0, i = 0;

	memset(head, 0xff, sizeof(head));
	while (i <= n) {
		unsigned best = 0, dist = 0;

		if (i + 3 <= n) {
			unsigned h = (src[i] * 33u ^ src[i + 1] * 257u ^ src[i + 2] * 7u) & 1023, chain = 16;

			for (unsigned c = head[h]; c != 0xffff && chain--; c = prev[c]) {
				unsigned l = 0;

				while (l < 130 && i + l < n && src[c + l] == src[i + l])
					l++;
				if (l > best)
					best = l, dist = i - c;
			}
			prev[i] = head[h];
			head[h] = (uint16_t)i;
		}
		if (lit && (best >= 4 || i == n || lit == 128)) {
			dst[o++] = (uint8_t)(lit - 1);
			memcpy(dst + o, src + i - lit, lit);
			o += lit;
			lit = 0;
		}
		if (i == n)
			break;
		if (best >= 4) {
			dst[o++] = (uint8_t)(0x80 | (best - 3));
			dst[o++] = (uint8_t)dist;
			dst[o++] = (uint8_t)(dist >> 8);
			i += best;
		} else {
			lit++;
			i++;
		}
	}
	return o;
}

static unsigned lz_unpack(const uint8_t *src, unsigned n, uint8_t *dst)
{
	unsigned o = 0;

	for (unsigned i = 0; i < n;) {
		unsigned t = src[i++];

		if (t < 0x80) {
			memcpy(dst + o, src + i, t + 1);
			o += t + 1;
			i += t + 1;
		} else {
			unsigned l = (t & 0x7f) + 3, d = src[i] | src[i + 1] << 8;

			i += 2;
			for (; l; l--, o++)
				dst[o] = dst[o - d];
		}
	}
	return o;
}

/* Code lengths by repeated merging of the two rarest nodes. */
static void huffman_lengths(const uint32_t *freq, uint8_t *length)
{
	uint32_t weight[512];
	int parent[512];
	unsigned nodes = 256;

	for (unsigned i = 0; i < 256; i++)
		weight[i] = freq[i];
	memset(parent, 0xff, sizeof(parent));
	for (;;) {
		int a = -1, b = -1;

		for (unsigned i = 0; i < nodes; i++) {
			if (!weight[i] || parent[i] >= 0)
				continue;
			if (a < 0 || weight[i] < weight[a])
				b = a, a = (int)i;
			else if (b < 0 || weight[i] < weight[b])
				b = (int)i;
		}
		if (b < 0)
			break;
		weight[nodes] = weight[a] + weight[b];
		parent[a] = parent[b] = (int)nodes++;
	}
	for (unsigned i = 0; i < 256; i++) {
		length[i] = 0;
		for (int p = (int)i; parent[p] >= 0; p = parent[p])
			length[i]++;
	}
}

static void huffman_codes(const uint8_t *length, uint32_t *code)
{
	uint32_t next = 0;

	for (unsigned l = 1; l < 32; l++, next <<= 1)
		for (unsigned i = 0; i < 256; i++)
			if (length[i] == l)
				code[i] = next++;
}

static unsigned huffman_unpack(const uint8_t *src, const uint8_t *length, const uint32_t *code, uint8_t *dst, unsigned n)
{
	unsigned pos = 0;

	for (unsigned o = 0; o < n; o++) {
		uint32_t v = 0;
		unsigned l = 0;

		for (bool found = false; !found;) {
			v = v << 1 | (src[pos >> 3] >> (7 - (pos & 7)) & 1);
			pos++;
			l++;
			for (unsigned i = 0; i < 256 && !found; i++)
				if (length[i] == l && code[i] == v) {
					dst[o] = (uint8_t)i;
					found = true;
				}
		}
	}
	return pos;
}

int main(void)
{
	static const char *const words[] = { "the ", "block ", "of ", "code ", "jumps ", "over ", "a ", "lazy ", "register", ".\n" };
	static uint8_t packed[2 * N], length[256];
	static uint32_t freq[256], code[256];
	struct guest_rng g = { 99 };
	unsigned n = 0, l, h;

	while (n < N - 16) {
		const char *w = words[guest_random(&g) % 10];

		memcpy(in + n, w, strlen(w));
		n += (unsigned)strlen(w);
	}
	l = lz_pack(in, n, lz);
	for (unsigned i = 0; i < l; i++)
		freq[lz[i]]++;
	huffman_lengths(freq, length);
	huffman_codes(length, code);
	put_buf = packed;
	for (unsigned i = 0; i < l; i++)
		put(code[lz[i]], length[lz[i]]);
	h = put_pos * 8 + put_count;
	while (put_count)
		put(0, 1);
	/* The slow unpacker on a part is enough: the rest goes by comparing what LZ gives back. */
	unsigned part = l < 400 ? l : 400, bits = huffman_unpack(packed, length, code, back, part);
	unsigned u = lz_unpack(lz, l, out);

	printf("text %u lz %u huffman %u bits, first %u bytes %u bits\n", n, l, h, part, bits);
	printf("text %08lx lz %08lx huffman %08lx\n", (unsigned long)guest_fnv(in, n), (unsigned long)guest_fnv(lz, l),
	       (unsigned long)guest_fnv(packed, put_pos));
	printf("lz %s, huffman %s\n", u == n && !memcmp(in, out, n) ? "same" : "DIFFERENT", memcmp(back, lz, part) ? "DIFFERENT" : "same");
	return 0;
}
