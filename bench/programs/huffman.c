/* SPDX-License-Identifier: Apache-2.0 */
/* Huffman coding of 4 KiB with a skewed alphabet: count, tree by a heap, bits written, bits read back; a round trip that fails
 * gives 0. */
#include "bench.h"

enum { LEN = 4096, SYMBOLS = 64 };

struct leaf { uint32_t weight; int16_t left, right; };

static uint8_t text[LEN], out[LEN];
static uint8_t packed[LEN * 4];
static struct leaf nodes[2 * SYMBOLS];
static int16_t queue[SYMBOLS + 1];
static int queued;
static uint32_t code[SYMBOLS];
static uint8_t length[SYMBOLS];

static int before(int a, int b) { return nodes[a].weight != nodes[b].weight ? nodes[a].weight < nodes[b].weight : a < b; }

static NOINLINE void put(int node)
{
	int at = queued++;

	for (; at > 0 && before(node, queue[(at - 1) / 2]); at = (at - 1) / 2)
		queue[at] = queue[(at - 1) / 2];
	queue[at] = (int16_t)node;
}

static NOINLINE int take(void)
{
	int first = queue[0], last = queue[--queued], at = 0;

	for (int c; (c = 2 * at + 1) < queued; at = c) {
		if (c + 1 < queued && before(queue[c + 1], queue[c]))
			c++;
		if (before(last, queue[c]))
			break;
		queue[at] = queue[c];
	}
	queue[at] = (int16_t)last;
	return first;
}

static NOINLINE void assign(int node, uint32_t bits, unsigned len)
{
	if (node < SYMBOLS) {
		code[node] = bits;
		length[node] = (uint8_t)len;
		return;
	}
	assign(nodes[node].left, bits << 1, len + 1);
	assign(nodes[node].right, bits << 1 | 1, len + 1);
}

static NOINLINE int build(void)
{
	int next = SYMBOLS;

	for (int i = 0; i < SYMBOLS; i++)
		nodes[i].weight = 1;
	for (int i = 0; i < LEN; i++)
		nodes[text[i]].weight++;
	queued = 0;
	for (int i = 0; i < SYMBOLS; i++)
		put(i);
	while (queued > 1) {
		int a = take(), b = take();

		nodes[next] = (struct leaf){ nodes[a].weight + nodes[b].weight, (int16_t)a, (int16_t)b };
		put(next++);
	}
	assign(next - 1, 0, 0);
	return next - 1;
}

static NOINLINE uint32_t encode(void)
{
	uint32_t acc = 0, have = 0, n = 0;

	for (int i = 0; i < LEN; i++) {
		acc = acc << length[text[i]] | code[text[i]];
		for (have += length[text[i]]; have >= 8; have -= 8)
			packed[n++] = (uint8_t)(acc >> (have - 8));
	}
	packed[n++] = (uint8_t)(acc << (8 - have));
	return n;
}

static NOINLINE void decode(int root)
{
	const uint8_t *p = packed;
	uint32_t mask = 128;

	for (int i = 0; i < LEN; i++) {
		int node = root;

		while (node >= SYMBOLS) {
			node = *p & mask ? nodes[node].right : nodes[node].left;
			mask >>= 1;
			if (!mask)
				mask = 128, p++;
		}
		out[i] = (uint8_t)node;
	}
}

uint32_t bench(uint32_t n)
{
	uint32_t h = 0, s = 21;

	for (uint32_t r = 0; r < n; r++) {
		for (int i = 0; i < LEN; i++) {
			uint32_t v = next_random(&s);
			text[i] = (uint8_t)((v & v >> 8 & v >> 16) % SYMBOLS);
		}
		int root = build();
		uint32_t len = encode();
		decode(root);
		if (memcmp(text, out, LEN))
			return 0;
		h = h * 31 + len + packed[r & 1023];
	}
	return h;
}
