/* SPDX-License-Identifier: Apache-2.0 */
/* A pointer chase in random order over 512 KiB: load after load, each needing the one before. */
#include "bench.h"

struct node { struct node *next; uint32_t v, pad[6]; };
static struct node nodes[16384];

uint32_t bench(uint32_t n)
{
	static uint16_t order[16384];
	struct node *p = nodes;
	uint32_t s = 3, h = 0;

	for (unsigned i = 0; i < 16384; i++)
		order[i] = (uint16_t)i;
	for (unsigned i = 16383; i > 0; i--) {
		unsigned j = next_random(&s) % i;
		uint16_t t = order[i];
		order[i] = order[j], order[j] = t;
	}
	for (unsigned i = 0; i < 16384; i++) {
		nodes[order[i]].next = &nodes[order[(i + 1) & 16383]];
		nodes[order[i]].v = next_random(&s);
	}
	while (n--) {
		h = h * 3 + p->v;
		p = p->next;
	}
	return h;
}
