/* SPDX-License-Identifier: Apache-2.0 */
/* Lempel and Ziv: 16 KiB of made-up text packed through hash chains of matches, and unpacked; a round trip that fails gives 0. */
#include "bench.h"

enum { LEN = 16384, HASH = 2048, WINDOW = 4096, TRIES = 12, SHORTEST = 3, LONGEST = 66 };

static uint8_t text[LEN], packed[LEN + LEN / 8 + 16], out[LEN];
static int16_t head[HASH], chain[WINDOW];

static uint32_t hash3(const uint8_t *p) { return ((uint32_t)p[0] << 6 ^ (uint32_t)p[1] << 3 ^ p[2]) * 2654435761u >> 21; }

static void make_text(uint32_t seed)
{
	static const char *const words[] = { "the ", "of ", "register ", "to ", "machine ", "a ", "memory ", "is ", "written ", "before ", "after ", "\n", "block ", "0x", "page ", "; " };
	uint32_t s = seed | 1;

	for (uint32_t i = 0; i < LEN;) {
		uint32_t r = next_random(&s);

		if ((r & 7) == 0)
			text[i++] = (uint8_t)('0' + (r >> 8) % 10);
		else
			for (const char *w = words[r >> 20 & 15]; *w && i < LEN; w++)
				text[i++] = (uint8_t)*w;
	}
}

static void enter(int at)
{
	uint32_t h = hash3(text + at);

	chain[at & (WINDOW - 1)] = head[h];
	head[h] = (int16_t)at;
}

/* The longest match before `at`: its length, and where it is. */
static NOINLINE int match(int at, int *where)
{
	int best = 0, limit = LEN - at < LONGEST ? LEN - at : LONGEST;

	if (limit < SHORTEST)
		return 0;
	for (int c = head[hash3(text + at)], tries = TRIES; c >= 0 && c > at - WINDOW && tries--; c = chain[c & (WINDOW - 1)]) {
		int len = 0;

		while (len < limit && text[c + len] == text[at + len])
			len++;
		if (len > best)
			best = len, *where = c;
	}
	return best;
}

/* A flag byte announces eight items: a literal byte, or 12 bits of distance and a length. */
static NOINLINE int pack(void)
{
	int n = 0, flags = 0, bit = 8;

	memset(head, 0xff, sizeof(head));
	for (int at = 0; at < LEN;) {
		int where = 0, len = match(at, &where);

		if (bit == 8)
			flags = n++, packed[flags] = 0, bit = 0;
		if (len >= SHORTEST) {
			int distance = at - where - 1;

			packed[flags] |= (uint8_t)(1 << bit);
			packed[n++] = (uint8_t)distance;
			packed[n++] = (uint8_t)(distance >> 8);
			packed[n++] = (uint8_t)(len - SHORTEST);
		} else {
			len = 1;
			packed[n++] = text[at];
		}
		bit++;
		for (; len--; at++)
			if (at + 2 < LEN)
				enter(at);
	}
	return n;
}

static NOINLINE void unpack(int n)
{
	const uint8_t *p = packed, *end = packed + n;
	uint8_t *to = out;

	while (p < end) {
		unsigned flags = *p++;

		for (int i = 0; i < 8 && p < end; i++, flags >>= 1) {
			if (flags & 1) {
				const uint8_t *from = to - (p[0] | p[1] << 8) - 1;

				for (int len = p[2] + SHORTEST; len--;)
					*to++ = *from++;
				p += 3;
			} else {
				*to++ = *p++;
			}
		}
	}
}

uint32_t bench(uint32_t n)
{
	uint32_t h = 0;

	for (uint32_t r = 0; r < n; r++) {
		int len;

		make_text(r * 77 + 1);
		len = pack();
		unpack(len);
		if (memcmp(text, out, LEN))
			return 0;
		h = h * 31 + (uint32_t)len + packed[len / 2];
	}
	return h;
}
